/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Content information in a file, and the file with the content. What comes through a pipe is kept
 * in a file without a name, since it is read twice: once to judge it, once for what is asked.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "cache/file_octets.h"
#include "cache/log.h"
#include "fs/cli_info.h"

/* Octets read at a time. Questions that go through the content in order are so answered from
 * memory nearly always. */
#define WINDOW 65536

struct encoded {
	int file;
	uint64_t start; /* of what is in the window */
	size_t length;
	uint8_t window[WINDOW];
};

static int encoded_read(void *owner, uint64_t offset, void *data, size_t size)
{
	struct encoded *encoded = owner;
	int error;

	if (size > WINDOW)
		return -EINVAL;
	if (offset < encoded->start || offset - encoded->start > encoded->length ||
	    size > encoded->length - (offset - encoded->start)) {
		encoded->length = 0;
		encoded->start = offset;
		error = file_octets_read_some(encoded->file, offset, encoded->window, WINDOW,
					      &encoded->length);
		if (error)
			return error;
		if (size > encoded->length)
			return -EBADMSG;
	}
	memcpy(data, encoded->window + (offset - encoded->start), size);
	return 0;
}

static void encoded_release(void *owner)
{
	struct encoded *encoded = owner;

	close(encoded->file);
	OPENSSL_cleanse(encoded->window, WINDOW);
	free(encoded);
}

/* A file without a name. Its number or a negative errno. */
static int open_nameless(void)
{
	const char *folder = getenv("TMPDIR");
	char *path = NULL;
	int file;

	if (asprintf(&path, "%s/peerdist.XXXXXX", folder && *folder ? folder : "/tmp") < 0)
		return -ENOMEM;
	file = mkostemp(path, O_CLOEXEC); /* mode 0600 */
	if (file < 0)
		file = -errno;
	else
		unlink(path);
	free(path);
	return file;
}

/* Reads INPUT to its end; what came is written to COPY unless that is -1. */
static int feed(struct content_reader *reader, int input, int copy, uint8_t *buffer)
{
	for (;;) {
		ssize_t got = read(input, buffer, WINDOW);
		int error = 0;

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got < 0 ? -errno : 0;
		error = content_reader_feed(reader, buffer, (size_t)got);
		if (!error && copy >= 0)
			error = file_octets_send(copy, buffer, (size_t)got);
		if (error)
			return error;
	}
}

static int complain_of(const char *path, const char *reason)
{
	char escaped[LOG_NAME_MAX];

	return cli_complain(CLI_FAILED, "%s %s", log_escape(escaped, sizeof(escaped), path),
			    reason);
}

int cli_info_unreadable(const char *path, int error)
{
	char reason[128];

	snprintf(reason, sizeof(reason), "cannot be read: %s",
		 error == -EBADMSG ? "it was changed meanwhile" : strerror(-error));
	return complain_of(path, reason);
}

/* ERROR: what reading it gave. */
static int refused(const char *path, const struct content_reader *reader, int error)
{
	const char *why = content_reader_reason(reader);
	char reason[256];

	if (!why)
		return cli_info_unreadable(path, error);
	if (error == -EFBIG)
		snprintf(reason, sizeof(reason), "is larger than %u octets, which is the limit",
			 CONTENT_LIMIT_DEFAULT);
	else
		snprintf(reason, sizeof(reason), "is no content information: %s", why);
	return complain_of(path, reason);
}

/* Whether what INPUT gives from now on can be read again at its place. */
static bool can_read_twice(int input)
{
	struct stat status;

	return !fstat(input, &status) && S_ISREG(status.st_mode) && lseek(input, 0, SEEK_CUR) == 0;
}

static int load(const char *path, int input, struct encoded *encoded, struct content_reader *reader,
		struct content **content_out)
{
	bool twice = can_read_twice(input);
	int error;

	encoded->file = twice ? fcntl(input, F_DUPFD_CLOEXEC, 3) : open_nameless();
	if (encoded->file == -1)
		encoded->file = -errno;
	if (encoded->file < 0)
		return cli_complain(CLI_FAILED, "no temporary file: %s; set TMPDIR",
				    strerror(-encoded->file));
	error = feed(reader, input, twice ? -1 : encoded->file, encoded->window);
	if (!error)
		error = content_reader_end(reader, content_out);
	return error ? refused(path, reader, error) : CLI_DONE;
}

static int open_input(const char *path)
{
	int input = strcmp(path, "-") ? open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY)
				      : fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);

	return input < 0 ? -errno : input;
}

int cli_info_load(const char *path, struct content **content_out)
{
	const char *name = strcmp(path, "-") ? path : "standard input";
	struct encoded *encoded = calloc(1, sizeof(*encoded));
	struct content_reader *reader = NULL;
	struct content *content = NULL;
	int input = open_input(path), status;

	if (input < 0)
		status = cli_info_unreadable(name, input);
	else if (!encoded || content_reader_create(CONTENT_LIMIT_DEFAULT, &reader))
		status = cli_complain(CLI_FAILED, "out of memory");
	else
		status = load(name, input, encoded, reader, &content);
	content_reader_free(reader);
	if (input >= 0)
		close(input);
	if (!status) {
		content_back(content, &(struct content_backing){.read = encoded_read,
								.release = encoded_release,
								.owner = encoded});
		*content_out = content;
		return CLI_DONE;
	}
	if (encoded && encoded->file > 0)
		encoded_release(encoded);
	else
		free(encoded);
	return status;
}

int cli_info_whole(const char *path, const struct content *content, bool *whole_out)
{
	struct content_segment last;
	int error = content_segment(content, content_segments(content) - 1, &last);

	if (error)
		return cli_info_unreadable(path, error);
	*whole_out =
		content_start(content) == 0 && content_end(content) == last.offset + last.length;
	OPENSSL_cleanse(last.secret, sizeof(last.secret));
	return CLI_DONE;
}

int cli_info_open_content(const char *path, int *file_out, struct stat *status_out)
{
	/* Without waiting for the writer of a FIFO. */
	int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	int status = CLI_DONE;

	if (file < 0)
		return cli_info_unreadable(path, -errno);
	if (fstat(file, status_out))
		status = cli_info_unreadable(path, -errno);
	else if (!S_ISREG(status_out->st_mode))
		status = complain_of(path, "is no plain file");
	if (status)
		close(file);
	else
		*file_out = file;
	return status;
}

static bool same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

int cli_info_unchanged(const char *path, int file, const struct stat *status)
{
	struct stat now;

	if (fstat(file, &now))
		return cli_info_unreadable(path, -errno);
	if (now.st_size == status->st_size && same_time(&now.st_mtim, &status->st_mtim) &&
	    same_time(&now.st_ctim, &status->st_ctim))
		return CLI_DONE;
	return complain_of(path, "was changed while it was read; try again");
}
