/**
 * Policies (SP-2): what the owner of a series grants, to whom, and how often. A policy is a value: it never changes, a new one with a higher
 * sequence takes its place. Whoever is not named is denied; the owner needs no grant.
 */
import { badArgument } from "./errors";
import { granteeId, granteeService, granteeStakeholder, type GranteeId, type Names, type NameTexts } from "./names";

export const Right = Object.freeze({ read: 1, write: 2 } as const);
export type RightCode = (typeof Right)[keyof typeof Right];

/** A policy as the data interface takes and gives it. */
export interface PolicyText {
  /** Rises with every change: 1 to 2^31 - 1. */
  readonly sequence: number;
  readonly entries: readonly PolicyEntryText[];
}

export interface PolicyEntryText {
  readonly rights: "read" | "write" | "read-write";
  /** Least time between two accesses of one grantee to one series, in whole seconds, 0 to 2^31 - 1. */
  readonly minDelayS: number;
  readonly grantees: readonly { readonly stakeholder: string; readonly service: string }[];
}

/** A policy inside a unit: entries sorted by rights and delay, grantees ascending, none twice. */
export interface Policy {
  readonly sequence: number;
  readonly entries: readonly PolicyEntry[];
}

export interface PolicyEntry {
  /** Bits of {@link Right}: 1 to 3. */
  readonly rights: number;
  readonly minDelayS: number;
  readonly grantees: readonly GranteeId[];
}

export const maxPolicyEntries = 8;
export const maxGrantees = 16;
export const maxInt31 = 0x7fffffff;

/** Texts of the rights, by their bits. */
const rightTexts: readonly string[] = Object.freeze(["", "read", "write", "read-write"]);

/** The most that policies ever grant without an owner: nothing. */
export const denyAll: Policy = Object.freeze({ sequence: 0, entries: Object.freeze([]) });

/**
 * The delay in seconds after which `grantee` may use `right` again, or -1 where the policy does not grant it. Where several entries match,
 * the longest delay holds.
 */
export function grantedDelayS(policy: Policy, right: RightCode, grantee: GranteeId): number {
  const { entries } = policy;
  let delayS = -1;
  // Loops and not indexOf, counted down: a device decides with every reading, and its engine asks an array for its length in a call.
  for (let i = entries.length; i-- > 0; ) {
    const entry = entries[i]!;
    if ((entry.rights & right) === 0 || entry.minDelayS <= delayS) continue;
    const { grantees } = entry;
    for (let j = grantees.length; j-- > 0; ) if (grantees[j] === grantee) delayS = entry.minDelayS;
  }
  return delayS;
}

/** @throws EbalanceError `bad-argument` naming the field that is wrong */
export function policyFromText(text: PolicyText, names: Names): Policy {
  if (!isObject(text)) badArgument("policy is not {sequence, entries}");
  checkInt31("policy.sequence", text.sequence, 1);
  checkList("policy.entries", text.entries, 0, maxPolicyEntries);
  const entries = text.entries.map((entry) => entryFromText(entry, names)).sort(compareEntries);
  for (let i = 1; i < entries.length; i++)
    if (compareEntries(entries[i - 1]!, entries[i]!) === 0) badArgument("policy.entries: two have the same rights and delay; group their grantees");
  return Object.freeze({ sequence: text.sequence, entries: Object.freeze(entries) });
}

function entryFromText(entry: PolicyEntryText, names: Names): PolicyEntry {
  if (!isObject(entry)) badArgument("policy.entries: one is not {rights, minDelayS, grantees}");
  const rights = rightTexts.indexOf(entry.rights);
  if (rights < 1) badArgument(`policy rights ${String(entry.rights)} are not read, write or read-write`);
  checkInt31("policy minDelayS", entry.minDelayS, 0);
  checkList("policy grantees", entry.grantees, 1, maxGrantees);
  const grantees = entry.grantees.map((g) => granteeFromText(g, names)).sort((a, b) => a - b);
  if (grantees.some((g, i) => g === grantees[i - 1])) badArgument("policy grantees: one is named twice");
  return Object.freeze({ rights, minDelayS: entry.minDelayS, grantees: Object.freeze(grantees) });
}

function granteeFromText(grantee: PolicyEntryText["grantees"][number], names: Names): GranteeId {
  if (!isObject(grantee)) badArgument("policy grantees: one is not {stakeholder, service}");
  return granteeId(names.id(grantee.stakeholder), names.id(grantee.service));
}

export function policyToText(policy: Policy, names: NameTexts): PolicyText {
  return {
    sequence: policy.sequence,
    entries: policy.entries.map((entry) => ({
      rights: rightTexts[entry.rights] as PolicyEntryText["rights"],
      minDelayS: entry.minDelayS,
      grantees: entry.grantees.map((g) => ({ stakeholder: names.text(granteeStakeholder(g)), service: names.text(granteeService(g)) })),
    })),
  };
}

/** Stakeholders and services that policies name, each once. */
export function granteesOf(policies: readonly PolicyText[]): string[] {
  return [...new Set(policies.flatMap(({ entries }) => entries.flatMap(({ grantees }) => grantees.flatMap(({ stakeholder, service }) => [stakeholder, service]))))];
}

/** Order of entries in a policy: by rights, then by delay. */
export function compareEntries(a: PolicyEntry, b: PolicyEntry): number {
  return a.rights - b.rights || a.minDelayS - b.minDelayS;
}

/** Policies come from files too, so their form is checked, whatever the types say. */
function checkList(field: string, list: unknown, least: number, most: number): void {
  if (!Array.isArray(list)) badArgument(`${field} is not a list`);
  if (list.length < least || list.length > most) badArgument(`${field}: ${list.length}, from ${least} to ${most}`);
}

function isObject(value: unknown): boolean {
  return typeof value === "object" && value !== null;
}

function checkInt31(field: string, value: number, least: number): void {
  if (!Number.isInteger(value) || value < least || value > maxInt31) badArgument(`${field} ${value} is not a whole number from ${least} to ${maxInt31}`);
}
