/* SPDX-License-Identifier: BSD-2-Clause
 *
 * When the memory of outputs goes back to the system.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <malloc.h>

#include "fs/service/outputs.h"
#include "tests/unit/service_played.h"

#define MIB (1u << 20)

static unsigned trimmed;

/* In place of the allocator's. */
int malloc_trim(size_t pad)
{
	(void)pad;
	trimmed++;
	return 1;
}

static void hold(struct outputs *outputs, unsigned times)
{
	for (unsigned i = 0; i < times; i++)
		outputs_hold(outputs, MIB);
}

static void drop(struct outputs *outputs, unsigned times)
{
	for (unsigned i = 0; i < times; i++)
		outputs_free(outputs, MIB);
}

static unsigned trimmed_by_end(struct outputs *outputs)
{
	trimmed = 0;
	outputs_give_back(outputs);
	return trimmed;
}

static void a_large_amount_goes_back_once(void **state)
{
	struct outputs outputs = {0};

	(void)state;
	hold(&outputs, 100);
	drop(&outputs, 100);
	assert_int_equal(trimmed_by_end(&outputs), 1);
	assert_int_equal(trimmed_by_end(&outputs), 0);
	hold(&outputs, 100);
	drop(&outputs, 100);
	assert_int_equal(trimmed_by_end(&outputs), 1);
}

static void a_small_one_stays(void **state)
{
	struct outputs outputs = {0};

	(void)state;
	hold(&outputs, 63);
	drop(&outputs, 63);
	assert_int_equal(trimmed_by_end(&outputs), 0);
}

static void what_others_hold_stays(void **state)
{
	struct outputs outputs = {0};

	(void)state;
	hold(&outputs, 200);
	drop(&outputs, 100);
	assert_int_equal(trimmed_by_end(&outputs), 0);
	drop(&outputs, 90);
	assert_int_equal(trimmed_by_end(&outputs), 1);
	/* What is left is no large amount. */
	drop(&outputs, 10);
	assert_int_equal(trimmed_by_end(&outputs), 0);
}

/* The service keeps the account. */

static void the_end_of_an_instance_gives_back(void **state)
{
	struct operation_wish wish = {.step = played_give_three};
	struct scene scene;

	(void)state;
	service_scene_begin(&scene, NULL);
	struct scene_program *program = service_scene_start(&scene, 5);
	hold(&scene.service->outputs, 64);
	drop(&scene.service->outputs, 64);
	played_submit(program, NULL, &wish, OPERATION_block_read, 1);
	service_scene_reap(program);
	assert_int_equal(atomic_load(&scene.service->outputs.held), 3);
	assert_int_equal(atomic_load(&scene.service->outputs.most), 64 * MIB);
	trimmed = 0;
	service_scene_close(program);
	service_scene_end(&scene);
	assert_int_equal(trimmed, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_large_amount_goes_back_once),
		cmocka_unit_test(a_small_one_stays),
		cmocka_unit_test(what_others_hold_stays),
		cmocka_unit_test(the_end_of_an_instance_gives_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
