/** Policies in CBOR: within a session with its small integers, and with global names for the content hash. */
import { malformed } from "../model/errors";
import { granteeId, granteeService, granteeStakeholder, type NameId, type NameTexts } from "../model/names";
import { compareEntries, maxGrantees, maxInt31, maxPolicyEntries, type Policy, type PolicyEntry } from "../model/policy";
import { compareCodePoints } from "../model/utf8";
import type { CryptoPort } from "../security/crypto-port";
import * as cbor from "./cbor";

/** Bytes of a policy's content hash: the head of its SHA-256. */
export const policyHashBytes = 8;

type WireName = number | string;

/** Writes `{1: sequence, 2: [+ [rights, minDelay, [+ [stakeholder, service]]]]}` with the names that `nameOf` gives. */
export function writePolicy(policy: Policy, nameOf: (id: NameId) => WireName): void {
  cbor.writeHead(cbor.Major.map, 2);
  cbor.writeInteger(1);
  cbor.writeInteger(policy.sequence);
  cbor.writeInteger(2);
  cbor.writeHead(cbor.Major.array, policy.entries.length);
  for (const entry of policy.entries) writeEntry(entry, nameOf);
}

/** A function of its own: every unit writes a policy without entries when it is made, at the deepest point of a device's stack. */
function writeEntry(entry: PolicyEntry, nameOf: (id: NameId) => WireName): void {
  cbor.writeHead(cbor.Major.array, 3);
  cbor.writeInteger(entry.rights);
  cbor.writeInteger(entry.minDelayS);
  const pairs = entry.grantees.map((g) => [nameOf(granteeStakeholder(g)), nameOf(granteeService(g))] as const).sort(comparePairs);
  cbor.writeHead(cbor.Major.array, pairs.length);
  for (const [stakeholder, service] of pairs) {
    cbor.writeHead(cbor.Major.array, 2);
    writeName(stakeholder);
    writeName(service);
  }
}

function writeName(name: WireName): void {
  if (typeof name === "string") cbor.writeText(name);
  else cbor.writeInteger(name);
}

function comparePairs(a: readonly [WireName, WireName], b: readonly [WireName, WireName]): number {
  return compareNames(a[0], b[0]) || compareNames(a[1], b[1]);
}

function compareNames(a: WireName, b: WireName): number {
  return typeof a === "string" ? compareCodePoints(a, b as string) : a - (b as number);
}

/** Reads a policy whose names are a session's small integers, which `idOf` turns into the unit's. */
export function readPolicy(idOf: (index: number) => NameId): Policy {
  if (cbor.readLength(cbor.Major.map, 2) !== 2 || cbor.readUint(maxInt31) !== 1) malformed("policy is not {1: sequence, 2: entries}");
  const sequence = cbor.readUint(maxInt31);
  if (sequence === 0 || cbor.readUint(maxInt31) !== 2) malformed("policy is not {1: sequence, 2: entries}");
  const length = cbor.readLength(cbor.Major.array, maxPolicyEntries);
  const entries: PolicyEntry[] = [];
  for (let i = 0; i < length; i++) {
    const entry = readEntry(idOf);
    if (i > 0 && compareEntries(entries[i - 1]!, entry) >= 0) malformed("policy entries are not sorted and unique");
    entries.push(entry);
  }
  return Object.freeze({ sequence, entries: Object.freeze(entries) });
}

function readEntry(idOf: (index: number) => NameId): PolicyEntry {
  if (cbor.readLength(cbor.Major.array, 3) !== 3) malformed("policy entry is not [rights, delay, grantees]");
  const rights = cbor.readUint(3);
  if (rights === 0) malformed("policy entry grants no right");
  const minDelayS = cbor.readUint(maxInt31);
  const length = cbor.readLength(cbor.Major.array, maxGrantees);
  if (length === 0) malformed("policy entry has no grantee");
  const grantees: number[] = [];
  let previous: readonly [number, number] | undefined;
  for (let i = 0; i < length; i++) {
    if (cbor.readLength(cbor.Major.array, 2) !== 2) malformed("grantee is not [stakeholder, service]");
    const pair = [cbor.readUint(maxInt31), cbor.readUint(maxInt31)] as const;
    if (previous && comparePairs(previous, pair) >= 0) malformed("grantees are not sorted and unique");
    previous = pair;
    grantees.push(granteeId(idOf(pair[0]), idOf(pair[1])));
  }
  return Object.freeze({ rights, minDelayS, grantees: Object.freeze(grantees.sort((a, b) => a - b)) });
}

/** The content hash of a policy: the same on every unit, because it covers the global names. */
export function hashPolicy(policy: Policy, names: NameTexts, crypto: CryptoPort): Uint8Array {
  const buffer = new Uint8Array(boundOfSize(policy));
  cbor.startWriting(buffer);
  writePolicy(policy, (id) => names.text(id));
  const digest = new Uint8Array(32);
  crypto.sha256(buffer, cbor.writePosition(), digest);
  return digest.slice(0, policyHashBytes);
}

/** No policy takes more: a name has at most 64 bytes. */
function boundOfSize(policy: Policy): number {
  let grantees = 0;
  for (const entry of policy.entries) grantees += entry.grantees.length;
  return 24 + policy.entries.length * 16 + grantees * 136;
}
