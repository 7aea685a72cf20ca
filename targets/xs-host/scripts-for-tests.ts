// SPDX-License-Identifier: Apache-2.0
// Test helper: scripts given as text, run on the test host from a folder of their own.
import { randomUUID } from "node:crypto";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll } from "vitest";
import { runOnXs } from "./run.mjs";
import type { RunOptions, RunResult } from "./run.mjs";

export interface Workbench {
  readonly folder: string;
  /** Writes a file and returns its path. */
  file(name: string, text: string): string;
  /** Runs text as MAIN; `modules` maps specifiers to the text of preloaded modules. */
  run(text: string, options?: Omit<RunOptions, "main" | "preload"> & { modules?: Record<string, string> }): Promise<RunResult>;
}

/** A folder that lives as long as the tests around the call; skipped tests make none. */
export function workbench(): Workbench {
  const folder = join(tmpdir(), `ebalance-xs-${randomUUID()}`);
  let count = 0;
  beforeAll(() => void mkdirSync(folder));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const file = (name: string, text: string): string => {
    const path = join(folder, name);
    writeFileSync(path, text);
    return path;
  };
  return {
    folder,
    file,
    run(text, { modules = {}, ...options } = {}) {
      count += 1;
      const preload = Object.entries(modules).map(([specifier, source], index) => ({
        file: file(`preload-${count}-${index}.js`, source),
        specifier,
      }));
      return runOnXs({ ...options, preload, main: file(`main-${count}.js`, text) });
    },
  };
}
