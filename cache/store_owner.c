/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Another owner for the directory: what root made there becomes that of the user whom the daemon
 * becomes. This user may have been there before, so links are not followed, and a file that has
 * another name elsewhere is left as it is.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cache/store_private.h"

/* The directory, what is in it, and what is in that. */
#define LEVELS 2

static int give_directory(int directory_fd, uid_t uid, gid_t gid, int levels);

/* FD: O_PATH, since closing any other one would take SQLite's locks off the index. */
static int give(int fd, uid_t uid, gid_t gid, int levels)
{
	struct stat attributes;
	int error = 0;

	if (fstat(fd, &attributes) != 0)
		return -errno;
	if (!S_ISDIR(attributes.st_mode) &&
	    !(S_ISREG(attributes.st_mode) && attributes.st_nlink == 1))
		return 0;
	if (S_ISDIR(attributes.st_mode) && levels > 0)
		error = give_directory(fd, uid, gid, levels);
	if (error == 0 && (attributes.st_uid != uid || attributes.st_gid != gid) &&
	    fchownat(fd, "", uid, gid, AT_EMPTY_PATH) != 0)
		error = -errno;
	return error;
}

static int give_directory(int directory_fd, uid_t uid, gid_t gid, int levels)
{
	int own_fd = openat(directory_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *directory = own_fd >= 0 ? fdopendir(own_fd) : NULL;
	struct dirent *entry;
	int error = 0;

	if (directory == NULL) {
		error = -errno;
		if (own_fd >= 0)
			close(own_fd);
		return error;
	}
	while (error == 0 && (entry = readdir(directory)) != NULL) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		int fd = openat(own_fd, entry->d_name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0)
			continue; /* the sweeper is at work */
		error = give(fd, uid, gid, levels - 1);
		close(fd);
	}
	closedir(directory);
	return error;
}

int store_give(struct store *store, uid_t uid, gid_t gid)
{
	return give(store->directory_fd, uid, gid, LEVELS);
}
