/* SPDX-License-Identifier: Apache-2.0 */
/* One turn of the message loop calls one function, then all promise jobs it leaves behind. */
#include "host.h"

void fxQueuePromiseJobs(txMachine* the)
{
	the->promiseJobsPending = 1;
}

/*
 * A rejection nobody handles by the end of the turn ends the run, as in Node.
 * The engine alone would report it when the promise is collected, much later.
 */
void ebFinishTurn(txMachine* the)
{
	while (the->promiseJobsPending) {
		the->promiseJobsPending = 0;
		fxRunPromiseJobs(the);
	}
	fxEndJob(the);
	fxCheckUnhandledRejections(the, 1);
}

/* count < 0: no argument; bytes NULL: the argument null; else a Uint8Array. */
void ebCallTurn(txMachine* the, txSlot* function, const uint8_t* bytes, txInteger count)
{
	ebStartMeter(the);
	fxBeginHost(the);
	mxTry(the) {
		mxPushUndefined();
		mxPushSlot(function);
		mxCall();
		if (count >= 0) {
			if (bytes)
				ebPushBytes(the, bytes, count);
			else
				mxPushNull();
		}
		mxRunCount(count >= 0 ? 1 : 0);
		mxPop();
	}
	mxCatch(the) {
		ebUnhandled(the, "unhandled exception");
	}
	fxEndHost(the);
	ebFinishTurn(the);
}
