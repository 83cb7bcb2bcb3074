/* SPDX-License-Identifier: BSD-2-Clause
 *
 * One content of a package: its content information is taken in, then describes an object of the
 * store, unless something does already; then blocks come, each checked against what describes the
 * object. Whatever of it does not hold, what follows of the same content finds no place.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "cache/bytes.h"
#include "cache/directory.h"
#include "cache/package_private.h"
#include "cache/store_content.h"

/* Contents whose name says nothing; no path of an origin begins with a slash. */
#define PLACE "/package/"
/* What this program keeps beside an origin's files. */
#define OWN_DIRECTORY ".peerdist/"

struct package_content {
	uint64_t size;
	uint64_t expected, taken;     /* octets of content information */
	struct store_intake *intake;  /* NULL: complete, or given up */
	struct digest_stream *digest; /* of the same */
	struct object *object;        /* NULL: blocks have no place */
	struct content *content;      /* what describes it */
	bool ours;                    /* that is of the package */
	bool placed;
	char path[PACKAGE_PATH_MAX + 1];
	char validator[ENTRY_VALIDATOR_MAX];
};

static void give_up(struct package_content *content)
{
	store_intake_free(content->intake);
	content->intake = NULL;
}

void package_content_free(struct package_content *content)
{
	if (content == NULL)
		return;
	store_intake_free(content->intake);
	digest_stream_free(content->digest);
	content_put(content->content);
	object_put(content->object);
	free(content);
}

/* What concerns this one content only is counted; with anything else there is no going on. */
static int judge(struct package_importing *importing, int error)
{
	switch (error) {
	case 0:
		return 0;
	case -EBADMSG:
	case -EFBIG:
	case -EINVAL:
	case -ELOOP:
		give_up(importing->content);
		importing->figures->bad++;
		return 0;
	default:
		return error;
	}
}

/* ---- it begins ---- */

static bool name_is_right(const char *name, size_t length)
{
	return length > 0 && length <= DIRECTORY_NAME_MAX &&
	       !(length <= 2 && strspn(name, ".") >= length);
}

/* Whether it is a path as an origin has them. */
static bool path_is_right(const char *path)
{
	for (;; path++) {
		size_t length = strcspn(path, "/");

		if (!name_is_right(path, length))
			return false;
		path += length;
		if (*path == '\0')
			return true;
	}
}

bool package_path_is_own(const char *path)
{
	return path[0] == '/' || strncmp(path, OWN_DIRECTORY, strlen(OWN_DIRECTORY)) == 0;
}

/* SIZE octets without a NUL. */
static bool take_text(struct bytes_in *in, uint32_t length, char *text, size_t size)
{
	const uint8_t *octets = length < size ? bytes_take(in, length) : NULL;

	if (octets == NULL || memchr(octets, '\0', length) != NULL)
		return false;
	memcpy(text, octets, length);
	text[length] = '\0';
	return true;
}

/* False: it says nothing useful. */
static bool parse(const struct package_reader *reader, struct package_content *content)
{
	struct bytes_in in = bytes_in(reader->body, reader->size);
	content->size = bytes_le64(&in);
	content->expected = bytes_le64(&in);
	uint32_t path = bytes_le32(&in), validator = bytes_le32(&in);

	if (!take_text(&in, path, content->path, sizeof(content->path)) ||
	    !take_text(&in, validator, content->validator, sizeof(content->validator)) ||
	    !bytes_complete(&in))
		return false;
	return content->size > 0 && content->expected > 0 &&
	       (package_path_is_own(content->path) || path_is_right(content->path));
}

int package_content_begin(struct package_importing *importing)
{
	struct package_content *content = calloc(1, sizeof(*content));
	int error = content != NULL ? 0 : -ENOMEM;

	package_content_free(importing->content);
	importing->content = content;
	if (error == 0 && !parse(&importing->reader, content)) {
		package_content_free(content);
		importing->content = NULL;
		importing->figures->bad++;
		return 0;
	}
	if (error == 0)
		error = digest_stream_create(DIGEST_SHA256, &content->digest);
	if (error == 0)
		error = store_intake_begin(importing->store, CONTENT_LIMIT_DEFAULT,
					   &content->intake);
	if (error == 0)
		content->placed = importing->options->places || package_path_is_own(content->path);
	return error;
}

