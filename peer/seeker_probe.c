/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Discovery: which segments are looked for together, Probes that are outstanding, what is answered,
 * and whether anybody is there at all. A Probe's alarm rings three times: when patience ends, when
 * the request timer ends, and when it is not even ours any more.
 */
#include "peer/seeker_private.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define ALONE_MS 60000      /* since somebody else was last heard */
#define ALONE_PROBE_MS 1000 /* between Probes while alone */
#define OURS_MS 2000        /* how long a Probe of ours is known again */

static unsigned batch_of(unsigned form)
{
	return form == 0 ? WSD_BATCH_1 : WSD_BATCH_2;
}

static unsigned form_of(const struct segment *segment)
{
	return segment->form == WSD_FORM_2 ? 1 : 0;
}

/* ---- the queue ---- */

void seeker_probe_queue(struct seeker *seeker, struct segment *segment, bool urgent)
{
	unsigned form = form_of(segment);

	if (segment->queued || segment->probe != NULL || seeker->options.hosted_only)
		return;
	segment->queued = true;
	if (urgent)
		TAILQ_INSERT_HEAD(&seeker->queue[form], segment, in_queue);
	else
		TAILQ_INSERT_TAIL(&seeker->queue[form], segment, in_queue);
	seeker->queued[form]++;
	seeker->queue_urgent |= urgent;
	alarms_hasten(&seeker->alarms, &seeker->gather, seeker->now_ms + SEEKER_GATHER_MS);
}

void seeker_probe_unqueue(struct seeker *seeker, struct segment *segment)
{
	TAILQ_REMOVE(&seeker->queue[form_of(segment)], segment, in_queue);
	seeker->queued[form_of(segment)]--;
	segment->queued = false;
}

bool seeker_probe_searches(const struct seeker *seeker, const struct segment *segment)
{
	if (seeker_probe_is_vain(seeker))
		return false;
	return segment->queued || (segment->probe != NULL && segment->probe->patient &&
				   segment->looked_ms + SEEKER_PATIENCE_MAX_MS > seeker->now_ms);
}

/* ---- sending ---- */

static int64_t patience_ms(const struct seeker *seeker)
{
	int64_t patience = seeker->answer_16ths * 2 / 16;

	if (patience > SEEKER_PATIENCE_MAX_MS)
		return SEEKER_PATIENCE_MAX_MS;
	return patience > SEEKER_PATIENCE_MS ? patience : SEEKER_PATIENCE_MS;
}

static void name(const struct seeker *seeker, struct probe *probe)
{
	uint8_t random[16];

	for (unsigned i = 0; i < 4; i++) {
		uint32_t bits = seeker_random(seeker);

		memcpy(random + i * 4, &bits, 4);
	}
	wsd_uuid(random, probe->message_id);
}

static struct probe *probe_create(struct seeker *seeker, unsigned form)
{
	struct probe *probe = calloc(1, sizeof(*probe));

	if (probe == NULL)
		return NULL;
	if (alarms_join(&seeker->alarms) != 0) {
		free(probe);
		return NULL;
	}
	name(seeker, probe);
	probe->message = (struct wsd_probe){form == 0 ? WSD_FORM_1 : WSD_FORM_2, probe->message_id,
					    0, probe->ids};
	probe->sent_ms = seeker->now_ms;
	probe->patient = probe->outstanding = true;
	probe->alarm.kind = ALARM_PROBE;
	TAILQ_INSERT_TAIL(&seeker->probes, probe, in_list);
	return probe;
}

static void fill(struct seeker *seeker, struct probe *probe, unsigned form)
{
	struct segment *segment;

	while (probe->message.count < batch_of(form) &&
	       (segment = TAILQ_FIRST(&seeker->queue[form])) != NULL) {
		struct wsd_id *id = &probe->ids[probe->message.count++];

		seeker_probe_unqueue(seeker, segment);
		id->size = segment->id_size;
		memcpy(id->octets, segment->id, segment->id_size);
		segment->probe = probe;
		segment->looked_ms = seeker->now_ms;
		if (segment->own_ms == SEEKER_NEVER)
			segment->own_ms = seeker->now_ms;
	}
}

/* Over the limit: their wants go on without neighbours. */
static void refuse_queue(struct seeker *seeker, unsigned form)
{
	struct segment *segment;

	while ((segment = TAILQ_FIRST(&seeker->queue[form])) != NULL) {
		seeker_probe_unqueue(seeker, segment);
		segment->refused_ms = seeker->now_ms;
		seeker_segment_dirty(seeker, segment);
	}
}

