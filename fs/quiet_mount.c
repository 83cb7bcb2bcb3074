/* SPDX-License-Identifier: BSD-2-Clause */
#include "fs/quiet_mount.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cache/log.h"

/* What may be said meanwhile, by all threads: our choice. */
#define SAID_SIZE 4096
/* What lines of libfuse and of fusermount3 begin with. */
#define THEIRS "fuse"

/* In the thread that mounts, and in the child that it makes for fusermount3. */
static _Thread_local bool mounting;

static void note(enum fuse_log_level level, const char *format, va_list arguments)
{
	char line[QUIET_MOUNT_REASON];

	(void)level;
	vsnprintf(line, sizeof line, format, arguments);
	line[strcspn(line, "\n")] = '\0';
	if (mounting)
		dprintf(STDERR_FILENO, "%s\n", line);
	else
		log_debug("%s", line);
}

/* Of what was said into FILE the last line of theirs goes into REASON, the others to stderr. */
static void hand_on(int file, char *reason)
{
	char text[SAID_SIZE], *rest = text, *line;
	ssize_t got = pread(file, text, sizeof text - 1, 0);

	text[got > 0 ? got : 0] = '\0';
	while ((line = strsep(&rest, "\n")) != NULL)
		if (strncmp(line, THEIRS, strlen(THEIRS)) == 0)
			snprintf(reason, QUIET_MOUNT_REASON, "%s", line);
		else if (*line != '\0')
			fprintf(stderr, "%s\n", line);
}

int quiet_mount(struct fuse_session *session, const char *directory,
		char reason[QUIET_MOUNT_REASON])
{
	int file = memfd_create("peerdist", MFD_CLOEXEC);
	int kept = file >= 0 ? fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3) : -1;
	int error;

	*reason = '\0';
	fuse_set_log_func(note);
	mounting = true;
	if (kept >= 0)
		dup2(file, STDERR_FILENO);
	error = fuse_session_mount(session, directory) != 0 ? -EIO : 0;
	mounting = false;
	if (kept >= 0) {
		dup2(kept, STDERR_FILENO);
		close(kept);
		hand_on(file, reason);
	}
	if (file >= 0)
		close(file);
	return error;
}
