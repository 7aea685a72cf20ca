/* SPDX-License-Identifier: Apache-2.0 */
#include "serial-frame.h"

#include <stdlib.h>

enum { WIRE_VERSION = 1, DELIMITER = 0, FULL_BLOCK = 0xff, CRC = 2, GROWTH = 128, TOO_LONG = EB_CONTENT_MAX + 1 };

static uint16_t crcStep(uint16_t crc, uint8_t byte)
{
	uint8_t step = (uint8_t)((crc >> 8) ^ byte);
	step ^= step >> 4;
	return (uint16_t)((crc << 8) ^ (step << 12) ^ (step << 5) ^ step);
}

static uint16_t crcOf(const uint8_t* bytes, size_t size)
{
	uint16_t crc = 0xffff;
	for (size_t i = 0; i < size; i++)
		crc = crcStep(crc, bytes[i]);
	return crc;
}

typedef struct {
	uint8_t* code;
	uint8_t* at;
} ebStuffing;

static void stuff(ebStuffing* to, uint8_t byte)
{
	if (byte != DELIMITER)
		*to->at++ = byte;
	if (byte != DELIMITER && to->at - to->code < FULL_BLOCK)
		return;
	*to->code = (uint8_t)(to->at - to->code);
	to->code = to->at++;
}

size_t ebFrameWrite(uint8_t* frame, const uint8_t* message, size_t size)
{
	ebStuffing to = { frame + 1, frame + 2 };
	uint16_t crc = crcStep(0xffff, WIRE_VERSION);
	frame[0] = DELIMITER;
	stuff(&to, WIRE_VERSION);
	for (size_t i = 0; i < size; i++) {
		crc = crcStep(crc, message[i]);
		stuff(&to, message[i]);
	}
	stuff(&to, (uint8_t)(crc >> 8));
	stuff(&to, (uint8_t)crc);
	*to.code = (uint8_t)(to.at - to.code);
	*to.at++ = DELIMITER;
	return (size_t)(to.at - frame);
}

static int grow(ebFrameReader* reader)
{
	int room = reader->room + GROWTH < EB_CONTENT_MAX ? reader->room + GROWTH : EB_CONTENT_MAX;
	uint8_t* content = room > reader->room ? realloc(reader->content, (size_t)room) : NULL;
	if (!content)
		return 0;
	reader->content = content;
	reader->room = (uint16_t)room;
	return 1;
}

static void put(ebFrameReader* reader, uint8_t byte)
{
	if (reader->length < reader->room || (reader->length < TOO_LONG && grow(reader)))
		reader->content[reader->length++] = byte;
	else
		reader->length = TOO_LONG;
}

static int finish(const ebFrameReader* reader)
{
	const uint8_t* content = reader->content;
	int crcAt = reader->length - CRC;
	if (reader->length == 0 && reader->left == 0 && !reader->zero)
		return EB_FRAME_NONE;
	if (reader->left > 0 || crcAt < 1 || reader->length == TOO_LONG)
		return EB_FRAME_DROPPED;
	uint16_t crc = (uint16_t)(content[crcAt] << 8 | content[crcAt + 1]);
	return crcOf(content, (size_t)crcAt) == crc && content[0] == WIRE_VERSION ? crcAt - 1 : EB_FRAME_DROPPED;
}

int ebFrameTake(ebFrameReader* reader, uint8_t byte)
{
	if (byte == DELIMITER) {
		int result = finish(reader);
		reader->length = reader->left = reader->zero = 0;
		return result;
	}
	if (reader->left > 0) {
		reader->left--;
		put(reader, byte);
		return EB_FRAME_NONE;
	}
	if (reader->zero)
		put(reader, DELIMITER);
	reader->left = byte - 1;
	reader->zero = byte != FULL_BLOCK;
	return EB_FRAME_NONE;
}

void ebFrameFree(ebFrameReader* reader)
{
	free(reader->content);
	*reader = (ebFrameReader){ 0 };
}
