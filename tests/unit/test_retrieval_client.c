/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the retrieval client asks, and which answers it takes and refuses.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cache/cutting.h"
#include "tests/unit/asking_scene.h"

/* ---- the request ---- */

struct seen {
	char head[sizeof(((struct scripted_request *)NULL)->head)];
	unsigned char payload[SCRIPTED_PAYLOAD_MAX];
	size_t payload_size;
};

static bool see_and_give(struct scripted_request *request)
{
	struct seen *seen = request->context;

	memcpy(seen->head, request->head, sizeof(seen->head));
	memcpy(seen->payload, request->payload, sizeof(seen->payload));
	seen->payload_size = request->payload_size;
	return block_given(request);
}

static void request_is_exactly_that(void **state)
{
	struct pccrr_request request = asking_for_block();
	char head[512];
	uint8_t message[256];
	size_t size = pccrr_request_size(&request);
	struct seen seen;
	struct asking scene;

	(void)state;
	asking_begin(&scene, see_and_give, &seen, 0, 0);
	assert_block_comes(&scene);
	snprintf(head, sizeof(head),
		 "POST %s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nContent-Length: %zu\r\n\r\n",
		 PCCRR_PATH, (unsigned)scene.place.port, size);
	assert_string_equal(seen.head, head);
	pccrr_request_write(&request, message);
	assert_int_equal(seen.payload_size, size);
	assert_memory_equal(seen.payload, message, size);
	asking_end(&scene);
}

static void proxies_of_the_environment_are_not_used(void **state)
{
	static const char *const names[] = {"http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"};
	struct asking scene;

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		setenv(names[i], "http://127.0.0.1:1", 1);
	asking_begin(&scene, block_given, NULL, 0, 0);
	assert_block_comes(&scene);
	asking_end(&scene);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		unsetenv(names[i]);
}

/* ---- answers that are taken ---- */

