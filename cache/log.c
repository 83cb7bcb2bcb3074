/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Log lines. A line is formatted on the caller's stack and leaves in one write(), so that lines of
 * several threads and processes do not mix in a file. Longer ones are cut to LINE_MAX_OCTETS.
 */
#include "cache/log.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

enum { LINE_MAX_OCTETS = 4096 };
/* Our choice: a repeated event is summed up over so many seconds. */
enum { LIMIT_INTERVAL = 60 };

static const struct {
	const char *name;
	int priority;
} levels[] = {
	[LOG_LEVEL_ERROR] = {"error", LOG_ERR},
	[LOG_LEVEL_WARNING] = {"warning", LOG_WARNING},
	[LOG_LEVEL_INFO] = {"info", LOG_INFO},
	[LOG_LEVEL_DEBUG] = {"debug", LOG_DEBUG},
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
/* All guarded by "lock", except that log_write() looks at the level without it. */
static int target_fd = STDERR_FILENO; /* -1: syslog */
static char *target_path;             /* NULL: not a file */
static enum log_level target_level = LOG_LEVEL_INFO;

static int open_file(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0600);

	return fd < 0 ? -errno : fd;
}

/* Takes PATH over. */
static void set_target(int fd, char *path)
{
	if (target_path != NULL)
		close(target_fd);
	free(target_path);
	target_fd = fd;
	target_path = path;
}

int log_open(const char *target, enum log_level level)
{
	char *path = NULL;
	int fd = -1;

	if (strcmp(target, "syslog") == 0) {
		openlog("peerdistfs", LOG_PID, LOG_DAEMON);
	} else if (strcmp(target, "stderr") == 0) {
		fd = STDERR_FILENO;
	} else {
		fd = open_file(target);
		if (fd < 0)
			return fd;
		path = strdup(target);
		if (path == NULL) {
			close(fd);
			return -ENOMEM;
		}
	}
	pthread_mutex_lock(&lock);
	set_target(fd, path);
	__atomic_store_n(&target_level, level, __ATOMIC_RELAXED);
	pthread_mutex_unlock(&lock);
	return 0;
}

void log_reopen(void)
{
	pthread_mutex_lock(&lock);
	if (target_path != NULL) {
		int fd = open_file(target_path);

		if (fd >= 0) {
			close(target_fd);
			target_fd = fd;
		}
	}
	pthread_mutex_unlock(&lock);
}

int log_level_parse(const char *name, enum log_level *level_out)
{
	for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
		if (strcmp(levels[i].name, name) == 0) {
			*level_out = (enum log_level)i;
			return 0;
		}
	}
	return -EINVAL;
}

/* "2026-01-31T12:00:00Z peerdistfs[123] warning: ": what syslog would add itself. */
static size_t format_head(char *line, size_t size, enum log_level level)
{
	time_t now = time(NULL);
	struct tm utc;
	size_t length;

	gmtime_r(&now, &utc);
	length = strftime(line, size, "%Y-%m-%dT%H:%M:%SZ", &utc);
	return length + (size_t)snprintf(line + length, size - length,
					 " peerdistfs[%d] %s: ", (int)getpid(), levels[level].name);
}

static void write_all(int fd, const char *line, size_t length)
{
	while (length > 0) {
		ssize_t written = write(fd, line, length);

		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			return;
		line += written;
		length -= (size_t)written;
	}
}

static void emit(enum log_level level, const char *text)
{
	char line[LINE_MAX_OCTETS];
	size_t length;

	pthread_mutex_lock(&lock);
	if (target_fd < 0) {
		syslog(levels[level].priority, "%s", text);
	} else {
		length = format_head(line, sizeof(line), level);
		length += (size_t)snprintf(line + length, sizeof(line) - length, "%s", text);
		if (length > sizeof(line) - 2)
			length = sizeof(line) - 2;
		line[length++] = '\n';
		write_all(target_fd, line, length);
	}
	pthread_mutex_unlock(&lock);
}

bool log_wanted(enum log_level level)
{
	return level <= __atomic_load_n(&target_level, __ATOMIC_RELAXED);
}

void log_write(enum log_level level, const char *format, ...)
{
	char text[LINE_MAX_OCTETS];
	int saved = errno;
	va_list arguments;

	if (!log_wanted(level))
		return;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	emit(level, text);
	errno = saved;
}

/* Whether a line is due; UNSAID_OUT: how many were held back since the last one. */
static bool limit_due(struct log_limit *limit, uint64_t *unsaid_out)
{
	struct timespec now;
	int64_t seconds;
	bool due;

	clock_gettime(CLOCK_MONOTONIC, &now);
	seconds = (int64_t)now.tv_sec + 1; /* never the 0 of "none yet" */
	pthread_mutex_lock(&lock);
	due = limit->last == 0 || seconds - limit->last >= LIMIT_INTERVAL;
	if (due) {
		*unsaid_out = limit->unsaid;
		limit->last = seconds;
		limit->unsaid = 0;
	} else {
		limit->unsaid++;
	}
	pthread_mutex_unlock(&lock);
	return due;
}

void log_limited(struct log_limit *limit, enum log_level level, const char *format, ...)
{
	char text[LINE_MAX_OCTETS];
	int saved = errno;
	va_list arguments;
	uint64_t unsaid;

	if (!log_wanted(level) || !limit_due(limit, &unsaid))
		return;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (unsaid > 0) {
		size_t length = strlen(text);

		snprintf(text + length, sizeof(text) - length,
			 " (and %llu more since the last line)", (unsigned long long)unsaid);
	}
	emit(level, text);
	errno = saved;
}

/* Octets of the UTF-8 character at TEXT that may stand in a line as it is, else 0 (RFC 3629: no
 * surrogates, no overlong forms; and no C1 control characters). */
static size_t printable(const unsigned char *text)
{
	unsigned lowest = 0x80, highest = 0xbf;
	size_t length;

	if (text[0] < 0x80)
		return text[0] >= 0x20 && text[0] != 0x7f && text[0] != '\\' ? 1 : 0;
	if (text[0] >= 0xc2 && text[0] <= 0xdf)
		length = 2;
	else if (text[0] >= 0xe0 && text[0] <= 0xef)
		length = 3;
	else if (text[0] >= 0xf0 && text[0] <= 0xf4)
		length = 4;
	else
		return 0;
	if (text[0] == 0xc2 || text[0] == 0xe0)
		lowest = 0xa0;
	else if (text[0] == 0xed)
		highest = 0x9f;
	else if (text[0] == 0xf0)
		lowest = 0x90;
	else if (text[0] == 0xf4)
		highest = 0x8f;
	if (text[1] < lowest || text[1] > highest)
		return 0;
	for (size_t i = 2; i < length; i++)
		if ((text[i] & 0xc0) != 0x80)
			return 0;
	return length;
}

const char *log_escape(char *buffer, size_t size, const char *name)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *from = (const unsigned char *)name;
	size_t used = 0;

	if (size == 0)
		return buffer;
	while (*from != '\0') {
		size_t length = printable(from);

		if ((length > 0 ? length : 4) > size - 1 - used)
			break;
		if (length > 0) {
			memcpy(buffer + used, from, length);
			used += length;
			from += length;
		} else {
			buffer[used++] = '\\';
			buffer[used++] = 'x';
			buffer[used++] = digits[*from >> 4];
			buffer[used++] = digits[*from & 15];
			from++;
		}
	}
	buffer[used] = '\0';
	return buffer;
}
