/** Holds a rule of a CDDL file against a reader: what the reader takes fits, and what fits it takes, but for what CDDL cannot say. */
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { expect, test } from "vitest";
import { EbalanceError } from "../../../sdk/core/model/errors";
import { toHex } from "../../conformance/case";
import { fitting } from "./arbitrary";
import { readItem, writeItem } from "./data-item";
import type { Grammar, Type } from "./grammar";
import { fits } from "./judge";
import { mutation } from "./mutation";

const runs = { numRuns: 3000, seed: 20261124 };

export interface Held {
  readonly grammar: Grammar;
  readonly rule: string;
  /** Parts of the grammar that the reader takes in this test: names that were agreed, say. */
  readonly narrower?: Readonly<Record<string, Type>>;
  /** @throws EbalanceError `malformed` */
  readonly read: (bytes: Uint8Array) => unknown;
  /** What the reader may say of what fits. */
  readonly beyondCddl: RegExp;
  /** Good ones. */
  readonly samples: readonly Uint8Array[];
  /** What the writer makes of what was read, if there is one: it fits too. */
  readonly write?: (read: unknown) => Uint8Array | undefined;
}

export function cddlSource(name: string): string {
  return readFileSync(new URL(`../../../sdk/core/wire/${name}`, import.meta.url), "utf8");
}

/** The line of a rule without its comment. */
export function ruleLine(source: string, rule: string): string {
  return source.split("\n").find((text) => text.replace(/ +/, " ").startsWith(`${rule} =`))!.replace(/;.*/, "");
}

/** Why a reader refuses, or undefined. */
function refusalOf(read: Held["read"], bytes: Uint8Array): string | undefined {
  try {
    read(bytes);
    return undefined;
  } catch (error) {
    if (error instanceof EbalanceError && error.code === "malformed") return error.message;
    throw error;
  }
}

export function holdRule({ grammar, rule, narrower, read, beyondCddl, samples, write }: Held): void {
  const good = fitting(grammar, rule, narrower);

  test(`what fits ${rule} is read, or refused for what CDDL cannot say`, () => {
    let readable = 0;
    fc.assert(
      fc.property(good, (bytes) => {
        expect(fits(grammar, rule, bytes), toHex(bytes)).toBe(true);
        const why = refusalOf(read, bytes);
        if (why !== undefined) {
          expect(why, toHex(bytes)).toMatch(beyondCddl);
          return;
        }
        readable++;
        const again = write?.(read(bytes));
        if (again) expect(fits(grammar, rule, again), toHex(bytes)).toBe(true);
      }),
      runs,
    );
    expect(readable).toBeGreaterThan(runs.numRuns / 20);
  });

  test(`what does not fit ${rule} is refused: values, types, entries and bytes changed`, () => {
    const flips = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 2 });
    let unfit = 0;
    fc.assert(
      fc.property(fc.oneof(good, fc.constantFrom(...samples)), mutation, flips, (bytes, change, flipped) => {
        const other = flipped.length ? bytes.slice() : writeItem(change(readItem(bytes)));
        for (const [at, byte] of flipped) other[at % other.length] = byte;
        const why = refusalOf(read, other);
        if (fits(grammar, rule, other)) return;
        unfit++;
        expect(why, toHex(other)).toBeDefined();
      }),
      { ...runs, numRuns: 6000 },
    );
    expect(unfit).toBeGreaterThan(2000);
  });
}
