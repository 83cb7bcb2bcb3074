/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Listing an HTTP origin: which question is asked, page by page, and within which limits.
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

static bool nginx_page(struct scripted_request *request)
{
	static const char page[] =
		"<html>\r\n<head><title>Index of /</title></head>\r\n<body>\r\n"
		"<h1>Index of /</h1><hr><pre><a href=\"../\">../</a>\r\n"
		"<a href=\"d/\">d/</a>                 15-Nov-1994 12:45                   -\r\n"
		"<a href=\"f%20g\">f g</a>             15-Nov-1994 12:45                  10\r\n"
		"</pre><hr></body>\r\n</html>\r\n";

	if (scene_method(request, "OPTIONS"))
		scripted_send(request, "HTTP/1.1 405 No\r\nContent-Length: 0\r\n\r\n");
	else
		scripted_send(request,
			      "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"
			      "Content-Length: %zu\r\n\r\n%s",
			      strlen(page), page);
	return true;
}

static void page_is_listed_and_dialect_remembered(void **state)
{
	struct entry entry;
	struct scene scene;
	char dialect[10];

	(void)state;
	scene_open(&scene, nginx_page);
	assert_int_equal(outcome_list(&scene.outcome, &scene.rig, ""), 0);
	assert_int_equal(directory_count(scene.outcome.directory), 2);
	assert_true(outcome_has(&scene.outcome, "d", &entry));
	assert_int_equal(entry.kind, ENTRY_DIRECTORY);
	assert_true(outcome_has(&scene.outcome, "f g", &entry));
	assert_int_equal(entry.size, 10);
	origin_dialect(scene.rig.origin, dialect, sizeof(dialect));
	assert_string_equal(dialect, "web");
	scene_next(&scene);
	assert_int_equal(outcome_list(&scene.outcome, &scene.rig, "d"), 0);
	assert_int_equal(scripted_requests(scene.server), 3);
	scene_close(&scene);
}

static bool options_cut(struct scripted_request *request)
{
	return !scene_method(request, "OPTIONS") && nginx_page(request);
}

static bool options_swallowed(struct scripted_request *request)
{
	char octet;

	if (!scene_method(request, "OPTIONS"))
		return nginx_page(request);
	/* Nothing, until the other side has had enough. */
	return read(request->fd, &octet, 1) == 1 && false;
}

static bool options_nonsense(struct scripted_request *request)
{
	if (!scene_method(request, "OPTIONS"))
		return nginx_page(request);
	scripted_send(request, "BOO\r\n\r\n");
	return false;
}

static void whatever_becomes_of_options_the_page_is_listed(void **state)
{
	scripted_answer *const answers[] = {options_cut, options_swallowed, options_nonsense};

	(void)state;
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		struct scene scene;
		char dialect[10];

		scene_open(&scene, answers[i]);
		assert_int_equal(outcome_list(&scene.outcome, &scene.rig, ""), 0);
		assert_int_equal(directory_count(scene.outcome.directory), 2);
		origin_dialect(scene.rig.origin, dialect, sizeof(dialect));
		assert_string_equal(dialect, "web");
		scene_close(&scene);
	}
}

static void origin_that_is_gone_lists_nothing(void **state)
{
	struct scene scene;

	(void)state;
	scene_open(&scene, nginx_page);
	scripted_stop(scene.server);
	assert_int_equal(outcome_list(&scene.outcome, &scene.rig, ""), -EHOSTUNREACH);
	rig_close(&scene.rig);
	outcome_clear(&scene.outcome);
}

static bool huge_page(struct scripted_request *request)
{
	scripted_send(request, "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"
			       "Content-Length: 10000000000\r\n\r\n<html>");
	return false;
}

static void huge_listing_is_refused_at_once(void **state)
{
	struct scene scene;

	(void)state;
	scene_open(&scene, huge_page);
	assert_int_equal(outcome_list(&scene.outcome, &scene.rig, ""), -EFBIG);
	scene_close(&scene);
}

static void file_is_no_listing(void **state)
{
	struct scene scene;

	(void)state;
	scene_open(&scene, scene_honest);
	assert_int_equal(outcome_list(&scene.outcome, &scene.rig, ""), -ENOTDIR);
	scene_close(&scene);
}

static bool endless_page(struct scripted_request *request)
{
	scripted_send(request, "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html><pre>");
	for (unsigned i = 0; !scripted_stopping(request->server); i++)
		scripted_send(request, "<a href=\"f%u\">f%u</a>\r\n", i, i);
	return false;
}

