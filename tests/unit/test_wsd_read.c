/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The messages of discovery as honest others write them, with their prefixes, orders and white
 * space, and the examples of discovery.md. What must be refused is in test_wsd_hostile.c and
 * test_wsd_refused.c.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/wsd_scene.h"

static char datagram[WSD_DATAGRAM_MAX];

static struct xaddr address_of(const char *text)
{
	struct xaddr address;

	assert_int_equal(xaddr_read(text, strlen(text), &address), 0);
	return address;
}

/* ---- Probes that are read ---- */

static struct wsd_message *read_good(const char *text)
{
	struct wsd_message *message;

	assert_int_equal(scene_read(text, &message), 0);
	return message;
}

static void assert_id(const struct wsd_id *id, const char *digits)
{
	char text[2 * DIGEST_SIZE_MAX + 1];

	for (unsigned i = 0; i < id->size; i++)
		snprintf(text + (size_t)i * 2, 3, "%02X", id->octets[i]);
	assert_string_equal(text, digits);
}

static void written_probes_are_read(void **state)
{
	static const unsigned counts[] = {1, 2, 10, 16, 255};

	(void)state;
	for (unsigned i = 0; i < 10; i++) {
		struct wsd_probe probe =
			scene_asked(i % 2 ? WSD_FORM_1 : WSD_FORM_2, counts[i / 2]);
		struct wsd_message *message;
		size_t size;

		assert_int_equal(wsd_write_probe(&probe, datagram, WSD_DATAGRAM_MAX, &size), 0);
		assert_int_equal(wsd_read(datagram, size, &message), 0);
		assert_int_equal(message->kind, WSD_PROBE);
		assert_string_equal(message->message_id, SCENE_NAME);
		assert_string_equal(message->probe->message_id, SCENE_NAME);
		assert_int_equal(message->probe->form, probe.form);
		assert_int_equal(message->probe->count, probe.count);
		for (unsigned j = 0; j < probe.count; j++)
			assert_memory_equal(message->probe->ids[j].octets, probe.ids[j].octets, 32);
		wsd_free(message);
	}
}

static void the_published_packed_list_is_read(void **state)
{
	char *text = scene_probe(&(struct scene_document){.body = SCENE_BODY_2});
	struct wsd_message *message = read_good(text);

	(void)state;
	assert_int_equal(message->probe->form, WSD_FORM_2);
	assert_int_equal(message->probe->count, 1);
	assert_int_equal(message->probe->ids[0].size, 32);
	assert_id(&message->probe->ids[0], SCENE_PACKED_ID);
	wsd_free(message);
	free(text);
}

static void a_mark_other_prefixes_orders_and_white_space_do_not_matter(void **state)
{
	static const char text[] =
		"\xef\xbb\xbf<?xml version='1.0'?>\r\n<!-- a comment -->\n"
		"<e:Envelope xmlns:e='http://www.w3.org/2003/05/soap-envelope'>\n"
		"<?skip me?><e:Header xmlns='http://schemas.xmlsoap.org/ws/2004/08/addressing'>\n"
		"  <ReplyTo><Address>http://192.0.2.99/</Address></ReplyTo>\n"
		"  <x:Other xmlns:x='urn:x'><x:Deep>&amp;&#65;</x:Deep></x:Other>\n"
		"  <MessageID>\n\t" SCENE_NAME "\r\n  </MessageID>\n"
		"  <Action e:mustUnderstand='1'>\n" SCENE_PROBE_ACTION "\n</Action>\n"
		"</e:Header>\n<e:Body>\n"
		"<Probe xmlns='http://schemas.xmlsoap.org/ws/2005/04/discovery'>"
		"<Extension><Types>nothing</Types></Extension>\n<Scopes>\n" SCENE_ID(
			01) "\n\t" SCENE_ID(02) " \n</Scopes>"
						"<p:Types "
						"xmlns:p='http://schemas.xmlsoap.org/ws/2005/04/"
						"discovery' "
						"xmlns='http://schemas.microsoft.com/p2p/2007/09/"
						"PeerDistributionDiscovery'>\n Peer<!-- in two "
						"pieces -->Dist<![CDATA[Data]]>"
						"\n</p:Types></Probe>\n</e:Body>\n</"
						"e:Envelope>\n<!-- end -->\n";
	struct wsd_message *message = read_good(text);

	(void)state;
	assert_int_equal(message->probe->form, WSD_FORM_1);
	assert_int_equal(message->probe->count, 2);
	assert_id(&message->probe->ids[0], SCENE_ID(01));
	assert_id(&message->probe->ids[1], SCENE_ID(02));
	assert_string_equal(message->message_id, SCENE_NAME);
	wsd_free(message);
}

