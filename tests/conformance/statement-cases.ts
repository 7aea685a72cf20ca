/** Statements: one encoding a body, and who is believed what. */
import { readStatementBody } from "../../sdk/core/wire/statement-body-read";
import { encodeStatementBody } from "../../sdk/core/wire/statement-body-write";
import { StatementKind, type ImpliedNames, type StatementBody } from "../../sdk/core/wire/statement-body";
import { granteeId, Names } from "../../sdk/core/model/names";
import { checkCheckpoint, checkpointOf } from "../../sdk/core/statements/checkpoint";
import { MemoryStore } from "../../sdk/storage/memory-store";
import { Dice, expectEqual, expectError, toHex, type Case, type Platform } from "./case";
import { CheckpointWorld } from "./checkpoint-world";
import { issuedS } from "./credential-world";
import { registry, StatementWorld } from "./statement-world";

const implied: ImpliedNames = ["customer", "home", "metering"];
const timeMs = issuedS * 1000;

/** A body of each kind, and data in each of their forms. */
function bodies(): readonly StatementBody[] {
  const names = new Names();
  const name = (text: string) => names.id(text);
  const policy = { sequence: 3, entries: [{ rights: 1, minDelayS: 900, grantees: [granteeId(name("supplier"), name("billing")), granteeId(name("aggregator"), name("balancing"))] }] };
  const selector = { variable: 3, device: name("meter"), owner: name("customer") };
  const item = (value: number | string | boolean, atMs = timeMs, variable = 3) => ({ ...selector, variable, value, timeMs: atMs, policy });
  const head = { names, sequence: 7, timeMs };
  const asked = { ...head, scope: "station", expiresS: issuedS + 60 };
  return [
    { ...asked, kind: StatementKind.write, items: [item(1), item(true, timeMs, 16)], nonce: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8) },
    { ...asked, kind: StatementKind.query, selector, condition: [{ field: 1, comparison: 3, operand: 0.5 }], function: 4, at: name("station") },
    { ...asked, kind: StatementKind.event, selector, condition: [] },
    { ...asked, kind: StatementKind.periodic, selector, periodMs: 5000 },
    { ...asked, kind: StatementKind.unsubscribe, id: 6 },
    { ...head, kind: StatementKind.data, items: [item(5)] },
    { ...head, kind: StatementKind.data, items: [item(5), item(-5, timeMs + 1, 4)] },
    { ...head, kind: StatementKind.data, items: [0, 900_000, 1_800_003, 2_699_000].map((atMs, i) => item(1_408_146 + 68 * i, timeMs - atMs)) },
    { ...head, kind: StatementKind.data, items: [Number.MAX_SAFE_INTEGER, 0, Number.MIN_SAFE_INTEGER].map((value, i) => item(value, timeMs + 10 * i)) },
    { ...head, kind: StatementKind.data, items: [Number.MAX_SAFE_INTEGER, -1].map((value) => item(value)) },
    { ...head, kind: StatementKind.data, items: ["gr\u00fcn", "\u{1f50c}"].map((value) => item(value, timeMs, 64)) },
    { ...head, kind: StatementKind.answer, scope: "station", id: 6, items: [item(5)] },
    { ...head, kind: StatementKind.policy, selector: { ...selector, variable: 0 }, policy },
    { ...head, kind: StatementKind.checkpoint, fromS: issuedS - 3600, toS: issuedS, series: [{ variable: 3, device: name("meter"), count: 4, digest: new Uint8Array(32) }] },
    { ...head, kind: StatementKind.revocation, epochs: [{ subject: name("plug"), leastEpoch: 2 }, { subject: name("home"), leastEpoch: 3 }] },
    { names, timeMs: undefined, kind: StatementKind.open, scope: "station", transcript: new Uint8Array(32) },
  ];
}

const encode = (body: StatementBody) => encodeStatementBody(body, implied, registry);
const decode = (bytes: Uint8Array) => readStatementBody(bytes, 0, bytes.length, implied, registry);

/** What a verifier makes of a statement: whose it is, or why it is refused. */
function outcome(verifier: StatementWorld["verifier"], bytes: Uint8Array): string {
  try {
    const { signer, source } = verifier.verify(bytes);
    return source ? `${source.device} as ${source.service} for ${source.stakeholder}` : signer.subject;
  } catch (error) {
    return `${(error as { code: string }).code}: ${(error as Error).message}`;
  }
}

