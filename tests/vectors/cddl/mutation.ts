/** Items that differ from a given one in one place: a value, a type, an entry more, fewer or twice. */
import fc from "fast-check";
import { simple, type DataItem } from "./data-item";

const int = (value: bigint): DataItem => ({ kind: "int", value });
const replacements: fc.Arbitrary<DataItem> = fc.oneof(
  fc.constantFrom<bigint>(-1n, 0n, 1n, 2n, 3n, 4n, 7n, 8n, 9n, 18n, 19n, 0xffffn, 0x10000n, 0x3fffffffn, 0x40000000n, 0x7fffffffn, 0x80000000n, 0xffffffffn, 1n << 32n, 1n << 53n, -(1n << 53n)).map(int),
  fc.constantFrom<DataItem>(
    { kind: "simple", value: simple.null },
    { kind: "simple", value: simple.undefined },
    { kind: "simple", value: simple.true },
    { kind: "float", value: 1 },
    { kind: "float", value: 0.5 },
    { kind: "float", value: NaN },
    { kind: "text", text: "" },
    { kind: "array", items: [] },
    { kind: "map", entries: [] },
    { kind: "tag", tag: 1n, item: int(1n) },
  ),
  fc.uint8Array({ maxLength: 20 }).map((bytes): DataItem => ({ kind: "bytes", bytes })),
);
const changes = fc.record({ place: fc.nat(), what: fc.constantFrom("replace", "add", "drop", "repeat", "up", "down", "wrap"), at: fc.nat(), by: replacements });
type Change = typeof changes extends fc.Arbitrary<infer T> ? T : never;

/** What a change makes of an item. */
export const mutation: fc.Arbitrary<(item: DataItem) => DataItem> = changes.map((change) => (item) => changed(item, { left: change.place % countOf(item) }, change));

function countOf(item: DataItem): number {
  if (item.kind === "array") return item.items.reduce((sum, each) => sum + countOf(each), 1);
  if (item.kind === "map") return item.entries.reduce((sum, [key, value]) => sum + countOf(key) + countOf(value), 1);
  return 1;
}

/** Goes through the items in their order until none is left before the one to change. */
function changed(item: DataItem, place: { left: number }, change: Change): DataItem {
  if (place.left-- === 0) return changedHere(item, change);
  const inside = (each: DataItem) => (place.left < 0 ? each : changed(each, place, change));
  if (item.kind === "array") return { kind: "array", items: item.items.map(inside) };
  if (item.kind === "map") return { kind: "map", entries: item.entries.map(([key, value]) => [inside(key), inside(value)] as const) };
  return item;
}

function changedHere(item: DataItem, { what, at, by }: Change): DataItem {
  if (what === "wrap") return { kind: "array", items: [item] };
  if (item.kind === "int" && what === "up") return int(item.value + 1n);
  if (item.kind === "int" && what === "down") return int(item.value - 1n);
  if (item.kind === "array") return { kind: "array", items: changedList(item.items, what, at, by) };
  if (item.kind === "map") return { kind: "map", entries: changedList(item.entries, what, at, [int(BigInt(at % 24)), by] as const) };
  return by;
}

function changedList<T>(list: readonly T[], what: Change["what"], at: number, by: T): T[] {
  const index = list.length ? at % list.length : 0;
  if (what === "drop") return list.filter((_, i) => i !== index);
  const given = what === "repeat" ? list.slice(index, index + 1) : [by];
  return [...list.slice(0, index), ...given, ...list.slice(what === "replace" ? index + 1 : index)];
}
