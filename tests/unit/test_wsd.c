/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The messages of discovery as they are written, octet by octet, with the examples and sizes of
 * discovery.md.
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

static char datagram[WSD_DATAGRAM_MAX + 1];

#define PROBE_HEAD                                                                                 \
	SCENE_DECLARATION "<soap:Envelope" SCENE_NAMESPACES                                        \
			  "><soap:Header><wsa:To>" SCENE_PROBE_TO                                  \
			  "</wsa:To><wsa:Action>" SCENE_PROBE_ACTION                               \
			  "</wsa:Action><wsa:MessageID>" SCENE_NAME                                \
			  "</wsa:MessageID></soap:Header><soap:Body>"

static void write_probe(const struct wsd_probe *probe)
{
	size_t size;

	assert_int_equal(wsd_write_probe(probe, datagram, WSD_DATAGRAM_MAX, &size), 0);
	datagram[size] = '\0';
}

static void a_probe_of_form_1_is_written_octet_by_octet(void **state)
{
	struct wsd_probe probe = scene_asked(WSD_FORM_1, 1);

	(void)state;
	write_probe(&probe);
	assert_string_equal(datagram, PROBE_HEAD SCENE_BODY_1 SCENE_TAIL);
}

static void a_probe_of_form_2_is_written_octet_by_octet(void **state)
{
	static const uint8_t octets[] = {
		0x29, 0x01, 0x1a, 0x01, 0,    0, 0,    0, 0x30, 0x1d, 0x1a, 0x01, 0,    0, 0,    0,
		0x41, 0,    0x41, 0,    0x44, 0, 0x79, 0, 0x67, 0,    0x4d, 0,    0x4d, 0, 0x31, 0};
	struct wsd_id id = {.size = 32};
	struct wsd_probe probe = {WSD_FORM_2, SCENE_NAME, 1, &id};

	(void)state;
	memcpy(id.octets, octets, sizeof(octets));
	write_probe(&probe);
	assert_string_equal(datagram, PROBE_HEAD SCENE_BODY_2 SCENE_TAIL);
}

static void probes_have_the_sizes_that_were_measured(void **state)
{
	static const struct {
		unsigned count;
		size_t form_1, form_2;
	} rows[] = {{1, 814, 808}, {2, 879, 852}, {16, 1789, 1448}, {255, 17324, 11644}};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct wsd_probe one = scene_asked(WSD_FORM_1, rows[i].count);
		struct wsd_probe two = scene_asked(WSD_FORM_2, rows[i].count);

		write_probe(&one);
		assert_int_equal(strlen(datagram), rows[i].form_1);
		write_probe(&two);
		assert_int_equal(strlen(datagram), rows[i].form_2);
	}
}

static void batches_fit_into_one_frame(void **state)
{
	struct wsd_probe one = scene_asked(WSD_FORM_1, WSD_BATCH_1);
	struct wsd_probe two = scene_asked(WSD_FORM_2, WSD_BATCH_2);

	(void)state;
	write_probe(&one);
	assert_in_range(strlen(datagram), 1, 1452);
	write_probe(&two);
	assert_in_range(strlen(datagram), 1, 1452);
}

static void a_uuid_is_random_of_version_4(void **state)
{
	uint8_t random[16];
	char uuid[WSD_UUID_MAX];

	(void)state;
	for (unsigned i = 0; i < 16; i++)
		random[i] = (uint8_t)i;
	wsd_uuid(random, uuid);
	assert_string_equal(uuid, SCENE_NAME);
	memset(random, 0xff, sizeof(random));
	wsd_uuid(random, uuid);
	assert_string_equal(uuid, "urn:uuid:ffffffff-ffff-4fff-bfff-ffffffffffff");
}

/* ---- answers that are written ---- */

static struct xaddr address_of(const char *text)
{
	struct xaddr address;

	assert_int_equal(xaddr_read(text, strlen(text), &address), 0);
	return address;
}

static int write_answer(const struct wsd_probe *probe, const struct wsd_claim *claims,
			unsigned claim_count, const struct xaddr *addresses, unsigned address_count)
{
	struct wsd_answer answer = {probe,  SCENE_OTHER_NAME, SCENE_ENDPOINT, UINT32_MAX,   7,
				    claims, claim_count,      addresses,      address_count};
	size_t size;
	int error = wsd_write_answer(&answer, datagram, WSD_DATAGRAM_MAX, &size);

	if (error == 0)
		datagram[size] = '\0';
	return error;
}

static void an_answer_of_form_1_is_written_octet_by_octet(void **state)
{
	struct wsd_probe probe = scene_asked(WSD_FORM_1, 3);
	struct wsd_claim claims[] = {{.segment = 0, .blocks = 42}, {.segment = 2, .blocks = 512}};
	struct xaddr addresses[] = {address_of("192.0.2.1:80"), address_of("[fe80::1]:1337")};

	(void)state;
	assert_int_equal(write_answer(&probe, claims, 2, addresses, 2), 0);
	assert_string_equal(datagram, SCENE_ANSWER_1);
}

