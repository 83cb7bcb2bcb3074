/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Many at once: a thousand instances; eight threads with ten thousand calls each, of all kinds, on
 * instances that they share and one port. Its script runs it under ThreadSanitizer where that
 * program is there.
 */
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/api/consuming.h"

#define INSTANCES 1000u
#define THREADS 8u
#define SHARED 4u /* instances of the threads */
#define CALLS 10000u
#define FLIGHT 24u /* operations of a thread at once */
#define READ_SIZE 4096u
#define TEXT 200u

/* A thousand instances ------------------------------------------------------------------------ */

struct one {
	PEERDIST_INSTANCE_HANDLE peerdist;
	PEERDIST_CONTENT_HANDLE content;
	PEERDIST_STATUS status;
	OVERLAPPED overlapped;
};

static void one_begins(struct one *one)
{
	DWORD count;

	REQUIRE(ERROR_SUCCESS, PeerDistStartup(PEERDIST_VERSION, &one->peerdist, NULL));
	REQUIRE(ERROR_SUCCESS,
		PeerDistClientOpenContent(one->peerdist, tag(), NULL, 0, &one->content));
	REQUIRE(ERROR_IO_PENDING, PeerDistRegisterForStatusChangeNotification(
					  one->peerdist, NULL, 0, &one->overlapped, &one->status));
	REQUIRE_TRUE(PeerDistGetOverlappedResult(&one->overlapped, &count, TRUE), "the status");
	EXPECT_NUMBER(PEERDIST_STATUS_AVAILABLE, one->status);
	/* This one stays. */
	REQUIRE(ERROR_IO_PENDING, PeerDistRegisterForStatusChangeNotification(
					  one->peerdist, NULL, 0, &one->overlapped, &one->status));
}

static void thousand_instances(void)
{
	static const char *const names[] = {"instances", "handles", "operations"};
	struct one *all = row_memory(INSTANCES * sizeof *all);
	long before[3];

	for (int i = 0; i < 3; i++)
		before[i] = service_number(names[i]);
	for (unsigned i = 0; i < INSTANCES; i++)
		one_begins(&all[i]);
	for (int i = 0; i < 3; i++)
		EXPECT_NUMBER(before[i] + INSTANCES, service_number(names[i]));
	/* Told to all of them. */
	service_off();
	for (unsigned i = 0; i < INSTANCES; i++) {
		DWORD count;

		if (!PeerDistGetOverlappedResult(&all[i].overlapped, &count, TRUE) ||
		    all[i].status != PEERDIST_STATUS_DISABLED) {
			WRONG("instance %u: status %d, code %s", i, (int)all[i].status,
			      code_name(GetLastError()));
			break;
		}
	}
	service_on();
	for (unsigned i = 0; i < INSTANCES; i++)
		if (!EXPECT(ERROR_SUCCESS, PeerDistShutdown(all[i].peerdist)))
			break;
	for (int i = 0; i < 3; i++)
		EXPECT_NUMBER(before[i], service_number(names[i]));
}

/* Eight threads ------------------------------------------------------------------------------- */

enum kind { BLOCK_READ, STREAM_READ, QUERY, ADD_DATA, ADD_STREAM, RETRIEVE, FLUSH };

struct flying {
	OVERLAPPED overlapped; /* first */
	atomic_bool busy;
	enum kind kind;
	struct worker *worker;
	uint64_t offset;
	DWORD size;
	BYTE buffer[READ_SIZE];
};

struct worker {
	pthread_t thread;
	PEERDIST_INSTANCE_HANDLE peerdist;
	PEERDIST_CONTENT_HANDLE content;
	PEERDIST_CONTENTINFO_HANDLE information;
	PEERDIST_STREAM_HANDLE stream;
	HANDLE own_port;
	BYTE id[ID_SIZE];
	const BYTE *data, *info;
	size_t info_size;
	uint64_t random;
	atomic_uint completions;
	unsigned submissions;
	struct flying flight[FLIGHT];
};

