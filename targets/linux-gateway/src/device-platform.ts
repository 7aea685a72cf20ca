/**
 * What `ebalance:platform` is where there is no XS engine: a device on Node that measures this computer. Takes its place on the command line like
 * the XS host does: `node device.mjs KEYFILE PORT SERVICE`, and what the example itself asks for.
 */
import { EbalanceError } from "ebalance";
import type { DevicePlatform, StreamConnector } from "ebalance/device";
import { processorLoadReader, temperature } from "./computer-readings";
import { nodeDevicePlatform } from "./node-device";
import { tcpStreams } from "./tcp";

/** What this computer offers for reading. */
export interface Readings {
  /** Share of the processors that is busy, in percent. */
  readonly processorLoad: () => number | undefined;
  /** In °C; undefined where the computer has no sensor. */
  readonly temperature: () => number | undefined;
}

/** A device of this computer: its readings, and what stands on the command line after the service. */
export interface ComputerPlatform extends DevicePlatform {
  readonly readings: Readings;
  readonly light: (on: boolean) => void;
  readonly args: readonly string[];
  /** Streams to `PORT` of this computer or `HOST:PORT`. */
  readonly streams: (to: string | undefined) => StreamConnector;
}

const usage = "usage: node device.mjs KEYFILE PORT SERVICE";

function fromCommandLine(): ComputerPlatform {
  const [keyFile, port, service, ...args] = process.argv.slice(2);
  if (!keyFile || !port || !service) return fail(usage);
  const platform = orFail(() => nodeDevicePlatform({ keyFile, port: Number(port), service }));
  return { ...platform, readings: { processorLoad: processorLoadReader(), temperature }, light, args, streams };
}

/** This computer has no lamp. */
function light(on: boolean): void {
  console.log(on ? "light on" : "light off");
}

function streams(to: string | undefined): StreamConnector {
  if (to === undefined) return fail(`${usage} [HOST:]PORT`);
  const colon = to.lastIndexOf(":");
  return orFail(() => tcpStreams(colon < 0 ? "127.0.0.1" : to.slice(0, colon), Number(to.slice(colon + 1))));
}

/** What is configured wrong ends the program with one line. */
function orFail<T>(make: () => T): T {
  try {
    return make();
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
