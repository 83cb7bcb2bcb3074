/* SPDX-License-Identifier: BSD-2-Clause */
#include "fs/unmounter.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

/* In the child of a process with threads: nothing but system calls. */
static void wait_and_unmount(const char *mountpoint, int end)
{
	char octet;

	/* What a terminal sends is for the daemon, which then tells us. */
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	/* Above all not the connection, which ends when nobody has it open. */
	if (dup2(end, 0) == 0 && close_range(1, ~0u, 0) == 0 && chdir("/") == 0 &&
	    read(0, &octet, 1) == 1) {
		umount2(mountpoint, MNT_DETACH | UMOUNT_NOFOLLOW);
		send(0, &octet, 1, MSG_NOSIGNAL);
	}
	_exit(0);
}

int unmounter_start(const char *mountpoint)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
		return -errno;
	pid_t child = fork();
	if (child == 0)
		wait_and_unmount(mountpoint, ends[1]);
	int error = -errno;
	close(ends[1]);
	if (child > 0)
		return ends[0];
	close(ends[0]);
	return error;
}

void unmounter_end(int unmounter, int session_fd)
{
	struct pollfd session = {.fd = session_fd};
	char octet = 0;

	if (unmounter < 0)
		return;
	bool unmounted = poll(&session, 1, 0) == 1 && (session.revents & POLLERR) != 0;
	if (!unmounted && send(unmounter, &octet, 1, MSG_NOSIGNAL) == 1)
		recv(unmounter, &octet, 1, 0);
	close(unmounter);
}
