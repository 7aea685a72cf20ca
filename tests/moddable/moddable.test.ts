/** What the vendor's own tools make of the SDK. Left out where MODDABLE names no Moddable SDK whose command line tools are built. */
import { describe, expect, test } from "vitest";
import { NodeCrypto } from "../../targets/linux-gateway/src/node-crypto";
import { allCases, runCase } from "../conformance/all-cases";
import { buildDevice, moddableVersion, runConformance } from "./build";
import { noModdableReason } from "./tools.mjs";

const fuzzCount = 200;
const fuzzSeed = 20261124;

interface Line {
  readonly name: string;
  readonly value?: unknown;
  readonly error?: string;
}

describe.skipIf(noModdableReason)(`Moddable SDK ${moddableVersion}${noModdableReason ? ` (left out: ${noModdableReason})` : ""}`, () => {
  const lines = noModdableReason ? Promise.resolve([]) : runConformance(fuzzCount, fuzzSeed).then((texts) => texts.map((text) => JSON.parse(text) as Line));

  for (const one of allCases) {
    test(`${one.name}, in a console build`, { timeout: 300_000 }, async () => {
      const line = (await lines).find((found) => found.name === one.name);
      expect(line?.error).toBeUndefined();
      const onNode: unknown = runCase(one, { crypto: new NodeCrypto(), fuzzCount, fuzzSeed });
      expect(line?.value).toEqual(JSON.parse(JSON.stringify(onNode)));
    });
  }

  test.each(["esp32/esp32c3", "esp32/nodemcu"])("the sensor example for %s: every module compiles, and is preloaded where the manifests say so", { timeout: 300_000 }, async (platform) => {
    const { modules, remarks, reached } = await buildDevice(platform);
    console.log(`${platform}: ${reached}`);
    expect(modules).toEqual(expect.arrayContaining(["main", "ebalance/device", "ebalance/native", "ebalance/board", "ebalance/network", "ebalance:platform"]));
    expect(remarks.filter((remark) => /^ebalance\/(native|board|network): .*not frozen/.test(remark))).toEqual([]);
  });
});
