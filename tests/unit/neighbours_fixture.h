/* SPDX-License-Identifier: BSD-2-Clause
 *
 * For the tests of neighbours as a whole, over real sockets: machines with a loop, a pool and a
 * store each, in the two network namespaces of network_scene.h. Some hold a content, one seeks its
 * blocks.
 */
#ifndef TESTS_UNIT_NEIGHBOURS_FIXTURE_H
#define TESTS_UNIT_NEIGHBOURS_FIXTURE_H

#include "tests/unit/store_content_fixture.h"

#include <pthread.h>
#include <time.h>

#include "peer/neighbours.h"
#include "tests/unit/network_scene.h"

#define MACHINES 4
#define ITEMS_MAX 1024u
#define HEAD_ROOM 24u

/* ---- machines ---- */

struct machine {
	struct loop *loop;
	struct pool *pool;
	struct store *store;
	struct neighbours *neighbours;
	struct object *object; /* what it holds; NULL: nothing */
	bool stopped;
	unsigned sides; /* that it takes part on; 0: NEIGHBOURS_LAN */
	struct neighbours_hosted hosted;
};

static struct machine machines[MACHINES];
static unsigned machine_count;
static unsigned char *data;

static UNUSED int begin(void **state)
{
	machine_count = 0;
	memset(machines, 0, sizeof(machines));
	data = make_octets(BIG, 1);
	return fixture_setup(state);
}

static UNUSED struct store *open_store(unsigned number)
{
	char directory[128], message[512];
	const struct store_options options = {.directory = directory,
					      .scope = "http://origin/",
					      .owner = "/mnt/point",
					      .limit = LIMIT,
					      .max_age = 3600,
					      .now = fixture_now};
	struct store *store = NULL;

	snprintf(directory, sizeof(directory), "%s/machine-%u", fixture_directory, number);
	if (store_open(&options, &store, message, sizeof(message)) != 0)
		fail_msg("store_open: %s", message);
	return store;
}

/* It is in the namespace that the calling thread is in; INTERFACE its only one. */
static UNUSED struct machine *make_machine(const char *const *interface)
{
	struct machine *machine = &machines[machine_count];

	assert_int_equal(loop_create(&machine->loop), 0);
	assert_int_equal(pool_create(2, &machine->pool), 0);
	machine->store = open_store(machine_count);
	const struct neighbours_options options = {.loop = machine->loop,
						   .pool = machine->pool,
						   .store = machine->store,
						   .interfaces = interface,
						   .discovery_port = 3702,
						   .thinning = THINNING_DEFAULT};
	assert_int_equal(neighbours_create(&options, &machine->neighbours), 0);
	machine_count++;
	return machine;
}

static UNUSED void turn_on(struct machine *machine)
{
	char message[256] = "";

	unsigned sides = machine->sides != 0 ? machine->sides : NEIGHBOURS_LAN;
	if (neighbours_on(machine->neighbours, sides,
			  (sides & NEIGHBOURS_HOSTED) != 0 ? &machine->hosted : NULL, message,
			  sizeof(message)) != 0)
		fail_msg("neighbours_on: %s", message);
}

static UNUSED struct machine *near_machine(void)
{
	static const char *const interface[] = {"v0", NULL};
	struct machine *machine = make_machine(interface);

	turn_on(machine);
	return machine;
}

static UNUSED struct machine *far_machine(void)
{
	network_scene_enter_far();
	struct machine *machine = near_machine();
	network_scene_leave_far();
	return machine;
}

static UNUSED void hold_units(struct machine *machine, unsigned version, uint32_t first,
			      uint32_t end)
{
	struct content *content = content_of(machine->store, data, BIG, version);
	uint64_t dropped;

	machine->object = make_object(machine->store, "f", BIG);
	assert_int_equal(describe(machine->object, content, &dropped), 0);
	content_put(content);
	write_units(machine->object, data, first, end);
}

static UNUSED void hold(struct machine *machine, unsigned version)
{
	hold_units(machine, version, 0, UINT32_MAX);
}

/* As a daemon ends. */
static UNUSED void end_machine(struct machine *machine)
{
	if (machine->neighbours != NULL) {
		neighbours_stop(machine->neighbours);
		neighbours_off(machine->neighbours);
	}
	loop_destroy(machine->loop);
	pool_destroy(machine->pool);
	neighbours_free(machine->neighbours);
	object_put(machine->object);
	if (machine->store != NULL)
		store_close(machine->store);
	memset(machine, 0, sizeof(*machine));
}