static char failure[TEXT]; /* the first; guarded by the lock */
static pthread_mutex_t failure_lock = PTHREAD_MUTEX_INITIALIZER;
static atomic_bool failed;

static void __attribute__((format(printf, 1, 2))) wrong(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	pthread_mutex_lock(&failure_lock);
	if (!atomic_exchange(&failed, true))
		vsnprintf(failure, sizeof failure, format, arguments);
	pthread_mutex_unlock(&failure_lock);
	va_end(arguments);
}

static uint32_t draw(struct worker *worker, uint32_t below)
{
	worker->random ^= worker->random << 13;
	worker->random ^= worker->random >> 7;
	worker->random ^= worker->random << 17;
	return (uint32_t)(worker->random >> 16) % below;
}

/* What may come of it. */
static bool may_end(enum kind kind, DWORD code)
{
	if (code == ERROR_SUCCESS)
		return true;
	if (code == ERROR_OPERATION_ABORTED)
		return kind != FLUSH;
	return code == PEERDIST_ERROR_NO_MORE && (kind == STREAM_READ || kind == RETRIEVE);
}

static bool octets_are_right(const struct flying *one, uint64_t at, DWORD count)
{
	const BYTE *expected = one->kind == RETRIEVE ? one->worker->info : one->worker->data;
	size_t size = one->kind == RETRIEVE ? one->worker->info_size : F_SIZE;

	return at <= size && count <= size - at && memcmp(expected + at, one->buffer, count) == 0;
}

static void check_end(const struct flying *one, DWORD code, DWORD count)
{
	uint64_t at = (uint64_t)one->overlapped.OffsetHigh << 32 | one->overlapped.Offset;

	if (!may_end(one->kind, code))
		wrong("kind %d ended with %u", (int)one->kind, code);
	if (one->overlapped.Internal != code || one->overlapped.InternalHigh != count)
		wrong("kind %d: packet %u, %u; overlapped %u, %u", (int)one->kind, code, count,
		      (unsigned)one->overlapped.Internal, (unsigned)one->overlapped.InternalHigh);
	if (code != ERROR_SUCCESS)
		return;
	if (one->kind == BLOCK_READ && (at != one->offset || count == 0 || count > one->size))
		wrong("read at %u: %u octets at %u", (unsigned)one->offset, count, (unsigned)at);
	if ((one->kind == BLOCK_READ || one->kind == STREAM_READ || one->kind == RETRIEVE) &&
	    !octets_are_right(one, at, count))
		wrong("kind %d: %u octets at %u are wrong", (int)one->kind, count, (unsigned)at);
	if (one->kind == QUERY && at + count != F_SIZE)
		wrong("query at %u: %u", (unsigned)at, count);
}

/* Takes one packet, whosever it is. */
static void dequeue(HANDLE from, DWORD milliseconds)
{
	DWORD count = 0;
	ULONG_PTR key = 0;
	OVERLAPPED *got = NULL;
	BOOL good = GetQueuedCompletionStatus(from, &count, &key, &got, milliseconds);
	DWORD code = good ? 0 : GetLastError();
	struct flying *one = (struct flying *)got;

	if (one == NULL) {
		if (milliseconds >= PATIENCE)
			wrong("no packet: %u", code);
		return;
	}
	check_end(one, code, count);
	atomic_fetch_add(&one->worker->completions, 1);
	if (!atomic_exchange(&one->busy, false))
		wrong("a second completion, kind %d", (int)one->kind);
}

static struct flying *free_one(struct worker *worker)
{
	while (!atomic_load(&failed)) {
		for (unsigned i = 0; i < FLIGHT; i++)
			if (!atomic_load(&worker->flight[i].busy))
				return &worker->flight[i];
		/* Another thread may take the last of ours meanwhile. */
		dequeue(worker->own_port, 10);
	}
	return NULL;
}

/* Refused is allowed with CODE alone. */
static void submitted(struct flying *one, DWORD got, DWORD code)
{
	if (got == ERROR_IO_PENDING) {
		one->worker->submissions++;
		return;
	}
	atomic_store(&one->busy, false);
	if (got != code)
		wrong("kind %d was refused with %u", (int)one->kind, got);
}

