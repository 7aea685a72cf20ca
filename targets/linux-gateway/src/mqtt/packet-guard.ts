/** Watches a stream of MQTT packets for one that is larger than any of ours: the client would take it in whole, up to 256 MB, before it looks at it. */
export class PacketGuard {
  /** Bytes of the packet under way that are still to come; 0 where a new one begins. */
  #rest = 0;
  /** The length read so far, and the weight of its next digit; 0 where the packet's first byte is still to come. */
  #length = 0;
  #weight = 0;

  constructor(private readonly maxBytes: number) {}

  /** @returns false once a packet is too large */
  push(chunk: Uint8Array): boolean {
    for (let i = 0; i < chunk.length; ) {
      if (this.#rest > 0) {
        const step = Math.min(this.#rest, chunk.length - i);
        this.#rest -= step;
        i += step;
      } else if (!this.#header(chunk[i++]!)) return false;
    }
    return true;
  }

  /** One byte of a fixed header: the kind of the packet, then its length in digits of base 128, the lowest first. */
  #header(byte: number): boolean {
    if (this.#weight === 0) {
      this.#weight = 1;
      this.#length = 0;
      return true;
    }
    this.#length += (byte & 0x7f) * this.#weight;
    this.#weight *= 128;
    if (this.#length > this.maxBytes || this.#weight > 128 ** 4) return false;
    if (byte < 0x80) {
      this.#rest = this.#length;
      this.#weight = 0;
    }
    return true;
  }
}
