/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A client that is killed, at each stage of what it may be at: nothing of it is left. A row for
 * each stage; its child is a process of its own that gets there, and says so.
 */
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/api/consuming.h"

#define GONE 1000u /* ms in which what a process had must be gone: A15 */
#define BUSY 4000u /* and more on a busy machine */

static const char *const names[] = {"instances",    "operations", "handles",
				    "publications", "input",      "output"};
enum { NAMES = sizeof names / sizeof *names };

/* The child has got there, and waits to be killed. */
static void is_there(void)
{
	static const struct timespec forever = {3600, 0};

	child_ready();
	nanosleep(&forever, NULL);
}

static bool are(const long numbers[NAMES])
{
	for (int i = 0; i < NAMES; i++)
		if (service_number(names[i]) != numbers[i])
			return false;
	return true;
}

/* What the child of that name has goes with it; at least an instance and WHAT. */
static void killed(const char *child, const char *what)
{
	static const long none[NAMES] = {0};
	uint64_t end = now_ms() + PATIENCE;

	/* Of the child before. */
	while (!are(none))
		REQUIRE_TRUE(now_ms() < end, "others' instances");
	pid_t process = child_start(child);
	EXPECT_TRUE(service_number("instances") == 1 && service_number(what) > 0, "no %s: %ld",
		    what, service_number(what));
	child_kill(process);
	end = now_ms() + GONE + BUSY;
	while (!are(none) && now_ms() < end)
		;
	for (int i = 0; i < NAMES; i++)
		EXPECT_TRUE(service_number(names[i]) == 0, "%s: %ld left", names[i],
			    service_number(names[i]));
}

static struct operation *started(struct operation *one, DWORD code)
{
	if (!STARTS(one, code))
		row_leave(NULL);
	return one;
}

static void started_child(void)
{
	instance();
	is_there();
}

static void registered_child(void)
{
	static PEERDIST_STATUS status;
	PEERDIST_INSTANCE_HANDLE peerdist = instance();
	struct operation *one = operation();

	for (int i = 0; i < 2; i++) {
		started(one, PeerDistRegisterForStatusChangeNotification(
				     peerdist, NULL, 0, &one->overlapped, &status));
		if (i == 0)
			ENDS(ERROR_SUCCESS, one);
	}
	is_there();
}

static void stream_opened_child(void)
{
	stream_open(instance(), identifier(), 0);
	is_there();
}

static void stream_adding_child(void)
{
	PEERDIST_INSTANCE_HANDLE peerdist = instance();
	PEERDIST_STREAM_HANDLE stream = stream_open(peerdist, identifier(), 0);
	struct operation *one = operation();

	started(one, PeerDistServerPublishAddToStream(peerdist, stream, PENDING_SIZE,
						      row_sparse(PENDING_SIZE), &one->overlapped));
	is_there();
}

static void stream_completing_child(void)
{
	PEERDIST_INSTANCE_HANDLE peerdist = instance();
	PEERDIST_STREAM_HANDLE stream = stream_open(peerdist, identifier(), 0);
	struct operation *add = operation(), *complete = operation();

	started(add, PeerDistServerPublishAddToStream(peerdist, stream, PENDING_SIZE,
						      row_sparse(PENDING_SIZE), &add->overlapped));
	started(complete,
		PeerDistServerPublishCompleteStream(peerdist, stream, &complete->overlapped));
	is_there();
}

static void published_child(void)
{
	publish_f(instance(), identifier());
	is_there();
}

static void information_opened_child(void)
{
	PEERDIST_INSTANCE_HANDLE peerdist = instance();
	BYTE *id = identifier();

	publish_f(peerdist, id);
	information_open(peerdist, id, 0, 0, 1);
	is_there();
}

static void information_adding_child(void)
{
	PEERDIST_INSTANCE_HANDLE peerdist = instance();
	struct octets info = information_of(peerdist, (struct octets){content(), F_SIZE}, 0, 0, 1);
	PEERDIST_CONTENT_HANDLE handle = content_open(peerdist);
	struct operation *one = operation();

	started(one, PeerDistClientAddContentInformation(peerdist, handle, 100, info.data,
							 &one->overlapped));
	ENDS(ERROR_SUCCESS, one);
	is_there();
}

static void ready_child(void)
{
	subject_cached(1u << 0);
	is_there();
}

static void reading_child(void)
{
	struct subject subject = subject_silent();

	for (int i = 0; i < 100; i++)
		block_read(&subject, BLOCK(2), row_memory(16), 16, LONG);
	for (int i = 0; i < 10; i++)
		stream_read(&subject, row_memory(16), 16, INFINITE);
	is_there();
}

/* The content's end is not known from its information, so that 1 GiB is not too much. */
static void data_adding_child(void)
{
	PEERDIST_INSTANCE_HANDLE peerdist = instance();
	struct subject subject = {.peerdist = peerdist};
	struct operation *one = operation();

	subject.info = information_of(peerdist, (struct octets){row_sparse(64u << 20), 64u << 20},
				      0, 0, 1);
	subject.handle = content_ready(peerdist, subject.info);
	operation_at(one, 0);
	started(one, PeerDistClientAddData(peerdist, subject.handle, PENDING_SIZE,
					   row_sparse(PENDING_SIZE), &one->overlapped));
	is_there();
}

static void many_contents_child(void)
{
	PEERDIST_INSTANCE_HANDLE peerdist = instance();

	for (int i = 0; i < 1000; i++)
		content_open(peerdist);
	is_there();
}

#define STAGE(name, what)                                                                          \
	static void name(void)                                                                     \
	{                                                                                          \
		killed(#name "_child", what);                                                      \
	}
STAGE(registered, "operations")
STAGE(stream_opened, "handles")
STAGE(stream_adding, "operations")
STAGE(stream_completing, "operations")
STAGE(published, "publications")
STAGE(information_opened, "handles")
STAGE(information_adding, "handles")
STAGE(ready, "handles")
STAGE(data_adding, "operations")
STAGE(many_contents, "handles")

static void started_only(void)
{
	killed("started_child", "instances");
}

static void reading(void)
{
	/* The peer is the script's, which a child cannot ask. */
	EXPECT(ERROR_SUCCESS, PeerDistShutdown(subject_silent().peerdist));
	killed("reading_child", "operations");
}

static const struct row rows[] = {
	{ROW_ONCE(started_only)},
	{ROW_ONCE(registered)},
	{ROW_ONCE(stream_opened)},
	{ROW_ONCE(stream_adding)},
	{ROW_ONCE(stream_completing)},
	{ROW_ONCE(published)},
	{ROW_ONCE(information_opened)},
	{ROW_ONCE(information_adding)},
	{ROW_ONCE(ready)},
	{ROW_ONCE(reading)},
	{ROW_ONCE(data_adding)},
	{ROW_ONCE(many_contents)},
	{ROW_CHILD(started_child)},
	{ROW_CHILD(registered_child)},
	{ROW_CHILD(stream_opened_child)},
	{ROW_CHILD(stream_adding_child)},
	{ROW_CHILD(stream_completing_child)},
	{ROW_CHILD(published_child)},
	{ROW_CHILD(information_opened_child)},
	{ROW_CHILD(information_adding_child)},
	{ROW_CHILD(ready_child)},
	{ROW_CHILD(reading_child)},
	{ROW_CHILD(data_adding_child)},
	{ROW_CHILD(many_contents_child)},
};

int main(int argc, char **argv)
{
	return rows_main(rows, sizeof rows / sizeof *rows, argc, argv);
}
