/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Instances: shutting down under calls, the daemon's death and return, detaching, fork(), many of
 * them, many threads (peerdist-api.md 6.1, 6.2, 11.4, 11.8).
 */
#include "tests/unit/client_fixture.h"

#include <dirent.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/fsuid.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define READS 1000

static uint8_t buffer[65536];

static PEERDIST_STATUS status_of(HANDLE instance)
{
	PEERDIST_STATUS status = 77;

	assert_int_equal(PeerDistGetStatus(instance, &status), 0);
	return status;
}

/* A thread that was joined may be seen a moment longer. */
static unsigned threads_alive(void)
{
	DIR *tasks = opendir("/proc/self/task");
	unsigned count = 0;

	while (readdir(tasks))
		count++;
	closedir(tasks);
	return count;
}

/* Shutdown ------------------------------------------------------------------------------------ */

struct asker {
	HANDLE instance;
	atomic_uint calls;
	atomic_bool over; /* Shutdown has returned */
	DWORD last, late;
};

static void *ask_often(void *context)
{
	struct asker *asker = context;
	PEERDIST_STATUS status;

	do {
		bool over = atomic_load(&asker->over);

		asker->last = PeerDistGetStatus(asker->instance, &status);
		if (over)
			asker->late = asker->last;
		atomic_fetch_add(&asker->calls, 1);
	} while (asker->late == 0);
	return NULL;
}

/* A18, A13 */
static void shutdown_ends_all_that_is_pending(void **state)
{
	struct fixture *fixture = fixture_of(state);
	static OVERLAPPED overlapped[READS];
	struct asker asker = {.instance = fixture->instance};
	pthread_t thread;

	memset(overlapped, 0, sizeof(overlapped));
	for (int i = 0; i < READS; i++)
		assert_int_equal(start_read(fixture, buffer + i, 1, READ_HOLD, &overlapped[i]),
				 ERROR_IO_PENDING);
	assert_int_equal(pthread_create(&thread, NULL, ask_often, &asker), 0);
	while (atomic_load(&asker.calls) < 10)
		sched_yield();
	assert_int_equal(PeerDistShutdown(fixture->instance), 0);
	atomic_store(&asker.over, true);
	for (int i = 0; i < READS; i++)
		assert_true(overlapped[i].Internal == ERROR_OPERATION_ABORTED);
	pthread_join(thread, NULL);
	assert_int_equal(asker.late, ERROR_INVALID_HANDLE);
	/* Its objects went with it, and with it the control file. */
	assert_int_equal(PeerDistClientCloseContent(fixture->instance, fixture->content),
			 ERROR_INVALID_HANDLE);
	control_scene_await(&fixture->scene, COUNT_OPENED, 0);
	fixture->instance = NULL;
}

static void the_dispatcher_lives_as_long_as_instances(void **state)
{
	struct fixture *fixture = fixture_of(state);
	unsigned before = threads_alive();
	OVERLAPPED overlapped = {0};
	HANDLE second;

	assert_int_equal(PeerDistStartup(2, &second, NULL), 0);
	assert_int_equal(threads_alive(), before);
	assert_int_equal(do_read(fixture, buffer, 16, READ_GIVE, &overlapped), 0);
	assert_int_equal(threads_alive(), before + 1);
	assert_int_equal(PeerDistShutdown(second), 0);
	assert_int_equal(threads_alive(), before + 1);
	assert_int_equal(PeerDistShutdown(fixture->instance), 0);
	while (threads_alive() != before)
		sched_yield();
	assert_int_equal(PeerDistStartup(2, &fixture->instance, NULL), 0);
	fixture->content = open_content(fixture->instance, NULL, 0);
	assert_int_equal(do_read(fixture, buffer, 16, READ_GIVE, &overlapped), 0);
}

static void objects_belong_to_their_instance(void **state)
{
	struct fixture *fixture = fixture_of(state);
	HANDLE second, stream = open_stream(fixture->instance, NULL, 0);
	OVERLAPPED overlapped = {0};

	assert_int_equal(PeerDistStartup(2, &second, NULL), 0);
	assert_int_equal(PeerDistClientBlockRead(second, fixture->content, 16, buffer, READ_GIVE,
						 &overlapped),
			 ERROR_INVALID_HANDLE);
	assert_int_equal(PeerDistClientCloseContent(second, fixture->content),
			 ERROR_INVALID_HANDLE);
	assert_int_equal(PeerDistClientCloseContent(fixture->instance, stream),
			 ERROR_INVALID_HANDLE);
	assert_int_equal(PeerDistShutdown(stream), ERROR_INVALID_HANDLE);
	assert_int_equal(PeerDistShutdown(second), 0);
}

