/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Input on its way: inline, frames, pushes, credit, order (peerdist-api.md 11.6). The scripted
 * control file refuses every third frame for want of credit, and fails what is not the pattern.
 */
#include "tests/unit/client_fixture.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#define LARGE (24u << 20) /* more than one turn of a thread */

static uint8_t *pattern(size_t length)
{
	uint8_t *octets = malloc(length);

	control_scene_fill(octets, 0, length);
	return octets;
}

static DWORD start_add(const struct fixture *fixture, const void *octets, DWORD length,
		       OVERLAPPED *overlapped)
{
	memset(overlapped, 0, sizeof(*overlapped));
	return PeerDistClientAddData(fixture->instance, fixture->content, length, (PBYTE)octets,
				     overlapped);
}

static DWORD add(const struct fixture *fixture, const void *octets, DWORD length)
{
	OVERLAPPED overlapped;
	DWORD bytes, status;

	assert_int_equal(start_add(fixture, octets, length, &overlapped), ERROR_IO_PENDING);
	status = result_of(&overlapped, &bytes);
	assert_int_equal(bytes, status ? 0 : length);
	return status;
}

static void input_of_all_sizes_arrives(void **state)
{
	static const DWORD sizes[] = {1,       16350,   16351,   16352,          65536,
				      1036288, 1052638, 1052640, (1u << 20) + 1, 5000001};
	struct fixture *fixture = fixture_of(state);
	uint8_t *octets = pattern(5000001);

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
		assert_int_equal(add(fixture, octets, sizes[i]), 0);
	assert_int_equal(control_scene_count(&fixture->scene, COUNT_PUSHES), 0);
	free(octets);
}

static void small_input_travels_with_the_call(void **state)
{
	struct fixture *fixture = fixture_of(state);
	uint8_t *octets = pattern(16000);

	assert_int_equal(add(fixture, octets, 16000), 0);
	assert_int_equal(control_scene_count(&fixture->scene, COUNT_FRAMES), 0);
	free(octets);
}

static void large_input_waits_for_credit(void **state)
{
	struct fixture *fixture = fixture_of(state);
	uint8_t *octets = pattern(LARGE + 1);

	assert_int_equal(add(fixture, octets + 1 - 1, LARGE), 0);
	assert_in_range(control_scene_count(&fixture->scene, COUNT_REFUSED), 1, 1000);
	free(octets);
}

static void input_is_sent_in_the_order_of_submission(void **state)
{
	struct fixture *fixture = fixture_of(state);
	uint8_t *octets = pattern(3u << 20);
	OVERLAPPED overlapped[32];

	for (int i = 0; i < 32; i++)
		assert_int_equal(start_add(fixture, octets, i % 3 ? 100 : 3u << 20, &overlapped[i]),
				 ERROR_IO_PENDING);
	for (int i = 0; i < 32; i++)
		assert_int_equal(result_of(&overlapped[i], NULL), 0);
	assert_int_equal(control_scene_count(&fixture->scene, COUNT_OUT_OF_TURN), 0);
	free(octets);
}

struct adder {
	const struct fixture *fixture;
	const uint8_t *octets;
	int failed;
};

static void *add_often(void *context)
{
	struct adder *adder = context;

	for (int i = 0; i < 12; i++) {
		OVERLAPPED overlapped;

		if (start_add(adder->fixture, adder->octets, i % 2 ? 1000 : 1500000, &overlapped) !=
			    ERROR_IO_PENDING ||
		    result_of(&overlapped, NULL) != 0)
			adder->failed++;
	}
	return NULL;
}

static void threads_add_to_one_content(void **state)
{
	struct fixture *fixture = fixture_of(state);
	uint8_t *octets = pattern(1500000);
	struct adder adder[4];
	pthread_t threads[4];

	for (int i = 0; i < 4; i++) {
		adder[i] = (struct adder){.fixture = fixture, .octets = octets};
		assert_int_equal(pthread_create(&threads[i], NULL, add_often, &adder[i]), 0);
	}
	for (int i = 0; i < 4; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(adder[i].failed, 0);
	}
	assert_int_equal(control_scene_count(&fixture->scene, COUNT_OUT_OF_TURN), 0);
	free(octets);
}

static volatile sig_atomic_t signals;

static void on_signal(int number)
{
	(void)number;
	signals++;
}

/* M19 */
static void small_file_size_limits_raise_no_signal(void **state)
{
	static const rlim_t limits[] = {1u << 20, 100u << 10, 1000, 0};
	struct fixture *fixture = fixture_of(state);
	struct rlimit before, limit;
	struct sigaction action = {.sa_handler = on_signal}, old;
	uint8_t *octets = pattern(2u << 20);
	DWORD status[4];

	sigaction(SIGXFSZ, &action, &old);
	getrlimit(RLIMIT_FSIZE, &before);
	limit = before;
	for (int i = 0; i < 4; i++) {
		/* No assertion meanwhile: it could not even be printed. */
		OVERLAPPED overlapped;

		limit.rlim_cur = limits[i];
		setrlimit(RLIMIT_FSIZE, &limit);
		status[i] = start_add(fixture, octets, 2u << 20, &overlapped);
		if (status[i] == ERROR_IO_PENDING)
			status[i] = result_of(&overlapped, NULL);
		setrlimit(RLIMIT_FSIZE, &before);
	}
	sigaction(SIGXFSZ, &old, NULL);
	for (int i = 0; i < 4; i++)
		assert_int_equal(status[i], 0);
	assert_int_equal(signals, 0);
	assert_in_range(control_scene_count(&fixture->scene, COUNT_PUSHES), 100, 10000);
	assert_in_range(control_scene_count(&fixture->scene, COUNT_FRAMES), 20, 10000);
	free(octets);
}

