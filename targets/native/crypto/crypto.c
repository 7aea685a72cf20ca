/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The native side of the crypto port: thin glue from the XS engine to the PSA
 * Crypto API. No cryptography is implemented here.
 *
 * The same file is built for the test host and for ESP32. What differs there:
 *  - PSA comes from the chip SDK's mbedTLS, which uses the chip's SHA engine;
 *    mbedtls-config.h and random.c of this folder are not compiled. SHA-256,
 *    HMAC and HKDF must be on in the SDK configuration.
 *  - Random bytes come from esp_fill_random. It is a true random source only
 *    while the radio or the SDK's bootloader entropy source is on.
 *  - A device module binds the functions by name with the engine's syntax
 *    `function mac(id, data, length, tag) @ "ebCryptoMac"`; on the test host
 *    they are the properties of host.crypto.
 *
 * Keys live in PSA's volatile key store, never in the script's memory; no
 * function gives their bytes back. Arguments come from scripts and may be
 * anything: numbers are read first, because converting them could run a script
 * and move buffers; buffers last, directly before they are used.
 */
#include "xsmc.h"
#include "crypto.h"

#include <psa/crypto.h>
#include <string.h>

#ifdef ESP_PLATFORM
	#include <esp_random.h>
#else
	#include <errno.h>
	#include <sys/random.h>
#endif

#ifndef EBALANCE_KEY_LIMIT
	/* With a few to spare in PSA's own table. */
	#define EBALANCE_KEY_LIMIT 60
#endif

enum { KEY_LIMIT = EBALANCE_KEY_LIMIT, KEY_MIN = 16, KEY_MAX = 64, DERIVED_BITS = 256 };
enum { TAG_MIN = 8, TAG_MAX = 32 };
enum { USE_MAC = 0, USE_DERIVE = 1, USE_FREE = -1 };

/* An id is serial * KEY_LIMIT + slot + 1, so that the id of a destroyed key stays invalid. */
typedef struct {
	int used;
	int use;
	uint32_t id;
	psa_key_id_t key;
} ebKey;

static ebKey keys[KEY_LIMIT];
static uint32_t serial = 0;

static const psa_algorithm_t hmac = PSA_ALG_HMAC(PSA_ALG_SHA_256);

static void check(xsMachine* the, const char* name, psa_status_t status)
{
	if (status != PSA_SUCCESS)
		xsUnknownError("%s: PSA status %d", name, (int)status);
}

/* A whole number may be an integer or a double to the engine; anything else is no number. */
static xsIntegerValue integerArgument(xsMachine* the, int index, const char* name)
{
	int type = xsmcArgc > index ? xsmcTypeOf(xsArg(index)) : xsUndefinedType;
	if (type == xsIntegerType)
		return xsmcToInteger(xsArg(index));
	xsNumberValue value = type == xsNumberType ? xsmcToNumber(xsArg(index)) : -0.5;
	if (!(value >= -2147483648.0 && value <= 2147483647.0) || value != (xsIntegerValue)value)
		xsTypeError("%s: argument %d is no integer", name, index + 1);
	return (xsIntegerValue)value;
}

static void* bufferArgument(xsMachine* the, int index, const char* name, int writable, size_t* size)
{
	void* data = NULL;
	xsUnsignedValue count = 0;
	if (xsmcArgc <= index || xsmcTypeOf(xsArg(index)) != xsReferenceType)
		xsTypeError("%s: argument %d is no buffer", name, index + 1);
	if (writable)
		xsmcGetBufferWritable(xsArg(index), &data, &count);
	else
		xsmcGetBufferReadable(xsArg(index), &data, &count);
	*size = count;
	return data;
}

static int useArgument(xsMachine* the, int index, const char* name)
{
	xsIntegerValue use = integerArgument(the, index, name);
	if (use != USE_MAC && use != USE_DERIVE)
		xsRangeError("%s: use is neither 0 nor 1", name);
	return (int)use;
}

static ebKey* findKey(uint32_t id)
{
	for (int i = 0; i < KEY_LIMIT; i++)
		if (keys[i].used && keys[i].id == id)
			return &keys[i];
	return NULL;
}

