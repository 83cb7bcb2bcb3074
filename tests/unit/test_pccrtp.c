/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The header lines of Peer Distribution over HTTP: the truth table of http-extension.md section 3
 * row by row, the grammar of section 2, and what is sent, octet by octet.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "origin/pccrtp.h"

#define BOTH (PCCRTP_CONTENT_1 | PCCRTP_CONTENT_2)

/* A header whose lines are parted by '|' here; NULL: no such header. Freed by drop(). */
static const char **lines_of(const char *text)
{
	const char **lines = calloc(32, sizeof(*lines));
	char *rest = text != NULL ? strdup(text) : NULL;
	unsigned count = 0;

	assert_non_null(lines);
	while (rest != NULL)
		lines[count++] = strsep(&rest, "|");
	return lines;
}

static void drop(const char **lines)
{
	free((char *)(uintptr_t)lines[0]);
	free(lines);
}

static struct pccrtp_request ask(const char *encoding, const char *peerdist, const char *ex,
				 unsigned offered)
{
	const char **encodings = lines_of(encoding), **versions = lines_of(peerdist),
		   **extensions = lines_of(ex);
	struct pccrtp_fields fields = {encodings, versions, extensions};
	struct pccrtp_request request;

	memset(&request, 0xa5, sizeof(request));
	pccrtp_request_read(&fields, offered, &request);
	drop(encodings);
	drop(versions);
	drop(extensions);
	return request;
}

struct row {
	const char *encoding, *peerdist, *ex;
	unsigned content; /* version of content information; 0: the content */
};

static void check_rows(const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct row *row = &rows[i];
		struct pccrtp_request request = ask(row->encoding, row->peerdist, row->ex, BOTH);

		if (request.welcome != (row->content != 0) ||
		    request.content_version != row->content)
			fail_msg("row %zu, %s / %s / %s: version %u", i,
				 row->encoding != NULL ? row->encoding : "-",
				 row->peerdist != NULL ? row->peerdist : "-",
				 row->ex != NULL ? row->ex : "-", request.content_version);
		if (!request.welcome)
			assert_false(request.later || request.hash_request ||
				     request.protocol_minor != 0);
	}
}
#define CHECK_ROWS(rows) check_rows(rows, sizeof(rows) / sizeof(*(rows)))

#define RANGE(least, most) "MinContentInformation=" least ", MaxContentInformation=" most

