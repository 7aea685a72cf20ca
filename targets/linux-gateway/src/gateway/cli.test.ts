/** The command `ebalance` as a process: what it prints, where, and with which exit code. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { bundleForNode, root } from "../../../../scripts/bundles.mjs";

let command = "";
let folder = "";
beforeAll(async () => {
  mkdirSync(root("build/tests"), { recursive: true });
  command = await bundleForNode("targets/linux-gateway/src/bin.ts", root("build/tests/ebalance-cli.mjs"));
});
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "ebalance-cli-"))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function run(...args: string[]) {
  const child = spawn(process.execPath, [command, ...args], { cwd: folder });
  let [out, errors] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => (out += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (errors += text));
  const [code] = (await once(child, "close")) as [number];
  return { code, out, errors };
}

const write = (name: string, text: string) => writeFileSync(join(folder, name), text);
const plan = `
domain: elm-street
units:
  home: { owner: customer, services: [display] }
  meter: { parent: home, owner: customer, services: [metering] }
`;
const home = `
unit: home
store: { folder: data }
listen: [{ tcp: {} }]
units: [{ keyFile: keys/meter.key.json }]
policies: { customer: { sequence: 1, entries: [] } }
`;

describe("ebalance", () => {
  test.each([["--help"], ["run", "--help"], ["keys", "--help"], ["keys", "plan", "--help"], ["keys", "delegate", "--help"]])("%s %s says how it is used, on standard output", async (...args) => {
    const { code, out, errors } = await run(...args);
    expect([code, errors]).toEqual([0, ""]);
    expect(out).toMatch(/Usage: ebalance/);
  });

  test.each([
    [["fly"], 2, /unknown command 'fly'/],
    [["run"], 2, /missing required argument 'config'/],
    [["run", "none.yaml"], 1, /none\.yaml: cannot be read \(ENOENT\)/],
    [["schema", "moon"], 2, /moon is not gateway or plan/],
    [["keys", "plan.yaml"], 2, /required option '--out <folder>'/],
    [["keys", "none.yaml", "--out", "keys"], 1, /none\.yaml: cannot be read \(ENOENT\)/],
    [["keys", "unit", "home", "--owner", "customer", "--role", "king", "--out", "grid"], 2, /'--role <role>' argument 'king' is invalid\. Allowed choices are device, gateway/],
    [["keys", "stakeholder", "customer", "--out", "grid", "--days", "soon"], 2, /'--days <count>' argument 'soon' is invalid\. It is not a whole number of days/],
    [["keys", "stakeholder", "customer", "--out", "grid", "--days", "20"], 2, /--days 20 is not above --renew-days 30/],
    [["keys", "stakeholder", "customer", "--out", "grid"], 1, /grid\/root\/root\.cwt is not there: make it first/],
    [["keys", "show", "none.cwt"], 1, /none\.cwt is not there/],
    [["keys", "show", "."], 1, /^\. is a folder; name files in it, as \*\.cwt$/m],
    [["keys", "revok", "meter", "--out", "grid"], 2, /^revok is no command of keys, and no file; did you mean ebalance keys revoke\?$/m],
    [["keys", "stakeholders", "customer"], 2, /did you mean ebalance keys stakeholder\?$/m],
    [["keys", "everything", "--out", "grid"], 2, /everything is no command of keys, and no file; the commands are plan, root, .*, show$/m],
  ])("%j ends with exit code %i and says why in a line", async (args, exitCode, message) => {
    const { code, out, errors } = await run(...args);
    expect([code, out]).toEqual([exitCode, ""]);
    expect(errors).toMatch(message);
    expect(errors).not.toMatch(/\n\s+at /);
  });

  test("check names a broken line of the configuration, and passes a good one", async () => {
    write("home.yaml", home.replace("listen:", "listens:"));
    const bad = await run("check", "home.yaml");
    expect([bad.code, bad.errors]).toEqual([1, expect.stringMatching(/home\.yaml: .*"listens"/)]);
    write("home.yaml", home);
    const keyless = await run("check", "home.yaml");
    expect([keyless.code, keyless.errors]).toEqual([1, expect.stringMatching(/^unit home: units\.0\.keyFile: key file .*meter\.key\.json cannot be read \(ENOENT\)\n$/)]);
    write("plan.yaml", plan);
    await run("keys", "plan.yaml", "--out", "keys");
    expect(await run("check", "home.yaml")).toEqual({ code: 0, out: "home.yaml: unit home, 1 ways in, 1 units below, 0 bridges, 0 services\n", errors: "" });
  });

  test("SP-5 check tells a program when credentials expire, and ends with 3 where one has or soon will", async () => {
    write("plan.yaml", plan);
    write("home.yaml", "unit: home\ncredentials: { folder: grid/units/home }\nlisten: [{ tcp: {} }]\n");
    await run("keys", "plan.yaml", "--credentials", "--out", "grid");
    expect(await run("check", "home.yaml")).toEqual({ code: 0, out: expect.stringMatching(/, 0 services, credentials until \d{4}-\d\d-\d\dT[\d:]+\.000Z\n$/) as string, errors: "" });
    const good = await run("check", "home.yaml", "--json");
    expect([good.code, JSON.parse(good.out)]).toEqual([0, { file: "home.yaml", unit: "home", errors: [], warnings: [], expires: expect.stringMatching(/Z$/) as string, expiring: [] }]);
    await run("keys", "delegate", "--stakeholder", "customer", "--unit", "home", "--service", "tariff", "--days", "20", "--renew-days", "5", "--out", "grid");
    const soon = await run("check", "home.yaml");
    expect([soon.code, soon.errors]).toEqual([3, expect.stringMatching(/^warning: credentials\.folder: .*tariff\.delegation\.cwt expires at .*Z, in 20 days; make it anew/)]);
    const { expiring } = JSON.parse((await run("check", "home.yaml", "--json")).out) as { expiring: { file: string; expires: string }[] };
    expect(expiring).toEqual([{ file: join(realpathSync(folder), "grid/units/home/customer+tariff.delegation.cwt"), expires: expect.stringMatching(/Z$/) as string }]);
    write("home.yaml", "unit: home\nlistens: []\n");
    const bad = await run("check", "home.yaml", "--json");
    expect([bad.code, bad.errors, JSON.parse(bad.out)]).toEqual([1, "", { file: "home.yaml", unit: null, errors: [expect.stringMatching(/"listens"/)], warnings: [], expires: null, expiring: [] }]);
    expect((await run("check", "--help")).out).toMatch(/exit codes:\n {2}0 .*\n {2}1 .*\n {2}2 .*\n {2}3 {2}a credential in its folder has expired or will within 30 days/);
  }, 60_000);

  test("schema describes a configuration for editors", async () => {
    const { code, out } = await run("schema", "gateway");
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ type: "object", required: ["unit"], additionalProperties: false });
  });

  test("SP-5 keys writes files that only their owner reads, and keeps the keys that are there", async () => {
    write("plan.yaml", plan);
    expect((await run("keys", "plan.yaml", "--out", "keys")).out).toMatch(/meter\.key\.json: new key, for meter and home/);
    const file = join(folder, "keys/meter.key.json");
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const before = JSON.parse(readFileSync(file, "utf8")) as { key: string };
    write("plan.yaml", `${plan}  display: { parent: home, owner: customer }\n`);
    const again = await run("keys", "plan.yaml", "--out", "keys");
    expect(again.out).toMatch(/meter\.key\.json: kept its key/);
    expect(again.out).not.toContain(before.key);
    expect(JSON.parse(readFileSync(file, "utf8"))).toMatchObject({ key: before.key });
    expect(existsSync(`${file}.new`)).toBe(false);
  });

  test("SP-5 keys makes the credentials of a whole grid from a plan, or one by one, and says of every file what became of it", async () => {
    write("plan.yaml", plan);
    const first = await run("keys", "plan.yaml", "--credentials", "--out", "grid");
    expect([first.code, first.errors]).toEqual([0, ""]);
    expect(first.out).toMatch(/^grid\/units\/meter\/unit\.cwt: new, unit meter, until \d{4}-\d\d-\d\d$/m);
    expect(first.out).toMatch(/^to be copied to their units: grid\/units\/home, grid\/units\/meter$/m);
    expect((await run("keys", "plan.yaml", "--credentials", "--out", "grid")).out).toMatch(/^kept as it is: (\d+) of \1 files\n$/);
    const oneByOne = await run("keys", "delegate", "--stakeholder", "customer", "--unit", "home", "--service", "tariff", "--rights", "read", "--devices", "meter", "--variables", "activePower", "--days", "90", "--out", "grid", "--json");
    const { files } = JSON.parse(oneByOne.out) as { files: { file: string; action: string; expires?: string }[] };
    expect(files).toContainEqual({ file: "units/home/customer+tariff.delegation.cwt", action: "new", what: "delegation of customer: home as tariff", expires: expect.stringMatching(/Z$/) as string });
    const shown = await run("keys", "show", "--json", "grid/units/home/customer+tariff.delegation.cwt");
    expect(JSON.parse(shown.out)).toMatchObject({ type: "delegation", issuer: "customer", subject: "home", service: "tariff", rights: "read", devices: ["meter"], variables: ["activePower"], holds: "90 more days" });
    expect((await run("keys", "revoke", "meter", "--out", "grid")).out).toMatch(/grid\/root\/revocations\.cbor: new, revocation list 1: meter/);
    expect((await run("keys", "show", "grid/units/home/revocations.cbor")).out).toMatch(/revoked +meter below epoch 1$/m);
  });

  test("SP-5 show says of a file that it does not know what it is, of half a credential that it is half, and of a revoked one that it is", async () => {
    write("plan.yaml", plan);
    await run("keys", "plan.yaml", "--credentials", "--out", "grid");
    const unit = readFileSync(join(folder, "grid/units/meter/unit.cwt"));
    writeFileSync(join(folder, "half.cwt"), unit.subarray(0, 100));
    write("empty.cwt", "");
    write("policy.json", "{}");
    const errorOf = async (file: string) => {
      const { code, out, errors } = await run("keys", "show", file);
      expect([code, out]).toEqual([1, ""]);
      return errors;
    };
    expect(await errorOf("plan.yaml")).toMatch(/^plan\.yaml is no file that keys show knows: those are credentials \(\.cwt\), revocation lists \(\.cbor\) and key files \(\.key\.json\)\n$/);
    expect(await errorOf("policy.json")).toMatch(/^policy\.json is no file of keys: what is JSON and ebalance has made says so in its type\n$/);
    expect(await errorOf("half.cwt")).toMatch(/^half\.cwt holds no credential: its 100 bytes have been cut off or changed; put it aside, and make it anew/);
    expect(await errorOf("empty.cwt")).toMatch(/^empty\.cwt holds no credential: the file is empty; /);
    await run("keys", "provision", "meter", "--out", "grid");
    expect(await errorOf("grid/units/meter/credentials.json")).toMatch(/is the credentials of a device in one file: show those that it was made of, grid\/units\/meter\/\*\.cwt/);
    const holds = async (file: string) => (JSON.parse((await run("keys", "show", "--json", `grid/${file}`)).out) as { holds: string }).holds;
    expect(await holds("units/meter/unit.cwt")).toBe("365 more days");
    await run("keys", "revoke", "meter", "customer", "--out", "grid");
    for (const file of ["units/meter/unit.cwt", "stakeholders/customer/stakeholder.cwt", "units/home/customer+display.delegation.cwt"]) expect(await holds(file)).toMatch(/^no: .* is revoked: epoch 0, at least 1 counts$/);
    await run("keys", "root", "--domain", "oak-street", "--out", "other");
    writeFileSync(join(folder, "grid/units/home/root.cwt"), readFileSync(join(folder, "other/root/root.cwt")));
    expect(await holds("units/home/unit.cwt")).toBe("no: it is signed by another root than that of oak-street beside it");
    expect(await errorOf("grid/units/home/revocations.cbor")).toMatch(/revocations\.cbor is no revocation list of the root beside it: .*; copy the newest root\/revocations\.cbor of the grid again/);
  }, 60_000);

  test("what is read no further, as by head, ends quietly", async () => {
    write("plan.yaml", plan);
    await run("keys", "plan.yaml", "--credentials", "--out", "grid");
    const files = Array.from({ length: 2000 }, () => "grid/root/root.cwt");
    const child = spawn(process.execPath, [command, "keys", "show", ...files], { cwd: folder });
    let errors = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => (errors += text));
    child.stdout.once("data", () => child.stdout.destroy());
    expect(await once(child, "close")).toEqual([0, null]);
    expect(errors).toBe("");
  });

  test("SP-5 the commands that docs/credentials.md gives one by one work in an empty folder, one after the other", async () => {
    const commands = [...readFileSync(root("docs/credentials.md"), "utf8").matchAll(/^npx ebalance (keys (?!plan).*)$/gm)].map((match) => match[1]!.split(" "));
    expect(commands.map(([, name]) => name)).toEqual(["root", "stakeholder", "stakeholder", "unit", "unit", "unit", "service", "delegate", "delegate", "provision", "show"]);
    let last = "";
    for (const args of commands) {
      const { code, out, errors } = await run(...args);
      expect([args, code, errors]).toEqual([args, 0, ""]);
      if (args[1] === "provision") expect(out).toMatch(/^to be brought to its device: grid\/units\/meter\/credentials\.json$/m);
      last = out;
    }
    expect(last).toMatch(/^ {2}rights +read$/m);
    // What the device's file is a copy of has changed.
    const again = await run("keys", "delegate", "--stakeholder", "customer", "--unit", "meter", "--service", "display", "--out", "grid", "--json");
    expect((JSON.parse(again.out) as { warnings: string[] }).warnings).toEqual([expect.stringMatching(/credentials\.json is a copy of what was there before/)]);
    expect([again.code, again.errors]).toEqual([0, expect.stringMatching(/^warning: grid\/units\/meter\/credentials\.json is a copy of what was there before: write it anew with ebalance keys provision/)]);
  }, 120_000);

  test("SP-5 nothing that keys prints holds a key", async () => {
    write("plan.yaml", plan);
    const said = [await run("keys", "plan.yaml", "--credentials", "--out", "grid", "--json"), await run("keys", "plan.yaml", "--out", "keys", "--json"), await run("keys", "plan.yaml", "--out", "keys")];
    const secrets = ["grid/root/root", "grid/stakeholders/customer/stakeholder", "grid/units/home/unit", "grid/units/meter/unit", "keys/meter"].map((file) => `${file}.key.json`);
    said.push(await run("keys", "show", ...secrets), await run("keys", "show", "--json", ...secrets));
    // What is wrong with a file of keys is said without quoting it.
    for (const file of secrets) write(file, readFileSync(join(folder, file), "utf8").replace("version", "vision"));
    for (const file of secrets) said.push(await run("keys", "show", file));
    said.push(await run("keys", "plan.yaml", "--credentials", "--out", "grid"));
    const keys = secrets.flatMap((file) => readFileSync(join(folder, file), "utf8").match(/[0-9a-f]{64}/g)!);
    expect(keys).toHaveLength(9);
    const all = said.map(({ out, errors }) => out + errors).join("\n");
    expect(all).toMatch(/keys +es256, ecdh-p256, wrap/);
    for (const key of keys) expect(all).not.toContain(key);
  }, 60_000);

  test("CP-1 mosquitto writes the files of an external broker, without a password in them", async () => {
    write("plan.yaml", plan);
    await run("keys", "plan.yaml", "--out", "keys");
    write("home.yaml", home);
    expect((await run("mosquitto", "home.yaml", "--out", "broker")).errors).toMatch(/unit home: listen names no broker/);
    write("home.yaml", home.replace("tcp: {}", "broker: { url: 'mqtt://127.0.0.1:18830', passwordFile: secret }"));
    writeFileSync(join(folder, "secret"), "the gateway's\n", { mode: 0o600 });
    expect((await run("mosquitto", "home.yaml", "--out", "broker")).code).toBe(0);
    const read = (name: string) => readFileSync(join(folder, "broker", name), "utf8");
    expect(read("mosquitto.conf")).toContain("listener 18830 127.0.0.1\nallow_anonymous false");
    expect(read("passwords")).toMatch(/^home:\$7\$.*\nmeter:\$7\$/);
    expect(read("passwords")).not.toContain("the gateway's");
    expect(statSync(join(folder, "broker/passwords")).mode & 0o777).toBe(0o600);
  });

  test("MU-9 run listens as configured, tells its events as JSON lines, and ends cleanly on SIGTERM", async () => {
    write("plan.yaml", plan);
    write("home.yaml", home);
    await run("keys", "plan.yaml", "--out", "keys");
    const child = spawn(process.execPath, [command, "run", "home.yaml", "--events"], { cwd: folder });
    let log = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => (log += text));
    const [line] = (await once(createInterface({ input: child.stdout }), "line")) as [string];
    const { listening, ...rest } = JSON.parse(line) as { listening: { kind: string; port: number }[] };
    expect(rest).toEqual({ type: "ready", store: expect.any(String) as string });
    expect(listening).toEqual([{ kind: "tcp", host: "127.0.0.1", port: expect.any(Number) as number }]);
    child.kill("SIGTERM");
    expect(await once(child, "close")).toEqual([0, null]);
    expect(log).toMatch(/info home: listens on tcp 127\.0\.0\.1:\d+/);
    expect(existsSync(join(folder, "data"))).toBe(true);
  });
});
