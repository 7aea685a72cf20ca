import { describe, expect, test } from "vitest";
import { NodeCrypto } from "../../targets/linux-gateway/src/node-crypto";
import { allCases, runCase } from "./all-cases";

const fuzzCount = 100_000;

describe("conformance on Node", () => {
  for (const one of allCases)
    test(one.name, () => expect(runCase(one, { crypto: new NodeCrypto(), fuzzCount, fuzzSeed: 20261122 })).toBeDefined(), 120_000);
});
