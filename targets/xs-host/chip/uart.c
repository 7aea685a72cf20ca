/* SPDX-License-Identifier: Apache-2.0 */
/* The serial line of the chip: the UART (16550) of the emulated machine, which QEMU joins to a terminal or a socket. */
#include "chip.h"
#include "serial-line.h"

#define UART ((volatile uint8_t*)0x10000000)
#define PLIC_PRIORITY ((volatile uint32_t*)0x0c000000)
#define PLIC_ENABLE ((volatile uint32_t*)0x0c002000)
#define PLIC_THRESHOLD ((volatile uint32_t*)0x0c200000)
#define PLIC_CLAIM ((volatile uint32_t*)0x0c200004)

enum { DATA = 0, INTERRUPTS = 1, FIFO = 2, FORMAT = 3, STATUS = 5 };
enum { RECEIVED = 1, EIGHT_BITS = 3, FIFO_ON_AND_EMPTY = 7, HAS_INPUT = 1, HAS_ROOM = 0x20 };
enum { UART_INTERRUPT = 10 };

static int isOpen = 0;

/* The emulated line has no speed; the path says which UART of the chip it is, and there is one. */
int ebLineOpen(const char* path, long baudRate, const char** reason)
{
	(void)baudRate;
	if (strcmp(path, "0") != 0 || isOpen) {
		*reason = isOpen ? "it is open already" : "the chip has UART 0 only";
		return -1;
	}
	UART[FORMAT] = EIGHT_BITS;
	UART[FIFO] = FIFO_ON_AND_EMPTY;
	UART[INTERRUPTS] = RECEIVED;
	PLIC_PRIORITY[UART_INTERRUPT] = 1;
	*PLIC_THRESHOLD = 0;
	*PLIC_ENABLE = 1 << UART_INTERRUPT;
	isOpen = 1;
	return 0;
}

int ebUartHasInput(void)
{
	/* A pending interrupt would end every sleep: it is taken note of here. */
	uint32_t interrupt = *PLIC_CLAIM;
	if (interrupt)
		*PLIC_CLAIM = interrupt;
	return isOpen && (UART[STATUS] & HAS_INPUT);
}

int ebLineRead(int line, uint8_t* bytes, size_t size)
{
	size_t count = 0;
	(void)line;
	while (count < size && (UART[STATUS] & HAS_INPUT))
		bytes[count++] = UART[DATA];
	return (int)count;
}

int ebLineWrite(int line, const uint8_t* bytes, size_t size)
{
	size_t count = 0;
	(void)line;
	while (count < size && (UART[STATUS] & HAS_ROOM))
		UART[DATA] = bytes[count++];
	return (int)count;
}

void ebLineClose(int line)
{
	(void)line;
	UART[INTERRUPTS] = 0;
	*PLIC_ENABLE = 0;
	isOpen = 0;
}
