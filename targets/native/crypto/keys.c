/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keys behind the handles of a script: they live in PSA's volatile key store, or as hash states in this file's memory, never in
 * the script's; no function gives the bytes of a secret or private key back. Arguments come from scripts and may be anything.
 */
#include "keys.h"

#include <stdlib.h>
#include <string.h>

enum { KEY_LIMIT = 60, KEY_MIN = 16, KEY_MAX = 64, BLOCK = 64 };

static ebKey keys[KEY_LIMIT];
static uint32_t serial = 0;

void ebCheck(xsMachine* the, const char* name, psa_status_t status)
{
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

int ebUseArgument(xsMachine* the, int index, const char* name)
{
	xsIntegerValue use = ebIntegerArgument(the, index, name);
	if (use != USE_MAC && use != USE_DERIVE)
		xsRangeError("%s: use is neither 0 nor 1", name);
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

static ebKey* anyKeyArgument(xsMachine* the, int index, const char* name)
{
	xsIntegerValue id = ebIntegerArgument(the, index, name);
	ebKey* key = id > 0 ? ebFindKey((uint32_t)id) : NULL;
	if (!key)
		xsRangeError("%s: no such key", name);
	return key;
}

ebKey* ebKeyArgument(xsMachine* the, int index, const char* name, int use)
{
	ebKey* key = anyKeyArgument(the, index, name);
	if (key->use != use)
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

/* What a key may be used for is enforced by PSA too. */
static psa_status_t importSecret(const uint8_t* bytes, size_t size, psa_key_id_t* id)
{
	psa_key_attributes_t attributes = PSA_KEY_ATTRIBUTES_INIT;
	psa_set_key_type(&attributes, PSA_KEY_TYPE_DERIVE);
	psa_set_key_usage_flags(&attributes, PSA_KEY_USAGE_DERIVE);
	psa_set_key_algorithm(&attributes, PSA_ALG_HKDF(PSA_ALG_SHA_256));
	return psa_import_key(&attributes, bytes, size, id);
}

psa_status_t ebTakeSecret(const uint8_t* bytes, size_t size, int use, psa_key_id_t* id, ebPads** pads)
{
	return use == USE_MAC ? makePads(bytes, size, pads) : importSecret(bytes, size, id);
}

void ebCryptoImportKey(xsMachine* the)
{
	static const char name[] = "importKey";
	size_t size;
	psa_key_id_t id = 0;
	ebPads* pads = NULL;
	int use = ebUseArgument(the, 1, name);
	ebKey* key = ebFreeKey(the, name);
	const uint8_t* bytes = ebBufferArgument(the, 0, name, 0, &size);
	if (size < KEY_MIN || size > KEY_MAX)
		xsRangeError("%s: a key has %d to %d bytes", name, KEY_MIN, KEY_MAX);
	ebCheck(the, name, ebTakeSecret(bytes, size, use, &id, &pads));
	xsmcSetInteger(xsResult, ebKeepKey(key, use, id, pads));
}

void ebCryptoDestroyKey(xsMachine* the)
{
	static const char name[] = "destroyKey";
	ebKey* key = anyKeyArgument(the, 0, name);
	psa_key_id_t id = key->key;
	ebPads* pads = key->pads;
	memset(key, 0, sizeof(*key));
	if (pads)
		freePads(pads);
	else
		ebCheck(the, name, psa_destroy_key(id));
}
