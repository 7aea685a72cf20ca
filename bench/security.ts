/** Bench `security`: messages and statements verified a second, sums unmasked, sessions agreed on; by one core, with node:crypto. */
import { randomBytes } from "node:crypto";
import { addMasked, mask, maxContributors, unmask } from "../sdk/core/security/masked-sum";
import { NodeCrypto } from "../targets/linux-gateway/src/node-crypto";
import type { HandshakeFile } from "../tests/vectors/handshake-file";
import { HandshakeEnd, runHandshake, type EndInputs } from "../tests/vectors/handshake-replay";
import handshakes from "../tests/vectors/handshake-v1.json";
import { statementInputs } from "../tests/vectors/statement-inputs";
import { Street } from "../tests/vectors/statement-replay";
import { replay } from "../tests/vectors/session-replay";
import vectors from "../tests/vectors/session-v1.json";
import type { SessionInputs } from "../tests/vectors/vector-file";
import { median, type Bench, type BenchOptions, type FigureDefinition, type Measured } from "./bench";

const figures: readonly FigureDefinition[] = [
  { name: "verify_session_per_s", meaning: "session messages a second: taken apart, verified, decoded, window checked", target: { bound: "≥", value: 100_000 } },
  { name: "verify_statement_per_s", meaning: "statements of one item a second: taken apart, decoded, window checked, verified (ES256)", target: { bound: "≥", value: 10_000 } },
  { name: "join_ref_bytes", meaning: "EDHOC messages 1 to 3, static keys by reference, without EAD", target: { bound: "≤", value: 105 } },
  { name: "join_first_bytes", meaning: "EDHOC messages 1 to 3 of a first join: signatures, the parent's CWT by value, 40 bytes of EAD", target: { bound: "≤", value: 450 } },
  { name: "sum_10000_ms", meaning: "decrypted sum of 10,000 readings of devices, in ms", target: { bound: "≤", value: 200 } },
  { name: "handshake_ms", meaning: "handshake of two units that have not met, CPU of either side on average, in ms" },
  { name: "handshake_by_id_ms", meaning: "the same of two units that know each other's credentials" },
  { name: "resumption_ms", meaning: "a session opened under the secret that is there, CPU of either side on average, in ms" },
  { name: "sign_statement_per_s", meaning: "statements of one item signed a second (ES256)" },
  { name: "flood_throughput_ratio", meaning: "good requests served under a flood / without it", target: { bound: "≥", value: 0.8 } },
];

/** What is verified in one round. */
const messagesARound = 10_000;
const statementsARound = 1000;
const handshakesARound = 10;
const resumptionsARound = 500;

/** CPU time of this process, in µs: what others do on the machine does not count. */
function cpuUs(action: () => void): number {
  const before = process.cpuUsage();
  action();
  const { user, system } = process.cpuUsage(before);
  return user + system;
}

/** The write of the vectors with its policy by hash, sealed again and again by the meter and received by the home: each has its own sequence. */
function sessionMessagesPerSecond(): number {
  const inputs = vectors.inputs as SessionInputs;
  const { initiator, responder } = replay(inputs);
  const { body } = inputs.bodies.find(({ name }) => name === "writeRef")!;
  const messages = Array.from({ length: messagesARound }, () => initiator.seal({ ...body, sequence: initiator.session.nextSequence }));
  const us = cpuUs(() => {
    for (const message of messages) if (responder.receive(message).kind !== "body") throw new Error("a message was refused");
  });
  return (messagesARound * 1e6) / us;
}

/** A request in a statement to a unit, with a sequence of its own each. */
function statementsPerSecond(): number {
  const street = new Street();
  const { signer, body } = statementInputs.find(({ name }) => name === "write")!;
  const statements = Array.from({ length: statementsARound }, (_, i) => street.sign(signer, { ...body, sequence: i + 2 }));
  street.nowMs = body.timeMs!;
  const verifier = street.verifier(body.scope!, signer);
  const us = cpuUs(() => {
    for (const statement of statements) verifier.verify(statement);
  });
  verifier.close();
  return (statementsARound * 1e6) / us;
}

