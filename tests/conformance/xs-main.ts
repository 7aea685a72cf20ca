/**
 * The conformance cases on XS: one line of JSON a case. Arguments: number and seed of the random messages, `native` or `portable` cryptography, sealing and samples (these
 * where the host was given flash).
 */
import { allCases, createNativeCrypto, createNativeFlash, createNativeSamples, createNativeSeal, NobleCrypto, runCase } from "conformance";

const [fuzzCount, fuzzSeed, kind] = host.args;

function nativePorts() {
  const flash = createNativeFlash(host.flash);
  const storage = flash && { flash, samples: createNativeSamples(host.samples) };
  return { crypto: createNativeCrypto(host.crypto!), seal: createNativeSeal(host.seal!), ...(storage ? { storage } : {}) };
}

const ports = kind === "native" ? nativePorts() : { crypto: new NobleCrypto((out) => out.set(host.random(out.length))) };
const engine = { ...ports, fuzzCount: Number(fuzzCount), fuzzSeed: Number(fuzzSeed) };

for (const one of allCases) {
  let line: { name: string; value?: unknown; error?: string };
  try {
    line = { name: one.name, value: runCase(one, engine) };
  } catch (error) {
    line = { name: one.name, error: `${(error as Error).message} ${(error as Error).stack}` };
  }
  host.print(JSON.stringify(line));
}
