/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flash and RAM of the chip. While the root machine is made, memory comes from a
 * window beside the program, which then is what the vendor's linker leaves in
 * flash: the core's memory protection makes it read-only, together with code
 * and constants. After that there is nothing but RAM, and no address beyond it.
 */
#include "chip.h"

#include <malloc.h>

/* Set by the linker command, see chip.mjs; their addresses are the values. */
extern uint8_t ebFlashStart[], ebFlashWindow[], ebFlashEnd[], ebRamStart[], ebStackGuard[], ebStackLow[], ebRamEnd[];

static uint8_t* next = ebFlashWindow;
static int isClosed = 0;
static uint32_t used = 0;
static uint32_t peak = 0;

extern void* __real_malloc(size_t size);
extern void* __real_realloc(void* block, size_t size);
extern void __real_free(void* block);

static int inFlash(const void* block)
{
	return (const uint8_t*)block >= ebFlashStart && (const uint8_t*)block < ebFlashEnd;
}

/* The size stands before each block of the window, for realloc. */
static void* takeFlash(size_t size)
{
	size_t whole = (size + 16 + 15) & ~(size_t)15;
	if (size > (size_t)(ebFlashEnd - next) || whole > (size_t)(ebFlashEnd - next))
		ebFail(EXIT_USAGE, "what stands for flash is full: %u bytes", (unsigned)(ebFlashEnd - ebFlashWindow));
	*(size_t*)next = size;
	next += whole;
	return next - whole + 16;
}

static void* counted(void* block)
{
	if (block)
		used += malloc_usable_size(block);
	if (used > peak)
		peak = used;
	return block;
}

void* __wrap_malloc(size_t size)
{
	return isClosed ? counted(__real_malloc(size)) : takeFlash(size);
}

void* __wrap_calloc(size_t count, size_t size)
{
	size_t bytes;
	if (__builtin_mul_overflow(count, size, &bytes))
		return NULL;
	void* block = __wrap_malloc(bytes);
	if (block)
		memset(block, 0, bytes);
	return block;
}

void __wrap_free(void* block)
{
	if (!block || inFlash(block))
		return;
	used -= malloc_usable_size(block);
	__real_free(block);
}

void* __wrap_realloc(void* block, size_t size)
{
	if (!block || inFlash(block)) {
		void* moved = __wrap_malloc(size);
		size_t before = block ? ((size_t*)block)[-4] : 0;
		if (moved && before)
			memcpy(moved, block, before < size ? before : size);
		return moved;
	}
	used -= malloc_usable_size(block);
	return counted(__real_realloc(block, size));
}

/* For the static block of the machine, which is aligned. */
void* __wrap_aligned_alloc(size_t alignment, size_t size)
{
	(void)alignment; /* at most 16, as both allocators give */
	return __wrap_malloc(size);
}

/* Top of range; read 1, write 2, execute 4; locked, so that it binds machine mode too. */
enum { TOR = 1 << 3, LOCKED = 1 << 7, READ = 1, WRITE = 2, EXECUTE = 4 };

void ebCloseFlash(void)
{
	const uint32_t ranges = (LOCKED | TOR | READ | WRITE)      /* devices, below flash */
		| (LOCKED | TOR | READ | EXECUTE) << 8                 /* flash */
		| (LOCKED | TOR) << 16                                 /* nothing between flash and RAM */
		| (uint32_t)(LOCKED | TOR | READ | WRITE) << 24;       /* RAM, up to the guard */
	const uint32_t rangesAbove = (LOCKED | TOR)                /* the guard */
		| (LOCKED | TOR | READ | WRITE) << 8                   /* the C stack */
		| (LOCKED | TOR) << 16;                                /* nothing beyond RAM */
	isClosed = 1;
	__asm__ volatile("csrw pmpaddr0, %0" :: "r"((uintptr_t)ebFlashStart >> 2));
	__asm__ volatile("csrw pmpaddr1, %0" :: "r"((uintptr_t)ebFlashEnd >> 2));
	__asm__ volatile("csrw pmpaddr2, %0" :: "r"((uintptr_t)ebRamStart >> 2));
	__asm__ volatile("csrw pmpaddr3, %0" :: "r"((uintptr_t)ebStackGuard >> 2));
	__asm__ volatile("csrw pmpaddr4, %0" :: "r"((uintptr_t)ebStackLow >> 2));
	__asm__ volatile("csrw pmpaddr5, %0" :: "r"((uintptr_t)ebRamEnd >> 2));
	__asm__ volatile("csrw pmpaddr6, %0" :: "r"(0x3FFFFFFF));
	__asm__ volatile("csrw pmpcfg1, %0" :: "r"(rangesAbove));
	__asm__ volatile("csrw pmpcfg0, %0" :: "r"(ranges));
	__asm__ volatile("sfence.vma");
}

/* As far down as the engine recurses: what it calls then still has room, as in its port to ESP32. */
char* fxCStackLimit(void)
{
	return (char*)ebStackLow + 512;
}

uint32_t ebFlashUsed(void)
{
	return (uint32_t)(next - ebFlashWindow);
}

uint32_t ebHeapUsed(void)
{
	return used;
}

uint32_t ebHeapPeak(void)
{
	return peak;
}
