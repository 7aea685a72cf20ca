/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The program around the vendor's engine in a console build: the vendor's platform
 * for the command line has no main(). It imports the module "main", whose
 * functions for arguments and output are here too. It has no flash.
 */
#include "xs.h"
#include "mc.xs.h"
#include "flash-device.h"

#include <stdio.h>
#include <stdlib.h>

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

uint32_t ebFlashSize(void)
{
	return 0;
}

int ebFlashRead(uint32_t offset, void* bytes, uint32_t size)
{
	(void)offset, (void)bytes, (void)size;
	return -1;
}

int ebFlashProgram(uint32_t offset, const void* bytes, uint32_t size)
{
	(void)offset, (void)bytes, (void)size;
	return -1;
}

int ebFlashErase(uint32_t sector)
{
	(void)sector;
	return -1;
}

int main(int argc, char** argv)
{
	int failed = 0;
	argumentCount = argc;
	argumentTexts = argv;
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
