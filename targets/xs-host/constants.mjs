// SPDX-License-Identifier: Apache-2.0
// Numbers with a name at the top level of a bundle, as `answerMs` and `Result.done`, stand where they are used: XS would read a closure, and a property of what it holds.
import ts from "typescript";
import { parsed, rewritten } from "./text-edits.mjs";

/** A bundle with its constants written out. Where nobody uses a table of them otherwise, the bundler may leave it out. */
export function withConstants(code) {
  const numbers = constantsOf(code);
  return rewritten(code, (node, file) => {
    if (isTable(node, file)) return [{ from: node.getStart(file), to: node.getStart(file), text: "/* @__PURE__ */ " }];
    const number = isUse(node) ? numbers.get(node.getText(file)) : undefined;
    if (number === undefined) return [];
    const name = ts.isShorthandPropertyAssignment(node.parent) ? `${node.text}: ` : "";
    return [{ from: node.getStart(file), to: node.end, text: name + number }];
  });
}

/** Whether this makes a frozen object at the top level. */
function isTable(node, file) {
  return ts.isCallExpression(node) && ts.isVariableDeclaration(node.parent) && node.parent.parent.parent.parent === file && node.expression.getText(file) === "Object.freeze";
}

/** Whether an expression may stand for a constant: a name by itself, or a member of one. */
function isUse(node) {
  if (ts.isPropertyAccessExpression(node)) return ts.isIdentifier(node.expression);
  if (!ts.isIdentifier(node)) return false;
  const { parent } = node;
  const isOther = ts.isExportSpecifier(parent) || ts.isImportSpecifier(parent) || (ts.isPropertyAccessExpression(parent) && parent.expression === node);
  return !isOther && parent.name !== node && parent.propertyName !== node ? true : ts.isShorthandPropertyAssignment(parent);
}

/** Numbers by the text that stands for them. A name that is declared twice, or assigned to, is none. */
function constantsOf(code) {
  const file = parsed(code);
  const numbers = new Map();
  for (const statement of file.statements) {
    if (!ts.isVariableStatement(statement)) continue;
    for (const { name, initializer } of statement.declarationList.declarations)
      if (ts.isIdentifier(name) && initializer) for (const [member, number] of numbersOf(initializer, file)) numbers.set(name.text + member, number);
  }
  for (const name of changedNames(file)) for (const text of [...numbers.keys()]) if (text === name || text.startsWith(`${name}.`)) numbers.delete(text);
  return numbers;
}

/** The number of an initializer, or those of the members of a frozen object. */
function numbersOf(initializer, file) {
  if (isNumber(initializer)) return [["", initializer.getText(file)]];
  if (!ts.isCallExpression(initializer) || initializer.expression.getText(file) !== "Object.freeze") return [];
  const [object] = initializer.arguments;
  if (!ts.isObjectLiteralExpression(object)) return [];
  return object.properties.filter((property) => ts.isPropertyAssignment(property) && isNumber(property.initializer)).map(({ name, initializer: value }) => [`.${name.text}`, value.getText(file)]);
}

function isNumber(node) {
  return ts.isNumericLiteral(node) || (ts.isPrefixUnaryExpression(node) && ts.isNumericLiteral(node.operand));
}

/** Names that mean different things in different scopes, or at different times. */
function changedNames(file) {
  const declared = new Set();
  const changed = new Set();
  const visit = (node) => {
    const { name } = node;
    if (name && ts.isIdentifier(name) && (ts.isVariableDeclaration(node) || ts.isParameter(node) || ts.isBindingElement(node) || ts.isFunctionLike(node) || ts.isClassLike(node))) {
      if (declared.has(name.text)) changed.add(name.text);
      declared.add(name.text);
    }
    const isAssignment = ts.isBinaryExpression(node) && node.operatorToken.kind >= ts.SyntaxKind.FirstAssignment && node.operatorToken.kind <= ts.SyntaxKind.LastAssignment;
    const isStep = (ts.isPrefixUnaryExpression(node) || ts.isPostfixUnaryExpression(node)) && (node.operator === ts.SyntaxKind.PlusPlusToken || node.operator === ts.SyntaxKind.MinusMinusToken);
    if (isAssignment || isStep) changed.add((isAssignment ? node.left : node.operand).getText(file));
    ts.forEachChild(node, visit);
  };
  visit(file);
  return changed;
}
