/** Slips in a configuration that no form shows: they are named with their place before anything starts. */
import { chmodSync, copyFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { checkFiles } from "./check";
import { expiriesIn } from "./check-credentials";
import { GridFolder } from "../credentials/grid-folder";
import { plannedCredentials } from "../credentials/planned-credentials";
import { checkConfig, readConfig } from "./config";
import { keyFilesOf } from "./plan";

let folder = "";
const file = (unit: string) => join(folder, `${unit}.key.json`);
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "ebalance-check-"));
  const units = {
    lv: { owner: "operator", services: ["grid"] },
    home: { parent: "lv", owner: "customer" },
    meter: { parent: "home", owner: "customer", services: ["metering"] },
    inverter: { parent: "home", owner: "customer", services: ["bridge"], bridged: true },
  };
  for (const { fileName, text } of keyFilesOf({ domain: "test", units })) writeFileSync(join(folder, fileName), text, { mode: 0o600 });
});
afterEach(() => rmSync(folder, { recursive: true }));

const policy = (stakeholder: string, service = "grid") => ({ sequence: 1, entries: [{ rights: "read", minDelayS: 0, grantees: [{ stakeholder, service }] }] });
const bridge = (device: string) => ({ sunspec: { device, owner: "customer", host: "192.0.2.7" } });
const good = () => ({
  unit: "home",
  listen: [{ tcp: { port: 4712 } }],
  parent: { keyFile: file("home"), url: "tcp://192.0.2.1:4712" },
  units: [{ keyFile: file("meter") }],
  policies: { customer: policy("operator") },
  bridges: [bridge("inverter")],
});
const checked = (change: object = {}) => checkFiles(checkConfig({ ...good(), ...change }));

describe("MU-9 a configuration and its files", () => {
  test("that fit have nothing to complain of", () => expect(checked()).toEqual({ errors: [], warnings: [] }));

  test.each<[string, () => object, RegExp]>([
    ["the key file of a unit is missing", () => ({ units: [{ keyFile: file("metre") }] }), /^units\.0\.keyFile: key file .*metre\.key\.json cannot be read \(ENOENT\)$/],
    ["the unit has another name", () => ({ unit: "house", parent: undefined }), /^units\.0\.keyFile: .* is for meter below home; here belongs one of house with a unit below$/],
    ["the key of a device stands for the way up", () => ({ parent: { ...good().parent, keyFile: file("meter") } }), /^parent\.keyFile: .* is for meter below home; here belongs one of home with the unit above$/],
    ["two ways in are one", () => ({ listen: [{ tcp: { port: 4712 } }, { mqtt: { port: 4712 } }] }), /^listen: two ways in at 127\.0\.0\.1:4712$/],
    ["an inverter is bridged twice", () => ({ bridges: [bridge("inverter"), bridge("inverter")] }), /^bridges, units: inverter is there twice/],
    ["the key for TLS is missing", () => ({ listen: [{ mqtt: { tls: { keyFile: "/nowhere/key.pem", certFile: file("meter") } } }] }), /^listen\.0\.mqtt\.tls\.keyFile: .*ENOENT/],
    ["a serial line is a file of another kind", () => ({ listen: [{ serial: { path: file("meter") } }] }), /^listen\.0\.serial: .*meter\.key\.json is no device file$/],
    ["two serial lines are one", () => ({ listen: [{ serial: { path: "/dev/null" } }, { serial: { path: "/dev/null" } }] }), /^listen: two ways in at \/dev\/null$/],
    ["the line to the unit above is too fast", () => ({ parent: { ...good().parent, url: "serial:///dev/null?baudRate=9e9" } }), /^parent\.url: .*baudRate is not from 300 to 4000000$/],
    ["the line to the unit above has a slash too few", () => ({ parent: { ...good().parent, url: "serial://dev/ttyUSB0" } }), /^parent\.url: .* names no device file: .*three slashes$/],
    ["the broker's password is missing", () => ({ listen: [{ broker: { url: "mqtt://192.0.2.9", passwordFile: "/nowhere/password" } }] }), /^listen\.0\.broker\.passwordFile: .*ENOENT/],
  ])("%s: that is said with its place", (_what, change, message) => expect(checked(change()).errors).toEqual([expect.stringMatching(message)]));

  test("a key file that others can read is refused", () => {
    chmodSync(file("meter"), 0o644);
    expect(checked().errors).toEqual([expect.stringMatching(/^units\.0\.keyFile: .*chmod 600/)]);
  });

  test.each<[string, () => object, RegExp]>([
    ["a bridged device is not in the plan", () => ({ bridges: [bridge("inverter-2")] }), /^bridges: lv will not hear of inverter-2/],
    ["a serial line is not plugged in", () => ({ listen: [{ serial: { path: "/dev/nothing" } }] }), /^listen\.0\.serial: \/dev\/nothing is not there yet$/],
    ["a stakeholder is misspelt", () => ({ policies: { customer: policy("opreator") } }), /^policies\.customer: nobody above is opreator\/grid/],
  ])("%s: that is worth a warning", (_what, change, message) => expect(checked(change())).toEqual({ errors: [], warnings: [expect.stringMatching(message)] }));

  test("the form that was meant is named where there are several", () => {
    expect(() => checkConfig({ unit: "home", listen: [{ tcp: { port: "4712" } }] })).toThrow(/listen\.0\.tcp\.port: Invalid input: expected/);
    expect(() => checkConfig({ unit: "home", listen: [{ serial: { path: "ttyUSB0" } }] })).toThrow(/listen\.0\.serial\.path: the whole path of a device file/);
    expect(() => checkConfig({ unit: "home", listen: [{ radio: {} }] })).toThrow(/listen\.0: is none of tcp, mqtt, broker, serial/);
  });
});

