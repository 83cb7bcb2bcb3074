/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the example programs share. They are written as for Windows, of which they use the Peer
 * Distribution API alone, and compile as C and as C++; here they need nothing but what
 * `pkg-config --cflags --libs peerdist` says.
 */
#ifndef EXAMPLE_H
#define EXAMPLE_H

#include <windows.h>

#include <peerdist.h>

/* Says what failed, and ends the program with status 1. */
void give_up(const char *what, DWORD code);

/* A new instance of a service that is there; gives up without. */
PEERDIST_INSTANCE_HANDLE start_service(void);

/* For one operation at a time: an OVERLAPPED with an event of its own. */
void prepare(OVERLAPPED *overlapped);
void release(OVERLAPPED *overlapped);
/* CODE is what an asynchronous function has returned: waits for the end of its operation, if there
 * is one, and returns how it ended. *COUNT_OUT: the operation's octets. */
DWORD finish(DWORD code, OVERLAPPED *overlapped, DWORD *count_out);

/* The offset that an operation is given, or tells. */
ULONGLONG offset_of(const OVERLAPPED *overlapped);
void set_offset(OVERLAPPED *overlapped, ULONGLONG offset);

/* All of a file, from malloc(); gives up if it cannot be read, or is empty. */
BYTE *read_file(const char *path, DWORD *size_out);

#endif
