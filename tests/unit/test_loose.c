/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Loose data: kept as it came, within limits, oldest first out.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "fs/service/instance.h"
#include "fs/service/loose.h"

static struct user user;
static const struct loose_owner owner = {.instance = 1, .handle = 2};
static uint8_t data[4 * LOOSE_SLAB], copy[4 * LOOSE_SLAB];

static int setup(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof data; i++)
		data[i] = (uint8_t)(i * 31 + (i >> 8) * 7 + (i >> 16));
	memset(&user, 0, sizeof user);
	return 0;
}

/* Nothing may be left. */
static int teardown(void **state)
{
	(void)state;
	return atomic_load(&user.loose) == 0 && LIST_EMPTY(&user.loose_data) ? 0 : -1;
}

static uint64_t slabs(void)
{
	return atomic_load(&user.loose) / LOOSE_SLAB;
}

static void put(uint64_t offset, size_t size)
{
	loose_put(&user, &owner, offset, data + offset, size);
}

static bool has(uint64_t offset, size_t size)
{
	memset(copy, 0, size);
	if (!loose_copy(&user, &owner, offset, size, copy))
		return false;
	assert_memory_equal(copy, data + offset, size);
	return true;
}

/* Octets at any place, across slabs; just those are there. */
static void test_octets(void **state)
{
	static const struct {
		uint32_t offset, size;
	} cases[] = {{0, 1},      {63, 1},           {63, 2},         {64, 64},
		     {1, 200},    {65535, 1},        {65535, 2},      {65536, 65536},
		     {0, 131072}, {100, 2 * 65536u}, {65000, 131072}, {3 * 65536u - 1, 65536}};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		uint32_t offset = cases[i].offset, size = cases[i].size;

		put(offset, size);
		assert_true(has(offset, size));
		assert_true(has(offset + size - 1, 1));
		assert_false(has(offset, size + 1));
		assert_false(has(offset + size, 1));
		if (offset > 0)
			assert_false(has(offset - 1, size + 1));
		loose_drop(&user, &owner, offset, size);
		assert_int_equal(slabs(), 0);
	}
}

/* Put together from pieces, and taken apart. */
static void test_pieces(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 1000; i++) {
		assert_false(has(500, 70000));
		put(500 + (i * 337 % 1000) * 70, 70);
	}
	assert_true(has(500, 70000));
	loose_drop(&user, &owner, 600, 1);
	assert_true(has(500, 100));
	assert_false(has(500, 101));
	assert_true(has(601, 69899));
	/* Newer ones replace older. */
	loose_put(&user, &owner, 600, data, 1);
	assert_true(loose_copy(&user, &owner, 600, 1, copy));
	assert_int_equal(copy[0], data[0]);
	loose_forget(&user, &owner);
	assert_int_equal(slabs(), 0);
}

/* Another handle's is its own. */
static void test_owners(void **state)
{
	static const struct loose_owner others[] = {{.instance = 1, .handle = 3},
						    {.instance = 2, .handle = 2}};

	(void)state;
	put(0, 10);
	for (unsigned i = 0; i < 2; i++) {
		assert_false(loose_copy(&user, &others[i], 0, 1, copy));
		loose_drop(&user, &others[i], 0, 10);
		loose_forget(&user, &others[i]);
		loose_put(&user, &others[i], 0, data + 100, 10);
	}
	assert_true(has(0, 10));
	assert_int_equal(slabs(), 3);
	loose_forget(&user, &owner);
	assert_int_equal(slabs(), 2);
	loose_forget(&user, &others[0]);
	loose_forget(&user, &others[1]);
}

