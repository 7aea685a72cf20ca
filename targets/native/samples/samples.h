/* SPDX-License-Identifier: Apache-2.0 */
/* The functions behind the sample port, as the XS engine calls them. */
#ifndef EBALANCE_SAMPLES_H
#define EBALANCE_SAMPLES_H

#ifdef __XSALL__
	typedef txMachine ebMachine;
#else
	#include "xsmc.h"
	typedef xsMachine ebMachine;
#endif

void ebSamplesWriteWhole(ebMachine* the); /* (at, series, policy, time, value) -> whether flash holds it */
void ebSamplesCrc(ebMachine* the);        /* (bytes, start, end) -> CRC-16 */
void ebSamplesFind(ebMachine* the);       /* (at, end, series, out) -> where it stands, -1: nowhere */
void ebSamplesSurvey(ebMachine* the);     /* (at, end, found: buffer of 37 doubles) -> where records end */
void ebSamplesSummarise(ebMachine* the);  /* (at, end, query: buffer of 6 doubles, sums: of 15) -> where records end */
/* Instead of a place: -2 where flash cannot be read. */

#endif