describe("SP-5 a configuration and the unit's credentials", () => {
  let grid = "";
  beforeEach(() => {
    grid = join(folder, "grid");
    const units = {
      lv: { owner: "operator", services: ["grid"] },
      home: { parent: "lv", owner: "customer", services: ["display"] },
      meter: { parent: "home", owner: "customer", services: ["metering"] },
    };
    new GridFolder(grid, { nowS: Math.floor(Date.now() / 1000) }).plan(plannedCredentials({ domain: "test", units }));
  });
  const of = (unit: string) => join(grid, "units", unit);
  const certified = (change: object = {}) => checkFiles(checkConfig({ unit: "home", credentials: { folder: of("home") }, listen: [{ tcp: {} }], parent: { url: "mqtt://192.0.2.1:1883" }, ...change }));
  const total = (service: string) => ({ services: [{ totals: { stakeholder: "customer", service, parts: [{ device: "meter", owner: "customer" }] } }] });

  test("that fit have nothing to complain of", () => expect(certified(total("display"))).toEqual({ errors: [], warnings: [] }));

  test.each<[string, () => object, RegExp]>([
    ["the folder is not there", () => ({ credentials: { folder: join(grid, "nowhere") } }), /^credentials\.folder: .*nowhere is not there; ebalance keys makes the folder of home as units\/home in the folder of the grid$/],
    ["the folder is that of the whole grid", () => ({ credentials: { folder: grid } }), /^credentials\.folder: .*grid is the folder of a whole grid; .*grid\/units\/home belongs here$/],
    ["the folder is of another unit", () => ({ credentials: { folder: of("meter") } }), /^credentials\.folder: .*unit\.cwt is of meter, not of the unit home/],
    ["the unit above is another", () => ({ parent: { unit: "hv", url: "tcp://192.0.2.1:4712" } }), /^parent: the credential of home in .* names only lv, not hv; correct the plan/],
    ["the top unit has a unit above", () => ({ unit: "lv", credentials: { folder: of("lv") } }), /^parent: the credential of lv in .* names no unit above/],
    ["the credential of the broker's unit is missing", () => (rmSync(join(of("home"), "lv.unit.cwt")), {}), /^parent\.url: .*lv\.unit\.cwt is not there, or does not hold/],
  ])("%s: that is said with its place", (_what, change, message) => expect(certified(change()).errors).toEqual([expect.stringMatching(message)]));

  test.each<[string, () => object, RegExp]>([
    ["nothing lets a service act", () => total("sums"), /^services\.0: nothing in .* lets home act for customer as sums at other units; see ebalance keys delegate$/],
    ["a bridged device is not in the plan", () => ({ bridges: [bridge("inverter-9")], policies: { customer: policy("operator") } }), /^bridges: the unit above will not hear of inverter-9/],
    ["a credential soon expires", () => (new GridFolder(grid, { nowS: Math.floor(Date.now() / 1000) - 31 * 86_400, days: 40 }).delegate({ stakeholder: "customer", unit: "home", service: "tariff", rights: 1 }), {}), /^credentials\.folder: .*tariff\.delegation\.cwt expires at \d{4}-\d\d-\d\dT[\d:.]+Z, in 9 days; make it anew/],
  ])("%s: that is worth a warning", (_what, change, message) => expect(certified(change())).toEqual({ errors: [], warnings: [expect.stringMatching(message)] }));

  const published = (change: object = {}) => ({ publish: [{ variable: "activePower", device: "meter", owner: "customer", ...change }] });
  const copied = (change: object = {}) => ({ unit: "lv", credentials: { folder: of("lv") }, parent: undefined, replicas: [{ device: "meter", owner: "customer", home: "home", ...change }] });
  const givesLv = (file: string, from = "home") => copyFileSync(join(of(from), file), join(of("lv"), file));
  const delegate = (unit: string, rights: number, devices?: string[]) =>
    new GridFolder(grid, { nowS: Math.floor(Date.now() / 1000) }).delegate({ stakeholder: "customer", unit, service: "display", rights, ...(devices ? { devices } : {}) });

  test("what is published and copied under credentials that are there has nothing to complain of", () => {
    expect(certified(published())).toEqual({ errors: [], warnings: [] });
    for (const file of ["customer.stakeholder.cwt", "customer+display.delegation.cwt"]) givesLv(file);
    expect(certified(copied())).toEqual({ errors: [], warnings: [] });
  });

  test.each<[string, () => object, RegExp]>([
    ["a published device is not below", () => published({ device: "metre" }), /^publish\.0\.device: metre is neither home nor a unit below it/],
    ["a published device belongs to somebody else", () => published({ owner: "operator" }), /^publish\.0\.owner: meter belongs to customer, not to operator$/],
    ["nothing lets the home publish", () => (rmSync(join(of("home"), "customer+display.delegation.cwt")), published()), /^publish\.0: no delegation of customer to home covers writing activePower of meter, so it is not published; see ebalance keys delegate --stakeholder customer --unit home --rights write$/],
    ["the delegation lets the home read alone", () => (delegate("home", 1), published()), /^publish\.0: none of the delegations of customer to home covers writing activePower/],
    ["the delegation is for another device", () => (delegate("home", 3, ["home"]), published()), /^publish\.0: none of the delegations/],
    ["a copy is of this unit itself", () => copied({ home: "lv" }), /^replicas\.0\.home: lv is this unit itself/],
    ["the home of a copy is misspelt", () => copied({ home: "hom" }), /^replicas\.0\.home: hom is no unit below lv, and none whose credential is in /],
    ["the device of a copy is misspelt", () => copied({ device: "metre" }), /^replicas\.0\.device: metre is no unit below lv/],
    ["the owner of a copy is not known", () => copied(), /^replicas\.0\.owner: no credential of customer that counts is in .*: what home publishes is refused; copy customer's stakeholder\.cwt/],
    ["the delegation to the home of a copy is not there", () => (givesLv("customer.stakeholder.cwt"), copied()), /^replicas\.0\.home: no delegation of customer to home in .* covers writing for meter: until it is there, or comes with a session, what home publishes is refused$/],
    ["the delegation to the home of a copy lets it read alone", () => (delegate("home", 1), givesLv("customer.stakeholder.cwt"), givesLv("customer+display.delegation.cwt"), copied()), /^replicas\.0\.home: none of the delegations of customer to home/],
  ])("%s: that is worth a warning", (_what, change, message) => expect(certified(change())).toEqual({ errors: [], warnings: [expect.stringMatching(message)] }));

  test("an owner who is revoked is not one whose copies are taken, and that is said too", () => {
    givesLv("customer.stakeholder.cwt");
    new GridFolder(grid, { nowS: Math.floor(Date.now() / 1000) }).revoke(["customer"]);
    expect(certified(copied()).warnings).toEqual([expect.stringMatching(/customer\.stakeholder\.cwt does not count: .* is revoked/), expect.stringMatching(/^replicas\.0\.owner: no credential of customer that counts/)]);
  });

  test("what expires first is known, and what soon will", () => {
    const nowS = Math.floor(Date.now() / 1000);
    const { first, soon } = expiriesIn(of("home"), nowS);
    expect([first, soon]).toEqual([expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:]+\.\d{3}Z$/), []]);
    expect(Date.parse(first!) / 1000 - nowS).toBeGreaterThan(364 * 86_400);
    expect(expiriesIn(of("home"), nowS + 350 * 86_400).soon.map(({ file }) => file)).toEqual(["customer+display.delegation.cwt", "customer.stakeholder.cwt", "unit.cwt"].map((name) => join(of("home"), name)));
    expect(expiriesIn(join(grid, "nowhere"), nowS)).toEqual({ first: undefined, soon: [] });
  });

  test("a way up needs a key file, or credentials", () => expect(() => checkConfig({ unit: "home", parent: { url: "tcp://192.0.2.1:4712" } })).toThrow(/parent\.keyFile: missing; name a session key file, or the unit's folder under credentials/));

  test("the folder for what is kept is of the configuration's folder, like every path", () => {
    writeFileSync(join(folder, "home.yaml"), "unit: home\ncredentials: { folder: grid/units/home, stateFolder: kept }\n");
    expect(readConfig(join(folder, "home.yaml")).credentials).toEqual({ folder: of("home"), stateFolder: join(folder, "kept") });
  });
});
