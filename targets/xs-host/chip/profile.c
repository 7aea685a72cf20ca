/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host.profileStart(), profilePause() and profileStop(): which functions the engine spends
 * instructions in. Every so many instructions the core's timer interrupts and
 * the function that runs is noted: what C does for it counts as its own.
 * Instructions are the emulator's clock, so every run gives the same counts.
 */
#include "chip.h"

extern uint8_t ebFlashStart[], ebRamEnd[];

enum { PLACES = 512, TIMER_INTERRUPT = 1 << 7, INTERRUPTS_ON = 1 << 3 };

typedef struct {
	const void* code; /* NULL: free */
	const char* name;
	uint32_t count;
} ebPlace;

static txMachine* volatile profiled = NULL;
static ebPlace* places = NULL;
static uint32_t periodTicks = 0;

static const char* nameOf(txSlot* instance)
{
	for (txSlot* slot = instance->next; slot; slot = slot->next)
		if (slot->ID == mxID(_name) && (slot->kind == XS_STRING_KIND || slot->kind == XS_STRING_X_KIND))
			return slot->value.string[0] ? slot->value.string : "(no name)";
	return "(no name)";
}

/*
 * The frame that runs. The interpreter keeps it in a local variable and tells the
 * machine only before some of its calls, so that what it tells may be a frame that
 * ended long ago: the innermost word on the C stack that points to a frame is that
 * variable.
 */
static txSlot* runningFrame(txMachine* the)
{
	const uint32_t size = (uint32_t)((uint8_t*)the->stackTop - (uint8_t*)the->stackBottom);
	for (uint8_t** word = __builtin_frame_address(0); (uint8_t*)word < ebRamEnd; word++) {
		uint32_t offset = (uint32_t)(*word - (uint8_t*)the->stackBottom);
		if (offset < size && offset % sizeof(txSlot) == 0 && ((txSlot*)*word)->kind == XS_FRAME_KIND)
			return (txSlot*)*word;
	}
	return NULL;
}

void ebProfileSample(void)
{
	txMachine* the = profiled;
	if (!the)
		return;
	txSlot* frame = runningFrame(the);
	ebSetAlarm(ebTicks() + periodTicks);
	/* The interrupt may come while the engine makes a frame: then the slot of the function may hold anything. */
	txSlot* function = frame ? frame + 3 : NULL;
	txSlot* instance = function && function->kind == XS_REFERENCE_KIND ? function->value.reference : NULL;
	if ((uint8_t*)instance < ebFlashStart || instance->kind != XS_INSTANCE_KIND || !instance->next || !mxIsFunction(instance))
		return;
	const void* code = instance->next->value.code.address;
	ebPlace* place = places + ((uintptr_t)code >> 1) % PLACES;
	for (int tries = 0; tries < PLACES && place->code && place->code != code; tries++)
		place = place + 1 < places + PLACES ? place + 1 : places;
	if (!place->code) {
		place->code = code;
		place->name = nameOf(instance);
	}
	if (place->code == code)
		place->count++;
}

/* (instructions between two samples: 100 and more); goes on after a pause */
static void profileStart(txMachine* the)
{
	periodTicks = (uint32_t)ebNumberArgument(the, 0, "profileStart: instructions", 100, 1e9) / 100;
	places = places ? places : calloc(PLACES, sizeof(ebPlace));
	if (!places)
		mxUnknownError("profileStart: no memory");
	profiled = the;
	ebSetAlarm(ebTicks() + periodTicks);
	__asm__ volatile("csrw mie, %0" :: "r"(TIMER_INTERRUPT));
	__asm__ volatile("csrs mstatus, %0" :: "r"(INTERRUPTS_ON));
}

static void profilePause(txMachine* the)
{
	(void)the;
	__asm__ volatile("csrc mstatus, %0" :: "r"(INTERRUPTS_ON));
	profiled = NULL;
}

/* -> text: one line for each function, its samples and its name */
static void profileStop(txMachine* the)
{
	profilePause(the);
	char* text = calloc(PLACES, 80);
	if (!text)
		mxUnknownError("profileStop: no memory");
	size_t length = 0;
	for (int i = 0; i < PLACES && places; i++)
		if (places[i].code)
			length += (size_t)snprintf(text + length, 80, "%u %.60s\n", (unsigned)places[i].count, places[i].name);
	mxPushStringC(text);
	mxPullSlot(mxResult);
	free(text);
	free(places);
	places = NULL;
}

void ebInstallProfile(txMachine* the, txSlot** last)
{
	*last = ebAddFunction(the, *last, "profileStart", profileStart, 1);
	*last = ebAddFunction(the, *last, "profilePause", profilePause, 0);
	*last = ebAddFunction(the, *last, "profileStop", profileStop, 0);
}
