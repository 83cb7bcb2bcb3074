#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# A program that loads libpeerdist and lets it go again, as a plug-in does, keeps nothing of it: no
# mapping, thread or descriptor, and no handler that fork() or exit() would call. One that lets it go
# without having ended its instance has it on, since completions still come.
. "$(dirname "$0")/lib.sh"
. tests/lib/api.sh
requires_cmd gcc
requires_file "$BUILD/libpeerdist.so"

cat >"$TEST_DIR/plugin.c" <<'END'
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "fs/api/peerdist.h"

#define CHECK(what) ((what) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #what), exit(1)))
#define GET(library, name) __typeof__(&name) own_##name = (__typeof__(&name))dlsym(library, #name)

static int entries(const char *path)
{
	DIR *directory = opendir(path);
	int count = 0;

	while (readdir(directory))
		count++;
	closedir(directory);
	return count;
}

static int mapped(const char *word)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	char line[4096];
	int found = 0;

	while (fgets(line, sizeof(line), maps))
		found |= strstr(line, word) != NULL;
	fclose(maps);
	return found;
}

static void use(void *library, int leave_some)
{
	GET(library, CreateEventA);
	GET(library, CreateIoCompletionPort);
	GET(library, PostQueuedCompletionStatus);
	GET(library, WaitForSingleObject);
	GET(library, CloseHandle);
	GET(library, PeerDistStartup);
	GET(library, PeerDistShutdown);
	HANDLE event = own_CreateEventA(NULL, TRUE, TRUE, NULL);
	HANDLE port = own_CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 0);
	PEERDIST_INSTANCE_HANDLE instance;

	CHECK(own_WaitForSingleObject(event, 0) == WAIT_OBJECT_0);
	CHECK(own_PostQueuedCompletionStatus(port, 1, 2, NULL));
	CHECK(own_PeerDistStartup(PEERDIST_VERSION, &instance, NULL) == ERROR_SUCCESS);
	CHECK(own_PeerDistShutdown(instance) == ERROR_SUCCESS);
	CHECK(own_CloseHandle(event));
	CHECK(leave_some || own_CloseHandle(port));
}

static void fork_once(void)
{
	int status;
	pid_t child = fork();

	if (child == 0)
		_exit(0);
	CHECK(waitpid(child, &status, 0) == child && status == 0);
}

int main(int count, char **arguments)
{
	int leave_some = count == 3;
	int threads = entries("/proc/self/task"), descriptors = entries("/proc/self/fd");

	for (int i = 0; i < 100; i++) {
		void *library = dlopen(arguments[1], RTLD_NOW | RTLD_LOCAL);

		CHECK(library);
		use(library, leave_some);
		fork_once();
		CHECK(dlclose(library) == 0);
		CHECK(!mapped("libpeerdist"));
		fork_once();
	}
	CHECK(entries("/proc/self/task") == threads);
	CHECK(entries("/proc/self/fd") == descriptors);
	return 0;
}
END
gcc -std=gnu11 -Wall -Wextra -I. -o "$TEST_DIR/plugin" "$TEST_DIR/plugin.c"

export PEERDIST_CONTROL=$TEST_DIR/nothing-here
library=$(realpath "$BUILD/libpeerdist.so")
"$TEST_DIR/plugin" "$library" || fail 'something stayed'
# A port that was not closed is the program's own loss, and nothing more.
"$TEST_DIR/plugin" "$library" left || fail 'a port that was left open did harm'

cat >"$TEST_DIR/careless.c" <<'END'
#include <dlfcn.h>
#include <stdio.h>
#include <unistd.h>
#include "fs/api/peerdist.h"

#define GET(name) __typeof__(&name) own_##name = (__typeof__(&name))dlsym(library, #name)

int main(int count, char **arguments)
{
	static OVERLAPPED overlapped;
	static PEERDIST_STATUS status;
	void *library = dlopen(arguments[count - 1], RTLD_NOW | RTLD_LOCAL);
	GET(PeerDistStartup);
	GET(PeerDistRegisterForStatusChangeNotification);
	GET(PeerDistGetOverlappedResult);
	PEERDIST_INSTANCE_HANDLE instance;
	DWORD octets;

	if (own_PeerDistStartup(PEERDIST_VERSION, &instance, NULL) != ERROR_SUCCESS)
		return 1;
	for (int i = 0; i < 2; i++) {
		if (own_PeerDistRegisterForStatusChangeNotification(
			    instance, NULL, 0, &overlapped, &status) != ERROR_IO_PENDING)
			return 2;
		if (i == 0 && !own_PeerDistGetOverlappedResult(&overlapped, &octets, TRUE))
			return 3;
	}
	dlclose(library);
	puts("let go");
	fflush(stdout);
	getchar();
	for (int left = 5000; left > 0 && !HasOverlappedIoCompleted(&overlapped); left--)
		usleep(1000);
	return HasOverlappedIoCompleted(&overlapped) && status == PEERDIST_STATUS_DISABLED ? 0 : 4;
}
END
gcc -std=gnu11 -Wall -Wextra -I. -o "$TEST_DIR/careless" "$TEST_DIR/careless.c"
api_mount
mkfifo "$TEST_DIR/in" "$TEST_DIR/out"
"$TEST_DIR/careless" "$library" <"$TEST_DIR/in" >"$TEST_DIR/out" &
careless=$!
exec 3>"$TEST_DIR/in" 4<"$TEST_DIR/out"
read -r -t 10 word <&4 || fail 'it said nothing'
assert_eq 'let go' "$word"
admin 'mode off' >/dev/null
exec 3>&-
status=0
wait "$careless" || status=$?
assert_eq 0 "$status" 'status of the careless one'
exec 4<&-
umount_fs
