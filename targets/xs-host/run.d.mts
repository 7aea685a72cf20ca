// SPDX-License-Identifier: Apache-2.0
import type { ChildProcess } from "node:child_process";

export const EXIT: Readonly<Record<"ok" | "memory" | "stack" | "unhandled" | "meter" | "usage" | "keys" | "engine" | "flash" | "power", number>>;

export interface RunOptions {
  /** Where it runs; "linux" where left out. "chip" builds a program of the script first, see chip.mjs. */
  readonly target?: "linux" | "chip";
  /** Path of the module to run. */
  readonly main: string;
  readonly preload?: readonly { readonly file: string; readonly specifier: string }[];
  readonly budget?: "esp32c3" | "esp32" | "device" | "none";
  readonly staticBytes?: number;
  readonly stackSlots?: number;
  /** New property names allowed at run time. */
  readonly keys?: number;
  /** Units one turn may compute; 0 for any. The chip does not count them. */
  readonly meter?: number;
  /** FILE=BYTES: the device's flash, kept in that file. */
  readonly flash?: string;
  /** Bytes of flash programmed or erased after which the power is cut. */
  readonly cutAfter?: number;
  /** How many of the next programs and erases of flash fail. */
  readonly failFlash?: number;
  /** A sector of flash that cannot be read. */
  readonly failReads?: number;
  /** Of the chip: its RAM, 327,680 where left out. */
  readonly ramBytes?: number;
  /** Of the chip: with `host.fullCrypto`, which Linux always has; false where left out. */
  readonly fullCrypto?: boolean;
  /** Of the chip: a backend of QEMU for its serial line, as `pty`; none where left out. */
  readonly serial?: string;
  readonly args?: readonly string[];
  readonly onLine?: (line: string, child: ChildProcess) => unknown;
  readonly timeoutMs?: number;
}

/** The chip prints all to standard error: what it printed is in `lines` and in `errors`. */
export interface RunResult {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly lines: readonly string[];
  readonly errors: string;
  readonly timedOut: boolean;
}

export function startOnXs(options: RunOptions): Promise<{ child: ChildProcess; result: Promise<RunResult> }>;
export function runOnXs(options: RunOptions): Promise<RunResult>;
