/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Reading the vectors, and what decoding a structure is checked for whatever its version.
 */
#include "tests/unit/content_vectors.h"

#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/evp.h>

#include "cache/bytes.h"
#include "cache/content_v2.h"

static const size_t portions[] = {1, 2, 3, 5, 7, 13, 31, 64, 68, 81, 4096};

json_t *vectors_load(const char *file)
{
	char path[256];
	json_error_t error;
	json_t *loaded;

	snprintf(path, sizeof(path), "tests/vectors/content-information/%s", file);
	loaded = json_load_file(path, 0, &error);
	if (loaded == NULL)
		fail_msg("%s: %s", path, error.text);
	return loaded;
}

const char *vectors_text(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	if (text == NULL)
		fail_msg("no text %s", name);
	return text;
}

uint64_t vectors_number(const json_t *object, const char *name)
{
	const json_t *number = json_object_get(object, name);

	if (!json_is_integer(number))
		fail_msg("no number %s", name);
	return (uint64_t)json_integer_value(number);
}

bool vectors_true(const json_t *object, const char *name)
{
	return json_is_true(json_object_get(object, name));
}

const json_t *vectors_list(const json_t *object, const char *name)
{
	const json_t *list = json_object_get(object, name);

	if (!json_is_array(list))
		fail_msg("no list %s", name);
	return list;
}

void vectors_pair(const json_t *pair, uint64_t *first_out, uint64_t *second_out)
{
	assert_int_equal(json_array_size(pair), 2);
	*first_out = (uint64_t)json_integer_value(json_array_get(pair, 0));
	*second_out = (uint64_t)json_integer_value(json_array_get(pair, 1));
}

static struct octets octets_of(size_t size)
{
	struct octets octets = {malloc(size > 0 ? size : 1), size};

	assert_non_null(octets.data);
	return octets;
}

void octets_free(struct octets *octets)
{
	free(octets->data);
	*octets = (struct octets){0};
}

struct octets vectors_unhex(const char *hex)
{
	struct octets octets = octets_of(strlen(hex) / 2);

	for (size_t i = 0; i < octets.size; i++)
		assert_int_equal(sscanf(hex + 2 * i, "%2hhx", &octets.data[i]), 1);
	return octets;
}

struct octets vectors_octets(const json_t *object, const char *name)
{
	return vectors_unhex(vectors_text(object, name));
}

static void fill_counted(const char *label, uint8_t *data, size_t size)
{
	uint8_t seed[256], hash[32];
	size_t length = strlen(label);

	assert_true(length + 8 <= sizeof(seed));
	memcpy(seed, label, length);
	for (uint64_t k = 0, at = 0; at < size; k++, at += sizeof(hash)) {
		struct bytes_out out = bytes_out(seed + length, 8);

		bytes_put_be64(&out, k);
		assert_int_equal(EVP_Digest(seed, length + 8, hash, NULL, EVP_sha256(), NULL), 1);
		memcpy(data + at, hash, size - at < sizeof(hash) ? size - at : sizeof(hash));
	}
}

static void fill_one(const char *rule, uint8_t *data, size_t size)
{
	if (strcmp(rule, "mod251") == 0) {
		for (size_t i = 0; i < size; i++)
			data[i] = (uint8_t)((31 * i + 7) % 251);
	} else if (strcmp(rule, "zero") == 0) {
		memset(data, 0, size);
	} else if (strncmp(rule, "sha256ctr:", 10) == 0) {
		fill_counted(rule + 10, data, size);
	} else if (strncmp(rule, "text:", 5) == 0 && strlen(rule + 5) == size) {
		memcpy(data, rule + 5, size);
	} else {
		fail_msg("unknown rule %s", rule);
	}
}

static void fill(const char *rule, uint8_t *data, size_t size)
{
	char *parts, *part, *rest;

	if (strchr(rule, '@') == NULL) {
		fill_one(rule, data, size);
		return;
	}
	parts = strdup(rule);
	assert_non_null(parts);
	for (part = strtok_r(parts, "+", &rest); part != NULL; part = strtok_r(NULL, "+", &rest)) {
		char *at = strrchr(part, '@');
		size_t length = strtoul(at + 1, NULL, 10);

		*at = '\0';
		assert_true(length <= size);
		fill_one(part, data, length);
		data += length;
		size -= length;
	}
	assert_int_equal(size, 0);
	free(parts);
}

struct octets vectors_content(const json_t *content)
{
	struct octets octets = octets_of(vectors_number(content, "size"));
	uint8_t hash[32];

	fill(vectors_text(content, "generator"), octets.data, octets.size);
	assert_int_equal(EVP_Digest(octets.data, octets.size, hash, NULL, EVP_sha256(), NULL), 1);
	assert_json_hex(hash, sizeof(hash), content, "sha256");
	return octets;
}

