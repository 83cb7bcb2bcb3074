/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The service's operations: numbers, lanes, input and credit, completions, output, limits. What
 * they do is played here.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "origin/loop.h"
#include "tests/unit/service_played.h"

static struct scene scene;

static int begin(void **state)
{
	(void)state;
	service_scene_begin(&scene, NULL);
	return 0;
}

static int end(void **state)
{
	(void)state;
	service_scene_end(&scene);
	return 0;
}

/* ---- operations ---- */

static void numbers_are_the_callers(void **state)
{
	struct pdc_hdr header;

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		static const uint32_t bad[] = {0, 0x80000000u};
		header = (struct pdc_hdr){.op = bad[i]};
		assert_int_equal(service_scene_call(scene.program, OPERATION_register, &header, 16),
				 ERROR_INVALID_PARAMETER);
	}
	header = (struct pdc_hdr){.op = INT32_MAX};
	assert_int_equal(service_scene_call(scene.program, OPERATION_register, &header, 16),
			 ERROR_IO_PENDING);
	header = (struct pdc_hdr){.op = INT32_MAX};
	assert_int_equal(service_scene_call(scene.program, OPERATION_register, &header, 16),
			 ERROR_INVALID_PARAMETER);
	assert_int_equal(service_scene_reap(scene.program).op, INT32_MAX);
	assert_int_equal(service_scene_simple(scene.program, OPERATION_register, 0, INT32_MAX),
			 ERROR_IO_PENDING);
}

static void completions_come_as_many_as_fit(void **state)
{
	enum { COUNT = 1000, ROOM = 340 };
	static const unsigned expected[] = {340, 340, 320};
	struct played *played;
	struct operation_wish wish = {.step = played_done_at_once};
	union {
		struct pdc_reap reap;
		uint8_t octets[sizeof(struct pdc_reap) + ROOM * sizeof(struct pdc_completion)];
	} message;
	bool seen[COUNT + 1] = {false};

	(void)state;
	played_enter(scene.program, &played);
	for (uint32_t i = 1; i <= COUNT; i++)
		assert_int_equal(played_submit(scene.program, &played->handle, &wish,
					       OPERATION_complete_stream, i),
				 ERROR_IO_PENDING);
	service_scene_wait_counters(&scene, 1, COUNT);
	for (unsigned waited = 0;; waited++) {
		unsigned queued = 0;
		struct operation *operation;
		pthread_mutex_lock(&scene.program->instance->lock);
		TAILQ_FOREACH (operation, &scene.program->instance->queue, in_queue)
			queued++;
		pthread_mutex_unlock(&scene.program->instance->lock);
		if (queued == COUNT)
			break;
		assert_true(waited < 100000000);
	}
	for (unsigned i = 0; i < 3; i++) {
		memset(&message, 0, sizeof message);
		assert_int_equal(
			service_scene_call(scene.program, OPERATION_reap, &message, sizeof message),
			0);
		assert_int_equal(message.reap.count, expected[i]);
		assert_int_equal(message.reap.more, i < 2);
		for (unsigned j = 0; j < message.reap.count; j++)
			seen[message.reap.completions[j].op] = true;
	}
	for (uint32_t i = 1; i <= COUNT; i++)
		assert_true(seen[i]);
	service_scene_wait_counters(&scene, 1, 0);
}

static void a_lane_is_in_order(void **state)
{
	struct played *played;
	struct operation_wish wish = {.step = played_swallow, .length = 4};

	(void)state;
	played_enter(scene.program, &played);
	wish.lane = &played->lane;
	for (uint32_t i = 1; i <= 20; i++)
		assert_int_equal(played_submit(scene.program, &played->handle, &wish,
					       OPERATION_add_to_stream, i),
				 ERROR_IO_PENDING);
	for (uint32_t i = 20; i > 0; i--)
		assert_int_equal(service_scene_feed(scene.program, i, "data", 4, 4), 0);
	for (uint32_t i = 1; i <= 20; i++)
		assert_int_equal(service_scene_reap(scene.program).op, i);
}

