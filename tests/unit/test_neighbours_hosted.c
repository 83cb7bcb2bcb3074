/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Blocks from hosted caches, over real sockets: good ones, which are retrieval servers over stores,
 * and bad ones (hosted_script.h); alone, several, and together with neighbours.
 */
#include "tests/unit/hosted_script.h"
#include "tests/unit/neighbours_fixture.h"

enum { CACHES = 2 };

/* In the near namespace, at 127.0.0.1. */
static struct cache {
	struct machine *machine;
	struct retrieval_server *server;
	unsigned port;
} caches[CACHES];

static struct script script;
static char hosts[OFFERING_SERVERS_MAX][64];
static const char *host_list[OFFERING_SERVERS_MAX + 1];
static unsigned host_count;
static const char *const near_only[] = {"v0", NULL};

static void close_cache(struct cache *cache)
{
	retrieval_server_free(cache->server);
	cache->server = NULL;
}

static int begin_hosted(void **state)
{
	memset(caches, 0, sizeof(caches));
	memset(host_list, 0, sizeof(host_list));
	host_count = 0;
	return begin(state);
}

static int end_hosted(void **state)
{
	script_end(&script);
	for (unsigned i = 0; i < MACHINES; i++)
		if (machines[i].neighbours != NULL)
			neighbours_off(machines[i].neighbours);
	for (unsigned i = 0; i < CACHES; i++)
		close_cache(&caches[i]);
	return end(state);
}

/* Is to be asked, after those before. */
static void add_port(unsigned port)
{
	snprintf(hosts[host_count], sizeof(hosts[0]), "127.0.0.1:%u", port);
	host_list[host_count] = hosts[host_count];
	host_count++;
}

/* A cache that holds units from FIRST to END of the content. */
static struct cache *open_cache(unsigned number, unsigned version, uint32_t first, uint32_t end_)
{
	struct cache *cache = &caches[number];
	char message[256] = "";

	cache->machine = make_machine(near_only);
	if (end_ > first)
		hold_units(cache->machine, version, first, end_);
	const struct retrieval_server_options options = {.store = cache->machine->store,
							 .pool = cache->machine->pool,
							 .address = "127.0.0.1"};
	if (retrieval_server_create(&options, &cache->server, message, sizeof(message)) != 0)
		fail_msg("retrieval_server_create: %s", message);
	cache->port = retrieval_server_port(cache->server);
	return cache;
}

static void misbehave(enum script_manner manner, unsigned behind)
{
	script_begin(&script, manner, behind);
	add_port(script.port);
}

/* Names are looked up by now, numeric ones too. */
static void wait_known(struct machine *machine)
{
	struct neighbours_server servers[OFFERING_SERVERS_MAX];

	for (unsigned tries = 0; tries < NETWORK_PATIENCE * 1000; tries++) {
		unsigned count = neighbours_servers(machine->neighbours, servers), known = 0;
		for (unsigned i = 0; i < count; i++)
			known += servers[i].peer.address.family != 0;
		if (known == host_count)
			return;
		usleep(1000);
	}
	fail_msg("addresses are not known");
}

/* A client of the hosts that were added. */
static struct machine *client(unsigned sides)
{
	struct machine *machine = make_machine(near_only);

	machine->sides = sides;
	machine->hosted = (struct neighbours_hosted){.hosts = host_list};
	turn_on(machine);
	wait_known(machine);
	return machine;
}

static uint64_t lists_of(struct machine *machine)
{
	return counters_of(machine).lists;
}

static bool is_port_open(const char *which, unsigned port)
{
	char line[512], pattern[16], path[64];
	bool open = false;

	snprintf(pattern, sizeof(pattern), ":%04X ", port);
	snprintf(path, sizeof(path), "/proc/thread-self/net/%s", which);
	FILE *file = fopen(path, "r");
	assert_non_null(file);
	while (fgets(line, sizeof(line), file) != NULL)
		open |= strstr(line, pattern) != NULL;
	fclose(file);
	return open;
}

/* ---- alone ---- */

