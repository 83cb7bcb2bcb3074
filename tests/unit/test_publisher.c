/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Publishing, by messages (peerdist-api-cases.md, rows C). Rows that are named in a comment are
 * checked here as far as the library has no part in them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/unit/publisher_scene.h"

#include <cmocka.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fs/service/publication.h"

#define F_SIZE 200000u

static struct scene scene;
static struct scene_program *program;
static uint8_t *content;

static int setup(void **state)
{
	(void)state;
	service_scene_begin(&scene, NULL);
	program = scene.program;
	content = publisher_content(F_SIZE, 1);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	service_scene_end(&scene);
	free(content);
	return 0;
}

/* ---- C ---- */

static void test_published_in_one_piece(void **state) /* C01 */
{
	uint64_t handle = publisher_stream(program, "id", 0);
	struct pdc_completion completion;

	(void)state;
	completion = publisher_add_all(program, handle, content, F_SIZE);
	assert_int_equal(completion.status, ERROR_SUCCESS);
	assert_int_equal(completion.bytes, F_SIZE);
	assert_int_equal(publisher_complete(program, handle), ERROR_SUCCESS);
	assert_int_equal(publisher_close_stream(program, handle), ERROR_SUCCESS);
	publisher_assert_published(program, "id", content, F_SIZE);
}

static void test_published_in_pieces(void **state) /* C02 */
{
	static const uint32_t sizes[] = {1, 7, 65536, F_SIZE - 65544};
	uint64_t handle = publisher_stream(program, "id", 0);
	uint32_t at = 0;

	(void)state;
	for (unsigned i = 0; i < 4; at += sizes[i++])
		assert_int_equal(publisher_add_status(program, handle, content + at, sizes[i]),
				 ERROR_SUCCESS);
	assert_int_equal(publisher_complete(program, handle), ERROR_SUCCESS);
	publisher_assert_published(program, "id", content, F_SIZE);
}

static void test_declared_length_met(void **state) /* C03 */
{
	uint64_t handle = publisher_stream(program, "id", F_SIZE);

	(void)state;
	assert_int_equal(publisher_add_status(program, handle, content, F_SIZE), ERROR_SUCCESS);
	assert_int_equal(publisher_complete(program, handle), ERROR_SUCCESS);
	publisher_assert_published(program, "id", content, F_SIZE);
}

static void test_less_than_declared(void **state) /* C04 */
{
	uint64_t handle = publisher_stream(program, "id", F_SIZE);

	(void)state;
	assert_int_equal(publisher_add_status(program, handle, content, F_SIZE - 1), ERROR_SUCCESS);
	assert_int_equal(publisher_complete(program, handle), ERROR_INVALID_PARAMETER);
	assert_int_equal(publisher_try_complete(program, handle), PEERDIST_ERROR_INVALIDATED);
	assert_int_equal(publisher_try_add(program, handle), PEERDIST_ERROR_INVALIDATED);
	assert_int_equal(publisher_open_status(program, "id"), ERROR_NOT_FOUND);
	/* Taken until it is closed (5.2). */
	assert_int_equal(publisher_publish_status(program, "id"), PEERDIST_ERROR_ALREADY_EXISTS);
	assert_int_equal(publisher_close_stream(program, handle), ERROR_SUCCESS);
	assert_int_equal(publisher_publish_status(program, "id"), ERROR_SUCCESS);
}

static void test_more_than_declared(void **state) /* C05 */
{
	uint64_t handle = publisher_stream(program, "id", F_SIZE - 1);

	(void)state;
	assert_int_equal(publisher_add_status(program, handle, content, F_SIZE),
			 PEERDIST_ERROR_OUT_OF_BOUNDS);
	assert_int_equal(publisher_try_add(program, handle), PEERDIST_ERROR_INVALIDATED);
	assert_int_equal(publisher_unpublish(program, "id"), ERROR_SUCCESS);
	assert_int_equal(publisher_close_stream(program, handle), ERROR_SUCCESS);
}

