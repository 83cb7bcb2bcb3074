/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The retrieval server's HTTP (retrieval.md section 2): paths, methods, versions, bodies, and what
 * is none.
 */
#include "tests/unit/retrieval_fixture.h"

/* Sends TEXT and, if it has a place for a length, the request for block 3 behind it; the answer's
 * status. */
static int status_of(const char *text, bool with_body)
{
	struct octets message = vectors_unhex(ASK_WORKED_BLOCK);
	struct client client;
	struct reply reply;
	int status;

	come(&client);
	raw_send(&client, text);
	if (with_body)
		raw_send_octets(&client, message.data, message.size);
	assert_true(raw_reply(&client, strncmp(text, "HEAD", 4) == 0, &reply));
	status = reply.status;
	if (status == 405)
		assert_string_equal(raw_header(&reply, "Allow"), "POST");
	raw_free(&reply);
	raw_close(&client);
	octets_free(&message);
	return status;
}

#define TO(path) "POST " path " HTTP/1.1\r\nHost: h\r\nContent-Length: 68\r\n\r\n"

static void path_is_ours_in_any_case(void **state)
{
	(void)state;
	assert_int_equal(status_of(TO("/116B50EB-ECE2-41ac-8429-9F9E963361B7/"), true), 200);
	assert_int_equal(status_of(TO("/116B50EB-ECE2-41ac-8429-9F9E963361B7"), true), 200);
	assert_int_equal(status_of(TO("/116b50eb-ece2-41AC-8429-9f9e963361b7/"), true), 200);
	assert_int_equal(status_of(TO("/116B50EB-ECE2-41ac-8429-9F9E963361B7/?q"), true), 200);
	assert_int_equal(status_of(TO("http://h:1/116B50EB-ECE2-41ac-8429-9F9E963361B7/"), true),
			 200);
	assert_int_equal(status_of(TO("/"), true), 404);
	assert_int_equal(status_of(TO("*"), true), 404);
	assert_int_equal(status_of(TO("/{116B50EB-ECE2-41ac-8429-9F9E963361B7}/"), true), 404);
	assert_int_equal(status_of(TO("/116B50EB-ECE2-41ac-8429-9F9E963361B7//"), true), 404);
	assert_int_equal(status_of(TO("/116B50EB-ECE2-41ac-8429-9F9E963361B7/x"), true), 404);
	assert_int_equal(status_of(TO("/116B50EB-ECE2-41ac-8429-9F9E963361B"), true), 404);
	assert_int_equal(status_of(TO("http://h"), true), 404);
	assert_int_equal(status_of(TO("http://h?" PATH), true), 404);
	assert_int_equal(status_of("GET / HTTP/1.1\r\nHost: h\r\n\r\n", false), 404);
}

static void long_target_is_not_ours(void **state)
{
	char text[4000];

	(void)state;
	snprintf(text, sizeof(text), "POST %0*d HTTP/1.1\r\nHost: h\r\nContent-Length: 68\r\n\r\n",
		 3000, 7);
	assert_int_equal(status_of(text, true), 404);
}

static void method_is_post(void **state)
{
	(void)state;
	assert_int_equal(status_of("GET " PATH " HTTP/1.1\r\nHost: h\r\n\r\n", false), 405);
	assert_int_equal(status_of("HEAD " PATH " HTTP/1.1\r\nHost: h\r\n\r\n", false), 405);
	assert_int_equal(status_of("DELETE " PATH " HTTP/1.1\r\nHost: h\r\n\r\n", false), 405);
	assert_int_equal(
		status_of("PUT " PATH " HTTP/1.1\r\nHost: h\r\nContent-Length: 68\r\n\r\n", true),
		405);
	assert_int_equal(counters().requests, 0);
}

static void old_http_is_served(void **state)
{
	struct octets message = vectors_unhex(ASK_WORKED_BLOCK);
	struct client client;
	struct reply reply;

	(void)state;
	for (int keep = 0; keep < 2; keep++) {
		come(&client);
		for (int round = 0; round < 1 + 2 * keep; round++) {
			raw_send(&client, "POST " PATH " HTTP/1.0\r\nContent-Length: 68\r\n");
			raw_send(&client, keep ? "Connection: Keep-Alive\r\n\r\n" : "\r\n");
			raw_send_octets(&client, message.data, message.size);
			reply = take(&client);
			assert_int_equal(reply.size, CUTTING_UNIT + 92 + 16);
			assert_non_null(raw_header(&reply, "Content-Length"));
			raw_free(&reply);
		}
		if (!keep)
			expect_end(&client);
		raw_close(&client);
	}
	octets_free(&message);
}