void assert_hex(const uint8_t *data, size_t size, const char *expected)
{
	struct octets octets = vectors_unhex(expected);

	assert_int_equal(octets.size, size);
	assert_memory_equal(data, octets.data, size);
	octets_free(&octets);
}

void assert_json_hex(const uint8_t *data, size_t size, const json_t *object, const char *name)
{
	assert_hex(data, size, vectors_text(object, name));
}

static void check_segment(const struct content *content, uint32_t index, const json_t *expected)
{
	enum digest_algorithm algorithm = content_algorithm(content);
	size_t size = digest_size(algorithm);
	struct content_segment segment;
	uint8_t id[DIGEST_SIZE_MAX];
	uint32_t found;

	assert_int_equal(content_segment(content, index, &segment), 0);
	assert_int_equal(segment.offset, vectors_number(expected, "offset"));
	assert_int_equal(segment.length, vectors_number(expected, "length"));
	assert_json_hex(segment.hash_of_data, size, expected, "hod");
	assert_json_hex(segment.secret, size, expected, "kp");
	assert_int_equal(content_segment_id(content, &segment, id), 0);
	assert_json_hex(id, size, expected, "id");
	if (json_object_get(expected, "block_count") != NULL &&
	    json_object_get(expected, "complete") == NULL)
		assert_int_equal(segment.blocks, vectors_number(expected, "block_count"));
	if (json_object_get(expected, "complete") != NULL)
		assert_int_equal(segment.listed == segment.blocks,
				 vectors_true(expected, "complete"));
	if (json_object_get(expected, "first_block") != NULL)
		assert_int_equal(segment.first_listed, vectors_number(expected, "first_block"));
	assert_int_equal(content_segment_at(content, segment.offset, &found), 0);
	assert_int_equal(found, index);
	assert_int_equal(content_segment_at(content, segment.offset + segment.length - 1, &found),
			 0);
	assert_int_equal(found, index);
}

struct each_check {
	const struct content *content;
	uint32_t *seen, end; /* END not 0: it is ended behind so many */
};

/* The same as one by one. */
static int check_each(void *owner, uint32_t index, const struct content_segment *segment)
{
	const struct each_check *check = owner;
	struct content_segment alone;

	assert_int_equal(index, (*check->seen)++);
	assert_int_equal(content_segment(check->content, index, &alone), 0);
	assert_int_equal(segment->offset, alone.offset);
	assert_int_equal(segment->length, alone.length);
	assert_int_equal(segment->blocks, alone.blocks);
	assert_int_equal(segment->first_listed, alone.first_listed);
	assert_int_equal(segment->listed, alone.listed);
	assert_memory_equal(segment->hash_of_data, alone.hash_of_data, DIGEST_SIZE_MAX);
	assert_memory_equal(segment->secret, alone.secret, DIGEST_SIZE_MAX);
	return check->end == index + 1 ? -ECANCELED : 0;
}

static void check_all_of_them(const struct content *content)
{
	uint32_t seen = 0, count = content_segments(content);
	struct each_check check = {.content = content, .seen = &seen};

	assert_int_equal(content_each_segment(content, check_each, &check), 0);
	assert_int_equal(seen, count);
	check.end = (count + 1) / 2;
	seen = 0;
	assert_int_equal(content_each_segment(content, check_each, &check), -ECANCELED);
	assert_int_equal(seen, check.end);
}

static void check_segments(const struct content *content, const json_t *vector)
{
	const json_t *segments = json_object_get(vector, "segments");

	check_all_of_them(content);

	if (segments == NULL) {
		check_segment(content, 0, json_object_get(vector, "first_segment"));
		check_segment(content, content_segments(content) - 1,
			      json_object_get(vector, "last_segment"));
		return;
	}
	assert_int_equal(content_segments(content), json_array_size(segments));
	for (uint32_t i = 0; i < json_array_size(segments); i++)
		check_segment(content, i, json_array_get(segments, i));
}

static void check_fetched(const struct content *content, uint64_t position,
			  const struct content_block *block, const json_t *expected)
{
	uint64_t offset, length, keep, keep_length, end = block->offset + block->length;

	assert_int_equal(block->segment, vectors_number(expected, "segment"));
	assert_int_equal(block->block, vectors_number(expected, "block"));
	vectors_pair(json_object_get(expected, "block_range"), &offset, &length);
	assert_int_equal(block->offset, offset);
	assert_int_equal(block->length, length);
	vectors_pair(json_object_get(expected, "keep"), &keep, &keep_length);
	assert_int_equal(position, keep);
	if (end > content_end(content))
		end = content_end(content);
	assert_int_equal(end - position, keep_length);
}

