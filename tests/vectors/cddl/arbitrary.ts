/** Random data items that fit a rule: what the reader must accept, or refuse for a reason that CDDL cannot say. */
import fc from "fast-check";
import { simple, writeItem, type DataItem } from "./data-item";
import { withoutGroups, type Entry, type Grammar, type Type } from "./grammar";

const most64 = (1n << 64n) - 1n;
const ofInt = (least: bigint, most: bigint): fc.Arbitrary<DataItem> =>
  fc.oneof(fc.constantFrom(least, most), fc.bigInt({ min: least, max: least + 30n < most ? least + 30n : most }), fc.bigInt({ min: least, max: most })).map((value) => ({ kind: "int", value }));
const ofBytes = (least: number, most: number): fc.Arbitrary<DataItem> => fc.uint8Array({ minLength: least, maxLength: most }).map((bytes) => ({ kind: "bytes", bytes }));
const ofText = (least: number, most: number): fc.Arbitrary<DataItem> =>
  fc.string({ unit: "binary", minLength: least, maxLength: most }).filter((text) => new TextEncoder().encode(text).length <= most).map((text) => ({ kind: "text", text }));
const ofSimple = (...values: number[]): fc.Arbitrary<DataItem> => fc.constantFrom(...values).map((value) => ({ kind: "simple", value }));

/** What the names of the prelude stand for, bounded to a size that fits a message. */
const preludeOf: Readonly<Record<string, () => fc.Arbitrary<DataItem>>> = {
  int: () => ofInt(-most64 - 1n, most64),
  uint: () => ofInt(0n, most64),
  nint: () => ofInt(-most64 - 1n, -1n),
  bstr: () => ofBytes(0, 60),
  bytes: () => ofBytes(0, 60),
  tstr: () => ofText(0, 60),
  text: () => ofText(0, 60),
  bool: () => ofSimple(simple.false, simple.true),
  true: () => ofSimple(simple.true),
  false: () => ofSimple(simple.false),
  null: () => ofSimple(simple.null),
  nil: () => ofSimple(simple.null),
  float: () => fc.double().map((value) => ({ kind: "float", value })),
};

/**
 * Deterministic encodings of items that fit `rule`.
 * @param narrower rules to take in place of the grammar's: a part of what they allow
 */
export function fitting(grammar: Grammar, rule: string, narrower: Readonly<Record<string, Type>> = {}): fc.Arbitrary<Uint8Array> {
  return new Generator({ ...grammar, types: new Map([...grammar.types, ...Object.entries(narrower)]) }).of({ is: "name", name: rule }).map(writeItem);
}

class Generator {
  constructor(private readonly grammar: Grammar) {}

  of(type: Type): fc.Arbitrary<DataItem> {
    switch (type.is) {
      case "name": {
        const rule = this.grammar.types.get(type.name);
        return rule ? this.of(rule) : (preludeOf[type.name] ?? missing(type.name))();
      }
      case "int":
        return ofInt(type.least, type.most);
      case "text":
        return fc.constant({ kind: "text", text: type.text });
      case "choice":
        return fc.oneof(...type.of.map((choice) => this.of(choice)));
      case "map":
        return this.#entries(type.entries, ({ key, value }) => fc.tuple(this.of(key!), this.of(value))).map((entries) => ({ kind: "map", entries }));
      case "array":
        return this.#entries(type.entries, ({ value }) => this.of(value)).map((items) => ({ kind: "array", items }));
      case "size":
        return type.of.is === "name" && type.of.name === "tstr" ? ofText(Number(type.least), Number(type.most)) : ofBytes(Number(type.least), Number(type.most));
      case "cbor":
        return this.of(type.content).map((item) => ({ kind: "bytes", bytes: writeItem(item) }));
    }
  }

  #entries<T>(entries: readonly Entry[], of: (entry: Entry) => fc.Arbitrary<T>): fc.Arbitrary<T[]> {
    return fc.tuple(...withoutGroups(this.grammar, entries).map((entry) => fc.array(of(entry), { minLength: entry.least, maxLength: Math.min(entry.most, entry.least + 3) }))).map((lists) => lists.flat());
  }
}

function missing(name: string): never {
  throw new Error(`nothing to make a ${name} of`);
}
