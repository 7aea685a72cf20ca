// SPDX-License-Identifier: Apache-2.0
// The JavaScript face of serial.c: a serial line whose frames are made and read natively.
import type { TimerPort } from "../../../sdk/client/driver";
import type { SerialConnector, SerialLine } from "../../../sdk/transports/serial-link";

/** The functions of serial.c as a script sees them, for the one line of a device. All arguments are checked natively. */
export interface NativeSerial {
  /** @throws Error with the path and why it cannot be opened, as when the line is open already */
  open(path: string, baudRate: number): void;
  /** At most 1024 bytes. @returns false where the frame before has not left yet */
  send(message: Uint8Array): boolean;
  /** The next message; undefined where none is whole yet, null where the line is gone. */
  read(): Uint8Array | undefined | null;
  /** Frames that were damaged, too long or of another wire version. */
  dropped(): number;
  close(): void;
  /** What the message loop calls when something has come in; null: nothing. */
  onInput(callback: (() => void) | null): void;
}

/** A class, whose methods stand in flash: functions of its own would take a device RAM. */
class NativeLine implements SerialLine {
  readonly name: string;
  #isOpen = true;

  constructor(
    private readonly native: NativeSerial,
    timers: TimerPort,
    path: string,
    baudRate: number,
    private readonly onMessage: Parameters<SerialConnector>[0],
  ) {
    this.name = `serial ${path}`;
    try {
      native.open(path, baudRate);
      native.onInput(() => this.#takeAll());
    } catch (error) {
      this.#isOpen = false;
      // A connector has returned before anybody is told.
      timers.after(0, () => onMessage(null, (error as Error).message));
    }
  }

  get dropped(): number {
    return this.#isOpen ? this.native.dropped() : 0;
  }

  send(message: Uint8Array): boolean {
    return this.#isOpen && this.native.send(message);
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.native.onInput(null);
    this.native.close();
  }

  #takeAll(): void {
    while (this.#isOpen) {
      const message = this.native.read();
      if (message === undefined) return;
      if (message) this.onMessage(message);
      else {
        this.close();
        this.onMessage(null, "the line is gone");
      }
    }
  }
}

/** Opens the serial line of a device. */
export function createNativeSerial(native: NativeSerial, timers: TimerPort, path: string, baudRate: number): SerialConnector {
  return (onMessage) => new NativeLine(native, timers, path, baudRate, onMessage);
}
