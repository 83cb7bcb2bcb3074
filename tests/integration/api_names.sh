#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# A program may have functions of its own that are named as the library's are: as those inside it,
# and, with the shared library, as those of Windows that it offers but the program does not use.
. "$(dirname "$0")/lib.sh"
requires_cmd gcc
requires_file "$BUILD/libpeerdist.so"
requires_file "$BUILD/libpeerdist.a"

cat >"$TEST_DIR/program.c" <<'END_OF_PROGRAM'
#include <stdio.h>
#include <stdlib.h>

#define OWN(name) void name(void); void name(void) { fputs(#name "\n", stderr); abort(); }
OWN(call_begin) OWN(client_send) OWN(event_set) OWN(handle_find) OWN(port_post) OWN(settle)
#ifdef WINDOWS_TOO
OWN(CloseHandle) OWN(SetLastError) OWN(Sleep)
#endif

unsigned PeerDistStartup(unsigned version, void **instance, unsigned *supported);
unsigned PeerDistShutdown(void *instance);
unsigned PeerDistClientOpenContent(void *instance, const void *tag, void *port, size_t key, void **content);
int PeerDistGetOverlappedResult(void *overlapped, unsigned *count, int wait);

int main(void)
{
	void *instance, *content;
	unsigned count;

	return PeerDistStartup(2, &instance, NULL) != 0 ||
	       PeerDistClientOpenContent(instance, "sixteen octets..", NULL, 0, &content) != 4065 ||
	       PeerDistGetOverlappedResult(NULL, &count, 0) != 0 || PeerDistShutdown(instance) != 0;
}
END_OF_PROGRAM

export PEERDIST_CONTROL=$TEST_DIR/none
gcc -o "$TEST_DIR/shared" -DWINDOWS_TOO "$TEST_DIR/program.c" "$BUILD/libpeerdist.so"
LD_LIBRARY_PATH=$BUILD "$TEST_DIR/shared" || fail "with the shared library: $?"
gcc -o "$TEST_DIR/static" "$TEST_DIR/program.c" "$BUILD/libpeerdist.a" -pthread
"$TEST_DIR/static" || fail "with the static library: $?"