/* Death and return ---------------------------------------------------------------------------- */

/* K09, K10 */
static void the_daemon_dies_and_another_comes(void **state)
{
	struct fixture *fixture = fixture_of(state);
	HANDLE old = fixture->content;
	OVERLAPPED first = {0}, registration = {0}, read = {0};
	PEERDIST_STATUS status = 77;
	HANDLE content;

	assert_int_equal(PeerDistRegisterForStatusChangeNotification(fixture->instance, NULL, 0,
								     &first, &status),
			 ERROR_IO_PENDING);
	assert_int_equal(result_of(&first, NULL), 0);
	assert_int_equal(PeerDistRegisterForStatusChangeNotification(fixture->instance, NULL, 0,
								     &registration, &status),
			 ERROR_IO_PENDING);
	assert_int_equal(start_read(fixture, buffer, 16, READ_HOLD, &read), ERROR_IO_PENDING);
	control_scene_kill(&fixture->scene);
	assert_int_equal(result_of(&registration, NULL), 0);
	assert_int_equal(status, PEERDIST_STATUS_UNAVAILABLE);
	assert_int_equal(result_of(&read, NULL), PEERDIST_ERROR_INVALIDATED);
	assert_int_equal(status_of(fixture->instance), PEERDIST_STATUS_UNAVAILABLE);
	assert_int_equal(PeerDistClientOpenContent(fixture->instance, &(PEERDIST_CONTENT_TAG){{0}},
						   NULL, 0, &content),
			 PEERDIST_ERROR_SERVICE_UNAVAILABLE);
	control_scene_again(&fixture->scene);
	assert_int_equal(status_of(fixture->instance), PEERDIST_STATUS_AVAILABLE);
	assert_int_equal(start_read(fixture, buffer, 16, READ_GIVE, &read),
			 PEERDIST_ERROR_INVALIDATED);
	assert_int_equal(PeerDistClientCancelAsyncOperation(fixture->instance, old, NULL),
			 PEERDIST_ERROR_INVALIDATED);
	fixture->content = open_content(fixture->instance, NULL, 0);
	assert_int_equal(PeerDistClientCloseContent(fixture->instance, old), 0);
	assert_int_equal(do_read(fixture, buffer, 16, READ_GIVE, &read), 0);
	assert_int_equal(control_scene_count(&fixture->scene, COUNT_HANDLES), 1);
}

/* A program that never waited for anything finds out by its calls. */
static void death_is_found_without_the_dispatcher(void **state)
{
	struct fixture *fixture = fixture_of(state);

	assert_int_equal(status_of(fixture->instance), PEERDIST_STATUS_AVAILABLE);
	control_scene_kill(&fixture->scene);
	assert_int_equal(status_of(fixture->instance), PEERDIST_STATUS_UNAVAILABLE);
	control_scene_again(&fixture->scene);
	assert_int_equal(status_of(fixture->instance), PEERDIST_STATUS_AVAILABLE);
	/* And whoever comes back before anybody looked was not away. */
	control_scene_kill(&fixture->scene);
	control_scene_again(&fixture->scene);
	assert_int_equal(status_of(fixture->instance), PEERDIST_STATUS_AVAILABLE);
	control_scene_kill(&fixture->scene);
	control_scene_again(&fixture->scene);
	open_content(fixture->instance, NULL, 0);
}

static void only_who_started_attaches(void **state)
{
	struct fixture *fixture = fixture_of(state);

	control_scene_kill(&fixture->scene);
	assert_int_equal(status_of(fixture->instance), PEERDIST_STATUS_UNAVAILABLE);
	control_scene_again(&fixture->scene);
	setfsuid(12345);
	assert_int_equal(status_of(fixture->instance), PEERDIST_STATUS_UNAVAILABLE);
	assert_int_equal(PeerDistLinuxAttach(fixture->instance), ERROR_ACCESS_DENIED);
	assert_int_equal(control_scene_count(&fixture->scene, COUNT_OPENED), 0);
	setfsuid(0);
	assert_int_equal(status_of(fixture->instance), PEERDIST_STATUS_AVAILABLE);
}

