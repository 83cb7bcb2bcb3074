/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The HTTP origin against a server that does as each test bids it: attributes, redirects,
 * credentials, connections.
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

static void stat_tells_size_time_and_validator(void **state)
{
	struct scene scene;

	(void)state;
	scene_open(&scene, scene_honest);
	assert_int_equal(outcome_stat(&scene.outcome, &scene.rig, "f"), 0);
	assert_int_equal(scene.outcome.entry.kind, ENTRY_FILE);
	assert_int_equal(scene.outcome.entry.size, 10);
	assert_int_equal(scene.outcome.entry.mtime, 784903526);
	assert_int_equal(scene.outcome.entry.flags, ENTRY_SIZE_EXACT | ENTRY_MTIME_EXACT);
	assert_string_equal(scene.outcome.entry.validator, "\"e\"");
	assert_true(scene.outcome.entry.checked > 0);
	scene_close(&scene);
}

static bool add_slash(struct scripted_request *request)
{
	scripted_send(request,
		      "HTTP/1.1 301 Moved\r\nLocation: https://127.0.0.1%s/\r\n"
		      "Content-Length: 0\r\n\r\n",
		      request->target);
	return true;
}

static void added_slash_means_directory(void **state)
{
	struct scene scene;

	(void)state;
	scene_open(&scene, add_slash);
	assert_int_equal(outcome_stat(&scene.outcome, &scene.rig, "a b/c"), 0);
	assert_int_equal(scene.outcome.entry.kind, ENTRY_DIRECTORY);
	assert_int_equal(scripted_requests(scene.server), 1);
	scene_close(&scene);
}

static bool redirect_once(struct scripted_request *request)
{
	if (strcmp(request->target, "/moved") == 0)
		return scene_honest(request);
	scripted_send(request,
		      "HTTP/1.1 307 Moved\r\nLocation: /moved\r\nContent-Length: 4\r\n\r\n%s",
		      scene_method(request, "HEAD") ? "" : "gone");
	return true;
}

static void redirect_is_followed_on_the_same_connection(void **state)
{
	struct scene scene;

	(void)state;
	scene_open(&scene, redirect_once);
	assert_int_equal(scene_read_all(&scene), 0);
	assert_memory_equal(scene.outcome.body, CONTENT, 10);
	assert_int_equal(scene.outcome.received, 10);
	assert_int_equal(scripted_connections(scene.server), 1);
	scene_close(&scene);
}

static bool circle(struct scripted_request *request)
{
	scripted_send(request, "HTTP/1.1 302 Found\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n",
		      strcmp(request->target, "/a") == 0 ? "/b" : "/a");
	return true;
}

static void circle_ends_after_ten_redirects(void **state)
{
	struct scene scene;

	(void)state;
	scene_open(&scene, circle);
	assert_int_equal(outcome_stat(&scene.outcome, &scene.rig, "f"), -ELOOP);
	assert_int_equal(scripted_requests(scene.server), 11);
	scene_close(&scene);
}

struct pair {
	struct scene scene; /* first */
	struct scripted_server *other;
	bool leaked;
};

static bool to_other(struct scripted_request *request)
{
	const struct pair *pair = request->context;

	if (scripted_header(request, "Authorization") == NULL ||
	    scripted_header(request, "X-Key") == NULL) {
		scripted_send(request, "HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n");
		return true;
	}
	scripted_send(request,
		      "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:%u/x\r\n"
		      "Content-Length: 0\r\n\r\n",
		      scripted_port(pair->other));
	return true;
}

static bool watch_for_secrets(struct scripted_request *request)
{
	struct pair *pair = request->context;

	if (strstr(request->head, "Authorization") != NULL ||
	    strstr(request->head, "X-Key") != NULL || strstr(request->head, "hush") != NULL)
		pair->leaked = true;
	return scene_honest(request);
}

static void credentials_go_home_only(void **state)
{
	static const char *const headers[] = {"X-Key: hush", NULL};
	struct pair pair = {0};

	(void)state;
	pair.other = scripted_start(watch_for_secrets, &pair);
	scene_open_with(&pair.scene, to_other, 20,
			(struct origin_options){.user = "ann:hush", .headers = headers}, "/");
	for (int i = 0; i < 2; i++) {
		scene_next(&pair.scene);
		assert_int_equal(scene_read_all(&pair.scene), 0);
	}
	scene_close(&pair.scene);
	assert_int_equal(scripted_requests(pair.other), 2);
	scripted_stop(pair.other);
	assert_false(pair.leaked);
}

