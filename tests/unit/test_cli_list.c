/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What `peerdist publications --json` makes of the daemon's list.
 */
#include "tests/unit/cli_fixture.h"

#include "fs/cli_list.c"

/* What it writes, read again. */
static json_t *shown(const char *name, const char *text)
{
	json_t *answer;

	catch_output();
	assert_int_equal(cli_list_show(name, text, true), CLI_DONE);
	release_output();
	answer = json_loads(printed, 0, NULL);
	assert_non_null(answer);
	return answer;
}

static void a_remark_is_no_publication(void **state)
{
	json_t *answer = shown("publications", "1000 0123 length 77 versions 1,2\n"
					       "1001 61 length 0 versions -\n"
					       "# 5 more are not shown\n");
	const json_t *list = json_object_get(answer, "publications");
	const json_t *first = json_array_get(list, 0);

	(void)state;
	assert_int_equal(json_array_size(list), 2);
	assert_int_equal(json_integer_value(json_object_get(first, "uid")), 1000);
	assert_string_equal(json_string_value(json_object_get(first, "id")), "0123");
	assert_string_equal(json_string_value(json_object_get(first, "versions")), "1,2");
	json_decref(answer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_remark_is_no_publication),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