static bool is_number(const struct operation *operation, const void *context)
{
	return operation->number == *(const uint32_t *)context;
}

static void what_is_cancelled_lets_the_next_begin(void **state)
{
	struct played *played;
	struct operation_wish wish = {.step = played_swallow, .length = 4};
	uint32_t second = 2;

	(void)state;
	played_enter(scene.program, &played);
	wish.lane = &played->lane;
	for (uint32_t i = 1; i <= 3; i++)
		played_submit(scene.program, &played->handle, &wish, OPERATION_add_to_stream, i);
	assert_int_equal(operations_end(scene.program->instance, ERROR_OPERATION_ABORTED, is_number,
					&second),
			 1);
	assert_int_equal(played->cancelled, 1);
	struct pdc_completion completion = service_scene_reap(scene.program);
	assert_int_equal(completion.op, 2);
	assert_int_equal(completion.status, ERROR_OPERATION_ABORTED);
	assert_int_equal(service_scene_feed(scene.program, 2, "data", 4, 4), -ENOENT);
	assert_int_equal(service_scene_feed(scene.program, 1, "data", 4, 4), 0);
	assert_int_equal(service_scene_feed(scene.program, 3, "data", 4, 4), 0);
	assert_int_equal(service_scene_reap(scene.program).op, 1);
	assert_int_equal(service_scene_reap(scene.program).op, 3);
}

static void frames_must_follow_each_other(void **state)
{
	struct played *played;
	struct operation_wish wish = {.step = played_swallow, .length = 8};
	struct {
		struct pdc_frame frame;
		uint8_t data[16];
	} message = {.frame = {.op = 1, .pos = 1, .length = 4}};
	struct instance *instance = scene.program->instance;

	(void)state;
	played_enter(scene.program, &played);
	played_submit(scene.program, &played->handle, &wish, OPERATION_add_to_stream, 1);
	assert_int_equal(instance_frame(instance, &message, 20), -EINVAL); /* position */
	message.frame = (struct pdc_frame){.op = 2, .length = 4};
	assert_int_equal(instance_frame(instance, &message, 20), -ENOENT);
	message.frame = (struct pdc_frame){.op = 1, .length = 9};
	assert_int_equal(instance_frame(instance, &message, 25), -EINVAL); /* beyond the length */
	message.frame = (struct pdc_frame){.op = 1, .length = 4};
	assert_int_equal(instance_frame(instance, &message, 19), -EMSGSIZE);
	assert_int_equal(instance_frame(instance, &message, 21), -EINVAL);
	assert_int_equal(instance_frame(instance, &message, 15), -EINVAL);
	message.frame = (struct pdc_frame){.op = 1, .length = PDC_FRAME_MAX + 1};
	assert_int_equal(instance_frame(instance, &message, 32), -EMSGSIZE);
	message.frame = (struct pdc_frame){.op = 1, .length = 4, .reserved = 1};
	assert_int_equal(instance_frame(instance, &message, 20), -EINVAL);
	message.frame = (struct pdc_frame){.op = 1, .length = 0};
	assert_int_equal(instance_frame(instance, &message, 16), -EINVAL);
	assert_int_equal(service_scene_feed(scene.program, 1, "datadata", 8, 3), 0);
	assert_int_equal(service_scene_reap(scene.program).bytes, 8);
}

