/* SPDX-License-Identifier: BSD-2-Clause */
#include "origin/file_tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <linux/openat2.h>

/* Our choice: the kernel says EAGAIN when a rename elsewhere may have let ".." out of the tree. */
#define RESOLVE_TRIES 8

/* What leads out of the tree, or round in it, is not there. */
static int error_below(int error)
{
	return error == EXDEV || error == ELOOP || error == ENOTDIR || error == ENAMETOOLONG
		       ? -ENOENT
		       : -error;
}

static int open_below(const struct file_tree *tree, const char *path, int flags)
{
	struct open_how how = {.flags = (uint64_t)flags | O_CLOEXEC,
			       .resolve = RESOLVE_NO_MAGICLINKS |
					  (tree->followed ? 0 : RESOLVE_BENEATH)};
	long fd = -1;

	errno = EAGAIN;
	for (int i = 0; i < RESOLVE_TRIES && fd < 0 && errno == EAGAIN; i++)
		fd = syscall(SYS_openat2, tree->root, path[0] != '\0' ? path : ".", &how,
			     sizeof(how));
	return fd < 0 ? error_below(errno) : (int)fd;
}

static int look(const struct file_tree *tree, const char *path, struct stat *status_out)
{
	int fd = open_below(tree, path, O_PATH), error = 0;

	if (fd < 0)
		return fd;
	if (fstat(fd, status_out) < 0)
		error = -errno;
	else if (!S_ISREG(status_out->st_mode) && !S_ISDIR(status_out->st_mode))
		error = -ENOENT;
	close(fd);
	return error;
}

void file_tree_entry(const struct stat *status, struct entry *entry_out)
{
	bool directory = S_ISDIR(status->st_mode);

	memset(entry_out, 0, sizeof(*entry_out));
	entry_out->kind = directory ? ENTRY_DIRECTORY : ENTRY_FILE;
	entry_out->flags = ENTRY_MTIME_EXACT | (directory ? 0 : ENTRY_SIZE_EXACT);
	entry_out->size = directory ? -1 : status->st_size;
	entry_out->mtime = status->st_mtim.tv_sec;
	entry_out->checked = time(NULL);
	entry_out->mode = status->st_mode & 0777;
	if (!directory)
		snprintf(entry_out->validator, sizeof(entry_out->validator),
			 "%llu:%llu:%lld:%lld.%09ld", (unsigned long long)status->st_dev,
			 (unsigned long long)status->st_ino, (long long)status->st_size,
			 (long long)status->st_mtim.tv_sec, status->st_mtim.tv_nsec);
}

bool file_tree_same(const struct stat *before, const struct stat *after)
{
	return before->st_dev == after->st_dev && before->st_ino == after->st_ino &&
	       before->st_size == after->st_size &&
	       before->st_mtim.tv_sec == after->st_mtim.tv_sec &&
	       before->st_mtim.tv_nsec == after->st_mtim.tv_nsec;
}

int file_tree_stat(const struct file_tree *tree, const char *path, struct entry *entry_out)
{
	struct stat status;
	int error = look(tree, path, &status);

	if (error == 0)
		file_tree_entry(&status, entry_out);
	return error;
}

/* Looked at first: opening a device or a FIFO may do things. */
int file_tree_open(const struct file_tree *tree, const char *path, struct stat *status_out)
{
	struct stat status;
	int error = look(tree, path, &status), fd;

	if (error < 0)
		return error;
	if (!S_ISREG(status.st_mode))
		return -ENOENT;
	fd = open_below(tree, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return fd;
	error = fstat(fd, &status) < 0 ? -errno : S_ISREG(status.st_mode) ? 0 : -ENOENT;
	if (error < 0) {
		close(fd);
		return error;
	}
	*status_out = status;
	return fd;
}

static int open_now(const struct file_tree *tree, const char *path, int flags,
		    struct stat *status_out)
{
	struct open_how how = {.flags = (uint64_t)flags | O_CLOEXEC,
			       .resolve = RESOLVE_NO_MAGICLINKS | RESOLVE_CACHED |
					  (tree->followed ? 0 : RESOLVE_BENEATH)};
	long fd = syscall(SYS_openat2, tree->root, path[0] != '\0' ? path : ".", &how, sizeof(how));

	if (fd >= 0 && fstat((int)fd, status_out) == 0 && S_ISREG(status_out->st_mode))
		return (int)fd;
	if (fd >= 0)
		close((int)fd);
	return -EAGAIN;
}

int file_tree_open_now(const struct file_tree *tree, const char *path, struct stat *status_out)
{
	int looked = open_now(tree, path, O_PATH, status_out);

	if (looked < 0)
		return looked;
	close(looked);
	return open_now(tree, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, status_out);
}

/* A link's target is what the whole path leads to, below the root. */
static int look_entry(const struct file_tree *tree, int directory_fd, const char *path,
		      const char *name, struct stat *status_out)
{
	char *whole;
	int error;

	if (fstatat(directory_fd, name, status_out, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (S_ISREG(status_out->st_mode) || S_ISDIR(status_out->st_mode))
		return 0;
	if (!S_ISLNK(status_out->st_mode))
		return -ENOENT;
	if (asprintf(&whole, "%s%s%s", path, path[0] != '\0' ? "/" : "", name) < 0)
		return -ENOMEM;
	error = look(tree, whole, status_out);
	free(whole);
	return error;
}

static int add_entry(const struct file_tree *tree, int directory_fd, const char *path,
		     const char *name, struct directory *directory)
{
	struct stat status;
	struct entry entry;
	int error;

	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ||
	    look_entry(tree, directory_fd, path, name, &status) < 0)
		return 0;
	file_tree_entry(&status, &entry);
	error = directory_add(directory, name, strlen(name), &entry);
	return error == -E2BIG || error == -ENOMEM ? error : 0;
}

int file_tree_list(const struct file_tree *tree, const char *path, struct directory *directory)
{
	const struct dirent *found;
	struct stat status;
	int error = look(tree, path, &status), fd;
	DIR *names;

	if (error < 0)
		return error;
	if (!S_ISDIR(status.st_mode))
		return -ENOTDIR;
	fd = open_below(tree, path, O_RDONLY | O_DIRECTORY);
	if (fd < 0)
		return fd;
	names = fdopendir(fd);
	if (names == NULL) {
		error = -errno;
		close(fd);
		return error;
	}
	errno = 0;
	while (error == 0 && (found = readdir(names)) != NULL) {
		error = add_entry(tree, fd, path, found->d_name, directory);
		errno = 0;
	}
	if (error == 0 && errno != 0)
		error = -errno;
	closedir(names);
	return error;
}
