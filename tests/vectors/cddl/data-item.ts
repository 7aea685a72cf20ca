/**
 * CBOR as its generic data model (RFC 8949, section 2), for the judge of CDDL: it keeps apart what our codec has no need to, an integer and a float of the same value. It shares nothing with the codec of
 * the SDK, takes every well-formed item of definite length in whatever order and length of head, and writes the deterministic form.
 */
export type DataItem =
  | { readonly kind: "int"; readonly value: bigint }
  | { readonly kind: "bytes"; readonly bytes: Uint8Array }
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "array"; readonly items: readonly DataItem[] }
  | { readonly kind: "map"; readonly entries: readonly (readonly [DataItem, DataItem])[] }
  | { readonly kind: "tag"; readonly tag: bigint; readonly item: DataItem }
  | { readonly kind: "float"; readonly value: number }
  | { readonly kind: "simple"; readonly value: number };

export const simple = Object.freeze({ false: 20, true: 21, null: 22, undefined: 23 } as const);

/** @throws Error if the bytes are not exactly one well-formed item of definite length */
export function readItem(bytes: Uint8Array): DataItem {
  const reader = new Reader(bytes);
  const item = reader.item();
  if (!reader.isAtEnd) throw new Error("bytes after the item");
  return item;
}

class Reader {
  #at = 0;
  readonly #view: DataView;

  constructor(private readonly bytes: Uint8Array) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  get isAtEnd(): boolean {
    return this.#at === this.bytes.length;
  }

  item(): DataItem {
    const first = this.#view.getUint8(this.#at++);
    const [major, info] = [first >> 5, first & 31];
    if (major === 7 && info >= 25 && info <= 27) return { kind: "float", value: this.#float(info) };
    const argument = this.#argument(info);
    const count = () => (argument <= BigInt(this.bytes.length) ? Number(argument) : fail("more entries than bytes"));
    switch (major) {
      case 0:
        return { kind: "int", value: argument };
      case 1:
        return { kind: "int", value: -1n - argument };
      case 2:
        return { kind: "bytes", bytes: this.#take(count()) };
      case 3:
        return { kind: "text", text: new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(this.#take(count())) };
      case 4:
        return { kind: "array", items: Array.from({ length: count() }, () => this.item()) };
      case 5:
        return { kind: "map", entries: Array.from({ length: count() }, () => [this.item(), this.item()] as const) };
      case 6:
        return { kind: "tag", tag: argument, item: this.item() };
      default:
        return { kind: "simple", value: Number(argument) };
    }
  }

  #argument(info: number): bigint {
    if (info < 24) return BigInt(info);
    if (info > 27) fail("indefinite length or reserved");
    return [...this.#take(1 << (info - 24))].reduce((value, byte) => (value << 8n) | BigInt(byte), 0n);
  }

  #float(info: number): number {
    const at = this.#at;
    this.#take(2 << (info - 25));
    if (info === 26) return this.#view.getFloat32(at);
    return info === 27 ? this.#view.getFloat64(at) : half(this.#view.getUint16(at));
  }

  #take(size: number): Uint8Array {
    const start = this.#at;
    if (start + size > this.bytes.length) fail("cut off");
    this.#at += size;
    return this.bytes.slice(start, this.#at);
  }
}

function fail(what: string): never {
  throw new Error(what);
}

function half(bits: number): number {
  const [exponent, fraction] = [(bits >> 10) & 31, bits & 1023];
  const magnitude = exponent === 31 ? (fraction ? NaN : Infinity) : exponent ? 2 ** (exponent - 25) * (1024 + fraction) : 2 ** -24 * fraction;
  return bits & 0x8000 ? -magnitude : magnitude;
}

/** The deterministic encoding (RFC 8949, section 4.2.1): shortest heads and floats, map keys in the order of their bytes. */
export function writeItem(item: DataItem): Uint8Array {
  switch (item.kind) {
    case "int":
      return item.value >= 0n ? head(0, item.value) : head(1, -1n - item.value);
    case "bytes":
      return join([head(2, BigInt(item.bytes.length)), item.bytes]);
    case "text": {
      const bytes = new TextEncoder().encode(item.text);
      return join([head(3, BigInt(bytes.length)), bytes]);
    }
    case "array":
      return join([head(4, BigInt(item.items.length)), ...item.items.map(writeItem)]);
    case "map": {
      const entries = item.entries.map(([key, value]) => [writeItem(key), writeItem(value)] as const).sort(([a], [b]) => Buffer.compare(a, b));
      return join([head(5, BigInt(entries.length)), ...entries.flat()]);
    }
    case "tag":
      return join([head(6, item.tag), writeItem(item.item)]);
    case "float":
      return writeFloat(item.value);
    case "simple":
      return head(7, BigInt(item.value));
  }
}

function head(major: number, argument: bigint): Uint8Array {
  if (argument < 24n) return Uint8Array.of((major << 5) | Number(argument));
  const info = argument < 0x100n ? 0 : argument < 0x10000n ? 1 : argument < 0x100000000n ? 2 : 3;
  const bytes = new Uint8Array(1 + (1 << info));
  bytes[0] = (major << 5) | (24 + info);
  for (let i = bytes.length - 1, rest = argument; i > 0; i--, rest >>= 8n) bytes[i] = Number(rest & 0xffn);
  return bytes;
}

function writeFloat(value: number): Uint8Array {
  const bits = halfBits(value);
  const size = bits !== undefined ? 2 : Object.is(Math.fround(value), value) ? 4 : 8;
  const bytes = new Uint8Array(1 + size);
  const view = new DataView(bytes.buffer);
  bytes[0] = size === 2 ? 0xf9 : size === 4 ? 0xfa : 0xfb;
  if (bits !== undefined) view.setUint16(1, bits);
  else if (size === 4) view.setFloat32(1, value);
  else view.setFloat64(1, value);
  return bytes;
}

/** The half-precision float that is this value, if there is one. */
function halfBits(value: number): number | undefined {
  if (Number.isNaN(value)) return 0x7e00;
  const sign = Object.is(value, -0) || value < 0 ? 0x8000 : 0;
  const magnitude = Math.abs(value);
  if (magnitude === Infinity) return sign | 0x7c00;
  const exponent = Math.max(-14, Math.floor(Math.log2(magnitude || 1)));
  const fraction = magnitude / 2 ** (exponent - 10);
  if (exponent > 15 || !Number.isInteger(fraction)) return undefined;
  return sign | (fraction < 1024 ? fraction : ((exponent + 15) << 10) | (fraction - 1024));
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(Buffer.concat(parts));
}
