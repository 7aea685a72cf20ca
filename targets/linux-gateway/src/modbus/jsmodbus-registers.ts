/** Modbus TCP on a gateway: one connection for all units behind an address, on jsmodbus. A unit that is silent costs the others little. */
import { checkRead, checkUnitId, checkWrite, EbalanceError, problemKind, registerProblem, type ClockPort, type RegisterPort, type Registers } from "ebalance";
import { systemClock } from "../node-ports";
import { CircuitBreaker } from "./circuit-breaker";
import { ModbusConnection, type Answer } from "./modbus-connection";

const defaultTimeoutMs = 2000;
/** Requests of one unit that may wait, the one under way included. */
const maxWaiting = 8;
/** Pause after a connection that could not be made or was closed by the other end; it doubles up to the last. */
const firstPauseMs = 500;
const lastPauseMs = 10_000;
/** jsmodbus counts the length of longer requests wrongly. */
const mostWritten = 120;

export interface ModbusBusOptions {
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** 1 to 65535; default 502. */
  readonly port?: number;
  /** For each request, and for connecting. Default 2000. */
  readonly timeoutMs?: number;
  /** Measures the pauses. */
  readonly clock?: ClockPort;
}

interface Request {
  readonly unit: BusUnit;
  readonly send: (connection: ModbusConnection) => Promise<Answer>;
  readonly done: (answer: Answer) => void;
}

/**
 * The units behind one address, an inverter or a gateway to a serial bus. One request is under way at a time: a serial bus carries no more, and a gateway's own
 * queue would count against the timeout. A unit that was silent three times in a row is not asked for 5 s, then for up to a minute; its requests fail at once.
 * @example
 * const bus = new ModbusBus({ host: "192.168.1.20" });
 * const inverter = new SunSpecInverter(bus.unit(1), nodeTimers);
 */
export class ModbusBus {
  readonly #units = new Map<number, BusUnit>();
  #queue: Request[] = [];
  #serving = false;
  #closed = false;
  #connection: ModbusConnection | undefined;
  #failures = 0;
  #notBeforeMs = -Infinity;
  readonly host: string;
  readonly port: number;
  readonly #timeoutMs: number;
  readonly #clock: ClockPort;

  /** @throws EbalanceError `bad-configuration` for a port that is none */
  constructor({ host = "127.0.0.1", port = 502, timeoutMs = defaultTimeoutMs, clock = systemClock }: ModbusBusOptions = {}) {
    if (!(Number.isInteger(port) && port >= 1 && port <= 65535)) throw new EbalanceError("bad-configuration", "caller", `modbus ${host}: port ${port} is not from 1 to 65535`);
    this.host = host;
    this.port = port;
    this.#timeoutMs = timeoutMs;
    this.#clock = clock;
  }

  /** The registers of a unit, the same object each time; closing it does not close the bus. @param id 0 to 255 @throws EbalanceError `bad-argument` */
  unit(id: number): RegisterPort {
    checkUnitId(id);
    const unit = this.#units.get(id) ?? new BusUnit(id, this, new CircuitBreaker(() => this.#clock.monotonicMs()));
    this.#units.set(id, unit);
    return unit;
  }

  /** Ends the connection; whoever waits is told. */
  close(): void {
    this.#closed = true;
    this.#connection?.end();
    this.#giveUp(() => true, registerProblem("closed", `modbus ${this.host}:${this.port}`));
  }