static DWORD add_to_stream(struct worker *worker, struct flying *one)
{
	PEERDIST_STREAM_HANDLE *stream = &worker->stream;
	DWORD code;

	if (*stream != NULL && draw(worker, 4) == 0) {
		code = PeerDistServerCloseStreamHandle(worker->peerdist, *stream);
		if (code != ERROR_SUCCESS)
			wrong("CloseStreamHandle: %u", code);
		*stream = NULL;
	}
	if (*stream == NULL) {
		code = PeerDistServerPublishStream(worker->peerdist, ID_SIZE, worker->id, 0, NULL,
						   worker->own_port, KEY, stream);
		if (code != ERROR_SUCCESS) {
			wrong("PublishStream: %u", code);
			return code;
		}
	}
	return PeerDistServerPublishAddToStream(worker->peerdist, *stream, one->size, one->buffer,
						&one->overlapped);
}

static void submit(struct worker *worker, struct flying *one, enum kind kind)
{
	PEERDIST_CONTENT_TAG unknown = {{1, 2, 3}};
	OVERLAPPED *overlapped = &one->overlapped;

	atomic_store(&one->busy, true);
	one->kind = kind;
	one->worker = worker;
	one->offset = draw(worker, F_SIZE);
	one->size = 1 + draw(worker, READ_SIZE);
	memset(overlapped, 0, sizeof *overlapped);
	switch (kind) {
	case BLOCK_READ:
	case QUERY:
		overlapped->Offset = (DWORD)one->offset;
		submitted(one,
			  PeerDistClientBlockRead(
				  worker->peerdist, worker->content, kind == QUERY ? 0 : one->size,
				  kind == QUERY ? NULL : one->buffer, 0, overlapped),
			  0);
		return;
	case STREAM_READ:
		submitted(one,
			  PeerDistClientStreamRead(worker->peerdist, worker->content, one->size,
						   one->buffer, 0, overlapped),
			  0);
		return;
	case ADD_DATA:
		if (one->size > F_SIZE - one->offset)
			one->size = (DWORD)(F_SIZE - one->offset);
		memcpy(one->buffer, worker->data + one->offset, one->size);
		overlapped->Offset = (DWORD)one->offset;
		submitted(one,
			  PeerDistClientAddData(worker->peerdist, worker->content, one->size,
						one->buffer, overlapped),
			  0);
		return;
	case ADD_STREAM:
		/* A cancelled add spoils the stream. */
		submitted(one, add_to_stream(worker, one), PEERDIST_ERROR_INVALIDATED);
		return;
	case RETRIEVE:
		submitted(one,
			  PeerDistServerRetrieveContentInformation(worker->peerdist,
								   worker->information, one->size,
								   one->buffer, overlapped),
			  0);
		return;
	case FLUSH:
		submitted(one,
			  PeerDistClientFlushContent(worker->peerdist, &unknown, worker->own_port,
						     KEY, overlapped),
			  0);
		return;
	}
}

static void cancel(struct worker *worker)
{
	struct flying *one = draw(worker, 4) ? &worker->flight[draw(worker, FLIGHT)] : NULL;
	DWORD code = PeerDistClientCancelAsyncOperation(worker->peerdist, worker->content,
							one ? &one->overlapped : NULL);

	if (code != ERROR_SUCCESS && (one == NULL || code != PEERDIST_ERROR_OPERATION_NOTFOUND))
		wrong("ClientCancel: %u", code);
}

static void open_and_close(struct worker *worker)
{
	PEERDIST_CONTENT_TAG label = {{4}};
	PEERDIST_CONTENT_HANDLE content = NULL;
	DWORD code = PeerDistClientOpenContent(worker->peerdist, &label, worker->own_port, KEY,
					       &content);

	if (code == ERROR_SUCCESS)
		code = PeerDistClientCloseContent(worker->peerdist, content);
	if (code != ERROR_SUCCESS)
		wrong("open and close: %u", code);
}

