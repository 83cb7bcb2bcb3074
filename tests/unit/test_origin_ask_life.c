/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Asking an HTTP origin for content information: how much may come, redirects, and what the asker
 * may do meanwhile.
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

#define INFORMATION "HTTP/1.1 200 OK\r\nETag: \"e\"\r\nContent-Encoding: peerdist\r\n"
#define LENGTHS "Content-Length: 4\r\nX-P2P-PeerDist: Version=1.1, ContentLength=100000"

/* ---- how much may come ---- */

/* COUNT octets in one chunk, and then another octet. */
static char *chunked_body(size_t count)
{
	char *body = malloc(count + 64);
	int length = sprintf(body, "%zx\r\n", count);

	memset(body + length, 'i', count);
	strcpy(body + length + count, "\r\n1\r\n!\r\n0\r\n\r\n");
	return body;
}

static void body_without_length_ends_at_the_limit(void **state)
{
	struct talk_answer answer = {INFORMATION "Transfer-Encoding: chunked\r\n"
						 "X-P2P-PeerDist: Version=1.1, ContentLength=32",
				     NULL, 0};
	char *fits = chunked_body(65537), *too_long = chunked_body(65538);
	struct scene scene;

	(void)state;
	scene_open(&scene, talk);
	answer.body = fits;
	talk_begin(&answer, 1);
	assert_int_equal(ask(&scene, &plainly), 0);
	assert_int_equal(scene.outcome.received, 65538);
	answer.body = too_long;
	talk_begin(&answer, 1);
	assert_int_equal(ask(&scene, &plainly), -EBADMSG);
	assert_true(scene.outcome.received <= 65538);
	scene_close(&scene);
	free(fits);
	free(too_long);
}

static void content_information_may_be_as_long_as_its_limit(void **state)
{
	static const struct talk_answer answers[] = {
		{INFORMATION "Content-Length: 65537\r\n"
			     "X-P2P-PeerDist: Version=1.1, ContentLength=16",
		 "i", 0},
		{INFORMATION "Content-Length: 268435456\r\n"
			     "X-P2P-PeerDist: Version=1.1, ContentLength=9223372036854775807",
		 "i", 0},
	};
	struct scene scene;

	(void)state;
	talk_begin(answers, 2);
	scene_open(&scene, talk);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(ask(&scene, &plainly), -ECONNRESET);
		assert_true(scene.outcome.begun);
		assert_true(scene.outcome.answer.information);
	}
	scene_close(&scene);
}

static bool flood_of_lines(struct scripted_request *request)
{
	scripted_send(request, INFORMATION LENGTHS "\r\n");
	for (int i = 0; i < 20; i++)
		scripted_send(request, "X-P2P-PeerDistEx: Unknown=%d\r\n", i);
	scripted_send(request, "Connection: close\r\n\r\ninfo");
	return false;
}

static void flood_of_lines_is_refused(void **state)
{
	struct scene scene;

	(void)state;
	scene_open(&scene, flood_of_lines);
	assert_int_equal(ask(&scene, &plainly), -EBADMSG);
	scene_close(&scene);
}

static bool oversized_line(struct scripted_request *request)
{
	char *line = malloc(300000);

	memset(line, 'x', 300000);
	memcpy(line, "X-P2P-PeerDist: ", 16);
	line[299999] = '\0';
	scripted_send(request, INFORMATION "%s\r\n" LENGTHS "\r\n\r\ninfo", line);
	free(line);
	return false;
}

static void oversized_line_is_refused(void **state)
{
	struct scene scene;

	(void)state;
	scene_open(&scene, oversized_line);
	assert_int_equal(ask(&scene, &plainly), -EBADMSG);
	assert_false(scene.outcome.begun);
	scene_close(&scene);
}

/* ---- redirects ---- */

struct two {
	struct scene scene; /* first */
	struct scripted_server *other;
};

