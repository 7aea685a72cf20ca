/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The native side of the crypto port: thin glue from the XS engine to the PSA
 * Crypto API. Of cryptography nothing is implemented here but how HMAC is made
 * of two hashes.
 *
 * The same file is built for the test host and for ESP32. What differs there:
 *  - PSA comes from the chip SDK's mbedTLS, which uses the chip's SHA engine;
 *    mbedtls-config.h and random.c of this folder are not compiled. SHA-256,
 *    HMAC and HKDF must be on in the SDK configuration.
 *  - Random bytes come from esp_fill_random. It is a true random source only
 *    while the radio or the SDK's bootloader entropy source is on.
 *  - The module ebalance/native (../moddable.ts) binds the functions by name;
 *    on the test host they are the properties of host.crypto.
 *
 * Keys and the reading of arguments stand in keys.c. What encrypts, signs, agrees and wraps is apart, in aead.c, pairs.c and wrap.c: a device that
 * only authenticates does not link it.
 */
#include "keys.h"

#include <string.h>

#ifdef ESP_PLATFORM
	#include <esp_random.h>
#else
	#include <errno.h>
	#include <sys/random.h>
#endif

enum { DERIVED = 32, DERIVED_AES = 16, TAG_MIN = 8, TAG_MAX = 32 };

static psa_status_t derive(psa_key_id_t secret, const uint8_t* salt, size_t saltSize,
	const uint8_t* info, size_t infoSize, uint8_t* derived, size_t size)
{
	psa_key_derivation_operation_t operation = PSA_KEY_DERIVATION_OPERATION_INIT;
	psa_status_t status = psa_key_derivation_setup(&operation, PSA_ALG_HKDF(PSA_ALG_SHA_256));
	if (status == PSA_SUCCESS)
		status = psa_key_derivation_input_bytes(&operation, PSA_KEY_DERIVATION_INPUT_SALT, salt, saltSize);
	if (status == PSA_SUCCESS)
		status = psa_key_derivation_input_key(&operation, PSA_KEY_DERIVATION_INPUT_SECRET, secret);
	if (status == PSA_SUCCESS)
		status = psa_key_derivation_input_bytes(&operation, PSA_KEY_DERIVATION_INPUT_INFO, info, infoSize);
	if (status == PSA_SUCCESS)
		status = psa_key_derivation_output_bytes(&operation, derived, size);
	psa_key_derivation_abort(&operation);
	return status;
}

void ebCryptoDeriveKey(xsMachine* the)
{
	static const char name[] = "deriveKey";
	size_t saltSize, infoSize;
	psa_key_id_t id = 0;
	ebPads* pads = NULL;
	uint8_t derived[DERIVED];
	ebKey* secret = ebKeyArgument(the, 0, name, USE_BIT(USE_DERIVE));
	int use = ebUseArgument(the, 3, name, SECRET_USES);
	size_t size = use >= USE_AES_CCM_64 && use <= USE_AES_GCM ? DERIVED_AES : DERIVED;
	ebKey* key = ebFreeKey(the, name);
	const uint8_t* salt = ebBufferArgument(the, 1, name, 0, &saltSize);
	const uint8_t* info = ebBufferArgument(the, 2, name, 0, &infoSize);
	psa_status_t status = derive(secret->key, salt, saltSize, info, infoSize, derived, size);
	if (status == PSA_SUCCESS)
		status = ebTakeKey(derived, size, use, &id, &pads);
	ebWipe(derived, sizeof(derived));
	ebCheck(the, name, status);
	xsmcSetInteger(xsResult, ebKeepKey(key, use, id, pads));
}

static psa_status_t finishFrom(const psa_hash_operation_t* pad, const ebPart* parts, int count, uint8_t digest[TAG_MAX])
{
	size_t written = 0;
	psa_hash_operation_t operation = PSA_HASH_OPERATION_INIT;
	psa_status_t status = psa_hash_clone(pad, &operation);
	for (int i = 0; i < count && status == PSA_SUCCESS; i++)
		status = psa_hash_update(&operation, parts[i].bytes, parts[i].size);
	if (status == PSA_SUCCESS)
		status = psa_hash_finish(&operation, digest, TAG_MAX, &written);
	psa_hash_abort(&operation);
	return status;
}

