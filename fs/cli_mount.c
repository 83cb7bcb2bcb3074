/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Which mount is meant. A directory of another's that only looks like a mount of ours must not make
 * us write where he wants: nothing is opened but on a FUSE file system, and no symbolic link is
 * followed on the way from its root to the control files.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "cache/log.h"
#include "fs/cli.h"
#include "fs/mounts.h"

#define CONTROL_DIRECTORY ".peerdist"

/* The control directory of the mount at ROOT, or a negative errno; -ENOENT: not one of ours. */
static int open_control(const char *root)
{
	struct statfs system;
	int control, error;
	int top = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (top < 0)
		return -errno;
	if (fstatfs(top, &system)) {
		error = -errno;
		close(top);
		return error;
	}
	control = openat(top, CONTROL_DIRECTORY, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	error = control < 0 ? -errno : 0;
	close(top);
	if (error)
		return error;
	if (system.f_type == FUSE_SUPER_MAGIC)
		return control;
	close(control);
	return -ENOENT;
}

/* Cuts the last component off PATH, which is absolute. */
static void to_parent(char *path)
{
	char *slash = strrchr(path, '/');

	slash[slash == path] = '\0';
}

/* For free(); NULL: no memory, or no working directory. */
static char *absolute(const char *path)
{
	char *here = getcwd(NULL, 0);
	char *whole = NULL;

	if (*path == '/')
		whole = strdup(path);
	else if (!here || asprintf(&whole, "%s/%s", here, path) < 0)
		whole = NULL;
	free(here);
	return whole;
}

/* EXISTING_OUT gets the longest part of PATH that exists, resolved; REST_OUT where in PATH, which
 * is absolute, the rest begins. What is cached may be named after its origin has lost it. */
static int resolve(const char *path, char **existing_out, const char **rest_out)
{
	char *prefix = strdup(path);
	char *existing = NULL;
	int error = prefix ? 0 : -ENOMEM;

	while (!error && !(existing = realpath(prefix, NULL))) {
		error = errno == ENOENT ? 0 : -errno;
		to_parent(prefix);
	}
	if (!error) {
		*existing_out = existing;
		*rest_out = path + strlen(prefix);
	}
	free(prefix);
	return error;
}

/* Cuts PATH down to the root of the file system it is on. */
static int to_root(char *path)
{
	struct stat status;
	dev_t device;

	if (stat(path, &status))
		return -errno;
	device = status.st_dev;
	while (strcmp(path, "/")) {
		char *parent = strdup(path);
		bool other;

		if (!parent)
			return -ENOMEM;
		to_parent(parent);
		other = stat(parent, &status) || status.st_dev != device;
		free(parent);
		if (other)
			return 0;
		to_parent(path);
	}
	return 0;
}

static int complain_of_path(const char *named, int error)
{
	char escaped[LOG_NAME_MAX];

	log_escape(escaped, sizeof(escaped), named);
	if (error == -ENOENT || error == -ENOTDIR || error == -ELOOP)
		return cli_complain(CLI_FAILED,
				    "%s is not in a mount of peerdistfs; findmnt -t " MOUNTS_TYPE
				    " lists them",
				    escaped);
	if (error == -ENOTCONN)
		return cli_complain(CLI_FAILED,
				    "the daemon of %s has died; take the mount away "
				    "(fusermount3 -u) and mount it again",
				    escaped);
	return cli_complain(CLI_FAILED, "%s cannot be reached: %s", escaped, strerror(-error));
}

/* EXISTING is resolved, REST what comes behind it. */
static int open_mount(const char *existing, const char *rest, struct cli_mount *mount_out)
{
	struct cli_mount mount = {.root = strdup(existing), .control = -1};
	int error = mount.root ? to_root(mount.root) : -ENOMEM;
	const char *below;

	if (!error) {
		mount.control = open_control(mount.root);
		error = mount.control < 0 ? mount.control : 0;
	}
	if (!error) {
		below = existing + strlen(mount.root);
		below += strspn(below, "/");
		rest += strspn(rest, "/");
		if (asprintf(&mount.path, "/%s%s%s", below, *below && *rest ? "/" : "", rest) < 0) {
			mount.path = NULL;
			error = -ENOMEM;
		}
	}
	if (error) {
		cli_mount_close(&mount);
		return error;
	}
	*mount_out = mount;
	return 0;
}

static int find_by_path(const char *named, struct cli_mount *mount_out)
{
	char *path = absolute(named);
	char *existing = NULL;
	const char *rest = NULL;
	int error = path ? resolve(path, &existing, &rest) : -ENOMEM;

	if (!error)
		error = open_mount(existing, rest, mount_out);
	free(existing);
	free(path);
	return error ? complain_of_path(named, error) : CLI_DONE;
}

/* Mounts of ours that can be reached; a bind mount of one is the same one. */
struct reachable {
	char *root; /* of the first; NULL: none */
	dev_t device;
	int control;
	char *others; /* names of all of them when there are several */
};

static int reach(void *context, const struct mntent *mount)
{
	struct reachable *reachable = context;
	struct stat status;
	char *others;
	int control;

	if (strcmp(mount->mnt_type, MOUNTS_TYPE))
		return 0;
	control = open_control(mount->mnt_dir);
	if (control < 0)
		return 0;
	if (!reachable->root) {
		reachable->root = strdup(mount->mnt_dir);
		reachable->control = control;
		if (!reachable->root || fstat(control, &status))
			return -ENOMEM;
		reachable->device = status.st_dev;
		return 0;
	}
	if (fstat(control, &status) || status.st_dev == reachable->device) {
		close(control);
		return 0;
	}
	close(control);
	if (asprintf(&others, "%s, %s", reachable->others ? reachable->others : reachable->root,
		     mount->mnt_dir) < 0)
		return -ENOMEM;
	free(reachable->others);
	reachable->others = others;
	return 0;
}

static int find_only(struct cli_mount *mount_out)
{
	struct reachable reachable = {.control = -1};
	int error = mounts_each(reach, &reachable);
	char *top = strdup("/");
	int status = CLI_DONE;

	if (error || !top)
		status = cli_complain(CLI_FAILED, "cannot list the mounts; name a MOUNTPOINT");
	else if (!reachable.root)
		status = cli_complain(CLI_FAILED, "there is no mount of peerdistfs that you can "
						  "reach");
	else if (reachable.others)
		status = cli_complain(CLI_FAILED, "there are several mounts; name one of them: %s",
				      reachable.others);
	free(reachable.others);
	*mount_out = (struct cli_mount){reachable.root, top, reachable.control};
	if (status)
		cli_mount_close(mount_out);
	return status;
}

int cli_mount_find(const char *named, struct cli_mount *mount_out)
{
	return named ? find_by_path(named, mount_out) : find_only(mount_out);
}

void cli_mount_close(struct cli_mount *mount)
{
	free(mount->root);
	free(mount->path);
	if (mount->control >= 0)
		close(mount->control);
}
