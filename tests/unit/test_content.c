/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Content information whatever its version: unusual and invalid structures of the vectors, limits,
 * backings that fail, and the units of an object.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/content_vectors.h"

static void unusual_structures_are_read(void **state)
{
	json_t *file = vectors_load("unusual.json");
	const json_t *vector;
	size_t i;

	(void)state;
	json_array_foreach(vectors_list(file, "vectors"), i, vector)
	{
		struct octets info = vectors_octets(vector, "info");
		struct content *content;

		assert_int_equal(content_decode(info.data, info.size, info.size, &content, NULL),
				 0);
		assert_int_equal(content_version(content), vectors_number(vector, "version"));
		check_decoded(content, vector, NULL);
		content_put(content);
		assert_int_equal(check_verdict(&info), 0);
		octets_free(&info);
	}
	json_decref(file);
}

static void invalid_structures_are_rejected(void **state)
{
	json_t *file = vectors_load("invalid.json");
	const json_t *vector;
	size_t i;

	(void)state;
	json_array_foreach(vectors_list(file, "vectors"), i, vector)
	{
		struct octets info = vectors_octets(vector, "info");

		if (check_verdict(&info) != -EBADMSG)
			fail_msg("accepted: %s", vectors_text(vector, "name"));
		octets_free(&info);
	}
	json_decref(file);
}

static void what_is_above_the_limit_is_refused(void **state)
{
	json_t *file = vectors_load("unusual.json");
	struct octets info =
		vectors_octets(json_array_get(vectors_list(file, "vectors"), 0), "info");
	struct content *content;
	const char *reason = NULL;

	(void)state;
	assert_int_equal(content_decode(info.data, info.size, info.size - 1, &content, &reason),
			 -EFBIG);
	assert_non_null(reason);
	octets_free(&info);
	json_decref(file);
}

static int failing_read(void *owner, uint64_t offset, void *data, size_t size)
{
	(void)offset;
	memset(data, 0xee, size);
	return *(const int *)owner;
}

static int no_segment(void *owner, uint32_t index, const struct content_segment *segment)
{
	(void)owner;
	(void)index;
	(void)segment;
	fail_msg("a segment was made of what is not one");
	return 0;
}

/* The backing was changed, or cannot be read, since it was checked. */
static void what_the_backing_no_longer_has_is_an_error(void **state)
{
	json_t *file = vectors_load("unusual.json");
	const json_t *vector;
	size_t i;

	(void)state;
	json_array_foreach(vectors_list(file, "vectors"), i, vector)
	{
		struct octets info = vectors_octets(vector, "info");
		struct content_reader *reader;
		struct content *content;
		struct content_segment segment;
		struct content_block block;
		int answer = -EIO;

		assert_int_equal(content_reader_create(info.size, &reader), 0);
		assert_int_equal(content_reader_feed(reader, info.data, info.size), 0);
		assert_int_equal(content_reader_end(reader, &content), 0);
		content_reader_free(reader);
		content_back(content, &(struct content_backing){failing_read, NULL, &answer});
		assert_int_equal(content_segment(content, 0, &segment), -EIO);
		assert_int_equal(content_each_segment(content, no_segment, NULL), -EIO);
		assert_int_equal(content_block_at(content, content_start(content), &block), -EIO);
		answer = 0;
		assert_int_equal(content_segment(content, 0, &segment), -EBADMSG);
		assert_int_equal(content_each_segment(content, no_segment, NULL), -EBADMSG);
		content_put(content);
		octets_free(&info);
	}
	json_decref(file);
}

static void whole_content_gives_the_units_of_an_object(void **state)
{
	json_t *file = vectors_load("unusual.json");
	const json_t *vector;
	size_t i;

	(void)state;
	json_array_foreach(vectors_list(file, "vectors"), i, vector)
	{
		struct octets info = vectors_octets(vector, "info");
		struct content *content;
		struct content_block block;
		struct cutting *cutting;

		assert_int_equal(content_decode(info.data, info.size, info.size, &content, NULL),
				 0);
		if (content_start(content) > 0) {
			assert_int_equal(content_cutting(content, &cutting), -EINVAL);
		} else {
			assert_int_equal(content_cutting(content, &cutting), 0);
			assert_int_equal(cutting_size(cutting), content_end(content));
			for (uint32_t unit = 0; unit < cutting_count(cutting); unit++) {
				assert_int_equal(content_block_at(content,
								  cutting_offset(cutting, unit),
								  &block),
						 0);
				assert_int_equal(block.offset, cutting_offset(cutting, unit));
				assert_int_equal(block.length, cutting_length(cutting, unit));
			}
			cutting_free(cutting);
		}
		content_put(content);
		octets_free(&info);
	}
	json_decref(file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unusual_structures_are_read),
		cmocka_unit_test(invalid_structures_are_rejected),
		cmocka_unit_test(what_is_above_the_limit_is_refused),
		cmocka_unit_test(what_the_backing_no_longer_has_is_an_error),
		cmocka_unit_test(whole_content_gives_the_units_of_an_object),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
