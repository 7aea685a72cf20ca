/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The flash of the test hosts in a file of the computer around them: programming
 * turns ones into zeros, an erase sets 0xff, and the power can be cut at any
 * byte (--cut-after), which leaves in the file what a chip would have. The
 * emulated chip reaches the file through semihosting.
 */
#include "host.h"
#include "flash-device.h"

#include <fcntl.h>
#include <sys/types.h>
#include <unistd.h>

static int file = -1;
static uint32_t size = 0;
static long long bytesLeft = -1; /* -1: the power stays */
static int failuresLeft = 0;
static long long unreadable = -1; /* a sector */

void ebOpenFlashImage(const char* path, uint32_t bytes)
{
	uint8_t blank[256];
	if (bytes == 0 || bytes % EB_FLASH_SECTOR != 0)
		ebFail(EXIT_USAGE, "--flash: %u bytes are no whole sectors of %d", (unsigned)bytes, EB_FLASH_SECTOR);
	file = open(path, O_RDWR | O_CREAT, 0600);
	long have = file < 0 ? -1 : (long)lseek(file, 0, SEEK_END);
	if (have < 0)
		ebFail(EXIT_USAGE, "--flash: cannot open %s", path);
	if (have > 0 && have != (long)bytes)
		ebFail(EXIT_USAGE, "--flash: %s has %ld bytes, not %u: it is left as it is", path, have, (unsigned)bytes);
	memset(blank, 0xff, sizeof(blank));
	for (; have < (long)bytes; have += (long)sizeof(blank))
		if (write(file, blank, sizeof(blank)) != (ssize_t)sizeof(blank))
			ebFail(EXIT_USAGE, "--flash: cannot make %s", path);
	size = bytes;
}

void ebCutPowerAfter(long long bytes)
{
	bytesLeft = bytes;
}

void ebFailFlash(int count)
{
	failuresLeft = count;
}

void ebFailReads(uint32_t sector)
{
	unreadable = sector;
}

uint32_t ebFlashSize(void)
{
	return size;
}

int ebFlashRead(uint32_t offset, void* bytes, uint32_t count)
{
	if (count > 0 && offset / EB_FLASH_SECTOR <= unreadable && unreadable <= (offset + count - 1) / EB_FLASH_SECTOR)
		return 1;
	return lseek(file, (off_t)offset, SEEK_SET) < 0 || read(file, bytes, count) != (ssize_t)count;
}

/* Writes what the power still allows; then it is gone, and with it this run. */
static int put(uint32_t offset, const uint8_t* bytes, uint32_t count)
{
	uint32_t allowed = bytesLeft >= 0 && bytesLeft < (long long)count ? (uint32_t)bytesLeft : count;
	if (lseek(file, (off_t)offset, SEEK_SET) < 0 || write(file, bytes, allowed) != (ssize_t)allowed)
		return 1;
	if (allowed < count)
		ebFail(EXIT_POWER, "the power was cut at byte %u of the flash (--cut-after)", (unsigned)(offset + allowed));
	if (bytesLeft >= 0)
		bytesLeft -= (long long)count;
	return 0;
}

static int fails(void)
{
	return failuresLeft > 0 && failuresLeft--;
}

int ebFlashProgram(uint32_t offset, const void* bytes, uint32_t count)
{
	uint8_t block[64];
	if (fails())
		return 1;
	for (uint32_t done = 0; done < count; done += sizeof(block)) {
		uint32_t part = count - done < sizeof(block) ? count - done : (uint32_t)sizeof(block);
		if (ebFlashRead(offset + done, block, part) != 0)
			return 1;
		for (uint32_t i = 0; i < part; i++)
			block[i] &= ((const uint8_t*)bytes)[done + i];
		if (put(offset + done, block, part) != 0)
			return 1;
	}
	return 0;
}

int ebFlashErase(uint32_t sector)
{
	uint8_t blank[256];
	if (fails())
		return 1;
	memset(blank, 0xff, sizeof(blank));
	for (uint32_t done = 0; done < EB_FLASH_SECTOR; done += sizeof(blank))
		if (put(sector * EB_FLASH_SECTOR + done, blank, sizeof(blank)) != 0)
			return 1;
	return 0;
}
