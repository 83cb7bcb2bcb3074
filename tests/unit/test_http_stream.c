/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Answers that come bit by bit, and how long the server waits for a client.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "tests/unit/http_scene.h"
#include "tests/unit/raw_client.h"

#define PORTION 100000u

static void with_short_timeout(struct http_server_options *options)
{
	options->timeout = 1;
	options->body_limit = 4096;
}

static int start_adjusted(void **state, void (*adjust)(struct http_server_options *options))
{
	static struct scene scene;

	http_scene_start(&scene, adjust);
	*state = &scene;
	return 0;
}

static int start(void **state)
{
	return start_adjusted(state, NULL);
}

static int start_impatient(void **state)
{
	return start_adjusted(state, with_short_timeout);
}

static int end(void **state)
{
	http_scene_end(*state);
	return 0;
}

/* ---- parts of files ---- */

static unsigned open_files(void)
{
	DIR *folder = opendir("/proc/self/fd");
	unsigned count = 0;

	assert_non_null(folder);
	while (readdir(folder) != NULL)
		count++;
	closedir(folder);
	return count;
}

static void parts_of_a_file_take_one_descriptor(void **state)
{
	struct scene *scene = *state;
	unsigned before = open_files();
	struct client client;
	struct reply reply;

	raw_connect(&client, scene->port);
	raw_send(&client, "GET /parts HTTP/1.1\r\nHost: h\r\n\r\n");
	assert_true(raw_receive(&client));
	/* both ends of the connection, and the file */
	assert_int_equal(open_files(), before + 3);
	assert_true(raw_reply(&client, false, &reply));
	assert_true(reply.whole);
	assert_int_equal(reply.size, SCENE_PARTS * SCENE_FILE_SIZE);
	for (size_t i = 0; i < SCENE_PARTS; i++)
		assert_memory_equal(reply.body + i * SCENE_FILE_SIZE, scene->content,
				    SCENE_FILE_SIZE);
	raw_free(&reply);
	raw_close(&client);
}

/* ---- streams ---- */

/* Gives until the client has left. */
static void give_without_end(struct giver *giver, const struct scene *scene)
{
	int result;

	do {
		result = http_reply_more(giver->served, scene->content, PORTION);
		if (result == -EAGAIN)
			http_scene_wait(&giver->room);
	} while (result != -EPIPE);
}

static void ask_for_stream(struct client *client, const struct scene *scene, const char *method,
			   int minor)
{
	char text[128];

	snprintf(text, sizeof(text), "%s /stream HTTP/1.%d\r\nHost: h\r\n\r\n", method, minor);
	raw_connect(client, scene->port);
	raw_send(client, text);
}

static void expect_file(struct client *client, const struct scene *scene)
{
	struct reply reply;

	assert_true(raw_reply(client, false, &reply));
	assert_int_equal(reply.status, 200);
	assert_true(reply.whole);
	assert_int_equal(reply.size, SCENE_FILE_SIZE);
	assert_memory_equal(reply.body, scene->content, SCENE_FILE_SIZE);
	raw_free(&reply);
}

static void stream_of_unknown_length_is_chunked_or_ends_with_the_connection(void **state)
{
	struct scene *scene = *state;
	struct client client;
	pthread_t thread;

	for (int minor = 0; minor <= 1; minor++) {
		assert_int_equal(pthread_create(&thread, NULL, http_scene_give_in_thread, scene),
				 0);
		ask_for_stream(&client, scene, "GET", minor);
		expect_file(&client, scene);
		if (minor == 1) {
			raw_send(&client, "GET /x HTTP/1.0\r\n\r\n");
			assert_non_null(strstr(raw_receive_all(&client, NULL), "GET /x 0 "));
		}
		pthread_join(thread, NULL);
		raw_close(&client);
	}
}

