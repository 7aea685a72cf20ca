// SPDX-License-Identifier: Apache-2.0
// The JavaScript face of seal.c: the seal port over native functions.
import type { SealPort } from "../../../sdk/core/wire/reading-message";

/** The functions of seal.c as a script sees them. All arguments are checked natively. */
export interface NativeSeal {
  sealReading(
    keyId: number, prefix: Uint8Array, head: Uint8Array, templateHead: Uint8Array, templateTail: Uint8Array,
    sequence: number, timeS: number, variable: number, value: number, offsetMs: number,
  ): Uint8Array;
  verify(keyId: number, prefix: Uint8Array, payload: Uint8Array, tag: Uint8Array): boolean;
}

/** Makes the seal port from native functions, over keys of the native crypto port. */
export function createNativeSeal({ sealReading, verify }: NativeSeal): SealPort {
  return {
    sealReading: ({ key, prefix, head }, template, sequence, timeS, variable, value, offsetMs) =>
      sealReading(key.keyId, prefix, head, template.head, template.tail, sequence, timeS, variable, value, offsetMs),
    verify: ({ key, prefix }, { payload, tag }) => verify(key.keyId, prefix, payload, tag),
  };
}
