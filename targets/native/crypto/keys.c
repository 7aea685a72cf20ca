/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keys behind the handles of a script: they live in PSA's volatile key store, or as hash states in this file's memory, never in
 * the script's; no function gives the bytes of a secret or private key back. Arguments come from scripts and may be anything.
 */
#include "keys.h"

#include <stdlib.h>
#include <string.h>

enum { KEY_LIMIT = 60, BLOCK = 64, POINT = 65, UNCOMPRESSED = 4 };

#define P256(kind) PSA_KEY_TYPE_ECC_##kind(PSA_ECC_FAMILY_SECP_R1)
#define AEAD_USAGE (PSA_KEY_USAGE_ENCRYPT | PSA_KEY_USAGE_DECRYPT)

/* What a key may be used for is enforced by PSA too. Exported are keys to be wrapped, in wrap.c; no script gets their bytes. */
static const struct {
	psa_key_type_t type;
	psa_algorithm_t algorithm;
	psa_key_usage_t usage;
	uint8_t least, most; /* bytes */
	uint8_t whole;       /* none between these */
} uses[USES] = {
	[USE_MAC] = { 0, 0, 0, 16, BLOCK, 0 },
	[USE_DERIVE] = { PSA_KEY_TYPE_DERIVE, PSA_ALG_HKDF(PSA_ALG_SHA_256), PSA_KEY_USAGE_DERIVE | PSA_KEY_USAGE_EXPORT, 16, 64, 0 },
	[USE_AES_CCM_64] = { PSA_KEY_TYPE_AES, PSA_ALG_AEAD_WITH_SHORTENED_TAG(PSA_ALG_CCM, 8), AEAD_USAGE | PSA_KEY_USAGE_EXPORT, 16, 32, 1 },
	[USE_AES_CCM_128] = { PSA_KEY_TYPE_AES, PSA_ALG_CCM, AEAD_USAGE | PSA_KEY_USAGE_EXPORT, 16, 32, 1 },
	[USE_AES_GCM] = { PSA_KEY_TYPE_AES, PSA_ALG_GCM, AEAD_USAGE | PSA_KEY_USAGE_EXPORT, 16, 32, 1 },
	[USE_CHACHA20_POLY1305] = { PSA_KEY_TYPE_CHACHA20, PSA_ALG_CHACHA20_POLY1305, AEAD_USAGE | PSA_KEY_USAGE_EXPORT, 32, 32, 1 },
	[USE_WRAP] = { PSA_KEY_TYPE_AES, PSA_ALG_CCM, AEAD_USAGE, 32, 32, 1 },
	/* Signatures need no randomness of a board (RFC 6979): what it has while its radio is off is none. */
	[USE_ES256] = { P256(KEY_PAIR), PSA_ALG_DETERMINISTIC_ECDSA(PSA_ALG_SHA_256), PSA_KEY_USAGE_SIGN_MESSAGE | PSA_KEY_USAGE_EXPORT, 32, 32, 1 },
	[USE_ECDH_P256] = { P256(KEY_PAIR), PSA_ALG_ECDH, PSA_KEY_USAGE_DERIVE | PSA_KEY_USAGE_EXPORT, 32, 32, 1 },
	[USE_X25519] = { PSA_KEY_TYPE_ECC_KEY_PAIR(PSA_ECC_FAMILY_MONTGOMERY), PSA_ALG_ECDH, PSA_KEY_USAGE_DERIVE | PSA_KEY_USAGE_EXPORT, 32, 32, 1 },
	[USE_VERIFY_ES256] = { P256(PUBLIC_KEY), PSA_ALG_ECDSA(PSA_ALG_SHA_256), PSA_KEY_USAGE_VERIFY_MESSAGE, POINT, POINT, 1 },
};

static ebKey keys[KEY_LIMIT];
static uint32_t serial = 0;

void ebCheck(xsMachine* the, const char* name, psa_status_t status)
{
	if (status == PSA_ERROR_INVALID_ARGUMENT)
		xsRangeError("%s: an argument is not valid", name);
	if (status != PSA_SUCCESS)
		xsUnknownError("%s: PSA status %d", name, (int)status);
}

void ebWipe(void* bytes, size_t size)
{
	volatile uint8_t* p = bytes;
	while (size--)
		*p++ = 0;
}

/* A whole number may be an integer or a double to the engine; anything else is no number. */
xsIntegerValue ebIntegerArgument(xsMachine* the, int index, const char* name)
{
	int type = xsmcArgc > index ? xsmcTypeOf(xsArg(index)) : xsUndefinedType;
	if (type == xsIntegerType)
		return xsmcToInteger(xsArg(index));
	xsNumberValue value = type == xsNumberType ? xsmcToNumber(xsArg(index)) : -0.5;
	if (!(value >= -2147483648.0 && value <= 2147483647.0) || value != (xsIntegerValue)value)
		xsTypeError("%s: argument %d is no integer", name, index + 1);
	return (xsIntegerValue)value;
}

void* ebBufferArgument(xsMachine* the, int index, const char* name, int writable, size_t* size)
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

