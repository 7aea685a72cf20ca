/* SPDX-License-Identifier: Apache-2.0 */
#include "records.h"
#include "flash-device.h"

#include <string.h>

/* Flash is read in blocks of this, on the stack. */
enum { BLOCK = 512 };

/* Sixteen bits more: what they are divided by 0x11021 is found with shifts, since its inverse has five bits. */
static inline __attribute__((always_inline)) uint32_t shifted(uint32_t rest)
{
	const uint32_t half = rest ^ rest >> 4;
	const uint32_t quotient = half ^ half >> 8 ^ rest >> 11;
	return (quotient << 12 ^ quotient << 5 ^ quotient) & 0xffff;
}

/* CRC-16, polynomial 0x1021 from 0xffff, two bytes at a time. */
uint16_t ebCrc16(const uint8_t* bytes, size_t size)
{
	uint32_t crc = 0xffff;
	for (const uint8_t* end = bytes + (size & ~(size_t)1); bytes < end; bytes += 2)
		crc = shifted((crc ^ (uint32_t)bytes[0] << 8) ^ bytes[1]);
	if (size & 1)
		crc = (crc << 8 & 0xffff) ^ shifted(crc >> 8 ^ bytes[0]);
	return (uint16_t)crc;
}

static void put(uint8_t* p, uint64_t value, int bytes)
{
	for (int i = 0; i < bytes; i++)
		p[i] = (uint8_t)(value >> (8 * i));
}

double ebRecordDouble(const uint8_t* p)
{
	uint64_t bits = 0;
	double value;
	for (int i = 8; i-- > 0;)
		bits = bits << 8 | p[EB_RECORD_HEADER + i];
	memcpy(&value, &bits, sizeof(value));
	return value;
}

void ebEncodeWhole(uint8_t* out, uint8_t series, uint8_t policy, uint64_t time, int32_t value)
{
	out[0] = EB_RECORD_WHOLE_SIZE;
	out[1] = EB_RECORD_WHOLE;
	out[2] = series;
	out[3] = policy;
	put(out + 4, time, 6);
	put(out + EB_RECORD_HEADER, (uint32_t)value, 4);
	put(out + EB_RECORD_HEADER + 4, ebCrc16(out, EB_RECORD_HEADER + 4), EB_RECORD_CRC);
}

/* Bytes of the value by type; 0: any number. */
static const uint8_t valueSizes[] = { 0, 4, 8, 1 };

static int isOfType(uint8_t type, size_t length)
{
	return type >= sizeof(valueSizes) || valueSizes[type] == 0 || length == (size_t)EB_RECORD_HEADER + valueSizes[type] + EB_RECORD_CRC;
}

/* Length of the intact record at p, 0 where there is none. */
static size_t recordLength(const uint8_t* p, size_t left)
{
	const size_t length = left ? p[0] : 0;
	if (length < EB_RECORD_HEADER + EB_RECORD_CRC || length > left || length > EB_RECORD_MAX || !isOfType(p[1], length))
		return 0;
	return ebCrc16(p, length - EB_RECORD_CRC) == (p[length - 2] | p[length - 1] << 8) ? length : 0;
}

int32_t ebWalkRecords(uint32_t at, uint32_t end, ebRecordVisitor visit, void* context)
{
	uint8_t block[BLOCK];
	for (;;) {
		const uint32_t size = end - at < BLOCK ? end - at : BLOCK;
		uint32_t done = 0;
		size_t length;
		if (ebFlashRead(at, block, size) != 0)
			return EB_WALK_FAILED;
		while ((length = recordLength(block + done, size - done)) > 0) {
			if (!visit(context, block + done, at + done))
				return (int32_t)(at + done);
			done += (uint32_t)length;
		}
		if (done == 0)
			return (int32_t)at;
		at += done;
	}
}
