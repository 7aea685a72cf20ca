/* SPDX-License-Identifier: Apache-2.0 */
#include "sum.h"
#include "records.h"

#include <string.h>

/* What is asked, read once: doubles are dear on a chip without them. */
typedef struct {
	uint8_t series;
	uint64_t from, to;
	double least, greatest;
	int32_t leastWhole, greatestWhole; /* where none is between them, the least is the greater */
	uint32_t policies;
} ebQuery;

typedef struct {
	int32_t value;
	uint8_t policy;
	uint64_t time;
} ebSample;

/* Whole numbers are added up as such, and only at the end to the doubles. */
typedef struct {
	uint32_t count;
	int64_t total;
	uint64_t squares;
	ebSample minimum, maximum, last;
} ebWhole;

typedef struct {
	ebQuery query;
	uint32_t looked, hidden;
	ebWhole whole;
	/* The first value that counts; where it is no whole number, all are doubles. */
	int isKnown, isPlain;
	int32_t pivot;
	double* sums;
} ebSumming;

/* Distances below 2^20 have squares whose sum over any partition fits 64 bits. */
enum { SMALL = 1 << 20 };

static uint64_t clampTime(double ms)
{
	return ms > 0 ? ms < 1e15 ? (uint64_t)__builtin_ceil(ms) : (uint64_t)1e15 : 0;
}

/* What bounds say of whole numbers of 32 bits. */
static void readBounds(ebQuery* query)
{
	const double least = __builtin_ceil(query->least), greatest = __builtin_floor(query->greatest);
	if (!(least <= INT32_MAX && greatest >= INT32_MIN)) {
		query->leastWhole = INT32_MAX;
		query->greatestWhole = INT32_MIN;
		return;
	}
	query->leastWhole = least > INT32_MIN ? (int32_t)least : INT32_MIN;
	query->greatestWhole = greatest < INT32_MAX ? (int32_t)greatest : INT32_MAX;
}

static void note(double* sums, int place, double value, uint64_t time, uint8_t policy)
{
	sums[place] = value;
	sums[place + 1] = (double)time;
	sums[place + 2] = policy;
}

static void noteSample(double* sums, int place, const ebSample* sample)
{
	note(sums, place, sample->value, sample->time, sample->policy);
}

static void readPivot(ebSumming* summing)
{
	const double pivot = summing->sums[EB_SUM_PIVOT];
	summing->isKnown = summing->sums[EB_SUM_COUNT] != 0;
	summing->pivot = summing->isKnown && pivot >= -2147483648.0 && pivot <= 2147483647.0 ? (int32_t)pivot : 0;
	summing->isPlain = !summing->isKnown || summing->pivot == pivot;
}

/* Adds the whole numbers to the doubles. */
static void flush(ebSumming* summing)
{
	ebWhole* whole = &summing->whole;
	double* sums = summing->sums;
	if (whole->count == 0)
		return;
	const int first = sums[EB_SUM_COUNT] == 0;
	if (first)
		sums[EB_SUM_PIVOT] = summing->pivot;
	sums[EB_SUM_COUNT] += whole->count;
	sums[EB_SUM_TOTAL] += (double)whole->total;
	sums[EB_SUM_SQUARES] += (double)whole->squares;
	if (first || whole->minimum.value < sums[EB_SUM_MINIMUM])
		noteSample(sums, EB_SUM_MINIMUM, &whole->minimum);
	if (first || whole->maximum.value > sums[EB_SUM_MAXIMUM])
		noteSample(sums, EB_SUM_MAXIMUM, &whole->maximum);
	if (first || (double)whole->last.time >= sums[EB_SUM_LAST + 1])
		noteSample(sums, EB_SUM_LAST, &whole->last);
	memset(whole, 0, sizeof(*whole));
}

/* A value that is not whole, or far from the first. */
static void addDouble(ebSumming* summing, double value, uint64_t time, uint8_t policy)
{
	double* sums = summing->sums;
	if (!(value >= summing->query.least && value <= summing->query.greatest))
		return;
	flush(summing);
	const int first = sums[EB_SUM_COUNT] == 0;
	if (first)
		sums[EB_SUM_PIVOT] = value;
	const double difference = value - sums[EB_SUM_PIVOT];
	sums[EB_SUM_COUNT]++;
	sums[EB_SUM_TOTAL] += value;
	sums[EB_SUM_SQUARES] += difference * difference;
	if (first || value < sums[EB_SUM_MINIMUM])
		note(sums, EB_SUM_MINIMUM, value, time, policy);
	if (first || value > sums[EB_SUM_MAXIMUM])
		note(sums, EB_SUM_MAXIMUM, value, time, policy);
	if (first || (double)time >= sums[EB_SUM_LAST + 1])
		note(sums, EB_SUM_LAST, value, time, policy);
	readPivot(summing);
}

static void addWhole(ebSumming* summing, const uint8_t* p, uint64_t time)
{
	ebWhole* whole = &summing->whole;
	const int32_t value = ebRecordWhole(p);
	if (value < summing->query.leastWhole || value > summing->query.greatestWhole)
		return;
	if (!summing->isKnown) {
		summing->isKnown = 1;
		summing->pivot = value;
	}
	const uint32_t distance = value < summing->pivot ? (uint32_t)summing->pivot - (uint32_t)value : (uint32_t)value - (uint32_t)summing->pivot;
	if (!summing->isPlain || distance >= SMALL) {
		addDouble(summing, value, time, ebRecordPolicy(p));
		return;
	}
	const ebSample sample = { value, ebRecordPolicy(p), time };
	const int first = whole->count++ == 0;
	whole->total += value;
	whole->squares += (uint64_t)distance * distance;
	if (first || value < whole->minimum.value)
		whole->minimum = sample;
	if (first || value > whole->maximum.value)
		whole->maximum = sample;
	if (first || time >= whole->last.time)
		whole->last = sample;
}

static int add(void* context, const uint8_t* p, uint32_t at)
{
	ebSumming* summing = context;
	const ebQuery* query = &summing->query;
	(void)at;
	if (ebRecordSeries(p) != query->series)
		return 1;
	const uint64_t time = ebRecordTime(p);
	if (time < query->from || time >= query->to)
		return 1;
	summing->looked++;
	if (ebRecordPolicy(p) > 31 || !((query->policies >> ebRecordPolicy(p)) & 1))
		summing->hidden++;
	else if (ebRecordType(p) == EB_RECORD_WHOLE)
		addWhole(summing, p, time);
	else if (ebRecordType(p) == EB_RECORD_DOUBLE)
		addDouble(summing, ebRecordDouble(p), time, ebRecordPolicy(p));
	return 1;
}

int32_t ebAddUp(uint32_t at, uint32_t end, const double* query, double* sums)
{
	ebSumming summing = {
		.query = {
			(uint8_t)query[EB_QUERY_SERIES], clampTime(query[EB_QUERY_FROM]), clampTime(query[EB_QUERY_TO]), query[EB_QUERY_LEAST], query[EB_QUERY_GREATEST],
			.policies = (uint32_t)query[EB_QUERY_POLICIES],
		},
		.sums = sums,
	};
	readBounds(&summing.query);
	readPivot(&summing);
	const int32_t stop = ebWalkRecords(at, end, add, &summing);
	flush(&summing);
	sums[EB_SUM_LOOKED] += summing.looked;
	sums[EB_SUM_HIDDEN] += summing.hidden;
	return stop;
}
