/* SPDX-License-Identifier: Apache-2.0 */
/* host.setTimer and host.clearTimer. */
#include "host.h"

enum { TIMER_LIMIT = 16 };

typedef struct {
	txInteger id; /* 0: free */
	double due;
	double interval; /* 0: fires once */
	txSlot callback;
} ebTimer;

static ebTimer timers[TIMER_LIMIT];
static txInteger lastId = 0;

static ebTimer* findTimer(txInteger id)
{
	for (int i = 0; i < TIMER_LIMIT; i++)
		if (timers[i].id == id)
			return &timers[i];
	return NULL;
}

static void drop(txMachine* the, ebTimer* timer)
{
	timer->id = 0;
	ebDropFunction(the, &timer->callback);
}

static void hostSetTimer(txMachine* the)
{
	double ms = ebNumberArgument(the, 0, "setTimer: ms", 0, 2147483647);
	int repeats = mxArgc > 1 && fxToBoolean(the, mxArgv(1));
	ebTimer* timer = findTimer(0);
	if (!timer)
		mxRangeError("setTimer: more than %d timers", TIMER_LIMIT);
	ebKeepFunction(the, 2, "setTimer: callback", &timer->callback);
	timer->id = ++lastId;
	timer->due = ebMonotonicMs() + ms;
	/* A repetition of zero would never let the loop wait. */
	timer->interval = repeats ? (ms < 1 ? 1 : ms) : 0;
	fxInteger(the, mxResult, timer->id);
}

/* Clearing a timer that has fired or never was is no error. */
static void hostClearTimer(txMachine* the)
{
	txInteger id = (txInteger)ebNumberArgument(the, 0, "clearTimer: id", 1, 2147483647);
	ebTimer* timer = findTimer(id);
	if (timer)
		drop(the, timer);
}

void ebInstallTimers(txMachine* the, txSlot** last)
{
	*last = ebAddFunction(the, *last, "setTimer", hostSetTimer, 3);
	*last = ebAddFunction(the, *last, "clearTimer", hostClearTimer, 1);
}

static ebTimer* nextTimer(void)
{
	ebTimer* next = NULL;
	for (int i = 0; i < TIMER_LIMIT; i++) {
		ebTimer* timer = &timers[i];
		if (timer->id && (!next || timer->due < next->due || (timer->due == next->due && timer->id < next->id)))
			next = timer;
	}
	return next;
}

double ebTimersNextDue(void)
{
	ebTimer* timer = nextTimer();
	return timer ? timer->due : C_INFINITY;
}

static void fire(txMachine* the, ebTimer* timer, double now)
{
	/* On the stack, because the callback may clear or replace its own timer. */
	mxPushSlot(&timer->callback);
	if (timer->interval > 0) {
		timer->due += timer->interval;
		/* Late by more than a period: skip, instead of a burst of calls. */
		if (timer->due <= now)
			timer->due = now + timer->interval;
	}
	else
		drop(the, timer);
	ebCallTurn(the, the->stack, NULL, -1);
	mxPop();
}

/* Fires what is due now; a timer set meanwhile waits for the next round. */
void ebTimersRun(txMachine* the)
{
	double now = ebMonotonicMs();
	txInteger newest = lastId;
	for (int i = 0; i < TIMER_LIMIT; i++) {
		ebTimer* timer = nextTimer();
		if (!timer || timer->due > now || timer->id > newest)
			return;
		fire(the, timer, now);
	}
}
