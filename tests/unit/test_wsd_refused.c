/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Probes and answers in good XML and good envelopes that say what none may say: the list of
 * discovery.md section 8.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/wsd_scene.h"

#define PROBE(types, scopes)                                                                       \
	"<wsd:Probe><wsd:Types>" types "</wsd:Types><wsd:Scopes>" scopes "</wsd:Scopes></"         \
	"wsd:Probe>"
#define RULED(types, rule, scopes)                                                                 \
	"<wsd:Probe><wsd:Types>" types "</wsd:Types><wsd:Scopes MatchBy='" rule "'>" scopes        \
	"</wsd:Scopes></wsd:Probe>"
#define TYPE_1 "PeerDist:PeerDistData"
#define TYPE_2 "PeerDist:PeerDistDataV2"
#define DIGITS_32 "0123456789abcdef0123456789abcdef"
#define DIGITS_64 DIGITS_32 DIGITS_32

static int judge_body(const char *body)
{
	return scene_judge(&(struct scene_document){.body = body});
}

static int judge_octets(const void *data, size_t size)
{
	struct wsd_message *message = NULL;
	char *copy = malloc(size > 0 ? size : 1);
	int error;

	assert_non_null(copy);
	memcpy(copy, data, size);
	error = wsd_read(copy, size, &message);
	assert_true((error == 0) == (message != NULL));
	wsd_free(message);
	free(copy);
	return error;
}

/* Repetitions of a piece, to be freed. */
static char *repeated(const char *piece, size_t count)
{
	size_t length = strlen(piece);
	char *text = malloc(length * count + 1);

	assert_non_null(text);
	for (size_t i = 0; i < count; i++)
		memcpy(text + i * length, piece, length);
	text[length * count] = '\0';
	return text;
}

static void the_scene_itself_is_good(void **state)
{
	(void)state;
	assert_int_equal(scene_judge(&(struct scene_document){0}), 0);
	assert_int_equal(judge_body(PROBE(TYPE_1, DIGITS_64)), 0);
	assert_int_equal(judge_body(PROBE(TYPE_2, SCENE_PACKED)), 0);
}

/* ---- Probes ---- */

static void bodies_missing_and_doubled_are_refused(void **state)
{
	static const char *const bodies[] = {
		"",
		"text",
		SCENE_BODY_1 SCENE_BODY_1,
		SCENE_BODY_1 "<x/>",
		"<x/>",
		"<x>" SCENE_BODY_1 "</x>",
		"<wsd:ProbeMatches></wsd:ProbeMatches>",
		"<wsd:Probe><wsd:Types>" TYPE_1 "</wsd:Types></wsd:Probe>",
		"<wsd:Probe><wsd:Types>" TYPE_1 "</wsd:Types><wsd:Scopes/></wsd:Probe>",
		"<wsd:Probe><wsd:Types>" TYPE_1 "</wsd:Types><wsd:Types/><wsd:Scopes>" DIGITS_64
		"</wsd:Scopes></wsd:Probe>",
		"<wsd:Probe><wsd:Types>" TYPE_1 "</wsd:Types><wsd:Scopes>" DIGITS_64
		"</wsd:Scopes><wsd:Scopes>" DIGITS_64 "</wsd:Scopes></wsd:Probe>",
		"<wsd:Probe><wsd:Types>" TYPE_1 "</wsd:Types><wsd:Scopes>" DIGITS_64
		"<x/></wsd:Scopes></wsd:Probe>",
		"<wsd:Probe><wsd:Types>" TYPE_1 "</wsd:Types><x><wsd:Scopes>" DIGITS_64
		"</wsd:Scopes></x></wsd:Probe>",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bodies) / sizeof(*bodies); i++)
		assert_int_equal(judge_body(bodies[i]), -EBADMSG);
}

