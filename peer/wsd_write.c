/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Writing: see the header for what must be literal.
 */
#include <errno.h>
#include <stdio.h>

#include "cache/bytes.h"
#include "peer/ages.h"
#include "peer/base64.h"
#include "peer/wsd.h"
#include "peer/wsd_literals.h"

#define HEAD                                                                                       \
	"<?xml version=\"1.0\" encoding=\"utf-8\"?>"                                               \
	"<soap:Envelope xmlns:soap=\"" SOAP_NAMESPACE "\" xmlns:wsa=\"" ADDRESSING_NAMESPACE       \
	"\" xmlns:wsd=\"" DISCOVERY_NAMESPACE "\" xmlns:PeerDist=\"" PEERDIST_NAMESPACE            \
	"\"><soap:Header>"
#define BITS_SIZE(count) (((count) + 3) / 4) /* octets: two bits a segment */

static void put_text(struct bytes_out *out, const char *text)
{
	bytes_put(out, text, strlen(text));
}

/* Text of others' choosing: markup and what a reader would change becomes references. */
static void put_escaped(struct bytes_out *out, const char *text)
{
	for (; *text != '\0'; text++) {
		char reference[8];

		if (strchr("&<>\"'\t\n\r", *text) == NULL) {
			bytes_put_u8(out, (uint8_t)*text);
			continue;
		}
		snprintf(reference, sizeof(reference), "&#%d;", *text);
		put_text(out, reference);
	}
}

static void put_element(struct bytes_out *out, const char *name, const char *text)
{
	put_text(out, "<");
	put_text(out, name);
	put_text(out, ">");
	put_escaped(out, text);
	put_text(out, "</");
	put_text(out, name);
	put_text(out, ">");
}

static void put_hex(struct bytes_out *out, const uint8_t *octets, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		bytes_put_u8(out, (uint8_t) "0123456789ABCDEF"[octets[i] >> 4]);
		bytes_put_u8(out, (uint8_t) "0123456789ABCDEF"[octets[i] & 15]);
	}
}

static void put_id(struct bytes_out *out, const struct wsd_id *id)
{
	if (id->spelled != NULL)
		bytes_put(out, id->spelled, 2 * (size_t)id->size);
	else
		put_hex(out, id->octets, id->size);
}

static const char *type_of(const struct wsd_probe *probe)
{
	return probe->form == WSD_FORM_1 ? "PeerDist:" TYPE_1 : "PeerDist:" TYPE_2;
}

void wsd_uuid(const uint8_t random[16], char uuid_out[WSD_UUID_MAX])
{
	static const uint8_t dashes[16] = {[4] = 1, [6] = 1, [8] = 1, [10] = 1};
	char *at = uuid_out + snprintf(uuid_out, WSD_UUID_MAX, "urn:uuid:");

	for (unsigned i = 0; i < 16; i++) {
		unsigned octet = random[i];

		if (i == 6) /* version 4: random */
			octet = (octet & 0x0f) | 0x40;
		if (i == 8) /* the variant of RFC 4122 */
			octet = (octet & 0x3f) | 0x80;
		at += snprintf(at, (size_t)(uuid_out + WSD_UUID_MAX - at), "%s%02x",
			       dashes[i] ? "-" : "", octet);
	}
}

/* ---- Probe ---- */

static bool is_message_id(const char *text)
{
	return text != NULL && *text != '\0' && strlen(text) <= WSD_MESSAGE_ID_MAX;
}

static bool is_id(const struct wsd_id *id, enum wsd_form form)
{
	return id->size == 32 || (form == WSD_FORM_1 && (id->size == 48 || id->size == 64));
}

static bool is_probe(const struct wsd_probe *probe)
{
	if ((probe->form != WSD_FORM_1 && probe->form != WSD_FORM_2) || probe->count == 0 ||
	    probe->count > WSD_SEGMENTS_MAX || !is_message_id(probe->message_id))
		return false;
	for (unsigned i = 0; i < probe->count; i++)
		if (!is_id(&probe->ids[i], probe->form))
			return false;
	return true;
}

