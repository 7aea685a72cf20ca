/** Wall clocks that jump by hours: a device's, and a home's. Times that are wrong are refused, and what is counted from now on is counted on the monotonic clock. */
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { ControllerState, openDevice, type DataInterface } from "ebalance";
import { checkConfig, Gateway, nodeDevicePlatform, systemClock, type Plan } from "@ebalance/gateway";
import { root } from "../../scripts/bundles.mjs";
import { noPymodbusReason, SunSpecPeer } from "../peers/peers";
import { kept, patience, Programs, RealGrid, type GatewayProgram } from "./real-grid";

const operator = { stakeholder: "operator", service: "grid" };
const billing = { stakeholder: "supplier", service: "billing" };
const device = { parent: "home", owner: "customer", services: ["metering"] };
const plan: Plan = {
  domain: "clocks",
  units: {
    lv: { owner: "operator", services: ["grid"] },
    home: { parent: "lv", owner: "customer" },
    meter: device,
    jumping: device,
    inverter: { ...device, bridged: true },
  },
  services: [{ unit: "lv", ...billing }],
};
const policy = {
  sequence: 1,
  entries: [
    { rights: "read-write", minDelayS: 0, grantees: [operator] },
    { rights: "read", minDelayS: 5, grantees: [billing] },
  ],
};
const series = (of: string, variable = "activeEnergyImport") => ({ device: of, owner: "customer", variable });
const hourMs = 3_600_000;

let grid: RealGrid;
let home: GatewayProgram;
let data: DataInterface;
let supplier: DataInterface;
/** The device whose clock jumps runs here, with a clock that the test sets. */
let offsetMs = 0;
/** What it reads: so many readings so far. */
let count = 0;

beforeAll(async () => {
  const programs = new Programs("clock-jumps");
  const [gateway, meterProgram] = await Promise.all([programs.gateway(), programs.node("tests/scenarios/counting-meter.ts")]);
  grid = new RealGrid(plan);
  const lv = await Gateway.open(checkConfig({ unit: "lv", listen: [{ mqtt: {} }], units: [{ keyFile: grid.keyFile("home") }] }), { log: () => {} });
  grid.atEnd(() => lv.close());
  [data, supplier] = [operator, billing].map(({ stakeholder, service }) => lv.services(stakeholder, service)) as [DataInterface, DataInterface];
  const peer = noPymodbusReason ? undefined : await SunSpecPeer.start();
  if (peer) grid.atEnd(() => peer.close());
  const withJumpingClock = { command: gateway.command, args: ["--import", root("tests/scenarios/jumping-clock.mjs"), ...gateway.args] };
  home = await grid.gateway(withJumpingClock, {
    unit: "home",
    store: { folder: grid.store("home") },
    listen: [{ tcp: {} }],
    parent: { keyFile: grid.keyFile("home"), url: `mqtt://127.0.0.1:${lv.listening[0]!.port}` },
    units: ["meter", "jumping"].map((unit) => ({ keyFile: grid.keyFile(unit) })),
    policies: { customer: policy },
    bridges: peer ? [{ sunspec: { device: "inverter", owner: "customer", host: "127.0.0.1", port: peer.port, safeLimitShare: 40 } }] : [],
  });
  const url = `tcp://127.0.0.1:${home.port("tcp")}`;
  grid.program("meter", meterProgram, grid.keyFile("meter"), url, "metering", "100");
  const platform = nodeDevicePlatform({ keyFile: grid.keyFile("jumping"), url, service: "metering", log: () => {} });
  const jumping = openDevice({ ...platform, clock: { ...systemClock, wallMs: () => Date.now() + offsetMs } });
  grid.atEnd(() => jumping.close());
  jumping.report("activeEnergyImport", { everyMs: 100, read: () => ++count });
  await vi.waitUntil(() => countOf("meter") > 3 && countOf("jumping") > 3, patience);
  await vi.waitUntil(async () => (await data.query(series("meter"))).result === "done", patience);
}, 60_000);
afterAll(() => grid.close());

