/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Rows A: instances begin and end.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "tests/api/harness.h"

#define UNKNOWN_HANDLE ((HANDLE)0x1234)
#define READS 1000u /* of A18; below the limit of operations */
#define GONE 1000u  /* ms in which what a process had must be gone */
#define STRANGER 4711u

static struct operation *silent_read(PEERDIST_INSTANCE_HANDLE peerdist,
				     PEERDIST_CONTENT_HANDLE handle)
{
	struct operation *read = operation();

	STARTS(read, PeerDistClientBlockRead(peerdist, handle, 16, row_memory(16), 60000,
					     &read->overlapped));
	return read;
}

static void A01(void)
{
	PEERDIST_INSTANCE_HANDLE peerdist = NULL;
	DWORD version = 0;

	EXPECT(ERROR_SUCCESS, PeerDistStartup(PEERDIST_VERSION, &peerdist, &version));
	EXPECT_TRUE(peerdist != NULL, "a handle");
	EXPECT_NUMBER(0x00000002, version);
	EXPECT(ERROR_SUCCESS, PeerDistShutdown(peerdist));
}

static void A02(void)
{
	PEERDIST_INSTANCE_HANDLE peerdist = NULL;
	PEERDIST_STATUS status;

	EXPECT(ERROR_SUCCESS, PeerDistStartup(0x0001, &peerdist, NULL));
	EXPECT(ERROR_SUCCESS, PeerDistGetStatus(peerdist, &status));
	EXPECT(ERROR_SUCCESS, PeerDistShutdown(peerdist));
}

static void A03(void)
{
	DWORD version = 0;

	EXPECT(ERROR_INVALID_PARAMETER, PeerDistStartup(PEERDIST_VERSION, NULL, &version));
}

static void refused_version(DWORD requested)
{
	PEERDIST_INSTANCE_HANDLE peerdist = UNKNOWN_HANDLE;
	DWORD version = 0;

	EXPECT(PEERDIST_ERROR_VERSION_UNSUPPORTED, PeerDistStartup(requested, &peerdist, &version));
	EXPECT_TRUE(peerdist == UNKNOWN_HANDLE, "the handle was written, version %#x", requested);
	EXPECT_NUMBER(2, version);
}

static void A04(void)
{
	refused_version(0x0003);
}

static void A05(void)
{
	refused_version(0x0102);
}

static void A06(void)
{
	refused_version(0);
	refused_version(0x00010002);
}

static void A07(void)
{
	PEERDIST_INSTANCE_HANDLE first = instance(), second = instance();
	PEERDIST_CONTENT_HANDLE handle = content_open(second);

	EXPECT(ERROR_SUCCESS, PeerDistShutdown(first));
	publish_f(second, identifier());
	EXPECT(ERROR_SUCCESS, PeerDistClientCloseContent(second, handle));
}

static void A08(void)
{
	EXPECT(ERROR_SUCCESS, PeerDistShutdown(instance()));
}

static void A09(void)
{
	PEERDIST_INSTANCE_HANDLE peerdist = instance();

	EXPECT(ERROR_SUCCESS, PeerDistShutdown(peerdist));
	EXPECT(ERROR_INVALID_HANDLE, PeerDistShutdown(peerdist));
}

static void A10(void)
{
	EXPECT(ERROR_INVALID_HANDLE, PeerDistShutdown(NULL));
	EXPECT(ERROR_INVALID_HANDLE, PeerDistShutdown(UNKNOWN_HANDLE));
}

static void A11(void)
{
	PEERDIST_INSTANCE_HANDLE peerdist = instance();
	PEERDIST_STATUS status;

	EXPECT(ERROR_INVALID_HANDLE, PeerDistShutdown(content_open(peerdist)));
	SetLastError(0);
	EXPECT_NUMBER(FALSE, CloseHandle(peerdist));
	EXPECT(ERROR_INVALID_HANDLE, GetLastError());
	EXPECT(ERROR_SUCCESS, PeerDistGetStatus(peerdist, &status));
}

static void A12(void)
{
	PEERDIST_INSTANCE_HANDLE first = instance(), second = instance();
	BYTE *id = identifier();

	publish_f(first, id);
	EXPECT(ERROR_SUCCESS, information_opens(second, id));
	EXPECT(ERROR_SUCCESS, PeerDistShutdown(first));
	EXPECT(ERROR_NOT_FOUND, information_opens(second, id));
}

