// SPDX-License-Identifier: Apache-2.0
// Builds the program of the emulated chip for one application, and the command that runs it.
import { randomUUID } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { buildHost } from "./build.mjs";
import { BuildError, hashFile, makeFolder, run, tail } from "./cache.mjs";
import { BUILD, compileTarget, cryptoSourceOrReason, keyOfObjects, sourcesIn } from "./compile.mjs";

const CHIP = resolve(fileURLToPath(new URL(".", import.meta.url)), "chip");
const COMPILER = "riscv64-unknown-elf-gcc";
const EMULATOR = "qemu-system-riscv32";
const REMEDY = "apt-get install gcc-riscv64-unknown-elf picolibc-riscv64-unknown-elf qemu-system-misc";

const FLAGS = ["-Os", "-ffunction-sections", "-fdata-sections"];
/** A device has one session, two at most: the table of PSA, which holds the secrets that keys are derived from, is sized for that. */
const MAC_ONLY = ["-DEBALANCE_MAC_ONLY", "-DMBEDTLS_PSA_KEY_SLOT_COUNT=16"];
/** With key pairs and with what it has of others' public keys, as many as PSA has where nobody asks for another number. */
const FULL_CRYPTO = ["-DMBEDTLS_PSA_KEY_SLOT_COUNT=32"];

/** RAM of the chip: what an ESP32-C3 leaves to a program. */
export const RAM_BYTES = 320 * 1024;
/** A sensor that opens its session and parses its key file uses more than 8 kB: getters, callbacks and JSON go through C. */
const C_STACK_BYTES = 10 * 1024;
/** Below the C stack nothing can be read or written, so that a stack which is too deep ends the run, and does not write over the heap. */
const GUARD_BYTES = 256;

/** Where what stands: flash, the window in it where the root machine is made, RAM, and in it the guard and the C stack above. */
export function memoryMap(ramBytes = RAM_BYTES) {
  const ramStart = 0x8100_0000;
  const ramEnd = ramStart + ramBytes;
  const stackLow = ramEnd - C_STACK_BYTES;
  return { flashStart: 0x8000_0000, flashWindow: 0x8040_0000, flashEnd: 0x80c0_0000, ramStart, stackGuard: stackLow - GUARD_BYTES, stackLow, ramEnd };
}

/** Symbols of the linker. */
function addresses(ramBytes) {
  const map = memoryMap(ramBytes);
  const symbols = {
    __flash: map.flashStart,
    __flash_size: map.flashWindow - map.flashStart,
    __ram: map.ramStart,
    __ram_size: ramBytes,
    __stack_size: C_STACK_BYTES + GUARD_BYTES,
    ebFlashStart: map.flashStart,
    ebFlashWindow: map.flashWindow,
    ebFlashEnd: map.flashEnd,
    ebRamStart: map.ramStart,
    ebStackGuard: map.stackGuard,
    ebStackLow: map.stackLow,
    ebRamEnd: map.ramEnd,
  };
  return Object.entries(symbols).map(([name, value]) => `-Wl,--defsym=${name}=0x${value.toString(16)}`);
}

async function findTarget(fullCrypto = false) {
  const version = await run(COMPILER, ["--version"]);
  const emulator = await run(EMULATOR, ["--version"]);
  const missing = version.code !== 0 ? COMPILER : emulator.code !== 0 ? EMULATOR : undefined;
  if (missing) throw new BuildError("no-compiler", `no ${missing} for the emulated chip: ${REMEDY}`);
  const machine = ["-march=rv32imac", "-misa-spec=2.2", "-mabi=ilp32", "--specs=picolibc.specs"];
  return { name: "chip", compiler: COMPILER, version: version.stdout, machine, flags: [...FLAGS, `-I${join(CHIP, "include")}`], cryptoFlags: fullCrypto ? FULL_CRYPTO : MAC_ONLY };
}

/** The host that bakes the bytecode: it has to have slots and cryptography as the chip. */
async function findBaker(log) {
  const host = await buildHost({ log });
  if (host.slotBytes !== 16 || host.crypto !== "psa") throw new BuildError("no-compiler", `the emulated chip needs a 32-bit host with cryptography: ${host.notes.join("; ")}`);
  return host;
}

/** Why there is no emulated chip on this machine, with the remedy; "" where there is one. */
export async function noChipReason() {
  try {
    await findTarget();
    await findBaker();
    return "";
  } catch (error) {
    // What does not compile is a defect of ours.
    if (error.code === "build-failed") throw error;
    return error.message;
  }
}