static void input_has_credit_and_more_when_it_is_taken(void **state)
{
	enum { LENGTH = 64 << 20, FRAME = 1 << 19 };
	struct played *played;
	struct operation_wish wish = {.step = played_swallow, .length = LENGTH};
	uint8_t *data = calloc(1, LENGTH);
	struct {
		struct pdc_frame frame;
		uint8_t data[FRAME];
	} *message = calloc(1, sizeof *message);
	uint32_t position = 0;
	int error;

	(void)state;
	played_enter(scene.program, &played);
	atomic_store(&played_taken, 0);
	pthread_mutex_lock(&played_gate);
	played_submit(scene.program, &played->handle, &wish, OPERATION_add_to_stream, 1);
	for (;; position += FRAME) {
		message->frame = (struct pdc_frame){.op = 1, .pos = position, .length = FRAME};
		error = instance_frame(scene.program->instance, message, sizeof *message);
		if (error != 0)
			break;
		assert_true(instance_poll(scene.program->instance) & INSTANCE_CREDIT);
	}
	assert_int_equal(error, -EAGAIN);
	assert_int_equal(position, INSTANCE_INPUT_MAX);
	assert_false(instance_poll(scene.program->instance) & INSTANCE_CREDIT);
	pthread_mutex_unlock(&played_gate);
	while (!(instance_poll(scene.program->instance) & INSTANCE_CREDIT))
		;
	while (position < LENGTH) {
		message->frame = (struct pdc_frame){.op = 1, .pos = position, .length = FRAME};
		error = instance_frame(scene.program->instance, message, sizeof *message);
		if (error == 0)
			position += FRAME;
		else
			assert_int_equal(error, -EAGAIN);
	}
	struct pdc_completion completion = service_scene_reap(scene.program);
	assert_int_equal(completion.status, 0);
	assert_int_equal(completion.bytes, LENGTH);
	assert_int_equal(atomic_load(&played_taken), LENGTH);
	free(message);
	free(data);
}

static void one_users_input_is_bounded_over_instances(void **state)
{
	enum { PROGRAMS = 33, FRAME = 1 << 19 };
	struct scene_program *programs[PROGRAMS];
	struct operation_wish wish = {.step = played_nothing, .length = 64 << 20};
	struct {
		struct pdc_frame frame;
		uint8_t data[FRAME];
	} *message = calloc(1, sizeof *message);
	uint64_t accepted = 0;

	(void)state;
	for (unsigned i = 0; i < PROGRAMS; i++) {
		programs[i] = service_scene_start(&scene, 55);
		played_submit(programs[i], NULL, &wish, OPERATION_add_to_stream, 1);
		for (uint32_t position = 0;; position += FRAME) {
			message->frame =
				(struct pdc_frame){.op = 1, .pos = position, .length = FRAME};
			if (instance_frame(programs[i]->instance, message, sizeof *message) != 0)
				break;
			accepted += FRAME;
		}
	}
	assert_int_equal(accepted, USER_INPUT_MAX);
	assert_false(instance_poll(programs[PROGRAMS - 1]->instance) & INSTANCE_CREDIT);
	service_scene_close(programs[0]);
	assert_true(instance_poll(programs[PROGRAMS - 1]->instance) & INSTANCE_CREDIT);
	for (unsigned i = 1; i < PROGRAMS; i++)
		service_scene_close(programs[i]);
	free(message);
}

static unsigned chunks_of(struct instance *instance, uint32_t number)
{
	struct operation *operation;
	struct chunk *chunk;
	unsigned count = 0;

	pthread_mutex_lock(&instance->lock);
	LIST_FOREACH (operation, &instance->operations, in_instance)
		if (operation->number == number)
			TAILQ_FOREACH (chunk, &operation->input, in_operation)
				count++;
	pthread_mutex_unlock(&instance->lock);
	return count;
}

static void frames_of_an_octet_share_their_memory(void **state)
{
	enum { LENGTH = 5000 };
	struct played *played;
	struct operation_wish wish = {.step = played_swallow, .length = LENGTH};
	uint8_t data[LENGTH] = {0};

	(void)state;
	played_enter(scene.program, &played);
	atomic_store(&played_taken, 0);
	pthread_mutex_lock(&played_gate);
	played_submit(scene.program, &played->handle, &wish, OPERATION_add_to_stream, 1);
	assert_int_equal(service_scene_feed(scene.program, 1, data, LENGTH, 1), 0);
	assert_in_range(chunks_of(scene.program->instance, 1), 2, 3);
	pthread_mutex_unlock(&played_gate);
	assert_int_equal(service_scene_reap(scene.program).bytes, LENGTH);
	assert_int_equal(atomic_load(&played_taken), LENGTH);
}

