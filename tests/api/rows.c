/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Running rows, and what is said of them: harness.h. The lines of TAP come at the end, since a
 * completion that must not come is only known not to have come some time after its row.
 */
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "tests/api/harness.h"

#define ROWS_MAX 256
#define SLOW 1000u    /* ms from which on a row's time is shown */
#define LINES_MAX 40u /* said about one row */

struct memory {
	struct memory *next;
	void *data;
	size_t mapped; /* 0: allocated */
};

enum mechanism mechanism;
static const struct row *table;
static int running = -1; /* the row; -1: none */
static unsigned wrong[ROWS_MAX];
static const char *skipped[ROWS_MAX];
static bool chosen[ROWS_MAX];
static sigjmp_buf leave;
static struct memory *memories;

static const struct {
	DWORD code;
	const char *name;
} names[] = {
	{0, "ERROR_SUCCESS"},
	{5, "ERROR_ACCESS_DENIED"},
	{6, "ERROR_INVALID_HANDLE"},
	{8, "ERROR_NOT_ENOUGH_MEMORY"},
	{50, "ERROR_NOT_SUPPORTED"},
	{87, "ERROR_INVALID_PARAMETER"},
	{122, "ERROR_INSUFFICIENT_BUFFER"},
	{258, "WAIT_TIMEOUT"},
	{259, "STATUS_PENDING"},
	{735, "ERROR_ABANDONED_WAIT_0"},
	{995, "ERROR_OPERATION_ABORTED"},
	{996, "ERROR_IO_INCOMPLETE"},
	{997, "ERROR_IO_PENDING"},
	{1168, "ERROR_NOT_FOUND"},
	{1260, "ERROR_ACCESS_DISABLED_BY_POLICY"},
	{1450, "ERROR_NO_SYSTEM_RESOURCES"},
	{1460, "ERROR_TIMEOUT"},
	{4050, "CONTENTINFO_VERSION_UNSUPPORTED"},
	{4051, "CANNOT_PARSE_CONTENTINFO"},
	{4052, "MISSING_DATA"},
	{4053, "NO_MORE"},
	{4054, "NOT_INITIALIZED"},
	{4055, "ALREADY_INITIALIZED"},
	{4056, "SHUTDOWN_IN_PROGRESS"},
	{4057, "INVALIDATED"},
	{4058, "ALREADY_EXISTS"},
	{4059, "OPERATION_NOTFOUND"},
	{4060, "ALREADY_COMPLETED"},
	{4061, "OUT_OF_BOUNDS"},
	{4062, "VERSION_UNSUPPORTED"},
	{4065, "SERVICE_UNAVAILABLE"},
	{LOST, "no completion"},
};

const char *code_name(DWORD code)
{
	static char buffers[4][64];
	static unsigned turn;
	char *buffer = buffers[turn++ % 4];
	const char *name = "?";

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (names[i].code == code)
			name = names[i].name;
	snprintf(buffer, sizeof buffers[0], "%u %s", code, name);
	return buffer;
}

uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

int row_number_now(void)
{
	return running;
}

static void __attribute__((format(printf, 2, 0)))
say(int row, const char *format, va_list arguments)
{
	char text[1024];
	const char *how = mechanism == BY_PORT ? "by port" : "by events";

	if (row < 0 || wrong[row]++ >= LINES_MAX)
		return;
	vsnprintf(text, sizeof text, format, arguments);
	printf("# %s %s: %s\n", table[row].name, table[row].once ? "once" : how, text);
}

void row_wrong_at(int row, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	say(row, format, arguments);
	va_end(arguments);
}

void row_wrong(const char *file, int line, const char *format, ...)
{
	char text[900];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	row_wrong_at(running, "%s:%d: %s", file, line, text);
}

void row_leave(const char *reason)
{
	if (reason != NULL && wrong[running] == 0)
		skipped[running] = reason;
	siglongjmp(leave, 1);
}

bool row_code(const char *file, int line, const char *call, DWORD expected, DWORD got)
{
	if (expected == got)
		return true;
	row_wrong(file, line, "%s: expected %s, got %s", call, code_name(expected), code_name(got));
	return false;
}

bool row_number(const char *file, int line, const char *what, uint64_t expected, uint64_t got)
{
	if (expected == got)
		return true;
	row_wrong(file, line, "%s: expected %llu, got %llu", what, (unsigned long long)expected,
		  (unsigned long long)got);
	return false;
}