static uint32_t publish_with(uint32_t id_length, uint32_t version, uint32_t flags)
{
	union {
		struct pdc_publish publish;
		uint8_t room[sizeof(struct pdc_publish) + PDC_ID_MAX + 1];
	} message = {{.opt_version = version, .opt_flags = flags, .id_len = id_length}};

	return service_scene_call(program, OPERATION_publish_stream, &message, sizeof message);
}

static void test_arguments_of_publishing(void **state) /* C06, C07, C08 */
{
	(void)state;
	assert_int_equal(publish_with(1, 1, 0), ERROR_SUCCESS);
	assert_int_equal(publish_with(2, 2, 0), ERROR_SUCCESS);
	assert_int_equal(publish_with(3, 3, 0), ERROR_INVALID_PARAMETER);
	assert_int_equal(publish_with(3, 2, 1), ERROR_INVALID_PARAMETER);
	assert_int_equal(publish_with(0, 0, 0), ERROR_INVALID_PARAMETER);
	assert_int_equal(publish_with(PDC_ID_MAX, 0, 0), ERROR_SUCCESS);
	assert_int_equal(publish_with(PDC_ID_MAX + 1, 0, 0), ERROR_INVALID_PARAMETER);
}

static void test_identifier_taken(void **state) /* C10, C11 */
{
	struct scene_program *other = service_scene_start(&scene, 1000);
	uint64_t handle = publisher_stream(program, "id", 0), second;

	(void)state;
	assert_int_equal(publisher_publish_status(program, "id"), PEERDIST_ERROR_ALREADY_EXISTS);
	assert_int_equal(publisher_open(other, "id", 0, 0, &second), PEERDIST_ERROR_ALREADY_EXISTS);
	assert_int_equal(publisher_add_status(program, handle, content, 1), ERROR_SUCCESS);
	assert_int_equal(publisher_complete(program, handle), ERROR_SUCCESS);
	assert_int_equal(publisher_publish_status(program, "id"), PEERDIST_ERROR_ALREADY_EXISTS);
	assert_int_equal(publisher_open(other, "id", 0, 0, &second), PEERDIST_ERROR_ALREADY_EXISTS);
	service_scene_close(other);
}

static void test_arguments_of_adding(void **state) /* C12, C13 */
{
	struct pdc_input message = {.hdr = {.op = 1, .handle = publisher_stream(program, "id", 0)},
				    .offset = 1,
				    .length = 5};

	(void)state;
	assert_int_equal(
		service_scene_call(program, OPERATION_add_to_stream, &message, sizeof message),
		ERROR_INVALID_PARAMETER);
	message.hdr.status = 0;
	message.offset = 1ull << 32;
	assert_int_equal(
		service_scene_call(program, OPERATION_add_to_stream, &message, sizeof message),
		ERROR_INVALID_PARAMETER);
	message.hdr.status = 0;
	message.offset = message.length = 0;
	assert_int_equal(
		service_scene_call(program, OPERATION_add_to_stream, &message, sizeof message),
		ERROR_INVALID_PARAMETER);
	service_scene_expect_nothing(program);
}

static void test_adds_in_order(void **state) /* C15 */
{
	uint64_t handle = publisher_stream(program, "id", 0);
	uint32_t status, half = F_SIZE / 2, first, second;

	(void)state;
	first = publisher_add(program, handle, content, half, 1000, &status);
	assert_int_equal(status, ERROR_IO_PENDING);
	second = publisher_add(program, handle, content + half, half, 1000, &status);
	assert_int_equal(status, ERROR_IO_PENDING);
	assert_int_equal(service_scene_reap(program).op, first);
	assert_int_equal(service_scene_reap(program).op, second);
	assert_int_equal(publisher_complete(program, handle), ERROR_SUCCESS);
	publisher_assert_published(program, "id", content, F_SIZE);
}

