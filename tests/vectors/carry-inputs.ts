/** What the vectors of carry-v1.json are made from: a session between two units that take statements on, a home and the unit above it. */
import type { CarryInputs } from "./carry-file";
import { domain, issuedS } from "./credential-inputs";

const timeMs = (issuedS + 900) * 1000;

export const carryInputs: CarryInputs = {
  key: "404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f",
  nonces: { initiator: "606162636465666768696a6b6c6d6e6f", responder: "707172737475767778797a7b7c7d7e7f" },
  config: { kid: 300, domain, initiator: "home", responder: "lv-unit", owner: "customer", names: ["home", "lv-unit", "customer"], sources: [] },
  bodies: [
    { name: "alive", sender: "home", about: "the first message of the initiator: it holds the keys", body: { op: "alive", sequence: 1, timeMs } },
    { name: "carryQuery", sender: "home", about: "the home takes a request of its own up, to the unit that is its scope", body: { op: "carry", sequence: 1234, timeMs, statement: "query" } },
    { name: "demand", sender: "lv-unit", about: "it cannot be told from a replay: it is to be signed anew with this nonce", body: { op: "notify", sequence: 1235, timeMs, id: 1234, nonce: "4041424344454647" } },
    { name: "carryEvent", sender: "lv-unit", about: "a subscription on its way down, which two units have passed on; it repeats the nonce that the inverter demanded; the clock is not set", body: { op: "carry", sequence: 1236, hops: 2, statement: "event" } },
    { name: "accepted", sender: "home", about: "the subscription is accepted: a notification as in every session", body: { op: "notify", sequence: 1235, timeMs, id: 1236 } },
    { name: "forget", sender: "lv-unit", about: "whoever subscribed waits no more", body: { op: "carry", sequence: 1237, timeMs, id: 1236 } },
    { name: "carryWrite", sender: "lv-unit", about: "a set-point on its way down, passed on as often as is possible", body: { op: "carry", sequence: 1238, timeMs, hops: 7, statement: "write" } },
    { name: "proven", sender: "home", about: "an answer, signed by the unit that was asked, on its way back", body: { op: "notify", sequence: 1236, timeMs, id: 1200, statement: "answer" } },
    { name: "carryData", sender: "home", about: "64 readings for whoever keeps copies above", body: { op: "carry", sequence: 1237, timeMs, statement: "data64" } },
  ],
};
