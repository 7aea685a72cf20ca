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

/* CRC-16, polynomial 0x1021 from 0xffff, a byte at a time. */
static uint16_t crcOf(const uint8_t* p, size_t size)
{
	static const uint16_t table[256] = {
		0x0000, 0x1021, 0x2042, 0x3063, 0x4084, 0x50a5, 0x60c6, 0x70e7, 0x8108, 0x9129, 0xa14a, 0xb16b, 0xc18c, 0xd1ad, 0xe1ce, 0xf1ef,
		0x1231, 0x0210, 0x3273, 0x2252, 0x52b5, 0x4294, 0x72f7, 0x62d6, 0x9339, 0x8318, 0xb37b, 0xa35a, 0xd3bd, 0xc39c, 0xf3ff, 0xe3de,
		0x2462, 0x3443, 0x0420, 0x1401, 0x64e6, 0x74c7, 0x44a4, 0x5485, 0xa56a, 0xb54b, 0x8528, 0x9509, 0xe5ee, 0xf5cf, 0xc5ac, 0xd58d,
		0x3653, 0x2672, 0x1611, 0x0630, 0x76d7, 0x66f6, 0x5695, 0x46b4, 0xb75b, 0xa77a, 0x9719, 0x8738, 0xf7df, 0xe7fe, 0xd79d, 0xc7bc,
		0x48c4, 0x58e5, 0x6886, 0x78a7, 0x0840, 0x1861, 0x2802, 0x3823, 0xc9cc, 0xd9ed, 0xe98e, 0xf9af, 0x8948, 0x9969, 0xa90a, 0xb92b,
		0x5af5, 0x4ad4, 0x7ab7, 0x6a96, 0x1a71, 0x0a50, 0x3a33, 0x2a12, 0xdbfd, 0xcbdc, 0xfbbf, 0xeb9e, 0x9b79, 0x8b58, 0xbb3b, 0xab1a,
		0x6ca6, 0x7c87, 0x4ce4, 0x5cc5, 0x2c22, 0x3c03, 0x0c60, 0x1c41, 0xedae, 0xfd8f, 0xcdec, 0xddcd, 0xad2a, 0xbd0b, 0x8d68, 0x9d49,
		0x7e97, 0x6eb6, 0x5ed5, 0x4ef4, 0x3e13, 0x2e32, 0x1e51, 0x0e70, 0xff9f, 0xefbe, 0xdfdd, 0xcffc, 0xbf1b, 0xaf3a, 0x9f59, 0x8f78,
		0x9188, 0x81a9, 0xb1ca, 0xa1eb, 0xd10c, 0xc12d, 0xf14e, 0xe16f, 0x1080, 0x00a1, 0x30c2, 0x20e3, 0x5004, 0x4025, 0x7046, 0x6067,
		0x83b9, 0x9398, 0xa3fb, 0xb3da, 0xc33d, 0xd31c, 0xe37f, 0xf35e, 0x02b1, 0x1290, 0x22f3, 0x32d2, 0x4235, 0x5214, 0x6277, 0x7256,
		0xb5ea, 0xa5cb, 0x95a8, 0x8589, 0xf56e, 0xe54f, 0xd52c, 0xc50d, 0x34e2, 0x24c3, 0x14a0, 0x0481, 0x7466, 0x6447, 0x5424, 0x4405,
		0xa7db, 0xb7fa, 0x8799, 0x97b8, 0xe75f, 0xf77e, 0xc71d, 0xd73c, 0x26d3, 0x36f2, 0x0691, 0x16b0, 0x6657, 0x7676, 0x4615, 0x5634,
		0xd94c, 0xc96d, 0xf90e, 0xe92f, 0x99c8, 0x89e9, 0xb98a, 0xa9ab, 0x5844, 0x4865, 0x7806, 0x6827, 0x18c0, 0x08e1, 0x3882, 0x28a3,
		0xcb7d, 0xdb5c, 0xeb3f, 0xfb1e, 0x8bf9, 0x9bd8, 0xabbb, 0xbb9a, 0x4a75, 0x5a54, 0x6a37, 0x7a16, 0x0af1, 0x1ad0, 0x2ab3, 0x3a92,
		0xfd2e, 0xed0f, 0xdd6c, 0xcd4d, 0xbdaa, 0xad8b, 0x9de8, 0x8dc9, 0x7c26, 0x6c07, 0x5c64, 0x4c45, 0x3ca2, 0x2c83, 0x1ce0, 0x0cc1,
		0xef1f, 0xff3e, 0xcf5d, 0xdf7c, 0xaf9b, 0xbfba, 0x8fd9, 0x9ff8, 0x6e17, 0x7e36, 0x4e55, 0x5e74, 0x2e93, 0x3eb2, 0x0ed1, 0x1ef0,
	};
	uint32_t crc = 0xffff;
	while (size--)
		crc = (crc << 8 & 0xffff) ^ table[crc >> 8 ^ *p++];
	return (uint16_t)crc;
}

static void put(uint8_t* p, uint64_t value, int bytes)
{
	for (int i = 0; i < bytes; i++)
		p[i] = (uint8_t)(value >> (8 * i));
}

static uint64_t timeOf(const uint8_t* p)
{
	const uint32_t low = (uint32_t)p[4] | (uint32_t)p[5] << 8 | (uint32_t)p[6] << 16 | (uint32_t)p[7] << 24;
	return (uint64_t)(p[8] | p[9] << 8) << 32 | low;
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
	return crcOf(p, length - CRC) == (p[length - 2] | p[length - 1] << 8) ? length : 0;
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
	int64_t leastWhole, greatestWhole;
	uint32_t policies;
} ebQuery;

