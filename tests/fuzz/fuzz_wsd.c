/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Discovery messages. The first octet says what the rest is: a datagram, or the body of a Probe or
 * of an answer, which is put into a good envelope so that what lies deep is reached; the second
 * octet is the number of segments that the answer is read for. A Probe that is read is answered,
 * and asked again; both must be read back as they were meant.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/wsd_scene.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char probe_head[] =
	"<soap:Envelope" SCENE_NAMESPACES "><soap:Header><wsa:Action>" SCENE_PROBE_ACTION
	"</wsa:Action><wsa:MessageID>x</wsa:MessageID></soap:Header><soap:Body>";
static const char answer_head[] =
	"<soap:Envelope" SCENE_NAMESPACES "><soap:Header><wsa:Action>" SCENE_ANSWER_ACTION
	"</wsa:Action><wsa:RelatesTo>x</wsa:RelatesTo></soap:Header><soap:Body>";
static const char tail[] = "</soap:Body></soap:Envelope>";

static void check(int holds)
{
	if (!holds)
		abort();
}

static void check_text(const char *text, size_t most)
{
	check(text != NULL && *text != '\0' && strlen(text) <= most);
}

/* ---- answers ---- */

static void check_claims(const struct wsd_match *match, const struct wsd_probe *probe)
{
	check(match->claim_count >= 1 && match->claim_count <= probe->count);
	for (unsigned i = 0; i < match->claim_count; i++) {
		const struct wsd_claim *claim = &match->claims[i];

		check(claim->segment < probe->count);
		check(i == 0 || claim->segment > claim[-1].segment);
		if (probe->form == WSD_FORM_1)
			check(claim->blocks >= 1 && claim->blocks <= WSD_BLOCKS_MAX &&
			      !claim->whole && !claim->aged);
		else
			check(claim->blocks == 0);
		check(claim->aged || claim->age_ms == 0);
		check(claim->age_ms <= UINT64_C(0xffffff) * 1000);
	}
}

static void check_matches(const struct wsd_matches *matches, const struct wsd_probe *probe)
{
	check(matches->count <= WSD_MATCHES_MAX);
	for (unsigned i = 0; i < matches->count; i++) {
		const struct wsd_match *match = &matches->matches[i];

		check_text(match->endpoint, WSD_DATAGRAM_MAX);
		check(match->address_count >= 1 && match->address_count <= WSD_ADDRESSES_MAX);
		for (unsigned j = 0; j < match->address_count; j++) {
			char text[XADDR_TEXT_MAX];
			struct xaddr again;

			xaddr_write(&match->addresses[j], text);
			check(xaddr_read(text, strlen(text), &again) == 0);
			check(xaddr_same(&again, &match->addresses[j]));
			check(xaddr_is_host(&again) && again.port != 0);
		}
		check_claims(match, probe);
	}
}

static void read_answer(const struct wsd_message *message, unsigned count)
{
	struct wsd_id ids[WSD_SEGMENTS_MAX];

	check_text(message->relates_to, WSD_MESSAGE_ID_MAX);
	memset(ids, 0, sizeof(ids));
	for (unsigned i = 0; i < count; i++) {
		ids[i].size = i % 3 == 0 ? 32 : i % 3 == 1 ? 48 : 64;
		ids[i].octets[0] = (uint8_t)(i / 3);
	}
	for (enum wsd_form form = WSD_FORM_1; form <= WSD_FORM_2; form++) {
		struct wsd_probe probe = {form, "x", count, ids};
		struct wsd_matches *matches;

		if (wsd_read_matches(message, &probe, &matches) != 0)
			continue;
		check_matches(matches, &probe);
		free(matches);
	}
}

/* ---- Probes ---- */

static void check_probe(const struct wsd_probe *probe, const struct wsd_probe *expected)
{
	check(probe->form == expected->form && probe->count == expected->count);
	check(strcmp(probe->message_id, expected->message_id) == 0);
	for (unsigned i = 0; i < probe->count; i++)
		check(probe->ids[i].size == expected->ids[i].size &&
		      memcmp(probe->ids[i].octets, expected->ids[i].octets, probe->ids[i].size) ==
			      0);
}