static void white_space_in_a_packed_list_does_not_matter(void **state)
{
	char *text = scene_probe(&(struct scene_document){
		.body = "<wsd:Probe><wsd:Types>\nPeerDist:PeerDistDataV2\n</wsd:Types>"
			"<wsd:Scopes MatchBy='\n " SCENE_RULE_2 " '>\n "
			"ACABKQEaAQAAAAAwHRoBAAAAA\r\n\tEEAQQBEAHkAZwBNAE0AMQA=\n</wsd:Scopes>"
			"</wsd:Probe>"});
	struct wsd_message *message = read_good(text);

	(void)state;
	assert_id(&message->probe->ids[0], SCENE_PACKED_ID);
	wsd_free(message);
	free(text);
}

static void ids_of_the_longer_hashes_are_read(void **state)
{
	static const char nibbles[] = "0123456789abcdef0123456789ABCDEF0123456789abcdef0123456789"
				      "abcdef0123456789abcdef0123456789abcdef0123456789abcdef01234"
				      "56789abcdef";
	char *body, *text;
	struct wsd_message *message;

	(void)state;
	assert_true(asprintf(&body,
			     "<wsd:Probe><wsd:Types>PeerDist:PeerDistData</wsd:Types><wsd:Scopes>"
			     "%.96s %.128s %.64s</wsd:Scopes></wsd:Probe>",
			     nibbles, nibbles, nibbles) > 0);
	text = scene_probe(&(struct scene_document){.body = body});
	message = read_good(text);
	assert_int_equal(message->probe->count, 3);
	assert_int_equal(message->probe->ids[0].size, 48);
	assert_int_equal(message->probe->ids[1].size, 64);
	assert_int_equal(message->probe->ids[2].size, 32);
	assert_int_equal(message->probe->ids[1].octets[63], 0xef);
	wsd_free(message);
	free(text);
	free(body);
}

static void prefixes_of_types_are_those_in_scope_where_they_stand(void **state)
{
	static const char peerdist[] =
		"http://schemas.microsoft.com/p2p/2007/09/PeerDistributionDiscovery";
	static const struct {
		const char *declared, *types;
		int expected;
	} rows[] = {
		{"xmlns:p='%s'", "p:PeerDistData", 0},
		{"xmlns='%s'", "PeerDistData", 0},
		{"xmlns='%s'", ":PeerDistData", -EBADMSG},
		{"xmlns:PeerDist='urn:other' xmlns:p='%s'", "PeerDist:PeerDistData", -ENOMSG},
		{"xmlns:PeerDist='urn:other' xmlns:p='%s'", "p:PeerDistData", 0},
		{"xmlns:p='%s'", "P:PeerDistData", -EBADMSG},
		{"xmlns:p='%s'", "PeerDistData", -ENOMSG},
		{"xmlns:p='%s'", "p:PeerDistDatA", -ENOMSG},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char *declared, *body;
		int error;

		assert_true(asprintf(&declared, rows[i].declared, peerdist) > 0);
		assert_true(asprintf(&body,
				     "<wsd:Probe><wsd:Types %s>%s</wsd:Types><wsd:Scopes>" SCENE_ID(
					     00) "</wsd:Scopes></wsd:Probe>",
				     declared, rows[i].types) > 0);
		error = scene_judge(&(struct scene_document){.body = body});
		assert_int_equal(error, rows[i].expected);
		free(declared);
		free(body);
	}
}

static void a_declaration_ends_with_its_element(void **state)
{
	struct scene_document document = {
		.prefixes = " xmlns:p='urn:other'",
		.body = "<wsd:Probe><wsd:Scopes "
			"xmlns:p='http://schemas.microsoft.com/p2p/2007/09/"
			"PeerDistributionDiscovery'>" SCENE_ID(
				00) "</wsd:Scopes><wsd:Types>p:PeerDistData</wsd:Types></"
				    "wsd:Probe>"};

	(void)state;
	assert_int_equal(scene_judge(&document), -ENOMSG);
}

