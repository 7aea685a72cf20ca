/* SPDX-License-Identifier: Apache-2.0 */
/* The object "host": how it is made, its helpers, its functions on values and text. */
#include "host.h"

#include <sys/random.h>

#include "flash.h"
#include "samples.h"
#ifdef EBALANCE_CRYPTO
#include "crypto.h"
#include "seal.h"
#endif

txSlot* ebAddFunction(txMachine* the, txSlot* last, const char* name, txCallback callback, int length)
{
	return fxNextHostFunctionProperty(the, last, callback, length, fxID(the, (txString)name), XS_DONT_ENUM_FLAG);
}

void ebPushBytes(txMachine* the, const void* bytes, txInteger n)
{
	mxPush(mxUint8ArrayConstructor);
	mxNew();
	mxPushUndefined();
	fxArrayBuffer(the, the->stack, (void*)bytes, n, -1);
	mxRunCount(1);
}

double ebNumberArgument(txMachine* the, int index, const char* name, double low, double high)
{
	txSlot* slot = mxArgc > index ? mxArgv(index) : NULL;
	double value = low - 1;
	if (!slot || (slot->kind != XS_INTEGER_KIND && slot->kind != XS_NUMBER_KIND))
		mxTypeError("%s is no number", name);
	value = slot->kind == XS_INTEGER_KIND ? slot->value.integer : slot->value.number;
	if (!(value >= low && value <= high))
		mxRangeError("%s out of range", name);
	return value;
}

void ebKeepFunction(txMachine* the, int index, const char* name, txSlot* root)
{
	if (mxArgc <= index || !fxIsCallable(the, mxArgv(index)))
		mxTypeError("%s is no function", name);
	memset(root, 0, sizeof(*root));
	root->kind = mxArgv(index)->kind;
	root->value = mxArgv(index)->value;
	fxRemember(the, root);
}

void ebDropFunction(txMachine* the, txSlot* root)
{
	if (root->kind != XS_REFERENCE_KIND)
		return;
	fxForget(the, root);
	root->kind = XS_UNDEFINED_KIND;
}

/* The engine's strings hold NUL and wide characters in its own way; terminals want UTF-8. */
static void printText(txMachine* the, FILE* stream)
{
	const unsigned char* p = (const unsigned char*)fxToString(the, mxArgv(0));
	while (*p) {
		if (p[0] == 0xC0 && p[1] == 0x80) {
			fputc(0, stream);
			p += 2;
		}
		else if (p[0] == 0xED && (p[1] & 0xF0) == 0xA0 && p[3] == 0xED && (p[4] & 0xF0) == 0xB0) {
			uint32_t high = ((uint32_t)(p[1] & 0x0F) << 6) | (p[2] & 0x3F);
			uint32_t low = ((uint32_t)(p[4] & 0x0F) << 6) | (p[5] & 0x3F);
			uint32_t c = 0x10000 + (high << 10) + low;
			unsigned char wide[4] = { (unsigned char)(0xF0 | (c >> 18)), (unsigned char)(0x80 | ((c >> 12) & 0x3F)),
				(unsigned char)(0x80 | ((c >> 6) & 0x3F)), (unsigned char)(0x80 | (c & 0x3F)) };
			fwrite(wide, 1, sizeof(wide), stream);
			p += 6;
		}
		else
			fputc(*p++, stream);
	}
	fputc('\n', stream);
	fflush(stream);
}

static void hostPrint(txMachine* the)
{
	if (mxArgc > 0)
		printText(the, stdout);
}

static void hostPrintError(txMachine* the)
{
	if (mxArgc > 0)
		printText(the, stderr);
}

static void hostExit(txMachine* the)
{
	int code = mxArgc > 0 ? (int)ebNumberArgument(the, 0, "exit: code", 0, 255) : EXIT_OK;
	if (code >= EXIT_FIRST_RESERVED && code <= EXIT_LAST_RESERVED)
		mxRangeError("exit: codes %d to %d belong to the host", EXIT_FIRST_RESERVED, EXIT_LAST_RESERVED);
	fflush(stdout);
	exit(code);
}

enum { RANDOM_MAX = 256 };

static void hostRandom(txMachine* the)
{
	uint8_t buffer[RANDOM_MAX];
	size_t count = (size_t)ebNumberArgument(the, 0, "random: count", 0, RANDOM_MAX);
	if (getrandom(buffer, count, 0) != (ssize_t)count)
		mxUnknownError("random: no random bytes");
	ebPushBytes(the, buffer, (txInteger)count);
	mxPullSlot(mxResult);
}

static void hostCollect(txMachine* the)
{
	fxCollectGarbage(the);
}

void ebAddNumber(txMachine* the, txSlot** last, const char* name, double value)
{
	*last = fxNextNumberProperty(the, *last, value, fxID(the, (txString)name), XS_NO_FLAG);
}

