/* SPDX-License-Identifier: Apache-2.0 */
/* The message loop on the chip. It ends when nothing is left to wait for. */
#include "chip.h"

void ebRunLoop(txMachine* the)
{
	ebRunMain(the);
	while (ebTimersNextDue() != C_INFINITY) {
		if (ebTimersNextDue() > ebMonotonicMs())
			ebSleepUntil(ebTimersNextDue());
		ebTimersRun(the);
	}
}
