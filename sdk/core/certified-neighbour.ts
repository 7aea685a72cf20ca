/** What a unit does with a neighbour whose session a handshake has made, apart from the unit so that a device with a session key file carries nothing of it. */
import type { Neighbours } from "./group/neighbours";
import { badArgument } from "./model/errors";
import { Result } from "./model/result";
import type { Neighbour } from "./neighbour";
import type { LinkPort } from "./ports";
import { outcome } from "./requests/request-processor";
import type { NotifyOf } from "./requests/subscriptions";
import { CertifiedSession } from "./security/certified-session";
import { isStanding, type Request } from "./wire/session-body";

/** The unit that loses a link. */
interface LinkLoser {
  readonly id: string;
  linkLost(link: LinkPort): void;
}

/** Ends a neighbour's session and forgets its key; who waits for something is told. */
export function endSession(unit: LinkLoser, neighbours: Neighbours, neighbour: Neighbour): void {
  if (neighbour.link) unit.linkLost(neighbour.link);
  neighbours.remove(neighbour);
  neighbour.session.destroy();
}

/**
 * Gives the neighbour that a session is with this one in place of the one that it had.
 * @param link the one that it goes on over
 * @returns undefined where there is no session with it yet
 * @throws EbalanceError `bad-argument` where another neighbour's session has the number
 */
export function renewed(unit: LinkLoser, neighbours: Neighbours, session: CertifiedSession, link: LinkPort | undefined): Neighbour | undefined {
  const neighbour = neighbours.withId(session.peer);
  const taken = neighbours.withKid(session.kid);
  if (taken && taken !== neighbour) badArgument(`unit ${unit.id} has a session with kid ${session.kid} already`);
  if (!neighbour) return undefined;
  const before = neighbour.link;
  endSession(unit, neighbours, neighbour);
  neighbour.session = session;
  neighbours.add(neighbour);
  if (before !== link) before?.close("its unit has agreed on a new session over another link");
  return neighbour;
}

/**
 * What takes the notifications of a request: those of a subscription as long as the right to it holds, then one that says that it is denied.
 * @param end ends the subscription, by the neighbour's id of it
 */
export function whileHeld(request: Request, from: Neighbour, notify: NotifyOf, end: (id: number) => void): NotifyOf {
  const { session } = from;
  if (!isStanding(request) || !(session instanceof CertifiedSession)) return notify;
  let isEnded = false;
  return (notification, id) => {
    if (isEnded) return;
    if (session.allows(request)) return notify(notification, id);
    isEnded = true;
    end(id);
    notify(outcome(Result.denied), id);
  };
}
