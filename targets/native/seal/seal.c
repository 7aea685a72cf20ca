/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The native side of the seal port: encodes and authenticates the message of a
 * reading in one go, and verifies messages where they stand. The layout is that
 * of sdk/core/wire (session-message.cddl), the portable twin is portableSeal in
 * reading-message.ts. Cryptography comes from the native crypto module.
 *
 * The same file is built for the test host and for ESP32; there a device module
 * binds the functions by name. Numbers are read before buffers, because
 * converting them could run a script and move buffers.
 */
#include "xsmc.h"
#include "seal.h"

#include <string.h>

enum { TAG = 8, DIGEST = 32, INTEGER_MAX = 9 };
/* Bounds of what stays the same from one message to the next: names of a session are small integers. */
enum { PREFIX_MAX = 256, ENVELOPE_MAX = 16, TEMPLATE_MAX = 64, PAYLOAD_MAX = 984, MESSAGE_MAX = 1024 };
/* Template, and key 4, key 5 and two array heads, with five integers. */
enum { READING_MAX = 2 * TEMPLATE_MAX + 4 + 5 * INTEGER_MAX };
enum { UINT = 0x00, NEGATIVE = 0x20, BYTES = 0x40 };

static const int64_t greatest = 9007199254740991; /* 2^53 - 1 */

/* A whole number may be an integer or a double to the engine; doubles are dear on a chip without them. */
int64_t ebSealNumber(xsMachine* the, int index, const char* name, int64_t least, int64_t most)
{
	int type = xsmcArgc > index ? xsmcTypeOf(xsArg(index)) : xsUndefinedType;
	int64_t value = INT64_MIN;
	if (type == xsIntegerType)
		value = xsmcToInteger(xsArg(index));
	else if (type == xsNumberType) {
		xsNumberValue number = xsmcToNumber(xsArg(index));
		if (number >= (xsNumberValue)-greatest && number <= (xsNumberValue)greatest && number == (xsNumberValue)(int64_t)number)
			value = (int64_t)number;
	}
	if (value < least || value > most)
		xsRangeError("%s: argument %d is no whole number in its range", name, index + 1);
	return value;
}

ebPart ebSealBuffer(xsMachine* the, int index, const char* name, size_t most)
{
	void* data = NULL;
	xsUnsignedValue size = 0;
	if (xsmcArgc <= index || xsmcTypeOf(xsArg(index)) != xsReferenceType)
		xsTypeError("%s: argument %d is no buffer", name, index + 1);
	xsmcGetBufferReadable(xsArg(index), &data, &size);
	if (size > most)
		xsRangeError("%s: argument %d has %d bytes, at most %d", name, index + 1, (int)size, (int)most);
	return (ebPart){ data, size };
}

/* The head of a CBOR item in its shortest form. */
static uint8_t* putHead(uint8_t* p, uint8_t major, uint64_t argument)
{
	if (argument < 24) {
		*p++ = (uint8_t)(major | argument);
		return p;
	}
	int log = argument < 0x100 ? 0 : argument < 0x10000 ? 1 : argument < 0x100000000 ? 2 : 3;
	*p++ = (uint8_t)(major | (24 + log));
	for (int shift = (8 << log) - 8; shift >= 0; shift -= 8)
		*p++ = (uint8_t)(argument >> shift);
	return p;
}

static uint8_t* putInteger(uint8_t* p, int64_t value)
{
	return value >= 0 ? putHead(p, UINT, (uint64_t)value) : putHead(p, NEGATIVE, (uint64_t)(-1 - value));
}

static uint8_t* putBytes(uint8_t* p, ebPart part)
{
	memcpy(p, part.bytes, part.size);
	return p + part.size;
}

static size_t putReading(uint8_t* p, ebPart head, ebPart tail, const int64_t numbers[5])
{
	uint8_t* start = p;
	p = putInteger(putBytes(p, head), numbers[0]);
	p = putInteger(putInteger(p, 4), numbers[1]);
	*p++ = 0x05;
	*p++ = 0x81; /* one item */
	*p++ = 0x86; /* of six */
	for (int i = 2; i < 5; i++)
		p = putInteger(p, numbers[i]);
	return (size_t)(putBytes(p, tail) - start);
}

