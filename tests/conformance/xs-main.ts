/** The conformance cases on XS: one line of JSON a case. Arguments: number and seed of the random messages, `native` or `portable` cryptography and sealing. */
import { allCases, createNativeCrypto, createNativeSeal, NobleCrypto, runCase } from "conformance";

const [fuzzCount, fuzzSeed, kind] = host.args;
const security =
  kind === "native" ? { crypto: createNativeCrypto(host.crypto!), seal: createNativeSeal(host.seal!) } : { crypto: new NobleCrypto((out) => out.set(host.random(out.length))) };
const engine = { ...security, fuzzCount: Number(fuzzCount), fuzzSeed: Number(fuzzSeed) };

for (const one of allCases) {
  let line: { name: string; value?: unknown; error?: string };
  try {
    line = { name: one.name, value: runCase(one, engine) };
  } catch (error) {
    line = { name: one.name, error: `${(error as Error).message} ${(error as Error).stack}` };
  }
  host.print(JSON.stringify(line));
}
