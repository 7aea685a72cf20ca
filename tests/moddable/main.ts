/** The conformance cases on the vendor's engine, with the native modules as a device binds them. Arguments: number and seed of the random messages. */
import { reportCases } from "conformance";
import { fullCrypto } from "ebalance/full-crypto";
import { openFlash, samples, seal } from "ebalance/native";

declare function native<F>(name: string): F;

const argument: (index: number) => string | undefined = native("ebConsoleArgument");
const print: (line: string) => void = native("ebConsolePrint");

reportCases({ crypto: fullCrypto, seal, storage: { flash: openFlash()!, samples }, fuzzCount: Number(argument(0)), fuzzSeed: Number(argument(1)) }, print);
