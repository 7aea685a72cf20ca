/** Pure pictures: what a person sees at any size, and what hostile texts cannot do to it. */
import fc from "fast-check";
import { beforeEach, describe, expect, test } from "vitest";
import type { Value } from "ebalance";
import { picture } from "./picture";
import { width } from "./text";
import { bounds, ViewModel } from "./view-model";

let nowMs = 0;
let model: ViewModel;
beforeEach(() => {
  nowMs = Date.UTC(2024, 5, 1, 12);
  model = new ViewModel(() => nowMs);
});

const plain = { colour: false, unicode: true };
const lines = (columns: number, rows: number, options = plain) => picture(model, columns, rows, options);
const shown = (columns = 80, rows = 24) => lines(columns, rows).join("\n");
const reading = (unit: string, variable: string, value: Value, unitOfMeasure = "W") => model.reading({ unit, variable, value, unitOfMeasure, timeMs: nowMs });
const by = (stakeholder: string, service: string) => ({ stakeholder, service, device: "lv" });

/** A street with everything in it, a while after its start. */
function street(): void {
  model.unit({ id: "lv", kind: "low-voltage unit", engine: "Node 20", transport: "MQTT broker" });
  for (const n of [1, 2]) {
    model.unit({ id: `home-${n}`, parent: "lv", kind: "home", engine: "Node 20", transport: "MQTT" });
    model.unit({ id: `der-${n}`, parent: `home-${n}`, kind: "DER controller", engine: "XS", transport: "TCP" });
    model.unit({ id: `inverter-${n}`, parent: `der-${n}`, kind: "inverter", transport: "Modbus" });
    for (const id of [`home-${n}`, `der-${n}`]) model.link(id, true);
    model.counters(`home-${n}`, { received: 0, kept: 0, refused: 0 });
  }
  for (let s = 0; s < 30; s++) {
    for (const n of [1, 2]) {
      reading(`der-${n}`, "activePower", -1000.5 * n - s);
      reading(`der-${n}`, "voltageL1", 240 + s / 10, "V");
      reading(`der-${n}`, "nominalPower", 5000);
      reading(`der-${n}`, "controllerState", 2, "");
      model.counters(`home-${n}`, { received: 8 * s, kept: 4 * s, refused: n });
    }
    nowMs += 1000;
  }
  model.setPoint("der-1", "limit 60 % for 12 s: 254.1 V");
  model.asked({ by: by("supplier", "billing"), what: "average", target: "der-1 activePower", result: "done", detail: "-1015.0 W", timeMs: nowMs });
  model.asked({ by: by("supplier", "billing"), what: "average", target: "der-1 activePower", result: "tooEarly", detail: "4.8 s are left", timeMs: nowMs });
  model.asked({ by: by("stranger", "ads"), what: "last", target: "der-2 activePower", result: "denied", detail: "", timeMs: nowMs });
  model.alarm({ unit: "der-1", name: "over-voltage", stands: true });
  model.alarm({ unit: "der-2", name: "no gateway", stands: true });
  nowMs += 4000;
  model.alarm({ unit: "der-2", name: "no gateway", stands: false });
  ["units join", "the voltage rises", "the inverter obeys"].forEach((name, i) => model.step({ name, ok: i === 0, seen: i === 0 ? "6 of 6" : "" }));
}