/* HEAD is not decided by these headers. */
static void truth_table_row_by_row(void **state)
{
	static const struct row rows[] = {
		{"peerdist", "Version=1.0", NULL, 1},
		{"peerdist", "Version=1.1", NULL, 1},
		{"peerdist", "Version=1.1", RANGE("1.0", "1.0"), 1},
		{"peerdist", "Version=1.1", RANGE("1.0", "2.0"), 2},
		{"gzip, deflate, peerdist", "Version=1.0", NULL, 1},
		{"gzip, deflate, peerdist", "Version=1.1", RANGE("1.0", "2.0"), 2},
		{"identity, peerdist", "Version=1.0", NULL, 1},
		{"identity, peerdist", "Version=1.1", RANGE("1.0", "2.0"), 2},
		{"peerdist;q=0", "Version=1.1", NULL, 0},
		{"*", "Version=1.1", NULL, 0},
		{"gzip", "Version=1.1", NULL, 0},
		{"peerdist", NULL, NULL, 0},
		{"peerdist", "Version=999.999", NULL, 0},
		{"peerdist", "Version=2.0", NULL, 0},
		{"peerdist", "Version=1.10", NULL, 0},
		{"peerdist", "Version=1", NULL, 0},
		{"peerdist", "Version=1 .0", NULL, 0},
		{"peerdist", "Version=1.1, Version=1.1", NULL, 0},
		{"peerdist", "Version=1.0, MissingDataRequest=false", NULL, 1},
		{"peerdist", "Version=1.1, MissingDataRequest=false", RANGE("1.0", "2.0"), 2},
		{"peerdist", "Version=1.0,MissingDataRequest=true", NULL, 0},
		{"peerdist", "Version=1.1,MissingDataRequest=true", RANGE("1.0", "2.0"), 0},
		{"peerdist", "Version=1.1, MissingDataRequest=InvalidValue", NULL, 0},
		{"peerdist", "Version=1.1, MissingDataRequest=", NULL, 0},
		{"peerdist", "Version=1.1", RANGE("2.0", "2.0"), 2},
		{"peerdist", "Version=1.0", RANGE("2.0", "2.0"), 0},
		{"peerdist", "Version=1.1", RANGE("900.0", "999.0"), 0},
		{"peerdist", "Version=1.1", RANGE("1.0", "3.0"), 0},
		{"peerdist", "Version=1.1", "MinContentInformation=1.0", 0},
		{"peerdist", "Version=1.1", "MaxContentInformation=2.0", 0},
		{"peerdist", "Version=1.1", "", 0},
		/* beside the table: section 10, point 4, and ranges that are none */
		{"peerdist", "Version=1.0", RANGE("1.0", "2.0"), 1},
		{"peerdist", "Version=1.0", RANGE("1.0", "1.0"), 1},
		{"peerdist", "Version=1.1", RANGE("2.0", "1.0"), 0},
		{"peerdist", "Version=1.1", RANGE("1.1", "2.0"), 0},
		{"peerdist", "Version=1.1", RANGE("1.0", "1.1"), 0},
		{"peerdist", "Version=1.1", RANGE("0.0", "2.0"), 0},
		{"peerdist", "Version=1.1", "HashRequest=true", 0},
		{"peerdist", "Version=1.2", NULL, 0},
		{"peerdist", "Version=0.1", NULL, 0},
		{"peerdist", "Version=1.01", RANGE("1.0", "2.0"), 2},
		{NULL, "Version=1.1", RANGE("1.0", "2.0"), 0},
	};

	(void)state;
	CHECK_ROWS(rows);
}

static void lists_are_read_as_lists(void **state)
{
	static const struct row rows[] = {
		/* over several lines */
		{"gzip|peerdist|br", "Version=1.1|MissingDataRequest=false",
		 "MinContentInformation=1.0|MaxContentInformation=2.0", 2},
		{"gzip|peerdist", "MissingDataRequest=true|Version=1.1", NULL, 0},
		{"peerdist", "Version=1.1|Version=1.1", NULL, 0},
		/* empty elements and lines */
		{",, ,peerdist,", ",Version=1.1,,",
		 ", ,MinContentInformation=1.0,,"
		 "MaxContentInformation=2.0,",
		 2},
		{"|peerdist|", "|Version=1.1|", "|" RANGE("1.0", "2.0") "|", 2},
		{"peerdist", ",", NULL, 0},
		{"peerdist", "", NULL, 0},
		{"", "Version=1.1", NULL, 0},
		{"peerdist", "Version=1.1", ",,", 0},
		/* no white space, much white space */
		{"gzip,peerdist", "Version=1.1,MissingDataRequest=false",
		 "MinContentInformation=1.0,MaxContentInformation=2.0", 2},
		{" \tpeerdist\t ", "\tVersion \t= 1.1 ",
		 "MinContentInformation = 1.0 ,\tMaxContentInformation\t=\t2.0 ", 2},
		/* case of names, of the coding, of true and false */
		{"PeerDist", "VERSION=1.1, missingdatarequest=FALSE",
		 "mincontentinformation=1.0, MAXCONTENTINFORMATION=2.0", 2},
		{"peerdist", "Version=1.1, MissingDataRequest=TRUE", NULL, 0},
		/* order */
		{"peerdist", "MissingDataRequest=false, Version=1.1",
		 "MaxContentInformation=2.0, MinContentInformation=1.0", 2},
		/* the unknown is ignored, wherever and however often */
		{"peerdist", "Foo=1, Version=1.1, Foo=2, ContentLength=x, =, =3, Bar", NULL, 1},
		{"peerdist", "Version=1.1",
		 RANGE("1.0", "2.0") ", Foo, MakeHashRequest=true, MakeHashRequest=false", 2},
		{"peerdist", "XVersion=1.1", NULL, 0},
		{"peerdist", "Versio=1.1", NULL, 0},
		{"peerdist", "Version=1.1, Version.=1.0", NULL, 1},
		/* what is not parted by commas */
		{"peerdist", "Version=1.1; MissingDataRequest=false", NULL, 0},
		{"peerdist", "Version=1.1 MissingDataRequest=false", NULL, 0},
		{"gzip peerdist", "Version=1.1", NULL, 0},
		{"xpeerdist, peerdist2, peer dist", "Version=1.1", NULL, 0},
		{"\"peerdist\"", "Version=1.1", NULL, 0},
	};

	(void)state;
	CHECK_ROWS(rows);
}

