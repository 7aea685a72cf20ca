/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the core does not allow ends the run, and says what it was. The only
 * interrupt that is taken is that of the profile. A trap in the guard below the C
 * stack comes once more from this handler, which then runs below the guard.
 */
#include "chip.h"

extern uint8_t ebFlashStart[], ebFlashEnd[], ebStackGuard[], ebStackLow[], ebRamEnd[];

static void __attribute__((interrupt("machine"), aligned(4))) onTrap(void)
{
	uint32_t cause, pc, address;
	__asm__ volatile("csrr %0, mcause" : "=r"(cause));
	if (cause == 0x80000007) {
		ebProfileSample();
		return;
	}
	__asm__ volatile("csrr %0, mepc" : "=r"(pc));
	__asm__ volatile("csrr %0, mtval" : "=r"(address));
	if (address >= (uint32_t)ebStackGuard && address < (uint32_t)ebStackLow)
		ebFail(EXIT_STACK_OVERFLOW, "stack overflow: %u bytes of the C stack", (unsigned)(ebRamEnd - ebStackLow));
	int flash = (cause == 7 || cause == 6) && address >= (uint32_t)ebFlashStart && address < (uint32_t)ebFlashEnd;
	ebFail(EXIT_FLASH, "%s at address %08x (trap %u, pc %08x)", flash ? "write to flash" : "trap", (unsigned)address, (unsigned)cause, (unsigned)pc);
}

void ebInstallTraps(void)
{
	__asm__ volatile("csrw mtvec, %0" :: "r"(onTrap));
}
