import { describe, expect, test } from "vitest";
import { nodeCrypto } from "../scenarios/certified-grid";
import { allCases, runCase } from "./all-cases";

const fuzzCount = 100_000;

describe("conformance on Node", () => {
  for (const one of allCases)
    test(
      one.name,
      () => {
        const crypto = nodeCrypto();
        expect(runCase(one, { crypto, fuzzCount, fuzzSeed: 20261122 })).toBeDefined();
        // On a chip one case comes after another, with room for a few keys.
        expect([...crypto.held]).toEqual([]);
      },
      120_000,
    );
});
