/** What a management unit is made with: who it is, what is above it, how much it holds at most, and who is told what happens. */
import type { Registry } from "./model/registry";
import type { Notification } from "./requests/request-processor";
import type { CheckpointFinding } from "./statements/checkpoint-keeper";
import type { PublishedSeries } from "./statements/publisher";
import type { CopiedDevice } from "./statements/replica";
import type { Request } from "./wire/session-body";

export interface UnitLimits {
  /** Series that the unit is home of. Default 1024. */
  readonly maxSeries: number;
  /** Policies known at once. Default 256; a unit with copies knows 16 of each owner at least. */
  readonly maxPolicies: number;
  /** Records of last accesses kept for minimum delays. Default 4096. */
  readonly maxAccessStates: number;
  /** Event subscriptions of all subscribers together. Default 1024. */
  readonly maxSubscriptions: number;
  /** Requests that wait for an outcome at one neighbour, and as many accepted subscriptions besides; a service takes at most a quarter of either. Default 1024. */
  readonly maxPending: number;
  /** Units further down that are known. Default 4096. */
  readonly maxRoutes: number;
  /** Samples that the queries of each neighbour may look at in a second, and twice as many at once after a quiet time; what asks for more is told `busy`. Default 100,000. */
  readonly maxScanned: number;
}

export interface UnitConfig {
  /** Permanent id of the unit, 1 to 64 bytes of text. */
  readonly id: string;
  readonly registry: Registry;
  /** Id of the unit above: requests for units that are neither here nor below go there. */
  readonly parent?: string;
  readonly limits?: Partial<UnitLimits>;
  /** Devices whose series are at home elsewhere, and of which this unit keeps the copies that their homes publish. Needs a signatory, and a store that keeps statements. */
  readonly copies?: readonly CopiedDevice[];
  /** Series that are at home here, and that are published to units above. Needs the same. */
  readonly publish?: readonly PublishedSeries[];
  /** How long an instance waits for others to be published with, in milliseconds: 1000 to 86,400,000, default 900,000. */
  readonly publishEveryMs?: number;
  /** Told when a session with a neighbour opens and when it is lost. */
  readonly onSession?: (neighbour: string, open: boolean) => void;
  /** Told when a neighbour opens its session again and again, as two devices with one identity do. From then on the one that is there keeps its place for half a minute. */
  readonly onFlapping?: (neighbour: string) => void;
  /** Told of each checkpoint that a device below has handed in, and what is held here of it. Needs a signatory. */
  readonly onCheckpoint?: (finding: CheckpointFinding) => void;
  /** Told of each request that this unit has decided, with its outcome; of a subscription the first. */
  readonly onDecision?: (request: Request, notification: Notification) => void;
}

/** Limits that fit a gateway with a few hundred devices; a device sets lower ones. */
export const defaultLimits: UnitLimits = Object.freeze({
  maxSeries: 1024,
  maxPolicies: 256,
  maxAccessStates: 4096,
  maxSubscriptions: 1024,
  maxPending: 1024,
  maxRoutes: 4096,
  maxScanned: 100_000,
});
