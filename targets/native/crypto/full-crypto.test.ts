// SPDX-License-Identifier: Apache-2.0
// The whole native crypto port on the real engine: what it makes node:crypto and noble take, and the other way round. What a single port must do is in tests/conformance/crypto-cases.ts.
import { randomBytes, randomFillSync, randomInt } from "node:crypto";
import { NodeCrypto } from "@ebalance/gateway";
import { NobleFullCrypto, type AeadUse, type KeyHandle, type KeyUse, type PrivateKeyUse } from "ebalance";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { FullCrypto } from "../../../sdk/core/security/crypto-port";
import { noCryptoReason } from "../../xs-host/available";
import { bundle } from "../../xs-host/bundle.mjs";
import { EXIT, runOnXs } from "../../xs-host/run.mjs";
import { workbench } from "../../xs-host/scripts-for-tests";

const here = new URL(".", import.meta.url).pathname;
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
const bytes = (text: string) => new Uint8Array(Buffer.from(text, "hex"));
const noble = new NobleFullCrypto((out) => randomFillSync(out));
const others: readonly [string, FullCrypto][] = [["node:crypto", new NodeCrypto()], ["noble", noble]];

/** What every script here starts with: the port, and hexadecimal text in and out. */
const prelude = `
  import { createFullCrypto } from "./full-crypto";
  declare const host: any;
  const port = createFullCrypto(host.crypto, host.fullCrypto);
  const bytes = (text) => { const b = new Uint8Array(text.length / 2); for (let i = 0; i < b.length; i++) b[i] = parseInt(text.substr(2 * i, 2), 16); return b; };
  const text = (b) => { let s = ""; for (let i = 0; i < b.length; i++) s += (b[i] + 256).toString(16).slice(1); return s; };
  const attempt = (name, f) => { let r; try { r = String(f()); } catch (e) { r = e.name + " " + e.message; } host.print(name + ": " + r); };
  const input = () => { const b = host.readFile(host.args[0], 200000); let s = ""; for (let i = 0; i < b.length; i++) s += String.fromCharCode(b[i]); return JSON.parse(s); };
  const some = (size, fill) => new Uint8Array(size).fill(fill);
  const print = (value) => host.print(JSON.stringify(value));`;

const aeads: readonly (readonly [AeadUse, number])[] = [["aes-ccm-64", 8], ["aes-ccm-128", 16], ["aes-gcm", 16], ["chacha20-poly1305", 16]];
const privateUses: readonly PrivateKeyUse[] = ["es256", "ecdh-p256", "x25519"];

/** A tag under a secret: equal secrets make equal tags. */
function tagUnder(port: FullCrypto, secret: KeyHandle): string {
  const tag = new Uint8Array(32);
  port.mac(port.deriveKey(secret, new Uint8Array(0), new Uint8Array(0), "mac"), tag, 1, tag);
  return hex(tag);
}

