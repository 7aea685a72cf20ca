/** What a process has used since its start. Linux. */
import { readFileSync } from "node:fs";

export interface Usage {
  /** Messages taken in. */
  readonly messages: number;
  readonly wallMs: number;
  /** CPU of all threads, the garbage collector's too. */
  readonly cpuMs: number;
  /** Time in which the main thread ran. */
  readonly ranMs: number;
  /** Time in which the main thread ran or waited for a core that others had: what is left of the wall time it was idle. */
  readonly wantedMs: number;
  readonly rssMb: number;
}

export function usage(messages: number): Usage {
  const { user, system } = process.cpuUsage();
  const [ranNs, waitedNs] = readFileSync(`/proc/self/task/${process.pid}/schedstat`, "utf8").split(" ");
  return { messages, wallMs: performance.now(), cpuMs: (user + system) / 1000, ranMs: Number(ranNs) / 1e6, wantedMs: (Number(ranNs) + Number(waitedNs)) / 1e6, rssMb: process.memoryUsage.rss() / 2 ** 20 };
}

/** What was used between two moments. */
export function between(from: Usage, to: Usage) {
  const wallMs = to.wallMs - from.wallMs;
  const messages = to.messages - from.messages;
  const cpuMs = to.cpuMs - from.cpuMs;
  return {
    messages,
    perS: (messages / wallMs) * 1000,
    cpuUs: (cpuMs / messages) * 1000,
    /** Share of one core. */
    cpu: cpuMs / wallMs,
    /** Share of the time in which the main thread ran. */
    ran: (to.ranMs - from.ranMs) / wallMs,
    /** Share of the time in which the main thread was not idle. */
    busy: (to.wantedMs - from.wantedMs) / wallMs,
  };
}
