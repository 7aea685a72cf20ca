/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The memory budget. A device gives its script one static block: the stack and
 * the slots are taken from its top, the chunks (strings, buffers, arrays) from
 * its bottom, and the script is over when the two meet. What the engine takes
 * with malloc besides (the tables of names and aliases) is outside the block on
 * the device as well, and is not counted here either.
 */
#include "host.h"

static txSize nextStaticBytes = 0;

/*
 * Chunk and slot increments and the sizes of the name tables are those of the
 * vendor's base manifest; static sizes and stacks those of its device manifests.
 */
static const ebBudget budgets[] = {
	{ "esp32c3", {
		.initialChunkSize = 1536, .incrementalChunkSize = 1024,
		.initialHeapCount = 512, .incrementalHeapCount = 64,
		.stackCount = 384, .initialKeyCount = 32, .incrementalKeyCount = 32,
		.nameModulo = 53, .symbolModulo = 3, .staticSize = 94208 } },
	{ "esp32", {
		.initialChunkSize = 78848, .incrementalChunkSize = 0,
		.initialHeapCount = 4928, .incrementalHeapCount = 0,
		.stackCount = 512, .initialKeyCount = 32, .incrementalKeyCount = 32,
		.nameModulo = 53, .symbolModulo = 3, .staticSize = 0 } },
	/* The C3's block, divided as targets/esp32 asks for it: room beyond what lives, so that garbage is collected less often. */
	{ "device", {
		.initialChunkSize = 20480, .incrementalChunkSize = 2048,
		.initialHeapCount = 3072, .incrementalHeapCount = 128,
		.stackCount = 384, .initialKeyCount = 32, .incrementalKeyCount = 32,
		.nameModulo = 53, .symbolModulo = 3, .staticSize = 94208 } },
	{ "none", {
		.initialChunkSize = 1 << 20, .incrementalChunkSize = 1 << 20,
		.initialHeapCount = 1 << 15, .incrementalHeapCount = 1 << 15,
		.stackCount = 1 << 14, .initialKeyCount = 1024, .incrementalKeyCount = 1024,
		.nameModulo = 53, .symbolModulo = 3, .staticSize = 0 } },
};

const ebBudget* ebFindBudget(const char* name)
{
	for (size_t i = 0; i < sizeof(budgets) / sizeof(budgets[0]); i++)
		if (strcmp(budgets[i].name, name) == 0)
			return &budgets[i];
	return NULL;
}

void ebNextMachineStatic(txSize bytes)
{
	nextStaticBytes = bytes;
}

void fxCreateMachinePlatform(txMachine* the)
{
	txSize bytes = nextStaticBytes & ~(txSize)15;
	nextStaticBytes = 0;
	if (!bytes)
		return;
	the->regionStart = aligned_alloc(16, (size_t)bytes);
	if (!the->regionStart)
		ebFail(EXIT_USAGE, "no %d bytes for --static on this computer", (int)bytes);
	the->regionEnd = the->regionStart + bytes;
	the->regionLow = the->regionStart;
	the->regionHigh = the->regionEnd;
}

/* The block dies with the process, which ends with its machines. */
void fxDeleteMachinePlatform(txMachine* the)
{
	(void)the;
}

static int hasRoom(txMachine* the, size_t bytes)
{
	return (size_t)(the->regionHigh - the->regionLow) >= bytes;
}

static void notePeak(txMachine* the)
{
	uint32_t used = (uint32_t)((the->regionLow - the->regionStart) + (the->regionEnd - the->regionHigh));
	if (the->regionPeak < used)
		the->regionPeak = used;
}

void* fxAllocateChunks(txMachine* the, txSize size)
{
	if (!the->regionStart)
		return malloc((size_t)size);
	if (size < 0 || !hasRoom(the, (size_t)size))
		return NULL;
	void* result = the->regionLow;
	the->regionLow += size;
	notePeak(the);
	return result;
}

void fxFreeChunks(txMachine* the, void* chunks)
{
	if (!the->regionStart)
		free(chunks);
}

/* Gives the unused tail of the chunk area back to the gap between the areas. */
static void shrinkChunks(txMachine* the, size_t wanted)
{
	txBlock* block = the->firstBlock;
	if (!block || (uint8_t*)block->limit != the->regionLow)
		return;
	size_t missing = wanted - (size_t)(the->regionHigh - the->regionLow);
	size_t unused = (size_t)(block->limit - block->current);
	if (missing > unused)
		return;
	missing = (missing + sizeof(txSlot) - 1) & ~(sizeof(txSlot) - 1);
	if (missing > unused)
		missing = unused;
	block->limit -= missing;
	the->regionLow -= missing;
	the->maximumChunksSize -= (txSize)missing;
}

/*
 * When the areas have met, chunks may still hold space they do not use. It is
 * taken back without moving anything: callers of the slot allocator hold
 * pointers into chunks, so a compacting collection is not safe at this point.
 */
txSlot* fxAllocateSlots(txMachine* the, txSize count)
{
	size_t bytes = (size_t)count * sizeof(txSlot);
	if (!the->regionStart)
		return malloc(bytes);
	if (!hasRoom(the, bytes))
		shrinkChunks(the, bytes);
	if (!hasRoom(the, bytes))
		return NULL;
	the->regionHigh -= bytes;
	notePeak(the);
	return (txSlot*)the->regionHigh;
}

void fxFreeSlots(txMachine* the, void* slots)
{
	if (!the->regionStart)
		free(slots);
}
