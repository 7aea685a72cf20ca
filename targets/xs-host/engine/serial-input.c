/* SPDX-License-Identifier: Apache-2.0 */
/* host.serial: the functions of the native module, and what is called when something has come in. */
#include "host.h"
#include "serial.h"

static txSlot onInput;

/* (callback, or null for nothing) */
static void hostOnInput(txMachine* the)
{
	int stops = mxArgc > 0 && mxArgv(0)->kind == XS_NULL_KIND;
	ebDropFunction(the, &onInput);
	if (!stops)
		ebKeepFunction(the, 0, "onInput: callback", &onInput);
}

int ebSerialIsHeard(void)
{
	return ebSerialLine() >= 0 && onInput.kind == XS_REFERENCE_KIND;
}

void ebSerialTell(txMachine* the)
{
	/* On the stack, because the callback may replace itself. */
	mxPushSlot(&onInput);
	ebCallTurn(the, the->stack, NULL, -1);
	mxPop();
}

void ebPushSerial(txMachine* the)
{
	txSlot* last = fxLastProperty(the, fxNewObject(the));
	last = ebAddFunction(the, last, "open", ebSerialOpen, 2);
	last = ebAddFunction(the, last, "send", ebSerialSend, 1);
	last = ebAddFunction(the, last, "read", ebSerialRead, 0);
	last = ebAddFunction(the, last, "dropped", ebSerialDropped, 0);
	last = ebAddFunction(the, last, "close", ebSerialClose, 0);
	ebAddFunction(the, last, "onInput", hostOnInput, 1);
}
