/** On a device `for (const x of array)` has an index (targets/xs-host/device-code.mjs), which does for arrays alone: the compiler is asked what the SDK's loops run over. */
import { join } from "node:path";
import ts from "typescript";
import { expect, test } from "vitest";
import { root } from "./run";

/** Loops of the project's modules over anything but an array or a buffer of bytes. */
function otherLoops(configPath: string): string[] {
  const { config } = ts.readConfigFile(configPath, (path) => ts.sys.readFile(path)) as { config: unknown };
  const { fileNames, options } = ts.parseJsonConfigFileContent(config, ts.sys, join(configPath, ".."), undefined, configPath);
  const program = ts.createProgram(fileNames, options);
  const checker = program.getTypeChecker();
  const found: string[] = [];
  for (const file of program.getSourceFiles().filter(({ isDeclarationFile }) => !isDeclarationFile)) {
    const visit = (node: ts.Node): void => {
      if (ts.isForOfStatement(node) && !node.awaitModifier && !isList(node)) found.push(`${file.fileName}:${file.getLineAndCharacterOfPosition(node.getStart()).line + 1} ${node.expression.getText()}`);
      ts.forEachChild(node, visit);
    };
    visit(file);
  }
  function isList({ expression, initializer }: ts.ForOfStatement): boolean {
    const type = checker.getApparentType(checker.getTypeAtLocation(expression));
    const isArray = checker.isArrayType(type) || checker.isTupleType(type) || type.symbol.name === "Uint8Array";
    return isArray && ts.isVariableDeclarationList(initializer) && (initializer.flags & ts.NodeFlags.Const) !== 0;
  }
  return found;
}

test("loops of the SDK run over arrays, and each declares its element", () => {
  expect(otherLoops(join(root, "sdk/tsconfig.json"))).toEqual([]);
}, 60_000);