static void test_after_completing(void **state) /* C16 */
{
	uint64_t handle = publisher_stream(program, "id", 0);

	(void)state;
	publisher_add_all(program, handle, content, 5);
	assert_int_equal(publisher_complete(program, handle), ERROR_SUCCESS);
	assert_int_equal(publisher_try_add(program, handle), PEERDIST_ERROR_ALREADY_COMPLETED);
	assert_int_equal(publisher_try_complete(program, handle), PEERDIST_ERROR_ALREADY_COMPLETED);
	service_scene_expect_nothing(program);
}

static void test_nothing_published(void **state) /* C17 */
{
	uint64_t handle = publisher_stream(program, "id", 0);

	(void)state;
	assert_int_equal(publisher_complete(program, handle), ERROR_INVALID_PARAMETER);
	assert_int_equal(publisher_try_add(program, handle), PEERDIST_ERROR_INVALIDATED);
}

static void test_completed_after_queued_adds(void **state) /* C19 */
{
	uint64_t handle = publisher_stream(program, "id", 0);
	struct pdc_input message = {.hdr = {.op = service_scene_number(program), .handle = handle},
				    .length = F_SIZE};
	uint32_t adding = message.hdr.op, completing = service_scene_number(program);

	(void)state;
	assert_int_equal(
		service_scene_call(program, OPERATION_add_to_stream, &message, sizeof message),
		ERROR_IO_PENDING);
	assert_int_equal(
		service_scene_simple(program, OPERATION_complete_stream, handle, completing),
		ERROR_IO_PENDING);
	assert_int_equal(publisher_try_add(program, handle), PEERDIST_ERROR_ALREADY_COMPLETED);
	service_scene_expect_nothing(program);
	assert_int_equal(service_scene_feed(program, adding, content, F_SIZE, 4096), 0);
	assert_int_equal(service_scene_reap(program).op, adding);
	assert_int_equal(service_scene_reap(program).op, completing);
	publisher_assert_published(program, "id", content, F_SIZE);
}

static void test_closed_before_completing(void **state) /* C20, C21 */
{
	uint64_t handle = publisher_stream(program, "id", 0);
	struct pdc_completion completion;

	(void)state;
	assert_int_equal(publisher_try_add(program, handle), ERROR_IO_PENDING);
	assert_int_equal(publisher_close_stream(program, handle), ERROR_SUCCESS);
	completion = service_scene_reap(program);
	assert_int_equal(completion.status, ERROR_OPERATION_ABORTED);
	assert_int_equal(publisher_close_stream(program, handle), ERROR_INVALID_HANDLE); /* C23 */
	assert_int_equal(publisher_publish_status(program, "id"), ERROR_SUCCESS);
}

static void test_unpublished(void **state) /* C24, C25 */
{
	(void)state;
	publisher_publish(program, "id", content, F_SIZE, 0);
	assert_int_equal(publisher_unpublish(program, "other"), ERROR_NOT_FOUND);
	assert_int_equal(publisher_unpublish(program, "i"), ERROR_NOT_FOUND);
	assert_int_equal(publisher_unpublish(program, "id"), ERROR_SUCCESS);
	assert_int_equal(publisher_open_status(program, "id"), ERROR_NOT_FOUND);
	assert_int_equal(publisher_unpublish(program, "id"), ERROR_NOT_FOUND);
	assert_int_equal(publisher_publish_status(program, "id"), ERROR_SUCCESS);
	assert_int_equal(publisher_unpublish(program, ""), ERROR_INVALID_PARAMETER); /* C26 */
}

static void test_information_of_what_was_unpublished(void **state) /* C27, C29 */
{
	struct scene_program *other = service_scene_start(&scene, 1000);
	uint64_t handle;

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		publisher_publish(program, "id", content, F_SIZE, 0);
		assert_int_equal(publisher_information(program, "id", 0, 0, 0, 0, &handle),
				 ERROR_SUCCESS);
		assert_int_equal(publisher_unpublish(i == 0 ? program : other, "id"),
				 ERROR_SUCCESS);
		assert_int_equal(publisher_try_retrieve(program, handle, 10),
				 PEERDIST_ERROR_INVALIDATED);
		assert_int_equal(publisher_close_information(program, handle), ERROR_SUCCESS);
	}
	service_scene_expect_nothing(program);
	service_scene_close(other);
}

