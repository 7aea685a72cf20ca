/** One TCP connection to a Modbus server, with a client of jsmodbus for each unit behind it. It ends at the first answer that does not come or is none. */
import { once } from "node:events";
import { Socket } from "node:net";
import { exceptionProblem, registerProblem } from "ebalance";
import { ModbusTCPClient } from "jsmodbus";

/** What came of a request: registers where it was a read. */
export type Answer = { readonly values: Uint16Array } | { readonly problem: string; readonly connectionLost?: boolean };

/** What a promise of jsmodbus is rejected with. */
interface Rejection {
  readonly err: "OutOfSync" | "Protocol" | "Timeout" | "ModbusException" | "Offline";
  readonly message: string;
  readonly response?: { readonly body: { readonly code: number } };
}

export class ModbusConnection {
  readonly #socket = new Socket();
  readonly #clients: ReadonlyMap<number, ModbusTCPClient>;

  /** @param unitIds whom it can serve: a client that is made after the connection never sees that there is one */
  constructor(
    unitIds: Iterable<number>,
    private readonly timeoutMs: number,
  ) {
    this.#socket.setNoDelay(true);
    // Why it ended is told to whoever waits.
    this.#socket.on("error", () => {});
    // Each client listens for itself.
    this.#socket.setMaxListeners(0);
    this.#clients = new Map([...unitIds].map((id) => [id, new ModbusTCPClient(this.#socket, id, timeoutMs)]));
  }

  /** @throws what the socket says, or that it took too long or was ended */
  async open(host: string, port: number): Promise<void> {
    this.#socket.connect({ host, port });
    await once(this.#socket, "connect", { signal: AbortSignal.timeout(this.timeoutMs) });
  }

  serves(unitId: number): boolean {
    return this.#socket.readyState === "open" && this.#clients.has(unitId);
  }

  async read(unitId: number, address: number, count: number): Promise<Answer> {
    return this.#guarded(async () => {
      const { response } = await this.#clients.get(unitId)!.readHoldingRegisters(address, count);
      const values = Uint16Array.from(response.body.valuesAsArray);
      return values.length === count ? { values } : this.#nonsense(`${values.length} registers, not ${count}`);
    });
  }

  async write(unitId: number, address: number, values: readonly number[]): Promise<Answer> {
    return this.#guarded(async () => {
      const { response } = await this.#clients.get(unitId)!.writeMultipleRegisters(address, [...values]);
      const { start, quantity } = response.body;
      const echoed = start === address && quantity === values.length;
      return echoed ? { values: new Uint16Array(0) } : this.#nonsense(`${quantity} registers written at ${start}, not ${values.length} at ${address}`);
    });
  }

  end(): void {
    this.#socket.destroy(new Error("ended"));
  }

  /** The library keeps bytes that it cannot read, and a late answer disturbs the next request: after either, nothing on this connection is worth anything. */
  async #guarded(request: () => Promise<Answer>): Promise<Answer> {
    const receivedBefore = this.#socket.bytesRead;
    try {
      return await request();
    } catch (thrown) {
      const { err, message, response } = thrown as Rejection;
      if (err === "ModbusException") return { problem: exceptionProblem(response!.body.code) };
      if (err === "OutOfSync" || err === "Protocol") return this.#nonsense(message);
      if (err === "Offline") return { problem: registerProblem("silent", "the connection was closed"), connectionLost: true };
      if (err !== "Timeout") throw thrown;
      const received = this.#socket.bytesRead - receivedBefore;
      if (received > 0) return this.#nonsense(`${received} bytes that are no answer`);
      this.end();
      return { problem: registerProblem("silent", `no answer within ${this.timeoutMs} ms`) };
    }
  }

  #nonsense(detail: string): Answer {
    this.end();
    return { problem: registerProblem("nonsense", detail) };
  }
}
