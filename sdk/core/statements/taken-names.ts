/** Names that verified statements bring into a unit's table: so many and no more, whatever stakeholders and services others think of; and so many of one stakeholder, so that none takes the room of all. */
import { EbalanceError } from "../model/errors";
import type { NameId, Names, NameTexts } from "../model/names";
import { policyFromText, policyToText, type Policy } from "../model/policy";

const mostTaken = 4096;
/** Of one stakeholder: where there are very many, each has the least of these all the same. */
const [leastOfOne, mostOfOne] = [16, 256];

export class TakenNames {
  /** By the stakeholder whose statements brought them. */
  readonly #taken = new Map<string, number>();
  #all = 0;

  /** @param owners stakeholders whose statements may bring names */
  constructor(
    private readonly names: Names,
    private readonly owners = () => 1,
  ) {}

  /**
   * The id of a name; undefined where there is no room for another.
   * @param by the stakeholder in whose statement it stands; undefined: only names that are known already have one
   */
  id(text: string, by: string | undefined): NameId | undefined {
    const known = this.names.find(text);
    if (known !== undefined || by === undefined) return known;
    const taken = this.#taken.get(by) ?? 0;
    const owners = this.owners();
    const share = Math.min(mostOfOne, Math.max(leastOfOne, Math.floor(mostTaken / owners)));
    if (taken >= share || this.#all >= Math.max(mostTaken, owners * leastOfOne)) return undefined;
    try {
      const id = this.names.id(text);
      this.#taken.set(by, taken + 1);
      this.#all++;
      return id;
    } catch (error) {
      // The whole table is full.
      if (error instanceof EbalanceError) return undefined;
      throw error;
    }
  }

  /** A policy of a statement with the names of the unit; undefined where there is no room for them. @param by as of {@link id} */
  policy(policy: Policy, theirs: NameTexts, by: string | undefined): Policy | undefined {
    const text = policyToText(policy, theirs);
    const isKnown = text.entries.every(({ grantees }) => grantees.every(({ stakeholder, service }) => this.id(stakeholder, by) !== undefined && this.id(service, by) !== undefined));
    return isKnown ? policyFromText(text, this.names) : undefined;
  }
}