static void an_answer_of_form_2_is_written_octet_by_octet(void **state)
{
	struct wsd_probe probe = scene_asked(WSD_FORM_2, 8);
	struct wsd_claim claims[] = {
		{.segment = 0, .whole = true, .aged = true, .age_ms = 600009},
		{.segment = 3, .aged = true, .age_ms = 600000},
		{.segment = 7},
	};
	struct xaddr address = address_of("[2001:db8::1]:80");

	(void)state;
	assert_int_equal(write_answer(&probe, claims, 3, &address, 1), 0);
	assert_string_equal(datagram, SCENE_ANSWER_2);
}

/* The bits of the segments as they are written, in the Scopes of DATAGRAM. */
static void assert_scopes(const char *expected)
{
	const char *scopes = strstr(datagram, "<wsd:Scopes>") + strlen("<wsd:Scopes>");

	assert_memory_equal(scopes, expected, strlen(expected));
	assert_memory_equal(scopes + strlen(expected), "</wsd:Scopes>", strlen("</wsd:Scopes>"));
}

static void the_published_bits_are_written(void **state)
{
	struct wsd_probe probe = scene_asked(WSD_FORM_2, 40);
	struct wsd_claim claims[40];
	struct xaddr address = address_of("192.0.2.1");

	(void)state;
	for (unsigned i = 0; i < 40; i++)
		claims[i] = (struct wsd_claim){.segment = (uint8_t)i, .whole = true};
	assert_int_equal(write_answer(&probe, claims, 40, &address, 1), 0);
	assert_scopes("/////////////w==");
}

static void the_first_segment_is_in_the_upmost_bits(void **state)
{
	struct wsd_probe probe = scene_asked(WSD_FORM_2, 5);
	struct wsd_claim first = {.segment = 0, .whole = true}, last = {.segment = 4};
	struct xaddr address = address_of("192.0.2.1");

	(void)state;
	assert_int_equal(write_answer(&probe, &first, 1, &address, 1), 0);
	assert_scopes("wAA=");
	assert_int_equal(write_answer(&probe, &last, 1, &address, 1), 0);
	assert_scopes("AIA=");
}

static void ids_are_echoed_as_the_asker_spelled_them(void **state)
{
	static const char spelled[] =
		"0011223344556677"
		"8899aAbBcCdDeEfF00112233445566778899AABBCCDDEEff0000000000000000";
	struct wsd_message *message;
	struct wsd_claim claim = {.segment = 0, .blocks = 1};
	struct xaddr address = address_of("192.0.2.1:80");
	char *body, *text;

	(void)state;
	assert_true(asprintf(&body,
			     "<wsd:Probe><wsd:Types>PeerDist:PeerDistData</wsd:Types><wsd:Scopes>"
			     "%.64s</wsd:Scopes></wsd:Probe>",
			     spelled) > 0);
	text = scene_probe(&(struct scene_document){.body = body});
	assert_int_equal(scene_read(text, &message), 0);
	assert_int_equal(write_answer(message->probe, &claim, 1, &address, 1), 0);
	wsd_free(message);
	free(text);
	free(body);
	((char *)(uintptr_t)strstr(datagram, "</wsd:Scopes>"))[0] = '\0';
	assert_memory_equal(strstr(datagram, "<wsd:Scopes>") + strlen("<wsd:Scopes>"), spelled, 64);
}

static void a_message_id_of_a_stranger_stays_text(void **state)
{
	struct scene_document document = {
		.message_id =
			"<wsa:MessageID>&lt;/wsa:RelatesTo&gt;&amp;&#13;\"'x</wsa:MessageID>"};
	struct wsd_claim claim = {.segment = 0, .blocks = 1};
	struct xaddr address = address_of("192.0.2.1:80");
	struct wsd_message *probe, *answer;
	char *text = scene_probe(&document);

	(void)state;
	assert_int_equal(scene_read(text, &probe), 0);
	assert_string_equal(probe->message_id, "</wsa:RelatesTo>&\r\"'x");
	assert_int_equal(write_answer(probe->probe, &claim, 1, &address, 1), 0);
	assert_int_equal(scene_read(datagram, &answer), 0);
	assert_string_equal(answer->relates_to, probe->message_id);
	wsd_free(answer);
	wsd_free(probe);
	free(text);
}

static void what_is_too_large_for_its_room_is_refused(void **state)
{
	struct wsd_probe probe = scene_asked(WSD_FORM_1, 2);
	struct wsd_claim claim = {.segment = 1, .blocks = 1};
	struct xaddr address = address_of("192.0.2.1:80");
	struct wsd_answer answer = {.probe = &probe,
				    .message_id = SCENE_NAME,
				    .endpoint = SCENE_ENDPOINT,
				    .claims = &claim,
				    .claim_count = 1,
				    .addresses = &address,
				    .address_count = 1};
	size_t full, size = 4711;

	(void)state;
	assert_int_equal(wsd_write_probe(&probe, datagram, sizeof(datagram), &full), 0);
	for (size_t room = 0; room < full; room++)
		assert_int_equal(wsd_write_probe(&probe, datagram, room, &size), -EMSGSIZE);
	assert_int_equal(wsd_write_probe(&probe, datagram, full, &full), 0);
	assert_int_equal(wsd_write_answer(&answer, datagram, sizeof(datagram), &full), 0);
	for (size_t room = 0; room < full; room++)
		assert_int_equal(wsd_write_answer(&answer, datagram, room, &size), -EMSGSIZE);
	assert_int_equal(size, 4711);
}

