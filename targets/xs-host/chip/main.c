/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The program of the emulated chip: one application, whose bytecode is linked
 * in. Arguments come from QEMU: options as on Linux, then those of the
 * application.
 */
#include "chip.h"

/* It has to fit the window that stands for flash, see chip.mjs. */
const txCreation ebRootCreation = {
	.initialChunkSize = 1 << 20, .incrementalChunkSize = 1 << 18,
	.initialHeapCount = 1 << 15, .incrementalHeapCount = 1 << 13,
	.stackCount = 1 << 12, .initialKeyCount = 4096, .incrementalKeyCount = 1024,
};

/* The engine counts its machines; a count is no part of flash, so the clone begins anew. */
extern void* gxSharedCluster;

static void readOptions(ebOptions* options, int argc, char** argv)
{
	int i = 1;
	while (i < argc && argv[i][0] == '-') {
		if (!ebReadOption(options, argv[i], i + 1 < argc ? argv[i + 1] : NULL))
			ebFail(EXIT_USAGE, "unknown option %s", argv[i]);
		i += 2;
	}
	options->argc = argc > i ? argc - i : 0;
	options->argv = argv + i;
}

int main(int argc, char** argv)
{
	ebOptions options = ebDefaultOptions;
	ebStartCounting();
	ebInstallTraps();
	options.budget = ebFindBudget("esp32c3");
	readOptions(&options, argc, argv);
	txMachine* root = ebCreateRoot(&options);
	ebAddBakedModules(root);
	ebFinishRoot(root);
	gxSharedCluster = NULL;
	ebCloseFlash();
	txMachine* clone = ebCreateClone(&options, root);
	ebRunLoop(clone);
	return EXIT_OK;
}
