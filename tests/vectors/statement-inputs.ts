/**
 * What the vectors of statement-v1.json are made from. The figures `statement_1_bytes` and `statement_64_bytes_per_item` of `npm run bench -- wire` come from the lengths of `data1` and `data64`, so nothing
 * here is chosen to be small: a meter that has run for months, read in the right second but at any millisecond of it.
 */
import type { ItemText } from "./body-text";
import { issuedS } from "./credential-inputs";
import { policy } from "./session-inputs";
import type { StatementText } from "./signed-file";

export interface StatementInput {
  readonly name: string;
  readonly about: string;
  /** Name of the credential in credential-v1.json under which it is signed. */
  readonly signer: string;
  readonly body: StatementText;
}

const timeMs = issuedS * 1000;
const quarterHourMs = 900_000;
const householdWh = 1_408_146;

/** Energy in Wh of 64 quarters of an hour of the recorded household. */
const quarterHoursWh: readonly number[] = [
  41, 46, 49, 54, 86, 79, 76, 64, 66, 61, 77, 68, 63, 67, 73, 70, 60, 71, 75, 63, 59, 75, 73, 59, 62, 81, 63, 58, 65, 79, 58, 58, 75, 70, 68, 94, 120, 110, 120, 262, 141, 120, 120, 140, 130, 120, 124, 252, 418, 346,
  297, 138, 121, 123, 267, 134, 120, 129, 132, 129, 122, 129, 133, 82,
];

/** The 64 readings: counter, and time with a millisecond that is as good as random (Park and Miller's generator). */
function day(): ItemText[] {
  let wh = householdWh;
  let random = 1;
  return quarterHoursWh.map((energy, i) => {
    wh += energy;
    random = (random * 48_271) % 0x7fffffff;
    return { variable: "activeEnergyImport", value: wh, timeMs: timeMs + i * quarterHourMs + (random % 1000), device: "meter", owner: "customer", policy };
  });
}

const readings = day();
const hash = { hash: "ad3816b73d05b029" };
const lastMs = timeMs + 63 * quarterHourMs;
const later = lastMs + quarterHourMs;
const expiresS = issuedS + 300;
const own = { variable: "activeEnergyExport", device: "inverter", owner: "customer" };
const setPoint = (variable: string, value: number): ItemText => ({ variable, value, timeMs, device: "inverter", owner: "customer", policy });

const data: readonly StatementInput[] = [
  { name: "data1", about: "one reading with its policy, by the home under the owner's delegation", signer: "metering at home", body: { kind: "data", sequence: 1234, timeMs, items: [readings[0]!] } },
  { name: "data64", about: "64 readings of one series: columns", signer: "metering at home", body: { kind: "data", sequence: 1235, timeMs: lastMs, items: readings } },
  {
    name: "dataOnTheLine",
    about: "three readings exactly a quarter of an hour apart, policy by hash: columns without deviations; for one part of the grid, and until a time",
    signer: "metering at home",
    body: {
      kind: "data",
      sequence: 1236,
      timeMs: later,
      scope: "lv-unit",
      expiresS: issuedS + 86_400,
      items: [-15_324, -15_301, 274].map((value, i) => ({ variable: "activePower", value, timeMs: later + (i - 2) * quarterHourMs, device: "meter", owner: "customer", policy: hash })),
    },
  },
  {
    name: "dataOfTwoSeries",
    about: "readings of two series: rows",
    signer: "metering at home",
    body: { kind: "data", sequence: 1237, timeMs: later, items: [{ ...readings[63]!, policy: hash }, { ...own, value: 3_055_206, timeMs: later - 563, policy: hash }] },
  },
];

const requests: readonly StatementInput[] = [
  {
    name: "write",
    about: "a set-point for an inverter",
    signer: "metering at home",
    body: { kind: "write", sequence: 65, timeMs, scope: "inverter", expiresS, items: [setPoint("powerLimitShare", 600)] },
  },
  {
    name: "query",
    about: "the average of a day, of another unit's copy",
    signer: "billing at home",
    body: {
      kind: "query",
      sequence: 66,
      timeMs,
      scope: "lv-unit",
      expiresS,
      selector: own,
      at: "lv-unit",
      condition: [
        { field: "time", comparison: "atLeast", operand: timeMs - 86_400_000 },
        { field: "time", comparison: "below", operand: timeMs },
      ],
      function: "average",
    },
  },
  {
    name: "event",
    about: "a subscription to what lies above a bound, with an echo nonce",
    signer: "billing at home",
    body: { kind: "event", sequence: 67, timeMs, scope: "inverter", expiresS, nonce: "4041424344454647", selector: own, condition: [{ field: "value", comparison: "above", operand: 3_054_794 }] },
  },
  { name: "periodic", about: "the newest reading every quarter of an hour", signer: "billing at home", body: { kind: "periodic", sequence: 68, timeMs, scope: "inverter", expiresS, selector: own, periodMs: quarterHourMs } },
  { name: "unsubscribe", about: "the end of a subscription, by the sequence of its request", signer: "billing at home", body: { kind: "unsubscribe", sequence: 69, timeMs, scope: "inverter", expiresS, id: 67 } },
];

const answer: StatementInput = {
  name: "answer",
  about: "the answer to the supplier's query, for the unit that asked, by the home under the owner's delegation",
  signer: "metering at home",
  body: { kind: "answer", sequence: 1238, timeMs: later, scope: "lv-unit", id: 66, items: [{ ...own, value: 3_055_206, timeMs: later - 563, policy }] },
};

const administration: readonly StatementInput[] = [
  { name: "policy", about: "the customer's policy for a series", signer: "customer", body: { kind: "policy", sequence: 3, timeMs, selector: { variable: "activeEnergyImport", device: "meter", owner: "customer" }, policy } },
  { name: "policyOfDevice", about: "the customer's policy for all of a device: nobody else may anything", signer: "customer", body: { kind: "policy", sequence: 4, timeMs, selector: { variable: null, device: "inverter", owner: "customer" }, policy: { sequence: 7, entries: [] } } },
  {
    name: "checkpoint",
    about: "what a meter says of an hour of two of its series; the digests are of any bytes",
    signer: "metering at the meter",
    body: {
      kind: "checkpoint",
      sequence: 12,
      timeMs: timeMs + 3_600_000,
      fromS: issuedS - 734 - 3600,
      toS: issuedS - 734,
      series: [
        { variable: "activeEnergyImport", device: "meter", count: 4, digest: "606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f" },
        { variable: "activePower", device: "meter", count: 720, digest: "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f" },
      ],
    },
  },
  { name: "revocation", about: "the operator's list: the meter's first key does not count any more, nor any of an inverter", signer: "root", body: { kind: "revocation", sequence: 2, timeMs, epochs: [{ subject: "inverter", leastEpoch: 1_073_741_823 }, { subject: "meter", leastEpoch: 2 }] } },
  { name: "revocationBySupplier", about: "a stakeholder's list of its own delegations, signed with Ed25519", signer: "supplier", body: { kind: "revocation", sequence: 1, timeMs, epochs: [{ subject: "home", leastEpoch: 2 }] } },
  {
    name: "open",
    about: "opens a session of the delegation with the unit that is its scope; fresh by the transcript of the handshake",
    signer: "metering at the meter",
    body: { kind: "open", timeMs, scope: "home", transcript: "a0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebf" },
  },
];

export const statementInputs: readonly StatementInput[] = [...data, ...requests, answer, ...administration];