static void put_list(struct bytes_out *out, const struct wsd_probe *probe)
{
	for (unsigned i = 0; i < probe->count; i++) {
		if (i > 0)
			put_text(out, " ");
		put_id(out, &probe->ids[i]);
	}
}

static void put_packed_list(struct bytes_out *out, const struct wsd_probe *probe)
{
	uint8_t packed[PROBE_2_HEADER_SIZE + ID_SIZE_2 * WSD_SEGMENTS_MAX];
	struct bytes_out list = bytes_out(packed, sizeof(packed));

	bytes_put_be16(&list, ID_SIZE_2);
	bytes_put_u8(&list, (uint8_t)probe->count);
	for (unsigned i = 0; i < probe->count; i++)
		bytes_put(&list, probe->ids[i].octets, ID_SIZE_2);
	base64_write(packed, sizeof(packed) - list.left, out);
}

/* The octets that went into the room from DATAGRAM on. */
static int finish(const struct bytes_out *out, const void *datagram, size_t *size_out)
{
	size_t size = (size_t)(out->at - (const uint8_t *)datagram);

	if (out->failed || size > WSD_DATAGRAM_MAX)
		return -EMSGSIZE;
	*size_out = size;
	return 0;
}

int wsd_write_probe(const struct wsd_probe *probe, void *datagram, size_t room, size_t *size_out)
{
	struct bytes_out out = bytes_out(datagram, room);

	if (!is_probe(probe))
		return -EINVAL;
	put_text(&out, HEAD);
	put_element(&out, "wsa:To", PROBE_TO);
	put_element(&out, "wsa:Action", PROBE_ACTION);
	put_element(&out, "wsa:MessageID", probe->message_id);
	put_text(&out, "</soap:Header><soap:Body><wsd:Probe>");
	put_element(&out, "wsd:Types", type_of(probe));
	if (probe->form == WSD_FORM_1) {
		put_text(&out, "<wsd:Scopes MatchBy=\"" RULE_1 "\">");
		put_list(&out, probe);
	} else {
		put_text(&out, "<wsd:Scopes MatchBy=\"" RULE_2 "\">");
		put_packed_list(&out, probe);
	}
	put_text(&out, "</wsd:Scopes></wsd:Probe></soap:Body></soap:Envelope>");
	return finish(&out, datagram, size_out);
}

/* ---- ProbeMatches ---- */

static bool is_claim(const struct wsd_claim *claim, const struct wsd_probe *probe)
{
	if (claim->segment >= probe->count)
		return false;
	return probe->form == WSD_FORM_2 || (claim->blocks > 0 && claim->blocks <= WSD_BLOCKS_MAX);
}

static bool is_answer(const struct wsd_answer *answer)
{
	if (!is_probe(answer->probe) || !is_message_id(answer->message_id) ||
	    answer->endpoint == NULL || *answer->endpoint == '\0' || answer->claim_count == 0 ||
	    answer->address_count == 0 || answer->address_count > WSD_ADDRESSES_MAX)
		return false;
	for (unsigned i = 0; i < answer->claim_count; i++) {
		const struct wsd_claim *claim = &answer->claims[i];

		if (!is_claim(claim, answer->probe) ||
		    (i > 0 && claim->segment <= claim[-1].segment))
			return false;
	}
	return true;
}

static void put_header(struct bytes_out *out, const struct wsd_answer *answer)
{
	char sequence[80];

	put_text(out, HEAD);
	put_element(out, "wsa:To", ANSWER_TO);
	put_element(out, "wsa:Action", ANSWER_ACTION);
	put_element(out, "wsa:MessageID", answer->message_id);
	put_element(out, "wsa:RelatesTo", answer->probe->message_id);
	snprintf(sequence, sizeof(sequence), "InstanceId=\"%u\" MessageNumber=\"%u\"",
		 answer->instance, answer->number);
	put_text(out, "<wsd:AppSequence ");
	put_text(out, sequence);
	put_text(out, "></wsd:AppSequence></soap:Header>");
}

