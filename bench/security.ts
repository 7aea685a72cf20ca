/** Bench `security`: messages and statements verified a second by one core, with node:crypto. */
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
  { name: "flood_throughput_ratio", meaning: "good requests served under a flood / without it", target: { bound: "≥", value: 0.8 } },
];

/** What is verified in one round. */
const messagesARound = 20_000;
const statementsARound = 2000;

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

function run({ rounds }: Pick<BenchOptions, "rounds">): Measured {
  const medianOf = (measure: () => number) => (measure(), median(Array.from({ length: rounds }, measure)));
  const joining = "joining is built in a later version";
  return {
    figures: { verify_session_per_s: medianOf(sessionMessagesPerSecond), verify_statement_per_s: medianOf(statementsPerSecond) },
    missing: { join_ref_bytes: joining, join_first_bytes: joining, sum_10000_ms: "masked sums are built in a later version", flood_throughput_ratio: "floods come with joining, in a later version" },
    notes: ["A second is one of CPU time of one thread: what else the machine does is left out."],
  };
}

export const security = { name: "security", about: "messages and statements verified a second", figures, defaultRounds: 9, run } satisfies Bench;