static void body_may_wait_for_a_100(void **state)
{
	struct octets message = vectors_unhex(ASK_WORKED_BLOCK);
	struct client client;
	struct reply reply;

	(void)state;
	come(&client);
	for (int round = 0; round < 3; round++) {
		raw_send(&client, "POST " PATH " HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n"
				  "Content-Length: 68\r\n\r\n");
		assert_true(raw_reply(&client, false, &reply));
		assert_int_equal(reply.status, 100);
		raw_free(&reply);
		raw_send_octets(&client, message.data, message.size);
		reply = take(&client);
		raw_free(&reply);
	}
	raw_close(&client);
	octets_free(&message);
}

static void body_that_says_it_is_too_long_is_not_waited_for(void **state)
{
	struct client client;
	struct reply reply;

	(void)state;
	for (int expecting = 0; expecting < 2; expecting++) {
		come(&client);
		raw_send(&client, "POST " PATH " HTTP/1.1\r\nHost: h\r\nContent-Length: 98305\r\n");
		raw_send(&client, expecting ? "Expect: 100-continue\r\n\r\n" : "\r\n");
		assert_true(raw_reply(&client, false, &reply));
		assert_int_equal(reply.status, 413);
		raw_free(&reply);
		expect_end(&client);
		raw_close(&client);
	}
	come(&client);
	raw_send(&client, "POST " PATH " HTTP/1.1\r\nHost: h\r\n"
			  "Content-Length: 18446744073709551615\r\n\r\n");
	assert_true(raw_reply(&client, false, &reply));
	assert_int_equal(reply.status / 100, 4);
	raw_free(&reply);
	expect_end(&client);
	raw_close(&client);
}

static void longest_message_is_read(void **state)
{
	struct octets message = vectors_unhex(ASK_WORKED_BLOCK);
	uint8_t *longest = calloc(1, PCCRR_REQUEST_MAX);
	struct pccrr_request asked = ask_block(segment, 3);
	struct pccrr_answer answer;
	struct client client;
	struct reply reply;

	(void)state;
	memcpy(longest, message.data, message.size);
	set_message_size(longest, PCCRR_REQUEST_MAX);
	bytes_put_be32(&(struct bytes_out){.at = longest + 64, .left = 4}, PCCRR_REQUEST_MAX - 68);
	come(&client);
	for (int round = 0; round < 3; round++) {
		post_octets(&client, longest, PCCRR_REQUEST_MAX);
		reply = take(&client);
		assert_int_equal(pccrr_answer_read(reply.body, reply.size, &asked, &answer), 0);
		assert_true(is_block(&answer, segment, 3));
		raw_free(&reply);
	}
	raw_close(&client);
	octets_free(&message);
	free(longest);
}

static void chunked_body_is_taken(void **state)
{
	struct octets message = vectors_unhex(ASK_WORKED_BLOCK);
	struct client client;
	struct reply reply;

	(void)state;
	come(&client);
	raw_send(&client,
		 "POST " PATH " HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n28\r\n");
	raw_send_octets(&client, message.data, 40);
	raw_send(&client, "\r\n1c\r\n");
	raw_send_octets(&client, message.data + 40, 28);
	raw_send(&client, "\r\n0\r\n\r\n");
	reply = take(&client);
	assert_int_equal(reply.size, CUTTING_UNIT + 92 + 16);
	raw_free(&reply);
	expect_end(&client);
	raw_close(&client);
	octets_free(&message);
}

