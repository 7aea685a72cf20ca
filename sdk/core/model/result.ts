/**
 * Result codes: the closed list that every notification uses, the same on device and gateway (DI-12).
 * Codes are part of the wire format: a number is never given a new meaning.
 */
export const Result = Object.freeze({
  /** The request was carried out. */
  done: 0,
  /** No grant covers the request, or what it names does not exist: the two look alike to whoever has no grant. */
  denied: 1,
  /** A grant covers the request, but its minimum delay has not passed; `retryAfterMs` says how long is left. */
  tooEarly: 2,
  /** The variable is not in the registry. */
  unknownVariable: 3,
  /** The value is outside the variable's range. */
  outOfRange: 4,
  /** The value is not of the variable's type. */
  wrongType: 5,
  /** The message is authentic, but its body is not a request of this wire version. */
  malformed: 6,
  /** No route leads to the unit. */
  unknownLocation: 7,
  /** No instance satisfies the condition. */
  noData: 8,
  /** No answer came in time. Reported by the requester's own unit. */
  timeout: 9,
  /** The link to the unit was lost before the answer came, at the requester's own unit or further on. */
  linkLost: 10,
  /** A bounded resource (series, subscriptions, policies, pending requests, outbox) is full: try again later. */
  busy: 11,
  /** The policy's sequence is not above the one in force. */
  stalePolicy: 12,
  /** The policy hash is not known here: send the policy itself. */
  unknownPolicy: 13,
  /** The time of the message or item is in the future, or further back than the receiver accepts. */
  badTime: 14,
  /** The operation, function or condition is not supported for this variable by this unit. */
  unsupported: 15,
  /** No such subscription of this subscriber. */
  unknownSubscription: 16,
  /** The store could not keep the instance: it failed, or is full of newer ones. Of a write of several, those before it may have been kept. */
  storageFailed: 17,
  /** The service has a periodic subscription to this series already: unsubscribe it first. */
  alreadySubscribed: 18,
  /** Nobody whom this unit trusts for it has signed what came over several units, or whoever was asked may not sign for the owner. */
  notTrusted: 19,
} as const);

export type ResultName = keyof typeof Result;
export type ResultCode = (typeof Result)[ResultName];

const names: readonly ResultName[] = Object.freeze(Object.keys(Result) as ResultName[]);

/** The largest code of this wire version. */
export const lastResultCode = names.length - 1;

/** The name of a code, as written in this list. */
export function resultName(code: ResultCode): ResultName {
  return names[code] as ResultName;
}
