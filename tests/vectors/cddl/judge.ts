/** Whether a data item fits a rule. */
import { readItem, simple, type DataItem } from "./data-item";
import { withoutGroups, type Entry, type Grammar, type Type } from "./grammar";

/** Whether bytes are one well-formed item that fits a rule. */
export function fits(grammar: Grammar, rule: string, bytes: Uint8Array): boolean {
  try {
    return new Judge(grammar).fits({ is: "name", name: rule }, readItem(bytes));
  } catch {
    // What is not well-formed fits nothing; a rule that is not there has been refused when the grammar was read.
    return false;
  }
}

class Judge {
  constructor(private readonly grammar: Grammar) {}

  fits(type: Type, item: DataItem): boolean {
    switch (type.is) {
      case "name":
        return this.#fitsName(type.name, item);
      case "int":
        return item.kind === "int" && item.value >= type.least && item.value <= type.most;
      case "text":
        return item.kind === "text" && item.text === type.text;
      case "choice":
        return type.of.some((choice) => this.fits(choice, item));
      case "map":
        return item.kind === "map" && hasUniqueKeys(item.entries) && this.#fitsMap(withoutGroups(this.grammar, type.entries), item.entries);
      case "array":
        return item.kind === "array" && this.#fitsArray(withoutGroups(this.grammar, type.entries), item.items);
      case "size":
        return this.fits(type.of, item) && hasSize(item, type.least, type.most);
      case "cbor":
        return item.kind === "bytes" && this.fits(type.content, readItem(item.bytes));
    }
  }

  #fitsName(name: string, item: DataItem): boolean {
    const type = this.grammar.types.get(name);
    if (type) return this.fits(type, item);
    switch (name) {
      case "any":
        return true;
      case "int":
        return item.kind === "int";
      case "uint":
        return item.kind === "int" && item.value >= 0n;
      case "nint":
        return item.kind === "int" && item.value < 0n;
      case "bstr":
      case "bytes":
        return item.kind === "bytes";
      case "tstr":
      case "text":
        return item.kind === "text";
      case "float":
        return item.kind === "float";
      case "bool":
        return item.kind === "simple" && (item.value === simple.false || item.value === simple.true);
      case "true":
      case "false":
      case "null":
        return item.kind === "simple" && item.value === simple[name];
      case "nil":
        return item.kind === "simple" && item.value === simple.null;
      default:
        throw new Error(`no rule ${name}`);
    }
  }

  /** Entries in their order; a key that an entry names belongs to that entry alone (the cut of RFC 8610, section 3.5.4). */
  #fitsMap(entries: readonly Entry[], given: readonly (readonly [DataItem, DataItem])[]): boolean {
    let rest = given;
    for (const { key, value, least, most } of entries) {
      if (!key) throw new Error("an entry of a map has no key");
      const matched = rest.filter(([k]) => this.fits(key, k)).slice(0, most);
      if (matched.length < least || !matched.every(([, v]) => this.fits(value, v))) return false;
      rest = rest.filter((entry) => !matched.includes(entry));
    }
    return rest.length === 0;
  }

  #fitsArray([entry, ...others]: readonly Entry[], items: readonly DataItem[]): boolean {
    if (!entry) return items.length === 0;
    let taken = 0;
    while (taken < entry.most && taken < items.length && this.fits(entry.value, items[taken]!)) taken++;
    for (; taken >= entry.least; taken--) if (this.#fitsArray(others, items.slice(taken))) return true;
    return false;
  }
}

function hasSize(item: DataItem, least: bigint, most: bigint): boolean {
  if (item.kind === "bytes") return item.bytes.length >= least && item.bytes.length <= most;
  if (item.kind !== "text") throw new Error(`.size of ${item.kind}`);
  const { length } = new TextEncoder().encode(item.text);
  return length >= least && length <= most;
}

function hasUniqueKeys(entries: readonly (readonly [DataItem, DataItem])[]): boolean {
  const keys = entries.map(([key]) => (key.kind === "int" ? key.value : key.kind === "text" ? `"${key.text}` : key));
  return new Set(keys).size === keys.length;
}
