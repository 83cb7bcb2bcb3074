/* SPDX-License-Identifier: BSD-2-Clause
 *
 * For the tests of content information in the store: a content of octets that can be made again,
 * its content information in both versions, and taking that in.
 */
#ifndef TESTS_UNIT_STORE_CONTENT_FIXTURE_H
#define TESTS_UNIT_STORE_CONTENT_FIXTURE_H

#include "tests/unit/store_fixture.h"

#include "cache/content_build.h"
#include "cache/store_content.h"

#define LIMIT (64 * MIB)
#define BIG (5 * MIB + 12345)

/* Octets of content information. */
struct encoded {
	size_t size;
	unsigned char data[1 << 20];
};

static UNUSED unsigned char *make_octets(size_t size, uint64_t seed)
{
	unsigned char *data = malloc(size);

	assert_non_null(data);
	fixture_fill(data, size, seed);
	return data;
}

static UNUSED int encoded_put(void *owner, const void *data, size_t size)
{
	struct encoded *encoded = owner;

	assert_true(size <= sizeof(encoded->data) - encoded->size);
	memcpy(encoded->data + encoded->size, data, size);
	encoded->size += size;
	return 0;
}

/* START and LENGTH of what it speaks for. */
static UNUSED struct encoded *encode_range(const void *data, size_t size, unsigned version,
					   uint64_t start, uint64_t length)
{
	static const uint8_t ks[DIGEST_SIZE_MAX] = {1, 2, 3};
	struct content_build_options options = {.version = version, .algorithm = DIGEST_SHA256};
	struct encoded *encoded = calloc(1, sizeof(*encoded));
	struct content_build *build;
	struct content_hashes hashes;

	if (version == 2)
		options.algorithm = DIGEST_SHA512_TRUNC256;
	assert_non_null(encoded);
	assert_int_equal(content_build_create(&options, &build), 0);
	assert_int_equal(content_build_add(build, data, size), 0);
	assert_int_equal(content_build_end(build, &hashes), 0);
	assert_int_equal(
		content_hashes_write(&hashes, ks, start, length, NULL, encoded_put, encoded), 0);
	content_hashes_clear(&hashes);
	content_build_free(build);
	return encoded;
}

static UNUSED struct encoded *encode(const void *data, size_t size, unsigned version)
{
	return encode_range(data, size, version, 0, size);
}

static UNUSED int take_in(struct store *store, const struct encoded *encoded, size_t portion,
			  struct content **content_out)
{
	struct store_intake *intake;
	int error = store_intake_begin(store, CONTENT_LIMIT_DEFAULT, &intake);

	if (error != 0)
		return error;
	for (size_t at = 0; at < encoded->size && error == 0; at += portion)
		error = store_intake_feed(intake, encoded->data + at,
					  encoded->size - at < portion ? encoded->size - at
								       : portion);
	if (error == 0)
		error = store_intake_end(intake, content_out);
	store_intake_free(intake);
	return error;
}

/* The content of DATA, taken in. */
static UNUSED struct content *content_of(struct store *store, const void *data, size_t size,
					 unsigned version)
{
	struct encoded *encoded = encode(data, size, version);
	struct content *content = NULL;

	assert_int_equal(take_in(store, encoded, 4096, &content), 0);
	free(encoded);
	return content;
}

static UNUSED int write_at(struct object *object, const unsigned char *data, uint32_t unit)
{
	const struct cutting *cutting = object_cutting(object);

	return object_write(object, unit, data + cutting_offset(cutting, unit),
			    cutting_length(cutting, unit));
}

/* Writes the units from FIRST to before END, as far as there are. */
static UNUSED void write_units(struct object *object, const unsigned char *data, uint32_t first,
			       uint32_t end)
{
	uint32_t count = cutting_count(object_cutting(object));

	for (uint32_t unit = first; unit < end && unit < count; unit++)
		assert_int_equal(write_at(object, data, unit), 0);
}