/* ---- what describes it ---- */

/* A name that follows from what it is alone. */
static int make_place(struct package_content *content)
{
	uint8_t digest[DIGEST_SIZE_MAX];
	size_t size = digest_size(DIGEST_SHA256);
	int error = digest_stream_end(content->digest, digest);
	int length = snprintf(content->path, sizeof(content->path), PLACE);

	for (size_t i = 0; i < size && error == 0; i++)
		length += snprintf(content->path + length, 3, "%02x", digest[i]);
	content->validator[0] = '\0';
	return error;
}

/* Whether a block that OBJECT has, from OFFSET on, is another one. NEXT_OUT: where the next begins.
 */
static int compare_block(struct object *object, const struct content *description, uint64_t offset,
			 void *data, uint64_t *next_out)
{
	struct content_block block;
	int error = content_block_at(description, offset, &block);

	if (error != 0)
		return error;
	*next_out = block.offset + block.length;
	error = object_read(object, block.offset, block.length, data);
	if (error == 0)
		return content_block_check(description, &block, data, block.length);
	return error == -ENOENT || error == -EBADMSG ? 0 : error;
}

/* What the origin gave is not dropped because a package says otherwise. -EBADMSG. */
static int compare(struct package_importing *importing, struct object *object,
		   const struct content *description)
{
	const struct package_options *options = importing->options;
	const struct package_progress progress = {importing->done, importing->total};
	uint64_t size = object_cached(object) > 0 ? object_size(object) : 0;
	void *data = size > 0 ? malloc(CUTTING_UNIT_MAX) : NULL;
	int error = size > 0 && data == NULL ? -ENOMEM : 0;

	for (uint64_t offset = 0; offset < size && error == 0;) {
		if (options->continue_ != NULL && !options->continue_(options->context, &progress))
			error = -ECANCELED;
		if (error == 0)
			error = compare_block(object, description, offset, data, &offset);
	}
	free(data);
	return error;
}

static int describe_now(struct object *object, struct content *description)
{
	struct object_survey *survey;
	int error = object_survey(object, description, NULL, NULL, &survey);

	return error == 0 ? object_describe(survey, NULL) : error;
}

static int describe(struct package_importing *importing, struct object *object,
		    struct content *description)
{
	const struct package_options *options = importing->options;
	const struct package_content *content = importing->content;
	int error =
		object_refuses_content(object) ? -EBADMSG : compare(importing, object, description);

	if (error != 0)
		return error;
	if (options->describe == NULL || content->placed)
		return describe_now(object, description);
	return options->describe(options->context, object, content->path, content->validator,
				 description);
}

/* Whether OTHER is the same content information: then what it refuses does not hold. */
static bool same(const struct content *content, const struct content *other)
{
	struct content_segment one, two;

	if (content == NULL || content_version(content) != content_version(other) ||
	    content_header(content)->size != content_header(other)->size ||
	    content_segment(content, 0, &one) != 0 || content_segment(other, 0, &two) != 0)
		return false;
	size_t size = digest_size(content_algorithm(content));
	return memcmp(one.hash_of_data, two.hash_of_data, size) == 0 &&
	       memcmp(one.secret, two.secret, size) == 0;
}

/* DESCRIPTION is of the package. */
static int place(struct package_importing *importing, struct content *description)
{
	struct package_content *content = importing->content;
	const struct package_options *options = importing->options;
	struct object *object;
	int error = content->placed ? make_place(content) : 0;

	if (error == 0)
		error = store_object(importing->store, content->path, content->validator,
				     content->size, &object);
	if (error != 0)
		return error;
	struct content *there = object_content(object);
	if (there == NULL) {
		error = describe(importing, object, description);
		there = error == 0 ? object_content(object) : NULL;
	}
	if (there == NULL) {
		object_put(object);
		return error != 0 ? error : -EBADMSG;
	}
	content->object = object;
	content->content = there;
	content->ours = same(there, description);
	importing->figures->contents++;
	if (options->kept != NULL && !content->placed)
		options->kept(options->context, content->path, content->validator, content->size);
	return 0;
}