static void stream_of_known_length_says_it(void **state)
{
	struct scene *scene = *state;
	struct client client;
	struct giver giver;
	struct reply reply;

	ask_for_stream(&client, scene, "GET", 1);
	http_scene_begin(scene, &giver, 6);
	assert_int_equal(http_reply_more(giver.served, "abc", 3), 0);
	assert_int_equal(http_reply_more(giver.served, "def", 3), 0);
	http_scene_finish(&giver, true);
	assert_true(giver.whole);
	assert_true(raw_reply(&client, false, &reply));
	assert_string_equal(raw_header(&reply, "Content-Length"), "6");
	assert_null(raw_header(&reply, "Transfer-Encoding"));
	assert_string_equal((char *)reply.body, "abcdef");
	raw_free(&reply);
	raw_close(&client);
}

static void stream_for_head_has_no_body(void **state)
{
	struct scene *scene = *state;
	struct client client;
	struct giver giver;
	struct reply reply;

	ask_for_stream(&client, scene, "HEAD", 1);
	http_scene_begin(scene, &giver, SCENE_FILE_SIZE);
	http_scene_give_file(scene, &giver);
	http_scene_finish(&giver, true);
	assert_true(raw_reply(&client, true, &reply));
	assert_int_equal(atoi(raw_header(&reply, "Content-Length")), SCENE_FILE_SIZE);
	raw_free(&reply);
	raw_send(&client, "GET /x HTTP/1.0\r\n\r\n");
	assert_true(raw_reply(&client, false, &reply));
	assert_string_equal((char *)reply.body, "GET /x 0 ");
	raw_free(&reply);
	raw_close(&client);
}

static void *give_much_in_thread(void *context)
{
	static unsigned waits;
	struct giver giver;

	http_scene_begin(context, &giver, -1);
	waits = 0;
	for (int i = 0; i < 10; i++)
		waits += http_scene_give_file(context, &giver);
	http_scene_finish(&giver, true);
	return &waits;
}

static void giver_waits_for_a_slow_reader(void **state)
{
	struct scene *scene = *state;
	struct client client;
	struct reply reply;
	pthread_t thread;
	void *waits;

	ask_for_stream(&client, scene, "GET", 1);
	assert_int_equal(pthread_create(&thread, NULL, give_much_in_thread, scene), 0);
	assert_true(raw_reply(&client, false, &reply));
	assert_true(reply.whole);
	assert_int_equal(reply.size, 10 * SCENE_FILE_SIZE);
	for (int i = 0; i < 10; i++)
		assert_memory_equal(reply.body + (size_t)i * SCENE_FILE_SIZE, scene->content,
				    SCENE_FILE_SIZE);
	raw_free(&reply);
	pthread_join(thread, &waits);
	assert_true(*(unsigned *)waits > 0);
	raw_close(&client);
}

static void client_that_leaves_is_noticed_while_nothing_is_given(void **state)
{
	struct scene *scene = *state;
	struct client client;
	struct giver giver;

	for (int i = 0; i < 10; i++) {
		ask_for_stream(&client, scene, "GET", 1);
		http_scene_begin(scene, &giver, -1);
		http_reply_more(giver.served, "x", 1);
		raw_close(&client);
		http_scene_wait(&giver.gone);
		assert_false(giver.whole);
		assert_int_equal(http_reply_more(giver.served, "x", 1), -EPIPE);
		sem_post(&giver.gone);
		http_scene_finish(&giver, true);
	}
}

static void client_that_leaves_is_noticed_while_much_is_given(void **state)
{
	struct scene *scene = *state;
	struct client client;
	struct giver giver;

	for (int i = 0; i < 10; i++) {
		ask_for_stream(&client, scene, "GET", 1);
		http_scene_begin(scene, &giver, -1);
		while (http_reply_more(giver.served, scene->content, PORTION) == 0)
			;
		raw_close(&client);
		give_without_end(&giver, scene);
		http_scene_finish(&giver, false);
		assert_false(giver.whole);
	}
}