static void types_must_be_one_of_ours_alone(void **state)
{
	static const char *const bodies[] = {
		PROBE(TYPE_1 " " TYPE_1, DIGITS_64),
		PROBE(TYPE_1 " " TYPE_2, DIGITS_64),
		PROBE(TYPE_1 " wsd:Device", DIGITS_64),
		PROBE("unbound:PeerDistData", DIGITS_64),
		PROBE("PeerDist:", DIGITS_64),
		PROBE(":PeerDistData", DIGITS_64),
		PROBE(":", DIGITS_64),
		PROBE("PeerDist:PeerDist:Data", DIGITS_64),
		PROBE("PeerDist::PeerDistData", DIGITS_64),
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bodies) / sizeof(*bodies); i++)
		assert_int_equal(judge_body(bodies[i]), -EBADMSG);
	assert_int_equal(judge_body(PROBE("PeerDistData", DIGITS_64)), -ENOMSG);
	assert_int_equal(judge_body(PROBE("wsd:PeerDistData", DIGITS_64)), -ENOMSG);
	assert_int_equal(judge_body(PROBE("PeerDist:PeerDistDataV22", DIGITS_64)), -ENOMSG);
	assert_int_equal(judge_body(PROBE("PeerDist:peerdistdata", DIGITS_64)), -ENOMSG);
}

static void a_rule_must_be_that_of_the_type(void **state)
{
	(void)state;
	assert_int_equal(judge_body(RULED(TYPE_1, SCENE_RULE_1, DIGITS_64)), 0);
	assert_int_equal(judge_body(RULED(TYPE_2, SCENE_RULE_2, SCENE_PACKED)), 0);
	assert_int_equal(judge_body(RULED(TYPE_1, SCENE_RULE_2, DIGITS_64)), -EBADMSG);
	assert_int_equal(judge_body(RULED(TYPE_2, SCENE_RULE_1, SCENE_PACKED)), -EBADMSG);
	assert_int_equal(judge_body(RULED(TYPE_1, "", DIGITS_64)), -EBADMSG);
	assert_int_equal(judge_body(RULED(TYPE_1, SCENE_RULE_1 "/", DIGITS_64)), -EBADMSG);
	assert_int_equal(judge_body(PROBE(TYPE_1, SCENE_PACKED)), -EBADMSG);
	assert_int_equal(judge_body(PROBE(TYPE_2, DIGITS_64)), -EBADMSG);
}

static void one_bad_id_spoils_the_probe(void **state)
{
	static const char *const bodies[] = {
		PROBE(TYPE_1, DIGITS_64 "0"),
		PROBE(TYPE_1, "0" DIGITS_32 "0123456789abcdef0123456789abcd"),
		PROBE(TYPE_1, DIGITS_64 "00"),
		PROBE(TYPE_1, DIGITS_32),
		PROBE(TYPE_1, DIGITS_64 DIGITS_32 "00"),
		PROBE(TYPE_1, DIGITS_64 DIGITS_64 DIGITS_32),
		PROBE(TYPE_1, "0x" DIGITS_32 "0123456789abcdef0123456789abcd"),
		PROBE(TYPE_1, "0x" DIGITS_64),
		PROBE(TYPE_1, DIGITS_32 " " DIGITS_32),
		PROBE(TYPE_1, DIGITS_32 "0123456789abcdef0123456789abcdeg"),
		PROBE(TYPE_1, DIGITS_32 "-123456789abcdef0123456789abcdef"),
		PROBE(TYPE_1, DIGITS_64 "," DIGITS_64),
		PROBE(TYPE_1, DIGITS_64 " " DIGITS_64 " " DIGITS_32),
		PROBE(TYPE_1, "x " DIGITS_64),
		PROBE(TYPE_1, DIGITS_32 "0123456789abcdef0123456789abcd\xc3\xa9"),
		PROBE(TYPE_1, DIGITS_64 "\xc2\xa0" DIGITS_64),
	};
	char *long_id = repeated("0", 25000), *body;

	(void)state;
	for (size_t i = 0; i < sizeof(bodies) / sizeof(*bodies); i++)
		assert_int_equal(judge_body(bodies[i]), -EBADMSG);
	assert_true(asprintf(&body, PROBE(TYPE_1, "%s"), long_id) > 0);
	assert_int_equal(judge_body(body), -EBADMSG);
	free(body);
	free(long_id);
}

