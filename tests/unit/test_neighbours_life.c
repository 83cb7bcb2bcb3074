/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Neighbours that begin, end and change their minds while several threads seek.
 */
#include "tests/unit/neighbours_fixture.h"

#include <stdatomic.h>

struct work {
	struct seeking *seeking;
	unsigned seed, rounds;
	bool hasty; /* drops, and hurries */
	atomic_bool *over;
	pthread_t thread;
};

static void drop_some(struct work *work)
{
	struct seeking *seeking = work->seeking;
	struct neighbours *neighbours = seeking->machine->neighbours;

	for (unsigned i = 0; i < seeking->count; i++) {
		struct item *item = &seeking->items[(unsigned)rand_r(&work->seed) % seeking->count];

		if (rand_r(&work->seed) % 2 == 0) {
			neighbours_hurry(neighbours, &item->want);
		} else if (neighbours_drop(neighbours, &item->want)) {
			pthread_mutex_lock(&seeking->lock);
			end_item(item, DROPPED);
			pthread_mutex_unlock(&seeking->lock);
		}
		if (rand_r(&work->seed) % 8 == 0)
			usleep((useconds_t)rand_r(&work->seed) % 500);
	}
}

static void *seek_again_and_again(void *argument)
{
	struct work *work = argument;

	for (; work->over != NULL ? !atomic_load(work->over) : work->rounds > 0; work->rounds--) {
		seek(work->seeking, 1 + (unsigned)rand_r(&work->seed) % 50);
		if (work->hasty)
			drop_some(work);
		if (!wait_ended(work->seeking))
			return NULL;
		if (refused_for(work->seeking, SEEKER_ENDED) > 0)
			usleep(1000); /* others have the lock too */
	}
	return NULL;
}

static void begin_work(struct work *work)
{
	assert_int_equal(pthread_create(&work->thread, NULL, seek_again_and_again, work), 0);
}

static void end_work(struct work *work)
{
	pthread_join(work->thread, NULL);
	assert_int_equal(work->seeking->faults, 0);
}

static void two_threads_seek_at_the_same_time(void **state)
{
	(void)state;
	lay_link();
	struct machine *giver = far_machine(), *seeker = near_machine();
	struct work works[2] = {{.seeking = make_seeking(seeker, 2), .seed = 1, .rounds = 4},
				{.seeking = make_seeking(seeker, 2), .seed = 2, .rounds = 4}};

	hold(giver, 2);
	for (unsigned i = 0; i < 2; i++)
		begin_work(&works[i]);
	for (unsigned i = 0; i < 2; i++)
		end_work(&works[i]);
	for (unsigned i = 0; i < 2; i++) {
		assert_all_come(works[i].seeking);
		free_seeking(works[i].seeking);
	}
}

static void what_is_sought_is_dropped_at_any_time(void **state)
{
	(void)state;
	lay_link();
	struct machine *giver = far_machine(), *seeker = near_machine();
	struct work works[2] = {
		{.seeking = make_seeking(seeker, 2), .seed = 3, .rounds = 20, .hasty = true},
		{.seeking = make_seeking(seeker, 1), .seed = 4, .rounds = 20, .hasty = true}};

	hold(giver, 2);
	for (unsigned i = 0; i < 2; i++)
		begin_work(&works[i]);
	for (unsigned i = 0; i < 2; i++)
		end_work(&works[i]);
	assert_all_come(works[0].seeking);
	for (unsigned i = 0; i < 2; i++)
		free_seeking(works[i].seeking);
}

/* The giver's thread is in the far namespace. */
struct switching {
	struct machine *machine;
	unsigned seed, times;
	atomic_bool failed;
	pthread_t thread;
};

static void *switch_on_and_off(void *argument)
{
	struct switching *switching = argument;
	struct neighbours_counters counters;
	struct seeker_peer peers[2];
	struct xaddr address;
	char message[256];

	for (unsigned i = 0; i < switching->times; i++) {
		usleep((useconds_t)rand_r(&switching->seed) % 30000);
		neighbours_counters(switching->machine->neighbours, &counters);
		neighbours_off(switching->machine->neighbours);
		usleep((useconds_t)rand_r(&switching->seed) % 3000);
		neighbours_addresses(switching->machine->neighbours, &address, 1);
		if (neighbours_on(switching->machine->neighbours, NEIGHBOURS_LAN, NULL, message,
				  sizeof(message)) != 0)
			atomic_store(&switching->failed, true);
		neighbours_peers(switching->machine->neighbours, peers, 2);
		neighbours_origin(switching->machine->neighbours, 1 << 20, 10);
	}
	return NULL;
}