static bool lead_away(struct scripted_request *request)
{
	const struct two *two = request->context;

	if (strcmp(request->target, "/f") == 0)
		scripted_send(request, "HTTP/1.1 302 Found\r\nLocation: /g\r\n"
				       "Content-Encoding: peerdist\r\nContent-Length: 0\r\n\r\n");
	else
		scripted_send(request,
			      "HTTP/1.1 307 Moved\r\nLocation: http://127.0.0.1:%u/h\r\n"
			      "Content-Length: 4\r\n\r\naway",
			      scripted_port(two->other));
	return true;
}

static void redirects_are_followed_with_the_question(void **state)
{
	static const struct talk_answer answer = {INFORMATION LENGTHS, "info", 0};
	static const char *const headers[] = {"X-Key: hush", NULL};
	struct two two = {0};

	(void)state;
	talk_begin(&answer, 1);
	two.other = scripted_start(talk, &two);
	scene_open_with(&two.scene, lead_away, 20,
			(struct origin_options){.user = "ann:hush", .headers = headers}, "/");
	assert_int_equal(ask(&two.scene, &plainly), 0);
	assert_true(two.scene.outcome.answer.information);
	assert_memory_equal(two.scene.outcome.body, "info", 4);
	assert_int_equal(scripted_requests(two.scene.server), 2);
	assert_int_equal(talk_requests(), 1);
	assert_true(talk_request_has(0, "Accept-Encoding: peerdist"));
	assert_true(talk_request_has(0, "X-P2P-PeerDist: Version=1.1"));
	assert_non_null(strstr(talk_request(0), "X-P2P-PeerDistEx: Min"));
	assert_null(strstr(talk_request(0), "Authorization"));
	assert_null(strstr(talk_request(0), "hush"));
	scene_close(&two.scene);
	scripted_stop(two.other);
}

static void circle_ends(void **state)
{
	static const struct talk_answer answer = {
		"HTTP/1.1 302 Found\r\nLocation: /f\r\nContent-Length: 0", "", 0};
	struct scene scene;

	(void)state;
	talk_begin(&answer, 1);
	scene_open(&scene, talk);
	assert_int_equal(ask(&scene, &plainly), -ELOOP);
	assert_int_equal(talk_requests(), 11);
	scene_close(&scene);
}

/* ---- the user's wishes ---- */

static void asker_that_refuses_ends_it(void **state)
{
	static const struct talk_answer answer = {INFORMATION LENGTHS, "info", 0};
	struct scene scene;

	(void)state;
	talk_begin(&answer, 1);
	scene_open(&scene, talk);
	scene.outcome.begin_answer = -ENOSPC;
	assert_int_equal(outcome_ask(&scene.outcome, &scene.rig, "f", &plainly), -ENOSPC);
	assert_int_equal(scene.outcome.received, 0);
	assert_int_equal(scene.outcome.ended, 1);
	scene_close(&scene);
}

#define LARGE (4u << 20)

static bool large(struct scripted_request *request)
{
	char *body = malloc(LARGE);

	for (size_t i = 0; i < LARGE; i++)
		body[i] = (char)(i * 31 >> 8);
	scripted_send(request,
		      INFORMATION "Content-Length: %u\r\n"
				  "X-P2P-PeerDist: Version=1.1, ContentLength=10000000000\r\n\r\n",
		      LARGE);
	scripted_send_octets(request, body, LARGE);
	free(body);
	return true;
}

static void refused_octets_come_again_after_resume(void **state)
{
	struct origin_request *request;
	struct scene scene;

	(void)state;
	scene_open(&scene, large);
	scene.outcome.pause_at = 100000;
	request = outcome_start_ask(&scene.outcome, &scene.rig, "f", &plainly, ORIGIN_AHEAD);
	outcome_wait_paused(&scene.outcome);
	outcome_unpause(&scene.outcome);
	origin_resume(scene.rig.origin, request);
	assert_int_equal(outcome_wait(&scene.outcome), 0);
	assert_int_equal(scene.outcome.received, LARGE);
	for (size_t i = 0; i < LARGE; i++)
		if (scene.outcome.body[i] != (char)(i * 31 >> 8))
			fail_msg("octet %zu", i);
	scene_close(&scene);
}

