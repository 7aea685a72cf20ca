/** A unit with nothing below it whose session with its home a handshake makes: a device with a credential in place of a session key file. */
import { renewed, whileHeld } from "./certified-neighbour";
import { here, type Way } from "./group/routes";
import { LeafUnit } from "./leaf-unit";
import { badArgument } from "./model/errors";
import { Result } from "./model/result";
import type { Neighbour } from "./neighbour";
import type { LinkPort } from "./ports";
import { CertifiedSession, type Holds } from "./security/certified-session";
import type { KeyHandle } from "./security/crypto-port";
import type { SessionConfig } from "./security/session-config";
import { Operation, type Request, type UnsubscribeRequest } from "./wire/session-body";

/**
 * Made by `openCertifiedDevice`; a program that has no use for a `Device` makes its own.
 * @example
 * const unit = new CertifiedLeafUnit({ id: "meter", parent: "home", registry }, ports);
 * const sessions = new CertifiedSessions({ unit, party, clock, log });
 */
export class CertifiedLeafUnit extends LeafUnit {
  /** As `ManagementUnit.provision`. */
  provision(config: SessionConfig, secret: KeyHandle, holds: Holds, link?: LinkPort): void {
    if (config.below?.length) badArgument(`session ${config.kid}: below names ${config.below.join(", ")}, and ${this.id} passes nothing on`);
    const session = new CertifiedSession(holds, config, this.id, secret, this.registry, this.names, this.ports.crypto, this.ports.seal);
    if (!renewed(this, this.neighbours, session, link)) this.join(session);
  }

  /** Whether no session of this unit has a number. */
  isFree(kid: number): boolean {
    return !this.neighbours.withKid(kid);
  }

  protected override wayOf(request: Exclude<Request, UnsubscribeRequest>, from: Neighbour | undefined): Way {
    const way = super.wayOf(request, from);
    // The session with the home is yet to be agreed on.
    return way === Result.unknownLocation && !this.neighbours.withId(this.parent) ? Result.linkLost : way;
  }

  protected override carryOut(request: Request, sequence: number, from: Neighbour): void {
    const way = request.op === Operation.unsubscribe ? here : this.wayOf(request, from);
    const end = (id: number) => {
      const subscription = this.subscriptions.find(from, id);
      if (subscription) this.subscriptions.remove(subscription);
    };
    this.decide(request, typeof way === "object" ? Result.unknownLocation : way, from, sequence, whileHeld(request, from, from.notify, end));
  }
}
