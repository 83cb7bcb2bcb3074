/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Content information whatever its version: cutting input into items, and asking the version.
 */
#include "cache/content.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include <openssl/crypto.h>

#include "cache/content_private.h"
#include "cache/content_v1.h"
#include "cache/secret.h"

int content_reject(struct content_reader *reader, int error, const char *reason)
{
	reader->failure = error;
	reader->reason = reason;
	return error;
}

int content_expect(struct content_reader *reader, size_t need, uint32_t repeat)
{
	assert(need <= CONTENT_ITEM_MAX);
	reader->need = need;
	reader->repeat = repeat;
	return 0;
}

int content_reader_create(uint64_t limit, struct content_reader **reader_out)
{
	struct content_reader *reader = calloc(1, sizeof(*reader));

	if (reader == NULL)
		return -ENOMEM;
	reader->content = calloc(1, sizeof(*reader->content));
	if (reader->content == NULL) {
		free(reader);
		return -ENOMEM;
	}
	reader->content->references = 1;
	reader->limit = limit;
	content_expect(reader, CONTENT_VERSION_SIZE, 1);
	*reader_out = reader;
	return 0;
}

static int take_version(struct content_reader *reader, struct bytes_in *items)
{
	static const struct content_format *const formats[] = {&content_format_v1,
							       &content_format_v2};
	uint8_t minor = bytes_u8(items), major = bytes_u8(items);

	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		if (minor != 0 || major != formats[i]->version)
			continue;
		reader->format = formats[i];
		reader->content->format = formats[i];
		return formats[i]->begin(reader);
	}
	return content_reject(reader, -EBADMSG, "neither version 1.0 nor 2.0");
}

static int take(struct content_reader *reader, const uint8_t *data, uint32_t count)
{
	size_t size = reader->need * count;
	struct bytes_in items = bytes_in(data, size);
	int error;

	reader->repeat -= count;
	error = reader->format == NULL ? take_version(reader, &items)
				       : reader->format->take(reader, &items, count);
	assert(error != 0 || bytes_complete(&items));
	reader->taken += size;
	return error;
}

/* Takes some of the octets, at least one, or fails. */
static int feed_some(struct content_reader *reader, const uint8_t *data, size_t size,
		     size_t *used_out)
{
	size_t missing = reader->need - reader->staged;
	uint64_t whole;

	if (reader->need == 0)
		return content_reject(reader, -EBADMSG, "octets behind the end");
	if (reader->staged == 0 && size >= reader->need) {
		whole = size / reader->need;
		if (whole > reader->repeat)
			whole = reader->repeat;
		*used_out = (size_t)whole * reader->need;
		return take(reader, data, (uint32_t)whole);
	}
	*used_out = size < missing ? size : missing;
	memcpy(reader->stage + reader->staged, data, *used_out);
	reader->staged += *used_out;
	if (reader->staged < reader->need)
		return 0;
	reader->staged = 0;
	return take(reader, reader->stage, 1);
}

/* What lies within the limit is judged first, so that the verdict does not depend on how the input
 * is cut into portions. */
int content_reader_feed(struct content_reader *reader, const void *data, size_t size)
{
	const uint8_t *at = data;
	size_t allowed = size;

	if (allowed > reader->limit - reader->fed)
		allowed = (size_t)(reader->limit - reader->fed);
	reader->fed += allowed;
	for (size_t left = allowed; left > 0 && reader->failure == 0;) {
		size_t used = 0;

		if (feed_some(reader, at, left, &used) != 0)
			break;
		at += used;
		left -= used;
	}
	if (reader->failure == 0 && allowed < size)
		return content_reject(reader, -EFBIG, "larger than the limit");
	return reader->failure;
}

static int end_all(struct content_reader *reader)
{
	if (reader->failure != 0)
		return reader->failure;
	if (reader->staged > 0 || reader->format == NULL)
		return content_reject(reader, -EBADMSG, "cut short");
	return reader->format->end(reader);
}

int content_reader_end(struct content_reader *reader, struct content **content_out)
{
	int error = end_all(reader);

	if (error != 0)
		return error;
	reader->content->header.size = reader->fed;
	*content_out = reader->content;
	reader->content = NULL;
	return 0;
}

const char *content_reader_reason(const struct content_reader *reader)
{
	return reader->reason;
}

void content_reader_free(struct content_reader *reader)
{
	if (reader == NULL)
		return;
	if (reader->state != NULL)
		reader->format->state_free(reader->state);
	content_put(reader->content);
	OPENSSL_cleanse(reader->stage, sizeof(reader->stage)); /* secrets of segments came by */
	free(reader);
}

