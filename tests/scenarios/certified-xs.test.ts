/** A sensor with credentials on the engine of a device, in the memory of an ESP32-C3, and a gateway: two processes joined by TCP, provisioned by `ebalance keys`, restarted, revoked. */
import { spawnSync } from "node:child_process";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import type { CommandLine } from "../../examples/street/processes";
import { noCryptoReason } from "../../targets/xs-host/available";
import { patience, Programs, RealGrid, type GatewayProgram, type Program } from "./real-grid";

const plan = `
domain: elm-street
units:
  home: { owner: customer, services: [display] }
  meter: { parent: home, owner: customer, services: [metering] }
`;
const none = { domain: "none", units: { top: { owner: "nobody" } } };
const programs = new Programs("certified-xs");

let command: CommandLine;
let gatewayProgram: CommandLine;
let grid: RealGrid;
let folder = "";

function keys(...args: string[]): void {
  const { status, stderr } = spawnSync(command.command, [...command.args, "keys", ...args, "--out", folder], { encoding: "utf8" });
  // That the file of a device is out of date is said before it is written anew.
  const unexpected = stderr.split("\n").filter((line) => line && !line.includes("credentials.json is a copy of what was there before"));
  expect([status, unexpected]).toEqual([0, []]);
}

const credentials = () => join(folder, "units/meter/credentials.json");

/** @returns it, with a way to start it again where it stood */
function provisioned(...options: string[]): void {
  keys(join(grid.folder, "plan.yaml"), "--credentials");
  keys("provision", "meter", ...options);
}

function home(): Promise<GatewayProgram> {
  return grid.gateway(gatewayProgram, { unit: "home", credentials: { folder: join(folder, "units/home") }, listen: [{ tcp: {} }] });
}

async function sensor(port: number, ...args: string[]): Promise<Program> {
  const device = await programs.certifiedDeviceOnXs("tests/scenarios/certified-sensor.ts", `${grid.folder}/flash=65536`);
  return grid.program("meter", device, credentials(), String(port), "metering", ...args);
}

const agreements = (lines: readonly string[]) => lines.filter((line) => line.includes("with meter is agreed on")).length;
const operations = (device: Program) => device.out.filter((line) => line.startsWith("key pair"));

/** Until readings have come, a question was answered and a set-point obeyed. */
async function works(gateway: GatewayProgram, device: Program): Promise<void> {
  const [readings, answers] = [gateway.written("meter", "activePower").length, gateway.log.length];
  await vi.waitFor(() => {
    expect(device.errors.concat(device.ended)).toEqual([""]);
    expect(gateway.written("meter", "activePower").length).toBeGreaterThan(readings + 3);
    expect(gateway.log.slice(answers).join("\n")).toContain("meter asked: done with samples");
    expect(device.out).toContain("light on");
  }, patience);
}

describe.skipIf(noCryptoReason)(`SP-1 SP-5 MU-1 a sensor with credentials on XS${noCryptoReason ? ` (left out: ${noCryptoReason})` : ""}`, () => {
  beforeAll(async () => {
    [command, gatewayProgram] = await Promise.all([programs.gateway(), programs.node("tests/scenarios/asking-gateway.ts")]);
  }, 180_000);

  beforeEach(() => {
    grid = new RealGrid(none);
    folder = join(grid.folder, "grid");
    writeFileSync(join(grid.folder, "plan.yaml"), plan);
  });

  afterEach(() => grid.close());

  test.each([["authenticated"], ["encrypted", "--encrypt"]])("joins a gateway, %s, and both resume after restarts without an operation on a key pair", async (_what, ...options) => {
    provisioned(...options);
    const gateway = await home();
    const port = gateway.port("tcp");
    let device = await sensor(port);
    await works(gateway, device);
    expect(agreements(gateway.log)).toBe(1);
    expect(operations(device).length).toBeGreaterThan(2);

    const before = operations(device).length;
    await gateway.kill();
    await gateway.start();
    await vi.waitFor(() => expect(gateway.openings("meter")).toBe(2), patience);
    expect(operations(device)).toHaveLength(before);

    await device.kill();
    device = await sensor(port);
    await works(gateway, device);
    expect(gateway.openings("meter")).toBe(3);
    expect([agreements(gateway.log), operations(device)]).toEqual([1, []]);
  }, 120_000);

  test("SP-2 signs checkpoints of what its ring has kept, and the home holds the same", async () => {
    provisioned();
    const gateway = await home();
    const device = await sensor(gateway.port("tcp"), "8");
    await works(gateway, device);
    const before = operations(device).length;
    await vi.waitFor(() => expect(gateway.of("checkpoint").length).toBeGreaterThan(1), { ...patience, timeout: 60_000 });
    for (const { device: of, differences } of gateway.of("checkpoint")) expect([of, differences]).toEqual(["meter", []]);
    expect([operations(device).length > before, device.errors]).toEqual([true, []]);
  }, 120_000);

  test("that is revoked is out at once and stays out, until it is provisioned with fresh keys", async () => {
    provisioned();
    const gateway = await home();
    let device = await sensor(gateway.port("tcp"));
    await works(gateway, device);
    keys("revoke", "meter");
    await vi.waitFor(() => expect(gateway.isOpen("meter")).toBe(false), patience);
    await vi.waitFor(() => expect(device.errors.join("\n")).toMatch(/handshake with home: refused: notTrusted/), patience);
    expect(gateway.isOpen("meter")).toBe(false);
    await device.kill();
    provisioned();
    device = await sensor(gateway.port("tcp"));
    await vi.waitFor(() => expect(gateway.isOpen("meter")).toBe(true), patience);
  }, 120_000);

  test("does not start with credentials that are not its own or that others can read, names the field, and shows no key", async () => {
    provisioned();
    expect(statSync(credentials()).mode & 0o777).toBe(0o600);
    const right = JSON.parse(readFileSync(credentials(), "utf8")) as Record<string, unknown>;
    const ends = async (changed: Record<string, unknown>) => {
      writeFileSync(credentials(), JSON.stringify({ ...right, ...changed }));
      const device = await sensor(1);
      await vi.waitFor(() => expect(device.ended).not.toBe(""), patience);
      const said = device.errors.join("\n");
      for (const name of ["es256", "ecdh-p256", "wrap"]) expect(said).not.toContain(right[name]);
      return said;
    };
    expect(await ends({ es256: right["ecdh-p256"] })).toMatch(/credentials\.json: es256 is not the key of the credential/);
    expect(await ends({ es256: "00".repeat(32) })).toMatch(/credentials\.json: es256 is not usable/);
    expect(await ends({ parent: "elsewhere" })).toMatch(/credentials\.json: parent is elsewhere; the credential names home/);
    expect(await ends({ others: [] })).toMatch(/no delegation lets meter act for its owner customer as metering/);
    expect(await ends({ root: "a0" })).toMatch(/credentials\.json: root is not usable/);
  }, 60_000);
});
