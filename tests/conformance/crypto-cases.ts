/** The whole crypto port: every engine's own gives the same bytes where there is nothing random in them, takes what it made itself, and refuses the same. */
import type { AeadUse, FullCrypto, KeyHandle, KeyUse, PrivateKeyUse, SignatureUse, WrappableUse } from "../../sdk/core/security/crypto-port";
import { Dice, expectEqual, expectError, fromHex, toHex, type Case } from "./case";

/** Every use that encrypts, with each length of its keys. */
export const aeads: readonly (readonly [AeadUse, keyBytes: number, nonceBytes: number, tagBytes: number])[] = [
  ["aes-ccm-64", 16, 13, 8],
  ["aes-ccm-64", 32, 7, 8],
  ["aes-ccm-128", 16, 13, 16],
  ["aes-ccm-128", 32, 12, 16],
  ["aes-gcm", 16, 12, 16],
  ["aes-gcm", 32, 12, 16],
  ["chacha20-poly1305", 32, 12, 16],
];
const privateUses = ["es256", "ecdh-p256", "x25519"] as const;
const wrapped: readonly (readonly [Exclude<WrappableUse, PrivateKeyUse>, keyBytes: number])[] = [
  ["derive", 16],
  ["derive", 64],
  ["aes-ccm-64", 16],
  ["aes-ccm-128", 32],
  ["aes-gcm", 16],
  ["chacha20-poly1305", 32],
];
const order = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";

const some = (size: number, fill: number) => new Uint8Array(size).fill(fill);
const nothing = () => some(0, 0);
const refused = (action: () => unknown) => expectError(action, "bad-argument");

/** With keys that are given up at its end: a device has few. */
function withKeys(run: (crypto: FullCrypto, kept: (key: KeyHandle) => KeyHandle) => unknown): Case["run"] {
  return ({ crypto }) => {
    const keys: KeyHandle[] = [];
    try {
      return run(crypto, (key) => {
        keys.push(key);
        return key;
      });
    } finally {
      for (const key of keys) crypto.destroyKey(key);
    }
  };
}

/** A tag that a secret makes: equal secrets make equal tags. */
function tagUnder(crypto: FullCrypto, secret: KeyHandle): string {
  const key = crypto.deriveKey(secret, nothing(), nothing(), "mac");
  const tag = new Uint8Array(32);
  crypto.mac(key, tag, 1, tag);
  crypto.destroyKey(key);
  return toHex(tag);
}

/** What a key does: equal keys do the same. */
function deed(crypto: FullCrypto, key: KeyHandle, use: WrappableUse): string {
  if (use === "derive") return tagUnder(crypto, key);
  if (privateUses.some((other) => other === use)) return toHex(crypto.publicKey(key));
  const sealed = new Uint8Array(use === "aes-ccm-64" ? 12 : 20);
  crypto.encrypt(key, some(12, 1), nothing(), some(4, 1), 4, sealed);
  return toHex(sealed);
}

