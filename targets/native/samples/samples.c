/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The native side of the sample codec. The layout of a record is described in
 * sdk/storage/ring/sample-record.ts, whose portableSamples is the twin of this
 * file. The same file is built for the test host and for ESP32; there a device
 * module binds the functions by name.
 *
 * Numbers are read before buffers, because converting them could run a script
 * and move buffers.
 */
#include "xsmc.h"
#include "samples.h"

#include <string.h>

enum { HEADER = 10, CRC = 2, ERASED = 0xff };
enum { WHOLE = 1, DOUBLE = 2 };
enum { SERIES, FROM, TO, LEAST, GREATEST, POLICIES, QUERY_PLACES };
enum { COUNT, TOTAL, PIVOT, SQUARES, MINIMUM, MAXIMUM = 7, LAST = 10, LOOKED = 13, HIDDEN, SUM_PLACES };

typedef struct {
	uint8_t* bytes;
	size_t size;
} ebBuffer;

static xsNumberValue numberArgument(xsMachine* the, int index, const char* name, xsNumberValue least, xsNumberValue most)
{
	int type = xsmcArgc > index ? xsmcTypeOf(xsArg(index)) : xsUndefinedType;
	xsNumberValue value = type == xsIntegerType ? xsmcToInteger(xsArg(index)) : type == xsNumberType ? xsmcToNumber(xsArg(index)) : least - 1;
	if (!(value >= least && value <= most))
		xsRangeError("%s: argument %d is no number in its range", name, index + 1);
	return value;
}

static ebBuffer bufferArgument(xsMachine* the, int index, const char* name, size_t least, int writable)
{
	void* data = NULL;
	xsUnsignedValue size = 0;
	if (xsmcArgc <= index || xsmcTypeOf(xsArg(index)) != xsReferenceType)
		xsTypeError("%s: argument %d is no buffer", name, index + 1);
	if (writable)
		xsmcGetBufferWritable(xsArg(index), &data, &size);
	else
		xsmcGetBufferReadable(xsArg(index), &data, &size);
	if (size < least)
		xsRangeError("%s: argument %d has %d bytes, at least %d", name, index + 1, (int)size, (int)least);
	return (ebBuffer){ data, size };
}

/* CRC-16, polynomial 0x1021 from 0xffff, four bits at a time. */
static uint16_t crcOf(const uint8_t* p, size_t size)
{
	static const uint16_t table[16] = {
		0x0000, 0x1021, 0x2042, 0x3063, 0x4084, 0x50a5, 0x60c6, 0x70e7, 0x8108, 0x9129, 0xa14a, 0xb16b, 0xc18c, 0xd1ad, 0xe1ce, 0xf1ef,
	};
	uint16_t crc = 0xffff;
	while (size--) {
		uint8_t byte = *p++;
		crc = (uint16_t)(crc << 4) ^ table[(crc >> 12) ^ (byte >> 4)];
		crc = (uint16_t)(crc << 4) ^ table[(crc >> 12) ^ (byte & 15)];
	}
	return crc;
}

static void put(uint8_t* p, uint64_t value, int bytes)
{
	for (int i = 0; i < bytes; i++)
		p[i] = (uint8_t)(value >> (8 * i));
}

static uint64_t get(const uint8_t* p, int bytes)
{
	uint64_t value = 0;
	for (int i = bytes; i-- > 0;)
		value = value << 8 | p[i];
	return value;
}

void ebSamplesEncodeWhole(xsMachine* the)
{
	static const char name[] = "encodeWhole";
	const uint8_t series = (uint8_t)numberArgument(the, 1, name, 0, 255), policy = (uint8_t)numberArgument(the, 2, name, 0, 255);
	const uint64_t time = (uint64_t)numberArgument(the, 3, name, 0, 281474976710655.0);
	const int32_t value = (int32_t)numberArgument(the, 4, name, -2147483648.0, 2147483647.0);
	uint8_t* out = bufferArgument(the, 0, name, HEADER + 4 + CRC, 1).bytes;
	out[0] = HEADER + 4 + CRC;
	out[1] = WHOLE;
	out[2] = series;
	out[3] = policy;
	put(out + 4, time, 6);
	put(out + HEADER, (uint32_t)value, 4);
	put(out + HEADER + 4, crcOf(out, HEADER + 4), CRC);
	xsmcSetInteger(xsResult, HEADER + 4 + CRC);
}

