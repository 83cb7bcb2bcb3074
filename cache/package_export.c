/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Contents out of a store. First all that are meant are looked at, so that it is known how much
 * there is and whether every path has something; then they are read. A look is not a use: nothing
 * becomes younger by it. What goes in between is lacking then.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cache/bytes.h"
#include "cache/package_private.h"
#include "cache/store_content_private.h"

int package_exported(struct package_exporting *exporting, uint64_t octets)
{
	const struct package_options *options = exporting->options;

	exporting->figures->octets += octets;
	const struct package_progress progress = {exporting->figures->octets, exporting->total};
	if (options->continue_ != NULL && !options->continue_(options->context, &progress))
		return -ECANCELED;
	return 0;
}

/* ---- one content ---- */

static int write_content(struct package_exporting *exporting, const struct object *object,
			 const struct content *content)
{
	struct package_writer *writer = &exporting->writer;
	size_t path = strlen(object->path), validator = strlen(object->validator);
	struct bytes_out out = bytes_out(package_body(writer), PACKAGE_BODY_MAX);

	bytes_put_le64(&out, object_size(object));
	bytes_put_le64(&out, content_header(content)->size);
	bytes_put_le32(&out, (uint32_t)path);
	bytes_put_le32(&out, (uint32_t)validator);
	bytes_put(&out, object->path, path);
	bytes_put(&out, object->validator, validator);
	if (out.failed)
		return -ENAMETOOLONG;
	return package_write_record(writer, PACKAGE_CONTENT, PACKAGE_BODY_MAX - out.left);
}

static int write_information(struct package_exporting *exporting, const struct content *content)
{
	const struct content_backing *backing = content_backing(content);
	struct package_writer *writer = &exporting->writer;
	uint64_t size = content_header(content)->size;
	int error = 0;

	for (uint64_t at = 0; at < size && error == 0; at += PACKAGE_INFORMATION_MAX) {
		uint64_t left = size - at;
		size_t length =
			left < PACKAGE_INFORMATION_MAX ? (size_t)left : PACKAGE_INFORMATION_MAX;

		error = backing->read(backing->owner, at, package_body(writer), length);
		if (error == 0)
			error = package_write_record(writer, PACKAGE_INFORMATION, length);
		if (error == 0)
			error = package_exported(exporting, 0);
	}
	return error;
}

static int look(struct object *object, uint64_t offset, uint32_t length, void *data)
{
	struct store *store = object->store;
	bool packed;
	int error;

	store_lock(store);
	object_begin(object);
	packed = object->pack != 0;
	store_unlock(store);
	error = packed ? pack_read(object, (uint32_t)offset, length, data, false, false)
		       : object_read_part(object, offset, length, data, false, false);
	store_lock(store);
	object_end(object);
	store_unlock(store);
	return error;
}

static int write_block(struct package_exporting *exporting, struct object *object, uint64_t offset,
		       uint32_t length)
{
	struct package_writer *writer = &exporting->writer;
	struct bytes_out out = bytes_out(package_body(writer), sizeof(uint64_t));
	int error = look(object, offset, length, package_body(writer) + sizeof(uint64_t));

	if (error == -ENOENT || error == -EBADMSG) {
		exporting->figures->lacking++;
		return 0;
	}
	if (error != 0)
		return error;
	bytes_put_le64(&out, offset);
	error = package_write_record(writer, PACKAGE_BLOCK, sizeof(uint64_t) + length);
	if (error == 0)
		exporting->figures->blocks++;
	return error == 0 ? package_exported(exporting, length) : error;
}

/* OBJECT may be cut anew meanwhile: octets stay where they are, and who takes the package in
 * verifies. */
static int write_blocks(struct package_exporting *exporting, struct object *object)
{
	const struct cutting *cutting = object_cutting(object);
	uint32_t units = cutting_count(cutting), unit = 0;
	int error = 0;

	while (unit < units && error == 0) {
		bool present = false;
		uint32_t count = object_extent(object, unit, units - unit, &present);

		if (count == 0 || !present) {
			exporting->figures->lacking += count > 0 ? count : units - unit;
			unit = count > 0 ? unit + count : units;
			continue;
		}
		for (; count > 0 && error == 0; count--, unit++)
			error = write_block(exporting, object, cutting_offset(cutting, unit),
					    cutting_length(cutting, unit));
	}
	return error;
}