static void paused_question_can_be_cancelled(void **state)
{
	struct origin_request *request;
	struct scene scene;

	(void)state;
	scene_open(&scene, large);
	scene.outcome.pause_at = 1;
	request = outcome_start_ask(&scene.outcome, &scene.rig, "f", &plainly, ORIGIN_READER);
	outcome_wait_paused(&scene.outcome);
	origin_cancel(scene.rig.origin, request);
	assert_int_equal(outcome_wait(&scene.outcome), -ECANCELED);
	origin_resume(scene.rig.origin, request);
	scene_close(&scene);
	assert_int_equal(scene.outcome.ended, 1);
}

static bool stuck_or_not(struct scripted_request *request)
{
	if (strcmp(request->target, "/stuck") != 0) {
		scripted_send(request, INFORMATION LENGTHS "\r\n\r\ninfo");
		return true;
	}
	scripted_send(request, INFORMATION LENGTHS "\r\n\r\nin");
	while (!scripted_stopping(request->server))
		usleep(1000);
	return false;
}

/* Of two connections one is kept free of what is not urgent. */
static void queued_question_can_be_hurried(void **state)
{
	struct origin_request *stuck, *waiting;
	struct outcome other;
	struct scene scene;

	(void)state;
	scene_open_with(&scene, stuck_or_not, 20, (struct origin_options){.connections = 2}, "/");
	outcome_init(&other);
	stuck = outcome_start_ask(&scene.outcome, &scene.rig, "stuck", &plainly, ORIGIN_AHEAD);
	outcome_wait_begun(&scene.outcome);
	waiting = outcome_start_ask(&other, &scene.rig, "f", &plainly, ORIGIN_AHEAD);
	origin_hurry(scene.rig.origin, waiting);
	assert_int_equal(outcome_wait(&other), 0);
	assert_memory_equal(other.body, "info", 4);
	origin_cancel(scene.rig.origin, stuck);
	assert_int_equal(outcome_wait(&scene.outcome), -ECANCELED);
	outcome_clear(&other);
	scene_close(&scene);
}

static void queued_question_can_be_cancelled(void **state)
{
	struct origin_request *waiting;
	struct outcome other;
	struct scene scene;

	(void)state;
	scene_open_with(&scene, stuck_or_not, 20, (struct origin_options){.connections = 1}, "/");
	outcome_init(&other);
	outcome_start_ask(&scene.outcome, &scene.rig, "stuck", &plainly, ORIGIN_READER);
	outcome_wait_begun(&scene.outcome);
	waiting = outcome_start_ask(&other, &scene.rig, "f", &plainly, ORIGIN_READER);
	origin_cancel(scene.rig.origin, waiting);
	assert_int_equal(outcome_wait(&other), -ECANCELED);
	assert_false(other.begun);
	outcome_clear(&other);
	/* closing ends the one that is stuck */
	rig_close(&scene.rig);
	assert_int_equal(scene.outcome.error, -ECANCELED);
	assert_int_equal(scene.outcome.ended, 1);
	scripted_stop(scene.server);
	outcome_clear(&scene.outcome);
}

static void nobody_there_is_told(void **state)
{
	struct scene scene;

	(void)state;
	scene_open(&scene, talk);
	scripted_stop(scene.server);
	assert_int_equal(ask(&scene, &plainly), -EHOSTUNREACH);
	rig_close(&scene.rig);
	outcome_clear(&scene.outcome);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(body_without_length_ends_at_the_limit),
		cmocka_unit_test(content_information_may_be_as_long_as_its_limit),
		cmocka_unit_test(flood_of_lines_is_refused),
		cmocka_unit_test(oversized_line_is_refused),
		cmocka_unit_test(redirects_are_followed_with_the_question),
		cmocka_unit_test(circle_ends),
		cmocka_unit_test(asker_that_refuses_ends_it),
		cmocka_unit_test(refused_octets_come_again_after_resume),
		cmocka_unit_test(paused_question_can_be_cancelled),
		cmocka_unit_test(queued_question_can_be_hurried),
		cmocka_unit_test(queued_question_can_be_cancelled),
		cmocka_unit_test(nobody_there_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
