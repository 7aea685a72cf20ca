// SPDX-License-Identifier: Apache-2.0
// Changes of a module's text at the places that TypeScript's parser finds.
import ts from "typescript";

export function parsed(code) {
  return ts.createSourceFile("module.ts", code, ts.ScriptTarget.ES2021, true);
}

/** The text with every edit `{ from, to, text }` that `editsOf(node, file)` gives for its nodes. Edits do not overlap. */
export function rewritten(code, editsOf) {
  const file = parsed(code);
  const edits = [];
  const visit = (node) => {
    edits.push(...editsOf(node, file));
    ts.forEachChild(node, visit);
  };
  visit(file);
  let result = "";
  let end = 0;
  for (const { from, to, text } of edits.sort((a, b) => a.from - b.from)) {
    result += code.slice(end, from) + text;
    end = to;
  }
  return result + code.slice(end);
}
