// SPDX-License-Identifier: Apache-2.0
// The native seal port on the real engine. That it agrees with its twin in TypeScript is a conformance case: tests/conformance/seal-cases.ts.
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { portableSeal } from "../../../sdk/core/wire/reading-message";
import { macContext } from "../../../sdk/core/wire/session-message";
import { NodeCrypto } from "../../linux-gateway/src/node-crypto";
import { noCryptoReason } from "../../xs-host/available";
import { bundle } from "../../xs-host/bundle.mjs";
import { EXIT, runOnXs } from "../../xs-host/run.mjs";
import { workbench } from "../../xs-host/scripts-for-tests";

const here = new URL(".", import.meta.url).pathname;

/** What every script here starts with: both ports, and a context under a key. */
const prelude = `
  import { createNativeCrypto } from "../crypto/crypto";
  import { createNativeSeal } from "./seal";
  import { macContext, parseEnvelope } from "../../../sdk/core/wire/session-message";
  declare const host: any;
  const crypto = createNativeCrypto(host.crypto), seal = createNativeSeal(host.seal), native = host.seal;
  const key = crypto.importKey(new Uint8Array(32).fill(7), "mac"), { keyId } = key;
  const context = macContext(key, 1, "test-grid", "home", "session"), { prefix, head } = context;
  const template = { head: Uint8Array.of(0xa5, 1, 1, 2, 0x83, 3, 4, 5, 3), tail: Uint8Array.of(3, 5, 0x48, 1, 2, 3, 4, 5, 6, 7, 8) };
  const text = (b) => { let s = ""; for (let i = 0; i < b.length; i++) s += (b[i] + 256).toString(16).slice(1); return s; };
  const attempt = (name, f) => { let r; try { r = String(f()); } catch (e) { r = e.name + " " + e.message; } host.print(name + ": " + r); };`;