void content_back(struct content *content, const struct content_backing *backing)
{
	assert(content->backing.read == NULL);
	content->backing = *backing;
}

/* Octets in memory, as a backing. */
struct copy {
	size_t size;
	uint8_t data[];
};

static int copy_read(void *owner, uint64_t offset, void *data, size_t size)
{
	const struct copy *copy = owner;

	memcpy(data, copy->data + offset, size);
	return 0;
}

static void copy_release(void *owner)
{
	struct copy *copy = owner;

	OPENSSL_cleanse(copy->data, copy->size);
	free(copy);
}

static int back_by_copy(struct content *content, const void *data, size_t size)
{
	struct copy *copy = malloc(sizeof(*copy) + size);

	if (copy == NULL)
		return -ENOMEM;
	copy->size = size;
	memcpy(copy->data, data, size);
	content_back(content, &(struct content_backing){copy_read, copy_release, copy});
	return 0;
}

int content_decode(const void *data, size_t size, uint64_t limit, struct content **content_out,
		   const char **reason_out)
{
	struct content_reader *reader;
	struct content *content;
	int error = content_reader_create(limit, &reader);

	if (error != 0)
		return error;
	error = content_reader_feed(reader, data, size);
	if (error == 0)
		error = content_reader_end(reader, &content);
	if (error != 0 && reason_out != NULL)
		*reason_out = content_reader_reason(reader);
	content_reader_free(reader);
	if (error != 0)
		return error;
	error = back_by_copy(content, data, size);
	if (error != 0) {
		content_put(content);
		return error;
	}
	*content_out = content;
	return 0;
}

struct content *content_get(struct content *content)
{
	__atomic_fetch_add(&content->references, 1, __ATOMIC_RELAXED);
	return content;
}

void content_put(struct content *content)
{
	if (content == NULL || __atomic_sub_fetch(&content->references, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	if (content->backing.release != NULL)
		content->backing.release(content->backing.owner);
	if (content->index != NULL)
		content->format->index_free(content->index);
	free(content);
}

const struct content_backing *content_backing(const struct content *content)
{
	return content->backing.read != NULL ? &content->backing : NULL;
}

int content_read_backing(const struct content *content, uint64_t position, void *data, size_t size)
{
	assert(content->backing.read != NULL);
	if (position > content->header.size || size > content->header.size - position)
		return -EBADMSG;
	return content->backing.read(content->backing.owner, position, data, size);
}

unsigned content_version(const struct content *content)
{
	return content->format->version;
}

enum digest_algorithm content_algorithm(const struct content *content)
{
	return content->algorithm;
}

uint64_t content_start(const struct content *content)
{
	return content->start;
}

uint64_t content_end(const struct content *content)
{
	return content->end;
}

uint32_t content_segments(const struct content *content)
{
	return content->segments;
}

const struct content_header *content_header(const struct content *content)
{
	return &content->header;
}

int content_segment(const struct content *content, uint32_t index,
		    struct content_segment *segment_out)
{
	assert(index < content->segments);
	return content->format->segment(content, index, segment_out);
}

int content_segment_id(const struct content *content, const struct content_segment *segment,
		       uint8_t id_out[DIGEST_SIZE_MAX])
{
	return secret_segment_id(content->algorithm, segment->secret, segment->hash_of_data,
				 id_out);
}

int content_each_segment(const struct content *content, content_each *each, void *owner)
{
	return content->format->each(content, each, owner);
}

int content_segment_at(const struct content *content, uint64_t offset, uint32_t *index_out)
{
	if (offset < content->listed_start || offset >= content->listed_end)
		return -ENOENT;
	return content->format->segment_at(content, offset, index_out);
}

int content_block_at(const struct content *content, uint64_t offset,
		     struct content_block *block_out)
{
	if (offset < content->start || offset >= content->end)
		return -ENOENT;
	return content->format->block_at(content, offset, block_out);
}

int content_block_listed(const struct content *content, const struct content_segment *segment,
			 uint32_t block, struct content_block *block_out)
{
	if (block < segment->first_listed || block - segment->first_listed >= segment->listed)
		return -ENOENT;
	/* In version 2.0 there is block 0 only. */
	return content->format->block_at(
		content, segment->offset + (uint64_t)block * CONTENT_V1_BLOCK, block_out);
}

int content_block_check(const struct content *content, const struct content_block *block,
			const void *data, size_t size)
{
	if (size != block->length)
		return -EBADMSG;
	return digest_check(content->algorithm, data, size, block->hash);
}

int content_cutting(const struct content *content, struct cutting **cutting_out)
{
	if (content->start != 0 || content->end != content->listed_end)
		return -EINVAL;
	return content->format->cutting(content, cutting_out);
}
