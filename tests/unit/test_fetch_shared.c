/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Two who open the same object at once, for what is nearby: while one is in the middle of it the
 * other one does all of it.
 */
#include <stdlib.h>

static void meanwhile(void);

static void *interrupted(size_t count, size_t size)
{
	meanwhile();
	return calloc(count, size);
}

/* The scene has one of that name. */
#define open_file fetch_open_file
#define calloc(count, size) interrupted(count, size)
#include "fs/fetch_file.c"
#undef calloc
#undef open_file

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/fetch_scene.h"

#define SIZE (4u * UNIT)

static struct fixture *fixture;
static struct fetch_file *quicker;
static bool armed;

static void meanwhile(void)
{
	if (!armed)
		return;
	armed = false;
	assert_int_equal(
		fetch_open_nearby(fixture->fetch, fixture->object, "/content/1", NULL, &quicker),
		0);
}

static unsigned files(void)
{
	struct fetch_file *file;
	unsigned count = 0;

	pthread_mutex_lock(&fixture->fetch->lock);
	LIST_FOREACH (file, &fixture->fetch->files, in_fetch)
		count++;
	pthread_mutex_unlock(&fixture->fetch->lock);
	return count;
}

static void who_opens_it_at_once_gets_the_same(void **state)
{
	struct content *content;
	struct object_survey *survey;
	struct fetch_file *third;

	fixture = *state;
	assert_int_equal(store_object(fixture->store, "/content/1", "", SIZE, &fixture->object), 0);
	content = make_content(fixture, 1, SIZE, 0, 0, 0);
	assert_int_equal(object_survey(fixture->object, content, NULL, NULL, &survey), 0);
	assert_int_equal(object_describe(survey, NULL), 0);
	content_put(content);
	armed = true;
	assert_int_equal(fetch_open_nearby(fixture->fetch, fixture->object, "/content/1", NULL,
					   &fixture->file),
			 0);
	assert_non_null(quicker);
	assert_ptr_equal(fixture->file, quicker);
	assert_int_equal(files(), 1);
	assert_int_equal(
		fetch_open_nearby(fixture->fetch, fixture->object, "/content/1", NULL, &third), 0);
	assert_ptr_equal(third, quicker);
	fetch_file_put(third);
	fetch_file_put(quicker);
	/* The last one. */
	fetch_file_put(fixture->file);
	assert_int_equal(fetch_open_nearby(fixture->fetch, fixture->object, "/content/1", NULL,
					   &fixture->file),
			 0);
	assert_int_equal(files(), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(who_opens_it_at_once_gets_the_same, setup_nearby,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
