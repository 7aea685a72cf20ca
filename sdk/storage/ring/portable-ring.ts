/** The ring of samples without a native module, for platforms that have none and for tests: a device has its own and leaves this out of its image. */
import type { FlashPort } from "../flash-port";
import { PortableSamples } from "./portable-samples";
import { RingStore } from "./ring-store";

/** Opens the ring in a partition of flash. @throws as `new RingStore` */
export function portableRing(flash: FlashPort): RingStore {
  return new RingStore(flash, new PortableSamples(flash));
}
