/**
 * What `ebalance:platform` is where there is no XS engine: a device on Node that measures this computer. Takes its place on the command line like
 * the XS host does: `node sensor.mjs KEYFILE PORT SERVICE`.
 */
import { EbalanceError } from "ebalance";
import type { DevicePlatform } from "ebalance/device";
import { processorLoadReader, temperature } from "./computer-readings";
import { nodeDevicePlatform } from "./node-device";

/** What this computer offers for reading. */
export interface Readings {
  /** Share of the processors that is busy, in percent. */
  readonly processorLoad: () => number | undefined;
  /** In °C; undefined where the computer has no sensor. */
  readonly temperature: () => number | undefined;
}

function fromCommandLine(): DevicePlatform & { readonly readings: Readings } {
  const [keyFile, port, service] = process.argv.slice(2);
  if (!keyFile || !port || !service) return fail("usage: node sensor.mjs KEYFILE PORT SERVICE");
  try {
    return { ...nodeDevicePlatform({ keyFile, port: Number(port), service }), readings: { processorLoad: processorLoadReader(), temperature } };
  } catch (error) {
    if (!(error instanceof EbalanceError)) throw error;
    return fail(error.message);
  }
}

function fail(message: string): never {
  process.stderr.write(`${message}\n`);
  process.exit(2);
}

export const platform = fromCommandLine();
