// SPDX-License-Identifier: Apache-2.0
// The native crypto port on the real engine, against published vectors and node:crypto.
import { createHash, createHmac, hkdfSync, randomBytes, randomInt } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { noCryptoReason } from "../../xs-host/available";
import { bundle } from "../../xs-host/bundle.mjs";
import { EXIT, runOnXs } from "../../xs-host/run.mjs";
import { workbench } from "../../xs-host/scripts-for-tests";

const here = new URL(".", import.meta.url).pathname;
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

const wycheproof = join(process.env["EBALANCE_DATA"] ?? join(here, "../../../../shared/data"), "wycheproof/hmac_sha256_test.json");
interface WycheproofFile {
  testGroups: { tests: { key: string; msg: string; tag: string; result: "valid" | "invalid" }[] }[];
}

/** What every script here starts with: the port, and hexadecimal text in and out. */
const prelude = `
  import { createNativeCrypto } from "./crypto";
  declare const host: any;
  const port = createNativeCrypto(host.crypto);
  const bytes = (text) => { const b = new Uint8Array(text.length / 2); for (let i = 0; i < b.length; i++) b[i] = parseInt(text.substr(2 * i, 2), 16); return b; };
  const text = (b) => { let s = ""; for (let i = 0; i < b.length; i++) s += (b[i] + 256).toString(16).slice(1); return s; };
  const attempt = (name, f) => { let r; try { r = String(f()); } catch (e) { r = e.name + " " + e.message; } host.print(name + ": " + r); };
  const input = () => { const b = host.readFile(host.args[0], 60000); let s = ""; for (let i = 0; i < b.length; i++) s += String.fromCharCode(b[i]); return JSON.parse(s); };`;