static void get_status(struct worker *worker)
{
	PEERDIST_STATUS_INFO info = {.cbSize = sizeof info};
	DWORD code = PeerDistGetStatusEx(worker->peerdist, &info);

	if (code != ERROR_SUCCESS || info.status != PEERDIST_STATUS_AVAILABLE)
		wrong("GetStatusEx: %u", code);
}

/* Sixteenths. */
static const enum kind kinds[] = {BLOCK_READ,  BLOCK_READ,  BLOCK_READ, BLOCK_READ, BLOCK_READ,
				  STREAM_READ, STREAM_READ, QUERY,      QUERY,      ADD_DATA,
				  ADD_STREAM,  RETRIEVE,    FLUSH};

static void *work(void *argument)
{
	struct worker *worker = argument;

	for (unsigned i = 0; i < CALLS && !atomic_load(&failed); i++) {
		uint32_t what = draw(worker, 16);

		if (what < sizeof kinds / sizeof *kinds) {
			struct flying *one = free_one(worker);
			if (one != NULL)
				submit(worker, one, kinds[what]);
		} else if (what == 13) {
			cancel(worker);
		} else if (what == 14) {
			open_and_close(worker);
		} else {
			get_status(worker);
		}
	}
	return NULL;
}

static struct worker *worker_new(const struct subject *subject, PEERDIST_INSTANCE_HANDLE peerdist,
				 unsigned number)
{
	struct worker *worker = row_memory(sizeof *worker);
	BYTE *published = identifier();

	worker->peerdist = peerdist;
	worker->own_port = port();
	memcpy(worker->id, identifier(), ID_SIZE);
	worker->content = content_ready(peerdist, subject->info);
	publish(peerdist, published, subject->data.data, F_SIZE);
	worker->information = information_open(peerdist, published, 0, 0, 1);
	worker->data = subject->data.data;
	worker->info = subject->info.data;
	worker->info_size = subject->info.size;
	worker->random = (number + 1) * 0x9E3779B97F4A7C15u;
	return worker;
}

/* All of its operations have ended, each once. */
static void worker_ends(struct worker *worker)
{
	if (worker->stream != NULL)
		EXPECT(ERROR_SUCCESS,
		       PeerDistServerCloseStreamHandle(worker->peerdist, worker->stream));
	for (uint64_t end = now_ms() + PATIENCE;
	     atomic_load(&worker->completions) < worker->submissions && now_ms() < end &&
	     !atomic_load(&failed);)
		dequeue(worker->own_port, 10);
	EXPECT_NUMBER(worker->submissions, atomic_load(&worker->completions));
}

static void eight_threads(void)
{
	struct subject subject;
	PEERDIST_INSTANCE_HANDLE shared[SHARED];
	struct worker *workers[THREADS];

	mechanism = BY_PORT;
	subject = subject_cached(ALL_BLOCKS);
	for (unsigned i = 0; i < SHARED; i++)
		shared[i] = instance();
	for (unsigned i = 0; i < THREADS; i++)
		workers[i] = worker_new(&subject, shared[i % SHARED], i);
	for (unsigned i = 0; i < THREADS; i++)
		REQUIRE_TRUE(pthread_create(&workers[i]->thread, NULL, work, workers[i]) == 0,
			     "a thread");
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(workers[i]->thread, NULL);
	for (unsigned i = 0; i < THREADS; i++)
		worker_ends(workers[i]);
	EXPECT_TRUE(!atomic_load(&failed), "%s", failure);
	EXPECT_NUMBER(0, service_number("operations"));
	EXPECT_NUMBER(0, service_number("input"));
	EXPECT_NUMBER(0, service_number("output"));
}

static const struct row rows[] = {
	{ROW_ONCE(thousand_instances)},
	{ROW_ONCE(eight_threads)},
};

int main(int argc, char **argv)
{
	return rows_main(rows, sizeof rows / sizeof *rows, argc, argv);
}
