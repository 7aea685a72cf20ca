// SPDX-License-Identifier: Apache-2.0
// The JavaScript face of samples.c: the sample codec over native functions.
import { sumPlaces, type SampleCodec } from "../../../sdk/storage/ring/sample-record";

/** The functions of samples.c as a script sees them. All arguments are checked natively. */
export interface NativeSamples {
  encodeWhole(out: Uint8Array, series: number, policy: number, timeMs: number, value: number): number;
  crc(bytes: Uint8Array, start: number, end: number): number;
  /** `query` holds series, fromMs, toMs, least, greatest and policies as doubles, `sums` what they add up to. */
  summarise(bytes: Uint8Array, start: number, end: number, query: ArrayBuffer, sums: ArrayBuffer): number;
}

/** Makes the codec from native functions. */
export function createNativeSamples({ encodeWhole, crc, summarise }: NativeSamples): SampleCodec {
  return {
    encodeWhole,
    crc,
    summing({ series, fromMs, toMs, least, greatest, policies }) {
      const asked = Float64Array.of(series, fromMs, toMs, least, greatest, policies >>> 0).buffer as ArrayBuffer;
      const sums = new Float64Array(sumPlaces);
      const added = sums.buffer;
      return { sums, add: (bytes, end) => summarise(bytes, 0, end, asked, added) };
    },
  };
}
