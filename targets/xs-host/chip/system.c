/* SPDX-License-Identifier: Apache-2.0 */
/* host.*: clocks, files of the computer that emulates the chip (semihosting), and what the chip measures about itself. */
#include "chip.h"

static double wallAtStart = -1;

/* What a device counts from its start, until somebody has set the clock. */
static void hostWallMs(txMachine* the)
{
	fxNumber(the, mxResult, c_floor((wallAtStart < 0 ? 0 : wallAtStart) + ebMonotonicMs()));
}

static void hostSetWallMs(txMachine* the)
{
	wallAtStart = ebNumberArgument(the, 0, "setWallMs: ms", 0, 1e15) - ebMonotonicMs();
}

static void hostClockIsSet(txMachine* the)
{
	fxBoolean(the, mxResult, wallAtStart >= 0);
}

static void hostMonotonicMs(txMachine* the)
{
	fxNumber(the, mxResult, ebMonotonicMs());
}

static void hostInstructions(txMachine* the)
{
	fxNumber(the, mxResult, (double)ebInstructions());
}

/* Files of the computer around the chip: key and configuration stand in a data partition on a board. */
static void hostReadFile(txMachine* the)
{
	char path[PATH_MAX];
	size_t limit = (size_t)ebNumberArgument(the, 1, "maxBytes", 0, 1 << 16);
	if (!mxIsStringPrimitive(mxArgv(0)))
		mxTypeError("readFile: path is no string");
	fxToStringBuffer(the, mxArgv(0), path, sizeof(path));
	FILE* file = fopen(path, "rb");
	if (!file)
		mxUnknownError("readFile: cannot read %s", path);
	uint8_t* buffer = malloc(limit + 1);
	size_t count = buffer ? fread(buffer, 1, limit + 1, file) : 0;
	fclose(file);
	if (!buffer || count > limit) {
		free(buffer);
		mxUnknownError("readFile: %s is too large", path);
	}
	ebPushBytes(the, buffer, (txInteger)count);
	mxPullSlot(mxResult);
	free(buffer);
}

void ebInstallSystem(txMachine* the, txSlot** last)
{
	*last = ebAddFunction(the, *last, "wallMs", hostWallMs, 0);
	*last = ebAddFunction(the, *last, "setWallMs", hostSetWallMs, 1);
	*last = ebAddFunction(the, *last, "clockIsSet", hostClockIsSet, 0);
	*last = ebAddFunction(the, *last, "monotonicMs", hostMonotonicMs, 0);
	*last = ebAddFunction(the, *last, "instructions", hostInstructions, 0);
	*last = ebAddFunction(the, *last, "readFile", hostReadFile, 2);
	*last = ebAddFunction(the, *last, "readSecret", hostReadFile, 2);
}

void ebInstallPlatform(txMachine* the, txSlot** last)
{
	ebInstallSystem(the, last);
	ebInstallProfile(the, last);
}
