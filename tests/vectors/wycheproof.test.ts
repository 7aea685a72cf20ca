/** The crypto ports against the vectors of project Wycheproof: every valid case of an algorithm we have is accepted, every invalid one refused. */
import { randomFillSync } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
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

/** Files of algorithms that no profile of ours has. */
const leftOut: Readonly<Record<string, string>> = {
  ecdsa_secp256r1_sha256_test: "signatures in DER: COSE has r and s side by side, as in ecdsa_secp256r1_sha256_p1363_test",
  xchacha20_poly1305_test: "no algorithm of COSE (RFC 9053)",
};

const read = (name: string) => JSON.parse(readFileSync(`${folder}/${name}.json`, "utf8")) as VectorFile & { numberOfTests: number };

describe.skipIf(reason)(`SP-3 vectors of Wycheproof${reason ? ` (left out: ${reason})` : ""}`, () => {
  test("every file is judged, or named as left out", () => {
    expect(readdirSync(folder).sort()).toEqual([...Object.keys(judges), ...Object.keys(leftOut)].map((name) => `${name}.json`).sort());
    for (const [name, why] of Object.entries(leftOut)) console.log(`${name}: left out ${read(name).numberOfTests}: ${why}`);
  });

  describe.each(ports)("on $port", ({ crypto }) => {
    test.each(Object.keys(judges))("%s", (name) => {
      const file = read(name);
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
