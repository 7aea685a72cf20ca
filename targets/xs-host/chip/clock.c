/* SPDX-License-Identifier: Apache-2.0 */
/* Time since the start, from the core's timer (CLINT), and sleep until something happens. */
#include "chip.h"

#define MTIMECMP ((volatile uint32_t*)0x02004000)
#define MTIME ((volatile uint32_t*)0x0200BFF8)

enum { TICKS_PER_MS = 10000 }; /* 10 MHz */
enum { TIMER_INTERRUPT = 1 << 7, EXTERNAL_INTERRUPT = 1 << 11, INTERRUPTS_ON = 1 << 3 };

static uint64_t slept = 0;
static uint64_t notRetired = 0;

uint64_t ebTicks(void)
{
	uint32_t high, low;
	do {
		high = MTIME[1];
		low = MTIME[0];
	} while (high != MTIME[1]);
	return (uint64_t)high << 32 | low;
}

double ebMonotonicMs(void)
{
	return (double)ebTicks() / TICKS_PER_MS;
}

/* The emulator counts here what its clock counts: the time before the core runs and in which it sleeps too. */
static uint64_t counted(void)
{
	uint32_t high, low, again;
	do {
		__asm__ volatile("csrr %0, minstreth" : "=r"(high));
		__asm__ volatile("csrr %0, minstret" : "=r"(low));
		__asm__ volatile("csrr %0, minstreth" : "=r"(again));
	} while (high != again);
	return (uint64_t)high << 32 | low;
}

void ebStartCounting(void)
{
	notRetired = counted();
}

uint64_t ebInstructions(void)
{
	return counted() - notRetired;
}

/* The high half twice, so that no time in between is too early. */
void ebSetAlarm(uint64_t ticks)
{
	MTIMECMP[1] = UINT32_MAX;
	MTIMECMP[0] = (uint32_t)ticks;
	MTIMECMP[1] = (uint32_t)(ticks >> 32);
}

/* Interrupts only end the sleep: none is taken. Those of a profile are as before afterwards, with its next sample due. */
void ebSleepUntil(double ms)
{
	uint32_t status, enabled;
	uint64_t alarm = (uint64_t)MTIMECMP[1] << 32 | MTIMECMP[0];
	__asm__ volatile("csrrc %0, mstatus, %1" : "=r"(status) : "r"(INTERRUPTS_ON));
	__asm__ volatile("csrrw %0, mie, %1" : "=r"(enabled) : "r"(TIMER_INTERRUPT | EXTERNAL_INTERRUPT));
	ebSetAlarm(ms < 1e15 ? (uint64_t)(ms * TICKS_PER_MS) + 1 : UINT64_MAX);
	uint64_t before = ebTicks(), countedBefore = counted();
	__asm__ volatile("wfi");
	notRetired += counted() - countedBefore;
	slept += ebTicks() - before;
	ebSetAlarm(alarm);
	__asm__ volatile("csrw mie, %0" :: "r"(enabled));
	__asm__ volatile("csrs mstatus, %0" :: "r"(status & INTERRUPTS_ON));
}

uint64_t ebSleptTicks(void)
{
	return slept;
}
