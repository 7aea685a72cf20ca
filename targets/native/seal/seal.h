/* SPDX-License-Identifier: Apache-2.0 */
/* The functions behind the seal port, as the XS engine calls them. */
#ifndef EBALANCE_SEAL_H
#define EBALANCE_SEAL_H

#include "crypto.h"

/* (key id, prefix, head, template head, template tail, sequence, time, variable, value, offset) -> message */
void ebSealReading(ebMachine* the);
/* (key id, prefix, message, start and end of its payload) -> boolean */
void ebSealVerify(ebMachine* the);

/* (message) -> kid << 16 | start << 11 | end of the payload, 0 where it is no envelope */
void ebSealParse(ebMachine* the);

/* (message, start and end of its payload, array of the ids of names) -> body; undefined for what ebReadBody does not take, or a name that is not in the array */
void ebSealRead(ebMachine* the);

/* Arguments of these functions; others throw. A number is read before a buffer, because converting one could run a script and move buffers. */
int64_t ebSealNumber(ebMachine* the, int index, const char* name, int64_t least, int64_t most);
ebPart ebSealBuffer(ebMachine* the, int index, const char* name, size_t most);

#endif
