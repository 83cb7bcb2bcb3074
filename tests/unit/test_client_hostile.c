/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A control file that lies: the program's memory stays its own, every operation ends, and the
 * instance goes on, with the same daemon or without (peerdist-api.md 11.4).
 */
#include "tests/unit/client_fixture.h"

#include <sys/mman.h>
#include <unistd.h>

static uint8_t buffer[4096];

static void assert_untouched(const uint8_t *octets, size_t length)
{
	for (size_t i = 0; i < length; i++)
		assert_int_equal(octets[i], 0xAA);
}

/* The file is opened anew; what was had by the old one is not. */
static void assert_attached_anew(struct fixture *fixture)
{
	OVERLAPPED overlapped = {0};
	PEERDIST_STATUS status;

	assert_int_equal(PeerDistGetStatus(fixture->instance, &status), 0);
	assert_int_equal(status, PEERDIST_STATUS_AVAILABLE);
	assert_int_equal(start_read(fixture, buffer, 16, READ_GIVE, &overlapped),
			 PEERDIST_ERROR_INVALIDATED);
	assert_int_equal(PeerDistClientCloseContent(fixture->instance, fixture->content), 0);
	fixture->content = open_content(fixture->instance, NULL, 0);
	assert_int_equal(do_read(fixture, buffer, 16, READ_GIVE, &overlapped), 0);
}

/* A read that lies ends with 4057, without having written, and one that waits with it. */
static void breaks(void **state, enum control_scene_read behaviour)
{
	struct fixture *fixture = fixture_of(state);
	OVERLAPPED waiting = {0}, overlapped = {0};
	uint8_t other[16];

	memset(buffer, 0xAA, sizeof(buffer));
	assert_int_equal(start_read(fixture, other, sizeof(other), READ_HOLD, &waiting),
			 ERROR_IO_PENDING);
	assert_int_equal(do_read(fixture, buffer, 100, behaviour, &overlapped),
			 PEERDIST_ERROR_INVALIDATED);
	assert_untouched(buffer, sizeof(buffer));
	assert_int_equal(result_of(&waiting, NULL), PEERDIST_ERROR_INVALIDATED);
	assert_attached_anew(fixture);
}

static void more_octets_than_asked_for(void **state)
{
	breaks(state, READ_TOO_MUCH);
}

static void octets_without_output(void **state)
{
	breaks(state, READ_UNFLAGGED);
}

static void a_completion_that_is_pending(void **state)
{
	breaks(state, READ_NEVER_DONE);
}

static void more_records_than_there_is_room_for(void **state)
{
	breaks(state, READ_BROKEN_REAP);
}

static void completions_that_cannot_be_had(void **state)
{
	breaks(state, READ_FAILED_REAP);
}

static void records_of_nobody_without_end(void **state)
{
	breaks(state, READ_FLOOD);
}

static void some_records_of_nobody_are_ignored(void **state)
{
	struct fixture *fixture = fixture_of(state);
	OVERLAPPED overlapped = {0};

	assert_int_equal(do_read(fixture, buffer, 100, READ_STRANGE, &overlapped), 0);
	assert_pattern(buffer, 0, 100);
	assert_int_equal(do_read(fixture, buffer, 100, READ_GIVE, &overlapped), 0);
}

static void a_record_counts_once(void **state)
{
	struct fixture *fixture = fixture_of(state);
	HANDLE port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 0);
	HANDLE content = open_content(fixture->instance, port, 1);
	OVERLAPPED twice = {0}, after = {0}, *of;
	ULONG_PTR key;
	DWORD bytes;

	assert_int_equal(PeerDistClientBlockRead(fixture->instance, content, 100, buffer,
						 READ_TWICE, &twice),
			 ERROR_IO_PENDING);
	assert_true(GetQueuedCompletionStatus(port, &bytes, &key, &of, INFINITE));
	assert_ptr_equal(of, &twice);
	assert_int_equal(
		PeerDistClientBlockRead(fixture->instance, content, 100, buffer, READ_GIVE, &after),
		ERROR_IO_PENDING);
	assert_true(GetQueuedCompletionStatus(port, &bytes, &key, &of, INFINITE));
	assert_ptr_equal(of, &after);
	CloseHandle(port);
}

