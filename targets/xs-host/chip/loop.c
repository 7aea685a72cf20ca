/* SPDX-License-Identifier: Apache-2.0 */
/* The message loop on the chip. It ends when nothing is left to wait for. */
#include "chip.h"
#include "serial.h"

static int hasInput(void)
{
	return ebUartHasInput() && ebSerialIsHeard();
}

void ebRunLoop(txMachine* the)
{
	ebRunMain(the);
	while (ebSerialIsHeard() || ebTimersNextDue() != C_INFINITY) {
		/* What the UART does not take now it takes soon: it has no interrupt for that here. */
		if (ebSerialHasOutput())
			ebSerialFlush();
		else if (!hasInput() && ebTimersNextDue() > ebMonotonicMs())
			ebSleepUntil(ebTimersNextDue());
		if (hasInput())
			ebSerialTell(the);
		ebTimersRun(the);
	}
}
