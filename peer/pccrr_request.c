/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Requests (retrieval.md section 4), in both directions. What a server does with each fault of
 * one is the table of section 10.
 */
#include "peer/pccrr_private.h"

#include <assert.h>
#include <string.h>

/* Octets of a message of no ids, no blob and no header. */
#define ASK_VERSIONS_SIZE 8u
#define ASK_SEGMENTS_SIZE 24u

static size_t versions_size(const struct pccrr_request *request)
{
	(void)request;
	return ASK_VERSIONS_SIZE;
}

static void put_versions(struct bytes_out *out, const struct pccrr_request *request)
{
	pccrr_put_version(out, request->least);
	pccrr_put_version(out, request->most);
}

/* Any range is valid, since all get the same answer. */
static void take_versions(struct bytes_in *in, struct pccrr_request *request)
{
	request->least = pccrr_take_version(in);
	request->most = pccrr_take_version(in);
}

static size_t list_size(const struct pccrr_request *request)
{
	if (!pccrr_id_possible(request->segment))
		return 0;
	return pccrr_sized(request->segment.size) + PCCRR_NUMBER_SIZE +
	       PCCRR_RANGE_SIZE * (size_t)range_set_ranges(request->blocks, PCCRR_BLOCKS);
}

static void put_list(struct bytes_out *out, const struct pccrr_request *request)
{
	pccrr_put_id(out, request->segment);
	pccrr_put_set(out, request->blocks, PCCRR_BLOCKS);
}

/* No range at all is accepted, as Windows does, although the specification wants one. */
static void take_list(struct bytes_in *in, struct pccrr_request *request)
{
	uint32_t count;

	request->segment = pccrr_take_id(in);
	count = pccrr_take_range_count(in, PCCRR_RANGES_MAX);
	for (uint32_t i = 0; i < count; i++)
		range_set_add(request->blocks, PCCRR_BLOCKS, pccrr_take_range(in));
}

static size_t block_size(const struct pccrr_request *request)
{
	if (!pccrr_id_possible(request->segment))
		return 0;
	return pccrr_sized(request->segment.size) + PCCRR_NUMBER_SIZE + PCCRR_RANGE_SIZE +
	       PCCRR_NUMBER_SIZE;
}

static void put_block(struct bytes_out *out, const struct pccrr_request *request)
{
	pccrr_put_id(out, request->segment);
	bytes_put_be32(out, 1);
	bytes_put_be32(out, request->block);
	bytes_put_be32(out, request->none ? 0 : 1);
	bytes_put_be32(out, 0); /* SizeOfDataForVrfBlock */
}

/* The lowest index that some range asks for; if all are empty, that of the first. */
static void choose_block(struct bytes_in *in, uint32_t count, struct pccrr_request *request)
{
	for (uint32_t i = 0; i < count; i++) {
		struct range range = pccrr_take_range(in);
		bool better = request->none || range.index < request->block;

		if (i == 0 || (range.count > 0 && better)) {
			request->block = range.index;
			request->none = range.count == 0;
		}
	}
}

static void take_block(struct bytes_in *in, struct pccrr_request *request)
{
	uint32_t count;

	request->segment = pccrr_take_id(in);
	count = pccrr_take_range_count(in, PCCRR_RANGES_MAX);
	pccrr_require(in, count > 0);
	choose_block(in, count, request);
	bytes_take(in, bytes_be32(in)); /* DataForVrfBlock, of no use */
}

static size_t segments_size(const struct pccrr_request *request)
{
	if (request->ids.count == 0)
		return 0;
	return ASK_SEGMENTS_SIZE + (size_t)request->ids.size + request->blob.size;
}

static void put_segments(struct bytes_out *out, const struct pccrr_request *request)
{
	bytes_put(out, request->request_id, PCCRR_REQUEST_ID_SIZE);
	bytes_put_be32(out, request->ids.count);
	bytes_put(out, request->ids.wire, request->ids.size);
	pccrr_put_blob(out, request->blob);
}

static void take_segments(struct bytes_in *in, struct pccrr_request *request)
{
	struct pccrr_ids *ids = &request->ids;

	bytes_copy(in, request->request_id, PCCRR_REQUEST_ID_SIZE);
	ids->count = bytes_be32(in);
	pccrr_require(in, ids->count > 0);
	ids->wire = in->at;
	for (uint32_t i = 0; i < ids->count && !in->failed; i++)
		pccrr_take_id(in);
	ids->size = (uint32_t)(in->at - ids->wire);
	request->blob = pccrr_take_blob(in);
}

static const struct {
	/* Of what follows the header; 0: there is no such message. */
	size_t (*size)(const struct pccrr_request *request);
	void (*put)(struct bytes_out *out, const struct pccrr_request *request);
	void (*take)(struct bytes_in *in, struct pccrr_request *request);
} kinds[PCCRR_TYPES] = {
	[PCCRR_ASK_VERSIONS] = {versions_size, put_versions, take_versions},
	[PCCRR_ASK_LIST] = {list_size, put_list, take_list},
	[PCCRR_ASK_BLOCK] = {block_size, put_block, take_block},
	[PCCRR_ASK_SEGMENTS] = {segments_size, put_segments, take_segments},
};

static bool is_request(uint32_t type)
{
	return type < PCCRR_TYPES && kinds[type].take != NULL;
}

size_t pccrr_request_size(const struct pccrr_request *request)
{
	size_t size;

	if (!is_request(request->type) || request->cipher >= CIPHER_ALGORITHMS)
		return 0;
	size = kinds[request->type].size(request);
	return size == 0 || size > PCCRR_REQUEST_MAX - PCCRR_HEADER_SIZE ? 0
									 : PCCRR_HEADER_SIZE + size;
}

void pccrr_request_write(const struct pccrr_request *request, uint8_t *message_out)
{
	size_t size = pccrr_request_size(request);
	struct bytes_out out = bytes_out(message_out, size);
	struct pccrr_header header = {request->version, request->type, (uint32_t)size,
				      request->cipher};

	assert(size > 0);
	if (header.version.major == 0)
		header.version = pccrr_version_of(request->type);
	pccrr_put_header(&out, &header);
	kinds[request->type].put(&out, request);
	assert(!out.failed && out.left == 0);
}

enum pccrr_verdict pccrr_request_read(const void *message, size_t size,
				      struct pccrr_request *request_out)
{
	struct bytes_in in = bytes_in(message, size);
	struct pccrr_header header = pccrr_take_header(&in);
	struct pccrr_request request = {.version = header.version};

	if (in.failed || size > PCCRR_REQUEST_MAX || header.size != size ||
	    !is_request(header.type))
		return PCCRR_MALFORMED;
	if (!pccrr_version_known(header.version))
		return PCCRR_INCOMPATIBLE;
	if (header.cipher >= CIPHER_ALGORITHMS)
		return PCCRR_MALFORMED;
	request.type = header.type;
	request.cipher = header.cipher;
	kinds[header.type].take(&in, &request);
	if (!bytes_complete(&in))
		return PCCRR_MALFORMED;
	*request_out = request;
	return PCCRR_VALID;
}
