// SPDX-License-Identifier: Apache-2.0
// Private names of classes become plain ones in what runs on a device: XS keeps private fields in a list beside the properties, which costs a slot a class and instance and
// a longer look-up. TypeScript has checked by then that nobody reaches for them. See docs/decisions/0009-private-names-on-devices.md.
import ts from "typescript";

/**
 * `#name` becomes `_name` throughout a bundle.
 * @throws Error where a property has the plain name already
 */
export function withPlainNames(code) {
  const file = ts.createSourceFile("bundle.js", code, ts.ScriptTarget.ES2021, true, ts.ScriptKind.JS);
  const places = [];
  const plain = new Set();
  const taken = new Set();
  const visit = (node) => {
    if (ts.isPrivateIdentifier(node)) {
      places.push(node.getStart(file));
      taken.add(`_${node.text.slice(1)}`);
    } else if (ts.isIdentifier(node) && node.text.startsWith("_") && node.parent.name === node && !ts.isVariableDeclaration(node.parent) && !ts.isParameter(node.parent)) plain.add(node.text);
    ts.forEachChild(node, visit);
  };
  visit(file);
  const clash = [...taken].find((name) => plain.has(name));
  if (clash) throw new Error(`${clash} is a name beside #${clash.slice(1)}`);
  let result = "";
  let from = 0;
  for (const place of places.sort((a, b) => a - b)) {
    result += `${code.slice(from, place)}_`;
    from = place + 1;
  }
  return result + code.slice(from);
}
