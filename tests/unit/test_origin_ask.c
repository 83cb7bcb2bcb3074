/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Asking an HTTP origin for content information: what is sent, the answers of http-extension.md
 * section 7 row by row, and those of an origin that lies.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/origin_scene.h"
#include "tests/unit/scripted_talk.h"

static const struct origin_question plainly = {.validator = "", .versions = 3};

static int ask(struct scene *scene, const struct origin_question *question)
{
	scene_next(scene);
	return outcome_ask(&scene->outcome, &scene->rig, "f", question);
}

/* ---- what is sent ---- */

#define OK_10 "HTTP/1.1 200 OK\r\nETag: \"e\"\r\nContent-Length: 10"

static void check_sent(const struct origin_question *question, const char *lines)
{
	static const struct talk_answer answer = {OK_10, CONTENT, 0};
	char expected[1024];
	struct scene scene;

	talk_begin(&answer, 1);
	scene_open(&scene, talk);
	assert_int_equal(ask(&scene, question), 0);
	snprintf(expected, sizeof(expected),
		 "GET /f HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nUser-Agent: peerdistfs\r\n"
		 "Accept: */*\r\n%s\r\n",
		 scripted_port(scene.server), lines);
	assert_int_equal(talk_requests(), 1);
	assert_string_equal(talk_request(0), expected);
	scene_close(&scene);
}

#define QUESTION(least, most)                                                                      \
	"Accept-Encoding: peerdist\r\nX-P2P-PeerDist: Version=1.1\r\n"                             \
	"X-P2P-PeerDistEx: MinContentInformation=" least ", MaxContentInformation=" most

static void question_is_sent_octet_by_octet(void **state)
{
	(void)state;
	check_sent(&plainly, QUESTION("1.0", "2.0") "\r\n");
	check_sent(&(struct origin_question){.validator = "", .versions = 1},
		   QUESTION("1.0", "1.0") "\r\n");
	check_sent(&(struct origin_question){.validator = "", .versions = 2},
		   QUESTION("2.0", "2.0") "\r\n");
	check_sent(&(struct origin_question){.validator = "", .versions = 3, .hash_request = true},
		   QUESTION("1.0", "2.0") ", HashRequest=true\r\n");
	check_sent(&(struct origin_question){.validator = "", .versions = 3, .no_cache = true},
		   QUESTION("1.0", "2.0") "\r\nCache-Control: no-cache\r\n");
	/* the version is looked at in the answer: no condition */
	check_sent(&(struct origin_question){.validator = "\"e\"", .versions = 3},
		   QUESTION("1.0", "2.0") "\r\n");
}

static void other_requests_stay_as_they_are(void **state)
{
	static const struct talk_answer answer = {OK_10, CONTENT, 0};
	struct scene scene;

	(void)state;
	talk_begin(&answer, 1);
	scene_open(&scene, talk);
	assert_int_equal(ask(&scene, &plainly), 0);
	scene_next(&scene);
	assert_int_equal(scene_read_all(&scene), 0);
	assert_true(talk_request_has(1, "Accept-Encoding: identity"));
	assert_null(strstr(talk_request(1), "P2P"));
	scene_close(&scene);
}

/* ---- the answers ---- */

struct row {
	struct talk_answer answer;
	const char *validator; /* asked for */
	bool information;
	int64_t length;            /* told */
	int64_t size;              /* of the content, told */
	const char *its_validator; /* told */
	bool spoke, make;
};

#define INFORMATION "HTTP/1.1 200 OK\r\nETag: \"e\"\r\nContent-Encoding: peerdist\r\n"
#define LENGTHS "Content-Length: 4\r\nX-P2P-PeerDist: Version=1.1, ContentLength=100000"
#define DATES "Last-Modified: " OLD "\r\nDate: " NOW "\r\n"

