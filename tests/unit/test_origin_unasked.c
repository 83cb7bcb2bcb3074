/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Content information that nobody asked for, from a broken cache on the way: reads, stats and
 * listings ask once more, past it. And the reads that say what they are for.
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

#include "tests/unit/origin_scene.h"
#include "tests/unit/scripted_talk.h"

#define NO_CACHE "Cache-Control: no-cache"
#define STRAY(coding)                                                                              \
	{                                                                                          \
		"HTTP/1.1 200 OK\r\nETag: \"e\"\r\nContent-Encoding: " coding                      \
		"\r\nContent-Length: 4\r\n"                                                        \
		"X-P2P-PeerDist: Version=1.1, ContentLength=10",                                   \
			"info", 0                                                                  \
	}

static const struct talk_answer stray = STRAY("peerdist"), stacked = STRAY("peerdist, gzip"),
				twice = STRAY("PeerDist\r\nContent-Encoding: gzip");
static const struct talk_answer stray_part = {
	"HTTP/1.1 206 Partial Content\r\nETag: \"e\"\r\nContent-Encoding: peerdist\r\n"
	"Content-Length: 4\r\nContent-Range: bytes 3-6/10",
	"info", 0};
static const struct talk_answer whole = {"HTTP/1.1 200 OK\r\nETag: \"e\"\r\nContent-Length: 10",
					 CONTENT, 0};
static const struct talk_answer part = {
	"HTTP/1.1 206 Partial Content\r\nETag: \"e\"\r\nContent-Length: 4\r\n"
	"Content-Range: bytes 3-6/10",
	"3456", 0};
static const struct talk_answer page = {
	"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 21",
	"<a href=\"one\">one</a>", 0};
static const struct talk_answer no_options = {"HTTP/1.1 405 No\r\nContent-Length: 0", "", 0};

static void open_talk(struct scene *scene, const struct talk_answer *answers, unsigned count)
{
	talk_begin(answers, count);
	scene_open(scene, talk);
}

/* That the last request but one was ordinary and the last the same past caches. */
static void check_asked_again(unsigned requests)
{
	assert_int_equal(talk_requests(), requests);
	assert_null(strstr(talk_request(requests - 2), "Cache-Control"));
	assert_true(talk_request_has(requests - 1, NO_CACHE));
	assert_true(talk_request_has(requests - 1, "Accept-Encoding: identity"));
}

static void whole_read_is_asked_again(void **state)
{
	static const struct talk_answer *const strays[] = {&stray, &stacked, &twice};

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct talk_answer answers[] = {*strays[i], whole};
		struct scene scene;

		open_talk(&scene, answers, 2);
		assert_int_equal(scene_read_all(&scene), 0);
		assert_int_equal(scene.outcome.received, 10);
		assert_memory_equal(scene.outcome.body, CONTENT, 10);
		assert_string_equal(scene.outcome.entry.validator, "\"e\"");
		check_asked_again(2);
		scene_close(&scene);
	}
}

static void range_is_asked_again(void **state)
{
	const struct talk_answer answers[] = {stray_part, part};
	struct scene scene;

	(void)state;
	open_talk(&scene, answers, 2);
	assert_int_equal(outcome_read(&scene.outcome, &scene.rig, "f", "\"e\"", 3, 4), 0);
	assert_int_equal(scene.outcome.received, 4);
	assert_memory_equal(scene.outcome.body, "3456", 4);
	check_asked_again(2);
	assert_true(talk_request_has(1, "Range: bytes=3-6"));
	assert_true(talk_request_has(1, "If-Range: \"e\""));
	scene_close(&scene);
}

static void stat_is_asked_again(void **state)
{
	const struct talk_answer answers[] = {stray, whole};
	struct scene scene;

	(void)state;
	open_talk(&scene, answers, 2);
	assert_int_equal(outcome_stat(&scene.outcome, &scene.rig, "f"), 0);
	assert_int_equal(scene.outcome.entry.size, 10);
	assert_string_equal(scene.outcome.entry.validator, "\"e\"");
	check_asked_again(2);
	assert_memory_equal(talk_request(1), "HEAD ", 5);
	scene_close(&scene);
}

static void listing_is_asked_again(void **state)
{
	const struct talk_answer answers[] = {no_options, stray, page};
	struct entry entry;
	struct scene scene;

	(void)state;
	open_talk(&scene, answers, 3);
	assert_int_equal(outcome_list(&scene.outcome, &scene.rig, ""), 0);
	assert_true(outcome_has(&scene.outcome, "one", &entry));
	check_asked_again(3);
	scene_close(&scene);
}

static void more_than_once_is_an_error(void **state)
{
	const struct talk_answer answers[] = {stray};
	struct origin_counters counters;
	struct scene scene;

	(void)state;
	open_talk(&scene, answers, 1);
	assert_int_equal(scene_read_all(&scene), -EBADMSG);
	assert_false(scene.outcome.begun);
	check_asked_again(2);
	talk_begin(answers, 1);
	scene_next(&scene);
	assert_int_equal(outcome_stat(&scene.outcome, &scene.rig, "f"), -EBADMSG);
	check_asked_again(2);
	talk_begin(answers, 1);
	scene_next(&scene);
	assert_int_equal(outcome_list(&scene.outcome, &scene.rig, "d"), -EBADMSG);
	origin_counters(scene.rig.origin, &counters);
	assert_int_equal(counters.malformed, 3);
	scene_close(&scene);
}

