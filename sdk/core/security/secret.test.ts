import { randomBytes, randomFillSync } from "node:crypto";
import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import { NodeCrypto } from "../../../targets/linux-gateway/src/node-crypto";
import { NobleFullCrypto } from "./noble-full-crypto";
import { Secret } from "./secret";

const data = new Uint8Array(5);

function tagOf(crypto: NobleFullCrypto | NodeCrypto, secret: Secret): string {
  const tag = new Uint8Array(32);
  crypto.mac(secret.importInto(crypto, "mac"), data, data.length, tag);
  return Buffer.from(tag).toString("hex");
}

describe.each([
  ["noble", new NobleFullCrypto((out) => randomFillSync(out))],
  ["node", new NodeCrypto()],
])("SP-5 a secret, with %s,", (_name, crypto) => {
  test("is the key that was put into it, and the array it came in holds nothing of it afterwards", () => {
    const bytes = new Uint8Array(randomBytes(32));
    const [one, other] = [new Secret(bytes.slice()), new Secret(bytes.slice())];
    const given = bytes.slice();
    const third = new Secret(given);
    expect(given).toEqual(new Uint8Array(32));
    expect([tagOf(crypto, other), tagOf(crypto, third)]).toEqual([tagOf(crypto, one), tagOf(crypto, one)]);
    expect(tagOf(crypto, new Secret(new Uint8Array(32)))).not.toBe(tagOf(crypto, one));
  });

  test("is a private key as well", () => {
    const secret = new Secret(new Uint8Array(32).fill(9));
    expect(crypto.publicKey(secret.importPrivateInto(crypto, "es256"))).toHaveLength(65);
  });

  test("that is wiped cannot be used any more; what was imported can", () => {
    const secret = new Secret(new Uint8Array(randomBytes(32)));
    const key = secret.importInto(crypto, "mac");
    secret.wipe();
    secret.wipe();
    expect(() => secret.importInto(crypto, "mac")).toThrow(/key of 0 bytes/);
    expect(() => secret.importPrivateInto(crypto, "es256")).toThrow(/private key of 0 bytes/);
    crypto.mac(key, data, data.length, new Uint8Array(32));
  });
});

test("SP-5 a secret shows nothing of itself, however it is printed", () => {
  const secret = new Secret(new Uint8Array(32).fill(0xab));
  const shown = [`${secret}`, String(secret), "" + secret, JSON.stringify(secret), JSON.stringify({ key: secret }), inspect(secret), inspect({ deep: { key: secret } }, { showHidden: true, depth: 9 }), Object.entries(secret).join()];
  expect(shown).toEqual(["[secret]", "[secret]", "[secret]", '"[secret]"', '{"key":"[secret]"}', "[secret]", "{ deep: { key: [secret] } }", ""]);
});