static void A13(void)
{
	PEERDIST_INSTANCE_HANDLE peerdist = instance();
	PEERDIST_CONTENT_HANDLE handle = content_silent(peerdist);
	struct operation *reads[3];

	for (int i = 0; i < 3; i++)
		reads[i] = silent_read(peerdist, handle);
	STAYS_PENDING(reads[0], SILENCE);
	EXPECT(ERROR_SUCCESS, PeerDistShutdown(peerdist));
	for (int i = 0; i < 3; i++)
		ENDED(ERROR_OPERATION_ABORTED, reads[i]);
}

static void A14(void)
{
	PEERDIST_INSTANCE_HANDLE first = instance(), second = instance();
	BYTE *id = identifier(), octet = 0;
	publish_f(first, id);
	PEERDIST_CONTENT_HANDLE content = content_open(first);
	PEERDIST_STREAM_HANDLE stream = stream_open(first, identifier(), 0);
	PEERDIST_CONTENTINFO_HANDLE info = information_open(first, id, 0, 0, 1);
	struct operation *use = operation();

	EXPECT(ERROR_SUCCESS, PeerDistShutdown(first));
	REFUSED(ERROR_INVALID_HANDLE, use,
		PeerDistClientAddContentInformation(second, content, 1, &octet, &use->overlapped));
	REFUSED(ERROR_INVALID_HANDLE, use,
		PeerDistServerPublishAddToStream(second, stream, 1, &octet, &use->overlapped));
	REFUSED(ERROR_INVALID_HANDLE, use,
		PeerDistServerRetrieveContentInformation(second, info, 1, &octet,
							 &use->overlapped));
	EXPECT(ERROR_INVALID_HANDLE, PeerDistClientCloseContent(second, content));
	EXPECT(ERROR_INVALID_HANDLE, PeerDistServerCloseStreamHandle(second, stream));
	EXPECT(ERROR_INVALID_HANDLE, PeerDistServerCloseContentInformation(second, info));
}

/* Everything at once, and then it waits to be killed. */
static void A15_child(void)
{
	PEERDIST_INSTANCE_HANDLE peerdist = instance();
	PEERDIST_CONTENT_HANDLE handle = content_silent(peerdist);
	struct operation *add = operation();

	for (int i = 0; i < 3; i++)
		silent_read(peerdist, handle);
	publish_f(peerdist, identifier());
	STARTS(add, PeerDistServerPublishAddToStream(
			    peerdist, stream_open(peerdist, identifier(), 0), PENDING_SIZE,
			    row_sparse(PENDING_SIZE), &add->overlapped));
	child_ready();
	operation_wait(add, INFINITE);
	struct timespec forever = {3600, 0};
	nanosleep(&forever, NULL);
}

static void A15(void)
{
	static const char *const names[] = {"instances", "operations", "publications",
					    "handles",   "input",      "output"};
	enum { NAMES = sizeof names / sizeof *names };
	long before[NAMES];
	PEERDIST_INSTANCE_HANDLE peerdist = instance();

	content_silent(peerdist);
	/* Those of rows before have gone: this one's, and perhaps one of the harness. */
	for (uint64_t end = now_ms() + PATIENCE; service_number("instances") > 2;)
		REQUIRE_TRUE(now_ms() < end, "others' instances");
	for (int i = 0; i < NAMES; i++)
		before[i] = service_number(names[i]);
	pid_t child = child_start("A15_child");
	for (int i = 0; i < 4; i++)
		EXPECT_TRUE(service_number(names[i]) > before[i], "%s: nothing came", names[i]);
	child_kill(child);
	uint64_t end = now_ms() + GONE;
	for (int i = 0; i < NAMES; i++) {
		while (service_number(names[i]) != before[i] && now_ms() < end)
			;
		EXPECT_TRUE(service_number(names[i]) == before[i], "%s: expected %ld, got %ld",
			    names[i], before[i], service_number(names[i]));
	}
}

