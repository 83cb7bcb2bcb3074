/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Reading from an HTTP origin that lies, dawdles and breaks off.
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

static void whole_file_is_read_without_range(void **state)
{
	struct scene scene;

	(void)state;
	scene_open(&scene, scene_honest);
	assert_int_equal(scene_read_all(&scene), 0);
	assert_int_equal(scene.outcome.length, 10);
	assert_int_equal(scene.outcome.received, 10);
	assert_memory_equal(scene.outcome.body, CONTENT, 10);
	assert_false(scene.outcome.entry.flags & ENTRY_NO_RANGES);
	scene_close(&scene);
}

static bool wants_if_range(struct scripted_request *request)
{
	const char *field = scripted_header(request, "If-Range");

	if (field != NULL && strcmp(field, "\"e\"") == 0)
		return scene_honest(request);
	scripted_send(request, "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n");
	return true;
}

static void range_is_read_under_if_range(void **state)
{
	struct scene scene;

	(void)state;
	scene_open(&scene, wants_if_range);
	assert_int_equal(outcome_read(&scene.outcome, &scene.rig, "f", "\"e\"", 3, 4), 0);
	assert_int_equal(scene.outcome.start, 3);
	assert_int_equal(scene.outcome.entry.size, 10);
	assert_int_equal(scene.outcome.received, 4);
	assert_memory_equal(scene.outcome.body, "3456", 4);
	scene_next(&scene);
	assert_int_equal(outcome_read(&scene.outcome, &scene.rig, "f", "\"e\"", 8, 100), 0);
	assert_memory_equal(scene.outcome.body, "89", 2);
	assert_int_equal(scene.outcome.received, 2);
	scene_close(&scene);
}

static bool checks_date(struct scripted_request *request)
{
	const char *field = scripted_header(request, "If-Range");

	if (field == NULL || strcmp(field, OLD) != 0) {
		scripted_send(request, "HTTP/1.1 400 No\r\nContent-Length: 0\r\n\r\n");
		return true;
	}
	scripted_send(request, "HTTP/1.1 206 Partial\r\nLast-Modified: " OLD "\r\nDate: " NOW "\r\n"
			       "ETag: W/\"weak\"\r\nContent-Length: 2\r\n"
			       "Content-Range: bytes 1-2/10\r\n\r\n12");
	return true;
}

static void date_validator_is_asked_as_a_date(void **state)
{
	struct scene scene;

	(void)state;
	scene_open(&scene, checks_date);
	assert_int_equal(outcome_read(&scene.outcome, &scene.rig, "f", "lm:" OLD ";10", 1, 2), 0);
	assert_memory_equal(scene.outcome.body, "12", 2);
	scene_next(&scene);
	assert_int_equal(outcome_read(&scene.outcome, &scene.rig, "f", "lm:" OLD ";11", 1, 2),
			 -ESTALE);
	assert_false(scene.outcome.begun);
	scene_close(&scene);
}

static void other_version_is_stale_before_any_octet(void **state)
{
	struct scene scene;

	(void)state;
	scene_open(&scene, scene_honest);
	assert_int_equal(outcome_read(&scene.outcome, &scene.rig, "f", "\"old\"", 3, 4), -ESTALE);
	assert_false(scene.outcome.begun);
	scene_next(&scene);
	assert_int_equal(outcome_read(&scene.outcome, &scene.rig, "f", "\"old\"", 0, 0), -ESTALE);
	assert_false(scene.outcome.begun);
	scene_close(&scene);
}

/* What the server answers to everything, told by the path: one line of this table each. */
struct lie {
	const char *head, *body;
	uint64_t offset, length;
	const char *validator;
	int error;
};

static const struct lie *current_lie;

static bool tell_lie(struct scripted_request *request)
{
	/* Said, since curl gives up when it finds too many connections closed without a word. */
	scripted_send(request, "%s\r\nConnection: close\r\n\r\n%s", current_lie->head,
		      current_lie->body);
	return false;
}

#define PARTIAL "HTTP/1.1 206 Partial Content\r\nETag: \"e\"\r\n"

