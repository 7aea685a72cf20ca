/**
 * The records of a ring's catalogue as texts: JSON without names of fields, because a sector holds them all. They are read strictly: whatever this release does not write it
 * does not take up.
 */
import { Names } from "../../core/model/names";
import { maxInt31, policyFromText, type PolicyEntryText } from "../../core/model/policy";
import type { PolicyRecord, SeriesRecord } from "../store-port";
import { maxIndex } from "./sample-record";

const maxVariable = 0xffff;

export function seriesText({ variable, device, owner, policy, policySequence, longestDelayS, policiesHad }: SeriesRecord): string {
  return JSON.stringify([variable, device, owner, policy, policySequence, longestDelayS, policiesHad]);
}

export function policyText({ owner, policy }: PolicyRecord): string {
  return JSON.stringify([owner, policy.sequence, policy.entries.map((entry) => [entry.rights, entry.minDelayS, entry.grantees.map((grantee) => [grantee.stakeholder, grantee.service])])]);
}

/** Whatever it throws says that the text is no record. */
export function readSeries(text: string): SeriesRecord {
  const [variable, device, owner, policy, policySequence, longestDelayS, policiesHad] = JSON.parse(text) as [number, string, string, number, number, number, number[]];
  checkNames([device, owner]);
  checkNumbers([variable], maxVariable);
  checkNumbers([policySequence, longestDelayS], maxInt31);
  checkNumbers([policy, ...policiesHad], maxIndex);
  return { variable, device, owner, policy, policySequence, longestDelayS, policiesHad };
}

/** Whatever it throws says that the text is no record. */
export function readPolicy(text: string): PolicyRecord {
  const [owner, sequence, list] = JSON.parse(text) as [string, number, [PolicyEntryText["rights"], number, [string, string][]][]];
  const entries = list.map(([rights, minDelayS, grantees]) => ({ rights, minDelayS, grantees: grantees.map(([stakeholder, service]) => ({ stakeholder, service })) }));
  const policy = { sequence, entries };
  checkNames([owner]);
  policyFromText(policy, new Names());
  return { owner, policy };
}

function checkNames(texts: readonly string[]): void {
  const names = new Names();
  for (const text of texts) names.id(text);
}

function checkNumbers(numbers: readonly number[], most: number): void {
  for (const number of numbers) if (!(Number.isInteger(number) && number >= 0 && number <= most)) throw new RangeError(`${number} is not from 0 to ${most}`);
}
