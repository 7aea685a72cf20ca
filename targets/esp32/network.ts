// SPDX-License-Identifier: Apache-2.0
// The network of an ESP32 out of the vendor's modules: Wi-Fi that is joined again when it is lost, streams over TCP, a clock that is set by SNTP.
import type { ClockPort, LogPort, StreamConnector, TimerPort } from "ebalance/device";
import TCP from "embedded:io/socket/tcp";
import WiFi from "embedded:network/interface/wifi";
import SNTP from "sntp";
import Time from "time";

/** Pause before the radio tries again. */
const rejoinMs = 5000;
/** States of the vendor's `connection`; between them it joins, or waits for an address. */
const isLost = 200;
const hasAddress = 500;

/** Keeps the radio joined, for as long as the board runs. `onAddress` is called each time that it has got an address. */
export function joinWiFi(SSID: string, password: string, timers: TimerPort, log: LogPort, onAddress: () => void): void {
  let isWaiting = false;
  const join = () => {
    isWaiting = false;
    try {
      wifi.connect(password ? { SSID, password } : { SSID });
    } catch (error) {
      lost((error as Error).message);
    }
  };
  const lost = (reason: string) => {
    if (isWaiting) return;
    isWaiting = true;
    log("warning", `Wi-Fi ${SSID}: ${reason}; trying again in ${rejoinMs} ms`);
    timers.after(rejoinMs, join);
  };
  const wifi = new WiFi({
    onChanged: (property) => {
      if (property !== "connection") return;
      if (wifi.connection >= hasAddress) onAddress();
      else if (wifi.connection <= isLost) lost("no connection");
    },
  });
  join();
}

/** Streams to a numeric address. The network stack's own send buffer is the bounded queue: what does not fit it is not taken. */
export function tcpStreams(address: string, port: number, timers: TimerPort): StreamConnector {
  return (onOpen, onData) => {
    let isOpen = false;
    let room = 0;
    let socket: TCP | undefined;
    const close = () => {
      socket?.close();
      socket = undefined;
    };
    try {
      socket = new TCP({
        address,
        port,
        nodelay: true,
        onReadable: () => {
          const bytes = socket?.read();
          if (bytes instanceof ArrayBuffer) onData(new Uint8Array(bytes));
        },
        onWritable: (bytes) => {
          room = bytes;
          if (isOpen) return;
          isOpen = true;
          onOpen();
        },
        onError: () => {
          close();
          onData(null, isOpen ? "ended" : "no connection");
        },
      });
    } catch (error) {
      // A connector has returned before anybody is told.
      timers.after(0, () => onData(null, (error as Error).message));
    }
    return {
      name: `tcp ${address}:${port}`,
      write(bytes) {
        if (!socket || !isOpen || bytes.length > room) return false;
        socket.write(bytes);
        room -= bytes.length;
        return true;
      },
      close,
    };
  };
}

const resyncMs = 86_400_000;
const retrySyncMs = 60_000;

/** The wall clock: not set until a time server has answered, and set anew every day. SNTP is not authenticated: in a network that is not trusted, set it from elsewhere. */
export class NetworkClock implements ClockPort {
  private set = false;
  private started = false;

  constructor(
    readonly monotonicMs: () => number,
    private readonly timers: TimerPort,
    private readonly log: LogPort,
  ) {}

  wallMs(): number {
    return Date.now();
  }

  isSet(): boolean {
    return this.set;
  }

  /** Asks the time server, and again every day; what is called after the first time is left out. */
  start(host: string): void {
    if (this.started) return;
    this.started = true;
    this.ask(host);
  }

  private ask(host: string): void {
    const again = (ms: number) => this.timers.after(ms, () => this.ask(host));
    const failed = (reason: string) => {
      this.log("warning", `time server ${host}: ${reason}; asking again in ${retrySyncMs} ms`);
      again(retrySyncMs);
    };
    try {
      new SNTP({ host }, (message, seconds) => {
        if (message === SNTP.error) failed("no answer");
        if (message !== SNTP.time || seconds === undefined) return;
        Time.set(seconds);
        this.set = true;
        again(resyncMs);
      });
    } catch (error) {
      failed((error as Error).message);
    }
  }
}