static void check_fetch(const struct content *content, const json_t *fetch, const uint8_t *data)
{
	struct content_block block;
	size_t count = 0;

	for (uint64_t at = content_start(content); at < content_end(content); count++) {
		assert_int_equal(content_block_at(content, at, &block), 0);
		if (fetch != NULL)
			check_fetched(content, at, &block, json_array_get(fetch, count));
		if (data != NULL)
			assert_int_equal(content_block_check(content, &block, data + block.offset,
							     block.length),
					 0);
		at = block.offset + block.length;
	}
	if (fetch != NULL)
		assert_int_equal(count, json_array_size(fetch));
	assert_int_equal(content_block_at(content, content_end(content), &block), -ENOENT);
	if (content_start(content) > 0)
		assert_int_equal(content_block_at(content, content_start(content) - 1, &block),
				 -ENOENT);
}

void check_decoded(const struct content *content, const json_t *vector, const uint8_t *data)
{
	uint64_t start, length;

	vectors_pair(json_object_get(vector, "range"), &start, &length);
	assert_int_equal(content_start(content), start);
	assert_int_equal(content_end(content) - content_start(content), length);
	assert_string_equal(digest_name(content_algorithm(content)), vectors_text(vector, "hash"));
	check_segments(content, vector);
	check_fetch(content, json_object_get(vector, "fetch"), data);
}

static int read_octets(void *owner, uint64_t offset, void *data, size_t size)
{
	const struct octets *octets = owner;

	assert_true(offset <= octets->size && size <= octets->size - offset);
	memcpy(data, octets->data + offset, size);
	return 0;
}

int decode_in_portions(const struct octets *info, size_t portion, struct content **content_out,
		       const char **reason_out)
{
	struct content_reader *reader;
	int error = 0;

	if (portion == 0)
		portion = info->size > 0 ? info->size : 1;
	assert_int_equal(content_reader_create(CONTENT_LIMIT_DEFAULT, &reader), 0);
	for (size_t at = 0; at < info->size && error == 0; at += portion)
		error = content_reader_feed(reader, info->data + at,
					    info->size - at < portion ? info->size - at : portion);
	if (error != 0)
		assert_int_equal(content_reader_end(reader, content_out), error);
	else
		error = content_reader_end(reader, content_out);
	if (error != 0)
		assert_non_null(content_reader_reason(reader));
	*reason_out = content_reader_reason(reader);
	content_reader_free(reader);
	if (error == 0)
		content_back(*content_out,
			     &(struct content_backing){read_octets, NULL, (void *)info});
	return error;
}

/* Whatever was accepted holds together. */
static void check_sound(const struct content *content)
{
	uint64_t end = 0;

	for (uint32_t i = 0; i < content_segments(content); i++) {
		struct content_segment segment;

		assert_int_equal(content_segment(content, i, &segment), 0);
		if (i > 0)
			assert_int_equal(segment.offset, end);
		end = segment.offset + segment.length;
		assert_true(segment.length > 0 && end <= INT64_MAX);
		assert_true(segment.first_listed + segment.listed <= segment.blocks);
		assert_true(segment.offset < content_end(content) && end > content_start(content));
	}
	assert_true(content_start(content) < content_end(content) && content_end(content) <= end);
	check_fetch(content, NULL, NULL);
}

int check_verdict(const struct octets *info)
{
	struct content *content;
	const char *reason, *other_reason;
	int verdict = decode_in_portions(info, 0, &content, &reason);

	if (verdict == 0) {
		check_sound(content);
		content_put(content);
	}
	for (size_t i = 0; i < sizeof(portions) / sizeof(portions[0]); i++) {
		int other;

		if (portions[i] > info->size)
			break;
		other = decode_in_portions(info, portions[i], &content, &other_reason);
		assert_int_equal(other, verdict);
		if (other == 0)
			content_put(content);
		else
			assert_string_equal(other_reason, reason);
	}
	return verdict;
}

void check_prefixes(const struct octets *info, size_t step, size_t chunk)
{
	for (size_t size = 0; size < info->size; size += step) {
		struct octets prefix = octets_of(size);
		bool between = chunk > 0 && size > CONTENT_V2_HEADER_SIZE &&
			       (size - CONTENT_V2_HEADER_SIZE) % chunk == 0;
		struct content *content = NULL;
		const char *reason;

		memcpy(prefix.data, info->data, size);
		assert_int_equal(decode_in_portions(&prefix, 0, &content, &reason),
				 between ? 0 : -EBADMSG);
		content_put(content);
		octets_free(&prefix);
	}
}
