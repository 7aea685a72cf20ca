// SPDX-License-Identifier: Apache-2.0
// Private names of classes become plain ones in what runs on a device: XS keeps private fields in a list beside the properties, which costs a slot a class and instance and
// a longer look-up. TypeScript has checked by then that nobody reaches for them. See docs/decisions/0009-private-names-on-devices.md.
import ts from "typescript";
import { rewritten } from "./text-edits.mjs";

/**
 * `#name` becomes `_name` throughout a bundle, or with `short` a number after the underscore: each name takes a device its length in flash.
 * @throws Error where a property has the plain name already
 */
export function withPlainNames(code, { short = false } = {}) {
  const plain = new Set();
  const names = new Map();
  const result = rewritten(code, (node, file) => {
    if (ts.isIdentifier(node) && node.text.startsWith("_") && node.parent.name === node && !ts.isVariableDeclaration(node.parent) && !ts.isParameter(node.parent)) plain.add(node.text);
    if (!ts.isPrivateIdentifier(node)) return [];
    if (!names.has(node.text)) names.set(node.text, `_${short ? names.size.toString(36) : node.text.slice(1)}`);
    return [{ from: node.getStart(file), to: node.end, text: names.get(node.text) }];
  });
  const clash = [...names].find(([, name]) => plain.has(name));
  if (clash) throw new Error(`${clash[1]} is a name beside ${clash[0]}`);
  return result;
}
