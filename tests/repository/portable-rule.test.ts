/** The portable rule: sdk/ runs unchanged on XS and on Node. Compiler and lint must refuse what breaks it, in a copy of sdk/ with everything else in it. */
import { cpSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ESLint } from "eslint";
import { beforeAll, describe, expect, test } from "vitest";
import { root, runNode, temporaryFolder, tscPath } from "./run";

interface Violation {
  readonly name: string;
  readonly code: string;
  /** What the message must name; undefined where this tool has nothing against it. */
  readonly compiler?: string;
  readonly lint?: string;
}

const violations: readonly Violation[] = [
  { name: "buffer", code: `export const x = Buffer.from("a");`, compiler: "'Buffer'", lint: "'Buffer'" },
  { name: "process", code: `export const x = process.env["A"];`, compiler: "'process'", lint: "'process'" },
  { name: "set-timeout", code: `setTimeout(() => {}, 1);`, compiler: "'setTimeout'", lint: "'setTimeout'" },
  { name: "queue-microtask", code: `queueMicrotask(() => {});`, compiler: "'queueMicrotask'", lint: "'queueMicrotask'" },
  { name: "console", code: `console.log("a");`, compiler: "'console'", lint: "'console'" },
  { name: "performance", code: `export const x = performance.now();`, compiler: "'performance'", lint: "'performance'" },
  { name: "text-encoder", code: `export const x = new TextEncoder();`, compiler: "'TextEncoder'", lint: "'TextEncoder'" },
  { name: "crypto", code: `export const x = crypto.subtle;`, compiler: "'crypto'", lint: "'crypto'" },
  { name: "fetch", code: `export const x = fetch("a");`, compiler: "'fetch'", lint: "'fetch'" },
  { name: "document", code: `export const x = document.title;`, compiler: "'document'", lint: "'document'" },
  { name: "structured-clone", code: `export const x = structuredClone({});`, compiler: "'structuredClone'", lint: "'structuredClone'" },
  { name: "global-object", code: `export const x = globalThis.process;`, compiler: "typeof globalThis", lint: "'process'" },
  { name: "node-prefixed", code: `import { readFileSync } from "node:fs";\nexport const x = readFileSync;`, compiler: "'node:fs'", lint: "'node:fs'" },
  { name: "node-bare", code: `import { readFileSync } from "fs";\nexport const x = readFileSync;`, compiler: "'fs'", lint: "'fs'" },
  { name: "node-side-effect", code: `import "node:fs";\nexport const x = 1;`, lint: "'node:fs'" },
  { name: "node-type-only", code: `import type { Socket } from "node:net";\nexport type X = Socket;`, compiler: "'node:net'", lint: "'node:net'" },
  { name: "moddable-timer", code: `import Timer from "timer";\nexport const x = Timer;`, compiler: "'timer'", lint: "'timer'" },
  { name: "moddable-embedded", code: `import Serial from "embedded:io/serial";\nexport const x = Serial;`, compiler: "'embedded:io/serial'", lint: "'embedded:io/serial'" },
  { name: "moddable-mc", code: `import config from "mc/config";\nexport const x = config;`, compiler: "'mc/config'", lint: "'mc/config'" },
  { name: "target", code: `export { NodeCrypto } from "../../targets/linux-gateway/src/node-crypto";`, compiler: "targets/linux-gateway/src/node-crypto", lint: "targets/linux-gateway/src/node-crypto" },
  { name: "dynamic-import", code: `export const x = import("../core/ports");`, lint: "import()" },
  { name: "array-at", code: `export const x = [1].at(-1);`, compiler: "'at'" },
  { name: "has-own", code: `export const x = Object.hasOwn({}, "a");`, compiler: "'hasOwn'" },
  { name: "find-last", code: `export const x = [1].findLast((n) => n > 0);`, compiler: "'findLast'" },
  { name: "date-now", code: `export const x = Date.now();`, lint: "'Date.now'" },
  { name: "new-date", code: `export const x = new Date();`, lint: "new Date()" },
  { name: "math-random", code: `export const x = Math.random();`, lint: "'Math.random'" },
];