static UNUSED int end(void **state)
{
	for (unsigned i = 0; i < MACHINES; i++)
		end_machine(&machines[i]);
	free(data);
	network_scene_end(state);
	return fixture_teardown(state);
}

static UNUSED void lay_link(void)
{
	network_scene_begin();
	network_scene_link("v0");
	network_scene_ip("address add 10.9.0.1/24 dev v0");
	network_scene_far_ip("address add 10.9.0.2/24 dev v0");
}

static UNUSED struct neighbours_counters counters_of(struct machine *machine)
{
	struct neighbours_counters counters;

	neighbours_counters(machine->neighbours, &counters);
	return counters;
}

/* The last block is told of before it is counted. */
static UNUSED struct neighbours_counters counters_after(struct machine *machine, uint64_t good)
{
	struct neighbours_counters counters;

	for (unsigned i = 0; i < NETWORK_PATIENCE * 1000; i++) {
		counters = counters_of(machine);
		if (counters.seeker.good >= good)
			break;
		usleep(1000);
	}
	return counters;
}

/* ---- seeking ---- */

enum fate { SOUGHT, CAME, REFUSED, DROPPED };

struct item {
	struct neighbours_want want; /* first */
	struct seeking *seeking;
	enum fate fate;
	enum seeker_reason reason;
};

struct seeking {
	struct machine *machine;
	struct content *content;
	pthread_mutex_t lock;
	pthread_cond_t more;
	unsigned count, ended;
	unsigned late;   /* times */
	unsigned hosted; /* blocks that came from hosted caches, in all */
	unsigned blocks; /* that the content has */
	unsigned came;   /* in all, by seek_until() */
	unsigned faults; /* that must not be: wrong octets, ended twice, out of order */
	struct item items[ITEMS_MAX];
};

static UNUSED struct item *item_of(struct neighbours_want *want)
{
	return (struct item *)want;
}

static UNUSED void end_item(struct item *item, enum fate fate)
{
	struct seeking *seeking = item->seeking;

	if (item->fate != SOUGHT)
		seeking->faults++;
	item->fate = fate;
	seeking->ended++;
	pthread_cond_broadcast(&seeking->more);
}

static UNUSED void came(struct neighbours_want *want, void *memory, const struct xaddr *from,
			bool hosted)
{
	struct item *item = item_of(want);
	struct seeking *seeking = item->seeking;
	const unsigned char *block = (unsigned char *)memory + HEAD_ROOM;

	pthread_mutex_lock(&seeking->lock);
	if (memcmp(block, data + want->offset, want->length) != 0 || from->port == 0 ||
	    want->sought != NULL)
		seeking->faults++;
	seeking->hosted += hosted;
	end_item(item, CAME);
	pthread_mutex_unlock(&seeking->lock);
	free(memory);
}

static UNUSED void refused(struct neighbours_want *const *wants, unsigned count,
			   enum seeker_reason reason)
{
	struct seeking *seeking = item_of(wants[0])->seeking;

	pthread_mutex_lock(&seeking->lock);
	for (unsigned i = 0; i < count; i++) {
		struct item *item = item_of(wants[i]);
		if (item->seeking != seeking || (i > 0 && wants[i]->offset <= wants[i - 1]->offset))
			seeking->faults++;
		item->reason = reason;
		end_item(item, REFUSED);
	}
	pthread_mutex_unlock(&seeking->lock);
}

static UNUSED void late(void *owner, uint64_t stream, const uint64_t *offsets, unsigned count,
			enum seeker_reason reason)
{
	struct seeking *seeking = owner;

	(void)reason;
	pthread_mutex_lock(&seeking->lock);
	for (unsigned i = 0; i < count; i++)
		if (offsets[i] >= BIG || (i > 0 && offsets[i] <= offsets[i - 1]))
			seeking->faults++;
	seeking->faults += stream != (uintptr_t)seeking;
	seeking->late += count;
	pthread_mutex_unlock(&seeking->lock);
}

static UNUSED struct seeking *make_seeking(struct machine *machine, unsigned version)
{
	struct seeking *seeking = calloc(1, sizeof(*seeking));

	assert_non_null(seeking);
	pthread_mutex_init(&seeking->lock, NULL);
	pthread_cond_init(&seeking->more, NULL);
	seeking->machine = machine;
	seeking->content = content_of(machine->store, data, BIG, version);
	for (uint64_t offset = 0; offset < BIG; seeking->blocks++) {
		struct content_block block;

		assert_int_equal(content_block_at(seeking->content, offset, &block), 0);
		offset += block.length;
	}
	return seeking;
}

