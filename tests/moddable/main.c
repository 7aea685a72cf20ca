/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The program around the vendor's engine in a console build: the vendor's platform
 * for the command line has no main(). It imports the module "main", whose
 * functions for arguments and output are here too. Its flash is memory, and new.
 */
#include "xs.h"
#include "mc.xs.h"
#include "flash-device.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int argumentCount;
static char** argumentTexts;

/* (index) -> text, undefined beyond the last */
void ebConsoleArgument(xsMachine* the)
{
	int index = xsToInteger(xsArg(0)) + 1;
	if (index < argumentCount)
		xsResult = xsString(argumentTexts[index]);
}

void ebConsolePrint(xsMachine* the)
{
	puts(xsToString(xsArg(0)));
}

/* The engine ends here when a cap is reached. */
void fxAbort(xsMachine* the, int status)
{
	(void)the;
	fprintf(stderr, "the engine has ended: %d\n", status);
	exit(EXIT_FAILURE);
}

static uint8_t flash[8 * EB_FLASH_SECTOR];

uint32_t ebFlashSize(void)
{
	return sizeof(flash);
}

int ebFlashRead(uint32_t offset, void* bytes, uint32_t size)
{
	memcpy(bytes, flash + offset, size);
	return 0;
}

int ebFlashProgram(uint32_t offset, const void* bytes, uint32_t size)
{
	for (uint32_t i = 0; i < size; i++)
		flash[offset + i] &= ((const uint8_t*)bytes)[i];
	return 0;
}

int ebFlashErase(uint32_t sector)
{
	memset(flash + sector * EB_FLASH_SECTOR, 0xff, EB_FLASH_SECTOR);
	return 0;
}

int main(int argc, char** argv)
{
	int failed = 0;
	argumentCount = argc;
	argumentTexts = argv;
	memset(flash, 0xff, sizeof(flash));
	xsMachine* machine = xsPrepareMachine(NULL, xsPreparation(), "main", NULL, NULL);
	if (!machine)
		return EXIT_FAILURE;
	xsBeginHost(machine);
	{
		xsTry {
			xsAwaitImport("main", XS_IMPORT_NAMESPACE);
		}
		xsCatch {
			fprintf(stderr, "%s\n", xsToString(xsException));
			failed = 1;
		}
	}
	xsEndHost(machine);
	xsDeleteMachine(machine);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
