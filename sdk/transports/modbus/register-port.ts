/** Holding registers of one Modbus unit, whatever carries the requests: TCP or a serial line, our client on a device or a library on a gateway. */

/** What came of a read: the registers, or why there are none: its kind, a colon, and words for people (`registerProblem` in modbus-pdu.ts). */
export type Registers = { readonly values: Uint16Array } | { readonly problem: string };

export interface RegisterPort {
  /** Name for log lines, like `modbus 127.0.0.1:502 unit 1`. */
  readonly name: string;
  /** Reads 1 to 125 holding registers. Calls back exactly once, not before it has returned; it gives up by itself after a stated time. */
  read(address: number, count: number, done: (result: Registers) => void): void;
  /** Writes 1 to 123 holding registers. Calls back exactly once with undefined, or with the problem. */
  write(address: number, values: readonly number[], done: (problem: string | undefined) => void): void;
  /** Ends it; whoever waits is told. */
  close(): void;
}
