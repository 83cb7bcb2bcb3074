/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Segments that are offered, who offered them, and what of them is to be fetched.
 */
#include "peer/offers_private.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "cache/content_v1.h"
#include "cache/content_v2.h"

/* ---- the table ---- */

bool offers_segments_begin(struct offers *offers)
{
	uint32_t chains = 1;

	TAILQ_INIT(&offers->to_look);
	while (chains < offers->options.limits.segments && chains < UINT32_C(1) << 20)
		chains *= 2;
	offers->segment_mask = chains - 1;
	offers->segment_chains = calloc(chains, sizeof(struct segment_chain));
	return offers->segment_chains != NULL;
}

void offers_segments_end(struct offers *offers)
{
	free(offers->segment_chains);
}

static struct segment_chain *chain_of(const struct offers *offers, struct pccrr_id id)
{
	XXH64_hash_t hash = XXH3_64bits_withSeed(id.octets, id.size, offers->options.seed);

	return &offers->segment_chains[hash & offers->segment_mask];
}

struct pccrr_id offers_id(const struct offers_segment *segment)
{
	return (struct pccrr_id){segment->id, segment->id_size};
}

static struct offers_segment *find(const struct offers *offers, struct pccrr_id id)
{
	struct offers_segment *segment;

	LIST_FOREACH (segment, chain_of(offers, id), in_chain)
		if (pccrr_id_equal(offers_id(segment), id))
			return segment;
	return NULL;
}

/* Blocks of a segment; 0: there is no such segment, or nobody would take it. */
static uint32_t blocks_of(enum digest_algorithm algorithm, uint32_t size)
{
	if (algorithm == DIGEST_SHA512_TRUNC256)
		return size > 0 && size <= CONTENT_V2_SEGMENT_MAX ? 1 : 0;
	if (size == 0 || size > CONTENT_V1_BLOCKS * CONTENT_V1_BLOCK)
		return 0;
	return (size - 1) / CONTENT_V1_BLOCK + 1;
}

/* ---- what was spoilt ---- */

struct offers_giver offers_giver(const struct xaddr *server)
{
	struct offers_giver giver = {.octets = {(uint8_t)server->family}};

	memcpy(giver.octets + 1, server->octets, server->family == XADDR_IPV4 ? 4 : 8);
	return giver;
}

static bool is_same_giver(const struct offers_giver *one, const struct offers_giver *other)
{
	return memcmp(one->octets, other->octets, OFFERS_GIVER_SIZE) == 0;
}

struct spoilt {
	uint8_t octets[OFFERS_GIVER_SIZE + PCCRR_ID_SIZE_MAX];
	size_t size;
};

static struct spoilt spoilt_key(const struct offers_giver *giver, struct pccrr_id id)
{
	struct spoilt key = {.size = OFFERS_GIVER_SIZE + id.size};

	memcpy(key.octets, giver->octets, OFFERS_GIVER_SIZE);
	memcpy(key.octets + OFFERS_GIVER_SIZE, id.octets, id.size);
	return key;
}

static bool is_spoilt(const struct offers *offers, const struct host *host, struct pccrr_id id)
{
	struct offers_giver giver = offers_giver(&host->address);
	struct spoilt key = spoilt_key(&giver, id);
	uint32_t slot = recent_find(offers->spoilt, key.octets, key.size);

	return slot != RECENT_NONE && offers->now_ms < offers->spoilt_until_ms[slot];
}

void offers_spoil(struct offers *offers, const struct offers_giver *giver, struct pccrr_id id)
{
	struct spoilt key = spoilt_key(giver, id);
	bool fresh;
	uint32_t slot = recent_use(offers->spoilt, key.octets, key.size, &fresh);

	offers->spoilt_until_ms[slot] = offers->now_ms + OFFERS_SPOILT_MS;
}

/* ---- sources ---- */

static bool has_room(const struct offers *offers, const struct host *host)
{
	return host->queued < (offers->options.limits.segments + 1) / 2; /* of one: that */
}

static void become_current(struct offers *offers, struct offers_segment *segment)
{
	segment->sources[0].host->queued++;
	segment->state = SEGMENT_TO_LOOK;
	TAILQ_INSERT_TAIL(&offers->to_look, segment, in_queue);
}

static void drop_first(struct offers *offers, struct offers_segment *segment)
{
	offers_host_unuse(offers, segment->sources[0].host);
	segment->source_count--;
	memmove(segment->sources, segment->sources + 1,
		segment->source_count * sizeof(struct source));
}

static void drop_current(struct offers *offers, struct offers_segment *segment)
{
	if (segment->state == SEGMENT_TO_LOOK)
		TAILQ_REMOVE(&offers->to_look, segment, in_queue);
	offers_segment_over(offers, segment);
	segment->sources[0].host->queued--;
	drop_first(offers, segment);
}

static void end(struct offers *offers, struct offers_segment *segment)
{
	while (segment->source_count > 0)
		drop_first(offers, segment);
	LIST_REMOVE(segment, in_chain);
	offers->counters.segments--;
	free(segment);
}

void offers_segment_forget(struct offers *offers, struct offers_segment *segment)
{
	drop_current(offers, segment);
	end(offers, segment);
}

void offers_segment_advance(struct offers *offers, struct offers_segment *segment)
{
	drop_current(offers, segment);
	while (segment->source_count > 0) {
		const struct host *host = segment->sources[0].host;

		if (!offers->stopped && has_room(offers, host) &&
		    !is_spoilt(offers, host, offers_id(segment))) {
			become_current(offers, segment);
			return;
		}
		drop_first(offers, segment);
	}
	end(offers, segment);
}

