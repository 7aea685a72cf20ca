/* SPDX-License-Identifier: Apache-2.0 */
/* host.connect, host.send and host.close: TCP clients to this computer. */
#include "linux.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

/* One read per turn, and a send buffer small enough that back-pressure is met in tests. */
enum { CONNECTION_LIMIT = 4, READ_BYTES = 1024, SEND_BUFFER_BYTES = 8192 };

enum { FREE = 0, CONNECTING, OPEN, FAILED };

typedef struct {
	int state;
	txInteger id;
	int fd;
	int pollIndex;
	int wantsWritable; /* the script waits for room, or for the connection */
	txSlot onReadable;
	txSlot onWritable;
} ebConnection;

static ebConnection connections[CONNECTION_LIMIT];
static txInteger lastId = 0;

static ebConnection* findConnection(txInteger id)
{
	for (int i = 0; i < CONNECTION_LIMIT; i++)
		if (connections[i].state != FREE && connections[i].id == id)
			return &connections[i];
	return NULL;
}

static ebConnection* freeConnection(void)
{
	for (int i = 0; i < CONNECTION_LIMIT; i++)
		if (connections[i].state == FREE)
			return &connections[i];
	return NULL;
}

static void release(txMachine* the, ebConnection* connection)
{
	if (connection->fd >= 0)
		close(connection->fd);
	connection->state = FREE;
	ebDropFunction(the, &connection->onReadable);
	ebDropFunction(the, &connection->onWritable);
}

static int openSocket(struct sockaddr_in* address)
{
	int size = SEND_BUFFER_BYTES, on = 1;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (connect(fd, (struct sockaddr*)address, sizeof(*address)) == 0 || errno == EINPROGRESS)
		return fd;
	close(fd);
	return -1;
}

/* Loopback only: a script under test has no business elsewhere. */
static void readAddress(txMachine* the, struct sockaddr_in* address)
{
	char text[64];
	double port = ebNumberArgument(the, 1, "connect: port", 1, 65535);
	memset(address, 0, sizeof(*address));
	address->sin_family = AF_INET;
	address->sin_port = htons((uint16_t)port);
	if (!mxIsStringPrimitive(mxArgv(0)))
		mxTypeError("connect: address is no string");
	fxToStringBuffer(the, mxArgv(0), text, sizeof(text));
	if (inet_pton(AF_INET, text, &address->sin_addr) != 1 || (ntohl(address->sin_addr.s_addr) >> 24) != 127)
		mxRangeError("connect: address is not 127.x.x.x");
}

static void hostConnect(txMachine* the)
{
	struct sockaddr_in address;
	readAddress(the, &address);
	ebConnection* connection = freeConnection();
	if (!connection)
		mxRangeError("connect: more than %d connections", CONNECTION_LIMIT);
	int writable = mxArgc > 3 && mxArgv(3)->kind != XS_UNDEFINED_KIND;
	if (writable && !fxIsCallable(the, mxArgv(3)))
		mxTypeError("connect: onWritable is no function");
	ebKeepFunction(the, 2, "connect: onReadable", &connection->onReadable);
	if (writable)
		ebKeepFunction(the, 3, "connect: onWritable", &connection->onWritable);
	connection->id = ++lastId;
	connection->pollIndex = -1; /* polled from the next round on */
	connection->wantsWritable = writable;
	connection->fd = openSocket(&address);
	connection->state = connection->fd < 0 ? FAILED : CONNECTING;
	fxInteger(the, mxResult, connection->id);
}

static ebConnection* connectionArgument(txMachine* the, const char* name)
{
	ebConnection* connection = findConnection((txInteger)ebNumberArgument(the, 0, name, 1, 2147483647));
	if (!connection)
		mxRangeError("%s: no such connection", name);
	return connection;
}

