/** A unit with nothing below it: what its home asks of it that only a unit with others below can do. */
import { expect, test } from "vitest";
import { NodeCrypto } from "../../targets/linux-gateway/src/node-crypto";
import { sessionConfig } from "../../tests/conformance/world";
import { noStore } from "../storage/no-store";
import { LocalLinkPair } from "../transports/local-link";
import { LeafUnit } from "./leaf-unit";
import { Registry } from "./model/registry";
import { resultName } from "./model/result";
import { standardVariables } from "./model/standard-variables";
import { ManagementUnit } from "./unit";
import { Operation, type Request } from "./wire/session-body";

const crypto = new NodeCrypto();
const key = () => crypto.importKey(new Uint8Array(32).fill(1), "derive");
const ports = { clock: { wallMs: () => 1_790_000_000_000, monotonicMs: () => 0, isSet: () => true }, crypto, store: noStore, log: () => {}, wake: () => {} };
const config = (id: string) => ({ id, registry: new Registry(standardVariables) });
/** The home may speak to the meter for others, and leads to a unit behind it. */
const session = { ...sessionConfig(1, "meter", "customer", "sensor"), sources: [...sessionConfig(1, "meter", "customer", "sensor").sources, { device: "home", service: "sensor", stakeholder: "customer" }] };

test("a key file that names units below it is refused, and they are named", () => {
  const leaf = new LeafUnit({ ...config("meter"), parent: "home" }, ports);
  expect(() => leaf.addSession({ ...session, below: ["home-1", "home-2"] }, key())).toThrow(/session 1: below names home-1, home-2, and meter passes nothing on/);
});

test("it takes no write, and is the home of no series: where it is asked for one, the way ends", () => {
  const home = new ManagementUnit(config("home"), ports);
  const leaf = new LeafUnit({ ...config("meter"), parent: "home" }, ports);
  home.addSession({ ...session, below: ["inverter"], names: [...session.names, "inverter"] }, key());
  leaf.addSession({ ...session, names: [...session.names, "inverter"] }, key());
  const pair = new LocalLinkPair(leaf, home);
  leaf.linkUp(pair.a, "home");
  while (pair.pump());
  const { names } = home;
  const source = { device: names.id("home"), service: names.id("sensor"), stakeholder: names.id("customer") };
  const selector = { variable: 3, device: names.id("meter"), owner: names.id("customer") };
  const ask = (request: Request) => {
    let told = "";
    home.request(request, ({ result }) => (told = resultName(result)));
    for (let moved = 1; moved; moved = pair.pump()) home.tick();
    return told;
  };
  const write: Request = { op: Operation.write, source, items: [{ ...selector, value: 1, timeMs: 0, policy: undefined }] };
  const query: Request = { op: Operation.query, source, selector, condition: [], function: 1 };
  expect([ask(write), ask(query), ask({ ...query, at: names.id("meter") })]).toEqual(["unknownLocation", "unknownLocation", "denied"]);
  expect(leaf.counters.results).toEqual({ unknownLocation: 2, denied: 1 });
});