int ebUseArgument(xsMachine* the, int index, const char* name, unsigned set)
{
	xsIntegerValue use = ebIntegerArgument(the, index, name);
	if (use < 0 || use >= USES || !(set & USE_BIT(use)))
		xsRangeError("%s: no such use", name);
	return (int)use;
}

const uint8_t* ebDataArgument(xsMachine* the, int index, const char* name, size_t* length)
{
	size_t size;
	xsIntegerValue wanted = ebIntegerArgument(the, index + 1, name);
	const uint8_t* data = ebBufferArgument(the, index, name, 0, &size);
	if (wanted < 0 || (size_t)wanted > size)
		xsRangeError("%s: length beyond the data", name);
	*length = (size_t)wanted;
	return data;
}

ebKey* ebFindKey(uint32_t id)
{
	for (int i = 0; i < KEY_LIMIT; i++)
		if (keys[i].used && keys[i].id == id)
			return &keys[i];
	return NULL;
}

ebKey* ebKeyArgument(xsMachine* the, int index, const char* name, unsigned set)
{
	xsIntegerValue id = ebIntegerArgument(the, index, name);
	ebKey* key = id > 0 ? ebFindKey((uint32_t)id) : NULL;
	if (!key)
		xsRangeError("%s: no such key", name);
	if (!(set & USE_BIT(key->use)))
		xsTypeError("%s: the key has another use", name);
	return key;
}

ebKey* ebFreeKey(xsMachine* the, const char* name)
{
	/* Idempotent, and the first thing every key goes through. */
	ebCheck(the, name, psa_crypto_init());
	for (int i = 0; i < KEY_LIMIT; i++)
		if (!keys[i].used)
			return &keys[i];
	xsRangeError("%s: more than %d keys", name, KEY_LIMIT);
	return NULL;
}

/* An id is serial * KEY_LIMIT + slot + 1, so that the id of a destroyed key stays invalid. */
xsIntegerValue ebKeepKey(ebKey* key, int use, psa_key_id_t id, ebPads* pads)
{
	key->used = 1;
	key->use = use;
	key->key = id;
	key->pads = pads;
	/* 2^31 / KEY_LIMIT serials; after that ids start over and skip those in use. */
	do {
		serial = (serial + 1) % (0x7FFFFFFFu / KEY_LIMIT);
		key->id = 0;
		uint32_t next = serial * KEY_LIMIT + (uint32_t)(key - keys) + 1;
		if (!ebFindKey(next))
			key->id = next;
	} while (!key->id);
	return (xsIntegerValue)key->id;
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
	ebWipe(block, sizeof(block));
	return status;
}

static void freePads(ebPads* pads)
{
	psa_hash_abort(&pads->inner);
	psa_hash_abort(&pads->outer);
	ebWipe(pads, sizeof(*pads));
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

int ebIsKeySize(size_t size, int use)
{
	return size == uses[use].least || size == uses[use].most || (!uses[use].whole && size > uses[use].least && size < uses[use].most);
}

int ebIsPoint(const uint8_t* bytes, size_t size)
{
	return size == POINT && bytes[0] == UNCOMPRESSED;
}

psa_algorithm_t ebAlgorithm(int use)
{
	return uses[use].algorithm;
}

psa_key_attributes_t ebAttributes(int use)
{
	psa_key_attributes_t attributes = PSA_KEY_ATTRIBUTES_INIT;
	psa_set_key_type(&attributes, uses[use].type);
	psa_set_key_usage_flags(&attributes, uses[use].usage);
	psa_set_key_algorithm(&attributes, uses[use].algorithm);
	return attributes;
}

psa_status_t ebTakeKey(const uint8_t* bytes, size_t size, int use, psa_key_id_t* id, ebPads** pads)
{
	if (use == USE_MAC)
		return makePads(bytes, size, pads);
	psa_key_attributes_t attributes = ebAttributes(use);
	return psa_import_key(&attributes, bytes, size, id);
}

void ebCryptoImportKey(xsMachine* the)
{
	static const char name[] = "importKey";
	size_t size;
	psa_key_id_t id = 0;
	ebPads* pads = NULL;
	int use = ebUseArgument(the, 1, name, ALL_USES);
	ebKey* key = ebFreeKey(the, name);
	const uint8_t* bytes = ebBufferArgument(the, 0, name, 0, &size);
	if (!ebIsKeySize(size, use))
		xsRangeError("%s: a key has %d to %d bytes", name, uses[use].least, uses[use].most);
	if (use == USE_VERIFY_ES256 && !ebIsPoint(bytes, size))
		xsRangeError("%s: this is no uncompressed point", name);
	ebCheck(the, name, ebTakeKey(bytes, size, use, &id, &pads));
	xsmcSetInteger(xsResult, ebKeepKey(key, use, id, pads));
}

void ebCryptoDestroyKey(xsMachine* the)
{
	static const char name[] = "destroyKey";
	ebKey* key = ebKeyArgument(the, 0, name, ALL_USES);
	psa_key_id_t id = key->key;
	ebPads* pads = key->pads;
	memset(key, 0, sizeof(*key));
	if (pads)
		freePads(pads);
	else
		ebCheck(the, name, psa_destroy_key(id));
}
