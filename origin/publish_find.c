/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Giving out what is kept: the whole as it lies there, ranges written anew from its hashes.
 */
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cache/content_v1.h"
#include "cache/content_v2.h"
#include "cache/file_octets.h"
#include "origin/publish_private.h"

/* Octets of the form of a range; our choice, 4 GiB of content or more. Each lies in memory until it
 * is sent, however slowly, to whoever asks. Clients ask for ranges that they read in one go. */
#define RANGE_FORM_MAX (4u << 20)

/* For an estimate: segments of version 2.0 are of 64 KiB as a rule. */
#define V2_SEGMENT 65536u
#define OVERHEAD 1024u

int publish_find(struct publish *publish, const struct publish_subject *subject, unsigned version,
		 struct publish_form *form_out)
{
	struct publish_kept kept;
	int error = publish_shelf_find(publish_shelf(publish), subject, version, &kept);

	if (error != 0)
		return error;
	*form_out = (struct publish_form){
		.file = kept.file,
		.offset = kept.forms[version - 1].offset,
		.size = kept.forms[version - 1].size,
	};
	return 0;
}

bool publish_is_kept(struct publish *publish, const struct publish_subject *subject)
{
	return publish_shelf_has(publish_shelf(publish), subject, publish_versions(publish));
}

uint64_t publish_octets_for(const struct publish *publish, uint64_t size)
{
	uint64_t octets = OVERHEAD;

	if ((publish_versions(publish) & 1u) != 0)
		octets += size / CONTENT_V1_BLOCK * digest_size(DIGEST_SHA256);
	if ((publish_versions(publish) & 2u) != 0)
		octets += size / V2_SEGMENT * CONTENT_V2_DESCRIPTION_SIZE;
	return publish_octets_taken(octets);
}

uint64_t publish_room(const struct publish *publish)
{
	return publish_octets_left(publish_shelf_limit(publish_shelf(publish)));
}

struct range {
	int file; /* in memory */
	uint64_t size;
};

static int put(void *owner, const void *data, size_t size)
{
	const struct range *range = owner;

	return range->size > RANGE_FORM_MAX ? -ENOENT : file_octets_send(range->file, data, size);
}

static int write_range(const struct content_hashes *hashes, const uint8_t *ks, uint64_t start,
		       uint64_t length, struct publish_form *form_out)
{
	struct range range = {.file = memfd_create("content information", MFD_CLOEXEC)};
	int error;

	if (range.file < 0)
		return -errno;
	error = content_hashes_write(hashes, ks, start, length, &range.size, put, &range);
	if (error != 0) {
		close(range.file);
		return error;
	}
	*form_out = (struct publish_form){.file = range.file, .size = range.size};
	return 0;
}

static int cut_range(struct publish *publish, const struct publish_kept *kept, unsigned version,
		     uint64_t start, uint64_t length, struct publish_form *form_out)
{
	const struct publish_keys *keys = publish_shelf_keys(publish_shelf(publish));
	struct content_hashes hashes;
	int error = publish_kept_hashes(kept, version, &hashes);

	if (error != 0)
		return error;
	error = write_range(&hashes, keys->ks[version - 1], start, length, form_out);
	content_hashes_clear(&hashes);
	return error;
}

int publish_find_range(struct publish *publish, const struct publish_subject *subject,
		       unsigned version, uint64_t start, uint64_t length,
		       struct publish_form *form_out)
{
	struct publish_kept kept;
	int error;

	if (length == 0 || start >= subject->size || length > subject->size - start)
		return -EINVAL;
	if (length == subject->size)
		return publish_find(publish, subject, version, form_out);
	error = publish_shelf_find(publish_shelf(publish), subject, version, &kept);
	if (error != 0)
		return error;
	error = cut_range(publish, &kept, version, start, length, form_out);
	publish_kept_close(&kept);
	return error;
}
