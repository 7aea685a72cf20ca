/** Credentials and statements that must be refused. Each differs from a good one in one thing, and where it can it is signed: nothing else refuses it. */
import { fromHex, toHex } from "../conformance/case";
import { decode, encode, externalAadOf, headerOf, otherSignature, sign1 } from "./second-opinion";
import type { CredentialVector, KeyText, SignedRefusal, StatementVector } from "./signed-file";

type Keys = Readonly<Record<string, KeyText>>;
type Fields = Map<number, unknown>;
const none = new Uint8Array(0);

/** Replaces what must occur exactly once. */
function once(hex: string, from: string, to: string): string {
  if (hex.split(from).length !== 2) throw new Error(`${from} is not once in ${hex}`);
  return hex.replace(from, to);
}

function flipped(message: string): string {
  return message.slice(0, -1) + (parseInt(message.slice(-1), 16) ^ 1).toString(16);
}

/** What is wrong with the envelope of either. */
function envelopes(good: { readonly message: string; readonly protected: string; readonly payload: string; readonly signature: string }): SignedRefusal[] {
  const [header, payload, signature] = [good.protected, good.payload, good.signature].map(fromHex);
  const [algorithm, kid] = [...(decode(header!) as Fields).values()] as [number, Uint8Array];
  const refused = (name: string, about: string, message: string): SignedRefusal => ({ name, about, by: "form", message });
  const parts = (...values: unknown[]) => toHex(encode(values));
  return [
    refused("trailing byte", "a byte after the message", `${good.message}00`),
    refused("cut off", "the last byte is missing", good.message.slice(0, -2)),
    refused("tagged", "CBOR tag 18 before the message", `d2${good.message}`),
    refused("unprotected header", "the key id in the unprotected headers", parts(encode(new Map([[1, algorithm]])), new Map([[4, kid]]), payload, signature)),
    refused("no algorithm", "no algorithm in the header", parts(encode(new Map([[4, kid]])), new Map(), payload, signature)),
    refused("other algorithm", "the algorithm is one of MACs", parts(encode(new Map<number, unknown>([[1, 5], [4, kid]])), new Map(), payload, signature)),
    refused("header out of order", "the key id before the algorithm", parts(encode(new Map<number, unknown>([[4, kid], [1, algorithm]])), new Map(), payload, signature)),
    refused("short key id", "a key id of 7 bytes", parts(headerOf("es256", kid.subarray(1)), new Map(), payload, signature)),
    refused("short signature", "a signature of 63 bytes", parts(header, new Map(), payload, signature!.subarray(1))),
    refused("detached", "no payload", parts(header, new Map(), null, signature)),
  ];
}

export function credentialRefusals(keys: Keys, credentials: readonly CredentialVector[]): SignedRefusal[] {
  const named = (name: string) => credentials.find((c) => c.name === name)!;
  const root = named("root");
  const good = named("meter");
  const own = -65537;
  const signedBy = (key: string, kid: string | undefined, payload: Uint8Array) => {
    const { use, private: privateKey } = keys[key]!;
    return toHex(sign1({ use: use as "es256" | "ed25519", privateKey, kid: kid === undefined ? undefined : fromHex(kid), externalAad: none, payload }));
  };
  const claims = (change: (fields: Fields, own: Fields) => void) => {
    const fields = decode(fromHex(good.payload)) as Fields;
    change(fields, fields.get(own) as Fields);
    return signedBy("operator", root.id, encode(fields));
  };
  const form = (name: string, about: string, message: string): SignedRefusal => ({ name, about, by: "form", message });
  const signature = (name: string, about: string, message: string): SignedRefusal => ({ name, about, by: "signature", message });
  return [
    ...envelopes(good),
    form("the other signature", "(r, n - s) in place of (r, s), with the greater s", toHex(encode([fromHex(good.protected), new Map(), fromHex(good.payload), otherSignature(fromHex(good.signature))]))),
    form("claims: trailing byte", "a byte after the claims, within the payload", signedBy("operator", root.id, Uint8Array.of(...fromHex(good.payload), 0))),
    form("claims: long integer", "the epoch in two bytes", signedBy("operator", root.id, fromHex(once(good.payload, "3a00010000a701020202", "3a00010000a70102021802")))),
    form("claims: no type", "the claim of our own without a type", claims((_, fields) => fields.delete(1))),
    form("claims: unknown type", "type 6", claims((_, fields) => fields.set(1, 6))),
    form("claims: another", "a claim that is not known: not before", claims((fields) => (fields.delete(6), fields.set(6, good.claims.issuedS), fields.set(5, 1)))),
    form("claims: expired when issued", "the expiry is the time of issue", claims((fields) => fields.set(4, good.claims.issuedS))),
    form("claims: long name", "a subject of 65 bytes", claims((fields) => fields.set(2, "m".repeat(65)))),
    form("claims: parent twice", "the same parent twice", claims((_, fields) => fields.set(5, ["home", "home"]))),
    form("claims: below unsorted", "units below out of order", claims((_, fields) => fields.set(6, ["b", "a"]))),
    form("claims: compressed agreement key", "an agreement key of 33 bytes", claims((_, fields) => fields.set(7, new Uint8Array(33).fill(2)))),
    form("root with an issuer", "a root that names a credential above it", signedBy("operator", root.id, fromHex(root.payload))),
    form("unit without an issuer", "a unit that names no credential above it", signedBy("operator", undefined, fromHex(good.payload))),
    signature("last bit changed", "one bit of the signature", flipped(good.message)),
    signature("signed by another", "signed with the customer's key", signedBy("customer", root.id, fromHex(good.payload))),
    signature("changed", "the subject is another unit, under the signature of the good one", toHex(encode([fromHex(good.protected), new Map(), fromHex(once(good.payload, "02656d65746572", "02656f74686572")), fromHex(good.signature)]))),
  ];
}