static void hostMemory(txMachine* the)
{
	/* Read before the result object takes slots itself. */
	double chunks = the->currentChunksSize, chunksPeak = the->peakChunksSize;
	double slots = (double)the->currentHeapCount * sizeof(txSlot), slotsPeak = (double)the->peakHeapCount * sizeof(txSlot);
	txSlot* last = fxLastProperty(the, fxNewObject(the));
	ebAddNumber(the, &last, "chunkBytes", chunks);
	ebAddNumber(the, &last, "slotBytes", slots);
	ebAddNumber(the, &last, "staticBytes", (double)(the->regionEnd - the->regionStart));
	ebAddNumber(the, &last, "peakChunkBytes", chunksPeak);
	ebAddNumber(the, &last, "peakSlotBytes", slotsPeak);
	ebAddNumber(the, &last, "peakStaticBytes", the->regionPeak);
	ebAddNumber(the, &last, "slotSize", sizeof(txSlot));
	ebAddPlatformMemory(the, &last);
	mxPullSlot(mxResult);
}

static txSlot* addValue(txMachine* the, txSlot* last, const char* name)
{
	last = fxNextSlotProperty(the, last, the->stack, fxID(the, (txString)name), XS_DONT_ENUM_FLAG);
	mxPop();
	return last;
}

static void pushArguments(txMachine* the, int argc, char** argv)
{
	fxNewArray(the, 0);
	txSlot* array = the->stack;
	fxArrayCacheBegin(the, array);
	for (int i = 0; i < argc; i++) {
		mxPushStringC(argv[i]);
		fxArrayCacheItem(the, array, the->stack);
		mxPop();
	}
	fxArrayCacheEnd(the, array);
}

#ifdef EBALANCE_CRYPTO
static void pushCrypto(txMachine* the)
{
	txSlot* last = fxLastProperty(the, fxNewObject(the));
	last = ebAddFunction(the, last, "importKey", ebCryptoImportKey, 2);
	last = ebAddFunction(the, last, "deriveKey", ebCryptoDeriveKey, 4);
	last = ebAddFunction(the, last, "destroyKey", ebCryptoDestroyKey, 1);
	last = ebAddFunction(the, last, "mac", ebCryptoMac, 4);
	last = ebAddFunction(the, last, "verifyMac", ebCryptoVerifyMac, 4);
	last = ebAddFunction(the, last, "sha256", ebCryptoSha256, 3);
	ebAddFunction(the, last, "random", ebCryptoRandom, 1);
}

static void pushSeal(txMachine* the)
{
	txSlot* last = fxLastProperty(the, fxNewObject(the));
	last = ebAddFunction(the, last, "sealReading", ebSealReading, 10);
	last = ebAddFunction(the, last, "verify", ebSealVerify, 5);
	last = ebAddFunction(the, last, "parse", ebSealParse, 1);
	ebAddFunction(the, last, "read", ebSealRead, 4);
}
#endif

static void pushFlash(txMachine* the)
{
	txSlot* last = fxLastProperty(the, fxNewObject(the));
	last = ebAddFunction(the, last, "size", ebFlashPortSize, 0);
	last = ebAddFunction(the, last, "read", ebFlashPortRead, 3);
	last = ebAddFunction(the, last, "program", ebFlashPortProgram, 3);
	ebAddFunction(the, last, "erase", ebFlashPortErase, 1);
}

static void pushSamples(txMachine* the)
{
	txSlot* last = fxLastProperty(the, fxNewObject(the));
	last = ebAddFunction(the, last, "writeWhole", ebSamplesWriteWhole, 5);
	last = ebAddFunction(the, last, "crc", ebSamplesCrc, 3);
	last = ebAddFunction(the, last, "find", ebSamplesFind, 4);
	last = ebAddFunction(the, last, "survey", ebSamplesSurvey, 3);
	ebAddFunction(the, last, "summarise", ebSamplesSummarise, 4);
}

void ebInstallHost(txMachine* the, int argc, char** argv)
{
	fxBeginHost(the);
	txSlot* last = fxLastProperty(the, fxNewObject(the));
	ebInstallTimers(the, &last);
	ebInstallPlatform(the, &last);
	last = ebAddFunction(the, last, "print", hostPrint, 1);
	last = ebAddFunction(the, last, "printError", hostPrintError, 1);
	last = ebAddFunction(the, last, "exit", hostExit, 1);
	last = ebAddFunction(the, last, "random", hostRandom, 1);
	last = ebAddFunction(the, last, "collect", hostCollect, 0);
	last = ebAddFunction(the, last, "memory", hostMemory, 0);
	last = ebAddFunction(the, last, "census", ebHostCensus, 0);
	pushArguments(the, argc, argv);
	last = addValue(the, last, "args");
	ebPushSerial(the);
	last = addValue(the, last, "serial");
	pushFlash(the);
	last = addValue(the, last, "flash");
	pushSamples(the);
	last = addValue(the, last, "samples");
#ifdef EBALANCE_CRYPTO
	pushCrypto(the);
	last = addValue(the, last, "crypto");
	pushSeal(the);
	last = addValue(the, last, "seal");
	if (ebPushFullCrypto) {
		ebPushFullCrypto(the);
		addValue(the, last, "fullCrypto");
	}
#endif
	mxPush(mxGlobal);
	fxDefineID(the, fxID(the, "host"), XS_GET_ONLY, XS_GET_ONLY);
	mxPop();
	fxEndHost(the);
}
