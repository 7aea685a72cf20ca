/* SPDX-License-Identifier: Apache-2.0 */
/* The functions behind the crypto port, as the XS engine calls them. */
#ifndef EBALANCE_CRYPTO_H
#define EBALANCE_CRYPTO_H

#include <stddef.h>
#include <stdint.h>

/* The engine's inside and its interface for hosts name the machine differently. */
#ifdef __XSALL__
	typedef txMachine ebMachine;
#else
	#include "xsmc.h"
	typedef xsMachine ebMachine;
#endif

void ebCryptoImportKey(ebMachine* the);  /* (bytes, use: as in keys.h) -> key id */
void ebCryptoDeriveKey(ebMachine* the);  /* (key id, salt, info, use) -> key id */
void ebCryptoDestroyKey(ebMachine* the); /* (key id) */
void ebCryptoMac(ebMachine* the);        /* (key id, data, length, tag) */
void ebCryptoVerifyMac(ebMachine* the);  /* (key id, data, length, tag) -> boolean */
void ebCryptoSha256(ebMachine* the);     /* (data, length, out) */
void ebCryptoRandom(ebMachine* the);     /* (out) */

/* aead.c */
void ebCryptoEncrypt(ebMachine* the); /* (key id, nonce, additional, data, length, out) */
void ebCryptoDecrypt(ebMachine* the); /* (key id, nonce, additional, data, length, out) -> boolean */

/* pairs.c */
void ebCryptoSupports(ebMachine* the);    /* (use) -> boolean */
void ebCryptoGenerateKey(ebMachine* the); /* (use) -> key id */
void ebCryptoPublicKey(ebMachine* the);   /* (key id) -> buffer */
void ebCryptoSign(ebMachine* the);        /* (key id, data, length, signature) */
void ebCryptoVerify(ebMachine* the);      /* (key id, data, length, signature) -> boolean */
void ebCryptoAgree(ebMachine* the);       /* (key id, peer) -> key id */

/* wrap.c */
void ebCryptoWrap(ebMachine* the);   /* (wrapping key id, key id) -> buffer */
void ebCryptoUnwrap(ebMachine* the); /* (wrapping key id, wrapped, use) -> key id */

/* For the other native modules: HMAC-SHA-256 over several parts. */

typedef struct {
	const void* bytes;
	size_t size;
} ebPart;

/* The id of the "mac" key that an argument names; else throws. */
uint32_t ebCryptoMacKey(ebMachine* the, int index, const char* name);
void ebCryptoTag(ebMachine* the, const char* name, uint32_t keyId, const ebPart* parts, int count, uint8_t digest[32]);
/* Whether the head of the tag, size bytes of it, is this; compares in constant time. */
int ebCryptoVerifyTag(ebMachine* the, const char* name, uint32_t keyId, const ebPart* parts, int count, const uint8_t* tag, size_t size);

#endif
