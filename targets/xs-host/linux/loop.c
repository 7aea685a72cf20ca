/* SPDX-License-Identifier: Apache-2.0 */
/* The message loop on Linux. It ends when nothing is left to wait for, or on SIGTERM and SIGINT. */
#include "linux.h"
#include "serial.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>

enum { POLL_LIMIT = 8 };

static int stopPipe[2] = { -1, -1 };

/* A pipe, so that a signal between the check and poll() is not lost. */
static void onStopSignal(int signal)
{
	static volatile sig_atomic_t asked = 0;
	char byte = (char)signal;
	if (asked)
		_exit(128 + signal); /* asked twice: a script that never returns */
	asked = 1;
	if (write(stopPipe[1], &byte, 1) < 0)
		_exit(128 + signal);
}

static void catchStopSignals(void)
{
	if (pipe(stopPipe) != 0)
		ebFail(EXIT_USAGE, "pipe: %s", strerror(errno));
	for (int i = 0; i < 2; i++)
		fcntl(stopPipe[i], F_SETFD, FD_CLOEXEC);
	struct sigaction action = { .sa_handler = onStopSignal };
	sigemptyset(&action.sa_mask);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
}

double ebMonotonicMs(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1000.0 + (double)now.tv_nsec / 1e6;
}

static int waitMs(void)
{
	double due = ebTimersNextDue();
	if (ebConnectionsFailed())
		return 0;
	if (due == C_INFINITY)
		return -1;
	double rest = ceil(due - ebMonotonicMs());
	return rest < 0 ? 0 : rest > 3600000 ? 3600000 : (int)rest;
}

static int pollSerial(struct pollfd* fd)
{
	if (!ebSerialIsHeard())
		return 0;
	fd->fd = ebSerialLine();
	fd->events = ebSerialHasOutput() ? POLLIN | POLLOUT : POLLIN;
	fd->revents = 0;
	return 1;
}

static void runSerial(txMachine* the, short events)
{
	if (events & POLLOUT)
		ebSerialFlush();
	/* What was done meanwhile may have ended it. */
	if ((events & ~POLLOUT) && ebSerialIsHeard())
		ebSerialTell(the);
}

void ebRunLoop(txMachine* the)
{
	struct pollfd fds[POLL_LIMIT];
	catchStopSignals();
	ebRunMain(the);
	while (ebConnectionsCount() > 0 || ebSerialIsHeard() || ebTimersNextDue() != C_INFINITY) {
		int serial = ebConnectionsPoll(fds, POLL_LIMIT - 2);
		int count = serial + pollSerial(&fds[serial]);
		fds[count].fd = stopPipe[0];
		fds[count].events = POLLIN;
		fds[count].revents = 0;
		if (poll(fds, (nfds_t)count + 1, waitMs()) < 0 && errno != EINTR)
			ebFail(EXIT_ENGINE, "poll: %s", strerror(errno));
		if (fds[count].revents)
			return;
		ebConnectionsRun(the, fds, serial);
		if (count > serial)
			runSerial(the, fds[serial].revents);
		ebTimersRun(the);
	}
}
