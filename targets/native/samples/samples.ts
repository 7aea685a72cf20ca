// SPDX-License-Identifier: Apache-2.0
// The JavaScript face of samples.c: the sample port over the partition of the platform, the same that createNativeFlash gives.
import { EbalanceError } from "../../../sdk/core/model/errors";
import { sumPlaces, type SamplePort, type Summing } from "../../../sdk/storage/ring/sample-port";
import type { SampleQuery } from "../../../sdk/storage/store-port";

/** The functions of samples.c as a script sees them. All arguments are checked natively; -2 in place of an offset says that flash cannot be read. */
export interface NativeSamples {
  writeWhole(at: number, series: number, policy: number, timeMs: number, value: number): boolean;
  crc(bytes: Uint8Array, start: number, end: number): number;
  find(at: number, end: number, series: number, out: Uint8Array): number;
  survey(at: number, end: number, found: ArrayBuffer): number;
  /** `query` holds series, fromMs, toMs, least, greatest and policies as doubles, `sums` what they add up to. */
  summarise(at: number, end: number, query: ArrayBuffer, sums: ArrayBuffer): number;
}

const unreadable = -2;

/** Classes, whose methods stand in flash: functions of their own would take a device RAM. */
class Samples implements SamplePort {
  readonly writeWhole: SamplePort["writeWhole"];
  readonly crc: SamplePort["crc"];

  constructor(private readonly native: NativeSamples) {
    this.writeWhole = native.writeWhole;
    this.crc = native.crc;
  }

  find(at: number, end: number, series: number, out: Uint8Array): number {
    return readable(this.native.find(at, end, series, out), at);
  }

  survey(at: number, end: number, found: Float64Array): number {
    return readable(this.native.survey(at, end, found.buffer as ArrayBuffer), at);
  }

  summing(query: SampleQuery): Summing {
    return new Sums(this.native, query);
  }
}

class Sums implements Summing {
  readonly sums = new Float64Array(sumPlaces);
  readonly #asked: ArrayBuffer;
  readonly #added = this.sums.buffer;

  constructor(
    private readonly native: NativeSamples,
    { series, fromMs, toMs, least, greatest, policies }: SampleQuery,
  ) {
    this.#asked = Float64Array.of(series, fromMs, toMs, least, greatest, policies >>> 0).buffer as ArrayBuffer;
  }

  add(at: number, end: number): void {
    readable(this.native.summarise(at, end, this.#asked, this.#added), at);
  }
}

/** Makes the sample port from native functions. */
export function createNativeSamples(native: NativeSamples): SamplePort {
  return new Samples(native);
}

function readable(place: number, at: number): number {
  if (place === unreadable) throw new EbalanceError("storage-failed", "device", `flash: what stands at ${at} cannot be read`);
  return place;
}