static void begin_switching(struct switching *switching)
{
	assert_int_equal(pthread_create(&switching->thread, NULL, switch_on_and_off, switching), 0);
}

static void end_switching(struct switching *switching)
{
	pthread_join(switching->thread, NULL);
	assert_false(switching->failed);
}

static void they_are_switched_on_and_off_under_load(void **state)
{
	atomic_bool over = false;

	(void)state;
	lay_link();
	struct machine *giver = far_machine(), *seeker = near_machine();
	struct work works[2] = {
		{.seeking = make_seeking(seeker, 2), .seed = 5, .hasty = true, .over = &over},
		{.seeking = make_seeking(seeker, 2), .seed = 6, .over = &over}};
	struct switching switchings[2] = {{.machine = seeker, .seed = 7, .times = 25},
					  {.machine = giver, .seed = 8, .times = 10}};

	hold(giver, 2);
	for (unsigned i = 0; i < 2; i++)
		begin_work(&works[i]);
	begin_switching(&switchings[0]);
	network_scene_enter_far();
	begin_switching(&switchings[1]);
	network_scene_leave_far();
	for (unsigned i = 0; i < 2; i++)
		end_switching(&switchings[i]);
	atomic_store(&over, true);
	for (unsigned i = 0; i < 2; i++)
		end_work(&works[i]);
	/* Without what they think of each other by now. */
	neighbours_off(seeker->neighbours);
	turn_on(seeker);
	assert_all_come(works[0].seeking);
	for (unsigned i = 0; i < 2; i++)
		free_seeking(works[i].seeking);
}

static void they_are_stopped_under_load(void **state)
{
	atomic_bool over = false;

	(void)state;
	lay_link();
	struct machine *giver = far_machine(), *seeker = near_machine();
	struct work works[2] = {
		{.seeking = make_seeking(seeker, 2), .seed = 9, .hasty = true, .over = &over},
		{.seeking = make_seeking(seeker, 2), .seed = 10, .over = &over}};

	hold(giver, 2);
	for (unsigned i = 0; i < 2; i++)
		begin_work(&works[i]);
	while (counters_of(seeker).seeker.good == 0)
		usleep(1000);
	neighbours_stop(seeker->neighbours);
	neighbours_off(seeker->neighbours);
	atomic_store(&over, true);
	for (unsigned i = 0; i < 2; i++)
		end_work(&works[i]);
	assert_all_refused(works[0].seeking, SEEKER_ENDED);
	for (unsigned i = 0; i < 2; i++)
		free_seeking(works[i].seeking);
}

/* Dies in the middle: what it had promised is refused or comes, none of it is forgotten. */
static void the_giver_goes_under_load(void **state)
{
	atomic_bool over = false;

	(void)state;
	lay_link();
	struct machine *giver = far_machine(), *seeker = near_machine();
	struct work work = {.seeking = make_seeking(seeker, 2), .seed = 11, .over = &over};

	hold(giver, 2);
	begin_work(&work);
	while (counters_of(seeker).seeker.good == 0)
		usleep(1000);
	end_machine(giver);
	atomic_store(&over, true);
	end_work(&work);
	seek(work.seeking, ITEMS_MAX);
	assert_true(wait_ended(work.seeking));
	assert_int_equal(how_many(work.seeking, REFUSED), work.seeking->count);
	free_seeking(work.seeking);
}

int main(void)
{
#define test(function) cmocka_unit_test_setup_teardown(function, begin, end)
	const struct CMUnitTest tests[] = {
		test(two_threads_seek_at_the_same_time),
		test(what_is_sought_is_dropped_at_any_time),
		test(they_are_switched_on_and_off_under_load),
		test(they_are_stopped_under_load),
		test(the_giver_goes_under_load),
	};

	log_open("stderr", LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