/* All that bear it, whoever's they are, and no others. */
static void test_tags(void **state)
{
	static const struct loose_owner owners[] = {
		{.instance = 1, .handle = 2, .tag = "a"},
		{.instance = 1, .handle = 3, .tag = "a"},
		{.instance = 1, .handle = 4, .tag = "b"},
	};

	(void)state;
	for (unsigned i = 0; i < 3; i++)
		loose_put(&user, &owners[i], 0, data, 10);
	loose_forget_tag(&user, owners[0].tag);
	assert_int_equal(slabs(), 1);
	assert_true(loose_copy(&user, &owners[2], 0, 10, copy));
	loose_forget_tag(&user, owners[2].tag);
	assert_int_equal(slabs(), 0);
}

static void put_at(const struct loose_owner *whose, uint64_t index)
{
	loose_put(&user, whose, index * LOOSE_SLAB, data, 1);
}

static bool has_at(const struct loose_owner *whose, uint64_t index)
{
	return loose_copy(&user, whose, index * LOOSE_SLAB, 1, copy);
}

/* Of an instance, and of a user: who was longest without new octets goes. */
static void test_limits(void **state)
{
	struct loose_owner whose = owner, first = owner;

	(void)state;
	for (uint64_t i = 0; i < LOOSE_INSTANCE_MAX; i++)
		put_at(&owner, i);
	put_at(&owner, 0); /* that was the oldest */
	put_at(&owner, LOOSE_INSTANCE_MAX);
	assert_int_equal(slabs(), LOOSE_INSTANCE_MAX);
	assert_true(has_at(&owner, 0));
	assert_false(has_at(&owner, 1));
	assert_true(has_at(&owner, 2));
	/* Other instances, until the user's limit; then the first one's go. */
	for (whose.instance = 2; slabs() < LOOSE_USER_MAX; whose.instance++)
		for (uint64_t i = 0; i < LOOSE_INSTANCE_MAX && slabs() < LOOSE_USER_MAX; i++)
			put_at(&whose, i);
	assert_true(has_at(&first, 2));
	put_at(&whose, 0);
	assert_int_equal(slabs(), LOOSE_USER_MAX);
	assert_false(has_at(&first, 2));
	assert_true(has_at(&first, 3));
	for (whose.instance = 1; slabs() > 0; whose.instance++)
		loose_forget(&user, &whose);
}

/* At the end of what 64 bits say. */
static void test_far(void **state)
{
	size_t count = 0;

	(void)state;
	loose_put(&user, &owner, UINT64_MAX - 100000, data, 100000);
	assert_true(loose_copy(&user, &owner, UINT64_MAX - 100000, 100000, copy));
	assert_memory_equal(copy, data, 100000);
	struct loose_place *places = loose_places(&user, UINT64_MAX - 1, UINT64_MAX, &count);
	assert_int_equal(count, 1);
	assert_int_equal(places[0].offset, UINT64_MAX - LOOSE_SLAB + 1);
	free(places);
	loose_forget(&user, &owner);
}

static void test_places(void **state)
{
	size_t count = 7;

	(void)state;
	assert_null(loose_places(&user, 0, UINT64_MAX, &count));
	put(LOOSE_SLAB, 2 * LOOSE_SLAB);
	assert_null(loose_places(&user, 0, LOOSE_SLAB, &count));
	assert_null(loose_places(&user, 3 * LOOSE_SLAB, UINT64_MAX, &count));
	assert_null(loose_places(&user, LOOSE_SLAB, LOOSE_SLAB, &count));
	assert_int_equal(count, 7);
	struct loose_place *places = loose_places(&user, 0, LOOSE_SLAB + 1, &count);
	assert_int_equal(count, 1);
	assert_int_equal(places[0].offset, LOOSE_SLAB);
	assert_int_equal(places[0].owner.instance, 1);
	assert_int_equal(places[0].owner.handle, 2);
	free(places);
	places = loose_places(&user, 0, UINT64_MAX, &count);
	assert_int_equal(count, 2);
	free(places);
	loose_forget(&user, &owner);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_octets), TEST(test_pieces), TEST(test_owners), TEST(test_tags),
		TEST(test_limits), TEST(test_far),    TEST(test_places),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
