/* SPDX-License-Identifier: Apache-2.0 */
/* host.*: clocks, files and what this computer measures about itself. */
#include "linux.h"

#include <errno.h>
#include <glob.h>
#include <sys/stat.h>
#include <sys/time.h>

static void hostWallMs(txMachine* the)
{
	struct timeval now;
	gettimeofday(&now, NULL);
	fxNumber(the, mxResult, (double)now.tv_sec * 1000.0 + floor((double)now.tv_usec / 1000.0));
}

static void hostMonotonicMs(txMachine* the)
{
	fxNumber(the, mxResult, ebMonotonicMs());
}

static size_t readWhole(const char* path, uint8_t* buffer, size_t limit)
{
	FILE* file = fopen(path, "rb");
	if (!file)
		return SIZE_MAX;
	size_t count = fread(buffer, 1, limit, file);
	int failed = ferror(file);
	fclose(file);
	return failed ? SIZE_MAX : count;
}

/* Read into memory of this computer first, so that a file too large is no reason to end the run. */
static void readFile(txMachine* the, const char* name, int secret)
{
	char path[PATH_MAX];
	struct stat status;
	size_t limit = (size_t)ebNumberArgument(the, 1, "maxBytes", 0, 1 << 24);
	if (!mxIsStringPrimitive(mxArgv(0)))
		mxTypeError("%s: path is no string", name);
	fxToStringBuffer(the, mxArgv(0), path, sizeof(path));
	if (stat(path, &status) != 0)
		mxUnknownError("%s: cannot read %s: %s", name, path, strerror(errno));
	if (secret && (!S_ISREG(status.st_mode) || (status.st_mode & 077)))
		mxUnknownError("%s: others can read %s (mode %o); chmod 600 it", name, path, status.st_mode & 0777);
	uint8_t* buffer = malloc(limit + 1);
	size_t count = buffer ? readWhole(path, buffer, limit + 1) : SIZE_MAX;
	if (count == SIZE_MAX || count > limit) {
		free(buffer);
		mxUnknownError(count == SIZE_MAX ? "%s: cannot read %s" : "%s: %s is too large", name, path);
	}
	ebPushBytes(the, buffer, (txInteger)count);
	mxPullSlot(mxResult);
	free(buffer);
}

static void hostReadFile(txMachine* the)
{
	readFile(the, "readFile", 0);
}

/* For keys: a file that others can read is refused. */
static void hostReadSecret(txMachine* the)
{
	readFile(the, "readSecret", 1);
}

typedef struct {
	unsigned long long busy, total;
} ebLoad;

static int readLoad(ebLoad* load)
{
	unsigned long long v[8] = { 0 };
	FILE* file = fopen("/proc/stat", "r");
	if (!file)
		return 0;
	int count = fscanf(file, "cpu %llu %llu %llu %llu %llu %llu %llu %llu",
		&v[0], &v[1], &v[2], &v[3], &v[4], &v[5], &v[6], &v[7]);
	fclose(file);
	if (count < 4)
		return 0;
	load->total = 0;
	for (int i = 0; i < count; i++)
		load->total += v[i];
	load->busy = load->total - v[3] - v[4]; /* idle, and idle waiting for a disk */
	return 1;
}

static ebLoad previousLoad;
static double lastPercent = 0;

/* The kernel counts in hundredths of a second; between two counts the last value holds. */
static void hostProcessorLoad(txMachine* the)
{
	ebLoad load;
	if (!readLoad(&load))
		return;
	if (load.total > previousLoad.total) {
		double busy = load.busy > previousLoad.busy ? (double)(load.busy - previousLoad.busy) : 0;
		double percent = 100.0 * busy / (double)(load.total - previousLoad.total);
		lastPercent = percent > 100 ? 100 : percent;
		previousLoad = load;
	}
	fxNumber(the, mxResult, lastPercent);
}

static int readCelsius(const char* pattern, double* celsius)
{
	glob_t found;
	int ok = 0;
	if (glob(pattern, 0, NULL, &found) == 0) {
		for (size_t i = 0; i < found.gl_pathc && !ok; i++) {
			FILE* file = fopen(found.gl_pathv[i], "r");
			if (!file)
				continue;
			ok = fscanf(file, "%lf", celsius) == 1;
			fclose(file);
		}
		globfree(&found);
	}
	*celsius /= 1000.0;
	return ok;
}

static void hostTemperature(txMachine* the)
{
	double celsius = 0;
	if (readCelsius("/sys/class/thermal/thermal_zone*/temp", &celsius)
			|| readCelsius("/sys/class/hwmon/hwmon*/temp*_input", &celsius))
		fxNumber(the, mxResult, celsius);
}

void ebInstallSystem(txMachine* the, txSlot** last)
{
	*last = ebAddFunction(the, *last, "wallMs", hostWallMs, 0);
	*last = ebAddFunction(the, *last, "monotonicMs", hostMonotonicMs, 0);
	*last = ebAddFunction(the, *last, "readFile", hostReadFile, 2);
	*last = ebAddFunction(the, *last, "readSecret", hostReadSecret, 2);
	*last = ebAddFunction(the, *last, "processorLoad", hostProcessorLoad, 0);
	*last = ebAddFunction(the, *last, "temperature", hostTemperature, 0);
	readLoad(&previousLoad);
}

void ebInstallPlatform(txMachine* the, txSlot** last)
{
	ebInstallConnections(the, last);
	ebInstallFrozen(the, last);
	ebInstallSystem(the, last);
}

void ebAddPlatformMemory(txMachine* the, txSlot** last)
{
	(void)the;
	(void)last;
}
