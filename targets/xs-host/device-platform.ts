// SPDX-License-Identifier: Apache-2.0
// The test host as a device platform: what `ebalance:platform` is for an example that runs on XS.
// Arguments of the script: KEYFILE PORT SERVICE, and what the example itself asks for.
import { overStreams, utf8Text, type ByteStream, type DevicePlatform, type StreamConnector } from "ebalance/device";
import { createNativeCrypto } from "../native/crypto/crypto";
import { createNativeSeal } from "../native/seal/seal";
import { NobleCrypto } from "../../sdk/core/security/noble-crypto";

/** Bytes that may wait for a connection that is slow. */
const maxQueuedBytes = 4096;

const usage = "usage: ebalance-xs DEVICE.js KEYFILE PORT SERVICE";
const [keyFile, parentPort, service, ...args] = host.args;
if (keyFile === undefined || parentPort === undefined || service === undefined) fail(usage);

/** Ends the program for a configuration that is not usable. */
function fail(message: string): never {
  host.printError(message);
  return host.exit(2);
}

/** The bytes of a stream that the host has not taken yet, in order. */
class Queue {
  private readonly waiting: Uint8Array[] = [];
  private bytes = 0;

  /** Takes all of the bytes or none. */
  add(bytes: Uint8Array): boolean {
    if (this.bytes + bytes.length > maxQueuedBytes) return false;
    this.waiting.push(bytes);
    this.bytes += bytes.length;
    return true;
  }

  /** Hands over what the host takes now. */
  flush(id: number): void {
    for (let next = this.waiting[0]; next; next = this.waiting[0]) {
      const sent = host.send(id, next, next.length);
      this.bytes -= sent;
      if (sent < next.length) {
        this.waiting[0] = next.subarray(sent);
        return;
      }
      this.waiting.shift();
    }
  }
}

/** Streams to `PORT` or `127.x.x.x:PORT`: the host reaches this computer alone. */
function streams(to: string | undefined): StreamConnector {
  if (to === undefined) return fail(`${usage} [HOST:]PORT`);
  const colon = to.lastIndexOf(":");
  const address = colon < 0 ? "127.0.0.1" : to.slice(0, colon);
  const portText = to.slice(colon + 1);
  const port = Number(portText);
  if (!address.startsWith("127.")) fail(`address ${address} is not of this computer (127.x.x.x)`);
  if (!(Number.isInteger(port) && port >= 1 && port <= 65535)) fail(`port ${portText} is not from 1 to 65535`);
  return (onOpen, onData) => openStream(address, port, onOpen, onData);
}

function openStream(address: string, port: number, ...[onOpen, onData]: Parameters<StreamConnector>): ByteStream {
  const queue = new Queue();
  let open = false;
  let id: number | undefined = host.connect(
    address,
    port,
    (chunk) => {
      if (!chunk) id = undefined;
      onData(chunk);
    },
    () => {
      if (!open) {
        open = true;
        onOpen();
      }
      if (id !== undefined) queue.flush(id);
    },
  );
  return {
    name: `tcp ${address}:${port}`,
    write(bytes) {
      if (id === undefined || !queue.add(bytes)) return false;
      queue.flush(id);
      return true;
    },
    close() {
      if (id !== undefined) host.close(id);
      id = undefined;
    },
  };
}

function readKeyText(path: string): string {
  let bytes: Uint8Array;
  try {
    bytes = host.readSecret(path, 8192);
  } catch (error) {
    return fail(`key file: ${(error as Error).message}`);
  }
  return utf8Text(bytes) ?? fail(`key file ${path} is not UTF-8`);
}

export const platform: DevicePlatform & {
  readonly readings: Pick<Host, "processorLoad" | "temperature">;
  readonly light: (on: boolean) => void;
  readonly args: readonly string[];
  readonly streams: (to: string | undefined) => StreamConnector;
} = {
  clock: { wallMs: host.wallMs, monotonicMs: host.monotonicMs, isSet: () => true },
  ...(host.seal ? { seal: createNativeSeal(host.seal) } : {}),
  crypto: host.crypto ? createNativeCrypto(host.crypto) : new NobleCrypto((out) => out.set(host.random(out.length))),
  timers: {
    after: (ms, callback) => host.setTimer(ms, false, callback),
    cancel: (timer) => host.clearTimer(timer as number),
  },
  log: (level, line) => {
    if (level === "warning" || level === "error") host.printError(`${level} ${line}`);
  },
  keyFile: { name: keyFile, text: readKeyText(keyFile) },
  service,
  connect: overStreams(streams(parentPort)),
  readings: { processorLoad: host.processorLoad, temperature: host.temperature },
  light: (on) => host.print(on ? "light on" : "light off"),
  args,
  streams,
};
