import { expect, test } from "vitest";
import { mustNotBeLeftOut } from "../../scripts/left-out.mjs";

test.each([
  ['a sensor on XS (left out: no C compiler "gcc")', true],
  ["with native cryptography (left out: no native cryptography: apt-get update failed)", true],
  ["CBOR vectors in data/cbor (not there: set EBALANCE_DATA to the data folder)", false],
  ["Moddable SDK (left out: MODDABLE is not set to a Moddable SDK)", false],
])("where everything is to be run, leaving out «%s» is a failure: %s", (title, failure) => expect(mustNotBeLeftOut(title)).toBe(failure));
