/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The service behind the mount, and as whom a thread speaks to it: harness.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/api/harness.h"

#define STATUS_MAX (256u << 10)
#define FILE_MAX (8u << 20) /* of what rows keep in files */
#define ORDER_OUT 3         /* descriptors of the script's fifos: tests/lib/api.sh */
#define ORDER_IN 4
#define CHILD_READY 5
#define CHILDREN_MAX 8

extern char **environ;

static bool changed;   /* by admin(), in this row */
static bool unmounted; /* by order(), in this row */
static pid_t children[CHILDREN_MAX];
static unsigned child_count;

static const char *mount(void)
{
	const char *path = getenv("PEERDIST_MOUNT");

	REQUIRE_TRUE(path != NULL, "PEERDIST_MOUNT is not set");
	return path;
}

static const char *mode(void)
{
	const char *mode = getenv("PEERDIST_MODE");

	return mode != NULL ? mode : "local";
}

static void command(const char *line)
{
	char path[512], answer[512];
	ssize_t got;

	snprintf(path, sizeof path, "%s/.peerdist/admin", mount());
	int file = open(path, O_RDWR | O_CLOEXEC);
	REQUIRE_TRUE(file >= 0, "%s: %s", path, strerror(errno));
	bool taken = write(file, line, strlen(line)) == (ssize_t)strlen(line);
	got = read(file, answer, sizeof answer - 1);
	close(file);
	answer[got > 0 ? got : 0] = '\0';
	REQUIRE_TRUE(taken && !strncmp(answer, "ok", 2), "admin: %s: %s", line, answer);
}

void admin(const char *format, ...)
{
	char line[256];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(line, sizeof line, format, arguments);
	va_end(arguments);
	changed = true;
	command(line);
}

DWORD service_status(void)
{
	PEERDIST_INSTANCE_HANDLE peerdist = NULL;
	PEERDIST_STATUS status = PEERDIST_STATUS_UNAVAILABLE;

	REQUIRE(ERROR_SUCCESS, PeerDistStartup(PEERDIST_VERSION, &peerdist, NULL));
	EXPECT(ERROR_SUCCESS, PeerDistGetStatus(peerdist, &status));
	EXPECT(ERROR_SUCCESS, PeerDistShutdown(peerdist));
	return status;
}

static void rest(void)
{
	static const struct timespec moment = {0, 5000000};

	nanosleep(&moment, NULL);
}

static void await_status(DWORD wanted)
{
	uint64_t end = now_ms() + PATIENCE;
	DWORD status;

	while ((status = service_status()) != wanted && now_ms() < end)
		rest();
	REQUIRE_TRUE(status == wanted, "status of the service: expected %u, got %u", wanted,
		     status);
}

void service_off(void)
{
	admin("mode off");
	await_status(PEERDIST_STATUS_DISABLED);
}

void service_on(void)
{
	admin("mode %s", mode());
	await_status(PEERDIST_STATUS_AVAILABLE);
}

long service_number_at(const char *path)
{
	static char text[STATUS_MAX];
	char name[512], key[64];
	size_t size;

	snprintf(name, sizeof name, "%s/.peerdist/status", mount());
	FILE *file = fopen(name, "re");
	REQUIRE_TRUE(file != NULL, "%s: %s", name, strerror(errno));
	size = fread(text, 1, sizeof text - 1, file);
	fclose(file);
	text[size] = '\0';
	const char *at = text;
	while (at != NULL && *path != '\0') {
		size_t length = strcspn(path, ".");

		snprintf(key, sizeof key, "\"%.*s\":", (int)length, path);
		at = strstr(at, key);
		at = at != NULL ? at + strlen(key) : NULL;
		path += length + (path[length] == '.');
	}
	REQUIRE_TRUE(at != NULL, "no such number in the status");
	return strtol(at, NULL, 10);
}

long service_number(const char *name)
{
	char path[64];

	snprintf(path, sizeof path, "api.%s", name);
	return service_number_at(path);
}

static const char *place_of(const char *name)
{
	static char path[512];
	const char *folder = getenv("TEST_DIR");

	snprintf(path, sizeof path, "%s/%s", folder != NULL ? folder : "/tmp", name);
	return path;
}