static void test_unpublished_while_adding(void **state) /* C28 */
{
	uint64_t handle = publisher_stream(program, "id", 0);

	(void)state;
	assert_int_equal(publisher_try_add(program, handle), ERROR_IO_PENDING);
	assert_int_equal(publisher_unpublish(program, "id"), ERROR_SUCCESS);
	assert_int_equal(service_scene_reap(program).status, ERROR_OPERATION_ABORTED);
	assert_int_equal(publisher_try_add(program, handle), PEERDIST_ERROR_INVALIDATED);
	assert_int_equal(publisher_try_complete(program, handle), PEERDIST_ERROR_INVALIDATED);
	assert_int_equal(publisher_publish_status(program, "id"), ERROR_SUCCESS);
	assert_int_equal(publisher_close_stream(program, handle), ERROR_SUCCESS);
}

static void test_unpublished_by_another_while_adding(void **state)
{
	struct scene_program *other = service_scene_start(&scene, 1000);
	uint64_t handle = publisher_stream(program, "id", 0);

	(void)state;
	assert_int_equal(publisher_try_add(program, handle), ERROR_IO_PENDING);
	assert_int_equal(publisher_unpublish(other, "id"), ERROR_SUCCESS);
	assert_int_equal(service_scene_reap(program).status, PEERDIST_ERROR_INVALIDATED);
	assert_int_equal(publisher_close_stream(program, handle), ERROR_SUCCESS);
	service_scene_close(other);
}

/* ---- cancelling (4.6, 7.10) ---- */

static void test_cancelled_add(void **state)
{
	uint64_t handle = publisher_stream(program, "id", 0),
		 second = publisher_stream(program, "id2", 0);
	uint32_t number;

	(void)state;
	assert_int_equal(publisher_try_add(program, handle), ERROR_IO_PENDING);
	number = program->number;
	assert_int_equal(publisher_cancel(program, "id", 0), ERROR_INVALID_PARAMETER);
	assert_int_equal(publisher_cancel(program, "", number), ERROR_INVALID_PARAMETER);
	assert_int_equal(publisher_cancel(program, "id2", number),
			 PEERDIST_ERROR_OPERATION_NOTFOUND);
	assert_int_equal(publisher_cancel(program, "id", number + 1),
			 PEERDIST_ERROR_OPERATION_NOTFOUND);
	service_scene_expect_nothing(program);
	assert_int_equal(publisher_cancel(program, "id", number), ERROR_SUCCESS);
	assert_int_equal(service_scene_reap(program).status, ERROR_OPERATION_ABORTED);
	assert_int_equal(publisher_cancel(program, "id", number),
			 PEERDIST_ERROR_OPERATION_NOTFOUND);
	/* Nobody knows what it has. */
	assert_int_equal(publisher_try_add(program, handle), PEERDIST_ERROR_INVALIDATED);
	assert_int_equal(publisher_try_complete(program, handle), PEERDIST_ERROR_INVALIDATED);
	assert_int_equal(publisher_try_add(program, second), ERROR_IO_PENDING);
}

static void test_cancelled_before_the_completion_began(void **state)
{
	uint64_t handle = publisher_stream(program, "id", 0);
	struct pdc_input message = {.hdr = {.op = service_scene_number(program), .handle = handle},
				    .length = F_SIZE};
	uint32_t adding = message.hdr.op, completing = service_scene_number(program);

	(void)state;
	assert_int_equal(
		service_scene_call(program, OPERATION_add_to_stream, &message, sizeof message),
		ERROR_IO_PENDING);
	assert_int_equal(
		service_scene_simple(program, OPERATION_complete_stream, handle, completing),
		ERROR_IO_PENDING);
	assert_int_equal(publisher_cancel(program, "id", completing), ERROR_SUCCESS);
	assert_int_equal(service_scene_reap(program).status, ERROR_OPERATION_ABORTED);
	assert_int_equal(service_scene_feed(program, adding, content, F_SIZE, 65536), 0);
	assert_int_equal(service_scene_reap(program).status, ERROR_SUCCESS);
	assert_int_equal(publisher_complete(program, handle), ERROR_SUCCESS);
	publisher_assert_published(program, "id", content, F_SIZE);
}

