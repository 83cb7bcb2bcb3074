/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The catalog: what listings and the origin say of names, kept over remounts.
 */
#include "tests/unit/store_fixture.h"

#include <pthread.h>

#define LIMIT (256 * MIB)

static struct entry file_entry(int64_t size)
{
	return (struct entry){.kind = ENTRY_FILE, .size = size, .mtime = 77};
}

static void add(struct directory *directory, const char *name, int64_t size)
{
	struct entry entry = file_entry(size);

	assert_int_equal(directory_add(directory, name, strlen(name), &entry), 0);
}

/* A listing of the names given, each of size 100. */
static void list(struct catalog *catalog, const char *path, int64_t now, const char *const *names)
{
	struct directory *directory;

	assert_int_equal(directory_create(path[0] == '\0', &directory), 0);
	for (; *names != NULL; names++)
		add(directory, *names, 100);
	assert_int_equal(catalog_replace(catalog, path, directory, now), 0);
	directory_free(directory);
}

#define LIST(catalog, path, now, ...)                                                              \
	list(catalog, path, now, (const char *const[]){__VA_ARGS__, NULL})

/* The names as catalog_read() gives them, STEP at a time, joined by spaces. */
static const char *names_of(struct catalog *catalog, const char *path, int step)
{
	static char joined[4096];
	struct catalog_name names[16];
	uint64_t after = 0;
	int count;

	joined[0] = '\0';
	while ((count = catalog_read(catalog, path, after, names, step)) > 0) {
		for (int i = 0; i < count; i++) {
			strcat(joined, joined[0] != '\0' ? " " : "");
			strcat(joined, names[i].name);
		}
		after = names[count - 1].cookie;
	}
	return count < 0 ? "(none)" : joined;
}

static void listing_outlives_the_store(void **state)
{
	struct store *store = fixture_open(LIMIT);
	struct catalog_listing listing;
	struct entry entry;

	(void)state;
	assert_int_equal(catalog_listing(store_catalog(store), "a/b", &listing), -ENOENT);
	LIST(store_catalog(store), "a/b", 500, "z", "y", "x\xff\n");
	store_close(store);
	store = fixture_open(LIMIT);
	assert_int_equal(catalog_listing(store_catalog(store), "a/b", &listing), 0);
	assert_int_equal(listing.fetched, 500);
	assert_int_equal(listing.count, 3);
	assert_true(listing.complete);
	assert_string_equal(names_of(store_catalog(store), "a/b", 2), "z y x\xff\n");
	assert_int_equal(catalog_find(store_catalog(store), "a/b", "x\xff\n", &entry), 0);
	assert_int_equal(entry.size, 100);
	assert_int_equal(entry.mtime, 77);
	assert_int_equal(entry.checked, 0);
	assert_int_equal(catalog_find(store_catalog(store), "a/b", "w", &entry), -ENOENT);
	assert_int_equal(catalog_find(store_catalog(store), "a", "b", &entry), -ENOENT);
	store_close(store);
}

static void exact_knowledge_stays_while_the_listing_says_the_same(void **state)
{
	struct store *store = fixture_open(LIMIT);
	struct catalog *catalog = store_catalog(store);
	struct entry learned = {.kind = ENTRY_FILE,
				.flags = ENTRY_SIZE_EXACT | ENTRY_MTIME_EXACT,
				.size = 12345,
				.mtime = 99,
				.checked = 600,
				.validator = "\"etag\""};
	struct directory *directory;
	struct entry entry;

	(void)state;
	LIST(catalog, "d", 500, "f", "g");
	assert_int_equal(catalog_learn(catalog, "d", "f", &learned), 0);
	LIST(catalog, "d", 700, "f", "g");
	assert_int_equal(catalog_find(catalog, "d", "f", &entry), 0);
	assert_memory_equal(&entry.size, &learned.size, sizeof(entry.size));
	assert_int_equal(entry.checked, 600);
	assert_string_equal(entry.validator, "\"etag\"");
	/* Now it says something else. */
	assert_int_equal(directory_create(false, &directory), 0);
	add(directory, "f", 222);
	assert_int_equal(catalog_replace(catalog, "d", directory, 800), 0);
	directory_free(directory);
	assert_int_equal(catalog_find(catalog, "d", "f", &entry), 0);
	assert_int_equal(entry.checked, 0);
	assert_int_equal(entry.size, 222);
	assert_int_equal(entry.flags, ENTRY_LISTED);
	assert_string_equal(entry.validator, "");
	store_close(store);
}

