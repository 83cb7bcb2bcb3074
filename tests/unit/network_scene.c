/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/network_scene.h"

#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define OWN "/proc/thread-self/ns/net"

static int before = -1, near = -1, far = -1;

/* Daemons' directories are not in every user's PATH. */
static bool run(const char *words)
{
	char command[512];

	snprintf(command, sizeof(command), "PATH=$PATH:/usr/sbin:/sbin; ip %s", words);
	return system(command) == 0;
}

static bool permitted(void)
{
	return near >= 0 && far >= 0 && run("link add probe0 type veth peer name probe1") &&
	       run("link delete probe0");
}

static int new_namespace(void)
{
	return unshare(CLONE_NEWNET) < 0 ? -1 : open(OWN, O_RDONLY | O_CLOEXEC);
}

void network_scene_begin(void)
{
	before = open(OWN, O_RDONLY | O_CLOEXEC);
	far = new_namespace();
	near = new_namespace();
	if (!permitted()) {
		printf("# no network namespaces with veth for us here (root and ip are needed)\n");
		skip();
	}
	run("link set lo up");
}

static void close_one(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

int network_scene_end(void **state)
{
	(void)state;
	if (before >= 0)
		setns(before, CLONE_NEWNET);
	close_one(&before);
	close_one(&near);
	close_one(&far);
	return 0;
}

static void run_format(const char *format, va_list arguments)
{
	char words[400];

	vsnprintf(words, sizeof(words), format, arguments);
	if (!run(words))
		fail_msg("ip %s", words);
}

void network_scene_ip(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	run_format(format, arguments);
	va_end(arguments);
}

void network_scene_enter_far(void)
{
	assert_int_equal(setns(far, CLONE_NEWNET), 0);
}

void network_scene_leave_far(void)
{
	assert_int_equal(setns(near, CLONE_NEWNET), 0);
}

void network_scene_far_ip(const char *format, ...)
{
	va_list arguments;

	network_scene_enter_far();
	va_start(arguments, format);
	run_format(format, arguments);
	va_end(arguments);
	network_scene_leave_far();
}

void network_scene_set(const char *name, const char *value)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "/proc/sys/net/%s", name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, value, strlen(value)), strlen(value));
	close(fd);
}

void network_scene_link(const char *name)
{
	network_scene_ip("link add %s type veth peer name %s netns /proc/%d/fd/%d", name, name,
			 (int)getpid(), far);
	/* in one step it would come up first */
	network_scene_far_ip("link set %s addrgenmode none", name);
	network_scene_ip("link set %s addrgenmode none", name);
	network_scene_far_ip("link set %s up", name);
	network_scene_ip("link set %s up", name);
}

static void add_six(const char *address)
{
	struct timespec moment = {.tv_nsec = 5000000};
	char words[128];

	snprintf(words, sizeof(words), "addr add %s/64 dev v0 nodad", address);
	assert_true(run(words));
	snprintf(words, sizeof(words), "-6 route show table local %s dev v0 | grep -q .", address);
	for (unsigned i = 0; !run(words); i++) {
		assert_true(i < NETWORK_PATIENCE * 100);
		nanosleep(&moment, NULL);
	}
}

void network_scene_add_six(const char *near_address, const char *far_address)
{
	add_six(near_address);
	network_scene_enter_far();
	add_six(far_address);
	network_scene_leave_far();
}
