/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The daemon's tables, as columns and as JSON.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fs/cli_table.c"

static struct cli_table *table_of(const char *const *lines)
{
	struct cli_table *table = cli_table_create();

	assert_non_null(table);
	for (; *lines; lines++)
		assert_int_equal(cli_table_line(table, *lines), 0);
	return table;
}

static void assert_printed(const char *const *lines, const char *expected)
{
	struct cli_table *table = table_of(lines);
	char *text;
	size_t size;
	FILE *stream = open_memstream(&text, &size);

	cli_table_print(table, stream);
	assert_int_equal(fclose(stream), 0);
	assert_string_equal(text, expected);
	free(text);
	cli_table_free(table);
}

static void assert_json(const char *const *lines, const char *const *names, const char *expected)
{
	struct cli_table *table = table_of(lines);
	json_t *object = json_object();
	char *text;

	cli_table_json(table, names, object);
	text = json_dumps(object, JSON_COMPACT | JSON_SORT_KEYS);
	assert_string_equal(text, expected);
	free(text);
	json_decref(object);
	cli_table_free(table);
}

static const char *const two[] = {"offset\tstate\twhy",
				  "0\tcached\t-",
				  "65536\tabsent\tno answer",
				  "",
				  "from\tblocks",
				  "peer\t12",
				  NULL};

static void columns_are_as_wide_as_their_widest(void **state)
{
	(void)state;
	assert_printed(two, "offset  state   why\n"
			    "     0  cached  -\n"
			    " 65536  absent  no answer\n"
			    "\n"
			    "from  blocks\n"
			    "peer      12\n");
}

static void json_has_numbers_and_null(void **state)
{
	static const char *const names[] = {"runs", "sources", NULL};
	static const char *const first[] = {"runs", NULL};

	(void)state;
	assert_json(two, names,
		    "{\"runs\":[{\"offset\":0,\"state\":\"cached\",\"why\":null},"
		    "{\"offset\":65536,\"state\":\"absent\",\"why\":\"no answer\"}],"
		    "\"sources\":[{\"blocks\":12,\"from\":\"peer\"}]}");
	assert_json(two, first,
		    "{\"runs\":[{\"offset\":0,\"state\":\"cached\",\"why\":null},"
		    "{\"offset\":65536,\"state\":\"absent\",\"why\":\"no answer\"}]}");
}

static void json_has_booleans(void **state)
{
	static const char *const names[] = {"peers", NULL};
	static const char *const banned[] = {"yes\tno", "no\tyes", "now\tno answer", NULL};

	(void)state;
	assert_json(
		banned, names,
		"{\"peers\":[{\"no\":true,\"yes\":false},{\"no\":\"no answer\",\"yes\":\"now\"}]}");
}

static void what_does_not_come_is_empty(void **state)
{
	static const char *const names[] = {"runs", "sources", NULL};
	static const char *const nothing[] = {NULL};
	static const char *const head[] = {"a\tb", NULL};
	static const char *const blank[] = {"", "", NULL};

	(void)state;
	assert_json(nothing, names, "{\"runs\":[],\"sources\":[]}");
	assert_json(head, names, "{\"runs\":[],\"sources\":[]}");
	assert_json(blank, names, "{\"runs\":[],\"sources\":[]}");
	assert_printed(nothing, "");
	assert_printed(head, "a  b\n");
}

static void odd_lines_do_no_harm(void **state)
{
	static const char *const names[] = {"x", NULL};
	static const char *const ragged[] = {"a\tb", "1", "2\t3\t4", "\t", NULL};
	static const char *const strange[] = {"a", "\x1b[2J\\", "99999999999999999999", "007",
					      NULL};
	char line[4096];
	const char *const wide[] = {line, line, NULL};

	(void)state;
	assert_json(ragged, names, "{\"x\":[{\"a\":1},{\"a\":2,\"b\":3},{\"a\":\"\",\"b\":\"\"}]}");
	assert_json(strange, names,
		    "{\"x\":[{\"a\":\"\\\\x1b[2J\\\\x5c\"},{\"a\":\"99999999999999999999\"},"
		    "{\"a\":7}]}");
	/* More columns than are looked at, and cells that are too long. */
	memset(line, '\t', sizeof(line) - 1);
	line[sizeof(line) - 1] = '\0';
	cli_table_free(table_of(wide));
	memset(line, 'x', sizeof(line) - 1);
	struct cli_table *table = table_of(wide);
	json_t *object = json_object();
	cli_table_json(table, names, object);
	json_decref(object);
	cli_table_free(table);
	cli_table_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(columns_are_as_wide_as_their_widest),
		cmocka_unit_test(json_has_numbers_and_null),
		cmocka_unit_test(json_has_booleans),
		cmocka_unit_test(what_does_not_come_is_empty),
		cmocka_unit_test(odd_lines_do_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
