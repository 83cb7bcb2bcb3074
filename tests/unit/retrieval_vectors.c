/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Reading the vectors of the retrieval protocol, and comparing with them.
 */
#include "tests/unit/retrieval_vectors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

json_t *retrieval_load(const char *file)
{
	char path[256];
	json_error_t error;
	json_t *loaded;

	snprintf(path, sizeof(path), "tests/vectors/retrieval/%s", file);
	loaded = json_load_file(path, 0, &error);
	if (loaded == NULL)
		fail_msg("%s: %s", path, error.text);
	return loaded;
}

void assert_set(const uint64_t *set, uint32_t size, const json_t *ranges)
{
	struct range range = {0, 0};
	const json_t *pair;
	size_t i;

	assert_non_null(ranges);
	assert_int_equal(range_set_ranges(set, size), json_array_size(ranges));
	json_array_foreach(ranges, i, pair)
	{
		uint64_t index, count;

		vectors_pair(pair, &index, &count);
		assert_true(range_set_next(set, size, range.index + range.count, &range));
		assert_int_equal(range.index, index);
		assert_int_equal(range.count, count);
	}
}

void assert_version(struct pccrr_version version, const json_t *expected)
{
	uint64_t major, minor;

	vectors_pair(expected, &major, &minor);
	assert_int_equal(version.major, major);
	assert_int_equal(version.minor, minor);
}

void assert_id(struct pccrr_id id, const json_t *object, const char *name)
{
	assert_json_hex(id.octets, id.size, object, name);
}

struct octets write_request(const struct pccrr_request *request)
{
	struct octets octets = {NULL, pccrr_request_size(request)};

	if (octets.size == 0)
		return octets;
	octets.data = malloc(octets.size);
	assert_non_null(octets.data);
	pccrr_request_write(request, octets.data);
	return octets;
}

struct octets write_answer(const struct pccrr_answer *answer)
{
	struct octets octets = {NULL, pccrr_answer_size(answer)};

	if (octets.size == 0)
		return octets;
	octets.data = malloc(octets.size);
	assert_non_null(octets.data);
	pccrr_answer_write(answer, octets.data);
	return octets;
}

void assert_octets(const struct octets *octets, const struct octets *expected)
{
	assert_int_equal(octets->size, expected->size);
	assert_memory_equal(octets->data, expected->data, expected->size);
}

void set_message_size(uint8_t *message, size_t size)
{
	struct bytes_out out = bytes_out(message + 8, 4);

	bytes_put_be32(&out, (uint32_t)size);
}
