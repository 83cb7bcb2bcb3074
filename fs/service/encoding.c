/* SPDX-License-Identifier: BSD-2-Clause */
#include "fs/service/encoding.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "cache/content_v1.h"
#include "cache/content_v2.h"
#include "cache/store_content.h"

/* One of OCTETS, OBJECT and CONTENT is there. */
struct encoding {
	uint64_t size;   /* of the encoded form */
	uint8_t *octets; /* in memory */
	struct object *object;
	/* No object could be described by it; it keeps a descriptor. */
	struct content *content;
};

/* ---- making ---- */

bool encoding_is_short(const struct content_hashes *hashes)
{
	struct content_v1_plan v1;
	struct content_v2_plan v2;

	if (hashes->version == 1)
		return content_v1_plan(hashes->algorithm, hashes->size, 0, hashes->size, &v1) ==
			       0 &&
		       v1.size <= ENCODING_SHORT_MAX;
	content_v2_plan_whole(hashes->count, &v2);
	return v2.size <= ENCODING_SHORT_MAX;
}

struct making {
	const struct encoding_options *options;
	const struct content_hashes *hashes;
	struct encoding *encoding;
	struct store_intake *intake; /* NULL: into memory */
	uint64_t filled;
};

static int begin(struct making *making)
{
	const struct encoding_options *options = making->options;
	struct encoding *encoding = making->encoding;

	if (!encoding_is_short(making->hashes))
		return store_intake_begin(options->store, encoding->size, &making->intake);
	encoding->octets = malloc(encoding->size);
	return encoding->octets != NULL ? 0 : -ENOMEM;
}

static int put(void *owner, const void *data, size_t size)
{
	struct making *making = owner;
	const struct encoding_options *options = making->options;
	int error = making->filled == 0 ? begin(making) : 0;

	if (error != 0)
		return error;
	if (options->go_on != NULL && !options->go_on(options->context))
		return -ECANCELED;
	if (making->intake != NULL)
		error = store_intake_feed(making->intake, data, size);
	else
		memcpy(making->encoding->octets + making->filled, data, size);
	making->filled += size;
	return error;
}

static int describe(const struct encoding_options *options, struct object *object,
		    struct content *content)
{
	struct object_survey *survey;
	int error = object_survey(object, content, options->go_on, options->context, &survey);

	return error == 0 ? object_describe(survey, NULL) : error;
}

/* Without an object it is kept all the same. */
static int settle(struct making *making, struct content *content)
{
	const struct encoding_options *options = making->options;
	struct object *object = NULL;
	int error = store_object(options->store, options->path, options->validator,
				 content_end(content), &object);

	if (error == 0)
		error = describe(options, object, content);
	if (error == 0) {
		making->encoding->object = object;
		content_put(content);
		return 0;
	}
	object_put(object);
	if (error == -ECANCELED)
		content_put(content);
	else
		making->encoding->content = content;
	return error == -ECANCELED ? error : 0;
}

static int make(struct making *making, const uint8_t *ks)
{
	const struct content_hashes *hashes = making->hashes;
	struct content *content;
	int error = content_hashes_write(hashes, ks, 0, hashes->size, &making->encoding->size, put,
					 making);

	if (error != 0 || making->intake == NULL)
		return error;
	error = store_intake_end(making->intake, &content);
	return error == 0 ? settle(making, content) : error;
}

int encoding_make(const struct encoding_options *options, const struct content_hashes *hashes,
		  const uint8_t *ks, struct encoding **encoding_out)
{
	struct making making = {.options = options, .hashes = hashes};
	int error;

	making.encoding = calloc(1, sizeof *making.encoding);
	if (making.encoding == NULL)
		return -ENOMEM;
	error = make(&making, ks);
	store_intake_free(making.intake);
	if (error != 0) {
		encoding_free(making.encoding);
		return error;
	}
	*encoding_out = making.encoding;
	return 0;
}

void encoding_free(struct encoding *encoding)
{
	if (encoding == NULL)
		return;
	if (encoding->octets != NULL)
		OPENSSL_cleanse(encoding->octets, encoding->size); /* segment secrets */
	free(encoding->octets);
	object_put(encoding->object);
	content_put(encoding->content);
	free(encoding);
}

bool encoding_can_lend(const struct encoding *encoding)
{
	/* The object would take its file. */
	return encoding->content == NULL;
}

int encoding_content(struct encoding *encoding, struct content **content_out)
{
	struct content *content;

	if (encoding->octets != NULL)
		return content_decode(encoding->octets, encoding->size, encoding->size, content_out,
				      NULL);
	content = encoding->object != NULL ? object_content(encoding->object)
					   : content_get(encoding->content);
	if (content == NULL)
		return -EIO;
	*content_out = content;
	return 0;
}
