/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The core of the service: messages, instances, operations, completions, credit, status. What the
 * operations do is played here.
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
#include "tests/unit/service_scene.h"

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

/* ---- a handle whose operations do as they are told ---- */

struct played {
	struct handle handle;
	struct lane lane;
	atomic_uint cancelled, freed_at;
};

static atomic_uint freed;
static atomic_uint steps;
static atomic_uint taken; /* octets of input */
static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;

static void note_cancelled(struct handle *handle, struct operation *operation)
{
	(void)operation;
	atomic_fetch_add(&((struct played *)handle)->cancelled, 1);
}

static void note_freed(struct handle *handle)
{
	atomic_fetch_add(&freed, 1);
	free(handle);
}

static const struct handle_kind played_kind = {HANDLE_STREAM, note_cancelled, note_freed};

static uint64_t enter(struct played **played_out)
{
	struct played *played = calloc(1, sizeof *played);
	struct pdc_hdr header = {0};
	struct request request = {.instance = scene.program->instance, .header = &header};

	assert_non_null(played);
	played->handle.kind = &played_kind;
	lane_init(&played->lane);
	assert_int_equal(handle_enter(&request, &played->handle), ERROR_SUCCESS);
	*played_out = played;
	return header.handle;
}

static uint32_t submit(struct scene_program *program, struct handle *handle,
		       const struct operation_wish *wish, enum operation_opcode opcode,
		       uint32_t number)
{
	struct pdc_input input = {.hdr.op = number, .length = wish->length};
	struct request request = {.instance = program->instance,
				  .opcode = opcode,
				  .header = &input.hdr,
				  .handle = handle};

	return operation_submit(&request, wish);
}

static void nothing(struct operation *operation)
{
	(void)operation;
	atomic_fetch_add(&steps, 1);
}

static void done_at_once(struct operation *operation)
{
	operation_complete(operation, ERROR_SUCCESS, operation->number, 1);
}

static void late_or_nothing(struct operation *operation)
{
	if (operation_is_late(operation))
		operation_complete(operation, ERROR_TIMEOUT, 7, 8);
}

static void swallow(struct operation *operation)
{
	uint32_t length;
	bool last = false;

	pthread_mutex_lock(&gate);
	pthread_mutex_unlock(&gate);
	while (operation_take(operation, &length, &last) != NULL)
		atomic_fetch_add(&taken, length);
	if (last)
		operation_complete(operation, ERROR_SUCCESS, 0, operation->length);
}

static void give_three(struct operation *operation)
{
	uint8_t *output = malloc(3);

	memcpy(output, "abc", 3);
	operation_give(operation, 42, output, 3);
}

/* ---- messages ---- */

static void unknown_numbers_are_refused(void **state)
{
	struct pdc_status message = {0};
	struct instance *instance = scene.program->instance;
	const size_t size = sizeof message;

	(void)state;
	assert_int_equal(service_scene_ioctl(scene.program, 0x7f, &message, size), -ENOTTY);
	assert_int_equal(service_scene_ioctl(scene.program, 0x00, &message, size), -ENOTTY);
	assert_int_equal(service_scene_ioctl(scene.program, 0xff, &message, size), -ENOTTY);
	assert_int_equal(instance_call(instance, (uint32_t)_IOC(_IOC_READ, PDC_TYPE, 3, size),
				       &message, size),
			 -ENOTTY);
	assert_int_equal(instance_call(instance, (uint32_t)_IOC(_IOC_WRITE, PDC_TYPE, 3, size),
				       &message, size),
			 -ENOTTY);
	assert_int_equal(instance_call(instance,
				       (uint32_t)_IOC(_IOC_READ | _IOC_WRITE, 0xBB, 3, size),
				       &message, size),
			 -ENOTTY);
}

