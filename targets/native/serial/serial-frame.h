/* SPDX-License-Identifier: Apache-2.0 */
/* Frames on a serial line, as sdk/transports/serial-framing.ts says: the native twin. It knows neither the engine nor the platform. */
#ifndef EBALANCE_SERIAL_FRAME_H
#define EBALANCE_SERIAL_FRAME_H

#include <stddef.h>
#include <stdint.h>

enum { EB_MESSAGE_MAX = 1024, EB_CONTENT_MAX = 1 + EB_MESSAGE_MAX + 2 };
/* Of a message: version and CRC, two delimiters, and one code for each 254 bytes. */
#define EB_FRAME_BYTES(size) (3 + (size) + 2 + (3 + (size)) / 254 + 1)
enum { EB_FRAME_NONE = -1, EB_FRAME_DROPPED = -2 };

/* Begins with all of it zero. */
typedef struct {
	uint8_t* content; /* grows to the largest message that comes: most devices hear short ones */
	uint16_t room;
	uint16_t length; /* at most one more than fits */
	uint8_t left;    /* bytes until the next code */
	uint8_t zero;    /* a zero stands before the next block */
} ebFrameReader;

/* Writes the frame of a message of at most EB_MESSAGE_MAX bytes, which takes at most EB_FRAME_BYTES; returns its length. */
size_t ebFrameWrite(uint8_t* frame, const uint8_t* message, size_t size);
/*
 * Takes the next byte of a line. Returns the length of the message that has come whole with it, which stands at content + 1 until the next call;
 * EB_FRAME_NONE, or EB_FRAME_DROPPED for a frame that was damaged, too long (or for which there is no memory) or of another wire version.
 */
int ebFrameTake(ebFrameReader* reader, uint8_t byte);
void ebFrameFree(ebFrameReader* reader);

#endif