static void all_blocks_come(unsigned version)
{
	lay_link();
	add_port(open_cache(0, version, 0, UINT32_MAX)->port);
	struct machine *machine = client(NEIGHBOURS_HOSTED);
	struct seeking *seeking = make_seeking(machine, version);

	assert_all_come(seeking);
	assert_int_equal(seeking->hosted, seeking->came);
	struct neighbours_counters counters = counters_after(machine, seeking->came);
	assert_true(counters.lists > 0);
	assert_int_equal(counters.seeker.probes, 0);
	assert_false(counters.deaf);
	assert_false(is_port_open("udp", 3702));
	assert_false(is_port_open("udp6", 3702));
	struct neighbours_server servers[OFFERING_SERVERS_MAX];
	struct seeker_peer peers[4];
	assert_int_equal(neighbours_peers(machine->neighbours, peers, 4), 0);
	assert_int_equal(neighbours_servers(machine->neighbours, servers), 1);
	assert_string_equal(servers[0].host, hosts[0]);
	assert_int_equal(servers[0].peer.address.port, caches[0].port);
	assert_true(servers[0].peer.blocks > 0);
	free_seeking(seeking);
}

static void blocks_of_version_1_come_from_it(void **state)
{
	(void)state;
	all_blocks_come(1);
}

static void blocks_of_version_2_come_from_it(void **state)
{
	(void)state;
	all_blocks_come(2);
}

static void what_it_lacks_is_refused(void **state)
{
	(void)state;
	lay_link();
	add_port(open_cache(0, 2, 0, 0)->port);
	struct machine *machine = client(NEIGHBOURS_HOSTED);
	struct seeking *seeking = make_seeking(machine, 2);

	seek(seeking, ITEMS_MAX);
	assert_true(wait_ended(seeking));
	assert_int_equal(how_many(seeking, REFUSED), seeking->count);
	assert_int_equal(seeking->faults, 0);
	free_seeking(seeking);
}

static void what_it_has_of_a_segment_comes(void **state)
{
	(void)state;
	lay_link();
	add_port(open_cache(0, 1, 0, 9)->port);
	struct machine *machine = client(NEIGHBOURS_HOSTED);
	struct seeking *seeking = make_seeking(machine, 1);

	seek_until(seeking, 9);
	assert_int_equal(how_many(seeking, CAME), 9);
	assert_int_equal(how_many(seeking, REFUSED), seeking->count - 9);
	free_seeking(seeking);
}

/* ---- bad ones ---- */

static void does_without_lists(enum script_manner manner, unsigned version)
{
	lay_link();
	misbehave(manner, open_cache(0, version, 0, UINT32_MAX)->port);
	struct machine *machine = client(NEIGHBOURS_HOSTED);
	struct seeking *seeking = make_seeking(machine, version);

	assert_all_come(seeking);
	assert_int_equal(seeking->hosted, seeking->came);
	uint64_t lists = lists_of(machine);
	assert_true(lists > 0);
	/* It is not asked again. */
	assert_all_come(seeking);
	if (version == 1)
		assert_true(script.block_lists > 0);
	assert_true(script.lists <= script.blocks);
	free_seeking(seeking);
}

static void an_http_error_to_the_question_does_no_harm(void **state)
{
	(void)state;
	does_without_lists(SCRIPT_REFUSES_LISTS, 2);
}

static void a_cache_of_version_1_is_asked_for_blocks(void **state)
{
	(void)state;
	does_without_lists(SCRIPT_OLD, 1);
}

static void so_is_one_that_closes(void **state)
{
	(void)state;
	does_without_lists(SCRIPT_CLOSES, 2);
}

static void so_is_one_that_lists_nonsense(void **state)
{
	(void)state;
	does_without_lists(SCRIPT_LISTS_NONSENSE, 1);
}

