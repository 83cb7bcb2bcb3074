/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Names to addresses, by the C library's own resolver, which needs no network for these names; and
 * the form in which places of hosts are written.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <pthread.h>

#include "cache/log.h"
#include "peer/host_place.h"
#include "peer/name_lookup.h"

#define PATIENCE 60 /* seconds */
#define NAMES_MAX 4u
#define SOON_MS 1u
#define NEVER_MS 3600000u

static struct loop *loop;

static struct {
	pthread_mutex_t lock;
	pthread_cond_t more;
	/* Guarded by lock. */
	unsigned times[NAMES_MAX], failed[NAMES_MAX], count[NAMES_MAX];
	struct xaddr addresses[NAMES_MAX][NAME_LOOKUP_ADDRESSES_MAX];
	bool outside; /* called on another thread than the loop's */
} told = {.lock = PTHREAD_MUTEX_INITIALIZER, .more = PTHREAD_COND_INITIALIZER};

static void found(void *context, unsigned number, const struct xaddr *addresses, unsigned count)
{
	pthread_mutex_lock(&told.lock);
	told.failed[number] += count == 0;
	told.outside |= context != &told || !loop_inside(loop);
	told.times[number] += count > 0;
	told.count[number] = count;
	memcpy(told.addresses[number], addresses, count * sizeof(*addresses));
	pthread_cond_broadcast(&told.more);
	pthread_mutex_unlock(&told.lock);
}

static void wait_for(unsigned number, unsigned times)
{
	struct timespec until;
	int error = 0;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += PATIENCE;
	pthread_mutex_lock(&told.lock);
	while (told.times[number] < times && error == 0)
		error = pthread_cond_timedwait(&told.more, &told.lock, &until);
	bool outside = told.outside;
	pthread_mutex_unlock(&told.lock);
	assert_int_equal(error, 0);
	assert_false(outside);
}

static int begin(void **state)
{
	(void)state;
	memset(told.times, 0, sizeof(told.times));
	memset(told.failed, 0, sizeof(told.failed));
	return loop_create(&loop);
}

static int end(void **state)
{
	(void)state;
	loop_destroy(loop);
	return 0;
}

/* ---- on the loop thread ---- */

struct lookup {
	struct name_lookup *lookup;
	const char *names[NAMES_MAX];
	unsigned count;
	bool ipv4, ipv6;
	unsigned pause_ms, every_ms;
};

static int create_inside(void *context)
{
	struct lookup *lookup = context;
	const struct name_lookup_options options = {.loop = loop,
						    .names = lookup->names,
						    .count = lookup->count,
						    .ipv4 = lookup->ipv4,
						    .ipv6 = lookup->ipv6,
						    .found = found,
						    .context = &told,
						    .pause_ms = lookup->pause_ms,
						    .every_ms = lookup->every_ms};

	return name_lookup_create(&options, &lookup->lookup);
}

static int free_inside(void *context)
{
	struct lookup *lookup = context;

	name_lookup_free(lookup->lookup);
	return 0;
}

static int again_inside(void *context)
{
	struct lookup *lookup = context;

	name_lookup_again(lookup->lookup, 0);
	return 0;
}

/* ---- tests ---- */

static void names_and_numbers_have_addresses(void **state)
{
	struct lookup lookup = {.names = {"localhost", "192.0.2.7", "2001:db8::1"},
				.count = 3,
				.ipv4 = true,
				.ipv6 = true};

	(void)state;
	assert_int_equal(loop_call(loop, create_inside, &lookup), 0);
	for (unsigned i = 0; i < 3; i++)
		wait_for(i, 1);
	loop_call(loop, free_inside, &lookup);
	for (unsigned i = 0; i < told.count[0]; i++) {
		assert_true(xaddr_is_loopback(&told.addresses[0][i]));
		assert_int_equal(told.addresses[0][i].port, 0);
	}
	assert_int_equal(told.count[1], 1);
	assert_int_equal(told.addresses[1][0].family, XADDR_IPV4);
	assert_memory_equal(told.addresses[1][0].octets, "\xc0\x00\x02\x07", 4);
	assert_int_equal(told.count[2], 1);
	assert_int_equal(told.addresses[2][0].family, XADDR_IPV6);
}

static void only_families_of_use_are_told(void **state)
{
	struct lookup lookup = {.names = {"2001:db8::1", "0.0.0.0", "224.0.0.1", "192.0.2.7"},
				.count = 4,
				.ipv4 = true};

	(void)state;
	log_open("/dev/null", LOG_LEVEL_ERROR);
	lookup.every_ms = lookup.pause_ms = SOON_MS;
	assert_int_equal(loop_call(loop, create_inside, &lookup), 0);
	wait_for(3, 20);
	loop_call(loop, free_inside, &lookup);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(told.times[i], 0);
		assert_true(told.failed[i] > 0);
	}
}

static void they_are_looked_up_again_and_again(void **state)
{
	struct lookup lookup = {.names = {"localhost"},
				.count = 1,
				.ipv4 = true,
				.ipv6 = true,
				.pause_ms = SOON_MS,
				.every_ms = SOON_MS};

	(void)state;
	assert_int_equal(loop_call(loop, create_inside, &lookup), 0);
	wait_for(0, 10);
	loop_call(loop, free_inside, &lookup);
}

