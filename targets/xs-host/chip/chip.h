/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the parts of the host that only the emulated chip has: QEMU's machine "virt" with a 32-bit RISC-V core. */
#ifndef EBALANCE_CHIP_H
#define EBALANCE_CHIP_H

#include "host.h"

/* memory.c: flash and RAM, and what C takes of either. */

/* From here on what stands for flash can only be read, and memory comes from RAM. */
void ebCloseFlash(void);
uint32_t ebFlashUsed(void);
uint32_t ebHeapUsed(void);
uint32_t ebHeapPeak(void);

/* trap.c */

void ebInstallTraps(void);

/* baked.c: the bytecode that was made on the build computer. */

void ebAddBakedModules(txMachine* root);

/* clock.c: time since the start, from the core's timer. */

uint64_t ebTicks(void);
/* When the timer interrupts next. */
void ebSetAlarm(uint64_t ticks);
/* Sleeps until the time (in milliseconds since the start) or an interrupt of the serial line. */
void ebSleepUntil(double ms);
uint64_t ebSleptTicks(void);
void ebStartCounting(void);
/* Instructions retired since counting has started, those of falling asleep left out. */
uint64_t ebInstructions(void);

/* serial-uart.c */

/* Whether the open line has brought something. */
int ebUartHasInput(void);

/* system.c */

void ebInstallSystem(txMachine* the, txSlot** last);

/* profile.c */

void ebInstallProfile(txMachine* the, txSlot** last);
/* Notes the function that runs. */
void ebProfileSample(void);

#endif