static void stream_that_is_not_whole_is_cut(void **state)
{
	struct scene *scene = *state;
	struct client client;
	struct giver giver;
	struct reply reply;

	for (int minor = 0; minor <= 1; minor++) {
		for (int64_t length = -1; length <= 6; length += 7) {
			ask_for_stream(&client, scene, "GET", minor);
			http_scene_begin(scene, &giver, length);
			http_reply_more(giver.served, "abc", 3);
			http_scene_finish(&giver, length == 6); /* too short for what was said */
			assert_false(giver.whole);
			if (raw_reply(&client, false, &reply)) {
				assert_true(!reply.whole || client.reset);
				raw_free(&reply);
			}
			raw_close(&client);
		}
	}
}

static void *give_here_in_thread(void *scene)
{
	struct giver giver;

	http_scene_begin_here(scene, &giver, true);
	http_scene_give_file(scene, &giver);
	http_scene_finish(&giver, true);
	assert_true(giver.whole);
	return NULL;
}

static void what_is_made_here_is_sent_to_who_sends_no_more(void **state)
{
	struct scene *scene = *state;
	struct client client;
	pthread_t thread;

	for (int i = 0; i < 20; i++) {
		ask_for_stream(&client, scene, "GET", i % 2);
		shutdown(client.fd, SHUT_WR);
		assert_int_equal(pthread_create(&thread, NULL, give_here_in_thread, scene), 0);
		expect_file(&client, scene);
		pthread_join(thread, NULL);
		raw_close(&client);
	}
}

static void who_leaves_what_is_made_here_is_noticed(void **state)
{
	struct scene *scene = *state;
	struct client client;
	struct giver giver;

	ask_for_stream(&client, scene, "GET", 1);
	http_scene_begin_here(scene, &giver, true);
	raw_close(&client);
	give_without_end(&giver, scene);
	http_scene_finish(&giver, true);
	assert_false(giver.whole);
}

/* Without chunks the end of the connection would be the page's. */
static void who_sends_no_more_sees_what_is_missing(void **state)
{
	struct scene *scene = *state;
	struct client client;
	struct giver giver;

	ask_for_stream(&client, scene, "GET", 0);
	http_scene_begin_here(scene, &giver, false);
	shutdown(client.fd, SHUT_WR);
	http_scene_wait(&giver.gone);
	sem_post(&giver.gone);
	http_scene_finish(&giver, true);
	assert_false(giver.whole);
	raw_receive_all(&client, NULL);
	assert_true(client.reset);
	raw_close(&client);
}

static void stream_longer_than_was_said_is_cut(void **state)
{
	struct scene *scene = *state;
	struct client client;
	struct giver giver;

	ask_for_stream(&client, scene, "GET", 1);
	http_scene_begin(scene, &giver, 2);
	http_reply_more(giver.served, "abc", 3);
	http_scene_finish(&giver, true);
	assert_false(giver.whole);
	raw_close(&client);
}

/* ---- patience ---- */

static void client_that_sends_too_little_is_dropped(void **state)
{
	static const char *const parts[] = {
		"",
		"GET / HT",
		"GET / HTTP/1.1\r\nHost: h\r\n",
		"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nabc",
		"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
	};
	struct scene *scene = *state;
	struct client clients[sizeof(parts) / sizeof(parts[0])], again;

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		raw_connect(&clients[i], scene->port);
		raw_send(&clients[i], parts[i]);
	}
	raw_connect(&again, scene->port); /* after an answer */
	raw_send(&again, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
	raw_receive_all(&again, NULL);
	raw_close(&again);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		assert_false(raw_receive(&clients[i]));
		raw_close(&clients[i]);
	}
	assert_int_equal(http_scene_requests(scene), 1);
}

/* An octet now and then keeps the timeout from running out, but the request is to become whole. A
 * chunk's length that never ends fills what is read ahead, and is not waited for so long. */
