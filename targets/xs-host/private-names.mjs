// SPDX-License-Identifier: Apache-2.0
// Private names of classes become plain ones in what runs on a device: XS keeps private fields in a list beside the properties, which costs a slot a class and instance and
// a longer look-up. TypeScript has checked by then that nobody reaches for them. See docs/decisions/0009-private-names-on-devices.md.
import ts from "typescript";
import { rewritten } from "./text-edits.mjs";

/**
 * `#name` becomes `_name` throughout a bundle.
 * @throws Error where a property has the plain name already
 */
export function withPlainNames(code) {
  const plain = new Set();
  const taken = new Set();
  const result = rewritten(code, (node, file) => {
    if (ts.isIdentifier(node) && node.text.startsWith("_") && node.parent.name === node && !ts.isVariableDeclaration(node.parent) && !ts.isParameter(node.parent)) plain.add(node.text);
    if (!ts.isPrivateIdentifier(node)) return [];
    taken.add(`_${node.text.slice(1)}`);
    const at = node.getStart(file);
    return [{ from: at, to: at + 1, text: "_" }];
  });
  const clash = [...taken].find((name) => plain.has(name));
  if (clash) throw new Error(`${clash} is a name beside #${clash.slice(1)}`);
  return result;
}