describe.skipIf(noCryptoReason !== "")(`native seal on XS ${noCryptoReason}`, () => {
  const { folder } = workbench();
  let count = 0;

  async function onXs(script: string) {
    count += 1;
    const main = await bundle({ contents: prelude + script, resolveDir: here }, { outfile: join(folder, `seal-${count}.js`) });
    const result = await runOnXs({ main });
    expect(result.errors).toBe("");
    expect(result.code).toBe(EXIT.ok);
    return result.lines;
  }

  it("makes the message that node:crypto makes, from views that start anywhere", async () => {
    const crypto = new NodeCrypto();
    const context = macContext(crypto.importKey(new Uint8Array(32).fill(7), "mac"), 1, "test-grid", "home", "session");
    const template = { head: Uint8Array.of(0xa5, 1, 1, 2, 0x83, 3, 4, 5, 3), tail: Uint8Array.of(3, 5, 0x48, 1, 2, 3, 4, 5, 6, 7, 8) };
    const expected = portableSeal(crypto).readingSealer(context, template)(300, 1_790_000_000, 24, -70_000, 2 ** 40);
    const lines = await onXs(`
      const place = (b) => { const v = new Uint8Array(new ArrayBuffer(b.length + 8), 3, b.length); v.set(b); return v; };
      const placed = { head: place(template.head), tail: place(template.tail) };
      const message = seal.readingSealer({ key, prefix: place(prefix), head: place(head) }, placed)(300, 1790000000, 24, -70000, 2 ** 40);
      host.print(text(message)); host.print(String(seal.verify(context, parseEnvelope(place(message)))));`);
    expect(lines).toEqual([Buffer.from(expected).toString("hex"), "true"]);
  });

  it("gives each message memory of its own and lets go of it: ten thousand do not fill a device", async () => {
    const lines = await onXs(`
      const sealer = seal.readingSealer(context, template), first = sealer(1, 0, 1, 1, 0), kept = text(first);
      let good = true;
      for (let i = 2; i < 10000; i++) good = seal.verify(context, parseEnvelope(sealer(i, i, 1, -i, i))) && good;
      host.print([good, text(first) === kept, first.buffer.byteLength === first.length].join(" "));`);
    expect(lines).toEqual(["true true true"]);
  });

  it("SP-1 reads a body while its list of names changes under it", async () => {
    const lines = await onXs(`
      const message = seal.readingSealer(context, template)(9, 0, 3, 230, 0), { start, end } = parseEnvelope(message);
      const names = [7, 7, 7, 10, 11, 12], hostile = { get 3() { message.fill(255); return 10; }, get 4() { delete hostile[5]; return 11; }, 5: 12 };
      host.print(JSON.stringify(native.read(message, start, end, names)));
      host.print(String(native.read(message, start, end, hostile)));
      host.print(String(native.read(message, start, end, names)));`);
    const source = { device: 10, service: 11, stakeholder: 12 };
    expect(JSON.parse(lines[0]!)).toMatchObject({ op: 1, sequence: 9, timeMs: 0, source, items: [{ variable: 3, value: 230, timeMs: 0, device: 10, owner: 12 }] });
    expect(lines.slice(1)).toEqual(["undefined", "undefined"]);
  });

  it("SP-1 refuses bad arguments with an error that names the function, and goes on", async () => {
    const lines = await onXs(`
      const gone = crypto.importKey(new Uint8Array(16), "mac"), secret = crypto.importKey(new Uint8Array(16), "derive");
      crypto.destroyKey(gone);
      const good = [keyId, prefix, head, template.head, template.tail, 1, 0, 1, 230, 0];
      const without = (place, value) => good.map((argument, i) => (i === place ? value : argument));
      const shouting = { valueOf() { host.print("a script ran"); return 1; } };
      for (const id of [gone.keyId, secret.keyId, 0, -1, 1.5, "1", undefined, shouting]) attempt("key", () => native.sealReading(...without(0, id)));
      for (const place of [1, 2, 3, 4]) for (const buffer of [undefined, null, "bytes", [1, 2], {}, new Uint16Array(2), new Uint8Array(1000)]) attempt("buffer " + place, () => native.sealReading(...without(place, buffer)));
      for (const place of [5, 6, 7, 8, 9]) for (const number of [undefined, null, "1", true, NaN, Infinity, -Infinity, 0.5, 1e300, 2 ** 53, -(2 ** 53), shouting]) attempt("number " + place, () => native.sealReading(...without(place, number)));
      for (const [place, number] of [[5, 0], [5, 2 ** 30], [6, -1], [6, 2 ** 32], [7, -1], [7, 65536]]) attempt("range " + place, () => native.sealReading(...without(place, number)));
      attempt("none", () => native.sealReading());
      const message = native.sealReading(...good), bytes = new Uint8Array(message), { start, end } = parseEnvelope(bytes);
      for (const arguments_ of [[gone.keyId, prefix, bytes, start, end], [keyId, "prefix", bytes, start, end], [keyId, prefix, "message", start, end], [keyId, prefix, bytes, -1, end], [keyId, prefix, bytes, end + 1, end],
        [keyId, prefix, bytes, start, end + 2], [keyId, prefix, bytes, start, 2000], [keyId, prefix, bytes, 0.5, end], [keyId, prefix, new Uint8Array(1100), start, end], [keyId, prefix, new Uint8Array(7), 0, 0], []])
        attempt("verify", () => native.verify(...arguments_));
      for (const arguments_ of [[undefined, 0, 0, []], ["message", 0, 0, []], [bytes, -1, end, []], [bytes, 0.5, end, []], [bytes, end, start, []], [bytes, start, bytes.length + 1, []], [bytes, start, 2000, []],
        [new Uint8Array(1100), 0, 0, []], [bytes, start, shouting, []], [bytes, start, end], [bytes, start, end, 7], []])
        attempt("read", () => native.read(...arguments_));
      attempt("after all", () => native.verify(keyId, prefix, bytes, start, end));`);
    expect(lines.at(-1)).toBe("after all: true");
    expect(lines.length).toBe(8 + 4 * 7 + 5 * 12 + 6 + 1 + 11 + 12 + 1);
    for (const line of lines.slice(0, -1)) expect(line).toMatch(/: (TypeError|RangeError) (sealReading|verify|read|this is no buffer)/);
  });
});