static void short_messages_are_refused(void **state)
{
	(void)state;
#define X(opcode, name, function, layout, handle, rules)                                           \
	{                                                                                          \
		uint8_t message[sizeof(struct pdc_##layout)] = {0};                                \
		assert_int_equal(                                                                  \
			service_scene_ioctl(scene.program, opcode, message, sizeof message - 1),   \
			-EINVAL);                                                                  \
	}
	OPERATIONS(X)
	OPERATIONS_TRANSPORT(X)
#undef X
}

static void lengths_inside_must_fit(void **state)
{
	union {
		struct pdc_hdr hdr;
		struct pdc_id id;
		struct pdc_publish publish;
		struct pdc_open_ci open;
		struct pdc_input input;
		struct pdc_xfer xfer;
		uint8_t octets[256];
	} message;

	(void)state;
	memset(&message, 0, sizeof message);
	message.id.id_len = 9;
	assert_int_equal(service_scene_ioctl(scene.program, 0x24, &message, sizeof message.id + 8),
			 -EINVAL);
	assert_int_equal(service_scene_ioctl(scene.program, 0x29, &message, sizeof message.id + 8),
			 -EINVAL);
	memset(&message, 0, sizeof message);
	message.publish.id_len = 9;
	assert_int_equal(
		service_scene_ioctl(scene.program, 0x20, &message, sizeof message.publish + 8),
		-EINVAL);
	memset(&message, 0, sizeof message);
	message.open.id_len = UINT32_MAX;
	assert_int_equal(
		service_scene_ioctl(scene.program, 0x25, &message, sizeof message.open + 8),
		-EINVAL);
	memset(&message, 0, sizeof message);
	message.input.length = 100;
	message.input.inline_len = 9;
	assert_int_equal(
		service_scene_ioctl(scene.program, 0x21, &message, sizeof message.input + 8),
		-EINVAL);
	message.input.length = 7;
	message.input.inline_len = 8; /* more than the whole */
	assert_int_equal(
		service_scene_ioctl(scene.program, 0x21, &message, sizeof message.input + 8),
		-EINVAL);
	memset(&message, 0, sizeof message);
	message.xfer.length = 9;
	assert_int_equal(
		service_scene_ioctl(scene.program, 0x41, &message, sizeof message.xfer + 8),
		-EINVAL);
}

static void reserved_fields_must_be_zero(void **state)
{
	struct pdc_status status = {.reserved = 1};
	struct pdc_id id = {.reserved = 1};
	struct pdc_hdr header = {.status = 1};

	(void)state;
	assert_int_equal(service_scene_ioctl(scene.program, 0x03, &status, sizeof status), -EINVAL);
	assert_int_equal(service_scene_ioctl(scene.program, 0x24, &id, sizeof id), -EINVAL);
	assert_int_equal(service_scene_ioctl(scene.program, 0x08, &header, sizeof header), -EINVAL);
}

static void structs_may_grow(void **state)
{
	struct {
		struct pdc_status status;
		uint8_t more[8];
	} message = {0};

	(void)state;
	assert_int_equal(service_scene_ioctl(scene.program, 0x03, &message, sizeof message), 0);
	assert_int_equal(message.status.status, SERVICE_AVAILABLE);
	memset(&message, 0, sizeof message);
	message.more[7] = 1;
	assert_int_equal(service_scene_ioctl(scene.program, 0x03, &message, sizeof message),
			 -E2BIG);
}

/* ---- the life of an instance ---- */

static void startup_comes_first_and_once(void **state)
{
	struct scene_program *program = service_scene_open(&scene, 1);
	struct pdc_startup startup = {.abi = 99, .version_requested = PEERDIST_VERSION};

	(void)state;
	assert_int_equal(service_scene_simple(program, OPERATION_shutdown, 0, 0),
			 PEERDIST_ERROR_NOT_INITIALIZED);
	assert_int_equal(service_scene_call(program, OPERATION_startup, &startup, sizeof startup),
			 PEERDIST_ERROR_VERSION_UNSUPPORTED);
	assert_int_equal(startup.abi_min, 1);
	assert_int_equal(startup.abi_max, 1);
	startup = (struct pdc_startup){.abi = 1, .version_requested = PEERDIST_VERSION};
	assert_int_equal(service_scene_call(program, OPERATION_startup, &startup, sizeof startup),
			 0);
	assert_int_equal(startup.version_supported, 2);
	assert_int_equal(startup.max_frame, 1036288);
	assert_int_equal(startup.max_ops, 1024);
	assert_int_equal(startup.max_handles, 1024);
	assert_int_equal(startup.max_id, 8192);
	assert_int_equal(startup.max_read, 1048576);
	startup = (struct pdc_startup){.abi = 1, .version_requested = PEERDIST_VERSION};
	assert_int_equal(service_scene_call(program, OPERATION_startup, &startup, sizeof startup),
			 PEERDIST_ERROR_ALREADY_INITIALIZED);
	assert_int_equal(service_scene_simple(program, OPERATION_shutdown, 0, 0), 0);
	startup = (struct pdc_startup){.abi = 1, .version_requested = PEERDIST_VERSION};
	assert_int_equal(service_scene_call(program, OPERATION_startup, &startup, sizeof startup),
			 PEERDIST_ERROR_ALREADY_INITIALIZED);
	assert_int_equal(service_scene_simple(program, OPERATION_shutdown, 0, 0),
			 ERROR_INVALID_HANDLE);
	assert_true(instance_poll(program->instance) & INSTANCE_ENDED);
	service_scene_close(program);
}

static void versions_that_are_accepted(void **state)
{
	static const struct {
		uint32_t version, status;
	} cases[] = {{0x0001, 0},    {0x0002, 0}, {0x0003, 4062}, {0x0102, 4062},
		     {0x0101, 4062}, {0, 4062},   {0x10002, 4062}};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct scene_program *program = service_scene_open(&scene, 1);
		struct pdc_startup startup = {.abi = 1, .version_requested = cases[i].version};

		assert_int_equal(
			service_scene_call(program, OPERATION_startup, &startup, sizeof startup),
			cases[i].status);
		assert_int_equal(startup.version_supported, 2);
		service_scene_close(program);
	}
}

static void users_have_a_limit_of_instances(void **state)
{
	static struct scene_program *programs[USER_INSTANCES_MAX];
	struct pdc_startup startup = {.abi = 1, .version_requested = PEERDIST_VERSION};

	(void)state;
	for (unsigned i = 0; i < USER_INSTANCES_MAX; i++)
		programs[i] = service_scene_start(&scene, 77);
	struct scene_program *more = service_scene_open(&scene, 77),
			     *other = service_scene_start(&scene, 78);
	assert_int_equal(service_scene_call(more, OPERATION_startup, &startup, sizeof startup),
			 ERROR_NO_SYSTEM_RESOURCES);
	service_scene_close(programs[0]);
	startup = (struct pdc_startup){.abi = 1, .version_requested = PEERDIST_VERSION};
	assert_int_equal(service_scene_call(more, OPERATION_startup, &startup, sizeof startup), 0);
	for (unsigned i = 1; i < USER_INSTANCES_MAX; i++)
		service_scene_close(programs[i]);
	service_scene_close(more);
	service_scene_close(other);
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
	struct operation_wish wish = {.step = done_at_once};
	struct {
		struct pdc_reap reap;
		struct pdc_completion completions[ROOM];
	} message;
	bool seen[COUNT + 1] = {false};

	(void)state;
	enter(&played);
	for (uint32_t i = 1; i <= COUNT; i++)
		assert_int_equal(
			submit(scene.program, &played->handle, &wish, OPERATION_complete_stream, i),
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
			seen[message.completions[j].op] = true;
	}
	for (uint32_t i = 1; i <= COUNT; i++)
		assert_true(seen[i]);
	service_scene_wait_counters(&scene, 1, 0);
}

static void a_lane_is_in_order(void **state)
{
	struct played *played;
	struct operation_wish wish = {.step = swallow, .length = 4};

	(void)state;
	enter(&played);
	wish.lane = &played->lane;
	for (uint32_t i = 1; i <= 20; i++)
		assert_int_equal(
			submit(scene.program, &played->handle, &wish, OPERATION_add_to_stream, i),
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
	struct operation_wish wish = {.step = swallow, .length = 4};
	uint32_t second = 2;

	(void)state;
	enter(&played);
	wish.lane = &played->lane;
	for (uint32_t i = 1; i <= 3; i++)
		submit(scene.program, &played->handle, &wish, OPERATION_add_to_stream, i);
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
	struct operation_wish wish = {.step = swallow, .length = 8};
	struct {
		struct pdc_frame frame;
		uint8_t data[16];
	} message = {.frame = {.op = 1, .pos = 1, .length = 4}};
	struct instance *instance = scene.program->instance;

	(void)state;
	enter(&played);
	submit(scene.program, &played->handle, &wish, OPERATION_add_to_stream, 1);
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
	struct operation_wish wish = {.step = swallow, .length = LENGTH};
	uint8_t *data = calloc(1, LENGTH);
	struct {
		struct pdc_frame frame;
		uint8_t data[FRAME];
	} *message = calloc(1, sizeof *message);
	uint32_t position = 0;
	int error;

	(void)state;
	enter(&played);
	atomic_store(&taken, 0);
	pthread_mutex_lock(&gate);
	submit(scene.program, &played->handle, &wish, OPERATION_add_to_stream, 1);
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
	pthread_mutex_unlock(&gate);
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
	assert_int_equal(atomic_load(&taken), LENGTH);
	free(message);
	free(data);
}

static void one_users_input_is_bounded_over_instances(void **state)
{
	enum { PROGRAMS = 33, FRAME = 1 << 19 };
	struct scene_program *programs[PROGRAMS];
	struct operation_wish wish = {.step = nothing, .length = 64 << 20};
	struct {
		struct pdc_frame frame;
		uint8_t data[FRAME];
	} *message = calloc(1, sizeof *message);
	uint64_t accepted = 0;

	(void)state;
	for (unsigned i = 0; i < PROGRAMS; i++) {
		programs[i] = service_scene_start(&scene, 55);
		submit(programs[i], NULL, &wish, OPERATION_add_to_stream, 1);
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

static void output_is_fetched_in_pieces(void **state)
{
	struct played *played;
	struct operation_wish wish = {.step = give_three, .length = 3, .reserved = 3};
	struct service_counters counters;
	struct operation *operation;
	size_t size = 2;

	(void)state;
	enter(&played);
	submit(scene.program, &played->handle, &wish, OPERATION_block_read, 9);
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
		instance_given(operation, PDC_OUTPUT_AT(9, 2));
	}
	size = 10;
	const char *output =
		instance_output(scene.program->instance, PDC_OUTPUT_AT(9, 2), &size, &operation);
	assert_int_equal(size, 1);
	assert_memory_equal(output, "c", 1);
	instance_given(operation, PDC_OUTPUT_AT(9, 3));
	assert_null(
		instance_output(scene.program->instance, PDC_OUTPUT_AT(9, 0), &size, &operation));
	service_counters(scene.service, &counters);
	assert_int_equal(counters.output, 0);
	assert_int_equal(counters.operations, 0);
	assert_int_equal(scene.program->instance->reads, 0);
	assert_int_equal(submit(scene.program, &played->handle, &wish, OPERATION_block_read, 9),
			 ERROR_IO_PENDING);
}

static void push_and_pull_do_the_same_by_ioctl(void **state)
{
	struct played *played;
	struct operation_wish wish = {.step = swallow, .length = 8};
	struct {
		struct pdc_xfer xfer;
		uint8_t data[8];
	} message = {.xfer = {.hdr.op = 1, .pos = 4, .length = 8}};

	(void)state;
	enter(&played);
	submit(scene.program, &played->handle, &wish, OPERATION_add_to_stream, 1);
	assert_int_equal(service_scene_ioctl(scene.program, 0x41, &message, sizeof message),
			 -EINVAL);
	message.xfer = (struct pdc_xfer){.hdr.op = 5, .length = 8};
	assert_int_equal(service_scene_ioctl(scene.program, 0x41, &message, sizeof message),
			 -ENOENT);
	message.xfer = (struct pdc_xfer){.hdr.op = 1, .length = 8};
	assert_int_equal(service_scene_ioctl(scene.program, 0x41, &message, sizeof message), 0);
	assert_int_equal(service_scene_reap(scene.program).status, 0);
	wish = (struct operation_wish){.step = give_three};
	submit(scene.program, &played->handle, &wish, OPERATION_block_read, 2);
	service_scene_reap(scene.program);
	message.xfer = (struct pdc_xfer){.hdr.op = 2, .pos = 1, .length = 8};
	assert_int_equal(
		service_scene_call(scene.program, OPERATION_pull, &message, sizeof message), 0);
	assert_int_equal(message.xfer.length, 2);
	assert_memory_equal(message.data, "bc", 2);
	message.xfer = (struct pdc_xfer){.hdr.op = 2, .length = 8};
	assert_int_equal(
		service_scene_call(scene.program, OPERATION_pull, &message, sizeof message), 0);
	assert_int_equal(message.xfer.length, 0);
}

static void a_result_can_be_asked_for_by_number(void **state)
{
	struct played *played;
	struct operation_wish wish = {.step = swallow, .length = 4};
	struct pdc_result result = {.hdr.op = 3};

	(void)state;
	enter(&played);
	assert_int_equal(
		service_scene_call(scene.program, OPERATION_get_result, &result, sizeof result),
		PEERDIST_ERROR_OPERATION_NOTFOUND);
	submit(scene.program, &played->handle, &wish, OPERATION_add_to_stream, 3);
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
	struct operation_wish wish = {.step = nothing, .reserved = INSTANCE_READS_MAX / 256};

	(void)state;
	enter(&played);
	for (uint32_t i = 1; i <= 256; i++)
		assert_int_equal(
			submit(scene.program, &played->handle, &wish, OPERATION_block_read, i),
			ERROR_IO_PENDING);
	assert_int_equal(submit(scene.program, &played->handle, &wish, OPERATION_block_read, 257),
			 ERROR_NO_SYSTEM_RESOURCES);
	wish.reserved = 0;
	for (uint32_t i = 257; i <= 1024; i++)
		assert_int_equal(
			submit(scene.program, &played->handle, &wish, OPERATION_block_read, i),
			ERROR_IO_PENDING);
	assert_int_equal(submit(scene.program, &played->handle, &wish, OPERATION_block_read, 1025),
			 ERROR_NO_SYSTEM_RESOURCES);
	assert_int_equal(submit(other, NULL, &wish, OPERATION_block_read, 1), ERROR_IO_PENDING);
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
		uint64_t number = enter(&played);
		assert_true(number > former);
		former = number;
	}
	struct pdc_hdr header = {0};
	struct request request = {.instance = scene.program->instance, .header = &header};
	struct played more = {.handle.kind = &played_kind};
	assert_int_equal(handle_enter(&request, &more.handle), ERROR_NO_SYSTEM_RESOURCES);
	handle_close(&played->handle);
	assert_true(enter(&played) > former);
}

static void deadlines_wake_operations(void **state)
{
	struct played *played;
	struct operation_wish wish = {.step = late_or_nothing, .timed = true, .timeout_ms = 1};

	(void)state;
	enter(&played);
	submit(scene.program, &played->handle, &wish, OPERATION_block_read, 1);
	struct pdc_completion completion = service_scene_reap(scene.program);
	assert_int_equal(completion.status, ERROR_TIMEOUT);
	assert_int_equal(completion.offset, 7);
	assert_int_equal(completion.bytes, 8);
}

static void closing_ends_what_is_pending(void **state)
{
	struct played *played;
	struct operation_wish wish = {.step = nothing};

	(void)state;
	atomic_store(&freed, 0);
	uint64_t number = enter(&played);
	for (uint32_t i = 1; i <= 3; i++)
		submit(scene.program, &played->handle, &wish, OPERATION_add_to_stream, i);
	handle_close(&played->handle);
	for (unsigned i = 0; i < 3; i++) /* all three are in the queue already */
		assert_int_equal(service_scene_reap(scene.program).status, ERROR_OPERATION_ABORTED);
	assert_int_equal(service_scene_simple(scene.program, OPERATION_close_stream, number, 0),
			 ERROR_INVALID_HANDLE);
	while (atomic_load(&freed) == 0)
		;
}

static void an_instance_takes_all_with_it(void **state)
{
	struct scene_program *program = service_scene_start(&scene, 5);
	struct operation_wish wish = {.step = nothing}, output = {.step = give_three};

	(void)state;
	for (uint32_t i = 1; i <= 100; i++)
		submit(program, NULL, i % 2 ? &wish : &output, OPERATION_block_read, i);
	service_scene_close(program);
	service_scene_wait_counters(&scene, 0, 0);
}

static void after_shutdown_what_is_queued_can_be_had(void **state)
{
	struct scene_program *program = service_scene_start(&scene, 5);
	struct operation_wish wish = {.step = nothing}, output = {.step = give_three};

	(void)state;
	submit(program, NULL, &output, OPERATION_block_read, 1);
	while (!(instance_poll(program->instance) & INSTANCE_COMPLETIONS))
		;
	submit(program, NULL, &wish, OPERATION_block_read, 2);
	assert_int_equal(service_scene_simple(program, OPERATION_shutdown, 0, 0), 0);
	assert_int_equal(service_scene_reap(program).op, 1);
	assert_int_equal(service_scene_reap(program).status, ERROR_OPERATION_ABORTED);
	char *text = service_scene_output(program, 1, 3);
	assert_memory_equal(text, "abc", 3);
	free(text);
	assert_int_equal(submit(program, NULL, &wish, OPERATION_block_read, 3),
			 PEERDIST_ERROR_SHUTDOWN_IN_PROGRESS);
	service_scene_close(program);
}

/* ---- status ---- */

static struct pdc_completion register_and_reap(uint32_t number)
{
	assert_int_equal(service_scene_simple(scene.program, OPERATION_register, 0, number),
			 ERROR_IO_PENDING);
	return service_scene_reap(scene.program);
}

static void registrations_tell_of_changes(void **state)
{
	(void)state;
	struct pdc_completion completion = register_and_reap(1);
	assert_int_equal(completion.status, 0);
	assert_int_equal(completion.flags, PDC_SERVICE);
	assert_int_equal(completion.svc_status, SERVICE_AVAILABLE);
	assert_int_equal(completion.svc_min, 1);
	assert_int_equal(completion.svc_max, 2);
	assert_int_equal(service_scene_simple(scene.program, OPERATION_register, 0, 2),
			 ERROR_IO_PENDING);
	assert_int_equal(service_scene_simple(scene.program, OPERATION_register_ex, 0, 3),
			 PEERDIST_ERROR_ALREADY_EXISTS);
	service_set_status(scene.service, SERVICE_DISABLED);
	completion = service_scene_reap(scene.program);
	assert_int_equal(completion.op, 2);
	assert_int_equal(completion.svc_status, SERVICE_DISABLED);
	service_set_status(scene.service, SERVICE_AVAILABLE);
	service_set_status(scene.service, SERVICE_DISABLED);
	assert_int_equal(service_scene_simple(scene.program, OPERATION_register, 0, 4),
			 ERROR_IO_PENDING);
	service_scene_expect_nothing(scene.program); /* as last reported */
	assert_int_equal(service_scene_simple(scene.program, OPERATION_unregister, 0, 0), 0);
	completion = service_scene_reap(scene.program);
	assert_int_equal(completion.op, 4);
	assert_int_equal(completion.status, ERROR_OPERATION_ABORTED);
	assert_int_equal(completion.flags, 0);
	assert_int_equal(service_scene_simple(scene.program, OPERATION_unregister, 0, 0), 0);
	service_set_versions(scene.service, 2);
	service_set_status(scene.service, SERVICE_AVAILABLE);
	completion = register_and_reap(5);
	assert_int_equal(completion.svc_min, 2);
	assert_int_equal(completion.svc_max, 2);
}

static void a_service_that_is_off_invalidates(void **state)
{
	struct played *played;
	struct operation_wish wish = {.step = nothing};

	(void)state;
	uint64_t number = enter(&played);
	submit(scene.program, &played->handle, &wish, OPERATION_complete_stream, 1);
	service_set_status(scene.service, SERVICE_DISABLED);
	struct pdc_completion completion = service_scene_reap(scene.program);
	assert_int_equal(completion.status, PEERDIST_ERROR_INVALIDATED);
	assert_int_equal(service_scene_simple(scene.program, OPERATION_complete_stream, number, 2),
			 PEERDIST_ERROR_INVALIDATED);
	assert_int_equal(service_scene_simple(scene.program, OPERATION_complete_stream, 12345, 2),
			 ERROR_INVALID_HANDLE);
	struct pdc_tag tag = {0};
	assert_int_equal(
		service_scene_call(scene.program, OPERATION_open_content, &tag, sizeof tag),
		ERROR_ACCESS_DISABLED_BY_POLICY);
	service_set_status(scene.service, SERVICE_UNAVAILABLE);
	tag = (struct pdc_tag){0};
	assert_int_equal(
		service_scene_call(scene.program, OPERATION_open_content, &tag, sizeof tag),
		PEERDIST_ERROR_SERVICE_UNAVAILABLE);
	service_set_status(scene.service, SERVICE_AVAILABLE);
	assert_int_equal(service_scene_simple(scene.program, OPERATION_complete_stream, number, 2),
			 PEERDIST_ERROR_INVALIDATED);
	handle_close(&played->handle);
}

static void kicked_instances_are_shut_down(void **state)
{
	struct scene_program *program = service_scene_start(&scene, 5);
	struct operation_wish wish = {.step = nothing};
	char *text;
	size_t size;
	unsigned long long id;

	(void)state;
	submit(program, NULL, &wish, OPERATION_block_read, 1);
	FILE *file = open_memstream(&text, &size);
	assert_int_equal(service_list_instances(scene.service, false, 5, file), 0);
	fclose(file);
	assert_int_equal(sscanf(text, "%llu uid 5 ", &id), 1);
	assert_non_null(strstr(text, "operations 1\n"));
	free(text);
	assert_int_equal(service_kick(scene.service, id + 1000), -ENOENT);
	assert_int_equal(service_kick(scene.service, id), 0);
	assert_int_equal(service_scene_reap(program).status, ERROR_OPERATION_ABORTED);
	assert_int_equal(service_scene_simple(program, OPERATION_unregister, 0, 0),
			 ERROR_INVALID_HANDLE);
	service_scene_close(program);
}

/* ---- many threads ---- */

static void *mix(void *argument)
{
	struct scene_program *program = scene.program;
	uint32_t first = *(uint32_t *)argument;
	struct operation_wish wishes[] = {
		{.step = done_at_once}, {.step = give_three}, {.step = nothing}};

	for (uint32_t i = 0; i < 2000; i++) {
		uint32_t number = first + i % 50;
		submit(program, NULL, &wishes[i % 3], OPERATION_block_read, number);
		operations_end(program->instance, ERROR_OPERATION_ABORTED, is_number, &number);
		struct {
			struct pdc_reap reap;
			struct pdc_completion completions[8];
		} message = {0};
		service_scene_call(program, OPERATION_reap, &message, sizeof message);
		for (uint32_t j = 0; j < message.reap.count; j++)
			if (message.completions[j].flags & PDC_OUTPUT)
				free(service_scene_output(program, message.completions[j].op, 3));
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
		TEST(unknown_numbers_are_refused),
		TEST(short_messages_are_refused),
		TEST(lengths_inside_must_fit),
		TEST(reserved_fields_must_be_zero),
		TEST(structs_may_grow),
		TEST(startup_comes_first_and_once),
		TEST(versions_that_are_accepted),
		TEST(users_have_a_limit_of_instances),
		TEST(numbers_are_the_callers),
		TEST(completions_come_as_many_as_fit),
		TEST(a_lane_is_in_order),
		TEST(what_is_cancelled_lets_the_next_begin),
		TEST(frames_must_follow_each_other),
		TEST(input_has_credit_and_more_when_it_is_taken),
		TEST(one_users_input_is_bounded_over_instances),
		TEST(output_is_fetched_in_pieces),
		TEST(push_and_pull_do_the_same_by_ioctl),
		TEST(a_result_can_be_asked_for_by_number),
		TEST(operations_and_reads_have_limits),
		TEST(handles_have_a_limit_and_numbers_of_their_own),
		TEST(deadlines_wake_operations),
		TEST(closing_ends_what_is_pending),
		TEST(an_instance_takes_all_with_it),
		TEST(after_shutdown_what_is_queued_can_be_had),
		TEST(registrations_tell_of_changes),
		TEST(a_service_that_is_off_invalidates),
		TEST(kicked_instances_are_shut_down),
		TEST(threads_share_an_instance),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
