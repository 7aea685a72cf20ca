// SPDX-License-Identifier: Apache-2.0

/** A program of the emulated chip. */
export interface ChipProgram {
  readonly path: string;
  /** Code and constants of engine, host and native modules. */
  readonly textBytes: number;
  /** The baked bytecode of the application and its modules, with the names in it. */
  readonly imageBytes: number;
  /** What is taken of RAM before anything runs. */
  readonly ramBytes: number;
}

export interface ChipOptions {
  readonly main: string;
  /** In order of import. */
  readonly preload?: readonly { readonly file: string; readonly specifier: string }[];
  /** RAM of the chip; 327,680 where left out. */
  readonly ramBytes?: number;
  /** With `host.fullCrypto`; false where left out. */
  readonly fullCrypto?: boolean;
  readonly log?: (text: string) => void;
}

export const RAM_BYTES: number;
/** Addresses of flash, of what in it the root machine stands in, and of RAM, whose end is the C stack with a guard below. */
export function memoryMap(ramBytes?: number): Readonly<Record<"flashStart" | "flashWindow" | "flashEnd" | "ramStart" | "stackGuard" | "stackLow" | "ramEnd", number>>;
/** Why there is no emulated chip on this machine, with the remedy; "" where there is one. */
export function noChipReason(): Promise<string>;
/** Bakes an application and links it with the engine. @throws BuildError */
export function buildChip(options: ChipOptions): Promise<ChipProgram>;
/** The command that runs a program; `serial` is a backend of QEMU for the serial line. The chip's output is the command's standard error. */
export function chipCommand(path: string, options?: { readonly args?: readonly string[]; readonly serial?: string }): { readonly command: string; readonly args: string[] };
