/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Completion ports (peerdist-api.md 11.3): a queue of packets, first in, first out, and a condition
 * for those who wait. A packet's memory is reserved before its operation is submitted, so that
 * queueing it never fails.
 *
 * One lock guards all ports: it is held for a few instructions, and so fork() has one to wait for.
 * The child has its own copy of every port, its packets and its descriptor; nobody waits there.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <unistd.h>

#include "fs/api/library.h"

struct packet {
	STAILQ_ENTRY(packet) link;
	ULONG_PTR key;
	OVERLAPPED *overlapped;
	DWORD bytes, status;
};

STAILQ_HEAD(packets, packet);

/* All is guarded by the lock. */
struct port {
	struct object object;
	LIST_ENTRY(port) link;
	struct packets queue, reserved;
	pthread_cond_t filled; /* or closed */
	bool closed;
	int descriptor; /* an eventfd, set while the queue is not empty; -1: nobody asked for one */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static LIST_HEAD(, port) ports = LIST_HEAD_INITIALIZER(ports);

static struct port *port_of(struct object *object)
{
	return (struct port *)object;
}

/* The queue ---------------------------------------------------------------------------------------
 */

static void packets_free(struct packets *packets)
{
	struct packet *packet;

	while ((packet = STAILQ_FIRST(packets))) {
		STAILQ_REMOVE_HEAD(packets, link);
		free(packet);
	}
}

static void descriptor_set(struct port *port)
{
	static const uint64_t one = 1;
	ssize_t written = port->descriptor < 0 ? 0 : write(port->descriptor, &one, sizeof(one));

	(void)written;
}

static void descriptor_reset(struct port *port)
{
	uint64_t count;
	ssize_t got = port->descriptor < 0 ? 0 : read(port->descriptor, &count, sizeof(count));

	(void)got;
}

static void put(struct port *port, struct packet *packet)
{
	if (STAILQ_EMPTY(&port->queue))
		descriptor_set(port);
	STAILQ_INSERT_TAIL(&port->queue, packet, link);
	pthread_cond_signal(&port->filled);
}

/* The oldest; there is one. */
static struct packet *take(struct port *port)
{
	struct packet *packet = STAILQ_FIRST(&port->queue);

	STAILQ_REMOVE_HEAD(&port->queue, link);
	if (STAILQ_EMPTY(&port->queue))
		descriptor_reset(port);
	return packet;
}

/* Until there is a packet. 0, or why there is none. */
static DWORD wait_filled(struct port *port, const struct clock_limit *limit)
{
	int error = 0;

	while (STAILQ_EMPTY(&port->queue) && !port->closed && error != ETIMEDOUT)
		error = limit->infinite ? pthread_cond_wait(&port->filled, &lock)
					: pthread_cond_timedwait(&port->filled, &lock, &limit->at);
	if (port->closed)
		return ERROR_ABANDONED_WAIT_0;
	return STAILQ_EMPTY(&port->queue) ? WAIT_TIMEOUT : 0;
}

/* Moves up to COUNT packets to PACKETS, once there is one. 0, or a Windows code. */
static DWORD take_several(struct port *port, ULONG count, DWORD milliseconds,
			  struct packets *packets)
{
	struct clock_limit limit = clock_limit(milliseconds);
	DWORD error;

	STAILQ_INIT(packets);
	pthread_mutex_lock(&lock);
	error = wait_filled(port, &limit);
	while (!error && count-- && !STAILQ_EMPTY(&port->queue)) {
		struct packet *packet = take(port);

		STAILQ_INSERT_TAIL(packets, packet, link);
	}
	pthread_mutex_unlock(&lock);
	return error;
}

/* Life ------------------------------------------------------------------------------------------
 */

static void filled_init(struct port *port)
{
	pthread_condattr_t attributes;

	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&port->filled, &attributes);
	pthread_condattr_destroy(&attributes);
}

static void port_free(struct object *object)
{
	struct port *port = port_of(object);

	pthread_mutex_lock(&lock);
	LIST_REMOVE(port, link);
	pthread_mutex_unlock(&lock);
	packets_free(&port->queue);
	packets_free(&port->reserved);
	if (port->descriptor >= 0)
		close(port->descriptor);
	pthread_cond_destroy(&port->filled);
	free(port);
}

