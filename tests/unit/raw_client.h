/* SPDX-License-Identifier: BSD-2-Clause
 *
 * An HTTP client of raw octets, over TCP or TLS on loopback. It waits for a minute at most.
 */
#ifndef TESTS_UNIT_RAW_CLIENT_H
#define TESTS_UNIT_RAW_CLIENT_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>

struct client {
	int fd;
	SSL *ssl; /* NULL: plain */
	SSL_CTX *context;
	unsigned char *buffer; /* received and not yet looked at */
	size_t held, room;
	bool reset; /* the connection ended by a reset */
};

void raw_connect(struct client *client, unsigned port);
void raw_connect_tls(struct client *client, unsigned port);
void raw_send_octets(struct client *client, const void *data, size_t size);
void raw_send(struct client *client, const char *text);
/* false: the connection has ended, nothing was held. */
bool raw_receive(struct client *client);
/* Everything until the server closes; NUL-terminated, valid until the next call. */
const char *raw_receive_all(struct client *client, size_t *size_out);
void raw_close(struct client *client);

struct reply {
	int status;
	char head[4096];
	unsigned char *body;
	size_t size;
	bool whole; /* as long as was said */
};
/* One answer; for HEAD say so. Chunks are put together. false: the connection ended before a head
 * came. raw_free() afterwards. */
bool raw_reply(struct client *client, bool head, struct reply *reply_out);
/* The value of a header, or NULL; valid until the next call. */
const char *raw_header(const struct reply *reply, const char *name);
unsigned raw_header_count(const struct reply *reply);
void raw_free(struct reply *reply);

#endif