static void what_was_learned_before_the_first_listing_stays(void **state)
{
	struct store *store = fixture_open(LIMIT);
	struct catalog *catalog = store_catalog(store);
	struct entry exact = {
		.kind = ENTRY_FILE, .flags = ENTRY_SIZE_EXACT, .size = 5, .checked = 600};
	struct entry absent = {.kind = ENTRY_ABSENT, .checked = 600}, entry;

	(void)state;
	assert_int_equal(catalog_learn(catalog, "d", "f", &exact), 0);
	assert_int_equal(catalog_learn(catalog, "d", "g", &absent), 0);
	assert_int_equal(catalog_learn(catalog, "d", "hidden", &exact), 0);
	LIST(catalog, "d", 700, "f", "g");
	assert_int_equal(catalog_find(catalog, "d", "f", &entry), 0);
	assert_int_equal(entry.checked, 600);
	assert_int_equal(catalog_find(catalog, "d", "g", &entry), 0);
	assert_int_equal(entry.kind, ENTRY_FILE);
	assert_int_equal(catalog_find(catalog, "d", "hidden", &entry), 0);
	assert_string_equal(names_of(catalog, "d", 16), "f g");
	store_close(store);
}

static void absent_names_are_found_as_absent(void **state)
{
	struct store *store = fixture_open(LIMIT);
	struct catalog *catalog = store_catalog(store);
	struct entry absent = {.kind = ENTRY_ABSENT, .checked = 600}, entry;

	(void)state;
	LIST(catalog, "", 500, "there", "gone");
	assert_int_equal(catalog_learn(catalog, "", "never", &absent), 0);
	assert_int_equal(catalog_learn(catalog, "", "gone", &absent), 0);
	store_close(store);
	store = fixture_open(LIMIT);
	catalog = store_catalog(store);
	assert_int_equal(catalog_find(catalog, "", "never", &entry), 0);
	assert_int_equal(entry.kind, ENTRY_ABSENT);
	assert_int_equal(entry.checked, 600);
	assert_string_equal(names_of(catalog, "", 16), "there");
	store_close(store);
}

static void names_that_are_gone_are_forgotten_with_all_below(void **state)
{
	struct store *store = fixture_open(LIMIT);
	struct catalog *catalog = store_catalog(store);
	struct catalog_listing listing;
	struct entry entry;

	(void)state;
	LIST(catalog, "", 500, "a", "a-b", "c");
	LIST(catalog, "a", 500, "x");
	LIST(catalog, "a/x", 500, "y");
	LIST(catalog, "a-b", 500, "z");
	LIST(catalog, "", 600, "c", "a-b", "new");
	assert_int_equal(catalog_find(catalog, "", "a", &entry), -ENOENT);
	assert_int_equal(catalog_listing(catalog, "a", &listing), -ENOENT);
	assert_int_equal(catalog_find(catalog, "a/x", "y", &entry), -ENOENT);
	assert_int_equal(catalog_find(catalog, "a-b", "z", &entry), 0);
	assert_string_equal(names_of(catalog, "", 1), "a-b c new");
	LIST(catalog, "", 700, "a", "c");
	assert_string_equal(names_of(catalog, "", 1), "c a");
	store_close(store);
}

