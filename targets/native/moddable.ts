// SPDX-License-Identifier: Apache-2.0
// The native modules for Moddable: the module `ebalance/native` of a device. The vendor's compiler makes a host function of each `native("…")`; elsewhere there is no such
// function, and the test hosts name the same C functions in targets/xs-host/engine. Preloaded: all of it stands in flash.
import type { CryptoPort } from "../../sdk/core/security/crypto-port";
import type { SealPort } from "../../sdk/core/wire/reading-message";
import type { FlashPort } from "../../sdk/storage/flash-port";
import type { SamplePort } from "../../sdk/storage/ring/sample-port";
import { createNativeCrypto } from "./crypto/crypto";
import { nativeCrypto } from "./crypto/functions";
import { createNativeFlash, type NativeFlash } from "./flash/flash";
import { createNativeSamples, type NativeSamples } from "./samples/samples";
import { createNativeSeal, type NativeSeal } from "./seal/seal";

declare function native<F>(name: string): F;

const nativeSeal = Object.freeze<NativeSeal>({
  sealReading: native("ebSealReading"),
  verify: native("ebSealVerify"),
  parse: native("ebSealParse"),
  read: native("ebSealRead"),
});

const nativeSamples = Object.freeze<NativeSamples>({
  writeWhole: native("ebSamplesWriteWhole"),
  crc: native("ebSamplesCrc"),
  find: native("ebSamplesFind"),
  survey: native("ebSamplesSurvey"),
  summarise: native("ebSamplesSummarise"),
});

const nativeFlash = Object.freeze<NativeFlash>({
  size: native("ebFlashPortSize"),
  read: native("ebFlashPortRead"),
  program: native("ebFlashPortProgram"),
  erase: native("ebFlashPortErase"),
});

/** Cryptography through the PSA Crypto API. */
export const crypto: CryptoPort = Object.freeze(createNativeCrypto(nativeCrypto));
/** Sealing and verifying, with the keys of `crypto`. */
export const seal: SealPort = Object.freeze(createNativeSeal(nativeSeal));
/** Records in the flash that `openFlash` gives. */
export const samples: SamplePort = Object.freeze(createNativeSamples(nativeSamples));

/** The flash partition of the ring; undefined where the partition table has none. */
export function openFlash(): FlashPort | undefined {
  return createNativeFlash(nativeFlash);
}