describe("a picture of the whole street", () => {
  test.each([[80, 24], [120, 40], [200, 60]])("shows all that matters in %d columns and %d rows", (columns, rows) => {
    street();
    const picture = shown(columns, rows);
    for (const part of [
      "├─ ● home-1", "└─ ● home-2", "│  └─ ● der-1", "XS · TCP", "inverter-1", "messages/s", "116 kept", "-1029.5 W", "242.9 V", "◆ limit 60 % for 12 s: 254.1 V",
      "▲ der-1: over-voltage for 4 s", "△ der-2: no gateway cleared 0 s ago, stood 4 s", "▲ 1 alarm", "1 of 3 steps", "· the voltage rises",
      "supplier/billing → der-1 activePower", "✓ -1015.0 W", "⋯ tooEarly, 4.8 s are left", "stranger/ads → der-2 activePower", "✗ denied",
    ]) expect(picture).toContain(part);
    expect(picture).toMatch(/[▁▂▃▄▅▆▇█]{4}/);
  });

  test("is never wider or higher than the terminal, and the first rows to stay are alarms, the newest outcome and the values", () => {
    street();
    for (const unicode of [true, false])
      for (const columns of [1, 10, 30, 47, 50, 79, 80, 109, 110, 111, 132, 200])
        for (const rows of [1, 2, 5, 12, 24, 60]) {
          const picture = lines(columns, rows, { colour: false, unicode });
          expect(picture.length).toBeLessThanOrEqual(rows);
          expect(Math.max(...picture.map(width)), `${columns} x ${rows}`).toBeLessThanOrEqual(columns);
        }
    const small = shown(30, 5);
    for (const part of ["▲ 1 alarm", "▲ der-1: over-voltage", "✗ denied", "-1029.5 W"]) expect(small).toContain(part);
    expect(shown(50, 8)).toContain("· the voltage rises");
  });

  test("colours are added where wanted and change nothing else; without Unicode it is ASCII of the same width", () => {
    street();
    const coloured = lines(80, 24, { colour: true, unicode: true });
    expect(coloured.join("")).toContain("\x1b[31m▲ ");
    // eslint-disable-next-line no-control-regex -- the codes of colours
    expect(coloured.map((line) => line.replace(/\x1b\[\d+m/g, "").trimEnd())).toEqual(lines(80, 24));
    const ascii = lines(80, 24, { colour: false, unicode: false });
    expect(ascii.join("")).toMatch(/^[ -~]+$/);
    expect(ascii.map(width)).toEqual(lines(80, 24).map(width));
    expect(ascii.join("\n")).toContain("! der-1: over-voltage for 4 s");
  });

  test("a larger terminal shows more of the log, the newest at the end", () => {
    for (let i = 0; i < 100; i++) model.note(`note ${i}`);
    const notes = (rows: number) => lines(80, rows).flatMap((line) => /note (\d+)/.exec(line)?.[1] ?? []).map(Number);
    expect(notes(12).at(-1)).toBe(99);
    expect(notes(12)).toEqual([...notes(12)].sort((a, b) => a - b));
    expect(notes(40).length).toBeGreaterThan(notes(12).length + 20);
  });
});

describe("what a unit is like", () => {
  test("a lost link is said in words, and its values are stale", () => {
    street();
    model.link("der-1", false);
    nowMs += 5000;
    const rows = lines(110, 40);
    const at = rows.findIndex((line) => line.includes("○ der-1"));
    expect(rows[at]).toContain("link lost");
    expect(rows[at + 2]).toMatch(/activePower .*-1029\.5 W.* stale 10 s/);
    expect(rows.join("\n")).toContain("the link of der-1 is lost");
    model.link("der-1", true);
    expect(shown()).toContain("the link of der-1 is back");
  });

  test("a value is stale after four of its usual periods, at least ten seconds; one that came once is not", () => {
    reading("m", "nominalPower", 5);
    for (let i = 0; i < 5; i++) {
      reading("m", "activePower", i);
      reading("slow", "temperature", 20 + i, "°C");
      nowMs += i < 4 ? 10_000 : 9_000;
    }
    expect(shown()).not.toContain("stale");
    nowMs += 32_000;
    expect(shown().match(/stale 41 s/g)).toHaveLength(2);
    expect(shown()).toMatch(/nominalPower +5 W +81 s/);
  });

  test("values are shown with as many decimals as they need, large ones with a prefix", () => {
    reading("m", "activePower", 230.04);
    reading("m", "activePower", 1234.5);
    reading("m", "activeEnergyImport", 1234567, "Wh");
    reading("m", "frequency", 49.987, "Hz");
    reading("m", "controllerState", 3, "");
    reading("m", "switchState", false, "");
    reading("m", "alarmText", "door open", "");
    reading("m", "deviceInfo", new Uint8Array(7), "");
    for (const part of ["1234.50 W", "1234.57 kWh", "49.987 Hz", "controllerState    3", "false", "door open", "7 bytes"]) expect(shown(80, 40)).toContain(part);
  });

  test("rates are those of the last seconds, and a unit that starts again does not make one", () => {
    for (let s = 0; s < 10; s++) {
      model.counters("home", { received: 1000 + 20 * s, kept: 0, refused: 0 });
      nowMs += 1000;
    }
    expect(shown()).toContain("20 messages/s");
    model.counters("home", { received: 5, kept: 0, refused: 0 });
    nowMs += 1000;
    expect(shown()).toContain("17 messages/s");
    nowMs += 7000;
    expect(shown()).toContain("0.0 messages/s");
  });

  test("the same outcome again and again is one line with a count", () => {
    for (let i = 0; i < 3; i++) model.asked({ by: by("a", "b"), what: "last", target: "m activePower", result: "done", detail: `${i} W`, timeMs: nowMs });
    expect(shown().match(/a\/b/g)).toHaveLength(1);
    expect(shown()).toContain("✓ 2 W ×3");
  });

  test("units that are above themselves, or below one that is not there, are shown too", () => {
    model.unit({ id: "a", parent: "b", kind: "" });
    model.unit({ id: "b", parent: "a", kind: "" });
    model.unit({ id: "c", parent: "c", kind: "" });
    model.unit({ id: "d", parent: "nowhere", kind: "" });
    for (const id of ["a", "b", "c", "d"]) expect(lines(80, 24).some((line) => line.trim().endsWith(id))).toBe(true);
  });
});

describe("hostile texts and numbers", () => {
  const texts = ["\x1b[2J\x1b]0;owned\x07", "two\nlines\r\x85\u2028", "幅の広い文字😀👩‍👩‍👧", "\u202eright to left", "e\u0301\u0301\u0301\u0301", "\ud800", "x".repeat(5000), "", "─│●"];
  const tell = (text: string, value: Value) => {
    model.unit({ id: text, parent: text, kind: text, engine: text, transport: text });
    model.link(text, value === true);
    reading(text, text, value, text);
    reading("meter", text, value, text);
    model.asked({ by: { stakeholder: text, service: text, device: text }, what: text, target: text, result: text as "done", detail: text, timeMs: typeof value === "number" ? value : NaN });
    model.alarm({ unit: text, name: text, stands: true });
    model.setPoint(text, text);
    model.counters(text, { received: NaN, kept: -1, refused: Infinity });
    model.step({ name: text, ok: false, seen: text });
    model.note(text);
  };

  test("cannot break the screen", () => {
    const text = fc.oneof(fc.constantFrom(...texts), fc.string({ unit: "binary", maxLength: 30 }));
    const value = fc.oneof(fc.constantFrom<Value>(NaN, Infinity, -1e300, 1e-300, true, "\x1b[5n", new Uint8Array(3)), fc.double(), text);
    fc.assert(
      fc.property(fc.array(fc.tuple(text, value), { maxLength: 12 }), fc.integer({ min: 1, max: 200 }), fc.integer({ min: 1, max: 60 }), fc.boolean(), (told, columns, rows, unicode) => {
        model = new ViewModel(() => nowMs);
        for (const [what, how] of told) {
          tell(what, how);
          nowMs += 700;
        }
        const picture = lines(columns, rows, { colour: false, unicode });
        expect(picture.length).toBeLessThanOrEqual(rows);
        for (const line of picture) {
          expect(line).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{M}\u2028\u2029]/u);
          expect(width(line)).toBeLessThanOrEqual(columns);
          if (!unicode) expect(line).toMatch(/^[ -~]*$/);
        }
      }),
    );
  });

  test("wide characters take two columns", () => {
    expect([width("幅"), width("😀"), width("é"), width("─●✓▁…°"), width("ｶ"), width("한")]).toEqual([2, 2, 1, 6, 1, 2]);
  });

  test("nothing grows without bound", () => {
    for (let i = 0; i < 3000; i++) {
      model.note(`note ${i}`);
      model.unit({ id: `unit ${i}`, kind: "" });
      reading("unit 0", `variable ${i}`, i);
      reading("unit 0", "variable 0", i);
      model.alarm({ unit: "u", name: `alarm ${i}`, stands: true });
      if (i % 2) model.alarm({ unit: "u", name: `alarm ${i}`, stands: false });
      model.step({ name: `step ${i}`, ok: true, seen: "" });
    }
    const unit = model.units.get("unit 0")!;
    expect([model.log.length, model.units.size, unit.series.size, unit.series.get("variable 0")!.history.length, model.alarms.size, model.steps.size]).toEqual([
      bounds.log, bounds.units, bounds.series, bounds.history, bounds.alarms, bounds.steps,
    ]);
    expect([...model.alarms.values()].some(({ name, stands }) => name === "alarm 2998" && stands)).toBe(true);
  });
});
