/** Serial lines (UART, RS-485, USB): an end that takes in the unit at the other end, and a connector to the unit above. */
import { accessSync, constants, statSync } from "node:fs";
import { createRequire } from "node:module";
import { EbalanceError, framed, overSerial, type LinkConnector, type LinkPort, type LogPort, type StreamConnector, type UnitDriver } from "ebalance";
import type { SerialPort } from "serialport";
import { boundedStream } from "./bounded-stream";
import { nodeTimers } from "./node-ports";
import type { Durability } from "./store/durability";

/** A line, and how fast it is: both ends have to agree. Always eight bits without parity, one stop bit, no flow control. */
export interface SerialAddress {
  /** Of the device file, like `/dev/ttyUSB0` or a link in `/dev/serial/by-id`, which stays the same whatever is plugged in first. */
  readonly path: string;
  /** In bits a second. */
  readonly baudRate: number;
}

export const defaultBaudRate = 115_200;
export const leastBaudRate = 300;
export const mostBaudRate = 4_000_000;

/** Bytes that may wait for the line: less than a second at 115,200 baud. */
const maxQueuedBytes = 8192;
/** Pauses after which a line that is gone is opened again: the first, and the longest. */
const firstRetryMs = 500;
const lastRetryMs = 5000;

/** Takes in the unit at the other end of a line and hands its messages to one unit. A line that is not there yet, or not any more, is opened again and again. */
export class SerialListener {
  readonly #connector: LinkConnector;
  #link: LinkPort | undefined;
  #timer: NodeJS.Timeout | undefined;
  #retryMs = firstRetryMs;
  #told = "";
  #closed = false;

  /** @throws EbalanceError `bad-configuration` where serial lines are not to be had on this computer */
  constructor(
    private readonly driver: UnitDriver,
    private readonly log: LogPort,
    address: SerialAddress,
    durability?: Durability,
  ) {
    this.#connector = serialConnector(address, log, durability);
  }

  listen(): void {
    const link: LinkPort = (this.#link = this.#connector({
      up: () => {
        this.log("info", `${link.name}: a unit is at the other end`);
        this.#retryMs = firstRetryMs;
        this.#told = "";
      },
      message: (message) => this.driver.receive(link, message),
      down: (reason) => this.#lost(link, reason),
    }));
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#link?.close("closed");
  }

  #lost(link: LinkPort, reason: string): void {
    this.driver.unit.linkLost(link);
    if (this.#closed) return;
    // The same again and again is not worth a line each.
    if (reason !== this.#told) this.log("warning", `${link.name}: ${reason}; opened again until it is there`);
    this.#told = reason;
    this.#timer = setTimeout(() => this.listen(), this.#retryMs);
    this.#retryMs = Math.min(2 * this.#retryMs, lastRetryMs);
  }
}

/**
 * Connects to the unit at the other end of a line.
 * @throws EbalanceError `bad-configuration` where serial lines are not to be had on this computer
 */
export function serialConnector(address: SerialAddress, log: LogPort, durability?: Durability): LinkConnector {
  return overSerial(framed(serialStreams(address, durability)), nodeTimers, log);
}

/**
 * What a URL names, as `serial:///dev/ttyUSB0?baudRate=9600`: without a rate 115,200. Undefined for one of another protocol.
 * @throws EbalanceError `bad-configuration` for one that names no device file or no rate
 */
export function serialAddressOf(url: string): SerialAddress | undefined {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed?.protocol !== "serial:") return undefined;
  const { host, pathname, searchParams } = parsed;
  if (host !== "" || !/^\/./.test(pathname)) throw configuration(`url ${url} names no device file: serial:///dev/ttyUSB0 does, with three slashes`);
  const baudRate = Number(searchParams.get("baudRate") ?? defaultBaudRate);
  if (!(Number.isInteger(baudRate) && baudRate >= leastBaudRate && baudRate <= mostBaudRate)) throw configuration(`url ${url}: baudRate is not from ${leastBaudRate} to ${mostBaudRate}`);
  return { path: decodeURIComponent(pathname), baudRate };
}

function serialStreams(address: SerialAddress, durability: Durability | undefined): StreamConnector {
  const Port = loadSerialPort();
  return (onOpen, onData) => {
    // Closing must not drop DTR: that resets the boards of many devices.
    const port = new Port({ ...address, hupcl: false });
    let ended = false;
    const end = (reason: string) => {
      if (!ended) onData(null, reason);
      ended = true;
    };
    port.on("open", onOpen);
    port.on("data", (chunk: Uint8Array) => onData(chunk));
    port.on("error", (error: Error) => end(reasonOf(error)));
    port.on("close", (error: Error | null) => end(error ? `unplugged (${error.message})` : "closed"));
    return boundedStream(port, { name: `serial ${address.path}`, maxQueuedBytes, durability, close: () => closePort(port) });
  };
}

/**
 * Looks whether a line can be used here, and opens nothing; a line may be plugged in later.
 * @throws EbalanceError `bad-configuration` naming the remedy
 */
export function checkSerial(address: SerialAddress | undefined, warn: (what: string) => void): void {
  if (!address) return;
  loadSerialPort();
  const { path } = address;
  const status = statSync(path, { throwIfNoEntry: false });
  if (!status) return warn(`${path} is not there yet`);
  if (!status.isCharacterDevice()) throw configuration(`${path} is no device file`);
  try {
    accessSync(path, constants.R_OK | constants.W_OK);
  } catch {
    throw configuration(`${path}: ${noPermission}`);
  }
}

/** A port that is being opened can be closed only then. */
function closePort(port: SerialPort): void {
  if (port.destroyed) return;
  if (port.opening) port.once("open", () => port.close());
  else if (port.isOpen) port.close();
  port.destroy();
}

const noPermission = "permission denied: add who runs this to the group of the device, mostly dialout, and log in anew";

/** In words that name the remedy. */
function reasonOf({ message }: Error): string {
  if (/permission denied/i.test(message)) return noPermission;
  if (/cannot lock/i.test(message)) return "another program has it open";
  if (/no such file/i.test(message)) return "not there: is it plugged in?";
  return message;
}

/** Loaded where a configuration names a line: an optional dependency with a native part. */
function loadSerialPort(): typeof SerialPort {
  try {
    return (createRequire(import.meta.url)("serialport") as { readonly SerialPort: typeof SerialPort }).SerialPort;
  } catch (error) {
    throw configuration(`serial lines need the package serialport, which does not load here: npm install serialport (${(error as Error).message.split("\n")[0]})`);
  }
}

function configuration(message: string): EbalanceError {
  return new EbalanceError("bad-configuration", "caller", message);
}
