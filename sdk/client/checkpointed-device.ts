/** A device with credentials that signs checkpoints of what it measures: apart from the one that does not, so that who does not ask for them carries nothing of them. */
import { CarryingLeafUnit } from "../core/carrying-leaf-unit";
import { badArgument, EbalanceError } from "../core/model/errors";
import { SequenceReservation } from "../core/security/sequence-reservation";
import { certifiedDevice, type CertifiedDevicePlatform } from "./certified-device";
import { Checkpoints } from "./checkpoints";
import { Device, type DeviceOptions } from "./device";
import type { Driver } from "./driver";

export interface CheckpointOptions extends DeviceOptions {
  /** Time of a checkpoint in whole seconds, 1 to 86,400; its home takes one a minute in the long run. They begin at multiples of it since 1970. Default 3600. */
  readonly checkpointEveryS?: number;
}

/**
 * Starts a device as `openCertifiedDevice` does, which besides signs each hour how many samples it has kept of each series, and their digest, and hands that to its home: so it is noticed, there and by
 * the owner, where a reading was left out or changed on its way or later, without a signature for each. Nothing is said of a time that the device has not seen whole, with its clock set, nor of a series
 * of which the store does not hold so much. The store keeps it all until then; it takes some kilobytes more memory, and an operation on a key pair an hour.
 * @throws EbalanceError `bad-configuration` where the platform has no store or no state, and as `openCertifiedDevice`; `bad-argument` for a time out of range
 * @example
 * const device = openCheckpointedDevice(platform, { checkpointEveryS: 3600 });
 * device.report("activePower", { everyMs: 10_000, read: () => meter.powerW });
 */
export function openCheckpointedDevice(platform: CertifiedDevicePlatform, options: CheckpointOptions = {}): Device {
  const { checkpointEveryS: everyS = 3600, ...others } = options;
  if (!(Number.isInteger(everyS) && everyS >= 1 && everyS <= 86_400)) badArgument(`checkpointEveryS ${everyS} is not a whole number from 1 to 86400`);
  const { store, state } = platform;
  if (!store || !state) throw new EbalanceError("bad-configuration", "caller", `checkpoints need a platform with ${store ? "" : "a store of what is measured"}${store || state ? "" : " and "}${state ? "" : "state that is kept over a restart"}`);
  const sequences = new SequenceReservation(state);
  return certifiedDevice(platform, others, CarryingLeafUnit, (...[whole, provision, driver, config]) => new CheckpointedDevice(whole, provision, driver, config, { store, sequences, everyS }));
}

class CheckpointedDevice extends Device {
  readonly #checkpoints: Checkpoints;

  constructor(platform: CertifiedDevicePlatform, provision: ConstructorParameters<typeof Device>[1], driver: Driver<CarryingLeafUnit>, config: ConstructorParameters<typeof Device>[3], more: Pick<ConstructorParameters<typeof Checkpoints>[0], "store" | "sequences" | "everyS">) {
    super(platform, provision, driver, config);
    const { clock, timers, log, party, service } = platform;
    this.#checkpoints = new Checkpoints({ clock, timers, log, party, service, unit: driver.unit, readings: this.outbox.readings, ...more });
    const tellDevice = config.onSession;
    config.onSession = (parent, open) => {
      tellDevice(parent, open);
      this.#checkpoints.linkChanged(open);
    };
  }

  override close(): void {
    this.#checkpoints.close();
    super.close();
  }
}
