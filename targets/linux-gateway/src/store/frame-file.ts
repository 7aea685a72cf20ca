/**
 * An append-only file of frames. A frame is whole or not there: its checksum says so. It knows nothing of what a frame holds but how many records of
 * the catalogue came up to it, so that a reader knows whether a damaged place has swallowed one.
 *
 * File: "EBFR", version. Frame: mark, length, catalogue count, CRC-32 of the two and the content; then the content. Numbers have 32 bits, low byte first.
 */
import { closeSync, existsSync, fdatasyncSync, fsyncSync, ftruncateSync, openSync, readFileSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { crc32 } from "node:zlib";
import { EbalanceError } from "ebalance";
import { DamagedStore } from "./quarantine";

const fileMark = Buffer.from("EBFR\u0001\0\0\0");
const frameMark = Buffer.from("\u0000EBf");
const headerBytes = 16;

export interface Frame {
  readonly content: Uint8Array;
  /** Records of the catalogue in this frame and those before it. */
  readonly catalogue: number;
}

export interface FrameFileContent {
  readonly frames: readonly Frame[];
  /** Where damaged places begin that whole frames come after. */
  readonly damagedAt: readonly number[];
  /** Where the last whole frame ends: what follows was torn off while it was written. */
  readonly end: number;
  readonly bytes: number;
}

export class FrameFile {
  #end = 0;
  /** Whether the name of the file is on disk too. */
  #isNamed = false;

  private constructor(
    private readonly path: string,
    private readonly fd: number,
  ) {}

  /** An empty file in place of any of that name. What is appended is on disk under the name that it has then. */
  static create(path: string): FrameFile {
    const file = new FrameFile(path, openSync(path, "w", 0o600));
    try {
      file.#write(fileMark);
      return file;
    } catch (error) {
      file.close();
      throw error;
    }
  }

  /** A file that was read, to go on after its last whole frame. */
  static goOn(path: string, end: number): FrameFile {
    const file = new FrameFile(path, openSync(path, "r+"));
    file.#end = end;
    ftruncateSync(file.fd, end);
    return file;
  }

  get bytes(): number {
    return this.#end;
  }

  /** Writes a frame, which is on disk after the next `sync`. */
  write({ content, catalogue }: Frame): void {
    const header = Buffer.alloc(headerBytes);
    header.set(frameMark);
    header.writeUInt32LE(content.length, 4);
    header.writeUInt32LE(catalogue, 8);
    header.writeUInt32LE(crc32(content, crc32(header.subarray(4, 12))), 12);
    this.#write(Buffer.concat([header, content]));
  }

  /** Writes a frame and has it on disk. Where that fails, the next is written in its place. */
  append(frame: Frame): void {
    const before = this.#end;
    try {
      this.write(frame);
      this.sync();
      if (!this.#isNamed) syncFolder(dirname(this.path));
      this.#isNamed = true;
    } catch (error) {
      this.#end = before;
      throw error;
    }
  }

  sync(): void {
    fdatasyncSync(this.fd);
  }

  close(): void {
    closeSync(this.fd);
  }

  #write(bytes: Uint8Array): void {
    for (let written = 0; written < bytes.length; ) {
      const count = writeSync(this.fd, bytes, written, bytes.length - written, this.#end);
      written += count;
      this.#end += count;
    }
  }
}

/** Has the names of a folder's files on disk. */
export function syncFolder(path: string): void {
  const folder = openSync(path, "r");
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

/**
 * Reads a file; undefined where there is none, or one that was never finished.
 * @throws DamagedStore for what is no such file, EbalanceError `bad-configuration` for one of a later release
 */
export function readFrameFile(path: string): FrameFileContent | undefined {
  const bytes = existsSync(path) ? readFileSync(path) : Buffer.alloc(0);
  if (bytes.length < fileMark.length) return undefined;
  if (!bytes.subarray(0, 4).equals(fileMark.subarray(0, 4))) throw new DamagedStore("it is no frame file");
  const version = bytes.readUInt32LE(4);
  if (version !== 1) throw new EbalanceError("bad-configuration", "caller", `${path} has version ${version} of the frames; this release reads version 1: use the release that wrote it`);
  const frames: Frame[] = [];
  const damagedAt: number[] = [];
  let end = fileMark.length;
  for (let at = end; at >= 0; ) {
    const frame = frameAt(bytes, at);
    if (frame) {
      if (at > end) damagedAt.push(end);
      frames.push(frame);
      at = end = at + headerBytes + frame.content.length;
    } else {
      at = bytes.indexOf(frameMark, at + 1);
    }
  }
  return { frames, damagedAt, end, bytes: bytes.length };
}

function frameAt(bytes: Buffer, at: number): Frame | undefined {
  if (at + headerBytes > bytes.length || !bytes.subarray(at, at + 4).equals(frameMark)) return undefined;
  const content = bytes.subarray(at + headerBytes, at + headerBytes + bytes.readUInt32LE(at + 4));
  if (content.length !== bytes.readUInt32LE(at + 4)) return undefined;
  const crc = crc32(content, crc32(bytes.subarray(at + 4, at + 12)));
  return crc === bytes.readUInt32LE(at + 12) ? { content, catalogue: bytes.readUInt32LE(at + 8) } : undefined;
}
