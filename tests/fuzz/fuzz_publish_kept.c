/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A kept file that somebody wrote on purpose: its checksums, and the name of the subject, are those
 * that are looked for. Whatever it gives must be of the subject's size.
 */
#include "origin/publish_kept.c"

#include <sys/mman.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct publish_subject subject = {.name = "/n", .state = "1", .size = 70000};

/* Right checksums for the forms that the header claims, and for the header. */
static void mend(uint8_t *data, size_t size)
{
	size_t header = header_size(&subject), at = HEADER_FIXED - 4 - 64;

	if (size < header)
		return;
	for (unsigned i = 0; i < PUBLISH_VERSIONS; i++, at += 32) {
		struct bytes_in in = bytes_in(data + at, 16);
		uint64_t offset = bytes_le64(&in), length = bytes_le64(&in);

		if (offset <= size && length <= size - offset)
			checksum_of(XXH3_128bits(data + offset, length), data + at + 16);
	}
	checksum_of(XXH3_128bits(data, header - PUBLISH_CHECKSUM_SIZE),
		    data + header - PUBLISH_CHECKSUM_SIZE);
}

static void ask(const struct publish_kept *kept)
{
	for (unsigned version = 1; version <= PUBLISH_VERSIONS; version++) {
		struct content_hashes hashes;

		if (publish_kept_hashes(kept, version, &hashes) != 0)
			continue;
		if (hashes.version != version || hashes.size != subject.size ||
		    publish_kept_check(kept, version) != 0)
			abort();
		content_hashes_clear(&hashes);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct publish_keys keys;
	static int file = -1;
	struct publish_kept kept;
	uint8_t *copy = malloc(size + 1);

	if (file < 0) {
		file = memfd_create("kept", 0);
		log_open("stderr", LOG_LEVEL_ERROR);
	}
	memcpy(copy, data, size);
	mend(copy, size);
	if (ftruncate(file, 0) != 0 || file_octets_write(file, 0, copy, size) != 0)
		abort();
	if (read_header(file, &subject, &keys, &kept) == 0)
		ask(&kept);
	free(copy);
	return 0;
}
