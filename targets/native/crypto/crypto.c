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
 * Keys live in PSA's volatile key store, or as hash states in this file's memory,
 * never in the script's; no function gives their bytes back. Arguments come from scripts and may be
 * anything: numbers are read first, because converting them could run a script
 * and move buffers; buffers last, directly before they are used.
 */
#include "xsmc.h"
#include "crypto.h"

#ifdef ESP_PLATFORM
	/* As the chip SDK's own build says on its command line: the sizes of PSA's operations depend on it. */
	#define MBEDTLS_CONFIG_FILE "mbedtls/esp_config.h"
	#define TF_PSA_CRYPTO_USER_CONFIG_FILE "mbedtls/esp_config.h"
#endif
#include <psa/crypto.h>
#include <stdlib.h>
#include <string.h>

#ifdef ESP_PLATFORM
	#include <esp_random.h>
#else
	#include <errno.h>
	#include <sys/random.h>
#endif

enum { KEY_LIMIT = 60, KEY_MIN = 16, KEY_MAX = 64, BLOCK = 64, DERIVED = 32 };
enum { TAG_MIN = 8, TAG_MAX = 32 };
enum { USE_MAC = 0, USE_DERIVE = 1, USE_FREE = -1 };

/* HMAC's two hash states after the padded key, RFC 2104: each tag starts from copies of them, see docs/decisions/0008. */
typedef struct {
	psa_hash_operation_t inner;
	psa_hash_operation_t outer;
} ebPads;

/* An id is serial * KEY_LIMIT + slot + 1, so that the id of a destroyed key stays invalid. */
typedef struct {
	int used;
	uint32_t id;
	psa_key_id_t key; /* for "derive", in PSA's key store */
	ebPads* pads;     /* for "mac" */
} ebKey;

static ebKey keys[KEY_LIMIT];
static uint32_t serial = 0;

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
	if (use != USE_FREE && (key->pads ? USE_MAC : USE_DERIVE) != use)
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

static xsIntegerValue keepKey(ebKey* key, psa_key_id_t id, ebPads* pads)
{
	key->used = 1;
	key->key = id;
	key->pads = pads;
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

/* The compiler must not leave it out. */
static void wipe(void* bytes, size_t size)
{
	volatile uint8_t* p = bytes;
	while (size--)
		*p++ = 0;
}

static psa_status_t startPad(psa_hash_operation_t* operation, const uint8_t* key, size_t size, uint8_t pad)
{
	uint8_t block[BLOCK];
	memset(block, pad, sizeof(block));
	for (size_t i = 0; i < size; i++)
		block[i] ^= key[i];
	psa_status_t status = psa_hash_setup(operation, PSA_ALG_SHA_256);
	if (status == PSA_SUCCESS)
		status = psa_hash_update(operation, block, sizeof(block));
	wipe(block, sizeof(block));
	return status;
}

static void freePads(ebPads* pads)
{
	psa_hash_abort(&pads->inner);
	psa_hash_abort(&pads->outer);
	wipe(pads, sizeof(*pads));
	free(pads);
}

/* A key of at most one block, so it is never hashed first. */
static psa_status_t makePads(const uint8_t* key, size_t size, ebPads** made)
{
	ebPads* pads = calloc(1, sizeof(ebPads));
	if (!pads)
		return PSA_ERROR_INSUFFICIENT_MEMORY;
	psa_status_t status = startPad(&pads->inner, key, size, 0x36);
	if (status == PSA_SUCCESS)
		status = startPad(&pads->outer, key, size, 0x5C);
	if (status == PSA_SUCCESS)
		*made = pads;
	else
		freePads(pads);
	return status;
}

/* What a key may be used for is enforced by PSA too. */
static psa_status_t importSecret(const uint8_t* bytes, size_t size, psa_key_id_t* id)
{
	psa_key_attributes_t attributes = PSA_KEY_ATTRIBUTES_INIT;
	psa_set_key_type(&attributes, PSA_KEY_TYPE_DERIVE);
	psa_set_key_usage_flags(&attributes, PSA_KEY_USAGE_DERIVE);
	psa_set_key_algorithm(&attributes, PSA_ALG_HKDF(PSA_ALG_SHA_256));
	return psa_import_key(&attributes, bytes, size, id);
}

static psa_status_t take(const uint8_t* bytes, size_t size, int use, psa_key_id_t* id, ebPads** pads)
{
	return use == USE_MAC ? makePads(bytes, size, pads) : importSecret(bytes, size, id);
}

void ebCryptoImportKey(xsMachine* the)
{
	static const char name[] = "importKey";
	size_t size;
	psa_key_id_t id = 0;
	ebPads* pads = NULL;
	int use = useArgument(the, 1, name);
	ebKey* key = freeKey(the, name);
	const uint8_t* bytes = bufferArgument(the, 0, name, 0, &size);
	if (size < KEY_MIN || size > KEY_MAX)
		xsRangeError("%s: a key has %d to %d bytes", name, KEY_MIN, KEY_MAX);
	check(the, name, take(bytes, size, use, &id, &pads));
	xsmcSetInteger(xsResult, keepKey(key, id, pads));
}

static psa_status_t derive(psa_key_id_t secret, const uint8_t* salt, size_t saltSize,
	const uint8_t* info, size_t infoSize, uint8_t derived[DERIVED])
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
		status = psa_key_derivation_output_bytes(&operation, derived, DERIVED);
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
	ebKey* secret = keyArgument(the, 0, name, USE_DERIVE);
	int use = useArgument(the, 3, name);
	ebKey* key = freeKey(the, name);
	const uint8_t* salt = bufferArgument(the, 1, name, 0, &saltSize);
	const uint8_t* info = bufferArgument(the, 2, name, 0, &infoSize);
	psa_status_t status = derive(secret->key, salt, saltSize, info, infoSize, derived);
	if (status == PSA_SUCCESS)
		status = take(derived, sizeof(derived), use, &id, &pads);
	wipe(derived, sizeof(derived));
	check(the, name, status);
	xsmcSetInteger(xsResult, keepKey(key, id, pads));
}

void ebCryptoDestroyKey(xsMachine* the)
{
	static const char name[] = "destroyKey";
	ebKey* key = keyArgument(the, 0, name, USE_FREE);
	psa_key_id_t id = key->key;
	ebPads* pads = key->pads;
	memset(key, 0, sizeof(*key));
	if (pads)
		freePads(pads);
	else
		check(the, name, psa_destroy_key(id));
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
	check(the, name, status);
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
	return keyArgument(the, index, name, USE_MAC)->id;
}

void ebCryptoTag(xsMachine* the, const char* name, uint32_t keyId, const ebPart* parts, int count, uint8_t digest[TAG_MAX])
{
	computeTag(the, name, findKey(keyId), parts, count, digest);
}

int ebCryptoVerifyTag(xsMachine* the, const char* name, uint32_t keyId, const ebPart* parts, int count, const uint8_t* tag, size_t size)
{
	uint8_t digest[TAG_MAX];
	computeTag(the, name, findKey(keyId), parts, count, digest);
	return sameTag(digest, tag, size);
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