function statementsSignedPerSecond(): number {
  const street = new Street();
  const { signer, body } = statementInputs.find(({ name }) => name === "data1")!;
  const sign = street.signer(signer);
  const us = cpuUs(() => {
    for (let i = 1; i <= statementsARound; i++) sign({ ...body, sequence: i });
  });
  return (statementsARound * 1e6) / us;
}

/** Readings that are masked: a sum is of 4096 contributors at most, so 10,000 are three sums. */
function sumMs(): number {
  const crypto = new NodeCrypto();
  const keys = new Map(Array.from({ length: 10_000 }, (_, i) => [`meter-${i}`, crypto.importKey(randomBytes(32), "mac")]));
  const masked = [...keys].map(([name, key], i) => mask(crypto, key, name, 1, 1, i));
  const parts = [masked.slice(0, maxContributors), masked.slice(maxContributors, 2 * maxContributors), masked.slice(2 * maxContributors)];
  let sum = 0;
  const us = cpuUs(() => {
    for (const part of parts) sum += unmask(crypto, (name) => keys.get(name), addMasked(part, 5)!);
  });
  if (sum !== (10_000 * 9999) / 2) throw new Error(`a sum of ${sum}`);
  return us / 1000;
}

/** What a side takes on average, with the randomness and signatures of its own. */
function handshakeMs(name: string): number {
  const { initiator, responder } = (handshakes as unknown as HandshakeFile).handshakes.find((vector) => vector.name === name)!;
  const fresh = (inputs: EndInputs) => new HandshakeEnd({ ...inputs, random: [], signatures: [] });
  const pairs = Array.from({ length: handshakesARound }, () => [fresh(initiator), fresh(responder)] as const);
  return cpuUs(() => pairs.forEach(([lower, upper]) => runHandshake(lower, upper))) / 2000 / handshakesARound;
}

function resumptionMs(): number {
  const { initiator, responder } = replay(vectors.inputs as SessionInputs);
  const resume = () => {
    const reply = responder.receive(initiator.session.open());
    if (reply.kind !== "reply" || initiator.receive(reply.message).kind !== "opened") throw new Error("the session did not open");
    responder.receive(initiator.seal({ op: "alive", sequence: 1, timeMs: 0 }));
  };
  return cpuUs(() => Array.from({ length: resumptionsARound }, resume)) / 2000 / resumptionsARound;
}

function run({ rounds }: Pick<BenchOptions, "rounds">): Measured {
  // The first round warms up, where there are more.
  const medianOf = (measure: () => number) => (rounds > 1 && measure(), median(Array.from({ length: rounds }, measure)));
  const joining = "joining is built in a later version";
  return {
    figures: {
      verify_session_per_s: medianOf(sessionMessagesPerSecond),
      verify_statement_per_s: medianOf(statementsPerSecond),
      sum_10000_ms: medianOf(sumMs),
      handshake_ms: medianOf(() => handshakeMs("byValue")),
      handshake_by_id_ms: medianOf(() => handshakeMs("byId")),
      resumption_ms: medianOf(resumptionMs),
      sign_statement_per_s: medianOf(statementsSignedPerSecond),
    },
    missing: { join_ref_bytes: joining, join_first_bytes: joining, flood_throughput_ratio: joining },
    notes: [
      "A second is one of CPU time of one process that does nothing else: what others do on the machine is left out.",
      "Statements are the request `write` of tests/vectors/statement-v1.json, each with its own sequence, which is kept in memory as accepted. The verification by node:crypto alone takes about 70 µs.",
      "A sum is of 4,096 contributors at most: 10,000 are three, which are added and unmasked.",
    ],
  };
}

export const security = { name: "security", about: "messages and statements verified, sums, handshakes", figures, defaultRounds: 9, run } satisfies Bench;