const objectsPromises = new Map();
/** The objects of engine, mbedTLS, native modules and host; within one process compiled only once. */
async function compileObjects(fullCrypto, log) {
  const target = await findTarget(fullCrypto);
  mkdirSync(BUILD, { recursive: true });
  const folder = join(BUILD, `chip-${keyOfObjects(target, "psa")}`);
  if (existsSync(folder)) return { target, folder };
  const { source, reason } = await cryptoSourceOrReason(log);
  if (reason) throw new BuildError("crypto-unavailable", `the emulated chip needs mbedTLS: ${reason}`);
  await makeFolder(folder, async (temporary) => {
    const folders = await compileTarget(target, source, temporary, log);
    // One archive of all: linking an application then needs this folder and nothing else.
    const objects = folders.flatMap((name) => sourcesIn(name, ".o"));
    const result = await run("riscv64-unknown-elf-ar", ["qcs", join(temporary, "all.a"), ...objects]);
    if (result.code !== 0) throw new BuildError("build-failed", `archiving failed:\n${tail(result.stderr)}`);
  });
  return { target, folder };
}

/**
 * Bakes an application, links it with the engine and gives the program's path and its sizes: `textBytes` code and constants without the application's bytecode,
 * `imageBytes` that bytecode as it is baked, `ramBytes` what is taken of RAM before anything runs. With `fullCrypto` there is `host.fullCrypto`.
 */
export async function buildChip({ main, preload = [], ramBytes = RAM_BYTES, fullCrypto = false, log = () => {} }) {
  if (!objectsPromises.has(fullCrypto)) objectsPromises.set(fullCrypto, compileObjects(fullCrypto, log));
  const { target, folder } = await objectsPromises.get(fullCrypto);
  const host = await findBaker(log);
  const work = mkdtempSync(join(tmpdir(), "ebalance-chip-"));
  try {
    const image = join(work, "application.img");
    const preloads = preload.flatMap(({ file, specifier }) => ["--preload", `${file}=${specifier}`]);
    const baked = await run(host.path, ["--bake", image, ...preloads, main]);
    if (baked.code !== 0) throw new BuildError("build-failed", `baking failed: ${tail(baked.stderr)}`);
    const programs = join(BUILD, "chip-programs");
    mkdirSync(programs, { recursive: true });
    const path = join(programs, `${hashFile("sha256", image).slice(0, 16)}-${basename(folder)}-${ramBytes}.elf`);
    if (!existsSync(path)) await link(target, folder, image, ramBytes, fullCrypto, path);
    return { path, imageBytes: statSync(image).size, ...(await sizesOf(path, statSync(image).size)) };
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

async function link(target, folder, image, ramBytes, fullCrypto, path) {
  const wrapped = ["malloc", "calloc", "realloc", "free", "aligned_alloc"].map((name) => `-Wl,--wrap=${name}`);
  const options = [`-DEB_IMAGE="${image}"`, join(CHIP, "image.S"), join(folder, "all.a"), "--oslib=semihost", "--crt0=semihost", "-Wl,--gc-sections", "-lm"];
  const temporary = `${path}.${randomUUID()}`;
  // The linker script after the symbols: it asks whether __stack_size is defined where it stands, and takes 2 kB where it is not.
  const result = await run(target.compiler, [...target.machine, ...options, ...wrapped, ...(fullCrypto ? ["-Wl,-u,ebPushFullCrypto"] : []), ...addresses(ramBytes), "-T", "picolibc.ld", "-o", temporary]);
  if (result.code !== 0) throw new BuildError("build-failed", `linking failed:\n${tail(result.stderr)}`);
  renameSync(temporary, path);
}

async function sizesOf(path, imageBytes) {
  const { stdout } = await run("riscv64-unknown-elf-size", [path]);
  const [text, data, bss] = stdout.trim().split("\n")[1].trim().split(/\s+/).map(Number);
  return { textBytes: text - imageBytes, ramBytes: data + bss };
}

/**
 * The command that runs a program on the emulated chip. Instructions are counted exactly and are the same in every run.
 * @param serial a backend of QEMU for the serial line, as `pty` or `none`
 */
export function chipCommand(path, { args = [], serial = "none" } = {}) {
  const given = args.map((arg) => `arg=${String(arg).replaceAll(",", ",,")}`);
  const machine = ["-M", "virt", "-cpu", "rv32", "-m", "32M", "-bios", "none", "-display", "none", "-monitor", "none", "-icount", "shift=0"];
  return { command: EMULATOR, args: [...machine, "-serial", serial, "-semihosting-config", ["enable=on", "target=native", ...given].join(","), "-kernel", path] };
}
