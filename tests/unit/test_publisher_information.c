/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Handing out content information, to whom and how long, by messages (peerdist-api-cases.md, rows
 * D, J, K). Rows that are named in a comment are checked here as far as the library has no part in
 * them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/unit/publisher_scene.h"

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

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

/* ---- D ---- */

static void test_retrieved_by_octets(void **state) /* D01, D02, D03 */
{
	struct publisher_octets found, expected;
	struct pdc_completion completion;
	uint64_t handle;
	void *data;

	(void)state;
	publisher_publish(program, "id", content, F_SIZE, 0);
	expected = publisher_expect(&scene, content, F_SIZE, 1, 0, F_SIZE);
	assert_int_equal(publisher_information(program, "id", 0, 0, 0, 0, &handle), ERROR_SUCCESS);
	found = publisher_read(program, handle, 1);
	publisher_assert_same(&found, &expected);
	completion = publisher_next(program, handle, 5, &data);
	assert_int_equal(completion.status, PEERDIST_ERROR_NO_MORE);
	assert_int_equal(publisher_close_information(program, handle), ERROR_SUCCESS);
	assert_int_equal(publisher_close_information(program, handle),
			 ERROR_INVALID_HANDLE); /* D23 */
	free(found.octets);
	free(expected.octets);
}

static void test_fields_that_are_not_used(void **state)
{
	struct pdc_read message = {.hdr = {.op = 1}, .offset = 1, .max_bytes = 5};
	uint64_t handle;

	(void)state;
	publisher_publish(program, "id", content, F_SIZE, 0);
	assert_int_equal(publisher_information(program, "id", 0, 0, 0, 0, &handle), ERROR_SUCCESS);
	message.hdr.handle = handle;
	assert_int_equal(service_scene_call(program, OPERATION_retrieve_information, &message,
					    sizeof message),
			 ERROR_INVALID_PARAMETER);
	message.hdr.status = 0;
	message.offset = 0;
	message.timeout_ms = 1;
	assert_int_equal(service_scene_call(program, OPERATION_retrieve_information, &message,
					    sizeof message),
			 ERROR_INVALID_PARAMETER);
	service_scene_expect_nothing(program);
}

static void test_not_found(void **state) /* D06, D07 */
{
	uint64_t handle;

	(void)state;
	assert_int_equal(publisher_open_status(program, "id"), ERROR_NOT_FOUND);
	handle = publisher_stream(program, "id", 0);
	publisher_add_all(program, handle, content, 5);
	assert_int_equal(publisher_open_status(program, "id"), ERROR_NOT_FOUND);
}

static uint32_t range_status(uint64_t start, uint64_t length)
{
	uint64_t handle;

	return publisher_information(program, "id", start, length, 1, 2, &handle);
}

static void test_ranges_refused(void **state) /* D05, D09, D10, D12 */
{
	uint64_t handle;

	(void)state;
	publisher_publish(program, "id", content, F_SIZE, 0);
	assert_int_equal(range_status(100, 0), ERROR_INVALID_PARAMETER);
	assert_int_equal(range_status(F_SIZE, 1), PEERDIST_ERROR_OUT_OF_BOUNDS);
	assert_int_equal(range_status(300000, 5), PEERDIST_ERROR_OUT_OF_BOUNDS);
	assert_int_equal(range_status(UINT64_MAX, 2), ERROR_INVALID_PARAMETER);
	assert_int_equal(publisher_information(program, "id", 0, 0, 0, 0, &handle), ERROR_SUCCESS);
	assert_int_equal(publisher_try_retrieve(program, handle, 0), ERROR_INVALID_PARAMETER);
}

static void test_ranges(void **state) /* D08, D11, D13 */
{
	static const struct {
		uint64_t start, length, real;
	} ranges[] = {
		{65536, 65536, 65536},   {199990, 1000, 10}, {0, F_SIZE, F_SIZE}, {0, 1, 1},
		{1, F_SIZE, F_SIZE - 1}, {65535, 2, 2},      {100, 5000, 5000},
	};

	(void)state;
	publisher_publish(program, "id", content, F_SIZE, 0);
	for (unsigned i = 0; i < sizeof ranges / sizeof *ranges; i++)
		for (unsigned version = 1; version <= 2; version++) {
			struct publisher_octets found = publisher_information_of(
				program, "id", ranges[i].start, ranges[i].length, version);
			struct publisher_octets expected = publisher_expect(
				&scene, content, F_SIZE, version, ranges[i].start, ranges[i].real);

			publisher_assert_same(&found, &expected);
			free(found.octets);
			free(expected.octets);
		}
}

/* The version that is handed out; 0: the status is not success. */
static unsigned version_given(uint32_t min, uint32_t max)
{
	struct publisher_octets found;
	unsigned version = 0;
	uint64_t handle;

	if (publisher_information(program, "id", 0, 0, min, max, &handle) != ERROR_SUCCESS)
		return 0;
	found = publisher_read(program, handle, 1000);
	for (unsigned i = 1; i <= 2; i++) {
		struct publisher_octets expected =
			publisher_expect(&scene, content, F_SIZE, i, 0, F_SIZE);

		if (found.size == expected.size)
			version = i;
		free(expected.octets);
	}
	free(found.octets);
	publisher_close_information(program, handle);
	return version;
}