static void what_is_not_of_ours_is_told_from_what_is_malformed(void **state)
{
	static const char *const bodies[] = {
		"<wsd:Probe></wsd:Probe>",
		"<wsd:Probe><wsd:Types>wsd:Device</wsd:Types></wsd:Probe>",
		"<wsd:Probe><wsd:Types></wsd:Types></wsd:Probe>",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bodies) / sizeof(*bodies); i++)
		assert_int_equal(scene_judge(&(struct scene_document){.body = bodies[i]}), -ENOMSG);
	assert_int_equal(scene_judge(&(struct scene_document){.action = ""}), -ENOMSG);
	assert_int_equal(scene_judge(&(struct scene_document){
				 .action = "<wsa:Action>http://schemas.xmlsoap.org/ws/2005/04/"
					   "discovery/Hello</wsa:Action>"}),
			 -ENOMSG);
}

/* ---- answers that are read ---- */

static void an_answer_of_form_1_is_read(void **state)
{
	struct wsd_message *message = read_good(SCENE_ANSWER_1);
	struct wsd_probe probe = scene_asked(WSD_FORM_1, 3);
	struct wsd_matches *matches;
	struct xaddr first = address_of("192.0.2.1:80"), second = address_of("[fe80::1]:1337");

	(void)state;
	assert_int_equal(message->kind, WSD_ANSWER);
	assert_string_equal(message->message_id, SCENE_OTHER_NAME);
	assert_string_equal(message->relates_to, SCENE_NAME);
	assert_true(message->sequenced);
	assert_int_equal(message->instance, UINT32_MAX);
	assert_int_equal(message->number, 7);
	assert_int_equal(wsd_read_matches(message, &probe, &matches), 0);
	assert_int_equal(matches->count, 1);
	assert_string_equal(matches->matches[0].endpoint, SCENE_ENDPOINT);
	assert_int_equal(matches->matches[0].address_count, 2);
	assert_true(xaddr_same(&matches->matches[0].addresses[0], &first));
	assert_true(xaddr_same(&matches->matches[0].addresses[1], &second));
	assert_int_equal(matches->matches[0].claim_count, 2);
	assert_int_equal(matches->matches[0].claims[0].segment, 0);
	assert_int_equal(matches->matches[0].claims[0].blocks, 42);
	assert_int_equal(matches->matches[0].claims[1].segment, 2);
	assert_int_equal(matches->matches[0].claims[1].blocks, 512);
	free(matches);
	wsd_free(message);
}

static void an_answer_of_form_2_is_read(void **state)
{
	struct wsd_message *message = read_good(SCENE_ANSWER_2);
	struct wsd_probe probe = scene_asked(WSD_FORM_2, 8);
	struct wsd_matches *matches;
	const struct wsd_claim *claims;

	(void)state;
	assert_int_equal(wsd_read_matches(message, &probe, &matches), 0);
	assert_int_equal(matches->count, 1);
	assert_int_equal(matches->matches[0].claim_count, 3);
	claims = matches->matches[0].claims;
	assert_true(claims[0].segment == 0 && claims[0].whole && claims[0].aged);
	assert_int_equal(claims[0].age_ms, 600000);
	assert_true(claims[1].segment == 3 && !claims[1].whole && claims[1].aged);
	assert_true(claims[2].segment == 7 && !claims[2].whole && !claims[2].aged);
	free(matches);
	wsd_free(message);
}

#define MATCH(types, scopes, addresses, rest)                                                      \
	"<wsd:ProbeMatch><wsa:EndpointReference><wsa:Address>" SCENE_ENDPOINT                      \
	"</wsa:Address></wsa:EndpointReference><wsd:Types>PeerDist:" types                         \
	"</wsd:Types><wsd:Scopes>" scopes "</wsd:Scopes><wsd:XAddrs>" addresses                    \
	"</wsd:XAddrs>" rest "</wsd:ProbeMatch>"
#define MATCHES(list) "<wsd:ProbeMatches>" list "</wsd:ProbeMatches>"
#define COUNTS(digits)                                                                             \
	"<PeerDist:PeerDistData><PeerDist:BlockCount>" digits                                      \
	"</PeerDist:BlockCount></PeerDist:PeerDistData>"
#define AGES(blob) "<PeerDist:SegmentAges>" blob "</PeerDist:SegmentAges>"
#define V2(text) "<PeerDist:PeerDistDataV2>" text "</PeerDist:PeerDistDataV2>"

