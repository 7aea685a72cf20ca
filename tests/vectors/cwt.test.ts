/** Our credentials against the CWTs of RFC 8392, appendix A: their claims have the numbers that ours have, and none of them is taken for a credential. (That their signatures, tags and ciphertexts are right, cose.test.ts says.) */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { NodeCrypto } from "@ebalance/gateway";
import { describe, expect, test } from "vitest";
import { encodeClaims, type Claims } from "../../sdk/core/security/claims";
import { parseCredential } from "../../sdk/core/security/credential";
import { decodeCbor, type CborValue } from "../../sdk/core/wire/cbor-value";
import { readCose } from "../../sdk/core/wire/cose";
import { fromHex } from "../conformance/case";

const folder = `${process.env["EBALANCE_DATA"] ?? fileURLToPath(new URL("../../../shared/data", import.meta.url))}/cose/CWT`;
const reason = existsSync(folder) ? "" : "shared data are not there";

function read(file: string): Uint8Array {
  const { output } = JSON.parse(readFileSync(`${folder}/${file}`, "utf8")) as { output: { cbor: string } };
  return fromHex(output.cbor.toLowerCase());
}

describe.skipIf(reason)(`SP-1 the CWTs of RFC 8392${reason ? ` (left out: ${reason})` : ""}`, () => {
  test("the claims that ours have too are the same ones", () => {
    const crypto = new NodeCrypto();
    const fields = decodeCbor(readCose(read("A_3.json"), "sign1").payload) as Map<number, CborValue>;
    const [issuer, subject, domain, expiresS, issuedS] = ["coap://as.example.com", "erikw", "coap://light.example.com", 1444064944, 1443944944];
    const key = { use: "ed25519", bytes: crypto.publicKey(crypto.generateKey("ed25519")) } as const;
    const claims: Claims = { type: "stakeholder", subject, domain, key, epoch: 0, issuedS, expiresS };
    const ours = decodeCbor(encodeClaims(issuer, claims, new Uint8Array(1024))) as Map<number, CborValue>;
    const common = [...fields].filter(([claim]) => ours.has(claim));
    expect(common).toEqual([[1, issuer], [2, subject], [3, domain], [4, expiresS], [6, issuedS]]);
    for (const [claim, value] of common) expect(ours.get(claim)).toEqual(value);
  });

  test.each(reason ? [] : readdirSync(folder))("%s is no credential, with its CBOR tag or without", (file) => {
    const bytes = read(file);
    for (const given of [bytes, bytes.subarray(1)]) expect(() => parseCredential(given, new NodeCrypto())).toThrow(expect.objectContaining({ code: "malformed" }));
  });
});