export const statementCases: Case[] = [
  {
    name: "CP-8 statements: a body of each kind has one encoding, which is read and written alike",
    run() {
      return bodies().map((body) => {
        const bytes = encode(body);
        expectEqual(toHex(encode(decode(bytes))), toHex(bytes), `kind ${body.kind}`);
        return toHex(bytes);
      });
    },
  },
  {
    name: "SP-1 statements: a changed body is refused, or is another one in its only form",
    run({ fuzzCount, fuzzSeed }) {
      const dice = new Dice(fuzzSeed);
      const seeds = bodies().map(encode);
      let read = 0;
      for (let i = 0; i < fuzzCount / 10; i++) {
        const changed = seeds[dice.below(seeds.length)]!.slice();
        for (let n = 1 + dice.below(2); n > 0; n--) changed[dice.below(changed.length)] = dice.below(256);
        let body: StatementBody;
        try {
          body = decode(changed);
        } catch (error) {
          expectEqual((error as { code?: string }).code, "malformed", toHex(changed));
          continue;
        }
        read++;
        expectEqual(toHex(encode(body)), toHex(changed), "encoded again");
      }
      return read;
    },
  },
  {
    name: "SP-1 SP-2 statements: the signer, and what it may say, decide who is believed",
    run({ crypto }) {
      const world = new StatementWorld(crypto);
      const { verifier, customer, home, meter, metering } = world;
      const data = world.sign(world.data([world.item(5), world.item(9)]));
      const weakened = data.slice();
      weakened[weakened.length - 100]! ^= 1;
      const outcomes = [
        outcome(verifier, data),
        outcome(verifier, weakened),
        outcome(verifier, world.sign(world.data([world.item(5)]), metering, home)),
        outcome(verifier, world.sign(world.data([world.item(5)]), customer.credential, customer)),
        outcome(verifier, world.sign(world.policyStatement())),
        outcome(verifier, world.sign(world.policyStatement(), customer.credential, customer)),
        outcome(verifier, world.sign(world.data([world.item(5)]), metering, meter, "oak-street")),
      ];
      world.close();
      return outcomes;
    },
  },
  {
    name: "SP-1 statements: a request is accepted once, over a restart too, and after a nonce where the receiver knows nothing of before",
    run({ crypto }) {
      const world = new StatementWorld(crypto);
      const { verifier } = world;
      const first = world.sign(world.write());
      const outcomes = [outcome(verifier, first)];
      const echoed = world.sign(world.write({ nonce: verifier.nonceFor(world.metering.id) }));
      const next = world.sign(world.write());
      for (const request of [echoed, echoed, next, first]) outcomes.push(outcome(verifier, request));
      const restarted = world.verifierOf();
      for (const request of [next, echoed, world.sign(world.write({ scope: "neighbour" }))]) outcomes.push(outcome(restarted, request));
      restarted.close();
      world.close();
      return outcomes;
    },
  },
  {
    name: "SP-2 checkpoints: the same samples give the same digest, others another, in steps",
    run({ crypto }) {
      return checkpoints(crypto);
    },
  },
  {
    name: "SP-2 checkpoints: a device with a credential signs one of each hour, and its home finds what it has lost",
    run({ crypto }) {
      const world = new CheckpointWorld(crypto, { homeStore: new LosingStore(1000), meterStore: new MemoryStore(1000) });
      world.pass(5);
      world.measure();
      world.pass(2 * 3600);
      const { found, log } = world;
      world.close();
      expectEqual(found.map(({ differences }) => differences), [[{ variable: 1, device: "meter", said: 360, held: 359 }]], "findings");
      return [found, log];
    },
  },
];

/** Says of one sample that it is kept, and does not. */
class LosingStore extends MemoryStore {
  #count = 0;

  override append(...sample: Parameters<MemoryStore["append"]>): ReturnType<MemoryStore["append"]> {
    return ++this.#count === 500 ? "kept" : super.append(...sample);
  }
}

function checkpoints(crypto: Platform["crypto"]): unknown {
  const stretch = { fromS: issuedS - 3600, toS: issuedS };
  const stores = [1000, 999].map((last) => {
    const store = new MemoryStore(200);
    for (let i = 0; i < 150; i++) store.append(0, i < 149 ? 7 * i : last, stretch.fromS * 1000 + i * 20_000, 0);
    return store;
  });
  const names = new Names();
  const series = [{ variable: 3, device: names.id("meter"), index: 0 }];
  const work = checkpointOf({ store: stores[0]!, crypto, registry }, stretch, series);
  let steps = 1;
  while (!work.step()) steps++;
  const body = { kind: StatementKind.checkpoint, names, sequence: 1, timeMs, ...stretch, series: work.series };
  const found = stores.map((store) => checkCheckpoint(body, { store, crypto, registry }, () => 0));
  expectEqual(found, [[], [{ variable: 3, device: "meter", said: 150, held: 150 }]], "differences");
  expectError(() => checkpointOf({ store: stores[0]!, crypto, registry }, stretch, []), "bad-argument");
  return [steps, toHex(work.series[0]!.digest)];
}
