// SPDX-License-Identifier: Apache-2.0
// Folders that are made once and then only read: safe when two processes make
// the same one at the same time, since each works aside and the first rename wins.
import { spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";

/** A build that cannot go on; `code` is for programs, the message names the remedy. */
export class BuildError extends Error {
  constructor(code, message) {
    super(message);
    this.name = "BuildError";
    this.code = code;
  }
}

/** Where downloads are kept, outside the tree. */
export function cacheFolder() {
  const base = process.env.XDG_CACHE_HOME || join(homedir(), ".cache");
  return process.env.EBALANCE_CACHE || join(base, "ebalance");
}

/** Makes `folder` with `make(temporary)` unless it is there already. */
export async function makeFolder(folder, make) {
  if (existsSync(folder)) return folder;
  const temporary = join(dirname(folder), `.making-${process.pid}-${randomBytes(6).toString("hex")}`);
  mkdirSync(temporary, { recursive: true });
  try {
    await make(temporary);
    renameSync(temporary, folder);
  } catch (error) {
    // Somebody else was faster: theirs is as good as ours.
    if (!(existsSync(folder) && ["EEXIST", "ENOTEMPTY"].includes(error.code))) throw error;
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
  return folder;
}

/** Runs a program; resolves with its exit code and output, also when it cannot be started. */
export function run(command, args, options = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"], ...options });
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (text) => (stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text) => (stderr += text));
    child.on("error", (error) => resolve({ code: -1, stdout, stderr: error.message }));
    child.on("close", (code) => resolve({ code: code ?? -1, stdout, stderr }));
  });
}

export function hashFile(algorithm, path) {
  return createHash(algorithm).update(readFileSync(path)).digest("hex");
}

/** The last lines of a program's error output, enough for a message. */
export function tail(text, lines = 12) {
  return text.trim().split("\n").slice(-lines).join("\n");
}