static void computeTag(xsMachine* the, const char* name, const ebKey* key, const ebPart* parts, int count, uint8_t digest[TAG_MAX])
{
	psa_status_t status = finishFrom(&key->pads->inner, parts, count, digest);
	const ebPart inner = { digest, TAG_MAX };
	if (status == PSA_SUCCESS)
		status = finishFrom(&key->pads->outer, &inner, 1, digest);
	ebCheck(the, name, status);
}

/* In constant time. */
static int sameTag(const uint8_t* a, const uint8_t* b, size_t size)
{
	volatile uint8_t difference = 0;
	for (size_t i = 0; i < size; i++)
		difference = difference | (uint8_t)(a[i] ^ b[i]);
	return difference == 0;
}

uint32_t ebCryptoMacKey(xsMachine* the, int index, const char* name)
{
	return ebKeyArgument(the, index, name, USE_BIT(USE_MAC))->id;
}

void ebCryptoTag(xsMachine* the, const char* name, uint32_t keyId, const ebPart* parts, int count, uint8_t digest[TAG_MAX])
{
	computeTag(the, name, ebFindKey(keyId), parts, count, digest);
}

int ebCryptoVerifyTag(xsMachine* the, const char* name, uint32_t keyId, const ebPart* parts, int count, const uint8_t* tag, size_t size)
{
	uint8_t digest[TAG_MAX];
	computeTag(the, name, ebFindKey(keyId), parts, count, digest);
	return sameTag(digest, tag, size);
}

/* Reads (key, data, length, tag), the arguments of mac and verifyMac. */
static ebKey* macArguments(xsMachine* the, const char* name, int writable,
	const uint8_t** data, size_t* length, uint8_t** tag, size_t* tagSize)
{
	ebKey* key = ebKeyArgument(the, 0, name, USE_BIT(USE_MAC));
	*data = ebDataArgument(the, 1, name, length);
	*tag = ebBufferArgument(the, 3, name, writable, tagSize);
	if (*tagSize < TAG_MIN || *tagSize > TAG_MAX)
		xsRangeError("%s: a tag has %d to %d bytes", name, TAG_MIN, TAG_MAX);
	return key;
}

void ebCryptoMac(xsMachine* the)
{
	static const char name[] = "mac";
	const uint8_t* data;
	uint8_t* tag;
	uint8_t digest[TAG_MAX];
	size_t length, tagSize;
	ebKey* key = macArguments(the, name, 1, &data, &length, &tag, &tagSize);
	const ebPart part = { data, length };
	computeTag(the, name, key, &part, 1, digest);
	memcpy(tag, digest, tagSize);
}

void ebCryptoVerifyMac(xsMachine* the)
{
	static const char name[] = "verifyMac";
	const uint8_t* data;
	uint8_t* tag;
	uint8_t digest[TAG_MAX];
	size_t length, tagSize;
	ebKey* key = macArguments(the, name, 0, &data, &length, &tag, &tagSize);
	const ebPart part = { data, length };
	computeTag(the, name, key, &part, 1, digest);
	xsmcSetBoolean(xsResult, sameTag(digest, tag, tagSize));
}

void ebCryptoSha256(xsMachine* the)
{
	static const char name[] = "sha256";
	size_t length, outSize, written = 0;
	ebCheck(the, name, psa_crypto_init());
	const uint8_t* data = ebDataArgument(the, 0, name, &length);
	uint8_t* out = ebBufferArgument(the, 2, name, 1, &outSize);
	if (outSize != TAG_MAX)
		xsRangeError("%s: out has not %d bytes", name, TAG_MAX);
	ebCheck(the, name, psa_hash_compute(PSA_ALG_SHA_256, data, length, out, outSize, &written));
}

void ebCryptoRandom(xsMachine* the)
{
	static const char name[] = "random";
	size_t size;
	uint8_t* out = ebBufferArgument(the, 0, name, 1, &size);
#ifdef ESP_PLATFORM
	esp_fill_random(out, size);
#else
	for (size_t done = 0; done < size;) {
		ssize_t count = getrandom(out + done, size - done, 0);
		if (count > 0)
			done += (size_t)count;
		else if (errno != EINTR)
			xsUnknownError("%s: errno %d", name, errno);
	}
#endif
}