static void cookie_stays_valid_over_a_replaced_listing(void **state)
{
	struct store *store = fixture_open(LIMIT);
	struct catalog *catalog = store_catalog(store);
	struct catalog_name names[2];

	(void)state;
	LIST(catalog, "d", 500, "a", "b", "c", "d");
	assert_int_equal(catalog_read(catalog, "d", 0, names, 2), 2);
	assert_string_equal(names[1].name, "b");
	LIST(catalog, "d", 600, "b", "c", "d", "e");
	assert_int_equal(catalog_read(catalog, "d", names[1].cookie, names, 2), 2);
	assert_string_equal(names[0].name, "c");
	assert_string_equal(names[1].name, "d");
	assert_int_equal(catalog_read(catalog, "d", names[1].cookie, names, 2), 1);
	assert_string_equal(names[0].name, "e");
	store_close(store);
}

static void forgetting_a_path_keeps_its_neighbours(void **state)
{
	struct store *store = fixture_open(LIMIT);
	struct catalog *catalog = store_catalog(store);
	struct entry exact = {
		.kind = ENTRY_FILE, .flags = ENTRY_SIZE_EXACT, .size = 5, .checked = 600};
	struct catalog_listing listing;
	struct entry entry;

	(void)state;
	LIST(catalog, "", 500, "a", "b");
	LIST(catalog, "a", 500, "f");
	LIST(catalog, "a/b", 500, "g");
	LIST(catalog, "b", 500, "h");
	assert_int_equal(catalog_learn(catalog, "a", "f", &exact), 0);
	assert_int_equal(catalog_forget(catalog, "a/f"), 0);
	assert_int_equal(catalog_find(catalog, "a", "f", &entry), 0); /* it is still listed */
	assert_int_equal(entry.checked, 0);
	assert_int_equal(catalog_forget(catalog, "a"), 0);
	assert_int_equal(catalog_listing(catalog, "a", &listing), -ENOENT);
	assert_int_equal(catalog_listing(catalog, "a/b", &listing), -ENOENT);
	assert_int_equal(catalog_find(catalog, "a", "f", &entry), -ENOENT);
	assert_int_equal(catalog_find(catalog, "b", "h", &entry), 0);
	assert_int_equal(catalog_forget(catalog, NULL), 0);
	assert_int_equal(catalog_find(catalog, "b", "h", &entry), -ENOENT);
	assert_int_equal(catalog_listing(catalog, "", &listing), -ENOENT);
	store_close(store);
}

static void facts_are_kept(void **state)
{
	struct store *store = fixture_open(LIMIT);
	char value[8];

	(void)state;
	assert_int_equal(catalog_fact(store_catalog(store), "dialect", value, 8), -ENOENT);
	assert_int_equal(catalog_set_fact(store_catalog(store), "dialect", "first"), 0);
	assert_int_equal(catalog_set_fact(store_catalog(store), "dialect", "nginx, html"), 0);
	store_close(store);
	store = fixture_open(LIMIT);
	assert_int_equal(catalog_fact(store_catalog(store), "dialect", value, 8), 0);
	assert_string_equal(value, "nginx, ");
	store_close(store);
}

struct replacing {
	struct catalog *catalog;
	struct directory *directory;
	bool done;
};

static void *replace_again(void *context)
{
	struct replacing *replacing = context;

	if (catalog_replace(replacing->catalog, "d", replacing->directory, 600) != 0)
		abort();
	__atomic_store_n(&replacing->done, true, __ATOMIC_RELEASE);
	return NULL;
}

static uint32_t count_names(struct catalog *catalog)
{
	struct catalog_name *names = calloc(512, sizeof(*names));
	uint64_t after = 0;
	uint32_t total = 0;
	int count;

	while ((count = catalog_read(catalog, "d", after, names, 512)) > 0) {
		total += (uint32_t)count;
		after = names[count - 1].cookie;
	}
	free(names);
	return total;
}