static bool give_sized(struct scripted_request *request)
{
	const uint32_t *block_size = request->context;
	size_t size;
	uint8_t *body = body_of_block(*block_size, &size);

	scripted_send(request, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", size);
	scripted_send_octets(request, body, size);
	free(body);
	return true;
}

static void assert_comes_whole(uint32_t block_size)
{
	struct asking scene;
	struct asked asked;

	asking_begin(&scene, give_sized, &block_size, 0, 0);
	assert_int_equal(asked_block(&scene, &asked), 0);
	assert_int_equal(asked.answer.size, block_size);
	assert_true(asked.answer.data > asked.body);
	for (uint32_t i = 0; i < block_size; i++)
		if (asked.answer.data[i] != 'b')
			fail_msg("octet %u", i);
	asked_end(&asked);
	asking_end(&scene);
}

static void blocks_of_both_versions_come_whole(void **state)
{
	(void)state;
	assert_comes_whole(65536 + 16);
	assert_comes_whole(CUTTING_UNIT_MAX + 16);
}

static bool give_list(struct scripted_request *request)
{
	struct pccrr_request asked;
	struct pccrr_answer answer;
	uint8_t body[1024];
	size_t size;

	if (pccrr_request_read(request->payload, request->payload_size, &asked) != PCCRR_VALID)
		abort();
	pccrr_answer_begin(&asked, CIPHER_AES_128, &answer);
	range_set_add(answer.blocks, PCCRR_BLOCKS, (struct range){5, 2});
	answer.next = 9;
	size = pccrr_answer_size(&answer);
	pccrr_answer_write(&answer, body);
	scripted_send(request, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", size);
	scripted_send_octets(request, body, size);
	return true;
}

static void list_comes(void **state)
{
	struct asking scene;
	struct asked asked;

	(void)state;
	asking_begin(&scene, give_list, NULL, 0, 0);
	asked_prepare(&scene, &asked);
	asked.retrieval.request.type = PCCRR_ASK_LIST;
	range_set_add(asked.retrieval.request.blocks, PCCRR_BLOCKS, (struct range){0, 6});
	asked_start(&asked);
	asked_wait(&asked);
	assert_int_equal(asked.error, 0);
	assert_int_equal(asked.answer.type, PCCRR_LIST);
	assert_int_equal(range_set_ranges(asked.answer.blocks, PCCRR_BLOCKS), 1);
	assert_true(range_set_meets(asked.answer.blocks, PCCRR_BLOCKS, (struct range){5, 1}));
	assert_int_equal(asked.answer.next, 9);
	asked_end(&asked);
	asking_end(&scene);
}

/* give_block()'s body has 140 octets. */
static const char *const taken[] = {
	"HTTP/1.1 200 OK\r\nContent-Length: 140\r\n",
	"HTTP/1.1 200\r\ncontent-length:140\r\nServer: Microsoft-HTTPAPI/2.0\r\n",
	"HTTP/1.1 200 OK\r\nContent-Length: 140\r\nContent-Encoding: identity\r\n",
	"HTTP/1.1 200 OK\r\nContent-Length: 140\r\nContent-Type: text/html\r\n",
	"HTTP/1.1 100 Go\r\n\r\nHTTP/1.1 102 Wait\r\n\r\nHTTP/1.1 200\r\nContent-Length: 140\r\n",
	"HTTP/1.1 200 OK\nContent-Length: 140\n",
	/* until the connection ends */
	"HTTP/1.0 200 OK\r\n",
	"HTTP/1.1 200 OK\r\nConnection: close\r\n",
};

static bool give_with_head(struct scripted_request *request)
{
	give_block(request, *(const char **)request->context);
	return false;
}

static void framings_of_http_are_taken(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++) {
		const char *head = taken[i];
		struct asking scene;

		asking_begin(&scene, give_with_head, &head, 0, 0);
		assert_block_comes(&scene);
		asking_end(&scene);
	}
}

struct chunking {
	size_t piece;
	const char *trailer;
};

static bool give_chunks(struct scripted_request *request)
{
	const struct chunking *chunking = request->context;
	size_t size, length;
	uint8_t *body = body_of_block(48, &size);

	scripted_send(request, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
	for (size_t at = 0; at < size; at += length) {
		length = size - at < chunking->piece ? size - at : chunking->piece;
		scripted_send(request, "%zx\r\n", length);
		scripted_send_octets(request, body + at, length);
		scripted_send(request, "\r\n");
	}
	scripted_send(request, "0\r\n%s\r\n", chunking->trailer);
	free(body);
	return true;
}

static void chunks_are_taken(void **state)
{
	static const struct chunking chunkings[] = {
		{1000, ""}, {1, ""}, {7, ""}, {50, "Sum: 1\r\nContent-Encoding: gzip\r\n"}};

	(void)state;
	for (size_t i = 0; i < sizeof(chunkings) / sizeof(chunkings[0]); i++) {
		struct chunking chunking = chunkings[i];
		struct asking scene;

		asking_begin(&scene, give_chunks, &chunking, 0, 0);
		assert_block_comes(&scene);
		assert_block_comes(&scene);
		assert_int_equal(scripted_connections(scene.server), 1);
		asking_end(&scene);
	}
}

/* ---- answers that are refused ---- */

/* Each with the body of the block asked for. */
static const char *const refused[] = {
	"HTTP/1.1 201 Created\r\nContent-Length: 140\r\n",
	"HTTP/1.1 206 Partial Content\r\nContent-Length: 140\r\nContent-Range: bytes 0-139/140\r\n",
	"HTTP/1.1 301 Moved\r\nContent-Length: 140\r\nLocation: /\r\n",
	"HTTP/1.1 302 Found\r\nContent-Length: 140\r\nLocation: " PCCRR_PATH "\r\n",
	"HTTP/1.1 307 Again\r\nContent-Length: 140\r\nLocation: " PCCRR_PATH "\r\n",
	"HTTP/1.1 400 Bad Request\r\nContent-Length: 140\r\n",
	"HTTP/1.1 401 Who?\r\nContent-Length: 140\r\nWWW-Authenticate: Basic realm=\"r\"\r\n",
	"HTTP/1.1 404 Not Found\r\nContent-Length: 140\r\n",
	"HTTP/1.1 407 Who?\r\nContent-Length: 140\r\nProxy-Authenticate: Basic realm=\"r\"\r\n",
	"HTTP/1.1 417 Expectation Failed\r\nContent-Length: 140\r\n",
	"HTTP/1.1 500 Oh\r\nContent-Length: 140\r\n",
	"HTTP/1.1 503 Busy\r\nContent-Length: 140\r\nRetry-After: 0\r\n",
	"HTTP/1.1 101 Switching\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n",
	/* codings */
	"HTTP/1.1 200 OK\r\nContent-Length: 140\r\nContent-Encoding: gzip\r\n",
	"HTTP/1.1 200 OK\r\nContent-Length: 140\r\nContent-Encoding: peerdist\r\n",
	"HTTP/1.1 200 OK\r\nContent-Length: 140\r\nContent-Encoding: identity, gzip\r\n",
	"HTTP/1.1 200 OK\r\nContent-Encoding: identity\r\nContent-Encoding: gzip\r\n",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\nConnection: close\r\n",
	/* lengths */
	"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n",
	"HTTP/1.1 200 OK\r\nContent-Length: 139\r\n",
	"HTTP/1.1 200 OK\r\nContent-Length: 393221\r\n",
	"HTTP/1.1 200 OK\r\nContent-Length: 9223372036854775807\r\n",
	"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n",
	"HTTP/1.1 200 OK\r\nContent-Length: lots\r\n",
	/* what is no HTTP */
	"",
	"200 OK\r\n",
	"HTTP/4.0 200 OK\r\nContent-Length: 140\r\n",
	"HTTP/1.1 20x OK\r\nContent-Length: 140\r\n",
	"ICY 200 OK\r\nContent-Length: 140\r\n",
	"SSH-2.0-OpenSSH_9.2\r\n",
};

static void other_answers_are_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		const char *head = refused[i];
		struct asking scene;
		struct asked asked;
		int error;

		asking_begin(&scene, give_with_head, &head, 0, 0);
		error = asked_block(&scene, &asked);
		if (error != -EBADMSG || asked.body != NULL)
			fail_msg("%s: %d", head, error);
		assert_int_equal(scripted_requests(scene.server), 1);
		asked_end(&asked);
		asking_end(&scene);
	}
}

