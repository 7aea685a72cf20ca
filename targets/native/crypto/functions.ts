// SPDX-License-Identifier: Apache-2.0
// The functions of crypto.c and keys.c, as the vendor's compiler binds them: for both modules that make a crypto port of them.
import type { NativeCrypto } from "./crypto";

declare function native<F>(name: string): F;

export const nativeCrypto = Object.freeze<NativeCrypto>({
  importKey: native("ebCryptoImportKey"),
  deriveKey: native("ebCryptoDeriveKey"),
  destroyKey: native("ebCryptoDestroyKey"),
  mac: native("ebCryptoMac"),
  verifyMac: native("ebCryptoVerifyMac"),
  sha256: native("ebCryptoSha256"),
  random: native("ebCryptoRandom"),
});