static int write_changed(struct wsd_probe probe, const char *message_id, unsigned count)
{
	size_t size;

	probe.message_id = message_id;
	probe.count = count;
	return wsd_write_probe(&probe, datagram, sizeof(datagram), &size);
}

static void what_no_probe_can_say_is_not_written(void **state)
{
	struct wsd_id long_id = {.size = 48}, odd_id = {.size = 33};
	struct wsd_probe probe = scene_asked(WSD_FORM_1, 1);
	struct wsd_probe long_1 = {WSD_FORM_1, SCENE_NAME, 1, &long_id};
	struct wsd_probe long_2 = {WSD_FORM_2, SCENE_NAME, 1, &long_id};
	struct wsd_probe odd = {WSD_FORM_1, SCENE_NAME, 1, &odd_id};
	char longest[WSD_MESSAGE_ID_MAX + 2];

	(void)state;
	memset(longest, 'x', sizeof(longest));
	longest[WSD_MESSAGE_ID_MAX + 1] = '\0';
	assert_int_equal(write_changed(probe, SCENE_NAME, 0), -EINVAL);
	assert_int_equal(write_changed(probe, SCENE_NAME, WSD_SEGMENTS_MAX + 1), -EINVAL);
	assert_int_equal(write_changed(probe, "", 1), -EINVAL);
	assert_int_equal(write_changed(probe, NULL, 1), -EINVAL);
	assert_int_equal(write_changed(probe, longest, 1), -EINVAL);
	assert_int_equal(write_changed(probe, longest + 1, 1), 0);
	assert_int_equal(write_changed(long_1, SCENE_NAME, 1), 0);
	assert_int_equal(write_changed(long_2, SCENE_NAME, 1), -EINVAL);
	assert_int_equal(write_changed(odd, SCENE_NAME, 1), -EINVAL);
}

static void what_no_answer_can_say_is_not_written(void **state)
{
	struct wsd_probe probe = scene_asked(WSD_FORM_1, 2);
	struct wsd_claim none = {.segment = 0}, many = {.segment = 0, .blocks = 513};
	struct wsd_claim beyond = {.segment = 2, .blocks = 1};
	struct wsd_claim twice[] = {{.segment = 1, .blocks = 1}, {.segment = 1, .blocks = 1}};
	struct wsd_claim good = {.segment = 1, .blocks = 1};
	struct xaddr addresses[WSD_ADDRESSES_MAX + 1];

	(void)state;
	for (unsigned i = 0; i <= WSD_ADDRESSES_MAX; i++)
		addresses[i] = address_of("192.0.2.1:80");
	assert_int_equal(write_answer(&probe, &none, 1, addresses, 1), -EINVAL);
	assert_int_equal(write_answer(&probe, &many, 1, addresses, 1), -EINVAL);
	assert_int_equal(write_answer(&probe, &beyond, 1, addresses, 1), -EINVAL);
	assert_int_equal(write_answer(&probe, twice, 2, addresses, 1), -EINVAL);
	assert_int_equal(write_answer(&probe, &good, 0, addresses, 1), -EINVAL);
	assert_int_equal(write_answer(&probe, &good, 1, addresses, 0), -EINVAL);
	assert_int_equal(write_answer(&probe, &good, 1, addresses, 9), -EINVAL);
	assert_int_equal(write_answer(&probe, &good, 1, addresses, 8), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_probe_of_form_1_is_written_octet_by_octet),
		cmocka_unit_test(a_probe_of_form_2_is_written_octet_by_octet),
		cmocka_unit_test(probes_have_the_sizes_that_were_measured),
		cmocka_unit_test(batches_fit_into_one_frame),
		cmocka_unit_test(a_uuid_is_random_of_version_4),
		cmocka_unit_test(an_answer_of_form_1_is_written_octet_by_octet),
		cmocka_unit_test(an_answer_of_form_2_is_written_octet_by_octet),
		cmocka_unit_test(the_published_bits_are_written),
		cmocka_unit_test(the_first_segment_is_in_the_upmost_bits),
		cmocka_unit_test(ids_are_echoed_as_the_asker_spelled_them),
		cmocka_unit_test(a_message_id_of_a_stranger_stays_text),
		cmocka_unit_test(what_is_too_large_for_its_room_is_refused),
		cmocka_unit_test(what_no_probe_can_say_is_not_written),
		cmocka_unit_test(what_no_answer_can_say_is_not_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