void ebSealReading(xsMachine* the)
{
	static const char name[] = "sealReading";
	uint8_t payload[READING_MAX], length[3], digest[DIGEST], message[ENVELOPE_MAX + 3 + READING_MAX + 1 + TAG];
	const uint32_t key = ebCryptoMacKey(the, 0, name);
	const int64_t numbers[5] = {
		ebSealNumber(the, 5, name, 1, 0x3fffffff),
		ebSealNumber(the, 6, name, 0, UINT32_MAX),
		ebSealNumber(the, 7, name, 0, 65535),
		ebSealNumber(the, 8, name, -greatest, greatest),
		ebSealNumber(the, 9, name, -greatest, greatest),
	};
	ebPart parts[3] = { ebSealBuffer(the, 1, name, PREFIX_MAX) };
	const ebPart envelope = ebSealBuffer(the, 2, name, ENVELOPE_MAX);
	const ebPart head = ebSealBuffer(the, 3, name, TEMPLATE_MAX), tail = ebSealBuffer(the, 4, name, TEMPLATE_MAX);
	parts[2] = (ebPart){ payload, putReading(payload, head, tail, numbers) };
	parts[1] = (ebPart){ length, (size_t)(putHead(length, BYTES, parts[2].size) - length) };
	ebCryptoTag(the, name, key, parts, 3, digest);

	uint8_t* p = putBytes(putBytes(putBytes(message, envelope), parts[1]), parts[2]);
	*p++ = BYTES | TAG;
	p = putBytes(p, (ebPart){ digest, TAG });
	xsmcSetArrayBuffer(xsResult, message, (xsIntegerValue)(p - message));
}

void ebSealVerify(xsMachine* the)
{
	static const char name[] = "verify";
	uint8_t length[3];
	const uint32_t key = ebCryptoMacKey(the, 0, name);
	const size_t start = (size_t)ebSealNumber(the, 3, name, 0, MESSAGE_MAX), end = (size_t)ebSealNumber(the, 4, name, (int64_t)start, MESSAGE_MAX);
	ebPart parts[3] = { ebSealBuffer(the, 1, name, PREFIX_MAX) };
	const ebPart message = ebSealBuffer(the, 2, name, MESSAGE_MAX);
	if (end + TAG > message.size)
		xsRangeError("%s: payload and tag end beyond the message", name);
	parts[2] = (ebPart){ (const uint8_t*)message.bytes + start, end - start };
	parts[1] = (ebPart){ length, (size_t)(putHead(length, BYTES, parts[2].size) - length) };
	xsmcSetBoolean(xsResult, ebCryptoVerifyTag(the, name, key, parts, 3, (const uint8_t*)message.bytes + message.size - TAG, TAG));
}

/* The envelope of session-message.ts, each part in its shortest form; parseEnvelope says what is wrong with another. */
static uint32_t parseEnvelope(const uint8_t* p, size_t size)
{
	enum { ARRAY_OF_FOUR = 0x84, MAP_OF_ONE = 0xa1, KID = 0x04, EMPTY_MAP = 0xa0, ONE_BYTE = 0x58, TWO_BYTES = 0x59, LONGEST_HEAD = 12 };
	if (size < LONGEST_HEAD + 1 + TAG || size > MESSAGE_MAX || p[0] != ARRAY_OF_FOUR || p[2] != MAP_OF_ONE || p[3] != KID || p[5] == 0)
		return 0;
	const size_t kidBytes = p[1] == (BYTES | 4) && p[4] == (BYTES | 1) ? 1 : p[1] == (BYTES | 5) && p[4] == (BYTES | 2) ? 2 : 0;
	const uint32_t kid = kidBytes == 1 ? p[5] : (uint32_t)p[5] << 8 | p[6];
	size_t at = 5 + kidBytes;
	if (!kidBytes || p[at++] != EMPTY_MAP)
		return 0;
	size_t length = p[at++];
	if (length >= BYTES && length < BYTES + 24)
		length -= BYTES;
	else if (length == ONE_BYTE && p[at] >= 24)
		length = p[at++];
	else if (length == TWO_BYTES && p[at] > 0) {
		length = (size_t)p[at] << 8 | p[at + 1];
		at += 2;
	}
	else
		return 0;
	if (length > PAYLOAD_MAX || at + length + 1 + TAG != size || p[at + length] != (BYTES | TAG))
		return 0;
	return kid << 16 | (uint32_t)at << 11 | (uint32_t)(at + length);
}

void ebSealParse(xsMachine* the)
{
	void* data = NULL;
	xsUnsignedValue size = 0;
	if (xsmcArgc < 1 || xsmcTypeOf(xsArg(0)) != xsReferenceType)
		xsTypeError("parse: argument 1 is no buffer");
	xsmcGetBufferReadable(xsArg(0), &data, &size);
	xsmcSetInteger(xsResult, (xsIntegerValue)parseEnvelope(data, size));
}