const countOf = (of: string) => home.written(of, "activeEnergyImport").length;
const badTimes = () => home.of("counters").at(-1)?.results.badTime ?? 0;
const openings = () => ["meter", "jumping", "lv"].map((peer) => home.openings(peer));

test.each([
  ["forward", 3 * hourMs],
  ["back", -3 * hourMs],
])("DI-1 a device's clock jumps %s by hours: what it says is refused and counted, others go on; right again, it is heard again", { timeout: 60_000 }, async (_where, jumpMs) => {
  const refused = badTimes();
  offsetMs = jumpMs;
  const lastBefore = count;
  await expect.poll(() => badTimes() - refused, patience).toBeGreaterThan(0);
  const [heard, other] = [countOf("jumping"), countOf("meter")];
  await expect.poll(() => countOf("meter") - other, patience).toBeGreaterThan(10);
  expect(countOf("jumping") - heard).toBe(0);
  // Nothing that was read under the wrong clock.
  expect(Number(home.written("jumping", "activeEnergyImport").at(-1))).toBeLessThanOrEqual(lastBefore);
  offsetMs = 0;
  await expect.poll(() => countOf("jumping") - heard, patience).toBeGreaterThan(5);
  expect(openings()).toEqual([1, 1, 1]);
});

describe.each([
  ["forward", "SIGUSR2", "SIGWINCH"],
  ["back", "SIGWINCH", "SIGUSR2"],
] as const)("a home's clock jumps %s by hours", (_where, jump, right) => {
  test("SP-2 its sessions stay, whoever asks is told badTime, and no minimum delay is cut short or drawn out", { timeout: 60_000 }, async () => {
    await expect.poll(async () => (await supplier.query(series("meter"))).result, patience).toBe("done");
    const askedMs = performance.now();
    const open = openings();
    home.signal(jump);
    await expect.poll(async () => (await data.query(series("meter"))).result, patience).toBe("badTime");
    const heard = countOf("meter");
    home.signal(right);
    await expect.poll(async () => (await supplier.query(series("meter"))).result, patience).toBe("tooEarly");
    const { result, retryAfterMs } = await supplier.query(series("meter"));
    expect([result, retryAfterMs > 0 && retryAfterMs <= 5000]).toEqual(["tooEarly", true]);
    await expect.poll(async () => (await supplier.query(series("meter"))).result, patience).toBe("done");
    const tookMs = performance.now() - askedMs;
    expect([tookMs > 4900, tookMs < 7000], `${tookMs} ms`).toEqual([true, true]);
    await expect.poll(() => countOf("meter") - heard, patience).toBeGreaterThan(20);
    expect(openings()).toEqual(open);
  });

  test.skipIf(noPymodbusReason)(`MU-5 a set-point lives no longer and no shorter${noPymodbusReason && ` (left out: ${noPymodbusReason})`}`, { timeout: 60_000 }, async () => {
    const state = () => home.written("inverter", "controllerState").at(-1);
    const timeToLiveS = 5;
    const setPoint = [{ ...series("inverter", "setPointTimeToLive"), value: timeToLiveS }, { ...series("inverter", "powerLimitShare"), value: 30 }];
    await expect.poll(async () => (await data.write(...setPoint)).result, patience).toBe("done");
    const writtenMs = performance.now();
    await expect.poll(state, patience).toBe(ControllerState.setPoint);
    home.signal(jump);
    await expect.poll(state, patience).toBe(ControllerState.safe);
    const livedMs = performance.now() - writtenMs;
    home.signal(right);
    expect([livedMs > timeToLiveS * 1000 - 100, livedMs < timeToLiveS * 1000 + 2000], `${livedMs} ms`).toEqual([true, true]);
  });
});

test("DI-1 nothing that a device wrote is kept in the future, and the meter has lost nothing", async () => {
  await home.stop();
  const nowMs = Date.now();
  for (const unit of ["meter", "jumping"]) expect((await kept(grid.store("home"), unit, "activeEnergyImport")).filter(({ timeMs }) => timeMs > nowMs)).toEqual([]);
  const values = (await kept(grid.store("home"), "meter", "activeEnergyImport")).map(({ value }) => value);
  expect(values).toEqual(values.map((_value, i) => i + 1));
});
