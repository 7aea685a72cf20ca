/** What a gateway tells of itself while it runs: plain objects, one JSON line each with `ebalance run --events`. They say who asked and what came of it, no secrets. */
import type { CheckpointFinding, Counters, Decision, GuardAction } from "ebalance";

export interface Listening {
  readonly kind: "tcp" | "mqtt" | "broker" | "serial";
  /** Of a serial line the path. */
  readonly host: string;
  /** Of a serial line 0. */
  readonly port: number;
}

export type GatewayEvent =
  | { readonly type: "ready"; readonly listening: readonly Listening[]; readonly store: string }
  /** A session with a neighbour was opened or lost. */
  | { readonly type: "session"; readonly peer: string; readonly open: boolean }
  /** A neighbour opens its session again and again: perhaps two devices with one identity. */
  | { readonly type: "flapping"; readonly peer: string }
  /** A request that this unit has decided (CP-3). */
  | ({ readonly type: "decision"; readonly timeMs: number } & Decision)
  /** A device has handed in a checkpoint of what it has measured (SP-2); each of the differences names a variable, and how many samples the device has and this unit holds. */
  | ({ readonly type: "checkpoint" } & CheckpointFinding)
  /** What the voltage guard did with a device. */
  | ({ readonly type: "guard" } & GuardAction)
  | ({ readonly type: "counters" } & Pick<Counters, "received" | "instancesKept" | "refused" | "results" | "notificationsLost">);
