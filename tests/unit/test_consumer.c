/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Consumers' contents: content information, closing, information by handle. Names of rows (E01 ...)
 * are those of peerdist-api-cases.md.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "cache/digest.h"
#include "origin/loop.h"
#include "peer/neighbours_private.h"
#include "tests/unit/consumer_scene.h"

static struct consumer_scene scene;

static int setup(void **state)
{
	(void)state;
	consumer_scene_begin(&scene, FILE_SIZE);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	consumer_scene_end(&scene);
	return 0;
}

static uint32_t add(uint64_t handle, const void *data, uint32_t size, uint32_t portion)
{
	return consumer_scene_input(scene.program, OPERATION_add_information, handle, 0, data, size,
				    portion);
}

static uint32_t complete(uint64_t handle)
{
	return consumer_scene_complete(scene.program, handle);
}

/* What a read gets at once. */
static uint32_t try_read(uint64_t handle)
{
	uint32_t number;

	return consumer_scene_submit_read(scene.program, OPERATION_stream_read, handle, 0, 1, 0,
					  &number);
}

/* E01, E03, E16, E18: both versions, in one piece; closed, closed again. */
static void test_life(void **state)
{
	(void)state;
	for (unsigned version = 1; version <= 2; version++) {
		uint64_t handle =
			consumer_scene_ready_content(&scene, scene.program, 1, version, 0, 0);

		consumer_scene_expect(&scene, OPERATION_stream_read, handle, 0, 300000, 0,
				      PEERDIST_ERROR_MISSING_DATA, 0, FILE_SIZE);
		assert_int_equal(
			service_scene_simple(scene.program, OPERATION_close_content, handle, 0), 0);
		assert_int_equal(
			service_scene_simple(scene.program, OPERATION_close_content, handle, 0),
			ERROR_INVALID_HANDLE);
	}
}

/* E04: octet by octet, each its own call. */
static void test_octet_by_octet(void **state)
{
	uint64_t handle = consumer_scene_open(scene.program, 1);
	uint32_t size;
	uint8_t *data = consumer_scene_information(&scene, 1, 0, FILE_SIZE, &size);

	(void)state;
	for (uint32_t i = 0; i < size; i++)
		assert_int_equal(add(handle, data + i, 1, 1), 0);
	assert_int_equal(complete(handle), 0);
	free(data);
}

/* E05: two calls without waiting; the second's octets come first and wait for their turn. */
static void test_two_at_once(void **state)
{
	uint64_t handle = consumer_scene_open(scene.program, 1);
	uint32_t size, first, second;
	uint8_t *data = consumer_scene_information(&scene, 2, 0, FILE_SIZE, &size);

	(void)state;
	assert_int_equal(consumer_scene_submit_input(scene.program, OPERATION_add_information,
						     handle, 0, 10, &first),
			 ERROR_IO_PENDING);
	assert_int_equal(consumer_scene_submit_input(scene.program, OPERATION_add_information,
						     handle, 0, size - 10, &second),
			 ERROR_IO_PENDING);
	assert_int_equal(service_scene_feed(scene.program, second, data + 10, size - 10, 4096), 0);
	service_scene_expect_nothing(scene.program);
	assert_int_equal(service_scene_feed(scene.program, first, data, 10, 3), 0);
	assert_int_equal(service_scene_reap(scene.program).op, first);
	assert_int_equal(service_scene_reap(scene.program).op, second);
	assert_int_equal(complete(handle), 0);
	free(data);
}

/* Part of the octets in the message itself. */
static void test_inline(void **state)
{
	uint64_t handle = consumer_scene_open(scene.program, 1);
	uint32_t size;
	uint8_t *data = consumer_scene_information(&scene, 1, 0, FILE_SIZE, &size);
	size_t message_size = sizeof(struct pdc_input) + size;
	struct pdc_input *message = calloc(1, message_size);

	(void)state;
	message->hdr =
		(struct pdc_hdr){.op = service_scene_number(scene.program), .handle = handle};
	message->length = message->inline_len = size;
	memcpy(message->data, data, size);
	assert_int_equal(
		service_scene_call(scene.program, OPERATION_add_information, message, message_size),
		ERROR_IO_PENDING);
	assert_int_equal(message->inline_len, size);
	assert_int_equal(service_scene_reap(scene.program).status, 0);
	assert_int_equal(complete(handle), 0);
	free(message);
	free(data);
}