/* ---- offering ---- */

static struct source source_of(const struct offers *offers, struct host *host, uint16_t port,
			       const struct offers_item *item)
{
	return (struct source){.host = host,
			       .offered_ms = offers->now_ms,
			       .size = item->size,
			       .port = port,
			       .algorithm = (uint8_t)item->algorithm,
			       .informed = item->informed};
}

/* Whether the pull that is to come will do for this offer too. */
static bool covers(const struct offers_segment *segment, const struct source *source)
{
	const struct source *current = &segment->sources[0];

	return segment->state != SEGMENT_OPEN && current->host == source->host &&
	       current->size == source->size && current->algorithm == source->algorithm &&
	       current->informed >= source->informed;
}

static enum offers_fate join(struct offers *offers, struct offers_segment *segment,
			     struct source source)
{
	if (covers(segment, &source)) {
		segment->sources[0].port = source.port;
		segment->sources[0].offered_ms = source.offered_ms;
		return OFFERS_REPEATED;
	}
	for (unsigned i = 1; i < segment->source_count; i++)
		if (segment->sources[i].host == source.host) {
			segment->sources[i] = source;
			return OFFERS_REPEATED;
		}
	if (segment->source_count == OFFERS_SOURCES)
		return OFFERS_BEYOND;
	offers_host_use(offers, source.host);
	segment->sources[segment->source_count++] = source;
	return OFFERS_WAITING;
}

static enum offers_fate begin(struct offers *offers, struct pccrr_id id, struct source source)
{
	struct offers_segment *segment;

	if (offers->counters.segments >= offers->options.limits.segments ||
	    !has_room(offers, source.host))
		return OFFERS_BEYOND;
	segment = calloc(1, sizeof(*segment));
	if (segment == NULL)
		return OFFERS_BEYOND;
	memcpy(segment->id, id.octets, id.size);
	segment->id_size = (uint8_t)id.size;
	LIST_INSERT_HEAD(chain_of(offers, id), segment, in_chain);
	offers->counters.segments++;
	offers_host_use(offers, source.host);
	segment->sources[segment->source_count++] = source;
	become_current(offers, segment);
	return OFFERS_QUEUED;
}

static bool is_possible(const struct offers_item *item)
{
	return (unsigned)item->algorithm < DIGEST_ALGORITHMS && item->id.size > 0 &&
	       item->id.size == digest_size(item->algorithm) &&
	       blocks_of(item->algorithm, item->size) > 0;
}

enum offers_fate offers_segment_offer(struct offers *offers, const struct xaddr *server,
				      const struct offers_item *item)
{
	struct offers_segment *segment;
	struct host *host;
	struct source source;

	if (!is_possible(item))
		return OFFERS_NOTHING;
	host = offers_host_make(offers, server);
	if (host == NULL)
		return OFFERS_BEYOND;
	if (offers_host_is_out(offers, host, server->port) || is_spoilt(offers, host, item->id))
		return OFFERS_UNTRUSTED;
	segment = find(offers, item->id);
	source = source_of(offers, host, server->port, item);
	return segment != NULL ? join(offers, segment, source) : begin(offers, item->id, source);
}

/* ---- what is to be fetched ---- */

/* Whether what is held stays, whatever SOURCE has. */
static bool stays(const struct offers *offers, const struct source *source, bool informed,
		  const struct offers_portion *portion)
{
	struct offers_giver giver = offers_giver(&source->host->address);
	int64_t given_ms = offers->now_ms - portion->age_ms;

	if (portion->verified)
		return true;
	if (informed)
		return false;
	if (is_same_giver(&giver, &portion->giver) && portion->size == source->size &&
	    (uint8_t)portion->algorithm == source->algorithm)
		return true;
	return source->offered_ms - given_ms <= offers->options.limits.young_ms;
}

bool offers_segment_want(const struct offers *offers, struct offers_segment *segment,
			 const struct offers_holding *holding)
{
	struct source *source = &segment->sources[0];
	uint32_t blocks = blocks_of(source->algorithm, source->size);
	uint64_t kept[OFFERS_WORDS] = {0}, any = 0;

	source->informed |= holding->informed;
	for (unsigned i = 0; i < holding->count; i++)
		if (stays(offers, source, source->informed, &holding->portions[i]))
			range_set_add(kept, blocks, holding->portions[i].blocks);
	memset(segment->wanted, 0, sizeof(segment->wanted));
	range_set_add(segment->wanted, blocks, (struct range){0, blocks});
	for (unsigned i = 0; i < OFFERS_WORDS; i++) {
		segment->wanted[i] &= ~kept[i];
		any |= segment->wanted[i];
	}
	return any != 0;
}

void offers_segment_work(struct offers *offers, struct offers_segment *segment)
{
	struct host *host = segment->sources[0].host;

	segment->in_work = true;
	if (segment->state == SEGMENT_OPEN)
		TAILQ_INSERT_HEAD(&host->work, segment, in_queue);
	else
		TAILQ_INSERT_TAIL(&host->work, segment, in_queue);
	offers_host_settle(offers, host);
}

void offers_segment_unwork(struct offers *offers, struct offers_segment *segment)
{
	struct host *host = segment->sources[0].host;

	if (!segment->in_work)
		return;
	segment->in_work = false;
	TAILQ_REMOVE(&host->work, segment, in_queue);
	offers_host_settle(offers, host);
}

void offers_segment_over(struct offers *offers, struct offers_segment *segment)
{
	memset(segment->wanted, 0, sizeof(segment->wanted));
	offers_segment_unwork(offers, segment);
}
