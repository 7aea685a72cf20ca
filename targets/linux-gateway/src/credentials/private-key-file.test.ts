import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { NodeCrypto } from "@ebalance/gateway";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { freshPrivateKeys, parsePrivateKeys, readPrivateKeys } from "./private-key-file";

let folder = "";
let path = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "ebalance-keys-"));
  path = join(folder, "unit.key.json");
});
afterEach(() => rmSync(folder, { recursive: true }));

describe("SP-5 a file of private keys", () => {
  test("of a unit holds a key that signs, one that agrees and one that wraps, and no two files the same", () => {
    const crypto = new NodeCrypto();
    const [one, other] = [freshPrivateKeys("home", true), freshPrivateKeys("home", true)].map((text) => parsePrivateKeys(text, path));
    expect(one!.of).toBe("home");
    const points = [one!, other!].flatMap(({ keys }) => [crypto.publicKey(keys.es256!.importPrivateInto(crypto, "es256")), crypto.publicKey(keys["ecdh-p256"]!.importPrivateInto(crypto, "ecdh-p256"))]);
    expect(new Set(points.map((point) => Buffer.from(point).toString("hex"))).size).toBe(4);
    expect(one!.keys.wrap).toBeDefined();
  });

  test("of a stakeholder or the operator holds the one that signs and no other", () => expect(Object.keys(parsePrivateKeys(freshPrivateKeys("customer", false), path).keys)).toEqual(["es256"]));

  const good = JSON.parse(freshPrivateKeys("home", true)) as Record<string, unknown>;
  test.each<[string, object, RegExp]>([
    ["another type", { type: "ebalance-session-key" }, /type is not "ebalance-private-key"$/],
    ["a version to come", { version: 2 }, /version is not 1$/],
    ["no name", { of: "" }, /of is not a name of 1 to 64 characters$/],
    ["a field that is none", { rsa: "00" }, /rsa is not a field; there are type, version, of, es256, ecdh-p256, wrap$/],
    ["a key that is too short", { es256: "ab".repeat(31) }, /es256 is not 64 hexadecimal digits$/],
    ["a key that is no scalar", { "ecdh-p256": "ff".repeat(32) }, /ecdh-p256 is no private key of the curve P-256$/],
    ["a key of zero", { es256: "00".repeat(32) }, /es256 is no private key/],
    ["no key that signs", { es256: undefined }, /es256 is missing: the key that signs$/],
  ])("with %s is refused by file and field, and no key is shown", (_what, change, message) => {
    const text = JSON.stringify({ ...good, ...change });
    const refused = () => parsePrivateKeys(text, path);
    expect(refused).toThrow(message);
    expect(refused).toThrow(`key file ${path}: `);
    expect(errorOf(refused)).not.toMatch(/[0-9a-f]{16}/i);
  });

  test("that is no JSON does not appear in the error", () => expect(errorOf(() => parsePrivateKeys(`${JSON.stringify(good)}}`, path))).not.toMatch(/[0-9a-f]{16}/i));

  test("that others can read is refused, with the remedy", () => {
    writeFileSync(path, JSON.stringify(good));
    chmodSync(path, 0o644);
    expect(() => readPrivateKeys(path)).toThrow(`key file ${path} has mode 644: others can read it; chmod 600 it`);
    chmodSync(path, 0o600);
    expect(inspect(readPrivateKeys(path), { depth: 9, showHidden: true })).not.toMatch(/[0-9a-f]{16}/i);
  });
});

function errorOf(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    return inspect(error, { depth: 9 });
  }
  throw new Error("it was not refused");
}