/* What the program has seen end was accepted; what was refused does not end later. */
static void a_refusal_after_the_completion(void **state)
{
	struct fixture *fixture = fixture_of(state);
	HANDLE port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 0);
	HANDLE content = open_content(fixture->instance, port, 1);
	unsigned accepted = 0, packets = 0;
	OVERLAPPED overlapped = {0}, *of;
	ULONG_PTR key;
	DWORD bytes;

	for (int i = 0; i < 100; i++) {
		DWORD status = PeerDistClientBlockRead(fixture->instance, content, 100, buffer,
						       READ_REFUSED_LATE, &overlapped);

		if (status == ERROR_IO_PENDING) {
			accepted++;
			assert_int_equal(result_of(&overlapped, NULL), 0);
		} else {
			assert_int_equal(status, ERROR_NO_SYSTEM_RESOURCES);
		}
	}
	assert_int_equal(PeerDistShutdown(fixture->instance), 0);
	fixture->instance = NULL;
	while (GetQueuedCompletionStatus(port, &bytes, &key, &of, 0))
		packets++;
	assert_int_equal(packets, accepted);
	CloseHandle(port);
}

static void a_success_without_a_completion(void **state)
{
	struct fixture *fixture = fixture_of(state);
	OVERLAPPED overlapped = {0};

	assert_int_equal(start_read(fixture, buffer, 100, READ_CALLED_DONE, &overlapped),
			 PEERDIST_ERROR_SERVICE_UNAVAILABLE);
	assert_true(HasOverlappedIoCompleted(&overlapped));
	assert_attached_anew(fixture);
}

/* Not the daemon's fault: the program's buffer cannot be written to. */
static void a_buffer_that_is_not_there(void **state)
{
	struct fixture *fixture = fixture_of(state);
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	uint8_t *pages =
		mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	OVERLAPPED overlapped = {0};

	assert_int_equal(mprotect(pages + page, page, PROT_READ), 0);
	assert_int_equal(do_read(fixture, pages + page - 50, 100, READ_GIVE, &overlapped),
			 ERROR_INVALID_PARAMETER);
	assert_int_equal(overlapped.InternalHigh, 0);
	/* The daemon need not keep it. */
	control_scene_await(&fixture->scene, COUNT_OPERATIONS, 0);
	assert_int_equal(do_read(fixture, pages, 100, READ_GIVE, &overlapped), 0);
	munmap(pages, 2 * page);
}

static void a_daemon_that_dies_in_a_call(void **state)
{
	struct fixture *fixture = fixture_of(state);
	OVERLAPPED waiting = {0}, overlapped = {0};
	PEERDIST_STATUS status;

	assert_int_equal(start_read(fixture, buffer, 16, READ_HOLD, &waiting), ERROR_IO_PENDING);
	assert_int_equal(start_read(fixture, buffer, 16, READ_DIE, &overlapped),
			 PEERDIST_ERROR_SERVICE_UNAVAILABLE);
	assert_true(HasOverlappedIoCompleted(&overlapped));
	assert_int_equal(result_of(&waiting, NULL), PEERDIST_ERROR_INVALIDATED);
	assert_int_equal(PeerDistGetStatus(fixture->instance, &status), 0);
	assert_int_equal(status, PEERDIST_STATUS_UNAVAILABLE);
	control_scene_kill(&fixture->scene);
	control_scene_again(&fixture->scene);
	assert_attached_anew(fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE_TEST(more_octets_than_asked_for),
		FIXTURE_TEST(octets_without_output),
		FIXTURE_TEST(a_completion_that_is_pending),
		FIXTURE_TEST(more_records_than_there_is_room_for),
		FIXTURE_TEST(completions_that_cannot_be_had),
		FIXTURE_TEST(records_of_nobody_without_end),
		FIXTURE_TEST(some_records_of_nobody_are_ignored),
		FIXTURE_TEST(a_record_counts_once),
		FIXTURE_TEST(a_refusal_after_the_completion),
		FIXTURE_TEST(a_success_without_a_completion),
		FIXTURE_TEST(a_buffer_that_is_not_there),
		FIXTURE_TEST(a_daemon_that_dies_in_a_call),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
