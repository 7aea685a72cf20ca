/** The crypto ports against the vectors of project Wycheproof: every valid case of an algorithm we have is accepted, every invalid one refused. The native port is judged where it runs, on XS. */
import { randomFillSync } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { NodeCrypto } from "@ebalance/gateway";
import { NobleFullCrypto } from "ebalance";
import { describe, expect, test } from "vitest";
import type { FullCrypto } from "../../sdk/core/security/crypto-port";
import { noCryptoReason } from "../../targets/xs-host/available";
import { bundle } from "../../targets/xs-host/bundle.mjs";
import { runOnXs } from "../../targets/xs-host/run.mjs";
import { judge, judges, type Verdict, type VectorFile } from "./wycheproof-judge";

const path = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const folder = `${process.env["EBALANCE_DATA"] ?? path("../../../shared/data")}/wycheproof`;
const noData = existsSync(folder) ? "" : "shared data are not there";

/** Files of algorithms that no profile of ours has. */
const leftOut: Readonly<Record<string, string>> = {
  ecdsa_secp256r1_sha256_test: "signatures in DER: COSE has r and s side by side, as in ecdsa_secp256r1_sha256_p1363_test",
  xchacha20_poly1305_test: "no algorithm of COSE (RFC 9053)",
};

const read = (name: string) => JSON.parse(readFileSync(`${folder}/${name}.json`, "utf8")) as VectorFile & { numberOfTests: number };

const here = (crypto: FullCrypto) => (name: string): Promise<Verdict> => Promise.resolve(judge(name, read(name), crypto));

let program: Promise<string> | undefined;

async function onXs(name: string): Promise<Verdict> {
  mkdirSync(path("../../build/tests"), { recursive: true });
  program ??= bundle(path("wycheproof-xs.ts"), { outfile: path("../../build/tests/wycheproof-xs.js") });
  const { code, errors, lines } = await runOnXs({ main: await program, budget: "none", args: [name, `${folder}/${name}.json`], timeoutMs: 240_000 });
  expect([code, errors]).toEqual([0, ""]);
  return JSON.parse(lines[0]!) as Verdict;
}

const ports = [
  { port: "node", reason: noData, verdictOf: here(new NodeCrypto()), has: (_name: string) => true },
  { port: "noble", reason: noData, verdictOf: here(new NobleFullCrypto((out) => randomFillSync(out))), has: (_name: string) => true },
  { port: "the native port on XS", reason: noData || noCryptoReason, verdictOf: onXs, has: (name: string) => name !== "ed25519_test" },
];

describe.skipIf(noData)(`SP-3 vectors of Wycheproof${noData ? ` (left out: ${noData})` : ""}`, () => {
  test("every file is judged, or named as left out", () => {
    expect(readdirSync(folder).sort()).toEqual([...Object.keys(judges), ...Object.keys(leftOut)].map((name) => `${name}.json`).sort());
    for (const [name, why] of Object.entries(leftOut)) console.log(`${name}: left out ${read(name).numberOfTests}: ${why}`);
  });
});

describe.each(ports)("SP-3 vectors of Wycheproof", ({ port, reason, verdictOf, has }) => {
  describe.skipIf(reason)(`on ${port}${reason ? ` (left out: ${reason})` : ""}`, () => {
    test.each(Object.keys(judges))("%s", { timeout: 300_000 }, async (name) => {
      const { numberOfTests } = read(name);
      const verdict = await verdictOf(name);
      expect(verdict.wrong).toEqual([]);
      const reasons = Object.entries(verdict.leftOut);
      const leftOut = reasons.reduce((sum, [, count]) => sum + count, 0);
      expect(verdict.accepted + verdict.refused + leftOut).toBe(numberOfTests);
      if (has(name)) expect(verdict.accepted).toBeGreaterThan(0);
      else expect(verdict.leftOut).toEqual({ [`${name.replace("_test", "")} on this platform`]: numberOfTests });
      if (leftOut) console.log(`${name}: ${verdict.accepted} accepted, ${verdict.refused} refused, left out ${reasons.map(([why, count]) => `${count} with ${why}`).join(", ")}`);
    });
  });
});
