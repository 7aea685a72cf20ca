/** Names that verified statements bring into a unit's table: so many and no more, whatever stakeholders and services others think of. */
import type { NameId, Names, NameTexts } from "../model/names";
import { policyFromText, policyToText, type Policy } from "../model/policy";

const mostTaken = 4096;

export class TakenNames {
  #taken = 0;

  constructor(private readonly names: Names) {}

  /** The id of a name; undefined where there is no room for another. */
  id(text: string): NameId | undefined {
    const known = this.names.find(text);
    if (known !== undefined || this.#taken === mostTaken) return known;
    this.#taken++;
    return this.names.id(text);
  }

  /** A policy of a statement with the names of the unit; undefined where there is no room for them. */
  policy(policy: Policy, theirs: NameTexts): Policy | undefined {
    const text = policyToText(policy, theirs);
    const isKnown = text.entries.every(({ grantees }) => grantees.every(({ stakeholder, service }) => this.id(stakeholder) !== undefined && this.id(service) !== undefined));
    return isKnown ? policyFromText(text, this.names) : undefined;
  }
}