static const struct lie lies[] = {
	/* not the range that was asked for */
	{PARTIAL "Content-Length: 4\r\nContent-Range: bytes 2-5/10", "2345", 3, 4, "", -EBADMSG},
	{PARTIAL "Content-Length: 5\r\nContent-Range: bytes 3-7/10", "34567", 3, 4, "", -EBADMSG},
	{PARTIAL "Content-Length: 3\r\nContent-Range: bytes 3-5/10", "345", 3, 4, "", -EBADMSG},
	/* lengths that contradict each other */
	{PARTIAL "Content-Length: 3\r\nContent-Range: bytes 3-6/10", "345", 3, 4, "", -EBADMSG},
	{PARTIAL "Content-Length: 4\r\nContent-Range: bytes 3-6/6", "3456", 3, 4, "", -EBADMSG},
	/* malformed or missing */
	{PARTIAL "Content-Length: 4\r\nContent-Range: bytes 3-6/*", "3456", 3, 4, "", -EBADMSG},
	{PARTIAL "Content-Length: 4\r\nContent-Range: garbage", "3456", 3, 4, "", -EBADMSG},
	{PARTIAL "Content-Length: 4", "3456", 3, 4, "", -EBADMSG},
	{PARTIAL "Content-Length: 4\r\nContent-Range: bytes 3-6/10\r\n"
		 "Content-Range: bytes 3-6/11",
	 "3456", 3, 4, "", -EBADMSG},
	{PARTIAL "Content-Type: multipart/byteranges; boundary=x\r\nContent-Length: 4\r\n"
		 "Content-Range: bytes 3-6/10",
	 "3456", 3, 4, "", -EBADMSG},
	{PARTIAL "Content-Encoding: gzip\r\nContent-Length: 4\r\nContent-Range: bytes 3-6/10",
	 "3456", 3, 4, "", -EBADMSG},
	/* cut short */
	{PARTIAL "Content-Length: 4\r\nContent-Range: bytes 3-6/10", "34", 3, 4, "", -ECONNRESET},
	{"HTTP/1.1 200 OK\r\nContent-Length: 10", "0123", 0, 0, "", -ECONNRESET},
	{PARTIAL "Transfer-Encoding: chunked\r\nContent-Range: bytes 3-6/10",
	 "2\r\n34\r\n0\r\n\r\n", 3, 4, "", -ECONNRESET},
	{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked", "4\r\n0123\r\n", 0, 0, "", -ECONNRESET},
	{"", "", 0, 0, "", -EBADMSG},
	/* too much */
	{PARTIAL "Transfer-Encoding: chunked\r\nContent-Range: bytes 3-6/10",
	 "5\r\n34567\r\n0\r\n\r\n", 3, 4, "", -EBADMSG},
	/* another version, or none */
	{"HTTP/1.1 206 Partial\r\nContent-Length: 4\r\nContent-Range: bytes 3-6/10", "3456", 3, 4,
	 "\"e\"", -ESTALE},
	{"HTTP/1.1 206 Partial\r\nETag: W/\"e\"\r\nContent-Length: 4\r\n"
	 "Content-Range: bytes 3-6/10",
	 "3456", 3, 4, "\"e\"", -ESTALE},
	{"HTTP/1.1 416 No\r\nContent-Length: 0", "", 3, 4, "\"e\"", -ESTALE},
	/* answers to what was not asked */
	{PARTIAL "Content-Length: 10\r\nContent-Range: bytes 0-9/10", CONTENT, 0, 0, "", -EPROTO},
	{"HTTP/1.1 304 Not Modified", "", 0, 0, "", -EPROTO},
	{"HTTP/1.1 204 No Content", "", 0, 0, "", -EPROTO},
	{"HTTP/1.1 302 Found\r\nContent-Length: 0", "", 0, 0, "", -EPROTO},
	/* statuses */
	{"HTTP/1.1 404 Not Found\r\nContent-Length: 0", "", 0, 0, "", -ENOENT},
	{"HTTP/1.1 410 Gone\r\nContent-Length: 0", "", 0, 0, "", -ENOENT},
	{"HTTP/1.1 401 No\r\nContent-Length: 0", "", 0, 0, "", -EACCES},
	{"HTTP/1.1 403 No\r\nContent-Length: 0", "", 0, 0, "", -EACCES},
	{"HTTP/1.1 500 No\r\nContent-Length: 0", "", 0, 0, "", -EREMOTEIO},
	{"HTTP/1.1 429 No\r\nContent-Length: 0", "", 0, 0, "", -EREMOTEIO},
	/* two lengths */
	{"HTTP/1.1 200 OK\r\nContent-Length: 10\r\nContent-Length: 11", CONTENT, 0, 0, "",
	 -EBADMSG},
};

static void lies_are_refused(void **state)
{
	struct scene scene;

	(void)state;
	scene_open(&scene, tell_lie);
	for (size_t i = 0; i < sizeof(lies) / sizeof(*lies); i++) {
		int error;

		current_lie = &lies[i];
		scene_next(&scene);
		error = outcome_read(&scene.outcome, &scene.rig, "f", lies[i].validator,
				     lies[i].offset, lies[i].length);
		if (error != lies[i].error)
			fail_msg("%s: %d (%s)", lies[i].head, error, strerror(-error));
		assert_true(scene.outcome.received <= 10);
	}
	scene_close(&scene);
}

static bool ignore_range(struct scripted_request *request)
{
	scripted_send(request, "HTTP/1.1 200 OK\r\nETag: \"e\"\r\nContent-Length: 10\r\n\r\n%s",
		      CONTENT);
	return true;
}

static void ignored_range_gives_the_whole_and_says_so(void **state)
{
	struct scene scene;

	(void)state;
	scene_open(&scene, ignore_range);
	assert_int_equal(outcome_read(&scene.outcome, &scene.rig, "f", "\"e\"", 3, 4), 0);
	assert_int_equal(scene.outcome.start, 0);
	assert_int_equal(scene.outcome.received, 10);
	assert_true(scene.outcome.entry.flags & ENTRY_NO_RANGES);
	scene_close(&scene);
}

static bool without_length(struct scripted_request *request)
{
	scripted_send(request, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n%s", CONTENT);
	return false;
}

static void body_without_length_ends_with_its_connection(void **state)
{
	struct scene scene;

	(void)state;
	scene_open(&scene, without_length);
	assert_int_equal(scene_read_all(&scene), 0);
	assert_int_equal(scene.outcome.length, -1);
	assert_int_equal(scene.outcome.entry.size, -1);
	assert_int_equal(scene.outcome.received, 10);
	assert_string_equal(scene.outcome.entry.validator, "");
	scene_close(&scene);
}

/* CONTENT as gzip -9 has it */
static const unsigned char packed[] = {0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03,
				       0x33, 0x30, 0x34, 0x32, 0x36, 0x31, 0x35, 0x33, 0xb7, 0xb0,
				       0x04, 0x00, 0xc6, 0xc7, 0x84, 0xa6, 0x0a, 0x00, 0x00, 0x00};

static bool gzip_all(struct scripted_request *request)
{
	scripted_send(request,
		      "HTTP/1.1 200 OK\r\nETag: \"packed\"\r\nLast-Modified: " OLD "\r\nDate: " NOW
		      "\r\nContent-Encoding: gzip\r\nContent-Length: %zu\r\n\r\n",
		      sizeof(packed));
	if (!scene_method(request, "HEAD"))
		scripted_send_octets(request, packed, sizeof(packed));
	return true;
}

static void encoded_body_is_undone_and_has_no_validator(void **state)
{
	struct scene scene;

	(void)state;
	scene_open(&scene, gzip_all);
	assert_int_equal(scene_read_all(&scene), 0);
	assert_int_equal(scene.outcome.length, -1);
	assert_int_equal(scene.outcome.received, 10);
	assert_memory_equal(scene.outcome.body, CONTENT, 10);
	assert_string_equal(scene.outcome.entry.validator, "");
	assert_true(scene.outcome.entry.flags & ENTRY_NO_RANGES);
	scene_next(&scene);
	assert_int_equal(outcome_stat(&scene.outcome, &scene.rig, "f"), 0);
	assert_int_equal(scene.outcome.entry.size, -1);
	assert_string_equal(scene.outcome.entry.validator, "");
	scene_close(&scene);
}

static bool broken_gzip(struct scripted_request *request)
{
	scripted_send(request, "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n"
			       "Content-Length: 10\r\n\r\n" CONTENT);
	return true;
}

static void broken_encoding_is_refused(void **state)
{
	struct scene scene;

	(void)state;
	scene_open(&scene, broken_gzip);
	assert_int_equal(scene_read_all(&scene), -EBADMSG);
	assert_int_equal(scene.outcome.received, 0);
	scene_close(&scene);
}

static bool trickle(struct scripted_request *request)
{
	scripted_send(request, "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n");
	while (!scripted_stopping(request->server)) {
		scripted_send(request, "x");
		usleep(100000);
	}
	return false;
}

static void trickle_is_given_up(void **state)
{
	struct scene scene;

	(void)state;
	scene_open_with(&scene, trickle, 2, (struct origin_options){0}, "/");
	assert_int_equal(scene_read_all(&scene), -ETIMEDOUT);
	scene_close(&scene);
}

static bool interim_flood(struct scripted_request *request)
{
	for (int i = 0; i < 100000 && !scripted_stopping(request->server); i++)
		scripted_send(request, "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n");
	return false;
}

static void flood_of_interim_answers_is_refused(void **state)
{
	struct scene scene;

	(void)state;
	scene_open(&scene, interim_flood);
	assert_int_equal(scene_read_all(&scene), -EBADMSG);
	scene_close(&scene);
}

static bool silent(struct scripted_request *request)
{
	(void)request;
	scripted_send(request, "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n0123");
	while (!scripted_stopping(request->server))
		usleep(1000);
	return false;
}

static void cancelled_read_ends_once(void **state)
{
	struct origin_request *request;
	struct scene scene;

	(void)state;
	scene_open(&scene, silent);
	request = outcome_start_read(&scene.outcome, &scene.rig, "f", "", 0, 0);
	outcome_wait_begun(&scene.outcome);
	origin_cancel(scene.rig.origin, request);
	origin_cancel(scene.rig.origin, request);
	assert_int_equal(outcome_wait(&scene.outcome), -ECANCELED);
	origin_cancel(scene.rig.origin, request);
	origin_resume(scene.rig.origin, request);
	scene_close(&scene);
	assert_int_equal(scene.outcome.ended, 1);
}

static void queued_read_can_be_cancelled(void **state)
{
	struct origin_request *first, *second;
	struct outcome other;
	struct scene scene;

	(void)state;
	scene_open_with(&scene, silent, 20, (struct origin_options){.connections = 1}, "/");
	outcome_init(&other);
	first = outcome_start_read(&scene.outcome, &scene.rig, "f", "", 0, 0);
	outcome_wait_begun(&scene.outcome);
	second = outcome_start_read(&other, &scene.rig, "g", "", 0, 0);
	origin_hurry(scene.rig.origin, second);
	origin_cancel(scene.rig.origin, second);
	assert_int_equal(outcome_wait(&other), -ECANCELED);
	assert_false(other.begun);
	origin_cancel(scene.rig.origin, first);
	assert_int_equal(outcome_wait(&scene.outcome), -ECANCELED);
	outcome_clear(&other);
	scene_close(&scene);
}

static void closing_ends_what_is_in_progress(void **state)
{
	struct scene scene;

	(void)state;
	scene_open(&scene, silent);
	outcome_start_read(&scene.outcome, &scene.rig, "f", "", 0, 0);
	outcome_wait_begun(&scene.outcome);
	rig_close(&scene.rig);
	assert_int_equal(scene.outcome.ended, 1);
	assert_int_equal(scene.outcome.error, -ECANCELED);
	scripted_stop(scene.server);
	outcome_clear(&scene.outcome);
}

#define LARGE (4u << 20)

static bool large(struct scripted_request *request)
{
	char *body = malloc(LARGE);

	for (size_t i = 0; i < LARGE; i++)
		body[i] = (char)(i * 31 >> 8);
	scripted_send(request, "HTTP/1.1 200 OK\r\nContent-Length: %u\r\n\r\n", LARGE);
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
	request = outcome_start_read(&scene.outcome, &scene.rig, "f", "", 0, 0);
	outcome_wait_paused(&scene.outcome);
	assert_true(scene.outcome.received < LARGE);
	outcome_unpause(&scene.outcome);
	origin_resume(scene.rig.origin, request);
	assert_int_equal(outcome_wait(&scene.outcome), 0);
	assert_int_equal(scene.outcome.received, LARGE);
	for (size_t i = 0; i < LARGE; i++)
		if (scene.outcome.body[i] != (char)(i * 31 >> 8))
			fail_msg("octet %zu", i);
	scene_close(&scene);
}

static void reader_that_refuses_ends_the_read(void **state)
{
	struct scene scene;

	(void)state;
	scene_open(&scene, large);
	scene.outcome.begin_answer = -ENOSPC;
	assert_int_equal(scene_read_all(&scene), -ENOSPC);
	assert_int_equal(scene.outcome.received, 0);
	scene_close(&scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_file_is_read_without_range),
		cmocka_unit_test(range_is_read_under_if_range),
		cmocka_unit_test(date_validator_is_asked_as_a_date),
		cmocka_unit_test(other_version_is_stale_before_any_octet),
		cmocka_unit_test(lies_are_refused),
		cmocka_unit_test(ignored_range_gives_the_whole_and_says_so),
		cmocka_unit_test(body_without_length_ends_with_its_connection),
		cmocka_unit_test(encoded_body_is_undone_and_has_no_validator),
		cmocka_unit_test(broken_encoding_is_refused),
		cmocka_unit_test(trickle_is_given_up),
		cmocka_unit_test(flood_of_interim_answers_is_refused),
		cmocka_unit_test(cancelled_read_ends_once),
		cmocka_unit_test(queued_read_can_be_cancelled),
		cmocka_unit_test(closing_ends_what_is_in_progress),
		cmocka_unit_test(refused_octets_come_again_after_resume),
		cmocka_unit_test(reader_that_refuses_ends_the_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