static void send_one(struct seeker *seeker, unsigned form)
{
	struct probe *probe = NULL;

	if (bucket_take(&seeker->probe_bucket, seeker->now_ms))
		probe = probe_create(seeker, form);
	if (probe == NULL) {
		refuse_queue(seeker, form);
		return;
	}
	fill(seeker, probe, form);
	seeker->counters.probes++;
	alarms_set(&seeker->alarms, &probe->alarm, seeker->now_ms + patience_ms(seeker));
	seeker->options.outlet.probe(seeker->options.outlet.owner, &probe->message);
}

void seeker_probe_flush(struct seeker *seeker)
{
	bool now = seeker->queue_urgent ||
		   (seeker->gather.place != 0 && seeker->gather.due_ms <= seeker->now_ms);

	if (seeker->stopped) {
		alarms_clear(&seeker->alarms, &seeker->gather);
		return;
	}
	for (unsigned form = 0; form < 2; form++)
		while (seeker->queued[form] > 0 && (now || seeker->queued[form] >= batch_of(form)))
			send_one(seeker, form);
	if (seeker->queued[0] + seeker->queued[1] > 0)
		return;
	seeker->queue_urgent = false;
	alarms_clear(&seeker->alarms, &seeker->gather);
}

/* ---- their life ---- */

void seeker_probe_mind_alone(struct seeker *seeker)
{
	bool alone = seeker->lan_alone && !seeker_hosted_is_on(seeker);

	if (seeker->counters.alone == alone)
		return;
	seeker->counters.alone = alone;
	atomic_store(&seeker->alone_ms, seeker->now_ms + ALONE_PROBE_MS);
	atomic_store(&seeker->alone, alone);
}

static void set_lan_alone(struct seeker *seeker, bool alone)
{
	if (seeker->lan_alone == alone)
		return;
	seeker->lan_alone = alone;
	seeker->alone_probe_ms = seeker->now_ms + ALONE_PROBE_MS;
	seeker_probe_mind_alone(seeker);
}

bool seeker_probe_is_vain(const struct seeker *seeker)
{
	return seeker->lan_alone && !seeker->counters.alone;
}

void seeker_probe_heard(struct seeker *seeker)
{
	seeker->silent = 0;
	seeker->heard_ms = seeker->now_ms;
	set_lan_alone(seeker, false);
}

static void unanswered(struct seeker *seeker)
{
	seeker->silent++;
	if (seeker->silent >= SEEKER_SILENCE &&
	    (seeker->heard_ms == SEEKER_NEVER || seeker->now_ms - seeker->heard_ms >= ALONE_MS))
		set_lan_alone(seeker, true);
}

static void probe_free(struct seeker *seeker, struct probe *probe)
{
	TAILQ_REMOVE(&seeker->probes, probe, in_list);
	alarms_leave(&seeker->alarms, &probe->alarm);
	for (unsigned i = 0; i < WSD_BATCH_2; i++)
		free(probe->tallies[i]);
	free(probe);
}

/* Its segments' wants are to look again at what they can hope for; those of which it was the last
 * hope at least. */
static void review(struct seeker *seeker, struct probe *probe, bool over)
{
	for (unsigned i = 0; i < probe->message.count; i++) {
		struct segment *segment =
			seeker_segment_find(seeker, probe->ids[i].octets, probe->ids[i].size);

		if (segment == NULL || segment->probe != probe)
			continue;
		if (over)
			segment->probe = NULL;
		seeker_segment_dirty(seeker, segment);
	}
}

static void over(struct seeker *seeker, struct probe *probe)
{
	probe->outstanding = false;
	review(seeker, probe, true);
	for (unsigned i = 0; i < WSD_BATCH_2; i++) {
		free(probe->tallies[i]);
		probe->tallies[i] = NULL;
	}
}

void seeker_probe_ring(struct seeker *seeker, struct probe *probe)
{
	if (probe->patient) {
		probe->patient = false;
		if (!probe->answered)
			unanswered(seeker);
		review(seeker, probe, false);
		alarms_set(&seeker->alarms, &probe->alarm, probe->sent_ms + SEEKER_COLLECT_MS);
	} else if (probe->outstanding) {
		over(seeker, probe);
		alarms_set(&seeker->alarms, &probe->alarm, probe->sent_ms + OURS_MS);
	} else {
		probe_free(seeker, probe);
	}
}

void seeker_probes_end(struct seeker *seeker)
{
	struct probe *probe;

	while ((probe = TAILQ_FIRST(&seeker->probes)) != NULL)
		probe_free(seeker, probe);
}