/* E06: arguments. */
static void test_arguments(void **state)
{
	uint64_t handle = consumer_scene_open(scene.program, 1);
	uint32_t number;

	(void)state;
	assert_int_equal(consumer_scene_submit_input(scene.program, OPERATION_add_information,
						     handle, 1, 10, &number),
			 ERROR_INVALID_PARAMETER);
	assert_int_equal(consumer_scene_submit_input(scene.program, OPERATION_add_information,
						     handle, 0, 0, &number),
			 ERROR_INVALID_PARAMETER);
	assert_int_equal(complete(handle + 4711), ERROR_INVALID_HANDLE);
}

/* E08: an unknown version is told by its two octets, from then on at once. */
static void test_unknown_version(void **state)
{
	static const uint8_t versions[][2] = {{0, 3}, {1, 1}, {0, 0}, {2, 0}, {1, 0}};

	(void)state;
	for (size_t i = 0; i < sizeof versions / sizeof *versions; i++) {
		uint64_t handle = consumer_scene_open(scene.program, 1);

		assert_int_equal(add(handle, versions[i], 1, 1), 0);
		assert_int_equal(add(handle, &versions[i][1], 1, 1), 4050);
		assert_int_equal(add(handle, versions[i], 2, 2), 4050);
		assert_int_equal(complete(handle), 4050);
		assert_int_equal(try_read(handle), 4050);
	}
}

/* A version that the administrator has disabled is not supported. */
static void test_disabled_version(void **state)
{
	(void)state;
	for (unsigned version = 1; version <= 2; version++) {
		uint64_t handle = consumer_scene_open(scene.program, 1);
		uint32_t size;
		uint8_t *data = consumer_scene_information(&scene, version, 0, FILE_SIZE, &size);

		service_set_versions(scene.scene.service, 3 - version);
		assert_int_equal(add(handle, data, size, 1000), 4050);
		service_set_versions(scene.scene.service, version);
		handle = consumer_scene_open(scene.program, 1);
		assert_int_equal(add(handle, data, size, 1000), 0);
		assert_int_equal(complete(handle), 0);
		free(data);
	}
}

/* E09, E10, E11, E12: what cannot be right. */
static void test_malformed(void **state)
{
	uint32_t size;
	uint8_t *data = consumer_scene_information(&scene, 1, 0, FILE_SIZE, &size);
	uint64_t handle = consumer_scene_open(scene.program, 1);

	(void)state;
	data[2] ^= 0xff; /* the hash algorithm: seen with the header, the rest is not waited for */
	assert_int_equal(add(handle, data, size, 18), 4051);
	assert_int_equal(add(handle, data, size, 18), 4051);
	assert_int_equal(complete(handle), 4051);
	data[2] ^= 0xff;

	handle = consumer_scene_open(scene.program, 1);
	assert_int_equal(add(handle, data, size - 1, size), 0);
	assert_int_equal(complete(handle), 4051);
	assert_int_equal(complete(handle), 4051);

	handle = consumer_scene_open(scene.program, 1);
	assert_int_equal(add(handle, data, size, size), 0);
	assert_int_equal(add(handle, data, 1, 1), 4051);

	handle = consumer_scene_open(scene.program, 1);
	assert_int_equal(complete(handle), 4051);
	assert_int_equal(try_read(handle), 4051);
	free(data);
}

