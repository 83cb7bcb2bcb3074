/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Neighbours as a whole, over real sockets: machines with a loop, a pool and a store each, in the
 * two network namespaces of network_scene.h. Some hold a content, one seeks its blocks.
 */
#include "tests/unit/store_content_fixture.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "peer/neighbours.h"
#include "tests/unit/network_scene.h"

#define MACHINES 4
#define ITEMS_MAX 1024u
#define HEAD_ROOM 24u
#define DAMAGED_UNIT 3u

/* ---- machines ---- */

struct machine {
	struct loop *loop;
	struct pool *pool;
	struct store *store;
	struct neighbours *neighbours;
	struct object *object; /* what it holds; NULL: nothing */
	bool stopped;
};

static struct machine machines[MACHINES];
static unsigned machine_count;
static unsigned char *data;

static int begin(void **state)
{
	machine_count = 0;
	memset(machines, 0, sizeof(machines));
	data = make_octets(BIG, 1);
	return fixture_setup(state);
}

static struct store *open_store(unsigned number)
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
static struct machine *make_machine(const char *const *interface)
{
	struct machine *machine = &machines[machine_count];

	assert_int_equal(loop_create(&machine->loop), 0);
	assert_int_equal(pool_create(2, &machine->pool), 0);
	machine->store = open_store(machine_count);
	const struct neighbours_options options = {.loop = machine->loop,
						   .pool = machine->pool,
						   .store = machine->store,
						   .interfaces = interface,
						   .discovery_port = 3702};
	assert_int_equal(neighbours_create(&options, &machine->neighbours), 0);
	machine_count++;
	return machine;
}

static void turn_on(struct machine *machine)
{
	char message[256] = "";

	if (neighbours_on(machine->neighbours, message, sizeof(message)) != 0)
		fail_msg("neighbours_on: %s", message);
}

static struct machine *near_machine(void)
{
	static const char *const interface[] = {"v0", NULL};
	struct machine *machine = make_machine(interface);

	turn_on(machine);
	return machine;
}

static struct machine *far_machine(void)
{
	network_scene_enter_far();
	struct machine *machine = near_machine();
	network_scene_leave_far();
	return machine;
}

static void hold_units(struct machine *machine, unsigned version, uint32_t first, uint32_t end)
{
	struct content *content = content_of(machine->store, data, BIG, version);
	uint64_t dropped;

	machine->object = make_object(machine->store, "f", BIG);
	assert_int_equal(describe(machine->object, content, &dropped), 0);
	content_put(content);
	write_units(machine->object, data, first, end);
}

static void hold(struct machine *machine, unsigned version)
{
	hold_units(machine, version, 0, UINT32_MAX);
}

/* As a daemon ends. */
static void end_machine(struct machine *machine)
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

static int end(void **state)
{
	for (unsigned i = 0; i < MACHINES; i++)
		end_machine(&machines[i]);
	free(data);
	network_scene_end(state);
	return fixture_teardown(state);
}

static void lay_link(void)
{
	network_scene_begin();
	network_scene_link("v0");
	network_scene_ip("address add 10.9.0.1/24 dev v0");
	network_scene_far_ip("address add 10.9.0.2/24 dev v0");
}

static struct neighbours_counters counters_of(struct machine *machine)
{
	struct neighbours_counters counters;

	neighbours_counters(machine->neighbours, &counters);
	return counters;
}

/* The last block is told of before it is counted. */
static struct neighbours_counters counters_after(struct machine *machine, uint64_t good)
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
	unsigned blocks; /* that the content has */
	unsigned came;   /* in all, by seek_until() */
	unsigned faults; /* that must not be: wrong octets, ended twice, out of order */
	struct item items[ITEMS_MAX];
};

static struct item *item_of(struct neighbours_want *want)
{
	return (struct item *)want;
}

static void end_item(struct item *item, enum fate fate)
{
	struct seeking *seeking = item->seeking;

	if (item->fate != SOUGHT)
		seeking->faults++;
	item->fate = fate;
	seeking->ended++;
	pthread_cond_broadcast(&seeking->more);
}

static void came(struct neighbours_want *want, void *memory, const struct xaddr *from)
{
	struct item *item = item_of(want);
	struct seeking *seeking = item->seeking;
	const unsigned char *block = (unsigned char *)memory + HEAD_ROOM;

	pthread_mutex_lock(&seeking->lock);
	if (memcmp(block, data + want->offset, want->length) != 0 || from->port == 0 ||
	    want->sought != NULL)
		seeking->faults++;
	end_item(item, CAME);
	pthread_mutex_unlock(&seeking->lock);
	free(memory);
}

