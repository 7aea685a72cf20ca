// SPDX-License-Identifier: Apache-2.0
// The JavaScript face of serial.c: a serial line whose frames are made and read natively.
import type { TimerPort } from "../../../sdk/client/driver";
import type { SerialConnector } from "../../../sdk/transports/serial-link";

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

/** Opens the serial line of a device. The functions are bound to constants once: on XS, calling through an object costs three times as much. */
export function createNativeSerial(native: NativeSerial, timers: TimerPort, path: string, baudRate: number): SerialConnector {
  const { open, send, read, dropped, close, onInput } = native;
  return (onMessage) => {
    let isOpen = true;
    const end = () => {
      if (!isOpen) return;
      isOpen = false;
      onInput(null);
      close();
    };
    const takeAll = () => {
      while (isOpen) {
        const message = read();
        if (message === undefined) return;
        if (message) onMessage(message);
        else {
          end();
          onMessage(null, "the line is gone");
        }
      }
    };
    try {
      open(path, baudRate);
      onInput(takeAll);
    } catch (error) {
      isOpen = false;
      // A connector has returned before anybody is told.
      timers.after(0, () => onMessage(null, (error as Error).message));
    }
    return {
      name: `serial ${path}`,
      get dropped() {
        return isOpen ? dropped() : 0;
      },
      send: (message) => isOpen && send(message),
      close: end,
    };
  };
}
