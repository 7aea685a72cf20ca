/** The policies that a unit knows, each stored once and found by index or by content hash (SP-2). */
import { bytesKey } from "../model/bytes";
import type { NameId, Names } from "../model/names";
import { denyAll, policyFromText, policyToText, type Policy } from "../model/policy";
import type { Catalogue } from "../../storage/store-port";
import type { CryptoPort } from "../security/crypto-port";
import { hashPolicy } from "../wire/policy-codec";

interface Entry {
  readonly policy: Policy;
  readonly hash: Uint8Array;
  readonly hashKey: string;
  /** Who brought it: nobody takes more than a share of the table. */
  readonly owner: NameId;
}

/** Refers to policies by index: series, samples, what waits for a subscriber. */
export interface PolicyUser {
  policiesInUse(use: (policy: number) => void): void;
}

/** Index of the policy that grants nothing. */
export const denyAllIndex = 0;

/** In place of an index: the table, or the owner's share of it, is full of policies in use; the catalogue did not keep the policy. */
export const tableFull = -1;
export const notKept = -2;

export class PolicyTable {
  readonly #entries: (Entry | undefined)[] = [];
  readonly #byHash = new Map<string, number>();
  /** Policies found or added for a request that has not put them in force yet. */
  readonly #held: number[] = [];

  /**
   * @param capacity policies that are known at once; whoever has many owners sets it anew
   * @param users call `use` with every index that they refer to: those are kept when room is made
   * @param catalogue where policies survive a restart
   */
  constructor(
    private readonly names: Names,
    private readonly crypto: CryptoPort,
    public capacity: number,
    private readonly users: readonly PolicyUser[],
    private readonly catalogue?: Catalogue,
  ) {
    this.#put(denyAllIndex, this.#entry(denyAll, -1));
    if (catalogue) catalogue.users = this;
  }

  /** Takes up what was kept before a restart. */
  restore(policies: ReturnType<Catalogue["restore"]>["policies"]): void {
    policies.forEach((record, index) => {
      if (record && index !== denyAllIndex) this.#put(index, this.#entry(policyFromText(record.policy, this.names), this.names.id(record.owner)));
    });
    for (let i = 0; i < this.#entries.length; i++) this.#entries[i] ??= undefined;
  }

  #entry(policy: Policy, owner: NameId): Entry {
    const hash = hashPolicy(policy, this.names, this.crypto);
    return { policy, hash, hashKey: bytesKey(hash), owner };
  }

  /**
   * The index of an owner's policy, stored now if it is new; {@link tableFull} or {@link notKept}. Held until {@link settle}.
   */
  add(policy: Policy, owner: NameId): number {
    const index = this.#indexOf(policy, owner);
    if (index >= 0) this.#held.push(index);
    return index;
  }

  /** Ends the hold on what was added: from here on only what is in use is kept when room is made. */
  settle(): void {
    this.#held.length = 0;
  }

  #indexOf(policy: Policy, owner: NameId): number {
    const entry = this.#entry(policy, owner);
    const known = this.#byHash.get(entry.hashKey);
    if (known !== undefined) return known;
    const index = this.#freeIndex(owner);
    if (index < 0) return tableFull;
    if (this.catalogue && !this.catalogue.keepPolicy(index, { owner: this.names.text(owner), policy: policyToText(policy, this.names) })) return notKept;
    this.#put(index, entry);
    return index;
  }

  #put(index: number, entry: Entry): void {
    this.#entries[index] = entry;
    this.#byHash.set(entry.hashKey, index);
  }

  /** The policy with that index; one that was given up grants nothing. */
  get(index: number): Policy {
    return this.#entries[index]?.policy ?? denyAll;
  }

  hash(index: number): Uint8Array {
    return this.#entries[index]!.hash;
  }

  /** The index of the policy with that hash, or -1. Held until {@link settle}. */
  find(hash: Uint8Array): number {
    const index = this.#byHash.get(bytesKey(hash)) ?? -1;
    if (index >= 0) this.#held.push(index);
    return index;
  }

  #freeIndex(owner: NameId): number {
    const place = this.#place(owner);
    if (place >= 0) return place;
    this.#sweep();
    return this.#place(owner);
  }

  /** Policies of one owner that may be in use. A method and no field, which would take a device RAM: whoever has many owners puts another in its place. */
  share(): number {
    return Math.max(8, this.capacity / 2);
  }

  /** A place in the table and in the owner's share of it, or -1. */
  #place(owner: NameId): number {
    const held = this.#entries.filter((entry) => entry?.owner === owner).length;
    if (held >= this.share()) return -1;
    if (this.#entries.length < this.capacity) return this.#entries.push(undefined) - 1;
    return this.#entries.indexOf(undefined);
  }

  /** Calls `use` with every policy of the table, once those that nothing refers to are given up. */
  policiesInUse(use: (policy: number) => void): void {
    this.#sweep();
    this.#entries.forEach((entry, index) => entry && use(index));
  }

  #sweep(): void {
    const used = new Set<number>([denyAllIndex, ...this.#held]);
    for (const user of this.users) user.policiesInUse((policy) => used.add(policy));
    for (let i = 0; i < this.#entries.length; i++) {
      const entry = this.#entries[i];
      if (!entry || used.has(i)) continue;
      this.#byHash.delete(entry.hashKey);
      this.#entries[i] = undefined;
    }
  }
}
