/* SPDX-License-Identifier: Apache-2.0 */
/* Random bytes on the emulated chip come from the computer around it, see entropy.c. */
#ifndef EBALANCE_SYS_RANDOM_H
#define EBALANCE_SYS_RANDOM_H

#include <sys/types.h>

ssize_t getrandom(void* buffer, size_t size, unsigned flags);

#endif