static void chunks_without_end_are_refused(void **state)
{
	static char chunk[4096 + 1];
	struct client client;

	(void)state;
	memset(chunk, 'x', 4096);
	come(&client);
	raw_send(&client,
		 "POST " PATH " HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
	for (int i = 0; i < 100; i++) {
		raw_send(&client, "1000\r\n");
		raw_send(&client, chunk);
		raw_send(&client, "\r\n");
	}
	raw_receive_all(&client, NULL);
	assert_null(strstr((char *)client.buffer, " 200 "));
	assert_int_equal(counters().requests, 0);
	raw_close(&client);
}

static void request_without_length_is_dropped(void **state)
{
	(void)state;
	assert_int_equal(status_of("POST " PATH " HTTP/1.1\r\nHost: h\r\n\r\n", false), 400);
	assert_int_equal(
		status_of("POST " PATH " HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n", false),
		400);
}

static void any_type_of_content_is_ignored(void **state)
{
	(void)state;
	assert_int_equal(status_of("POST " PATH " HTTP/1.1\r\nHost: h\r\nContent-Length: 68\r\n"
				   "Content-Type: application/x-www-form-urlencoded\r\n"
				   "Accept: text/html\r\nAccept-Encoding: gzip\r\n\r\n",
				   true),
			 200);
}

static void connection_serves_many_requests(void **state)
{
	struct client client;

	(void)state;
	come(&client);
	for (int round = 0; round < 200; round++)
		assert_true(get(&client, segment, 3 + (uint32_t)round % 2));
	assert_int_equal(counters().requests, 200);
	raw_close(&client);
}

static void requests_in_a_row_are_answered_in_order(void **state)
{
	struct client client;
	struct reply reply;

	(void)state;
	come(&client);
	for (uint32_t i = 0; i < 50; i++) {
		struct pccrr_request request = ask_block(segment, i);

		post(&client, &request);
	}
	for (uint32_t i = 0; i < 50; i++) {
		struct pccrr_request request = ask_block(segment, i);
		struct pccrr_answer answer;

		reply = take(&client);
		assert_int_equal(pccrr_answer_read(reply.body, reply.size, &request, &answer), 0);
		assert_int_equal(is_block(&answer, segment, i), i == 3 || i == 4);
		raw_free(&reply);
	}
	raw_close(&client);
}

/* By their lengths the answers could go in two packets; a reader that wakes for the first would
 * find the head alone. */
static void short_answer_comes_in_one(void **state)
{
	struct pccrr_request request = ask_block(segment, 7);
	struct client client;

	(void)state;
	come(&client);
	for (int round = 0; round < 20; round++) {
		const char *body;

		post(&client, &request);
		assert_true(raw_receive(&client));
		body = memmem(client.buffer, client.held, "\r\n\r\n", 4);
		assert_non_null(body);
		assert_int_equal((char *)client.buffer + client.held - (body + 4), 76);
		client.held = 0;
	}
	raw_close(&client);
}

static void garbage_is_survived(void **state)
{
	static const char *const garbage[] = {
		"\r\n\r\n\r\n",
		"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
		"POST\r\n\r\n",
		"POST " PATH "\r\n\r\n",
		"POST " PATH " HTTP/9.9\r\n\r\n",
		"POST " PATH " HTTP/1.1\r\nContent-Length: 68\r\n\r\n",
		"POST " PATH " HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n",
		"POST " PATH
		" HTTP/1.1\r\nHost: h\r\nContent-Length: 68\r\nContent-Length: 6\r\n\r\n",
		"POST " PATH " HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n\r\n",
		"POST " PATH " HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
		"POST " PATH
		" HTTP/1.1\r\nHost: h\r\nExpect: nothing\r\nContent-Length: 68\r\n\r\n",
		"BREW " PATH " HTTP/1.1\r\nHost: h\r\n\r\n",
	};
	struct client client;

	(void)state;
	for (size_t i = 0; i < sizeof(garbage) / sizeof(*garbage); i++) {
		come(&client);
		raw_send(&client, garbage[i]);
		shutdown(client.fd, SHUT_WR);
		while (raw_receive(&client))
			;
		raw_close(&client);
	}
	assert_int_equal(counters().blocks, 0);
	come(&client);
	assert_true(get(&client, segment, 3));
	raw_close(&client);
}

static void request_cut_anywhere_is_not_answered(void **state)
{
	struct octets message = vectors_unhex(ASK_WORKED_BLOCK);
	struct client client;
	size_t size;

	(void)state;
	for (size_t length = 0; length < message.size; length++) {
		come(&client);
		raw_send(&client, TO(PATH));
		raw_send_octets(&client, message.data, length);
		shutdown(client.fd, SHUT_WR);
		raw_receive_all(&client, &size);
		if (size > 0)
			assert_null(strstr((char *)client.buffer, " 200 "));
		raw_close(&client);
	}
	assert_int_equal(counters().requests, 0);
	octets_free(&message);
}

int main(void)
{
#define in_scene(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		in_scene(path_is_ours_in_any_case),
		in_scene(long_target_is_not_ours),
		in_scene(method_is_post),
		in_scene(old_http_is_served),
		in_scene(body_may_wait_for_a_100),
		in_scene(body_that_says_it_is_too_long_is_not_waited_for),
		in_scene(longest_message_is_read),
		in_scene(chunked_body_is_taken),
		in_scene(chunks_without_end_are_refused),
		in_scene(request_without_length_is_dropped),
		in_scene(any_type_of_content_is_ignored),
		in_scene(connection_serves_many_requests),
		in_scene(requests_in_a_row_are_answered_in_order),
		in_scene(short_answer_comes_in_one),
		in_scene(garbage_is_survived),
		in_scene(request_cut_anywhere_is_not_answered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
