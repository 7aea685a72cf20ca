/** A meter that joins its home by credentials, over real TCP, with restarts of either side and of both: NodeCrypto and NobleFullCrypto, state in files. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MemoryStore, Uplink, UnitDriver, type LogLevel } from "ebalance";
import { FileState, nodeTimers, TcpServer, tcpConnector } from "@ebalance/gateway";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { certifiedConnector } from "../../sdk/client/certified-connector";
import { CertifiedSessions } from "../../sdk/core/group/certified-sessions";
import { Doorkeeper } from "../../sdk/core/group/doorkeeper";
import { resultName } from "../../sdk/core/model/result";
import type { HandshakeParty } from "../../sdk/core/security/certified-handshake";
import { Resumption } from "../../sdk/core/security/resumption";
import { Operation, type Request } from "../../sdk/core/wire/session-body";
import { Grid, nobleCrypto, nodeCrypto, registry } from "./certified-grid";

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "ebalance-sessions-"))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

type Counting = ReturnType<typeof nodeCrypto>;

/** One start of a unit, with all that it needs; its state is in files, everything else is new. */
interface Running {
  readonly driver: UnitDriver;
  readonly crypto: Counting;
  readonly sessions: CertifiedSessions;
  readonly lines: string[];
  /** Operations with key pairs since the start was over. */
  operations(): number;
  close(): Promise<void>;
}

class Street {
  readonly grid = new Grid();
  readonly customer = this.grid.stakeholder("customer");
  readonly #operator = this.grid.stakeholder("grid-operator");
  readonly #meter = this.grid.unit("meter", { role: "device", parents: ["home"] });
  readonly #home = this.grid.unit("home");
  metering = this.grid.delegation(this.customer, "meter", "metering", { rights: 2 });
  readonly #guard = this.grid.delegation(this.#operator, "home", "guard");
  port = 0;

  constructor(
    private readonly cryptoOfMeter: () => Counting,
    private readonly cryptoOfHome: () => Counting,
  ) {}

