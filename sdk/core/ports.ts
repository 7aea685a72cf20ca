/** The ports through which a unit acts. A platform implements them; the core calls nothing else. */
import type { StorePort } from "../storage/store-port";
import type { CryptoPort } from "./security/crypto-port";
import type { Signatory } from "./statements/signatory";
import type { SealPort } from "./wire/reading-message";

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
  /** Ends the link, because another has taken its place or its session is dead; may be called twice. */
  close(reason: string): void;
}

/** What a connector tells of the link that it makes. Nothing is told before the connector has returned. */
export interface LinkEvents {
  /** The link can be sent into. */
  up(): void;
  /** One message came in. @returns whether it came from the peer of an open session */
  message(message: Uint8Array): boolean;
  /** The link has ended or could not be made; told once, whoever ended it. */
  down(reason: string): void;
}

/** Makes one link to the parent: over a stream (`overStreams`), a broker (`mqttConnector` of `@ebalance/gateway`). */
export type LinkConnector = (events: LinkEvents) => LinkPort;

/**
 * The records of a unit's security, a closed list: the list of sessions that can be resumed and each of them, by its kid; sequences reserved for statements; windows of sequences seen;
 * credentials and revocations of others; epochs whose masks have been used.
 */
export type StateName = "sessions" | `session-${number}` | "sequences" | "windows" | "credentials" | "revocations" | "masks";

/**
 * Small records that survive a restart, each replaced whole or not at all. A key stands in one only wrapped. Implementations: `FileState` of `@ebalance/gateway`, `FlashState` for
 * devices, `MemoryState` for tests.
 */
export interface StatePort {
  /**
   * What was kept last under a name; undefined: nothing was, as at the first start. "damaged": something was that cannot be read, which the implementation has reported; it stays so, over restarts
   * too, until the record is kept anew or a person removes it. Whoever takes it for a first start forgets what was revoked or used up.
   */
  load(name: StateName): Uint8Array | "damaged" | undefined;
  /**
   * Keeps a record in place of the one before. Without bytes there is none from then on.
   * @returns whether it is there after a power cut; where not, the one before is, or this one
   */
  keep(name: StateName, bytes: Uint8Array): boolean;
}

export type LogLevel = "debug" | "info" | "warning" | "error";
/** Takes one line, which names what failed, the value and what would have been accepted; never a secret. */
export type LogPort = (level: LogLevel, line: string) => void;

export interface UnitPorts {
  readonly clock: ClockPort;
  readonly crypto: CryptoPort;
  readonly store: StorePort;
  /** Left out: in TypeScript, over the crypto port. */
  readonly seal?: SealPort | undefined;
  /** What a unit signs and verifies statements with. Left out: it passes on those of others and makes none. */
  readonly signatory?: Signatory | undefined;
  readonly log: LogPort;
  /** Asks the driver to call `tick()` after at most this time in milliseconds, and not from inside this call. */
  readonly wake: (inMs: number) => void;
}
