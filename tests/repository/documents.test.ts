/** What the documents show works: the YAML in them is accepted, and their links lead somewhere. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { checkConfig, keyFilesOf, plannedCredentials, type Plan } from "@ebalance/gateway";
import { Result } from "ebalance";
import ts from "typescript";
import { parse } from "yaml";
import { describe, expect, test } from "vitest";
import { root } from "./run";

const documents = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", ...readdirSync(join(root, "docs"), { recursive: true, encoding: "utf8" }).filter((path) => path.endsWith(".md")).map((path) => `docs/${path}`)];
const text = (path: string) => readFileSync(join(root, path), "utf8");
const yamlOf = (path: string) => [...text(path).matchAll(/```yaml\n([\s\S]*?)```/g)].map((match) => parse(match[1]!) as Record<string, unknown>);

describe("docs/gateway.md", () => {
  const blocks = yamlOf("docs/gateway.md");
  const plan = blocks.find((block) => "domain" in block) as unknown as Plan;

  test("has a plan that key files can be made of", () => {
    expect(keyFilesOf(plan).map(({ fileName }) => fileName)).toEqual(["home.key.json", "meter.key.json"]);
  });

  test.each(blocks.filter((block) => "unit" in block).map((block) => [block["unit"] as string, block]))("has a configuration of %s that is accepted, and names units of the plan", (unit, block) => {
    const config = checkConfig(block);
    expect(Object.keys(plan.units)).toContain(unit);
    for (const { sunspec } of config.bridges) expect(plan.units[sunspec.device]).toMatchObject({ parent: unit, owner: sunspec.owner, bridged: true });
  });

  test("has two configurations with session key files, two with a replica and its home, and an external broker", () => {
    const units = blocks.filter((block) => "unit" in block);
    expect(units).toHaveLength(4);
    const [home, above] = units.slice(2).map((block) => checkConfig(block));
    expect(above!.replicas).toEqual(home!.publish.map(({ device, owner }) => ({ device, owner, home: home!.unit })));
    expect(checkConfig({ unit: "home", ...(blocks.find((block) => "listen" in block && !("unit" in block)) as object) }).listen[0]).toHaveProperty("broker");
  });
});

test("examples/certified-home has a plan that credentials can be made of, and a configuration of its home", () => {
  const yaml = (file: string) => parse(text(`examples/certified-home/${file}`)) as Record<string, unknown>;
  const { units } = plannedCredentials(yaml("plan.yaml") as unknown as Plan);
  const home = checkConfig(yaml("home.yaml"));
  expect(units.map(({ unit }) => `grid/units/${unit}`)).toContain(home.credentials!.folder);
  expect(text("examples/certified-home/device.mjs")).toContain("grid/units/meter-1");
});

test("docs/credentials.md has a configuration that is accepted", () => {
  const [config] = yamlOf("docs/credentials.md");
  expect(checkConfig(config)).toMatchObject({ unit: "home", credentials: { folder: "grid/units/home" } });
});

test("docs/concepts.md shows a policy that is accepted", () => {
  const [policy] = yamlOf("docs/concepts.md");
  expect(() => checkConfig({ unit: "home", policies: { customer: policy } })).not.toThrow();
});

describe("docs/wire-format.md", () => {
  const vectors = (file: string) => JSON.parse(text(`tests/vectors/${file}.json`)) as Record<string, readonly Record<string, string | number>[]>;
  const named = (file: string, name: string) => Object.values(vectors(file)).filter(Array.isArray).flat().find((vector: Record<string, unknown>) => vector["name"] === name)! as Record<string, string>;
  const document = text("docs/wire-format.md");
  const blocks = [...document.matchAll(/```hex (\S+) (\S+) (\S+)\n([\s\S]*?)```/g)].map((match) => match.slice(1, 5) as [string, string, string, string]);

  test("shows six parts of two messages", () => expect(blocks).toHaveLength(6));

  test.each(blocks)("%s %s %s is that of the published vector", (file, name, part, hex) => {
    const vector = named(file, name);
    const signer = vector["signer"] === undefined ? {} : named("credential-v1", vector["signer"]);
    const shown = hex.replace(/;.*/g, "").replace(/@(\w+)/g, (_, place: string) => (place === "payload" ? vector : signer)[place]!).replace(/\s/g, "");
    expect(shown).toBe(vector[part]);
  });

  test("has all result codes", () => {
    const rows = [...document.matchAll(/^\| (\d+) \| (\w+) \| .+ \|$/gm)];
    expect(Object.fromEntries(rows.map(([, code, name]) => [name, Number(code)]))).toEqual(Result);
  });

  test("gives the sizes of the published vectors", () => {
    let file = "";
    const rows = [...document.matchAll(/^\| [^|]* \| (?:`(\S+)\.json`: )?`([^`|]+)` \| (\d+) \|$/gm)];
    expect(rows).toHaveLength(8);
    for (const [, newFile, name, bytes] of rows) {
      file = newFile ?? file;
      expect(named(file, name!)["bytes"], name).toBe(Number(bytes));
    }
  });
});

test.each(["README.md", "docs/firmware.md"])("%s shows the sensor as it is", (document) => {
  const source = text("examples/sensor/main.ts").replace(/^\/\/.*\n/gm, "");
  expect([...text(document).matchAll(/```ts\n([\s\S]*?)```/g)].map((match) => match[1])).toContain(source);
});

test.each(documents)("the links in %s lead to files", (document) => {
  const links = [...text(document).matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map((match) => match[1]!);
  expect(links.filter((link) => !existsSync(join(root, dirname(document), link)))).toEqual([]);
});

/** Titles of the tests in a file that are not switched off: as they are written and, of those with a table, the first text of each row too. */
function titlesOf(path: string): string[] {
  const found: string[] = [];
  const constants = new Map<string, ts.Expression>();
  const rowsOf = (table: ts.Expression | undefined): readonly ts.Expression[] => {
    if (!table) return [];
    if (ts.isIdentifier(table)) return rowsOf(constants.get(table.text));
    return ts.isAsExpression(table) ? rowsOf(table.expression) : ts.isArrayLiteralExpression(table) ? table.elements : [];
  };
  // What comes after the text of a title is why its test is left out where something is not there.
  const add = (title: ts.Expression | undefined) => title && (ts.isStringLiteralLike(title) ? found.push(title.text) : ts.isTemplateExpression(title) && found.push(title.head.text));
  const visit = (node: ts.Node): void => {
    if (ts.isVariableDeclaration(node) && ts.isIdentifier(node.name) && node.initializer) constants.set(node.name.text, node.initializer);
    if (ts.isCallExpression(node)) {
      const called = node.expression.getText();
      if (/^(test|describe)(\.\w+)*\.(skip|todo|fails)\b/.test(called)) return;
      if (/^test\b/.test(called)) add(node.arguments[0]);
      if (/^test(\.\w+)*\.each\b/.test(called) && ts.isCallExpression(node.expression)) for (const row of rowsOf(node.expression.arguments[0])) if (ts.isArrayLiteralExpression(row)) add(row.elements[0]);
    }
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(path, text(path), ts.ScriptTarget.Latest, true));
  return found;
}

describe("docs/security.md names tests that there are", () => {
  const table = text("docs/security.md").split("\n").filter((line) => line.startsWith("| ") && line.includes("](../"));
  const shown = table.flatMap((line) => [...line.split(" | ").at(-1)!.matchAll(/\]\(\.\.\/([^)]+)\)((?: "[^"]+",?)+)/g)].flatMap(([, path, titles]) => [...titles!.matchAll(/"([^"]+)"/g)].map((title) => [path!, title[1]!] as const)));

  test("in every line of the table", () => {
    expect(table.length).toBeGreaterThan(20);
    for (const line of table) expect(line.split(" | ").at(-1)).toMatch(/\]\(\.\.\/[^)]+\.test\.ts\) "/);
  });

  const titles = new Map([...new Set(shown.map(([path]) => path))].map((path) => [path, titlesOf(path)]));

  test.each(shown)("%s: %s", (path, title) => {
    expect(titles.get(path)).toContain(title);
  });
});
