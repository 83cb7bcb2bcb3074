/* SPDX-License-Identifier: BSD-2-Clause
 *
 * An HTTP server on 127.0.0.1, or where it is told, whose every octet a test decides. Each
 * connection has a thread of its own, which reads one request head (and its body, if it has a
 * Content-Length) after the other and has it answered.
 */
#ifndef TESTS_UNIT_SCRIPTED_SERVER_H
#define TESTS_UNIT_SCRIPTED_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#define SCRIPTED_PAYLOAD_MAX 4096

struct scripted_server;

struct scripted_request {
	struct scripted_server *server;
	void *context;
	int fd;
	unsigned number; /* from 1, over all connections */
	unsigned turn;   /* from 1, on this connection */
	char method[16];
	char target[2048];
	char head[8192];                             /* all of it, NUL-terminated */
	unsigned char payload[SCRIPTED_PAYLOAD_MAX]; /* as much as there is room for */
	size_t payload_size;                         /* of all of it */
};

/* Returns whether the connection is kept. Called on the connection's thread. */
typedef bool scripted_answer(struct scripted_request *request);

struct scripted_server *scripted_start(scripted_answer *answer, void *context);
/* At an address of any family; port 0: any. */
struct scripted_server *scripted_start_at(scripted_answer *answer, void *context,
					  const struct sockaddr_storage *address);
/* Cuts all connections and waits for their threads. */
void scripted_stop(struct scripted_server *server);
unsigned scripted_port(const struct scripted_server *server);
unsigned scripted_connections(struct scripted_server *server); /* accepted so far */
unsigned scripted_requests(struct scripted_server *server);
/* Becomes true in scripted_stop(), for answers that take their time. */
bool scripted_stopping(struct scripted_server *server);

void scripted_send(struct scripted_request *request, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void scripted_send_octets(struct scripted_request *request, const void *data, size_t length);
/* Cuts the connection by a reset; the answer returns false then. */
void scripted_reset(struct scripted_request *request);
/* The value of a header of the request, or NULL; in a buffer of the thread. */
const char *scripted_header(const struct scripted_request *request, const char *name);

#endif