static void numbers_are_numbers(void **state)
{
	static const struct row rows[] = {
		{"peerdist", "Version=01.0", NULL, 1},
		{"peerdist", "Version=000000001.000000001", RANGE("1.0", "2.0"), 2},
		{"peerdist", "Version=0000000001.0", NULL, 0},
		{"peerdist", "Version=1.0000000001", NULL, 0},
		{"peerdist", "Version=4294967297.0", NULL, 0},
		{"peerdist", "Version=1.4294967297", NULL, 0},
		{"peerdist", "Version=18446744073709551617.1", NULL, 0},
		{"peerdist", "Version=1.1", RANGE("01.0", "02.00"), 2},
		{"peerdist", "Version=1.1", RANGE("1.0", "0000000002.0"), 0},
		{"peerdist", "Version=1.1.1", NULL, 0},
		{"peerdist", "Version=1.", NULL, 0},
		{"peerdist", "Version=.1", NULL, 0},
		{"peerdist", "Version=.", NULL, 0},
		{"peerdist", "Version=", NULL, 0},
		{"peerdist", "Version", NULL, 0},
		{"peerdist", "Version=+1.1", NULL, 0},
		{"peerdist", "Version=1.-1", NULL, 0},
		{"peerdist", "Version=1. 1", NULL, 0},
		{"peerdist", "Version=1.1\r", NULL, 0},
		{"peerdist", "Version=\"1.1\"", NULL, 0},
		{"peerdist", "Version==1.1", NULL, 0},
		{"peerdist", "Version=1.1x", NULL, 0},
		{"peerdist", "Version=0x1.1", NULL, 0},
	};

	(void)state;
	CHECK_ROWS(rows);
}

static void repeated_or_malformed_parameter_spoils_its_header(void **state)
{
	static const struct row rows[] = {
		{"peerdist", "Version=1.0, Version=1.1", NULL, 0},
		{"peerdist", "Version=1.1, version=1.1", NULL, 0},
		{"peerdist", "Version=1.1, Version", NULL, 0},
		{"peerdist", "Version=1.1, Version=", NULL, 0},
		{"peerdist", "Version=, Version=1.1", NULL, 0},
		{"peerdist", "Version=1.1, MissingDataRequest", NULL, 0},
		{"peerdist", "Version=1.1, MissingDataRequest=false, MissingDataRequest=false",
		 NULL, 0},
		{"peerdist", "Version=1.1", RANGE("1.0", "2.0") ", MinContentInformation=1.0", 0},
		{"peerdist", "Version=1.1", RANGE("1.0", "2.0") "|MaxContentInformation=2.0", 0},
		{"peerdist", "Version=1.1", RANGE("1.0", "2.0") ", HashRequest", 0},
		{"peerdist", "Version=1.1",
		 RANGE("1.0", "2.0") ", HashRequest=true, HashRequest=true", 0},
		{"peerdist", "Version=1.1", RANGE("1.0", "2"), 0},
		{"peerdist", "Version=1.1", RANGE("", "2.0"), 0},
		{"peerdist", "Version=1.1", RANGE("one", "2.0"), 0},
	};

	(void)state;
	CHECK_ROWS(rows);
}