describe.skipIf(noCryptoReason !== "")(`SP-3 the whole native crypto on XS ${noCryptoReason}`, () => {
  const { folder, file } = workbench();
  let count = 0;

  async function onXs<T>(script: string, input: unknown = null): Promise<T[]> {
    count += 1;
    const main = await bundle({ contents: prelude + script, resolveDir: here }, { outfile: join(folder, `full-crypto-${count}.js`) });
    const result = await runOnXs({ main, args: [file(`input-${count}.json`, JSON.stringify(input))], staticBytes: 1_000_000 });
    expect(result.errors).toBe("");
    expect(result.code).toBe(EXIT.ok);
    return result.lines.map((line) => JSON.parse(line) as T);
  }

  it.each(others)("encrypts random texts to the bytes of %s", async (_name, other) => {
    const cases = Array.from({ length: 40 }, () => {
      const [use, tagBytes] = aeads[randomInt(aeads.length)]!;
      const keyBytes = use === "chacha20-poly1305" || randomInt(2) ? 32 : 16;
      const random = (size: number) => hex(randomBytes(size));
      return { use, tagBytes, key: random(keyBytes), nonce: random(use.startsWith("aes-ccm") ? randomInt(7, 14) : 12), additional: random(randomInt(60)), plain: random(randomInt(300)) };
    });
    const made = await onXs<string>(`
      for (const { use, tagBytes, key, nonce, additional, plain } of input()) {
        const k = port.importKey(bytes(key), use), p = bytes(plain), sealed = new Uint8Array(p.length + tagBytes);
        port.encrypt(k, bytes(nonce), bytes(additional), p, p.length, sealed); port.destroyKey(k); print(text(sealed));
      }`, cases);
    expect(made).toEqual(cases.map(({ use, tagBytes, key, nonce, additional, plain }) => {
      const sealed = new Uint8Array(plain.length / 2 + tagBytes);
      other.encrypt(other.importKey(bytes(key), use), bytes(nonce), bytes(additional), bytes(plain), plain.length / 2, sealed);
      return hex(sealed);
    }));
  });

  it.each(others)("takes the signatures of %s, which takes its own", async (_name, other) => {
    const signer = other.generateKey("es256");
    const texts = Array.from({ length: 10 }, () => randomBytes(randomInt(100)));
    const signatures = texts.map((data) => {
      const signature = new Uint8Array(64);
      other.sign(signer, data, data.length, signature);
      return hex(signature);
    });
    const [verified, publicKey, made] = await onXs(`
      const { publicKey, texts, signatures } = input();
      const verifier = port.importPublicKey(bytes(publicKey), "es256"), own = port.generateKey("es256");
      print(texts.map((t, i) => { const d = bytes(t); return port.verify(verifier, d, d.length, bytes(signatures[i])); }));
      print(text(port.publicKey(own)));
      print(texts.map((t) => { const d = bytes(t), s = new Uint8Array(64); port.sign(own, d, d.length, s); return text(s); }));`,
      { publicKey: hex(other.publicKey(signer)), texts: texts.map(hex), signatures }) as [boolean[], string, string[]];
    expect(verified).toEqual(texts.map(() => true));
    const verifier = other.importPublicKey(bytes(publicKey), "es256");
    expect(texts.map((data, i) => other.verify(verifier, data, data.length, bytes(made[i]!)))).toEqual(texts.map(() => true));
  });

  it("signs as RFC 6979 says, without randomness, to the bytes of noble", async () => {
    const cases = Array.from({ length: 10 }, () => ({ key: hex(randomBytes(32)), data: hex(randomBytes(randomInt(100))) }));
    const made = await onXs<string>(`
      for (const { key, data } of input()) { const d = bytes(data), s = new Uint8Array(64), k = port.importPrivateKey(bytes(key), "es256"); port.sign(k, d, d.length, s); port.destroyKey(k); print(text(s)); }`, cases);
    expect(made).toEqual(cases.map(({ key, data }) => {
      const signature = new Uint8Array(64);
      noble.sign(noble.importPrivateKey(bytes(key), "es256"), bytes(data), data.length / 2, signature);
      return hex(signature);
    }));
  });

  it.each(others)("agrees with %s on secrets, with fresh keys at both ends", async (_name, other) => {
    const uses = ["ecdh-p256", "x25519"] as const;
    const own = uses.map((use) => other.generateKey(use));
    const lines = await onXs<[string, string]>(`
      for (const { use, peer } of input()) {
        const k = port.generateKey(use), tag = new Uint8Array(32), none = new Uint8Array(0);
        port.mac(port.deriveKey(port.agree(k, bytes(peer)), none, none, "mac"), tag, 1, tag); print([text(port.publicKey(k)), text(tag)]);
      }`, uses.map((use, i) => ({ use, peer: hex(other.publicKey(own[i]!)) })));
    lines.forEach(([publicKey, tag], i) => expect(tagUnder(other, other.agree(own[i]!, bytes(publicKey)))).toBe(tag));
  });

  it.each(others)("takes the wrapped keys of %s, which takes its own", async (_name, other) => {
    const under = randomBytes(32);
    const wrapping = other.importKey(under, "wrap");
    const secret = other.importKey(randomBytes(randomInt(16, 65)), "derive");
    const pairs = privateUses.map((use) => other.generateKey(use));
    const wrapped = { derive: hex(other.wrap(wrapping, secret)), pairs: pairs.map((key) => hex(other.wrap(wrapping, key))) };
    const [tag, publicKeys, again] = await onXs(`
      const { under, wrapped, uses } = input();
      const wrapping = port.importKey(bytes(under), "wrap"), tag = new Uint8Array(32), none = new Uint8Array(0);
      const secret = port.unwrap(wrapping, bytes(wrapped.derive), "derive"), pairs = wrapped.pairs.map((w, i) => port.unwrap(wrapping, bytes(w), uses[i]));
      port.mac(port.deriveKey(secret, none, none, "mac"), tag, 1, tag); print(text(tag));
      print(pairs.map((k) => text(port.publicKey(k))));
      print({ derive: text(port.wrap(wrapping, secret)), pairs: pairs.map((k) => text(port.wrap(wrapping, k))) });`, { under: hex(under), wrapped, uses: privateUses }) as [string, string[], typeof wrapped];
    expect(tag).toBe(tagUnder(other, secret));
    expect(publicKeys).toEqual(pairs.map((key) => hex(other.publicKey(key))));
    expect(tagUnder(other, other.unwrap(wrapping, bytes(again.derive), "derive"))).toBe(tag);
    expect(again.pairs.map((one, i) => hex(other.publicKey(other.unwrap(wrapping, bytes(one), privateUses[i]!))))).toEqual(publicKeys);
  });

  it("derives keys of every use as node:crypto and noble do", async () => {
    const uses: readonly KeyUse[] = ["derive", "aes-ccm-64", "aes-ccm-128", "aes-gcm", "chacha20-poly1305", "wrap"];
    const secret = randomBytes(32);
    const wrappable = uses.slice(0, -1);
    const [byWrapping] = await onXs<string[]>(`
      const { secret, uses } = input(), salt = some(3, 1), info = some(4, 2);
      const from = port.importKey(bytes(secret), "derive"), wrapping = port.deriveKey(from, salt, info, "wrap");
      print(uses.map((use) => text(port.wrap(wrapping, port.deriveKey(from, salt, info, use)))));`, { secret: hex(secret), uses: wrappable });
    for (const [, other] of others) {
      const [salt, info] = [new Uint8Array(3).fill(1), new Uint8Array(4).fill(2)];
      const wrapping = other.deriveKey(other.importKey(secret, "derive"), salt, info, "wrap");
      wrappable.forEach((use, i) => {
        const one = bytes(byWrapping![i]!);
        expect(one).toHaveLength(29 + (use.startsWith("aes") ? 16 : 32));
        expect(() => other.unwrap(wrapping, one, use as AeadUse)).not.toThrow();
      });
    }
  });

  it("refuses arguments of a wrong kind with an error that names the function, and goes on", async () => {
    const lines = await onXs<[string, string]>(`
      const { fullCrypto: native, crypto } = host;
      const outcome = (f) => { try { f(); return "done"; } catch (e) { return e.name + " " + e.message; } };
      const key = crypto.importKey(some(16, 1), 2), signer = native.generateKey(7), verifier = crypto.importKey(new Uint8Array(native.publicKey(signer)), 10), agreeing = native.generateKey(8), wrapping = crypto.importKey(some(32, 1), 6);
      const nonce = some(13, 1), data = some(8, 1), good = {
        encrypt: [key, nonce, data, data, 8, some(16, 0)], decrypt: [key, nonce, data, data, 8, some(0, 0)], supports: [7], generateKey: [7], publicKey: [signer], sign: [signer, data, 8, some(64, 0)],
        verify: [verifier, data, 8, some(64, 0)], agree: [agreeing, new Uint8Array(native.publicKey(signer))], wrap: [wrapping, signer], unwrap: [wrapping, some(40, 1), 1],
      };
      for (const name of Object.keys(good)) {
        const call = (change) => outcome(() => native[name](...change(good[name].slice())));
        if (name !== "unwrap" && call((a) => a) !== "done") print([name, "is not called rightly"]);
        good[name].forEach((value, place) => {
          for (const wrong of [undefined, null, "1", NaN, 1.5, -1, 1e12, {}, [1], { valueOf: () => 7 }, new Uint32Array(8)]) print([name, call((a) => { a[place] = wrong; return a; })]);
          print([name, call((a) => a.slice(0, place))]);
        });
      }`);
    expect(new Set(lines.map(([name]) => name))).toEqual(new Set(["encrypt", "decrypt", "supports", "generateKey", "publicKey", "sign", "verify", "agree", "wrap", "unwrap"]));
    for (const [name, outcome] of lines) expect(outcome).toMatch(new RegExp(`^(Type|Range)Error (${name}: |this is no buffer)`));
  });

  it("destroys what it made, and has room for new keys then", async () => {
    const [made, again] = await onXs<number>(`
      const fill = () => { const keys = []; try { for (;;) keys.push(port.generateKey("ecdh-p256")); } catch (e) { for (const k of keys) port.destroyKey(k); } return keys.length; };
      print(fill()); print(fill());`);
    expect(made).toBeGreaterThan(16);
    expect(again).toBe(made);
  });

  it("names its uses, and has no Ed25519", async () => {
    const lines = await onXs<unknown>(`
      const message = (f) => { try { f(); return ""; } catch (e) { return [e.name, e.code, e.fault, e.message]; } };
      print(["es256", "ecdh-p256", "x25519", "ed25519"].map((use) => port.supports(use)));
      print(message(() => port.generateKey("ed25519"))); print(message(() => port.importKey(some(16, 1), "des"))); print(message(() => port.importPublicKey(some(32, 1), "ed25519")));`);
    const refusal = (text: string) => ["EbalanceError", "bad-argument", "caller", text];
    expect(lines).toEqual([
      [true, true, true, false],
      refusal("use ed25519 is none of es256, ecdh-p256, x25519"),
      refusal("use des is none of mac, derive, aes-ccm-64, aes-ccm-128, aes-gcm, chacha20-poly1305, wrap"),
      refusal("use ed25519 is none of es256"),
    ]);
  });
});
