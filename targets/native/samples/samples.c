/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The native side of the sample port (sdk/storage/ring/sample-port.ts), over the
 * partition of the platform (flash-device.h); PortableSamples is the twin of
 * this file. The same files are built for the test hosts and for ESP32; there a
 * device module binds the functions by name.
 *
 * Numbers are read before buffers, because converting them could run a script
 * and move buffers. What flash gives goes to the C stack first, and buffers are
 * asked for when it is there.
 */
#include "xsmc.h"
#include "samples.h"
#include "records.h"
#include "sum.h"
#include "flash.h"
#include "flash-device.h"

#include <math.h>
#include <string.h>

/* The places of Survey; before them the latest times of the series. */
enum { SERIES = 32, FROM = SERIES, UNTIL, POLICIES, CHANGES, CLEAN, SURVEY_PLACES };
enum { NONE = -1 };

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

/* A range of flash. */
static void rangeArguments(xsMachine* the, const char* name, uint32_t* at, uint32_t* end)
{
	*at = (uint32_t)numberArgument(the, 0, name, 0, ebFlashSize());
	*end = (uint32_t)numberArgument(the, 1, name, *at, ebFlashSize());
}

void ebSamplesWriteWhole(xsMachine* the)
{
	static const char name[] = "writeWhole";
	uint8_t record[EB_RECORD_WHOLE_SIZE];
	const uint32_t at = (uint32_t)numberArgument(the, 0, name, 0, (xsNumberValue)ebFlashSize() - sizeof(record));
	const uint8_t series = (uint8_t)numberArgument(the, 1, name, 0, 255), policy = (uint8_t)numberArgument(the, 2, name, 0, 255);
	const uint64_t time = (uint64_t)numberArgument(the, 3, name, 0, 281474976710655.0);
	ebEncodeWhole(record, series, policy, time, (int32_t)numberArgument(the, 4, name, -2147483648.0, 2147483647.0));
	xsmcSetBoolean(xsResult, ebFlashStore(at, record, sizeof(record)) == 0);
}

void ebSamplesCrc(xsMachine* the)
{
	static const char name[] = "crc";
	const size_t start = (size_t)numberArgument(the, 1, name, 0, 1 << 24);
	const size_t end = (size_t)numberArgument(the, 2, name, (xsNumberValue)start, 1 << 24);
	xsmcSetInteger(xsResult, ebCrc16(bufferArgument(the, 0, name, end, 0).bytes + start, end - start));
}

typedef struct {
	uint8_t series;
	int32_t at;
	uint8_t record[EB_RECORD_MAX];
} ebFind;

static int isFound(void* context, const uint8_t* p, uint32_t at)
{
	ebFind* find = context;
	if (ebRecordSeries(p) != find->series)
		return 1;
	find->at = (int32_t)at;
	memcpy(find->record, p, p[0]);
	return 0;
}

void ebSamplesFind(xsMachine* the)
{
	static const char name[] = "find";
	uint32_t at, end;
	rangeArguments(the, name, &at, &end);
	ebFind find = { (uint8_t)numberArgument(the, 2, name, 0, 255), NONE, { 0 } };
	if (ebWalkRecords(at, end, isFound, &find) == EB_WALK_FAILED)
		find.at = EB_WALK_FAILED;
	else if (find.at != NONE)
		memcpy(bufferArgument(the, 3, name, EB_RECORD_MAX, 1).bytes, find.record, find.record[0]);
	xsmcSetInteger(xsResult, find.at);
}

typedef struct {
	/* One more than the time; 0: none. */
	uint64_t newest[SERIES];
	uint64_t from, until, changes;
	uint32_t policies;
} ebSurvey;

static int survey(void* context, const uint8_t* p, uint32_t at)
{
	ebSurvey* found = context;
	const uint64_t time = ebRecordTime(p);
	const uint8_t series = ebRecordSeries(p);
	(void)at;
	if (series == EB_RECORD_CHANGE && time > found->changes)
		found->changes = time;
	if (series >= SERIES)
		return 1;
	if (time >= found->newest[series])
		found->newest[series] = time + 1;
	if (time < found->from)
		found->from = time;
	if (time > found->until)
		found->until = time;
	found->policies |= (uint32_t)1 << (ebRecordPolicy(p) & 31);
	return 1;
}

static void setPlace(uint8_t* places, int place, double value)
{
	memcpy(places + (size_t)place * sizeof(value), &value, sizeof(value));
}

static void setLater(uint8_t* places, int place, double value)
{
	double before;
	memcpy(&before, places + (size_t)place * sizeof(before), sizeof(before));
	if (value > before)
		setPlace(places, place, value);
}

/* Whether a range holds nothing but 0xff; EB_WALK_FAILED where it cannot be read. */
static int isErased(uint32_t at, uint32_t end)
{
	uint8_t block[64];
	for (uint32_t size; at < end; at += size) {
		size = end - at < sizeof(block) ? end - at : (uint32_t)sizeof(block);
		if (ebFlashRead(at, block, size) != 0)
			return EB_WALK_FAILED;
		for (uint32_t i = 0; i < size; i++)
			if (block[i] != EB_RECORD_ERASED)
				return 0;
	}
	return 1;
}

void ebSamplesSurvey(xsMachine* the)
{
	static const char name[] = "survey";
	uint32_t at, end;
	ebSurvey found = { .from = UINT64_MAX };
	rangeArguments(the, name, &at, &end);
	const int32_t stop = ebWalkRecords(at, end, survey, &found);
	const int clean = stop == EB_WALK_FAILED ? EB_WALK_FAILED : isErased((uint32_t)stop, end);
	if (clean == EB_WALK_FAILED) {
		xsmcSetInteger(xsResult, EB_WALK_FAILED);
		return;
	}
	uint8_t* places = bufferArgument(the, 2, name, SURVEY_PLACES * sizeof(double), 1).bytes;
	for (int i = 0; i < SERIES; i++)
		if (found.newest[i])
			setLater(places, i, (double)(found.newest[i] - 1));
	setPlace(places, FROM, found.policies ? (double)found.from : INFINITY);
	setPlace(places, UNTIL, found.policies ? (double)found.until : -INFINITY);
	setPlace(places, POLICIES, found.policies);
	setPlace(places, CHANGES, (double)found.changes);
	setPlace(places, CLEAN, clean);
	xsmcSetInteger(xsResult, stop);
}

void ebSamplesSummarise(xsMachine* the)
{
	static const char name[] = "summarise";
	uint32_t at, end;
	double query[EB_QUERY_PLACES], sums[EB_SUM_PLACES];
	rangeArguments(the, name, &at, &end);
	memcpy(query, bufferArgument(the, 2, name, sizeof(query), 0).bytes, sizeof(query));
	if (!(query[EB_QUERY_SERIES] >= 0 && query[EB_QUERY_SERIES] <= UINT8_MAX && query[EB_QUERY_POLICIES] >= 0 && query[EB_QUERY_POLICIES] <= UINT32_MAX))
		xsRangeError("%s: argument 3 has a series or policies out of range", name);
	uint8_t* kept = bufferArgument(the, 3, name, sizeof(sums), 1).bytes;
	memcpy(sums, kept, sizeof(sums));
	const int32_t stop = ebAddUp(at, end, query, sums);
	memcpy(kept, sums, sizeof(sums));
	xsmcSetInteger(xsResult, stop);
}