static void ids_are_limited(void **state)
{
	(void)state;
	for (size_t more = 0; more < 2; more++) {
		char *ids = repeated(DIGITS_64 "\n", WSD_SEGMENTS_MAX + more), *body;

		assert_true(asprintf(&body, PROBE(TYPE_1, "%s"), ids) > 0);
		assert_int_equal(judge_body(body), more > 0 ? -EBADMSG : 0);
		free(body);
		free(ids);
	}
}

static void corrupted_packed_lists_are_refused(void **state)
{
	static const char *const lists[] = {
		"AA==",                                             /* one octet */
		"ACA=",                                             /* no count */
		"ACAA",                                             /* count 0, and no ids */
		"ACABKQ==",                                         /* an id cut short */
		"ACAAKQEaAQAAAAAwHRoBAAAAAEEAQQBEAHkAZwBNAE0AMQA=", /* count 0 */
		"ACACKQEaAQAAAAAwHRoBAAAAAEEAQQBEAHkAZwBNAE0AMQA=", /* count 2 */
		"ACD/KQEaAQAAAAAwHRoBAAAAAEEAQQBEAHkAZwBNAE0AMQA=", /* count 255 */
		"AAABKQEaAQAAAAAwHRoBAAAAAEEAQQBEAHkAZwBNAE0AMQA=", /* size 0 */
		"AEABKQEaAQAAAAAwHRoBAAAAAEEAQQBEAHkAZwBNAE0AMQA=", /* size 64 */
		"//8BKQEaAQAAAAAwHRoBAAAAAEEAQQBEAHkAZwBNAE0AMQA=", /* size 65535 */
		"IAABKQEaAQAAAAAwHRoBAAAAAEEAQQBEAHkAZwBNAE0AMQA=", /* little-endian */
		"ACABKQEaAQAAAAAwHRoBAAAAAEEAQQBEAHkAZwBNAE0AMQ==", /* an octet less */
		"ACABKQEaAQAAAAAwHRoBAAAAAEEAQQBEAHkAZwBNAE0AMQAA", /* an octet more */
		"ACABKQEaAQAAAAAwHRoBAAAAAEEAQQBEAHkAZwBNAE0AMQA",  /* no padding */
		"ACABKQEaAQAAAAAwHRoBAAAAAEEAQQBEAHkAZwBNAE0AMQA==",
		"ACABKQEaAQAAAAAwHRoBAAAAAEEAQQBEAHkAZwBNAE0AMQB=", /* bits left over */
		"ACABKQEaAQAAAAAwHRoBAAAAAEEAQQBEAHkAZwBNAE0AMQ-=",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++) {
		char *body;

		assert_true(asprintf(&body, PROBE(TYPE_2, "%s"), lists[i]) > 0);
		assert_int_equal(judge_body(body), -EBADMSG);
		free(body);
	}
}

/* ---- answers ---- */

static void answers_without_what_they_need_are_refused(void **state)
{
	static const char matches[] = "<wsd:ProbeMatches></wsd:ProbeMatches>";
	static const char relates[] = "<wsa:RelatesTo>x</wsa:RelatesTo>";
	static const struct {
		const char *header, *body;
	} rows[] = {
		{"", matches},
		{"<wsa:RelatesTo/>", matches},
		{"<wsa:RelatesTo>x</wsa:RelatesTo><wsa:RelatesTo>x</wsa:RelatesTo>", matches},
		{relates, ""},
		{relates, "<wsd:ProbeMatch></wsd:ProbeMatch>"},
		{relates, "<wsd:ProbeMatches/><wsd:ProbeMatches/>"},
		{relates, SCENE_BODY_1},
		{"<wsa:RelatesTo>x</wsa:RelatesTo><wsa:MessageID>y</wsa:MessageID>", matches},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char *text = scene_answer(
			&(struct scene_document){.header = rows[i].header, .body = rows[i].body});

		assert_int_equal(judge_octets(text, strlen(text)), -EBADMSG);
		free(text);
	}
}

