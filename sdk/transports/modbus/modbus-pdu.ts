/** Frames of Modbus TCP for functions 3 (read holding registers) and 16 (write multiple registers), and what a RegisterPort calls its problems. No I/O. */
import { badArgument, malformed } from "../../core/model/errors";

const readFunction = 3;
const writeFunction = 16;
const exceptionBit = 0x80;
/** Transaction, protocol and length, each of two bytes, and the unit. */
const headerBytes = 7;
/** Header, function and exception code. */
const shortestAnswerBytes = headerBytes + 2;
/** Header, function, byte count and 125 registers. */
export const longestAnswerBytes = headerBytes + 2 + 2 * 125;

/** How the problem of a RegisterPort begins; what follows is for people. */
export type ProblemKind =
  /** No answer came in time, or there is no connection. */
  | "silent"
  /** What came is no answer to what was asked. */
  | "nonsense"
  /** The unit answered that it will not. */
  | "refused"
  /** As many requests wait as may. */
  | "busy"
  /** The port was closed. */
  | "closed";

export function registerProblem(kind: ProblemKind, detail: string): string {
  return `${kind}: ${detail}`;
}

export function problemKind(problem: string): ProblemKind {
  return problem.slice(0, problem.indexOf(":")) as ProblemKind;
}

const exceptionNames: Readonly<Record<number, string>> = Object.freeze({
  1: "illegal function",
  2: "illegal data address",
  3: "illegal data value",
  4: "server device failure",
  5: "acknowledge",
  6: "server device busy",
  8: "memory parity error",
  10: "gateway path unavailable",
  11: "gateway target device failed to respond",
});

/** The problem that an exception code stands for. Of 10 and 11 a gateway says that the unit behind it is silent. */
export function exceptionProblem(code: number): string {
  return registerProblem(code === 10 || code === 11 ? "silent" : "refused", `${exceptionNames[code] ?? "unknown exception"} (exception ${code})`);
}

/** @throws EbalanceError `bad-argument` */
export function checkRead(address: number, count: number): void {
  if (!isWithin(count, 1, 125)) badArgument(`count ${count}: 1 to 125 registers are read at once`);
  checkAddress(address, count);
}

/** @throws EbalanceError `bad-argument` */
export function checkWrite(address: number, values: readonly number[]): void {
  if (!isWithin(values.length, 1, 123)) badArgument(`${values.length} values: 1 to 123 registers are written at once`);
  checkAddress(address, values.length);
  for (let i = 0; i < values.length; i++) if (!isWithin(values[i]!, 0, 0xffff)) badArgument(`value ${values[i]} of register ${address + i} is not from 0 to 65535`);
}

/** @throws EbalanceError `bad-argument` */
export function checkUnitId(unitId: number): void {
  if (!isWithin(unitId, 0, 255)) badArgument(`Modbus unit ${unitId} is not from 0 to 255`);
}

function checkAddress(address: number, count: number): void {
  if (!isWithin(address, 0, 0x10000 - count)) badArgument(`address ${address}: ${count} registers from there on do not lie within 0 to 65535`);
}

function isWithin(value: number, least: number, most: number): boolean {
  return Number.isInteger(value) && value >= least && value <= most;
}

/** A whole request; its transaction is 0 until {@link setTransaction}. */
export function readRequest(unitId: number, address: number, count: number): Uint8Array {
  return request(unitId, readFunction, address, count, 0);
}

export function writeRequest(unitId: number, address: number, values: readonly number[]): Uint8Array {
  const frame = request(unitId, writeFunction, address, values.length, 1 + 2 * values.length);
  frame[12] = 2 * values.length;
  for (let i = 0; i < values.length; i++) setWord(frame, 13 + 2 * i, values[i]!);
  return frame;
}

export function setTransaction(frame: Uint8Array, transaction: number): void {
  setWord(frame, 0, transaction);
}

function request(unitId: number, functionCode: number, address: number, count: number, further: number): Uint8Array {
  const frame = new Uint8Array(headerBytes + 5 + further);
  setWord(frame, 4, frame.length - headerBytes + 1);
  frame[6] = unitId;
  frame[7] = functionCode;
  setWord(frame, 8, address);
  setWord(frame, 10, count);
  return frame;
}

/**
 * Compares the first `length` bytes that came in with the request.
 * @returns how many bytes are missing; 0 when the answer is whole
 * @throws EbalanceError `malformed` for what cannot become the answer to this request
 */
export function missingBytes(request: Uint8Array, answer: Uint8Array, length: number): number {
  if (length < shortestAnswerBytes) return shortestAnswerBytes - length;
  const functionCode = request[7]!;
  if (word(answer, 0) !== word(request, 0)) malformed(`answer to transaction ${word(answer, 0)}, not ${word(request, 0)}`);
  if (word(answer, 2) !== 0) malformed(`protocol ${word(answer, 2)}, not 0`);
  if (answer[6] !== request[6]) malformed(`answer of unit ${answer[6]}, not ${request[6]}`);
  const isException = answer[7] === (functionCode | exceptionBit);
  if (!isException && answer[7] !== functionCode) malformed(`answer of function ${answer[7]}, not ${functionCode}`);
  const dataBytes = functionCode === readFunction ? 2 * word(request, 10) : 0;
  const total = headerBytes + (isException ? 2 : functionCode === readFunction ? 2 + dataBytes : 5);
  if (word(answer, 4) !== total - headerBytes + 1) malformed(`length ${word(answer, 4)}, not ${total - headerBytes + 1}`);
  if (!isException && functionCode === readFunction && answer[8] !== dataBytes) malformed(`${answer[8]} bytes of registers, not ${dataBytes}`);
  if (length > total) malformed(`${length - total} bytes after the answer`);
  if (length === total && !isException && functionCode === writeFunction) checkEcho(request, answer);
  return total - length;
}

function checkEcho(request: Uint8Array, answer: Uint8Array): void {
  for (let at = 8; at < 12; at++) if (answer[at] !== request[at]) malformed(`${word(answer, 10)} registers written at ${word(answer, 8)}, not ${word(request, 10)} at ${word(request, 8)}`);
}

/** The exception code of a whole answer, or undefined. */
export function exceptionCode(answer: Uint8Array): number | undefined {
  return answer[7]! & exceptionBit ? answer[8] : undefined;
}

/** The registers of a whole answer to a read. */
export function readValues(answer: Uint8Array): Uint16Array {
  const values = new Uint16Array(answer[8]! / 2);
  for (let i = 0; i < values.length; i++) values[i] = word(answer, 9 + 2 * i);
  return values;
}

function word(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 8) | bytes[at + 1]!;
}

function setWord(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >> 8;
  bytes[at + 1] = value & 0xff;
}