static ebKey* keyArgument(xsMachine* the, int index, const char* name, int use)
{
	xsIntegerValue id = integerArgument(the, index, name);
	ebKey* key = id > 0 ? findKey((uint32_t)id) : NULL;
	if (!key)
		xsRangeError("%s: no such key", name);
	if (use != USE_FREE && key->use != use)
		xsTypeError("%s: the key has another use", name);
	return key;
}

static ebKey* freeKey(xsMachine* the, const char* name)
{
	/* Idempotent, and the first thing every key goes through. */
	check(the, name, psa_crypto_init());
	for (int i = 0; i < KEY_LIMIT; i++)
		if (!keys[i].used)
			return &keys[i];
	xsRangeError("%s: more than %d keys", name, KEY_LIMIT);
	return NULL;
}

static xsIntegerValue keepKey(ebKey* key, psa_key_id_t id, int use)
{
	key->used = 1;
	key->use = use;
	key->key = id;
	/* 2^31 / KEY_LIMIT serials; after that ids start over and skip those in use. */
	do {
		serial = (serial + 1) % (0x7FFFFFFFu / KEY_LIMIT);
		key->id = 0;
		uint32_t next = serial * KEY_LIMIT + (uint32_t)(key - keys) + 1;
		if (!findKey(next))
			key->id = next;
	} while (!key->id);
	return (xsIntegerValue)key->id;
}

/* What a key may be used for is enforced by PSA, not only by this table. */
static psa_key_attributes_t attributesFor(int use)
{
	psa_key_attributes_t attributes = PSA_KEY_ATTRIBUTES_INIT;
	if (use == USE_MAC) {
		psa_set_key_type(&attributes, PSA_KEY_TYPE_HMAC);
		psa_set_key_usage_flags(&attributes, PSA_KEY_USAGE_SIGN_MESSAGE | PSA_KEY_USAGE_VERIFY_MESSAGE);
		psa_set_key_algorithm(&attributes, PSA_ALG_AT_LEAST_THIS_LENGTH_MAC(hmac, TAG_MIN));
	}
	else {
		psa_set_key_type(&attributes, PSA_KEY_TYPE_DERIVE);
		psa_set_key_usage_flags(&attributes, PSA_KEY_USAGE_DERIVE);
		psa_set_key_algorithm(&attributes, PSA_ALG_HKDF(PSA_ALG_SHA_256));
	}
	return attributes;
}

void ebCryptoImportKey(xsMachine* the)
{
	static const char name[] = "importKey";
	size_t size;
	psa_key_id_t id = 0;
	int use = useArgument(the, 1, name);
	ebKey* key = freeKey(the, name);
	psa_key_attributes_t attributes = attributesFor(use);
	const uint8_t* bytes = bufferArgument(the, 0, name, 0, &size);
	if (size < KEY_MIN || size > KEY_MAX)
		xsRangeError("%s: a key has %d to %d bytes", name, KEY_MIN, KEY_MAX);
	check(the, name, psa_import_key(&attributes, bytes, size, &id));
	xsmcSetInteger(xsResult, keepKey(key, id, use));
}

static psa_status_t derive(psa_key_id_t secret, const uint8_t* salt, size_t saltSize,
	const uint8_t* info, size_t infoSize, int use, psa_key_id_t* id)
{
	psa_key_derivation_operation_t operation = PSA_KEY_DERIVATION_OPERATION_INIT;
	psa_key_attributes_t attributes = attributesFor(use);
	psa_set_key_bits(&attributes, DERIVED_BITS);
	psa_status_t status = psa_key_derivation_setup(&operation, PSA_ALG_HKDF(PSA_ALG_SHA_256));
	if (status == PSA_SUCCESS)
		status = psa_key_derivation_input_bytes(&operation, PSA_KEY_DERIVATION_INPUT_SALT, salt, saltSize);
	if (status == PSA_SUCCESS)
		status = psa_key_derivation_input_key(&operation, PSA_KEY_DERIVATION_INPUT_SECRET, secret);
	if (status == PSA_SUCCESS)
		status = psa_key_derivation_input_bytes(&operation, PSA_KEY_DERIVATION_INPUT_INFO, info, infoSize);
	if (status == PSA_SUCCESS)
		status = psa_key_derivation_output_key(&attributes, &operation, id);
	psa_key_derivation_abort(&operation);
	return status;
}