  /** For {@link BusUnit}. */
  add(request: Request): void {
    const { unit } = request;
    const pauseMs = unit.breaker.pauseLeftMs;
    if (this.#closed) return tell(request, { problem: registerProblem("closed", unit.name) });
    if (pauseMs > 0) return tell(request, { problem: registerProblem("silent", `${unit.name} has been silent and is asked again in ${Math.ceil(pauseMs)} ms`) });
    if (this.#queue.filter((other) => other.unit === unit).length >= maxWaiting) return tell(request, { problem: registerProblem("busy", `${maxWaiting} requests of ${unit.name} wait`) });
    this.#queue.push(request);
    if (!this.#serving) void this.#serve();
  }

  /** For {@link BusUnit}: the unit is closed, and another takes its place when it is asked for again. */
  forget(unit: BusUnit): void {
    if (this.#units.get(unit.id) === unit) this.#units.delete(unit.id);
    this.#giveUp((request) => request.unit === unit, registerProblem("closed", unit.name));
  }

  async #serve(): Promise<void> {
    this.#serving = true;
    for (let request = this.#queue[0]; request; request = this.#queue[0]) {
      const answer = await this.#answer(request);
      // Closed in the meantime: it has been told.
      if (this.#queue[0] !== request) continue;
      this.#queue.shift();
      tell(request, answer);
    }
    this.#serving = false;
  }

  async #answer({ unit, send }: Request): Promise<Answer> {
    const connection = await this.#connected(unit);
    if ("problem" in connection) return connection;
    const answer = await send(connection);
    if (!("problem" in answer) || problemKind(answer.problem) === "refused") {
      this.#failures = 0;
      unit.breaker.answered();
    } else if (answer.connectionLost) {
      this.#pause();
    } else if (problemKind(answer.problem) === "silent") {
      unit.breaker.silent();
      if (unit.breaker.pauseLeftMs > 0) this.#giveUp((request) => request.unit === unit && request !== this.#queue[0], answer.problem);
    }
    return answer;
  }

  async #connected(unit: BusUnit): Promise<ModbusConnection | { readonly problem: string }> {
    if (this.#connection?.serves(unit.id)) return this.#connection;
    this.#connection?.end();
    if (this.#clock.monotonicMs() < this.#notBeforeMs) return { problem: registerProblem("silent", "the connection failed a moment ago and is not tried again yet") };
    const connection = (this.#connection = new ModbusConnection(this.#units.keys(), this.#timeoutMs));
    try {
      await connection.open(this.host, this.port);
      return connection;
    } catch (error) {
      connection.end();
      this.#pause();
      const { code, name } = error as NodeJS.ErrnoException;
      return { problem: registerProblem("silent", `no connection to ${this.host}:${this.port}: ${name === "AbortError" ? `none within ${this.#timeoutMs} ms` : (code ?? name)}`) };
    }
  }

  #pause(): void {
    this.#notBeforeMs = this.#clock.monotonicMs() + Math.min(firstPauseMs * 2 ** this.#failures++, lastPauseMs);
  }

  #giveUp(which: (request: Request) => boolean, problem: string): void {
    const given = this.#queue.filter(which);
    this.#queue = this.#queue.filter((request) => !given.includes(request));
    for (const request of given) tell(request, { problem });
  }
}

/** One unit of the bus. */
class BusUnit implements RegisterPort {
  readonly name: string;
  #closed = false;

  constructor(
    readonly id: number,
    private readonly bus: ModbusBus,
    readonly breaker: CircuitBreaker,
  ) {
    this.name = `modbus ${bus.host}:${bus.port} unit ${id}`;
  }

  /** @throws EbalanceError `bad-argument` */
  read(address: number, count: number, done: (result: Registers) => void): void {
    checkRead(address, count);
    this.#add((connection) => connection.read(this.id, address, count), done);
  }

  /** At most 120 registers. @throws EbalanceError `bad-argument` */
  write(address: number, values: readonly number[], done: (problem: string | undefined) => void): void {
    checkWrite(address, values);
    if (values.length > mostWritten) throw new EbalanceError("bad-argument", "caller", `${values.length} values: at most ${mostWritten} registers are written at once here`);
    const copy = [...values];
    this.#add((connection) => connection.write(this.id, address, copy), (answer) => done("problem" in answer ? answer.problem : undefined));
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.bus.forget(this);
  }

  #add(send: Request["send"], done: Request["done"]): void {
    const request = { unit: this, send, done };
    if (this.#closed) tell(request, { problem: registerProblem("closed", this.name) });
    else this.bus.add(request);
  }
}

/** Not before the call that it answers has returned; what a callback throws does not stop the bus. */
function tell(request: Request, answer: Answer): void {
  queueMicrotask(() => request.done(answer));
}
