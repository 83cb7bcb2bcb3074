/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Looking through a directory of kept files, and removing what is too much. When a file was used
 * last is its modification time.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "origin/publish_private.h"

enum {
	ROUND = 4096, /* a file takes whole blocks of a file system */
	/* What a process left that ended while it wrote; no writing takes so long. Our choice. */
	LEFT_SECONDS = 3600,
};

uint64_t publish_octets_taken(uint64_t size)
{
	return (size + ROUND - 1) / ROUND * ROUND;
}

struct found {
	struct timespec used;
	uint64_t size;
	char name[PUBLISH_FILE_NAME_SIZE];
};

struct survey {
	struct found *found;
	size_t count, allocated;
	uint64_t octets;
};

static int compare_use(const void *left, const void *right)
{
	const struct found *a = left, *b = right;

	if (a->used.tv_sec != b->used.tv_sec)
		return a->used.tv_sec < b->used.tv_sec ? -1 : 1;
	return (a->used.tv_nsec > b->used.tv_nsec) - (a->used.tv_nsec < b->used.tv_nsec);
}

static bool is_hexadecimal(const char *text, size_t length)
{
	return strlen(text) == length && strspn(text, "0123456789abcdef") == length;
}

static bool is_temporary(const char *name)
{
	size_t front = sizeof(PUBLISH_TEMPORARY) - 1;

	return strncmp(name, PUBLISH_TEMPORARY, front) == 0 &&
	       is_hexadecimal(name + front, PUBLISH_TEMPORARY_DIGITS);
}

/* Whether it is a temporary file that nobody writes any more; it is removed then. */
static bool was_left(int directory, const char *name, const struct stat *status)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return is_temporary(name) && now.tv_sec - status->st_mtim.tv_sec > LEFT_SECONDS &&
	       unlinkat(directory, name, 0) == 0;
}

static int survey_add(struct survey *survey, const char *name, const struct stat *status)
{
	bool kept = is_hexadecimal(name, PUBLISH_FILE_NAME_SIZE - 1);
	struct found *found;

	/* Anything else is not ours to count or to remove. */
	if (kept || is_temporary(name))
		survey->octets += publish_octets_taken((uint64_t)status->st_size);
	if (!kept)
		return 0;
	if (survey->count == survey->allocated) {
		size_t larger = survey->allocated == 0 ? 64 : 2 * survey->allocated;

		found = reallocarray(survey->found, larger, sizeof(*found));
		if (found == NULL)
			return -ENOMEM;
		survey->found = found;
		survey->allocated = larger;
	}
	found = &survey->found[survey->count++];
	found->used = status->st_mtim;
	found->size = publish_octets_taken((uint64_t)status->st_size);
	memcpy(found->name, name, PUBLISH_FILE_NAME_SIZE);
	return 0;
}

static int survey(int directory, struct survey *survey_out)
{
	int file = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), error = 0;
	DIR *stream = file < 0 ? NULL : fdopendir(file);
	const struct dirent *entry;

	*survey_out = (struct survey){0};
	if (stream == NULL) {
		error = -errno;
		if (file >= 0)
			close(file);
		return error;
	}
	while (error == 0 && (entry = readdir(stream)) != NULL) {
		struct stat status;

		if (fstatat(directory, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
		    S_ISREG(status.st_mode) && !was_left(directory, entry->d_name, &status))
			error = survey_add(survey_out, entry->d_name, &status);
	}
	closedir(stream);
	return error;
}

/* Whether it is gone. Others, too, name files by hashes, and somebody may have named the wrong
 * directory, so we look into it first. */
static bool remove_kept(int directory, const char *name)
{
	if (publish_kept_is_one(directory, name) && unlinkat(directory, name, 0) == 0)
		return true;
	return faccessat(directory, name, F_OK, AT_SYMLINK_NOFOLLOW) != 0 && errno == ENOENT;
}

/* An eighth below the limit, so that not every file that comes makes us look at all of them. */
uint64_t publish_octets_left(uint64_t limit)
{
	return limit - limit / 8;
}

/* Removes what was not used for longest. Returns what remains. */
static uint64_t evict(int directory, uint64_t limit, struct survey *survey)
{
	uint64_t wanted = publish_octets_left(limit), left = survey->octets;

	if (left <= limit)
		return left;
	qsort(survey->found, survey->count, sizeof(*survey->found), compare_use);
	for (size_t i = 0; i < survey->count && left > wanted; i++)
		if (remove_kept(directory, survey->found[i].name))
			left -= survey->found[i].size;
	return left;
}

int publish_sweep(int directory, uint64_t limit, uint64_t *left_out)
{
	struct survey found;
	int error = survey(directory, &found);

	if (error == 0)
		*left_out = evict(directory, limit, &found);
	free(found.found);
	return error;
}