describe.skipIf(noCryptoReason !== "")(`native crypto on XS ${noCryptoReason}`, () => {
  const { folder, file } = workbench();
  let count = 0;

  async function onXs(script: string, input: unknown = null) {
    count += 1;
    const main = await bundle({ contents: prelude + script, resolveDir: here }, { outfile: join(folder, `crypto-${count}.js`) });
    const result = await runOnXs({ main, args: [file(`input-${count}.json`, JSON.stringify(input))], staticBytes: 400_000 });
    expect(result.errors).toBe("");
    expect(result.code).toBe(EXIT.ok);
    return result.lines;
  }

  it("computes HMAC-SHA-256 as in RFC 4231, whole and truncated", async () => {
    // Test cases 1, 3, 4 of RFC 4231: keys of the lengths the port takes.
    const cases = [
      ["0b".repeat(20), "4869205468657265", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"],
      ["aa".repeat(20), "dd".repeat(50), "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"],
      ["0102030405060708090a0b0c0d0e0f10111213141516171819", "cd".repeat(50), "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"],
    ];
    const lines = await onXs(`
      for (const [key, data] of input()) for (const size of [32, 16, 8]) {
        const k = port.importKey(bytes(key), "mac"), tag = new Uint8Array(size), d = bytes(data);
        port.mac(k, d, d.length, tag); host.print(text(tag) + " " + port.verifyMac(k, d, d.length, tag)); port.destroyKey(k);
      }`, cases);
    expect(lines).toEqual(cases.flatMap(([, , tag]) => [64, 32, 16].map((n) => `${tag!.slice(0, n)} true`)));
  });

  describe.skipIf(!existsSync(wycheproof))(`on the HMAC vectors of Wycheproof${existsSync(wycheproof) ? "" : ` (left out: no ${wycheproof})`}`, () => {
    it("makes every valid tag, refuses every other one, and refuses keys of more than one block", async () => {
      const groups = (JSON.parse(readFileSync(wycheproof, "utf8")) as WycheproofFile).testGroups;
      const vectors = groups.flatMap((group) => group.tests.map(({ key, msg, tag, result }) => ({ key, msg, tag, valid: result === "valid" })));
      expect(vectors.filter(({ valid }) => valid).length).toBeGreaterThan(40);
      const lines = await onXs(`
        for (const { key, msg, tag } of input()) {
          let k; try { k = port.importKey(bytes(key), "mac"); } catch (e) { host.print(e.name); continue; }
          const data = bytes(msg), given = bytes(tag), made = new Uint8Array(given.length);
          port.mac(k, data, data.length, made);
          host.print([text(made) === tag, port.verifyMac(k, data, data.length, given)].join(" ")); port.destroyKey(k);
        }`, vectors);
      expect(lines).toEqual(vectors.map(({ key, valid }) => (key.length > 2 * 64 ? "RangeError" : `${valid} ${valid}`)));
    });
  });

  it("derives keys as in RFC 5869, seen through their tags", async () => {
    // Test case 1 of RFC 5869; the first 32 bytes of its output are the derived key.
    const secret = "0b".repeat(22), salt = "000102030405060708090a0b0c", info = "f0f1f2f3f4f5f6f7f8f9";
    const okm = Buffer.from("3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf", "hex");
    const lines = await onXs(`
      const { secret, salt, info } = input();
      const k = port.deriveKey(port.importKey(bytes(secret), "derive"), bytes(salt), bytes(info), "mac");
      const tag = new Uint8Array(32); port.mac(k, bytes("616263"), 3, tag); host.print(text(tag));`, { secret, salt, info });
    expect(lines).toEqual([createHmac("sha256", okm).update("abc").digest("hex")]);
  });

  it("derives from derived keys, also with empty salt and info", async () => {
    const secret = randomBytes(32);
    const lines = await onXs(`
      const none = new Uint8Array(0);
      const first = port.deriveKey(port.importKey(bytes(input()), "derive"), none, none, "derive");
      const second = port.deriveKey(first, bytes("0102"), bytes("03"), "mac");
      const tag = new Uint8Array(32); port.mac(second, none, 0, tag); host.print(text(tag));`, hex(secret));
    const first = Buffer.from(hkdfSync("sha256", secret, "", "", 32));
    const second = Buffer.from(hkdfSync("sha256", first, Buffer.from([1, 2]), Buffer.from([3]), 32));
    expect(lines).toEqual([createHmac("sha256", second).digest("hex")]);
  });

  describe("on random inputs, in views that start anywhere", () => {
    const cases = Array.from({ length: 60 }, () => ({
      key: hex(randomBytes(randomInt(16, 65))), data: hex(randomBytes(randomInt(0, 200))), cut: randomInt(0, 50), size: randomInt(8, 33), offset: randomInt(0, 40),
    }));
    let lines: string[] = [];

    beforeAll(async () => {
      lines = [...(await onXs(`
        const place = (b, offset) => { const v = new Uint8Array(new ArrayBuffer(offset + b.length + 5), offset, b.length); v.set(b); return v; };
        for (const c of input()) {
          const key = port.importKey(place(bytes(c.key), c.offset), "mac"), data = place(bytes(c.data), c.offset), length = Math.max(0, data.length - c.cut);
          const tag = place(new Uint8Array(c.size), c.offset + 1), out = place(new Uint8Array(32), c.offset + 3);
          port.mac(key, data, length, tag); port.sha256(data, length, out);
          const good = port.verifyMac(key, data, length, tag);
          let clean = true; const whole = new Uint8Array(tag.buffer);
          for (let i = 0; i < whole.length; i++) if ((i < tag.byteOffset || i >= tag.byteOffset + tag.length) && whole[i] !== 0) clean = false;
          tag[c.offset % c.size] ^= 1 << (c.cut % 8);
          const bad = port.verifyMac(key, data, length, tag);
          tag[c.offset % c.size] ^= 1 << (c.cut % 8);
          host.print([text(tag), text(out), good, bad, clean].join(" ")); port.destroyKey(key);
        }`, cases))];
    });

    it("agrees with node:crypto, writes inside the view only, accepts the tag and refuses a flipped bit", () => {
      expect(lines).toEqual(cases.map(({ key, data, cut, size }) => {
        const all = Buffer.from(data, "hex");
        const part = all.subarray(0, Math.max(0, all.length - cut));
        const tag = createHmac("sha256", Buffer.from(key, "hex")).update(part).digest().subarray(0, size);
        return `${hex(tag)} ${createHash("sha256").update(part).digest("hex")} true false true`;
      }));
    });
  });

  it("gives different random bytes each time, all over the view", async () => {
    const lines = await onXs(`
      for (let i = 0; i < 4; i++) { const all = new Uint8Array(40); port.random(all.subarray(4, 36)); host.print(text(all)); }`);
    expect(new Set(lines).size).toBe(4);
    for (const line of lines) {
      expect(line.slice(0, 8) + line.slice(72)).toBe("0".repeat(16));
      expect(new Set(Buffer.from(line.slice(8, 72), "hex")).size).toBeGreaterThan(16);
    }
  });

  it("refuses bad arguments with an error that names the function, and goes on", async () => {
    const lines = await onXs(`
      const key = port.importKey(new Uint8Array(16), "mac"), secret = port.importKey(new Uint8Array(16), "derive"), gone = port.importKey(new Uint8Array(16), "mac");
      port.destroyKey(gone);
      const data = new Uint8Array(10), tag = new Uint8Array(16), u = undefined as any;
      attempt("short key", () => port.importKey(new Uint8Array(15), "mac"));
      attempt("long key", () => port.importKey(new Uint8Array(65), "mac"));
      attempt("no key", () => port.importKey(u, "mac"));
      attempt("use", () => port.importKey(new Uint8Array(16), "sign" as any));
      attempt("destroyed", () => port.mac(gone, data, 10, tag));
      attempt("destroyed twice", () => port.destroyKey(gone));
      attempt("made up", () => port.mac({ keyId: 12345 }, data, 10, tag));
      attempt("not a number", () => port.mac({ keyId: "1" } as any, data, 10, tag));
      attempt("wrong use", () => port.mac(secret, data, 10, tag));
      attempt("wrong use 2", () => port.deriveKey(key, data, data, "mac"));
      attempt("beyond", () => port.mac(key, data, 11, tag));
      attempt("negative", () => port.mac(key, data, -1, tag));
      attempt("fraction", () => port.mac(key, data, 1.5, tag));
      attempt("nan", () => port.mac(key, data, NaN, tag));
      attempt("text", () => port.mac(key, "data" as any, 1, tag));
      attempt("words", () => port.mac(key, new Uint32Array(4) as any, 4, tag));
      attempt("short tag", () => port.mac(key, data, 10, new Uint8Array(7)));
      attempt("long tag", () => port.mac(key, data, 10, new Uint8Array(33)));
      attempt("verify beyond", () => port.verifyMac(key, data, 11, tag));
      attempt("sha out", () => port.sha256(data, 10, new Uint8Array(31)));
      attempt("random", () => port.random([1, 2] as any));
      attempt("a double", () => port.mac(key, data, 20 / 2, tag));`);
    expect(lines.at(-1)).toBe("a double: undefined");
    for (const line of lines.slice(0, -1)) expect(line).toMatch(/: (TypeError|RangeError) /);
    expect(lines.filter((line) => /: \w+Error (importKey|deriveKey|destroyKey|mac|verifyMac|sha256|random|this is no buffer)/.test(line)).length).toBe(lines.length - 1);
  });

  it("bounds the number of keys, and takes new ones after old ones are destroyed", async () => {
    const limit = /KEY_LIMIT = (\d+)/.exec(readFileSync(join(here, "keys.c"), "utf8"))![1];
    const lines = await onXs(`
      const keys = []; attempt("fill", () => { for (;;) keys.push(port.importKey(new Uint8Array(16), "mac")); });
      host.print(String(keys.length)); port.destroyKey(keys[3]);
      const next = port.importKey(new Uint8Array(16), "mac"); host.print(String(next.keyId !== keys[3].keyId));
      attempt("stale", () => port.mac(keys[3], new Uint8Array(1), 1, new Uint8Array(8)));`);
    expect(lines).toEqual([expect.stringMatching(/^fill: RangeError importKey/), limit, "true", expect.stringMatching(/^stale: RangeError mac/)]);
  });

  it("never touches memory it should not when a buffer shrinks while arguments are read", async () => {
    const lines = await onXs(`
      const key = port.importKey(new Uint8Array(16), "mac");
      const shrinking = new ArrayBuffer(64, { maxByteLength: 64 } as any) as any;
      const view = new Uint8Array(shrinking);
      if (shrinking.resize) shrinking.resize(8);
      attempt("shrunk", () => port.mac(key, view, 64, new Uint8Array(8)));
      attempt("valueOf", () => port.mac(key, view, { valueOf() { return 8; } } as any, new Uint8Array(8)));`);
    for (const line of lines) expect(line).toMatch(/: (TypeError|RangeError) /);
  });
});
