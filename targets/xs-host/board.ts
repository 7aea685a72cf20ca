// SPDX-License-Identifier: Apache-2.0
// A board on a serial line, as the test hosts emulate one: native cryptography, sealing, flash and serial line, a clock that its RTC sets, a lamp.
// Preloaded: it stands in flash, and only what `openBoard` makes takes RAM.
// Arguments of the script: KEYFILE LINE SERVICE, and `no-clock` for a board without RTC, or what the example itself asks for.
import { overSerial, RingStore, utf8Text, type DevicePlatform, type TimerPort } from "ebalance/device";
import { createNativeCrypto } from "../native/crypto/crypto";
import { createNativeFlash } from "../native/flash/flash";
import { createNativeSamples } from "../native/samples/samples";
import { createNativeSeal } from "../native/seal/seal";
import { createNativeSerial } from "../native/serial/serial";

const baudRate = 115_200;

const { crypto: nativeCrypto, seal: nativeSeal, wallMs, monotonicMs, setTimer, clearTimer } = host;
const crypto = nativeCrypto && Object.freeze(createNativeCrypto(nativeCrypto));
const seal = nativeSeal && Object.freeze(createNativeSeal(nativeSeal));
const samples = Object.freeze(createNativeSamples(host.samples));
const timers: TimerPort = Object.freeze({
  after: (ms: number, callback: () => void) => setTimer(ms, false, callback),
  cancel: (timer: unknown) => clearTimer(timer as number),
});
const clock = Object.freeze({ wallMs, monotonicMs, isSet: () => true });
const clockWithoutTime = Object.freeze({ wallMs, monotonicMs, isSet: () => false });
const readings = Object.freeze({ processorLoad: host.processorLoad, temperature: host.temperature });
const log: DevicePlatform["log"] = (level, text) => {
  if (level === "warning" || level === "error") host.printError(`${level} ${text}`);
};
const light = (on: boolean) => host.print(on ? "light on" : "light off");

export interface Board extends DevicePlatform {
  readonly readings: Pick<Host, "processorLoad" | "temperature">;
  readonly light: (on: boolean) => void;
  readonly args: readonly string[];
  readonly streams: (to: string | undefined) => never;
}

/** Ends the program for a configuration that is not usable. */
function fail(message: string): never {
  host.printError(message);
  return host.exit(2);
}

const streams = () => fail("no streams on this board: it has a serial line and no network");

/** Read whenever it is asked for: no text with a key stays in RAM. */
class SecretFile {
  constructor(readonly name: string) {}

  get text(): string {
    let bytes: Uint8Array;
    try {
      bytes = host.readSecret(this.name, 4096);
    } catch (error) {
      return fail(`key file: ${(error as Error).message}`);
    }
    return utf8Text(bytes) ?? fail(`key file ${this.name} is not UTF-8`);
  }
}

/** The board of this program. */
export function openBoard(): Board {
  const [keyFile, line, service, ...args] = host.args;
  if (keyFile === undefined || line === undefined || service === undefined) return fail("usage: DEVICE KEYFILE LINE SERVICE [no-clock]");
  if (!crypto || !seal) return fail("this host was built without cryptography");
  const flash = createNativeFlash(host.flash);
  return {
    clock: args[0] === "no-clock" ? clockWithoutTime : clock,
    crypto,
    seal,
    ...(flash ? { store: new RingStore(flash, samples) } : {}),
    timers,
    log,
    keyFile: new SecretFile(keyFile),
    service,
    // Made for each link: functions that stay would take RAM.
    connect: (events) => overSerial(createNativeSerial(host.serial, timers, line, baudRate), timers, log)(events),
    readings,
    light,
    args,
    streams,
  };
}
