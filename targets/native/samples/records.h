/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records of samples in flash, as sdk/storage/ring/sample-record.ts describes
 * them. It knows nothing of the engine.
 */
#ifndef EBALANCE_RECORDS_H
#define EBALANCE_RECORDS_H

#include <stddef.h>
#include <stdint.h>

enum { EB_RECORD_HEADER = 10, EB_RECORD_CRC = 2, EB_RECORD_ERASED = 0xff, EB_RECORD_MAX = 132 };
enum { EB_RECORD_WHOLE_SIZE = EB_RECORD_HEADER + 4 + EB_RECORD_CRC };
enum { EB_RECORD_WHOLE = 1, EB_RECORD_DOUBLE = 2 };
enum { EB_RECORD_CHANGE = 255 }; /* in place of a series */

static inline uint8_t ebRecordType(const uint8_t* p) { return p[1]; }
static inline uint8_t ebRecordSeries(const uint8_t* p) { return p[2]; }
static inline uint8_t ebRecordPolicy(const uint8_t* p) { return p[3]; }

static inline uint32_t ebRecordWord(const uint8_t* p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static inline uint64_t ebRecordTime(const uint8_t* p) { return (uint64_t)(p[8] | p[9] << 8) << 32 | ebRecordWord(p + 4); }
static inline int32_t ebRecordWhole(const uint8_t* p) { return (int32_t)ebRecordWord(p + EB_RECORD_HEADER); }
double ebRecordDouble(const uint8_t* p);

uint16_t ebCrc16(const uint8_t* bytes, size_t size);

/* Writes the record of a whole number; its size is EB_RECORD_WHOLE_SIZE. */
void ebEncodeWhole(uint8_t* out, uint8_t series, uint8_t policy, uint64_t time, int32_t value);

/* Called for each record with its place in flash; 0 ends the walk. */
typedef int (*ebRecordVisitor)(void* context, const uint8_t* record, uint32_t at);

enum { EB_WALK_FAILED = -2 };

/* Visits the intact records of a range of flash. Returns where they end, or EB_WALK_FAILED where flash cannot be read. */
int32_t ebWalkRecords(uint32_t at, uint32_t end, ebRecordVisitor visit, void* context);

#endif