static const struct row rows[] = {
	/* content information; its ETag is the content's */
	{{INFORMATION LENGTHS, "info", 0}, "", true, 4, 100000, "\"e\"", true, false},
	{{INFORMATION LENGTHS, "info", 0}, "\"e\"", true, 4, 100000, "\"e\"", true, false},
	{{"HTTP/1.1 200 OK\r\nContent-Encoding: PeerDist\r\n" DATES LENGTHS, "info", 0},
	 "lm:" OLD ";100000",
	 true,
	 4,
	 100000,
	 "lm:" OLD ";100000",
	 true,
	 false},
	{{"HTTP/1.1 200 OK\r\nContent-Encoding: peerdist\r\n" DATES LENGTHS, "info", 0},
	 "",
	 true,
	 4,
	 100000,
	 "lm:" OLD ";100000",
	 true,
	 false},
	{{INFORMATION "X-P2P-PeerDist: Version=1.0\r\nX-P2P-PeerDist: ContentLength=1", "info", 0},
	 "",
	 true,
	 -1,
	 1,
	 "\"e\"",
	 true,
	 false},
	{{INFORMATION "Transfer-Encoding: chunked\r\n"
		      "X-P2P-PeerDist: Version=1.1, ContentLength=9223372036854775807",
	  "2\r\nin\r\n2\r\nfo\r\n0\r\n\r\n", 0},
	 "",
	 true,
	 -1,
	 INT64_MAX,
	 "\"e\"",
	 true,
	 false},
	/* the content */
	{{OK_10, CONTENT, 0}, "", false, 10, 10, "\"e\"", false, false},
	{{OK_10, CONTENT, 0}, "\"e\"", false, 10, 10, "\"e\"", false, false},
	{{OK_10 "\r\nContent-Encoding: identity", CONTENT, 0},
	 "\"e\"",
	 false,
	 10,
	 10,
	 "\"e\"",
	 false,
	 false},
	{{"HTTP/1.1 200 OK", CONTENT, 0}, "", false, -1, -1, "", false, false},
	/* and hashes are being made; or a server that knows of them */
	{{OK_10 "\r\nX-P2P-PeerDist: Version=1.1\r\nX-P2P-PeerDistEx: MakeHashRequest=true",
	  CONTENT, 0},
	 "",
	 false,
	 10,
	 10,
	 "\"e\"",
	 true,
	 true},
	{{OK_10 "\r\nX-P2P-PeerDist: Version=1.1", CONTENT, 0},
	 "",
	 false,
	 10,
	 10,
	 "\"e\"",
	 true,
	 false},
	{{OK_10 "\r\nX-P2P-PeerDistEx: MakeHashRequest=false", CONTENT, 0},
	 "",
	 false,
	 10,
	 10,
	 "\"e\"",
	 true,
	 false},
	/* ContentLength means nothing there */
	{{OK_10 "\r\nX-P2P-PeerDist: Version=1.1, ContentLength=99", CONTENT, 0},
	 "",
	 false,
	 10,
	 10,
	 "\"e\"",
	 true,
	 false},
};

static void check_row(struct scene *scene, const struct row *row)
{
	const struct outcome *outcome = &scene->outcome;
	struct origin_question question = {.validator = row->validator, .versions = 3};
	const char *body = row->information ? "info" : CONTENT;

	talk_begin(&row->answer, 1);
	assert_int_equal(ask(scene, &question), 0);
	assert_int_equal(outcome->answer.information, row->information);
	assert_int_equal(outcome->answer.length, row->length);
	assert_int_equal(outcome->answer.spoke, row->spoke);
	assert_int_equal(outcome->answer.make, row->make);
	assert_int_equal(outcome->answer.entry.kind, ENTRY_FILE);
	assert_int_equal(outcome->answer.entry.size, row->size);
	assert_string_equal(outcome->answer.entry.validator, row->its_validator);
	assert_false(outcome->answer.entry.flags & ENTRY_NO_RANGES);
	assert_int_equal(outcome->received, strlen(body));
	assert_memory_equal(outcome->body, body, strlen(body));
	assert_int_equal(outcome->ended, 1);
	assert_int_equal(talk_requests(), 1);
}

static void answers_row_by_row(void **state)
{
	struct scene scene;

	(void)state;
	scene_open(&scene, talk);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		check_row(&scene, &rows[i]);
	scene_close(&scene);
}

/* "0123456789" in gzip. */
static const char packed[] = "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\x33\x30\x34\x32\x36\x31"
			     "\x35\x33\xb7\xb0\x04\x00\xc6\xc7\x84\xa6\x0a\x00\x00\x00";
#define PACKED (sizeof(packed) - 1)

static const struct talk_answer gzip_answer = {"HTTP/1.1 200 OK\r\nETag: \"packed\"\r\n" DATES
					       "Content-Encoding: gzip\r\nContent-Length: 30",
					       packed, PACKED};