static void quality_decides(void **state)
{
	static const struct row rows[] = {
		{"peerdist;q=1", "Version=1.1", NULL, 1},
		{"peerdist;q=1.000", "Version=1.1", NULL, 1},
		{"peerdist;q=1.", "Version=1.1", NULL, 1},
		{"peerdist; q=0.5", "Version=1.1", NULL, 1},
		{"peerdist ;\tQ=0.001", "Version=1.1", NULL, 1},
		{"gzip;q=0, peerdist;q=0.1, *;q=0", "Version=1.1", NULL, 1},
		{"peerdist;q=0", "Version=1.1", NULL, 0},
		{"peerdist;q=0.", "Version=1.1", NULL, 0},
		{"peerdist;q=0.0", "Version=1.1", NULL, 0},
		{"peerdist;q=0.000", "Version=1.1", NULL, 0},
		{"PEERDIST ; q = 0", "Version=1.1", NULL, 0},
		/* no qualities */
		{"peerdist;q=0.0001", "Version=1.1", NULL, 0},
		{"peerdist;q=0.0000", "Version=1.1", NULL, 0},
		{"peerdist;q=1.001", "Version=1.1", NULL, 0},
		{"peerdist;q=1.0000", "Version=1.1", NULL, 0},
		{"peerdist;q=2", "Version=1.1", NULL, 0},
		{"peerdist;q=10", "Version=1.1", NULL, 0},
		{"peerdist;q=.5", "Version=1.1", NULL, 0},
		{"peerdist;q=-1", "Version=1.1", NULL, 0},
		{"peerdist;q=1,5", "Version=1.1", NULL, 1}, /* "peerdist;q=1" and "5" */
		{"peerdist;q=0,5", "Version=1.1", NULL, 0},
		{"peerdist;q=0.5x", "Version=1.1", NULL, 0},
		{"peerdist;q=", "Version=1.1", NULL, 0},
		{"peerdist;q", "Version=1.1", NULL, 0},
		{"peerdist;", "Version=1.1", NULL, 0},
		{"peerdist;level=1", "Version=1.1", NULL, 0},
		{"peerdist;q=1;q=1", "Version=1.1", NULL, 0},
		{"peerdist;q=\"1\"", "Version=1.1", NULL, 0},
		/* named twice: no is no */
		{"peerdist, peerdist", "Version=1.1", NULL, 1},
		{"peerdist, peerdist;q=0", "Version=1.1", NULL, 0},
		{"peerdist;q=0|peerdist", "Version=1.1", NULL, 0},
		/* stars do not count, neither way */
		{"*;q=1", "Version=1.1", NULL, 0},
		{"*, gzip", "Version=1.1", NULL, 0},
		{"*;q=0, peerdist", "Version=1.1", NULL, 1},
	};

	(void)state;
	CHECK_ROWS(rows);
}

static void hash_request_is_told(void **state)
{
	static const char ex[] = RANGE("1.0", "2.0") ", HashRequest=true";
	struct pccrtp_request request;

	(void)state;
	assert_true(ask("peerdist", "Version=1.1", ex, BOTH).hash_request);
	assert_true(ask("peerdist", "Version=1.1", RANGE("1.0", "2.0") "|hashrequest = TRUE", BOTH)
			    .hash_request);
	assert_false(ask("peerdist", "Version=1.1", RANGE("1.0", "2.0"), BOTH).hash_request);
	/* another value is as if it were not there */
	request = ask("peerdist", "Version=1.1", RANGE("1.0", "2.0") ", HashRequest=false", BOTH);
	assert_true(request.welcome);
	assert_false(request.hash_request);
	assert_true(
		ask("peerdist", "Version=1.1", RANGE("1.0", "2.0") ", HashRequest=", BOTH).welcome);
	assert_false(ask("peerdist", "Version=1.1", RANGE("1.0", "2.0") ", HashRequest=1", BOTH)
			     .hash_request);
	/* without Accept-Encoding it alone is a question, but an empty one says no */
	request = ask(NULL, "Version=1.1", ex, BOTH);
	assert_true(request.welcome && request.hash_request);
	assert_int_equal(request.content_version, 2);
	assert_false(ask("", "Version=1.1", ex, BOTH).welcome);
	assert_false(ask("gzip", "Version=1.1", ex, BOTH).welcome);
	assert_false(ask("peerdist;q=0", "Version=1.1", ex, BOTH).welcome);
	assert_false(
		ask(NULL, "Version=1.1", RANGE("1.0", "2.0") ", HashRequest=false", BOTH).welcome);
	assert_false(ask(NULL, "Version=1.1, MissingDataRequest=true", ex, BOTH).welcome);
	assert_false(ask(NULL, "Version=1.1", "HashRequest=true", BOTH).welcome);
}

