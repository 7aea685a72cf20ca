/** What the two ends of a session have to agree on, and whether it can be so. */
import { badArgument } from "../model/errors";
import { utf8Length } from "../model/utf8";
import { maxKid } from "../wire/session-message";

/** What both ends of a session are provisioned with, besides the key. */
export interface SessionConfig {
  /** Number of the key, 1 to 65535, unique at each unit. */
  readonly kid: number;
  /** The grid that both belong to: messages of one domain do not verify in another. */
  readonly domain: string;
  /** Id of the unit that opens the session: the lower one in the hierarchy. */
  readonly initiator: string;
  /** Id of the unit that answers. */
  readonly responder: string;
  /** Stakeholder that owns the initiator and what it measures. */
  readonly owner: string;
  /** The names that may be used in this session; on the wire each is its index here. */
  readonly names: readonly string[];
  /** Who may make requests in this session. */
  readonly sources: readonly SessionSource[];
  /** The units that may be reached through the initiator, besides itself: it announces those that are there. */
  readonly below?: readonly string[];
  /** Whether messages are authenticated alone, or encrypted as well: for networks that others listen in. The messages that open the session hold no data and are the same for both. */
  readonly protection?: Protection;
}

/** What keeps the messages of a session. Left out: "mac". */
export type Protection = "mac" | "encrypt";

/** What a session keeps of it: the names it has as the unit's numbers. */
export type SessionIdentity = Pick<SessionConfig, "kid" | "domain" | "initiator" | "responder">;

export interface SessionSource {
  /** The unit that the request comes from: one of the two ends, or with `via` another. */
  readonly device: string;
  readonly service: string;
  readonly stakeholder: string;
  /** The end that passes on the requests of a unit that is neither. */
  readonly via?: string;
}

/** @throws EbalanceError `bad-argument` naming the field that is wrong */
export function checkSession(config: SessionConfig, self: string): void {
  const { kid, domain, initiator, responder, names, sources } = config;
  const wrong = (what: string) => badArgument(`session ${kid}: ${what}`);
  const isText = (text: unknown) => typeof text === "string" && utf8Length(text) >= 1 && utf8Length(text) <= 64;
  const isEnd = (unit: string) => unit === initiator || unit === responder;
  const known = (field: string, name: string) => names.includes(name) || wrong(`${field} ${name} is not in names`);
  if (!Number.isInteger(kid) || kid < 1 || kid > maxKid) badArgument(`session kid ${kid} is not from 1 to ${maxKid}`);
  if (!isText(domain)) wrong("domain is not a text of 1 to 64 bytes");
  if (initiator === responder) wrong(`initiator and responder are both ${initiator}`);
  if (!isEnd(self)) badArgument(`session ${kid} is between ${initiator} and ${responder}, not for ${self}`);
  if (!names.every(isText)) wrong("names has one that is not a text of 1 to 64 bytes");
  if (new Set(names).size !== names.length) wrong("names has one twice");
  known("owner", config.owner);
  for (const { device, service, stakeholder, via } of sources) {
    if (via === undefined && !isEnd(device)) wrong(`source device ${device} is neither end; say with "via" which end passes its requests on`);
    if (via !== undefined && (isEnd(device) || !isEnd(via))) wrong(`source device ${device} via ${via}: an end passes on the requests of a unit that is none`);
    known("device", device);
    known("service", service);
    known("stakeholder", stakeholder);
  }
  if (![undefined, "mac", "encrypt"].includes(config.protection)) wrong("protection is not mac or encrypt");
  for (const unit of config.below ?? []) {
    known("below", unit);
    if (isEnd(unit)) wrong(`below ${unit} is one of the two ends`);
  }
}