/* Each request has its own second try, and its lines do not go along with the next one. */
static void next_request_is_ordinary_again(void **state)
{
	const struct talk_answer answers[] = {stray, whole, whole};
	struct scene scene;

	(void)state;
	open_talk(&scene, answers, 3);
	assert_int_equal(scene_read_all(&scene), 0);
	scene_next(&scene);
	assert_int_equal(scene_read_all(&scene), 0);
	assert_int_equal(talk_requests(), 3);
	assert_null(strstr(talk_request(2), "Cache-Control"));
	scene_close(&scene);
}

static void redirect_and_refusal_are_what_they_are(void **state)
{
	const struct talk_answer answers[] = {
		{"HTTP/1.1 302 Found\r\nLocation: /g\r\nContent-Encoding: peerdist\r\n"
		 "Content-Length: 4",
		 "info", 0},
		{"HTTP/1.1 404 Not Found\r\nContent-Encoding: peerdist\r\nContent-Length: 4",
		 "info", 0},
	};
	struct scene scene;

	(void)state;
	open_talk(&scene, answers, 2);
	assert_int_equal(scene_read_all(&scene), -ENOENT);
	assert_int_equal(talk_requests(), 2);
	scene_close(&scene);
}

/* ---- missing data ---- */

static int read_missing(struct scene *scene)
{
	scene_next(scene);
	scene->outcome.purpose = ORIGIN_MISSING_DATA;
	return outcome_read(&scene->outcome, &scene->rig, "f", "\"e\"", 3, 4);
}

static void missing_data_is_asked_for_octet_by_octet(void **state)
{
	char expected[512];
	struct scene scene;

	(void)state;
	open_talk(&scene, &part, 1);
	assert_int_equal(read_missing(&scene), 0);
	assert_memory_equal(scene.outcome.body, "3456", 4);
	snprintf(expected, sizeof(expected),
		 "GET /f HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nUser-Agent: peerdistfs\r\n"
		 "Accept: */*\r\nRange: bytes=3-6\r\nIf-Range: \"e\"\r\n"
		 "X-P2P-PeerDist: Version=1.1, MissingDataRequest=true\r\n\r\n",
		 scripted_port(scene.server));
	assert_string_equal(talk_request(0), expected);
	/* and only then */
	scene_next(&scene);
	assert_int_equal(outcome_read(&scene.outcome, &scene.rig, "f", "\"e\"", 3, 4), 0);
	assert_null(strstr(talk_request(1), "P2P"));
	assert_true(talk_request_has(1, "Accept-Encoding: identity"));
	scene_close(&scene);
}

static void missing_data_is_asked_for_past_caches(void **state)
{
	const struct talk_answer answers[] = {stray_part, part};
	struct scene scene;

	(void)state;
	open_talk(&scene, answers, 2);
	assert_int_equal(read_missing(&scene), 0);
	assert_true(talk_request_has(1, NO_CACHE));
	assert_true(talk_request_has(1, "X-P2P-PeerDist: Version=1.1, MissingDataRequest=true"));
	assert_null(strstr(talk_request(1), "Accept-Encoding"));
	scene_close(&scene);
}

static void missing_data_comes_under_no_coding(void **state)
{
	static const struct talk_answer coded[] = {
		{"HTTP/1.1 200 OK\r\nETag: \"e\"\r\nContent-Encoding: deflate\r\n"
		 "Content-Length: 10",
		 CONTENT, 0},
		{"HTTP/1.1 206 Partial Content\r\nETag: \"e\"\r\nContent-Encoding: deflate\r\n"
		 "Content-Length: 4\r\nContent-Range: bytes 3-6/10",
		 "3456", 0},
		{"HTTP/1.1 404 Not Found\r\nContent-Encoding: deflate\r\nContent-Length: 0", "", 0},
	};
	struct scene scene;

	(void)state;
	open_talk(&scene, coded, 3);
	assert_int_equal(read_missing(&scene), -EBADMSG);
	assert_int_equal(read_missing(&scene), -EBADMSG);
	assert_int_equal(read_missing(&scene), -ENOENT);
	assert_false(scene.outcome.begun);
	scene_close(&scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_read_is_asked_again),
		cmocka_unit_test(range_is_asked_again),
		cmocka_unit_test(stat_is_asked_again),
		cmocka_unit_test(listing_is_asked_again),
		cmocka_unit_test(more_than_once_is_an_error),
		cmocka_unit_test(next_request_is_ordinary_again),
		cmocka_unit_test(redirect_and_refusal_are_what_they_are),
		cmocka_unit_test(missing_data_is_asked_for_octet_by_octet),
		cmocka_unit_test(missing_data_is_asked_for_past_caches),
		cmocka_unit_test(missing_data_comes_under_no_coding),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
