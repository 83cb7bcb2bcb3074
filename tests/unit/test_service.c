/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The service's messages, instances and status.
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
	struct operation_wish wish = {.step = played_nothing};

	(void)state;
	uint64_t number = played_enter(scene.program, &played);
	played_submit(scene.program, &played->handle, &wish, OPERATION_complete_stream, 1);
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
	struct operation_wish wish = {.step = played_nothing};
	char *text;
	size_t size;
	unsigned long long id;

	(void)state;
	played_submit(program, NULL, &wish, OPERATION_block_read, 1);
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
		TEST(registrations_tell_of_changes),
		TEST(a_service_that_is_off_invalidates),
		TEST(kicked_instances_are_shut_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
