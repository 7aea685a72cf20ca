/* SPDX-License-Identifier: Apache-2.0 */
/*
 * memcpy, memmove and memset a word at a time where places are aligned alike, as
 * in the C library of a chip's SDK: docs/decisions/0011. Those of picolibc as
 * Debian builds it go a byte at a time.
 */
#include <stddef.h>
#include <stdint.h>

/* Loops here must not become calls of what they make. */
#pragma GCC optimize("no-tree-loop-distribute-patterns")

typedef uint32_t __attribute__((may_alias)) Word;
enum { WORD = sizeof(Word) };

static int isAligned(const void* place)
{
	return (uintptr_t)place % WORD == 0;
}

static int areAlike(const void* a, const void* b)
{
	return ((uintptr_t)a ^ (uintptr_t)b) % WORD == 0;
}

void* memcpy(void* restrict target, const void* restrict source, size_t size)
{
	uint8_t* to = target;
	uint8_t* const end = to + size;
	const uint8_t* from = source;
	if (areAlike(to, from)) {
		while (to < end && !isAligned(to))
			*to++ = *from++;
		for (; end - to >= WORD; to += WORD, from += WORD)
			*(Word*)to = *(const Word*)from;
	}
	while (to < end)
		*to++ = *from++;
	return target;
}

void* memmove(void* target, const void* source, size_t size)
{
	uint8_t* const start = target;
	/* Forwards nothing is written over that is still to be read. */
	if ((uintptr_t)target - (uintptr_t)source >= size)
		return memcpy(target, source, size);
	uint8_t* to = start + size;
	const uint8_t* from = (const uint8_t*)source + size;
	if (areAlike(to, from)) {
		while (to > start && !isAligned(to))
			*--to = *--from;
		for (; to - start >= WORD; ) {
			to -= WORD;
			from -= WORD;
			*(Word*)to = *(const Word*)from;
		}
	}
	while (to > start)
		*--to = *--from;
	return target;
}

void* memset(void* target, int value, size_t size)
{
	uint8_t* to = target;
	uint8_t* const end = to + size;
	const Word word = (uint8_t)value * 0x01010101u;
	while (to < end && !isAligned(to))
		*to++ = (uint8_t)value;
	for (; end - to >= WORD; to += WORD)
		*(Word*)to = word;
	while (to < end)
		*to++ = (uint8_t)value;
	return target;
}
