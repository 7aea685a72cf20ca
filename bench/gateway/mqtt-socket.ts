/** As much of an MQTT client as a load generator needs, and so lean that it is never what is measured. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { generate } from "mqtt-packet";

const publish = 3;
const puback = 4;

/** What has come back of a run. */
export interface Returned {
  readonly acknowledged: number;
  readonly answered: number;
}

/** What is sent in one run, and what has come back of it. */
interface Run {
  readonly packets: readonly Buffer[];
  readonly answers: number;
  sent: number;
  acknowledged: number;
  answered: number;
  readonly done: () => void;
}

export class MqttSocket {
  #rest: Buffer = Buffer.alloc(0);
  #run: Run | undefined;
  #takers: ((message: Uint8Array) => void)[] = [];

  private constructor(private readonly socket: Socket) {}

  /** Connects, and subscribes with QoS 1. */
  static async connect(port: number, name: string, password: string, topics: readonly string[]): Promise<MqttSocket> {
    const socket = connect({ host: "127.0.0.1", port, noDelay: true });
    socket.on("error", (error) => console.error(`${name}: ${error.message}`));
    await once(socket, "connect");
    socket.write(generate({ cmd: "connect", protocolId: "MQTT", protocolVersion: 4, clean: true, clientId: name, keepalive: 0, username: name, password: Buffer.from(password) }));
    await once(socket, "data");
    socket.write(generate({ cmd: "subscribe", messageId: 1, subscriptions: topics.map((topic) => ({ topic, qos: 1 as const })) }));
    await once(socket, "data");
    const made = new MqttSocket(socket);
    socket.on("data", (chunk) => made.#take(chunk));
    return made;
  }

  send(packet: Buffer): void {
    this.socket.write(packet);
  }

  /** The next message that comes, other than in a run. */
  nextMessage(): Promise<Uint8Array> {
    return new Promise((resolve) => void this.#takers.push(resolve));
  }

  /** Sends PUBLISH packets, a window of them unacknowledged; done once all are acknowledged and so many messages have come. */
  async sendAll(packets: readonly Buffer[], window: number, answers: number): Promise<Returned> {
    return await new Promise((resolve) => {
      const run: Run = { packets, answers, sent: 0, acknowledged: 0, answered: 0, done: () => resolve({ acknowledged: run.acknowledged, answered: run.answered }) };
      this.#run = run;
      this.socket.write(this.#next(window));
    });
  }

  #next(count: number): Buffer {
    const run = this.#run!;
    const packets = run.packets.slice(run.sent, run.sent + count);
    run.sent += packets.length;
    return Buffer.concat(packets);
  }

  /** Everything that one read has brought is answered in one write. */
  #take(chunk: Buffer): void {
    const bytes = this.#rest.length ? Buffer.concat([this.#rest, chunk]) : chunk;
    const out: Buffer[] = [];
    let acknowledged = 0;
    let at = 0;
    while (at + 2 <= bytes.length) {
      const [length, digits] = lengthAt(bytes, at + 1);
      const end = at + 1 + digits + length;
      if (digits === 0 || end > bytes.length) break;
      const kind = bytes[at]! >> 4;
      if (kind === puback) acknowledged++;
      if (kind === publish) out.push(this.#published(bytes.subarray(at + 1 + digits, end)));
      at = end;
    }
    this.#rest = bytes.subarray(at);
    const run = this.#run;
    if (run && acknowledged) {
      run.acknowledged += acknowledged;
      if (run.sent < run.packets.length) out.push(this.#next(acknowledged));
    }
    if (out.length) this.socket.write(out.length === 1 ? out[0]! : Buffer.concat(out));
    if (run && run.acknowledged >= run.packets.length && run.answered >= run.answers) this.#end(run);
  }

  #end(run: Run): void {
    this.#run = undefined;
    run.done();
  }

  /** A message of QoS 1. @returns its acknowledgement */
  #published(packet: Buffer): Buffer {
    const topicEnd = 2 + packet.readUInt16BE(0);
    if (this.#run) this.#run.answered++;
    else this.#takers.shift()?.(new Uint8Array(packet.subarray(topicEnd + 2)));
    return Buffer.of(puback << 4, 2, packet[topicEnd]!, packet[topicEnd + 1]!);
  }
}

/** The length in digits of base 128 at a place, and how many there are; none where they are not all there. */
function lengthAt(bytes: Buffer, from: number): [length: number, digits: number] {
  let length = 0;
  for (let i = 0; i < 4 && from + i < bytes.length; i++) {
    length |= (bytes[from + i]! & 0x7f) << (7 * i);
    if (bytes[from + i]! < 0x80) return [length, i + 1];
  }
  return [0, 0];
}
