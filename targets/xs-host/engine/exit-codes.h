/* SPDX-License-Identifier: Apache-2.0 */
/* How a run ended. A cap is hard: JavaScript cannot catch it. */
#ifndef EBALANCE_EXIT_CODES_H
#define EBALANCE_EXIT_CODES_H

enum {
	EXIT_OK = 0,
	EXIT_NO_MEMORY = 70,       /* chunks or slots beyond the budget */
	EXIT_STACK_OVERFLOW = 71,  /* JavaScript or C stack */
	EXIT_UNHANDLED = 72,       /* exception or promise rejection nobody caught */
	EXIT_METER = 73,           /* one turn computed for too long */
	EXIT_USAGE = 74,           /* bad command line, file or module not found */
	EXIT_NO_KEYS = 75,         /* too many property names */
	EXIT_ENGINE = 76,          /* the engine gave up for another reason */
	EXIT_FLASH = 77,           /* on the emulated chip: a write to flash, or another trap */
	EXIT_POWER = 78,           /* the power was cut, as --cut-after asked */
};

/* host.exit() may not claim a code of its own meaning. */
enum { EXIT_FIRST_RESERVED = 70, EXIT_LAST_RESERVED = 79 };

#endif
