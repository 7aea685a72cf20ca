import { describe, expect, test } from "vitest";
import { parseCredentialsFile } from "./credentials-file";

const key = (digit: string) => digit.repeat(64);
const right = { type: "ebalance-credentials", version: 1, root: "a1", credential: "b2b3", others: ["c4", "D5"], es256: key("1"), "ecdh-p256": key("2"), wrap: key("3") };
const parse = (file: unknown) => parseCredentialsFile(JSON.stringify(file), "meter.json");

test("SP-5 a credentials file gives what a device is provisioned with; its keys are secrets", () => {
  const policy = { sequence: 1, entries: [] };
  const file = parse({ ...right, parent: "home", revocations: "e6", protection: "encrypt", policy });
  expect(file).toMatchObject({ parent: "home", root: Uint8Array.of(0xa1), credential: Uint8Array.of(0xb2, 0xb3), others: [Uint8Array.of(0xc4), Uint8Array.of(0xd5)], revocations: Uint8Array.of(0xe6), protection: "encrypt", policy });
  expect(JSON.stringify(file.keys)).toBe('{"es256":"[secret]","ecdh-p256":"[secret]","wrap":"[secret]"}');
  expect(Object.keys(parse(right)).sort()).toEqual(["credential", "keys", "others", "root"]);
});

describe("SP-5 a credentials file is refused that", () => {
  test.each<[string, unknown, RegExp]>([
    ["is no object", [], /: type is not "ebalance-credentials"/],
    ["is null", null, /: type is not/],
    ["is another file", { ...right, type: "ebalance-session-key" }, /: type is not/],
    ["is of another version", { ...right, version: 2 }, /: version is not 1/],
    ["has a field that is none", { ...right, kid: 1 }, /: kid is not a field/],
    ["has no root", { ...right, root: undefined }, /: root is not made of pairs/],
    ["has half a byte", { ...right, credential: "b2b" }, /: credential is not made of pairs/],
    ["has no bytes", { ...right, credential: "" }, /: credential is not made of pairs/],
    ["has others that are no list", { ...right, others: {} }, /: others is not a list/],
    ["has too many others", { ...right, others: Array(17).fill("c4") }, /: others is not a list of at most 16/],
    ["has another that is none", { ...right, others: [1] }, /: others is not made of pairs/],
    ["has a revocation list that is none", { ...right, revocations: "zz" }, /: revocations is not made of pairs/],
    ["has a key that is too short", { ...right, es256: key("1").slice(2) }, /: es256 is not 64 hexadecimal digits/],
    ["has a key with another sign", { ...right, wrap: `${key("3").slice(1)}g` }, /: wrap is not 64 hexadecimal digits/],
    ["has no key to agree with", { ...right, "ecdh-p256": undefined }, /: ecdh-p256 is not 64/],
    ["has a parent that is no name", { ...right, parent: "" }, /: parent is not a text/],
    ["has another protection", { ...right, protection: "none" }, /: protection is neither/],
    ["has a policy that is none", { ...right, policy: { sequence: 0, entries: [] } }, /: policy policy\.sequence 0/],
  ])("%s, and no key is shown", (_what, file, message) => {
    const error = (() => {
      try {
        return parse(file);
      } catch (caught) {
        return caught as { code: string; message: string };
      }
    })() as { code: string; message: string };
    expect(error).toMatchObject({ code: "bad-configuration", message: expect.stringMatching(message) as string });
    expect(error.message).toMatch(/^credentials file meter\.json/);
    for (const digit of ["1", "2", "3"]) expect(error.message).not.toContain(digit.repeat(8));
  });

  test("is no JSON: what it says is not repeated", () => {
    expect(() => parseCredentialsFile(`${key("7")}`, "meter.json")).toThrow(/type is not/);
    expect(() => parseCredentialsFile(`{"es256": ${key("7")}a`, "meter.json")).toThrow(/^credentials file meter\.json: the file is not JSON$/);
  });
});
