/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The PublicKeyPort of the crypto port: ECDSA and ECDH on P-256, and X25519 where PSA has it. It has no Ed25519.
 * Keys are imported by importKey of keys.c. PSA refuses what is no scalar or no point of the curve, on import and in an agreement.
 */
#include "keys.h"

enum { SIGNATURE = 64, SECRET = 32, PUBLIC_MAX = 65, BITS_P256 = 256, BITS_X25519 = 255 };

void ebCryptoSupports(xsMachine* the)
{
	int use = ebUseArgument(the, 0, "supports", PRIVATE_USES);
#ifdef PSA_WANT_ECC_MONTGOMERY_255
	xsmcSetBoolean(xsResult, use == USE_ES256 || use == USE_ECDH_P256 || use == USE_X25519);
#else
	xsmcSetBoolean(xsResult, use == USE_ES256 || use == USE_ECDH_P256);
#endif
}

void ebCryptoGenerateKey(xsMachine* the)
{
	static const char name[] = "generateKey";
	psa_key_id_t id = 0;
	int use = ebUseArgument(the, 0, name, PRIVATE_USES);
	ebKey* key = ebFreeKey(the, name);
	psa_key_attributes_t attributes = ebAttributes(use);
	psa_set_key_bits(&attributes, use == USE_X25519 ? BITS_X25519 : BITS_P256);
	ebCheck(the, name, psa_generate_key(&attributes, &id));
	xsmcSetInteger(xsResult, ebKeepKey(key, use, id, NULL));
}

void ebCryptoPublicKey(xsMachine* the)
{
	static const char name[] = "publicKey";
	uint8_t bytes[PUBLIC_MAX];
	size_t size = 0;
	ebKey* key = ebKeyArgument(the, 0, name, PRIVATE_USES);
	ebCheck(the, name, psa_export_public_key(key->key, bytes, sizeof(bytes), &size));
	xsmcSetArrayBuffer(xsResult, bytes, (xsIntegerValue)size);
}

void ebCryptoSign(xsMachine* the)
{
	static const char name[] = "sign";
	uint8_t made[SIGNATURE];
	size_t length, size, written = 0;
	ebKey* key = ebKeyArgument(the, 0, name, USE_BIT(USE_ES256));
	const uint8_t* data = ebDataArgument(the, 1, name, &length);
	uint8_t* signature = ebBufferArgument(the, 3, name, 1, &size);
	if (size != SIGNATURE)
		xsRangeError("%s: a signature has %d bytes", name, SIGNATURE);
	/* Not in place: the signature may lie over the data. */
	ebCheck(the, name, psa_sign_message(key->key, ebAlgorithm(key->use), data, length, made, sizeof(made), &written));
	for (size_t i = 0; i < sizeof(made); i++)
		signature[i] = made[i];
}

void ebCryptoVerify(xsMachine* the)
{
	static const char name[] = "verify";
	size_t length, size;
	ebKey* key = ebKeyArgument(the, 0, name, USE_BIT(USE_VERIFY_ES256));
	const uint8_t* data = ebDataArgument(the, 1, name, &length);
	const uint8_t* signature = ebBufferArgument(the, 3, name, 0, &size);
	psa_status_t status = PSA_ERROR_INVALID_SIGNATURE;
	if (size == SIGNATURE)
		status = psa_verify_message(key->key, ebAlgorithm(key->use), data, length, signature, size);
	if (status != PSA_ERROR_INVALID_SIGNATURE)
		ebCheck(the, name, status);
	xsmcSetBoolean(xsResult, status == PSA_SUCCESS);
}

void ebCryptoAgree(xsMachine* the)
{
	static const char name[] = "agree";
	uint8_t secret[SECRET];
	size_t size, written = 0;
	psa_key_id_t id = 0;
	ebKey* own = ebKeyArgument(the, 0, name, USE_BIT(USE_ECDH_P256) | USE_BIT(USE_X25519));
	ebKey* key = ebFreeKey(the, name);
	const uint8_t* peer = ebBufferArgument(the, 1, name, 0, &size);
	if (own->use == USE_X25519 ? size != SECRET : !ebIsPoint(peer, size))
		xsRangeError("%s: this is no public key of the algorithm", name);
	psa_status_t status = psa_raw_key_agreement(PSA_ALG_ECDH, own->key, peer, size, secret, sizeof(secret), &written);
	if (status == PSA_SUCCESS)
		status = ebTakeKey(secret, sizeof(secret), USE_DERIVE, &id, NULL);
	ebWipe(secret, sizeof(secret));
	ebCheck(the, name, status);
	xsmcSetInteger(xsResult, ebKeepKey(key, USE_DERIVE, id, NULL));
}
