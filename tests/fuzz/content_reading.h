/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The body of the fuzz targets for content information, one for each version so that each has its
 * own corpus: inputs of the other version are not looked at. The verdict must not depend on the
 * portions; what was accepted must hold together, and keep within bounds when the octets it was
 * made from are others later.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cache/content.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
	const uint8_t *data;
	size_t size;
	uint8_t change; /* xor: what was stored was altered */
};

static int read_input(void *owner, uint64_t offset, void *data, size_t size)
{
	const struct input *input = owner;
	uint8_t *octets = data;

	if (offset > input->size || size > input->size - offset)
		abort();
	for (size_t i = 0; i < size; i++)
		octets[i] = input->data[offset + i] ^ input->change;
	return 0;
}

static int decode(struct input *input, size_t portion, struct content **content_out)
{
	struct content_reader *reader;
	int error = 0;

	if (content_reader_create(1 << 20, &reader))
		abort();
	for (size_t at = 0; at < input->size && !error; at += portion)
		error = content_reader_feed(reader, input->data + at,
					    input->size - at < portion ? input->size - at
								       : portion);
	if (!error)
		error = content_reader_end(reader, content_out);
	if (error && !content_reader_reason(reader))
		abort();
	content_reader_free(reader);
	if (!error)
		content_back(*content_out, &(struct content_backing){read_input, NULL, input});
	return error;
}

/* TRUSTED: the octets are as they were, so nothing may fail. Only some of very many are asked. */
static void ask(const struct content *content, int trusted)
{
	uint64_t at = content_start(content);
	struct content_block block;
	struct content_segment segment;

	if (content_start(content) >= content_end(content) || content_end(content) > INT64_MAX)
		abort();
	for (int i = 0; i < 2000 && at < content_end(content); i++) {
		if (content_block_at(content, at, &block)) {
			if (trusted)
				abort();
			break;
		}
		if (at < block.offset || at - block.offset >= block.length)
			abort();
		at = block.offset + block.length;
	}
	for (uint32_t i = 0; i < 100 && i < content_segments(content); i++) {
		uint32_t found;

		if (content_segment(content, i, &segment) ||
		    content_segment_at(content, segment.offset, &found)) {
			if (trusted)
				abort();
		} else if (trusted && found != i) {
			abort();
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = {data, size, 0};
	struct content *content, *other;
	int verdict;

	if (size > 1 && data[1] + data[0] * 256 != FUZZED_VERSION)
		return 0;
	verdict = decode(&input, size + 1, &content);
	if (decode(&input, 1 + size % 97, &other) != verdict)
		abort();
	if (verdict)
		return 0;
	content_put(other);
	ask(content, 1);
	input.change = (uint8_t)(1 + data[size - 1] % 255);
	ask(content, 0);
	content_put(content);
	return 0;
}
