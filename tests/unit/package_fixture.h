/* SPDX-License-Identifier: BSD-2-Clause
 *
 * For the tests of packages: one in memory, a second store that takes it in, and packages that
 * somebody wrote on purpose.
 */
#ifndef TESTS_UNIT_PACKAGE_FIXTURE_H
#define TESTS_UNIT_PACKAGE_FIXTURE_H

#include "tests/unit/store_content_fixture.h"

#include "cache/bytes.h"
#include "cache/package_record.h"

struct bundle {
	unsigned char *data;
	size_t size, room, at;
	size_t portion; /* octets given at a time at most; 0: any number */
	size_t full;    /* no more are taken; 0: any number */
};

static UNUSED int bundle_put(void *owner, const void *data, size_t size)
{
	struct bundle *bundle = owner;

	if (bundle->full > 0 && bundle->size + size > bundle->full)
		return -ENOSPC;
	if (bundle->size + size > bundle->room) {
		bundle->room = (bundle->size + size) * 2;
		bundle->data = realloc(bundle->data, bundle->room);
		assert_non_null(bundle->data);
	}
	memcpy(bundle->data + bundle->size, data, size);
	bundle->size += size;
	return 0;
}

static UNUSED long bundle_take(void *owner, void *data, size_t size)
{
	struct bundle *bundle = owner;
	size_t left = bundle->size - bundle->at, length = left < size ? left : size;

	if (bundle->portion > 0 && length > bundle->portion)
		length = bundle->portion;
	if (length > 0)
		memcpy(data, bundle->data + bundle->at, length);
	bundle->at += length;
	return (long)length;
}

static UNUSED void bundle_clear(struct bundle *bundle)
{
	free(bundle->data);
	*bundle = (struct bundle){0};
}

/* A second store beside the fixture's, empty. */
static UNUSED struct store *open_other(uint64_t limit)
{
	static unsigned count;
	char directory[256], message[512];
	struct store_options options = {.directory = directory,
					.scope = "http://another/",
					.owner = "/mnt/other",
					.limit = limit,
					.max_age = 3600,
					.now = fixture_now};
	struct store *store = NULL;

	snprintf(directory, sizeof(directory), "%s/other-%u", fixture_directory, ++count);
	if (store_open(&options, &store, message, sizeof(message)) != 0)
		fail_msg("store_open: %s", message);
	return store;
}

static UNUSED int export_paths(struct store *store, const char *const *paths, unsigned count,
			       const struct package_options *options, struct bundle *bundle,
			       struct package_figures *figures_out)
{
	static const struct package_options none;
	unsigned failed = UINT32_MAX;

	return package_export(store, paths, count, bundle_put, bundle,
			      options != NULL ? options : &none, figures_out, &failed);
}

/* All that there is. */
static UNUSED void export_all(struct store *store, struct bundle *bundle,
			      struct package_figures *figures_out)
{
	static const char *const everything[] = {""};

	assert_int_equal(export_paths(store, everything, 1, NULL, bundle, figures_out), 0);
}

static UNUSED int import(struct store *store, struct bundle *bundle,
			 const struct package_options *options, struct package_figures *figures_out)
{
	static const struct package_options none;

	bundle->at = 0;
	return package_import(store, bundle_take, bundle, options != NULL ? options : &none,
			      figures_out);
}

/* How many octets of PATH read as in DATA; 0 when it is not there. */
static UNUSED uint64_t right_in(struct store *store, const char *path, const unsigned char *data,
				size_t size)
{
	struct object *object;
	uint64_t right;

	if (store_find(store, path, "v1", size, &object) != 0)
		return 0;
	right = octets_right(object, data);
	object_put(object);
	return right;
}

/* ---- packages written by hand ---- */

struct author {
	struct package_writer writer;
	struct bundle bundle;
};

static UNUSED struct author *author_create(void)
{
	struct author *author = calloc(1, sizeof(*author));

	assert_non_null(author);
	author->writer.put = bundle_put;
	author->writer.owner = &author->bundle;
	assert_int_equal(package_write_header(&author->writer, 0), 0);
	return author;
}

static UNUSED void author_free(struct author *author)
{
	bundle_clear(&author->bundle);
	free(author);
}

static UNUSED void author_content(struct author *author, const char *path, size_t path_size,
				  const char *validator, uint64_t size, uint64_t information)
{
	struct bytes_out out = bytes_out(package_body(&author->writer), PACKAGE_BODY_MAX);

	bytes_put_le64(&out, size);
	bytes_put_le64(&out, information);
	bytes_put_le32(&out, (uint32_t)path_size);
	bytes_put_le32(&out, (uint32_t)strlen(validator));
	bytes_put(&out, path, path_size);
	bytes_put(&out, validator, strlen(validator));
	assert_false(out.failed);
	assert_int_equal(
		package_write_record(&author->writer, PACKAGE_CONTENT, PACKAGE_BODY_MAX - out.left),
		0);
}

static UNUSED void author_octets(struct author *author, enum package_kind kind, const void *data,
				 size_t size)
{
	memcpy(package_body(&author->writer), data, size);
	assert_int_equal(package_write_record(&author->writer, kind, size), 0);
}

static UNUSED void author_block(struct author *author, uint64_t offset, const void *data,
				size_t size)
{
	struct bytes_out out = bytes_out(package_body(&author->writer), sizeof(offset));

	bytes_put_le64(&out, offset);
	memcpy(package_body(&author->writer) + sizeof(offset), data, size);
	assert_int_equal(
		package_write_record(&author->writer, PACKAGE_BLOCK, sizeof(offset) + size), 0);
}

/* Content and content information, of which all fits one record. */
static UNUSED void author_described(struct author *author, const char *path,
				    const struct encoded *encoded, uint64_t size)
{
	author_content(author, path, strlen(path), "v1", size, encoded->size);
	author_octets(author, PACKAGE_INFORMATION, encoded->data, encoded->size);
}

/* Ends it and takes it in. */
static UNUSED int author_import(struct author *author, struct store *store,
				struct package_figures *figures_out)
{
	assert_int_equal(package_write_end(&author->writer), 0);
	return import(store, &author->bundle, NULL, figures_out);
}

#endif