static void cancelled_ones_that_are_worked_on_have_a_limit(void **state)
{
	struct operation_wish wish = {.step = played_swallow, .length = 4};
	uint32_t status = ERROR_IO_PENDING, number = 0;

	(void)state;
	pthread_mutex_lock(&played_gate);
	while (status == ERROR_IO_PENDING && number < 4 * PDC_OPERATIONS_MAX) {
		status = played_submit(scene.program, NULL, &wish, OPERATION_add_to_stream,
				       ++number);
		if (status != ERROR_IO_PENDING)
			break;
		operations_end(scene.program->instance, ERROR_OPERATION_ABORTED, is_number,
			       &number);
		assert_int_equal(service_scene_reap(scene.program).op, number);
	}
	assert_int_equal(status, ERROR_NO_SYSTEM_RESOURCES);
	assert_in_range(number, PDC_OPERATIONS_MAX, 2 * PDC_OPERATIONS_MAX + 8);
	pthread_mutex_unlock(&played_gate);
	do
		status = played_submit(scene.program, NULL, &wish, OPERATION_add_to_stream, number);
	while (status == ERROR_NO_SYSTEM_RESOURCES);
	assert_int_equal(status, ERROR_IO_PENDING);
}

static void output_is_fetched_in_pieces(void **state)
{
	struct played *played;
	struct operation_wish wish = {.step = played_give_three, .length = 3, .reserved = 3};
	struct service_counters counters;
	struct operation *operation;
	size_t size = 2;

	(void)state;
	played_enter(scene.program, &played);
	played_submit(scene.program, &played->handle, &wish, OPERATION_block_read, 9);
	struct pdc_completion completion = service_scene_reap(scene.program);
	assert_int_equal(completion.flags, PDC_OUTPUT);
	assert_int_equal(completion.offset, 42);
	assert_int_equal(completion.bytes, 3);
	service_counters(scene.service, &counters);
	assert_int_equal(counters.output, 3);
	for (unsigned i = 0; i < 2; i++) { /* the first twice */
		size = 2;
		const char *output = instance_output(scene.program->instance, PDC_OUTPUT_AT(9, 0),
						     &size, &operation);
		assert_int_equal(size, 2);
		assert_memory_equal(output, "ab", 2);
		instance_given(operation);
	}
	size = 10;
	const char *output =
		instance_output(scene.program->instance, PDC_OUTPUT_AT(9, 2), &size, &operation);
	assert_int_equal(size, 1);
	assert_memory_equal(output, "c", 1);
	instance_given(operation);
	assert_null(
		instance_output(scene.program->instance, PDC_OUTPUT_AT(9, 0), &size, &operation));
	service_counters(scene.service, &counters);
	assert_int_equal(counters.output, 0);
	assert_int_equal(counters.operations, 0);
	assert_int_equal(scene.program->instance->reads, 0);
	assert_int_equal(
		played_submit(scene.program, &played->handle, &wish, OPERATION_block_read, 9),
		ERROR_IO_PENDING);
}

