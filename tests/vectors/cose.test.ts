/** Our COSE against the examples of the COSE working group: every valid one of a structure and algorithm we have is accepted, every other refused. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { NodeCrypto } from "@ebalance/gateway";
import type { AeadUse, KeyHandle } from "ebalance";
import { describe, expect, test } from "vitest";
import { EbalanceError } from "../../sdk/core/model/errors";
import { aeadOf, CoseAlgorithm, decryptEncrypt0, readCose, verifyMac0, verifySign1, type CoseKind } from "../../sdk/core/wire/cose";
import { fromHex } from "../conformance/case";

const folder = `${process.env["EBALANCE_DATA"] ?? fileURLToPath(new URL("../../../shared/data", import.meta.url))}/cose`;
const reason = existsSync(folder) ? "" : "shared data are not there";
const crypto = new NodeCrypto();

type Json = Readonly<Record<string, unknown>>;

interface Example {
  readonly title?: string;
  readonly fail?: boolean;
  readonly input: Json;
  readonly output: { readonly cbor: string };
}

const structures: Readonly<Record<string, CoseKind>> = { sign0: "sign1", mac0: "mac0", encrypted: "encrypt0" };
const algorithms: Readonly<Record<string, number>> = {
  ES256: CoseAlgorithm.es256,
  EdDSA: CoseAlgorithm.eddsa,
  "HS256/64": CoseAlgorithm.hmac256Truncated64,
  HS256: CoseAlgorithm.hmac256,
  A128GCM: CoseAlgorithm.a128gcm,
  A256GCM: CoseAlgorithm.a256gcm,
  "AES-CCM-16-128/64": 10,
  "AES-CCM-16-256/64": 11,
  "AES-CCM-64-128/64": 12,
  "AES-CCM-64-256/64": 13,
  "ChaCha-Poly1305": 24,
  "AES-CCM-16-128/128": 30,
  "AES-CCM-16-256/128": 31,
  "AES-CCM-64-128/128": 32,
  "AES-CCM-64-256/128": 33,
};

const bytes = (text: unknown) => new Uint8Array(Buffer.from(text as string, "base64url"));
const hexOr = (given: Json, name: string) => (given[`${name}_hex`] !== undefined ? fromHex(given[`${name}_hex`] as string) : bytes(given[name]));

function algorithmNamed(structure: Json): string {
  const signer = structure["signers"] ? (structure["signers"] as Json[])[0]! : structure;
  for (const place of ["protected", "unprotected"]) {
    const name = ((signer[place] ?? {}) as Json)["alg"];
    if (name !== undefined) return name as string;
  }
  return String(signer["alg"]);
}

function keyOf(structure: Json): Json {
  return (structure["key"] ?? ((structure["recipients"] as Json[] | undefined)?.[0]?.["key"] as Json)) as Json;
}

function importKey(key: Json, algorithm: number): KeyHandle {
  if (algorithm === CoseAlgorithm.es256) return crypto.importPublicKey(Uint8Array.of(4, ...hexOr(key, "x"), ...hexOr(key, "y")), "es256");
  if (algorithm === CoseAlgorithm.eddsa) return crypto.importPublicKey(hexOr(key, "x"), "ed25519");
  const isMac = algorithm === CoseAlgorithm.hmac256 || algorithm === CoseAlgorithm.hmac256Truncated64;
  return crypto.importKey(hexOr(key, "k"), isMac ? "mac" : (aeadOf(algorithm).use as AeadUse));
}

/** Whether the example is accepted, or why we have nothing to say of it. */
function judge({ input, output }: Example): boolean | string {
  const name = Object.keys(input).find((field) => ["sign", "sign0", "mac", "mac0", "enveloped", "encrypted"].includes(field))!;
  const kind = structures[name];
  if (!kind) return `structure ${name}`;
  const structure = input[name] as Json;
  const named = algorithmNamed(structure);
  const algorithm = algorithms[named];
  const key = keyOf(structure);
  if (algorithm === undefined || key["crv"] === "Ed448") return `algorithm ${key["crv"] === "Ed448" ? "Ed448" : named}`;
  try {
    return accepts(fromHex(output.cbor), kind, algorithm, importKey(key, algorithm), fromHex((structure["external"] ?? "") as string), input);
  } catch (error) {
    // RFC 9052 asks for no order in headers; our profile does.
    if (error instanceof EbalanceError && error.message.includes("not above the one before it")) return "map keys out of order";
    if (error instanceof EbalanceError && error.code === "malformed") return false;
    throw error;
  }
}

function accepts(encoded: Uint8Array, kind: CoseKind, algorithm: number, key: KeyHandle, aad: Uint8Array, input: Json): boolean {
  const message = readCose(encoded, kind);
  if (kind === "sign1") return verifySign1(crypto, key, algorithm, message, aad);
  if (kind === "mac0") return verifyMac0(crypto, key, algorithm, message, aad);
  const plain = decryptEncrypt0(crypto, key, algorithm, message, aad);
  const expected = input["plaintext_hex"] !== undefined ? fromHex(input["plaintext_hex"] as string) : new TextEncoder().encode(input["plaintext"] as string);
  if (plain) expect(plain).toEqual(expected);
  return plain !== undefined;
}

describe.skipIf(reason)(`SP-3 examples of the COSE working group${reason ? ` (left out: ${reason})` : ""}`, () => {
  const folders = reason ? [] : readdirSync(folder).sort();
  const files = folders.map((name) => [name, readdirSync(`${folder}/${name}`).sort()] as const);
  const leftOut = new Map<string, string[]>();
  const counts = { accepted: 0, refused: 0 };

  test.each(files)("%s", (name, examples) => {
    for (const file of examples) {
      const example = JSON.parse(readFileSync(`${folder}/${name}/${file}`, "utf8")) as Example;
      const outcome = judge(example);
      if (typeof outcome === "string") leftOut.set(outcome, [...(leftOut.get(outcome) ?? []), `${name}/${file}`]);
      else {
        expect(outcome, `${name}/${file}`).toBe(!example.fail);
        counts[outcome ? "accepted" : "refused"]++;
      }
    }
  });

  test("every file is judged, or left out for its structure or algorithm, or because it is not deterministic", () => {
    const lines = [...leftOut].map(([what, names]) => `${names.length} of ${what}: ${names.join(", ")}`);
    console.log(`${counts.accepted} accepted, ${counts.refused} refused; left out\n${lines.join("\n")}`);
    const named = [...leftOut.values()].flat();
    expect(counts.accepted + counts.refused + named.length).toBe(files.flatMap(([, examples]) => examples).length);
    for (const what of leftOut.keys()) expect(what).toMatch(/^structure (sign|mac|enveloped)$|^map keys out of order$|^algorithm (ES384|ES512|Ed448|HS384|HS512|A192GCM|AES-MAC-.*|AES-CBC-MAC-.*|ES256K|undefined)$/);
    expect(leftOut.get("map keys out of order")).toHaveLength(3);
  });
});
