/** Bench `wire`: bytes of session messages and statements, and our CBOR against cbor-x. */
import { Encoder } from "cbor-x";
import { decodeCbor, encodeCbor, type CborValue } from "../sdk/core/wire/cbor-value";
import { replay } from "../tests/vectors/session-replay";
import encryptedVectors from "../tests/vectors/session-encrypted-v1.json";
import vectors from "../tests/vectors/session-v1.json";
import type { StatementFile } from "../tests/vectors/signed-file";
import { Street } from "../tests/vectors/statement-replay";
import statements from "../tests/vectors/statement-v1.json";
import type { SessionInputs } from "../tests/vectors/vector-file";
import { compare, type Bench, type BenchOptions, type Comparison, type FigureDefinition, type Measured } from "./bench";

const atMost = (value: number) => ({ bound: "≤", value }) as const;

const figures: readonly FigureDefinition[] = [
  { name: "write_session_inline_bytes", meaning: "session message that writes one reading with a policy of two entries", target: atMost(76) },
  { name: "write_session_ref_bytes", meaning: "the same with an acknowledged policy hash of 8 bytes", target: atMost(62) },
  { name: "write_encrypted_ref_bytes", meaning: "that in an encrypted session" },
  { name: "statement_1_bytes", meaning: "statement (ES256, global ids, inline policy) of one item", target: atMost(190) },
  { name: "statement_64_bytes_per_item", meaning: "statement of 64 readings of one series, a reading", target: atMost(8) },
  { name: "notify_session_bytes", meaning: "session notification of one instance, its result done (absent), policy by hash", target: atMost(58) },
  { name: "encode_ratio_cborx", meaning: "our time / cbor-x time to encode a record of six fields", target: atMost(1) },
  { name: "decode_ratio_cborx", meaning: "our time, strict / cbor-x time to decode it", target: atMost(1.5) },
];

/** The messages whose lengths are figures, by their names in tests/vectors/session-v1.json. */
const messageOf = { write_session_inline_bytes: "writeInline", write_session_ref_bytes: "writeRef", notify_session_bytes: "notify" };

/** Variable, value in steps, time in milliseconds, device, owner, policy hash. */
const timeMs = 1_789_992_734_437;
const policyHash = Uint8Array.of(0xad, 0x38, 0x16, 0xb7, 0x3d, 0x05, 0xb0, 0x29);
const fields = (time: number | bigint) => new Map<number, number | bigint | Uint8Array>([[1, 1], [2, 1_408_146], [3, time], [4, 1], [5, 3], [6, policyHash]]);
const record = fields(timeMs) as Map<number, CborValue>;

/**
 * cbor-x as fast as it goes for this record. Records (its extension) off: other decoders do not know them. Plain byte strings instead of tag 64.
 * Maps as Maps: as objects, the keys would be texts, and decoding takes longer. Byte strings as views of the input, not copies. Integers of 64
 * bits as numbers (`int64AsNumber`, which its types lack), not BigInts. Its native addon reads texts only; the record
 * has none. Decoding the same bytes again and again is in its favour: it keeps a view with them.
 */
const options = { useRecords: false, tagUint8Array: false, mapsAsObjects: false, copyBuffers: false, int64AsNumber: true };
const timesARound = 40_000;

function byteFigures(): Record<string, number> {
  const { messages } = replay(vectors.inputs as SessionInputs);
  const encrypted = replay(encryptedVectors.inputs as SessionInputs).messages;
  return { ...Object.fromEntries(Object.entries(messageOf).map(([figure, name]) => [figure, messages.get(name)!.length])), write_encrypted_ref_bytes: encrypted.get("writeRef")!.length };
}

/** The statements of tests/vectors/statement-v1.json, signed anew. */
function statementFigures(): Record<string, number> {
  const street = new Street();
  const length = (name: string) => {
    const { signer, body } = (statements as unknown as StatementFile).statements.find((vector) => vector.name === name)!;
    return street.sign(signer, body).length;
  };
  return { statement_1_bytes: length("data1"), statement_64_bytes_per_item: length("data64") / 64 };
}

function inNs({ oursNs, peerNs }: Comparison): string {
  return `${oursNs.toFixed(0)} ns and ${peerNs.toFixed(0)} ns`;
}

function run({ rounds }: Pick<BenchOptions, "rounds">): Measured {
  const peer = new Encoder(options);
  const bytes = encodeCbor(record);
  const sameBytes = fields(BigInt(timeMs));
  if (Buffer.compare(peer.encode(sameBytes), bytes) !== 0) throw new Error("cbor-x does not encode the record to the same bytes");
  const encode = compare(() => encodeCbor(record), () => peer.encode(record), rounds, timesARound);
  const encodeSame = compare(() => encodeCbor(record), () => peer.encode(sameBytes), rounds, timesARound);
  const decode = compare(() => decodeCbor(bytes), () => peer.decode(bytes), rounds, timesARound);
  return {
    figures: { ...byteFigures(), ...statementFigures(), encode_ratio_cborx: encode.ratio, decode_ratio_cborx: decode.ratio },
    missing: {},
    notes: [
      "The messages are those of tests/vectors/session-v1.json, session-encrypted-v1.json and statement-v1.json, sealed and signed anew by today's code.",
      `Encoding a record: ${inNs(encode)} (ours, cbor-x); decoding it: ${inNs(decode)}.`,
      `cbor-x writes the time as a float, which is faster; to the same bytes, from a BigInt, the ratio is ${encodeSame.ratio.toFixed(3)}.`,
      "Ours also checks order and uniqueness of keys, shortest forms and depth, and gives byte strings of their own.",
    ],
  };
}

export const wire = { name: "wire", about: "bytes of messages and statements, speed of CBOR", figures, defaultRounds: 15, run } satisfies Bench;
