/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ebalance-xs: runs one JavaScript module on the XS engine under the memory
 * budget of a device, or bakes it and its modules for one.
 */
#include "linux.h"

enum { PRELOAD_LIMIT = 32 };

typedef struct {
	const char* preloads[PRELOAD_LIMIT];
	int preloadCount;
	const char* bakePath;
	const char* mainPath;
} ebProgram;

/* Room for any program worth testing. */
const txCreation ebRootCreation = {
	.initialChunkSize = 8 << 20, .incrementalChunkSize = 1 << 20,
	.initialHeapCount = 1 << 17, .incrementalHeapCount = 1 << 15,
	.stackCount = 1 << 14, .initialKeyCount = 4096, .incrementalKeyCount = 1024,
};

static const char help[] =
	"ebalance-xs [options] MAIN.js [arguments]\n"
	"%s"
	"  --preload FILE=SPECIFIER     module in flash; may be repeated, in order of import\n"
	"  --bake FILE                  write the bytecode for a device there and run nothing\n"
	"exit codes:\n"
	"   0  nothing left to wait for, host.exit(), SIGTERM or SIGINT\n"
	"  70  memory: chunks or slots beyond the budget\n"
	"  71  stack overflow\n"
	"  72  unhandled exception or promise rejection\n"
	"  73  meter: one turn computed for too long\n"
	"  74  bad usage, file or module not found\n"
	"  75  too many property names\n"
	"  76  the engine gave up for another reason\n"
	"  77  on the emulated chip only: a write to flash, or another trap\n"
	"  78  the power was cut, as --cut-after asked\n";

static void readOption(ebOptions* options, ebProgram* program, const char* name, const char* value)
{
	if (ebReadOption(options, name, value))
		return;
	if (strcmp(name, "--preload") == 0) {
		if (!value || !strchr(value, '=') || program->preloadCount == PRELOAD_LIMIT)
			ebFail(EXIT_USAGE, "--preload FILE=SPECIFIER, at most %d times", PRELOAD_LIMIT);
		program->preloads[program->preloadCount++] = value;
	}
	else if (strcmp(name, "--bake") == 0)
		program->bakePath = value ? value : "";
	else
		ebFail(EXIT_USAGE, "unknown option %s, see --help", name);
}

static void readOptions(ebOptions* options, ebProgram* program, int argc, char** argv)
{
	int i = 1;
	while (i < argc && argv[i][0] == '-') {
		if (strcmp(argv[i], "--help") == 0) {
			printf(help, ebOptionsHelp);
			exit(EXIT_OK);
		}
		readOption(options, program, argv[i], i + 1 < argc ? argv[i + 1] : NULL);
		i += 2;
	}
	if (i >= argc)
		ebFail(EXIT_USAGE, "no MAIN.js, see --help");
	program->mainPath = argv[i];
	options->argc = argc - i - 1;
	options->argv = argv + i + 1;
}

/* The modules in order of import; the application's is the last. FILE may hold no '=', a specifier may. */
static int parseModules(txMachine* root, const ebProgram* program, const char** specifiers, txScript** scripts)
{
	int count = 0;
	specifiers[count] = "text/encoder";
	scripts[count++] = ebParseText(root, "text/encoder", "export default globalThis.TextEncoder; delete globalThis.TextEncoder;");
	specifiers[count] = "text/decoder";
	scripts[count++] = ebParseText(root, "text/decoder", "export default globalThis.TextDecoder; delete globalThis.TextDecoder;");
	for (int i = 0; i < program->preloadCount; i++) {
		char path[PATH_MAX];
		const char* option = program->preloads[i];
		size_t length = (size_t)(strchr(option, '=') - option);
		if (length >= sizeof(path))
			ebFail(EXIT_USAGE, "--preload: path too long");
		memcpy(path, option, length);
		path[length] = 0;
		specifiers[count] = option + length + 1;
		scripts[count++] = ebParseFile(root, path);
	}
	specifiers[count] = ebMainSpecifier;
	scripts[count++] = ebParseFile(root, program->mainPath);
	return count;
}

int main(int argc, char** argv)
{
	const char* specifiers[PRELOAD_LIMIT + 3];
	txScript* scripts[PRELOAD_LIMIT + 3];
	ebOptions options = ebDefaultOptions;
	ebProgram program = { .preloadCount = 0 };
	options.budget = ebFindBudget("esp32c3");
	readOptions(&options, &program, argc, argv);
	txMachine* root = ebCreateRoot(&options);
	int count = parseModules(root, &program, specifiers, scripts);
	if (program.bakePath) {
		ebBake(program.bakePath, specifiers, scripts, count);
		return EXIT_OK;
	}
	for (int i = 0; i < count; i++)
		ebAddScript(root, specifiers[i], scripts[i]);
	ebFinishRoot(root);
	txMachine* clone = ebCreateClone(&options, root);
	ebRunLoop(clone);
	fflush(stdout);
	return EXIT_OK;
}
