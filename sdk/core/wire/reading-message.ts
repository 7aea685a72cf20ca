/**
 * The session message that writes one whole number under a policy that the peer knows: what a sensor sends all day. All of it but five numbers stays the same from one to
 * the next, so it is made from a template. It is the same message that `writeBody` and `seal` make.
 */
import type { CryptoPort } from "../security/crypto-port";
import * as cbor from "./cbor";
import type { BodyContext, Item, Source, WriteRequest } from "./session-body";
import { seal, startPayload, verify, type Envelope, type MacContext } from "./session-message";
import { writeSource } from "./write-body";

/** What stays the same. */
export interface ReadingTemplate {
  /** CBOR before the sequence: the head of the map, the operation, the source, key 3. */
  readonly head: Uint8Array;
  /** CBOR after the time offset of the item: device, owner, policy hash. */
  readonly tail: Uint8Array;
}

/** Encodes and authenticates in one go, and verifies. Native in `targets/native/seal`, where that is worth it; {@link portableSeal} is its twin. */
export interface SealPort {
  /**
   * @param sequence 1 to 2^30 - 1
   * @param timeS of the message, seconds since 1970, 0 to 2^32 - 1; -1 where the clock is not set
   * @param variable 0 to 65535
   * @param value a whole number between -(2^53 - 1) and 2^53 - 1
   * @param offsetMs from the time of the message to that of the item, a whole number in the same range
   * @returns the whole message
   */
  sealReading(context: MacContext, template: ReadingTemplate, sequence: number, timeS: number, variable: number, value: number, offsetMs: number): Uint8Array;
  /** Whether the tag of an envelope was made under this context; in constant time. */
  verify(context: MacContext, envelope: Envelope): boolean;
}

/** The seal port in TypeScript. */
export function portableSeal(crypto: CryptoPort): SealPort {
  return {
    sealReading(context, { head, tail }, sequence, timeS, variable, value, offsetMs) {
      startPayload();
      cbor.writeRaw(head);
      cbor.writeInteger(sequence);
      if (timeS >= 0) {
        cbor.writeInteger(4);
        cbor.writeInteger(timeS);
      }
      cbor.writeInteger(5);
      cbor.writeHead(cbor.Major.array, 1);
      cbor.writeHead(cbor.Major.array, 6);
      cbor.writeInteger(variable);
      cbor.writeInteger(value);
      cbor.writeInteger(offsetMs);
      cbor.writeRaw(tail);
      return seal(crypto, context);
    },
    verify: (context, envelope) => verify(crypto, context, envelope),
  };
}

/** Makes such messages for one session. It keeps the last template: a sensor needs no other. */
export class ReadingWriter {
  #template: ReadingTemplate | undefined;
  #source: Source | undefined;
  #policy: Uint8Array | undefined;
  #device = -1;
  #owner = -1;
  #timed = false;

  constructor(
    private readonly context: BodyContext,
    private readonly port: SealPort,
  ) {}

  /**
   * @returns undefined for a write of another form
   * @throws EbalanceError `bad-argument` for a name that was not agreed
   */
  seal(mac: MacContext, request: WriteRequest, sequence: number, timeMs: number | undefined): Uint8Array | undefined {
    const { items, source } = request;
    if (items.length !== 1 || request.hops !== undefined) return undefined;
    const item = items[0]!;
    const { policy, value, variable } = item;
    if (!(policy instanceof Uint8Array) || typeof value !== "number" || !Number.isSafeInteger(value)) return undefined;
    if (this.context.registry.byId(variable)?.type !== "integer") return undefined;
    const timed = timeMs !== undefined;
    if (source !== this.#source || policy !== this.#policy || item.device !== this.#device || item.owner !== this.#owner || timed !== this.#timed)
      this.#makeTemplate(source, item, policy, timed);
    const timeS = timed ? timeMs / 1000 : -1;
    return this.port.sealReading(mac, this.#template!, sequence, timeS, variable, value + 0, timed ? Math.round(item.timeMs - timeMs) : 0);
  }

  #makeTemplate(source: Source, { device, owner }: Item, policy: Uint8Array, timed: boolean): void {
    const buffer = new Uint8Array(64);
    cbor.startWriting(buffer);
    cbor.writeHead(cbor.Major.map, timed ? 5 : 4);
    cbor.writeInteger(1);
    cbor.writeInteger(1);
    writeSource(source, this.context);
    cbor.writeInteger(3);
    const length = cbor.writePosition();
    cbor.writeInteger(this.context.nameIndex(device));
    cbor.writeInteger(this.context.nameIndex(owner));
    cbor.writeBytes(policy);
    this.#template = { head: buffer.slice(0, length), tail: buffer.slice(length, cbor.writePosition()) };
    this.#source = source;
    this.#policy = policy;
    this.#device = device;
    this.#owner = owner;
    this.#timed = timed;
  }
}