/* Whole numbers are added up as such, and only from time to time to the doubles. */
typedef struct {
	uint32_t count, looked, hidden;
	int64_t total;
	uint64_t squares;
	const uint8_t *minimum, *maximum, *last;
} ebWhole;

/* Differences below 2^20 have squares whose sum over any partition fits 64 bits. */
enum { SMALL = 1 << 20 };

static uint64_t clampTime(double ms)
{
	return ms > 0 ? ms < 1e15 ? (uint64_t)__builtin_ceil(ms) : (uint64_t)1e15 : 0;
}

static int64_t clampWhole(double value)
{
	return value > 1e15 ? (int64_t)1e15 : value > -1e15 ? (int64_t)value : (int64_t)-1e15;
}

static int32_t wholeOf(const uint8_t* p)
{
	return (int32_t)((uint32_t)p[HEADER] | (uint32_t)p[HEADER + 1] << 8 | (uint32_t)p[HEADER + 2] << 16 | (uint32_t)p[HEADER + 3] << 24);
}

static void noteRecord(double* sums, int place, const uint8_t* p)
{
	note(sums, place, valueOf(p), (double)timeOf(p), p[3]);
}

static void flush(ebWhole* whole, double* sums)
{
	sums[LOOKED] += whole->looked;
	sums[HIDDEN] += whole->hidden;
	if (whole->count) {
		const int first = sums[COUNT] == 0;
		sums[COUNT] += whole->count;
		sums[TOTAL] += (double)whole->total;
		sums[SQUARES] += (double)whole->squares;
		if (first || wholeOf(whole->minimum) < sums[MINIMUM])
			noteRecord(sums, MINIMUM, whole->minimum);
		if (first || wholeOf(whole->maximum) > sums[MAXIMUM])
			noteRecord(sums, MAXIMUM, whole->maximum);
		noteRecord(sums, LAST, whole->last);
	}
	memset(whole, 0, sizeof(*whole));
}

/* A value that is not small and whole. */
static void addDouble(const uint8_t* p, const ebQuery* query, double* sums)
{
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
		noteRecord(sums, MINIMUM, p);
	if (first || value > sums[MAXIMUM])
		noteRecord(sums, MAXIMUM, p);
	noteRecord(sums, LAST, p);
}

/* Returns 0 where it has to be added as a double. */
static int addWhole(const uint8_t* p, const ebQuery* query, ebWhole* whole, int32_t pivot)
{
	const int32_t value = wholeOf(p);
	if (value < query->leastWhole || value > query->greatestWhole)
		return 1;
	const int64_t difference = (int64_t)value - pivot;
	if (difference <= -SMALL || difference >= SMALL)
		return 0;
	whole->count++;
	whole->total += value;
	whole->squares += (uint64_t)(difference * difference);
	if (!whole->minimum || value < wholeOf(whole->minimum))
		whole->minimum = p;
	if (!whole->maximum || value > wholeOf(whole->maximum))
		whole->maximum = p;
	whole->last = p;
	return 1;
}

static int isSeen(const uint8_t* p, const ebQuery* query, ebWhole* whole)
{
	const uint64_t time = timeOf(p);
	if (time < query->from || time >= query->to)
		return 0;
	whole->looked++;
	if (p[3] <= 31 && ((query->policies >> p[3]) & 1))
		return 1;
	whole->hidden++;
	return 0;
}

/* Adds up intact records from p on; returns where they end. */
static const uint8_t* addUp(const uint8_t* p, const uint8_t* end, const ebQuery* query, double* sums)
{
	ebWhole whole = { 0 };
	/* The pivot is the first value that counts; where it is no whole number, all are doubles. */
	int known = sums[COUNT] != 0;
	int32_t pivot = known && sums[PIVOT] >= -2147483648.0 && sums[PIVOT] <= 2147483647.0 ? (int32_t)sums[PIVOT] : 0;
	int plain = !known || pivot == sums[PIVOT];
	for (size_t length = recordLength(p, (size_t)(end - p)); length > 0; length = recordLength(p, (size_t)(end - p))) {
		if (p[2] == query->series && isSeen(p, query, &whole)) {
			if (!known && p[1] == WHOLE && wholeOf(p) >= query->leastWhole && wholeOf(p) <= query->greatestWhole) {
				known = 1;
				pivot = wholeOf(p);
				sums[PIVOT] = pivot;
			}
			if (p[1] != WHOLE || !plain || !addWhole(p, query, &whole, pivot)) {
				flush(&whole, sums);
				addDouble(p, query, sums);
				known = known || sums[COUNT] != 0;
				plain = pivot == sums[PIVOT];
			}
		}
		p += length;
	}
	flush(&whole, sums);
	return p;
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
	const ebQuery query = {
		(uint8_t)asked[SERIES], clampTime(asked[FROM]), clampTime(asked[TO]), asked[LEAST], asked[GREATEST],
		clampWhole(__builtin_ceil(asked[LEAST])), clampWhole(__builtin_floor(asked[GREATEST])), (uint32_t)(int64_t)asked[POLICIES],
	};
	const uint8_t* stop = addUp(buffer.bytes + at, buffer.bytes + end, &query, sums);
	memcpy(kept, sums, sizeof(sums));
	xsmcSetInteger(xsResult, (xsIntegerValue)(stop - buffer.bytes));
}