/* How many octets read as in DATA; others must be absent, or found bad. */
static UNUSED uint64_t octets_right(struct object *object, const unsigned char *data)
{
	const struct cutting *cutting = object_cutting(object);
	unsigned char *read = malloc(CUTTING_UNIT_MAX);
	uint64_t right = 0;

	for (uint32_t unit = 0; unit < cutting_count(cutting); unit++) {
		uint64_t offset = cutting_offset(cutting, unit);
		uint32_t length = cutting_length(cutting, unit);
		int error = object_read(object, offset, length, read);

		if (error == 0) {
			assert_memory_equal(read, data + offset, length);
			right += length;
		} else if (error != -EBADMSG) {
			assert_int_equal(error, -ENOENT);
		}
	}
	free(read);
	return right;
}

static UNUSED int describe(struct object *object, struct content *content, uint64_t *dropped_out)
{
	struct object_survey *survey;
	int error = object_survey(object, content, NULL, NULL, &survey);

	*dropped_out = UINT64_MAX;
	return error != 0 ? error : object_describe(survey, dropped_out);
}

/* PATH, described by the content information of DATA, and complete. */
static UNUSED struct object *make_described(struct store *store, const char *path,
					    const unsigned char *data, size_t size,
					    unsigned version)
{
	struct object *object = make_object(store, path, size);
	struct content *content = content_of(store, data, size, version);
	uint64_t dropped;

	assert_int_equal(describe(object, content, &dropped), 0);
	assert_int_equal(dropped, 0);
	content_put(content);
	write_units(object, data, 0, UINT32_MAX);
	assert_true(object_complete(object));
	return object;
}

/* Whether what OBJECT has is the content information of DATA. */
static UNUSED bool has_content_of(struct object *object, const unsigned char *data)
{
	const struct cutting *cutting = object_cutting(object);
	struct content *content = object_content(object);
	bool right = content != NULL;

	for (uint32_t unit = 0; right && unit < cutting_count(cutting); unit++) {
		uint64_t offset = cutting_offset(cutting, unit);
		struct content_block block;

		right = content_block_at(content, offset, &block) == 0 && block.offset == offset &&
			block.length == cutting_length(cutting, unit) &&
			content_block_check(content, &block, data + offset, block.length) == 0;
	}
	content_put(content);
	return right;
}

static UNUSED bool has_content(struct object *object)
{
	struct content *content = object_content(object);

	content_put(content);
	return content != NULL;
}

/* Path of the only file of content information. */
static UNUSED const char *content_file_path(void)
{
	static char path[400];
	DIR *directory = opendir(fixture_path("data"));
	struct dirent *entry;
	unsigned count = 0;

	assert_non_null(directory);
	while ((entry = readdir(directory)) != NULL)
		if (entry->d_name[0] != '.' && strchr(entry->d_name, '.') != NULL) {
			snprintf(path, sizeof(path), "%s/data/%.64s", fixture_path(""),
				 entry->d_name);
			count++;
		}
	closedir(directory);
	assert_int_equal(count, 1);
	return path;
}

static UNUSED unsigned count_content_files(void)
{
	DIR *directory = opendir(fixture_path("data"));
	struct dirent *entry;
	unsigned count = 0;

	while (directory != NULL && (entry = readdir(directory)) != NULL)
		count += entry->d_name[0] != '.' && strchr(entry->d_name, '.') != NULL;
	if (directory != NULL)
		closedir(directory);
	return count;
}

static UNUSED const char kept_path[] = "f";

static UNUSED struct object *find(struct store *store, size_t size)
{
	struct object *object = NULL;

	assert_int_equal(store_find(store, kept_path, "v1", size, &object), 0);
	return object;
}

/* A closed store with a complete object that is described. */
static UNUSED void leave_described(const unsigned char *data, size_t size, unsigned version)
{
	struct store *store = fixture_open(LIMIT);

	object_put(make_described(store, kept_path, data, size, version));
	store_close(store);
}

#endif
