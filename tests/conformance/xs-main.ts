/** The conformance cases on XS: one line of JSON a case. Arguments: number and seed of the random messages. */
import { createNativeCrypto } from "../../targets/native/crypto/crypto";
import { allCases, runCase } from "./all-cases";

const engine = { crypto: createNativeCrypto(host.crypto!), fuzzCount: Number(host.args[0]), fuzzSeed: Number(host.args[1]) };

for (const one of allCases) {
  let line: { name: string; value?: unknown; error?: string };
  try {
    line = { name: one.name, value: runCase(one, engine) };
  } catch (error) {
    line = { name: one.name, error: `${(error as Error).message} ${(error as Error).stack}` };
  }
  host.print(JSON.stringify(line));
}
