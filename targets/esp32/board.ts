// SPDX-License-Identifier: Apache-2.0
// A board with an ESP32 or ESP32-C3: native cryptography, sealing and flash, Wi-Fi and TCP to the parent, what it was provisioned with in NVS, a lamp.
// Preloaded: it stands in flash, and only what `openBoard` makes takes RAM. Compiled by the vendor's tools with each project; it has not run on silicon.
import { EbalanceError, overStreams, RingStore, type DevicePlatform, type TimerPort } from "ebalance/device";
import { crypto, openFlash, samples, seal } from "ebalance/native";
import Digital from "embedded:io/digital";
import keyValue from "embedded:storage/key-value";
import config from "mc/config";
import Time from "time";
import Timer from "timer";
import { joinWiFi, NetworkClock, tcpStreams } from "./network";

declare function native<F>(name: string): F;

const processorLoad: () => number | undefined = native("ebProcessorLoad");
const temperature: () => number | undefined = native("ebTemperature");

export interface Board extends DevicePlatform {
  /** In percent and °C; undefined where the chip cannot tell. */
  readonly readings: { readonly processorLoad: () => number | undefined; readonly temperature: () => number | undefined };
  readonly light: (on: boolean) => void;
}

const timers: TimerPort = Object.freeze({
  after: (ms: number, callback: () => void) => Timer.set(callback, ms),
  cancel: (timer: unknown) => Timer.clear(timer as Timer),
});

const log: DevicePlatform["log"] = (level, text) => trace(`${level} ${text}\n`);

/** Milliseconds since the start. The vendor's ticks have 32 bits and begin again after 49 days. */
function makeMonotonicMs(): () => number {
  let last = Time.ticks;
  let sumMs = 0;
  return () => {
    const now = Time.ticks;
    sumMs += Time.delta(last, now) >>> 0;
    last = now;
    return sumMs;
  };
}

/** What a board is provisioned with: texts in the NVS namespace `ebalance`, see docs/firmware.md. */
interface Settings {
  readonly service: string;
  readonly parent: string;
  readonly ssid: string;
  /** Empty for a network without one. */
  readonly password: string;
}

function unprovisioned(what: string): never {
  throw new EbalanceError("bad-configuration", "caller", `NVS has no ${what}: provision the board`);
}

type Storage = ReturnType<typeof keyValue.open>;

function textOf(storage: Storage, name: string): string {
  const value = storage.read(name);
  return typeof value === "string" ? value : unprovisioned(`text ${name} in its namespace ebalance`);
}

function readSettings(): Settings {
  const storage = openStorage();
  const password = storage.read("password");
  const settings = { service: textOf(storage, "service"), parent: textOf(storage, "parent"), ssid: textOf(storage, "ssid"), password: typeof password === "string" ? password : "" };
  storage.close();
  return settings;
}

/** Read whenever it is asked for: no text with a key stays in RAM. */
class StoredKey {
  readonly name = "key of NVS";

  get text(): string {
    const storage = openStorage();
    const text = textOf(storage, "key");
    storage.close();
    return text;
  }
}

function openStorage(): Storage {
  try {
    return keyValue.open({ path: "ebalance", mode: "r", format: "string" });
  } catch {
    return unprovisioned("namespace ebalance");
  }
}

function parentAddress(text: string): { address: string; port: number } {
  const [, address, port] = /^(\d+\.\d+\.\d+\.\d+):(\d+)$/.exec(text) ?? [];
  if (address === undefined || !(Number(port) >= 1 && Number(port) <= 65535)) throw new EbalanceError("bad-configuration", "caller", `parent ${text} in NVS is not ADDRESS:PORT, as 192.168.1.10:4712`);
  return { address, port: Number(port) };
}

/** The lamp at `lampPin` of the manifest's `config`; where there is none, the log says what it would do. */
function openLamp(): Board["light"] {
  const pin: unknown = config["lampPin"];
  if (typeof pin !== "number") return (on) => log("info", on ? "light on" : "light off");
  const lamp = new Digital({ pin, mode: Digital.Output });
  return (on) => lamp.write(on ? 1 : 0);
}

/** The board of this program. @throws EbalanceError `bad-configuration` where it was not provisioned */
export function openBoard(): Board {
  const { service, parent, ssid, password } = readSettings();
  const { address, port } = parentAddress(parent);
  const clock = new NetworkClock(makeMonotonicMs(), timers, log);
  const flash = openFlash();
  joinWiFi(ssid, password, timers, log, () => clock.start(String(config["sntp"])));
  return {
    clock,
    crypto,
    seal,
    ...(flash ? { store: new RingStore(flash, samples) } : {}),
    timers,
    log,
    keyFile: new StoredKey(),
    service,
    connect: overStreams(tcpStreams(address, port, timers)),
    readings: { processorLoad, temperature },
    light: openLamp(),
  };
}
