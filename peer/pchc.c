/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Requests and responses of the hosted cache protocol. All integers big-endian, except in the
 * content information that one message carries.
 */
#include "peer/pchc.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "cache/content_v1.h"
#include "cache/content_v2.h"

#define PREFIX_SIZE 16u
#define PADDING_BEFORE_PORT 4u
#define PADDING_BEHIND_PORT 6u
#define RESPONSE_LENGTH 1u /* octets behind the field that says so */

static bool is_path(const char *path, const char *known)
{
	size_t length = strlen(known) - 1; /* without the closing slash */

	return strncasecmp(path, known, length) == 0 &&
	       (path[length] == '\0' || strcmp(path + length, "/") == 0);
}

unsigned pchc_path_version(const char *path)
{
	if (is_path(path, PCHC_PATH_1))
		return 1;
	return is_path(path, PCHC_PATH_2) ? 2 : 0;
}

/* ---- descriptors ---- */

static const struct {
	uint8_t number; /* on the wire */
	enum digest_algorithm digest;
	uint32_t segment_max, block_size;
} algorithms[] = {
	{1, DIGEST_SHA256, CONTENT_V1_SEGMENT, CONTENT_V1_BLOCK},
	{4, DIGEST_SHA512_TRUNC256, CONTENT_V2_SEGMENT_MAX, CONTENT_V2_SEGMENT_MAX},
};
#define ALGORITHMS (sizeof(algorithms) / sizeof(algorithms[0]))

void pchc_offers_put(struct bytes_out *out, const struct pchc_offer *offer)
{
	bytes_put_be32(out, offer->block_size);
	bytes_put_be32(out, offer->segment_size);
	bytes_put_be16(out, PCHC_TAG_SIZE);
	bytes_put(out, offer->tag, PCHC_TAG_SIZE);
	bytes_put_u8(out, offer->algorithm);
	bytes_put(out, offer->id, PCHC_ID_SIZE);
}

/* An unknown algorithm leaves the size of the id open; it is taken to be as large as all others. */
static struct pchc_offer take_offer(struct bytes_in *in)
{
	struct pchc_offer offer;

	offer.block_size = bytes_be32(in);
	offer.segment_size = bytes_be32(in);
	if (bytes_be16(in) != PCHC_TAG_SIZE)
		in->failed = true;
	offer.tag = bytes_take(in, PCHC_TAG_SIZE);
	offer.algorithm = bytes_u8(in);
	offer.id = bytes_take(in, PCHC_ID_SIZE);
	return offer;
}

bool pchc_offers_next(struct pchc_offers *rest, struct pchc_offer *offer_out)
{
	struct bytes_in in = bytes_in(rest->wire, (size_t)rest->count * PCHC_OFFER_SIZE);
	struct pchc_offer offer;

	if (rest->count == 0)
		return false;
	offer = take_offer(&in);
	if (in.failed)
		return false;
	*rest = (struct pchc_offers){in.at, rest->count - 1};
	*offer_out = offer;
	return true;
}

enum pchc_use pchc_offer_use(const struct pchc_offer *offer, enum digest_algorithm *algorithm_out,
			     uint32_t *blocks_out)
{
	uint32_t size = offer->segment_size;
	size_t i = 0;

	while (i < ALGORITHMS && algorithms[i].number != offer->algorithm)
		i++;
	if (i == ALGORITHMS)
		return PCHC_UNKNOWN_ALGORITHM;
	if (size == 0 || size > algorithms[i].segment_max)
		return PCHC_ABSURD_SIZE;
	*algorithm_out = algorithms[i].digest;
	*blocks_out = (size - 1) / algorithms[i].block_size + 1;
	return PCHC_USABLE;
}

bool pchc_offer_make(enum digest_algorithm algorithm, uint32_t length, const uint8_t *tag,
		     const uint8_t *id, struct pchc_offer *offer_out)
{
	size_t i = 0;

	while (i < ALGORITHMS && algorithms[i].digest != algorithm)
		i++;
	if (i == ALGORITHMS || length == 0 || length > algorithms[i].segment_max)
		return false;
	*offer_out = (struct pchc_offer){
		.block_size = algorithm == DIGEST_SHA256 ? CONTENT_V1_BLOCK : length,
		.segment_size = length,
		.tag = tag,
		.algorithm = algorithms[i].number,
		.id = id,
	};
	return true;
}

/* ---- what the types differ in ---- */

static bool id_possible(size_t size)
{
	return size == digest_size(DIGEST_SHA256) || size == digest_size(DIGEST_SHA384) ||
	       size == digest_size(DIGEST_SHA512);
}

static size_t initial_size(const struct pchc_request *request)
{
	return id_possible(request->segment.size) ? request->segment.size : 0;
}

static void put_initial(struct bytes_out *out, const struct pchc_request *request)
{
	bytes_put(out, request->segment.octets, request->segment.size);
}

static enum pchc_verdict take_initial(struct bytes_in *in, struct pchc_request *request)
{
	size_t size = in->left;

	if (!id_possible(size))
		return PCHC_MALFORMED;
	request->segment = (struct pccrr_id){bytes_take(in, size), (uint32_t)size};
	return PCHC_VALID;
}

