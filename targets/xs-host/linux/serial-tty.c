/* SPDX-License-Identifier: Apache-2.0 */
/* A serial line on Linux: a terminal device; the number of a line is its file descriptor. */
#include "serial-line.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <termios.h>
#include <unistd.h>

static const struct {
	long baudRate;
	speed_t speed;
} speeds[] = {
	{ 300, B300 }, { 1200, B1200 }, { 2400, B2400 }, { 4800, B4800 }, { 9600, B9600 }, { 19200, B19200 }, { 38400, B38400 },
	{ 57600, B57600 }, { 115200, B115200 }, { 230400, B230400 }, { 460800, B460800 }, { 921600, B921600 },
};

static speed_t findSpeed(long baudRate)
{
	for (size_t i = 0; i < sizeof(speeds) / sizeof(speeds[0]); i++)
		if (speeds[i].baudRate == baudRate)
			return speeds[i].speed;
	return B0;
}

/* Eight bits, no parity, no control of flow or modem: bytes as they are. */
static int setUp(int fd, speed_t speed)
{
	struct termios settings;
	if (tcgetattr(fd, &settings) != 0)
		return -1;
	cfmakeraw(&settings);
	settings.c_cflag |= CLOCAL | CREAD;
	settings.c_cflag &= (tcflag_t) ~(CSTOPB | CRTSCTS);
	cfsetspeed(&settings, speed);
	return tcsetattr(fd, TCSANOW, &settings) == 0 ? tcflush(fd, TCIOFLUSH) : -1;
}

int ebLineOpen(const char* path, long baudRate, const char** reason)
{
	speed_t speed = findSpeed(baudRate);
	if (speed == B0) {
		*reason = "not a baud rate of this platform";
		return -1;
	}
	int fd = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0) {
		*reason = strerror(errno);
		return -1;
	}
	/* Two programs on one line would take bytes from each other. */
	if (flock(fd, LOCK_EX | LOCK_NB) != 0)
		*reason = "another program has it open";
	else if (setUp(fd, speed) != 0)
		*reason = strerror(errno);
	else
		return fd;
	close(fd);
	return -1;
}

static int isLater(void)
{
	return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

int ebLineRead(int line, uint8_t* bytes, size_t size)
{
	ssize_t count = read(line, bytes, size);
	return count > 0 ? (int)count : count < 0 && isLater() ? 0 : -1;
}

int ebLineWrite(int line, const uint8_t* bytes, size_t size)
{
	ssize_t count = write(line, bytes, size);
	return count >= 0 ? (int)count : isLater() ? 0 : -1;
}

void ebLineClose(int line)
{
	close(line);
}
