/** Bench `device`: memory, bytecode and instructions of a sensor, and memory of a DER controller, on the emulated chip. */
import type { Bench, FigureDefinition, Measured } from "./bench";
import { buildSensor, leastRam, measureCrypto, measuredDer, measuredSensor, measureOperations, noChipReason } from "./device/measure";
import { writeSizing } from "./device/sizing";

const atMost = (value: number) => ({ bound: "≤", value }) as const;

export const figures: readonly FigureDefinition[] = [
  { name: "sensor_min_ram_bytes", meaning: "least static block with which the sensor runs its scenario, and the peak of the native heap", target: atMost(40_960) },
  { name: "der_min_ram_bytes", meaning: "the same of the DER controller", target: atMost(57_344) },
  { name: "sensor_bytecode_bytes", meaning: "bytecode of SDK, board and sensor example in flash, with the names in it", target: atMost(65_536) },
  { name: "reading_instructions", meaning: "one reading sent in a frame, with its share of garbage collection, eight subscriptions matched and an access decision", target: atMost(100_000) },
  { name: "decision_instructions", meaning: "one access decision, 8 policies, 32 states: granted, too early, under a new policy and without a grant", target: atMost(10_000) },
  { name: "query_1000_instructions", meaning: "remote query over 1,000 samples: condition on the value, deviation, bounds that cut frames, reply sealed", target: atMost(1_000_000) },
  { name: "open_instructions", meaning: "a received session message opened, window checked, verified, decoded", target: atMost(100_000) },
  { name: "xs_text_bytes", meaning: "engine, host and native modules on rv32" },
];

/** Of the whole crypto port, in a program of its own: a sensor that only authenticates has none of it. Reported, and compared with nothing. */
export const cryptoFigures: readonly FigureDefinition[] = [
  { name: "sign_instructions", meaning: "a signature made: ECDSA on P-256, deterministic" },
  { name: "verify_instructions", meaning: "a signature verified: ECDSA on P-256" },
  { name: "agree_instructions", meaning: "a secret agreed on: ECDH on P-256" },
  { name: "encrypt_instructions", meaning: "a message of 60 bytes encrypted: AES-CCM-16-64-128" },
];
const allFigures = [...figures, ...cryptoFigures];

/** Static blocks that are tried: with less the scenario cannot run, with more it is known to. */
const sensorBytes = [16_384, 90_112] as const;
const derBytes = [24_576, 131_072] as const;
/** As many functions as are named. */
const dearest = 10;

/** The figures that take a second each: they are the same in every run. */
export async function quickFigures(): Promise<{ readonly figures: Record<string, number>; readonly operations: Awaited<ReturnType<typeof measureOperations>> }> {
  const sensor = await buildSensor("examples/sensor/main.ts");
  const operations = await measureOperations();
  const { reading, decision, decision_early, query_1000, open } = operations.instructions;
  return {
    figures: {
      sensor_bytecode_bytes: sensor.imageBytes,
      // An occurrence that waits for its delay is replaced without being decided anew; the figure has a decision all the same.
      reading_instructions: reading! + decision_early!,
      decision_instructions: decision!,
      query_1000_instructions: query_1000!,
      open_instructions: open!,
      xs_text_bytes: sensor.textBytes,
    },
    operations,
  };
}

async function run(): Promise<Measured> {
  const reason = await noChipReason();
  if (reason) return { figures: {}, missing: Object.fromEntries(allFigures.map(({ name }) => [name, reason])), notes: [] };
  const log = (text: string) => console.error(text);
  log("building a sensor, counting the instructions of its operations");
  const { figures: quick, operations } = await quickFigures();
  log("counting the instructions of signatures, agreement and encryption");
  const crypto = await measureCrypto();
  const { sign, verify, agree, encrypt } = crypto.instructions;
  log("looking for the least memory of a sensor: each try takes ten seconds");
  const sensor = await leastRam(await measuredSensor(), sensorBytes, log);
  log("looking for that of a DER controller");
  const der = await leastRam(await measuredDer(), derBytes, log);
  const ofCrypto = { sign_instructions: sign!, verify_instructions: verify!, agree_instructions: agree!, encrypt_instructions: encrypt! };
  const measured = { ...quick, ...ofCrypto, sensor_min_ram_bytes: sensor.staticBytes + sensor.nativeBytes, der_min_ram_bytes: der.staticBytes + der.nativeBytes };
  writeSizing(operations, quick, sensor, der);
  const shares = operations.profile.slice(0, dearest).map(({ name, share }) => `${name} ${(100 * share).toFixed(1)} %`);
  return {
    figures: measured,
    missing: {},
    notes: [
      `The sensor ran with a static block of ${sensor.staticBytes} bytes and at most ${sensor.nativeBytes} bytes of native heap beside it,`,
      `the DER controller with ${der.staticBytes} and ${der.nativeBytes}: in these is the inverter that answers it, on the same chip.`,
      `Dearest functions of a reading (what C does for a function is its own): ${shares.join(", ")}.`,
      `Besides: the answer to a reading ${operations.instructions["reading_answer"]} instructions, one garbage collection ${operations.instructions["garbage_collection"]}.`,
      `Signing, verifying, agreeing and encrypting take ${crypto.textBytes - quick["xs_text_bytes"]!} bytes of code more than a sensor has, and C has at most ${crypto.nativeBytes} bytes of the heap for them; X25519 takes ${crypto.instructions["agree_x25519"]} instructions.`,
      "docs/sizing.md was written by this bench.",
    ],
  };
}

export const device = { name: "device", about: "memory, bytecode and instructions on the emulated chip", figures: allFigures, defaultRounds: 1, run } satisfies Bench;
