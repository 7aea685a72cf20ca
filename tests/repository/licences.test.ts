/** What others wrote and we depend on: exact versions, named with its licence, and nothing under the GPL family in what an installation brings. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { root } from "./run";

interface Package {
  readonly name: string;
  readonly version: string;
  readonly license?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const readPackage = (folder: string) => JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as Package;
const own = [root, join(root, "targets/linux-gateway")];
const ownNames = own.map((folder) => readPackage(folder).name);
const notices = readFileSync(join(root, "THIRD-PARTY-NOTICES.md"), "utf8");

/** The folder of a dependency as Node finds it: in the nearest node_modules. */
function installed(name: string, from: string): string {
  for (let folder = from; ; folder = join(folder, "..")) {
    const candidate = join(folder, "node_modules", name);
    if (existsSync(join(candidate, "package.json"))) return candidate;
    if (folder === join(folder, "..")) throw new Error(`${name} is not installed`);
  }
}

const direct = own.flatMap((folder) => {
  const { dependencies, devDependencies, optionalDependencies } = readPackage(folder);
  return Object.entries({ ...dependencies, ...devDependencies, ...optionalDependencies })
    .filter(([name]) => !ownNames.includes(name))
    .map(([name, version]) => ({ name, version, folder }));
});

/** Every package that `npm install` of the two packages brings, optional ones included where they are for this machine. */
function broughtAlong(folders: readonly string[]): Package[] {
  const found = new Map<string, Package>();
  const visit = (folder: string) => {
    const { dependencies, optionalDependencies } = readPackage(folder);
    for (const name of Object.keys({ ...dependencies, ...optionalDependencies })) {
      if (found.has(name) || ownNames.includes(name)) continue;
      if (optionalDependencies?.[name] && !existsSync(join(root, "node_modules", name))) continue;
      const place = installed(name, folder);
      found.set(name, readPackage(place));
      visit(place);
    }
  };
  folders.forEach(visit);
  return [...found.values()];
}

describe.each(direct)("$name", ({ name, version, folder }) => {
  test("is pinned to one version", () => expect(version).toMatch(/^\d+\.\d+\.\d+(-[\w.]+)?$/));
  test("is in the notices with this version and its licence", () => {
    const { license } = readPackage(installed(name, folder));
    expect(notices).toContain(`| ${name} | ${version} | ${license} |`);
  });
});

test("the notices name nothing that is not a dependency", () => {
  const named = [...notices.matchAll(/^\| (\S+) \| \d\S* \|/gm)].map((match) => match[1]);
  expect(named.sort()).toEqual([...new Set(direct.map(({ name }) => name))].sort());
});

const copyleft = /\b[AL]?GPL\b/i;

test("an installation brings nothing under the GPL family, and every licence is known", () => {
  expect(["GPL-3.0-only", "LGPL-2.1", "AGPL-3.0", "(MIT OR GPL-2.0)"].every((licence) => copyleft.test(licence))).toBe(true);
  const brought = broughtAlong(own);
  expect(brought.map((one) => one.name)).toContain("@noble/hashes");
  expect(brought.filter(({ license }) => typeof license !== "string" || copyleft.test(license)).map(({ name, license }) => `${name}: ${license}`)).toEqual([]);
});

test("both packages carry the same Apache-2.0 text", () => {
  const [first, second] = own.map((folder) => readFileSync(join(folder, "LICENSE"), "utf8"));
  expect(first).toBe(second);
  expect(first).toContain("Version 2.0, January 2004");
  expect(own.map((folder) => readPackage(folder).license)).toEqual(["Apache-2.0", "Apache-2.0"]);
});
