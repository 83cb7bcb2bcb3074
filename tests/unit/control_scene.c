/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/control_scene.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fs/api/peerdist.h"
#include "tests/unit/control_scene_daemon.h"

static void fail(const char *what)
{
	perror(what);
	abort();
}

void control_scene_fill(void *buffer, uint64_t position, size_t length)
{
	uint8_t *octets = buffer;

	for (size_t i = 0; i < length; i++)
		octets[i] = control_scene_octet(position + i);
}

/* Once for the process. */
static bool separate(void)
{
	static bool done;

	if (done)
		return true;
	if (geteuid() != 0 || access("/dev/fuse", R_OK | W_OK) != 0 || unshare(CLONE_NEWNS) != 0 ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
		return false;
	done = true;
	return true;
}

void control_scene_again(struct control_scene *scene)
{
	int ends[2];
	char octet;

	umount2(scene->directory, MNT_DETACH);
	memset((void *)scene->counts, 0, COUNTS * sizeof(*scene->counts));
	if (pipe(ends) != 0)
		fail("pipe");
	scene->daemon = fork();
	if (scene->daemon < 0)
		fail("fork");
	if (scene->daemon == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(ends[0]);
		control_scene_serve(scene->directory, scene->counts, ends[1]);
	}
	close(ends[1]);
	if (read(ends[0], &octet, 1) != 1)
		fail("the daemon of the scene");
	close(ends[0]);
}

void control_scene_start(struct control_scene *scene)
{
	memset(scene, 0, sizeof(*scene));
	if (!separate())
		return;
	strcpy(scene->directory, "/tmp/control-scene.XXXXXX");
	if (!mkdtemp(scene->directory))
		fail("mkdtemp");
	snprintf(scene->path, sizeof(scene->path), "%s/control", scene->directory);
	scene->counts = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (scene->counts == MAP_FAILED)
		fail("mmap");
	control_scene_again(scene);
	PeerDistLinuxSetControlPath(scene->path);
	scene->there = true;
}

void control_scene_kill(struct control_scene *scene)
{
	if (scene->daemon <= 0)
		return;
	kill(scene->daemon, SIGKILL);
	waitpid(scene->daemon, NULL, 0);
	scene->daemon = 0;
}

void control_scene_end(struct control_scene *scene)
{
	if (!scene->there)
		return;
	umount2(scene->directory, MNT_DETACH);
	control_scene_kill(scene);
	rmdir(scene->directory);
	munmap((void *)scene->counts, 4096);
	PeerDistLinuxSetControlPath(NULL);
}

uint32_t control_scene_count(const struct control_scene *scene, enum control_scene_count which)
{
	return __atomic_load_n(&scene->counts[which], __ATOMIC_ACQUIRE);
}

void control_scene_await(const struct control_scene *scene, enum control_scene_count which,
			 uint32_t value)
{
	while (control_scene_count(scene, which) != value)
		sched_yield();
}