#define REFERENCE                                                                                  \
	"<wsa:EndpointReference><wsa:Address>" SCENE_ENDPOINT                                      \
	"</wsa:Address></wsa:EndpointReference>"
#define TYPES(types) "<wsd:Types>" types "</wsd:Types>"
#define SCOPES(scopes) "<wsd:Scopes>" scopes "</wsd:Scopes>"
#define XADDRS(addresses) "<wsd:XAddrs>" addresses "</wsd:XAddrs>"
#define COUNT(digits)                                                                              \
	"<PeerDist:PeerDistData><PeerDist:BlockCount>" digits                                      \
	"</PeerDist:BlockCount></PeerDist:PeerDistData>"
#define MATCH(inside) "<wsd:ProbeMatch>" inside "</wsd:ProbeMatch>"
#define ID SCENE_ID(00)

static int judge_match(enum wsd_form form, unsigned count, const char *inside)
{
	struct wsd_probe probe = scene_asked(form, count);
	struct wsd_message *message;
	struct wsd_matches *matches;
	char *body;
	int error;

	assert_true(asprintf(&body, "<wsd:ProbeMatches>%s</wsd:ProbeMatches>", inside) > 0);
	error = scene_match(&probe, body, &message, &matches);
	free(matches);
	wsd_free(message);
	free(body);
	return error;
}

static void matches_without_what_they_need_are_refused(void **state)
{
	static const char *const inside[] = {
		"",
		MATCH(""),
		MATCH(TYPES(TYPE_1) SCOPES(ID) XADDRS("192.0.2.1:80") COUNT("00000001")),
		MATCH(REFERENCE SCOPES(ID) XADDRS("192.0.2.1:80") COUNT("00000001")),
		MATCH(REFERENCE TYPES(TYPE_1) XADDRS("192.0.2.1:80") COUNT("00000001")),
		MATCH(REFERENCE TYPES(TYPE_1) SCOPES(ID) COUNT("00000001")),
		MATCH(REFERENCE TYPES(TYPE_1) SCOPES(ID) XADDRS("") COUNT("00000001")),
		MATCH(REFERENCE TYPES(TYPE_1) SCOPES(ID) XADDRS("peer.example") COUNT("00000001")),
		MATCH(REFERENCE TYPES(TYPE_1) SCOPES("") XADDRS("192.0.2.1:80") COUNT("")),
		MATCH(REFERENCE TYPES(TYPE_2) SCOPES(ID) XADDRS("192.0.2.1:80") COUNT("00000001")),
		MATCH(REFERENCE TYPES("x:y") SCOPES(ID) XADDRS("192.0.2.1:80") COUNT("00000001")),
		MATCH(REFERENCE REFERENCE TYPES(TYPE_1) SCOPES(ID) XADDRS("192.0.2.1:80")
			      COUNT("00000001")),
		MATCH(REFERENCE TYPES(TYPE_1) SCOPES(ID) SCOPES(ID) XADDRS("192.0.2.1:80")
			      COUNT("00000001")),
		MATCH(REFERENCE TYPES(TYPE_1) SCOPES(ID) XADDRS("192.0.2.1:80")),
		MATCH(REFERENCE TYPES(TYPE_1) SCOPES(ID) XADDRS("192.0.2.1:80") COUNT("00000001")
			      COUNT("00000001")),
	};

	(void)state;
	assert_int_equal(judge_match(WSD_FORM_1, 1,
				     MATCH(REFERENCE TYPES(TYPE_1) SCOPES(ID) XADDRS("192.0.2.1:80")
						   COUNT("00000001"))),
			 0);
	for (size_t i = 0; i < sizeof(inside) / sizeof(*inside); i++)
		assert_int_equal(judge_match(WSD_FORM_1, 1, inside[i]), -EBADMSG);
}