static void test_cancelled_add_takes_those_behind_it(void **state)
{
	uint64_t handle = publisher_stream(program, "id", 0);
	uint32_t first, second;

	(void)state;
	assert_int_equal(publisher_try_add(program, handle), ERROR_IO_PENDING);
	first = program->number;
	assert_int_equal(publisher_try_complete(program, handle), ERROR_IO_PENDING);
	second = program->number;
	assert_int_equal(publisher_cancel(program, "id", first), ERROR_SUCCESS);
	assert_int_equal(service_scene_reap(program).op, first);
	struct pdc_completion completion = service_scene_reap(program);
	assert_int_equal(completion.op, second);
	assert_int_equal(completion.status, PEERDIST_ERROR_INVALIDATED);
	assert_int_equal(publisher_open_status(program, "id"), ERROR_NOT_FOUND);
}

/* ---- the administrator ---- */

static char *listed(bool all, uid_t uid)
{
	char *text;
	size_t size;
	FILE *file = open_memstream(&text, &size);

	assert_non_null(file);
	assert_int_equal(service_list_publications(scene.service, all, uid, file), 0);
	fclose(file);
	return text;
}

static void assert_listed(bool all, uid_t uid, const char *expected)
{
	char *text = listed(all, uid);

	assert_string_equal(text, expected);
	free(text);
}

static void test_listed_and_unpublished_by_the_administrator(void **state)
{
	struct scene_program *other = service_scene_start(&scene, 1001);
	uint64_t handle;

	(void)state;
	publisher_publish(program, "a\xff", content, F_SIZE, 0);
	publisher_stream(program, "b", 77);
	assert_listed(true, 0,
		      "1000 62 length 77 versions -\n1000 61ff length 200000 versions 1,2\n");
	assert_listed(false, 1000,
		      "1000 62 length 77 versions -\n1000 61ff length 200000 versions 1,2\n");
	assert_listed(false, 1001, "");
	service_set_versions(scene.service, 2);
	assert_int_equal(service_unpublish(scene.service, 1000, "b", 1), 0);
	assert_listed(true, 0, "1000 61ff length 200000 versions 2\n");
	assert_int_equal(service_unpublish(scene.service, 1001, "a\xff", 2), -2);
	assert_int_equal(publisher_information(program, "a\xff", 0, 0, 0, 0, &handle),
			 ERROR_SUCCESS);
	assert_int_equal(service_unpublish(scene.service, 1000, "a\xff", 2), 0);
	assert_int_equal(publisher_try_retrieve(program, handle, 5), PEERDIST_ERROR_INVALIDATED);
	assert_listed(true, 0, "");
	service_scene_close(other);
}

static void test_limit_of_publications(void **state)
{
	uint64_t handle;
	char id[16];

	(void)state;
	for (unsigned i = 0; i < PDC_HANDLES_MAX; i++) {
		snprintf(id, sizeof id, "%u", i);
		assert_int_equal(publisher_open(program, id, 0, 0, &handle), ERROR_SUCCESS);
	}
	assert_int_equal(publisher_open(program, "one more", 0, 0, &handle),
			 ERROR_NO_SYSTEM_RESOURCES);
	/* What could not be opened is not taken. */
	assert_int_equal(publisher_close_stream(program, handle), ERROR_INVALID_HANDLE);
	assert_int_equal(publisher_unpublish(program, "one more"), ERROR_NOT_FOUND);
	assert_int_equal(publisher_unpublish(program, "0"), ERROR_SUCCESS);
}

