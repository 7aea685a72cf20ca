/** How far a DER device is limited for its voltage (GR-13): pure functions of what was measured. Voltages in V, limits in % of the nominal power. */
import { badArgument } from "../../core/model/errors";

export interface VoltageSteps {
  /** Above this voltage a device is limited. */
  readonly limitV: number;
  /** Below this voltage a limit is raised: lower than `limitV`, so that it does not swing. */
  readonly releaseV: number;
  /** Volts of excess for which the limit is lowered by 1 % of the nominal power; above 0. */
  readonly voltsPerPercent: number;
  /** A limit is not lowered below this. */
  readonly leastShare: number;
  /** A limit is raised by this much at a time; above 0. */
  readonly raiseShare: number;
}

/** EN 50160: 230 V and no more than 10 % above. */
export const voltageSteps: VoltageSteps = Object.freeze({ limitV: 253, releaseV: 250, voltsPerPercent: 0.1, leastShare: 0, raiseShare: 10 });

/** @throws EbalanceError `bad-argument` naming the setting */
export function checkVoltageSteps({ limitV, releaseV, voltsPerPercent, leastShare, raiseShare }: VoltageSteps): void {
  if (!(releaseV > 0 && releaseV < limitV)) badArgument(`releaseV ${releaseV} is not below limitV ${limitV}`);
  if (!(voltsPerPercent > 0)) badArgument(`voltsPerPercent ${voltsPerPercent} is not above 0`);
  if (!(leastShare >= 0 && leastShare <= 100)) badArgument(`leastShare ${leastShare} is not from 0 to 100`);
  if (!(raiseShare > 0 && raiseShare <= 100)) badArgument(`raiseShare ${raiseShare} is not above 0 and at most 100`);
}

/** The limit after a voltage above `limitV`: lower in proportion to the excess, in whole percent and by at least one. */
export function lowered(share: number, voltageV: number, { limitV, voltsPerPercent, leastShare }: VoltageSteps): number {
  const step = Math.max(1, Math.ceil((voltageV - limitV) / voltsPerPercent));
  return Math.min(share, Math.max(leastShare, Math.floor(share) - step));
}

/** The limit after the voltage has been below `releaseV` for long enough; 100 releases the device. */
export function raised(share: number, { raiseShare }: VoltageSteps): number {
  return Math.min(100, share + raiseShare);
}
