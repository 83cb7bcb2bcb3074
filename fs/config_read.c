/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Files that are named in a configuration: where they are, and what text they hold.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fs/config_private.h"

char *config_absolute(const char *path, const char *base)
{
	char *absolute;

	if (*path == '/')
		return strdup(path);
	return asprintf(&absolute, "%s/%s", strcmp(base, "/") ? base : "", path) < 0 ? NULL
										     : absolute;
}

static ssize_t read_whole(int descriptor, char *buffer, size_t size)
{
	size_t length = 0;

	while (length < size) {
		ssize_t got = read(descriptor, buffer + length, size - length);

		if (got < 0)
			return -errno;
		if (got == 0)
			break;
		length += (size_t)got;
	}
	return (ssize_t)length;
}

/* TEXT has room for one octet more than MOST, and one for the NUL. */
static int read_text(int descriptor, size_t most, char *text, const char *path,
		     struct config_problem *problem)
{
	ssize_t length = read_whole(descriptor, text, most + 1);

	if (length < 0)
		return config_fail(problem, CONFIG_FAILED, "cannot read %s: %s", path,
				   strerror((int)-length));
	if ((size_t)length > most)
		return config_fail(problem, CONFIG_FAILED, "%s is larger than %zu octets", path,
				   most);
	text[length] = '\0';
	if (strlen(text) != (size_t)length)
		return config_fail(problem, CONFIG_FAILED, "%s is no text: it has octets 0", path);
	return 0;
}

int config_read(const char *path, size_t most, char **text_out, struct config_problem *problem)
{
	struct stat status;
	char *text;
	int error;
	/* Not to wait for the other end of a pipe. */
	int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (descriptor < 0)
		return config_fail(problem, CONFIG_FAILED, "cannot open %s: %s", path,
				   strerror(errno));
	if (fstat(descriptor, &status) || !S_ISREG(status.st_mode)) {
		close(descriptor);
		return config_fail(problem, CONFIG_FAILED, "%s is not a regular file", path);
	}
	text = malloc(most + 2);
	error = text ? read_text(descriptor, most, text, path, problem) : config_no_memory(problem);
	close(descriptor);
	if (error) {
		free(text);
		return error;
	}
	*text_out = text;
	return 0;
}
