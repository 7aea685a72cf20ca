/**
 * A process for the tests to kill: keeps samples, series and policies as fast as it can, and prints what was acknowledged, one line a commit:
 * `kept SAMPLES SERIES POLICIES`, each a number of things that are on disk. Arguments: folder, engine, samples that are there already, and
 * milliseconds to pause after every 40.
 * Where something could not be kept it prints `lost` instead, and goes on.
 */
import { writeSync } from "node:fs";
import { openStore, stderrLog, type StoreOptions } from "@ebalance/gateway";
import { policyCount, policyRecord, sampleAt, seriesCount, seriesRecord } from "./written";

const [folder, engine, first, pauseMs] = process.argv.slice(2);
const store = await openStore({ folder: folder!, engine: engine as NonNullable<StoreOptions["engine"]>, samplesPerSeries: 10_000_000, log: stderrLog("writer") });

let next = Number(first);
let policies = store.catalogue.restore().policies.length;
let series = store.catalogue.restore().series.length;

function keepSome(): void {
  for (let i = 0; i < 40; i++) {
    if (series < seriesCount && next % 50 === 0 && store.catalogue.keepSeries(series, seriesRecord(series))) series++;
    if (next % 97 === 0 && store.catalogue.keepPolicy(policies % policyCount, policyRecord(policies))) policies++;
    const { series: at, value, timeMs, policy } = sampleAt(next);
    const appended = store.append(at, value, timeMs, policy);
    if (appended !== "kept" && appended !== "known") break;
    next++;
  }
  const line = `kept ${next} ${series} ${policies}\n`;
  // Written before the process can go on: what is printed was acknowledged, and what was acknowledged is printed.
  store.afterCommit((kept) => writeSync(1, kept ? line : "lost\n"));
  if (pauseMs === "0") setImmediate(keepSome);
  else setTimeout(keepSome, Number(pauseMs));
}
writeSync(1, `engine ${store.engine}\n`);
keepSome();
