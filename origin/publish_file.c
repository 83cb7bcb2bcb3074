/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Files are hashed in slices. The identity of a file is taken before, between and after: if it is
 * the same nobody wrote to the file in between, except through a mapping whose pages were dirty
 * before.
 */
#include "origin/publish_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "origin/file_stamps.h"

/* Octets; our choice: some milliseconds of hashing, and large enough that the threads of version 1,
 * which wait for each other at its end, lose little. */
#define SLICE (8u << 20)

struct publish_file {
	int file;
	const struct publish_subject *subject;
	struct publish_shelf *shelf;
	struct publish_hashing *hashing;
	uint64_t done; /* octets */
};

/* A file that has just changed could do so again without a trace, so we begin a while later.
 * Returns whether that took any time. */
static bool wait_for_stamps(const struct stat *status)
{
	struct timespec now;
	int64_t rest;

	clock_gettime(CLOCK_REALTIME, &now);
	rest = file_stamps_unsettled_ns(status, &now);
	now.tv_sec = rest / 1000000000;
	now.tv_nsec = rest % 1000000000;
	return rest > 0 && nanosleep(&now, NULL) == 0;
}

static int check_identity(int file, const struct publish_subject *subject, struct stat *status_out)
{
	struct publish_subject now;

	if (fstat(file, status_out) != 0)
		return -errno;
	publish_subject_of_file(status_out, &now);
	if (now.size != subject->size || strcmp(now.name, subject->name) != 0 ||
	    strcmp(now.state, subject->state) != 0)
		return -ESTALE;
	return 0;
}

static int check_before(int file, const struct publish_subject *subject,
			const struct publish_shelf *shelf, unsigned versions)
{
	struct stat status;
	int error = check_identity(file, subject, &status);

	if (error == 0 && (!S_ISREG(status.st_mode) || status.st_size == 0))
		error = -EINVAL;
	if (error == 0)
		error = publish_shelf_admits(shelf, subject->size, versions);
	return error == 0 && wait_for_stamps(&status) ? check_identity(file, subject, &status)
						      : error;
}

int publish_file_begin(int file, const struct publish_subject *subject, struct publish_shelf *shelf,
		       unsigned versions, struct pool *pool, enum pool_lane lane,
		       struct publish_file **progress_out)
{
	struct publish_file *progress;
	int error = check_before(file, subject, shelf, versions);

	if (error != 0)
		return error;
	versions &= ~publish_shelf_versions(shelf, subject);
	if (versions == 0)
		return -EALREADY;
	progress = calloc(1, sizeof(*progress));
	if (progress == NULL)
		return -ENOMEM;
	*progress = (struct publish_file){.file = file, .subject = subject, .shelf = shelf};
	error = publish_hashing_create(versions, pool, lane, &progress->hashing);
	if (error != 0) {
		free(progress);
		return error;
	}
	*progress_out = progress;
	return 0;
}

static int keep(struct publish_file *progress)
{
	struct publish_made made;
	struct stat status;
	int error = publish_hashing_end(progress->hashing, &made);

	if (error != 0)
		return error;
	error = check_identity(progress->file, progress->subject, &status);
	if (error == 0)
		error = publish_shelf_put(progress->shelf, progress->subject, &made);
	publish_made_clear(&made);
	return error;
}

int publish_file_slice(struct publish_file *progress, uint64_t *octets_out, bool *more_out)
{
	uint64_t left = progress->subject->size - progress->done;
	uint64_t size = left < SLICE ? left : SLICE;
	struct stat status;
	/* What grows all the time is not hashed to its end each time. */
	int error = check_identity(progress->file, progress->subject, &status);

	if (error == 0)
		error = publish_hashing_add_file(progress->hashing, progress->file, progress->done,
						 size);
	if (error == 0) {
		progress->done += size;
		*octets_out = size;
		*more_out = size < left;
		return *more_out ? 0 : keep(progress);
	}
	/* A file that ends early or fails has often changed, which is what to say then. */
	return check_identity(progress->file, progress->subject, &status) == -ESTALE ? -ESTALE
										     : error;
}

void publish_file_free(struct publish_file *progress)
{
	if (progress == NULL)
		return;
	publish_hashing_free(progress->hashing);
	free(progress);
}