static void what_is_detached_stays_so(void **state)
{
	struct fixture *fixture = fixture_of(state);
	OVERLAPPED read = {0};

	assert_int_equal(start_read(fixture, buffer, 16, READ_HOLD, &read), ERROR_IO_PENDING);
	assert_int_equal(PeerDistLinuxDetach(fixture->instance), 0);
	assert_true(read.Internal == PEERDIST_ERROR_INVALIDATED);
	assert_int_equal(status_of(fixture->instance), PEERDIST_STATUS_UNAVAILABLE);
	control_scene_await(&fixture->scene, COUNT_OPENED, 0);
	assert_int_equal(PeerDistLinuxDetach(fixture->instance), 0);
	assert_int_equal(PeerDistLinuxAttach(fixture->instance), 0);
	assert_int_equal(PeerDistLinuxAttach(fixture->instance), 0);
	assert_int_equal(status_of(fixture->instance), PEERDIST_STATUS_AVAILABLE);
	assert_int_equal(PeerDistClientCloseContent(fixture->instance, fixture->content), 0);
}

static void the_environment_names_the_file(void **state)
{
	struct fixture *fixture = fixture_of(state);
	char path[sizeof(fixture->scene.directory) + 32];
	PEERDIST_STATUS status = 77;
	HANDLE instance;

	PeerDistLinuxSetControlPath(NULL);
	snprintf(path, sizeof(path), "%s/nothing", fixture->scene.directory);
	setenv("PEERDIST_CONTROL", path, 1);
	assert_int_equal(PeerDistStartup(2, &instance, NULL), 0);
	assert_int_equal(PeerDistGetStatus(instance, &status), 0);
	assert_int_equal(status, PEERDIST_STATUS_UNAVAILABLE);
	setenv("PEERDIST_CONTROL", fixture->scene.path, 1);
	assert_int_equal(PeerDistGetStatus(instance, &status), 0);
	assert_int_equal(status, PEERDIST_STATUS_AVAILABLE);
	unsetenv("PEERDIST_CONTROL");
	assert_int_equal(PeerDistShutdown(instance), 0);
}

/* fork() -------------------------------------------------------------------------------------- */

/* Exit status: the line that does not hold, or 0. */
#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition))                                                                  \
			_exit(__LINE__ % 251 + 1);                                                 \
	} while (0)

static void child(const struct fixture *fixture, OVERLAPPED *pending)
{
	PEERDIST_STATUS status = 77;
	HANDLE instance = NULL;
	DWORD bytes;

	CHECK(PeerDistGetStatus(fixture->instance, &status) == ERROR_INVALID_HANDLE);
	CHECK(PeerDistClientCloseContent(fixture->instance, fixture->content) ==
	      ERROR_INVALID_HANDLE);
	CHECK(PeerDistShutdown(fixture->instance) == ERROR_INVALID_HANDLE);
	CHECK(!PeerDistGetOverlappedResult(pending, &bytes, TRUE));
	CHECK(GetLastError() == ERROR_IO_INCOMPLETE);
	CHECK(PeerDistStartup(2, &instance, NULL) == 0);
	CHECK(PeerDistGetStatus(instance, &status) == 0 && status == PEERDIST_STATUS_AVAILABLE);
#ifndef __SANITIZE_THREAD__ /* it allows no threads after the fork of several */
	OVERLAPPED read = {0};
	PEERDIST_CONTENT_TAG tag = {{0}};
	HANDLE content;

	CHECK(PeerDistClientOpenContent(instance, &tag, NULL, 0, &content) == 0);
	CHECK(PeerDistClientBlockRead(instance, content, 100, buffer, READ_GIVE, &read) ==
	      ERROR_IO_PENDING);
	CHECK(PeerDistGetOverlappedResult(&read, &bytes, TRUE) && bytes == 100);
#endif
	CHECK(PeerDistShutdown(instance) == 0);
	_exit(0);
}

