/** A Modbus TCP client of one unit, small enough for a device. Knows nothing of what the registers mean; the platform hands in streams and timers. */
import type { TimerHandle, TimerPort } from "../../client/driver";
import type { ByteStream, StreamConnector } from "../stream-link";
import {
  checkRead,
  checkUnitId,
  checkWrite,
  exceptionCode,
  exceptionProblem,
  longestAnswerBytes,
  missingBytes,
  readRequest,
  readValues,
  registerProblem,
  setTransaction,
  writeRequest,
} from "./modbus-pdu";
import type { RegisterPort, Registers } from "./register-port";

const defaultTimeoutMs = 2000;
/** Requests that may wait, the one under way included. */
const maxWaiting = 8;
/** Pause after a connection that failed; it doubles up to the last. */
const firstPauseMs = 500;
const lastPauseMs = 10_000;

/** Told the problem, or undefined and the whole answer. */
type Answered = (problem: string | undefined, answer: Uint8Array) => void;

interface Request {
  readonly frame: Uint8Array;
  readonly done: Answered;
}

/**
 * One request is under way at a time. It connects when there is something to ask. A connection on which an answer did not come, or was none, is not used
 * again: what comes late cannot be taken for the answer to the next request. All who wait are told then, and whoever asks during the pause that follows.
 * @example
 * const registers = new ModbusTcp(tcpStreams("192.168.1.20", 502), timers, 1);
 * registers.read(40_000, 2, (result) => ...);
 */
export class ModbusTcp implements RegisterPort {
  readonly #queue: Request[] = [];
  readonly #answer = new Uint8Array(longestAnswerBytes);
  #answerBytes = 0;
  #stream: ByteStream | undefined;
  #streamName = "not connected";
  #open = false;
  #sent = false;
  #transaction = 0;
  /** Until the answer to the first of the queue has to be there. */
  #deadline: TimerHandle | undefined;
  #pause: TimerHandle | undefined;
  #failures = 0;
  #closed = false;
  readonly #refused: (() => void)[] = [];
  #refusing: TimerHandle | undefined;

  /**
   * @param unitId 0 to 255; 1 where the inverter itself speaks TCP, else its address on the bus behind
   * @param timeoutMs for each request, connecting included
   * @throws EbalanceError `bad-argument`
   */
  constructor(
    private readonly connect: StreamConnector,
    private readonly timers: TimerPort,
    private readonly unitId = 1,
    private readonly timeoutMs = defaultTimeoutMs,
  ) {
    checkUnitId(unitId);
  }

  get name(): string {
    return `modbus ${this.#streamName} unit ${this.unitId}`;
  }

  /** @throws EbalanceError `bad-argument` */
  read(address: number, count: number, done: (result: Registers) => void): void {
    checkRead(address, count);
    this.#add(readRequest(this.unitId, address, count), (problem, answer) => done(problem === undefined ? { values: readValues(answer) } : { problem }));
  }

  /** @throws EbalanceError `bad-argument` */
  write(address: number, values: readonly number[], done: (problem: string | undefined) => void): void {
    checkWrite(address, values);
    this.#add(writeRequest(this.unitId, address, values), done);
  }

  close(): void {
    this.#closed = true;
    this.#lost(registerProblem("closed", this.name));
    if (this.#pause !== undefined) this.timers.cancel(this.#pause);
    this.#pause = undefined;
  }

  #add(frame: Uint8Array, done: Answered): void {
    if (this.#closed) return this.#refuse(done, registerProblem("closed", this.name));
    if (this.#pause !== undefined) return this.#refuse(done, registerProblem("silent", "the connection failed a moment ago and is not tried again yet"));
    if (this.#queue.length >= maxWaiting) return this.#refuse(done, registerProblem("busy", `${maxWaiting} requests wait`));
    this.#queue.push({ frame, done });
    this.#next();
  }

  /** Sends the first of the queue, as soon as there is a connection. */
  #next(): void {
    const request = this.#queue[0];
    if (!request || this.#sent) return;
    this.#deadline ??= this.timers.after(this.timeoutMs, () => {
      this.#deadline = undefined;
      this.#lost(registerProblem("silent", `no answer within ${this.timeoutMs} ms`));
    });
    if (!this.#stream) this.#connect();
    if (!this.#stream || !this.#open) return;
    this.#sent = true;
    this.#transaction = (this.#transaction + 1) & 0xffff;
    setTransaction(request.frame, this.#transaction);
    if (!this.#stream.write(request.frame)) this.#lost(registerProblem("silent", "the connection takes nothing"));
  }

  /** What a stream says that was given up counts no more. */
  #connect(): void {
    try {
      const stream = this.connect(
        () => {
          if (stream !== this.#stream) return;
          this.#open = true;
          this.#next();
        },
        (chunk, reason) => {
          if (stream !== this.#stream) return;
          if (chunk) this.#take(chunk);
          else this.#lost(registerProblem("silent", `connection ${this.#open ? "closed" : "not made"}: ${reason ?? "ended"}`));
        },
      );
      this.#stream = stream;
      this.#streamName = stream.name;
    } catch (error) {
      this.#lost(registerProblem("silent", (error as Error).message));
    }
  }

  #take(chunk: Uint8Array): void {
    const request = this.#sent ? this.#queue[0] : undefined;
    if (!request) return this.#lost(registerProblem("nonsense", "bytes came that nobody asked for"));
    if (this.#answerBytes + chunk.length > longestAnswerBytes) return this.#lost(registerProblem("nonsense", `an answer of more than ${longestAnswerBytes} bytes`));
    this.#answer.set(chunk, this.#answerBytes);
    this.#answerBytes += chunk.length;
    let missing: number;
    try {
      missing = missingBytes(request.frame, this.#answer, this.#answerBytes);
    } catch (error) {
      return this.#lost(registerProblem("nonsense", (error as Error).message));
    }
    if (missing === 0) this.#answered(request);
  }

  #answered(request: Request): void {
    const answer = this.#answer.slice(0, this.#answerBytes);
    const code = exceptionCode(answer);
    this.#queue.shift();
    this.#answerBytes = 0;
    this.#failures = 0;
    this.#sent = false;
    this.#endDeadline();
    this.#next();
    request.done(code === undefined ? undefined : exceptionProblem(code), answer);
  }

  /** Gives the connection up, and tells all who wait why. One that ends while nobody waits is no failure. */
  #lost(problem: string): void {
    const stream = this.#stream;
    this.#stream = undefined;
    this.#open = this.#sent = false;
    this.#answerBytes = 0;
    this.#endDeadline();
    stream?.close();
    if (!this.#queue.length) return;
    this.#pause = this.timers.after(Math.min(firstPauseMs * 2 ** this.#failures++, lastPauseMs), () => (this.#pause = undefined));
    for (const { done } of this.#queue.splice(0)) this.#refuse(done, problem);
  }

  #endDeadline(): void {
    if (this.#deadline !== undefined) this.timers.cancel(this.#deadline);
    this.#deadline = undefined;
  }

  /** Tells it after the call that it answers has returned; one timer serves all. */
  #refuse(done: Answered, problem: string): void {
    this.#refused.push(() => done(problem, this.#answer));
    this.#refusing ??= this.timers.after(0, () => {
      this.#refusing = undefined;
      for (const tell of this.#refused.splice(0)) tell();
    });
  }
}
