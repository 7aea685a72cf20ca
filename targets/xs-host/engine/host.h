/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the parts of the host; each part has its own .c file. */
#ifndef EBALANCE_HOST_H
#define EBALANCE_HOST_H

#include "xsAll.h"
#include "xsScript.h"
#include "exit-codes.h"

/* budget.c: the memory a device would have. */

typedef struct {
	const char* name;
	txCreation creation; /* creation.staticSize is 0 where areas are of fixed size */
} ebBudget;

const ebBudget* ebFindBudget(const char* name);
/* The next machine that is created or cloned lives in one block of this size. */
void ebNextMachineStatic(txSize bytes);

/* failure.c: every way to end badly. */

void ebFail(int code, const char* format, ...) __attribute__((noreturn, format(printf, 2, 3)));
/* Prints the pending exception with its stack, then exits. */
void ebUnhandled(txMachine* the, const char* what) __attribute__((noreturn));
/* Computation allowed in one turn, from the next turn on; 0 is no limit. */
void ebLimitTurns(uint32_t units);
void ebStartMeter(txMachine* the);

/* modules.c: the table of modules and their bytecode. */

extern const char ebMainSpecifier[];
/* Takes a module's bytecode, whose names become names of the root. */
void ebAddScript(txMachine* root, const char* specifier, txScript* script);
void ebInstallText(txMachine* root);
/* Runs all modules but the application's, which stays bytecode until the clone runs it. */
void ebImportAll(txMachine* root);
void ebRunMain(txMachine* the);
uint32_t ebBytecodeBytes(void);
/* The module that has this bytecode, or NULL. */
const char* ebModuleWith(const txByte* code);
/* The module in which a preloaded function of that name stands; NULL for none, and where the application has one of that name. */
const char* ebModuleOf(txMachine* the, const char* functionName, size_t length);

/* linux/parse.c: only where there is a parser. */

txScript* ebParseFile(txMachine* the, const char* path);
txScript* ebParseText(txMachine* the, const char* name, const char* source);

/* freeze.c: makes the root machine what the linker leaves in flash. */

void ebFreezeRoot(txMachine* root);

/* functions.c, timers.c, and of each platform system.c: the JavaScript object "host". */

void ebInstallHost(txMachine* root, int argc, char** argv);
/* Adds a function to the object on top of the stack; returns its new last property. */
txSlot* ebAddFunction(txMachine* the, txSlot* last, const char* name, txCallback callback, int length);
void ebInstallTimers(txMachine* the, txSlot** last);
void ebAddNumber(txMachine* the, txSlot** last, const char* name, double value);
/* Copies n bytes into a new Uint8Array and leaves it on the stack. */
void ebPushBytes(txMachine* the, const void* bytes, txInteger n);
/* Reads an argument that must be an integer in low..high, else throws. */
double ebNumberArgument(txMachine* the, int index, const char* name, double low, double high);
void ebHostCensus(txMachine* the);
/* Copies a function argument into a slot that the collector sees as a root. */
void ebKeepFunction(txMachine* the, int index, const char* name, txSlot* root);
void ebDropFunction(txMachine* the, txSlot* root);

/* The engine's access to buffers and views; declared here, as its header for hosts is another one. */
extern txInteger _xsmcGetBuffer(txMachine* the, txSlot* slot, void** data, txUnsigned* count, txBoolean writable);

/* full-crypto.c: host.fullCrypto, in a file of its own. A program of the chip that does not ask for it has neither this nor what it names. */
void ebPushFullCrypto(txMachine* the) __attribute__((weak));

/* turns.c */

/* Calls a function, then all promise jobs it leaves behind. */
void ebCallTurn(txMachine* the, txSlot* function, const uint8_t* bytes, txInteger count);
void ebFinishTurn(txMachine* the);

/* machine.c: flash and RAM. */

typedef struct {
	const ebBudget* budget;
	long staticBytes; /* -1: as the budget says */
	long stackSlots;
	long newKeys;
	uint32_t meterLimit;
	int argc; /* of the application */
	char** argv;
} ebOptions;

extern const ebOptions ebDefaultOptions;
extern const char ebOptionsHelp[];
/* Reads one option that every platform has; returns 0 for another. */
int ebReadOption(ebOptions* options, const char* name, const char* value);
long long ebReadNumber(const char* name, const char* text, long long low, long long high);
/* Sizes of the root machine: each platform has its own. */
extern const txCreation ebRootCreation;
/* The root machine, before its modules are added. */
txMachine* ebCreateRoot(const ebOptions* options);
/* Imports its modules and makes flash of it. */
void ebFinishRoot(txMachine* root);
/* The machine that is the device's RAM. */
txMachine* ebCreateClone(const ebOptions* options, txMachine* root);

/* serial-input.c: host.serial. */

/* Leaves the object on the stack. */
void ebPushSerial(txMachine* the);
/* Whether a line is open and a script waits for what comes in. */
int ebSerialIsHeard(void);
/* Something has come in: tells the script. */
void ebSerialTell(txMachine* the);

/* flash-image.c: the flash of a device, in a file. */

void ebOpenFlashImage(const char* path, uint32_t bytes);
/* After so many bytes programmed and erased. */
void ebCutPowerAfter(long long bytes);
/* The next programs and erases fail. */
void ebFailFlash(int count);
/* That sector cannot be read. */
void ebFailReads(uint32_t sector);

/* Each platform has its own loop.c. */

void ebRunLoop(txMachine* the);
double ebMonotonicMs(void);
/* What the platform adds to the object "host". */
void ebInstallPlatform(txMachine* the, txSlot** last);
/* What the platform adds to the result of host.memory(). */
void ebAddPlatformMemory(txMachine* the, txSlot** last);

/* timers.c */

double ebTimersNextDue(void);
void ebTimersRun(txMachine* the);

#endif
