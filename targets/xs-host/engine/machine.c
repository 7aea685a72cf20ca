/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two machines. The root stands for flash: built-ins, preloaded modules,
 * the object "host" and all bytecode. A clone of it stands for RAM.
 */
#include "host.h"

const ebOptions ebDefaultOptions = { .staticBytes = -1, .stackSlots = -1, .newKeys = -1, .meterLimit = 4000000000u };

const char ebOptionsHelp[] =
	"  --budget NAME                memory: esp32c3, esp32 (as the vendor divides them), device, none\n"
	"  --static BYTES               size of the static block, instead of the budget's\n"
	"  --stack SLOTS                size of the stack, instead of the budget's\n"
	"  --keys COUNT                 new property names, no more (growing without limit)\n"
	"  --flash FILE=BYTES           flash of the device, kept in that file; made when it is new\n"
	"  --cut-after BYTES            cut the power once so many bytes of flash were programmed or erased\n"
	"  --fail-flash COUNT           the next programs and erases of flash fail\n"
	"  --fail-reads SECTOR          that sector of flash cannot be read\n"
	"  --meter UNITS                computation allowed in one turn, 0 for any (4000000000)\n";

long long ebReadNumber(const char* name, const char* text, long long low, long long high)
{
	char* end = NULL;
	errno = 0;
	long long value = text ? strtoll(text, &end, 10) : -1;
	if (!text || end == text || *end || errno || value < low || value > high)
		ebFail(EXIT_USAGE, "%s needs a number from %ld to %ld", name, (long)low, (long)high);
	return value;
}

/* FILE may hold a '=', the number of bytes stands behind the last. */
static void readFlash(const char* value)
{
	char path[PATH_MAX];
	const char* equals = value ? strrchr(value, '=') : NULL;
	if (!equals || equals == value || (size_t)(equals - value) >= sizeof(path))
		ebFail(EXIT_USAGE, "--flash FILE=BYTES");
	memcpy(path, value, (size_t)(equals - value));
	path[equals - value] = 0;
	ebOpenFlashImage(path, (uint32_t)ebReadNumber("--flash", equals + 1, 4096, 1 << 26));
}

int ebReadOption(ebOptions* options, const char* name, const char* value)
{
	if (strcmp(name, "--budget") == 0) {
		options->budget = value ? ebFindBudget(value) : NULL;
		if (!options->budget)
			ebFail(EXIT_USAGE, "--budget esp32c3, esp32, device or none");
	}
	else if (strcmp(name, "--static") == 0)
		options->staticBytes = (long)ebReadNumber(name, value, 8192, 1 << 28);
	else if (strcmp(name, "--stack") == 0)
		options->stackSlots = (long)ebReadNumber(name, value, 64, 1 << 20);
	else if (strcmp(name, "--keys") == 0)
		options->newKeys = (long)ebReadNumber(name, value, 1, 10000);
	else if (strcmp(name, "--meter") == 0)
		options->meterLimit = (uint32_t)ebReadNumber(name, value, 0, UINT32_MAX);
	else if (strcmp(name, "--flash") == 0)
		readFlash(value);
	else if (strcmp(name, "--cut-after") == 0)
		ebCutPowerAfter(ebReadNumber(name, value, 0, 1LL << 40));
	else if (strcmp(name, "--fail-flash") == 0)
		ebFailFlash((int)ebReadNumber(name, value, 0, 1000000));
	else if (strcmp(name, "--fail-reads") == 0)
		ebFailReads((uint32_t)ebReadNumber(name, value, 0, 1000000));
	else
		return 0;
	return 1;
}

txMachine* ebCreateRoot(const ebOptions* options)
{
	/* The root's memory is not counted. The clone copies its tables of names, so both machines have them in one size. */
	txCreation creation = ebRootCreation;
	creation.nameModulo = options->budget->creation.nameModulo;
	creation.symbolModulo = options->budget->creation.symbolModulo;
	txMachine* root = fxCreateMachine(&creation, "flash", NULL, XS_NO_ID);
	if (!root)
		ebFail(EXIT_ENGINE, "no root machine");
	ebInstallHost(root, options->argc, options->argv);
	ebInstallText(root);
	return root;
}

void ebFinishRoot(txMachine* root)
{
	ebImportAll(root);
	ebFreezeRoot(root);
}

txMachine* ebCreateClone(const ebOptions* options, txMachine* root)
{
	txCreation creation = options->budget->creation;
	if (options->staticBytes >= 0) {
		const ebBudget* grows = ebFindBudget("esp32c3");
		txSize stackCount = creation.stackCount;
		creation = grows->creation;
		creation.stackCount = stackCount;
		creation.staticSize = (txSize)options->staticBytes;
	}
	if (options->stackSlots >= 0)
		creation.stackCount = (txSize)options->stackSlots;
	if (options->newKeys >= 0) {
		creation.initialKeyCount = (txSize)options->newKeys;
		creation.incrementalKeyCount = 0;
	}
	ebNextMachineStatic(creation.staticSize);
	txMachine* clone = fxCloneMachine(&creation, root, "ram", NULL);
	if (!clone)
		ebFail(EXIT_NO_MEMORY, "no machine within the budget");
	ebLimitTurns(options->meterLimit);
	ebStartMeter(clone);
	return clone;
}
