/**
 * Names of units, services and stakeholders as small integers: inside a unit every comparison is one of integers, and the table is the only
 * place that holds the texts. Names come from configuration, from calls of local services, and from credentials and handshakes, of which each peer may bring a bounded number: no message of a session makes the table grow.
 */
import { badArgument } from "./errors";
import { utf8Length } from "./utf8";

/** Index of a name in the unit's table, 0 to 32767. */
export type NameId = number;

/** A (stakeholder, service) pair as one integer below 2^30. */
export type GranteeId = number;

const maxNames = 32768;
const maxNameBytes = 64;

/** So many names are looked through; more are found by an index, which takes a device more RAM than the names. */
const fewNames = 16;

/** What ids stand for: a unit's table, or the names of one statement. */
export interface NameTexts {
  /** @throws EbalanceError `bad-argument` where no name has this id */
  text(id: NameId): string;
}

export class Names implements NameTexts {
  readonly #texts: string[] = [];
  #ids: Map<string, NameId> | undefined;

  /** The id of a name, made if it is new. @throws EbalanceError `bad-argument` for an empty or overlong name or a full table */
  id(text: string): NameId {
    const known = this.find(text);
    if (known !== undefined) return known;
    const length = typeof text === "string" ? utf8Length(text) : 0;
    if (length < 1 || length > maxNameBytes) badArgument(`name ${JSON.stringify(text)} is not a text of 1 to ${maxNameBytes} bytes`);
    if (this.#texts.length === maxNames) badArgument(`more than ${maxNames} names`);
    const id = this.#texts.push(text) - 1;
    if (this.#ids) this.#ids.set(text, id);
    else if (id === fewNames) this.#ids = new Map(this.#texts.map((name, i) => [name, i]));
    return id;
  }

  /** The id of a name that may not be known. */
  find(text: string): NameId | undefined {
    if (this.#ids) return this.#ids.get(text);
    const id = this.#texts.indexOf(text);
    return id < 0 ? undefined : id;
  }

  text(id: NameId): string {
    return this.#texts[id] ?? badArgument(`no name has id ${id}`);
  }
}

export function granteeId(stakeholder: NameId, service: NameId): GranteeId {
  return stakeholder * maxNames + service;
}

export function granteeStakeholder(grantee: GranteeId): NameId {
  return Math.floor(grantee / maxNames);
}

export function granteeService(grantee: GranteeId): NameId {
  return grantee % maxNames;
}
