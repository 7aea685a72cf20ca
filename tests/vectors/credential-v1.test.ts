/** Today's code against the published credentials: one that it does not take, or writes otherwise, is a new wire version. */
import { createHash, createPrivateKey, createPublicKey } from "node:crypto";
import { describe, expect, test } from "vitest";
import { encodeClaims, maxEpoch } from "../../sdk/core/security/claims";
import { makeCredential, maxCredentialBytes, parseCredential } from "../../sdk/core/security/credential";
import { wireVersion } from "../../sdk/core/wire/session-message";
import { NodeCrypto } from "../../targets/linux-gateway/src/node-crypto";
import { fromHex, toHex } from "../conformance/case";
import { readCddl } from "./cddl/grammar";
import { cddlSource } from "./cddl/hold";
import { fits } from "./cddl/judge";
import file from "./credential-v1.json";
import { decode, encode, headerOf, sigStructure, verifies } from "./second-opinion";
import type { ClaimsText, CredentialFile, CredentialVector } from "./signed-file";
import { claimsFromText } from "./signed-text";
import { Street } from "./statement-replay";

const { keys, credentials, refusals, ...about } = file as unknown as CredentialFile;
const crypto = new NodeCrypto();
const grammar = readCddl(cddlSource("credential.cddl"));
const named = (name: string) => credentials.find((c) => c.name === name)!;
const issuerOf = (vector: CredentialVector) => named(vector.issuer);
const useOf = (vector: CredentialVector) => keys[vector.claims.key]!.use as "es256" | "ed25519";
const cases = credentials.map((c) => [c.name, c] as const);

describe("SP-1 credentials of wire version 1", () => {
  test("the file is of this wire version and has every type", () => {
    expect(about.wireVersion).toBe(wireVersion);
    expect(new Set(credentials.map((c) => c.claims.type))).toEqual(new Set(["root", "unit", "stakeholder", "service", "delegation"]));
    expect(new Set(refusals.map((r) => r.name)).size).toBe(26);
  });

  test("today's store trusts all of them", () => {
    const { store } = new Street();
    for (const { name, id } of credentials) expect(store.refusal(store.find(fromHex(id))!), name).toBeUndefined();
    store.close();
  });

  test.each(cases)("%s is read, and written to the same bytes", (_name, vector) => {
    const bytes = fromHex(vector.message);
    const claims = claimsFromText(vector.claims, keys);
    const credential = parseCredential(bytes, crypto);
    expect(credential).toMatchObject({ ...claims, id: fromHex(vector.id), hash: fromHex(vector.hash), issuer: issuerOf(vector).claims.subject });
    expect(toHex(encodeClaims(credential.issuer, claims, new Uint8Array(maxCredentialBytes)))).toBe(vector.payload);
    expect(bytes.length).toBe(vector.bytes);
    expect(fits(grammar, vector.claims.type, bytes)).toBe(true);
  });

  test("those that are signed with Ed25519 are made again, byte for byte", () => {
    const bySupplier = credentials.filter((c) => c.issuer === "supplier");
    expect(bySupplier).toHaveLength(2);
    const key = crypto.importPrivateKey(fromHex(keys["supplier"]!.private), "ed25519");
    for (const { claims, message } of bySupplier) {
      expect(toHex(makeCredential(crypto, key, { use: "ed25519", id: fromHex(named("supplier").id), name: "supplier" }, claimsFromText(claims, keys)))).toBe(message);
    }
  });
});

/** The claims as any decoder of CBOR shows them. */
function fieldsOf(issuer: string, { type, subject, domain, key, epoch, issuedS, expiresS, ...own }: ClaimsText): Map<number, unknown> {
  const { use, public: bytes } = keys[key]!;
  const point = fromHex(bytes);
  const coseKey = use === "ed25519" ? [[1, 1], [-1, 6], [-2, point]] : [[1, 2], [-1, 1], [-2, point.slice(1, 33)], [-3, point.slice(33)]];
  const typed: Record<string, unknown[]> = {
    unit: [own.role === "device" ? 1 : 2, own.owner, own.parents, own.below, own.agreementKey && fromHex(keys[own.agreementKey]!.public)],
    delegation: [own.service, own.rights, own.devices, own.variables],
  };
  const fields = (typed[type] ?? []).flatMap((value, i) => (value === undefined ? [] : [[i + 3, value] as const]));
  const number = ["root", "unit", "stakeholder", "service", "delegation"].indexOf(type) + 1;
  return new Map<number, unknown>([
    [1, issuer],
    [2, subject],
    [3, domain],
    ...(expiresS === undefined ? [] : [[4, expiresS] as const]),
    [6, issuedS],
    [8, new Map([[1, new Map(coseKey as [number, unknown][])]])],
    [-65537, new Map<number, unknown>([[1, number], [2, epoch], ...fields])],
  ]);
}

describe("a second opinion, by node:crypto and cbor-x", () => {
  test.each(cases)("%s", (_name, vector) => {
    const issuer = issuerOf(vector);
    const [payload, signed, signature] = [vector.payload, vector.signed, vector.signature].map(fromHex);
    const header = headerOf(useOf(issuer), vector.claims.type === "root" ? undefined : fromHex(issuer.id));
    expect(toHex(header)).toBe(vector.protected);
    expect(toHex(sigStructure(header, new Uint8Array(0), payload!))).toBe(vector.signed);
    expect(verifies(useOf(issuer), keys[issuer.claims.key]!.public, signed!, signature!)).toBe(true);
    expect(decode(payload!)).toEqual(fieldsOf(issuer.claims.subject, vector.claims));
    expect(toHex(encode([header, new Map(), payload, signature]))).toBe(vector.message);
    const hash = createHash("sha256").update(fromHex(vector.message)).digest("hex");
    expect([vector.hash, vector.id]).toEqual([hash, hash.slice(0, 16)]);
  });

  test.each(Object.entries(keys))("the public key of %s belongs to the private one", (_name, { use, private: bytes, public: expected }) => {
    const der = (use === "ed25519" ? "302e020100300506032b657004220420" : "3041020100301306072a8648ce3d020106082a8648ce3d030107042730250201010420") + bytes;
    const spki = createPublicKey(createPrivateKey({ key: Buffer.from(der, "hex"), format: "der", type: "pkcs8" })).export({ format: "der", type: "spki" });
    expect(spki.toString("hex").endsWith(expected)).toBe(true);
  });
});

describe("SP-1 credentials that are refused", () => {
  test.each(refusals.map((r) => [r.name, r] as const))("%s", (_name, { by, message }) => {
    const { store } = new Street(["customer"]);
    const code = by === "form" ? "malformed" : "not-trusted";
    expect(() => store.add(fromHex(message))).toThrow(expect.objectContaining({ code }));
    if (by === "form") expect(() => parseCredential(fromHex(message), crypto)).toThrow(expect.objectContaining({ code }));
    store.close();
  });

  test("the epoch of every one can be revoked", () => expect(Math.max(...credentials.map((c) => c.claims.epoch))).toBeLessThan(maxEpoch));
});
