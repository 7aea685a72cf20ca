/** Configurations of a gateway: what is wrong is named, with its place and what would be accepted. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { checkConfig, readConfig } from "./config";

let folder = "";
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "ebalance-config-"))));
afterEach(() => rmSync(folder, { recursive: true }));

function read(text: string) {
  const file = join(folder, "home.yaml");
  writeFileSync(file, text);
  return readConfig(file);
}

const whole = `
unit: home
store: { folder: data }
listen:
  - tcp: { port: 4712 }
  - mqtt: { tls: { keyFile: tls/key.pem, certFile: tls/cert.pem } }
parent: { keyFile: keys/home.key.json, url: "mqtts://lv.example:8883", caFile: ca.pem }
units:
  - keyFile: keys/meter.key.json
policies:
  customer: { sequence: 1, entries: [{ rights: read, minDelayS: 5, grantees: [{ stakeholder: supplier, service: billing }] }] }
bridges:
  - sunspec: { device: inverter, owner: customer, host: 192.0.2.7, unit: 3 }
`;

describe("MU-9 the configuration file of a gateway", () => {
  test("is read whole, with defaults, and its paths are those of its own folder", () => {
    const config = read(whole);
    expect(config.store).toEqual({ folder: join(folder, "data"), engine: "auto" });
    expect(config.listen).toEqual([
      { tcp: { host: "127.0.0.1", port: 4712 } },
      { mqtt: { host: "127.0.0.1", port: 0, tls: { keyFile: join(folder, "tls/key.pem"), certFile: join(folder, "tls/cert.pem") } } },
    ]);
    expect(config.parent).toEqual({ keyFile: join(folder, "keys/home.key.json"), url: "mqtts://lv.example:8883", caFile: join(folder, "ca.pem") });
    expect(config.bridges[0]!.sunspec).toMatchObject({ port: 502, unit: 3, everyS: 1, safeLimitShare: 50, service: "bridge" });
  });

  test.each([
    ["a field with a typo", whole.replace("units:", "unitz:"), /home\.yaml: the file: Unrecognized key: "unitz"/],
    ["a port that is none", whole.replace("4712", "70000"), /listen\.0.*|70000/],
    ["a policy with a right that is none", whole.replace("rights: read", "rights: look"), /policies\.customer\.entries\.0\.rights: .*read-write/],
    ["a way up over a protocol that is not spoken", whole.replace("mqtts://lv.example:8883", "http://lv.example"), /parent\.url: /],
    ["a bridged device without a policy of its owner", whole.replace("owner: customer", "owner: customer-9"), /policies: none for customer-9/],
    ["units below and no way in", whole.replace(/listen:[\s\S]*parent:/, "parent:"), /listen: there are units below, and no way in/],
    ["text that is not YAML", `unit: "home\nstore: {`, /home\.yaml: .*line/],
    ["an empty file", "", /the file: .*expected object/],
  ])("with %s is refused", (_what, text, message) => {
    expect(() => read(text)).toThrow(message);
  });

  test("that is not there is refused by name", () => {
    expect(() => readConfig(join(folder, "none.yaml"))).toThrow(/none\.yaml: cannot be read \(ENOENT\)/);
  });

  test("a guard that would release above its limit is refused", () => {
    const guard = { stakeholder: "operator", service: "grid", devices: [{ device: "der", owner: "customer" }], limitV: 250, releaseV: 250 };
    expect(() => checkConfig({ unit: "lv", services: [{ voltageGuard: guard }] })).toThrow(/releaseV: 250 is not below limitV 250/);
  });

  test("SP-1 copies and publishing need the unit's credentials, and variables that there are", () => {
    const [device, credentials] = [{ device: "meter-1", owner: "customer" }, { folder: "unit" }];
    expect(() => checkConfig({ unit: "top", replicas: [{ ...device, home: "home-1" }] })).toThrow("credentials: missing; replicas and publish need the unit's folder");
    expect(() => checkConfig({ unit: "home-1", credentials, publish: [{ ...device, variable: "powre" }] })).toThrow("publish.0.variable: powre is not in the registry");
    expect(checkConfig({ unit: "home-1", credentials, publish: [{ ...device, variable: "activePower" }] }).publishEveryS).toBe(900);
  });
});
