/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Elements that messages share.
 */
#include "peer/pccrr_private.h"

#include <assert.h>
#include <string.h>
#include <strings.h>

bool pccrr_is_path(const char *path)
{
	size_t length = strlen(PCCRR_PATH) - 1; /* without the closing slash */

	return strncasecmp(path, PCCRR_PATH, length) == 0 &&
	       (path[length] == '\0' || strcmp(path + length, "/") == 0);
}

struct pccrr_version pccrr_version_of(enum pccrr_type type)
{
	static const struct pccrr_version versions[PCCRR_TYPES] = {
		[PCCRR_ASK_VERSIONS] = {1, 0}, [PCCRR_VERSIONS] = {1, 0},
		[PCCRR_ASK_LIST] = {1, 0},     [PCCRR_LIST] = {1, 0},
		[PCCRR_ASK_BLOCK] = {1, 0},    [PCCRR_BLOCK] = {1, 0},
		[PCCRR_ASK_SEGMENTS] = {2, 0}, [PCCRR_SEGMENTS] = {2, 0},
	};

	assert(type < PCCRR_TYPES);
	return versions[type];
}

bool pccrr_version_known(struct pccrr_version version)
{
	return version.major >= PCCRR_MAJOR_LEAST && version.major <= PCCRR_MAJOR_MOST;
}

bool pccrr_version_agreed(enum pccrr_type type, const struct pccrr_answer *versions,
			  struct pccrr_version *version_out)
{
	struct pccrr_version own = pccrr_version_of(type), highest = {PCCRR_MAJOR_MOST, 0};

	if (versions->least.major <= own.major && own.major <= versions->most.major) {
		*version_out = own;
		return true;
	}
	if (versions->most.major < highest.major)
		highest.major = versions->most.major;
	if (highest.major < versions->least.major || highest.major <= own.major)
		return false;
	*version_out = highest;
	return true;
}

uint32_t pccrr_next_block(const uint64_t *held, uint64_t end)
{
	struct range range;

	return range_set_next(held, PCCRR_BLOCKS, end, &range) ? range.index : 0;
}

bool pccrr_id_equal(struct pccrr_id one, struct pccrr_id other)
{
	return one.size == other.size && memcmp(one.octets, other.octets, one.size) == 0;
}

bool pccrr_id_possible(struct pccrr_id id)
{
	return id.size > 0 && id.size <= PCCRR_ID_SIZE_MAX;
}

static size_t padding_of(size_t size)
{
	return -size % PCCRR_NUMBER_SIZE;
}

size_t pccrr_sized(size_t size)
{
	return PCCRR_NUMBER_SIZE + size + padding_of(size);
}

/* ---- writing ---- */

/* As one number the minor version would be its high half. */
void pccrr_put_version(struct bytes_out *out, struct pccrr_version version)
{
	bytes_put_be16(out, version.minor);
	bytes_put_be16(out, version.major);
}

void pccrr_put_header(struct bytes_out *out, const struct pccrr_header *header)
{
	pccrr_put_version(out, header->version);
	bytes_put_be32(out, header->type);
	bytes_put_be32(out, header->size);
	bytes_put_be32(out, header->cipher);
}

void pccrr_put_padding(struct bytes_out *out, size_t size)
{
	bytes_put_big(out, 0, padding_of(size));
}

void pccrr_put_id(struct bytes_out *out, struct pccrr_id id)
{
	bytes_put_be32(out, id.size);
	bytes_put(out, id.octets, id.size);
	pccrr_put_padding(out, id.size);
}

void pccrr_ids_put(struct bytes_out *out, struct pccrr_id id)
{
	pccrr_put_id(out, id);
}

void pccrr_put_blob(struct bytes_out *out, struct pccrr_blob blob)
{
	bytes_put_be32(out, blob.size);
	bytes_put(out, blob.octets, blob.size);
}

void pccrr_put_set(struct bytes_out *out, const uint64_t *set, uint32_t size)
{
	struct range range = {0, 0};

	bytes_put_be32(out, range_set_ranges(set, size));
	while (range_set_next(set, size, (uint64_t)range.index + range.count, &range)) {
		bytes_put_be32(out, range.index);
		bytes_put_be32(out, range.count);
	}
}

/* ---- reading ---- */

void pccrr_require(struct bytes_in *in, bool holds)
{
	if (!holds)
		in->failed = true;
}

struct pccrr_version pccrr_take_version(struct bytes_in *in)
{
	struct pccrr_version version;

	version.minor = bytes_be16(in);
	version.major = bytes_be16(in);
	return version;
}

struct pccrr_header pccrr_take_header(struct bytes_in *in)
{
	struct pccrr_header header;

	header.version = pccrr_take_version(in);
	header.type = bytes_be32(in);
	header.size = bytes_be32(in);
	header.cipher = bytes_be32(in);
	return header;
}

void pccrr_take_padding(struct bytes_in *in, size_t size)
{
	pccrr_require(in, bytes_big(in, padding_of(size)) == 0);
}

struct pccrr_id pccrr_take_id(struct bytes_in *in)
{
	struct pccrr_id id = {NULL, bytes_be32(in)};

	pccrr_require(in, pccrr_id_possible(id));
	id.octets = bytes_take(in, id.size);
	pccrr_take_padding(in, id.size);
	return id;
}

bool pccrr_ids_next(struct pccrr_ids *rest, struct pccrr_id *id_out)
{
	struct bytes_in in = bytes_in(rest->wire, rest->size);
	struct pccrr_id id;

	if (rest->count == 0)
		return false;
	id = pccrr_take_id(&in);
	if (in.failed)
		return false;
	*rest = (struct pccrr_ids){in.at, (uint32_t)in.left, rest->count - 1};
	*id_out = id;
	return true;
}

struct pccrr_blob pccrr_take_blob(struct bytes_in *in)
{
	struct pccrr_blob blob = {NULL, bytes_be32(in)};

	blob.octets = bytes_take(in, blob.size);
	return blob;
}

uint32_t pccrr_take_range_count(struct bytes_in *in, uint32_t most)
{
	uint32_t count = bytes_be32(in);

	pccrr_require(in, count <= most && count <= in->left / PCCRR_RANGE_SIZE);
	return in->failed ? 0 : count;
}

struct range pccrr_take_range(struct bytes_in *in)
{
	struct range range;

	range.index = bytes_be32(in);
	range.count = bytes_be32(in);
	return range;
}
