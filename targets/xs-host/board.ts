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

export interface Board extends DevicePlatform {
  readonly readings: Pick<Host, "processorLoad" | "temperature">;
  readonly light: (on: boolean) => void;
  readonly args: readonly string[];
}

/** Ends the program for a configuration that is not usable. */
function fail(message: string): never {
  host.printError(message);
  return host.exit(2);
}

function readKeyText(path: string): string {
  let bytes: Uint8Array;
  try {
    bytes = host.readSecret(path, 4096);
  } catch (error) {
    return fail(`key file: ${(error as Error).message}`);
  }
  return utf8Text(bytes) ?? fail(`key file ${path} is not UTF-8`);
}

/** The board of this program. */
export function openBoard(): Board {
  const [keyFile, line, service, ...args] = host.args;
  if (keyFile === undefined || line === undefined || service === undefined) return fail("usage: DEVICE KEYFILE LINE SERVICE [no-clock]");
  if (!host.crypto || !host.seal) return fail("this host was built without cryptography");
  const { wallMs, monotonicMs, setTimer, clearTimer } = host;
  const hasClock = args[0] !== "no-clock";
  const timers: TimerPort = {
    after: (ms, callback) => setTimer(ms, false, callback),
    cancel: (timer) => clearTimer(timer as number),
  };
  const log: DevicePlatform["log"] = (level, text) => {
    if (level === "warning" || level === "error") host.printError(`${level} ${text}`);
  };
  const flash = createNativeFlash(host.flash);
  return {
    clock: { wallMs, monotonicMs, isSet: () => hasClock },
    crypto: createNativeCrypto(host.crypto),
    seal: createNativeSeal(host.seal),
    ...(flash ? { store: new RingStore(flash, createNativeSamples(host.samples)) } : {}),
    timers,
    log,
    keyFile: { name: keyFile, text: readKeyText(keyFile) },
    service,
    connect: overSerial(createNativeSerial(host.serial, timers, line, baudRate), timers, log),
    readings: { processorLoad: host.processorLoad, temperature: host.temperature },
    light: (on) => host.print(on ? "light on" : "light off"),
    args,
  };
}