/* The claims of a body's only match; freed by the next call, or by a call with NULL. */
static const struct wsd_match *only_match(enum wsd_form form, unsigned count, const char *body)
{
	static struct wsd_message *message;
	static struct wsd_matches *matches;
	struct wsd_probe probe = scene_asked(form, count);

	free(matches);
	wsd_free(message);
	matches = NULL;
	message = NULL;
	if (body == NULL)
		return NULL;
	assert_int_equal(scene_match(&probe, body, &message, &matches), 0);
	assert_int_equal(matches->count, 1);
	return &matches->matches[0];
}

static void counts_of_sixteen_bits_are_read(void **state)
{
	const struct wsd_match *match = only_match(
		WSD_FORM_1, 3,
		MATCHES(MATCH("PeerDistData", SCENE_ID(00) " " SCENE_ID(01) " " SCENE_ID(02),
			      "192.0.2.1:80", COUNTS("001900040010"))));

	(void)state;
	assert_int_equal(match->claim_count, 3);
	assert_int_equal(match->claims[0].blocks, 0x19);
	assert_int_equal(match->claims[1].blocks, 4);
	assert_int_equal(match->claims[2].blocks, 0x10);
	only_match(WSD_FORM_1, 0, NULL);
}

static void counts_are_bounded_and_zero_is_no_claim(void **state)
{
	const struct wsd_match *match = only_match(
		WSD_FORM_1, 3,
		MATCHES(MATCH("PeerDistData", SCENE_ID(00) " " SCENE_ID(01) " " SCENE_ID(02),
			      "192.0.2.1:80", COUNTS("ffffffff0000000000000201"))));

	(void)state;
	assert_int_equal(match->claim_count, 2);
	assert_int_equal(match->claims[0].blocks, 512);
	assert_int_equal(match->claims[1].segment, 2);
	assert_int_equal(match->claims[1].blocks, 512);
	only_match(WSD_FORM_1, 0, NULL);
}

static void scopes_not_asked_for_are_passed_over_in_their_place(void **state)
{
	const struct wsd_match *match = only_match(
		WSD_FORM_1, 2,
		MATCHES(MATCH(
			"PeerDistData",
			SCENE_ID(77) " nonsense " SCENE_ID(01) " " SCENE_ID(01) " " SCENE_ID(00),
			"192.0.2.1:80", COUNTS("0000000100000002000000030000000400000005"))));

	(void)state;
	assert_int_equal(match->claim_count, 2);
	assert_int_equal(match->claims[0].segment, 0);
	assert_int_equal(match->claims[0].blocks, 5);
	assert_int_equal(match->claims[1].segment, 1);
	assert_int_equal(match->claims[1].blocks, 3);
	only_match(WSD_FORM_1, 0, NULL);
}

static void scopes_are_compared_by_value(void **state)
{
	const struct wsd_match *match = only_match(
		WSD_FORM_1, 1,
		MATCHES(MATCH(
			"PeerDistData",
			"\n00112233445566778899aabbccddeeff00112233445566778899aAbBcCdDeEfF\n",
			"\n192.0.2.1:80\n", COUNTS("\n0000002A\n"))));

	(void)state;
	assert_int_equal(match->claim_count, 1);
	assert_int_equal(match->claims[0].blocks, 42);
	only_match(WSD_FORM_1, 0, NULL);
}

static void the_published_bits_and_ages_are_read(void **state)
{
	static const char *const wrapped[] = {
		MATCHES(MATCH("PeerDistDataV2", "/////////////w==", "192.0.2.1:80",
			      V2(AGES("AAEDAgBg6gACYOoA")))),
		MATCHES(MATCH("PeerDistDataV2", "/////////////w==", "192.0.2.1:80",
			      "<PeerDist:PeerDistData>" AGES(
				      "AAED\n AgBg6gACYOoA") "</PeerDist:PeerDistData>")),
		MATCHES(MATCH("PeerDistDataV2", "/////////////w==", "192.0.2.1:80",
			      AGES("AAEDAgBg6gACYOoA"))),
	};

	(void)state;
	for (size_t i = 0; i < sizeof(wrapped) / sizeof(*wrapped); i++) {
		const struct wsd_match *match = only_match(WSD_FORM_2, 40, wrapped[i]);

		assert_int_equal(match->claim_count, 40);
		for (unsigned j = 0; j < 40; j++) {
			assert_true(match->claims[j].whole);
			assert_int_equal(match->claims[j].aged, j == 0 || j == 2);
			assert_int_equal(match->claims[j].age_ms, j == 0 || j == 2 ? 600000 : 0);
		}
	}
	only_match(WSD_FORM_2, 0, NULL);
}