static void push_and_pull_do_the_same_by_ioctl(void **state)
{
	struct played *played;
	struct operation_wish wish = {.step = played_swallow, .length = 8};
	union {
		struct pdc_xfer xfer;
		uint8_t octets[sizeof(struct pdc_xfer) + 8];
	} message = {.octets = {0}};

	(void)state;
	played_enter(scene.program, &played);
	played_submit(scene.program, &played->handle, &wish, OPERATION_add_to_stream, 1);
	message.xfer = (struct pdc_xfer){.hdr.op = 1, .pos = 4, .length = 8};
	assert_int_equal(service_scene_ioctl(scene.program, 0x41, &message, sizeof message),
			 -EINVAL);
	message.xfer = (struct pdc_xfer){.hdr.op = 5, .length = 8};
	assert_int_equal(service_scene_ioctl(scene.program, 0x41, &message, sizeof message),
			 -ENOENT);
	message.xfer = (struct pdc_xfer){.hdr.op = 1, .length = 8};
	assert_int_equal(service_scene_ioctl(scene.program, 0x41, &message, sizeof message), 0);
	assert_int_equal(service_scene_reap(scene.program).status, 0);
	wish = (struct operation_wish){.step = played_give_three};
	played_submit(scene.program, &played->handle, &wish, OPERATION_block_read, 2);
	service_scene_reap(scene.program);
	message.xfer = (struct pdc_xfer){.hdr.op = 2, .pos = 1, .length = 8};
	assert_int_equal(
		service_scene_call(scene.program, OPERATION_pull, &message, sizeof message), 0);
	assert_int_equal(message.xfer.length, 2);
	assert_memory_equal(message.xfer.data, "bc", 2);
	message.xfer = (struct pdc_xfer){.hdr.op = 2, .length = 8};
	assert_int_equal(
		service_scene_call(scene.program, OPERATION_pull, &message, sizeof message), 0);
	assert_int_equal(message.xfer.length, 0);
}

static void a_result_can_be_asked_for_by_number(void **state)
{
	struct played *played;
	struct operation_wish wish = {.step = played_swallow, .length = 4};
	struct pdc_result result = {.hdr.op = 3};

	(void)state;
	played_enter(scene.program, &played);
	assert_int_equal(
		service_scene_call(scene.program, OPERATION_get_result, &result, sizeof result),
		PEERDIST_ERROR_OPERATION_NOTFOUND);
	played_submit(scene.program, &played->handle, &wish, OPERATION_add_to_stream, 3);
	result = (struct pdc_result){.hdr.op = 3};
	assert_int_equal(
		service_scene_call(scene.program, OPERATION_get_result, &result, sizeof result), 0);
	assert_int_equal(result.completion.status, ERROR_IO_PENDING);
	assert_int_equal(service_scene_feed(scene.program, 3, "data", 4, 4), 0);
	do {
		result = (struct pdc_result){.hdr.op = 3};
		assert_int_equal(service_scene_call(scene.program, OPERATION_get_result, &result,
						    sizeof result),
				 0);
	} while (result.completion.status == ERROR_IO_PENDING);
	assert_int_equal(result.completion.bytes, 4);
	service_scene_expect_nothing(scene.program);
	result = (struct pdc_result){.hdr.op = 3};
	assert_int_equal(
		service_scene_call(scene.program, OPERATION_get_result, &result, sizeof result),
		PEERDIST_ERROR_OPERATION_NOTFOUND);
}

static void operations_and_reads_have_limits(void **state)
{
	struct scene_program *other = service_scene_start(&scene, 1001);
	struct played *played;
	struct operation_wish wish = {.step = played_nothing, .reserved = INSTANCE_READS_MAX / 256};

	(void)state;
	played_enter(scene.program, &played);
	for (uint32_t i = 1; i <= 256; i++)
		assert_int_equal(played_submit(scene.program, &played->handle, &wish,
					       OPERATION_block_read, i),
				 ERROR_IO_PENDING);
	assert_int_equal(
		played_submit(scene.program, &played->handle, &wish, OPERATION_block_read, 257),
		ERROR_NO_SYSTEM_RESOURCES);
	wish.reserved = 0;
	for (uint32_t i = 257; i <= 1024; i++)
		assert_int_equal(played_submit(scene.program, &played->handle, &wish,
					       OPERATION_block_read, i),
				 ERROR_IO_PENDING);
	assert_int_equal(
		played_submit(scene.program, &played->handle, &wish, OPERATION_block_read, 1025),
		ERROR_NO_SYSTEM_RESOURCES);
	assert_int_equal(played_submit(other, NULL, &wish, OPERATION_block_read, 1),
			 ERROR_IO_PENDING);
	assert_int_equal(
		operations_end(scene.program->instance, ERROR_OPERATION_ABORTED, NULL, NULL), 1024);
	assert_int_equal(scene.program->instance->reads, 0);
	service_scene_close(other);
}

