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

#endif
