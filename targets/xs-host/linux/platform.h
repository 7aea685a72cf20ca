/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the XS engine asks of a platform, answered for Linux. Passed to the
 * engine's sources through INCLUDE_XSPLATFORM and XSPLATFORM.
 *
 * Everything that decides how much memory a script gets (chunks, slots), where
 * modules come from and what happens when a cap is hit is ours; the rest keeps
 * the engine's defaults.
 */
#ifndef EBALANCE_XS_PLATFORM_H
#define EBALANCE_XS_PLATFORM_H

#undef mxLinux
#define mxLinux 1

#include <arpa/inet.h>
#include <ctype.h>
#include <float.h>
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define mxUseGCCAtomics 1
#define mxUsePOSIXThreads 1

#define mxUseDefaultBuildKeys 1
#define mxUseDefaultSharedChunks 1

/* mxCESU8 is not defined, as the vendor builds XS for devices: texts are indexed by code points there. */

/* 64-bit slots have room for wide identifiers; 32-bit slots match the chip. */
#if INTPTR_MAX == INT64_MAX
	#define mx32bitID 1
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
