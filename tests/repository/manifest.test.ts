/** The manifest for Moddable projects: what it names exists after a build, and XS can preload it. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { transform } from "esbuild";
import ts from "typescript";
import { beforeAll, describe, expect, test } from "vitest";
import { xsSyntax } from "../../targets/xs-host/bundle.mjs";
import { root, runNode, temporaryFolder, tsupPath } from "./run";

const manifest = JSON.parse(readFileSync(join(root, "manifest.json"), "utf8")) as { modules: Record<string, string>; preload: string[] };
const exported = (JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { exports: Record<string, unknown> }).exports;
const folder = temporaryFolder();
/** What each module is for. */
const purpose: Record<string, RegExp> = { "ebalance/device": /export \{[^}]*\bopenDevice\b/, "ebalance/der": /export \{[^}]*\bDerController\b/ };

const parse = (code: string) => ts.createSourceFile("module.js", code, ts.ScriptTarget.ESNext, true, ts.ScriptKind.JS);

/** Whether the module imports anything, at its top or later. */
function importsOf(code: string): string[] {
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    const isImport = ts.isImportDeclaration(node) || (ts.isExportDeclaration(node) && node.moduleSpecifier) || node.kind === ts.SyntaxKind.ImportKeyword;
    if (isImport) found.push(node.getText());
    ts.forEachChild(node, visit);
  };
  visit(parse(code));
  return found;
}

/** Collections and buffers that are made when the module loads. Preloaded they stand in flash, where writing to them throws. */
function madeAtLoad(code: string): string[] {
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    const later = ts.isFunctionLike(node) || (ts.isPropertyDeclaration(node) && !node.modifiers?.some((m) => m.kind === ts.SyntaxKind.StaticKeyword));
    if (later) return;
    if (ts.isNewExpression(node) && /^((Weak)?(Map|Set)|ArrayBuffer|DataView|\w+Array)$/.test(node.expression.getText())) found.push(node.getText());
    ts.forEachChild(node, visit);
  };
  visit(parse(code));
  return found;
}

/** Whether nothing has to be lowered for XS: what is written for it comes out as it would for the newest engine. */
async function isXsSyntax(code: string): Promise<boolean> {
  const [lowered, kept] = await Promise.all([transform(code, { target: "es2021", supported: { ...xsSyntax } }), transform(code, { target: "esnext" })]);
  return lowered.code === kept.code;
}

beforeAll(() => {
  const built = runNode([tsupPath, "--no-dts", "--out-dir", join(folder, "dist")], root);
  expect(built.code, built.all).toBe(0);
}, 60_000);

test("what is preloaded is a module of the manifest, under the name that npm gives it", () => {
  expect(manifest.preload).toEqual(Object.keys(manifest.modules));
  for (const name of manifest.preload) expect(exported).toHaveProperty([name.replace("ebalance", ".")], expect.objectContaining({ import: `${manifest.modules[name]}.js` }));
});

describe.each(Object.entries(manifest.modules))("%s", (name, path) => {
  let code = "";
  beforeAll(() => {
    code = readFileSync(join(folder, `${path}.js`), "utf8");
  });

  test("exports what it is for", () => expect(code).toMatch(purpose[name]!));
  test("imports nothing", () => expect(importsOf(code)).toEqual([]));
  test("is ES2021 with what XS has beyond it", async () => expect(await isXsSyntax(code)).toBe(true));
  test("keeps no collection and no buffer at module level", () => expect(madeAtLoad(code)).toEqual([]));
});

describe("the checks find", () => {
  test.each([`import a from "a";`, `export * from "a";`, `const a = () => import("a");`])("the import in %s", (code) => expect(importsOf(code)).toHaveLength(1));
  test.each([`class A { static { f(); } }`, `const r = /a/v;`, `class A { static b = 1; }`])("newer syntax in %s", async (code) => expect(await isXsSyntax(code)).toBe(false));
  test.each([`const a = new Map();`, `var b = /* @__PURE__ */ new Uint8Array(4);`, `const c = { d: [new WeakMap()] };`, `class A { static b = new Set(); }`])("what is made at load in %s", (code) =>
    expect(madeAtLoad(code)).toHaveLength(1),
  );
  test.each([`const f = () => new Map();`, `class A { b = new Set(); #c = new Uint8Array(1); }`])("nothing in %s", (code) => expect(madeAtLoad(code)).toEqual([]));
});
