/* SPDX-License-Identifier: BSD-2-Clause
 *
 * How exchanges of the retrieval client end: by time, by trouble, by being cancelled at any point,
 * and what may be done in done.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <curl/curl.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/asking_scene.h"

/* ---- time and trouble ---- */

static void send_head(struct scripted_request *request)
{
	scripted_send(request, "HTTP/1.1 200 OK\r\nContent-Length: 140\r\n\r\n");
}

static bool say_nothing(struct scripted_request *request)
{
	(void)request;
	return true;
}

static bool say_half_a_head(struct scripted_request *request)
{
	scripted_send(request, "HTTP/1.1 200 OK\r\nContent-");
	return true;
}

static bool say_head_only(struct scripted_request *request)
{
	send_head(request);
	return true;
}

/* An octet each 10 ms, and then another. */
static bool trickle(struct scripted_request *request)
{
	struct pollfd other = {.fd = request->fd, .events = POLLRDHUP};
	size_t size;
	uint8_t *body = body_of_block(48, &size);

	send_head(request);
	for (size_t i = 0; i < size && poll(&other, 1, 10) == 0; i++)
		scripted_send_octets(request, body + i, 1);
	free(body);
	return true;
}

static void slow_servers_time_out(void **state)
{
	static scripted_answer *const answers[] = {say_nothing, say_half_a_head, say_head_only,
						   trickle};

	(void)state;
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		struct asking scene;

		asking_begin(&scene, answers[i], NULL, 150, 0);
		assert_block_fails(&scene, -ETIMEDOUT);
		assert_int_equal(scripted_requests(scene.server), 1);
		asking_end(&scene);
	}
}

static bool close_at_once(struct scripted_request *request)
{
	(void)request;
	return false;
}

static bool reset_at_once(struct scripted_request *request)
{
	scripted_reset(request);
	return false;
}

static bool close_in_body(struct scripted_request *request)
{
	size_t size;
	uint8_t *body = body_of_block(48, &size);

	send_head(request);
	scripted_send_octets(request, body, size - 1);
	free(body);
	return false;
}

static bool close_in_head(struct scripted_request *request)
{
	scripted_send(request, "HTTP/1.1 200 OK\r\n");
	return false;
}

static bool reset_in_body(struct scripted_request *request)
{
	send_head(request);
	scripted_reset(request);
	return false;
}

static void connections_that_break_are_that(void **state)
{
	static scripted_answer *const answers[] = {close_at_once, reset_at_once, close_in_body,
						   close_in_head, reset_in_body};

	(void)state;
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		struct asking scene;
		struct asked asked;
		int error;

		asking_begin(&scene, answers[i], NULL, 0, 0);
		error = asked_block(&scene, &asked);
		if (error != -ECONNRESET)
			fail_msg("answer %zu: %d", i, error);
		/* a new connection that breaks is no stale one */
		assert_int_equal(scripted_requests(scene.server), 1);
		asked_end(&asked);
		asking_end(&scene);
	}
}

static void refused_connection_is_that(void **state)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM, 0); /* bound, so that no other takes the port */
	struct asking scene;

	(void)state;
	assert_int_equal(bind(fd, (struct sockaddr *)&address, length), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &length), 0);
	asking_begin(&scene, NULL, NULL, 0, 0);
	scene.place = (struct xaddr){
		.family = XADDR_IPV4, .port = ntohs(address.sin_port), .octets = {127, 0, 0, 1}};
	assert_block_fails(&scene, -ECONNREFUSED);
	asking_end(&scene);
	close(fd);
}

/* ---- cancelling ---- */

/* How far the first answer goes; the next ones are whole. */
struct progress {
	const char *text;
	sem_t sent;
};

static bool answer_in_part(struct scripted_request *request)
{
	struct progress *progress = request->context;

	if (request->number > 1)
		return block_given(request);
	scripted_send(request, "%s", progress->text);
	sem_post(&progress->sent);
	return true;
}

static void no_op(void *context)
{
	(void)context;
}

static void cancelled_anywhere_it_is_over(void **state)
{
	static const char *const texts[] = {
		"",
		"HTTP/1.1 2",
		"HTTP/1.1 100 Go on\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 140\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 140\r\n\r\nab",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nand"};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct progress progress = {.text = texts[i]};
		struct asking scene;
		struct asked asked;

		sem_init(&progress.sent, 0, 0);
		asking_begin(&scene, answer_in_part, &progress, 0, 0);
		asked_prepare(&scene, &asked);
		asked_start(&asked);
		sem_wait(&progress.sent);
		/* what was sent is read now, or not yet: both may be */
		asking_on_loop(&scene, no_op, NULL);
		asked_cancel(&asked);
		asked_cancel(&asked);
		assert_int_equal(asked.times, 0);
		asked_end(&asked);
		assert_block_comes(&scene);
		asking_end(&scene);
		sem_destroy(&progress.sent);
	}
}

static void start_and_cancel(void *context)
{
	struct asked *asked = context;

	retrieval_start(asked->scene->client, &asked->retrieval);
	retrieval_cancel(&asked->retrieval);
	assert_null(asked->retrieval.exchange);
	retrieval_cancel(&asked->retrieval);
}

