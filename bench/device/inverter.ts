/**
 * The inverter of the DER controller whose memory is measured: the chip has no network, so what answers Modbus TCP stands on it too, in flash but for its limit and the answer
 * that is under way. Models 1, 103, 120 and 123 of SunSpec, 5 kW, three phases; it feeds in as much as its limit permits.
 */
import type { ByteStream, StreamConnector, TimerPort } from "ebalance/device";

const nominalW = 5000;
/** Registers that are not zero, and never change: what a model begins with, scale factors of 0 left out. */
const fixed: Readonly<Record<number, number>> = Object.freeze({
  40000: 0x5375,
  40001: 0x6e53,
  40002: 1,
  40003: 66,
  40004: 0x4142,
  40070: 103,
  40071: 50,
  40080: 230,
  40081: 231,
  40082: 229,
  40086: 50,
  40095: 1000,
  40122: 120,
  40123: 26,
  40125: nominalW,
  40150: 123,
  40151: 24,
  40176: 0xffff,
});
const powerAt = 40084;
const limitAt = 40155;
const enabledAt = 40159;
const headerBytes = 7;
const readFunction = 3;

class Inverter implements ByteStream {
  readonly name = "inverter";
  #limitShare = 100;
  #enabled = 0;

  constructor(
    private readonly timers: TimerPort,
    private readonly onData: (chunk: Uint8Array) => void,
  ) {}

  write(request: Uint8Array): boolean {
    const answer = this.#answer(request, new DataView(request.buffer, request.byteOffset));
    this.timers.after(1, () => this.onData(answer));
    return true;
  }

  close(): void {}

  #answer(request: Uint8Array, view: DataView): Uint8Array {
    const [address, count] = [view.getUint16(headerBytes + 1), view.getUint16(headerBytes + 3)];
    const reads = request[headerBytes] === readFunction;
    if (!reads) for (let i = 0; i < count; i++) this.#set(address + i, view.getUint16(headerBytes + 6 + 2 * i));
    const answer = new Uint8Array(headerBytes + (reads ? 2 + 2 * count : 5));
    answer.set(request.subarray(0, headerBytes + (reads ? 1 : 5)));
    answer[5] = answer.length - 6;
    if (!reads) return answer;
    answer[headerBytes + 1] = 2 * count;
    const values = new DataView(answer.buffer, headerBytes + 2);
    for (let i = 0; i < count; i++) values.setUint16(2 * i, this.#register(address + i));
    return answer;
  }

  #set(address: number, value: number): void {
    if (address === limitAt) this.#limitShare = value;
    if (address === enabledAt) this.#enabled = value;
  }

  #register(address: number): number {
    if (address === powerAt) return this.#enabled ? (nominalW * this.#limitShare) / 100 : nominalW;
    if (address === limitAt) return this.#limitShare;
    if (address === enabledAt) return this.#enabled;
    return fixed[address] ?? 0;
  }
}

/** Where the inverter is found. */
export function inverterStreams(timers: TimerPort): StreamConnector {
  return (onOpen, onData) => {
    timers.after(1, onOpen);
    return new Inverter(timers, onData);
  };
}