/* E13, E14, E15: out of order. */
static void test_order(void **state)
{
	uint64_t handle = consumer_scene_open(scene.program, 1);
	struct pdc_info info = {.hdr.handle = handle};
	uint32_t number, size;
	uint8_t *data = consumer_scene_information(&scene, 1, 0, FILE_SIZE, &size);

	(void)state;
	assert_int_equal(add(handle, data, size, size), 0);
	assert_int_equal(try_read(handle), 4054);
	assert_int_equal(consumer_scene_submit_read(scene.program, OPERATION_block_read, handle, 0,
						    1, 0, &number),
			 4054);
	assert_int_equal(consumer_scene_add(&scene, scene.program, handle, 0, 1), 4054);
	assert_int_equal(
		service_scene_call(scene.program, OPERATION_get_information, &info, sizeof info),
		4054);
	/* An add whose octets are not all there holds completion up. */
	assert_int_equal(consumer_scene_submit_input(scene.program, OPERATION_add_information,
						     handle, 0, 5, &number),
			 ERROR_IO_PENDING);
	uint32_t completing = service_scene_number(scene.program);
	assert_int_equal(service_scene_simple(scene.program, OPERATION_complete_information, handle,
					      completing),
			 ERROR_IO_PENDING);
	assert_int_equal(try_read(handle), 4054);
	assert_int_equal(add(handle, data, size, size), 4060);
	assert_int_equal(complete(handle), 4060);
	/* Cancelled before it began, both of them: as if neither had been. */
	assert_int_equal(service_scene_simple(scene.program, OPERATION_client_cancel, handle, 0),
			 0);
	assert_int_equal(service_scene_reap(scene.program).status, ERROR_OPERATION_ABORTED);
	assert_int_equal(service_scene_reap(scene.program).status, ERROR_OPERATION_ABORTED);
	assert_int_equal(complete(handle), 0);
	assert_int_equal(complete(handle), 4060);
	assert_int_equal(add(handle, data, size, size), 4060);
	free(data);
}

/* Cancelled when a part of it is in: what has come is good for nothing. */
static void test_cancelled_in_the_middle(void **state)
{
	uint64_t handle = consumer_scene_open(scene.program, 1);
	uint32_t size, number;
	uint8_t *data = consumer_scene_information(&scene, 1, 0, FILE_SIZE, &size);
	struct service_counters counters = {.input = 1};

	(void)state;
	assert_int_equal(consumer_scene_submit_input(scene.program, OPERATION_add_information,
						     handle, 0, size, &number),
			 ERROR_IO_PENDING);
	assert_int_equal(service_scene_feed(scene.program, number, data, size / 2, size), 0);
	while (counters.input > 0) /* until it was taken */
		service_counters(scene.scene.service, &counters);
	assert_int_equal(
		service_scene_simple(scene.program, OPERATION_client_cancel, handle, number), 0);
	assert_int_equal(service_scene_reap(scene.program).status, ERROR_OPERATION_ABORTED);
	/* Also when the other half is added now. */
	assert_int_equal(add(handle, data + size / 2, size - size / 2, size), 4051);
	assert_int_equal(complete(handle), 4051);
	free(data);
}

/* Content information of version 2.0 of SEGMENTS segments of 128 KiB that nobody has, but for the
 * last, which is the scene's octets; for free(). */
static uint8_t *huge_information(uint32_t segments, uint32_t *size_out)
{
	uint32_t size = 31 + 5 + 68 * segments;
	uint8_t *data = calloc(1, size), *at = data + 31;

	assert_non_null(data);
	data[1] = 2;
	data[2] = 4;
	*(uint32_t *)(at + 1) = htobe32(68 * segments);
	at += 5;
	for (uint32_t i = 0; i < segments; i++, at += 68) {
		*(uint32_t *)at = htobe32(i + 1 < segments ? 131072 : 100000);
		*(uint32_t *)(at + 4) = i;
		*(uint32_t *)(at + 36) = ~i;
	}
	at -= 68;
	assert_int_equal(digest_hash(DIGEST_SHA512_TRUNC256, scene.octets, 100000, at + 4), 0);
	*size_out = size;
	return data;
}

/* E17, F29: much content information in one call; offsets above 4 GiB; what is missing is told in
 * pieces. */