static void listing_ended(void *context, int error, struct directory *directory)
{
	struct outcome *outcome = context;

	pthread_mutex_lock(&outcome->lock);
	outcome->directory = directory;
	outcome->error = error;
	outcome->ended++;
	pthread_cond_broadcast(&outcome->changed);
	pthread_mutex_unlock(&outcome->lock);
}

static void listing_can_be_cancelled(void **state)
{
	struct origin_counters counters = {0};
	struct origin_request *request;
	struct scene scene;

	(void)state;
	scene_open_with(&scene, endless_page, 20, (struct origin_options){.dialect = "web"}, "/");
	request = origin_list(scene.rig.origin, "", listing_ended, &scene.outcome);
	while (counters.bytes < 100000)
		origin_counters(scene.rig.origin, &counters);
	origin_cancel(scene.rig.origin, request);
	assert_int_equal(outcome_wait(&scene.outcome), -ECANCELED);
	assert_null(scene.outcome.directory);
	scene_close(&scene);
}

static bool dav(struct scripted_request *request)
{
	static const char status[] =
		"<?xml version=\"1.0\"?><D:multistatus xmlns:D=\"DAV:\">"
		"<D:response><D:href>/</D:href><D:propstat><D:prop><D:resourcetype>"
		"<D:collection/></D:resourcetype></D:prop><D:status>HTTP/1.1 200 OK</D:status>"
		"</D:propstat></D:response><D:response><D:href>/f</D:href><D:propstat><D:prop>"
		"<D:resourcetype/><D:getcontentlength>10</D:getcontentlength></D:prop>"
		"<D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response></D:multistatus>";

	if (scene_method(request, "OPTIONS") || scene_method(request, "HEAD"))
		scripted_send(request, "HTTP/1.1 200 OK\r\nDAV: 1, 2\r\nContent-Length: 0\r\n\r\n");
	else if (scene_method(request, "PROPFIND") && scripted_header(request, "Depth") != NULL &&
		 strcmp(scripted_header(request, "Depth"), "1") == 0)
		scripted_send(request,
			      "HTTP/1.1 207 Multi-Status\r\nContent-Type: application/xml\r\n"
			      "Content-Length: %zu\r\n\r\n%s",
			      strlen(status), status);
	else
		scripted_send(request, "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n");
	return true;
}

static void dav_is_listed_by_propfind(void **state)
{
	struct entry entry;
	struct scene scene;
	char dialect[10];

	(void)state;
	scene_open(&scene, dav);
	assert_int_equal(outcome_stat(&scene.outcome, &scene.rig, "f"), 0);
	scene_next(&scene);
	assert_int_equal(outcome_list(&scene.outcome, &scene.rig, ""), 0);
	assert_int_equal(directory_count(scene.outcome.directory), 1);
	assert_true(outcome_has(&scene.outcome, "f", &entry));
	assert_int_equal(entry.size, 10);
	origin_dialect(scene.rig.origin, dialect, sizeof(dialect));
	assert_string_equal(dialect, "dav");
	scene_close(&scene);
}

static bool dav_refused(struct scripted_request *request)
{
	if (!scene_method(request, "PROPFIND"))
		return scene_method(request, "OPTIONS") ? dav(request) : nginx_page(request);
	scripted_send(request, "HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n");
	return true;
}

static void refused_propfind_becomes_a_get(void **state)
{
	struct scene scene;

	(void)state;
	scene_open(&scene, dav_refused);
	assert_int_equal(outcome_list(&scene.outcome, &scene.rig, ""), 0);
	assert_int_equal(directory_count(scene.outcome.directory), 2);
	scene_close(&scene);
}

/* A bucket that holds d/one and d/two and gives one name a page. */
static bool bucket(struct scripted_request *request)
{
	const char *page;

	if (scene_method(request, "HEAD") || scene_method(request, "OPTIONS")) {
		scripted_send(request, "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n");
		return true;
	}
	if (strstr(request->target, "list-type=2") == NULL)
		page = "<Contents><Key>d/one</Key><Size>1</Size></Contents>";
	else if (strstr(request->target, "prefix=d%2F") == NULL)
		page = strstr(request->target, "prefix=no") != NULL
			       ? ""
			       : "<CommonPrefixes><Prefix>d/</Prefix></CommonPrefixes>";
	else if (strstr(request->target, "continuation-token=t%2F1") != NULL)
		page = "<Contents><Key>d/two</Key><Size>2</Size></Contents>";
	else
		page = "<IsTruncated>true</IsTruncated>"
		       "<NextContinuationToken>t/1</NextContinuationToken>"
		       "<Contents><Key>d/one</Key><Size>1</Size></Contents>";
	scripted_send(
		request,
		"HTTP/1.1 200 OK\r\nContent-Type: application/xml\r\nConnection: close\r\n\r\n"
		"<?xml version=\"1.0\"?><ListBucketResult "
		"xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">%s</ListBucketResult>",
		page);
	return false;
}