static UNUSED void free_seeking(struct seeking *seeking)
{
	content_put(seeking->content);
	pthread_cond_destroy(&seeking->more);
	pthread_mutex_destroy(&seeking->lock);
	free(seeking);
}

static UNUSED void add_item(struct seeking *seeking, uint64_t offset, bool urgent,
			    uint32_t *length_out)
{
	struct item *item = &seeking->items[seeking->count++];
	struct content_block block;

	if (content_block_at(seeking->content, offset, &block) != 0)
		abort();
	*item = (struct item){.want = {.content = seeking->content,
				       .stream = (uintptr_t)seeking,
				       .offset = offset,
				       .length = block.length,
				       .urgent = urgent,
				       .head_room = HEAD_ROOM,
				       .came = came,
				       .refused = refused,
				       .late = late,
				       .owner = seeking},
			      .seeking = seeking};
	*length_out = block.length;
}

/* All blocks of it, PORTION at a time. Any thread. */
static UNUSED void seek(struct seeking *seeking, unsigned portion)
{
	struct neighbours_want *wants[ITEMS_MAX];
	uint32_t length;

	pthread_mutex_lock(&seeking->lock);
	seeking->count = seeking->ended = 0;
	for (uint64_t offset = 0; offset < BIG; offset += length)
		add_item(seeking, offset, seeking->count % 4 == 0, &length);
	unsigned count = seeking->count;
	pthread_mutex_unlock(&seeking->lock);
	for (unsigned i = 0; i < count; i++)
		wants[i] = &seeking->items[i].want;
	for (unsigned i = 0; i < count; i += portion)
		neighbours_seek(seeking->machine->neighbours, wants + i,
				count - i < portion ? count - i : portion);
}

/* Returns whether all have ended in time. Any thread. */
static UNUSED bool wait_ended(struct seeking *seeking)
{
	struct timespec until;
	int error = 0;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += NETWORK_PATIENCE;
	pthread_mutex_lock(&seeking->lock);
	while (seeking->ended < seeking->count && error == 0)
		error = pthread_cond_timedwait(&seeking->more, &seeking->lock, &until);
	if (error != 0)
		seeking->faults++;
	pthread_mutex_unlock(&seeking->lock);
	return error == 0;
}

static UNUSED unsigned how_many(const struct seeking *seeking, enum fate fate)
{
	unsigned count = 0;

	for (unsigned i = 0; i < seeking->count; i++)
		count += seeking->items[i].fate == fate;
	return count;
}

static UNUSED unsigned refused_for(const struct seeking *seeking, enum seeker_reason reason)
{
	unsigned count = 0;

	for (unsigned i = 0; i < seeking->count; i++)
		count += seeking->items[i].fate == REFUSED && seeking->items[i].reason == reason;
	return count;
}

/* Answers have to come soon, and a machine that is busy with other tests may be slow: then the
 * seeker begins anew, without an opinion of anybody. */
#define TRIES 100u

static UNUSED void seek_until(struct seeking *seeking, unsigned wanted)
{
	for (unsigned tries = 0; tries < TRIES; tries++) {
		seek(seeking, ITEMS_MAX);
		assert_true(wait_ended(seeking));
		assert_int_equal(seeking->faults, 0);
		seeking->came += how_many(seeking, CAME);
		if (how_many(seeking, CAME) >= wanted)
			return;
		neighbours_off(seeking->machine->neighbours);
		turn_on(seeking->machine);
	}
	for (unsigned i = 0; i < seeking->count; i++)
		if (seeking->items[i].fate == REFUSED)
			fail_msg("block %u of %u: %s", i, seeking->count,
				 seeker_reason_name(seeking->items[i].reason));
}

static UNUSED void assert_all_come(struct seeking *seeking)
{
	seek_until(seeking, seeking->blocks);
	assert_int_equal(how_many(seeking, CAME), seeking->count);
}

static UNUSED void assert_all_refused(struct seeking *seeking, enum seeker_reason reason)
{
	seek(seeking, ITEMS_MAX);
	assert_true(wait_ended(seeking));
	assert_int_equal(seeking->faults, 0);
	assert_int_equal(refused_for(seeking, reason), seeking->count);
}

#endif