  #start(id: string, parent: string | undefined, crypto: Counting, party: HandshakeParty): Omit<Running, "close"> {
    const lines: string[] = [];
    const log = (level: LogLevel, line: string) => void lines.push(`${level} ${line}`);
    const clock = this.grid.clockPort;
    const driver = new UnitDriver({ id, registry, ...(parent ? { parent } : {}) }, { clock, crypto, store: new MemoryStore(64), log }, nodeTimers);
    const wrapping = crypto.importKey(this.grid.seed(`${id} wraps`), "wrap");
    const before = crypto.publicKeyOperations;
    const resumption = new Resumption({ state: new FileState(join(folder, id), log), crypto, wrapping, party, clock, log });
    const sessions = new CertifiedSessions({ unit: driver.unit, party, clock, log, resumption });
    return { driver, crypto, sessions, lines, operations: () => crypto.publicKeyOperations - before };
  }

  async home(): Promise<Running> {
    const crypto = this.cryptoOfHome();
    const party = this.grid.party(crypto, this.#home, [[this.#operator, this.#guard]]);
    const running = this.#start("home", undefined, crypto, party);
    const { driver, sessions, lines } = running;
    const log = (level: LogLevel, line: string) => void lines.push(`${level} ${line}`);
    driver.unit.setDefaultPolicy("customer", { sequence: 1, entries: [] });
    driver.door = new Doorkeeper({ unit: driver.unit, party, sessions, clock: this.grid.clockPort, log });
    const server = new TcpServer(driver, log, { port: this.port });
    this.port = await server.listen();
    const close = async () => {
      await server.close();
      driver.close();
    };
    return { ...running, close };
  }

  meter(): Running {
    const crypto = this.cryptoOfMeter();
    const party = this.grid.party(crypto, this.#meter, [[this.customer, this.metering]]);
    const running = this.#start("meter", "home", crypto, party);
    const { driver, sessions, lines } = running;
    const log = (level: LogLevel, line: string) => void lines.push(`${level} ${line}`);
    const connector = certifiedConnector(tcpConnector("127.0.0.1", this.port), { unit: driver.unit, party, sessions, parent: "home", timers: nodeTimers, clock: this.grid.clockPort, log });
    const uplink = new Uplink(driver, "home", connector, nodeTimers, log);
    const close = async () => {
      uplink.close();
      driver.close();
      await Promise.resolve();
    };
    return { ...running, close };
  }

  /** Delivers a reading, and says what became of it. */
  async reading({ driver: { unit } }: Running, value: number): Promise<string> {
    const { names } = unit;
    const source = { device: names.id("meter"), service: names.id("metering"), stakeholder: names.id("customer") };
    const request: Request = { op: Operation.write, source, items: [{ variable: 3, device: names.id("meter"), owner: names.id("customer"), value, timeMs: this.grid.clock.now, policy: undefined }] };
    let result = "linkLost";
    await vi.waitFor(
      () =>
        new Promise<void>((resolve, reject) => {
          unit.request(request, (n) => {
            result = resultName(n.result);
            if (result === "linkLost") reject(new Error(result));
            else resolve();
          });
        }),
      { timeout: 20_000, interval: 50 },
    );
    return result;
  }

  forget(id: string): void {
    rmSync(join(folder, id), { recursive: true, force: true });
  }
}

describe.each<[string, () => Counting, () => Counting]>([
  ["a meter on node:crypto, a home on noble", nodeCrypto, nobleCrypto],
  ["a meter on noble, a home on node:crypto", nobleCrypto, nodeCrypto],
])("SP-1 CP-8 %s", (_name, below, above) => {
  test("join by their credentials, and resume after restarts of either side and of both without an operation on a key pair", { timeout: 60_000 }, async () => {
    const street = new Street(below, above);
    let [home, meter] = [await street.home(), street.meter()];
    expect(await street.reading(meter, 1)).toBe("done");
    expect(Math.min(home.operations(), meter.operations())).toBeGreaterThan(2);

    for (const restarted of ["meter", "home", "both"]) {
      if (restarted !== "home") await meter.close();
      if (restarted !== "meter") {
        await home.close();
        home = await street.home();
      }
      if (restarted !== "home") meter = street.meter();
      const before = [home.operations(), meter.operations()];
      expect(await street.reading(meter, 2)).toBe("done");
      expect([restarted, home.operations() - before[0]!, meter.operations() - before[1]!]).toEqual([restarted, 0, 0]);
      expect(home.crypto.publicKeyOperations - home.operations()).toBeGreaterThan(0);
    }
    await meter.close();
    await home.close();
  });

  test("where one has lost its state, a full handshake follows by itself", { timeout: 60_000 }, async () => {
    const street = new Street(below, above);
    let [home, meter] = [await street.home(), street.meter()];
    expect(await street.reading(meter, 1)).toBe("done");
    await home.close();
    street.forget("home");
    home = await street.home();
    expect(await street.reading(meter, 2)).toBe("done");
    expect(home.operations()).toBeGreaterThan(2);
    expect(meter.lines.join("\n")).toMatch(/info home does not know session \d+ any more: a new handshake is made/);
    await meter.close();
    street.forget("meter");
    meter = street.meter();
    expect(await street.reading(meter, 3)).toBe("done");
    expect(meter.operations()).toBeGreaterThan(2);
    await meter.close();
    await home.close();
  });
});

test("SP-1 what a unit was agreed on with has changed: the next start makes a new handshake by itself", { timeout: 60_000 }, async () => {
  const street = new Street(nodeCrypto, nodeCrypto);
  const home = await street.home();
  let meter = street.meter();
  expect(await street.reading(meter, 1)).toBe("done");
  await meter.close();
  street.metering = street.grid.delegation(street.customer, "meter", "metering", { rights: 1 });
  meter = street.meter();
  expect(await street.reading(meter, 2)).toBe("denied");
  expect(meter.lines.join("\n")).toMatch(/is not resumed, a new handshake is made: the credentials of this unit have changed/);
  await meter.close();
  await home.close();
});

test("SP-1 a session ends after thirty days, or with the first credential that it rests on", { timeout: 60_000 }, async () => {
  const street = new Street(nodeCrypto, nodeCrypto);
  let [home, meter] = [await street.home(), street.meter()];
  expect(await street.reading(meter, 1)).toBe("done");
  expect(home.sessions.expiresS("meter")).toBe(street.grid.clock.now / 1000 + 30 * 86_400);
  for (const step of [30 * 86_400_000, 30 * 86_400_000]) {
    await meter.close();
    await home.close();
    street.grid.clock.now += step;
    [home, meter] = [await street.home(), street.meter()];
    expect(await street.reading(meter, 2)).toBe("done");
    expect(meter.operations()).toBeGreaterThan(2);
  }
  // The credentials end 90 days after the first start.
  expect(home.sessions.expiresS("meter")).toBe(street.grid.clock.now / 1000 + 30 * 86_400);
  await meter.close();
  await home.close();
});
