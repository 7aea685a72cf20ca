/* SPDX-License-Identifier: Apache-2.0 */
/* The functions behind the sample codec, as the XS engine calls them. */
#ifndef EBALANCE_SAMPLES_H
#define EBALANCE_SAMPLES_H

#ifdef __XSALL__
	typedef txMachine ebMachine;
#else
	#include "xsmc.h"
	typedef xsMachine ebMachine;
#endif

void ebSamplesEncodeWhole(ebMachine* the); /* (out, series, policy, time, value) -> length */
void ebSamplesCrc(ebMachine* the);         /* (bytes, start, end) -> CRC-16 */
void ebSamplesSummarise(ebMachine* the);   /* (bytes, start, end, query: buffer of 6 doubles, sums: buffer of 15) -> where it stopped */

#endif
