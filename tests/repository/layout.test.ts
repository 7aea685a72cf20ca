/** What holds for every file of the repository: the tree of the design, short sources, no path of anyone's machine, honest tests. */
import { lstatSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { root, run } from "./run";

/** Tracked by git, or new and about to be. */
const files = run("git", ["ls-files", "--cached", "--others", "--exclude-standard"], root)
  .stdout.split("\n")
  .filter((path) => lstatSync(join(root, path), { throwIfNoEntry: false })?.isFile() && path !== "");
const text = (path: string) => readFileSync(join(root, path), "utf8");

/** The design's folders, each with the file that one opens first. */
const entries = [
  "sdk/index.ts",
  "sdk/device.ts",
  "sdk/tsconfig.json",
  "sdk/core/unit.ts",
  "sdk/client/device.ts",
  "sdk/storage/store-port.ts",
  "sdk/transports/stream-link.ts",
  "targets/native/crypto/crypto.ts",
  "targets/xs-host/README.md",
  "targets/linux-gateway/src/index.ts",
  "examples/sensor/main.ts",
  "examples/street/main.ts",
  "tests/conformance/all-cases.ts",
  "scripts/start.mjs",
  "README.md",
  "CHANGELOG.md",
  "CONTRIBUTING.md",
  "LICENSE",
  "THIRD-PARTY-NOTICES.md",
  "manifest.json",
  "docs/licences.md",
];
const folders = ["sdk", "targets", "examples", "tests", "tests/scenarios", "tests/repository", "bench", "docs", "docs/decisions", "scripts"];

describe("the tree", () => {
  test.each(entries)("has %s", (path) => expect(files).toContain(path));
  test.each(folders)("has files in %s", (folder) => expect(files.some((path) => path.startsWith(`${folder}/`))).toBe(true));
  test("has no folder at the top that the design does not name", () => {
    const top = new Set(files.filter((path) => path.includes("/")).map((path) => path.split("/")[0]));
    expect([...top].filter((folder) => !folders.includes(folder!) && folder !== ".ci")).toEqual([]);
  });
});

test("no source file has more than 400 lines", () => {
  const sources = files.filter((path) => /\.(ts|mts|js|mjs|c|h)$/.test(path));
  expect(sources.length).toBeGreaterThan(50);
  expect(sources.filter((path) => text(path).split("\n").length > 401)).toEqual([]);
});

test("no file names a place on somebody's machine", () => {
  // Put together here, so that this file does not name one itself.
  const place = new RegExp(`(?:^|[\\s"'\`(=:])/(?:${["home", "root", "Users", "work"].join("|")})/\\w`, "m");
  expect(place.test(`"${["", "home", "someone"].join("/")}"`)).toBe(true);
  expect(files.filter((path) => place.test(text(path)))).toEqual([]);
});

/** Tests that are switched off: never others (`only`), and none without a reason beside it or in its title. */
function switchedOff(source: string): string[] {
  const lines = source.split("\n");
  return lines.filter((line, i) => {
    if (/\b(?:it|test|describe)\.only\b/.test(line)) return true;
    if (!/\b(?:it|test|describe)\.(?:skip|skipIf|runIf|todo|fails)\b/.test(line)) return false;
    const reason = /\/\/ \w/.test(line) || /^\s*\/\//.test(lines[i - 1] ?? "") || /\)\(`[^`]*\$\{/.test(line);
    return !reason;
  });
}

test("no test is switched off without a reason", () => {
  const [only, skip] = ["it.on" + "ly", "it.sk" + "ip"];
  expect(switchedOff(`${only}("a", f);\n${skip}("b", f);\n${skip}("c", f); // the engine cannot do it`)).toHaveLength(2);
  const found = files.filter((path) => path.endsWith(".test.ts")).flatMap((path) => switchedOff(text(path)).map((line) => `${path}: ${line.trim()}`));
  expect(found).toEqual([]);
});
