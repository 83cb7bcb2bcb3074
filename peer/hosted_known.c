/* SPDX-License-Identifier: BSD-2-Clause */
#include "peer/hosted_known.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "cache/content_v1.h"
#include "cache/content_v1_format.h"
#include "cache/secret.h"
#include "cache/store_content.h"
#include "cache/store_segment.h"
#include "peer/wsd_message.h"

#define PATH_MAX_SIZE (HOSTED_KNOWN_PATH_MAX + 1 + 2 * DIGEST_SIZE_MAX + 1 + 8)

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

/* ---- where it is kept ---- */

static char *write_digits(char *at, const uint8_t *octets, size_t size)
{
	for (size_t i = 0; i < size; i++)
		at += sprintf(at, "%02x", octets[i]);
	return at;
}

void hosted_known_folder(const struct offers_giver *giver, char path_out[HOSTED_KNOWN_PATH_MAX])
{
	char *at = path_out + sprintf(path_out, "%s/", HOSTED_KNOWN_FOLDER);

	write_digits(at, giver->octets, sizeof(giver->octets));
}

bool hosted_known_giver(const char *path, struct offers_giver *giver_out)
{
	const size_t folder = strlen(HOSTED_KNOWN_FOLDER "/"), digits = 2 * OFFERS_GIVER_SIZE;
	struct offers_giver giver;

	if (strlen(path) <= folder + digits ||
	    strncmp(path, HOSTED_KNOWN_FOLDER "/", folder) != 0 ||
	    wsd_hex(path + folder, digits, giver.octets) != 0 || path[folder + digits] != '/')
		return false;
	*giver_out = giver;
	return true;
}

static void write_path(const struct offers_giver *giver, const struct content_v1_single *single,
		       char path_out[PATH_MAX_SIZE])
{
	char *at = path_out;

	hosted_known_folder(giver, at);
	at += strlen(at);
	*at++ = '/';
	at = write_digits(at, single->id, digest_size(single->algorithm));
	sprintf(at, "-%" PRIx32, single->segment.length);
}

/* ---- keeping it ---- */

/* Objects are described one at a time: two lists may be of one segment. */
static pthread_mutex_t describing = PTHREAD_MUTEX_INITIALIZER;

/* The object that SINGLE, a complete list, describes. */
static int make_object(struct store *store, const struct offers_giver *giver,
		       const struct content_v1_single *single, struct object **object_out)
{
	char path[PATH_MAX_SIZE];
	struct object *object;
	struct content *content;
	int error;

	write_path(giver, single, path);
	error = store_object(store, path, HOSTED_KNOWN_VALIDATOR, single->segment.length, &object);
	if (error != 0)
		return error;
	error = make_content(store, single, &content);
	if (error == 0) {
		error = describe(object, content);
		content_put(content);
	}
	if (error != 0)
		object_put(object);
	else
		*object_out = object;
	return error;
}

int hosted_known_keep(struct store *store, const struct offers_giver *giver,
		      const struct content_v1_single *single)
{
	struct pccrr_id id = {single->id, (uint32_t)digest_size(single->algorithm)};
	enum digest_algorithm algorithm;
	struct object *object = NULL;
	uint32_t length;
	int error = 0;

	if (single->segment.listed != single->segment.blocks)
		return -EINVAL;
	pthread_mutex_lock(&describing);
	if (!hosted_known_has(store, id, &algorithm, &length))
		error = make_object(store, giver, single, &object);
	pthread_mutex_unlock(&describing);
	object_put(object);
	return error;
}

/* ---- what is proven ---- */

/* The list of what is KNOWN, of another length. HASHES has room for PCCRR_BLOCKS of any size. */
static int read_single(const struct store_known *known, uint32_t length, uint8_t *hashes,
		       struct content_v1_single *single_out)
{
	const struct content_segment *segment = store_known_segment(known);
	size_t size = digest_size(store_known_algorithm(known));
	uint8_t hash[DIGEST_SIZE_MAX];

	for (uint32_t block = 0; block < segment->blocks; block++) {
		int error = store_known_hash(known, block, hash);

		if (error != 0)
			return error;
		memcpy(hashes + block * size, hash, size);
	}
	*single_out = (struct content_v1_single){
		.algorithm = store_known_algorithm(known), .segment = *segment, .hashes = hashes};
	single_out->segment.length = length;
	return secret_segment_id(single_out->algorithm, segment->secret, segment->hash_of_data,
				 single_out->id);
}

/* What is held, but for the last block, which is not there under the wrong length. */
static int copy_blocks(struct store *store, const struct content_v1_single *single,
		       struct object *object)
{
	struct store_segment *segment;
	uint32_t length;
	int error = 0;
	void *data;

	if (store_segment_find(store, single->id, digest_size(single->algorithm), &segment) != 0)
		return 0;
	data = malloc(CUTTING_UNIT_MAX);
	if (data == NULL)
		error = -ENOMEM;
	for (uint32_t block = 0; error == 0 && block + 1 < single->segment.blocks; block++)
		if (store_segment_read(segment, block, data, &length) == 0)
			error = object_write(object, block, data, length);
	free(data);
	store_segment_put(segment);
	return error;
}

/* DATA is the last block; FORMER: where the wrong length is. */
static int replace(struct store *store, const struct offers_giver *giver,
		   const struct content_v1_single *single, const char *former, const void *data)
{
	uint32_t last = single->segment.blocks - 1;
	struct offers_giver liar;
	struct object *object;
	uint64_t freed;
	int error = make_object(store, giver, single, &object);

	if (error != 0)
		return error;
	error = copy_blocks(store, single, object);
	if (error == 0)
		error = object_write(object, last, data,
				     single->segment.length - last * CONTENT_V1_BLOCK);
	object_put(object);
	if (error != 0)
		return error;
	if (hosted_known_giver(former, &liar))
		(void)store_clear(store, former, &freed);
	return 0;
}

int hosted_known_prove(struct store *store, const struct offers_giver *giver,
		       const struct store_known *known, const void *data, uint32_t length)
{
	const struct content_segment *segment = store_known_segment(known);
	uint32_t last = segment->blocks - 1;
	struct content_v1_single single = {0};
	uint8_t hash[DIGEST_SIZE_MAX];
	uint8_t *hashes;
	int error;

	if (content_v1_number(store_known_algorithm(known)) == 0 || length == 0 ||
	    length > CONTENT_V1_BLOCK)
		return -EINVAL;
	error = store_known_hash(known, last, hash);
	if (error == 0)
		error = digest_check(store_known_algorithm(known), data, length, hash);
	if (error != 0)
		return error;
	hashes = malloc(PCCRR_BLOCKS * DIGEST_SIZE_MAX);
	if (hashes == NULL)
		return -ENOMEM;
	error = read_single(known, last * CONTENT_V1_BLOCK + length, hashes, &single);
	pthread_mutex_lock(&describing);
	if (error == 0)
		error = replace(store, giver, &single, store_known_path(known), data);
	pthread_mutex_unlock(&describing);
	OPENSSL_cleanse(&single, sizeof(single));
	free(hashes);
	return error;
}