static void they_are_when_told_so(void **state)
{
	struct lookup lookup = {.names = {"localhost"},
				.count = 1,
				.ipv4 = true,
				.ipv6 = true,
				.pause_ms = SOON_MS,
				.every_ms = NEVER_MS};

	(void)state;
	assert_int_equal(loop_call(loop, create_inside, &lookup), 0);
	for (unsigned i = 1; i < 10; i++) {
		wait_for(0, i);
		loop_call(loop, again_inside, &lookup);
	}
	loop_call(loop, free_inside, &lookup);
}

static void but_not_too_often(void **state)
{
	struct lookup lookup = {.names = {"localhost"},
				.count = 1,
				.ipv4 = true,
				.ipv6 = true,
				.pause_ms = NEVER_MS,
				.every_ms = NEVER_MS};
	struct lookup other = {.names = {"224.0.0.1", "localhost"}, /* the former is no host's */
			       .count = 2,
			       .ipv4 = true,
			       .ipv6 = true,
			       .pause_ms = SOON_MS,
			       .every_ms = SOON_MS};

	(void)state;
	log_open("/dev/null", LOG_LEVEL_ERROR);
	assert_int_equal(loop_call(loop, create_inside, &lookup), 0);
	wait_for(0, 1);
	for (unsigned i = 0; i < 10; i++)
		loop_call(loop, again_inside, &lookup);
	/* Meanwhile another one was looked up many times. */
	assert_int_equal(loop_call(loop, create_inside, &other), 0);
	wait_for(1, 30);
	loop_call(loop, free_inside, &other);
	pthread_mutex_lock(&told.lock);
	unsigned times = told.times[0];
	pthread_mutex_unlock(&told.lock);
	assert_int_equal(times, 1);
	loop_call(loop, free_inside, &lookup);
}

static void what_is_under_way_is_left_behind(void **state)
{
	(void)state;
	log_open("/dev/null", LOG_LEVEL_ERROR);
	for (unsigned i = 0; i < 50; i++) {
		struct lookup lookup = {.names = {"localhost", "no..name", "127.0.0.1"},
					.count = 3,
					.ipv4 = true,
					.ipv6 = true,
					.pause_ms = SOON_MS,
					.every_ms = SOON_MS};

		assert_int_equal(loop_call(loop, create_inside, &lookup), 0);
		usleep(i % 10 * 200);
		loop_call(loop, free_inside, &lookup);
	}
}

/* ---- places ---- */

static void places_are_read(void **state)
{
	static const struct {
		const char *text, *name, *url;
		uint16_t port;
	} places[] = {
		{"cache", "cache", "http://cache:80", 80},
		{"cache.example:8080", "cache.example", "http://cache.example:8080", 8080},
		{"192.0.2.1", "192.0.2.1", "http://192.0.2.1:80", 80},
		{"192.0.2.1:65535", "192.0.2.1", "http://192.0.2.1:65535", 65535},
		{"[2001:db8::1]", "2001:db8::1", "http://[2001:db8::1]:80", 80},
		{"[::1]:1", "::1", "http://[::1]:1", 1},
		{"[fe80::1%eth0]:81", "fe80::1%eth0", "http://[fe80::1%25eth0]:81", 81},
	};
	char url[HOST_PLACE_URL_SIZE];
	struct host_place place;

	(void)state;
	for (unsigned i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		assert_int_equal(host_place_read(places[i].text, 80, &place), 0);
		assert_string_equal(place.name, places[i].name);
		assert_int_equal(place.port, places[i].port);
		host_place_url(&place, "http", place.port, url);
		assert_string_equal(url, places[i].url);
	}
}

static void what_is_none_is_refused(void **state)
{
	static const char *const wrong[] = {
		"",     ":",       ":80",      "a:",     "a:0",   "a:65536",   "a:080000",
		"a:-1", "a:+1",    "a: 1",     "a:b",    "a:1:2", "::1",       "a/",
		"u@a",  "a b",     "a\n",      "a#b",    "a?b",   "[::1",      "[a]",
		"[]",   "[::1]80", "[::1]:",   "[::1%]", "[%a]",  "[::1%a/b]", "[192.0.2.1]",
		"a%b",  "[[::1]]", "\xc3\xa4",
	};
	struct host_place place = {.port = 7};
	char longest[HOST_PLACE_NAME_SIZE + 1];

	(void)state;
	for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_true(host_place_read(wrong[i], 80, &place) < 0);
	memset(longest, 'a', sizeof(longest));
	longest[HOST_PLACE_NAME_SIZE] = '\0';
	assert_true(host_place_read(longest, 80, &place) < 0);
	assert_int_equal(place.port, 7);
	longest[HOST_PLACE_NAME_SIZE - 1] = '\0';
	assert_int_equal(host_place_read(longest, 80, &place), 0);
}

#define LOOKUP_TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		LOOKUP_TEST(names_and_numbers_have_addresses),
		LOOKUP_TEST(only_families_of_use_are_told),
		LOOKUP_TEST(they_are_looked_up_again_and_again),
		LOOKUP_TEST(they_are_when_told_so),
		LOOKUP_TEST(but_not_too_often),
		LOOKUP_TEST(what_is_under_way_is_left_behind),
		cmocka_unit_test(places_are_read),
		cmocka_unit_test(what_is_none_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
