/* SPDX-License-Identifier: BSD-2-Clause */
#include "peer/hosted_known.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "cache/content_v1.h"
#include "cache/content_v1_format.h"
#include "cache/store_content.h"
#include "cache/store_known.h"
#include "cache/store_segment.h"

#define PATH_MAX_SIZE (sizeof(HOSTED_KNOWN_FOLDER) + 1 + 2 * DIGEST_SIZE_MAX)

/* ---- what is known ---- */

static enum digest_algorithm algorithm_of(const struct store_segment *segment, size_t id_size)
{
	if (store_segment_version(segment) == 2)
		return DIGEST_SHA512_TRUNC256;
	return id_size == digest_size(DIGEST_SHA256)   ? DIGEST_SHA256
	       : id_size == digest_size(DIGEST_SHA384) ? DIGEST_SHA384
						       : DIGEST_SHA512;
}

/* Of what something is held the store remembers for a while where it was found. */
static bool find_held(struct store *store, struct pccrr_id id, enum digest_algorithm *algorithm_out,
		      uint32_t *length_out)
{
	const struct content_segment *description;
	struct store_segment *segment;
	bool whole;

	if (store_segment_find(store, id.octets, id.size, &segment) != 0)
		return false;
	description = store_segment_description(segment);
	whole = description->listed == description->blocks;
	if (whole) {
		*algorithm_out = algorithm_of(segment, id.size);
		*length_out = description->length;
	}
	store_segment_put(segment);
	return whole;
}

bool hosted_known_has(struct store *store, struct pccrr_id id, enum digest_algorithm *algorithm_out,
		      uint32_t *length_out)
{
	struct store_known *known;

	if (find_held(store, id, algorithm_out, length_out))
		return true;
	if (store_known_find(store, id.octets, id.size, &known) != 0)
		return false;
	*algorithm_out = store_known_algorithm(known);
	*length_out = store_known_segment(known)->length;
	store_known_put(known);
	return true;
}

/* ---- what is kept ---- */

/* The encoded form of the segment as a content of its own. Returns its octets. */
static size_t write_content(const struct content_v1_single *single,
			    const struct content_v1_plan *plan,
			    uint8_t encoded_out[CONTENT_V1_SINGLE_MAX])
{
	struct bytes_out out = bytes_out(encoded_out, CONTENT_V1_SINGLE_MAX);

	content_v1_put_header(plan, &out);
	content_v1_put_description(plan, 0, single->segment.hash_of_data, single->segment.secret,
				   &out);
	content_v1_put_list(plan, 0, single->hashes, &out);
	return CONTENT_V1_SINGLE_MAX - out.left;
}

static int take_in(struct store *store, const uint8_t *encoded, size_t size,
		   struct content **content_out)
{
	struct store_intake *intake;
	int error = store_intake_begin(store, size, &intake);

	if (error != 0)
		return error;
	error = store_intake_feed(intake, encoded, size);
	if (error == 0)
		error = store_intake_end(intake, content_out);
	store_intake_free(intake);
	return error;
}

static int make_content(struct store *store, const struct content_v1_single *single,
			struct content **content_out)
{
	struct content_v1_plan plan;
	uint8_t *encoded;
	int error = content_v1_plan(single->algorithm, single->segment.length, 0,
				    single->segment.length, &plan);

	if (error != 0)
		return error;
	encoded = malloc(CONTENT_V1_SINGLE_MAX);
	if (encoded == NULL)
		return -ENOMEM;
	error = take_in(store, encoded, write_content(single, &plan, encoded), content_out);
	OPENSSL_cleanse(encoded, CONTENT_V1_SINGLE_MAX);
	free(encoded);
	return error;
}

static int describe(struct object *object, struct content *content)
{
	struct object_survey *survey;
	int error = object_survey(object, content, NULL, NULL, &survey);

	return error != 0 ? error : object_describe(survey, NULL);
}

static void write_path(const struct content_v1_single *single, char path_out[PATH_MAX_SIZE])
{
	char *at = path_out + sprintf(path_out, "%s/", HOSTED_KNOWN_FOLDER);

	for (size_t i = 0; i < digest_size(single->algorithm); i++)
		at += sprintf(at, "%02x", single->id[i]);
}

int hosted_known_keep(struct store *store, const struct content_v1_single *single)
{
	struct pccrr_id id = {single->id, (uint32_t)digest_size(single->algorithm)};
	enum digest_algorithm algorithm;
	char path[PATH_MAX_SIZE];
	struct object *object;
	struct content *content;
	uint32_t length;
	int error;

	if (single->segment.listed != single->segment.blocks)
		return -EINVAL;
	if (hosted_known_has(store, id, &algorithm, &length))
		return 0;
	write_path(single, path);
	error = store_object(store, path, HOSTED_KNOWN_VALIDATOR, single->segment.length, &object);
	if (error != 0)
		return error;
	error = make_content(store, single, &content);
	if (error == 0) {
		error = describe(object, content);
		content_put(content);
	}
	object_put(object);
	return error;
}
