/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Hashing octets for several versions of content information: one builder each. A slice of a file
 * is read once for each, from the page cache the second time. That takes a tenth of the time of
 * hashing or less, and in version 1 it is shared by all cores, which copying into two builders is
 * not.
 */
#include <errno.h>
#include <stdlib.h>

#include "cache/content_build.h"
#include "origin/publish_private.h"

struct publish_hashing {
	struct content_build *builds[PUBLISH_VERSIONS]; /* NULL: not wanted */
};

int publish_hashing_create(unsigned versions, struct pool *pool, enum pool_lane lane,
			   struct publish_hashing **hashing_out)
{
	struct publish_hashing *hashing = calloc(1, sizeof(*hashing));
	int error = hashing == NULL ? -ENOMEM : 0;

	for (unsigned i = 0; i < PUBLISH_VERSIONS && error == 0; i++) {
		struct content_build_options options = {
			.version = i + 1,
			.algorithm = DIGEST_SHA256,
			.pool = pool,
			.lane = lane,
		};

		if ((versions & 1u << i) != 0)
			error = content_build_create(&options, &hashing->builds[i]);
	}
	if (error != 0) {
		publish_hashing_free(hashing);
		return error;
	}
	*hashing_out = hashing;
	return 0;
}

int publish_hashing_add(struct publish_hashing *hashing, const void *data, size_t size)
{
	int error = 0;

	for (unsigned i = 0; i < PUBLISH_VERSIONS && error == 0; i++)
		if (hashing->builds[i] != NULL)
			error = content_build_add(hashing->builds[i], data, size);
	return error;
}

int publish_hashing_add_file(struct publish_hashing *hashing, int file, uint64_t offset,
			     uint64_t length)
{
	int error = 0;

	for (unsigned i = 0; i < PUBLISH_VERSIONS && error == 0; i++)
		if (hashing->builds[i] != NULL)
			error = content_build_add_file(hashing->builds[i], file, offset, length);
	return error;
}

int publish_hashing_end(struct publish_hashing *hashing, struct publish_made *made_out)
{
	struct publish_made made = {0};
	int error = 0;

	for (unsigned i = 0; i < PUBLISH_VERSIONS && error == 0; i++)
		if (hashing->builds[i] != NULL)
			error = content_build_end(hashing->builds[i], &made.hashes[i]);
	if (error != 0) {
		publish_made_clear(&made);
		return error;
	}
	*made_out = made;
	return 0;
}

void publish_hashing_free(struct publish_hashing *hashing)
{
	if (hashing == NULL)
		return;
	for (unsigned i = 0; i < PUBLISH_VERSIONS; i++)
		content_build_free(hashing->builds[i]);
	free(hashing);
}
