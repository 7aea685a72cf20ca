// SPDX-License-Identifier: Apache-2.0
// What is rewritten on the way to a device, because XS pays for it in flash, memory and instructions where V8 does not: docs/decisions/0013-bytecode-of-a-device.md.
// Sources stay as they are, and the compiler has checked them by then.
import { readFileSync } from "node:fs";
import { transform } from "esbuild";
import ts from "typescript";
import { withConstants } from "./constants.mjs";
import { withPlainNames } from "./private-names.mjs";
import { rewritten } from "./text-edits.mjs";

/**
 * What XS has beyond ES2021. Lowered by the bundler, private fields would become WeakMaps at module level, which a
 * preloaded module cannot write to: they become plain properties afterwards.
 */
export const xsSyntax = Object.freeze({
  "class-private-field": true,
  "class-private-accessor": true,
  "class-private-method": true,
  "class-private-brand-check": true,
  "class-field": true,
});

/** For the bundler: the SDK's modules as a device gets them. */
export const deviceModules = {
  name: "device-modules",
  setup: (build) => {
    build.onLoad({ filter: /[\\/]sdk[\\/].*\.ts$/ }, ({ path }) => ({ contents: withIndexLoops(readFileSync(path, "utf8")), loader: "ts" }));
    build.onLoad({ filter: /[\\/]variables\.json$/ }, ({ path }) => ({ contents: variablesFrom(JSON.parse(readFileSync(path, "utf8"))), loader: "js" }));
  },
};

/** The standard variables from one text without what they are about: literals of objects take three times the bytecode. Most are integers that a device measures, so that is not said. */
function variablesFrom(definitions) {
  const rows = Object.entries(definitions).map(([name, { id, unit, type, write, scale, min, max }]) => {
    const measured = [name, id, unit, scale ?? null, min ?? null, max ?? null];
    return type === "integer" && write === "device" ? measured : [...measured, type, write];
  });
  return `const variables = {};
JSON.parse(${JSON.stringify(JSON.stringify(rows))}).forEach((row) => {
  variables[row[0]] = { id: row[1], unit: row[2], scale: row[3] ?? undefined, min: row[4] ?? undefined, max: row[5] ?? undefined, type: row[6] ?? "integer", write: row[7] ?? "device", about: "" };
});
export default variables;`;
}

/** `for (const x of array)` with an index, which does for arrays alone, as tests/repository/loops.test.ts asks the compiler: with an iterator it takes 150 bytes of bytecode instead of 70, and three times the instructions. */
export function withIndexLoops(code) {
  return rewritten(code, (node, file) => {
    if (!ts.isForOfStatement(node) || node.awaitModifier) return [];
    const { initializer, expression, statement } = node;
    const element = initializer.declarations[0].name.getText(file);
    return [
      { from: initializer.getStart(file), to: expression.getStart(file), text: "let $index = 0, $list = " },
      { from: expression.end, to: statement.getStart(file), text: `; $index < $list.length; $index++) { const ${element} = $list[$index]!; ` },
      { from: statement.end, to: statement.end, text: " }" },
    ];
  });
}

/** The variables of a loop before it, where no function inside could keep those of one turn: XS makes them anew in each turn, in two bytes and some hundred instructions. */
function withPlainLoops(code) {
  return rewritten(code, (node, file) => {
    const { initializer } = node;
    if (!ts.isForStatement(node) || !initializer || !(initializer.flags & ts.NodeFlags.Let) || hasFunction(node)) return [];
    return [
      { from: node.getStart(file), to: initializer.getStart(file), text: "{ " },
      { from: initializer.end, to: initializer.end, text: "; for (" },
      { from: node.end, to: node.end, text: " }" },
    ];
  });
}

function hasFunction(node) {
  return ts.isFunctionLike(node) || ts.forEachChild(node, hasFunction) === true;
}

/** `const { a, b } = x` as `const a = x.a, b = x.b`. What has defaults, more levels or a rest stays. */
function withoutDestructuring(code) {
  return rewritten(code, (node, file) => {
    if (!ts.isVariableDeclaration(node) || !ts.isObjectBindingPattern(node.name) || !node.initializer) return [];
    const { elements } = node.name;
    if (!elements.length || elements.some(({ name, initializer, dotDotDotToken }) => initializer || dotDotDotToken || !ts.isIdentifier(name))) return [];
    const isName = ts.isIdentifier(node.initializer) || node.initializer.kind === ts.SyntaxKind.ThisKeyword;
    // Unlike any other name of its scope.
    const whole = isName ? node.initializer.getText(file) : `$${elements[0].name.text}`;
    const parts = elements.map(({ name, propertyName }) => `${name.text} = ${whole}.${(propertyName ?? name).getText(file)}`).join(", ");
    if (isName) return [{ from: node.getStart(file), to: node.end, text: parts }];
    // The initializer may have patterns of its own inside.
    return [{ from: node.getStart(file), to: node.initializer.getStart(file), text: `${whole} = ` }, { from: node.end, to: node.end, text: `, ${parts}` }];
  });
}

/**
 * A bundle as a device gets it. Fields of classes are set by the constructor, instead of being defined by a function of their own and set again. With `shortNames` what only
 * the bundle itself can name has names of a letter or two.
 */
export async function forDevice(code, { shortNames = false } = {}) {
  const tsconfigRaw = { compilerOptions: { useDefineForClassFields: false } };
  const plain = withPlainLoops(withoutDestructuring(withConstants(withPlainNames(code, { short: shortNames }))));
  const options = { loader: "ts", target: "es2021", format: "esm", treeShaking: true, minifyIdentifiers: shortNames, supported: xsSyntax, tsconfigRaw };
  const result = await transform(plain, options);
  return result.code.replaceAll("void 0", "undefined");
}