static void of_a_poisoned_segment_nothing_more_is_asked(void **state)
{
	(void)state;
	lay_link();
	misbehave(SCRIPT_POISONS, open_cache(0, 1, 0, UINT32_MAX)->port);
	struct machine *machine = client(NEIGHBOURS_HOSTED);
	struct seeking *seeking = make_seeking(machine, 1);

	for (unsigned tries = 0; tries < TRIES && refused_for(seeking, SEEKER_BAD) == 0; tries++) {
		seek(seeking, ITEMS_MAX);
		assert_true(wait_ended(seeking));
	}
	assert_int_equal(how_many(seeking, REFUSED), seeking->count);
	assert_int_equal(seeking->faults, 0);
	/* A few: the next is asked for while one is checked. */
	uint64_t hash = counters_of(machine).hash;
	assert_in_range(hash, 1, seeking->count - 1);
	/* Nothing more of that segment. */
	unsigned asked = script.blocks;
	seek(seeking, ITEMS_MAX);
	assert_true(wait_ended(seeking));
	assert_int_equal(how_many(seeking, REFUSED), seeking->count);
	assert_int_equal(script.blocks, asked);
	assert_int_equal(counters_of(machine).hash, hash);
	free_seeking(seeking);
}

static void poison_is_taken_from_the_next_one(void **state)
{
	(void)state;
	lay_link();
	misbehave(SCRIPT_POISONS, open_cache(0, 2, 0, UINT32_MAX)->port);
	add_port(open_cache(1, 2, 0, UINT32_MAX)->port);
	struct machine *machine = client(NEIGHBOURS_HOSTED);
	struct seeking *seeking = make_seeking(machine, 2);

	assert_all_come(seeking);
	free_seeking(seeking);
}

static void a_stalling_one_is_waited_for_a_while_only(void **state)
{
	(void)state;
	lay_link();
	misbehave(SCRIPT_STALLS, 1);
	struct machine *machine = client(NEIGHBOURS_HOSTED);
	struct seeking *seeking = make_seeking(machine, 2);

	assert_all_refused(seeking, SEEKER_TIMEOUT);
	assert_int_equal(lists_of(machine), 1);
	free_seeking(seeking);
}

static void what_refuses_connections_is_out_soon(void **state)
{
	(void)state;
	lay_link();
	add_port(1);
	struct machine *machine = client(NEIGHBOURS_HOSTED);
	struct seeking *seeking = make_seeking(machine, 2);

	while (neighbours_worthwhile(machine->neighbours)) {
		seek(seeking, 2);
		assert_true(wait_ended(seeking));
		assert_int_equal(how_many(seeking, REFUSED), seeking->count);
	}
	assert_true(counters_of(machine).seeker.alone);
	struct neighbours_server servers[OFFERING_SERVERS_MAX];
	neighbours_servers(machine->neighbours, servers);
	assert_true(servers[0].peer.banned_ms > 0);
	neighbours_trust(machine->neighbours);
	assert_false(counters_of(machine).seeker.alone);
	free_seeking(seeking);
}

/* ---- several ---- */

static void the_next_one_takes_over(void **state)
{
	(void)state;
	lay_link();
	add_port(open_cache(0, 2, 0, UINT32_MAX)->port);
	add_port(open_cache(1, 2, 0, UINT32_MAX)->port);
	struct machine *machine = client(NEIGHBOURS_HOSTED);
	struct seeking *seeking = make_seeking(machine, 2);

	assert_all_come(seeking);
	close_cache(&caches[0]);
	assert_all_come(seeking);
	struct neighbours_server servers[OFFERING_SERVERS_MAX];
	assert_int_equal(neighbours_servers(machine->neighbours, servers), 2);
	assert_true(servers[1].peer.blocks > 0);
	free_seeking(seeking);
}

static void each_gives_what_it_has(void **state)
{
	(void)state;
	lay_link();
	add_port(open_cache(0, 1, 0, 40)->port);
	add_port(open_cache(1, 1, 40, UINT32_MAX)->port);
	struct machine *machine = client(NEIGHBOURS_HOSTED);
	struct seeking *seeking = make_seeking(machine, 1);

	assert_all_come(seeking);
	free_seeking(seeking);
}

/* ---- with neighbours ---- */

static void neighbours_give_what_it_lacks(void **state)
{
	(void)state;
	lay_link();
	add_port(open_cache(0, 1, 0, 40)->port);
	struct machine *machine = client(NEIGHBOURS_LAN | NEIGHBOURS_HOSTED);
	hold_units(far_machine(), 1, 40, UINT32_MAX);
	struct seeking *seeking = make_seeking(machine, 1);

	assert_all_come(seeking);
	assert_true(seeking->hosted > 0);
	assert_true(seeking->hosted < seeking->came);
	assert_true(counters_of(machine).seeker.probes > 0);
	assert_true(is_port_open("udp", 3702));
	free_seeking(seeking);
}

