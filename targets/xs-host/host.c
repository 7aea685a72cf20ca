/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ebalance-xs: runs one JavaScript module on the XS engine under the memory
 * budget of a device. The root machine stands for flash: built-ins, preloaded
 * modules, the object "host" and all bytecode. A clone of it stands for RAM.
 */
#include "host.h"

enum { PRELOAD_LIMIT = 32 };

typedef struct {
	const ebBudget* budget;
	long staticBytes; /* -1: as the budget says */
	long stackSlots;
	long newKeys;
	uint32_t meterLimit;
	const char* preloads[PRELOAD_LIMIT];
	int preloadCount;
	const char* mainPath;
	int argc;
	char** argv;
} ebOptions;

static const char help[] =
	"ebalance-xs [options] MAIN.js [arguments]\n"
	"  --budget esp32c3|esp32|none  memory of the device (esp32c3)\n"
	"  --static BYTES               size of the static block, instead of the budget's\n"
	"  --stack SLOTS                size of the stack, instead of the budget's\n"
	"  --keys COUNT                 new property names, no more (growing without limit)\n"
	"  --preload FILE=SPECIFIER     module in flash; may be repeated, in order of import\n"
	"  --meter UNITS                computation allowed in one turn, 0 for any (4000000000)\n"
	"exit codes:\n"
	"   0  nothing left to wait for, host.exit(), SIGTERM or SIGINT\n"
	"  70  memory: chunks or slots beyond the budget\n"
	"  71  stack overflow\n"
	"  72  unhandled exception or promise rejection\n"
	"  73  meter: one turn computed for too long\n"
	"  74  bad usage, file or module not found\n"
	"  75  too many property names\n"
	"  76  the engine gave up for another reason\n";

/* The root's memory is not counted; it has room for any program worth testing. */
static txCreation rootCreation = {
	.initialChunkSize = 8 << 20, .incrementalChunkSize = 1 << 20,
	.initialHeapCount = 1 << 17, .incrementalHeapCount = 1 << 15,
	.stackCount = 1 << 14, .initialKeyCount = 4096, .incrementalKeyCount = 1024,
};

static long long readNumber(const char* name, const char* text, long long low, long long high)
{
	char* end = NULL;
	errno = 0;
	long long value = text ? strtoll(text, &end, 10) : -1;
	if (!text || end == text || *end || errno || value < low || value > high)
		ebFail(EXIT_USAGE, "%s needs a number from %lld to %lld", name, low, high);
	return value;
}

static void readOption(ebOptions* options, const char* name, const char* value)
{
	if (strcmp(name, "--budget") == 0) {
		options->budget = value ? ebFindBudget(value) : NULL;
		if (!options->budget)
			ebFail(EXIT_USAGE, "--budget esp32c3, esp32 or none");
	}
	else if (strcmp(name, "--static") == 0)
		options->staticBytes = (long)readNumber(name, value, 8192, 1 << 28);
	else if (strcmp(name, "--stack") == 0)
		options->stackSlots = (long)readNumber(name, value, 64, 1 << 20);
	else if (strcmp(name, "--keys") == 0)
		options->newKeys = (long)readNumber(name, value, 1, 10000);
	else if (strcmp(name, "--meter") == 0)
		options->meterLimit = (uint32_t)readNumber(name, value, 0, UINT32_MAX);
	else if (strcmp(name, "--preload") == 0) {
		if (!value || !strchr(value, '=') || options->preloadCount == PRELOAD_LIMIT)
			ebFail(EXIT_USAGE, "--preload FILE=SPECIFIER, at most %d times", PRELOAD_LIMIT);
		options->preloads[options->preloadCount++] = value;
	}
	else
		ebFail(EXIT_USAGE, "unknown option %s, see --help", name);
}

static void readOptions(ebOptions* options, int argc, char** argv)
{
	int i = 1;
	while (i < argc && argv[i][0] == '-') {
		if (strcmp(argv[i], "--help") == 0) {
			fputs(help, stdout);
			exit(EXIT_OK);
		}
		readOption(options, argv[i], i + 1 < argc ? argv[i + 1] : NULL);
		i += 2;
	}
	if (i >= argc)
		ebFail(EXIT_USAGE, "no MAIN.js, see --help");
	options->mainPath = argv[i];
	options->argc = argc - i - 1;
	options->argv = argv + i + 1;
}

/* FILE may hold no '=', a specifier may. */
static void addPreload(txMachine* root, const char* option)
{
	char path[PATH_MAX];
	size_t length = (size_t)(strchr(option, '=') - option);
	if (length >= sizeof(path))
		ebFail(EXIT_USAGE, "--preload: path too long");
	memcpy(path, option, length);
	path[length] = 0;
	ebAddModule(root, option + length + 1, path);
}

static txMachine* createRoot(const ebOptions* options)
{
	/* The clone copies these tables, so both machines have them in one size. */
	rootCreation.nameModulo = options->budget->creation.nameModulo;
	rootCreation.symbolModulo = options->budget->creation.symbolModulo;
	txMachine* root = fxCreateMachine(&rootCreation, "flash", NULL, XS_NO_ID);
	if (!root)
		ebFail(EXIT_ENGINE, "no root machine");
	ebInstallHost(root, options->argc, options->argv);
	ebAddBuiltIns(root);
	for (int i = 0; i < options->preloadCount; i++)
		addPreload(root, options->preloads[i]);
	ebImportAll(root);
	ebBakeMain(root, options->mainPath);
	ebFreezeRoot(root);
	return root;
}

static txMachine* createClone(const ebOptions* options, txMachine* root)
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
	return clone;
}

int main(int argc, char** argv)
{
	ebOptions options = { .staticBytes = -1, .stackSlots = -1, .newKeys = -1, .meterLimit = 4000000000u };
	options.budget = ebFindBudget("esp32c3");
	readOptions(&options, argc, argv);
	txMachine* root = createRoot(&options);
	txMachine* clone = createClone(&options, root);
	ebRunLoop(clone, options.meterLimit);
	fflush(stdout);
	return EXIT_OK;
}
