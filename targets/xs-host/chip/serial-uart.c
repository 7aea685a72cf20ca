/* SPDX-License-Identifier: Apache-2.0 */
/* The serial line of the chip: its one UART (ns16550), whose interrupt ends the sleep of the loop. It has 16 bytes of its own for what comes in; the emulator keeps the rest waiting. */
#include "serial-line.h"
#include "chip.h"

#define UART ((volatile uint8_t*)0x10000000)
#define PLIC(offset) (*(volatile uint32_t*)(0x0C000000 + (offset)))

enum { DATA = 0, INTERRUPTS = 1, FIFO = 2, FORMAT = 3, STATUS = 5 };
enum { RECEIVED = 1, FIFO_ON_AND_EMPTY = 7, EIGHT_BITS = 3, DIVISOR = 0x80, ROOM = 0x20 };
enum { CLOCK_HZ = 3686400, UART_SOURCE = 10 };
enum { PLIC_PRIORITY = 4 * UART_SOURCE, PLIC_ENABLED = 0x2000, PLIC_THRESHOLD = 0x200000, PLIC_CLAIM = 0x200004 };

int ebLineOpen(const char* path, long baudRate, const char** reason)
{
	if (strcmp(path, "uart0") != 0) {
		*reason = "the chip has uart0 alone";
		return -1;
	}
	long divisor = CLOCK_HZ / (16 * baudRate);
	UART[FORMAT] = DIVISOR;
	UART[DATA] = (uint8_t)(divisor ? divisor : 1);
	UART[1] = (uint8_t)(divisor >> 8);
	UART[FORMAT] = EIGHT_BITS;
	UART[FIFO] = FIFO_ON_AND_EMPTY;
	PLIC(PLIC_PRIORITY) = 1;
	PLIC(PLIC_THRESHOLD) = 0;
	PLIC(PLIC_ENABLED) = 1 << UART_SOURCE;
	UART[INTERRUPTS] = RECEIVED;
	return 0;
}

int ebLineRead(int line, uint8_t* bytes, size_t size)
{
	(void)line;
	size_t count = 0;
	while (count < size && (UART[STATUS] & RECEIVED))
		bytes[count++] = UART[DATA];
	return (int)count;
}

int ebLineWrite(int line, const uint8_t* bytes, size_t size)
{
	(void)line;
	size_t count = 0;
	while (count < size && (UART[STATUS] & ROOM))
		UART[DATA] = bytes[count++];
	return (int)count;
}

void ebLineClose(int line)
{
	(void)line;
	UART[INTERRUPTS] = 0;
	PLIC(PLIC_ENABLED) = 0;
}

int ebUartHasInput(void)
{
	/* The interrupt stays pending until it is claimed, and would end every sleep. */
	uint32_t source = PLIC(PLIC_CLAIM);
	if (source)
		PLIC(PLIC_CLAIM) = source;
	return UART[STATUS] & RECEIVED;
}
