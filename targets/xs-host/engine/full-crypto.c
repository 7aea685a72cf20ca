/* SPDX-License-Identifier: Apache-2.0 */
/* host.fullCrypto: what encrypts, signs, agrees and wraps. */
#include "host.h"

#ifdef EBALANCE_CRYPTO
#include "crypto.h"

void ebPushFullCrypto(txMachine* the)
{
	txSlot* last = fxLastProperty(the, fxNewObject(the));
	last = ebAddFunction(the, last, "encrypt", ebCryptoEncrypt, 6);
	last = ebAddFunction(the, last, "decrypt", ebCryptoDecrypt, 6);
	last = ebAddFunction(the, last, "supports", ebCryptoSupports, 1);
	last = ebAddFunction(the, last, "generateKey", ebCryptoGenerateKey, 1);
	last = ebAddFunction(the, last, "publicKey", ebCryptoPublicKey, 1);
	last = ebAddFunction(the, last, "sign", ebCryptoSign, 4);
	last = ebAddFunction(the, last, "verify", ebCryptoVerify, 4);
	last = ebAddFunction(the, last, "agree", ebCryptoAgree, 2);
	last = ebAddFunction(the, last, "wrap", ebCryptoWrap, 2);
	ebAddFunction(the, last, "unwrap", ebCryptoUnwrap, 3);
}
#endif