static bool fail_twice(struct scripted_request *request)
{
	if (request->number > 2)
		return scene_honest(request);
	scripted_send(request, "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n");
	return true;
}

static void stat_tries_again_and_read_does_not(void **state)
{
	struct scene scene;

	(void)state;
	scene_open(&scene, fail_twice);
	assert_int_equal(scene_read_all(&scene), -EREMOTEIO);
	assert_true(origin_transient(-EREMOTEIO));
	scene_next(&scene);
	assert_int_equal(outcome_stat(&scene.outcome, &scene.rig, "f"), 0);
	assert_int_equal(scripted_requests(scene.server), 3);
	scene_close(&scene);
}

static bool refuse_head(struct scripted_request *request)
{
	if (!scene_method(request, "HEAD"))
		return scene_honest(request);
	scripted_send(request, "HTTP/1.1 405 No\r\n\r\n");
	return true;
}

static void refused_head_becomes_a_get_of_one_octet(void **state)
{
	struct scene scene;

	(void)state;
	scene_open(&scene, refuse_head);
	assert_int_equal(outcome_stat(&scene.outcome, &scene.rig, "f"), 0);
	assert_int_equal(scene.outcome.entry.size, 10);
	assert_string_equal(scene.outcome.entry.validator, "\"e\"");
	scene_next(&scene);
	assert_int_equal(outcome_stat(&scene.outcome, &scene.rig, "g"), 0);
	assert_int_equal(scripted_requests(scene.server), 3);
	scene_close(&scene);
}

static void connection_is_kept(void **state)
{
	struct scene scene;

	(void)state;
	scene_open(&scene, scene_honest);
	for (int i = 0; i < 50; i++) {
		scene_next(&scene);
		assert_int_equal(scene_read_all(&scene), 0);
		scene_next(&scene);
		assert_int_equal(outcome_stat(&scene.outcome, &scene.rig, "f"), 0);
	}
	assert_int_equal(scripted_connections(scene.server), 1);
	assert_int_equal(scripted_requests(scene.server), 100);
	scene_close(&scene);
}

static void outage_is_told_at_once(void **state)
{
	struct scene scene;

	(void)state;
	scene_open(&scene, scene_honest);
	scripted_stop(scene.server);
	assert_int_equal(outcome_stat(&scene.outcome, &scene.rig, "f"), -EHOSTUNREACH);
	for (int i = 0; i < 1000; i++) {
		scene_next(&scene);
		assert_int_equal(outcome_stat(&scene.outcome, &scene.rig, "f"), -EHOSTUNREACH);
	}
	rig_close(&scene.rig);
	outcome_clear(&scene.outcome);
}

/* A collection answers to its name with a slash only. */
static bool refuse_collection(struct scripted_request *request)
{
	bool slash = request->target[strlen(request->target) - 1] == '/';

	scripted_send(request, "HTTP/1.1 %s\r\nContent-Length: 0\r\n\r\n",
		      slash ? "200 OK" : "405 No");
	return true;
}

static void collection_is_found_behind_its_slash(void **state)
{
	struct scene scene;

	(void)state;
	scene_open(&scene, refuse_collection);
	assert_int_equal(outcome_stat(&scene.outcome, &scene.rig, "c"), 0);
	assert_int_equal(scene.outcome.entry.kind, ENTRY_DIRECTORY);
	assert_int_equal(scripted_requests(scene.server), 3);
	scene_close(&scene);
}

static void url_for_people_has_no_query(void **state)
{
	struct scene scene;
	char url[200], expected[200];

	(void)state;
	scene_open_with(&scene, scene_honest, 20, (struct origin_options){0}, "/d?secret=1");
	origin_url(scene.rig.origin, "a b", url, sizeof(url));
	snprintf(expected, sizeof(expected), "http://127.0.0.1:%u/d/a%%20b",
		 scripted_port(scene.server));
	assert_string_equal(url, expected);
	scene_close(&scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stat_tells_size_time_and_validator),
		cmocka_unit_test(added_slash_means_directory),
		cmocka_unit_test(redirect_is_followed_on_the_same_connection),
		cmocka_unit_test(circle_ends_after_ten_redirects),
		cmocka_unit_test(credentials_go_home_only),
		cmocka_unit_test(stat_tries_again_and_read_does_not),
		cmocka_unit_test(refused_head_becomes_a_get_of_one_octet),
		cmocka_unit_test(connection_is_kept),
		cmocka_unit_test(outage_is_told_at_once),
		cmocka_unit_test(collection_is_found_behind_its_slash),
		cmocka_unit_test(url_for_people_has_no_query),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
