/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Content information that was added while it was being completed: the call saw nothing of the
 * other, and is submitted behind it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "fs/service/consumer_information.c"

/* Behind it, since it has a macro fail(). */
#include <cmocka.h>

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

/* The second half of add(). */
static uint32_t submit_add(uint64_t number, uint8_t octet)
{
	struct scene_program *program = scene.program;
	/* The octet in the message itself. */
	union {
		struct pdc_input input;
		uint8_t octets[sizeof(struct pdc_input) + 1];
	} message = {
		.input = {.hdr.op = service_scene_number(program), .length = 1, .inline_len = 1}};
	struct request request = {.instance = program->instance,
				  .opcode = OPERATION_add_information,
				  .header = &message.input.hdr,
				  .tail = 1};

	message.octets[offsetof(struct pdc_input, data)] = octet;
	LIST_FOREACH (request.handle, &program->instance->handles, in_instance)
		if (request.handle->number == number)
			break;
	return submit(&request, add_step, 1);
}

static void what_is_added_behind_the_end_changes_nothing(void **state)
{
	uint64_t handle = consumer_scene_ready_content(&scene, scene.program, 1, 1, 0, 0);

	(void)state;
	assert_int_equal(submit_add(handle, 0), ERROR_IO_PENDING);
	assert_int_equal(service_scene_reap(scene.program).status,
			 PEERDIST_ERROR_ALREADY_COMPLETED);
	consumer_scene_expect(&scene, OPERATION_stream_read, handle, 0, 1000, 0,
			      PEERDIST_ERROR_MISSING_DATA, 0, FILE_SIZE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_added_behind_the_end_changes_nothing, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
