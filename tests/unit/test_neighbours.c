/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Neighbours as a whole: what comes, what does not, and what is told of it.
 */
#include "tests/unit/neighbours_fixture.h"

#define DAMAGED_UNIT 3u

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

static unsigned unserved_by(struct machine *machine, struct seeking *seeking)
{
	struct content_segment segment;

	uint8_t id[DIGEST_SIZE_MAX];

	assert_int_equal(content_segment(seeking->content, 0, &segment), 0);
	assert_int_equal(content_segment_id(seeking->content, &segment, id), 0);
	return neighbours_unserved(machine->neighbours, id, 32); /* octets of both versions' */
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
	/* Who asked is known to who was asked. */
	assert_int_equal(unserved_by(other, one), 1);
	assert_int_equal(unserved_by(seeker, one), 0);
	free_seeking(one);
	free_seeking(two);
}

static void another_one_of_this_machine_is_no_other_machine(void **state)
{
	static const char *const interface[] = {"lo", NULL};

	(void)state;
	network_scene_begin();
	struct machine *other = make_machine(interface), *seeker = make_machine(interface);
	struct seeking *seeking = make_seeking(seeker, 2);

	turn_on(other);
	turn_on(seeker);
	assert_all_refused(seeking, SEEKER_NO_ANSWER);
	assert_true(counters_of(other).responder.received > 0);
	assert_int_equal(unserved_by(other, seeking), 0);
	free_seeking(seeking);
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
						   .discovery_port = 3702,
						   .thinning = THINNING_DEFAULT};
	assert_int_equal(neighbours_create(&options, &second->neighbours), 0);
	assert_int_equal(
		neighbours_on(second->neighbours, NEIGHBOURS_LAN, NULL, message, sizeof(message)),
		-EADDRINUSE);
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

int main(void)
{
#define test(function) cmocka_unit_test_setup_teardown(function, begin, end)
	const struct CMUnitTest tests[] = {
		test(blocks_of_version_1_come),
		test(blocks_of_version_2_come),
		test(they_come_from_two_who_have_a_part_each),
		test(they_come_by_the_loopback_interface),
		test(what_nobody_has_is_refused),
		test(another_one_of_this_machine_is_no_other_machine),
		test(one_that_is_off_refuses),
		test(addresses_are_those_of_the_interface),
		test(a_port_that_is_taken_is_told),
		test(a_wrong_block_is_refused_and_counted),
		test(what_is_damaged_in_the_givers_store_does_not_come),
	};

	log_open("stderr", LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