static int conclude(struct package_importing *importing)
{
	struct package_content *content = importing->content;
	struct content *description;
	int error = store_intake_end(content->intake, &description);

	if (error != 0)
		return error;
	give_up(content);
	error = content_start(description) == 0 && content_end(description) == content->size
			? place(importing, description)
			: -EBADMSG;
	content_put(description);
	return error;
}

int package_content_information(struct package_importing *importing)
{
	struct package_content *content = importing->content;
	const struct package_reader *reader = &importing->reader;
	int error = 0;

	if (content == NULL || content->intake == NULL || reader->size == 0 ||
	    reader->size > PACKAGE_INFORMATION_MAX ||
	    reader->size > content->expected - content->taken) {
		importing->figures->bad++;
		return 0;
	}
	error = store_intake_feed(content->intake, reader->body, reader->size);
	if (error == 0)
		error = digest_stream_add(content->digest, reader->body, reader->size);
	content->taken += reader->size;
	if (error == 0 && content->taken == content->expected)
		error = conclude(importing);
	return judge(importing, error);
}

/* ---- its blocks ---- */

/* -EBADMSG: there is no such block. */
static int find_unit(const struct package_content *content, uint64_t offset, size_t size,
		     uint32_t *unit_out)
{
	const struct cutting *cutting = object_cutting(content->object);
	uint32_t unit;

	if (offset >= cutting_size(cutting))
		return -EBADMSG;
	unit = cutting_unit_at(cutting, offset);
	if (cutting_offset(cutting, unit) != offset || cutting_length(cutting, unit) != size)
		return -EBADMSG;
	*unit_out = unit;
	return 0;
}

static int check(const struct package_content *content, uint64_t offset, const void *data,
		 size_t size)
{
	struct content_block block;
	int error = content_block_at(content->content, offset, &block);

	if (error == -ENOENT || (error == 0 && (block.offset != offset || block.length != size)))
		return -EBADMSG;
	return error == 0 ? content_block_check(content->content, &block, data, size) : error;
}

static int keep(struct package_importing *importing, uint64_t offset, const void *data, size_t size)
{
	const struct package_content *content = importing->content;
	bool present = false;
	uint32_t unit;
	int error = find_unit(content, offset, size, &unit);

	if (error == 0)
		error = check(content, offset, data, size);
	if (error != 0)
		return error;
	if (object_extent(content->object, unit, 1, &present) == 1 && present) {
		importing->figures->present++;
		return 0;
	}
	error = object_write_described(content->object, content->content, unit, data, size);
	if (error == 0) {
		importing->figures->blocks++;
		importing->figures->octets += size;
	}
	return error;
}

/* Described anew, by the origin perhaps: what is left is checked against that. */
static bool look_again(struct package_content *content)
{
	struct content *there = object_content(content->object);

	content->ours = content->ours && same(there, content->content);
	content_put(content->content);
	content->content = there;
	return there != NULL;
}

int package_content_block(struct package_importing *importing)
{
	struct package_content *content = importing->content;
	const struct package_reader *reader = &importing->reader;
	struct bytes_in in = bytes_in(reader->body, reader->size);
	uint64_t offset = bytes_le64(&in);
	int error;

	importing->done += in.left;
	if (in.failed || in.left == 0 || content == NULL || content->content == NULL) {
		importing->figures->bad++;
		return 0;
	}
	do {
		error = keep(importing, offset, in.at, in.left);
	} while (error == -ESTALE && look_again(content));
	if (error == -ESTALE || error == -EINVAL || (error == -EBADMSG && !content->ours)) {
		importing->figures->unfit++;
		return 0;
	}
	if (error == -EBADMSG) {
		importing->figures->bad++;
		return 0;
	}
	return error;
}
