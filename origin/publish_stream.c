/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Making content information of octets that pass by.
 */
#include <errno.h>
#include <stdlib.h>

#include "origin/publish_private.h"

struct publish_stream {
	struct publish *publish;
	struct publish_making *making;
	struct publish_hashing *hashing;
	uint64_t left; /* octets to come */
	int failure;
};

int publish_stream_begin(struct publish *publish, const struct publish_subject *subject,
			 struct publish_stream **stream_out)
{
	struct publish_stream *stream = calloc(1, sizeof(*stream));
	int error;

	if (stream == NULL)
		return -ENOMEM;
	stream->publish = publish;
	stream->left = subject->size;
	error = publish_shelf_admits(publish_shelf(publish), subject->size,
				     publish_versions(publish));
	if (error == 0)
		error = publish_claim(publish, subject, &stream->making);
	if (error != 0) {
		free(stream);
		return error;
	}
	/* Without the pool: the octets come no faster than the network. */
	error = publish_hashing_create(publish_versions(publish), NULL, POOL_IDLE,
				       &stream->hashing);
	if (error != 0) {
		publish_claim_end(stream->making, error, NULL);
		free(stream);
		return error;
	}
	*stream_out = stream;
	return 0;
}

int publish_stream_feed(struct publish_stream *stream, const void *data, size_t size)
{
	if (stream->failure == 0 && size > stream->left)
		stream->failure = -ESTALE; /* it is longer than its origin said */
	if (stream->failure == 0)
		stream->failure = publish_hashing_add(stream->hashing, data, size);
	if (stream->failure != 0)
		return stream->failure;
	stream->left -= size;
	publish_count_octets(stream->publish, size);
	return 0;
}

int publish_stream_end(struct publish_stream *stream, bool whole)
{
	struct publish_made made = {0};
	int error = stream->failure;

	if (error == 0 && !whole)
		error = -ECANCELED;
	if (error == 0 && stream->left > 0)
		error = -ESTALE;
	if (error == 0)
		error = publish_hashing_end(stream->hashing, &made);
	error = publish_claim_end(stream->making, error, &made);
	publish_made_clear(&made);
	publish_hashing_free(stream->hashing);
	free(stream);
	return error;
}
