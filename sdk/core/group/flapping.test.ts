/** Two devices with one identity (DI-9): each pushes the other out, until one keeps its place. */
import { expect, test } from "vitest";
import { NodeCrypto } from "../../../targets/linux-gateway/src/node-crypto";
import { sessionConfig } from "../../../tests/conformance/world";
import { MemoryStore } from "../../storage/memory-store";
import { Registry } from "../model/registry";
import { standardVariables } from "../model/standard-variables";
import type { LinkPort } from "../ports";
import { ManagementUnit } from "../unit";
import { Flapping } from "./flapping";

const link = (): LinkPort => ({ name: "link", send: () => true, close() {} });

test("four openings within a minute are too many, and hold for half a minute", () => {
  const flapping = new Flapping();
  expect([0, 20_000, 40_000].map((ms) => flapping.noteOpening(link(), ms))).toEqual([false, false, false]);
  expect(flapping.isHeld(59_000)).toBe(false);
  expect(flapping.noteOpening(link(), 59_999)).toBe(true);
  expect([89_998, 89_999].map((ms) => flapping.isHeld(ms))).toEqual([true, false]);
});

test("openings that are far apart are never too many", () => {
  const flapping = new Flapping();
  for (let ms = 0; ms < 600_000; ms += 20_000) expect(flapping.noteOpening(link(), ms)).toBe(false);
});

test("of two devices with one identity one is served, the other is refused, and the alarm is told", () => {
  const clock = { now: 1_790_000_000_000, wallMs: () => clock.now, monotonicMs: () => clock.now, isSet: () => true };
  const crypto = new NodeCrypto();
  const alarms: string[] = [];
  const openings: string[] = [];
  const unit = (id: string, extra: object) => {
    const made = new ManagementUnit({ id, registry: new Registry(standardVariables), ...extra }, { clock, crypto, store: new MemoryStore(8), log: () => {}, wake: () => {} });
    made.addSession(sessionConfig(1, "meter", "customer", "sensor"), crypto.importKey(new Uint8Array(32).fill(1), "derive"));
    return made;
  };
  const home = unit("home", { onFlapping: (peer: string) => alarms.push(peer), onSession: (_peer: string, open: boolean) => open && openings.push("open") });
  const twins = ["first", "second"].map((name) => {
    const meter = unit("meter", { parent: "home" });
    const atMeter: LinkPort = { name, send: (message) => (home.receive(atHome, message), true), close() {} };
    const atHome: LinkPort = { name, send: (message) => (meter.receive(atMeter, message), true), close: () => meter.linkLost(atMeter) };
    return { open: () => meter.linkUp(atMeter, "home"), lose: () => home.linkLost(atHome) };
  });
  // Whoever was pushed out comes again after its pause.
  for (const twin of [0, 1, 0, 1, 0, 0, 0]) {
    twins[twin]!.open();
    clock.now += 500;
  }
  expect(openings).toHaveLength(4);
  expect(alarms).toEqual(["meter"]);
  expect(home.counters.refused.foreignLink).toBeGreaterThanOrEqual(3);
  expect(home.isHeld("meter")).toBe(true);
  // The one that is served goes: its place is free at once.
  twins[1]!.lose();
  expect(home.isHeld("meter")).toBe(false);
  twins[0]!.open();
  expect(openings).toHaveLength(5);
});
