/* SPDX-License-Identifier: Apache-2.0 */
/* The functions behind the flash port, as the XS engine calls them. */
#ifndef EBALANCE_FLASH_H
#define EBALANCE_FLASH_H

#ifdef __XSALL__
	typedef txMachine ebMachine;
#else
	#include "xsmc.h"
	typedef xsMachine ebMachine;
#endif

#include <stdint.h>

/* Programs, and reads back. Returns 0 where the flash holds it, or an error. */
int ebFlashStore(uint32_t offset, const void* bytes, uint32_t length);

void ebFlashPortSize(ebMachine* the);    /* () -> bytes of the partition, 0 where there is none */
void ebFlashPortRead(ebMachine* the);    /* (offset, out, length) -> 0, or an error of the platform */
void ebFlashPortProgram(ebMachine* the); /* (offset, bytes, length) -> 0, or an error */
void ebFlashPortErase(ebMachine* the);   /* (sector) -> 0, or an error */

#endif