static bool is_described(struct object *object)
{
	bool described;

	store_lock(object->store);
	described = object->information.file != 0 && !object->doomed;
	store_unlock(object->store);
	return described;
}

static int export_object(struct package_exporting *exporting, struct object *object)
{
	struct content *content;
	int error;

	if (object_cached(object) == 0)
		return 0;
	content = is_described(object) ? object_content_look(object) : NULL;
	if (content == NULL) {
		exporting->figures->undescribed++;
		return 0;
	}
	error = write_content(exporting, object, content);
	if (error == 0)
		error = write_information(exporting, content);
	if (error == 0)
		error = write_blocks(exporting, object);
	if (error == 0)
		exporting->figures->contents++;
	content_put(content);
	return error;
}

/* ---- all below a path ---- */

typedef int each_object(struct package_exporting *exporting, struct object *object);

static int each_id(struct package_exporting *exporting, uint64_t id, each_object *each)
{
	struct store *store = exporting->store;
	struct object *object;
	int error;

	index_lock(&store->index);
	error = object_load(store, id, &object);
	index_unlock(&store->index);
	if (error != 0)
		return 0; /* gone meanwhile */
	error = each(exporting, object);
	object_put(object);
	return error;
}

static int each_below(struct package_exporting *exporting, const char *path, each_object *each)
{
	struct walk walk;
	int count = 0, error = walk_start(&walk, exporting->store, path, false);

	if (error != 0)
		return error;
	while (error == 0 && (count = walk_next(&walk)) > 0)
		for (int i = 0; i < count && error == 0; i++)
			error = each_id(exporting, walk.ids[i], each);
	walk_end(&walk);
	return error == 0 && count < 0 ? count : error;
}

/* Whether another of PATHS covers it: of two that are the same the first counts. */
static bool is_covered(const char *const *paths, unsigned count, unsigned index)
{
	for (unsigned i = 0; i < count; i++)
		if (i != index && path_below(paths[index], paths[i]) &&
		    (i < index || strcmp(paths[index], paths[i]) != 0))
			return true;
	return false;
}

/* ---- all of it ---- */

static void mend(struct package_exporting *exporting, struct object *object)
{
	const struct package_options *options = exporting->options;

	if (options->undescribed != NULL && !is_described(object) && object_complete(object) &&
	    object_size(object) > 0 && !package_path_is_own(object->path))
		options->undescribed(options->context, object, object->path, object->validator);
}

static int count_object(struct package_exporting *exporting, struct object *object)
{
	mend(exporting, object);
	if (is_described(object))
		exporting->total += object_cached(object);
	return package_exported(exporting, 0);
}

/* A hosted cache may have opaque blocks alone. */
static int count_all(struct package_exporting *exporting, const char *const *paths, unsigned count,
		     unsigned *failed_out)
{
	for (unsigned i = 0; i < count; i++) {
		uint64_t before = exporting->total;
		int error = each_below(exporting, paths[i], count_object);

		if (error != 0)
			return error;
		if (exporting->total == before &&
		    !(exporting->options->opaque && paths[i][0] == '\0')) {
			*failed_out = i;
			return -ENOENT;
		}
		if (is_covered(paths, count, i))
			exporting->total = before;
	}
	return 0;
}

static int export_all(struct package_exporting *exporting, const char *const *paths, unsigned count)
{
	int error = package_write_header(&exporting->writer, exporting->total);

	for (unsigned i = 0; i < count && error == 0; i++)
		if (!is_covered(paths, count, i))
			error = each_below(exporting, paths[i], export_object);
	if (error == 0 && exporting->options->opaque)
		error = package_export_opaque(exporting);
	return error == 0 ? package_write_end(&exporting->writer) : error;
}

int package_export(struct store *store, const char *const *paths, unsigned count, package_put *put,
		   void *owner, const struct package_options *options,
		   struct package_figures *figures_out, unsigned *failed_out)
{
	struct package_exporting *exporting = calloc(1, sizeof(*exporting));
	int error;

	*figures_out = (struct package_figures){0};
	if (exporting == NULL)
		return -ENOMEM;
	exporting->store = store;
	exporting->options = options;
	exporting->figures = figures_out;
	exporting->writer.put = put;
	exporting->writer.owner = owner;
	error = count_all(exporting, paths, count, failed_out);
	if (error == 0)
		error = export_all(exporting, paths, count);
	free(exporting);
	return error;
}