static void handles_have_a_limit_and_numbers_of_their_own(void **state)
{
	struct played *played;
	uint64_t former = 0;

	(void)state;
	for (unsigned i = 0; i < PDC_HANDLES_MAX; i++) {
		uint64_t number = played_enter(scene.program, &played);
		assert_true(number > former);
		former = number;
	}
	struct pdc_hdr header = {0};
	struct request request = {.instance = scene.program->instance, .header = &header};
	struct played more = {.handle.kind = &played_kind};
	assert_int_equal(handle_enter(&request, &more.handle), ERROR_NO_SYSTEM_RESOURCES);
	handle_close(&played->handle);
	assert_true(played_enter(scene.program, &played) > former);
}

static void deadlines_wake_operations(void **state)
{
	struct played *played;
	struct operation_wish wish = {
		.step = played_late_or_nothing, .timed = true, .timeout_ms = 1};

	(void)state;
	played_enter(scene.program, &played);
	played_submit(scene.program, &played->handle, &wish, OPERATION_block_read, 1);
	struct pdc_completion completion = service_scene_reap(scene.program);
	assert_int_equal(completion.status, ERROR_TIMEOUT);
	assert_int_equal(completion.offset, 7);
	assert_int_equal(completion.bytes, 8);
}

static void one_tick_wakes_all_that_are_late(void **state)
{
	enum { COUNT = 600 };
	struct operation_wish late = {
		.step = played_late_or_nothing, .timed = true, .timeout_ms = 0};
	struct operation_wish later = {
		.step = played_late_or_nothing, .timed = true, .timeout_ms = 1000000};
	struct service_counters counters;

	(void)state;
	for (uint32_t i = 1; i <= COUNT; i++)
		assert_int_equal(played_submit(scene.program, NULL, i % 2 ? &late : &later,
					       OPERATION_block_read, i),
				 ERROR_IO_PENDING);
	service_tick(scene.service, loop_clock_ms());
	for (unsigned i = 0; i < COUNT / 2; i++)
		assert_int_equal(service_scene_reap(scene.program).op % 2, 1);
	service_scene_expect_nothing(scene.program);
	service_counters(scene.service, &counters);
	assert_int_equal(counters.operations, COUNT / 2);
}

static void closing_ends_what_is_pending(void **state)
{
	struct played *played;
	struct operation_wish wish = {.step = played_nothing};

	(void)state;
	atomic_store(&played_freed, 0);
	uint64_t number = played_enter(scene.program, &played);
	for (uint32_t i = 1; i <= 3; i++)
		played_submit(scene.program, &played->handle, &wish, OPERATION_add_to_stream, i);
	handle_close(&played->handle);
	for (unsigned i = 0; i < 3; i++) /* all three are in the queue already */
		assert_int_equal(service_scene_reap(scene.program).status, ERROR_OPERATION_ABORTED);
	assert_int_equal(service_scene_simple(scene.program, OPERATION_close_stream, number, 0),
			 ERROR_INVALID_HANDLE);
	while (atomic_load(&played_freed) == 0)
		;
}

static void an_instance_takes_all_with_it(void **state)
{
	struct scene_program *program = service_scene_start(&scene, 5);
	struct operation_wish wish = {.step = played_nothing}, output = {.step = played_give_three};

	(void)state;
	for (uint32_t i = 1; i <= 100; i++)
		played_submit(program, NULL, i % 2 ? &wish : &output, OPERATION_block_read, i);
	service_scene_close(program);
	service_scene_wait_counters(&scene, 0, 0);
}