static void hostSend(txMachine* the)
{
	ebConnection* connection = connectionArgument(the, "send: id");
	void* data;
	txUnsigned size;
	ssize_t sent = 0;
	txInteger length = (txInteger)ebNumberArgument(the, 2, "send: length", 0, 2147483647);
	_xsmcGetBuffer(the, mxArgv(1), &data, &size, 0);
	if ((txUnsigned)length > size)
		mxRangeError("send: length beyond the data");
	if (connection->state == OPEN && length > 0) {
		sent = send(connection->fd, data, (size_t)length, MSG_NOSIGNAL);
		if (sent < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
			connection->state = FAILED;
	}
	if (sent < 0)
		sent = 0;
	if (sent < length)
		connection->wantsWritable = connection->onWritable.kind == XS_REFERENCE_KIND;
	fxInteger(the, mxResult, (txInteger)sent);
}

static void hostClose(txMachine* the)
{
	ebConnection* connection = findConnection((txInteger)ebNumberArgument(the, 0, "close: id", 1, 2147483647));
	if (connection)
		release(the, connection);
}

void ebInstallConnections(txMachine* the, txSlot** last)
{
	*last = ebAddFunction(the, *last, "connect", hostConnect, 4);
	*last = ebAddFunction(the, *last, "send", hostSend, 3);
	*last = ebAddFunction(the, *last, "close", hostClose, 1);
}

int ebConnectionsCount(void)
{
	int count = 0;
	for (int i = 0; i < CONNECTION_LIMIT; i++)
		count += connections[i].state != FREE;
	return count;
}

int ebConnectionsFailed(void)
{
	for (int i = 0; i < CONNECTION_LIMIT; i++)
		if (connections[i].state == FAILED)
			return 1;
	return 0;
}

int ebConnectionsPoll(struct pollfd* fds, int limit)
{
	int count = 0;
	for (int i = 0; i < CONNECTION_LIMIT && count < limit; i++) {
		ebConnection* connection = &connections[i];
		connection->pollIndex = -1;
		if (connection->state != CONNECTING && connection->state != OPEN)
			continue;
		connection->pollIndex = count;
		fds[count].fd = connection->fd;
		fds[count].revents = 0;
		fds[count].events = connection->state == CONNECTING ? POLLOUT : POLLIN;
		if (connection->wantsWritable)
			fds[count].events |= POLLOUT;
		count++;
	}
	return count;
}

static void finishConnect(ebConnection* connection)
{
	int error = 0;
	socklen_t size = sizeof(error);
	if (getsockopt(connection->fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error != 0)
		connection->state = FAILED;
	else
		connection->state = OPEN;
}

/* The end of a connection is reported once; then its id means nothing. */
static void reportEnd(txMachine* the, ebConnection* connection)
{
	mxPushSlot(&connection->onReadable);
	release(the, connection);
	ebCallTurn(the, the->stack, NULL, 0);
	mxPop();
}

static void receive(txMachine* the, ebConnection* connection)
{
	uint8_t buffer[READ_BYTES];
	ssize_t count = recv(connection->fd, buffer, sizeof(buffer), 0);
	if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
		return;
	if (count <= 0) {
		connection->state = FAILED;
		return;
	}
	mxPushSlot(&connection->onReadable);
	ebCallTurn(the, the->stack, buffer, (txInteger)count);
	mxPop();
}

static void serve(txMachine* the, txInteger id, short events)
{
	ebConnection* connection = findConnection(id);
	if (connection->state == CONNECTING && events)
		finishConnect(connection);
	if (connection->state == OPEN && (events & POLLOUT) && connection->wantsWritable) {
		connection->wantsWritable = 0;
		mxPushSlot(&connection->onWritable);
		ebCallTurn(the, the->stack, NULL, -1);
		mxPop();
		connection = findConnection(id);
	}
	if (connection && connection->state == OPEN && (events & (POLLIN | POLLHUP | POLLERR)))
		receive(the, connection);
	connection = findConnection(id);
	if (connection && connection->state == FAILED)
		reportEnd(the, connection);
}

void ebConnectionsRun(txMachine* the, const struct pollfd* fds, int count)
{
	for (int i = 0; i < CONNECTION_LIMIT; i++) {
		ebConnection* connection = &connections[i];
		if (connection->state == FREE)
			continue;
		int index = connection->pollIndex;
		serve(the, connection->id, index >= 0 && index < count ? fds[index].revents : 0);
	}
}
