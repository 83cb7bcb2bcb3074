/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Whether many want a content just now (peerdist-api.md 8.10): whether for one of its segments that
 * is not wholly here two other machines asked lately and went without. A content can have a million
 * segments and the call must not last, so a sample is looked at, made once: all segments of a small
 * content, else some at equal distances; and those that the stream comes to next. A crowd asks for
 * the segments of a content one after the other, so within the half minute that counts it comes by
 * the sample.
 */
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "fs/service/consumer.h"
#include "peer/neighbours.h"

/* Segments: our choice, 8 GiB of version 1.0 at full; 20 KiB for each content. */
#define SAMPLE_MAX 256u
/* Looked at from the stream's position on: our choice. */
#define AHEAD 16u
/* Machines. */
#define CROWD 2u

struct place {
	uint64_t offset;
	uint32_t length;
	uint8_t id[DIGEST_SIZE_MAX];
};

struct consumer_crowd {
	unsigned count;
	struct place places[];
};

static int place_of(const struct content *content, uint32_t index, struct place *place_out)
{
	struct content_segment segment;
	int error = content_segment(content, index, &segment);

	if (error == 0)
		error = content_segment_id(content, &segment, place_out->id);
	if (error != 0)
		return error;
	place_out->offset = segment.offset;
	place_out->length = segment.length;
	OPENSSL_cleanse(&segment, sizeof segment);
	return 0;
}

struct consumer_crowd *consumer_crowd_create(const struct consumer *consumer)
{
	const struct content *content = consumer->content;
	uint32_t segments = content_segments(content);
	unsigned count = segments < SAMPLE_MAX ? segments : SAMPLE_MAX;
	struct consumer_crowd *crowd = malloc(sizeof *crowd + count * sizeof *crowd->places);

	if (crowd == NULL)
		return NULL;
	crowd->count = 0;
	for (unsigned i = 0; i < count; i++) {
		uint32_t index = (uint32_t)((uint64_t)i * segments / count);

		if (place_of(content, index, &crowd->places[crowd->count]) == 0)
			crowd->count++;
	}
	return crowd;
}

static bool is_here(const struct consumer *consumer, const struct place *place)
{
	uint64_t start = place->offset, end = place->offset + place->length;
	bool here;

	if (start < consumer->start)
		start = consumer->start;
	if (end > consumer->end)
		end = consumer->end;
	return parts_extent(consumer->parts, start, end, &here) == end - start && here;
}

static bool is_wanted(const struct consumer *consumer, const struct place *place)
{
	struct neighbours *neighbours = consumer->handle.instance->service->options.neighbours;
	size_t id_size = digest_size(content_algorithm(consumer->content));

	return neighbours_unserved(neighbours, place->id, id_size) >= CROWD &&
	       !is_here(consumer, place);
}

static bool is_wanted_ahead(const struct consumer *consumer)
{
	const struct content *content = consumer->content;
	uint32_t segments = content_segments(content), index;
	uint64_t position = atomic_load(&consumer->position);
	struct place place;

	if (consumer->crowd != NULL && consumer->crowd->count == segments)
		return false; /* they are in the sample */
	if (content_segment_at(content, position, &index) != 0)
		return false;
	for (uint32_t i = index; i < segments && i - index < AHEAD; i++)
		if (place_of(content, i, &place) == 0 && is_wanted(consumer, &place))
			return true;
	return false;
}

static bool is_crowded(const struct consumer *consumer)
{
	const struct consumer_crowd *crowd = consumer->crowd;

	if (consumer->handle.instance->service->options.neighbours == NULL)
		return false;
	for (unsigned i = 0; crowd != NULL && i < crowd->count; i++)
		if (is_wanted(consumer, &crowd->places[i]))
			return true;
	return is_wanted_ahead(consumer);
}

static uint32_t check(const struct request *request)
{
	const struct pdc_info *message = (const struct pdc_info *)request->header;

	return message->info_class == PeerDistClientBasicInfo ? ERROR_SUCCESS
							      : ERROR_INVALID_PARAMETER;
}

static uint32_t get_information(struct request *request)
{
	struct pdc_info *message = (struct pdc_info *)request->header;
	struct consumer *consumer = consumer_of(request);
	uint32_t status = consumer_ready(consumer);

	if (status != ERROR_SUCCESS)
		return status;
	/* A BOOL, of 32 bits, little-endian. */
	memset(message->data, 0, sizeof message->data);
	message->data[0] = is_crowded(consumer);
	message->out_len = sizeof(uint32_t);
	return ERROR_SUCCESS;
}

const struct request_call call_get_information = {check, get_information};
