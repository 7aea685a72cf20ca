/* SPDX-License-Identifier: Apache-2.0 */
/* The message loop on the chip. It ends when nothing is left to wait for. */
#include "chip.h"
#include "serial.h"

void ebRunLoop(txMachine* the)
{
	ebRunMain(the);
	while (ebSerialIsHeard() || ebTimersNextDue() != C_INFINITY) {
		ebSerialFlush();
		if (ebSerialIsHeard() && ebUartHasInput())
			ebSerialTell(the);
		/* What does not fit the UART leaves before the next sleep. */
		else if (!ebSerialHasOutput() && ebTimersNextDue() > ebMonotonicMs())
			ebSleepUntil(ebTimersNextDue());
		ebTimersRun(the);
	}
}