static void test_huge(void **state)
{
	const uint32_t segments = 5u << 13;
	const uint64_t last = (uint64_t)(segments - 1) * 131072;
	uint64_t handle = consumer_scene_open(scene.program, 1);
	uint32_t size, number;
	uint8_t *data = huge_information(segments, &size);

	(void)state;
	assert_in_range(size, 300 << 10, UINT32_MAX);
	assert_int_equal(add(handle, data, size, 1000000), 0);
	assert_int_equal(complete(handle), 0);
	free(data);
	assert_int_equal(consumer_scene_input(scene.program, OPERATION_add_data, handle, last,
					      scene.octets, 100000, 30000),
			 0);
	/* In a few steps to the last segment. */
	for (uint64_t at = 0; at < last;) {
		struct pdc_completion missing = consumer_scene_read(
			&scene, scene.program, OPERATION_stream_read, handle, 0, 10, 0);
		assert_int_equal(missing.status, PEERDIST_ERROR_MISSING_DATA);
		assert_int_equal(missing.offset, at);
		assert_in_range(missing.bytes, last - at < 100 << 20 ? last - at : 100 << 20,
				last - at);
		at += missing.bytes;
	}
	assert_int_equal(consumer_scene_submit_read(scene.program, OPERATION_stream_read, handle, 0,
						    200000, 0, &number),
			 ERROR_IO_PENDING);
	struct pdc_completion completion = service_scene_reap(scene.program);
	assert_int_equal(completion.status, 0);
	assert_int_equal(completion.offset, last);
	assert_int_equal(completion.bytes, 100000);
	void *output = service_scene_output(scene.program, number, 100000);
	assert_memory_equal(output, scene.octets, 100000);
	free(output);
	assert_int_equal(consumer_scene_input(scene.program, OPERATION_add_data, handle,
					      last + 100000, scene.octets, 1, 1),
			 PEERDIST_ERROR_OUT_OF_BOUNDS);
}

/* E19: closing while an add is pending. */
static void test_close_pending(void **state)
{
	uint64_t handle = consumer_scene_open(scene.program, 1);
	uint32_t number;

	(void)state;
	assert_int_equal(consumer_scene_submit_input(scene.program, OPERATION_add_information,
						     handle, 0, 5, &number),
			 ERROR_IO_PENDING);
	assert_int_equal(service_scene_simple(scene.program, OPERATION_close_content, handle, 0),
			 0);
	struct pdc_completion completion = service_scene_reap(scene.program);
	assert_int_equal(completion.op, number);
	assert_int_equal(completion.status, ERROR_OPERATION_ABORTED);
	service_scene_wait_counters(&scene.scene, 0, 0);
}

/* G19, G20: information by handle. */
static void test_information(void **state)
{
	uint64_t handle = consumer_scene_ready_content(&scene, scene.program, 1, 1, 0, 0);
	struct pdc_info info = {.hdr.handle = handle};

	(void)state;
	assert_int_equal(
		service_scene_call(scene.program, OPERATION_get_information, &info, sizeof info),
		0);
	assert_int_equal(info.out_len, 4);
	assert_memory_equal(info.data, "\0\0\0\0", 4);
	info = (struct pdc_info){.hdr.handle = handle, .info_class = 1};
	assert_int_equal(
		service_scene_call(scene.program, OPERATION_get_information, &info, sizeof info),
		ERROR_INVALID_PARAMETER);
	info = (struct pdc_info){.hdr.handle = handle, .info_class = UINT32_MAX};
	assert_int_equal(
		service_scene_call(scene.program, OPERATION_get_information, &info, sizeof info),
		ERROR_INVALID_PARAMETER);
}

static bool is_crowded(uint64_t handle)
{
	struct pdc_info info = {.hdr.handle = handle};

	assert_int_equal(
		service_scene_call(scene.program, OPERATION_get_information, &info, sizeof info),
		0);
	assert_int_equal(info.out_len, 4);
	assert_memory_equal(info.data + 1, "\0\0\0", 3);
	assert_in_range(info.data[0], 0, 1);
	return info.data[0];
}

/* HOST, the last octet of an address, is not given segment INDEX of what DATA describes. */
static void go_without(uint8_t host, const uint8_t *data, uint32_t size, uint32_t index)
{
	const struct xaddr address = {.family = XADDR_IPV4, .octets = {192, 0, 2, host}};
	struct content *content;
	struct content_segment segment;
	uint8_t id[DIGEST_SIZE_MAX];

	assert_int_equal(content_decode(data, size, CONTENT_LIMIT_DEFAULT, &content, NULL), 0);
	assert_int_equal(content_segment(content, index, &segment), 0);
	assert_int_equal(content_segment_id(content, &segment, id), 0);
	unserved_note(scene.near.neighbours->unserved, &address, id, 32, loop_clock_ms());
	content_put(content);
}