static size_t information_size(const struct pchc_request *request)
{
	size_t size = content_v1_single_size(&request->information);

	return size == 0 ? 0 : PCHC_TAG_SIZE + size;
}

static void put_information(struct bytes_out *out, const struct pchc_request *request)
{
	bytes_put(out, request->tag, PCHC_TAG_SIZE);
	content_v1_single_write(&request->information, out);
}

static enum pchc_verdict take_information(struct bytes_in *in, struct pchc_request *request)
{
	request->tag = bytes_take(in, PCHC_TAG_SIZE);
	if (request->tag == NULL)
		return PCHC_MALFORMED;
	if (content_v1_single_read(in->at, in->left, &request->information) != 0)
		return PCHC_IGNORED;
	bytes_take(in, in->left);
	return PCHC_VALID;
}

static size_t batch_size(const struct pchc_request *request)
{
	if (request->offers.count > PCHC_OFFERS_MAX)
		return 0;
	return (size_t)request->offers.count * PCHC_OFFER_SIZE;
}

static void put_batch(struct bytes_out *out, const struct pchc_request *request)
{
	bytes_put(out, request->offers.wire, batch_size(request));
}

static enum pchc_verdict take_batch(struct bytes_in *in, struct pchc_request *request)
{
	size_t count = in->left / PCHC_OFFER_SIZE;

	if (count == 0 || count > PCHC_OFFERS_MAX)
		return PCHC_MALFORMED;
	request->offers = (struct pchc_offers){in->at, (uint32_t)count};
	for (size_t i = 0; i < count; i++)
		take_offer(in);
	return bytes_complete(in) ? PCHC_VALID : PCHC_MALFORMED;
}

static const struct {
	unsigned version; /* major; all minors are 0 */
	/* Of what follows the prefix; 0: there is no such message. */
	size_t (*size)(const struct pchc_request *request);
	void (*put)(struct bytes_out *out, const struct pchc_request *request);
	enum pchc_verdict (*take)(struct bytes_in *in, struct pchc_request *request);
} kinds[] = {
	[PCHC_INITIAL_OFFER] = {1, initial_size, put_initial, take_initial},
	[PCHC_SEGMENT_INFO] = {1, information_size, put_information, take_information},
	[PCHC_BATCHED_OFFER] = {2, batch_size, put_batch, take_batch},
};

static bool is_type(unsigned type)
{
	return type < sizeof(kinds) / sizeof(kinds[0]) && kinds[type].take != NULL;
}

/* ---- any request ---- */

size_t pchc_request_size(const struct pchc_request *request)
{
	size_t size = is_type(request->type) ? kinds[request->type].size(request) : 0;

	return size == 0 ? 0 : PREFIX_SIZE + size;
}

void pchc_request_write(const struct pchc_request *request, uint8_t *message_out)
{
	size_t size = pchc_request_size(request);
	struct bytes_out out = bytes_out(message_out, size);

	assert(size > 0);
	bytes_put_u8(&out, 0);
	bytes_put_u8(&out, (uint8_t)kinds[request->type].version);
	bytes_put_be16(&out, (uint16_t)request->type);
	bytes_put_big(&out, 0, PADDING_BEFORE_PORT);
	bytes_put_be16(&out, request->port);
	bytes_put_big(&out, 0, PADDING_BEHIND_PORT);
	kinds[request->type].put(&out, request);
	assert(!out.failed && out.left == 0);
}

enum pchc_verdict pchc_request_read(const void *message, size_t size, unsigned version,
				    struct pchc_request *request_out)
{
	struct bytes_in in = bytes_in(message, size);
	uint8_t minor = bytes_u8(&in), major = bytes_u8(&in);
	uint16_t type = bytes_be16(&in);
	struct pchc_request request = {0};
	enum pchc_verdict verdict;

	bytes_take(&in, PADDING_BEFORE_PORT);
	request.port = bytes_be16(&in);
	bytes_take(&in, PADDING_BEHIND_PORT);
	if (in.failed || size > PCHC_REQUEST_MAX || minor != 0 || major != version ||
	    !is_type(type) || kinds[type].version != version)
		return PCHC_MALFORMED;
	request.type = type;
	verdict = kinds[type].take(&in, &request);
	if (verdict == PCHC_VALID)
		*request_out = request;
	return verdict;
}

/* ---- responses ---- */

void pchc_response_write(enum pchc_code code, uint8_t body_out[PCHC_RESPONSE_SIZE])
{
	struct bytes_out out = bytes_out(body_out, PCHC_RESPONSE_SIZE);

	bytes_put_be32(&out, RESPONSE_LENGTH);
	bytes_put_u8(&out, (uint8_t)code);
	assert(!out.failed && out.left == 0);
}

int pchc_response_read(const void *body, size_t size, enum pchc_type asked,
		       enum pchc_code *code_out)
{
	struct bytes_in in = bytes_in(body, size);
	uint32_t length = bytes_be32(&in);
	uint8_t code = bytes_u8(&in);

	if (!bytes_complete(&in) || length != RESPONSE_LENGTH)
		return -EBADMSG;
	if (code != PCHC_OK && (code != PCHC_INTERESTED || asked != PCHC_INITIAL_OFFER))
		return -EBADMSG;
	*code_out = code;
	return 0;
}
