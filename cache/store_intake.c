/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Taking content information in: what comes is judged, then written, with room reserved as it
 * grows, so that what is rejected early costs nothing.
 */
#include <errno.h>
#include <stdlib.h>

#include "cache/store_content_private.h"

enum { COPY_BUFFER = 64 << 10 };

struct store_intake {
	struct store *store;
	struct content_reader *reader;
	struct content_file *file;
	XXH3_state_t *sums;
	uint64_t octets;
	int failure;
	const char *reason; /* when it is not the reader's */
};

static int fail(struct store_intake *intake, int error, const char *reason)
{
	intake->failure = error;
	intake->reason = reason;
	return error;
}

int store_intake_begin(struct store *store, uint64_t limit, struct store_intake **intake_out)
{
	struct store_intake *intake = calloc(1, sizeof(*intake));
	int error;

	if (intake == NULL)
		return -ENOMEM;
	intake->store = store;
	intake->sums = XXH3_createState();
	error = intake->sums != NULL ? content_reader_create(limit, &intake->reader) : -ENOMEM;
	if (error == 0)
		error = content_file_make(store, &intake->file);
	if (error != 0) {
		store_intake_free(intake);
		return error;
	}
	XXH3_128bits_reset(intake->sums);
	*intake_out = intake;
	return 0;
}

/* What it has reserved is of no use any more. */
static void drop_file(struct store_intake *intake)
{
	content_file_free(intake->file);
	intake->file = NULL;
}

int store_intake_feed(struct store_intake *intake, const void *data, size_t size)
{
	int error;

	if (intake->failure != 0)
		return intake->failure;
	error = content_reader_feed(intake->reader, data, size);
	if (error != 0) {
		fail(intake, error, content_reader_reason(intake->reader));
	} else {
		error = content_file_append(intake->file, data, size, intake->octets);
		if (error != 0)
			fail(intake, error, "the cache has no room for it");
	}
	if (error != 0) {
		drop_file(intake);
		return error;
	}
	XXH3_128bits_update(intake->sums, data, size);
	intake->octets += size;
	return 0;
}

int store_intake_end(struct store_intake *intake, struct content **content_out)
{
	struct content *content;
	int error;

	if (intake->failure != 0)
		return intake->failure;
	error = content_reader_end(intake->reader, &content);
	if (error != 0) {
		drop_file(intake);
		return fail(intake, error, content_reader_reason(intake->reader));
	}
	intake->file->information.octets = intake->octets;
	intake->file->information.sum = XXH3_128bits_digest(intake->sums);
	content_file_trim(intake->file, intake->octets);
	content_file_back(intake->file, content);
	intake->file = NULL;
	fail(intake, -EINVAL, "it was ended already");
	*content_out = content;
	return 0;
}

const char *store_intake_reason(const struct store_intake *intake)
{
	return intake->reason != NULL ? intake->reason : "";
}

void store_intake_free(struct store_intake *intake)
{
	if (intake == NULL)
		return;
	content_reader_free(intake->reader);
	content_file_free(intake->file);
	XXH3_freeState(intake->sums);
	free(intake);
}

static int copy_all(struct store_intake *intake, const struct content *content)
{
	const struct content_backing *backing = content_backing(content);
	uint64_t left = content_header(content)->size, offset = 0;
	char data[COPY_BUFFER];
	int error = 0;

	while (left > 0 && error == 0) {
		size_t size = left < sizeof(data) ? (size_t)left : sizeof(data);

		error = backing->read(backing->owner, offset, data, size);
		if (error == 0)
			error = store_intake_feed(intake, data, size);
		offset += size;
		left -= size;
	}
	return error;
}

int intake_copy(struct store *store, const struct content *content, struct content **copy_out)
{
	struct store_intake *intake;
	int error = store_intake_begin(store, content_header(content)->size, &intake);

	if (error != 0)
		return error;
	error = copy_all(intake, content);
	if (error == 0)
		error = store_intake_end(intake, copy_out);
	store_intake_free(intake);
	return error;
}