static void cancelled_before_it_connects_it_was_nothing(void **state)
{
	struct asking scene;
	struct asked asked;

	(void)state;
	asking_begin(&scene, block_given, NULL, 0, 0);
	asked_prepare(&scene, &asked);
	asking_on_loop(&scene, start_and_cancel, &asked);
	assert_block_comes(&scene);
	assert_int_equal(asked.times, 0);
	assert_int_equal(scripted_requests(scene.server), 1);
	asked_end(&asked);
	asking_end(&scene);
}

/* With one connection the second waits for the first; that one's end lets the third begin. */
static void waiting_ones_can_be_cancelled_and_go_on(void **state)
{
	struct progress progress = {.text = ""};
	struct asking scene;
	struct asked asked[3];

	(void)state;
	sem_init(&progress.sent, 0, 0);
	asking_begin(&scene, answer_in_part, &progress, 0, 1);
	for (size_t i = 0; i < 3; i++) {
		asked_prepare(&scene, &asked[i]);
		asked_start(&asked[i]);
	}
	sem_wait(&progress.sent);
	asked_cancel(&asked[1]);
	asked_cancel(&asked[0]);
	asked_wait(&asked[2]);
	assert_int_equal(asked[2].error, 0);
	assert_int_equal(scripted_requests(scene.server), 2);
	assert_int_equal(asked[0].times + asked[1].times, 0);
	for (size_t i = 0; i < 3; i++)
		asked_end(&asked[i]);
	asking_end(&scene);
	sem_destroy(&progress.sent);
}

/* ---- in done ---- */

static void start_again(struct asked *asked)
{
	free(asked->body);
	asked->body = NULL;
	if (asked->error == 0 && asked->times < 50)
		retrieval_start(asked->scene->client, &asked->retrieval);
	else
		sem_post(&asked->over);
}

static void started_anew_in_done_it_goes_on(void **state)
{
	struct asking scene;
	struct asked asked;

	(void)state;
	asking_begin(&scene, block_given, NULL, 0, 0);
	asked_prepare(&scene, &asked);
	asked.then = start_again;
	asked_start(&asked);
	asked_wait(&asked);
	assert_int_equal(asked.error, 0);
	assert_int_equal(asked.times, 50);
	assert_int_equal(scripted_connections(scene.server), 1);
	asked_end(&asked);
	asking_end(&scene);
}

static sem_t freed;

static void free_it(struct asked *asked)
{
	asked_end(asked);
	free(asked);
	sem_post(&freed);
}

static void freed_in_done_it_is_not_touched(void **state)
{
	struct asking scene;

	(void)state;
	sem_init(&freed, 0, 0);
	asking_begin(&scene, block_given, NULL, 0, 0);
	for (unsigned i = 0; i < 10; i++) {
		struct asked *asked = malloc(sizeof(*asked));

		assert_non_null(asked);
		asked_prepare(&scene, asked);
		asked->then = free_it;
		asked_start(asked);
	}
	for (unsigned i = 0; i < 10; i++)
		sem_wait(&freed);
	asking_end(&scene);
	sem_destroy(&freed);
}

/* ---- without memory ---- */

static atomic_bool exhausted; /* is curl's memory */

static void *allocate(size_t size)
{
	return exhausted ? NULL : malloc(size);
}

static void *allocate_again(void *old, size_t size)
{
	return exhausted ? NULL : realloc(old, size);
}

static void *allocate_zeros(size_t count, size_t size)
{
	return exhausted ? NULL : calloc(count, size);
}

static char *allocate_copy(const char *text)
{
	return exhausted ? NULL : strdup(text);
}

static int take_over_memory(void **state)
{
	(void)state;
	return (int)curl_global_init_mem(CURL_GLOBAL_DEFAULT, allocate, free, allocate_again,
					 allocate_copy, allocate_zeros);
}

static void without_memory_it_is_told_later(void **state)
{
	struct asking scene;
	struct asked asked[3];

	(void)state;
	asking_begin(&scene, block_given, NULL, 0, 0);
	exhausted = true;
	for (size_t i = 0; i < 3; i++) {
		asked_prepare(&scene, &asked[i]);
		asked_start(&asked[i]);
	}
	for (size_t i = 0; i < 3; i++) {
		asked_wait(&asked[i]);
		assert_int_equal(asked[i].error, -ENOMEM);
		asked_end(&asked[i]);
	}
	asked_prepare(&scene, &asked[0]);
	asking_on_loop(&scene, start_and_cancel, &asked[0]);
	asking_on_loop(&scene, no_op, NULL);
	assert_int_equal(asked[0].times, 0);
	asked_end(&asked[0]);
	exhausted = false;
	assert_block_comes(&scene);
	/* the same with a handle that is there already */
	exhausted = true;
	assert_block_fails(&scene, -ENOMEM);
	exhausted = false;
	assert_block_comes(&scene);
	asking_end(&scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(slow_servers_time_out),
		cmocka_unit_test(connections_that_break_are_that),
		cmocka_unit_test(refused_connection_is_that),
		cmocka_unit_test(cancelled_anywhere_it_is_over),
		cmocka_unit_test(cancelled_before_it_connects_it_was_nothing),
		cmocka_unit_test(waiting_ones_can_be_cancelled_and_go_on),
		cmocka_unit_test(started_anew_in_done_it_goes_on),
		cmocka_unit_test(freed_in_done_it_is_not_touched),
		cmocka_unit_test(without_memory_it_is_told_later),
	};

	return cmocka_run_group_tests(tests, take_over_memory, NULL);
}