static void counts_that_do_not_fit_are_refused(void **state)
{
	static const char *const digits[] = {
		"",         "1",        "00000",    "0000001",  "000000001", "0000000100000001",
		"0x000001", "0000 001", "0000000g", "-0000001", "+001",      "000000001 "};

	(void)state;
	for (size_t i = 0; i < sizeof(digits) / sizeof(*digits); i++) {
		char *inside;

		assert_true(asprintf(&inside,
				     MATCH(REFERENCE TYPES(TYPE_1) SCOPES(ID) XADDRS("192.0.2.1:80")
						   COUNT("%s")),
				     digits[i]) > 0);
		assert_int_equal(judge_match(WSD_FORM_1, 1, inside), -EBADMSG);
		free(inside);
	}
}

static void bits_that_contradict_are_refused(void **state)
{
	static const struct {
		unsigned count;
		const char *bits;
		int expected;
	} rows[] = {
		{1, "QA==", -EBADMSG},                        /* 01 */
		{4, "/Q==", -EBADMSG},                        /* 11 11 11 01 */
		{3, "/Q==", 0},        {5, "/w==", -EBADMSG}, /* too few */
		{5, "/8A=", 0},        {255, "/w==", -EBADMSG},
		{4, "/w", -EBADMSG},   {4, "!", -EBADMSG},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char *inside;

		assert_true(
			asprintf(&inside,
				 MATCH(REFERENCE TYPES(TYPE_2) SCOPES("%s") XADDRS("192.0.2.1:80")),
				 rows[i].bits) > 0);
		assert_int_equal(judge_match(WSD_FORM_2, rows[i].count, inside), rows[i].expected);
		free(inside);
	}
}

static void one_match_that_lies_spoils_the_answer(void **state)
{
	(void)state;
	assert_int_equal(judge_match(WSD_FORM_1, 1,
				     MATCH(REFERENCE TYPES(TYPE_1) SCOPES(ID) XADDRS("192.0.2.1:80")
						   COUNT("00000001"))
					     MATCH(REFERENCE TYPES(TYPE_1) SCOPES(ID)
							   XADDRS("192.0.2.1:80") COUNT("000000"))),
			 -EBADMSG);
}

static void matches_and_addresses_are_limited(void **state)
{
	char *addresses = repeated("192.0.2.1:80 ", 1000), *words = repeated("x ", 8);
	char *some = repeated(
		MATCH(REFERENCE TYPES(TYPE_1) SCOPES(ID) XADDRS("192.0.2.1:80") COUNT("00000001")),
		40);
	struct wsd_probe probe = scene_asked(WSD_FORM_1, 1);
	struct wsd_message *message;
	struct wsd_matches *matches;
	char *body;

	(void)state;
	assert_true(asprintf(&body,
			     "<wsd:ProbeMatches>" MATCH(REFERENCE TYPES(TYPE_1) SCOPES(ID) XADDRS(
				     "%s") COUNT("00000001")) "%s"
							      "</wsd:ProbeMatches>",
			     addresses, some) > 0);
	assert_int_equal(scene_match(&probe, body, &message, &matches), 0);
	assert_int_equal(matches->count, WSD_MATCHES_MAX);
	assert_int_equal(matches->matches[0].address_count, WSD_ADDRESSES_MAX);
	free(matches);
	wsd_free(message);
	free(body);
	/* A good address behind as many that are none is not looked at. */
	assert_true(asprintf(&body,
			     MATCH(REFERENCE TYPES(TYPE_1) SCOPES(ID) XADDRS("%s192.0.2.1:80")
					   COUNT("00000001")),
			     words) > 0);
	assert_int_equal(judge_match(WSD_FORM_1, 1, body), -EBADMSG);
	free(body);
	free(some);
	free(words);
	free(addresses);
}