export function statementRefusals(keys: Keys, credentials: readonly CredentialVector[], statements: readonly StatementVector[]): SignedRefusal[] {
  const good = statements.find((s) => s.name === "data1")!;
  const batch = statements.find((s) => s.name === "dataOnTheLine")!;
  const rows = statements.find((s) => s.name === "dataOfTwoSeries")!;
  const signer = credentials.find((c) => c.name === good.signer)!;
  const domain = signer.claims.domain;
  const signed = (payload: string, aad = externalAadOf(domain, "", fromHex(signer.hash)), key = "home") =>
    toHex(sign1({ use: "es256", privateKey: keys[key]!.private, kid: fromHex(signer.id), externalAad: aad, payload: fromHex(payload) }));
  const refused = (by: SignedRefusal["by"]) => (name: string, about: string, message: string): SignedRefusal => ({ name, about, by, signer: good.signer, message });
  const [form, signature] = [refused("form"), refused("signature")];
  const body = (name: string, about: string, change: (fields: Fields) => void, of = good) => {
    const fields = decode(fromHex(of.payload)) as Fields;
    change(fields);
    return form(name, about, signed(toHex(encode(new Map([...fields].sort(([a], [b]) => a - b)))), externalAadOf(domain, of.body.scope ?? "", fromHex(signer.hash))));
  };
  const namesOf = (fields: Fields) => fields.get(20) as string[];
  const columns = (fields: Fields) => fields.get(25) as unknown[];
  return [
    ...envelopes(good).map((refusal) => ({ ...refusal, signer: good.signer })),
    form("body: trailing byte", "a byte after the body, within the payload", signed(`${good.payload}00`)),
    form("body: long integer", "sequence 1234 in four bytes", signed(once(good.payload, "031904d2", "031a000004d2"))),
    body("body: unknown kind", "kind 26", (fields) => fields.set(1, 26)),
    body("body: no sequence", "data without a sequence", (fields) => fields.delete(3)),
    body("body: sequence 0", "sequences begin at 1", (fields) => fields.set(3, 0)),
    body("body: key of another kind", "data with the id of a request", (fields) => fields.set(9, 1)),
    body("body: no policy", "an item whose policy is null", (fields) => ((fields.get(5) as unknown[][])[0]![5] = null), rows),
    body("names: unsorted", "the first two names changed about", (fields) => fields.set(20, [namesOf(fields)[1], namesOf(fields)[0], ...namesOf(fields).slice(2)])),
    body("names: not used", "a name more than the items need", (fields) => fields.set(20, [...namesOf(fields), "zzz"])),
    body("names: implied", "a name that the credential implies", (fields) => fields.set(20, namesOf(fields).map((name) => (name === "meter" ? "customer" : name)))),
    body("names: missing", "an index beyond the list", (fields) => fields.set(20, namesOf(fields).slice(0, -1))),
    body("columns: one value", "columns of one reading", (fields) => fields.set(25, [columns(fields)[0], [(columns(fields)[1] as unknown[])[0]], (columns(fields)[2] as unknown[]).slice(0, 2)]), batch),
    body("columns: no deviation", "deviations that are all zero", (fields) => (columns(fields)[2] as unknown[]).push([0, 0]), batch),
    body("columns: another step", "a step that is not the mean, made good by deviations", (fields) => fields.set(25, [...columns(fields).slice(0, 2), [(columns(fields)[2] as number[])[0], 899_999, [1, 2]]]), batch),
    body("columns and rows", "both items and columns", (fields) => fields.set(5, [[1, 1, 0, 3, 0, new Uint8Array(8)]]), batch),
    signature("last bit changed", "one bit of the signature", flipped(good.message)),
    signature("signed by another", "signed with the customer's key", signed(good.payload, undefined, "customer")),
    signature("other domain", "bound to another domain", signed(good.payload, externalAadOf("other.example", "", fromHex(signer.hash)))),
    signature("other scope", "bound to another scope than the body says", signed(good.payload, externalAadOf(domain, "home", fromHex(signer.hash)))),
    signature("other credential", "bound to another credential of the same key", signed(good.payload, externalAadOf(domain, "", fromHex(credentials.find((c) => c.name === "billing at home")!.hash)))),
    signature("changed", "the value is another, under the signature of the good one", toHex(encode([fromHex(good.protected), new Map(), fromHex(once(good.payload, "1a00157cbb", "1a00157cbc")), fromHex(good.signature)]))),
  ];
}
