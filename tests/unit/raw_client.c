/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/raw_client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

/* Seconds after which a test that waits in vain fails. */
#define PATIENCE 60

static void fail(const char *what)
{
	perror(what);
	abort();
}

void raw_connect(struct client *client, unsigned port)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_port = htons((uint16_t)port),
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct timeval patience = {.tv_sec = PATIENCE};
	int at_once = 1; /* a body behind a head does not wait until that is acknowledged */

	memset(client, 0, sizeof(*client));
	client->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (client->fd < 0 ||
	    setsockopt(client->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0 ||
	    setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &at_once, sizeof(at_once)) < 0 ||
	    connect(client->fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		fail("connect");
}

void raw_connect_tls(struct client *client, unsigned port)
{
	raw_connect(client, port);
	client->context = SSL_CTX_new(TLS_client_method());
	client->ssl = SSL_new(client->context);
	SSL_set_fd(client->ssl, client->fd);
	if (SSL_connect(client->ssl) != 1)
		fail("SSL_connect");
}

/* What the server does not take any more is not the client's fault. */
void raw_send_octets(struct client *client, const void *data, size_t size)
{
	const char *at = data;

	while (size > 0) {
		ssize_t sent = client->ssl != NULL ? SSL_write(client->ssl, at, (int)size)
						   : send(client->fd, at, size, MSG_NOSIGNAL);

		if (sent <= 0)
			return;
		at += sent;
		size -= (size_t)sent;
	}
}

void raw_send(struct client *client, const char *text)
{
	raw_send_octets(client, text, strlen(text));
}

bool raw_receive(struct client *client)
{
	ssize_t got;

	if (client->room - client->held < 65536) {
		client->room = client->room * 2 + 65536;
		client->buffer = realloc(client->buffer, client->room + 1);
		if (client->buffer == NULL)
			fail("realloc");
	}
	if (client->ssl != NULL)
		got = SSL_read(client->ssl, client->buffer + client->held, 65536);
	else
		got = recv(client->fd, client->buffer + client->held, 65536, 0);
	if (got < 0 && client->ssl == NULL && errno != ECONNRESET)
		fail("recv");
	client->reset |= got < 0;
	if (got <= 0)
		return false;
	client->held += (size_t)got;
	client->buffer[client->held] = '\0';
	return true;
}

const char *raw_receive_all(struct client *client, size_t *size_out)
{
	while (raw_receive(client))
		;
	client->buffer[client->held] = '\0';
	if (size_out != NULL)
		*size_out = client->held;
	return (const char *)client->buffer;
}

void raw_close(struct client *client)
{
	SSL_free(client->ssl);
	SSL_CTX_free(client->context);
	close(client->fd);
	free(client->buffer);
	memset(client, 0, sizeof(*client));
	client->fd = -1;
}

static void consume(struct client *client, size_t size)
{
	client->held -= size;
	memmove(client->buffer, client->buffer + size, client->held + 1);
}

/* Until COUNT octets are held. */
static bool receive_count(struct client *client, size_t count)
{
	while (client->held < count)
		if (!raw_receive(client))
			return false;
	return true;
}

/* Until TEXT is held; -1: the connection ended. Else its offset. */
static ssize_t receive_text(struct client *client, const char *text)
{
	for (;;) {
		const unsigned char *found =
			client->held > 0 ? memmem(client->buffer, client->held, text, strlen(text))
					 : NULL;

		if (found != NULL)
			return found - client->buffer;
		if (!raw_receive(client))
			return -1;
	}
}

static void take_body(struct client *client, struct reply *reply, size_t size)
{
	reply->body = realloc(reply->body, reply->size + size + 1);
	if (reply->body == NULL)
		fail("realloc");
	memcpy(reply->body + reply->size, client->buffer, size);
	reply->size += size;
	reply->body[reply->size] = '\0';
	consume(client, size);
}

static bool take_chunks(struct client *client, struct reply *reply)
{
	for (;;) {
		ssize_t line = receive_text(client, "\r\n");
		size_t size;

		if (line < 0)
			return false;
		size = strtoul((char *)client->buffer, NULL, 16);
		consume(client, (size_t)line + 2);
		if (!receive_count(client, size + 2))
			return false;
		take_body(client, reply, size);
		consume(client, 2);
		if (size == 0)
			return true;
	}
}

bool raw_reply(struct client *client, bool head, struct reply *reply_out)
{
	struct reply reply = {0};
	ssize_t end = receive_text(client, "\r\n\r\n");
	const char *length;

	if (end < 0 || (size_t)end + 4 >= sizeof(reply.head))
		return false;
	memcpy(reply.head, client->buffer, (size_t)end + 2);
	consume(client, (size_t)end + 4);
	reply.status = atoi(reply.head + 9);
	reply.whole = true;
	take_body(client, &reply, 0);
	length = raw_header(&reply, "Content-Length");
	if (head || reply.status == 304 || reply.status == 204 || reply.status < 200) {
		/* nothing follows */
	} else if (raw_header(&reply, "Transfer-Encoding") != NULL) {
		reply.whole = take_chunks(client, &reply);
	} else if (length != NULL) {
		size_t size = strtoul(raw_header(&reply, "Content-Length"), NULL, 10);

		reply.whole = receive_count(client, size);
		take_body(client, &reply, reply.whole ? size : client->held);
	} else {
		raw_receive_all(client, NULL);
		take_body(client, &reply, client->held);
	}
	*reply_out = reply;
	return true;
}

const char *raw_header(const struct reply *reply, const char *name)
{
	static _Thread_local char value[1024];

	for (const char *line = strstr(reply->head, "\r\n"); line != NULL && line[2] != '\0';
	     line = strstr(line + 2, "\r\n")) {
		size_t length = strlen(name);

		if (strncasecmp(line + 2, name, length) != 0 || line[2 + length] != ':')
			continue;
		snprintf(value, sizeof(value), "%.*s", (int)strcspn(line + length + 4, "\r"),
			 line + length + 4);
		return value;
	}
	return NULL;
}

unsigned raw_header_count(const struct reply *reply)
{
	unsigned count = 0;

	for (const char *line = strstr(reply->head, "\r\n"); line != NULL && line[2] != '\0';
	     line = strstr(line + 2, "\r\n"))
		count++;
	return count;
}

void raw_free(struct reply *reply)
{
	free(reply->body);
}
