/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Nodes: one for each version, there as long as anybody knows it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "fs/node.h"

#define ROUNDS 3000

static int setup(void **state)
{
	const struct nodes_owner owner = {1000, 1001, 022};

	return nodes_create(&owner, (struct nodes **)state);
}

static int teardown(void **state)
{
	assert_int_equal(nodes_count(*state), 0);
	nodes_destroy(*state);
	return 0;
}

static struct entry file_of(int64_t size, const char *validator)
{
	struct entry entry = {.kind = ENTRY_FILE, .size = size, .mtime = 1000};

	snprintf(entry.validator, sizeof entry.validator, "%s", validator);
	return entry;
}

static const struct entry directory = {.kind = ENTRY_DIRECTORY, .size = -1, .mtime = -1};

static struct node *look_up(struct nodes *nodes, struct node *parent, const char *name,
			    int64_t size, const char *validator)
{
	const struct entry entry = file_of(size, validator);
	struct node *node = node_lookup(nodes, parent, name, &entry);

	assert_non_null(node);
	return node;
}

static void same_version_is_the_same_node(void **state)
{
	struct node *root = nodes_root(*state);
	struct node *first = look_up(*state, root, "a", 10, "");

	/* What was not told before may be told later. */
	assert_ptr_equal(look_up(*state, root, "a", 10, "\"v1\""), first);
	assert_ptr_equal(look_up(*state, root, "a", 10, ""), first);
	assert_int_equal(nodes_count(*state), 1);
	node_forget(*state, first, 3);
}

static void another_version_is_another_node_of_the_same_number(void **state)
{
	struct node *root = nodes_root(*state);
	struct node *old = look_up(*state, root, "a", 10, "\"v1\"");
	struct node *new = look_up(*state, root, "a", 10, "\"v2\"");
	struct node *longer = look_up(*state, root, "a", 11, "\"v2\"");
	const struct entry first = file_of(10, "\"v1\"");

	assert_ptr_not_equal(old, new);
	assert_ptr_not_equal(new, longer);
	assert_int_equal(old->number, new->number);
	assert_true(node_is(*state, old, &first));
	assert_false(node_is(*state, new, &first));
	assert_ptr_equal(look_up(*state, root, "a", 11, "\"v2\""), longer);
	node_forget(*state, old, 1);
	node_forget(*state, new, 1);
	node_forget(*state, longer, 2);
}

static void file_that_becomes_a_directory_is_another_node(void **state)
{
	struct node *root = nodes_root(*state);
	struct node *file = look_up(*state, root, "a", 10, "");
	struct node *made = node_lookup(*state, root, "a", &directory);

	assert_ptr_not_equal(file, made);
	node_forget(*state, file, 1);
	node_forget(*state, made, 1);
}

static void node_stays_as_long_as_one_below_it(void **state)
{
	char path[NODE_PATH_MAX];
	struct node *above = node_lookup(*state, nodes_root(*state), "above", &directory);
	struct node *below = look_up(*state, above, "below", 1, "");

	node_forget(*state, above, 1);
	assert_int_equal(nodes_count(*state), 2);
	assert_int_equal(node_path(below, path, sizeof path), 0);
	assert_string_equal(path, "above/below");
	assert_int_equal(node_path(below, path, strlen("above/below")), -ENAMETOOLONG);
	node_forget(*state, below, 1);
}

static struct fetch_file *open_with(struct nodes *nodes, struct node *node, struct fetch_file *file,
				    enum node_answer answer, bool expect_kept)
{
	bool kept;
	struct fetch_file *shared = node_opened(nodes, node, file, answer, &kept);

	assert_int_equal(kept, expect_kept);
	return shared;
}

static void open_node_stays_when_the_kernel_forgets_it(void **state)
{
	struct node *node = look_up(*state, nodes_root(*state), "a", 10, "");
	struct fetch_file *file = (struct fetch_file *)node; /* only compared */

	assert_ptr_equal(open_with(*state, node, file, NODE_ANY_ANSWER, true), file);
	node_forget(*state, node, 1);
	assert_int_equal(nodes_count(*state), 1);
	assert_ptr_equal(node_closed(*state, node), file);
}

static void all_opens_share_the_first_file(void **state)
{
	struct node *node = look_up(*state, nodes_root(*state), "a", 10, "");
	struct fetch_file *first = (struct fetch_file *)node; /* only compared, as is the second */
	struct fetch_file *second = (struct fetch_file *)((char *)node + 1);

	assert_ptr_equal(open_with(*state, node, first, NODE_ANY_ANSWER, true), first);
	assert_ptr_equal(open_with(*state, node, second, NODE_ANY_ANSWER, false), first);
	assert_null(node_closed(*state, node));
	assert_ptr_equal(node_closed(*state, node), first);
	node_forget(*state, node, 1);
}

