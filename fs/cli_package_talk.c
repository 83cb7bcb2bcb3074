/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fs/cli_package.h"

/* Our choice: a few of what the daemon gives at a time. No line is longer. */
#define ANSWER_SIZE (256u << 10)
/* Of one write, as the daemon takes it (fs/control.h). */
#define WRITE_MAX 65536u
#define LINE_ROOM 32u

/* ---- taking an answer ---- */

struct incoming {
	struct cli_conversation *conversation;
	int (*put)(void *owner, const void *data, size_t size);
	void *owner;
	int put_error;
	enum { WORKING, GOOD, BAD } state;
	size_t start, end; /* of what is in the buffer */
	char buffer[ANSWER_SIZE + 1];
};

/* More octets behind those in the buffer, which has room. How many; 0: the end; or a negative
 * errno. */
static long fill(struct incoming *incoming)
{
	struct pollfd readable = {.fd = incoming->conversation->admin, .events = POLLIN};

	if (incoming->start > 0) {
		memmove(incoming->buffer, incoming->buffer + incoming->start,
			incoming->end - incoming->start);
		incoming->end -= incoming->start;
		incoming->start = 0;
	}
	for (;;) {
		ssize_t got = read(readable.fd, incoming->buffer + incoming->end,
				   ANSWER_SIZE - incoming->end);

		if (got >= 0) {
			incoming->end += (size_t)got;
			return got;
		}
		if (errno == EAGAIN)
			poll(&readable, 1, -1);
		else if (errno != EINTR)
			return -errno;
	}
}

/* 1: a line, without its end; 0: there is none any more; or a negative errno. */
static int next_line(struct incoming *incoming, char **line_out)
{
	for (;;) {
		char *line = incoming->buffer + incoming->start;
		char *stop = memchr(line, '\n', incoming->end - incoming->start);
		long got;

		if (stop) {
			*stop = '\0';
			incoming->start = (size_t)(stop - incoming->buffer) + 1;
			*line_out = line;
			return 1;
		}
		if (incoming->end - incoming->start == ANSWER_SIZE)
			return -EPROTO;
		got = fill(incoming);
		if (got <= 0)
			return (int)got;
	}
}

static int take_octets(struct incoming *incoming, uint64_t count)
{
	while (count > 0) {
		size_t here = incoming->end - incoming->start;

		if (here > count)
			here = (size_t)count;
		if (here > 0 && !incoming->put)
			return -EPROTO;
		if (here > 0)
			incoming->put_error = incoming->put(
				incoming->owner, incoming->buffer + incoming->start, here);
		if (incoming->put_error)
			return 0;
		incoming->start += here;
		count -= here;
		if (count > 0 && incoming->start == incoming->end) {
			long got = fill(incoming);

			if (got <= 0)
				return got < 0 ? (int)got : -EPROTO;
		}
	}
	return 0;
}

/* REST: " NUMBER NAME REASON"; the reason may be missing. */
static void take_error(struct incoming *incoming, const char *rest)
{
	int number = EPROTO, length = 0;

	sscanf(rest, " %9d %*s %n", &number, &length);
	rest += length;
	cli_progress_end(&incoming->conversation->progress);
	incoming->state = BAD;
	cli_complain(CLI_FAILED, "%s: %s", incoming->conversation->verb,
		     *rest ? rest : strerror(number));
}

static int take_line(struct incoming *incoming, const char *line)
{
	struct cli_conversation *conversation = incoming->conversation;
	uint64_t done, total;

	if (sscanf(line, "octets %" SCNu64, &done) == 1)
		return take_octets(incoming, done);
	if (sscanf(line, "progress %" SCNu64 " %" SCNu64, &done, &total) == 2) {
		if (incoming->put)
			cli_progress_show(&conversation->progress, done, total);
	} else if (!strncmp(line, "ok", 2) && (line[2] == ' ' || !line[2])) {
		incoming->state = GOOD;
		snprintf(conversation->figures, sizeof(conversation->figures), "%s",
			 line[2] ? line + 3 : "");
	} else if (!strncmp(line, "error ", 6)) {
		take_error(incoming, line + 5);
	}
	return 0;
}