static void test_limit_of_a_user(void **state)
{
	atomic_uint *publications = &program->instance->user->publications;

	(void)state;
	atomic_fetch_add(publications, USER_PUBLICATIONS_MAX - 1);
	publisher_publish(program, "last", content, F_SIZE, 0);
	assert_int_equal(publisher_publish_status(program, "more"), ERROR_NO_SYSTEM_RESOURCES);
	assert_int_equal(publisher_publish_status(program, "last"), PEERDIST_ERROR_ALREADY_EXISTS);
	assert_int_equal(publisher_unpublish(program, "last"), ERROR_SUCCESS);
	assert_int_equal(publisher_publish_status(program, "more"), ERROR_SUCCESS);
	atomic_fetch_sub(publications, USER_PUBLICATIONS_MAX - 1);
}

static unsigned count_lines(const char *text)
{
	unsigned lines = 0;

	for (; *text != '\0'; text++)
		lines += *text == '\n';
	return lines;
}

static void publish_long(struct scene_program *from, unsigned count)
{
	uint8_t message[sizeof(struct pdc_publish) + PDC_ID_MAX];
	struct pdc_publish *publish = (struct pdc_publish *)message;

	for (unsigned i = 0; i < count; i++) {
		memset(message, 0xa5, sizeof message);
		*publish = (struct pdc_publish){.id_len = PDC_ID_MAX};
		memcpy(publish->id, &i, sizeof i);
		assert_int_equal(
			service_scene_call(from, OPERATION_publish_stream, message, sizeof message),
			ERROR_SUCCESS);
	}
}

static void test_list_is_bounded(void **state)
{
	enum { COUNT = 1000, LIMIT = 16 << 20 };
	struct scene_program *other = service_scene_start(&scene, 1001);
	char *text, *remark;
	unsigned shown, left;
	int end = 0;

	(void)state;
	publish_long(program, COUNT);
	publish_long(other, COUNT);
	text = listed(false, 1001);
	assert_int_equal(count_lines(text), COUNT);
	assert_null(strchr(text, '#'));
	free(text);
	text = listed(true, 0);
	assert_in_range(strlen(text), LIMIT - (1 << 20), LIMIT);
	remark = strchr(text, '#');
	assert_non_null(remark);
	shown = count_lines(text) - 1;
	assert_int_equal(sscanf(remark, "# %u more are not shown\n%n", &left, &end), 1);
	assert_int_equal(end, strlen(remark));
	assert_int_equal(shown + left, 2 * COUNT);
	free(text);
	service_scene_close(other);
}

static unsigned made_by(const struct scene_program *by)
{
	const struct publication *publication;
	unsigned count = 0;

	LIST_FOREACH (publication, &by->instance->publications, in_maker)
		count++;
	return count;
}

/* Those of one instance are found without looking at those of others. */
static void test_publications_are_listed_by_maker(void **state)
{
	struct scene_program *other = service_scene_start(&scene, 1000);

	(void)state;
	publisher_publish(program, "a", content, F_SIZE, 0);
	publisher_publish(program, "b", content, F_SIZE, 0);
	publisher_publish(other, "c", content, F_SIZE, 0);
	assert_int_equal(made_by(program), 2);
	assert_int_equal(made_by(other), 1);
	assert_int_equal(publisher_unpublish(other, "a"), ERROR_SUCCESS);
	assert_int_equal(made_by(program), 1);
	service_scene_close(other);
	assert_listed(true, 0, "1000 62 length 200000 versions 1,2\n");
	assert_int_equal(service_scene_simple(program, OPERATION_shutdown, 0, 0), ERROR_SUCCESS);
	assert_int_equal(made_by(program), 0);
	assert_listed(true, 0, "");
}

static void wait_nothing_hashed(const atomic_ullong *hashing)
{
	for (unsigned waited = 0; atomic_load(hashing) > 0; waited++) {
		assert_true(waited < 10000);
		nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
	}
}