static void requests_without_end_are_dropped(void **state)
{
	struct scene *scene = *state;
	struct timeval often = {.tv_usec = 50000};
	struct client dripping, endless;
	char *line = malloc(1u << 20);
	bool ended = false;
	char octet;

	assert_non_null(line);
	memset(line, '0', 1u << 20);
	raw_connect(&dripping, scene->port);
	setsockopt(dripping.fd, SOL_SOCKET, SO_RCVTIMEO, &often, sizeof(often));
	raw_send(&dripping, "GET / HTTP/1.1\r\nHost: ");
	raw_connect(&endless, scene->port);
	raw_send(&endless, "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
	while (recv(dripping.fd, &octet, 1, 0) < 0 && errno == EAGAIN) {
		raw_send(&dripping, "x");
		if (!ended && send(endless.fd, line, 1u << 20, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
			ended = errno != EAGAIN;
	}
	assert_true(ended);
	raw_close(&dripping);
	raw_close(&endless);
	free(line);
	assert_int_equal(http_scene_requests(scene), 0);
}

static void client_that_takes_nothing_is_dropped(void **state)
{
	struct scene *scene = *state;
	struct client client;
	struct giver giver;

	ask_for_stream(&client, scene, "GET", 1);
	http_scene_begin(scene, &giver, -1);
	give_without_end(&giver, scene);
	http_scene_finish(&giver, true);
	assert_false(giver.whole);
	raw_close(&client);
}

static void answer_may_take_longer_than_the_timeout(void **state)
{
	struct scene *scene = *state;
	struct client client, idle;
	struct http_served *served;
	struct giver giver;
	struct reply reply;

	ask_for_stream(&client, scene, "GET", 1);
	http_scene_begin(scene, &giver, 6);
	http_reply_more(giver.served, "abc", 3);
	raw_connect(&idle, scene->port);
	raw_send(&idle, "GET /later HTTP/1.1\r\nHost: h\r\n\r\n");
	served = http_scene_take_kept(scene);
	for (int i = 0; i < 2; i++) { /* each is dropped when the timeout is over */
		struct client clock;

		raw_connect(&clock, scene->port);
		assert_false(raw_receive(&clock));
		raw_close(&clock);
	}
	http_reply_more(giver.served, "def", 3);
	http_scene_finish(&giver, true);
	assert_true(giver.whole);
	assert_true(raw_reply(&client, false, &reply));
	assert_string_equal((char *)reply.body, "abcdef");
	raw_free(&reply);
	raw_close(&client);
	http_scene_answer_kept(served, "late");
	assert_true(raw_reply(&idle, false, &reply));
	assert_string_equal((char *)reply.body, "late");
	raw_free(&reply);
	raw_close(&idle);
}

int main(void)
{
#define in_scene(test, kind) cmocka_unit_test_setup_teardown(test, kind, end)
	const struct CMUnitTest tests[] = {
		in_scene(parts_of_a_file_take_one_descriptor, start),
		in_scene(stream_of_unknown_length_is_chunked_or_ends_with_the_connection, start),
		in_scene(stream_of_known_length_says_it, start),
		in_scene(stream_for_head_has_no_body, start),
		in_scene(giver_waits_for_a_slow_reader, start),
		in_scene(client_that_leaves_is_noticed_while_nothing_is_given, start),
		in_scene(client_that_leaves_is_noticed_while_much_is_given, start),
		in_scene(stream_that_is_not_whole_is_cut, start),
		in_scene(what_is_made_here_is_sent_to_who_sends_no_more, start),
		in_scene(who_leaves_what_is_made_here_is_noticed, start),
		in_scene(who_sends_no_more_sees_what_is_missing, start),
		in_scene(stream_longer_than_was_said_is_cut, start),
		in_scene(client_that_sends_too_little_is_dropped, start_impatient),
		in_scene(requests_without_end_are_dropped, start_impatient),
		in_scene(client_that_takes_nothing_is_dropped, start_impatient),
		in_scene(answer_may_take_longer_than_the_timeout, start_impatient),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
