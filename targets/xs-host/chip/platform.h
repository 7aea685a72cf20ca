/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the XS engine asks of a platform, answered for a chip without operating
 * system: one thread, picolibc, no unaligned loads.
 */
#ifndef EBALANCE_XS_PLATFORM_H
#define EBALANCE_XS_PLATFORM_H

#include <ctype.h>
#include <errno.h>
#include <float.h>
#include <limits.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

#define mxUseDefaultBuildKeys 1
#define mxUseDefaultSharedChunks 1
#define mxUseDefaultAbort 0
#define mxUseDefaultCStackLimit 0

#ifndef PATH_MAX
	#define PATH_MAX 256
#endif

/* The waiter fields belong to the engine's Atomics, the others to this host. */
#define mxMachinePlatform \
	void* waiterCondition; \
	void* waiterData; \
	void* waiterLink; \
	uint8_t* regionStart; \
	uint8_t* regionEnd; \
	uint8_t* regionLow; \
	uint8_t* regionHigh; \
	uint32_t regionPeak; \
	int promiseJobsPending;

#endif