static void bucket_is_listed_page_by_page(void **state)
{
	struct entry entry;
	struct scene scene;
	char dialect[10];

	(void)state;
	scene_open(&scene, bucket);
	assert_int_equal(outcome_list(&scene.outcome, &scene.rig, ""), 0);
	assert_int_equal(directory_count(scene.outcome.directory), 1);
	assert_true(outcome_has(&scene.outcome, "d", &entry));
	assert_int_equal(entry.kind, ENTRY_DIRECTORY);
	origin_dialect(scene.rig.origin, dialect, sizeof(dialect));
	assert_string_equal(dialect, "s3");
	scene_next(&scene);
	assert_int_equal(outcome_list(&scene.outcome, &scene.rig, "d"), 0);
	assert_int_equal(directory_count(scene.outcome.directory), 2);
	assert_true(outcome_has(&scene.outcome, "two", &entry));
	assert_int_equal(entry.size, 2);
	scene_close(&scene);
}

static bool bucket_below(struct scripted_request *request)
{
	if (strncmp(request->target, "/bucket/?", 9) == 0)
		return bucket(request);
	if (strncmp(request->target, "/?", 2) == 0)
		return nginx_page(request);
	scripted_send(request, "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n");
	return true;
}

static void bucket_is_found_above_a_folder(void **state)
{
	struct entry entry;
	struct scene scene;
	char dialect[10];

	(void)state;
	scene_open_with(&scene, bucket_below, 20, (struct origin_options){0}, "/bucket/d/");
	assert_int_equal(outcome_list(&scene.outcome, &scene.rig, ""), 0);
	assert_int_equal(directory_count(scene.outcome.directory), 2);
	assert_true(outcome_has(&scene.outcome, "one", &entry));
	origin_dialect(scene.rig.origin, dialect, sizeof(dialect));
	assert_string_equal(dialect, "s3-path");
	scene_close(&scene);
}

static void root_that_is_not_there_is_no_bucket(void **state)
{
	struct scene scene;
	char dialect[10];

	(void)state;
	scene_open_with(&scene, bucket_below, 20, (struct origin_options){0}, "/else/where/");
	assert_int_equal(outcome_list(&scene.outcome, &scene.rig, ""), -ENOENT);
	origin_dialect(scene.rig.origin, dialect, sizeof(dialect));
	assert_string_equal(dialect, "");
	scene_close(&scene);
}

static void folder_of_a_bucket_is_a_directory(void **state)
{
	struct scene scene;

	(void)state;
	scene_open_with(&scene, bucket, 20, (struct origin_options){.dialect = "s3"}, "/");
	assert_int_equal(outcome_stat(&scene.outcome, &scene.rig, "d"), 0);
	assert_int_equal(scene.outcome.entry.kind, ENTRY_DIRECTORY);
	scene_next(&scene);
	assert_int_equal(outcome_stat(&scene.outcome, &scene.rig, "no"), -ENOENT);
	scene_close(&scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(page_is_listed_and_dialect_remembered),
		cmocka_unit_test(whatever_becomes_of_options_the_page_is_listed),
		cmocka_unit_test(origin_that_is_gone_lists_nothing),
		cmocka_unit_test(huge_listing_is_refused_at_once),
		cmocka_unit_test(file_is_no_listing),
		cmocka_unit_test(listing_can_be_cancelled),
		cmocka_unit_test(dav_is_listed_by_propfind),
		cmocka_unit_test(refused_propfind_becomes_a_get),
		cmocka_unit_test(bucket_is_listed_page_by_page),
		cmocka_unit_test(bucket_is_found_above_a_folder),
		cmocka_unit_test(root_that_is_not_there_is_no_bucket),
		cmocka_unit_test(folder_of_a_bucket_is_a_directory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
