/* SPDX-License-Identifier: Apache-2.0 */
/* The AeadPort of the crypto port: authenticated encryption, of which PSA does all. */
#include "keys.h"

#include <stdlib.h>
#include <string.h>

enum { NONCE = 12, CCM_NONCE_MIN = 7, CCM_NONCE_MAX = 13, TAG = 16, SHORT_TAG = 8 };

typedef struct {
	ebKey* key;
	const uint8_t* nonce;
	const uint8_t* additional;
	const uint8_t* data;
	uint8_t* out;
	size_t nonceSize, additionalSize, length, outSize, tagSize;
} ebAead;

static int isNonceSize(size_t size, int use)
{
	return use == USE_AES_CCM_64 || use == USE_AES_CCM_128 ? size >= CCM_NONCE_MIN && size <= CCM_NONCE_MAX : size == NONCE;
}

/* Reads (key, nonce, additional, data, length, out), the arguments of encrypt and decrypt. */
static ebAead aeadArguments(xsMachine* the, const char* name)
{
	ebAead a;
	a.key = ebKeyArgument(the, 0, name, AEAD_USES);
	a.tagSize = a.key->use == USE_AES_CCM_64 ? SHORT_TAG : TAG;
	a.data = ebDataArgument(the, 3, name, &a.length);
	a.nonce = ebBufferArgument(the, 1, name, 0, &a.nonceSize);
	a.additional = ebBufferArgument(the, 2, name, 0, &a.additionalSize);
	a.out = ebBufferArgument(the, 5, name, 1, &a.outSize);
	if (!isNonceSize(a.nonceSize, a.key->use))
		xsRangeError("%s: not a nonce of this algorithm", name);
	return a;
}

/* A place for the result apart from `out`: that may lie over what is read, and gets nothing of what is not authentic. */
static uint8_t* placeFor(xsMachine* the, const char* name, size_t size)
{
	uint8_t* place = malloc(size ? size : 1);
	if (!place)
		ebCheck(the, name, PSA_ERROR_INSUFFICIENT_MEMORY);
	return place;
}

static void give(const ebAead* a, uint8_t* made, psa_status_t status)
{
	if (status == PSA_SUCCESS && a->outSize)
		memcpy(a->out, made, a->outSize);
	ebWipe(made, a->outSize);
	free(made);
}

void ebCryptoEncrypt(xsMachine* the)
{
	static const char name[] = "encrypt";
	size_t written = 0;
	ebAead a = aeadArguments(the, name);
	if (a.outSize != a.length + a.tagSize)
		xsRangeError("%s: out has not the length of the result", name);
	uint8_t* made = placeFor(the, name, a.outSize);
	psa_status_t status = psa_aead_encrypt(a.key->key, ebAlgorithm(a.key->use), a.nonce, a.nonceSize,
		a.additional, a.additionalSize, a.data, a.length, made, a.outSize, &written);
	give(&a, made, status);
	ebCheck(the, name, status);
}

void ebCryptoDecrypt(xsMachine* the)
{
	static const char name[] = "decrypt";
	size_t written = 0;
	ebAead a = aeadArguments(the, name);
	if (a.outSize != (a.length > a.tagSize ? a.length - a.tagSize : 0))
		xsRangeError("%s: out has not the length of the result", name);
	psa_status_t status = PSA_ERROR_INVALID_SIGNATURE;
	if (a.length >= a.tagSize) {
		uint8_t* made = placeFor(the, name, a.outSize);
		status = psa_aead_decrypt(a.key->key, ebAlgorithm(a.key->use), a.nonce, a.nonceSize,
			a.additional, a.additionalSize, a.data, a.length, made, a.outSize, &written);
		give(&a, made, status);
	}
	if (status != PSA_ERROR_INVALID_SIGNATURE)
		ebCheck(the, name, status);
	xsmcSetBoolean(xsResult, status == PSA_SUCCESS);
}
