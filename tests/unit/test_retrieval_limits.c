/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What one client, or many, can take of the retrieval server (retrieval.md section 9.1): places,
 * time, connections, octets; and its end.
 */
#include "tests/unit/retrieval_fixture.h"

#include <dirent.h>
#include <poll.h>
#include <time.h>

/* ---- clients ---- */

static bool take_block(struct client *client, uint32_t block)
{
	struct pccrr_request request = ask_block(segment, block);
	struct reply reply = take(client);
	struct pccrr_answer answer;
	bool came;

	assert_int_equal(pccrr_answer_read(reply.body, reply.size, &request, &answer), 0);
	came = is_block(&answer, segment, block);
	raw_free(&reply);
	return came;
}

static void pause_shortly(void)
{
	nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
}

static void wait_for_requests(uint64_t count)
{
	while (counters().requests < count)
		pause_shortly();
}

/* Until a block comes, or does not; by connections of its own. */
static void get_until(bool comes)
{
	struct client client;

	come(&client);
	while (get(&client, segment, 3) != comes)
		pause_shortly();
	raw_close(&client);
}

/* ---- places ---- */

static void more_than_the_places_are_answered_empty(void **state)
{
	struct pccrr_request list = {
		.type = PCCRR_ASK_LIST, .cipher = CIPHER_AES_256, .blocks = {~0ull}};
	struct pccrr_request versions = {
		.type = PCCRR_ASK_VERSIONS, .least = {1, 0}, .most = {2, 0}};
	struct client clients[4], more;
	struct pccrr_answer answer;
	struct reply reply;

	(void)state;
	begin_with(&(struct retrieval_server_options){.uploads = 4});
	list.segment = (struct pccrr_id){segment->id, ID_SIZE};
	close_reading();
	for (unsigned i = 0; i < 4; i++) {
		come(&clients[i]);
		post_block(&clients[i], 3);
	}
	wait_for_requests(4);
	come(&more);
	assert_false(get(&more, segment, 3));
	answer = exchange(&more, &list, &reply);
	assert_int_equal(range_set_ranges(answer.blocks, PCCRR_BLOCKS), 0);
	assert_int_equal(answer.cipher, CIPHER_AES_256);
	raw_free(&reply);
	answer = exchange(&more, &versions, &reply);
	assert_int_equal(answer.most.major, 2);
	raw_free(&reply);
	assert_int_equal(counters().busy, 2);
	open_reading();
	for (unsigned i = 0; i < 4; i++) {
		assert_true(take_block(&clients[i], 3));
		raw_close(&clients[i]);
	}
	get_until(true);
	raw_close(&more);
	finish();
}