export const cryptoCases: readonly Case[] = [
  {
    name: "SP-3 every algorithm encrypts to the same bytes on every engine, of texts in views that start anywhere, and decrypts nothing that was changed",
    run: withKeys((crypto, kept) => {
      const dice = new Dice(31);
      const digest = new Uint8Array(32);
      for (const [use, keyBytes, nonceBytes, tagBytes] of aeads) {
        const key = kept(crypto.importKey(dice.bytes(keyBytes), use));
        for (let i = 0; i < 20; i++) {
          const [plain, nonce, additional] = [dice.bytes(dice.below(100)), dice.bytes(nonceBytes), dice.bytes(dice.below(60))];
          const length = i === 0 ? 0 : dice.below(plain.length + 1);
          // The result lies over what it is made of.
          const place = new Uint8Array(200);
          const from = place.subarray(dice.below(40)).subarray(0, plain.length);
          from.set(plain);
          const sealed = place.subarray(dice.below(40)).subarray(0, length + tagBytes);
          crypto.encrypt(key, nonce, additional, from, length, sealed);
          crypto.sha256(joined(digest, sealed), digest.length + sealed.length, digest);
          const opened = new Uint8Array(length);
          expectEqual([crypto.decrypt(key, nonce, additional, sealed, sealed.length, opened), toHex(opened)], [true, toHex(plain.slice(0, length))], use);
          const changed = sealed.slice();
          const at = dice.below(changed.length);
          changed[at] = changed[at]! ^ (1 << dice.below(8));
          const none = some(length, 7);
          expectEqual([crypto.decrypt(key, nonce, additional, changed, changed.length, none), toHex(none)], [false, toHex(some(length, 7))], `changed ${use}`);
          expectEqual(crypto.decrypt(key, nonce, joined(additional, some(1, 0)), sealed, sealed.length, none), false, `${use} with more that is authenticated`);
        }
      }
      return toHex(digest);
    }),
  },
  {
    name: "SP-3 keys, nonces and places for the result that an algorithm does not have are refused",
    run: withKeys((crypto, kept) => {
      for (const [use, size] of [["aes-gcm", 24], ["aes-ccm-64", 15], ["aes-ccm-128", 33], ["chacha20-poly1305", 16], ["wrap", 16], ["derive", 65], ["des", 16]] as [KeyUse, number][])
        refused(() => kept(crypto.importKey(some(size, 1), use)));
      const [data, out] = [some(8, 1), some(24, 9)];
      for (const [use, keyBytes, , tagBytes] of aeads) {
        const key = kept(crypto.importKey(some(keyBytes, 1), use));
        for (const size of use.startsWith("aes-ccm") ? [0, 6, 14] : [0, 11, 13]) refused(() => crypto.encrypt(key, some(size, 1), data, data, 8, some(8 + tagBytes, 0)));
        const nonce = some(12, 1);
        for (const [length, room] of [[9, 9 + tagBytes], [-1, tagBytes - 1], [8, 7 + tagBytes], [8, 9 + tagBytes]]) refused(() => crypto.encrypt(key, nonce, data, data, length!, some(room!, 0)));
        refused(() => crypto.decrypt(key, nonce, data, out, 24, some(25 - tagBytes, 0)));
        expectEqual(crypto.decrypt(key, nonce, data, data, tagBytes / 2 - 1, nothing()), false, "less than a tag");
      }
      return toHex(out);
    }),
  },
  {
    name: "SP-3 a private key has the same public one on every engine, and what is no scalar is none",
    run: withKeys((crypto, kept) => {
      const own = privateUses.map((use) => toHex(crypto.publicKey(kept(crypto.importPrivateKey(some(32, 5), use)))));
      for (const use of ["es256", "ecdh-p256"] as const)
        for (const bytes of [some(32, 0), fromHex(order), some(32, 255), some(31, 1), some(33, 1)]) refused(() => kept(crypto.importPrivateKey(bytes, use)));
      const least = kept(crypto.importPrivateKey(fromHex(`${"0".repeat(63)}1`), "es256"));
      for (const size of [0, 31, 33]) refused(() => kept(crypto.importPrivateKey(some(size, 1), "x25519")));
      for (const use of ["rsa", "mac", "verify-es256"] as unknown as PrivateKeyUse[]) {
        refused(() => kept(crypto.generateKey(use)));
        refused(() => kept(crypto.importPrivateKey(some(32, 5), use)));
        expectEqual(crypto.supports(use), false, use);
      }
      return [...own, toHex(crypto.publicKey(least))];
    }),
  },
  {
    name: "SP-3 a signature holds under its key and over its data alone, and r and s are from 1 to n - 1",
    run: withKeys((crypto, kept) => {
      const signer = kept(crypto.generateKey("es256"));
      const [verifier, stranger] = [signer, kept(crypto.generateKey("es256"))].map((key) => kept(crypto.importPublicKey(crypto.publicKey(key), "es256"))) as [KeyHandle, KeyHandle];
      const data = Uint8Array.of(1, 2, 3, 4);
      const signature = new Uint8Array(64);
      crypto.sign(signer, data, 3, signature);
      expectEqual([crypto.verify(verifier, data, 3, signature), crypto.verify(verifier, data, 4, signature), crypto.verify(stranger, data, 3, signature)], [true, false, false], "signature");
      for (let i = 0; i < 64; i += 9) {
        const changed = signature.slice();
        changed[i] = changed[i]! ^ 1;
        expectEqual(crypto.verify(verifier, data, 3, changed), false, `byte ${i}`);
      }
      for (const number of ["0".repeat(64), order, "f".repeat(64)])
        for (const at of [0, 32]) {
          const changed = signature.slice();
          changed.set(fromHex(number), at);
          expectEqual(crypto.verify(verifier, data, 3, changed), false, `${at === 0 ? "r" : "s"} of ${number}`);
        }
      for (const size of [0, 63, 65]) expectEqual(crypto.verify(verifier, data, 3, new Uint8Array(size)), false, `${size} bytes`);
      for (const size of [63, 65]) refused(() => crypto.sign(signer, data, 3, new Uint8Array(size)));
      for (const length of [-1, 5]) {
        refused(() => crypto.sign(signer, data, length, signature));
        refused(() => crypto.verify(verifier, data, length, signature));
      }
      // RFC 6979, A.2.5: another implementation's.
      const published = fromHex("efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8");
      const point = fromHex("0460fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb67903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299");
      return crypto.verify(kept(crypto.importPublicKey(point, "es256")), fromHex("73616d706c65"), 6, published);
    }),
  },
  {
    name: "SP-3 both ends of an agreement have one secret, the same on every engine, and a third has another",
    run: withKeys((crypto, kept) =>
      (["ecdh-p256", "x25519"] as const).map((use) => {
        const [a, b, c] = [5, 6, 7].map((fill) => kept(crypto.importPrivateKey(some(32, fill), use))) as [KeyHandle, KeyHandle, KeyHandle];
        const secret = (own: KeyHandle, peer: KeyHandle) => tagUnder(crypto, kept(crypto.agree(own, crypto.publicKey(peer))));
        expectEqual(secret(b, a), secret(a, b), use);
        if (secret(c, a) === secret(a, b)) throw new Error(`${use}: a third has the secret`);
        return secret(a, b);
      }),
    ),
  },
  {
    name: "SP-3 what is no point of the curve, and X25519 keys of small order, are no public keys",
    run: withKeys((crypto, kept) => {
      const [agreeing, x25519] = [kept(crypto.generateKey("ecdh-p256")), kept(crypto.generateKey("x25519"))];
      const point = crypto.publicKey(agreeing);
      const off = point.slice();
      off[64] = off[64]! ^ 1;
      const compressed = joined(Uint8Array.of(2 + (point[64]! & 1)), point.slice(1, 33));
      const hybrid = joined(Uint8Array.of(6 + (point[64]! & 1)), point.slice(1));
      for (const bytes of [off, compressed, hybrid, some(65, 0), some(1, 0), some(64, 4), some(65, 4), joined(point, some(1, 0)), nothing()]) {
        refused(() => kept(crypto.importPublicKey(bytes, "es256")));
        refused(() => kept(crypto.agree(agreeing, bytes)));
      }
      refused(() => kept(crypto.importPublicKey(some(32, 9), "x25519" as SignatureUse)));
      const small = ["00".repeat(32), `01${"00".repeat(31)}`, "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800", "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"];
      for (const p of ["ec", "ed", "ee"]) small.push(`${p}${"ff".repeat(30)}7f`);
      for (const hex of small) refused(() => kept(crypto.agree(x25519, fromHex(hex))));
      for (const size of [0, 31, 33, 65]) refused(() => kept(crypto.agree(x25519, some(size, 9))));
      return small.length;
    }),
  },
  {
    name: "SP-3 a wrapped key comes back with its use and does what it did, looks different each time, and nothing that was changed comes back",
    run: withKeys((crypto, kept) => {
      const [wrapping, another] = [7, 8].map((fill) => kept(crypto.importKey(some(32, fill), "wrap"))) as [KeyHandle, KeyHandle];
      const deeds: string[] = [];
      const check = (key: KeyHandle, use: WrappableUse, size: number) => {
        const bytes = crypto.wrap(wrapping, kept(key));
        const again = crypto.wrap(wrapping, key);
        expectEqual([bytes.length, toHex(bytes) === toHex(again)], [size + 29, false], use);
        const back = kept(crypto.unwrap(wrapping, bytes, use));
        expectEqual(deed(crypto, back, use), deed(crypto, key, use), use);
        deeds.push(deed(crypto, back, use));
        for (const other of [...wrapped.map(([name]) => name), ...privateUses, "wrap", "mac", "verify-es256", "", "toString"] as WrappableUse[]) if (other !== use) refused(() => kept(crypto.unwrap(wrapping, bytes, other)));
        for (let i = 0; i < bytes.length; i += 5) {
          const changed = bytes.slice();
          changed[i] = changed[i]! ^ (1 << i % 8);
          refused(() => kept(crypto.unwrap(wrapping, changed, use)));
        }
        for (const changed of [nothing(), bytes.slice(0, 29), bytes.slice(1), bytes.slice(0, -1), joined(bytes, some(1, 0))]) refused(() => kept(crypto.unwrap(wrapping, changed, use)));
        refused(() => kept(crypto.unwrap(another, bytes, use)));
      };
      for (const [use, size] of wrapped) check(crypto.importKey(some(size, 5), use), use, size);
      for (const use of privateUses) check(crypto.importPrivateKey(some(32, 5), use), use, 32);
      return deeds;
    }),
  },
  {
    name: "SP-3 a key has one use, and none once it is destroyed",
    run: ({ crypto }) => {
      const pair = crypto.generateKey("es256");
      const keys: Readonly<Record<string, KeyHandle>> = {
        mac: crypto.importKey(some(32, 1), "mac"),
        derive: crypto.importKey(some(32, 1), "derive"),
        aead: crypto.importKey(some(16, 1), "aes-ccm-64"),
        wrap: crypto.importKey(some(32, 1), "wrap"),
        sign: pair,
        agree: crypto.generateKey("ecdh-p256"),
        verify: crypto.importPublicKey(crypto.publicKey(pair), "es256"),
      };
      const data = some(4, 1);
      const point = crypto.publicKey(pair);
      const bytes = crypto.wrap(keys["wrap"]!, keys["derive"]!);
      const deeds: Readonly<Record<string, (key: KeyHandle) => unknown>> = {
        derive: (key) => crypto.destroyKey(crypto.deriveKey(key, data, data, "mac")),
        aead: (key) => crypto.encrypt(key, some(13, 1), data, data, 4, some(12, 0)),
        aeadBack: (key) => crypto.decrypt(key, some(13, 1), data, some(12, 1), 12, data.slice()),
        wrap: (key) => crypto.wrap(key, keys["derive"]!),
        wrapBack: (key) => crypto.destroyKey(crypto.unwrap(key, bytes, "derive")),
        sign: (key) => crypto.sign(key, data, 4, some(64, 0)),
        verify: (key) => crypto.verify(key, data, 4, some(64, 0)),
        agree: (key) => crypto.destroyKey(crypto.agree(key, point)),
      };
      const can = (of: KeyHandle) => Object.keys(deeds).filter((name) => possible(() => deeds[name]!(of)));
      const wrappable = (of: KeyHandle) => possible(() => crypto.wrap(keys["wrap"]!, of));
      const hasPublicKey = (of: KeyHandle) => possible(() => crypto.publicKey(of));
      const before = Object.keys(keys).map((name) => [name, can(keys[name]!), wrappable(keys[name]!), hasPublicKey(keys[name]!)]);
      expectEqual(before, [
        ["mac", [], false, false],
        ["derive", ["derive"], true, false],
        ["aead", ["aead", "aeadBack"], true, false],
        ["wrap", ["wrap", "wrapBack"], false, false],
        ["sign", ["sign"], true, true],
        ["agree", ["agree"], true, true],
        ["verify", ["verify"], false, false],
      ], "uses");
      for (const name of Object.keys(keys)) crypto.destroyKey(keys[name]!);
      return Object.keys(keys).map((name) => [name, can(keys[name]!), hasPublicKey(keys[name]!)]);
    },
  },
];

/** Whether a key can be used so: what is not possible is refused as a wrong argument. */
function possible(action: () => unknown): boolean {
  try {
    action();
    return true;
  } catch (error) {
    if ((error as { code?: string }).code !== "bad-argument") throw error;
    return false;
  }
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}