static struct probe *find(const struct seeker *seeker, const char *message_id)
{
	struct probe *probe;

	TAILQ_FOREACH (probe, &seeker->probes, in_list)
		if (strcasecmp(probe->message_id, message_id) == 0)
			return probe;
	return NULL;
}

bool seeker_is_ours(const struct seeker *seeker, const char *message_id)
{
	return find(seeker, message_id) != NULL;
}

const struct wsd_probe *seeker_probe(const struct seeker *seeker, const char *relates_to)
{
	const struct probe *probe = find(seeker, relates_to);

	return probe != NULL && probe->outstanding ? &probe->message : NULL;
}

/* ---- answers ---- */

static void tally(struct probe *probe, unsigned index, struct segment *segment,
		  const struct xaddr *source, bool whole)
{
	if (probe->tallies[index] == NULL)
		probe->tallies[index] = calloc(1, sizeof(*probe->tallies[index]));
	if (probe->tallies[index] == NULL)
		return;
	thinning_count(probe->tallies[index], source, whole);
	segment->thinning = probe->tallies[index]->counted;
}

/* Whether the answer was of use: somebody waits for it. */
static bool claim(struct seeker *seeker, struct probe *probe, const struct wsd_claim *claimed,
		  const struct xaddr *source, struct peer *peer)
{
	const struct wsd_id *id = &probe->ids[claimed->segment];
	struct segment *segment = seeker_segment_find(seeker, id->octets, id->size);
	struct holding *holding;
	bool whole;

	if (segment == NULL || segment->blocks == 0)
		return false;
	whole = probe->message.form == WSD_FORM_2 ? claimed->whole || segment->blocks == 1
						  : claimed->blocks >= segment->blocks;
	tally(probe, claimed->segment, segment, source, whole);
	holding = peer != NULL ? seeker_holding_make(seeker, segment, peer) : NULL;
	if (holding == NULL)
		return false;
	holding->blind = false;
	holding->whole = whole;
	holding->until_ms = seeker->now_ms + seeker->options.limits.found_ms;
	if (whole)
		holding->listed = false;
	seeker_segment_dirty(seeker, segment);
	return segment->pending_count > 0;
}

/* The machine is one, and asked by one address: the first that is not out. */
static struct peer *choose_address(struct seeker *seeker, const struct xaddr *servers,
				   unsigned server_count)
{
	for (unsigned i = 0; i < server_count; i++) {
		struct peer *peer = seeker_peer_use(seeker, &servers[i]);

		if (peer != NULL && !seeker_peer_is_out(seeker, peer))
			return peer;
	}
	return seeker_peer_use(seeker, &servers[0]);
}

static void remember_host(struct seeker *seeker, const struct xaddr *source,
			  const struct peer *peer)
{
	seeker_host_use(seeker, source)->server = peer->address;
	if (!xaddr_same_host(source, &peer->address))
		seeker_host_use(seeker, &peer->address)->server = peer->address;
}

static void first_answer(struct seeker *seeker, struct probe *probe)
{
	int64_t took = (seeker->now_ms - probe->sent_ms) * 16;

	if (!probe->answered)
		seeker->answer_16ths += (took - seeker->answer_16ths) / 4;
	probe->answered = true;
}

void seeker_answer(struct seeker *seeker, const struct wsd_probe *message,
		   const struct xaddr *source, const struct xaddr *servers, unsigned server_count,
		   const struct wsd_claim *claims, unsigned claim_count, int64_t now_ms)
{
	struct probe *probe = find(seeker, message->message_id);
	struct peer *peer;
	bool used = false;

	if (now_ms > seeker->now_ms)
		seeker->now_ms = now_ms;
	if (seeker->stopped || probe == NULL || !probe->outstanding || server_count == 0)
		return;
	seeker_probe_heard(seeker);
	first_answer(seeker, probe);
	peer = choose_address(seeker, servers, server_count);
	if (peer != NULL)
		remember_host(seeker, source, peer);
	for (unsigned i = 0; i < claim_count; i++)
		if (claims[i].segment < probe->message.count)
			used |= claim(seeker, probe, &claims[i], source, peer);
	seeker->counters.answers++;
	seeker->counters.late_answers += !used;
	seeker_run(seeker);
}

struct thinning seeker_thinning(const struct seeker *seeker, const uint8_t *id, size_t id_size)
{
	const struct segment *segment = seeker_segment_find(seeker, id, id_size);

	return segment != NULL ? segment->thinning : (struct thinning){0};
}
