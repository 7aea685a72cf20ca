/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The native side of the flash port, over the partition of the platform
 * (flash-device.h). What was programmed is read back: flash that is worn, or was
 * not erased, says so only then. The same file is built for the test hosts and
 * for ESP32.
 */
#include "xsmc.h"
#include "flash.h"
#include "flash-device.h"

#include <string.h>

enum { NOT_TAKEN = -1, COMPARED = 64 };

static uint32_t numberArgument(xsMachine* the, int index, const char* name, uint32_t most)
{
	int type = xsmcArgc > index ? xsmcTypeOf(xsArg(index)) : xsUndefinedType;
	xsNumberValue value = type == xsIntegerType ? xsmcToInteger(xsArg(index)) : type == xsNumberType ? xsmcToNumber(xsArg(index)) : -1;
	if (!(value >= 0 && value <= most))
		xsRangeError("%s: argument %d is not from 0 to %u", name, index + 1, (unsigned)most);
	return (uint32_t)value;
}

/* Reads (offset, buffer, length). */
static void* spanArguments(xsMachine* the, const char* name, int writable, uint32_t* offset, uint32_t* length)
{
	void* data = NULL;
	xsUnsignedValue size = 0;
	*offset = numberArgument(the, 0, name, ebFlashSize());
	*length = numberArgument(the, 2, name, ebFlashSize() - *offset);
	if (xsmcTypeOf(xsArg(1)) != xsReferenceType)
		xsTypeError("%s: argument 2 is no buffer", name);
	if (writable)
		xsmcGetBufferWritable(xsArg(1), &data, &size);
	else
		xsmcGetBufferReadable(xsArg(1), &data, &size);
	if (*length > size)
		xsRangeError("%s: length beyond the buffer", name);
	return data;
}

void ebFlashPortSize(xsMachine* the)
{
	xsmcSetInteger(xsResult, (xsIntegerValue)ebFlashSize());
}

void ebFlashPortRead(xsMachine* the)
{
	uint32_t offset, length;
	void* out = spanArguments(the, "read", 1, &offset, &length);
	xsmcSetInteger(xsResult, ebFlashRead(offset, out, length));
}

static int isThere(uint32_t offset, const uint8_t* bytes, uint32_t length)
{
	uint8_t found[COMPARED];
	for (uint32_t done = 0; done < length; done += COMPARED) {
		uint32_t size = length - done < COMPARED ? length - done : COMPARED;
		if (ebFlashRead(offset + done, found, size) != 0 || memcmp(found, bytes + done, size) != 0)
			return 0;
	}
	return 1;
}

int ebFlashStore(uint32_t offset, const void* bytes, uint32_t length)
{
	int error = ebFlashProgram(offset, bytes, length);
	return error ? error : isThere(offset, bytes, length) ? 0 : NOT_TAKEN;
}

void ebFlashPortProgram(xsMachine* the)
{
	uint32_t offset, length;
	const void* bytes = spanArguments(the, "program", 0, &offset, &length);
	xsmcSetInteger(xsResult, ebFlashStore(offset, bytes, length));
}

void ebFlashPortErase(xsMachine* the)
{
	uint32_t sectors = ebFlashSize() / EB_FLASH_SECTOR;
	uint32_t sector = numberArgument(the, 0, "erase", sectors ? sectors - 1 : 0);
	xsmcSetInteger(xsResult, sectors ? ebFlashErase(sector) : NOT_TAKEN);
}