static void after_shutdown_what_is_queued_can_be_had(void **state)
{
	struct scene_program *program = service_scene_start(&scene, 5);
	struct operation_wish wish = {.step = played_nothing}, output = {.step = played_give_three};

	(void)state;
	played_submit(program, NULL, &output, OPERATION_block_read, 1);
	while (!(instance_poll(program->instance) & INSTANCE_COMPLETIONS))
		;
	played_submit(program, NULL, &wish, OPERATION_block_read, 2);
	assert_int_equal(service_scene_simple(program, OPERATION_shutdown, 0, 0), 0);
	assert_int_equal(service_scene_reap(program).op, 1);
	assert_int_equal(service_scene_reap(program).status, ERROR_OPERATION_ABORTED);
	char *text = service_scene_output(program, 1, 3);
	assert_memory_equal(text, "abc", 3);
	free(text);
	assert_int_equal(played_submit(program, NULL, &wish, OPERATION_block_read, 3),
			 PEERDIST_ERROR_SHUTDOWN_IN_PROGRESS);
	service_scene_close(program);
}

/* ---- many threads ---- */

static void *mix(void *argument)
{
	struct scene_program *program = scene.program;
	uint32_t first = *(uint32_t *)argument;
	struct operation_wish wishes[] = {{.step = played_done_at_once},
					  {.step = played_give_three},
					  {.step = played_nothing}};

	for (uint32_t i = 0; i < 2000; i++) {
		uint32_t number = first + i % 50;
		played_submit(program, NULL, &wishes[i % 3], OPERATION_block_read, number);
		operations_end(program->instance, ERROR_OPERATION_ABORTED, is_number, &number);
		union {
			struct pdc_reap reap;
			uint8_t octets[sizeof(struct pdc_reap) + 8 * sizeof(struct pdc_completion)];
		} message = {.octets = {0}};
		service_scene_call(program, OPERATION_reap, &message, sizeof message);
		for (uint32_t j = 0; j < message.reap.count; j++)
			if (message.reap.completions[j].flags & PDC_OUTPUT)
				free(service_scene_output(program, message.reap.completions[j].op,
							  3));
	}
	return NULL;
}

static void threads_share_an_instance(void **state)
{
	enum { THREADS = 8 };
	pthread_t threads[THREADS];
	uint32_t firsts[THREADS];

	(void)state;
	for (uint32_t i = 0; i < THREADS; i++) {
		firsts[i] = 1 + i * 100;
		pthread_create(&threads[i], NULL, mix, &firsts[i]);
	}
	for (unsigned i = 0; i < 20; i++)
		service_set_status(scene.service, i % 2 ? SERVICE_AVAILABLE : SERVICE_DISABLED);
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(numbers_are_the_callers),
		TEST(completions_come_as_many_as_fit),
		TEST(a_lane_is_in_order),
		TEST(what_is_cancelled_lets_the_next_begin),
		TEST(frames_must_follow_each_other),
		TEST(input_has_credit_and_more_when_it_is_taken),
		TEST(one_users_input_is_bounded_over_instances),
		TEST(frames_of_an_octet_share_their_memory),
		TEST(cancelled_ones_that_are_worked_on_have_a_limit),
		TEST(output_is_fetched_in_pieces),
		TEST(push_and_pull_do_the_same_by_ioctl),
		TEST(a_result_can_be_asked_for_by_number),
		TEST(operations_and_reads_have_limits),
		TEST(handles_have_a_limit_and_numbers_of_their_own),
		TEST(deadlines_wake_operations),
		TEST(one_tick_wakes_all_that_are_late),
		TEST(closing_ends_what_is_pending),
		TEST(an_instance_takes_all_with_it),
		TEST(after_shutdown_what_is_queued_can_be_had),
		TEST(threads_share_an_instance),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