static void names_stay_findable_while_a_listing_is_replaced(void **state)
{
	struct store *store = fixture_open(LIMIT);
	struct replacing replacing = {.catalog = store_catalog(store)};
	struct directory *first;
	struct entry entry;
	pthread_t thread;
	char name[32];

	(void)state;
	assert_int_equal(directory_create(false, &first), 0);
	assert_int_equal(directory_create(false, &replacing.directory), 0);
	for (int i = 0; i < 20000; i++) {
		snprintf(name, sizeof(name), "n%d", i);
		if (i < 10000)
			add(first, name, 1);
		if (i >= 2000)
			add(replacing.directory, name, 2);
	}
	assert_int_equal(catalog_replace(replacing.catalog, "d", first, 500), 0);
	assert_int_equal(count_names(replacing.catalog), 10000);
	assert_int_equal(pthread_create(&thread, NULL, replace_again, &replacing), 0);
	for (int i = 0; !__atomic_load_n(&replacing.done, __ATOMIC_ACQUIRE); i++) {
		snprintf(name, sizeof(name), "n%d", 2000 + i % 8000);
		assert_int_equal(catalog_find(replacing.catalog, "d", name, &entry), 0);
	}
	pthread_join(thread, NULL);
	assert_int_equal(count_names(replacing.catalog), 18000);
	directory_free(first);
	directory_free(replacing.directory);
	store_close(store);
}

static void interrupted_replacement_leaves_the_former_listing(void **state)
{
	struct store *store = fixture_open(2 * MIB);
	struct catalog *catalog = store_catalog(store);
	struct directory *huge;
	char name[100];

	(void)state;
	LIST(catalog, "d", 500, "a", "b");
	assert_int_equal(directory_create(false, &huge), 0);
	for (int i = 0; i < 50000; i++) {
		snprintf(name, sizeof(name), "a-long-name-that-fills-the-index-%d", i);
		add(huge, name, 1);
	}
	assert_int_equal(catalog_replace(catalog, "d", huge, 600), -ENOSPC);
	directory_free(huge);
	assert_true(disk_usage() <= 2 * MIB);
	assert_string_equal(names_of(catalog, "d", 16), "a b");
	assert_int_equal(catalog_forget(catalog, NULL), 0);
	LIST(catalog, "d", 700, "c");
	assert_string_equal(names_of(catalog, "d", 16), "c");
	store_close(store);
}

static void held_listing_is_not_believed_but_stays_readable(void **state)
{
	struct store *store = fixture_open(LIMIT);
	struct catalog *catalog = store_catalog(store);
	const struct entry absent = {.kind = ENTRY_ABSENT, .checked = 600};
	struct catalog_listing listing;
	struct entry entry;

	(void)state;
	LIST(catalog, "d", 500, "a", "b", "c");
	LIST(catalog, "d/a", 500, "x");
	LIST(catalog, "e", 500, "y");
	assert_int_equal(catalog_learn(catalog, "d", "gone", &absent), 0);
	struct catalog_hold *hold = catalog_hold(catalog, "d");
	assert_non_null(hold);
	assert_int_equal(catalog_forget(catalog, NULL), 0);
	assert_string_equal(names_of(catalog, "d", 1), "a b c");
	assert_int_equal(catalog_listing(catalog, "d", &listing), 0);
	assert_int_equal(listing.fetched, 0);
	assert_int_equal(catalog_find(catalog, "d", "gone", &entry), -ENOENT);
	assert_int_equal(catalog_listing(catalog, "d/a", &listing), -ENOENT);
	assert_int_equal(catalog_listing(catalog, "e", &listing), -ENOENT);
	catalog_release(catalog, hold);
	assert_int_equal(catalog_forget(catalog, "d"), 0);
	assert_int_equal(catalog_listing(catalog, "d", &listing), -ENOENT);
	store_close(store);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		TEST(listing_outlives_the_store),
		TEST(exact_knowledge_stays_while_the_listing_says_the_same),
		TEST(what_was_learned_before_the_first_listing_stays),
		TEST(absent_names_are_found_as_absent),
		TEST(names_that_are_gone_are_forgotten_with_all_below),
		TEST(cookie_stays_valid_over_a_replaced_listing),
		TEST(forgetting_a_path_keeps_its_neighbours),
		TEST(held_listing_is_not_believed_but_stays_readable),
		TEST(facts_are_kept),
		TEST(names_stay_findable_while_a_listing_is_replaced),
		TEST(interrupted_replacement_leaves_the_former_listing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
