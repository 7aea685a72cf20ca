/* SPDX-License-Identifier: Apache-2.0 */
/* The functions behind the crypto port, as the XS engine calls them. */
#ifndef EBALANCE_CRYPTO_H
#define EBALANCE_CRYPTO_H

/* The engine's inside and its interface for hosts name the machine differently. */
#ifdef __XSALL__
	typedef txMachine ebMachine;
#else
	#include "xsmc.h"
	typedef xsMachine ebMachine;
#endif

void ebCryptoImportKey(ebMachine* the);  /* (bytes, use: 0 mac, 1 derive) -> key id */
void ebCryptoDeriveKey(ebMachine* the);  /* (key id, salt, info, use) -> key id */
void ebCryptoDestroyKey(ebMachine* the); /* (key id) */
void ebCryptoMac(ebMachine* the);        /* (key id, data, length, tag) */
void ebCryptoVerifyMac(ebMachine* the);  /* (key id, data, length, tag) -> boolean */
void ebCryptoSha256(ebMachine* the);     /* (data, length, out) */
void ebCryptoRandom(ebMachine* the);     /* (out) */

#endif