static void refused(struct neighbours_want *const *wants, unsigned count, enum seeker_reason reason)
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

static void late(void *owner, uint64_t stream, const uint64_t *offsets, unsigned count,
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

static struct seeking *make_seeking(struct machine *machine, unsigned version)
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

static void free_seeking(struct seeking *seeking)
{
	content_put(seeking->content);
	pthread_cond_destroy(&seeking->more);
	pthread_mutex_destroy(&seeking->lock);
	free(seeking);
}

static void add_item(struct seeking *seeking, uint64_t offset, bool urgent, uint32_t *length_out)
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
static void seek(struct seeking *seeking, unsigned portion)
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
static bool wait_ended(struct seeking *seeking)
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

static unsigned how_many(const struct seeking *seeking, enum fate fate)
{
	unsigned count = 0;

	for (unsigned i = 0; i < seeking->count; i++)
		count += seeking->items[i].fate == fate;
	return count;
}

static unsigned refused_for(const struct seeking *seeking, enum seeker_reason reason)
{
	unsigned count = 0;

	for (unsigned i = 0; i < seeking->count; i++)
		count += seeking->items[i].fate == REFUSED && seeking->items[i].reason == reason;
	return count;
}

/* Answers have to come soon, and a machine that is busy with other tests may be slow: then the
 * seeker begins anew, without an opinion of anybody. */
#define TRIES 100u

static void seek_until(struct seeking *seeking, unsigned wanted)
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

static void assert_all_come(struct seeking *seeking)
{
	seek_until(seeking, seeking->blocks);
	assert_int_equal(how_many(seeking, CAME), seeking->count);
}

static void assert_all_refused(struct seeking *seeking, enum seeker_reason reason)
{
	seek(seeking, ITEMS_MAX);
	assert_true(wait_ended(seeking));
	assert_int_equal(seeking->faults, 0);
	assert_int_equal(refused_for(seeking, reason), seeking->count);
}

/* ---- the plain ways ---- */

static void check_what_is_told(struct machine *giver, const struct seeking *seeking)
{
	struct machine *seeker = seeking->machine;
	struct neighbours_counters sought = counters_after(seeker, seeking->came);
	struct neighbours_counters gave = counters_of(giver);
	struct seeker_peer peers[4];

	assert_int_equal(sought.seeker.good, seeking->came);
	assert_int_equal(sought.seeker.refused[SEEKER_CAME], seeking->came);
	assert_int_equal(sought.hash, 0);
	assert_true(sought.seeker.probes > 0);
	assert_true(sought.seeker.answers > 0);
	assert_true(gave.served.blocks >= seeking->came);
	assert_true(gave.served.bytes >= BIG);
	assert_true(gave.responder.answered > 0);
	assert_true(gave.responder.received >= gave.responder.answered);
	assert_int_equal(gave.malformed + sought.malformed, 0);
	assert_int_equal(neighbours_peers(seeker->neighbours, peers, 4), 1);
	assert_int_equal(peers[0].blocks, seeking->blocks);
	assert_int_equal(peers[0].bytes, BIG);
	assert_int_equal(peers[0].bad, 0);
	assert_int_equal(neighbours_peers(giver->neighbours, peers, 4), 0);
}

static void all_come(unsigned version)
{
	lay_link();
	struct machine *giver = far_machine(), *seeker = near_machine();
	struct seeking *seeking = make_seeking(seeker, version);

	hold(giver, version);
	assert_all_come(seeking);
	check_what_is_told(giver, seeking);
	/* Off, what was counted is still told. */
	neighbours_off(seeker->neighbours);
	assert_int_equal(counters_of(seeker).seeker.good, seeking->came);
	assert_int_equal(neighbours_peers(seeker->neighbours, NULL, 0), 0);
	free_seeking(seeking);
}

static void blocks_of_version_1_come(void **state)
{
	(void)state;
	all_come(1);
}

static void blocks_of_version_2_come(void **state)
{
	(void)state;
	all_come(2);
}

static void they_come_from_two_who_have_a_part_each(void **state)
{
	(void)state;
	lay_link();
	network_scene_ip("address add 10.9.0.3/24 dev v0");
	struct machine *first = far_machine(), *second = far_machine(), *seeker = near_machine();
	struct seeking *seeking = make_seeking(seeker, 1);

	hold_units(first, 1, 0, 40);
	hold_units(second, 1, 40, UINT32_MAX);
	assert_all_come(seeking);
	assert_true(counters_of(first).served.blocks >= 40);
	assert_true(counters_of(second).served.blocks >= seeking->count - 40);
	free_seeking(seeking);
}

/* Both on one machine, by `lo`. */
static void they_come_by_the_loopback_interface(void **state)
{
	static const char *const interface[] = {"lo", NULL};

	(void)state;
	network_scene_begin();
	struct machine *giver = make_machine(interface), *seeker = make_machine(interface);
	struct seeking *seeking = make_seeking(seeker, 2);

	turn_on(giver);
	turn_on(seeker);
	hold(giver, 2);
	hold_units(seeker, 2, 0, 0);
	assert_all_come(seeking);
	free_seeking(seeking);
}

static void what_nobody_has_is_refused(void **state)
{
	(void)state;
	lay_link();
	struct machine *other = far_machine(), *seeker = near_machine();
	struct seeking *one = make_seeking(seeker, 2), *two = make_seeking(seeker, 1);

	assert_true(neighbours_worthwhile(seeker->neighbours));
	assert_all_refused(one, SEEKER_NO_ANSWER);
	/* So many questions and no answer: nobody is there. */
	assert_true(counters_of(seeker).seeker.alone);
	assert_all_refused(two, SEEKER_ALONE);
	assert_int_equal(counters_of(seeker).seeker.good, 0);
	assert_int_equal(counters_of(seeker).seeker.refused[SEEKER_NO_ANSWER], one->count);
	assert_true(counters_of(other).responder.received > 0);
	assert_int_equal(counters_of(other).responder.answered, 0);
	free_seeking(one);
	free_seeking(two);
}

static void one_that_is_off_refuses(void **state)
{
	static const char *const interface[] = {"v0", NULL};

	(void)state;
	lay_link();
	struct machine *giver = far_machine(), *seeker = make_machine(interface);
	struct seeking *seeking = make_seeking(seeker, 2);
	struct xaddr address;

	hold(giver, 2);
	assert_false(neighbours_are_on(seeker->neighbours));
	assert_false(neighbours_worthwhile(seeker->neighbours));
	assert_all_refused(seeking, SEEKER_ENDED);
	assert_int_equal(neighbours_addresses(seeker->neighbours, &address, 1), 0);
	turn_on(seeker);
	turn_on(seeker);
	assert_true(neighbours_are_on(seeker->neighbours));
	assert_all_come(seeking);
	neighbours_off(seeker->neighbours);
	neighbours_off(seeker->neighbours);
	assert_all_refused(seeking, SEEKER_ENDED);
	turn_on(seeker);
	assert_all_come(seeking);
	neighbours_stop(seeker->neighbours);
	neighbours_stop(seeker->neighbours);
	assert_all_refused(seeking, SEEKER_ENDED);
	assert_int_equal(counters_after(seeker, seeking->came).seeker.good, seeking->came);
	free_seeking(seeking);
}

static void addresses_are_those_of_the_interface(void **state)
{
	struct xaddr addresses[4];

	(void)state;
	lay_link();
	network_scene_ip("address add fd09::1/64 dev v0 nodad");
	network_scene_link("v1");
	network_scene_ip("address add 10.8.0.1/24 dev v1");
	struct machine *machine = near_machine();

	assert_int_equal(neighbours_addresses(machine->neighbours, addresses, 4), 2);
	assert_int_equal(addresses[0].family, XADDR_IPV4);
	assert_memory_equal(addresses[0].octets, "\x0a\x09\x00\x01", 4);
	assert_int_equal(addresses[1].family, XADDR_IPV6);
	assert_true(addresses[0].port != 0);
	assert_int_equal(addresses[0].port, addresses[1].port);
	assert_int_equal(neighbours_addresses(machine->neighbours, addresses, 1), 2);
}

/* The first one has the port. */
static void a_port_that_is_taken_is_told(void **state)
{
	static const char *const interface[] = {"v0", NULL};
	char message[256] = "";
	struct xaddr address;

	(void)state;
	lay_link();
	struct machine *first = near_machine(), *second = make_machine(interface);
	assert_int_equal(neighbours_addresses(first->neighbours, &address, 1), 1);
	neighbours_free(second->neighbours);
	const struct neighbours_options options = {.loop = second->loop,
						   .pool = second->pool,
						   .store = second->store,
						   .interfaces = interface,
						   .port_first = address.port,
						   .port_last = address.port,
						   .discovery_port = 3702};
	assert_int_equal(neighbours_create(&options, &second->neighbours), 0);
	assert_int_equal(neighbours_on(second->neighbours, message, sizeof(message)), -EADDRINUSE);
	assert_true(strlen(message) > 0);
	assert_false(neighbours_are_on(second->neighbours));
	neighbours_off(first->neighbours);
	turn_on(second);
	assert_int_equal(neighbours_addresses(second->neighbours, &address, 1), 1);
	assert_int_equal(address.port, options.port_first);
}

/* ---- what is not right ---- */

/* It believes that it holds it: only who receives it can tell. */
static void a_wrong_block_is_refused_and_counted(void **state)
{
	(void)state;
	lay_link();
	struct machine *giver = far_machine(), *seeker = near_machine();
	struct seeking *seeking = make_seeking(seeker, 1);
	struct seeker_peer peer;

	hold_units(giver, 1, 0, DAMAGED_UNIT);
	data[DAMAGED_UNIT * CUTTING_UNIT] ^= 1;
	write_units(giver->object, data, DAMAGED_UNIT, UINT32_MAX);
	data[DAMAGED_UNIT * CUTTING_UNIT] ^= 1;
	seek_until(seeking, seeking->blocks - 1);
	assert_int_equal(how_many(seeking, CAME), seeking->count - 1);
	assert_int_equal(seeking->items[DAMAGED_UNIT].fate, REFUSED);
	assert_int_equal(seeking->items[DAMAGED_UNIT].reason, SEEKER_BAD);
	assert_true(counters_of(seeker).hash > 0);
	assert_int_equal(counters_of(seeker).seeker.wrong, counters_of(seeker).hash);
	assert_int_equal(neighbours_peers(seeker->neighbours, &peer, 1), 1);
	assert_int_equal(peer.bad, 1);
	neighbours_trust(seeker->neighbours);
	free_seeking(seeking);
}

static void damage_files(unsigned number)
{
	char path[400], directory[200];
	struct dirent *entry;
	struct stat attributes;
	unsigned char octets[4096];

	memset(octets, 0x5a, sizeof(octets));
	snprintf(directory, sizeof(directory), "%s/machine-%u/data", fixture_directory, number);
	DIR *files = opendir(directory);
	assert_non_null(files);
	while ((entry = readdir(files)) != NULL) {
		snprintf(path, sizeof(path), "%.200s/%.100s", directory, entry->d_name);
		if (strchr(entry->d_name, '.') == NULL && stat(path, &attributes) == 0 &&
		    S_ISREG(attributes.st_mode) && attributes.st_size == BIG)
			alter(path, DAMAGED_UNIT * CUTTING_UNIT, octets, sizeof(octets));
	}
	closedir(files);
}

/* He notices it himself, and has the block no longer. */
static void what_is_damaged_in_the_givers_store_does_not_come(void **state)
{
	(void)state;
	lay_link();
	struct machine *giver = far_machine(), *seeker = near_machine();
	struct seeking *seeking = make_seeking(seeker, 1);

	hold(giver, 1);
	damage_files(0);
	seek_until(seeking, seeking->blocks - 1);
	assert_int_equal(how_many(seeking, CAME), seeking->count - 1);
	assert_int_equal(seeking->items[DAMAGED_UNIT].fate, REFUSED);
	assert_int_equal(counters_of(seeker).hash, 0);
	free_seeking(seeking);
}

/* ---- several things at a time ---- */

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
		if (neighbours_on(switching->machine->neighbours, message, sizeof(message)) != 0)
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
		test(blocks_of_version_1_come),
		test(blocks_of_version_2_come),
		test(they_come_from_two_who_have_a_part_each),
		test(they_come_by_the_loopback_interface),
		test(what_nobody_has_is_refused),
		test(one_that_is_off_refuses),
		test(addresses_are_those_of_the_interface),
		test(a_port_that_is_taken_is_told),
		test(a_wrong_block_is_refused_and_counted),
		test(what_is_damaged_in_the_givers_store_does_not_come),
		test(two_threads_seek_at_the_same_time),
		test(what_is_sought_is_dropped_at_any_time),
		test(they_are_switched_on_and_off_under_load),
		test(they_are_stopped_under_load),
		test(the_giver_goes_under_load),
	};

	log_open("stderr", LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
