/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The native side of a serial line: messages in frames, over the bytes of the
 * platform (serial-line.h). A device has one line; its buffers are there while
 * it is open, and as large as the largest message so far needed.
 *
 * The same file is built for the test host, the emulated chip and ESP32. What
 * differs on ESP32:
 *  - serial-line.h over the chip SDK's UART driver: uart_driver_install with
 *    room for one frame in its send buffer, uart_read_bytes with 0 ticks,
 *    uart_tx_chars (and not uart_write_bytes, which waits), uart_driver_delete.
 *    "path" is the number of the port, pins come from the manifest.
 *  - That something has come in is an event of the driver's queue
 *    (UART_DATA); a task waits for it and posts to the machine, which calls
 *    what the script has to do then, see serial.ts.
 *  - With the vendor's module embedded:io/serial instead, the bytes go through
 *    the portable twin (`framed` of the SDK): a message of 100 bytes costs
 *    530,000 instructions out and 1,050,000 in, here 6,000 and 9,500.
 *
 * Arguments come from scripts and may be anything: numbers are read first,
 * buffers last, directly before they are used.
 */
#include "xsmc.h"
#include "serial.h"
#include "serial-frame.h"
#include "serial-line.h"

#include <stdlib.h>
#include <string.h>

enum { PATH_BYTES = 256, READ_BYTES = 64, BAUD_MIN = 300, BAUD_MAX = 4000000 };

typedef struct {
	int line;
	int gone;
	uint32_t dropped;
	ebFrameReader reader;
	uint8_t in[READ_BYTES]; /* read, and not taken by the reader yet */
	int inAt, inEnd;
	uint8_t* out; /* framed, and not taken by the line yet */
	size_t outRoom, outAt, outEnd;
} ebSerial;

static ebSerial* serial = NULL;

static ebSerial* openSerial(xsMachine* the, const char* name)
{
	if (!serial)
		xsUnknownError("%s: no serial line is open", name);
	return serial;
}

static long baudArgument(xsMachine* the, int index, const char* name)
{
	int type = xsmcArgc > index ? xsmcTypeOf(xsArg(index)) : xsUndefinedType;
	xsNumberValue value = type == xsIntegerType || type == xsNumberType ? xsmcToNumber(xsArg(index)) : 0;
	if (!(value >= BAUD_MIN && value <= BAUD_MAX) || value != (xsNumberValue)(long)value)
		xsRangeError("%s: baud rate is no whole number from %d to %d", name, BAUD_MIN, BAUD_MAX);
	return (long)value;
}

void ebSerialOpen(xsMachine* the)
{
	static const char name[] = "open";
	char path[PATH_BYTES];
	const char* reason = "";
	long baudRate = baudArgument(the, 1, name);
	if (xsmcTypeOf(xsArg(0)) != xsStringType)
		xsTypeError("%s: path is no string", name);
	xsmcToStringBuffer(xsArg(0), path, sizeof(path));
	if (serial)
		xsUnknownError("%s: a serial line is open already", name);
	serial = calloc(1, sizeof(ebSerial));
	if (!serial)
		xsUnknownError("%s: no memory for the buffers of a serial line", name);
	serial->line = ebLineOpen(path, baudRate, &reason);
	if (serial->line < 0) {
		free(serial);
		serial = NULL;
		xsUnknownError("%s: %s: %s", name, path, reason);
	}
}

void ebSerialFlush(void)
{
	while (serial && serial->outAt < serial->outEnd) {
		int count = ebLineWrite(serial->line, serial->out + serial->outAt, serial->outEnd - serial->outAt);
		if (count < 0)
			serial->gone = 1;
		if (count <= 0)
			return;
		serial->outAt += (size_t)count;
	}
}

static int hasRoomFor(size_t frameBytes)
{
	uint8_t* out = frameBytes > serial->outRoom ? realloc(serial->out, frameBytes) : serial->out;
	if (!out)
		return 0;
	serial->out = out;
	if (frameBytes > serial->outRoom)
		serial->outRoom = frameBytes;
	return 1;
}

/* A frame is taken where the one before has left: so the queue is one frame, and what the platform holds. */
void ebSerialSend(xsMachine* the)
{
	static const char name[] = "send";
	void* data = NULL;
	xsUnsignedValue size = 0;
	openSerial(the, name);
	if (xsmcArgc < 1 || xsmcTypeOf(xsArg(0)) != xsReferenceType)
		xsTypeError("%s: message is no buffer", name);
	ebSerialFlush();
	xsmcGetBufferReadable(xsArg(0), &data, &size);
	if (size > EB_MESSAGE_MAX)
		xsRangeError("%s: message has %d bytes, at most %d", name, (int)size, EB_MESSAGE_MAX);
	int taken = !serial->gone && serial->outAt == serial->outEnd && hasRoomFor(EB_FRAME_BYTES(size));
	if (taken) {
		serial->outAt = 0;
		serial->outEnd = ebFrameWrite(serial->out, data, size);
		ebSerialFlush();
	}
	xsmcSetBoolean(xsResult, taken);
}

/* Returns the length of the next message, or EB_FRAME_NONE where none is whole yet. */
static int nextMessage(void)
{
	for (;;) {
		while (serial->inAt < serial->inEnd) {
			int result = ebFrameTake(&serial->reader, serial->in[serial->inAt++]);
			if (result == EB_FRAME_DROPPED)
				serial->dropped++;
			else if (result != EB_FRAME_NONE)
				return result;
		}
		int count = serial->gone ? -1 : ebLineRead(serial->line, serial->in, sizeof(serial->in));
		serial->gone = count < 0;
		if (count <= 0)
			return EB_FRAME_NONE;
		serial->inAt = 0;
		serial->inEnd = count;
	}
}

void ebSerialRead(xsMachine* the)
{
	openSerial(the, "read");
	int size = nextMessage();
	if (size >= 0) {
		xsmcVars(1);
		xsmcSetArrayBuffer(xsVar(0), serial->reader.content + 1, size);
		xsResult = xsNew1(xsGlobal, xsID("Uint8Array"), xsVar(0));
	}
	else if (serial->gone)
		xsmcSetNull(xsResult);
}

void ebSerialDropped(xsMachine* the)
{
	xsmcSetNumber(xsResult, openSerial(the, "dropped")->dropped);
}

/* Closing a line that is not open is no error. */
void ebSerialClose(xsMachine* the)
{
	(void)the;
	if (!serial)
		return;
	ebLineClose(serial->line);
	ebFrameFree(&serial->reader);
	free(serial->out);
	free(serial);
	serial = NULL;
}

int ebSerialLine(void)
{
	return serial ? serial->line : -1;
}

int ebSerialHasOutput(void)
{
	return serial && serial->outAt < serial->outEnd;
}