const char *octets_save(const char *name, struct octets octets)
{
	const char *path = place_of(name);
	FILE *file = fopen(path, "we");

	REQUIRE_TRUE(file != NULL, "%s: %s", path, strerror(errno));
	bool written = fwrite(octets.data, 1, octets.size, file) == octets.size;
	REQUIRE_TRUE(fclose(file) == 0 && written, "%s", path);
	return path;
}

bool octets_are_saved(const char *name)
{
	return access(place_of(name), F_OK) == 0;
}

struct octets octets_load(const char *name)
{
	const char *path = place_of(name);
	FILE *file = fopen(path, "re");
	struct octets octets = {row_memory(FILE_MAX), 0};

	REQUIRE_TRUE(file != NULL, "%s: %s", path, strerror(errno));
	octets.size = fread(octets.data, 1, FILE_MAX, file);
	fclose(file);
	return octets;
}

void order(const char *format, ...)
{
	char asked[256], line[256];
	va_list arguments;
	size_t length;

	if (fcntl(ORDER_OUT, F_GETFD) < 0 || fcntl(ORDER_IN, F_GETFD) < 0)
		row_leave("no script that could do it");
	va_start(arguments, format);
	length = (size_t)vsnprintf(asked, sizeof asked - 1, format, arguments);
	va_end(arguments);
	REQUIRE_TRUE(length < sizeof asked - 1, "%s", format);
	asked[length++] = '\n';
	asked[length] = '\0';
	REQUIRE_TRUE(write(ORDER_OUT, asked, length) == (ssize_t)length, "order: %s",
		     strerror(errno));
	/* The script answers "done", or ends. */
	for (length = 0; length < sizeof line - 1; length++)
		if (read(ORDER_IN, line + length, 1) != 1 || line[length] == '\n')
			break;
	line[length] = '\0';
	REQUIRE_TRUE(!strcmp(line, "done"), "the script: %s", line);
	if (!strcmp(asked, "mount\n"))
		unmounted = false;
	else if (!strcmp(asked, "stop\n") || !strcmp(asked, "kill\n"))
		unmounted = true;
}

void become(uid_t user)
{
	/* The group first: afterwards it is not allowed. */
	if (user != 0) {
		setfsgid(user);
		setfsuid(user);
	} else {
		setfsuid(0);
		setfsgid(0);
	}
	REQUIRE_TRUE((uid_t)setfsuid((uid_t)-1) == user, "setfsuid(%u)", user);
}

pid_t child_start(const char *name)
{
	char program[512], octet;
	char *arguments[] = {program, (char *)"--child", (char *)name, NULL};
	posix_spawn_file_actions_t actions;
	int ends[2];
	pid_t child = 0;

	ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
	REQUIRE_TRUE(length > 0 && child_count < CHILDREN_MAX && pipe2(ends, O_CLOEXEC) == 0,
		     "a child");
	program[length] = '\0';
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, ends[1], CHILD_READY);
	int error = posix_spawn(&child, program, &actions, NULL, arguments, environ);
	posix_spawn_file_actions_destroy(&actions);
	close(ends[1]);
	REQUIRE_TRUE(error == 0, "posix_spawn: %s", strerror(error));
	children[child_count++] = child;
	struct pollfd waited = {ends[0], POLLIN, 0};
	bool ready = poll(&waited, 1, PATIENCE) == 1 && read(ends[0], &octet, 1) == 1;
	close(ends[0]);
	REQUIRE_TRUE(ready, "the child %s did not get ready", name);
	return child;
}

void child_ready(void)
{
	if (write(CHILD_READY, "", 1) != 1)
		_exit(3);
}

void child_kill(pid_t child)
{
	for (unsigned i = 0; i < child_count; i++)
		if (children[i] == child)
			children[i] = 0;
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}

/* Whatever the row left behind: no child, root, a mount, and its settings. */
void service_row_ends(void)
{
	while (child_count > 0)
		if (children[--child_count] > 0)
			child_kill(children[child_count]);
	setfsuid(0);
	setfsgid(0);
	if (unmounted)
		order("mount");
	if (!changed)
		return;
	changed = false;
	command("versions 1 2");
	command("read-timeout 5000");
	service_on();
	changed = false;
}