static void headers_may_be_absent_altogether(void **state)
{
	struct pccrtp_fields fields = {0};
	struct pccrtp_request request = {.welcome = true, .content_version = 2};
	struct pccrtp_answer_fields answer_fields = {0};
	struct pccrtp_answer answer = {.spoke = true};

	(void)state;
	pccrtp_request_read(&fields, BOTH, &request);
	assert_false(request.welcome);
	assert_int_equal(request.content_version, 0);
	pccrtp_answer_read(&answer_fields, &answer);
	assert_false(answer.spoke || answer.encoded || answer.stacked || answer.make);
	assert_int_equal(answer.length, -1);
}

static void offer_bounds_the_choice(void **state)
{
	static const char wide[] = RANGE("1.0", "2.0");

	(void)state;
	assert_int_equal(ask("peerdist", "Version=1.1", wide, PCCRTP_CONTENT_1).content_version, 1);
	assert_int_equal(ask("peerdist", "Version=1.1", wide, PCCRTP_CONTENT_2).content_version, 2);
	assert_false(ask("peerdist", "Version=1.1", wide, 0).welcome);
	assert_false(ask("peerdist", "Version=1.1", NULL, PCCRTP_CONTENT_2).welcome);
	assert_false(ask("peerdist", "Version=1.0", wide, PCCRTP_CONTENT_2).welcome);
	assert_false(ask("peerdist", "Version=1.1", RANGE("1.0", "1.0"), PCCRTP_CONTENT_2).welcome);
	assert_false(ask("peerdist", "Version=1.1", RANGE("2.0", "2.0"), PCCRTP_CONTENT_1).welcome);
}

static void only_a_newer_client_may_be_told_to_ask_later(void **state)
{
	(void)state;
	assert_true(ask("peerdist", "Version=1.1", NULL, BOTH).later);
	assert_true(ask("peerdist", "Version=1.1", RANGE("1.0", "2.0"), BOTH).later);
	assert_false(ask("peerdist", "Version=1.0", NULL, BOTH).later);
	assert_false(ask("peerdist", "Version=1.0", RANGE("1.0", "1.0"), BOTH).later);
}

static void answer_repeats_the_clients_version_and_puts_it_first(void **state)
{
	struct pccrtp_request request = ask("peerdist", "Version=1.0", NULL, BOTH);
	char field[PCCRTP_FIELD_MAX];

	(void)state;
	pccrtp_answer_write(&request, 80896, field);
	assert_string_equal(field, "Version=1.0, ContentLength=80896");
	request = ask("peerdist", "Version=1.1", NULL, BOTH);
	pccrtp_answer_write(&request, UINT64_MAX, field);
	assert_string_equal(field, "Version=1.1, ContentLength=18446744073709551615");
	assert_string_equal(PCCRTP_LATER, "Version=1.1");
	assert_string_equal(PCCRTP_LATER_EX, "MakeHashRequest=true");
}

