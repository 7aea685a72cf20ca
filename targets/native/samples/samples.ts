// SPDX-License-Identifier: Apache-2.0
// The JavaScript face of samples.c: the sample codec over native functions.
import type { SampleCodec } from "../../../sdk/storage/ring/sample-record";

/** The functions of samples.c as a script sees them. All arguments are checked natively. */
export interface NativeSamples {
  encodeWhole(out: Uint8Array, series: number, policy: number, timeMs: number, value: number): number;
  crc(bytes: Uint8Array, start: number, end: number): number;
  /** `query` holds series, fromMs, toMs, least, greatest and policies as doubles, `sums` what they add up to. */
  summarise(bytes: Uint8Array, start: number, end: number, query: ArrayBuffer, sums: ArrayBuffer): number;
}

/** Makes the codec from native functions. */
export function createNativeSamples({ encodeWhole, crc, summarise }: NativeSamples): SampleCodec {
  const asked = new Float64Array(6);
  return {
    encodeWhole,
    crc,
    summarise(bytes, start, end, query, sums) {
      asked[0] = query.series;
      asked[1] = query.fromMs;
      asked[2] = query.toMs;
      asked[3] = query.least;
      asked[4] = query.greatest;
      asked[5] = query.policies >>> 0;
      return summarise(bytes, start, end, asked.buffer, sums.buffer as ArrayBuffer);
    },
  };
}
