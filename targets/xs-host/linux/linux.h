/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the parts of the host that only Linux has. */
#ifndef EBALANCE_LINUX_H
#define EBALANCE_LINUX_H

#include "host.h"

/* system.c */

void ebInstallSystem(txMachine* the, txSlot** last);

/* connections.c */

struct pollfd;
void ebInstallConnections(txMachine* the, txSlot** last);
int ebConnectionsPoll(struct pollfd* fds, int limit);
int ebConnectionsCount(void);
int ebConnectionsFailed(void);
void ebConnectionsRun(txMachine* the, const struct pollfd* fds, int count);

/* frozen.c */

void ebInstallFrozen(txMachine* the, txSlot** last);

/* bake.c: the bytecode of all modules in one file, for a device. */

void ebBake(const char* path, const char* const* specifiers, txScript* const* scripts, int count);

#endif
