/* SPDX-License-Identifier: Apache-2.0 */
/* Reads CBOR strictly: shortest heads, definite lengths, keys in order, nothing beyond the end. What is refused leaves nothing to be read. */
#include "body.h"

#include <string.h>

enum { UINT = 0x00, NEGATIVE = 0x20, BYTES = 0x40, ARRAY = 0x80, MAP = 0xa0, FALSE = 0xf4, TRUE = 0xf5, NIL = 0xf6 };
enum { SEQUENCE_MAX = 0x3fffffff, INDEX_MAX = INT32_MAX, VARIABLE_MAX = 0xffff, RESULT_TIMEOUT = 9, RESULT_LAST = 19 };
#define GREATEST 9007199254740991u /* 2^53 - 1 */

typedef struct {
	const uint8_t* at;
	const uint8_t* end;
	bool refused;
} Reader;

static uint64_t refuse(Reader* in)
{
	in->at = in->end;
	in->refused = true;
	return 0;
}

static void require(Reader* in, bool holds)
{
	if (!holds)
		refuse(in);
}

/* The first byte of the next item; at the end a byte that begins none. */
static uint8_t peek(const Reader* in)
{
	return in->at < in->end ? *in->at : 0xff;
}

/* The argument of an item of this major type. */
static uint64_t readHead(Reader* in, uint8_t major)
{
	static const uint64_t least[] = { 24, 0x100, 0x10000, 0x100000000 };
	uint8_t info = peek(in) ^ major;
	if (info > 27)
		return refuse(in);
	in->at++;
	if (info < 24)
		return info;
	info -= 24;
	if (in->end - in->at < 1 << info)
		return refuse(in);
	uint64_t argument = 0;
	for (int i = 0; i < 1 << info; i++)
		argument = argument << 8 | *in->at++;
	return argument < least[info] || argument > GREATEST ? refuse(in) : argument;
}

static uint64_t readNumber(Reader* in, uint64_t least, uint64_t most)
{
	const uint64_t number = readHead(in, UINT);
	return number < least || number > most ? refuse(in) : number;
}

static int64_t readInteger(Reader* in)
{
	if ((peek(in) & 0xe0) != NEGATIVE)
		return (int64_t)readHead(in, UINT);
	const uint64_t number = readHead(in, NEGATIVE);
	return number == GREATEST ? (int64_t)refuse(in) : -1 - (int64_t)number;
}

static void readThree(Reader* in, uint32_t three[3], uint32_t firstMost)
{
	require(in, readHead(in, ARRAY) == 3);
	for (int i = 0; i < 3; i++)
		three[i] = (uint32_t)readNumber(in, 0, i == 0 ? firstMost : INDEX_MAX);
}

static void readItem(Reader* in, ebItem* item)
{
	require(in, readHead(in, ARRAY) == 6);
	item->variable = (uint32_t)readNumber(in, 0, VARIABLE_MAX);
	item->isBoolean = peek(in) == FALSE || peek(in) == TRUE;
	item->value = item->isBoolean ? *in->at++ == TRUE : readInteger(in);
	item->offsetMs = readInteger(in);
	item->device = (uint32_t)readNumber(in, 0, INDEX_MAX);
	item->owner = (uint32_t)readNumber(in, 0, INDEX_MAX);
	item->hasPolicy = peek(in) != NIL;
	if (!item->hasPolicy) {
		in->at++;
		return;
	}
	require(in, readHead(in, BYTES) == EB_POLICY_HASH && in->end - in->at >= EB_POLICY_HASH);
	if (in->refused)
		return;
	memcpy(item->policy, in->at, EB_POLICY_HASH);
	in->at += EB_POLICY_HASH;
}

static void readTerm(Reader* in, ebTerm* term)
{
	require(in, readHead(in, ARRAY) == 3);
	term->field = (uint8_t)readNumber(in, 1, 2);
	term->comparison = (uint8_t)readNumber(in, 1, 5);
	term->operand = readInteger(in);
}

