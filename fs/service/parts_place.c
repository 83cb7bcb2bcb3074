/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Places: the objects of the store that a consumer's blocks are kept in. Their names begin with a
 * slash, as no path of an origin does; the rest of a name follows from what is listed alone, so
 * that whoever has the same content information finds the same object.
 */
#include "fs/service/parts_private.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>

#include "cache/content_slice.h"
#include "cache/store_content.h"

enum { NAME_MAX_OCTETS = PARTS_NAME_SIZE };

/* One object is described at a time: two who open the same content would do it twice. */
static pthread_mutex_t describing = PTHREAD_MUTEX_INITIALIZER;

/* ---- names ---- */

static void make_name(char name[NAME_MAX_OCTETS], const char *kind, const uint8_t *digest,
		      size_t size)
{
	int length = snprintf(name, NAME_MAX_OCTETS, "/%s/", kind);

	for (size_t i = 0; i < size; i++)
		length += snprintf(name + length, NAME_MAX_OCTETS - (size_t)length, "%02x",
				   digest[i]);
}

struct naming {
	const struct content *content;
	uint32_t first, count;
	struct digest_stream *stream;
};

/* Length, HoD and secret of each segment: what the octets are, and who may ask for them. */
static int name_segment(void *owner, uint32_t index, const struct content_segment *segment)
{
	struct naming *naming = owner;
	size_t size = digest_size(content_algorithm(naming->content));
	int error;

	if (index < naming->first || index - naming->first >= naming->count)
		return 0;
	error = digest_stream_add(naming->stream, &segment->length, sizeof(segment->length));
	if (error == 0)
		error = digest_stream_add(naming->stream, segment->hash_of_data, size);
	if (error == 0)
		error = digest_stream_add(naming->stream, segment->secret, size);
	return error;
}

static int name_run(struct naming *naming, char name[NAME_MAX_OCTETS])
{
	const uint8_t kind[2] = {(uint8_t)content_version(naming->content),
				 (uint8_t)content_algorithm(naming->content)};
	uint8_t digest[DIGEST_SIZE_MAX];
	int error = digest_stream_create(DIGEST_SHA256, &naming->stream);

	if (error != 0)
		return error;
	error = digest_stream_add(naming->stream, kind, sizeof(kind));
	if (error == 0)
		error = content_each_segment(naming->content, name_segment, naming);
	if (error == 0)
		error = digest_stream_end(naming->stream, digest);
	digest_stream_free(naming->stream);
	if (error == 0)
		make_name(name, "content", digest, digest_size(DIGEST_SHA256));
	return error;
}

/* Nothing binds a list that is not complete to the segment, so it is part of the name. */
static int digest_list(const struct content *content, const struct content_segment *segment,
		       struct digest_stream *stream)
{
	size_t size = digest_size(content_algorithm(content));
	uint8_t id[DIGEST_SIZE_MAX];
	struct content_block block;
	int error = content_segment_id(content, segment, id);

	if (error == 0)
		error = digest_stream_add(stream, id, size);
	if (error == 0)
		error = digest_stream_add(stream, &segment->length, sizeof(segment->length));
	if (error == 0)
		error = digest_stream_add(stream, &segment->first_listed,
					  sizeof(segment->first_listed));
	for (uint32_t i = 0; error == 0 && i < segment->listed; i++) {
		error = content_block_listed(content, segment, segment->first_listed + i, &block);
		if (error == 0)
			error = digest_stream_add(stream, block.hash, size);
	}
	return error;
}

static int name_partly(const struct content *content, const struct content_segment *segment,
		       char name[NAME_MAX_OCTETS])
{
	struct digest_stream *stream;
	uint8_t digest[DIGEST_SIZE_MAX];
	int error = digest_stream_create(DIGEST_SHA256, &stream);

	if (error != 0)
		return error;
	error = digest_list(content, segment, stream);
	if (error == 0)
		error = digest_stream_end(stream, digest);
	digest_stream_free(stream);
	if (error == 0)
		make_name(name, "list", digest, digest_size(DIGEST_SHA256));
	return error;
}

/* ---- what is listed wholly ---- */

struct run {
	uint32_t first, count; /* listed segments */
	uint64_t start, end;   /* in the content */
};

static int put_in_intake(void *owner, const void *data, size_t size)
{
	return store_intake_feed(owner, data, size);
}

/* Content information of RUN alone. */
static int slice(struct parts *parts, const struct run *run, struct content **content_out)
{
	struct store_intake *intake;
	int error = store_intake_begin(parts->store, content_header(parts->content)->size, &intake);

	if (error != 0)
		return error;
	error = content_slice_write(parts->content, run->first, run->count, put_in_intake, intake);
	if (error == 0)
		error = store_intake_end(intake, content_out);
	store_intake_free(intake);
	return error;
}

/* Whether the consumer's own content information is that of RUN alone. */
static bool is_whole(const struct content *content, const struct run *run)
{
	return run->count == content_segments(content) && run->start == 0 &&
	       content_start(content) == 0 && content_end(content) == run->end;
}

static int describe_now(struct parts *parts, const struct run *run, struct object *object)
{
	struct content *content = NULL;
	struct object_survey *survey;
	int error = 0;

	if (is_whole(parts->content, run))
		content = content_get(parts->content);
	else
		error = slice(parts, run, &content);
	if (error == 0)
		error = object_survey(object, content, NULL, NULL, &survey);
	content_put(content);
	return error != 0 ? error : object_describe(survey, NULL);
}

static int describe(struct parts *parts, const struct run *run, struct object *object)
{
	struct content *content;
	int error = 0;

	pthread_mutex_lock(&describing);
	content = object_content(object);
	if (content == NULL)
		error = describe_now(parts, run, object);
	pthread_mutex_unlock(&describing);
	content_put(content);
	return error;
}

