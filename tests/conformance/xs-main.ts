/** The conformance cases on XS. Arguments: number and seed of the random messages, `native` or `portable` cryptography and sealing. */
import { createNativeCrypto, createNativeSeal, NobleCrypto, reportCases } from "conformance";

const [fuzzCount, fuzzSeed, kind] = host.args;
const security =
  kind === "native" ? { crypto: createNativeCrypto(host.crypto!), seal: createNativeSeal(host.seal!) } : { crypto: new NobleCrypto((out) => out.set(host.random(out.length))) };

reportCases({ ...security, fuzzCount: Number(fuzzCount), fuzzSeed: Number(fuzzSeed) }, host.print);
