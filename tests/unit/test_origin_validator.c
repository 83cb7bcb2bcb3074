/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "origin/netrc.h"
#include "origin/origin_validator.h"
#include "origin/outage.h"

#include <stdlib.h>

#define OLD "Tue, 15 Nov 1994 12:45:26 GMT"
#define LATER "Tue, 15 Nov 1994 12:45:27 GMT"

static void expect(const struct validator_facts *facts, const char *expected)
{
	char validator[ENTRY_VALIDATOR_MAX];

	validator_make(facts, validator);
	assert_string_equal(validator, expected);
}

static void strong_etag_is_taken_verbatim(void **state)
{
	(void)state;
	expect(&(struct validator_facts){"\"a b\"", NULL, NULL, 5}, "");
	expect(&(struct validator_facts){"\"a-b\"", OLD, LATER, 5}, "\"a-b\"");
	expect(&(struct validator_facts){"\"\"", NULL, NULL, -1}, "\"\"");
}

static void weak_or_malformed_etag_gives_way_to_the_date(void **state)
{
	static const char *const etags[] = {"W/\"x\"", "x", "\"x",      "x\"",
					    "\"",      "",  "\"a\"b\"", "\"a\x01\""};

	(void)state;
	for (size_t i = 0; i < sizeof(etags) / sizeof(*etags); i++)
		expect(&(struct validator_facts){etags[i], OLD, LATER, 5}, "lm:" OLD ";5");
}

static void too_long_etag_counts_as_none(void **state)
{
	char etag[ENTRY_VALIDATOR_MAX + 1];

	(void)state;
	memset(etag, 'x', sizeof(etag));
	etag[0] = etag[ENTRY_VALIDATOR_MAX - 1] = '"';
	etag[ENTRY_VALIDATOR_MAX] = '\0';
	expect(&(struct validator_facts){etag, NULL, NULL, 1}, "");
	etag[ENTRY_VALIDATOR_MAX - 2] = '"';
	etag[ENTRY_VALIDATOR_MAX - 1] = '\0';
	expect(&(struct validator_facts){etag, NULL, NULL, 1}, etag);
}

static void date_needs_a_second_and_a_size(void **state)
{
	(void)state;
	expect(&(struct validator_facts){NULL, OLD, OLD, 5}, "");
	expect(&(struct validator_facts){NULL, LATER, OLD, 5}, "");
	expect(&(struct validator_facts){NULL, OLD, NULL, 5}, "");
	expect(&(struct validator_facts){NULL, OLD, LATER, -1}, "");
	expect(&(struct validator_facts){NULL, "yesterday", LATER, 5}, "");
	expect(&(struct validator_facts){NULL, OLD, LATER, 0}, "lm:" OLD ";0");
}

static void matching_is_of_the_same_sort(void **state)
{
	const struct validator_facts both = {"\"e\"", OLD, NULL, 5};
	const struct validator_facts other_size = {NULL, OLD, LATER, 6};
	const struct validator_facts nothing = {NULL, NULL, NULL, 5};

	(void)state;
	assert_true(validator_matches("\"e\"", &both));
	assert_false(validator_matches("\"f\"", &both));
	assert_true(validator_matches("lm:" OLD ";5", &both));
	assert_false(validator_matches("lm:" OLD ";5", &other_size));
	assert_false(validator_matches("lm:" LATER ";5", &both));
	assert_false(validator_matches("\"e\"", &nothing));
	assert_false(validator_matches("lm:" OLD ";5", &nothing));
	assert_false(validator_matches("", &both));
}

static void if_range_is_etag_or_date(void **state)
{
	char field[ENTRY_VALIDATOR_MAX];

	(void)state;
	assert_int_equal(validator_if_range("\"e\"", field), 0);
	assert_string_equal(field, "\"e\"");
	assert_int_equal(validator_if_range("lm:" OLD ";5", field), 0);
	assert_string_equal(field, OLD);
	assert_int_equal(validator_if_range("", field), -EINVAL);
	assert_int_equal(validator_if_range("lm:x", field), -EINVAL);
	assert_int_equal(validator_if_range("W/\"e\"", field), -EINVAL);
}

