/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The KeyWrapPort of the crypto port: keys that are kept outside of it, encrypted under a key that does nothing else. A wrapped key is a
 * nonce, and the bytes of the key encrypted with AES-256-CCM, whose associated data is the name of its use. The bytes of a "mac" key are
 * not there any more, so it cannot be wrapped; what it was derived from can.
 */
#include "keys.h"

#include <string.h>

enum { NONCE = 13, TAG = 16, KEY_MAX = 64 };

#define WRAPPABLE_USES (USE_BIT(USE_DERIVE) | AEAD_USES | PRIVATE_USES)

static const char* nameOf(int use)
{
	static const char* const names[USES] = {
		[USE_DERIVE] = "derive",
		[USE_AES_CCM_64] = "aes-ccm-64",
		[USE_AES_CCM_128] = "aes-ccm-128",
		[USE_AES_GCM] = "aes-gcm",
		[USE_CHACHA20_POLY1305] = "chacha20-poly1305",
		[USE_ES256] = "es256",
		[USE_ECDH_P256] = "ecdh-p256",
		[USE_X25519] = "x25519",
	};
	return names[use];
}

static psa_status_t wrap(psa_key_id_t wrapping, const ebKey* key, uint8_t wrapped[NONCE + KEY_MAX + TAG], size_t* size)
{
	uint8_t bytes[KEY_MAX];
	size_t keySize = 0;
	const char* use = nameOf(key->use);
	psa_status_t status = psa_generate_random(wrapped, NONCE);
	if (status == PSA_SUCCESS)
		status = psa_export_key(key->key, bytes, sizeof(bytes), &keySize);
	if (status == PSA_SUCCESS)
		status = psa_aead_encrypt(wrapping, ebAlgorithm(USE_WRAP), wrapped, NONCE, (const uint8_t*)use, strlen(use),
			bytes, keySize, wrapped + NONCE, KEY_MAX + TAG, size);
	ebWipe(bytes, sizeof(bytes));
	*size += NONCE;
	return status;
}

void ebCryptoWrap(xsMachine* the)
{
	static const char name[] = "wrap";
	uint8_t wrapped[NONCE + KEY_MAX + TAG];
	size_t size = 0;
	ebKey* wrapping = ebKeyArgument(the, 0, name, USE_BIT(USE_WRAP));
	ebKey* key = ebKeyArgument(the, 1, name, WRAPPABLE_USES);
	ebCheck(the, name, wrap(wrapping->key, key, wrapped, &size));
	xsmcSetArrayBuffer(xsResult, wrapped, (xsIntegerValue)size);
}

static psa_status_t unwrap(psa_key_id_t wrapping, const uint8_t* wrapped, size_t size, int use, psa_key_id_t* id)
{
	uint8_t bytes[KEY_MAX];
	size_t keySize = 0;
	const char* as = nameOf(use);
	if (size < NONCE + TAG || !ebIsKeySize(size - NONCE - TAG, use))
		return PSA_ERROR_INVALID_SIGNATURE;
	psa_status_t status = psa_aead_decrypt(wrapping, ebAlgorithm(USE_WRAP), wrapped, NONCE, (const uint8_t*)as, strlen(as),
		wrapped + NONCE, size - NONCE, bytes, sizeof(bytes), &keySize);
	if (status == PSA_SUCCESS)
		status = ebTakeKey(bytes, keySize, use, id, NULL);
	ebWipe(bytes, sizeof(bytes));
	return status;
}

void ebCryptoUnwrap(xsMachine* the)
{
	static const char name[] = "unwrap";
	size_t size;
	psa_key_id_t id = 0;
	ebKey* wrapping = ebKeyArgument(the, 0, name, USE_BIT(USE_WRAP));
	int use = ebUseArgument(the, 2, name, WRAPPABLE_USES);
	ebKey* key = ebFreeKey(the, name);
	const uint8_t* wrapped = ebBufferArgument(the, 1, name, 0, &size);
	psa_status_t status = unwrap(wrapping->key, wrapped, size, use, &id);
	if (status == PSA_ERROR_INVALID_SIGNATURE)
		xsRangeError("%s: wrapped under another key or for another use, or changed since", name);
	ebCheck(the, name, status);
	xsmcSetInteger(xsResult, ebKeepKey(key, use, id, NULL));
}
