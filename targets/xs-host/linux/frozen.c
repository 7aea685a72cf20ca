/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host.frozen(): what the preloaded modules made at their top level and can
 * never write to again, because it stands in flash: maps, sets and buffers that
 * their functions reach through a variable, directly or inside of objects (up to
 * four in each other), and values in classes. A constant table is in order; anything else would throw
 * when it is first written, on a device as here.
 */
#include "linux.h"

enum { DEPTH_LIMIT = 4, SEEN_LIMIT = 4096, TEXT_LIMIT = 1 << 14 };

typedef struct {
	txMachine* root;
	const char* module;
	const char* variable;
	const txSlot* seen[SEEN_LIMIT];
	int seenCount;
	int isTooMuch;
	char text[TEXT_LIMIT];
	size_t length;
} ebFrozen;

static const char* kindOf(const txSlot* instance)
{
	switch (instance->next && (instance->next->flag & XS_INTERNAL_FLAG) ? instance->next->kind : XS_UNDEFINED_KIND) {
	case XS_MAP_KIND: return "Map";
	case XS_SET_KIND: return "Set";
	case XS_WEAK_MAP_KIND: return "WeakMap";
	case XS_WEAK_SET_KIND: return "WeakSet";
	case XS_ARRAY_BUFFER_KIND:
	case XS_TYPED_ARRAY_KIND:
	case XS_DATA_VIEW_KIND: return "buffer";
	default: return NULL;
	}
}

static int isNew(ebFrozen* frozen, const txSlot* instance)
{
	for (int i = 0; i < frozen->seenCount; i++)
		if (frozen->seen[i] == instance)
			return 0;
	if (frozen->seenCount == SEEN_LIMIT) {
		frozen->isTooMuch = 1;
		return 0;
	}
	frozen->seen[frozen->seenCount++] = instance;
	return 1;
}

static void add(ebFrozen* frozen, const char* kind, const char* name)
{
	size_t room = TEXT_LIMIT - frozen->length;
	int count = snprintf(frozen->text + frozen->length, room, "%s %s %s%s%s\n", frozen->module, kind, frozen->variable, name ? "." : "", name ? name : "");
	if (count > 0 && (size_t)count < room)
		frozen->length += (size_t)count;
	else
		frozen->isTooMuch = 1;
}

static void visitInstance(ebFrozen* frozen, txSlot* instance, const char* name, int depth);

/* What stands in an array has the array's name. */
static void visitProperties(ebFrozen* frozen, txSlot* instance, const char* name, int depth)
{
	for (txSlot* slot = instance->next; slot; slot = slot->next) {
		if (slot->kind == XS_REFERENCE_KIND)
			visitInstance(frozen, slot->value.reference, slot->ID ? fxGetKeyName(frozen->root, slot->ID) : name, depth + 1);
		else if (slot->kind == XS_ARRAY_KIND)
			for (txIndex i = 0, count = fxGetIndexSize(frozen->root, slot); i < count; i++)
				if (slot->value.array.address[i].kind == XS_REFERENCE_KIND)
					visitInstance(frozen, slot->value.array.address[i].value.reference, name, depth + 1);
	}
}

static void visitStatics(ebFrozen* frozen, txSlot* class)
{
	for (txSlot* slot = class->next; slot; slot = slot->next) {
		int own = !(slot->flag & XS_INTERNAL_FLAG) && slot->ID != mxID(_name) && slot->ID != mxID(_length) && slot->ID != mxID(_prototype);
		int isFunction = slot->kind == XS_ACCESSOR_KIND || (slot->kind == XS_REFERENCE_KIND && mxIsFunction(slot->value.reference));
		if (own && slot->ID && !isFunction)
			add(frozen, "static", fxGetKeyName(frozen->root, slot->ID));
	}
}

static void visitInstance(ebFrozen* frozen, txSlot* instance, const char* name, int depth)
{
	const char* kind = kindOf(instance);
	if (depth > DEPTH_LIMIT || !isNew(frozen, instance))
		return;
	if (kind)
		add(frozen, kind, name);
	else if (mxIsFunction(instance))
		visitStatics(frozen, instance);
	else
		visitProperties(frozen, instance, name, depth);
}

/* Variables that a function of a module has from around it carry their names. */
static void visitFunction(ebFrozen* frozen, txSlot* function)
{
	const txSlot* code = function->next;
	txSlot* around = code->value.code.closures;
	frozen->module = code->kind == XS_CODE_KIND || code->kind == XS_CODE_X_KIND ? ebModuleWith(code->value.code.address) : NULL;
	if (!frozen->module || !around)
		return;
	for (txSlot* slot = around->next; slot; slot = slot->next) {
		if (slot->kind != XS_CLOSURE_KIND || !slot->ID || slot->value.closure->kind != XS_REFERENCE_KIND)
			continue;
		frozen->variable = fxGetKeyName(frozen->root, slot->ID);
		visitInstance(frozen, slot->value.closure->value.reference, NULL, 0);
	}
}

static void hostFrozen(txMachine* the)
{
	ebFrozen* frozen = calloc(1, sizeof(ebFrozen));
	if (!frozen)
		mxUnknownError("frozen: no memory");
	frozen->root = the->sharedMachine ? the->sharedMachine : the;
	for (txSlot* heap = frozen->root->firstHeap; heap; heap = heap->next)
		for (txSlot* slot = heap + 1; slot < heap->value.reference; slot++)
			if (slot->kind == XS_INSTANCE_KIND && slot->next && mxIsFunction(slot))
				visitFunction(frozen, slot);
	int isTooMuch = frozen->isTooMuch;
	mxPushStringC(frozen->text);
	mxPullSlot(mxResult);
	free(frozen);
	if (isTooMuch)
		mxRangeError("frozen: more than %d objects or %d bytes of text", SEEN_LIMIT, TEXT_LIMIT);
}

void ebInstallFrozen(txMachine* the, txSlot** last)
{
	*last = ebAddFunction(the, *last, "frozen", hostFrozen, 0);
}
