/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Where on this machine: the mount point, the cache directory, the user's own directories.
 */
#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "fs/config_private.h"
#include "fs/mounts.h"

char *config_home(const char *name, const char *below, const char *system)
{
	const char *named = getenv(name);
	const char *home = getenv("HOME");
	const struct passwd *account;
	char *directory;

	if (geteuid() == 0)
		return strdup(system);
	/* Relative ones are to be ignored (XDG base directory specification). */
	if (named && *named == '/')
		return strdup(named);
	if (!home || *home != '/') {
		account = getpwuid(geteuid());
		home = account ? account->pw_dir : NULL;
	}
	if (!home)
		return NULL;
	return asprintf(&directory, "%s/%s", home, below) < 0 ? NULL : directory;
}

/* Makes PATH and what is missing above it. The parents that root makes can be passed through, so
 * that run_as reaches what is its own. 0 or a negative errno. */
static int make_directories(char *path)
{
	mode_t parent = geteuid() == 0 ? 0711 : 0700;

	for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		int failed;

		*slash = '\0';
		failed = mkdir(path, parent) && errno != EEXIST ? errno : 0;
		*slash = '/';
		/* A parent that is there may lie on what cannot be written, or let us through only.
		 */
		if (failed && failed != EROFS && failed != EACCES)
			return -failed;
	}
	return mkdir(path, 0700) && errno != EEXIST ? -errno : 0;
}

static int usable(const char *path)
{
	struct stat status;

	if (stat(path, &status))
		return -errno;
	if (!S_ISDIR(status.st_mode))
		return -ENOTDIR;
	return eaccess(path, R_OK | W_OK | X_OK) ? -errno : 0;
}

static bool below(const char *path, const char *directory)
{
	size_t length = strlen(directory);

	return !strncmp(path, directory, length) && (path[length] == '/' || !path[length]);
}

int config_directory_make(const char *directory)
{
	char *path = strdup(directory);
	int error = path ? make_directories(path) : -ENOMEM;

	free(path);
	return error ? error : usable(directory);
}

int config_cache_make(const struct config *config, struct config_problem *problem)
{
	int error = config_directory_make(config->cache_dir);
	char *resolved;
	bool inside;

	if (error == -ENOMEM)
		return config_no_memory(problem);
	if (error)
		return config_fail(problem, CONFIG_FAILED,
				   "cache directory %s cannot be written to: %s; name another with "
				   "-o cache=DIR",
				   config->cache_dir, strerror(-error));
	resolved = realpath(config->cache_dir, NULL);
	inside = resolved && below(resolved, config->mountpoint);
	free(resolved);
	if (inside)
		return config_fail(problem, CONFIG_FAILED,
				   "cache directory %s lies below the mount point, where it would "
				   "be hidden; name another with -o cache=DIR",
				   config->cache_dir);
	return 0;
}

struct topmost {
	const char *directory;
	char *source, *type; /* of the last mount there; NULL: none */
};

static int compare_mount(void *context, const struct mntent *mount)
{
	struct topmost *topmost = context;

	if (strcmp(mount->mnt_dir, topmost->directory))
		return 0;
	free(topmost->source);
	free(topmost->type);
	topmost->source = strdup(mount->mnt_fsname);
	topmost->type = strdup(mount->mnt_type);
	return topmost->source && topmost->type ? 0 : -ENOMEM;
}

/* An automount point is there to be mounted over. */
static int check_free(const char *path, struct config_problem *problem)
{
	struct topmost topmost = {.directory = path};
	char escaped[LOG_NAME_MAX], source[LOG_NAME_MAX];
	int error = mounts_each(compare_mount, &topmost);

	/* Without /proc the check is left out. */
	if (error == -ENOMEM) {
		config_no_memory(problem);
	} else if (topmost.type && strcmp(topmost.type, "autofs")) {
		log_escape(escaped, sizeof(escaped), path);
		error = config_fail(problem, CONFIG_FAILED,
				    "mount point %s is busy: %s (%s) is mounted there; unmount it "
				    "first (umount %s) or choose another directory",
				    escaped, log_escape(source, sizeof(source), topmost.source),
				    topmost.type, escaped);
	} else {
		error = 0;
	}
	free(topmost.source);
	free(topmost.type);
	return error;
}

/* PATH: as it was named, for people. */
static int missing(const char *path, int number, struct config_problem *problem)
{
	if (number == ENOENT)
		return config_fail(problem, CONFIG_FAILED,
				   "mount point %s does not exist; make it first (mkdir -p %s)",
				   path, path);
	if (number == ENOTCONN)
		return config_fail(problem, CONFIG_FAILED,
				   "mount point %s is what a file system left that has died; take "
				   "it away first (fusermount3 -u %s)",
				   path, path);
	if (number == ENOTDIR)
		return config_fail(problem, CONFIG_FAILED,
				   "mount point %s is not a directory; for a single file as well "
				   "the mount is a directory that holds it",
				   path);
	return config_fail(problem, CONFIG_FAILED, "mount point %s: %s", path, strerror(number));
}

int config_mountpoint(struct config *config, const char *text, struct config_problem *problem)
{
	char escaped[LOG_NAME_MAX];
	struct stat status;
	char *path;
	int error;

	log_escape(escaped, sizeof(escaped), text);
	if (stat(text, &status))
		return missing(escaped, errno, problem);
	if (!S_ISDIR(status.st_mode))
		return missing(escaped, ENOTDIR, problem);
	path = realpath(text, NULL);
	if (!path)
		return missing(escaped, errno, problem);
	error = check_free(path, problem);
	if (error) {
		free(path);
		return error;
	}
	free(config->mountpoint);
	config->mountpoint = path;
	return 0;
}

int config_capacity_octets(config_capacity capacity, const char *directory, uint64_t *octets_out)
{
	struct statvfs volume;

	if (capacity >= 0) {
		*octets_out = (uint64_t)capacity;
		return 0;
	}
	if (statvfs(directory, &volume))
		return -errno;
	/* In this order there is no overflow below 2^64 octets; what is lost is less than 10000. */
	*octets_out = (uint64_t)volume.f_blocks * volume.f_frsize / 10000 * (uint64_t)-capacity;
	return 0;
}

int config_cache_limit(const struct config *config, const char *directory, uint64_t *limit_out)
{
	uint64_t limit = 0;
	int error = config_capacity_octets(config->cache_size, directory, &limit);

	if (error)
		return error;
	if (config->unkept && limit > CONFIG_OFF_LIMIT)
		limit = CONFIG_OFF_LIMIT;
	*limit_out = limit;
	return 0;
}
