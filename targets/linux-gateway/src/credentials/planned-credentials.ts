/** The credentials that a plan asks for: who is certified as what, and who acts for whom. */
import { EbalanceError, type PolicyText } from "ebalance";
import { checkPlan, type CheckedPlan, type Plan } from "../gateway/plan";

/** What the operator certifies of a unit. */
export interface PlannedUnitCredential {
  readonly unit: string;
  readonly role: "device" | "gateway";
  readonly owner: string;
  readonly parents: readonly string[];
  /** Units that may be reached through it. */
  readonly below: readonly string[];
  /** The policy that the owner gives what the unit measures. */
  readonly policy?: PolicyText | undefined;
}

/** What a stakeholder lets a unit do for it. */
export interface PlannedDelegation {
  readonly stakeholder: string;
  readonly service: string;
  readonly unit: string;
  /** 1 read, 2 write, 3 both. */
  readonly rights: number;
  /** Devices whose series it may touch; without it whatever their owners' policies grant. */
  readonly devices?: readonly string[];
  /** Ids of variables; without it all. */
  readonly variables?: readonly number[];
}

export interface PlannedCredentials {
  readonly domain: string;
  readonly stakeholders: readonly string[];
  readonly units: readonly PlannedUnitCredential[];
  readonly delegations: readonly PlannedDelegation[];
  /** What the plan asks for that credentials do not say. */
  readonly warnings: readonly string[];
}

export const rightsOf = Object.freeze({ read: 1, write: 2, "read-write": 3 } as const);

/** @throws EbalanceError `bad-configuration` naming the place in the plan */
export function plannedCredentials(plan: Plan, source = "plan"): PlannedCredentials {
  const checked = checkPlan(plan, source);
  const { domain, units } = checked;
  const delegations = merged(services(checked).map((service) => delegationOf(service, units, source)));
  const stakeholders = [...new Set([...Object.values(units).map(({ owner }) => owner), ...delegations.map(({ stakeholder }) => stakeholder)])].sort();
  const both = stakeholders.find((name) => units[name]);
  if (both !== undefined) throw new EbalanceError("bad-configuration", "caller", `${source}: ${both} is a unit and a stakeholder; credentials have one name space`);
  const certified = Object.keys(units).filter((unit) => !units[unit]!.bridged);
  return { domain, stakeholders, units: certified.map((unit) => unitOf(unit, units)), delegations, warnings: certified.flatMap((unit) => protectionWarning(unit, units, source)) };
}

function protectionWarning(unit: string, units: CheckedPlan["units"], source: string): string[] {
  if (units[unit]!.protection === undefined) return [];
  return [`${source}: protection of ${unit} counts for session key files alone; say it under credentials in the gateway's own file, or with ebalance keys provision --encrypt`];
}

function unitOf(unit: string, units: CheckedPlan["units"]): PlannedUnitCredential {
  const { owner, parent, policy } = units[unit]!;
  const below = Object.keys(units).filter((one) => isBelow(one, unit, units)).sort();
  return { unit, role: below.length || parent === undefined ? "gateway" : "device", owner, parents: parent === undefined ? [] : [parent], below, ...(policy ? { policy } : {}) };
}

function isBelow(unit: string, top: string, units: CheckedPlan["units"]): boolean {
  const { parent } = units[unit]!;
  return parent !== undefined && (parent === top || isBelow(parent, top, units));
}

interface RunningService {
  readonly unit: string;
  readonly service: string;
  readonly stakeholder: string;
  readonly rights: keyof typeof rightsOf;
  readonly devices?: readonly string[] | undefined;
}

function services({ units, services: others }: CheckedPlan): RunningService[] {
  const own = Object.entries(units).flatMap(([unit, { owner, services }]) => services.map((service) => ({ unit, service, stakeholder: owner, rights: "read-write" as const })));
  return [...own, ...others];
}

/** A bridged device has no key: who speaks for it acts, on its series alone. */
function delegationOf({ unit, service, stakeholder, rights, devices }: RunningService, units: CheckedPlan["units"], source: string): PlannedDelegation {
  const { bridged, parent } = units[unit]!;
  const stranger = devices?.find((device) => !units[device]);
  if (stranger !== undefined) throw new EbalanceError("bad-configuration", "caller", `${source}: devices of ${service} for ${stakeholder} name ${stranger}, which is no unit of the plan`);
  const scope = devices ?? (bridged ? [unit] : undefined);
  return { stakeholder, service, unit: bridged ? parent! : unit, rights: rightsOf[rights], ...(scope ? { devices: [...new Set(scope)].sort() } : {}) };
}

/** One a stakeholder, service and unit: it allows what each of them does. */
function merged(delegations: readonly PlannedDelegation[]): PlannedDelegation[] {
  const found = new Map<string, PlannedDelegation>();
  for (const one of delegations) {
    const key = JSON.stringify([one.stakeholder, one.service, one.unit]);
    const { devices, ...rest } = found.get(key) ?? one;
    const both = devices && one.devices && [...new Set([...devices, ...one.devices])].sort();
    found.set(key, { ...rest, rights: rest.rights | one.rights, ...(both ? { devices: both } : {}) });
  }
  return [...found.values()];
}
