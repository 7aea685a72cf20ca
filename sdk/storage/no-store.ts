/** The store of a unit that keeps nothing: a device whose home has the only copy. */
import type { StorePort } from "./store-port";

export const noStore: StorePort = Object.freeze<StorePort>({
  append: () => "failed",
  scan: () => {},
  newestMs: () => -Infinity,
  policiesInUse: () => {},
});
