/** The conformance cases on XS: one line of JSON a case. Arguments: number and seed of the random messages, `native` or `portable` cryptography. */
import { allCases, createNativeCrypto, NobleCrypto, runCase } from "conformance";

const [fuzzCount, fuzzSeed, kind] = host.args;
const crypto = kind === "native" ? createNativeCrypto(host.crypto!) : new NobleCrypto((out) => out.set(host.random(out.length)));
const engine = { crypto, fuzzCount: Number(fuzzCount), fuzzSeed: Number(fuzzSeed) };

for (const one of allCases) {
  let line: { name: string; value?: unknown; error?: string };
  try {
    line = { name: one.name, value: runCase(one, engine) };
  } catch (error) {
    line = { name: one.name, error: `${(error as Error).message} ${(error as Error).stack}` };
  }
  host.print(JSON.stringify(line));
}