static void content_range_is_read(void **state)
{
	struct content_range range;

	(void)state;
	assert_int_equal(content_range_parse("bytes 0-0/1", &range), 0);
	assert_true(range.satisfied && range.first == 0 && range.last == 0 && range.total == 1);
	assert_int_equal(content_range_parse("Bytes 5-9/*", &range), 0);
	assert_true(range.first == 5 && range.last == 9 && range.total == -1);
	assert_int_equal(content_range_parse("bytes */7", &range), 0);
	assert_true(!range.satisfied && range.total == 7);
	assert_int_equal(
		content_range_parse("bytes 0-9223372036854775806/9223372036854775807", &range), 0);
	assert_true(range.total == INT64_MAX);
}

static void contradicting_content_range_is_refused(void **state)
{
	static const char *const texts[] = {"",
					    "bytes",
					    "bytes ",
					    "bytes 0-0",
					    "bytes 0-0/",
					    "bytes 0/1",
					    "bytes -1/1",
					    "bytes 1-0/2",
					    "bytes 0-1/1",
					    "bytes */*",
					    "bytes 0-0/1 ",
					    "bytes 0-0/1, 2-2/3",
					    "items 0-0/1",
					    "bytes +0-0/1",
					    "bytes 0x0-0/1",
					    "bytes 0--1/1",
					    "bytes 0-0/9223372036854775808",
					    "bytes 99999999999999999999-0/1"};
	struct content_range range;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		assert_int_equal(content_range_parse(texts[i], &range), -EBADMSG);
}

static void outage_lets_one_through_when_its_time_is_over(void **state)
{
	struct outage outage = {0};
	bool trial;

	(void)state;
	assert_true(outage_admits(&outage, 0, &trial) && !trial);
	assert_true(outage_unreachable(&outage, 0));
	assert_false(outage_unreachable(&outage, 0));
	assert_false(outage_admits(&outage, OUTAGE_MS - 1, &trial));
	assert_true(outage_admits(&outage, OUTAGE_MS, &trial) && trial);
	assert_false(outage_admits(&outage, OUTAGE_MS, &trial));
	outage_trial_over(&outage, OUTAGE_MS);
	assert_true(outage_admits(&outage, OUTAGE_MS, &trial) && trial);
	outage_answered(&outage);
	assert_true(outage_admits(&outage, OUTAGE_MS, &trial) && !trial);
}

static void expect_user(const char *text, const char *host, const char *expected)
{
	char *user = NULL;
	int error = netrc_find(text, host, &user);

	assert_int_equal(error, expected != NULL ? 0 : -ENOENT);
	if (expected != NULL)
		assert_string_equal(user, expected);
	free(user);
}

static void netrc_finds_its_machine(void **state)
{
	static const char text[] = "# comment machine x\nmachine a.example login ann password p1\n"
				   "macdef init\nmachine b.example login no password no\n\n"
				   "machine b.example\n\tpassword p2 account c login bob\n";

	(void)state;
	expect_user(text, "a.example", "ann:p1");
	expect_user(text, "B.example", "bob:p2");
	expect_user(text, "c.example", NULL);
	expect_user("machine a login x password y default login d password e", "zz", "d:e");
	expect_user("machine", "zz", NULL);
	expect_user("machine zz login", "zz", NULL);
	expect_user("", "zz", NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(strong_etag_is_taken_verbatim),
		cmocka_unit_test(weak_or_malformed_etag_gives_way_to_the_date),
		cmocka_unit_test(too_long_etag_counts_as_none),
		cmocka_unit_test(date_needs_a_second_and_a_size),
		cmocka_unit_test(matching_is_of_the_same_sort),
		cmocka_unit_test(if_range_is_etag_or_date),
		cmocka_unit_test(content_range_is_read),
		cmocka_unit_test(contradicting_content_range_is_refused),
		cmocka_unit_test(outage_lets_one_through_when_its_time_is_over),
		cmocka_unit_test(netrc_finds_its_machine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
