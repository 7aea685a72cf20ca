/**
 * What the vectors of session-v1.json are made from. The figures of `npm run bench -- wire` are the lengths of these messages, so nothing here is
 * chosen to be small: readings of a meter that has run for months, times with milliseconds, sequence numbers of a session that has run for hours.
 */
import type { PolicyText } from "../../sdk/core/model/policy";
import type { BodyText, ItemText } from "./body-text";
import type { SessionInputs } from "./vector-file";

/** 2026-09-21 12:12:14 UTC, and the millisecond at which the meter was read. */
const timeMs = 1_789_992_734_000;
const readMs = timeMs + 437;
const quarterHourMs = 900_000;

/** Energy of the recorded half year of a household, and of its photovoltaic plant, in Wh; and what a quarter of an hour adds at 274 W and at 1,648 W. */
const householdWh = 1_408_146;
const plantWh = 3_054_794;
const quarterHourWh = 68;
const plantQuarterHourWh = 412;

/** The customer lets the supplier's billing read every quarter of an hour and the aggregator's balancing every five seconds. */
export const policy: PolicyText = {
  sequence: 3,
  entries: [
    { rights: "read", minDelayS: 5, grantees: [{ stakeholder: "aggregator", service: "balancing" }] },
    { rights: "read", minDelayS: 900, grantees: [{ stakeholder: "supplier", service: "billing" }] },
  ],
};

const metering = { device: "meter", service: "metering", stakeholder: "customer" };
const display = { device: "meter", service: "display", stakeholder: "customer" };
const plant = { variable: "activeEnergyExport", device: "inverter", owner: "customer" };

function reading(value: number, atMs: number, given: ItemText["policy"]): ItemText {
  return { variable: "activeEnergyImport", value, timeMs: atMs, device: "meter", owner: "customer", policy: given };
}

function writes(hash: string): SessionInputs["bodies"] {
  const write = (sequence: number, at: number, item: ItemText): BodyText => ({ op: "write", sequence, timeMs: at, source: metering, items: [item] });
  const later = timeMs + quarterHourMs;
  return [
    { name: "alive", sender: "meter", about: "the first message of the initiator: it holds the keys", body: { op: "alive", sequence: 1, timeMs } },
    { name: "writeInline", sender: "meter", about: "a write of one reading with its policy", body: write(1234, timeMs, reading(householdWh, readMs, policy)) },
    {
      name: "writeRef",
      sender: "meter",
      about: "the next write, with the hash of the policy that was acknowledged",
      body: write(1235, later, reading(householdWh + quarterHourWh, later + 281, { hash })),
    },
    {
      name: "writeInForce",
      sender: "meter",
      about: "a negative value (the household feeds in 1,532.4 W), read before the second of the message, under the policy in force",
      body: write(1236, later + 5000, { ...reading(-15_324, later + 4650, null), variable: "activePower" }),
    },
  ];
}

function requests(hash: string): SessionInputs["bodies"] {
  const at = timeMs + 2 * quarterHourMs;
  const over: NonNullable<BodyText["condition"]> = [{ field: "value", comparison: "above", operand: plantWh }];
  const day: NonNullable<BodyText["condition"]> = [
    { field: "time", comparison: "atLeast", operand: timeMs - 86_400_000 },
    { field: "time", comparison: "below", operand: timeMs },
  ];
  const item: ItemText = { ...plant, value: plantWh + plantQuarterHourWh, timeMs: at + 437, policy: { hash } };
  return [
    {
      name: "event",
      sender: "meter",
      about: "the meter's display subscribes to the plant",
      body: { op: "event", sequence: 1237, timeMs: at, source: display, selector: plant, condition: over },
    },
    {
      name: "accepted",
      sender: "home",
      about: "the subscription is accepted: `done` has no key on the wire",
      body: { op: "notify", sequence: 1239, timeMs: at, id: 1237, result: "done" },
    },
    {
      name: "notify",
      sender: "home",
      about: "one instance, its policy by hash, result `done`",
      body: { op: "notify", sequence: 1240, timeMs: at, id: 1237, result: "done", items: [item] },
    },
    {
      name: "query",
      sender: "meter",
      about: "the average of a day",
      body: { op: "query", sequence: 1238, timeMs: at, source: display, selector: plant, condition: day, function: "average" },
    },
    {
      name: "tooEarly",
      sender: "home",
      about: "a refusal with the time left",
      body: { op: "notify", sequence: 1241, timeMs: at, id: 1238, result: "tooEarly", retryAfterMs: 4180 },
    },
    {
      name: "unsubscribe",
      sender: "meter",
      about: "the end of the subscription, by the sequence of its request",
      body: { op: "unsubscribe", sequence: 1239, timeMs: at, source: display, id: 1237 },
    },
  ];
}

/** @param hash content hash of {@link policy} in hex */
export function sessionInputs(hash: string): SessionInputs {
  return {
    key: "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
    nonces: { initiator: "202122232425262728292a2b2c2d2e2f", responder: "303132333435363738393a3b3c3d3e3f" },
    config: {
      kid: 17,
      domain: "vectors.example",
      initiator: "meter",
      responder: "home",
      owner: "customer",
      names: ["home", "meter", "inverter", "customer", "supplier", "aggregator", "metering", "display", "billing", "balancing"],
      sources: [metering, display],
    },
    bodies: [...writes(hash), ...requests(hash)],
  };
}
