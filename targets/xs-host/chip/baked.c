/* SPDX-License-Identifier: Apache-2.0 */
/* Reads what linux/bake.c wrote; the format is described there. */
#include "chip.h"

/* In image.S, with the file of the application. */
extern const uint8_t ebBakedImage[];

static uint32_t number(const uint8_t** p)
{
	uint32_t value;
	memcpy(&value, *p, sizeof(value));
	*p += sizeof(value);
	return value;
}

/* A copy in the flash window, because names in the code are resolved there; NULL for no bytes. */
static txByte* copy(const uint8_t** p, uint32_t size)
{
	txByte* bytes = size ? malloc(size) : NULL;
	if (bytes)
		memcpy(bytes, *p, size);
	*p += size;
	return bytes;
}

void ebAddBakedModules(txMachine* root)
{
	const uint8_t* p = ebBakedImage;
	for (uint32_t count = number(&p); count > 0; count--) {
		txScript* script = calloc(1, sizeof(txScript));
		uint32_t nameSize = number(&p), symbolsSize = number(&p), codeSize = number(&p);
		const char* specifier = (const char*)p;
		p += nameSize;
		script->symbolsBuffer = copy(&p, symbolsSize);
		script->symbolsSize = (txSize)symbolsSize;
		script->codeBuffer = copy(&p, codeSize);
		script->codeSize = (txSize)codeSize;
		ebAddScript(root, specifier, script);
	}
}
