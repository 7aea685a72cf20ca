/** The series that a unit is home of, and the devices that are enrolled here with their owners. */
import type { Instance, SeriesKey } from "../model/instance";
import type { NameId, Names } from "../model/names";
import type { Policy } from "../model/policy";
import type { Subscription } from "../requests/subscriptions";
import type { Catalogue } from "../../storage/store-port";
import type { LastAccess } from "./access-control";
import { denyAllIndex } from "./policy-table";

export interface Series extends SeriesKey {
  /** The number under which the store keeps it. */
  readonly index: number;
  /** The policy in force: that of the next instance that brings none. */
  policy: number;
  /** Sequence of the policy in force; 0 while it is the owner's default. */
  policySequence: number;
  /** The longest delay of any policy that its samples ever had. */
  longestDelayS: number;
  /** Every policy that its samples ever had: indexes, which may stand for other policies once those are given up. */
  readonly policiesHad: number[];
  /** The instance with the latest time, once one was kept or asked for since the start. */
  newest?: Instance | undefined;
  lastAccess?: Map<number, LastAccess>;
  /** Who has subscribed to it, ascending by the least value that may match. */
  subscriptions?: Subscription[] | undefined;
}

export class SeriesTable {
  readonly #series: Series[] = [];
  readonly #byKey = new Map<number, Series>();
  readonly #owners = new Map<NameId, NameId>();
  readonly #defaults = new Map<NameId, number>();
  /** The devices whose series are at home elsewhere. */
  #copied: NameId[] | undefined;

  /** @param catalogue where what is known of a series survives a restart */
  constructor(
    private readonly capacity: number,
    private readonly names: Names,
    private readonly catalogue?: Catalogue,
  ) {}

  /** Takes up what was kept before a restart. */
  restore(series: ReturnType<Catalogue["restore"]>["series"]): void {
    series.forEach((record, index) => {
      const key = { variable: record.variable, device: this.names.id(record.device), owner: this.names.id(record.owner) };
      const { policy, policySequence, longestDelayS, policiesHad } = record;
      this.#put({ ...key, index, policy, policySequence, longestDelayS, policiesHad: [...policiesHad] });
    });
  }

  /** Binds a device to its owner: what it measures belongs to that stakeholder, whatever a message says. */
  enrol(device: NameId, owner: NameId): void {
    this.#owners.set(device, owner);
  }

  /** Binds a device whose series are at home elsewhere, and are kept here besides. */
  enrolCopy(device: NameId, owner: NameId): void {
    this.enrol(device, owner);
    (this.#copied ??= []).push(device);
  }

  /** The devices that this unit is the home of. */
  devices(): NameId[] {
    return [...this.#owners.keys()].filter((device) => this.isHomeOf(device));
  }

  isHomeOf(device: NameId): boolean {
    return !this.isCopyOf(device) && this.#owners.has(device);
  }

  /** Whether this unit keeps copies of what a device has at home elsewhere. */
  isCopyOf(device: NameId): boolean {
    return this.#copied?.includes(device) ?? false;
  }

  ownerOf(device: NameId): NameId | undefined {
    return this.#owners.get(device);
  }

  /** Sets the policy (an index of the policy table) that holds for an owner's series until the owner gives another. */
  setDefaultPolicy(owner: NameId, policy: number): void {
    this.#defaults.set(owner, policy);
    for (const series of this.#series) if (series.owner === owner && series.policySequence === 0) series.policy = policy;
  }

  find(key: SeriesKey): Series | undefined {
    return this.#byKey.get(packed(key));
  }

  /** The series of an enrolled device and its owner, made if it is new; undefined where the key is not one, the table is full or its record cannot be kept. */
  open(key: SeriesKey): Series | undefined {
    const known = this.find(key);
    if (known) return known;
    if (this.#owners.get(key.device) !== key.owner || this.#series.length >= this.capacity) return undefined;
    const series = this.preview(key);
    // Its number is taken: without a record of it, the series that come after would have others after a restart.
    if (!this.#keep(series)) return undefined;
    this.#put(series);
    return series;
  }

  #put(series: Series): void {
    this.#series.push(series);
    this.#byKey.set(packed(series), series);
  }

  /** What a new series would be, without making it. */
  preview(key: SeriesKey): Series {
    const { variable, device, owner } = key;
    // Of variable 0 is the policy that the owner has given all of the device.
    const { policy, policySequence } = this.find({ variable: 0, device, owner }) ?? { policy: this.#defaults.get(owner) ?? denyAllIndex, policySequence: 0 };
    return { variable, device, owner, index: this.#series.length, policy, policySequence, longestDelayS: 0, policiesHad: [] };
  }

  /** Lets the catalogue keep what will be known of a series once a sample is kept under a policy. @returns false where it could not */
  keepRecord(series: Series, index: number, sequence: number, policy: Policy): boolean {
    if (series.policy === index && series.policySequence === sequence && series.policiesHad.includes(index)) return true;
    return this.#keep({
      ...series,
      policy: index,
      policySequence: sequence,
      longestDelayS: policy.entries.reduce((longest, entry) => Math.max(longest, entry.minDelayS), series.longestDelayS),
      policiesHad: series.policiesHad.includes(index) ? series.policiesHad : [...series.policiesHad, index],
    });
  }

  #keep({ index, variable, device, owner, policy, policySequence, longestDelayS, policiesHad }: Series): boolean {
    if (!this.catalogue) return true;
    return this.catalogue.keepSeries(index, { variable, device: this.names.text(device), owner: this.names.text(owner), policy, policySequence, longestDelayS, policiesHad: [...policiesHad] });
  }

  /** Notes that a sample is kept under a policy, which is in force from here on. */
  noteUse(series: Series, index: number, sequence: number, policy: Policy): void {
    series.policy = index;
    series.policySequence = sequence;
    for (const entry of policy.entries) if (entry.minDelayS > series.longestDelayS) series.longestDelayS = entry.minDelayS;
    if (!series.policiesHad.includes(index)) series.policiesHad.push(index);
  }

  all(): readonly Series[] {
    return this.#series;
  }

  policiesInUse(use: (policy: number) => void): void {
    for (const series of this.#series) use(series.policy);
    this.#defaults.forEach(use);
  }
}

/** 16 bits of variable, 15 of device, 15 of owner: exact in a double. */
function packed(key: SeriesKey): number {
  return (key.variable * 0x8000 + key.device) * 0x8000 + key.owner;
}