/** Uses what a module may use: the language of ES2021, the SDK, the packages of @noble. */
const permitted = `import { sha256 } from "@noble/hashes/sha2.js";
import type { ClockPort } from "../core/ports";
export const age = (clock: ClockPort, sinceMs: number): number => clock.wallMs() - new Date(sinceMs).getTime();
export const digest = (text: string): Uint8Array => sha256(Uint8Array.from(text.replaceAll("a", "b"), (c) => c.charCodeAt(0)));
`;

const copy = temporaryFolder();
const folder = join(copy, "sdk/portable-rule");

beforeAll(() => {
  const forBoards = ["tsconfig.json", "board-platform.ts", "esp32", "native", "xs-host/board.ts", "xs-host/device-platform.ts", "xs-host/host.d.ts"].map((path) => `targets/${path}`);
  for (const path of ["sdk", "tsconfig.base.json", "tsconfig.json", "eslint.config.js", "package.json", ...forBoards]) cpSync(join(root, path), join(copy, path), { recursive: true });
  symlinkSync(join(root, "node_modules"), join(copy, "node_modules"));
  mkdirSync(folder);
  writeFileSync(join(folder, "permitted.ts"), permitted);
  for (const { name, code } of violations) writeFileSync(join(folder, `${name}.ts`), `${code}\n`);
});

describe("the compiler", () => {
  const errors = new Map<string, string>();

  beforeAll(() => {
    const { stdout } = runNode([tscPath, "-p", "sdk", "--pretty", "false"], copy);
    for (const [, file, message] of stdout.matchAll(/^(\S+)\(\d+,\d+\): error (.*)$/gm)) errors.set(file!, `${errors.get(file!) ?? ""}${message}\n`);
  }, 60_000);

  test.each(violations.filter((v) => v.compiler !== undefined))("refuses $name", ({ name, compiler }) => {
    expect(errors.get(`sdk/portable-rule/${name}.ts`)).toContain(compiler);
  });

  test("refuses nothing else", () => {
    const expected = violations.filter((v) => v.compiler !== undefined).map((v) => `sdk/portable-rule/${v.name}.ts`);
    expect([...errors.keys()].sort()).toEqual(expected.sort());
  });
});

test("the compiler refuses what boards do not have in what runs on boards, and nothing else", { timeout: 60_000 }, () => {
  const names = ["buffer", "set-timeout", "console", "performance", "node-prefixed", "array-at", "find-last"];
  for (const { name, code } of violations) if (names.includes(name)) writeFileSync(join(copy, `targets/esp32/${name}.ts`), `${code}\n`);
  writeFileSync(join(copy, "targets/native/timers.ts"), `import Timer from "timer";\nexport const later = (f: () => void) => Timer.set(f, host.args.length);\n`);
  const { stdout } = runNode([tscPath, "-p", "targets", "--pretty", "false"], copy);
  const files = [...stdout.matchAll(/^(\S+)\(\d+,\d+\): error /gm)].map(([, file]) => file);
  expect([...new Set(files)].sort()).toEqual(names.map((name) => `targets/esp32/${name}.ts`).sort());
});

describe("lint", () => {
  const errors = new Map<string, string>();

  beforeAll(async () => {
    const results = await new ESLint({ cwd: copy }).lintFiles(["sdk/portable-rule/*.ts"]);
    for (const { filePath, messages } of results) if (messages.length) errors.set(filePath, messages.map((m) => m.message).join("\n"));
  }, 60_000);

  test.each(violations.filter((v) => v.lint !== undefined))("refuses $name", ({ name, lint }) => {
    expect(errors.get(join(folder, `${name}.ts`))).toContain(lint);
  });

  test("refuses nothing else that is portable", () => {
    expect(errors.get(join(folder, "permitted.ts"))).toBeUndefined();
  });

  test("leaves tests in sdk/ alone: they run on Node", async () => {
    const eslint = new ESLint({ cwd: root });
    const rules = async (path: string) => ((await eslint.calculateConfigForFile(join(root, path))) as { rules: Record<string, unknown> }).rules;
    expect(await rules("sdk/core/unit.ts")).toHaveProperty("no-restricted-globals");
    expect(await rules("sdk/core/unit.test.ts")).not.toHaveProperty("no-restricted-globals");
  });
});
