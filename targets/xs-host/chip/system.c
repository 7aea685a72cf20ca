/* SPDX-License-Identifier: Apache-2.0 */
/* host.*: clocks, files of the computer that emulates the chip (semihosting), and what the chip measures about itself. */
#include "chip.h"

#include <fcntl.h>
#include <sys/types.h>
#include <unistd.h>

/* The board's real-time clock; reading the low half latches the high one. */
#define RTC ((volatile uint32_t*)0x00101000)

static void hostWallMs(txMachine* the)
{
	uint32_t low = RTC[0];
	uint64_t ns = (uint64_t)RTC[1] << 32 | low;
	fxNumber(the, mxResult, (double)(ns / 1000000));
}

/* Share of the time since the previous call in which the core did not sleep, in percent. */
static void hostProcessorLoad(txMachine* the)
{
	static uint64_t previous = 0, previousSlept = 0;
	uint64_t now = ebTicks(), slept = ebSleptTicks();
	if (now > previous)
		fxNumber(the, mxResult, 100.0 * (double)(now - previous - (slept - previousSlept)) / (double)(now - previous));
	previous = now;
	previousSlept = slept;
}

/* This board has no sensor for it. */
static void hostTemperature(txMachine* the)
{
	(void)the;
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
	int file = open(path, O_RDONLY);
	if (file < 0)
		mxUnknownError("readFile: cannot read %s", path);
	off_t size = lseek(file, 0, SEEK_END);
	if (size < 0 || (size_t)size > limit) {
		close(file);
		mxUnknownError("readFile: %s is too large", path);
	}
	/* To where it stays: the heap is what a device has little of. */
	mxPush(mxUint8ArrayConstructor);
	mxNew();
	mxPushUndefined();
	uint8_t* bytes = fxArrayBuffer(the, the->stack, NULL, (txInteger)size, -1);
	lseek(file, 0, SEEK_SET);
	ssize_t count = size ? read(file, bytes, (size_t)size) : 0;
	close(file);
	if (count != size)
		mxUnknownError("readFile: cannot read %s", path);
	mxRunCount(1);
	mxPullSlot(mxResult);
}

/* A byte of the chip's memory at an address, as any C may read and write it: the core's memory protection decides. */
static volatile uint8_t* byteAt(txMachine* the, const char* name)
{
	return (volatile uint8_t*)(uintptr_t)ebNumberArgument(the, 0, name, 0, UINT32_MAX);
}

static void hostPeek(txMachine* the)
{
	fxInteger(the, mxResult, *byteAt(the, "peek: address"));
}

static void hostPoke(txMachine* the)
{
	*byteAt(the, "poke: address") = (uint8_t)ebNumberArgument(the, 1, "poke: byte", 0, 255);
}

void ebInstallSystem(txMachine* the, txSlot** last)
{
	*last = ebAddFunction(the, *last, "wallMs", hostWallMs, 0);
	*last = ebAddFunction(the, *last, "processorLoad", hostProcessorLoad, 0);
	*last = ebAddFunction(the, *last, "temperature", hostTemperature, 0);
	*last = ebAddFunction(the, *last, "monotonicMs", hostMonotonicMs, 0);
	*last = ebAddFunction(the, *last, "instructions", hostInstructions, 0);
	*last = ebAddFunction(the, *last, "readFile", hostReadFile, 2);
	*last = ebAddFunction(the, *last, "readSecret", hostReadFile, 2);
	*last = ebAddFunction(the, *last, "peek", hostPeek, 1);
	*last = ebAddFunction(the, *last, "poke", hostPoke, 2);
}

void ebInstallPlatform(txMachine* the, txSlot** last)
{
	ebInstallSystem(the, last);
	ebInstallProfile(the, last);
}

void ebAddPlatformMemory(txMachine* the, txSlot** last)
{
	ebAddNumber(the, last, "nativeHeapBytes", ebHeapUsed());
	ebAddNumber(the, last, "peakNativeHeapBytes", ebHeapPeak());
}