static void types_are_limited(void **state)
{
	(void)state;
	for (size_t more = 0; more < 2; more++) {
		char *types = repeated("wsd:x ", 31 + more), *inside;

		assert_true(asprintf(&inside,
				     MATCH(REFERENCE TYPES("%s" TYPE_1) SCOPES(ID)
						   XADDRS("192.0.2.1:80") COUNT("00000001")),
				     types) > 0);
		assert_int_equal(judge_match(WSD_FORM_1, 1, inside), more > 0 ? -EBADMSG : 0);
		free(inside);
		free(types);
	}
}

/* ---- chance ---- */

/* Any result will do, but the sanitizers must be content. */
static void mutations_do_no_harm(void **state)
{
	char *seeds[] = {
		scene_probe(&(struct scene_document){0}),
		scene_probe(&(struct scene_document){.body = SCENE_BODY_2}),
		scene_answer(&(struct scene_document){
			.body = "<wsd:ProbeMatches>" MATCH(
				REFERENCE TYPES(TYPE_1) SCOPES(ID) XADDRS("192.0.2.1:80")
					COUNT("00000001")) "</wsd:ProbeMatches>"}),
		scene_answer(&(struct scene_document){
			.body = "<wsd:ProbeMatches>" MATCH(
				REFERENCE TYPES(TYPE_2) SCOPES("wgI=") XADDRS(
					"192.0.2.1:80") "<PeerDist:SegmentAges>AAEDAgBg6gADYOoA</"
							"PeerDist:SegmentAges>") "</"
										 "wsd:"
										 "ProbeMatches>"}),
	};
	struct wsd_probe probes[] = {scene_asked(WSD_FORM_1, 8), scene_asked(WSD_FORM_2, 8)};
	uint32_t random = 1;
	unsigned understood = 0;

	(void)state;
	for (unsigned i = 0; i < 20000; i++) {
		char *text = strdup(seeds[i % 4]);
		size_t size = strlen(text);
		struct wsd_message *message;

		for (unsigned j = 0; j < 1 + i % 3; j++) {
			random = random * 1664525 + 1013904223;
			text[(random >> 8) % size] = (char)(random >> 24);
		}
		if (wsd_read(text, size, &message) == 0) {
			struct wsd_matches *matches = NULL;

			understood++;
			if (message->kind == WSD_ANSWER &&
			    wsd_read_matches(message, &probes[i & 1], &matches) == 0)
				free(matches);
			wsd_free(message);
		}
		free(text);
	}
	assert_in_range(understood, 100, 19900);
	for (size_t i = 0; i < 4; i++)
		free(seeds[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_scene_itself_is_good),
		cmocka_unit_test(bodies_missing_and_doubled_are_refused),
		cmocka_unit_test(types_must_be_one_of_ours_alone),
		cmocka_unit_test(a_rule_must_be_that_of_the_type),
		cmocka_unit_test(one_bad_id_spoils_the_probe),
		cmocka_unit_test(ids_are_limited),
		cmocka_unit_test(corrupted_packed_lists_are_refused),
		cmocka_unit_test(answers_without_what_they_need_are_refused),
		cmocka_unit_test(matches_without_what_they_need_are_refused),
		cmocka_unit_test(counts_that_do_not_fit_are_refused),
		cmocka_unit_test(bits_that_contradict_are_refused),
		cmocka_unit_test(one_match_that_lies_spoils_the_answer),
		cmocka_unit_test(matches_and_addresses_are_limited),
		cmocka_unit_test(types_are_limited),
		cmocka_unit_test(mutations_do_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