static void place_of_a_client_that_has_left_is_free_again(void **state)
{
	struct client client;

	(void)state;
	begin_with(&(struct retrieval_server_options){.uploads = 1});
	for (int round = 0; round < 20; round++) {
		const struct linger reset = {.l_onoff = 1};

		close_reading();
		come(&client);
		post_block(&client, 3);
		wait_for_readers(1);
		if (round % 2 == 0)
			setsockopt(client.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
		raw_close(&client);
		open_reading();
		get_until(true);
	}
	finish();
}

/* Its answer is in the socket's buffer: an hour's timer has not ended it. */
static void slow_reader_takes_no_place(void **state)
{
	struct store_segment *two;
	struct pccrr_request request;
	struct client slow;

	(void)state;
	begin_with(&(struct retrieval_server_options){.uploads = 1, .upload_ms = 3600000});
	two = make_segment(2, 0x80, 1, CUTTING_UNIT_MAX);
	hold(two, 0);
	request = ask_block(two, 0);
	come_from(&slow, "127.0.0.1", 4096);
	post(&slow, &request);
	wait_for_requests(1);
	get_until(true);
	raw_close(&slow);
	finish();
}

/* ---- time ---- */

static void reader_that_is_too_slow_is_cut(void **state)
{
	struct client slow;
	struct pollfd look = {0};

	(void)state;
	begin_with(&(struct retrieval_server_options){.uploads = 1, .upload_ms = 300});
	come_from(&slow, "127.0.0.1", 4096);
	for (int i = 0; i < 40; i++)
		post_block(&slow, 3);
	look.fd = slow.fd;
	assert_int_equal(poll(&look, 1, FIXTURE_PATIENCE * 1000), 1);
	get_until(true);
	raw_receive_all(&slow, NULL);
	assert_true(slow.reset);
	raw_close(&slow);
	finish();
}

static unsigned count_descriptors(void)
{
	DIR *directory = opendir("/proc/self/fd");
	unsigned count = 0;

	assert_non_null(directory);
	while (readdir(directory) != NULL)
		count++;
	closedir(directory);
	return count;
}

/* What it has not taken is all in the system's buffer. The server's side is of this process. */
static void reader_that_takes_nothing_is_let_go(void **state)
{
	struct store_segment *two;
	struct pccrr_request request;
	struct client slow;
	unsigned before;

	(void)state;
	begin_with(&(struct retrieval_server_options){.upload_ms = 300, .idle = 3600});
	two = make_segment(2, 0x80, 1, CUTTING_UNIT_MAX);
	hold(two, 0);
	request = ask_block(two, 0);
	before = count_descriptors();
	come_from(&slow, "127.0.0.1", 4096);
	post(&slow, &request);
	wait_for_requests(1);
	while (count_descriptors() != before + 1)
		pause_shortly();
	raw_close(&slow);
	finish();
}

static void answer_that_takes_too_long_is_cut(void **state)
{
	struct client client, other;

	(void)state;
	begin_with(&(struct retrieval_server_options){.upload_ms = 100});
	come(&other);
	close_reading();
	come(&client);
	post_block(&client, 3);
	expect_end(&client);
	assert_true(client.reset);
	raw_close(&client);
	open_reading();
	assert_true(get(&other, segment, 3));
	raw_close(&other);
	finish();
}

static void request_that_takes_too_long_is_cut(void **state)
{
	static const char *const parts[] = {"P", "POST " PATH " HTTP/1.1\r\nHost: h\r\n",
					    "POST " PATH
					    " HTTP/1.1\r\nHost: h\r\nContent-Length: 68\r\n\r\nx"};
	struct client client, idle;

	(void)state;
	begin_with(&(struct retrieval_server_options){.request_ms = 100});
	come(&idle);
	for (unsigned i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
		come(&client);
		assert_true(get(&client, segment, 3));
		raw_send(&client, parts[i]);
		raw_receive_all(&client, NULL);
		raw_close(&client);
	}
	/* all that time it has not begun one */
	assert_true(get(&idle, segment, 3));
	raw_close(&idle);
	finish();
}

static void idle_connection_is_closed(void **state)
{
	struct client fresh, used;

	(void)state;
	begin_with(&(struct retrieval_server_options){.idle = 1});
	come(&fresh);
	come(&used);
	assert_true(get(&used, segment, 3));
	expect_end(&fresh);
	expect_end(&used);
	raw_close(&fresh);
	raw_close(&used);
	finish();
}

/* ---- connections ---- */

static void new_connection_displaces_the_one_longest_idle(void **state)
{
	static const unsigned order[] = {1, 2, 3, 0};
	struct client clients[4], more;

	(void)state;
	begin_with(&(struct retrieval_server_options){.connections = 4});
	for (unsigned i = 0; i < 4; i++) {
		come(&clients[i]);
		assert_true(get(&clients[i], segment, 3));
	}
	assert_true(get(&clients[0], segment, 3));
	for (unsigned i = 0; i < 4; i++) {
		come(&more);
		assert_true(get(&more, segment, 4));
		expect_end(&clients[order[i]]);
		raw_close(&clients[order[i]]);
		clients[order[i]] = more;
	}
	for (unsigned i = 0; i < 4; i++) {
		assert_true(get(&clients[i], segment, 3));
		raw_close(&clients[i]);
	}
	finish();
}

static void connection_finds_no_room_where_none_is_idle(void **state)
{
	struct client busy[3], half, more;

	(void)state;
	begin_with(&(struct retrieval_server_options){.connections = 4});
	close_reading();
	for (unsigned i = 0; i < 3; i++) {
		come(&busy[i]);
		post_block(&busy[i], 3);
	}
	come(&half);
	raw_send(&half, "POST ");
	wait_for_requests(3);
	/* that "half" has begun is seen when it is not displaced any more */
	for (unsigned i = 0; i < 5; i++) {
		come(&more);
		expect_end(&more);
		raw_close(&more);
	}
	open_reading();
	for (unsigned i = 0; i < 3; i++) {
		assert_true(take_block(&busy[i], 3));
		raw_close(&busy[i]);
	}
	raw_send(&half, PATH " HTTP/1.1\r\nHost: h\r\nConnection: close\r\n"
			     "Content-Length: 0\r\n\r\n");
	assert_non_null(strstr(raw_receive_all(&half, NULL), " 400 "));
	raw_close(&half);
	finish();
}

static void address_displaces_its_own(void **state)
{
	struct client other, mine[3];

	(void)state;
	begin_with(&(struct retrieval_server_options){.connections_each = 2});
	come_from(&other, "127.0.0.2", 0);
	assert_true(get(&other, segment, 3));
	for (unsigned i = 0; i < 3; i++) {
		come(&mine[i]);
		assert_true(get(&mine[i], segment, 3));
	}
	expect_end(&mine[0]);
	assert_true(get(&mine[1], segment, 3));
	assert_true(get(&mine[2], segment, 3));
	assert_true(get(&other, segment, 3));
	for (unsigned i = 0; i < 3; i++)
		raw_close(&mine[i]);
	raw_close(&other);
	finish();
}

static void many_connections_of_one_client_are_served_at_once(void **state)
{
	enum { COUNT = 32 };
	struct client clients[COUNT];

	(void)state;
	begin_with(&(struct retrieval_server_options){0});
	for (unsigned i = 0; i < COUNT; i++)
		come(&clients[i]);
	for (unsigned round = 0; round < 4; round++) {
		for (unsigned i = 0; i < COUNT; i++)
			post_block(&clients[i], 3 + i % 2);
		for (unsigned i = 0; i < COUNT; i++)
			assert_true(take_block(&clients[i], 3 + i % 2));
	}
	assert_int_equal(counters().busy, 0);
	for (unsigned i = 0; i < COUNT; i++)
		raw_close(&clients[i]);
	finish();
}

static void clients_that_leave_in_the_middle_are_survived(void **state)
{
	(void)state;
	begin_with(&(struct retrieval_server_options){.uploads = 2});
	for (unsigned round = 0; round < 100; round++) {
		struct client client;

		come_from(&client, "127.0.0.1", 4096);
		post_block(&client, 3);
		if (round % 3 == 0)
			raw_receive(&client);
		if (round % 2 == 0)
			raw_send(&client, "POST " PATH);
		raw_close(&client);
	}
	get_until(true);
	finish();
}

/* ---- octets ---- */

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void blocks_wait_for_the_rate(void **state)
{
	int64_t begun = now_ms();
	struct client client;

	(void)state;
	begin_with(&(struct retrieval_server_options){.rate = 1000000});
	come(&client);
	for (unsigned i = 0; i < 6; i++)
		assert_true(get(&client, segment, 3));
	/* the last one goes when five are paid for, of which 100 ms may have been saved */
	assert_true(now_ms() - begun >= 5 * 65 - 100);
	raw_close(&client);
	finish();
}

static void block_that_would_wait_too_long_is_answered_empty(void **state)
{
	struct client client;

	(void)state;
	begin_with(&(struct retrieval_server_options){.rate = 10});
	come(&client);
	assert_true(get(&client, segment, 3));
	assert_false(get(&client, segment, 3));
	assert_false(get(&client, segment, 5)); /* not held: this is not for the rate */
	assert_int_equal(counters().busy, 1);
	assert_int_equal(counters().blocks, 1);
	raw_close(&client);
	finish();
}

static void opaque_blocks_are_for_the_rate_too(void **state)
{
	struct pccrr_request request;
	struct client client;
	struct reply reply;

	(void)state;
	begin_with(&(struct retrieval_server_options){.rate = 10});
	hold_opaque(segment, 9, 1);
	request = ask_block(segment, 9);
	come(&client);
	assert_int_not_equal(exchange(&client, &request, &reply).size, 0);
	raw_free(&reply);
	assert_int_equal(exchange(&client, &request, &reply).size, 0);
	raw_free(&reply);
	assert_int_equal(counters().busy, 1);
	assert_int_equal(counters().blocks, 1);
	assert_int_equal(counters().bytes, CUTTING_UNIT);
	raw_close(&client);
	finish();
}

static void server_may_be_freed_while_answers_wait_for_the_rate(void **state)
{
	struct client clients[3];

	(void)state;
	begin_with(&(struct retrieval_server_options){.rate = 400000});
	for (unsigned i = 0; i < 3; i++) {
		come(&clients[i]);
		post_block(&clients[i], 3);
	}
	wait_for_requests(3);
	finish();
	for (unsigned i = 0; i < 3; i++)
		raw_close(&clients[i]);
}

/* ---- the end ---- */

static void *free_in_thread(void *context)
{
	(void)context;
	retrieval_server_free(server);
	return NULL;
}

static void server_may_be_freed_while_it_is_busy(void **state)
{
	enum { COUNT = 8 };
	struct client clients[COUNT];
	pthread_t thread;

	(void)state;
	begin_with(&(struct retrieval_server_options){0});
	close_reading();
	for (unsigned i = 0; i < COUNT; i++) {
		come(&clients[i]);
		post_block(&clients[i], 3);
	}
	wait_for_requests(COUNT);
	assert_int_equal(pthread_create(&thread, NULL, free_in_thread, NULL), 0);
	for (unsigned i = 0; i < COUNT; i++) {
		expect_end(&clients[i]);
		raw_close(&clients[i]);
	}
	open_reading();
	pthread_join(thread, NULL);
	server = NULL;
	finish();
}

static void server_may_be_freed_while_it_sends(void **state)
{
	enum { COUNT = 8 };
	struct client clients[COUNT];

	(void)state;
	for (unsigned round = 0; round < 10; round++) {
		begin_with(&(struct retrieval_server_options){0});
		for (unsigned i = 0; i < COUNT; i++) {
			come_from(&clients[i], "127.0.0.1", i % 2 == 0 ? 4096 : 0);
			for (unsigned j = 0; j < 20; j++)
				post_block(&clients[i], 3);
		}
		wait_for_requests(COUNT + round * 5);
		finish();
		for (unsigned i = 0; i < COUNT; i++)
			raw_close(&clients[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(more_than_the_places_are_answered_empty),
		cmocka_unit_test(place_of_a_client_that_has_left_is_free_again),
		cmocka_unit_test(slow_reader_takes_no_place),
		cmocka_unit_test(reader_that_is_too_slow_is_cut),
		cmocka_unit_test(reader_that_takes_nothing_is_let_go),
		cmocka_unit_test(answer_that_takes_too_long_is_cut),
		cmocka_unit_test(request_that_takes_too_long_is_cut),
		cmocka_unit_test(idle_connection_is_closed),
		cmocka_unit_test(new_connection_displaces_the_one_longest_idle),
		cmocka_unit_test(connection_finds_no_room_where_none_is_idle),
		cmocka_unit_test(address_displaces_its_own),
		cmocka_unit_test(many_connections_of_one_client_are_served_at_once),
		cmocka_unit_test(clients_that_leave_in_the_middle_are_survived),
		cmocka_unit_test(blocks_wait_for_the_rate),
		cmocka_unit_test(block_that_would_wait_too_long_is_answered_empty),
		cmocka_unit_test(opaque_blocks_are_for_the_rate_too),
		cmocka_unit_test(server_may_be_freed_while_answers_wait_for_the_rate),
		cmocka_unit_test(server_may_be_freed_while_it_is_busy),
		cmocka_unit_test(server_may_be_freed_while_it_sends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
