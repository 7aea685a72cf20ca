/** Clock, timers and log of Node as the SDK's ports. */
import type { ClockPort, LogLevel, LogPort, TimerPort } from "ebalance";

/** The system clock, which the operating system keeps synchronised. */
export const systemClock: ClockPort = {
  wallMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  isSet: () => true,
};

export const nodeTimers: TimerPort = {
  after: (ms, callback) => setTimeout(callback, ms),
  cancel: (timer) => clearTimeout(timer as NodeJS.Timeout),
};

const order: readonly LogLevel[] = ["debug", "info", "warning", "error"];

/** Lines of a level or above to standard error, with the time and the unit. */
export function stderrLog(unit: string, least: LogLevel = "info"): LogPort {
  return (level, line) => {
    if (order.indexOf(level) >= order.indexOf(least)) process.stderr.write(`${new Date().toISOString()} ${level} ${unit}: ${line}\n`);
  };
}
