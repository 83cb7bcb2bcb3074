/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Asks a retrieval server for the blocks of a segment, one after the other and again and again,
 * over several connections, and prints what came in MB of blocks a second.
 *
 *     retrieval_load HOST PORT ID BLOCKS [SECONDS] [CONNECTIONS] [ALGORITHM]
 *     retrieval_load HOST PORT get FILES [SECONDS] [CONNECTIONS]
 *     retrieval_load HOST PORT offer CLIENT_PORT [SECONDS] [CONNECTIONS]
 *
 * ID in hexadecimal; by default 5 seconds, 8 connections and algorithm 1, AES-128. With `get` any
 * HTTP server is asked for /0, /1 and so on, FILES of them, that are answers of a retrieval server;
 * with `offer` a hosted cache is offered a segment that nobody knows, each time another one, in a
 * message of version 2.0. Encrypted blocks
 * are not decrypted: what is measured is the server. Wrong when both share a core, or another
 * program has one of theirs.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CONNECTIONS_MAX 256u
#define ID_MAX 64u
#define RECEIVE_MAX (256u << 10)
#define HEAD_MAX 4096u
#define EVENTS 64

#define MESSAGE_MAX 512u

static const char path[] = "/116B50EB-ECE2-41ac-8429-9F9E963361B7/";
static const char offer_path[] = "/0131501b-d67f-491b-9a40-c4bf27bcb4d4/";

struct connection {
	int fd;
	char head[HEAD_MAX]; /* until it is whole */
	size_t held;
	uint64_t left; /* octets of the body; valid when in_body */
	bool in_body;
};

static struct connection connections[CONNECTIONS_MAX];
static char received[RECEIVE_MAX];
static uint8_t id[ID_MAX];
static uint32_t id_size, blocks, block, algorithm = 1, client_port;
/* Writes the next request; returns its octets. */
static size_t (*compose)(uint8_t message_out[MESSAGE_MAX]);
static uint64_t answers, octets, empty;
static bool ending;

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static uint8_t *put(uint8_t *at, uint32_t number)
{
	number = htonl(number);
	return (uint8_t *)memcpy(at, &number, sizeof(number)) + sizeof(number);
}

static uint8_t *post(uint8_t *message, const char *where, uint32_t size)
{
	return message + snprintf((char *)message, MESSAGE_MAX,
				  "POST %s HTTP/1.1\r\nHost: peer\r\nContent-Length: %u\r\n\r\n",
				  where, size);
}

static size_t compose_block(uint8_t message_out[MESSAGE_MAX])
{
	uint32_t padded = (id_size + 3) / 4 * 4, size = 16 + 4 + padded + 4 + 8 + 4;
	uint8_t *at = post(message_out, path, size);

	at = put(put(put(put(at, 1), 3), size), algorithm);
	at = put(at, id_size);
	memset(at, 0, padded);
	memcpy(at, id, id_size);
	at = put(put(put(put(at + padded, 1), block), 1), 0);
	block = (block + 1) % blocks;
	return (size_t)(at - message_out);
}

static size_t compose_get(uint8_t message_out[MESSAGE_MAX])
{
	int size = snprintf((char *)message_out, MESSAGE_MAX,
			    "GET /%u HTTP/1.1\r\nHost: peer\r\n\r\n", block);

	block = (block + 1) % blocks;
	return (size_t)size;
}

/* One descriptor; the id is a number and zeros. */
static size_t compose_offer(uint8_t message_out[MESSAGE_MAX])
{
	uint8_t *at = post(message_out, offer_path, 16 + 59);

	at = put(put(at, 0x00020003), 0);
	at = put(put(at, client_port << 16), 0);
	at = put(put(at, 65536), 65536);
	*at++ = 0;
	*at++ = 16;
	memset(at, 0, 16);
	at += 16;
	*at++ = 4;
	memset(at, 0, 32);
	put(at, block++);
	return (size_t)(at + 32 - message_out);
}

static void ask(struct connection *connection)
{
	uint8_t message[MESSAGE_MAX];
	size_t size = compose(message);

	connection->held = 0;
	connection->in_body = false;
	if (send(connection->fd, message, size, MSG_NOSIGNAL) != (ssize_t)size)
		fail("send");
}

static void answered(struct connection *connection)
{
	answers++;
	if (!ending)
		ask(connection);
}