static void another_coding_is_content_as_it_is(void **state)
{
	struct scene scene;

	(void)state;
	talk_begin(&gzip_answer, 1);
	scene_open(&scene, talk);
	assert_int_equal(ask(&scene, &plainly), 0);
	assert_false(scene.outcome.answer.information);
	assert_int_equal(scene.outcome.answer.length, PACKED);
	assert_int_equal(scene.outcome.entry.size, PACKED);
	assert_int_equal(scene.outcome.received, PACKED);
	assert_memory_equal(scene.outcome.body, packed, PACKED);
	/* a read undoes it, so the two are not of one version */
	assert_string_equal(scene.outcome.entry.validator, "");
	assert_int_equal(
		ask(&scene, &(struct origin_question){.validator = "\"packed\"", .versions = 3}),
		-ESTALE);
	assert_false(scene.outcome.begun);
	scene_next(&scene);
	assert_int_equal(scene_read_all(&scene), 0);
	assert_int_equal(scene.outcome.received, 10);
	scene_close(&scene);
}

static void unknown_coding_is_content_as_it_is(void **state)
{
	static const struct talk_answer answer = {
		OK_10 "\r\nContent-Encoding: rot13\r\nContent-Encoding: br", CONTENT, 0};
	struct scene scene;

	(void)state;
	talk_begin(&answer, 1);
	scene_open(&scene, talk);
	assert_int_equal(ask(&scene, &plainly), 0);
	assert_memory_equal(scene.outcome.body, CONTENT, 10);
	scene_close(&scene);
}

struct refusal {
	const char *head, *body;
	const char *validator;
	int error;
	bool begins; /* it is found out later */
};

#define LENGTH_4 "Content-Length: 4\r\n"
#define CODED(coding) "HTTP/1.1 200 OK\r\nETag: \"e\"\r\nContent-Encoding: " coding "\r\n" LENGTHS

static const struct refusal refusals[] = {
	/* stacked or repeated */
	{CODED("peerdist, gzip"), "info", "", -EBADMSG, false},
	{CODED("gzip, peerdist"), "info", "", -EBADMSG, false},
	{CODED("gzip\r\nContent-Encoding: peerdist"), "info", "", -EBADMSG, false},
	{CODED("peerdist\r\nContent-Encoding: gzip"), "info", "", -EBADMSG, false},
	{CODED("peerdist\r\nContent-Encoding: peerdist"), "info", "", -EBADMSG, false},
	{CODED("peerdist;q=1"), "info", "", -EBADMSG, false},
	/* lengths of the content */
	{INFORMATION "Content-Length: 4", "info", "", -EBADMSG, false},
	{INFORMATION LENGTH_4 "X-P2P-PeerDist: Version=1.1", "info", "", -EBADMSG, false},
	{INFORMATION LENGTH_4 "X-P2P-PeerDist: Version=1.1, ContentLength=0", "info", "", -EBADMSG,
	 false},
	{INFORMATION LENGTH_4 "X-P2P-PeerDist: Version=1.1, ContentLength=-1", "info", "", -EBADMSG,
	 false},
	{INFORMATION LENGTH_4 "X-P2P-PeerDist: Version=1.1, ContentLength=1e3", "info", "",
	 -EBADMSG, false},
	{INFORMATION LENGTH_4 "X-P2P-PeerDist: Version=1.1, ContentLength=9223372036854775808",
	 "info", "", -EBADMSG, false},
	{INFORMATION LENGTHS "\r\nX-P2P-PeerDist: ContentLength=100000", "info", "", -EBADMSG,
	 false},
	{INFORMATION LENGTH_4 "X-P2P-PeerDist: Version=x, ContentLength=100000", "info", "",
	 -EBADMSG, false},
	/* lengths of the encoded form */
	{INFORMATION "Content-Length: 65537\r\nX-P2P-PeerDist: Version=1.1, ContentLength=15", "i",
	 "", -EBADMSG, false},
	{INFORMATION "Content-Length: 268435457\r\n"
		     "X-P2P-PeerDist: Version=1.1, ContentLength=9223372036854775807",
	 "i", "", -EBADMSG, false},
	{INFORMATION "Content-Length: 0\r\nX-P2P-PeerDist: Version=1.1, ContentLength=15", "", "",
	 -EBADMSG, false},
	{INFORMATION "Content-Length: -4\r\nX-P2P-PeerDist: Version=1.1, ContentLength=15", "info",
	 "", -EBADMSG, false},
	{INFORMATION "Content-Length: 5\r\n" LENGTHS, "info", "", -EBADMSG, false},
	{INFORMATION "Content-Length: 99\r\nX-P2P-PeerDist: Version=1.1, ContentLength=15", "info",
	 "", -ECONNRESET, true},
	{INFORMATION "Transfer-Encoding: chunked\r\n"
		     "X-P2P-PeerDist: Version=1.1, ContentLength=15",
	 "4\r\ninfo\r\n", "", -ECONNRESET, true},
	{"HTTP/1.1 200 OK\r\nContent-Length: 11", CONTENT, "", -ECONNRESET, true},
	/* another version, several, or none */
	{INFORMATION LENGTHS, "info", "\"old\"", -ESTALE, false},
	{INFORMATION LENGTHS "\r\nETag: \"f\"", "info", "", -EBADMSG, false},
	{INFORMATION LENGTHS, "info", "lm:" OLD ";100000", -ESTALE, false},
	{"HTTP/1.1 200 OK\r\nContent-Encoding: peerdist\r\n" DATES LENGTHS, "info", "lm:" OLD ";4",
	 -ESTALE, false},
	{"HTTP/1.1 200 OK\r\nContent-Encoding: peerdist\r\nETag: W/\"e\"\r\n" LENGTHS, "info",
	 "\"e\"", -ESTALE, false},
	{OK_10, CONTENT, "\"old\"", -ESTALE, false},
	{OK_10 "\r\nETag: \"f\"", CONTENT, "\"e\"", -EBADMSG, false},
	{OK_10 "\r\nContent-Length: 11", CONTENT, "", -EBADMSG, false},
	/* answers to what was not asked */
	{"HTTP/1.1 206 Partial\r\nETag: \"e\"\r\nContent-Range: bytes 0-9/10\r\n"
	 "Content-Length: 10",
	 CONTENT, "", -EBADMSG, false},
	{"HTTP/1.1 206 Partial\r\nETag: \"e\"\r\nContent-Encoding: peerdist\r\n"
	 "Content-Range: bytes 0-9/10\r\n" LENGTHS,
	 "info", "", -EBADMSG, false},
	{"HTTP/1.1 304 Not Modified\r\nETag: \"e\"", "", "\"e\"", -EPROTO, false},
	{"HTTP/1.1 204 No Content", "", "", -EPROTO, false},
	/* statuses */
	{"HTTP/1.1 404 Not Found\r\nContent-Length: 0", "", "", -ENOENT, false},
	{"HTTP/1.1 404 Not Found\r\nContent-Encoding: peerdist\r\n" LENGTHS, "info", "", -ENOENT,
	 false},
	{"HTTP/1.1 410 Gone\r\nContent-Length: 0", "", "", -ENOENT, false},
	{"HTTP/1.1 401 No\r\nContent-Length: 0", "", "", -EACCES, false},
	{"HTTP/1.1 403 No\r\nContent-Length: 0", "", "", -EACCES, false},
	{"HTTP/1.1 406 No\r\nContent-Length: 0", "", "", -EPROTO, false},
	{"HTTP/1.1 412 No\r\nContent-Length: 0", "", "", -ESTALE, false},
	{"HTTP/1.1 429 No\r\nContent-Length: 0", "", "", -EREMOTEIO, false},
	{"HTTP/1.1 503 No\r\nContent-Length: 0", "", "", -EREMOTEIO, false},
};

