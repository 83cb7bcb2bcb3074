/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What tests of libpeerdist with several threads need: the library's functions from other threads,
 * and to know that one sleeps in them.
 */
#ifndef LIBRARY_THREADS_H
#define LIBRARY_THREADS_H

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fs/api/library.h"

struct helper {
	pthread_t thread;
	_Atomic pid_t id; /* 0: has not begun */
	void (*run)(void *argument);
	void *argument;
};

static void *helper_main(void *argument)
{
	struct helper *helper = argument;

	atomic_store(&helper->id, (pid_t)syscall(SYS_gettid));
	helper->run(helper->argument);
	return NULL;
}

static inline void helper_start(struct helper *helper, void (*run)(void *argument), void *argument)
{
	atomic_store(&helper->id, 0);
	helper->run = run;
	helper->argument = argument;
	assert_int_equal(pthread_create(&helper->thread, NULL, helper_main, helper), 0);
}

static inline void helper_join(struct helper *helper)
{
	assert_int_equal(pthread_join(helper->thread, NULL), 0);
}

static inline char state_of(pid_t id)
{
	char path[64], text[512] = "";
	const char *after_name;
	int file;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", (int)id);
	file = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(file >= 0);
	assert_true(read(file, text, sizeof(text) - 1) > 0);
	close(file);
	after_name = strrchr(text, ')');
	assert_non_null(after_name);
	return after_name[2];
}

/* Until it has begun and sleeps, which it does where it was sent to wait. */
static inline void helper_asleep(struct helper *helper)
{
	while (atomic_load(&helper->id) == 0 || state_of(atomic_load(&helper->id)) != 'S')
		Sleep(1);
}

#endif
