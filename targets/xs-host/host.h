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
/* The largest number of stack slots used so far; needs a static block. */

/* failure.c: every way to end badly. */

void ebFail(int code, const char* format, ...) __attribute__((noreturn, format(printf, 2, 3)));
/* Prints the pending exception with its stack, then exits. */
void ebUnhandled(txMachine* the, const char* what) __attribute__((noreturn));
/* Limits the computation of the turn that starts now; 0 is no limit. */
void ebStartMeter(txMachine* the, uint32_t limit);

/* modules.c: the table of modules and their bytecode. */

void ebAddModule(txMachine* root, const char* specifier, const char* path);
void ebAddBuiltIns(txMachine* root);
void ebImportAll(txMachine* root);
/* Parses the application's module, so that its bytecode and names are in "flash". */
void ebBakeMain(txMachine* root, const char* path);
void ebRunMain(txMachine* the);

/* flash.c: makes the root machine what the linker leaves in flash. */

void ebFreezeRoot(txMachine* root);

/* functions.c, system.c, timers.c, connections.c: the JavaScript object "host". */

void ebInstallHost(txMachine* root, int argc, char** argv);
/* Adds a function to the object on top of the stack; returns its new last property. */
txSlot* ebAddFunction(txMachine* the, txSlot* last, const char* name, txCallback callback, int length);
void ebInstallSystem(txMachine* the, txSlot** last);
void ebInstallTimers(txMachine* the, txSlot** last);
void ebInstallConnections(txMachine* the, txSlot** last);
/* Copies n bytes into a new Uint8Array and leaves it on the stack. */
void ebPushBytes(txMachine* the, const void* bytes, txInteger n);
/* Reads an argument that must be an integer in low..high, else throws. */
double ebNumberArgument(txMachine* the, int index, const char* name, double low, double high);
/* Copies a function argument into a slot that the collector sees as a root. */
void ebKeepFunction(txMachine* the, int index, const char* name, txSlot* root);
void ebDropFunction(txMachine* the, txSlot* root);

/* The engine's access to buffers and views; declared here, as its header for hosts is another one. */
extern txInteger _xsmcGetBuffer(txMachine* the, txSlot* slot, void** data, txUnsigned* count, txBoolean writable);

/* loop.c */

void ebRunLoop(txMachine* the, uint32_t meterLimit);
/* Calls a function, then all promise jobs it leaves behind. */
void ebCallTurn(txMachine* the, txSlot* function, const uint8_t* bytes, txInteger count);
void ebFinishTurn(txMachine* the);
double ebMonotonicMs(void);

/* timers.c */

double ebTimersNextDue(void);
void ebTimersRun(txMachine* the);

/* connections.c */

struct pollfd;
int ebConnectionsPoll(struct pollfd* fds, int limit);
int ebConnectionsCount(void);
int ebConnectionsFailed(void);
void ebConnectionsRun(txMachine* the, const struct pollfd* fds, int count);

#endif