/* Returns how many of the octets belonged to the head. */
static size_t read_head(struct connection *connection, const char *data, size_t size)
{
	size_t before = connection->held, room = HEAD_MAX - 1 - before;
	char *end, *length;

	memcpy(connection->head + before, data, size < room ? size : room);
	connection->held += size < room ? size : room;
	connection->head[connection->held] = '\0';
	end = strstr(connection->head, "\r\n\r\n");
	if (end == NULL) {
		if (connection->held == HEAD_MAX - 1)
			fail("head");
		return size;
	}
	length = strcasestr(connection->head, "\r\nContent-Length:");
	if (strncmp(connection->head + 8, " 200 ", 5) != 0 || length == NULL || length > end) {
		fprintf(stderr, "%.*s\n", (int)(end - connection->head), connection->head);
		exit(1);
	}
	connection->left = strtoull(length + 17, NULL, 10);
	connection->in_body = true;
	/* an empty block has nothing but its frame */
	empty += connection->left < 128;
	octets += connection->left < 128 ? 0 : connection->left - 92;
	return (size_t)(end + 4 - connection->head) - before;
}

static void receive(struct connection *connection)
{
	ssize_t got = recv(connection->fd, received, sizeof(received), MSG_DONTWAIT);
	size_t head = 0;

	if (got < 0 && errno == EAGAIN)
		return;
	if (got <= 0)
		fail("the server has closed the connection");
	if (!connection->in_body)
		head = read_head(connection, received, (size_t)got);
	if (!connection->in_body)
		return;
	connection->left -= (size_t)got - head;
	if (connection->left == 0)
		answered(connection);
}

static int open_connection(const char *host, const char *port)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found;
	int fd, on = 1;

	if (getaddrinfo(host, port, &hints, &found) != 0)
		fail(host);
	fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, found->ai_addr, found->ai_addrlen) < 0)
		fail(host);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	freeaddrinfo(found);
	return fd;
}

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static double processor_time(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
	       (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void read_id(const char *hex)
{
	unsigned octet;

	for (; id_size < ID_MAX && sscanf(hex, "%2x", &octet) == 1; hex += 2)
		id[id_size++] = (uint8_t)octet;
	if (id_size == 0 || *hex != '\0') {
		fprintf(stderr, "no id: %s\n", hex);
		exit(2);
	}
}

static void work(int epoll, double seconds)
{
	struct epoll_event events[EVENTS];
	double begun = now(), end = begun + seconds;

	while (now() < end) {
		int count = epoll_wait(epoll, events, EVENTS, 1000);

		for (int i = 0; i < count; i++)
			receive(events[i].data.ptr);
	}
	ending = true;
	seconds = now() - begun;
	printf("{\"MB/s\": %.1f, \"blocks/s\": %.0f, \"empty\": %llu, \"client's core\": %.2f}\n",
	       (double)octets / 1e6 / seconds, (double)answers / seconds, (unsigned long long)empty,
	       processor_time() / seconds);
}

static void choose(const char *what, uint32_t number)
{
	blocks = client_port = number;
	if (strcmp(what, "get") == 0) {
		compose = compose_get;
	} else if (strcmp(what, "offer") == 0) {
		compose = compose_offer;
	} else {
		compose = compose_block;
		read_id(what);
	}
}

int main(int count, char **words)
{
	unsigned wanted = count > 6 ? (unsigned)atoi(words[6]) : 8;
	int epoll = epoll_create1(EPOLL_CLOEXEC);

	if (count < 5 || atoi(words[4]) <= 0 || wanted == 0 || wanted > CONNECTIONS_MAX) {
		fprintf(stderr, "usage: retrieval_load HOST PORT ID|get|offer NUMBER [SECONDS] "
				"[CONNECTIONS] [ALGORITHM]\n");
		return 2;
	}
	choose(words[3], (uint32_t)atoi(words[4]));
	if (count > 7)
		algorithm = (uint32_t)atoi(words[7]);
	for (unsigned i = 0; i < wanted; i++) {
		struct epoll_event event = {.events = EPOLLIN, .data.ptr = &connections[i]};

		connections[i].fd = open_connection(words[1], words[2]);
		if (epoll_ctl(epoll, EPOLL_CTL_ADD, connections[i].fd, &event) < 0)
			fail("epoll_ctl");
		ask(&connections[i]);
	}
	work(epoll, count > 5 ? atof(words[5]) : 5);
	return 0;
}