/* Of a file that was cut meanwhile; the content is not harmed. */
static void cut_mapping(struct fixture *fixture, rlim_t file_size)
{
	char path[] = "/tmp/client-input.XXXXXX";
	int file = mkstemp(path);
	struct rlimit before, limit;
	OVERLAPPED overlapped;
	DWORD status = 0;
	uint8_t *octets, *mapping;

	unlink(path);
	assert_int_equal(ftruncate(file, 4u << 20), 0);
	mapping = mmap(NULL, 4u << 20, PROT_READ, MAP_SHARED, file, 0);
	assert_int_equal(ftruncate(file, 1u << 20), 0);
	getrlimit(RLIMIT_FSIZE, &before);
	limit = before;
	limit.rlim_cur = file_size;
	setrlimit(RLIMIT_FSIZE, &limit);
	status = start_add(fixture, mapping, 4u << 20, &overlapped);
	if (status == ERROR_IO_PENDING)
		status = result_of(&overlapped, NULL);
	setrlimit(RLIMIT_FSIZE, &before);
	assert_int_equal(status, ERROR_INVALID_PARAMETER);
	munmap(mapping, 4u << 20);
	close(file);
	octets = pattern(100000);
	assert_int_equal(add(fixture, octets, 100000), 0);
	free(octets);
}

static void input_that_cannot_be_read_fails(void **state)
{
	cut_mapping(fixture_of(state), RLIM_INFINITY);
}

static void input_that_cannot_be_read_fails_without_frames_too(void **state)
{
	cut_mapping(fixture_of(state), 1000);
}

static void small_input_that_cannot_be_read_is_refused(void **state)
{
	struct fixture *fixture = fixture_of(state);
	char path[] = "/tmp/client-input.XXXXXX";
	int file = mkstemp(path);
	OVERLAPPED overlapped;
	uint8_t *mapping, *octets = pattern(5000);

	unlink(path);
	mapping = mmap(NULL, 5000, PROT_READ, MAP_SHARED, file, 0);
	assert_int_equal(start_add(fixture, mapping, 5000, &overlapped), ERROR_INVALID_PARAMETER);
	munmap(mapping, 5000);
	close(file);
	assert_int_equal(add(fixture, octets, 5000), 0);
	free(octets);
}

static void a_stream_takes_input_too(void **state)
{
	struct fixture *fixture = fixture_of(state);
	HANDLE stream = open_stream(fixture->instance, NULL, 0);
	uint8_t *octets = pattern(3000000);
	OVERLAPPED overlapped = {0};

	assert_int_equal(PeerDistServerPublishAddToStream(fixture->instance, stream, 3000000,
							  octets, &overlapped),
			 ERROR_IO_PENDING);
	assert_int_equal(result_of(&overlapped, NULL), 0);
	assert_int_equal(
		PeerDistServerPublishCompleteStream(fixture->instance, stream, &overlapped),
		ERROR_IO_PENDING);
	assert_int_equal(result_of(&overlapped, NULL), 0);
	assert_int_equal(PeerDistServerCloseStreamHandle(fixture->instance, stream), 0);
	free(octets);
}

/* A pending add is one that is too large to be sent in one turn (peerdist-api-cases.md). */
static void closing_ends_what_is_being_sent(void **state)
{
	struct fixture *fixture = fixture_of(state);
	size_t length = 1u << 30;
	uint8_t *octets =
		mmap(NULL, length, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	OVERLAPPED overlapped;

	assert_ptr_not_equal(octets, MAP_FAILED);
	assert_int_equal(start_add(fixture, octets, (DWORD)length, &overlapped), ERROR_IO_PENDING);
	assert_int_equal(PeerDistClientCloseContent(fixture->instance, fixture->content), 0);
	assert_true(overlapped.Internal == ERROR_OPERATION_ABORTED);
	/* The buffer is the program's again. */
	munmap(octets, length);
	control_scene_await(&fixture->scene, COUNT_OPERATIONS, 0);
}

static void death_ends_what_is_being_sent(void **state)
{
	struct fixture *fixture = fixture_of(state);
	size_t length = 1u << 30;
	uint8_t *octets =
		mmap(NULL, length, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	OVERLAPPED overlapped;

	assert_int_equal(start_add(fixture, octets, (DWORD)length, &overlapped), ERROR_IO_PENDING);
	control_scene_kill(&fixture->scene);
	assert_int_equal(result_of(&overlapped, NULL), PEERDIST_ERROR_INVALIDATED);
	munmap(octets, length);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE_TEST(input_of_all_sizes_arrives),
		FIXTURE_TEST(small_input_travels_with_the_call),
		FIXTURE_TEST(large_input_waits_for_credit),
		FIXTURE_TEST(input_is_sent_in_the_order_of_submission),
		FIXTURE_TEST(threads_add_to_one_content),
		FIXTURE_TEST(small_file_size_limits_raise_no_signal),
		FIXTURE_TEST(input_that_cannot_be_read_fails),
		FIXTURE_TEST(input_that_cannot_be_read_fails_without_frames_too),
		FIXTURE_TEST(small_input_that_cannot_be_read_is_refused),
		FIXTURE_TEST(a_stream_takes_input_too),
		FIXTURE_TEST(closing_ends_what_is_being_sent),
		FIXTURE_TEST(death_ends_what_is_being_sent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
