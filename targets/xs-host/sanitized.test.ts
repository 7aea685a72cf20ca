// SPDX-License-Identifier: Apache-2.0
// The native modules and the host once more, built with the compiler's sanitizers: what C reads or writes that is not its own, or computes as C does not define, ends the run.
import { describe, expect, test } from "vitest";
import { root } from "../../scripts/bundles.mjs";
import { noCryptoReason } from "./available";
import { buildHost } from "./build.mjs";
import { run } from "./cache.mjs";

const files = ["targets/native", "targets/xs-host/functions.test.ts", "targets/xs-host/host.test.ts", "tests/conformance/xs.test.ts", "tests/vectors/wycheproof.test.ts"];
/** What a run has made is left to the system at its end. */
const env = { ...process.env, EBALANCE_SANITIZE: "1", ASAN_OPTIONS: "detect_leaks=0" };

describe.skipIf(noCryptoReason)(`the native C under sanitizers${noCryptoReason ? ` (left out: ${noCryptoReason})` : ""}`, () => {
  test("SP-1 reads and writes nothing but what is its own, in the tests of native modules and host, in the conformance cases and in published vectors", { timeout: 600_000 }, async () => {
    const { stdout: path } = await run(process.execPath, [root("targets/xs-host/build.mjs"), "--sanitize"], { env });
    const help = await run(path.split("\n").find((line: string) => line.endsWith("ebalance-xs"))!, [], { env: { ASAN_OPTIONS: "help=1" } });
    expect(help.stderr).toContain("flags for AddressSanitizer");
    expect(path).not.toContain((await buildHost()).path);
    const { code, stdout, stderr } = await run(process.execPath, [root("node_modules/vitest/vitest.mjs"), "run", "--reporter=dot", ...files], { env, cwd: root(".") });
    expect(code, `${stdout}\n${stderr}`).toBe(0);
  });
});