static void question_is_sent_octet_by_octet(void **state)
{
	char line[PCCRTP_EX_LINE_MAX];

	(void)state;
	assert_string_equal(PCCRTP_ACCEPT_LINE, "Accept-Encoding: peerdist");
	assert_string_equal(PCCRTP_VERSION_LINE, "X-P2P-PeerDist: Version=1.1");
	assert_string_equal(PCCRTP_MISSING_LINE,
			    "X-P2P-PeerDist: Version=1.1, MissingDataRequest=true");
	pccrtp_question_write(BOTH, false, line);
	assert_string_equal(line, "X-P2P-PeerDistEx: MinContentInformation=1.0, "
				  "MaxContentInformation=2.0");
	pccrtp_question_write(PCCRTP_CONTENT_1, false, line);
	assert_string_equal(line, "X-P2P-PeerDistEx: MinContentInformation=1.0, "
				  "MaxContentInformation=1.0");
	pccrtp_question_write(PCCRTP_CONTENT_2, false, line);
	assert_string_equal(line, "X-P2P-PeerDistEx: MinContentInformation=2.0, "
				  "MaxContentInformation=2.0");
	pccrtp_question_write(BOTH, true, line);
	assert_string_equal(line, "X-P2P-PeerDistEx: MinContentInformation=1.0, "
				  "MaxContentInformation=2.0, HashRequest=true");
}

/* ---- answers ---- */

static struct pccrtp_answer hear(const char *encoding, const char *peerdist, const char *ex)
{
	const char **encodings = lines_of(encoding), **versions = lines_of(peerdist),
		   **extensions = lines_of(ex);
	struct pccrtp_answer_fields fields = {encodings, versions, extensions};
	struct pccrtp_answer answer;

	memset(&answer, 0xa5, sizeof(answer));
	pccrtp_answer_read(&fields, &answer);
	drop(encodings);
	drop(versions);
	drop(extensions);
	return answer;
}

