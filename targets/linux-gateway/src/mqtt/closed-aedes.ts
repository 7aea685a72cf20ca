/** aedes as a front door: what a client publishes goes to the unit behind it, and from there to no other client. */
import { Aedes, type AedesOptions, type Client, type PublishPacket } from "aedes";
import { authenticateWithinMs, maxPacketBytes } from "./bounds";

/** A client that reads nothing for this time while something waits for it is closed: who comes in its place would have to wait as long. */
const drainWithinMs = 8000;

type Done = (error?: Error) => void;

class ClosedAedes extends Aedes {
  /**
   * Ends what clients publish, wills too, right here: the hook has handed it to the unit. Nothing is retained, nothing is queued for others, and what goes on inside the
   * broker (its `$SYS` topics) is all that is left to the base class.
   */
  override publish(packet: PublishPacket, client: Client | null | Done, done?: Done): void {
    if (typeof client === "function") super.publish(packet, client);
    else done?.();
  }
}

/** @param hooks who may connect, publish and subscribe */
export function closedAedes(hooks: Required<Pick<AedesOptions, "preConnect" | "authenticate" | "authorizePublish" | "authorizeSubscribe" | "authorizeForward">>): Aedes {
  return new ClosedAedes({ ...hooks, connectTimeout: authenticateWithinMs, drainTimeout: drainWithinMs, maximumPacketSize: maxPacketBytes, maxTopicLevels: 8 });
}
