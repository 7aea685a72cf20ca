/** The crypto ports against the vectors of project Wycheproof: every valid case of an algorithm we have is accepted, every invalid one refused. */
import { randomFillSync } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { NodeCrypto } from "@ebalance/gateway";
import { NobleFullCrypto } from "ebalance";
import { describe, expect, test } from "vitest";
import { judge, judges, type VectorFile } from "./wycheproof-judge";

const folder = `${process.env["EBALANCE_DATA"] ?? fileURLToPath(new URL("../../../shared/data", import.meta.url))}/wycheproof`;
const reason = existsSync(folder) ? "" : "shared data are not there";
const ports = [
  { port: "node", crypto: new NodeCrypto() },
  { port: "noble", crypto: new NobleFullCrypto((out) => randomFillSync(out)) },
];

describe.skipIf(reason)(`SP-3 vectors of Wycheproof${reason ? ` (left out: ${reason})` : ""}`, () => {
  describe.each(ports)("on $port", ({ crypto }) => {
    test.each(Object.keys(judges))("%s", (name) => {
      const file = JSON.parse(readFileSync(`${folder}/${name}.json`, "utf8")) as VectorFile & { numberOfTests: number };
      const verdict = judge(name, file, crypto);
      expect(verdict.wrong).toEqual([]);
      const reasons = Object.entries(verdict.leftOut);
      const leftOut = reasons.reduce((sum, [, count]) => sum + count, 0);
      expect(verdict.accepted + verdict.refused + leftOut).toBe(file.numberOfTests);
      expect(verdict.accepted).toBeGreaterThan(0);
      if (leftOut) console.log(`${name}: ${verdict.accepted} accepted, ${verdict.refused} refused, left out ${reasons.map(([why, count]) => `${count} with ${why}`).join(", ")}`);
    });
  });
});