bool row_octets(const char *file, int line, const char *what, const void *expected,
		size_t expected_size, const void *got, size_t got_size)
{
	const uint8_t *left = expected, *right = got;
	size_t at = 0;

	if (expected_size != got_size) {
		row_wrong(file, line, "%s: expected %zu octets, got %zu", what, expected_size,
			  got_size);
		return false;
	}
	while (at < got_size && left[at] == right[at])
		at++;
	if (at == got_size)
		return true;
	row_wrong(file, line, "%s: octet %zu of %zu: expected %02x, got %02x", what, at, got_size,
		  left[at], right[at]);
	return false;
}

static void *remember(void *data, size_t mapped)
{
	struct memory *memory = malloc(sizeof *memory);

	if (data == NULL || data == MAP_FAILED || memory == NULL) {
		WRONG("no memory");
		abort();
	}
	*memory = (struct memory){memories, data, mapped};
	memories = memory;
	return data;
}

void *row_memory(size_t size)
{
	return remember(calloc(1, size ? size : 1), 0);
}

BYTE *row_sparse(size_t size)
{
	/* Never written to: pages of the one page of zeros. */
	return remember(
		mmap(NULL, size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0),
		size);
}

static void forget_memory(void)
{
	while (memories != NULL) {
		struct memory *memory = memories;

		memories = memory->next;
		if (memory->mapped != 0)
			munmap(memory->data, memory->mapped);
		else
			free(memory->data);
		free(memory);
	}
}

static void run_once(int index, enum mechanism by)
{
	uint64_t started = now_ms();

	running = index;
	mechanism = by;
	completions_row_begins();
	if (sigsetjmp(leave, 0) == 0)
		table[index].run();
	/* What ends them may have something to say, but there is nowhere left to leave to. */
	if (sigsetjmp(leave, 0) == 0)
		subjects_row_ends();
	if (sigsetjmp(leave, 0) == 0)
		service_row_ends();
	completions_row_ends();
	forget_memory();
	if (now_ms() - started >= SLOW)
		printf("# %s: %llu ms\n", table[index].name,
		       (unsigned long long)(now_ms() - started));
	running = -1;
}

/* Which row it was, for whoever reads the log. */
static void crashed(int number)
{
	static const char words[] = "# crashed in row ";
	const char *name = running >= 0 ? table[running].name : "none";

	if (write(STDOUT_FILENO, words, sizeof words - 1) < 0 ||
	    write(STDOUT_FILENO, name, strlen(name)) < 0 || write(STDOUT_FILENO, "\n", 1) < 0)
		_exit(1);
	signal(number, SIG_DFL);
	raise(number);
}

static int run_child(size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(table[i].name, name)) {
			run_once((int)i, BY_EVENT);
			return wrong[i] != 0;
		}
	return 2;
}

static bool is_child(const struct row *row)
{
	return row->skip != NULL && row->run != NULL;
}

/* Those that are named; all, if none is. Returns how many. */
static unsigned choose(size_t count, int argc, char **argv)
{
	unsigned number = 0;

	for (size_t i = 0; i < count; i++) {
		chosen[i] = argc < 2 && !is_child(&table[i]);
		for (int k = 1; k < argc; k++)
			if (!strcmp(argv[k], table[i].name))
				chosen[i] = true;
		number += chosen[i];
	}
	return number;
}

static void run_all(size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (!chosen[i])
			continue;
		skipped[i] = table[i].skip;
		if (skipped[i] != NULL)
			continue;
		run_once((int)i, BY_EVENT);
		if (!table[i].once && skipped[i] == NULL)
			run_once((int)i, BY_PORT);
	}
}

static bool report(size_t count)
{
	unsigned number = 0, failed = 0;

	for (size_t i = 0; i < count; i++) {
		if (!chosen[i])
			continue;
		number++;
		failed += wrong[i] != 0;
		printf("%sok %u - %s%s%s\n", wrong[i] ? "not " : "", number, table[i].name,
		       skipped[i] != NULL && !wrong[i] ? " # SKIP " : "",
		       skipped[i] != NULL && !wrong[i] ? skipped[i] : "");
	}
	return failed == 0;
}

int rows_main(const struct row *rows, size_t count, int argc, char **argv)
{
	static const int ends[] = {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL};
	struct rlimit files;

	table = rows;
	setvbuf(stdout, NULL, _IOLBF, 0);
	signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
		signal(ends[i], crashed);
	/* Each event is a descriptor. */
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	if (count > ROWS_MAX)
		return 2;
	if (argc == 3 && !strcmp(argv[1], "--child"))
		return run_child(count, argv[2]);
	printf("1..%u\n", choose(count, argc, argv));
	run_all(count);
	completions_silent();
	return report(count) ? 0 : 1;
}
