/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The modules a machine can import: the preloaded ones, the engine's text
 * modules, and the application's. Their bytecode is made on the build computer,
 * because a device has no parser, and lies in flash.
 */
#include "host.h"

enum { MODULE_LIMIT = 40, NAME_LIMIT = 200 };


typedef struct {
	const char* specifier;
	txScript* script;
} ebModule;

static ebModule modules[MODULE_LIMIT];
static int moduleCount = 0;
static uint32_t bytecodeBytes = 0;

const char ebMainSpecifier[] = "main";

extern const txS1 gxCodeSizes[];
extern void fxRemapIDs(txMachine* the, txByte* codeBuffer, txSize codeSize, txID* theIDs);
extern void modInstallTextEncoder(txMachine* the);
extern void modInstallTextDecoder(txMachine* the);

/* Bodies and strings whose instruction has a twin that leaves them in the bytecode. */
static txU1 bakedInstruction(txU1 code)
{
	switch (code) {
	case XS_CODE_CODE_1: return XS_CODE_CODE_ARCHIVE_1;
	case XS_CODE_CODE_2: return XS_CODE_CODE_ARCHIVE_2;
	case XS_CODE_CODE_4: return XS_CODE_CODE_ARCHIVE_4;
	case XS_CODE_STRING_1: return XS_CODE_STRING_ARCHIVE_1;
	case XS_CODE_STRING_2: return XS_CODE_STRING_ARCHIVE_2;
	case XS_CODE_STRING_4: return XS_CODE_STRING_ARCHIVE_4;
	default: return code;
	}
}

/* Without this, functions and strings would be copied into the counted chunks. */
static void bake(txScript* script)
{
	txU1* p = (txU1*)script->codeBuffer;
	txU1* end = p + script->codeSize;
	while (p < end) {
		txS1 size = gxCodeSizes[*p];
		*p = bakedInstruction(*p);
		p++;
		if (size > 0)
			p += size - 1;
		else if (size == 0)
			p += sizeof(txID);
		else if (size == -1)
			p += 1 + *p;
		else if (size == -2) {
			txU2 length;
			memcpy(&length, p, sizeof(length));
			p += sizeof(length) + length;
		}
		else {
			txS4 length;
			memcpy(&length, p, sizeof(length));
			p += sizeof(length) + (size_t)length;
		}
	}
}

/*
 * Makes every name in the bytecode a name of the root. The clone then has none
 * left to add, and the engine, which frees scripts that bring names along after
 * running them, leaves the bytecode where it is.
 */
static void resolveNames(txMachine* root, txScript* script)
{
	txByte* p = script->symbolsBuffer;
	txID count;
	if (!p)
		return;
	mxDecodeID(p, count);
	txID* ids = calloc((size_t)count, sizeof(txID));
	if (!ids)
		ebFail(EXIT_USAGE, "no memory for %d names", (int)count);
	ids[0] = XS_NO_ID;
	for (txID i = 1; i < count; i++) {
		ids[i] = fxNewNameC(root, (txString)p);
		p += strlen((char*)p) + 1;
	}
	fxRemapIDs(root, script->codeBuffer, script->codeSize, ids);
	free(ids);
	free(script->symbolsBuffer);
	script->symbolsBuffer = NULL;
}

static ebModule* findModule(const char* specifier)
{
	for (int i = 0; i < moduleCount; i++)
		if (strcmp(modules[i].specifier, specifier) == 0)
			return &modules[i];
	return NULL;
}

void ebAddScript(txMachine* root, const char* specifier, txScript* script)
{
	if (moduleCount == MODULE_LIMIT)
		ebFail(EXIT_USAGE, "more than %d modules", MODULE_LIMIT);
	if (strlen(specifier) >= NAME_LIMIT || findModule(specifier))
		ebFail(EXIT_USAGE, "%s: specifier too long or used twice", specifier);
	bytecodeBytes += script->codeSize;
	bake(script);
	resolveNames(root, script);
	modules[moduleCount].specifier = strdup(specifier);
	if (!modules[moduleCount].specifier)
		ebFail(EXIT_USAGE, "%s: no memory", specifier);
	modules[moduleCount].script = script;
	moduleCount++;
	/* A specifier that is a name of the root costs the device no memory. */
	fxNewNameC(root, (txString)specifier);
}

/* The engine installs its text classes as globals; a device has them as modules only, see ebTextModules. */
void ebInstallText(txMachine* root)
{
	modInstallTextEncoder(root);
	modInstallTextDecoder(root);
}