static struct object *port_new(void)
{
	struct port *port = calloc(1, sizeof(*port));

	if (!port)
		return NULL;
	object_init(&port->object, OBJECT_PORT, port_free);
	STAILQ_INIT(&port->queue);
	STAILQ_INIT(&port->reserved);
	filled_init(port);
	port->descriptor = -1;
	pthread_mutex_lock(&lock);
	LIST_INSERT_HEAD(&ports, port, link);
	pthread_mutex_unlock(&lock);
	return &port->object;
}

void port_close(struct object *object)
{
	struct port *port = port_of(object);

	pthread_mutex_lock(&lock);
	port->closed = true;
	packets_free(&port->queue);
	descriptor_reset(port);
	pthread_cond_broadcast(&port->filled);
	pthread_mutex_unlock(&lock);
}

int port_descriptor(struct object *object)
{
	struct port *port = port_of(object);
	int descriptor;

	pthread_mutex_lock(&lock);
	if (port->descriptor < 0)
		port->descriptor = eventfd(!STAILQ_EMPTY(&port->queue), EFD_CLOEXEC | EFD_NONBLOCK);
	descriptor = port->descriptor < 0 ? -errno : port->descriptor;
	pthread_mutex_unlock(&lock);
	return descriptor;
}

/* Packets ---------------------------------------------------------------------------------------
 */

bool port_reserve(struct object *object)
{
	struct packet *packet = malloc(sizeof(*packet));

	if (!packet)
		return false;
	pthread_mutex_lock(&lock);
	STAILQ_INSERT_HEAD(&port_of(object)->reserved, packet, link);
	pthread_mutex_unlock(&lock);
	return true;
}

static struct packet *take_reserved(struct port *port)
{
	struct packet *packet = STAILQ_FIRST(&port->reserved);

	STAILQ_REMOVE_HEAD(&port->reserved, link);
	return packet;
}

void port_unreserve(struct object *object)
{
	struct packet *packet;

	pthread_mutex_lock(&lock);
	packet = take_reserved(port_of(object));
	pthread_mutex_unlock(&lock);
	free(packet);
}

void port_post(struct object *object, ULONG_PTR key, OVERLAPPED *overlapped, DWORD bytes,
	       DWORD status)
{
	struct port *port = port_of(object);
	struct packet *packet;

	pthread_mutex_lock(&lock);
	packet = take_reserved(port);
	if (!port->closed) {
		packet->key = key;
		packet->overlapped = overlapped;
		packet->bytes = bytes;
		packet->status = status;
		put(port, packet);
		packet = NULL;
	}
	pthread_mutex_unlock(&lock);
	free(packet);
}

/* fork() ----------------------------------------------------------------------------------------
 */

static void before_fork(void)
{
	pthread_mutex_lock(&lock);
}

static void in_parent(void)
{
	pthread_mutex_unlock(&lock);
}

/* Under the number that the program knows an eventfd that the parent does not have too. */
static void descriptor_renew(struct port *port)
{
	int own = eventfd(!STAILQ_EMPTY(&port->queue), EFD_CLOEXEC | EFD_NONBLOCK);

	if (own < 0)
		return;
	dup3(own, port->descriptor, O_CLOEXEC);
	close(own);
}

static void in_child(void)
{
	struct port *port;

	LIST_FOREACH (port, &ports, link) {
		filled_init(port);
		if (port->descriptor >= 0)
			descriptor_renew(port);
	}
	pthread_mutex_unlock(&lock);
}

__attribute__((constructor(LIBRARY_FIRST))) static void on_load(void)
{
	pthread_atfork(before_fork, in_parent, in_child);
}

/* Windows' functions ----------------------------------------------------------------------------
 */

static BOOL fail(DWORD error)
{
	SetLastError(error);
	return FALSE;
}

/* 0, or why what was asked for is not to be had. */
static DWORD refuse(HANDLE file, HANDLE existing)
{
	struct object *object;

	if (file == INVALID_HANDLE_VALUE)
		return existing ? ERROR_NOT_SUPPORTED : 0;
	object = handle_find(file, OBJECT_ANY & ~(OBJECT_EVENT | OBJECT_PORT));
	object_release(object);
	return object ? ERROR_INVALID_HANDLE : ERROR_NOT_SUPPORTED;
}