void ebCryptoDeriveKey(xsMachine* the)
{
	static const char name[] = "deriveKey";
	size_t saltSize, infoSize;
	psa_key_id_t id = 0;
	ebKey* secret = keyArgument(the, 0, name, USE_DERIVE);
	int use = useArgument(the, 3, name);
	ebKey* key = freeKey(the, name);
	const uint8_t* salt = bufferArgument(the, 1, name, 0, &saltSize);
	const uint8_t* info = bufferArgument(the, 2, name, 0, &infoSize);
	check(the, name, derive(secret->key, salt, saltSize, info, infoSize, use, &id));
	xsmcSetInteger(xsResult, keepKey(key, id, use));
}

void ebCryptoDestroyKey(xsMachine* the)
{
	static const char name[] = "destroyKey";
	ebKey* key = keyArgument(the, 0, name, USE_FREE);
	psa_key_id_t id = key->key;
	memset(key, 0, sizeof(*key));
	check(the, name, psa_destroy_key(id));
}

/* Reads (key, data, length, tag), the arguments of mac and verifyMac. */
static ebKey* macArguments(xsMachine* the, const char* name, int writable,
	const uint8_t** data, size_t* length, uint8_t** tag, size_t* tagSize)
{
	size_t size;
	ebKey* key = keyArgument(the, 0, name, USE_MAC);
	xsIntegerValue wanted = integerArgument(the, 2, name);
	*data = bufferArgument(the, 1, name, 0, &size);
	if (wanted < 0 || (size_t)wanted > size)
		xsRangeError("%s: length beyond the data", name);
	*length = (size_t)wanted;
	*tag = bufferArgument(the, 3, name, writable, tagSize);
	if (*tagSize < TAG_MIN || *tagSize > TAG_MAX)
		xsRangeError("%s: a tag has %d to %d bytes", name, TAG_MIN, TAG_MAX);
	return key;
}

void ebCryptoMac(xsMachine* the)
{
	static const char name[] = "mac";
	const uint8_t* data;
	uint8_t* tag;
	size_t length, tagSize, written = 0;
	ebKey* key = macArguments(the, name, 1, &data, &length, &tag, &tagSize);
	check(the, name, psa_mac_compute(key->key, PSA_ALG_TRUNCATED_MAC(hmac, tagSize), data, length, tag, tagSize, &written));
}

void ebCryptoVerifyMac(xsMachine* the)
{
	static const char name[] = "verifyMac";
	const uint8_t* data;
	uint8_t* tag;
	size_t length, tagSize;
	ebKey* key = macArguments(the, name, 0, &data, &length, &tag, &tagSize);
	psa_status_t status = psa_mac_verify(key->key, PSA_ALG_TRUNCATED_MAC(hmac, tagSize), data, length, tag, tagSize);
	if (status != PSA_ERROR_INVALID_SIGNATURE)
		check(the, name, status);
	xsmcSetBoolean(xsResult, status == PSA_SUCCESS);
}

void ebCryptoSha256(xsMachine* the)
{
	static const char name[] = "sha256";
	size_t size, outSize, written = 0;
	check(the, name, psa_crypto_init());
	xsIntegerValue length = integerArgument(the, 1, name);
	const uint8_t* data = bufferArgument(the, 0, name, 0, &size);
	if (length < 0 || (size_t)length > size)
		xsRangeError("%s: length beyond the data", name);
	uint8_t* out = bufferArgument(the, 2, name, 1, &outSize);
	if (outSize != TAG_MAX)
		xsRangeError("%s: out has not %d bytes", name, TAG_MAX);
	check(the, name, psa_hash_compute(PSA_ALG_SHA_256, data, (size_t)length, out, outSize, &written));
}

void ebCryptoRandom(xsMachine* the)
{
	static const char name[] = "random";
	size_t size;
	uint8_t* out = bufferArgument(the, 0, name, 1, &size);
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
