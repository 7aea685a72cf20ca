// SPDX-License-Identifier: Apache-2.0
// The module `ebalance/full-crypto` of a device, which manifest-full-crypto.json adds: the whole crypto port, in place of the one of `ebalance/native`, whose keys it knows.
import type { FullCrypto } from "../../sdk/core/security/crypto-port";
import { createFullCrypto, type NativeFullCrypto } from "./crypto/full-crypto";
import { nativeCrypto } from "./crypto/functions";

declare function native<F>(name: string): F;

const nativeFullCrypto = Object.freeze<NativeFullCrypto>({
  encrypt: native("ebCryptoEncrypt"),
  decrypt: native("ebCryptoDecrypt"),
  supports: native("ebCryptoSupports"),
  generateKey: native("ebCryptoGenerateKey"),
  publicKey: native("ebCryptoPublicKey"),
  sign: native("ebCryptoSign"),
  verify: native("ebCryptoVerify"),
  agree: native("ebCryptoAgree"),
  wrap: native("ebCryptoWrap"),
  unwrap: native("ebCryptoUnwrap"),
});

/** Cryptography through the PSA Crypto API: authenticates, encrypts, signs, agrees and wraps. */
export const fullCrypto: FullCrypto = Object.freeze(createFullCrypto(nativeCrypto, nativeFullCrypto));