static bool send_text(struct scripted_request *request)
{
	scripted_send(request, "%s", *(const char **)request->context);
	return false;
}

static void broken_chunks_end_it(void **state)
{
	static const char *const texts[] = {
		"zz\r\nabc\r\n0\r\n\r\n",
		"ffffffffffffffffffff\r\nabc",
		"-1\r\nabc\r\n",
		"3\r\nabcd\r\n0\r\n\r\n",
		"3",
		"",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		char text[256], *at = text;
		struct asking scene;
		struct asked asked;
		int error;

		snprintf(text, sizeof(text),
			 "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%s", texts[i]);
		asking_begin(&scene, send_text, &at, 0, 0);
		error = asked_block(&scene, &asked);
		if (error != -EBADMSG && error != -ECONNRESET)
			fail_msg("%s: %d", texts[i], error);
		assert_int_equal(scripted_requests(scene.server), 1);
		asked_end(&asked);
		asking_end(&scene);
	}
}

/* Sends the piece until the client has had enough. */
struct endless {
	const char *begin, *piece;
};

static bool send_endlessly(struct scripted_request *request)
{
	const struct endless *endless = request->context;
	size_t length = strlen(endless->piece);

	scripted_send(request, "%s", endless->begin);
	while (!scripted_stopping(request->server) &&
	       send(request->fd, endless->piece, length, MSG_NOSIGNAL) == (ssize_t)length)
		;
	return false;
}

static void endless_answers_are_cut(void **state)
{
	static char line[200 << 10];
	static const struct endless cases[] = {
		{"HTTP/1.1 200 OK\r\n\r\n", "body without a length, "},
		{"HTTP/1.0 200 OK\r\n\r\n", "the same of HTTP/1.0, "},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "5\r\nchunk\r\n"},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", "Trailer: t\r\n"},
		{"HTTP/1.1 200 OK\r\n", "Header: of very many\r\n"},
		{"HTTP/1.1 200 OK\r\n", line},
		{"", "HTTP/1.1 100 Continue\r\n\r\n"},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", line},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", line},
		{line, line},
	};

	(void)state;
	memset(line, 'h', sizeof(line) - 1);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct endless endless = cases[i];
		struct asking scene;
		struct asked asked;
		int error;

		asking_begin(&scene, send_endlessly, &endless, 0, 0);
		error = asked_block(&scene, &asked);
		if (error != -EBADMSG)
			fail_msg("case %zu: %d", i, error);
		asked_end(&asked);
		asking_end(&scene);
	}
}

/* ---- more than was announced ---- */

struct excess {
	sem_t go, sent;
};

static bool give_with_excess(struct scripted_request *request)
{
	struct excess *excess = request->context;

	give_block(request, NULL);
	if (request->number > 1)
		return true;
	sem_wait(&excess->go);
	scripted_send(request, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nbad");
	sem_post(&excess->sent);
	return true;
}

/* A second answer that nobody asked for is there with the first, or comes when the connection is
 * idle. It may spoil the next exchange, but none after that, since its connection goes. */
static void excess_spoils_one_exchange_at_most(void **state)
{
	(void)state;
	for (unsigned together = 0; together < 2; together++) {
		struct excess excess;
		struct asking scene;
		struct asked asked;
		int error;

		sem_init(&excess.go, 0, together);
		sem_init(&excess.sent, 0, 0);
		asking_begin(&scene, give_with_excess, &excess, 0, 0);
		assert_block_comes(&scene);
		sem_post(&excess.go);
		sem_wait(&excess.sent);
		error = asked_block(&scene, &asked);
		assert_true(error == 0 || error == -EBADMSG);
		asked_end(&asked);
		assert_block_comes(&scene);
		assert_block_comes(&scene);
		assert_int_equal(scripted_connections(scene.server), 2);
		asking_end(&scene);
		sem_destroy(&excess.go);
		sem_destroy(&excess.sent);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(request_is_exactly_that),
		cmocka_unit_test(proxies_of_the_environment_are_not_used),
		cmocka_unit_test(blocks_of_both_versions_come_whole),
		cmocka_unit_test(list_comes),
		cmocka_unit_test(framings_of_http_are_taken),
		cmocka_unit_test(chunks_are_taken),
		cmocka_unit_test(other_answers_are_refused),
		cmocka_unit_test(broken_chunks_end_it),
		cmocka_unit_test(endless_answers_are_cut),
		cmocka_unit_test(excess_spoils_one_exchange_at_most),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
