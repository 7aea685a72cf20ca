/** What a gateway has accepted and signed, over its restarts: a real one, over its files, below a unit that the test is. It sends what it likes, and sees all that is published. */
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encryptingSeal, parseCredential, parseStatement, portableSeal, Registry, resultName, signStatement, standardVariables, StatementKind, type Delegation, type LinkPort, type UnitDriver } from "ebalance";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Names } from "../../../../sdk/core/model/names";
import { Session } from "../../../../sdk/core/security/session";
import { carryingSeal, carryOperation, type CarriedBody } from "../../../../sdk/core/wire/carry-body";
import { Operation, type NotifyMessage, type SessionBody } from "../../../../sdk/core/wire/session-body";
import { bodyOfStatement } from "../../../../sdk/core/wire/statement";
import type { DataStatement } from "../../../../sdk/core/wire/statement-body";
import { GridFolder } from "../credentials/grid-folder";
import { plannedCredentials } from "../credentials/planned-credentials";
import { readPrivateKeys } from "../credentials/private-key-file";
import { NodeCrypto } from "../node-crypto";
import { readKeyFile } from "../read-key-file";
import { TcpServer } from "../tcp";
import { checkConfig } from "./config";
import { Gateway } from "./gateway";
import { keyFilesOf, type Plan } from "./plan";

const plan: Plan = {
  domain: "elm-street",
  units: { lv: { owner: "operator" }, home: { parent: "lv", owner: "customer", services: ["display"] }, lamp: { parent: "home", owner: "customer" } },
  services: [{ unit: "lv", service: "billing", stakeholder: "supplier" }],
};
const policies = { customer: { sequence: 1, entries: [{ rights: "read-write", minDelayS: 0, grantees: [{ stakeholder: "supplier", service: "billing" }] }] } };
const series = { variable: "switchState", device: "lamp", owner: "customer" };
const crypto = new NodeCrypto();
const registry = new Registry(standardVariables);
const patience = { timeout: 30_000 };

let folder = "";
const closing: (() => unknown)[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "ebalance-statements-"));
  closing.push(() => rmSync(folder, { recursive: true, force: true }));
  const grid = new GridFolder(folder, { nowS: Math.floor(Date.now() / 1000) });
  grid.plan(plannedCredentials(plan));
  grid.close();
  for (const { fileName, text } of keyFilesOf(plan)) writeFileSync(join(folder, fileName), text, { mode: 0o600 });
  // What the home verifies the supplier's requests with.
  for (const name of readdirSync(of("lv")).filter((file) => file.startsWith("supplier"))) copyFileSync(join(of("lv"), name), join(of("home"), name));
});
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const of = (unit: string) => join(folder, "units", unit);

function delegation(unit: string, stakeholder: string): Delegation {
  const file = readdirSync(of(unit)).find((name) => name.startsWith(stakeholder) && name.endsWith(".delegation.cwt"))!;
  return parseCredential(new Uint8Array(readFileSync(join(of(unit), file))), crypto) as Delegation;
}

type Told = NotifyMessage & { readonly statement?: Uint8Array; readonly nonce?: Uint8Array };