/* A place that is closed with the others, whatever comes. */
static struct place *add_place(struct parts *parts, struct object *object, uint64_t base)
{
	struct place *place = &parts->places[parts->place_count++];

	*place = (struct place){.object = object, .base = base};
	return place;
}

/* It says the same, and its file is opened only when it is read. */
static void use_kept(struct parts *parts, struct object *object)
{
	struct content *content = object_content(object);

	if (content == NULL)
		return;
	content_put(parts->content);
	parts->content = content;
	parts->kept = true;
}

static int open_run(struct parts *parts, const struct run *run)
{
	struct naming naming = {
		.content = parts->content, .first = run->first, .count = run->count};
	char name[NAME_MAX_OCTETS];
	struct object *object;
	struct place *place;
	int error;

	if (run->count == 0)
		return 0;
	error = name_run(&naming, name);
	if (error == 0)
		error = store_object(parts->store, name, "", run->end - run->start, &object);
	if (error != 0)
		return error;
	place = add_place(parts, object, run->start);
	place->first = run->first;
	place->start = run->start;
	place->end = run->end;
	error = describe(parts, run, object);
	if (error != 0)
		return error;
	place->cutting = object_cutting(object);
	if (is_whole(parts->content, run))
		use_kept(parts, object);
	return fetch_open_nearby(parts->fetch, object, name, NULL, &place->file);
}

int parts_object(struct store *store, struct content *content, char name_out[PARTS_NAME_SIZE],
		 bool *made_out, struct object **object_out)
{
	struct parts parts = {.store = store, .content = content};
	const struct run run = {.count = content_segments(content), .end = content_end(content)};
	struct naming naming = {.content = content, .count = run.count};
	struct object *object;
	bool made = false;
	int error = name_run(&naming, name_out);

	if (error == 0)
		error = store_find(store, name_out, "", run.end, &object);
	if (error == -ENOENT) {
		made = true;
		error = store_object(store, name_out, "", run.end, &object);
	}
	if (error != 0)
		return error;
	error = describe(&parts, &run, object);
	if (error != 0) {
		object_put(object);
		return error;
	}
	*made_out = made;
	*object_out = object;
	return 0;
}

/* ---- what is listed partly ---- */

static int open_partly(struct parts *parts, uint32_t index, const struct content_segment *segment)
{
	uint64_t end = (uint64_t)(segment->first_listed + segment->listed) * CUTTING_UNIT;
	char name[NAME_MAX_OCTETS];
	struct content *content;
	struct object *object;
	struct place *place;
	int error = name_partly(parts->content, segment, name);

	if (error == 0)
		error = store_object(parts->store, name, "", segment->length, &object);
	if (error != 0)
		return error;
	place = add_place(parts, object, segment->offset);
	place->first = index;
	place->partly = true;
	place->cutting = object_cutting(object);
	place->start = segment->offset + (uint64_t)segment->first_listed * CUTTING_UNIT;
	place->end = segment->offset + (end < segment->length ? end : segment->length);
	error = content_slice_segment(parts->content, index, &content);
	if (error != 0)
		return error;
	error = fetch_open_nearby(parts->fetch, object, name, content, &place->file);
	content_put(content);
	return error;
}

/* ---- all of them ---- */

static int open_all(struct parts *parts, const struct content_segment *first,
		    const struct content_segment *last)
{
	uint32_t count = content_segments(parts->content);
	bool head = !content_segment_is_whole(first);
	bool tail = count > 1 && !content_segment_is_whole(last);
	struct run run = {.first = head,
			  .count = count - head - tail,
			  .start = first->offset + (head ? first->length : 0),
			  .end = last->offset + (tail ? 0 : last->length)};
	int error = head ? open_partly(parts, 0, first) : 0;

	if (error == 0 && tail)
		error = open_partly(parts, count - 1, last);
	return error == 0 ? open_run(parts, &run) : error;
}

int places_open(struct parts *parts)
{
	struct content_segment first, last;
	int error = content_segment(parts->content, 0, &first);

	if (error == 0)
		error = content_segment(parts->content, content_segments(parts->content) - 1,
					&last);
	if (error == 0)
		error = open_all(parts, &first, &last);
	OPENSSL_cleanse(&first, sizeof(first));
	OPENSSL_cleanse(&last, sizeof(last));
	return error;
}

void places_close(struct parts *parts)
{
	for (unsigned i = 0; i < parts->place_count; i++) {
		fetch_file_put(parts->places[i].file);
		object_put(parts->places[i].object);
	}
	parts->place_count = 0;
}

struct place *place_at(struct parts *parts, uint64_t offset)
{
	for (unsigned i = 0; i < parts->place_count; i++)
		if (offset >= parts->places[i].start && offset < parts->places[i].end)
			return &parts->places[i];
	return NULL;
}

uint32_t place_units_end(const struct place *place, uint64_t end)
{
	return place_unit(place, (end < place->end ? end : place->end) - 1) + 1;
}

int place_read_checked(struct parts *parts, struct place *place, uint32_t unit, void *data)
{
	uint64_t offset = cutting_offset(place->cutting, unit);
	uint32_t length = cutting_length(place->cutting, unit);
	struct content *content = fetch_file_content(place->file);
	struct content_block block;
	int error = object_read(place->object, offset, length, data);

	(void)parts;
	if (error == 0)
		error = content_block_at(content, offset, &block);
	if (error == 0) {
		error = content_block_check(content, &block, data, length);
		if (error == -EBADMSG)
			object_discard(place->object, unit, 1);
	}
	content_put(content);
	return error == 0 ? 0 : -ENOENT;
}