static uint64_t readField(Reader* in, uint32_t key, ebBody* body)
{
	static const struct {
		uint32_t least;
		uint64_t most;
	} ranges[EB_KEYS] = {
		[EB_OPERATION] = { 1, EB_NOTIFY }, [EB_SEQUENCE] = { 1, SEQUENCE_MAX }, [EB_TIME] = { 0, UINT32_MAX }, [EB_ID] = { 1, SEQUENCE_MAX },
		[EB_FUNCTION] = { 1, 6 }, [EB_RESULT] = { 1, RESULT_LAST }, [EB_RETRY_AFTER] = { 1, GREATEST }, [EB_PERIOD] = { 1, INT32_MAX },
		[EB_HOPS] = { 1, 7 }, [EB_AT] = { 0, INDEX_MAX },
	};
	uint64_t count = 0;
	switch (key) {
	case EB_SOURCE:
		readThree(in, body->source, INDEX_MAX);
		return 0;
	case EB_SELECTOR:
		readThree(in, body->selector, VARIABLE_MAX);
		return 0;
	case EB_ITEMS:
		count = readHead(in, ARRAY);
		require(in, count > 0 && count <= EB_ITEMS_MAX);
		for (uint64_t i = 0; i < count && !in->refused; i++)
			readItem(in, &body->items[i]);
		return count;
	case EB_CONDITION:
		count = readHead(in, ARRAY);
		require(in, count <= EB_TERMS_MAX);
		for (uint64_t i = 0; i < count && !in->refused; i++)
			readTerm(in, &body->terms[i]);
		return count;
	default:
		return ranges[key].most ? readNumber(in, ranges[key].least, ranges[key].most) : refuse(in);
	}
}

/* Whether an operation has the keys that it must have, and no others but those that it may have. */
static bool hasItsKeys(uint64_t operation, uint32_t keys)
{
	enum {
		ALL = 1 << EB_OPERATION | 1 << EB_SEQUENCE, REQUEST = ALL | 1 << EB_SOURCE, LOCATED = REQUEST | 1 << EB_SELECTOR,
		ANY = 1 << EB_TIME, ANY_REQUEST = ANY | 1 << EB_HOPS, ANY_LOCATED = ANY_REQUEST | 1 << EB_AT,
	};
	static const struct {
		uint32_t must, may;
	} shapes[] = {
		[EB_WRITE] = { REQUEST | 1 << EB_ITEMS, ANY_REQUEST },
		[EB_QUERY] = { LOCATED | 1 << EB_CONDITION | 1 << EB_FUNCTION, ANY_LOCATED },
		[EB_EVENT] = { LOCATED | 1 << EB_CONDITION, ANY_LOCATED },
		[EB_PERIODIC] = { LOCATED | 1 << EB_PERIOD, ANY_LOCATED },
		[EB_UNSUBSCRIBE] = { REQUEST | 1 << EB_ID, ANY_REQUEST },
		[EB_ALIVE] = { ALL, ANY },
		[EB_NOTIFY] = { ALL | 1 << EB_ID, ANY | 1 << EB_ITEMS | 1 << EB_RESULT | 1 << EB_RETRY_AFTER },
	};
	return operation > 0 && (keys & shapes[operation].must) == shapes[operation].must && !(keys & ~(shapes[operation].must | shapes[operation].may));
}

bool ebReadBody(const uint8_t* bytes, size_t size, ebBody* body)
{
	Reader in = { bytes, bytes + size, false };
	memset(body->numbers, 0, sizeof(body->numbers));
	body->keys = 0;
	for (uint64_t left = readHead(&in, MAP); left > 0 && !in.refused; left--) {
		const uint32_t key = (uint32_t)readNumber(&in, 1, EB_KEYS - 1);
		if (body->keys >> key)
			return false;
		body->keys |= 1u << key;
		body->numbers[key] = readField(&in, key, body);
	}
	if (in.refused || in.at != in.end || body->numbers[EB_RESULT] == RESULT_TIMEOUT)
		return false;
	return hasItsKeys(body->numbers[EB_OPERATION], body->keys);
}
