/** What can be said of a module for a device without running it: whether XS takes its syntax, what it imports, and what it makes at load that flash would not let it write. */
import { transform } from "esbuild";
import ts from "typescript";
import { xsSyntax } from "../../targets/xs-host/device-code.mjs";

const parse = (code: string) => ts.createSourceFile("module.ts", code, ts.ScriptTarget.ESNext, true, ts.ScriptKind.TS);

/** Visits every node that `enter` does not turn away from. */
function visit(node: ts.Node, enter: (node: ts.Node) => boolean | void): void {
  if (enter(node) !== false) ts.forEachChild(node, (child) => visit(child, enter));
}

/** Specifiers of everything that a module imports, at its top or later; of types nothing is left when it runs. */
export function importsOf(code: string): string[] {
  const found: string[] = [];
  visit(parse(code), (node) => {
    if (ts.isImportDeclaration(node) && node.importClause?.isTypeOnly) return;
    if ((ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) && node.moduleSpecifier) found.push((node.moduleSpecifier as ts.StringLiteral).text);
    if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) found.push(node.arguments[0]!.getText());
  });
  return found;
}

const isStatic = (node: ts.PropertyDeclaration) => node.modifiers?.some((one) => one.kind === ts.SyntaxKind.StaticKeyword) ?? false;

/** Collections, buffers and regular expressions with a place in the text that are made when the module loads. Preloaded they stand in flash, where writing to them throws. */
export function madeAtLoad(code: string): string[] {
  const found: string[] = [];
  visit(parse(code), (node) => {
    if (ts.isFunctionLike(node) || (ts.isPropertyDeclaration(node) && !isStatic(node))) return false;
    if (ts.isNewExpression(node) && /^((Weak)?(Map|Set)|ArrayBuffer|DataView|\w+Array)$/.test(node.expression.getText())) found.push(node.getText());
    if (ts.isRegularExpressionLiteral(node) && /[gy]\w*$/.test(node.text)) found.push(node.text);
    return true;
  });
  return found;
}

/** Static properties of classes that are assigned anywhere in the module after the class was made. */
export function writtenStatics(code: string): string[] {
  const statics = new Set<string>();
  const written: string[] = [];
  const file = parse(code);
  visit(file, (node) => {
    if (!ts.isPropertyDeclaration(node) || !isStatic(node)) return;
    const name = node.parent.name?.text ?? (ts.isVariableDeclaration(node.parent.parent) ? node.parent.parent.name.getText() : "");
    statics.add(`${name}.${node.name.getText()}`);
  });
  visit(file, (node) => {
    const target = ts.isBinaryExpression(node) && node.operatorToken.kind >= ts.SyntaxKind.FirstAssignment && node.operatorToken.kind <= ts.SyntaxKind.LastAssignment ? node.left : undefined;
    const counted = (ts.isPrefixUnaryExpression(node) || ts.isPostfixUnaryExpression(node)) && /\+\+|--/.test(node.getText()) ? node.operand : undefined;
    const name = (target ?? counted)?.getText();
    if (name !== undefined && statics.has(name)) written.push(name);
  });
  return written;
}

/** Whether nothing has to be lowered for XS: what is written for it comes out as it would for the newest engine. */
export async function isXsSyntax(code: string): Promise<boolean> {
  const loader = "ts";
  const [lowered, kept] = await Promise.all([transform(code, { loader, target: "es2021", supported: { ...xsSyntax } }), transform(code, { loader, target: "esnext" })]);
  return lowered.code === kept.code;
}
