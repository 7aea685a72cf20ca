/* SPDX-License-Identifier: Apache-2.0 */
/* Adds samples up where they stand in flash. It knows nothing of the engine. */
#ifndef EBALANCE_SUM_H
#define EBALANCE_SUM_H

#include <stdint.h>

/* The places of SampleQuery, and of Sum in sdk/storage/ring/sample-port.ts. */
enum { EB_QUERY_SERIES, EB_QUERY_FROM, EB_QUERY_TO, EB_QUERY_LEAST, EB_QUERY_GREATEST, EB_QUERY_POLICIES, EB_QUERY_PLACES };
enum { EB_SUM_COUNT, EB_SUM_TOTAL, EB_SUM_PIVOT, EB_SUM_SQUARES, EB_SUM_MINIMUM, EB_SUM_MAXIMUM = 7, EB_SUM_LAST = 10, EB_SUM_LOOKED = 13, EB_SUM_HIDDEN, EB_SUM_PLACES };

/* Adds the samples of a range of flash that a query asks for to sums. Returns where they end, or EB_WALK_FAILED. */
int32_t ebAddUp(uint32_t at, uint32_t end, const double* query, double* sums);

#endif
