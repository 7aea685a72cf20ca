/** A device that is not configured right says what is wrong in one line, and ends with exit code 2. */
import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { bundleDeviceForNode, bundleDeviceForXs, bundleSdkForXs, root } from "../../scripts/bundles.mjs";
import { noHostReason, xsHost } from "../../targets/xs-host/available";
import { Home } from "./home";

const folder = root("build/tests");
let home: Home;
beforeAll(() => {
  mkdirSync(folder, { recursive: true });
  home = new Home();
});
afterAll(() => home.close());

const engines = [
  {
    engine: "XS",
    reason: noHostReason,
    async command() {
      const sdk = await bundleSdkForXs(`${folder}/configuration-device.js`);
      return [xsHost!.path, "--preload", `${sdk}=ebalance/device`, await bundleDeviceForXs("examples/sensor/main.ts", `${folder}/configuration-xs.js`)];
    },
  },
  {
    engine: "Node",
    reason: "",
    async command() {
      return [process.execPath, await bundleDeviceForNode("examples/sensor/main.ts", `${folder}/configuration-node.mjs`)];
    },
  },
];

for (const { engine, reason, command } of engines) {
  describe.skipIf(reason)(`a sensor on ${engine}${reason ? ` (left out: ${reason})` : ""}`, () => {
    test.each([
      ["a port that is none", () => [home.keyFile, "abc", "metering"], /^(cannot connect to 127\.0\.0\.1: )?port \w+ is not from 1 to 65535\n$/],
      ["a key file that is not there", () => [`${home.folder}/none`, "4712", "metering"], /^key file.*none.*(ENOENT|No such file)/],
      ["a key file that others can read", () => [home.keyFile, "4712", "metering"], /^key file.*644.*chmod 600/],
      ["too few arguments", () => [home.keyFile], /^usage: .*KEYFILE PORT SERVICE\n$/],
    ])("SP-5 ends with %s", async (what, args, message) => {
      chmodSync(home.keyFile, what.includes("others") ? 0o644 : 0o600);
      const [file, ...options] = await command();
      const { status, stderr } = spawnSync(file!, [...options, ...args()], { encoding: "utf8", timeout: 20_000 });
      expect(stderr).toMatch(message);
      expect([status, stderr.trim().split("\n").length]).toEqual([2, 1]);
      chmodSync(home.keyFile, 0o600);
    });
  });
}
