/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes of the root machine what the vendor's linker leaves in flash.
 *
 * The engine copies a plain object, an array or a module-level "let" into RAM
 * when the clone first writes to it. What it cannot copy is made read-only, so
 * that writing throws as on a device: built-ins, functions and classes, maps
 * and sets, buffers, regular expressions.
 */
#include "host.h"

/* Calls Object.freeze on the value; deep follows the properties. */
static void freeze(txMachine* the, txSlot* value, int deep)
{
	if (value->kind != XS_REFERENCE_KIND)
		return;
	mxPush(mxObjectConstructor);
	mxDub();
	mxGetID(mxID(_freeze));
	mxCall();
	mxPushSlot(value);
	mxPushBoolean(deep);
	mxRunCount(2);
	mxPop();
}

/* The constructors, then the prototypes and the functions without a name. */
static void freezeBuiltIns(txMachine* the)
{
	for (int i = mxInstanceInspectorsStackIndex + 1; i < mxEmptyCodeStackIndex; i++)
		if (i != mxCompartmentGlobalStackIndex)
			freeze(the, &the->stackTop[-1 - i], 1);
}

/*
 * Object.freeze leaves what is internal to an instance as it is. Marked too, the
 * instance needs no alias: each costs the device a pointer in RAM, written to or
 * not. The vendor's linker does the same.
 */
static void sealInternals(txSlot* instance)
{
	for (txSlot* property = instance->next; property; property = property->next) {
		if (property->kind != XS_ACCESSOR_KIND)
			property->flag |= XS_DONT_SET_FLAG;
		property->flag |= XS_DONT_DELETE_FLAG;
	}
	instance->flag |= XS_DONT_PATCH_FLAG;
}

static void freezeFunction(txMachine* the, txSlot* function)
{
	mxPushReference(function);
	freeze(the, the->stack, 0);
	txSlot* prototype = mxBehaviorGetProperty(the, function, mxID(_prototype), 0, XS_OWN);
	if (prototype && prototype->kind == XS_REFERENCE_KIND) {
		freeze(the, prototype, 0);
		sealInternals(prototype->value.reference);
	}
	sealInternals(function);
	mxPop();
}

/* Kinds whose content is a chunk the engine cannot copy to RAM. */
static int isReadOnlyInFlash(txKind kind)
{
	switch (kind) {
	case XS_ARRAY_BUFFER_KIND:
	case XS_FINALIZATION_REGISTRY_KIND:
	case XS_MAP_KIND:
	case XS_REGEXP_KIND:
	case XS_SET_KIND:
	case XS_WEAK_MAP_KIND:
	case XS_WEAK_SET_KIND:
		return 1;
	default:
		return 0;
	}
}

/* Visits every slot in use; freezing may add heaps, which hold nothing of the modules. */
static void visitHeap(txMachine* the, void (*visit)(txMachine*, txSlot*))
{
	for (txSlot* heap = the->firstHeap; heap; heap = heap->next)
		for (txSlot* slot = heap + 1; slot < heap->value.reference; slot++)
			visit(the, slot);
}

static void freezeInstance(txMachine* the, txSlot* slot)
{
	if (slot->kind != XS_INSTANCE_KIND || !slot->next || !(slot->next->flag & XS_INTERNAL_FLAG))
		return;
	if (mxIsFunction(slot))
		freezeFunction(the, slot);
	else if (slot->next->ID == XS_ENVIRONMENT_BEHAVIOR)
		sealInternals(slot);
	else if (isReadOnlyInFlash(slot->next->kind)) {
		mxPushReference(slot);
		freeze(the, the->stack, 0);
		mxPop();
	}
}

/* A function or class that stands in a scope stays what it is. */
static void fixFunction(txMachine* the, txSlot* slot)
{
	(void)the;
	if (slot->kind != XS_CLOSURE_KIND)
		return;
	txSlot* variable = slot->value.closure;
	if (variable->kind == XS_REFERENCE_KIND && variable->value.reference->next && mxIsFunction(variable->value.reference))
		variable->flag |= XS_DONT_SET_FLAG;
}

/*
 * Values of these kinds point to chunks. Copies of them in the clone must not
 * look as if the chunk were the clone's, or its collector would move it.
 */
static void markAsFlash(txMachine* the, txSlot* slot)
{
	(void)the;
	switch (slot->kind) {
	case XS_STRING_KIND:
		slot->kind = XS_STRING_X_KIND;
		break;
	case XS_BIGINT_KIND:
		slot->kind = XS_BIGINT_X_KIND;
		break;
	case XS_KEY_KIND:
		slot->kind = XS_KEY_X_KIND;
		break;
	default:
		break;
	}
}

static void leaveInFlash(txMachine* the, txSlot* slot)
{
	markAsFlash(the, slot);
	if (slot->kind == XS_ARRAY_KIND)
		for (txIndex i = 0, count = fxGetIndexSize(the, slot); i < count; i++)
			markAsFlash(the, slot->value.array.address + i);
	if ((slot->flag & XS_INTERNAL_FLAG) && isReadOnlyInFlash(slot->kind))
		slot->flag |= XS_DONT_SET_FLAG;
}

/* The clone inherits the global properties; a property it may not shadow by assignment. */
static void freezeGlobals(txMachine* the)
{
	for (txSlot* slot = fxGetInstance(the, &mxGlobal)->next; slot; slot = slot->next)
		if (!(slot->flag & XS_INTERNAL_FLAG) && slot->ID != XS_NO_ID)
			slot->flag |= XS_DONT_DELETE_FLAG | XS_DONT_SET_FLAG;
}

/* The engine notes where it found a built-in when it is first asked for it; in flash it cannot. */
static void findBuiltIns(txMachine* the)
{
	txSlot* global = mxGlobal.value.reference;
	for (txID id = XS_SYMBOL_ID_COUNT; id < XS_INTRINSICS_COUNT; id++)
		mxBehaviorGetProperty(the, global, id, 0, XS_ANY);
}

void ebFreezeRoot(txMachine* the)
{
	/* Anything that is garbage now must not be visited as if it were alive. */
	fxCollectGarbage(the);
	fxBeginHost(the);
	mxTry(the) {
		freezeBuiltIns(the);
		mxPush(mxGlobal);
		mxGetID(fxID(the, "host"));
		freeze(the, the->stack, 1);
		mxPop();
		visitHeap(the, freezeInstance);
		visitHeap(the, fixFunction);
		freezeGlobals(the);
		findBuiltIns(the);
	}
	mxCatch(the) {
		ebUnhandled(the, "freezing the preloaded modules");
	}
	fxEndHost(the);
	fxShareMachine(the);
	/* Only now: sharing compacts the chunks one last time. */
	visitHeap(the, leaveInFlash);
}
