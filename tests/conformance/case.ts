/**
 * Conformance cases run on Node and on XS and must give the same results. A case checks what it expects itself and returns a value (JSON) which
 * the two engines are compared by. Cases are portable code: what they need of a platform comes in through `Platform`.
 */
import type { CryptoPort, FullCrypto } from "../../sdk/core/security/crypto-port";
import type { SealPort } from "../../sdk/core/wire/reading-message";
import type { FlashPort } from "../../sdk/storage/flash-port";
import type { SamplePort } from "../../sdk/storage/ring/sample-port";
import type { World, WorldOptions } from "./world";

/** What an engine brings. */
export interface Engine {
  /** The engine's own crypto port: native where it has one. */
  readonly crypto: FullCrypto;
  /** The engine's own seal port, over the same keys. Left out: in TypeScript. */
  readonly seal?: SealPort;
  /** The engine's own flash, and the sample port over it. Left out: in memory and in TypeScript. */
  readonly storage?: { readonly flash: FlashPort; readonly samples: SamplePort };
  /** How many random messages a fuzzing case sends. */
  readonly fuzzCount: number;
  /** Seed of the random messages. */
  readonly fuzzSeed: number;
}

export interface Platform extends Engine {
  readonly seal: SealPort;
  /** Makes a world, which is closed when the case has ended; see its constructor. */
  open(...options: WorldOptions): World;
}

/** What units are made with. */
export interface Security {
  readonly crypto: CryptoPort;
  readonly seal: SealPort;
}

export interface Case {
  /** Begins with the ids of the requirement rows that it shows. */
  readonly name: string;
  run(platform: Platform): unknown;
}

/** Throws unless both are equal as JSON. */
export function expectEqual(actual: unknown, expected: unknown, what: string): void {
  const a = JSON.stringify(actual);
  const e = JSON.stringify(expected);
  if (a !== e) throw new Error(`${what}: ${a}, expected ${e}`);
}

/** Throws unless `action` throws an EbalanceError with this code; returns its message. */
export function expectError(action: () => unknown, code: string): string {
  try {
    action();
  } catch (error) {
    const found = (error as { code?: string }).code;
    if (found !== code) throw new Error(`error ${found} (${(error as Error).message}), expected ${code}`);
    return (error as Error).message;
  }
  throw new Error(`no error, expected ${code}`);
}

export function toHex(bytes: Uint8Array): string {
  let hex = "";
  for (let i = 0; i < bytes.length; i++) hex += (bytes[i]! < 16 ? "0" : "") + bytes[i]!.toString(16);
  return hex;
}

export function fromHex(hex: string): Uint8Array {
  const bytes = new Uint8Array(hex.length / 2);
  for (let i = 0; i < bytes.length; i++) bytes[i] = parseInt(hex.slice(2 * i, 2 * i + 2), 16);
  return bytes;
}

/** A small generator of repeatable pseudo-random integers (mulberry32), for test data only. */
export class Dice {
  #state: number;
  constructor(seed: number) {
    this.#state = seed | 0;
  }

  /** An integer from 0 to below - 1. */
  below(below: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  }

  bytes(length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    for (let i = 0; i < length; i++) bytes[i] = this.below(256);
    return bytes;
  }
}
