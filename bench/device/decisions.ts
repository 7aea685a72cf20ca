/** Instructions of access decisions: eight policies of two entries and four grantees, 32 states of last accesses. */
import { AccessControl, granteeId, Names, policyFromText, Result, Right, SeriesTable, type NameId, type Policy, type Requester, type ResultCode, type Series } from "./bench-sdk";

interface Asked {
  readonly series: Series;
  readonly policy: Policy;
  readonly requester: Requester;
}

export interface Decisions {
  /** Average of 80 in which all states have their turns: 32 are granted and recorded, 32 come too early, 8 are the first under a new policy, 8 are of somebody without a grant. */
  readonly decision: number;
  /** One that comes too early, as of a subscriber whose delay has not passed when the next reading comes. */
  readonly early: number;
  /** One under a policy that was not asked before, which is looked through. */
  readonly anew: number;
  /** One of somebody without a grant, for whom it always is. */
  readonly denied: number;
}

/** One policy for each of eight series: all with the sequence, and delays that are longer by it. */
function policiesOf(names: Names, sequence: number): readonly Policy[] {
  const grantees = (from: number) => [from, from + 1].map((n) => ({ stakeholder: `stakeholder-${n}`, service: "service" }));
  const entry = (minDelayS: number, from: number) => ({ rights: "read" as const, minDelayS, grantees: grantees(from) });
  return Array.from({ length: 8 }, (_, i) => policyFromText({ sequence: 8 * sequence + i, entries: [entry(5 + sequence + i, 0), entry(60 + sequence + i, 2)] }, names));
}

function empty(_series: Series, _policy: Policy, _right: number, _requester: Requester): number {
  return 0;
}

/** @param collect so that no garbage of others is collected among the few that are counted: decisions make next to none */
export function decisions(instructions: () => number, collect: () => void): Decisions {
  let nowMs = 1_000_000;
  const names = new Names();
  const table = new SeriesTable(8, names);
  const access = new AccessControl({ monotonicMs: () => nowMs }, 32, table);
  const owner = names.id("customer");
  const service = names.id("service");
  const requester = (stakeholder: NameId): Requester => ({ stakeholder, grantee: granteeId(stakeholder, service) });
  const requesters = [0, 1, 2, 3].map((i) => requester(names.id(`stakeholder-${i}`)));
  const series = Array.from({ length: 8 }, (_, i) => {
    const device = names.id(`device-${i}`);
    table.enrol(device, owner);
    return table.open({ variable: 3, device, owner })!;
  });
  const asked = (policies: readonly Policy[]): readonly Asked[] => Array.from({ length: 32 }, (_, i) => ({ series: series[i >> 2]!, policy: policies[i >> 2]!, requester: requesters[i & 3]! }));

  /** Decides in turn, and records what is granted, as the gate does. @returns instructions, without those of the loop itself */
  function decide(all: readonly Asked[], expected: ResultCode): number {
    collect();
    const before = instructions();
    for (const one of all) empty(one.series, one.policy, Right.read, one.requester);
    const loop = instructions() - before;
    let wrong = 0;
    const start = instructions();
    for (const one of all) if (access.decide(one.series, one.policy, Right.read, one.requester) !== expected) wrong++;
    const decided = instructions() - start - loop;
    if (wrong) throw new Error(`${wrong} of ${all.length} decisions were not ${expected}`);
    if (expected !== Result.done) return decided;
    const then = instructions();
    for (const one of all) access.record(one.series, Right.read, one.requester, 60);
    return decided + instructions() - then - loop;
  }

  const policies = policiesOf(names, 2);
  const [before, now] = [asked(policiesOf(names, 1)), asked(policies)];
  nowMs += 1_000_000;
  decide(before, Result.done);
  decide(before, Result.tooEarly);
  // One state of each series.
  const anew = decide(series.map((_, i) => now[4 * i + (i & 3)]!), Result.tooEarly);
  decide(now, Result.tooEarly);
  const early = decide(now, Result.tooEarly);
  nowMs += 1_000_000;
  const granted = decide(now, Result.done);
  const stranger = requester(names.id("stakeholder-5"));
  const denied = decide(series.map((one, i) => ({ series: one, policy: policies[i]!, requester: stranger })), Result.denied);
  return { decision: (granted + early + anew + denied) / 80, early: early / 32, anew: anew / 8, denied: denied / 8 };
}