static uint32_t version_status(uint32_t min, uint32_t max)
{
	uint64_t handle;

	return publisher_information(program, "id", 0, 0, min, max, &handle);
}

static void test_versions(void **state) /* D14 to D19 */
{
	struct pdc_open_ci plain = {.ci_min = 1, .ci_max = 1, .id_len = 0};

	(void)state;
	publisher_publish(program, "id", content, F_SIZE, 0);
	assert_int_equal(version_given(1, 1), 1);
	assert_int_equal(version_given(2, 2), 2);
	assert_int_equal(version_given(1, 2), 2);
	assert_int_equal(version_given(0, 0), 1);
	assert_int_equal(version_status(2, 1), ERROR_INVALID_PARAMETER);
	assert_int_equal(version_status(1, 3), ERROR_INVALID_PARAMETER);
	assert_int_equal(
		service_scene_call(program, OPERATION_open_information, &plain, sizeof plain),
		ERROR_INVALID_PARAMETER);
	service_set_versions(scene.service, 1);
	assert_int_equal(version_status(2, 2), PEERDIST_ERROR_CONTENTINFO_VERSION_UNSUPPORTED);
	assert_int_equal(version_given(1, 2), 1);
	service_set_versions(scene.service, 2);
	assert_int_equal(version_given(0, 0), 2);
	assert_int_equal(version_status(1, 1), PEERDIST_ERROR_CONTENTINFO_VERSION_UNSUPPORTED);
	/* Range before version (3.3). */
	uint64_t handle;
	assert_int_equal(publisher_information(program, "id", F_SIZE, 1, 1, 1, &handle),
			 PEERDIST_ERROR_OUT_OF_BOUNDS);
}

static void test_positions_are_the_handles_own(void **state) /* D20 */
{
	struct publisher_octets expected;
	uint64_t handles[2];

	(void)state;
	publisher_publish(program, "id", content, F_SIZE, 0);
	expected = publisher_expect(&scene, content, F_SIZE, 1, 0, F_SIZE);
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(publisher_information(program, "id", 0, 0, 0, 0, &handles[i]),
				 ERROR_SUCCESS);
	for (uint64_t at = 0; at + 10 <= expected.size; at += 10)
		for (unsigned i = 0; i < 2; i++) {
			void *data;
			struct pdc_completion completion =
				publisher_next(program, handles[i], 10, &data);

			assert_int_equal(completion.offset, at);
			assert_int_equal(completion.bytes, 10);
			assert_memory_equal(data, expected.octets + at, 10);
			free(data);
		}
	free(expected.octets);
}

static void test_retrieves_in_order(void **state) /* D24 */
{
	struct publisher_octets expected;
	uint64_t handle;
	uint32_t numbers[20];

	(void)state;
	publisher_publish(program, "id", content, F_SIZE, 0);
	expected = publisher_expect(&scene, content, F_SIZE, 1, 0, F_SIZE);
	assert_int_equal(publisher_information(program, "id", 0, 0, 0, 0, &handle), ERROR_SUCCESS);
	for (unsigned i = 0; i < 20; i++) {
		assert_int_equal(publisher_try_retrieve(program, handle, 7), ERROR_IO_PENDING);
		numbers[i] = program->number;
	}
	for (unsigned i = 0; i < 20; i++) {
		struct pdc_completion completion = service_scene_reap(program);
		void *data;

		assert_int_equal(completion.op, numbers[i]);
		assert_int_equal(completion.offset, 7 * i);
		data = service_scene_output(program, completion.op, completion.bytes);
		assert_memory_equal(data, expected.octets + completion.offset, completion.bytes);
		free(data);
	}
	free(expected.octets);
}

static void test_closed_with_a_retrieve(void **state) /* D22 */
{
	uint64_t handle;
	struct pdc_completion completion;

	(void)state;
	publisher_publish(program, "id", content, F_SIZE, 0);
	assert_int_equal(publisher_information(program, "id", 0, 0, 0, 0, &handle), ERROR_SUCCESS);
	assert_int_equal(publisher_try_retrieve(program, handle, 100), ERROR_IO_PENDING);
	assert_int_equal(publisher_close_information(program, handle), ERROR_SUCCESS);
	completion = service_scene_reap(program);
	if (completion.status == ERROR_SUCCESS)
		free(service_scene_output(program, completion.op, completion.bytes));
	else
		assert_int_equal(completion.status, ERROR_OPERATION_ABORTED);
	service_scene_wait_counters(&scene, 0, 0);
}

/* ---- J, A, K ---- */