static void neighbours_go_on_without_it(void **state)
{
	(void)state;
	lay_link();
	add_port(1);
	struct machine *machine = client(NEIGHBOURS_LAN | NEIGHBOURS_HOSTED);
	hold(far_machine(), 2);
	struct seeking *seeking = make_seeking(machine, 2);

	assert_all_come(seeking);
	assert_int_equal(seeking->hosted, 0);
	free_seeking(seeking);
}

static void it_goes_on_without_neighbours(void **state)
{
	(void)state;
	lay_link();
	add_port(open_cache(0, 2, 0, UINT32_MAX)->port);
	struct machine *machine = client(NEIGHBOURS_LAN | NEIGHBOURS_HOSTED);
	struct seeking *seeking = make_seeking(machine, 2);

	for (unsigned i = 0; i < 3; i++)
		assert_all_come(seeking);
	assert_int_equal(seeking->hosted, seeking->came);
	free_seeking(seeking);
}

/* ---- life ---- */

static void *seek_often(void *argument)
{
	struct seeking *seeking = argument;

	for (unsigned i = 0; i < 8; i++) {
		seek(seeking, 5);
		wait_ended(seeking);
	}
	return NULL;
}

static void sides_can_be_switched_while_something_is_sought(void **state)
{
	static const unsigned sides[] = {NEIGHBOURS_HOSTED, NEIGHBOURS_LAN,
					 NEIGHBOURS_LAN | NEIGHBOURS_HOSTED};
	pthread_t threads[2];

	(void)state;
	lay_link();
	misbehave(SCRIPT_POISONS, open_cache(0, 2, 0, UINT32_MAX)->port);
	add_port(open_cache(1, 2, 0, UINT32_MAX)->port);
	struct machine *machine = client(NEIGHBOURS_HOSTED);
	struct seeking *one = make_seeking(machine, 2), *other = make_seeking(machine, 1);
	pthread_create(&threads[0], NULL, seek_often, one);
	pthread_create(&threads[1], NULL, seek_often, other);
	for (unsigned i = 0; i < 12; i++) {
		machine->sides = sides[i % 3];
		if (i % 4 == 3)
			neighbours_off(machine->neighbours);
		turn_on(machine);
		counters_of(machine);
	}
	pthread_join(threads[0], NULL);
	pthread_join(threads[1], NULL);
	assert_int_equal(one->faults + other->faults, 0);
	free_seeking(one);
	free_seeking(other);
}

#define HOSTED_TEST(test) cmocka_unit_test_setup_teardown(test, begin_hosted, end_hosted)

int main(void)
{
	const struct CMUnitTest tests[] = {
		HOSTED_TEST(blocks_of_version_1_come_from_it),
		HOSTED_TEST(blocks_of_version_2_come_from_it),
		HOSTED_TEST(what_it_lacks_is_refused),
		HOSTED_TEST(what_it_has_of_a_segment_comes),
		HOSTED_TEST(an_http_error_to_the_question_does_no_harm),
		HOSTED_TEST(a_cache_of_version_1_is_asked_for_blocks),
		HOSTED_TEST(so_is_one_that_closes),
		HOSTED_TEST(so_is_one_that_lists_nonsense),
		HOSTED_TEST(of_a_poisoned_segment_nothing_more_is_asked),
		HOSTED_TEST(poison_is_taken_from_the_next_one),
		HOSTED_TEST(a_stalling_one_is_waited_for_a_while_only),
		HOSTED_TEST(what_refuses_connections_is_out_soon),
		HOSTED_TEST(the_next_one_takes_over),
		HOSTED_TEST(each_gives_what_it_has),
		HOSTED_TEST(neighbours_give_what_it_lacks),
		HOSTED_TEST(neighbours_go_on_without_it),
		HOSTED_TEST(it_goes_on_without_neighbours),
		HOSTED_TEST(sides_can_be_switched_while_something_is_sought),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