/* L15 */
static void a_child_starts_anew(void **state)
{
	struct fixture *fixture = fixture_of(state);
	OVERLAPPED pending = {0}, read = {0};
	int status;
	pid_t pid;

	assert_int_equal(start_read(fixture, buffer, 16, READ_HOLD, &pending), ERROR_IO_PENDING);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		child(fixture, &pending);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_false(HasOverlappedIoCompleted(&pending));
	assert_int_equal(do_read(fixture, buffer, 16, READ_GIVE, &read), 0);
	assert_int_equal(
		PeerDistClientCancelAsyncOperation(fixture->instance, fixture->content, &pending),
		0);
}

/* A child that lives on does not keep the parent's instance. */
static void a_child_holds_no_copy(void **state)
{
	struct fixture *fixture = fixture_of(state);
	int ends[2], status;
	char octet;
	pid_t pid;

	assert_int_equal(pipe(ends), 0);
	pid = fork();
	if (pid == 0) {
		close(ends[1]);
		_exit(read(ends[0], &octet, 1) != 0);
	}
	close(ends[0]);
	assert_int_equal(PeerDistShutdown(fixture->instance), 0);
	fixture->instance = NULL;
	control_scene_await(&fixture->scene, COUNT_OPENED, 0);
	close(ends[1]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* Many ---------------------------------------------------------------------------------------- */

static void a_thousand_instances_at_once(void **state)
{
	struct fixture *fixture = fixture_of(state);
	struct rlimit limit;
	static HANDLE instances[1000], contents[1000];
	static OVERLAPPED overlapped[1000];

	getrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_max < 1100)
		skip();
	limit.rlim_cur = limit.rlim_max < 4096 ? limit.rlim_max : 4096;
	setrlimit(RLIMIT_NOFILE, &limit);
	memset(overlapped, 0, sizeof(overlapped));
	for (int i = 0; i < 1000; i++) {
		assert_int_equal(PeerDistStartup(2, &instances[i], NULL), 0);
		contents[i] = open_content(instances[i], NULL, 0);
		assert_int_equal(
			PeerDistClientBlockRead(instances[i], contents[i], 16, buffer + 16 * i,
						i % 2 ? READ_GIVE : READ_HOLD, &overlapped[i]),
			ERROR_IO_PENDING);
	}
	assert_int_equal(control_scene_count(&fixture->scene, COUNT_OPENED), 1001);
	for (int i = 0; i < 1000; i++) {
		if (i % 2)
			assert_int_equal(result_of(&overlapped[i], NULL), 0);
		assert_int_equal(PeerDistShutdown(instances[i]), 0);
		if (i % 2 == 0)
			assert_true(overlapped[i].Internal == ERROR_OPERATION_ABORTED);
	}
	control_scene_await(&fixture->scene, COUNT_OPENED, 1);
}

struct worker {
	struct fixture *fixture;
	unsigned seed;
	unsigned wrong;
};

static bool work_once(struct worker *worker, HANDLE content, OVERLAPPED *overlapped,
		      uint8_t *octets)
{
	HANDLE instance = worker->fixture->instance;
	DWORD status, bytes;

	switch (rand_r(&worker->seed) % 5) {
	case 0:
		status = PeerDistClientBlockRead(instance, content, 3000, octets, READ_GIVE,
						 overlapped);
		return status == ERROR_IO_PENDING && result_of(overlapped, &bytes) == 0 &&
		       bytes == 3000 && octets[2999] == control_scene_octet(2999);
	case 1:
		status = PeerDistClientBlockRead(instance, content, 3000, octets, READ_HOLD,
						 overlapped);
		return status == ERROR_IO_PENDING &&
		       PeerDistClientCancelAsyncOperation(instance, content, overlapped) == 0 &&
		       overlapped->Internal == ERROR_OPERATION_ABORTED;
	case 2:
		control_scene_fill(octets, 0, 40000);
		status = PeerDistClientAddData(instance, content, 40000, octets, overlapped);
		return status == ERROR_IO_PENDING && result_of(overlapped, NULL) == 0;
	case 3:
		status = PeerDistClientCompleteContentInformation(instance, content, overlapped);
		return status == ERROR_IO_PENDING && result_of(overlapped, NULL) == 0;
	default:
		return status_of(instance) == PEERDIST_STATUS_AVAILABLE;
	}
}

static void *work(void *context)
{
	struct worker *worker = context;
	HANDLE instance = worker->fixture->instance, content = NULL;
	uint8_t *octets = malloc(40000);
	PEERDIST_CONTENT_TAG tag = {{0}};

	for (int i = 0; i < 300; i++) {
		OVERLAPPED overlapped = {0};

		if (!content && PeerDistClientOpenContent(instance, &tag, NULL, 0, &content) != 0)
			worker->wrong++;
		if (!work_once(worker, content, &overlapped, octets))
			worker->wrong++;
		if (i % 10 == 9) {
			if (PeerDistClientCloseContent(instance, content) != 0)
				worker->wrong++;
			content = NULL;
		}
	}
	free(octets);
	return NULL;
}

static void many_threads_use_one_instance(void **state)
{
	struct fixture *fixture = fixture_of(state);
	struct worker workers[8];
	pthread_t threads[8];

	for (unsigned i = 0; i < 8; i++) {
		workers[i] = (struct worker){.fixture = fixture, .seed = i};
		assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
	}
	for (int i = 0; i < 8; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(workers[i].wrong, 0);
	}
	control_scene_await(&fixture->scene, COUNT_OPERATIONS, 0);
	assert_int_equal(control_scene_count(&fixture->scene, COUNT_HANDLES), 1);
}

/* Threads that submit while the instance is shut down, or its daemon dies: every operation that was
 * accepted ends, exactly one way. */
struct submitter {
	HANDLE instance, content;
	atomic_uint accepted;
	DWORD refused;
	OVERLAPPED overlapped[500];
};

static void *submit_many(void *context)
{
	struct submitter *submitter = context;

	for (unsigned i = 0; i < 500 && !submitter->refused; i++) {
		DWORD status =
			PeerDistClientBlockRead(submitter->instance, submitter->content, 1, buffer,
						READ_HOLD, &submitter->overlapped[i]);

		if (status == ERROR_IO_PENDING)
			atomic_fetch_add(&submitter->accepted, 1);
		else
			submitter->refused = status;
	}
	return NULL;
}

static void submit_while(struct fixture *fixture, void (*happen)(struct fixture *fixture),
			 DWORD expected)
{
	struct submitter *submitter = calloc(1, sizeof(*submitter));
	pthread_t thread;

	submitter->instance = fixture->instance;
	submitter->content = fixture->content;
	assert_int_equal(pthread_create(&thread, NULL, submit_many, submitter), 0);
	while (atomic_load(&submitter->accepted) < 20)
		sched_yield();
	happen(fixture);
	pthread_join(thread, NULL);
	for (unsigned i = 0; i < atomic_load(&submitter->accepted); i++)
		assert_int_equal(result_of(&submitter->overlapped[i], NULL), expected);
	free(submitter);
}

static void shut_down(struct fixture *fixture)
{
	assert_int_equal(PeerDistShutdown(fixture->instance), 0);
	fixture->instance = NULL;
}

static void shutting_down_among_submissions(void **state)
{
	submit_while(fixture_of(state), shut_down, ERROR_OPERATION_ABORTED);
}

static void die(struct fixture *fixture)
{
	control_scene_kill(&fixture->scene);
}

static void dying_among_submissions(void **state)
{
	submit_while(fixture_of(state), die, PEERDIST_ERROR_INVALIDATED);
}

static void close_content(struct fixture *fixture)
{
	assert_int_equal(PeerDistClientCloseContent(fixture->instance, fixture->content), 0);
}

static void closing_among_submissions(void **state)
{
	submit_while(fixture_of(state), close_content, ERROR_OPERATION_ABORTED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE_TEST(shutdown_ends_all_that_is_pending),
		FIXTURE_TEST(the_dispatcher_lives_as_long_as_instances),
		FIXTURE_TEST(objects_belong_to_their_instance),
		FIXTURE_TEST(the_daemon_dies_and_another_comes),
		FIXTURE_TEST(death_is_found_without_the_dispatcher),
		FIXTURE_TEST(only_who_started_attaches),
		FIXTURE_TEST(what_is_detached_stays_so),
		FIXTURE_TEST(the_environment_names_the_file),
		FIXTURE_TEST(a_child_starts_anew),
		FIXTURE_TEST(a_child_holds_no_copy),
		FIXTURE_TEST(a_thousand_instances_at_once),
		FIXTURE_TEST(many_threads_use_one_instance),
		FIXTURE_TEST(shutting_down_among_submissions),
		FIXTURE_TEST(dying_among_submissions),
		FIXTURE_TEST(closing_among_submissions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