static void bits_beyond_the_probe_do_not_matter(void **state)
{
	/* 80 55: held in part, then 01 pairs where nothing was asked. */
	const struct wsd_match *match = only_match(
		WSD_FORM_2, 4, MATCHES(MATCH("PeerDistDataV2", "gFU=", "192.0.2.1:80", "")));

	(void)state;
	assert_int_equal(match->claim_count, 1);
	match = only_match(WSD_FORM_2, 1,
			   MATCHES(MATCH("PeerDistDataV2", "lQ==", "192.0.2.1:80", "")));
	assert_int_equal(match->claim_count, 1);
	only_match(WSD_FORM_2, 0, NULL);
}

static void bad_ages_are_thrown_away_alone(void **state)
{
	static const char *const bodies[] = {
		MATCHES(MATCH("PeerDistDataV2", "/w==", "192.0.2.1:80",
			      V2(AGES("AAEDAgBg6gACYOo")))),
		MATCHES(MATCH("PeerDistDataV2", "/w==", "192.0.2.1:80", V2(AGES("AAIDAQBg6gA=")))),
		MATCHES(MATCH("PeerDistDataV2", "/w==", "192.0.2.1:80", V2(AGES("AAEFAQBg6gA=")))),
		MATCHES(MATCH("PeerDistDataV2", "/w==", "192.0.2.1:80", V2(AGES("AAEDAgBg6gA=")))),
		MATCHES(MATCH("PeerDistDataV2", "/w==", "192.0.2.1:80", V2(AGES("")))),
		MATCHES(MATCH("PeerDistDataV2", "/w==", "192.0.2.1:80",
			      V2(AGES("AAEDAQBg6gA=") AGES("AAEDAQBg6gA=")))),
		/* Of a segment that was not asked for. */
		MATCHES(MATCH("PeerDistDataV2", "/w==", "192.0.2.1:80", V2(AGES("AAEDAf9g6gA=")))),
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bodies) / sizeof(*bodies); i++) {
		const struct wsd_match *match = only_match(WSD_FORM_2, 4, bodies[i]);

		assert_int_equal(match->claim_count, 4);
		for (unsigned j = 0; j < 4; j++)
			assert_false(match->claims[j].aged);
	}
	only_match(WSD_FORM_2, 0, NULL);
}

static void the_first_of_two_ages_of_a_segment_counts(void **state)
{
	const struct wsd_match *match =
		only_match(WSD_FORM_2, 2,
			   MATCHES(MATCH("PeerDistDataV2", "gA==", "192.0.2.1:80",
					 V2(AGES("AAEDAgBg6gAAAQAA")))));

	(void)state;
	assert_int_equal(match->claims[0].age_ms, 600000);
	only_match(WSD_FORM_2, 0, NULL);
}

static void an_age_of_an_absent_segment_is_no_claim(void **state)
{
	const struct wsd_match *match = only_match(
		WSD_FORM_2, 2,
		MATCHES(MATCH("PeerDistDataV2", "gA==", "192.0.2.1:80", V2(AGES("AAEDAQFg6gA=")))));

	(void)state;
	assert_int_equal(match->claim_count, 1);
	assert_int_equal(match->claims[0].segment, 0);
	assert_false(match->claims[0].aged);
	only_match(WSD_FORM_2, 0, NULL);
}

static void several_matches_are_read_and_others_types_passed_over(void **state)
{
	static const char body[] = MATCHES(
		MATCH("PeerDistDataV2", "wA==", "192.0.2.9:80", "") MATCH(
			"PeerDistData", SCENE_ID(00), "192.0.2.1:80",
			COUNTS("00000001")) "<wsd:ProbeMatch></wsd:ProbeMatch>" MATCH("PeerDistDat"
										      "a",
										      SCENE_ID(00),
										      "peer."
										      "example:80",
										      COUNTS("00000"
											     "001"))
			MATCH("PeerDistData PeerDist:PeerDistDataV2 wsd:Device", SCENE_ID(00),
			      "http://192.0.2.2/116B50EB/ [fe80::1%3]:8080", COUNTS("00000002")));
	struct wsd_probe probe = scene_asked(WSD_FORM_1, 1);
	struct wsd_message *message;
	struct wsd_matches *matches;

	(void)state;
	assert_int_equal(scene_match(&probe, body, &message, &matches), 0);
	assert_int_equal(matches->count, 2);
	assert_int_equal(matches->matches[0].claims[0].blocks, 1);
	assert_int_equal(matches->matches[1].claims[0].blocks, 2);
	assert_int_equal(matches->matches[1].address_count, 2);
	assert_int_equal(matches->matches[1].addresses[0].port, 80);
	assert_int_equal(matches->matches[1].addresses[1].port, 8080);
	free(matches);
	wsd_free(message);
}