static void encoding_must_stand_alone(void **state)
{
	static const struct {
		const char *encoding;
		bool encoded, stacked;
	} rows[] = {
		{NULL, false, false},
		{"", false, false},
		{"identity", false, false},
		{"gzip", false, false},
		{"gzip, br", false, false},
		{"peerdist", true, false},
		{"PeerDist", true, false},
		{" peerdist\t", true, false},
		{", peerdist,", true, false},
		{"|peerdist", true, false},
		{"peerdist, gzip", false, true},
		{"gzip, peerdist", false, true},
		{"gzip|peerdist", false, true},
		{"peerdist|gzip", false, true},
		{"peerdist, peerdist", false, true},
		{"peerdist|peerdist", false, true},
		{"peerdist, identity", false, true},
		{"identity, peerdist", false, true},
		{"peerdist;q=1", false, true},
		{"gzip peerdist", false, true},
		{"\"peerdist\"", false, true},
		{"peer, dist", false, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct pccrtp_answer answer = hear(rows[i].encoding, NULL, NULL);

		if (answer.encoded != rows[i].encoded || answer.stacked != rows[i].stacked)
			fail_msg("%s", rows[i].encoding != NULL ? rows[i].encoding : "-");
		assert_false(answer.spoke);
	}
}

static void length_is_read_or_not(void **state)
{
	static const struct {
		const char *peerdist;
		int64_t length;
	} rows[] = {
		{NULL, -1},
		{"", -1},
		{"Version=1.1", -1},
		{"Version=1.1, ContentLength=0", 0},
		{"Version=1.0, ContentLength=80896", 80896},
		{"Version=1.1,contentlength = 10000000000", 10000000000},
		{"ContentLength=5, Version=1.1", 5},
		{"Version=1.1|ContentLength=5", 5},
		{"ContentLength=5", 5},
		{"Version=1.1, ContentLength=000000000000000000000000005", 5},
		{"Version=1.1, ContentLength=9223372036854775807", INT64_MAX},
		{"Version=1.1, ContentLength=9223372036854775808", -1},
		{"Version=1.1, ContentLength=18446744073709551621", -1},
		{"Version=1.1, ContentLength=-5", -1},
		{"Version=1.1, ContentLength=+5", -1},
		{"Version=1.1, ContentLength=5 6", -1},
		{"Version=1.1, ContentLength=5.0", -1},
		{"Version=1.1, ContentLength=0x5", -1},
		{"Version=1.1, ContentLength=", -1},
		{"Version=1.1, ContentLength", -1},
		{"Version=1.1, ContentLength=\"5\"", -1},
		{"Version=1.1, ContentLength=5, ContentLength=5", -1},
		{"Version=1.1, ContentLength=5|ContentLength=6", -1},
		/* the header as a whole is not to be used */
		{"Version=1, ContentLength=5", -1},
		{"Version=1.1, ContentLength=5, Version=1.1", -1},
		/* the unknown is ignored */
		{"Foo=1, Version=1.1, ContentLength=5, Foo", 5},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct pccrtp_answer answer = hear(NULL, rows[i].peerdist, NULL);

		if (answer.length != rows[i].length)
			fail_msg("%s: %lld", rows[i].peerdist != NULL ? rows[i].peerdist : "-",
				 (long long)answer.length);
		assert_int_equal(answer.spoke, rows[i].peerdist != NULL);
		assert_false(answer.make);
	}
}

static void wish_to_be_asked_later_is_understood(void **state)
{
	(void)state;
	assert_true(hear(NULL, "Version=1.1", "MakeHashRequest=true").make);
	assert_true(hear(NULL, NULL, "Foo=1 ,makehashrequest = TRUE,").make);
	assert_false(hear(NULL, "Version=1.1", "MakeHashRequest=false").make);
	assert_false(hear(NULL, "Version=1.1", "MakeHashRequest").make);
	assert_false(hear(NULL, "Version=1.1", "MakeHashRequest=").make);
	assert_false(hear(NULL, "Version=1.1", "MakeHashRequest=true|MakeHashRequest=true").make);
	assert_false(hear(NULL, "MakeHashRequest=true", NULL).make);
	assert_false(hear(NULL, "Version=1.1", NULL).make);
	/* readable or not, it spoke */
	assert_true(hear(NULL, NULL, "garbage").spoke);
	assert_true(hear(NULL, NULL, "").spoke);
}

static void limit_follows_the_content(void **state)
{
	const uint64_t most = 256u << 20;

	(void)state;
	assert_int_equal(pccrtp_limit(0, most), 65536);
	assert_int_equal(pccrtp_limit(15, most), 65536);
	assert_int_equal(pccrtp_limit(16, most), 65537);
	assert_int_equal(pccrtp_limit(1u << 20, most), 131072);
	assert_int_equal(pccrtp_limit((most - 65536) * 16, most), most);
	assert_int_equal(pccrtp_limit((most - 65536) * 16 - 1, most), most - 1);
	assert_int_equal(pccrtp_limit(INT64_MAX, most), most);
	assert_int_equal(pccrtp_limit(UINT64_MAX, most), most);
	assert_int_equal(pccrtp_limit(1u << 20, 1000), 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(truth_table_row_by_row),
		cmocka_unit_test(lists_are_read_as_lists),
		cmocka_unit_test(numbers_are_numbers),
		cmocka_unit_test(repeated_or_malformed_parameter_spoils_its_header),
		cmocka_unit_test(quality_decides),
		cmocka_unit_test(hash_request_is_told),
		cmocka_unit_test(headers_may_be_absent_altogether),
		cmocka_unit_test(offer_bounds_the_choice),
		cmocka_unit_test(only_a_newer_client_may_be_told_to_ask_later),
		cmocka_unit_test(answer_repeats_the_clients_version_and_puts_it_first),
		cmocka_unit_test(question_is_sent_octet_by_octet),
		cmocka_unit_test(encoding_must_stand_alone),
		cmocka_unit_test(length_is_read_or_not),
		cmocka_unit_test(wish_to_be_asked_later_is_understood),
		cmocka_unit_test(limit_follows_the_content),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