static void A16(void)
{
	PEERDIST_STATUS status = PEERDIST_STATUS_AVAILABLE;
	PEERDIST_CONTENT_HANDLE handle = NULL;

	order("stop");
	PEERDIST_INSTANCE_HANDLE peerdist = instance();
	EXPECT(ERROR_SUCCESS, PeerDistGetStatus(peerdist, &status));
	EXPECT_NUMBER(PEERDIST_STATUS_UNAVAILABLE, status);
	EXPECT(PEERDIST_ERROR_SERVICE_UNAVAILABLE,
	       PeerDistClientOpenContent(peerdist, tag(), NULL, 0, &handle));
	EXPECT_TRUE(handle == NULL, "the handle was written");
	order("mount");
	EXPECT(ERROR_SUCCESS, PeerDistGetStatus(peerdist, &status));
	EXPECT_NUMBER(PEERDIST_STATUS_AVAILABLE, status);
}

static void A17(void)
{
	PEERDIST_INSTANCE_HANDLE peerdist = UNKNOWN_HANDLE;
	DWORD code;

	become(STRANGER);
	code = PeerDistStartup(PEERDIST_VERSION, &peerdist, NULL);
	become(0);
	EXPECT(ERROR_ACCESS_DENIED, code);
	EXPECT_TRUE(peerdist == UNKNOWN_HANDLE, "the handle was written");
}

/* A18: what a thread is told meanwhile. */
struct asker {
	PEERDIST_INSTANCE_HANDLE peerdist;
	atomic_bool asked, gone, stop;
	bool order_wrong, code_wrong, late_wrong;
	DWORD last;
};

static void *ask(void *argument)
{
	struct asker *asker = argument;
	bool ending = false;

	while (!atomic_load(&asker->stop)) {
		PEERDIST_STATUS status;
		bool gone = atomic_load(&asker->gone);
		DWORD code = PeerDistGetStatus(asker->peerdist, &status);

		asker->late_wrong |= gone && code != ERROR_INVALID_HANDLE;
		asker->order_wrong |= ending && code == 0;
		asker->code_wrong |= code != 0 && code != ERROR_INVALID_HANDLE &&
				     code != PEERDIST_ERROR_SHUTDOWN_IN_PROGRESS;
		ending |= code != 0;
		asker->last = code;
		atomic_store(&asker->asked, true);
		if (gone)
			break;
	}
	return NULL;
}

static void A18(void)
{
	static struct operation *reads[READS];
	PEERDIST_INSTANCE_HANDLE peerdist = instance();
	PEERDIST_CONTENT_HANDLE handle = content_silent(peerdist);
	struct asker asker = {.peerdist = peerdist};
	pthread_t thread;
	DWORD code;

	for (unsigned i = 0; i < READS; i++)
		reads[i] = silent_read(peerdist, handle);
	REQUIRE_TRUE(pthread_create(&thread, NULL, ask, &asker) == 0, "a thread");
	while (!atomic_load(&asker.asked))
		;
	code = PeerDistShutdown(peerdist);
	atomic_store(&asker.gone, true);
	pthread_join(thread, NULL);
	EXPECT(ERROR_SUCCESS, code);
	EXPECT_TRUE(!asker.code_wrong, "another code than 0, 4056, 6");
	EXPECT_TRUE(!asker.order_wrong, "0 after 4056 or 6");
	EXPECT_TRUE(!asker.late_wrong, "not 6 after Shutdown: %s", code_name(asker.last));
	for (unsigned i = 0; i < READS; i++)
		if (!ENDED(ERROR_OPERATION_ABORTED, reads[i]))
			break;
}

static const struct row rows[] = {
	{ROW_ONCE(A01)},
	{ROW_ONCE(A02)},
	{ROW_ONCE(A03)},
	{ROW_ONCE(A04)},
	{ROW_ONCE(A05)},
	{ROW_ONCE(A06)},
	{ROW(A07)},
	{ROW_ONCE(A08)},
	{ROW_ONCE(A09)},
	{ROW_ONCE(A10)},
	{ROW_ONCE(A11)},
	{ROW(A12)},
	{ROW(A13)},
	{ROW(A14)},
	{ROW(A15)},
	{ROW_ONCE(A16)},
	{ROW_ONCE(A17)},
	{ROW(A18)},
	{ROW_CHILD(A15_child)},
};

int main(int argc, char **argv)
{
	return rows_main(rows, sizeof rows / sizeof *rows, argc, argv);
}
