// SPDX-License-Identifier: Apache-2.0
// What a script sees of the test host. Only scripts made for it use this global.

/** Memory of the running script in bytes; a device counts the same things. */
interface HostMemory {
  /** What C has of the heap now and had at most, on the emulated chip: the engine's tables, keys, buffers of the serial line. */
  readonly nativeHeapBytes?: number;
  readonly peakNativeHeapBytes?: number;
  /** Strings, buffers and arrays in use, garbage not yet collected included. */
  readonly chunkBytes: number;
  /** Objects, properties and closures in use, garbage not yet collected included. */
  readonly slotBytes: number;
  /** Size of the static block that holds chunks, slots and stack; 0 when they have fixed areas. */
  readonly staticBytes: number;
  readonly peakChunkBytes: number;
  readonly peakSlotBytes: number;
  /** Largest part of the static block handed out to chunks, slots and stack. */
  readonly peakStaticBytes: number;
  /** 16 as on a chip, or 32 in a 64-bit build. */
  readonly slotSize: number;
}

/** Native cryptography; at most 60 keys. `createNativeCrypto` in targets/native/crypto/crypto.ts makes the crypto port of it. */
type HostCrypto = import("../native/crypto/crypto").NativeCrypto;

interface Host {
  /** Milliseconds since 1970-01-01T00:00Z. */
  wallMs(): number;
  /** Milliseconds of a clock that never jumps; its zero means nothing. */
  monotonicMs(): number;
  /** Calls back after `ms` milliseconds, or every `ms` (at least 1). At most 16 timers, else RangeError. */
  setTimer(ms: number, repeat: boolean, callback: () => void): number;
  /** Forgets the timer; no error when it is gone already. */
  clearTimer(id: number): void;
  /**
   * Opens a TCP connection to 127.x.x.x without waiting; returns its id. At most 4 connections, else RangeError. On Linux alone, as `send` and `close`.
   * `onReadable` gets up to 1,024 bytes at a time, and null once when the connection ended or could not be
   * made; the id is gone by then. `onWritable` is called when the connection is made, and after a `send` that
   * did not take everything, as soon as there is room.
   */
  connect(address: string, port: number, onReadable: (data: Uint8Array | null) => void, onWritable?: () => void): number;
  /** Sends data[0..length); returns how many bytes were taken, 0 when the buffer is full or not connected yet. */
  send(id: number, data: Uint8Array, length: number): number;
  /** Closes the connection; its callbacks are not called any more. */
  close(id: number): void;
  /** Writes a line to standard output. */
  print(text: string): void;
  /** Writes a line to standard error. */
  printError(text: string): void;
  /** The file's bytes; throws when it cannot be read or is larger than `maxBytes`. */
  readFile(path: string, maxBytes: number): Uint8Array;
  /** The bytes of a regular file that nobody but its owner can read; throws for any other. The emulated chip cannot see who else can read it. */
  readSecret(path: string, maxBytes: number): Uint8Array;
  /** 0 to 256 bytes from the cryptographic random source of this computer. */
  random(count: number): Uint8Array;
  /** The arguments after MAIN.js; frozen. */
  readonly args: readonly string[];
  /** Ends the run at once; codes 70 to 79 are the host's own, see README.md. */
  exit(code?: number): never;
  memory(): HostMemory;
  /** What takes the slots of RAM: a line for each class, its slots, its instances and its name. */
  census(): string;
  /**
   * What preloaded modules made at their top level and can never write to again, on Linux alone: a line `MODULE KIND VARIABLE[.PROPERTY]` for each map, set, buffer and value in
   * a class that one of their functions reaches. A table that is only read is in order; the others throw when they are written. Regular expressions are not looked at.
   */
  frozen?(): string;
  /** Runs the garbage collector. */
  collect(): void;
  /** Load of this computer since the previous call in percent, 0 to 100; undefined where it is not known. */
  processorLoad(): number | undefined;
  /** Temperature of this computer in degrees Celsius; undefined where there is no sensor. */
  temperature(): number | undefined;
  /** Instructions that the emulated chip has retired since its start. Only there, as what follows. */
  instructions?(): number;
  /** Begins to note which function runs, every so many instructions (100 and more), or goes on after a pause. */
  profileStart?(instructions: number): void;
  profilePause?(): void;
  /** Ends it: a line for each function, its samples and its name. */
  profileStop?(): string;
  /** Reads and writes a byte of the chip's memory at an address, as C would: the memory protection ends the run where that may not be. */
  peek?(address: number): number;
  poke?(address: number, byte: number): void;
  /** The serial line of this device; at most one is open. `createNativeSerial` in targets/native/serial/serial.ts makes links of it. */
  readonly serial: import("../native/serial/serial").NativeSerial;
  /** The flash of `--flash`; size 0 without it. `createNativeFlash` in targets/native/flash/flash.ts makes the flash port of it. */
  readonly flash: import("../native/flash/flash").NativeFlash;
  /** `createNativeSamples` in targets/native/samples/samples.ts makes the sample port of it, over the same flash. */
  readonly samples: import("../native/samples/samples").NativeSamples;
  /** Undefined when the host was built without cryptography. */
  readonly crypto?: HostCrypto;
  /** With the keys of `crypto`; `createFullCrypto` in targets/native/crypto/full-crypto.ts makes the whole crypto port of both. On the chip where `fullCrypto` asks for it. */
  readonly fullCrypto?: import("../native/crypto/full-crypto").NativeFullCrypto;
  /** Sealing and verifying, with the keys of `crypto`; undefined without it. `createNativeSeal` in targets/native/seal/seal.ts makes the seal port of it. */
  readonly seal?: import("../native/seal/seal").NativeSeal;
}

declare const host: Host;
