/* SPDX-License-Identifier: Apache-2.0 */
/* A serial line as each platform has it: bytes in and out, eight bits without parity. Nothing here ever waits. */
#ifndef EBALANCE_SERIAL_LINE_H
#define EBALANCE_SERIAL_LINE_H

#include <stddef.h>
#include <stdint.h>

/* Opens the line for this program alone. Returns its number, 0 or more; or -1, and says why not. */
int ebLineOpen(const char* path, long baudRate, const char** reason);
/* Returns how many bytes were read, 0 where none are there now, -1 where the line is gone. */
int ebLineRead(int line, uint8_t* bytes, size_t size);
/* Returns how many bytes were taken, 0 where none fit now, -1 where the line is gone. */
int ebLineWrite(int line, const uint8_t* bytes, size_t size);
void ebLineClose(int line);

#endif