static void span(xsMachine* the, const char* name, size_t* start, size_t* end, ebBuffer* buffer)
{
	*start = (size_t)numberArgument(the, 1, name, 0, 1 << 24);
	*end = (size_t)numberArgument(the, 2, name, (xsNumberValue)*start, 1 << 24);
	*buffer = bufferArgument(the, 0, name, *end, 0);
}

void ebSamplesCrc(xsMachine* the)
{
	size_t start, end;
	ebBuffer buffer;
	span(the, "crc", &start, &end, &buffer);
	xsmcSetInteger(xsResult, crcOf(buffer.bytes + start, end - start));
}

/* Length of the intact record at p, 0 where there is none. */
static size_t recordLength(const uint8_t* p, size_t left)
{
	size_t length = left ? p[0] : 0;
	if (length == ERASED || length < HEADER + CRC || length > left)
		return 0;
	return crcOf(p, length - CRC) == get(p + length - CRC, CRC) ? length : 0;
}

static double valueOf(const uint8_t* p)
{
	if (p[1] == WHOLE)
		return (int32_t)get(p + HEADER, 4);
	if (p[1] != DOUBLE)
		return __builtin_nan("");
	uint64_t bits = get(p + HEADER, 8);
	double value;
	memcpy(&value, &bits, sizeof(value));
	return value;
}

static void note(double* sums, int place, double value, double time, double policy)
{
	sums[place] = value;
	sums[place + 1] = time;
	sums[place + 2] = policy;
}

/* What is asked, read once: doubles are dear on a chip without them. */
typedef struct {
	uint8_t series;
	uint64_t from, to;
	double least, greatest;
	uint32_t policies;
} ebQuery;

static uint64_t clampTime(double ms)
{
	return ms > 0 ? ms < 1e15 ? (uint64_t)__builtin_ceil(ms) : (uint64_t)1e15 : 0;
}

static void addUp(const uint8_t* p, const ebQuery* query, double* sums)
{
	const uint64_t time = get(p + 4, 6);
	if (time < query->from || time >= query->to)
		return;
	sums[LOOKED]++;
	if (p[3] > 31 || !((query->policies >> p[3]) & 1)) {
		sums[HIDDEN]++;
		return;
	}
	const double value = valueOf(p);
	if (!(value >= query->least && value <= query->greatest))
		return;
	const int first = sums[COUNT] == 0;
	sums[COUNT]++;
	if (first)
		sums[PIVOT] = value;
	const double difference = value - sums[PIVOT];
	sums[TOTAL] += value;
	sums[SQUARES] += difference * difference;
	if (first || value < sums[MINIMUM])
		note(sums, MINIMUM, value, (double)time, p[3]);
	if (first || value > sums[MAXIMUM])
		note(sums, MAXIMUM, value, (double)time, p[3]);
	note(sums, LAST, value, (double)time, p[3]);
}

void ebSamplesSummarise(xsMachine* the)
{
	static const char name[] = "summarise";
	size_t at, end;
	ebBuffer buffer;
	double asked[QUERY_PLACES], sums[SUM_PLACES];
	span(the, name, &at, &end, &buffer);
	memcpy(asked, bufferArgument(the, 3, name, sizeof(asked), 0).bytes, sizeof(asked));
	uint8_t* kept = bufferArgument(the, 4, name, sizeof(sums), 1).bytes;
	memcpy(sums, kept, sizeof(sums));
	const ebQuery query = { (uint8_t)asked[SERIES], clampTime(asked[FROM]), clampTime(asked[TO]), asked[LEAST], asked[GREATEST], (uint32_t)(int64_t)asked[POLICIES] };
	for (size_t length = recordLength(buffer.bytes + at, end - at); length > 0; length = recordLength(buffer.bytes + at, end - at)) {
		if (buffer.bytes[at + 2] == query.series)
			addUp(buffer.bytes + at, &query, sums);
		at += length;
	}
	memcpy(kept, sums, sizeof(sums));
	xsmcSetInteger(xsResult, (xsIntegerValue)at);
}