/* The pending exception of an import; a module that is not there has its own exit code. */
static void failImport(txMachine* the, const char* what)
{
	mxPush(mxException);
	txString text = fxToString(the, the->stack);
	if (strstr(text, "module \"") && strstr(text, "\" not found"))
		ebFail(EXIT_USAGE, "%s: %s", what, text);
	ebUnhandled(the, "unhandled exception");
}

static void import(txMachine* the, const char* specifier)
{
	fxBeginHost(the);
	mxTry(the) {
		mxPushStringC((txString)specifier);
		fxAwaitImport(the, XS_IMPORT_NAMESPACE);
		mxPop();
	}
	mxCatch(the) {
		failImport(the, specifier);
	}
	fxEndHost(the);
	ebFinishTurn(the);
}

void ebImportAll(txMachine* the)
{
	for (int i = 0; i < moduleCount; i++)
		if (strcmp(modules[i].specifier, ebMainSpecifier) != 0)
			import(the, modules[i].specifier);
}

uint32_t ebBytecodeBytes(void)
{
	return bytecodeBytes;
}

static void mainFulfilled(txMachine* the)
{
	*mxResult = mxUndefined;
}

static void mainRejected(txMachine* the)
{
	mxException.kind = mxArgv(0)->kind;
	mxException.value = mxArgv(0)->value;
	failImport(the, ebMainSpecifier);
}

/* Through a promise, so that the module may await at its top level. */
void ebRunMain(txMachine* the)
{
	fxBeginHost(the);
	mxTry(the) {
		mxPushStringX((txString)ebMainSpecifier);
		fxRunImport(the, mxModuleInstanceInternal(mxProgram.value.reference)->value.module.realm, XS_NO_ID);
		mxDub();
		mxGetID(mxID(_then));
		mxCall();
		fxNewHostFunction(the, mainFulfilled, 1, XS_NO_ID, XS_NO_ID);
		fxNewHostFunction(the, mainRejected, 1, XS_NO_ID, XS_NO_ID);
		mxRunCount(2);
		mxPop();
	}
	mxCatch(the) {
		ebUnhandled(the, "unhandled exception");
	}
	fxEndHost(the);
	ebFinishTurn(the);
}

txID fxFindModule(txMachine* the, txSlot* realm, txID moduleID, txSlot* slot)
{
	char name[NAME_LIMIT];
	(void)realm;
	(void)moduleID;
	fxToStringBuffer(the, slot, name, sizeof(name));
	return findModule(name) ? fxNewNameC(the, name) : XS_NO_ID;
}

void fxLoadModule(txMachine* the, txSlot* module, txID moduleID)
{
	ebModule* found = findModule(fxGetKeyName(the, moduleID));
	if (found)
		fxResolveModule(the, module, moduleID, found->script, NULL, NULL);
}

/* For eval and new Function: a device has no parser. */
txScript* fxParseScript(txMachine* the, void* stream, txGetter getter, txUnsigned flags)
{
	(void)stream;
	(void)getter;
	(void)flags;
	mxUnknownError("no parser on a device");
	return NULL;
}

const char* ebModuleWith(const txByte* code)
{
	for (int i = 0; i < moduleCount; i++) {
		const txScript* script = modules[i].script;
		if (code >= script->codeBuffer && code < script->codeBuffer + script->codeSize)
			return modules[i].specifier;
	}
	return NULL;
}

static int isNamed(txSlot* instance, const char* name, size_t length)
{
	for (txSlot* slot = instance->next; slot; slot = slot->next)
		if (slot->ID == mxID(_name) && (slot->kind == XS_STRING_KIND || slot->kind == XS_STRING_X_KIND))
			return strlen(slot->value.string) == length && memcmp(slot->value.string, name, length) == 0;
	return 0;
}

static const char* moduleOf(txMachine* the, const char* functionName, size_t length)
{
	for (txSlot* heap = the->firstHeap; heap; heap = heap->next)
		for (txSlot* slot = heap + 1; slot < heap->value.reference; slot++) {
			if (slot->kind != XS_INSTANCE_KIND || !slot->next || !mxIsFunction(slot) || !isNamed(slot, functionName, length))
				continue;
			const char* found = ebModuleWith(slot->next->value.code.address);
			if (found)
				return found;
		}
	return NULL;
}

/* A stack has names alone: where a function of the application has the name too, it may be that one. */
const char* ebModuleOf(txMachine* the, const char* functionName, size_t length)
{
	const char* made = moduleOf(the, functionName, length);
	if (made)
		return strcmp(made, ebMainSpecifier) == 0 ? NULL : made;
	return the->sharedMachine ? moduleOf(the->sharedMachine, functionName, length) : NULL;
}
