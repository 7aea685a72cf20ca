/** What the tests of this folder share: programs run to their end, and a temporary folder that goes away. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll } from "vitest";

export const root = fileURLToPath(new URL("../..", import.meta.url));
export const tscPath = join(root, "node_modules/typescript/bin/tsc");
export const tsupPath = join(root, "node_modules/tsup/dist/cli-default.js");

/** @returns exit code and everything that was written, for messages of failed tests */
export function run(command: string, args: readonly string[], cwd: string): { code: number | null; stdout: string; all: string } {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd, encoding: "utf8", timeout: 150_000 });
  return { code: status, stdout, all: `${stdout}${stderr}${error ? error.message : ""}` };
}

export function runNode(args: readonly string[], cwd: string): ReturnType<typeof run> {
  return run(process.execPath, args, cwd);
}

/** Whole projects with their packages lie in it. */
const removalTimeoutMs = 60_000;

/** A folder outside of the tree, removed after the tests of the file. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(realpathSync(tmpdir()), "ebalance-test-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }), removalTimeoutMs);
  return folder;
}
