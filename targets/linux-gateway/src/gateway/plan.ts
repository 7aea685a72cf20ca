/**
 * The plan of a grid: which units there are, who owns them, which services ask for whom. From it come the key files of every session, so that names, ways and sources
 * agree at both ends. It knows nothing of networks.
 */
import { randomBytes } from "node:crypto";
import { EbalanceError, parseKeyFile, type PolicyText, type Protection, type SessionConfig } from "ebalance";
import { z } from "zod";
import { name, policyText, rights } from "./forms";
import { issuesOf } from "./issues";

export const planForm = z.strictObject({
  domain: name.describe("Name of the grid: messages of one do not verify in another"),
  units: z
    .record(
      name,
      z.strictObject({
        parent: name.optional().describe("The unit above; the top unit has none"),
        owner: name.describe("Stakeholder who owns the unit and what it measures"),
        services: z.array(name).default([]).describe("Services that run on the unit for its owner"),
        asks: z.array(name).default([]).describe("Other units whose data its services ask for"),
        bridged: z.boolean().default(false).describe("A device without keys, for which its parent speaks"),
        policy: policyText.optional().describe("The policy that the owner gives what the unit measures"),
        protection: z.enum(["mac", "encrypt"]).optional().describe("Whether its messages to and from its parent are authenticated alone (mac, the default) or encrypted too"),
      }),
    )
    .describe("Units by id"),
  services: z
    .array(
      z.strictObject({
        unit: name,
        service: name,
        stakeholder: name,
        rights: rights.default("read-write").describe("What its delegation allows; the owners' policies say what is granted"),
        devices: z.array(name).min(1).max(64).optional().describe("Devices whose series its delegation is for; default: all"),
      }),
    )
    .default([])
    .describe("Services that run on a unit for another than its owner"),
});
export type CheckedPlan = z.output<typeof planForm>;

/** A unit of a plan. */
export interface PlannedUnit {
  /** The unit above; the top unit has none. */
  readonly parent?: string;
  /** Stakeholder who owns the unit and what it measures. */
  readonly owner: string;
  /** Services that run on it for its owner. */
  readonly services?: readonly string[];
  /** Other units whose data its services ask for. */
  readonly asks?: readonly string[];
  /** A device without keys, for which its parent speaks. */
  readonly bridged?: boolean;
  /** The policy that the owner gives what the unit measures. */
  readonly policy?: PolicyText;
  /** Whether its messages to and from its parent are authenticated alone (the default) or encrypted too: for networks that others listen in. */
  readonly protection?: Protection;
}

export interface Plan {
  /** Name of the grid: messages of one do not verify in another. */
  readonly domain: string;
  /** Units by id. */
  readonly units: Readonly<Record<string, PlannedUnit>>;
  /** Services that run on a unit for another than its owner. */
  readonly services?: readonly PlannedService[];
}

/** A service that runs on a unit for another than its owner. */
export interface PlannedService {
  readonly unit: string;
  readonly service: string;
  readonly stakeholder: string;
  /** What its delegation allows; the owners' policies say what is granted. Default: both. A session key file knows no such limit. */
  readonly rights?: "read" | "write" | "read-write";
  /** Devices whose series its delegation is for. Default: all. */
  readonly devices?: readonly string[];
}

/** The file of one session, for both of its ends. */
export interface PlannedKeyFile {
  readonly fileName: string;
  readonly session: SessionConfig;
  readonly text: string;
}

/** @throws EbalanceError `bad-configuration` naming the place in the plan */
export function checkPlan(plan: unknown, source: string): CheckedPlan {
  const checked = planForm.safeParse(plan);
  if (!checked.success) throw wrong(source, issuesOf(checked.error));
  const { units, services } = checked.data;
  const tops = Object.entries(units).filter(([, unit]) => unit.parent === undefined);
  if (tops.length !== 1) throw wrong(source, `units: ${tops.length} have no parent (${tops.map(([id]) => id).join(", ")}); one is the top`);
  for (const [id, { parent }] of Object.entries(units)) {
    if (parent === undefined && units[id]!.bridged) throw wrong(source, `units.${id}.bridged: the top unit has no parent that could speak for it`);
    if (parent !== undefined && !units[parent]) throw wrong(source, `units.${id}.parent: ${parent} is not a unit of this plan`);
    if (parent !== undefined && units[parent]!.bridged) throw wrong(source, `units.${id}.parent: ${parent} is a bridged device, nothing is below it`);
    for (const asked of units[id]!.asks) if (!units[asked]) throw wrong(source, `units.${id}.asks: ${asked} is not a unit of this plan`);
    ancestors(units, id, source);
  }
  services.forEach(({ unit }, i) => {
    if (!units[unit]) throw wrong(source, `services.${i}.unit: ${unit} is not a unit of this plan`);
  });
  return checked.data;
}