/** The unit above, which takes all that is published and passes on what the test gives it. */
class Above {
  readonly published: Uint8Array[] = [];
  readonly #seal = encryptingSeal(crypto, portableSeal(crypto));
  readonly #session: Session;
  readonly #told = new Map<number, (answer: Told) => void>();
  readonly #server = new TcpServer(this as unknown as UnitDriver, () => {});
  readonly unit = { linkLost: (link: LinkPort) => void (link === this.#link && (this.#link = undefined)) };
  #link: LinkPort | undefined;

  constructor() {
    const { session, key } = readKeyFile(join(folder, "home.key.json"));
    this.#session = new Session(session, "lv", key.importInto(crypto, "derive"), registry, new Names(), crypto, carryingSeal(this.#seal, crypto));
    closing.push(() => this.#server.close());
  }

  async listen(): Promise<string> {
    return `tcp://127.0.0.1:${await this.#server.listen()}`;
  }

  receive(link: LinkPort, message: Uint8Array): boolean {
    const received = this.#session.receive(this.#seal.parse(message)!, link);
    if (received.kind === "reply") link.send(received.message);
    if (received.kind !== "body") return true;
    const body = received.body as SessionBody | CarriedBody;
    this.#link = link;
    if (body.op === Operation.alive && received.reopened) this.#send({ op: Operation.alive });
    if (body.op === carryOperation && "statement" in body) {
      this.published.push(body.statement);
      this.#send({ op: Operation.notify, id: body.sequence, result: 0, items: [], retryAfterMs: 0 });
    }
    if (body.op === Operation.notify) this.#told.get(body.id)?.(body as Told);
    return true;
  }

  #send(body: object): void {
    this.#link!.send(this.#session.seal({ ...body, sequence: this.#session.nextSequence, timeMs: undefined } as SessionBody));
  }

  /** The home is not there any more. */
  async isAlone(): Promise<void> {
    await expect.poll(() => this.#link, patience).toBe(undefined);
  }

  /** Passes a request on to the home. @returns what it is told: proven, to be signed anew with a nonce, or the name of a result */
  async ask(statement: Uint8Array): Promise<"proven" | Uint8Array | string> {
    await expect.poll(() => this.#link, patience).toBeDefined();
    const answer = new Promise<Told>((resolve) => this.#told.set(this.#session.nextSequence, resolve));
    this.#send({ op: carryOperation, statement });
    const body = await answer;
    return body.statement ? "proven" : (body.nonce ?? resultName(body.result));
  }
}

async function home(url: string): Promise<Gateway> {
    const config = { unit: "home", credentials: { folder: of("home") }, store: { folder: join(folder, "data") }, listen: [{ tcp: {} }], parent: { keyFile: join(folder, "home.key.json"), url }, units: [{ keyFile: join(folder, "lamp.key.json") }], policies, publish: [series], publishEveryS: 1 };
  const gateway = await Gateway.open(checkConfig(config), { log: () => {} });
  closing.push(() => gateway.close());
  return gateway;
}

/** A request of the supplier's billing at the unit above, to switch something at the home. */
function switching(sequence: number, nonce?: Uint8Array): Uint8Array {
  const names = new Names();
  const item = { variable: registry.named(series.variable).id, value: true, timeMs: 0, device: names.id(series.device), owner: names.id(series.owner), policy: new Uint8Array(8) };
  const timeMs = Math.floor(Date.now() / 1000) * 1000;
  const signing = readPrivateKeys(join(of("lv"), "unit.key.json")).keys.es256!.importPrivateInto(crypto, "es256");
  return signStatement(crypto, signing, delegation("lv", "supplier"), plan.domain, { kind: StatementKind.write, names, sequence, timeMs, expiresS: timeMs / 1000 + 600, scope: "home", nonce, items: [{ ...item, timeMs }] }, registry);
}

describe("SP-1 over a restart, a gateway", () => {
  test("refuses the signed request that it had accepted before, and takes the next", async () => {
    const above = new Above();
    const url = await above.listen();
    const first = await home(url);
    // It has never heard of the signer, and cannot tell a first request from a replay.
    const nonce = await above.ask(switching(1));
    expect(nonce).toHaveLength(8);
    const request = switching(2, nonce as Uint8Array);
    expect([await above.ask(request), await above.ask(request)]).toEqual(["proven", "notTrusted"]);
    await first.close();
    await above.isAlone();
    const second = await home(url);
    expect([await above.ask(request), await above.ask(switching(1))]).toEqual(["notTrusted", "notTrusted"]);
    expect(await above.ask(switching(3))).toBe("proven");
    const { readings } = await second.services("customer", "display").query({ ...series, function: "count" });
    expect(readings[0]?.value).toBe(2);
  });

  test("signs what it publishes with sequences above all of before", async () => {
    const above = new Above();
    const url = await above.listen();
    // One is sent again, as it is, until it has been acknowledged: over a restart too.
    const statements = () => [...new Map(above.published.map((bytes) => [bytes.join(), bytes])).values()];
    const publishing = async (gateway: Gateway) => {
      const before = statements().length;
      expect((await gateway.services("customer", "display").write({ ...series, value: true })).result).toBe("done");
      await expect.poll(() => statements().length, patience).toBe(before + 1);
    };
    const first = await home(url);
    await publishing(first);
    await publishing(first);
    await first.close();
    await above.isAlone();
    const second = await home(url);
    await publishing(second);
    const signer = delegation("home", "customer");
    const sequences = statements().map((bytes) => (bodyOfStatement(parseStatement(bytes), signer, registry) as DataStatement).sequence);
    expect([sequences.length, new Set(sequences).size, sequences]).toEqual([3, 3, [...sequences].sort((a, b) => a - b)]);
  });
});
