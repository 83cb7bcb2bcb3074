/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Many programs of one user at the same content at once, doing anything in any order: what is read
 * is right, every operation completes once, and nothing is left.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/consumer_scene.h"

#define PROGRAMS 4u
#define ROUNDS 40u
#define CALLS 40u
#define SIZE 1000000u

static struct consumer_scene scene;
static uint8_t *information[2];
static uint32_t information_size[2];

struct actor {
	pthread_t thread;
	struct scene_program *program;
	uint64_t handle;
	uint64_t seed;
	unsigned pending;
};

static uint32_t lot(struct actor *actor, uint32_t below)
{
	actor->seed = actor->seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(actor->seed >> 33) % below;
}

static void start(struct actor *actor)
{
	unsigned range = lot(actor, 2);

	actor->handle = consumer_scene_open(actor->program, (uint8_t)lot(actor, 2));
	if (lot(actor, 3) == 0) {
		/* All of it, in version 1 or 2. */
		assert_int_equal(consumer_scene_input(actor->program, OPERATION_add_information,
						      actor->handle, 0, information[range],
						      information_size[range], 5000),
				 0);
	} else {
		uint32_t size;
		uint8_t *part = consumer_scene_information(&scene, 1 + range, lot(actor, SIZE / 2),
							   SIZE / 2, &size);

		assert_int_equal(consumer_scene_input(actor->program, OPERATION_add_information,
						      actor->handle, 0, part, size, size),
				 0);
		free(part);
	}
	assert_int_equal(consumer_scene_complete(actor->program, actor->handle), 0);
}

static void reap_all(struct actor *actor, unsigned down_to)
{
	for (; actor->pending > down_to; actor->pending--)
		consumer_scene_reap(&scene, actor->program);
}

static void add(struct actor *actor)
{
	uint32_t offset = lot(actor, SIZE), number;
	uint32_t length = 1 + lot(actor, SIZE - offset < 200000 ? SIZE - offset : 200000);
	/* Now and then not all of it comes. */
	uint32_t given = lot(actor, 5) == 0 ? length / 2 : length;

	assert_int_equal(consumer_scene_submit_input(actor->program, OPERATION_add_data,
						     actor->handle, offset, length, &number),
			 ERROR_IO_PENDING);
	actor->pending++;
	service_scene_feed(actor->program, number, scene.octets + offset, given, 70000);
	if (given < length)
		service_scene_simple(actor->program, OPERATION_client_cancel, actor->handle,
				     number);
}

static void act(struct actor *actor)
{
	static const enum near_mode modes[] = {NEAR_WILLING, NEAR_WILLING, NEAR_NOBODY, NEAR_EMPTY};
	enum operation_opcode opcode =
		lot(actor, 2) == 0 ? OPERATION_block_read : OPERATION_stream_read;
	uint32_t number, what = lot(actor, 20);

	if (what < 8) {
		assert_int_equal(consumer_scene_submit_read(actor->program, opcode, actor->handle,
							    lot(actor, SIZE + 1000),
							    lot(actor, 150000), lot(actor, 3) * 50,
							    &number),
				 ERROR_IO_PENDING);
		actor->pending++;
		if (lot(actor, 4) == 0)
			service_scene_simple(actor->program, OPERATION_client_cancel, actor->handle,
					     number);
	} else if (what < 15) {
		add(actor);
	} else if (what < 17) {
		service_scene_simple(actor->program, OPERATION_client_cancel, actor->handle, 0);
	} else if (what < 18) {
		consumer_scene_become(&scene, modes[lot(actor, 4)]);
	} else {
		reap_all(actor, 0);
		consumer_scene_flush(actor->program, (uint8_t)lot(actor, 2));
	}
}

static void *run(void *context)
{
	struct actor *actor = context;

	for (unsigned round = 0; round < ROUNDS; round++) {
		start(actor);
		for (unsigned call = 0; call < CALLS; call++)
			act(actor);
		/* Closed while some are pending. */
		assert_int_equal(service_scene_simple(actor->program, OPERATION_close_content,
						      actor->handle, 0),
				 0);
		reap_all(actor, 0);
		service_scene_expect_nothing(actor->program);
	}
	return NULL;
}

static void test_storm(void **state)
{
	struct actor actors[PROGRAMS];

	(void)state;
	consumer_scene_begin(&scene, SIZE);
	for (unsigned i = 0; i < 2; i++)
		information[i] =
			consumer_scene_information(&scene, i + 1, 0, SIZE, &information_size[i]);
	for (unsigned i = 0; i < PROGRAMS; i++) {
		actors[i] = (struct actor){.seed = i + 1};
		actors[i].program =
			i == 0 ? scene.program : service_scene_start(&scene.scene, 1000);
		assert_int_equal(pthread_create(&actors[i].thread, NULL, run, &actors[i]), 0);
	}
	for (unsigned i = 0; i < PROGRAMS; i++)
		assert_int_equal(pthread_join(actors[i].thread, NULL), 0);
	consumer_scene_become(&scene, NEAR_NOBODY);
	service_scene_wait_counters(&scene.scene, 0, 0);
	for (unsigned i = 1; i < PROGRAMS; i++)
		service_scene_close(actors[i].program);
	for (unsigned i = 0; i < 2; i++)
		free(information[i]);
	consumer_scene_end(&scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_storm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
