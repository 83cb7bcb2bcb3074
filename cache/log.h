/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Log lines: to syslog, stderr or a file. Any thread may log; a line is written whole.
 * Names that come from strangers go through log_escape() first, so that a line stays a line.
 * A repeated event is logged through a struct log_limit: the first one at once, the others as
 * one "and N more" line a minute later.
 */
#ifndef CACHE_LOG_H
#define CACHE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* TARGET: "syslog", "stderr", or the path of a file that is appended to (made with mode 0600).
 * Returns 0 or a negative errno; then the former target stays. Before the first call: stderr. */
int log_open(const char *target, enum log_level level);
/* Opens a file target anew (after rotation). */
void log_reopen(void);
/* "error", "warning", "info", "debug"; -EINVAL for another name. */
int log_level_parse(const char *name, enum log_level *level_out);

void log_write(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Whether a line of this level would be written: for what is costly to put together. */
bool log_wanted(enum log_level level);
#define log_error(...) log_write(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_write(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...) log_write(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_write(LOG_LEVEL_DEBUG, __VA_ARGS__)

/* One per kind of event; statically zero. */
struct log_limit {
	int64_t last; /* seconds, monotonic, of the last line written; 0: none yet */
	uint64_t unsaid;
};
void log_limited(struct log_limit *limit, enum log_level level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Room enough for any name of 255 bytes, each escaped as \xNN. */
#define LOG_NAME_MAX 1024
/* Copies NAME with control characters, backslash, DEL and bytes that are not UTF-8 as \xNN,
 * cut to SIZE (always terminated). Returns BUFFER. */
const char *log_escape(char *buffer, size_t size, const char *name);

#endif