PUBLIC HANDLE WINAPI CreateIoCompletionPort(HANDLE FileHandle, HANDLE ExistingCompletionPort,
					    ULONG_PTR CompletionKey,
					    DWORD NumberOfConcurrentThreads)
{
	DWORD error = refuse(FileHandle, ExistingCompletionPort);
	struct object *port = error ? NULL : port_new();
	HANDLE handle = port ? handle_new(port) : NULL;

	(void)CompletionKey;
	(void)NumberOfConcurrentThreads;
	if (!handle) {
		object_release(port);
		SetLastError(error ? error : ERROR_NOT_ENOUGH_MEMORY);
	}
	return handle;
}

PUBLIC BOOL WINAPI GetQueuedCompletionStatus(HANDLE CompletionPort,
					     LPDWORD lpNumberOfBytesTransferred,
					     PULONG_PTR lpCompletionKey, LPOVERLAPPED *lpOverlapped,
					     DWORD dwMilliseconds)
{
	struct packets packets;
	struct packet *packet;
	struct object *port;
	DWORD error;

	if (!lpNumberOfBytesTransferred || !lpCompletionKey || !lpOverlapped)
		return fail(ERROR_INVALID_PARAMETER);
	*lpOverlapped = NULL;
	port = handle_find(CompletionPort, OBJECT_PORT);
	if (!port)
		return fail(ERROR_INVALID_HANDLE);
	error = take_several(port_of(port), 1, dwMilliseconds, &packets);
	object_release(port);
	if (error)
		return fail(error);
	packet = STAILQ_FIRST(&packets);
	*lpNumberOfBytesTransferred = packet->bytes;
	*lpCompletionKey = packet->key;
	*lpOverlapped = packet->overlapped;
	error = packet->status;
	free(packet);
	return error ? fail(error) : TRUE;
}

static ULONG fill(struct packets *packets, LPOVERLAPPED_ENTRY entries)
{
	const struct packet *packet;
	ULONG count = 0;

	STAILQ_FOREACH(packet, packets, link)
	{
		entries[count].lpCompletionKey = packet->key;
		entries[count].lpOverlapped = packet->overlapped;
		entries[count].Internal = packet->status;
		entries[count].dwNumberOfBytesTransferred = packet->bytes;
		count++;
	}
	packets_free(packets);
	return count;
}

PUBLIC BOOL WINAPI GetQueuedCompletionStatusEx(HANDLE CompletionPort,
					       LPOVERLAPPED_ENTRY lpCompletionPortEntries,
					       ULONG ulCount, PULONG ulNumEntriesRemoved,
					       DWORD dwMilliseconds, BOOL fAlertable)
{
	struct packets packets;
	struct object *port;
	DWORD error;

	(void)fAlertable;
	if (!lpCompletionPortEntries || ulCount == 0 || !ulNumEntriesRemoved)
		return fail(ERROR_INVALID_PARAMETER);
	*ulNumEntriesRemoved = 0;
	port = handle_find(CompletionPort, OBJECT_PORT);
	if (!port)
		return fail(ERROR_INVALID_HANDLE);
	error = take_several(port_of(port), ulCount, dwMilliseconds, &packets);
	object_release(port);
	if (error)
		return fail(error);
	*ulNumEntriesRemoved = fill(&packets, lpCompletionPortEntries);
	return TRUE;
}

PUBLIC BOOL WINAPI PostQueuedCompletionStatus(HANDLE CompletionPort,
					      DWORD dwNumberOfBytesTransferred,
					      ULONG_PTR dwCompletionKey, LPOVERLAPPED lpOverlapped)
{
	struct object *port = handle_find(CompletionPort, OBJECT_PORT);
	bool reserved;

	if (!port)
		return fail(ERROR_INVALID_HANDLE);
	reserved = port_reserve(port);
	if (reserved)
		port_post(port, dwCompletionKey, lpOverlapped, dwNumberOfBytesTransferred, 0);
	object_release(port);
	return reserved ? TRUE : fail(ERROR_NOT_ENOUGH_MEMORY);
}