static void ask_again(const struct wsd_probe *probe, void *datagram)
{
	struct wsd_message *message;
	size_t size;

	check(wsd_write_probe(probe, datagram, WSD_DATAGRAM_MAX, &size) == 0);
	check(wsd_read(datagram, size, &message) == 0);
	check(message->kind == WSD_PROBE);
	check_probe(message->probe, probe);
	wsd_free(message);
}

/* Whether an id stands before SEGMENT too, so that only the first is claimed in form 1. */
static bool is_twin(const struct wsd_probe *probe, unsigned segment)
{
	for (unsigned i = 0; i < segment; i++)
		if (probe->ids[i].size == probe->ids[segment].size &&
		    memcmp(probe->ids[i].octets, probe->ids[segment].octets, probe->ids[i].size) ==
			    0)
			return true;
	return false;
}

/* Claims every STEPth segment. */
static void answer(const struct wsd_probe *probe, unsigned step, void *datagram)
{
	struct wsd_claim claims[WSD_SEGMENTS_MAX];
	struct xaddr address = {XADDR_IPV4, 80, {192, 0, 2, 1}, 0};
	struct wsd_answer written = {.probe = probe,
				     .message_id = "y",
				     .endpoint = "z",
				     .claims = claims,
				     .addresses = &address,
				     .address_count = 1};
	struct wsd_message *message;
	struct wsd_matches *matches;
	size_t size;

	for (unsigned i = 0; i < probe->count; i += step) {
		if (probe->form == WSD_FORM_1 && is_twin(probe, i))
			continue;
		claims[written.claim_count++] =
			probe->form == WSD_FORM_1
				? (struct wsd_claim){.segment = (uint8_t)i,
						     .blocks = (uint16_t)(i + 1)}
				: (struct wsd_claim){.segment = (uint8_t)i,
						     .whole = i % 2,
						     .aged = i % 3 == 0,
						     .age_ms = i % 3 == 0 ? i * 1000 : 0};
	}
	check(wsd_write_answer(&written, datagram, WSD_DATAGRAM_MAX, &size) == 0);
	check(wsd_read(datagram, size, &message) == 0);
	check(message->kind == WSD_ANSWER && strcmp(message->relates_to, probe->message_id) == 0);
	check(wsd_read_matches(message, probe, &matches) == 0);
	check(matches->count == 1 && matches->matches[0].claim_count == written.claim_count);
	for (unsigned i = 0; i < written.claim_count; i++) {
		const struct wsd_claim *claim = &matches->matches[0].claims[i];

		check(claim->segment == claims[i].segment && claim->whole == claims[i].whole &&
		      claim->blocks == claims[i].blocks && claim->aged == claims[i].aged &&
		      claim->age_ms == claims[i].age_ms);
	}
	free(matches);
	wsd_free(message);
}

static void read_probe(const struct wsd_message *message, unsigned step)
{
	const struct wsd_probe *probe = message->probe;
	void *datagram = malloc(WSD_DATAGRAM_MAX);

	check(datagram != NULL && probe->message_id == message->message_id);
	check_text(probe->message_id, WSD_MESSAGE_ID_MAX);
	check(probe->count >= 1 && probe->count <= WSD_SEGMENTS_MAX);
	ask_again(probe, datagram);
	answer(probe, step, datagram);
	free(datagram);
}

/* ---- datagrams ---- */

static void read_datagram(const void *datagram, size_t size, unsigned count)
{
	struct wsd_message *message;

	if (wsd_read(datagram, size, &message) != 0)
		return;
	if (message->kind == WSD_PROBE)
		read_probe(message, count);
	else
		read_answer(message, count);
	wsd_free(message);
}

static void read_body(const char *head, const uint8_t *body, size_t size, unsigned count)
{
	size_t head_size = strlen(head), tail_size = strlen(tail);
	char *datagram = malloc(head_size + size + tail_size);

	check(datagram != NULL);
	memcpy(datagram, head, head_size);
	memcpy(datagram + head_size, body, size);
	memcpy(datagram + head_size + size, tail, tail_size);
	read_datagram(datagram, head_size + size + tail_size, count);
	free(datagram);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned count;

	if (size < 2)
		return 0;
	count = data[1] > 0 ? data[1] : 1;
	if (data[0] % 3 == 0)
		read_datagram(data + 2, size - 2, count);
	else
		read_body(data[0] % 3 == 1 ? probe_head : answer_head, data + 2, size - 2, count);
	return 0;
}