/** The units above one, nearest first. */
function ancestors(units: CheckedPlan["units"], id: string, source: string): string[] {
  const found: string[] = [];
  for (let at = units[id]!.parent; at !== undefined; at = units[at]?.parent) {
    if (at === id || found.includes(at)) throw wrong(source, `units.${id}.parent: ${[id, ...found, at].join(" is below ")}`);
    found.push(at);
  }
  return found;
}

/**
 * The key files of a plan, one for each unit that has a parent and is not bridged.
 * @param existing the text of a file that is there already: its key and kid stay
 * @throws EbalanceError `bad-configuration`
 * @example
 * for (const { fileName, text } of keyFilesOf({ domain: "elm-street", units: { home: { owner: "customer" }, meter: { parent: "home", owner: "customer", services: ["metering"] } } }))
 *   writeFileSync(fileName, text, { mode: 0o600 });
 */
export function keyFilesOf(plan: Plan, existing: (fileName: string) => string | undefined = () => undefined, source = "plan"): PlannedKeyFile[] {
  const { domain, units, services } = checkPlan(plan, source);
  const ids = Object.keys(units).filter((id) => units[id]!.parent !== undefined && !units[id]!.bridged);
  const files = ids.map((id) => ({ id, fileName: `${id}.key.json` }));
  const kept = new Map(files.map(({ id, fileName }) => [id, keyOf(existing(fileName), fileName)]));
  const taken = new Set([...kept.values()].map((file) => file?.kid));
  let kid = 0;
  return files.map(({ id, fileName }) => {
    while (!kept.get(id) && taken.has(++kid));
    const { kid: ownKid, key } = kept.get(id) ?? { kid, key: randomBytes(32).toString("hex") };
    taken.add(ownKid);
    const session = { kid: ownKid, domain, ...sessionOf(id, units, services, source) };
    const { policy } = units[id]!;
    const text = `${JSON.stringify({ type: "ebalance-session-key", version: 1, key, ...session, ...(policy ? { policy } : {}) }, null, 2)}\n`;
    parseKeyFile(text, fileName).key.wipe();
    return { fileName, session, text };
  });
}

function keyOf(text: string | undefined, fileName: string): { kid: number; key: string } | undefined {
  if (text === undefined) return undefined;
  const { session, key } = parseKeyFile(text, fileName);
  key.wipe();
  // As the file has it: what is read as a key does not come out again.
  return { kid: session.kid, key: (JSON.parse(text) as { readonly key: string }).key };
}

/**
 * What the session of a unit with its parent permits: requests of the services at or below it through it; where something is below it, requests of all others through its
 * parent, else of those that ask for it: a sensor answers for its own copy. Names are those that such requests need and no others: a device keeps them in RAM.
 */
function sessionOf(id: string, units: CheckedPlan["units"], services: CheckedPlan["services"], source: string): Omit<SessionConfig, "kid" | "domain"> {
  const { parent, owner, policy, asks, protection } = units[id]!;
  const below = Object.keys(units).filter((unit) => ancestors(units, unit, source).includes(id));
  const inside = [id, ...below];
  const asking = [
    ...Object.entries(units).flatMap(([unit, { owner: stakeholder, services: own }]) => own.map((service) => ({ unit, service, stakeholder }))),
    ...services,
  ].filter(({ unit }) => inside.includes(unit) || below.length > 0 || units[unit]!.asks.includes(id));
  const sources = asking.map(({ unit, service, stakeholder }) => {
    const end = inside.includes(unit) ? id : parent!;
    return { device: unit, service, stakeholder, ...(unit === end ? {} : { via: end }) };
  });
  const asked = [...inside, ...asks, ...below.flatMap((unit) => units[unit]!.asks)];
  const grantees = [policy, ...below.map((unit) => units[unit]!.policy)].flatMap((p) => p?.entries.flatMap((entry) => entry.grantees) ?? []);
  const names = [
    ...[...asked, parent!].flatMap((unit) => [unit, units[unit]!.owner]),
    ...sources.flatMap((s) => [s.device, s.service, s.stakeholder]),
    ...grantees.flatMap((g) => [g.stakeholder, g.service]),
  ];
  return { initiator: id, responder: parent!, owner, names: [...new Set(names)].sort(), sources, ...(below.length ? { below } : {}), ...(protection ? { protection } : {}) };
}

function wrong(source: string, what: string): EbalanceError {
  return new EbalanceError("bad-configuration", "caller", `${source}: ${what}`);
}
