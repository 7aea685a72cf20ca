/** A session that a handshake has made: its sources are those that the peer's delegations name, and each request is held against the delegations when it comes. */
import type { Names } from "../model/names";
import { Operation, type Request } from "../wire/session-body";
import type { CertificateStore } from "./certificate-store";
import { covers, type Delegation, type UnitCredential } from "./credential";
import { Session } from "./session";

/** Whether a request is within the rights of whoever makes it, now. */
export type Holds = (request: Request) => boolean;

export class CertifiedSession extends Session {
  constructor(
    private readonly holds: Holds,
    ...session: ConstructorParameters<typeof Session>
  ) {
    super(...session);
  }

  override allows(request: Request): boolean {
    return super.allows(request) && this.holds(request);
  }
}

/**
 * Holds requests against the delegations that a peer has opened: expiry, epoch, rights, devices and variables, all as they are when it is asked.
 * @param names the unit's
 */
export function heldBy(store: CertificateStore, peer: UnitCredential, delegations: readonly Delegation[], names: Names): Holds {
  const opened = delegations.map((delegation) => ({ delegation, service: names.id(delegation.service), stakeholder: names.id(delegation.issuer) }));
  return (request) => {
    // Who may not ask any more may still end what it has asked for.
    if (request.op === Operation.unsubscribe) return true;
    const right = request.op === Operation.write ? 2 : 1;
    const series = request.op === Operation.write ? request.items : [request.selector];
    const { service, stakeholder } = request.source;
    const isWithin = (delegation: Delegation) => series.every(({ variable, device }) => covers(delegation, right, { variable, device: names.text(device) })) && store.refusal(delegation) === undefined;
    return store.refusal(peer) === undefined && opened.some((one) => one.service === service && one.stakeholder === stakeholder && isWithin(one.delegation));
  };
}