/* G21: two hosts want what is not here, in both versions. */
static void test_crowd(void **state)
{
	(void)state;
	for (unsigned version = 1; version <= 2; version++) {
		uint64_t handle =
			consumer_scene_ready_content(&scene, scene.program, 1, version, 0, 0);
		uint32_t size;
		uint8_t *data = consumer_scene_information(&scene, version, 0, FILE_SIZE, &size);

		assert_false(is_crowded(handle));
		go_without(1, data, size, version - 1);
		go_without(1, data, size, version - 1);
		assert_false(is_crowded(handle));
		go_without(2, data, size, version - 1);
		assert_true(is_crowded(handle));
		assert_int_equal(consumer_scene_add(&scene, scene.program, handle, 0, FILE_SIZE),
				 0);
		assert_false(is_crowded(handle));
		assert_int_equal(consumer_scene_flush(scene.program, 1), 0);
		assert_true(is_crowded(handle));
		free(data);
	}
}

/* The stream has moved: the next read of it begins when the one before is quite through. */
static void settle(uint64_t handle)
{
	consumer_scene_read(&scene, scene.program, OPERATION_stream_read, handle, 0, 0, 0);
}

/* Moves the stream by what is missing, up to END. */
static void pass(uint64_t handle, uint64_t end)
{
	struct pdc_completion missing = {0};

	while (missing.offset + missing.bytes < end) {
		missing = consumer_scene_read(&scene, scene.program, OPERATION_stream_read, handle,
					      0, 10, 0);
		assert_int_equal(missing.status, PEERDIST_ERROR_MISSING_DATA);
	}
	assert_int_equal(missing.offset + missing.bytes, end);
}

/* Of many segments: one of the sample, and one that the stream comes to next. */
static void test_crowd_of_many(void **state)
{
	const uint32_t segments = 5u << 13;
	uint64_t handle = consumer_scene_open(scene.program, 1);
	uint32_t size;
	uint8_t *data = huge_information(segments, &size);

	(void)state;
	assert_int_equal(add(handle, data, size, 1000000), 0);
	assert_int_equal(complete(handle), 0);
	go_without(1, data, size, 32775);
	go_without(2, data, size, 32775);
	assert_false(is_crowded(handle));
	/* The stream comes to a segment before it, and passes it by. */
	pass(handle, 32768 * 131072ull);
	settle(handle);
	assert_true(is_crowded(handle));
	pass(handle, (segments - 1) * 131072ull + 100000);
	settle(handle);
	assert_false(is_crowded(handle));
	go_without(1, data, size, 0);
	go_without(2, data, size, 0);
	assert_true(is_crowded(handle));
	free(data);
}

/* K04, K05, K06: the service goes away. */
static void test_invalidated(void **state)
{
	uint64_t handle = consumer_scene_ready_content(&scene, scene.program, 1, 1, 0, 0);
	uint32_t number;

	(void)state;
	consumer_scene_become(&scene, NEAR_SILENT);
	assert_int_equal(consumer_scene_submit_read(scene.program, OPERATION_block_read, handle, 0,
						    10, UINT32_MAX, &number),
			 ERROR_IO_PENDING);
	service_set_status(scene.scene.service, SERVICE_DISABLED);
	assert_int_equal(service_scene_reap(scene.program).status, PEERDIST_ERROR_INVALIDATED);
	assert_int_equal(try_read(handle), PEERDIST_ERROR_INVALIDATED);
	assert_int_equal(service_scene_simple(scene.program, OPERATION_client_cancel, handle, 0),
			 PEERDIST_ERROR_INVALIDATED);
	assert_int_equal(service_scene_simple(scene.program, OPERATION_close_content, handle, 0),
			 0);
	struct pdc_tag message = {.tag = {1}};
	assert_int_equal(
		service_scene_call(scene.program, OPERATION_open_content, &message, sizeof message),
		ERROR_ACCESS_DISABLED_BY_POLICY);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_life),
		TEST(test_octet_by_octet),
		TEST(test_two_at_once),
		TEST(test_inline),
		TEST(test_arguments),
		TEST(test_unknown_version),
		TEST(test_disabled_version),
		TEST(test_malformed),
		TEST(test_order),
		TEST(test_cancelled_in_the_middle),
		TEST(test_huge),
		TEST(test_close_pending),
		TEST(test_information),
		TEST(test_crowd),
		TEST(test_crowd_of_many),
		TEST(test_invalidated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
