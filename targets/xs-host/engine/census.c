/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host.census(): what takes the slots of RAM. Each instance counts with its
 * properties under the name of its class, whatever belongs to none under its
 * kind in the engine.
 */
#include "host.h"

enum { GROUPS = 96, NAME_LIMIT = 40 };

typedef struct {
	char name[NAME_LIMIT];
	uint32_t count;
	uint32_t slots;
} ebGroup;

static ebGroup* groups;

static void add(const char* name, uint32_t slots)
{
	ebGroup* group = groups;
	while (group < groups + GROUPS - 1 && group->name[0] && strncmp(group->name, name, NAME_LIMIT - 1) != 0)
		group++;
	if (!group->name[0])
		snprintf(group->name, sizeof(group->name), "%s", group < groups + GROUPS - 1 ? name : "others");
	group->count++;
	group->slots += slots;
}

static const char* text(txMachine* the, txSlot* instance, txID id)
{
	txSlot* slot = instance ? mxBehaviorGetProperty(the, instance, id, 0, XS_ANY) : NULL;
	return slot && (slot->kind == XS_STRING_KIND || slot->kind == XS_STRING_X_KIND) ? slot->value.string : NULL;
}

static const char* nameOf(txMachine* the, txSlot* instance)
{
	static char name[NAME_LIMIT];
	if (mxIsFunction(instance)) {
		const char* own = text(the, instance, mxID(_name));
		snprintf(name, sizeof(name), "function %s", own ? own : "");
		return name;
	}
	txSlot* constructor = mxBehaviorGetProperty(the, instance, mxID(_constructor), 0, XS_ANY);
	const char* class = constructor && constructor->kind == XS_REFERENCE_KIND ? text(the, constructor->value.reference, mxID(_name)) : NULL;
	return class ? class : "no class";
}

static uint32_t lengthOf(const txSlot* instance)
{
	uint32_t length = 1;
	for (const txSlot* slot = instance->next; slot; slot = slot->next)
		length++;
	return length;
}

void ebHostCensus(txMachine* the)
{
	uint32_t used = 0, inInstances = 0;
	groups = calloc(GROUPS, sizeof(ebGroup));
	char* result = groups ? calloc(GROUPS, NAME_LIMIT + 24) : NULL;
	if (!result)
		mxUnknownError("census: no memory");
	fxCollectGarbage(the);
	for (txSlot* heap = the->firstHeap; heap; heap = heap->next)
		for (txSlot* slot = heap + 1; slot < heap->value.reference; slot++) {
			if (slot->kind == XS_UNDEFINED_KIND && !slot->ID)
				continue;
			used++;
			if (slot->kind != XS_INSTANCE_KIND)
				continue;
			uint32_t length = lengthOf(slot);
			inInstances += length;
			add(nameOf(the, slot), length);
		}
	add("in no instance (closures, entries of maps, free)", used - inInstances);
	size_t length = 0;
	for (ebGroup* group = groups; group < groups + GROUPS && group->name[0]; group++)
		length += (size_t)sprintf(result + length, "%u %u %s\n", (unsigned)group->slots, (unsigned)group->count, group->name);
	mxPushStringC(result);
	mxPullSlot(mxResult);
	free(result);
	free(groups);
}
