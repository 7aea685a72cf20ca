/* SPDX-License-Identifier: Apache-2.0 */
/* The functions behind a serial line, as the XS engine calls them, and what the platform's message loop needs. */
#ifndef EBALANCE_SERIAL_H
#define EBALANCE_SERIAL_H

/* The engine's inside and its interface for hosts name the machine differently. */
#ifdef __XSALL__
	typedef txMachine ebMachine;
#else
	#include "xsmc.h"
	typedef xsMachine ebMachine;
#endif

void ebSerialOpen(ebMachine* the);    /* (path, baud rate) */
void ebSerialSend(ebMachine* the);    /* (message) -> boolean: whether it was taken */
void ebSerialRead(ebMachine* the);    /* () -> the next message, undefined where none is whole yet, null where the line is gone */
void ebSerialDropped(ebMachine* the); /* () -> frames dropped since it was opened */
void ebSerialClose(ebMachine* the);   /* () */

/* The number of the open line, or -1. */
int ebSerialLine(void);
/* Whether bytes wait until the line takes more. */
int ebSerialHasOutput(void);
/* Hands over what the line takes now. */
void ebSerialFlush(void);

#endif