static void an_answer_that_claims_nothing_is_no_match(void **state)
{
	struct wsd_probe probe = scene_asked(WSD_FORM_2, 1);
	struct wsd_message *message;
	struct wsd_matches *matches;

	(void)state;
	assert_int_equal(scene_match(&probe,
				     MATCHES(MATCH("PeerDistDataV2", "AA==", "192.0.2.1:80", "")),
				     &message, &matches),
			 0);
	assert_int_equal(matches->count, 0);
	free(matches);
	wsd_free(message);
}

static void app_sequence_is_read_in_either_namespace_or_not_at_all(void **state)
{
	static const struct {
		const char *header;
		bool sequenced;
	} rows[] = {
		{"<wsd:AppSequence MessageNumber='2' InstanceId=' 1 '/>", true},
		{"<wsa:AppSequence InstanceId='1' MessageNumber='2' SequenceId='urn:x'/>", true},
		{"", false},
		{"<wsd:AppSequence InstanceId='1'/>", false},
		{"<wsd:AppSequence InstanceId='' MessageNumber='2'/>", false},
		{"<wsd:AppSequence InstanceId='4294967296' MessageNumber='2'/>", false},
		{"<wsd:AppSequence InstanceId='-1' MessageNumber='2'/>", false},
		{"<wsd:AppSequence InstanceId='1' MessageNumber='2'/>"
		 "<wsa:AppSequence InstanceId='1' MessageNumber='2'/>",
		 false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char *header, *text;
		struct wsd_message *message;

		assert_true(asprintf(&header, "<wsa:RelatesTo>x</wsa:RelatesTo>%s",
				     rows[i].header) > 0);
		text = scene_answer(&(struct scene_document){
			.header = header, .message_id = "", .body = MATCHES("")});
		message = read_good(text);
		assert_null(message->message_id);
		assert_int_equal(message->sequenced, rows[i].sequenced);
		if (rows[i].sequenced)
			assert_true(message->instance == 1 && message->number == 2);
		wsd_free(message);
		free(text);
		free(header);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(written_probes_are_read),
		cmocka_unit_test(the_published_packed_list_is_read),
		cmocka_unit_test(a_mark_other_prefixes_orders_and_white_space_do_not_matter),
		cmocka_unit_test(white_space_in_a_packed_list_does_not_matter),
		cmocka_unit_test(ids_of_the_longer_hashes_are_read),
		cmocka_unit_test(prefixes_of_types_are_those_in_scope_where_they_stand),
		cmocka_unit_test(a_declaration_ends_with_its_element),
		cmocka_unit_test(what_is_not_of_ours_is_told_from_what_is_malformed),
		cmocka_unit_test(an_answer_of_form_1_is_read),
		cmocka_unit_test(an_answer_of_form_2_is_read),
		cmocka_unit_test(counts_of_sixteen_bits_are_read),
		cmocka_unit_test(counts_are_bounded_and_zero_is_no_claim),
		cmocka_unit_test(scopes_not_asked_for_are_passed_over_in_their_place),
		cmocka_unit_test(scopes_are_compared_by_value),
		cmocka_unit_test(the_published_bits_and_ages_are_read),
		cmocka_unit_test(bits_beyond_the_probe_do_not_matter),
		cmocka_unit_test(bad_ages_are_thrown_away_alone),
		cmocka_unit_test(the_first_of_two_ages_of_a_segment_counts),
		cmocka_unit_test(an_age_of_an_absent_segment_is_no_claim),
		cmocka_unit_test(several_matches_are_read_and_others_types_passed_over),
		cmocka_unit_test(an_answer_that_claims_nothing_is_no_match),
		cmocka_unit_test(app_sequence_is_read_in_either_namespace_or_not_at_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