static void refuse(struct scene *scene, const struct refusal *refusal)
{
	struct talk_answer answer = {refusal->head, refusal->body, 0};
	struct origin_question question = {.validator = refusal->validator, .versions = 3};
	struct origin_counters before, after;
	int error;

	origin_counters(scene->rig.origin, &before);
	talk_begin(&answer, 1);
	error = ask(scene, &question);
	if (error != refusal->error)
		fail_msg("%s: %d (%s)", refusal->head, error, strerror(-error));
	if (scene->outcome.begun != refusal->begins)
		fail_msg("%s: begun %d", refusal->head, scene->outcome.begun);
	origin_counters(scene->rig.origin, &after);
	assert_int_equal(after.malformed - before.malformed, error == -EBADMSG);
	assert_int_equal(after.errors - before.errors, error != -ENOENT);
	assert_int_equal(talk_requests(), 1);
}

static void unusable_answers_are_refused(void **state)
{
	struct scene scene;

	(void)state;
	scene_open(&scene, talk);
	for (size_t i = 0; i < sizeof(refusals) / sizeof(*refusals); i++)
		refuse(&scene, &refusals[i]);
	scene_close(&scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(question_is_sent_octet_by_octet),
		cmocka_unit_test(other_requests_stay_as_they_are),
		cmocka_unit_test(answers_row_by_row),
		cmocka_unit_test(another_coding_is_content_as_it_is),
		cmocka_unit_test(unknown_coding_is_content_as_it_is),
		cmocka_unit_test(unusable_answers_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