/* What is only announced holds nothing. */
static void test_announced_octets_do_not_count(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 600; i++) {
		struct pdc_input message = {.hdr = {.op = service_scene_number(program)},
					    .length = 1u << 30};
		char id[16];

		snprintf(id, sizeof id, "%u", i);
		message.hdr.handle = publisher_stream(program, id, 0);
		assert_int_equal(service_scene_call(program, OPERATION_add_to_stream, &message,
						    sizeof message),
				 ERROR_IO_PENDING);
	}
	assert_int_equal(atomic_load(&program->instance->user->hashing), 0);
}

/* By the process, in octets; ASan's allocator does not say. */
static size_t allocated(void)
{
	struct mallinfo2 info = mallinfo2();

	return info.uordblks + info.hblkhd;
}

/* An instance may have as many large streams as it may have handles. */
static void test_large_streams_hold_little(void **state)
{
	enum { STREAMS = 200, LARGE = 700000 };
	uint8_t *large = publisher_content(LARGE, 2);
	uint64_t handles[STREAMS];
	size_t before = allocated();
	char id[16];

	(void)state;
	for (unsigned i = 0; i < STREAMS; i++) {
		snprintf(id, sizeof id, "%u", i);
		handles[i] = publisher_stream(program, id, 0);
		for (unsigned part = 0; part < 2; part++)
			assert_int_equal(publisher_add_status(program, handles[i],
							      large + part * LARGE / 2, LARGE / 2),
					 ERROR_SUCCESS);
	}
	assert_in_range(atomic_load(&program->instance->user->hashing), STREAMS,
			STREAMS * 200000ull);
	/* Buffers would be four times as much. */
	assert_true(allocated() - before < STREAMS * 400000ull);
	assert_int_equal(publisher_complete(program, handles[7]), ERROR_SUCCESS);
	publisher_assert_published(program, "7", large, LARGE);
	free(large);
}

/* Whoever comes when the user's streams hold too much waits until others have ended. */
static void test_streams_wait_their_turn(void **state)
{
	atomic_ullong *hashing = &program->instance->user->hashing;
	uint64_t handle = publisher_stream(program, "id", 0);
	uint32_t status;

	(void)state;
	atomic_fetch_add(hashing, 1u << 30);
	publisher_add(program, handle, content, F_SIZE, F_SIZE, &status);
	assert_int_equal(status, ERROR_IO_PENDING);
	assert_int_equal(publisher_try_complete(program, handle), ERROR_IO_PENDING);
	for (unsigned i = 0; i < 5; i++) {
		service_tick(scene.service, INT64_MAX);
		nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
	}
	service_scene_expect_nothing(program);
	atomic_fetch_sub(hashing, 1u << 30);
	assert_int_equal(service_scene_reap(program).status, ERROR_SUCCESS);
	assert_int_equal(service_scene_reap(program).status, ERROR_SUCCESS);
	publisher_assert_published(program, "id", content, F_SIZE);
	wait_nothing_hashed(hashing);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_published_in_one_piece),
		CASE(test_published_in_pieces),
		CASE(test_declared_length_met),
		CASE(test_less_than_declared),
		CASE(test_more_than_declared),
		CASE(test_arguments_of_publishing),
		CASE(test_identifier_taken),
		CASE(test_arguments_of_adding),
		CASE(test_adds_in_order),
		CASE(test_after_completing),
		CASE(test_nothing_published),
		CASE(test_completed_after_queued_adds),
		CASE(test_closed_before_completing),
		CASE(test_unpublished),
		CASE(test_information_of_what_was_unpublished),
		CASE(test_unpublished_while_adding),
		CASE(test_unpublished_by_another_while_adding),
		CASE(test_cancelled_add),
		CASE(test_cancelled_before_the_completion_began),
		CASE(test_cancelled_add_takes_those_behind_it),
		CASE(test_listed_and_unpublished_by_the_administrator),
		CASE(test_limit_of_publications),
		CASE(test_limit_of_a_user),
		CASE(test_list_is_bounded),
		CASE(test_publications_are_listed_by_maker),
		CASE(test_announced_octets_do_not_count),
		CASE(test_large_streams_hold_little),
		CASE(test_streams_wait_their_turn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