static void only_answer_is_begun_once(void **state)
{
	struct node *node = look_up(*state, nodes_root(*state), "a", 10, "");
	struct fetch_file *file = (struct fetch_file *)node;

	assert_ptr_equal(open_with(*state, node, file, NODE_ONCE_BEGINS, true), file);
	/* While it comes all may have it. */
	assert_ptr_equal(open_with(*state, node, file, NODE_ONCE_BEGINS, false), file);
	assert_null(node_closed(*state, node));
	assert_ptr_equal(node_closed(*state, node), file);
	assert_null(open_with(*state, node, file, NODE_ONCE_BEGINS, false));
	/* What is here already may be opened all the same. */
	assert_ptr_equal(open_with(*state, node, file, NODE_ONCE_HERE, true), file);
	assert_ptr_equal(node_closed(*state, node), file);
	node_forget(*state, node, 1);
}

static void answer_that_was_shown_from_the_store_is_not_begun_again(void **state)
{
	struct node *node = look_up(*state, nodes_root(*state), "a", 10, "");
	struct fetch_file *file = (struct fetch_file *)node;

	assert_ptr_equal(open_with(*state, node, file, NODE_ONCE_HERE, true), file);
	assert_ptr_equal(node_closed(*state, node), file);
	/* The store has lost it; the kernel may still have pages. */
	assert_null(open_with(*state, node, file, NODE_ONCE_BEGINS, false));
	node_forget(*state, node, 1);
}

static void attributes_are_of_the_owner_and_never_writable(void **state)
{
	struct entry entry = file_of(1000, "");
	struct stat attributes;

	struct node *node = node_lookup(*state, nodes_root(*state), "a", &entry);
	node_attributes(*state, node, &attributes);
	assert_int_equal(attributes.st_mode, S_IFREG | 0444);
	assert_int_equal(attributes.st_size, 1000);
	assert_int_equal(attributes.st_mtime, 1000);
	assert_int_equal(attributes.st_uid, 1000);
	assert_int_equal(attributes.st_gid, 1001);
	entry.mode = 0750;
	node_is(*state, node, &entry);
	node_attributes(*state, node, &attributes);
	assert_int_equal(attributes.st_mode, S_IFREG | 0550);
	node_forget(*state, node, 1);
}

static void count_one(void *context, struct node *node)
{
	(void)node;
	++*(unsigned *)context;
}

static void path_does_not_reach_names_that_begin_like_it(void **state)
{
	struct node *root = nodes_root(*state);
	struct node *dir = node_lookup(*state, root, "dir", &directory);
	struct node *inside = look_up(*state, dir, "a", 1, "");
	struct node *beside = look_up(*state, root, "dirt", 1, "");
	unsigned below = 0, all = 0, none = 0;

	nodes_visit(*state, "dir", count_one, &below);
	nodes_visit(*state, "", count_one, &all);
	nodes_visit(*state, "di", count_one, &none);
	assert_int_equal(below, 2);
	assert_int_equal(all, 3);
	assert_int_equal(none, 0);
	node_forget(*state, inside, 1);
	node_forget(*state, dir, 1);
	node_forget(*state, beside, 1);
}

static void table_grows(void **state)
{
	struct node *root = nodes_root(*state);
	struct node *nodes[ROUNDS];
	char name[16];

	for (int i = 0; i < ROUNDS; i++) {
		snprintf(name, sizeof name, "%d", i);
		nodes[i] = look_up(*state, root, name, i, "");
	}
	for (int i = 0; i < ROUNDS; i++) {
		snprintf(name, sizeof name, "%d", i);
		assert_ptr_equal(look_up(*state, root, name, i, ""), nodes[i]);
		node_forget(*state, nodes[i], 2);
	}
}

static void *look_and_forget(void *nodes)
{
	char name[16];

	for (int i = 0; i < ROUNDS; i++) {
		snprintf(name, sizeof name, "%d", i % 7);
		struct node *parent = node_lookup(nodes, nodes_root(nodes), "dir", &directory);
		struct node *node = look_up(nodes, parent, name, i % 3, i % 2 ? "\"v\"" : "");
		struct stat attributes;
		node_attributes(nodes, node, &attributes);
		node_forget(nodes, parent, 1);
		node_forget(nodes, node, 1);
	}
	return NULL;
}

static void threads_look_and_forget(void **state)
{
	pthread_t threads[4];

	for (int i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, look_and_forget, *state);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
}

#define test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(same_version_is_the_same_node),
		test(another_version_is_another_node_of_the_same_number),
		test(file_that_becomes_a_directory_is_another_node),
		test(node_stays_as_long_as_one_below_it),
		test(open_node_stays_when_the_kernel_forgets_it),
		test(all_opens_share_the_first_file),
		test(only_answer_is_begun_once),
		test(answer_that_was_shown_from_the_store_is_not_begun_again),
		test(attributes_are_of_the_owner_and_never_writable),
		test(path_does_not_reach_names_that_begin_like_it),
		test(table_grows),
		test(threads_look_and_forget),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
