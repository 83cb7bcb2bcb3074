/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/hosted_script.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { REQUEST_MAX = 1 << 17, ANSWER_MAX = 1 << 19, PATIENCE = 60, STALLED_MAX = 64 };

struct message {
	unsigned char *octets; /* HTTP, whole */
	size_t size, head;     /* all; before the body */
};

static struct sockaddr_in loopback(unsigned port)
{
	return (struct sockaddr_in){.sin_family = AF_INET,
				    .sin_port = htons((uint16_t)port),
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static void limit(int fd)
{
	struct timeval most = {PATIENCE, 0};

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &most, sizeof(most));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &most, sizeof(most));
}

static void send_all(int fd, const void *data, size_t size)
{
	const char *at = data;

	while (size > 0) {
		ssize_t sent = send(fd, at, size, MSG_NOSIGNAL);

		if (sent <= 0)
			return;
		at += sent;
		size -= (size_t)sent;
	}
}

static size_t announced(const char *head)
{
	const char *length = strcasestr(head, "\r\nContent-Length:");

	return length != NULL ? strtoul(length + 17, NULL, 10) : 0;
}

/* One message, until its end as it says, or the connection's. */
static bool receive(int fd, struct message *message, size_t most)
{
	size_t whole = SIZE_MAX;

	*message = (struct message){.octets = calloc(1, most + 1)};
	while (message->size < whole && message->size < most) {
		ssize_t got = recv(fd, message->octets + message->size, most - message->size, 0);
		const char *end;

		if (got <= 0)
			break;
		message->size += (size_t)got;
		message->octets[message->size] = '\0';
		end = strstr((char *)message->octets, "\r\n\r\n");
		if (message->head == 0 && end != NULL) {
			message->head = (size_t)(end + 4 - (char *)message->octets);
			whole = message->head + announced((char *)message->octets);
		}
	}
	return message->head > 0 && message->size >= whole;
}

static void answer(int fd, const char *status, const void *body, size_t size)
{
	char head[128];
	int length = snprintf(head, sizeof(head),
			      "HTTP/1.1 %s\r\nConnection: close\r\nContent-Length: %zu\r\n\r\n",
			      status, size);

	send_all(fd, head, (size_t)length);
	send_all(fd, body, size);
}

/* What the real one says to it. */
static bool pass_on(const struct script *script, const struct message *request,
		    struct message *reply)
{
	struct sockaddr_in address = loopback(script->behind);
	const char *line = (char *)request->octets;
	char head[512];
	bool whole = false;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	limit(fd);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0) {
		snprintf(head, sizeof(head),
			 "%.*s\r\nHost: x\r\nConnection: close\r\nContent-Length: %zu\r\n\r\n",
			 (int)strcspn(line, "\r"), line, request->size - request->head);
		send_all(fd, head, strlen(head));
		send_all(fd, request->octets + request->head, request->size - request->head);
		whole = receive(fd, reply, ANSWER_MAX);
	} else {
		*reply = (struct message){0};
	}
	close(fd);
	return whole;
}

static unsigned type_of(const struct message *request)
{
	return request->size >= request->head + 8 ? request->octets[request->head + 7] : 0;
}

/* Whether the manner has an answer of its own. */
static bool is_own(const struct script *script, int fd, unsigned type)
{
	static const uint8_t versions[] = {0, 0,  0, 24, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0,
					   0, 24, 0, 0,  0, 0, 0, 0, 0, 1, 0, 0, 0, 1};
	static const uint8_t nonsense[] = {0, 0, 0, 4, 1, 2, 3, 4};

	if (type != 6)
		return false;
	switch (script->manner) {
	case SCRIPT_REFUSES_LISTS:
		answer(fd, "400 Bad Request", "", 0);
		return true;
	case SCRIPT_OLD:
		answer(fd, "200 OK", versions, sizeof(versions));
		return true;
	case SCRIPT_LISTS_NONSENSE:
		answer(fd, "200 OK", nonsense, sizeof(nonsense));
		return true;
	default:
		return script->manner == SCRIPT_CLOSES;
	}
}

static void serve(struct script *script, int fd)
{
	struct message request, reply;
	unsigned type;

	if (!receive(fd, &request, REQUEST_MAX)) {
		free(request.octets);
		return;
	}
	type = type_of(&request);
	script->lists += type == 6;
	script->block_lists += type == 2;
	script->blocks += type == 3;
	if (!is_own(script, fd, type)) {
		if (pass_on(script, &request, &reply)) {
			/* In the middle of the block, if there is one. */
			if (script->manner == SCRIPT_POISONS && reply.size > 4096)
				reply.octets[reply.size / 2] ^= 1;
			send_all(fd, reply.octets, reply.size);
		}
		free(reply.octets);
	}
	free(request.octets);
}

static void *run(void *context)
{
	struct script *script = context;
	int stalled[STALLED_MAX];
	unsigned count = 0;

	for (;;) {
		int fd = accept4(script->listener, NULL, NULL, SOCK_CLOEXEC);

		if (fd < 0 && atomic_load(&script->over))
			break;
		if (fd < 0)
			continue;
		limit(fd);
		if (script->manner == SCRIPT_STALLS && count < STALLED_MAX) {
			stalled[count++] = fd;
			continue;
		}
		serve(script, fd);
		close(fd);
	}
	while (count > 0)
		close(stalled[--count]);
	return NULL;
}

void script_begin(struct script *script, enum script_manner manner, unsigned behind)
{
	struct sockaddr_in address = loopback(0);
	socklen_t size = sizeof(address);

	*script = (struct script){.manner = manner, .behind = behind};
	script->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(script->listener, (struct sockaddr *)&address, size), 0);
	assert_int_equal(listen(script->listener, 128), 0);
	assert_int_equal(getsockname(script->listener, (struct sockaddr *)&address, &size), 0);
	script->port = ntohs(address.sin_port);
	assert_int_equal(pthread_create(&script->thread, NULL, run, script), 0);
}

void script_end(struct script *script)
{
	if (script->port == 0)
		return;
	atomic_store(&script->over, true);
	shutdown(script->listener, SHUT_RDWR);
	pthread_join(script->thread, NULL);
	close(script->listener);
	*script = (struct script){0};
}
