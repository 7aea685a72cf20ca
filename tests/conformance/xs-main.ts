/** The conformance cases on XS. Arguments: number and seed of the random messages, `native` or `portable` cryptography, sealing and storage; native needs `--flash`. */
import { createFullCrypto, createNativeFlash, createNativeSamples, createNativeSeal, NobleFullCrypto, reportCases } from "conformance";

const [fuzzCount, fuzzSeed, kind] = host.args;

function nativePorts() {
  const flash = createNativeFlash(host.flash);
  // Not in memory instead: nobody would see that the native ring was not tested.
  if (!flash) throw new Error("native storage needs --flash");
  return { crypto: createFullCrypto(host.crypto!, host.fullCrypto!), seal: createNativeSeal(host.seal!), storage: { flash, samples: createNativeSamples(host.samples) } };
}

const ports = kind === "native" ? nativePorts() : { crypto: new NobleFullCrypto((out) => out.set(host.random(out.length))) };

reportCases({ ...ports, fuzzCount: Number(fuzzCount), fuzzSeed: Number(fuzzSeed) }, host.print);
