// SPDX-License-Identifier: Apache-2.0
// What preloaded modules have in flash that a write would be refused for: found before anything writes.
import { mkdirSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { root } from "../../scripts/bundles.mjs";
import { noHostReason } from "./available";
import { bundle } from "./bundle.mjs";
import { runOnXs } from "./run.mjs";
import { workbench } from "./scripts-for-tests";

const list = "host.print(host.frozen());";

describe.skipIf(noHostReason)(`what is frozen in flash${noHostReason ? ` (left out: ${noHostReason})` : ""}`, () => {
  const { file, run } = workbench();

  it("names maps, sets and buffers of a module's top level, wherever they were made, and values in classes", async () => {
    const meter = `
      const make = () => new Set();
      const seen = new Map(), made = make(), state = { inner: { list: [new Uint8Array(3)] } };
      class Last { static value = 0; static of() { return seen; } take() { return made; } }
      export const away = new WeakMap();
      export const use = () => [seen, made, state, Last, away];`;
    const { lines } = await run(list, { modules: { "meter/memory": meter } });
    expect(lines.filter(Boolean).sort()).toEqual([
      "meter/memory Map seen",
      "meter/memory Set made",
      "meter/memory WeakMap away",
      "meter/memory buffer state.list",
      "meter/memory static Last.value",
    ]);
  });

  it("names nothing that can be written: variables, plain objects, what is made at first use", async () => {
    const meter = `let count = 0, seen; const state = { last: 0 }, list = []; export function use(key) { seen ??= new Map(); seen.set(key, ++count); state.last = key; list.push(key); }`;
    expect((await run(list, { modules: { "meter/memory": meter } })).lines.filter(Boolean)).toEqual([]);
  });

  it("MU-1 the SDK has nothing there but the tables of the standard variables, which are only read", async () => {
    const folder = root("build/tests/frozen");
    mkdirSync(folder, { recursive: true });
    const preload = [
      { file: await bundle(root("sdk/device.ts"), { outfile: `${folder}/device.js` }), specifier: "ebalance/device" },
      { file: await bundle(root("sdk/der.ts"), { outfile: `${folder}/der.js` }), specifier: "ebalance/der" },
      { file: await bundle(root("sdk/encryption.ts"), { outfile: `${folder}/encryption.js` }), specifier: "ebalance/encryption" },
      { file: await bundle(root("sdk/certified.ts"), { outfile: `${folder}/certified.js` }), specifier: "ebalance/certified" },
      { file: await bundle(root("targets/xs-host/board.ts"), { outfile: `${folder}/board.js`, external: ["ebalance/device"] }), specifier: "ebalance/board" },
    ];
    const { lines, errors } = await runOnXs({ main: file("list.js", list), preload });
    expect(errors).toBe("");
    expect(lines.filter(Boolean)).toEqual(["device", "certified"].flatMap((name) => ["_byId", "_byName"].map((table) => `ebalance/${name} Map standardRegistry.${table}`)));
  });
});
