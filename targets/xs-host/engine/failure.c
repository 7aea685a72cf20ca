/* SPDX-License-Identifier: Apache-2.0 */
/* Every way a run can end badly, each with an exit code of its own. */
#include "host.h"

void ebFail(int code, const char* format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	fflush(stdout);
	fputs("ebalance-xs: ", stderr);
	vfprintf(stderr, format, arguments);
	fputc('\n', stderr);
	va_end(arguments);
	exit(code);
}

/* The first function of the stack that stands in a preloaded module: the engine's own are named before it. */
static void nameModule(txMachine* the, const char* stack)
{
	static const char marker[] = "\n at ";
	if (!strstr(stack, "read-only") && !strstr(stack, "not writable") && !strstr(stack, "not extensible") && !strstr(stack, "not configurable"))
		return;
	for (const char* at = strstr(stack, marker); at; at = strstr(at, marker)) {
		at += sizeof(marker) - 1;
		size_t length = strcspn(at, " (");
		const char* module = length ? ebModuleOf(the, at, length) : NULL;
		if (!module)
			continue;
		fprintf(stderr, "ebalance-xs: %.*s stands in the preloaded module %s: what a module makes at its top level is flash, and cannot be written; make it at first use\n",
			(int)length, at, module);
		return;
	}
	/* Objects that the application froze are not writable, and are not called read-only. */
	if (strstr(stack, "read-only"))
		fprintf(stderr, "ebalance-xs: a preloaded module made it at its top level: that is flash, and cannot be written; make it at first use. Whoever returned the call is not in the stack: "
			"host.frozen() on Linux lists what such modules made\n");
}

/* An error's stack starts with its name and message; other values are just printed. */
static void printException(txMachine* the, const char* what)
{
	static int printing = 0;
	if (printing)
		ebFail(EXIT_UNHANDLED, "%s, and a second one while printing it", what);
	printing = 1;
	mxPush(mxException);
	mxException.kind = XS_UNDEFINED_KIND;
	mxTry(the) {
		mxDub();
		if (the->stack->kind == XS_REFERENCE_KIND) {
			mxDub();
			fxGetID(the, mxID(_stack));
			if (mxIsStringPrimitive(the->stack)) {
				fprintf(stderr, "ebalance-xs: %s: %s\n", what, the->stack->value.string);
				nameModule(the, the->stack->value.string);
				exit(EXIT_UNHANDLED);
			}
			mxPop();
		}
		fprintf(stderr, "ebalance-xs: %s: %s\n", what, fxToString(the, the->stack));
	}
	mxCatch(the) {
		fprintf(stderr, "ebalance-xs: %s: a value that has no text\n", what);
	}
}

void ebUnhandled(txMachine* the, const char* what)
{
	fflush(stdout);
	printException(the, what);
	exit(EXIT_UNHANDLED);
}

static void failMemory(txMachine* the) __attribute__((noreturn));

static void failMemory(txMachine* the)
{
	ebFail(EXIT_NO_MEMORY, "memory full: chunks %d bytes, slots %d x %d bytes, budget %d bytes",
		(int)the->currentChunksSize, (int)the->currentHeapCount, (int)sizeof(txSlot),
		(int)(the->regionEnd - the->regionStart));
}

void fxAbort(txMachine* the, int status)
{
	switch (status) {
	case XS_NOT_ENOUGH_MEMORY_EXIT:
		failMemory(the);
	case XS_STACK_OVERFLOW_EXIT:
		ebFail(EXIT_STACK_OVERFLOW, "stack overflow: %d slots, or the C stack", (int)(the->stackTop - the->stackBottom));
	case XS_UNHANDLED_EXCEPTION_EXIT:
		ebUnhandled(the, "unhandled exception");
	case XS_UNHANDLED_REJECTION_EXIT:
		ebUnhandled(the, "unhandled promise rejection");
	case XS_TOO_MUCH_COMPUTATION_EXIT:
		ebFail(EXIT_METER, "one turn computed for too long (--meter)");
	case XS_NO_MORE_KEYS_EXIT:
		ebFail(EXIT_NO_KEYS, "too many property names: %d", (int)the->keyIndex);
	default:
		ebFail(EXIT_ENGINE, "the engine gave up with status %d", status);
	}
}

#ifdef mxMetering

static uint32_t meterLimit = 0;

static txBoolean stopMeter(txMachine* the, txU4 units)
{
	(void)the;
	(void)units;
	return 0;
}

void ebLimitTurns(uint32_t units)
{
	meterLimit = units;
}

void ebStartMeter(txMachine* the)
{
	if (meterLimit)
		fxBeginMetering(the, stopMeter, meterLimit);
}

#else /* as in the vendor's builds for devices: the chip counts instructions instead */

void ebLimitTurns(uint32_t units)
{
	(void)units;
}

void ebStartMeter(txMachine* the)
{
	(void)the;
}

#endif
