/** SunSpec inverters on one feeder behind a Modbus TCP port, for demonstrations: what they feed in raises the voltage of all. */
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { EbalanceError, type ClockPort } from "ebalance";
import { ModbusTCPServer, responses, type ModbusAbstractRequest, type ModbusTCPRequest } from "jsmodbus";
import { systemClock } from "../node-ports";
import { feederVoltageV, SimulatedInverter, type InverterRatings } from "./inverter-physics";
import { SunSpecImage } from "./sunspec-image";

const illegalDataAddress = 2;
const illegalDataValue = 3;
const mostRead = 125;

export interface SunSpecSimulatorOptions {
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** 0, the default, lets the system choose. */
  readonly port?: number;
  /** Voltage of the feeder without any infeed, in V. Default 230. */
  readonly baseV?: number;
  readonly clock?: ClockPort;
}

/** What one inverter is doing. */
export interface SimulatedState {
  readonly unit: number;
  readonly powerW: number;
  readonly voltageV: number;
  /** In % of nominal, or undefined without a limit. */
  readonly limitShare: number | undefined;
}

interface Unit {
  readonly inverter: SimulatedInverter;
  readonly image: SunSpecImage;
  /** What it answers with. */
  behaviour: "good" | "silent" | "garbage";
}

type Body = InstanceType<typeof responses.ReadHoldingRegistersResponseBody> | InstanceType<typeof responses.WriteMultipleRegistersResponseBody> | InstanceType<typeof responses.ExceptionResponseBody>;

export class SunSpecSimulator {
  readonly #units = new Map<number, Unit>();
  readonly #sockets = new Set<Socket>();
  readonly #server: Server;
  readonly #host: string;
  readonly #port: number;
  readonly #clock: ClockPort;
  /** Voltage of the feeder without any infeed, in V. */
  baseV: number;

  constructor({ host = "127.0.0.1", port = 0, baseV = 230, clock = systemClock }: SunSpecSimulatorOptions = {}) {
    this.#host = host;
    this.#port = port;
    this.baseV = baseV;
    this.#clock = clock;
    this.#server = createServer((socket) => this.#accept(socket));
    // Without a block of its own for all units, the library asks for each request.
    const modbus = new ModbusTCPServer(this.#server, { holding: undefined } as object);
    modbus.on("readHoldingRegisters", (request, send) => this.#answer(request, send, (unit, body) => this.#read(unit, body)));
    modbus.on("writeMultipleRegisters", (request: ModbusAbstractRequest, send: (bytes: Buffer) => void) => this.#answer(request, send, (unit, body) => this.#write(unit, body)));
  }

  /** @param unitId 1 to 247. @returns what the sun shines on: set its `availableW` */
  add(unitId: number, ratings: InverterRatings): SimulatedInverter {
    if (!(Number.isInteger(unitId) && unitId >= 1 && unitId <= 247)) throw new EbalanceError("bad-argument", "caller", `unit ${unitId} is not from 1 to 247`);
    const inverter = new SimulatedInverter(ratings, this.#clock.monotonicMs());
    this.#units.set(unitId, { inverter, image: new SunSpecImage(inverter, unitId), behaviour: "good" });
    return inverter;
  }

  /** The inverter of a unit. @throws EbalanceError `bad-argument` where there is none */
  inverter(unitId: number): SimulatedInverter {
    return this.#unit(unitId).inverter;
  }

  /** `silent`: the connection stays and nothing is answered; `garbage`: what is answered is no Modbus. */
  behave(unitId: number, behaviour: "good" | "silent" | "garbage"): void {
    this.#unit(unitId).behaviour = behaviour;
  }

  states(): SimulatedState[] {
    const voltageV = this.#advance();
    return [...this.#units].map(([unit, { inverter }]) => ({ unit, powerW: inverter.powerW, voltageV, limitShare: inverter.limited ? inverter.limitShare : undefined }));
  }

  /** @returns the port. @throws EbalanceError `bad-configuration` where it cannot be listened on */
  listen(): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once("error", (error: NodeJS.ErrnoException) =>
        reject(new EbalanceError("bad-configuration", "caller", `cannot listen on ${this.#host} port ${this.#port} (${error.code ?? error.message})`)),
      );
      this.#server.listen({ host: this.#host, port: this.#port }, () => resolve((this.#server.address() as AddressInfo).port));
    });
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => this.#sockets.delete(socket));
  }

  #unit(unitId: number): Unit {
    const unit = this.#units.get(unitId);
    if (!unit) throw new EbalanceError("bad-argument", "caller", `there is no unit ${unitId}, only ${[...this.#units.keys()].join(", ")}`);
    return unit;
  }

  /** @returns the voltage now, in V */
  #advance(): number {
    const inverters = [...this.#units.values()].map(({ inverter }) => inverter);
    for (const inverter of inverters) inverter.advance(this.#clock.monotonicMs());
    return feederVoltageV(this.baseV, inverters);
  }

  #answer(abstract: ModbusAbstractRequest, send: (bytes: Buffer) => void, act: (unit: Unit, body: never) => Body): void {
    const request = abstract as unknown as ModbusTCPRequest;
    const unit = this.#units.get(request.unitId);
    if (!unit || unit.behaviour === "silent") return;
    if (unit.behaviour === "garbage") return send(Buffer.from("no Modbus at all\r\n"));
    const body = act(unit, request.body as never).createPayload();
    const header = Buffer.alloc(7);
    header.writeUInt16BE(request.id, 0);
    header.writeUInt16BE(body.length + 1, 4);
    header.writeUInt8(request.unitId, 6);
    send(Buffer.concat([header, body]));
  }

  #read(unit: Unit, { fc, start, count }: { readonly fc: 3; readonly start: number; readonly count: number }): Body {
    if (count < 1 || count > mostRead) return new responses.ExceptionResponseBody(fc, illegalDataValue);
    const words = unit.image.read(start, count, this.#advance());
    return words ? new responses.ReadHoldingRegistersResponseBody(2 * count, Array.from(words)) : new responses.ExceptionResponseBody(fc, illegalDataAddress);
  }

  #write(unit: Unit, { fc, address, valuesAsArray }: { readonly fc: 16; readonly address: number; readonly valuesAsArray: readonly number[] }): Body {
    this.#advance();
    const taken = unit.image.write(address, valuesAsArray);
    return taken ? new responses.WriteMultipleRegistersResponseBody(address, valuesAsArray.length) : new responses.ExceptionResponseBody(fc, illegalDataAddress);
  }
}
