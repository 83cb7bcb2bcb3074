/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The way of offers to the loop.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "peer/hosted_inbox.h"

static struct {
	struct loop *loop;
	struct hosted_inbox *inbox;
	unsigned messages, items;
	uint32_t last[256]; /* by port: what came from there comes in order */
} scene;

static void take(void *context, const struct xaddr *server, const struct offers_item *items,
		 unsigned count)
{
	assert_ptr_equal(context, &scene);
	assert_true(loop_inside(scene.loop));
	for (unsigned i = 0; i < count; i++) {
		assert_int_equal(items[i].id.size, 32);
		for (unsigned j = 0; j < 32; j++)
			assert_int_equal(items[i].id.octets[j], (uint8_t)(items[i].size + j));
	}
	assert_true(items[0].size > scene.last[server->port]);
	scene.last[server->port] = items[count - 1].size;
	scene.messages++;
	scene.items += count;
}

static void begin(unsigned limit)
{
	struct hosted_inbox_options options = {.take = take, .context = &scene, .items = limit};

	memset(&scene, 0, sizeof(scene));
	assert_int_equal(loop_create(&scene.loop), 0);
	options.loop = scene.loop;
	assert_int_equal(hosted_inbox_create(&options, &scene.inbox), 0);
}

static int nothing(void *context)
{
	(void)context;
	return 0;
}

static void end(void)
{
	hosted_inbox_stop(scene.inbox);
	loop_call(scene.loop, nothing, NULL);
	hosted_inbox_free(scene.inbox);
	loop_destroy(scene.loop);
}

/* Items numbered from NUMBER on; ids and items are gone at once. */
static void put(unsigned port, uint32_t number, unsigned count)
{
	struct xaddr server = {.family = XADDR_IPV4, .port = (uint16_t)port, .octets = {10}};
	struct offers_item *items = calloc(count, sizeof(*items));
	uint8_t(*ids)[32] = calloc(count, 32);

	for (unsigned i = 0; i < count; i++) {
		items[i].size = number + i;
		for (unsigned j = 0; j < 32; j++)
			ids[i][j] = (uint8_t)(number + i + j);
		items[i].id = (struct pccrr_id){ids[i], 32};
	}
	hosted_inbox_put(scene.inbox, &server, items, count);
	free(items);
	free(ids);
}

static int messages(void *context)
{
	(void)context;
	return (int)scene.messages;
}

static void await_messages(int count)
{
	while (loop_call(scene.loop, messages, NULL) < count)
		;
}

static void offers_come_in_order(void **state)
{
	uint32_t number = 1;

	(void)state;
	begin(0);
	hosted_inbox_begin(scene.inbox);
	for (unsigned i = 0; i < 500; i++) {
		put(1, number, 1 + i % 128);
		number += 1 + i % 128;
	}
	await_messages(500);
	assert_int_equal(scene.items, number - 1);
	assert_int_equal(hosted_inbox_beyond(scene.inbox), 0);
	end();
}

static void nothing_comes_before_it_is_begun(void **state)
{
	(void)state;
	begin(0);
	put(1, 1, 5);
	assert_int_equal(loop_call(scene.loop, messages, NULL), 0);
	hosted_inbox_begin(scene.inbox);
	await_messages(1);
	assert_int_equal(scene.items, 5);
	end();
}

static void too_many_are_forgotten_and_counted(void **state)
{
	(void)state;
	begin(10);
	put(1, 1, 6);
	put(1, 7, 5);
	put(1, 12, 4);
	put(1, 16, 1);
	assert_int_equal(hosted_inbox_beyond(scene.inbox), 6);
	hosted_inbox_begin(scene.inbox);
	await_messages(2);
	assert_int_equal(scene.items, 10);
	put(1, 17, 10); /* there is room again */
	await_messages(3);
	assert_int_equal(hosted_inbox_beyond(scene.inbox), 6);
	end();
}

static void after_the_stop_all_is_forgotten(void **state)
{
	(void)state;
	begin(0);
	put(1, 1, 6);
	hosted_inbox_stop(scene.inbox);
	put(1, 7, 5);
	hosted_inbox_begin(scene.inbox);
	assert_int_equal(loop_call(scene.loop, messages, NULL), 0);
	assert_int_equal(hosted_inbox_beyond(scene.inbox), 11);
	end();
}

#define THREADS 4u
#define PUTS 2000u

static void *put_many(void *context)
{
	unsigned port = *(unsigned *)context;

	for (uint32_t i = 1; i <= PUTS; i++)
		put(port, i, 1);
	return NULL;
}

static void threads_may_put_together(void **state)
{
	pthread_t threads[THREADS];
	unsigned ports[THREADS];

	(void)state;
	begin(0);
	hosted_inbox_begin(scene.inbox);
	for (unsigned i = 0; i < THREADS; i++) {
		ports[i] = i;
		assert_int_equal(pthread_create(&threads[i], NULL, put_many, &ports[i]), 0);
	}
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	await_messages(THREADS * PUTS);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(offers_come_in_order),
		cmocka_unit_test(nothing_comes_before_it_is_begun),
		cmocka_unit_test(too_many_are_forgotten_and_counted),
		cmocka_unit_test(after_the_stop_all_is_forgotten),
		cmocka_unit_test(threads_may_put_together),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