static int take_lines(struct incoming *incoming)
{
	char *line = NULL;
	int got;

	while ((got = next_line(incoming, &line)) > 0) {
		int error = take_line(incoming, line);

		if (error || incoming->put_error || incoming->state != WORKING)
			return error;
	}
	return got;
}

int cli_conversation_follow(struct cli_conversation *conversation, int refusal,
			    int (*put)(void *owner, const void *data, size_t size), void *owner,
			    int *error_out)
{
	struct incoming *incoming = calloc(1, sizeof(*incoming));
	int error, status = CLI_FAILED;

	if (!incoming)
		return cli_complain(CLI_FAILED, "out of memory");
	incoming->conversation = conversation;
	incoming->put = put;
	incoming->owner = owner;
	error = take_lines(incoming);
	cli_progress_end(&conversation->progress);
	*error_out = incoming->put_error;
	if (incoming->state == GOOD || incoming->put_error)
		status = CLI_DONE;
	else if (incoming->state == WORKING && (error || refusal))
		cli_complain(CLI_FAILED, "%s: %s", conversation->verb,
			     strerror(error ? -error : -refusal));
	else if (incoming->state == WORKING)
		cli_complain(CLI_FAILED,
			     "%s: the daemon ended before it had answered; its log may say why",
			     conversation->verb);
	free(incoming);
	return status;
}

/* ---- saying and giving ---- */

/* Always at the beginning: the daemon does not care, and no limit of file sizes is met. */
static int write_whole(int admin, const char *data, size_t size)
{
	ssize_t written;

	do
		written = pwrite(admin, data, size, 0);
	while (written < 0 && errno == EINTR);
	return written < 0 ? -errno : (size_t)written == size ? 0 : -EIO;
}

int cli_conversation_say(struct cli_conversation *conversation, const char *line)
{
	return write_whole(conversation->admin, line, strlen(line));
}

/* Octets of FILE behind the line that says how many, which ends where they begin. */
static int give_some(const struct cli_conversation *conversation, char *buffer, size_t size)
{
	char line[LINE_ROOM];
	int length = snprintf(line, sizeof(line), "octets %zu\n", size);

	memcpy(buffer + LINE_ROOM - (size_t)length, line, (size_t)length);
	return write_whole(conversation->admin, buffer + LINE_ROOM - (size_t)length,
			   (size_t)length + size);
}

/* Whole writes also of what comes in small pieces, as from a pipe. */
static ssize_t read_some(int file, char *buffer, size_t size)
{
	size_t length = 0;

	while (length < size) {
		ssize_t got = read(file, buffer + length, size - length);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0)
			break;
		length += (size_t)got;
	}
	return (ssize_t)length;
}

int cli_conversation_give(struct cli_conversation *conversation, int file, int *refusal_out)
{
	char *buffer = malloc(WRITE_MAX);
	struct stat status;
	uint64_t done = 0, total = 0;
	ssize_t got = buffer ? 1 : -ENOMEM;

	if (!fstat(file, &status) && S_ISREG(status.st_mode))
		total = (uint64_t)status.st_size;
	*refusal_out = 0;
	while (got > 0 && !*refusal_out) {
		got = read_some(file, buffer + LINE_ROOM, WRITE_MAX - LINE_ROOM);
		if (got > 0)
			*refusal_out = give_some(conversation, buffer, (size_t)got);
		done += got > 0 ? (uint64_t)got : 0;
		cli_progress_show(&conversation->progress, done, total);
	}
	if (got == 0 && !*refusal_out)
		*refusal_out = cli_conversation_say(conversation, "end\n");
	/* It had all that it wanted, or has said why not. */
	if (*refusal_out == -EPIPE)
		*refusal_out = 0;
	free(buffer);
	return got < 0 ? (int)got : 0;
}