static void put_addresses(struct bytes_out *out, const struct wsd_answer *answer)
{
	put_text(out, "<wsd:XAddrs>");
	for (unsigned i = 0; i < answer->address_count; i++) {
		char text[XADDR_TEXT_MAX];

		if (i > 0)
			put_text(out, " ");
		xaddr_write(&answer->addresses[i], text);
		put_text(out, text);
	}
	put_text(out, "</wsd:XAddrs>");
}

static void put_claimed_ids(struct bytes_out *out, const struct wsd_answer *answer)
{
	for (unsigned i = 0; i < answer->claim_count; i++) {
		if (i > 0)
			put_text(out, " ");
		put_id(out, &answer->probe->ids[answer->claims[i].segment]);
	}
}

static void put_counts(struct bytes_out *out, const struct wsd_answer *answer)
{
	put_text(out, "<PeerDist:BlockCount>");
	for (unsigned i = 0; i < answer->claim_count; i++) {
		uint8_t count[4];
		struct bytes_out number = bytes_out(count, sizeof(count));

		bytes_put_be32(&number, answer->claims[i].blocks);
		put_hex(out, count, sizeof(count));
	}
	put_text(out, "</PeerDist:BlockCount>");
}

/* Two bits a segment, from the top of the first octet on: held, and all of it held. */
static void put_bits(struct bytes_out *out, const struct wsd_answer *answer)
{
	uint8_t bits[BITS_SIZE(WSD_SEGMENTS_MAX)] = {0};

	for (unsigned i = 0; i < answer->claim_count; i++) {
		const struct wsd_claim *claim = &answer->claims[i];

		bits[claim->segment / 4] |=
			(uint8_t)((claim->whole ? 3 : 2) << (6 - claim->segment % 4 * 2));
	}
	base64_write(bits, BITS_SIZE(answer->probe->count), out);
}

static void put_ages(struct bytes_out *out, const struct wsd_answer *answer)
{
	struct ages_entry entries[AGES_MAX];
	uint8_t blob[AGES_SIZE(AGES_MAX)];
	struct bytes_out ages = bytes_out(blob, sizeof(blob));
	unsigned count = 0;

	for (unsigned i = 0; i < answer->claim_count; i++)
		if (answer->claims[i].aged)
			entries[count++] = (struct ages_entry){answer->claims[i].segment,
							       answer->claims[i].age_ms};
	ages_write(entries, count, &ages);
	put_text(out, "<PeerDist:SegmentAges>");
	base64_write(blob, sizeof(blob) - ages.left, out);
	put_text(out, "</PeerDist:SegmentAges>");
}

int wsd_write_answer(const struct wsd_answer *answer, void *datagram, size_t room, size_t *size_out)
{
	struct bytes_out out = bytes_out(datagram, room);
	bool form_1 = answer->probe->form == WSD_FORM_1;

	if (!is_answer(answer))
		return -EINVAL;
	put_header(&out, answer);
	put_text(&out, "<soap:Body><wsd:ProbeMatches><wsd:ProbeMatch><wsa:EndpointReference>");
	put_element(&out, "wsa:Address", answer->endpoint);
	put_text(&out, "</wsa:EndpointReference>");
	put_element(&out, "wsd:Types", type_of(answer->probe));
	put_text(&out, "<wsd:Scopes>");
	(form_1 ? put_claimed_ids : put_bits)(&out, answer);
	put_text(&out, "</wsd:Scopes>");
	put_addresses(&out, answer);
	put_element(&out, "wsd:MetadataVersion", form_1 ? "1" : "2");
	put_text(&out, "<PeerDist:PeerDistData>");
	(form_1 ? put_counts : put_ages)(&out, answer);
	put_text(&out, "</PeerDist:PeerDistData></wsd:ProbeMatch></wsd:ProbeMatches></soap:Body>"
		       "</soap:Envelope>");
	return finish(&out, datagram, size_out);
}
