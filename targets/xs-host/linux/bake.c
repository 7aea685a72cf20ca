/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bytecode of all modules in one file, which is linked into the chip's
 * program (chip/baked.c reads it): the number of modules, then for each the
 * lengths of specifier (with its final zero), symbols and code, in four bytes
 * each, and the three themselves. Little-endian, as both computers are.
 */
#include "linux.h"

static void put(FILE* file, const char* path, const void* bytes, size_t size)
{
	if (size && fwrite(bytes, 1, size, file) != size)
		ebFail(EXIT_USAGE, "--bake %s: %s", path, strerror(errno));
}

static void putNumber(FILE* file, const char* path, uint32_t number)
{
	put(file, path, &number, sizeof(number));
}

void ebBake(const char* path, const char* const* specifiers, txScript* const* scripts, int count)
{
	FILE* file = fopen(path, "wb");
	if (!file)
		ebFail(EXIT_USAGE, "--bake %s: %s", path, strerror(errno));
	putNumber(file, path, (uint32_t)count);
	for (int i = 0; i < count; i++) {
		const txScript* script = scripts[i];
		uint32_t nameSize = (uint32_t)strlen(specifiers[i]) + 1;
		uint32_t symbolsSize = script->symbolsBuffer ? (uint32_t)script->symbolsSize : 0;
		putNumber(file, path, nameSize);
		putNumber(file, path, symbolsSize);
		putNumber(file, path, (uint32_t)script->codeSize);
		put(file, path, specifiers[i], nameSize);
		put(file, path, script->symbolsBuffer, symbolsSize);
		put(file, path, script->codeBuffer, (size_t)script->codeSize);
	}
	if (fclose(file) != 0)
		ebFail(EXIT_USAGE, "--bake %s: %s", path, strerror(errno));
}
