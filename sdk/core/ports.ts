/** The ports through which a unit acts. A platform implements them; the core calls nothing else. */
import type { StorePort } from "../storage/store-port";
import type { CryptoPort } from "./security/crypto-port";

export interface ClockPort {
  /** Milliseconds since 1970-01-01 UTC; whatever it says counts only where `isSet`. */
  wallMs(): number;
  /** Milliseconds since any fixed moment; never runs backwards. */
  monotonicMs(): number;
  /** Whether the wall clock has been set from a trusted source since the start. */
  isSet(): boolean;
}

/** A way to one or more neighbours: a stream, a broker, a cable. Implemented by the transports. */
export interface LinkPort {
  /** Name for log lines, like `tcp 127.0.0.1:40112`. */
  readonly name: string;
  /** Sends one message whole. @returns false where the link cannot take it now; the message is then not sent at all */
  send(message: Uint8Array): boolean;
  /** Ends the link, because another has taken its place; may be called twice. */
  close(reason: string): void;
}

export type LogLevel = "debug" | "info" | "warning" | "error";
/** Takes one line, which names what failed, the value and what would have been accepted; never a secret. */
export type LogPort = (level: LogLevel, line: string) => void;

export interface UnitPorts {
  readonly clock: ClockPort;
  readonly crypto: CryptoPort;
  readonly store: StorePort;
  readonly log: LogPort;
  /** Asks the driver to call `tick()` soon, but not from inside this call. */
  readonly wake: () => void;
}
