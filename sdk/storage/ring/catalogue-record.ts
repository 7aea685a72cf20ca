/**
 * The records of a ring's catalogue as texts: JSON without names of fields, because a sector holds them all. They are read strictly: whatever this release does not write it
 * does not take up.
 */
import { Names } from "../../core/model/names";
import { maxInt31, policyFromText, type PolicyEntryText } from "../../core/model/policy";
import type { PolicyRecord, SeriesRecord } from "../store-port";
import { maxIndex } from "./sample-record";

const maxVariable = 0xffff;

export function seriesText(series: SeriesRecord): string {
  return JSON.stringify([series.variable, series.device, series.owner, series.policy, series.policySequence, series.longestDelayS, series.policiesHad]);
}

export function policyText({ owner, policy }: PolicyRecord): string {
  return JSON.stringify([owner, policy.sequence, policy.entries.map((entry) => [entry.rights, entry.minDelayS, entry.grantees.map((grantee) => [grantee.stakeholder, grantee.service])])]);
}

/** Whatever it throws says that the text is no record. Places of arrays are named one by one: patterns take a device twice the bytecode. */
export function readSeries(text: string): SeriesRecord {
  const list = JSON.parse(text) as [number, string, string, number, number, number, number[]];
  const policiesHad = list[6];
  checkName(list[1]);
  checkName(list[2]);
  checkNumber(list[0], maxVariable);
  checkNumber(list[3], maxIndex);
  checkNumber(list[4], maxInt31);
  checkNumber(list[5], maxInt31);
  for (let i = 0; i < policiesHad.length; i++) checkNumber(policiesHad[i], maxIndex);
  return { variable: list[0], device: list[1], owner: list[2], policy: list[3], policySequence: list[4], longestDelayS: list[5], policiesHad: policiesHad.slice() };
}

/** Whatever it throws says that the text is no record. */
export function readPolicy(text: string): PolicyRecord {
  const list = JSON.parse(text) as [string, number, [PolicyEntryText["rights"], number, [string, string][]][]];
  const entries = list[2].map((entry) => ({ rights: entry[0], minDelayS: entry[1], grantees: entry[2].map((pair) => ({ stakeholder: pair[0], service: pair[1] })) }));
  const policy = { sequence: list[1], entries };
  checkName(list[0]);
  policyFromText(policy, new Names());
  return { owner: list[0], policy };
}

function checkName(text: string): void {
  new Names().id(text);
}

/** @throws RangeError for what is no whole number from 0 to the greatest */
export function checkNumber(value: unknown, most: number): void {
  if (!(Number.isInteger(value) && (value as number) >= 0 && (value as number) <= most)) throw new RangeError();
}
