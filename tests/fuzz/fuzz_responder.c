/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The responder, driven by steps that the input spells out: Probes are heard from several sources,
 * as bodies in a good envelope or made up of numbers, time passes, look-ups end in any order, also
 * after it was freed. Every datagram that it sends is read back and compared with the Probe as it
 * was heard and with what is held: segments whose id begins with an odd octet.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cache/bytes.h"
#include "peer/responder.h"
#include "tests/unit/wsd_scene.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HEARD_MAX 24u /* so that one input stays quick */

static const char head[] =
	"<soap:Envelope" SCENE_NAMESPACES "><soap:Header><wsa:Action>" SCENE_PROBE_ACTION
	"</wsa:Action><wsa:MessageID>%c&amp;</wsa:MessageID></soap:Header>"
	"<soap:Body>%.*s</soap:Body></soap:Envelope>";

static struct {
	struct responder *responder;
	unsigned thinning;
	int64_t now_ms;
	char *heard[HEARD_MAX]; /* datagrams; their number travels as an interface's index */
	size_t sizes[HEARD_MAX];
	unsigned heard_count;
	struct responder_lookup *parked[HEARD_MAX];
	struct responder_holding *holdings[HEARD_MAX];
	unsigned parked_count;
	uint32_t number; /* of the message sent last */
	uint32_t drawn;
} run;

static void check(int holds)
{
	if (!holds)
		abort();
}

static struct responder_holding holding_of(const struct wsd_id *id)
{
	if (id->octets[0] % 2 == 0)
		return (struct responder_holding){0, id->octets[1], 0};
	return (struct responder_holding){1 + id->octets[1] * 4u, 1 + id->octets[2] * 4u,
					  id->octets[3] * UINT64_C(1000)};
}

/* ---- the outlet ---- */

static void look_up(void *owner, struct responder_lookup *lookup, const struct wsd_probe *probe)
{
	struct responder_holding *holdings = calloc(probe->count, sizeof(*holdings));

	(void)owner;
	check(holdings != NULL && run.parked_count < HEARD_MAX);
	for (unsigned i = 0; i < probe->count; i++)
		holdings[i] = holding_of(&probe->ids[i]);
	run.parked[run.parked_count] = lookup;
	run.holdings[run.parked_count++] = holdings;
}

static void check_claim(const struct wsd_probe *probe, const struct wsd_claim *claim)
{
	struct responder_holding holding = holding_of(&probe->ids[claim->segment]);

	check(holding.held > 0);
	if (probe->form == WSD_FORM_1) {
		check(claim->blocks ==
		      (holding.held < WSD_BLOCKS_MAX ? holding.held : WSD_BLOCKS_MAX));
		return;
	}
	check(claim->whole == (holding.held >= holding.blocks));
	check(claim->aged && claim->age_ms == holding.age_ms);
}

/* How many segments an answer to PROBE claims if nothing is thinned out: of several with one id
 * only the first is read in form 1. */
static unsigned count_held(const struct wsd_probe *probe)
{
	unsigned held = 0;

	for (unsigned i = 0; i < probe->count; i++) {
		unsigned twin = 0;

		while (twin < i && (probe->ids[twin].size != probe->ids[i].size ||
				    memcmp(probe->ids[twin].octets, probe->ids[i].octets,
					   probe->ids[i].size) != 0))
			twin++;
		held += holding_of(&probe->ids[i]).held > 0 &&
			(probe->form == WSD_FORM_2 || twin == i);
	}
	return held;
}

static void check_answer(const struct wsd_probe *probe, const struct wsd_message *message)
{
	const struct wsd_match *match;
	struct wsd_matches *matches;

	check(message->kind == WSD_ANSWER && strcmp(message->relates_to, probe->message_id) == 0);
	check(message->sequenced && message->instance == 5 && message->number == ++run.number);
	check(wsd_read_matches(message, probe, &matches) == 0 && matches->count == 1);
	match = &matches->matches[0];
	check(strcmp(match->endpoint, SCENE_ENDPOINT) == 0 && match->address_count == 1);
	for (unsigned i = 0; i < match->claim_count; i++)
		check_claim(probe, &match->claims[i]);
	check(run.thinning > 0 ? match->claim_count <= count_held(probe)
			       : match->claim_count == count_held(probe));
	free(matches);
}

static void send_answer(void *owner, const struct multicast_arrival *arrival,
			const struct xaddr *own, const void *datagram, size_t size)
{
	unsigned heard = arrival->interface.index;
	struct wsd_message *probe, *answer;

	(void)owner;
	check(run.responder != NULL && own->port == 7 && heard < run.heard_count);
	check(wsd_read(run.heard[heard], run.sizes[heard], &probe) == 0);
	check(wsd_read(datagram, size, &answer) == 0);
	check_answer(probe->probe, answer);
	wsd_free(answer);
	wsd_free(probe);
}