static void test_users_apart(void **state) /* J01 to J04, J06 */
{
	struct scene_program *other = service_scene_start(&scene, 1001),
			     *root = service_scene_start(&scene, 0);
	uint8_t *theirs = publisher_content(5000, 7);
	uint64_t handle;

	(void)state;
	publisher_publish(program, "id", content, F_SIZE, 0);
	assert_int_equal(publisher_information(other, "id", 0, 0, 0, 0, &handle), ERROR_NOT_FOUND);
	assert_int_equal(publisher_information(root, "id", 0, 0, 0, 0, &handle), ERROR_NOT_FOUND);
	assert_int_equal(publisher_unpublish(other, "id"), ERROR_NOT_FOUND);
	publisher_publish(other, "id", theirs, 5000, 0);
	publisher_assert_published(other, "id", theirs, 5000);
	publisher_assert_published(program, "id", content, F_SIZE);
	assert_int_equal(publisher_unpublish(other, "id"), ERROR_SUCCESS);
	publisher_assert_published(program, "id", content, F_SIZE);
	free(theirs);
	service_scene_close(other);
	service_scene_close(root);
}

static void test_publications_go_with_their_instance(void **state) /* A12, 5.1 */
{
	struct scene_program *other = service_scene_start(&scene, 1000);
	struct service_counters counters;
	uint64_t handle;

	(void)state;
	publisher_publish(other, "theirs", content, F_SIZE, 0);
	publisher_publish(program, "ours", content, F_SIZE, 0);
	assert_int_equal(publisher_information(program, "theirs", 0, 0, 0, 0, &handle),
			 ERROR_SUCCESS);
	service_counters(scene.service, &counters);
	assert_int_equal(counters.publications, 2);
	assert_int_equal(service_scene_simple(other, OPERATION_shutdown, 0, 0), ERROR_SUCCESS);
	assert_int_equal(publisher_open_status(program, "theirs"), ERROR_NOT_FOUND);
	assert_int_equal(publisher_try_retrieve(program, handle, 5), PEERDIST_ERROR_INVALIDATED);
	assert_int_equal(publisher_open_status(program, "ours"), ERROR_SUCCESS);
	service_counters(scene.service, &counters);
	assert_int_equal(counters.publications, 1);
	service_scene_close(other);
}

static void test_service_goes_and_comes(void **state) /* K01, K02, K04 to K08 */
{
	uint64_t stream, handle;

	(void)state;
	publisher_publish(program, "id", content, F_SIZE, 0);
	stream = publisher_stream(program, "pending", 0);
	assert_int_equal(publisher_information(program, "id", 0, 0, 0, 0, &handle), ERROR_SUCCESS);
	assert_int_equal(publisher_try_add(program, stream), ERROR_IO_PENDING);
	service_set_status(scene.service, SERVICE_DISABLED);
	assert_int_equal(service_scene_reap(program).status, PEERDIST_ERROR_INVALIDATED);
	assert_int_equal(publisher_publish_status(program, "new"), ERROR_ACCESS_DISABLED_BY_POLICY);
	assert_int_equal(publisher_open_status(program, "id"), ERROR_ACCESS_DISABLED_BY_POLICY);
	assert_int_equal(publisher_unpublish(program, "id"), ERROR_ACCESS_DISABLED_BY_POLICY);
	assert_int_equal(publisher_try_add(program, stream), PEERDIST_ERROR_INVALIDATED);
	service_set_status(scene.service, SERVICE_AVAILABLE);
	assert_int_equal(publisher_try_retrieve(program, handle, 5), PEERDIST_ERROR_INVALIDATED);
	assert_int_equal(publisher_try_complete(program, stream), PEERDIST_ERROR_INVALIDATED);
	assert_int_equal(publisher_close_stream(program, stream), ERROR_SUCCESS);
	assert_int_equal(publisher_close_information(program, handle), ERROR_SUCCESS);
	assert_int_equal(publisher_open_status(program, "id"), ERROR_NOT_FOUND);
	publisher_publish(program, "id", content, F_SIZE, 0);
	publisher_assert_published(program, "id", content, F_SIZE);
}

static void test_without_a_secret(void **state)
{
	struct secret *secret = scene.secret;
	uint64_t handle = publisher_stream(program, "id", 0);

	(void)state;
	scene.secret = NULL;
	assert_int_equal(publisher_add_status(program, handle, content, F_SIZE), ERROR_SUCCESS);
	assert_int_equal(publisher_complete(program, handle), PEERDIST_ERROR_SERVICE_UNAVAILABLE);
	assert_int_equal(publisher_try_add(program, handle), PEERDIST_ERROR_INVALIDATED);
	scene.secret = secret;
	publisher_publish(program, "another", content, F_SIZE, 0);
	publisher_assert_published(program, "another", content, F_SIZE);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_retrieved_by_octets),
		CASE(test_fields_that_are_not_used),
		CASE(test_not_found),
		CASE(test_ranges_refused),
		CASE(test_ranges),
		CASE(test_versions),
		CASE(test_positions_are_the_handles_own),
		CASE(test_retrieves_in_order),
		CASE(test_closed_with_a_retrieve),
		CASE(test_users_apart),
		CASE(test_publications_go_with_their_instance),
		CASE(test_service_goes_and_comes),
		CASE(test_without_a_secret),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
