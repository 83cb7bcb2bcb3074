/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The most recently used keys, against a plain list that is searched.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "peer/recent.h"

static struct recent *created(uint32_t slots)
{
	struct recent *recent;

	assert_int_equal(recent_create(slots, 42, &recent), 0);
	return recent;
}

static uint32_t use(struct recent *recent, uint32_t key, bool *fresh_out)
{
	return recent_use(recent, &key, sizeof(key), fresh_out);
}

static uint32_t find(const struct recent *recent, uint32_t key)
{
	return recent_find(recent, &key, sizeof(key));
}

static void a_key_keeps_its_slot(void **state)
{
	struct recent *recent = created(2);
	bool fresh;
	uint32_t slot;

	(void)state;
	assert_int_equal(find(recent, 1), RECENT_NONE);
	slot = use(recent, 1, &fresh);
	assert_true(fresh);
	assert_in_range(slot, 0, 1);
	assert_int_equal(find(recent, 1), slot);
	assert_int_equal(use(recent, 1, &fresh), slot);
	assert_false(fresh);
	assert_int_equal(recent_count(recent), 1);
	recent_free(recent);
}

static void the_key_not_used_for_longest_goes(void **state)
{
	struct recent *recent = created(3);
	bool fresh;

	(void)state;
	use(recent, 1, &fresh);
	use(recent, 2, &fresh);
	use(recent, 3, &fresh);
	use(recent, 1, &fresh);
	find(recent, 2); /* is no use */
	use(recent, 4, &fresh);
	assert_true(fresh);
	assert_int_equal(find(recent, 2), RECENT_NONE);
	assert_int_not_equal(find(recent, 1), RECENT_NONE);
	assert_int_not_equal(find(recent, 3), RECENT_NONE);
	assert_int_equal(recent_count(recent), 3);
	recent_free(recent);
}

static void a_forgotten_slot_is_used_again(void **state)
{
	struct recent *recent = created(2);
	bool fresh;
	uint32_t slot;

	(void)state;
	use(recent, 1, &fresh);
	slot = use(recent, 2, &fresh);
	recent_forget(recent, slot);
	assert_int_equal(find(recent, 2), RECENT_NONE);
	assert_int_equal(recent_count(recent), 1);
	assert_int_equal(use(recent, 3, &fresh), slot);
	assert_int_not_equal(find(recent, 1), RECENT_NONE);
	recent_free(recent);
}

static void one_slot_is_enough(void **state)
{
	struct recent *recent = created(1);
	bool fresh;

	(void)state;
	for (uint32_t i = 0; i < 10; i++) {
		assert_int_equal(use(recent, i, &fresh), 0);
		assert_true(fresh);
	}
	assert_int_equal(find(recent, 9), 0);
	assert_int_equal(find(recent, 8), RECENT_NONE);
	recent_free(recent);
	recent_free(NULL);
}

static void keys_of_any_size_are_apart(void **state)
{
	struct recent *recent = created(300);
	static const uint8_t key[300];
	bool fresh;

	(void)state;
	for (size_t size = 0; size < 300; size++) {
		recent_use(recent, key, size, &fresh);
		assert_true(fresh);
	}
	assert_int_equal(recent_count(recent), 300);
	recent_free(recent);
}

/* The most recent last. */
struct model {
	uint32_t keys[37];
	unsigned count;
};

static bool model_remove(struct model *model, uint32_t key)
{
	unsigned at = 0;

	while (at < model->count && model->keys[at] != key)
		at++;
	if (at == model->count)
		return false;
	model->count--;
	memmove(model->keys + at, model->keys + at + 1, (model->count - at) * sizeof(key));
	return true;
}

static void it_does_as_a_plain_list(void **state)
{
	struct recent *recent = created(37);
	struct model model = {.count = 0};
	uint32_t random = 7;

	(void)state;
	for (unsigned i = 0; i < 30000; i++) {
		uint32_t key, slot;
		bool fresh;

		random = random * 1664525 + 1013904223;
		key = (random >> 8) % 60;
		slot = find(recent, key);
		if (random >> 29 == 0 && slot != RECENT_NONE) {
			recent_forget(recent, slot);
			assert_true(model_remove(&model, key));
		} else {
			use(recent, key, &fresh);
			assert_int_equal(fresh, !model_remove(&model, key));
			if (model.count == 37)
				model_remove(&model, model.keys[0]);
			model.keys[model.count++] = key;
		}
		assert_int_equal(recent_count(recent), model.count);
		for (unsigned j = 0; j < model.count; j++)
			assert_int_not_equal(find(recent, model.keys[j]), RECENT_NONE);
	}
	recent_free(recent);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_key_keeps_its_slot),
		cmocka_unit_test(the_key_not_used_for_longest_goes),
		cmocka_unit_test(a_forgotten_slot_is_used_again),
		cmocka_unit_test(one_slot_is_enough),
		cmocka_unit_test(keys_of_any_size_are_apart),
		cmocka_unit_test(it_does_as_a_plain_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
