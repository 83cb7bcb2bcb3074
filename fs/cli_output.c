/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Octets that are as secret as the content they describe, or more: they go into a file beside the
 * one that is meant, mode 0600, which takes its name when it is whole. When the program is
 * interrupted the file beside is removed.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cache/log.h"
#include "fs/cli.h"

static char unfinished[PATH_MAX]; /* "": nothing */

static void interrupted(int number)
{
	if (*unfinished)
		unlink(unfinished);
	raise(number); /* whose action is the default again */
}

static void remove_when_interrupted(const char *path)
{
	static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
	struct sigaction action = {.sa_handler = interrupted, .sa_flags = (int)SA_RESETHAND};
	struct sigaction former;

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (!sigaction(numbers[i], NULL, &former) && former.sa_handler == SIG_DFL)
			sigaction(numbers[i], &action, NULL);
	strcpy(unfinished, path);
}

static int complain_of(const char *path, int error)
{
	char escaped[LOG_NAME_MAX];

	return cli_complain(CLI_FAILED, "%s cannot be written: %s",
			    log_escape(escaped, sizeof(escaped), path), strerror(error));
}

/* 0 or a positive errno. */
static int open_beside(struct cli_output *output)
{
	int file;

	if (asprintf(&output->beside, "%s.XXXXXX", output->target) < 0) {
		output->beside = NULL;
		return ENOMEM;
	}
	if (strlen(output->beside) >= sizeof(unfinished))
		return ENAMETOOLONG;
	file = mkostemp(output->beside, O_CLOEXEC); /* mode 0600 */
	if (file < 0)
		return errno;
	remove_when_interrupted(output->beside);
	output->stream = fdopen(file, "w");
	if (output->stream)
		return 0;
	close(file);
	unlink(output->beside);
	*unfinished = '\0';
	return ENOMEM;
}

/* What is no plain file, such as a FIFO or /dev/null, is not replaced. 0 or a positive errno. */
static int open_special(const char *path, struct cli_output *output)
{
	int file = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);

	if (file < 0)
		return errno;
	output->stream = fdopen(file, "w");
	if (output->stream)
		return 0;
	close(file);
	return ENOMEM;
}

int cli_output_open(const char *path, struct cli_output *output_out)
{
	struct cli_output output = {0};
	struct stat status;
	int error;

	if (!path || !strcmp(path, "-")) {
		if (isatty(STDOUT_FILENO))
			return cli_complain(CLI_USAGE, "what comes out is not for a terminal; name "
						       "a file for it");
		output_out->stream = stdout;
		output_out->target = output_out->beside = NULL;
		return CLI_DONE;
	}
	if (stat(path, &status)) {
		/* A link that leads nowhere is replaced. */
		output.target = strdup(path);
		error = output.target ? open_beside(&output) : ENOMEM;
	} else if (S_ISREG(status.st_mode)) {
		output.target = realpath(path, NULL);
		error = output.target ? open_beside(&output) : errno;
	} else {
		error = open_special(path, &output);
	}
	if (error) {
		free(output.target);
		free(output.beside);
		return complain_of(path, error);
	}
	*output_out = output;
	return CLI_DONE;
}

int cli_output_put(void *owner, const void *data, size_t size)
{
	struct cli_output *output = owner;

	return fwrite(data, 1, size, output->stream) == size ? 0 : -errno;
}

/* 0 or a positive errno. */
static int finish(struct cli_output *output)
{
	if (fflush(output->stream))
		return errno;
	if (output->beside &&
	    (fsync(fileno(output->stream)) || rename(output->beside, output->target)))
		return errno;
	return 0;
}

int cli_output_close(struct cli_output *output, int status)
{
	int error = status ? 0 : finish(output);

	if (output->stream != stdout && fclose(output->stream) && !error && !status)
		error = errno;
	if (output->beside && (status || error))
		unlink(output->beside);
	*unfinished = '\0';
	if (error)
		status = complain_of(output->target ? output->target : "the output", error);
	free(output->target);
	free(output->beside);
	return status;
}