static unsigned announce(void *owner, enum wsd_form form, const struct multicast_arrival *arrival,
			 struct xaddr *own_out, struct xaddr announced_out[NEARBY_ANNOUNCED_MAX])
{
	(void)owner;
	(void)form;
	*own_out = announced_out[0] = (struct xaddr){XADDR_IPV4, 7, {192, 0, 2, 1}, 0};
	return arrival->source.octets[3] != 1; /* to one of them nothing can be announced */
}

static struct thinning counted(void *owner, const struct wsd_id *id)
{
	(void)owner;
	return (struct thinning){id->octets[4], id->octets[5]};
}

static uint32_t draw(void *owner)
{
	(void)owner;
	return run.drawn = run.drawn * UINT32_C(1664525) + UINT32_C(1013904223);
}

/* ---- steps ---- */

/* DATAGRAM becomes ours. */
static void hear(char *datagram, size_t size, uint8_t source)
{
	struct multicast_arrival arrival = {.source = {XADDR_IPV4, 9, {192, 0, 2, source % 4}, 0},
					    .interface = {.index = run.heard_count}};
	struct wsd_message *message;

	if (wsd_read(datagram, size, &message) != 0) {
		free(datagram);
		return;
	}
	run.heard[run.heard_count] = datagram;
	run.sizes[run.heard_count++] = size;
	responder_hears(run.responder, &arrival, message, run.now_ms);
}

static void hear_body(struct bytes_in *in, uint8_t name, uint8_t source)
{
	size_t size = bytes_be16(in);
	const char *body;
	char *datagram;

	if (size > in->left)
		size = in->left;
	body = (const char *)bytes_take(in, size);
	if (body == NULL || memchr(body, '\0', size) != NULL ||
	    asprintf(&datagram, head, 'a' + name % 16, (int)size, body) < 0)
		return;
	hear(datagram, strlen(datagram), source);
}

static void hear_made_up(struct bytes_in *in, uint8_t name, uint8_t source)
{
	struct wsd_id ids[WSD_SEGMENTS_MAX] = {{.size = 0}};
	char message_id[] = {(char)('a' + name % 16), '\0'};
	struct wsd_probe probe = {name & 16 ? WSD_FORM_1 : WSD_FORM_2, message_id, bytes_u8(in),
				  ids};
	char *datagram = malloc(WSD_DATAGRAM_MAX);
	size_t size;

	check(datagram != NULL);
	for (unsigned i = 0; i < probe.count; i++) {
		ids[i].size = name & 32 && probe.form == WSD_FORM_1 ? 64 : 32;
		bytes_copy(in, ids[i].octets, in->left < 6 ? in->left : 6);
	}
	if (wsd_write_probe(&probe, datagram, WSD_DATAGRAM_MAX, &size) == 0)
		hear(datagram, size, source);
	else
		free(datagram);
}

static void find(unsigned index)
{
	struct responder_lookup *lookup = run.parked[index];

	run.parked[index] = NULL;
	if (lookup != NULL)
		responder_found(lookup, run.holdings[index], run.now_ms);
}

static void step(struct bytes_in *in)
{
	uint8_t kind = bytes_u8(in), value = bytes_u8(in), other = bytes_u8(in);

	if (kind % 4 == 3) {
		run.now_ms += value * 4;
		check(responder_tick(run.responder, run.now_ms) > run.now_ms);
	} else if (kind % 4 == 2) {
		if (run.parked_count > 0)
			find(value % run.parked_count);
	} else if (run.heard_count < HEARD_MAX) {
		(kind % 4 == 0 ? hear_body : hear_made_up)(in, value, other);
	}
}

static void unserved(void *owner, const struct multicast_arrival *arrival, const struct wsd_id *id)
{
	(void)owner;
	check(xaddr_is_host(&arrival->source));
	check(id->size > 0);
}

/* What was counted fits together. */
static void check_counters(void)
{
	struct responder_counters counters;

	responder_counters(run.responder, &counters);
	check(counters.answered == run.number);
	check(counters.received + counters.repeats <= run.heard_count);
	check(counters.answered + counters.refused + counters.thinned <= counters.received);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes_in in = bytes_in(data, size);
	struct responder_options options = {
		.outlet = {look_up, send_answer, announce, counted, unserved, draw, NULL},
		.instance = 5,
		.endpoint = SCENE_ENDPOINT,
	};

	memset(&run, 0, sizeof(run));
	run.thinning = options.thinning = bytes_u8(&in);
	options.backoff_ms = bytes_u8(&in);
	options.all = options.each = 8;
	check(responder_create(&options, 0, &run.responder) == 0);
	while (in.left > 0 && !in.failed)
		step(&in);
	check_counters();
	responder_free(run.responder);
	run.responder = NULL;
	for (unsigned i = 0; i < run.parked_count; i++) {
		find(i);
		free(run.holdings[i]);
	}
	for (unsigned i = 0; i < run.heard_count; i++)
		free(run.heard[i]);
	return 0;
}
