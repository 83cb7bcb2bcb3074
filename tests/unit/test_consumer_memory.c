/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Memory of reads that wait: none while there is nothing to give.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static atomic_uint allocated; /* times */

static void *counted(size_t size)
{
	atomic_fetch_add(&allocated, 1);
	return malloc(size);
}

#define malloc(size) counted(size)
#include "fs/service/consumer_read.c"
#undef malloc

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

static void who_looks_in_vain_needs_none(void **state)
{
	uint64_t handle = consumer_scene_ready_content(&scene, scene.program, 1, 1, 0, 0);
	uint32_t number;

	(void)state;
	consumer_scene_become(&scene, NEAR_SILENT);
	for (unsigned i = 0; i < 10; i++)
		assert_int_equal(consumer_scene_submit_read(scene.program, OPERATION_block_read,
							    handle, BLOCK, PDC_READ_MAX, UINT32_MAX,
							    &number),
				 ERROR_IO_PENDING);
	/* It is beside what they want, and wakes them. */
	assert_int_equal(consumer_scene_add(&scene, scene.program, handle, 0, BLOCK), 0);
	assert_int_equal(service_scene_simple(scene.program, OPERATION_client_cancel, handle, 0),
			 0);
	for (unsigned i = 0; i < 10; i++)
		assert_int_equal(service_scene_reap(scene.program).status, ERROR_OPERATION_ABORTED);
	assert_int_equal(atomic_load(&allocated), 0);
	consumer_scene_expect(&scene, OPERATION_block_read, handle, 10, BLOCK, 0, 0, 10,
			      BLOCK - 10);
	assert_int_equal(atomic_load(&allocated), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(who_looks_in_vain_needs_none, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
