/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the responder says, to whom and when.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "peer/backoff.h"
#include "peer/suppression.h"
#include "tests/unit/responder_scene.h"
#include "tests/unit/wsd_scene.h"

static struct responder_scene scene;
static struct xaddr asker;

static int begin(void **state)
{
	(void)state;
	responder_scene_prepare(&scene);
	responder_scene_begin(&scene);
	asker = responder_scene_host(9);
	return 0;
}

static int end(void **state)
{
	(void)state;
	responder_scene_end(&scene);
	return 0;
}

static struct xaddr address_of(const char *text)
{
	struct xaddr address;

	assert_int_equal(xaddr_read(text, strlen(text), &address), 0);
	return address;
}

static void wait_for_answers(uint64_t expected)
{
	responder_scene_pass(&scene, BACKOFF_ANSWER_MAX_MS);
	assert_int_equal(scene.sent_count, expected);
	assert_int_equal(responder_scene_counters(&scene).answered, expected);
}

/* The random words from which SCENE_OTHER_NAME is made, after the one for the wait. */
static void choose_other_name(void)
{
	static const uint32_t words[] = {0, 0x11111111, 0x2222f333, 0x04445555, 0x55555555};

	memcpy(scene.words, words, sizeof(words));
	scene.word_count = 5;
	scene.word = 0;
}

/* ---- octets ---- */

/* The seventh message of the service. */
static const char *seventh_answer(const struct wsd_probe *probe)
{
	for (unsigned i = 0; i < 6; i++)
		responder_scene_ask_anew(&scene, 1, &asker);
	wait_for_answers(6);
	choose_other_name();
	scene.held[1] = (struct responder_holding){0};
	responder_scene_hear(&scene, probe, &asker);
	wait_for_answers(7);
	return scene.sent[6].text;
}

static void form_1_is_answered_octet_by_octet(void **state)
{
	struct wsd_probe probe = scene_asked(WSD_FORM_1, 3);

	(void)state;
	scene.held[0] = (struct responder_holding){42, 512, 1};
	scene.held[2] = (struct responder_holding){512, 512, 1};
	scene.announced[0] = address_of("192.0.2.1:80");
	scene.announced[1] = address_of("[fe80::1]:1337");
	scene.announced_count = 2;
	assert_string_equal(seventh_answer(&probe), SCENE_ANSWER_1);
	assert_int_equal(scene.announced_form, WSD_FORM_1);
}

static void form_2_is_answered_octet_by_octet(void **state)
{
	struct wsd_probe probe = scene_asked(WSD_FORM_2, 8);
	static const char expected[] = SCENE_ANSWER_HEAD
		"<wsd:Types>PeerDist:PeerDistDataV2</wsd:Types><wsd:Scopes>wgA=</wsd:Scopes>"
		"<wsd:XAddrs>[2001:db8::1]:80</wsd:XAddrs>"
		"<wsd:MetadataVersion>2</wsd:MetadataVersion><PeerDist:PeerDistData>"
		"<PeerDist:SegmentAges>AAEDAgBg6gADYOoA</PeerDist:SegmentAges>" SCENE_ANSWER_TAIL;

	(void)state;
	scene.held[0] = (struct responder_holding){1, 1, 600009};
	scene.held[3] = (struct responder_holding){1, 2, 600000};
	scene.announced[0] = address_of("[2001:db8::1]:80");
	assert_string_equal(seventh_answer(&probe), expected);
	assert_int_equal(scene.announced_form, WSD_FORM_2);
}

/* As iPXE does: what stands between the first such start tag, in exactly these octets, and the
 * first end tag. */
static const char *literal_value(const char *datagram, const char *name, char *value, size_t room)
{
	char start[40], stop[40];
	const char *from, *to;

	snprintf(start, sizeof(start), "<%s>", name);
	snprintf(stop, sizeof(stop), "</%s>", name);
	from = strstr(datagram, start);
	assert_non_null(from);
	from += strlen(start);
	to = strstr(from, stop);
	assert_non_null(to);
	assert_in_range(to - from, 0, room - 1);
	memcpy(value, from, (size_t)(to - from));
	value[to - from] = '\0';
	return value;
}

static void ipxe_finds_its_literals_for_a_segment_of_version_2(void **state)
{
	char value[200];

	(void)state;
	responder_scene_hear_text(
		&scene,
		SCENE_DECLARATION
		"<soap:Envelope" SCENE_NAMESPACES "><soap:Header><wsa:To>" SCENE_PROBE_TO
		"</wsa:To><wsa:Action>" SCENE_PROBE_ACTION "</wsa:Action><wsa:MessageID>" SCENE_NAME
		"</wsa:MessageID></soap:Header><soap:Body><wsd:Probe><wsd:Types>"
		"PeerDist:PeerDistData</wsd:Types><wsd:Scopes>" SCENE_ID(
			01) "</wsd:Scopes></wsd:Probe>" SCENE_TAIL,
		&asker);
	wait_for_answers(1);
	assert_string_equal(literal_value(scene.sent[0].text, "wsd:Scopes", value, sizeof(value)),
			    SCENE_ID(01));
	assert_string_equal(literal_value(scene.sent[0].text, "wsd:XAddrs", value, sizeof(value)),
			    "192.0.2.1:1337");
	assert_string_equal(
		literal_value(scene.sent[0].text, "PeerDist:BlockCount", value, sizeof(value)),
		"00000001");
}

static void ids_are_spelled_as_the_asker_spelled_them(void **state)
{
	static const char spelled[] =
		"01aAbBcCdDeEfF00112233445566778899AABBCCDDEEFFaabbccddeeff112233 "
		"01AabBcCdDeEfF00112233445566778899AABBCCDDEEFFaabbccddeeff112233";
	struct scene_document document = {0};
	char *body, *text, value[200];

	(void)state;
	assert_true(asprintf(&body,
			     "<wsd:Probe><wsd:Types>PeerDist:PeerDistData</wsd:Types><wsd:Scopes>\n"
			     " %s\t</wsd:Scopes></wsd:Probe>",
			     spelled) > 0);
	document.body = body;
	text = scene_probe(&document);
	responder_scene_hear_text(&scene, text, &asker);
	free(text);
	free(body);
	wait_for_answers(1);
	assert_string_equal(literal_value(scene.sent[0].text, "wsd:Scopes", value, sizeof(value)),
			    spelled);
	assert_string_equal(
		literal_value(scene.sent[0].text, "PeerDist:BlockCount", value, sizeof(value)),
		"0000000100000001");
}

/* ---- what is said ---- */

/* Reads the answer sent first as the asker of PROBE would. */
static struct wsd_matches *read_answer(const struct wsd_probe *probe,
				       struct wsd_message **message_out)
{
	struct wsd_matches *matches;

	assert_int_equal(scene_read(scene.sent[0].text, message_out), 0);
	assert_int_equal((*message_out)->kind, WSD_ANSWER);
	assert_string_equal((*message_out)->relates_to, probe->message_id);
	assert_int_equal(wsd_read_matches(*message_out, probe, &matches), 0);
	assert_int_equal(matches->count, 1);
	return matches;
}

static void held_segments_of_form_1_are_counted(void **state)
{
	struct wsd_probe probe = scene_asked(WSD_FORM_1, WSD_SEGMENTS_MAX);
	struct wsd_message *message;
	struct wsd_matches *matches;

	(void)state;
	scene.held[7] = (struct responder_holding){3, 512, 0};
	scene.held[9] = (struct responder_holding){0, 512, 0};
	scene.held[254] = (struct responder_holding){70000, 70000, 0};
	responder_scene_hear(&scene, &probe, &asker);
	wait_for_answers(1);
	matches = read_answer(&probe, &message);
	assert_int_equal(matches->matches[0].claim_count, 3);
	assert_int_equal(matches->matches[0].claims[0].segment, 1);
	assert_int_equal(matches->matches[0].claims[0].blocks, 1);
	assert_int_equal(matches->matches[0].claims[1].segment, 7);
	assert_int_equal(matches->matches[0].claims[1].blocks, 3);
	assert_int_equal(matches->matches[0].claims[2].segment, 254);
	assert_int_equal(matches->matches[0].claims[2].blocks, WSD_BLOCKS_MAX);
	free(matches);
	wsd_free(message);
}

static void held_segments_of_form_2_are_marked_and_aged(void **state)
{
	struct wsd_probe probe = scene_asked(WSD_FORM_2, WSD_SEGMENTS_MAX);
	const struct wsd_claim *claims;
	struct wsd_message *message;
	struct wsd_matches *matches;

	(void)state;
	scene.held[0] = (struct responder_holding){511, 512, 50};
	scene.held[254] = (struct responder_holding){512, 512, UINT64_MAX};
	responder_scene_hear(&scene, &probe, &asker);
	wait_for_answers(1);
	matches = read_answer(&probe, &message);
	claims = matches->matches[0].claims;
	assert_int_equal(matches->matches[0].claim_count, 3);
	assert_int_equal(claims[0].segment, 0);
	assert_false(claims[0].whole);
	assert_int_equal(claims[0].age_ms, 50);
	assert_int_equal(claims[1].segment, 1);
	assert_true(claims[1].whole);
	assert_int_equal(claims[1].age_ms, 600000);
	assert_int_equal(claims[2].segment, 254);
	assert_true(claims[2].whole && claims[2].aged);
	assert_int_equal(claims[2].age_ms, 0xffffff * INT64_C(10));
	free(matches);
	wsd_free(message);
}

/* 255 ids of 128 digits, to a MessageID that becomes five times as long. */
static void the_largest_probe_is_answered_in_full(void **state)
{
	static struct wsd_id ids[WSD_SEGMENTS_MAX];
	char name[WSD_MESSAGE_ID_MAX + 1];
	struct wsd_probe probe = {WSD_FORM_1, name, WSD_SEGMENTS_MAX, ids};
	struct wsd_message *message;
	struct wsd_matches *matches;

	(void)state;
	memset(name, '&', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	for (unsigned i = 0; i < WSD_SEGMENTS_MAX; i++) {
		ids[i] = (struct wsd_id){.size = 64, .octets = {(uint8_t)i}};
		scene.held[i] = (struct responder_holding){512, 512, 0};
	}
	responder_scene_hear(&scene, &probe, &asker);
	wait_for_answers(1);
	assert_in_range(scene.sent[0].size, 255 * 137, 37 * 1024);
	matches = read_answer(&probe, &message);
	assert_int_equal(matches->matches[0].claim_count, WSD_SEGMENTS_MAX);
	free(matches);
	wsd_free(message);
}

static void silence_when_nothing_is_held(void **state)
{
	struct wsd_probe one = scene_asked(WSD_FORM_1, 16), two = scene_asked(WSD_FORM_2, 16);

	(void)state;
	scene.held[1] = (struct responder_holding){0, 1, 0};
	scene.held[2] = (struct responder_holding){1, 0, 0};
	responder_scene_hear(&scene, &one, &asker);
	two.message_id = SCENE_OTHER_NAME;
	responder_scene_hear(&scene, &two, &asker);
	assert_int_equal(responder_tick(scene.responder, scene.now_ms), INT64_MAX);
	wait_for_answers(0);
	assert_int_equal(responder_scene_counters(&scene).received, 2);
	assert_int_equal(responder_scene_counters(&scene).refused, 0);
}

static void what_is_not_held_is_told(void **state)
{
	struct wsd_id ids[] = {{.size = 32, .octets = {1}}, {.size = 32, .octets = {2}}};
	struct wsd_probe probe = {WSD_FORM_2, SCENE_NAME, 2, ids};

	(void)state;
	responder_scene_hear(&scene, &probe, &asker);
	assert_int_equal(scene.unserved[1], 0);
	assert_int_equal(scene.unserved[2], 1);
	assert_true(xaddr_same(&scene.unserved_by, &asker));
	/* a repeat is no other question */
	responder_scene_hear(&scene, &probe, &asker);
	assert_int_equal(scene.unserved[2], 1);
}

static void silence_when_it_cannot_be_known(void **state)
{
	(void)state;
	scene.slow = true;
	responder_scene_ask(&scene, WSD_FORM_1, 1, SCENE_NAME, &asker);
	assert_int_equal(scene.parked_count, 1);
	responder_found(scene.parked[0], NULL, scene.now_ms);
	scene.parked[0] = NULL;
	wait_for_answers(0);
	assert_int_equal(scene.unserved[1], 0);
}

static void silence_where_the_server_cannot_be_asked(void **state)
{
	struct wsd_message *message;

	(void)state;
	scene.announced_count = 0;
	responder_scene_ask(&scene, WSD_FORM_1, 1, SCENE_NAME, &asker);
	wait_for_answers(0);
	scene.announced_count = 1;
	responder_scene_ask(&scene, WSD_FORM_1, 1, SCENE_OTHER_NAME, &asker);
	wait_for_answers(1);
	assert_int_equal(scene_read(scene.sent[0].text, &message), 0);
	assert_true(message->sequenced);
	assert_int_equal(message->number, 1);
	wsd_free(message);
}

static void what_is_no_probe_is_passed_over(void **state)
{
	(void)state;
	responder_scene_hear_text(&scene, SCENE_ANSWER_1, &asker);
	wait_for_answers(0);
	assert_int_equal(scene.looked_up, 0);
	assert_int_equal(responder_scene_counters(&scene).received, 0);
}

static void messages_are_numbered_and_named_anew(void **state)
{
	char names[4][WSD_UUID_MAX];
	struct wsd_message *message;

	(void)state;
	for (unsigned i = 0; i < 4; i++)
		responder_scene_ask_anew(&scene, 1, &asker);
	wait_for_answers(4);
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(scene_read(scene.sent[i].text, &message), 0);
		assert_int_equal(message->number, i + 1);
		assert_int_equal(message->instance, UINT32_MAX);
		assert_int_equal(strlen(message->message_id), WSD_UUID_MAX - 1);
		strcpy(names[i], message->message_id);
		for (unsigned j = 0; j < i; j++)
			assert_string_not_equal(names[i], names[j]);
		wsd_free(message);
	}
}

static void answers_go_where_the_probe_came_from(void **state)
{
	(void)state;
	asker.port = 12345;
	scene.own = responder_scene_host(3);
	responder_scene_ask(&scene, WSD_FORM_2, 1, SCENE_NAME, &asker);
	wait_for_answers(1);
	assert_true(xaddr_same(&scene.sent[0].arrival.source, &asker));
	assert_int_equal(scene.sent[0].arrival.interface.index, 7);
	assert_true(xaddr_same(&scene.sent[0].own, &scene.own));
}

/* ---- repeats ---- */

static void ask_named(const char *name, const struct xaddr *source)
{
	responder_scene_ask(&scene, WSD_FORM_1, 1, name, source);
}

static void a_repeat_is_passed_over_for_a_while(void **state)
{
	(void)state;
	ask_named(SCENE_NAME, &asker);
	ask_named(SCENE_NAME, &asker);
	responder_scene_pass(&scene, SUPPRESSION_MS - 1);
	asker.port++;
	ask_named(SCENE_NAME, &asker);
	wait_for_answers(1);
	assert_int_equal(responder_scene_counters(&scene).received, 1);
	assert_int_equal(responder_scene_counters(&scene).repeats, 2);
	assert_int_equal(scene.looked_up, 1);
}

static void the_same_question_is_answered_again_a_second_later(void **state)
{
	(void)state;
	ask_named(SCENE_NAME, &asker);
	responder_scene_pass(&scene, SUPPRESSION_MS);
	ask_named(SCENE_NAME, &asker);
	wait_for_answers(2);
	assert_int_equal(responder_scene_counters(&scene).received, 2);
}

static void copies_by_both_families_are_both_answered(void **state)
{
	struct xaddr asker_6 = address_of("fe80::9");

	(void)state;
	ask_named(SCENE_NAME, &asker_6);
	ask_named(SCENE_NAME, &asker);
	asker_6.zone = 3; /* heard by a second interface as well */
	ask_named(SCENE_NAME, &asker_6);
	wait_for_answers(2);
	assert_int_equal(responder_scene_counters(&scene).repeats, 1);
}

static void others_and_other_questions_are_no_repeats(void **state)
{
	struct xaddr other = responder_scene_host(10);

	(void)state;
	ask_named(SCENE_NAME, &asker);
	ask_named(SCENE_NAME, &other);
	ask_named(SCENE_OTHER_NAME, &asker);
	wait_for_answers(3);
}

static void a_repeat_counts_whether_answered_or_not(void **state)
{
	(void)state;
	scene.held[1].held = 0;
	ask_named(SCENE_NAME, &asker);
	scene.held[1].held = 1;
	ask_named(SCENE_NAME, &asker);
	wait_for_answers(0);
}

/* ---- when ---- */

static int64_t wait_of(uint32_t word)
{
	int64_t asked_ms = scene.now_ms;
	uint64_t before = scene.sent_count;

	scene.words[0] = word;
	scene.word_count = 1;
	scene.word = 0;
	responder_scene_ask_anew(&scene, 1, &asker);
	assert_int_equal(scene.sent_count, before);
	responder_scene_pass(&scene, 1000);
	assert_int_equal(scene.sent_count, before + 1);
	return scene.sent[before].at_ms - asked_ms;
}

static void the_wait_is_drawn_by_lot(void **state)
{
	(void)state;
	assert_int_equal(wait_of(0), 1);
	assert_int_equal(wait_of(UINT32_MAX / 2), 33);
	assert_int_equal(wait_of(UINT32_MAX), BACKOFF_ANSWER_MAX_MS);
}

static void the_longest_wait_is_an_option(void **state)
{
	(void)state;
	responder_free(scene.responder);
	scene.options.backoff_ms = 500;
	responder_scene_begin(&scene);
	assert_int_equal(wait_of(UINT32_MAX), 500);
	assert_int_equal(wait_of(0), 1);
}

static void the_wait_is_counted_from_the_question_on(void **state)
{
	int64_t asked_ms = scene.now_ms;

	(void)state;
	scene.slow = true;
	scene.words[0] = scene.words[1] = UINT32_MAX;
	scene.word_count = 2;
	responder_scene_ask_anew(&scene, 1, &asker);
	responder_scene_ask_anew(&scene, 1, &asker);
	responder_scene_pass(&scene, 40);
	responder_scene_find(&scene, 0);
	responder_scene_pass(&scene, 60);
	assert_int_equal(scene.sent_count, 1);
	assert_int_equal(scene.sent[0].at_ms - asked_ms, 65);
	scene.word = 1;
	responder_scene_find(&scene, 1);
	responder_scene_pass(&scene, 0);
	assert_int_equal(scene.sent_count, 2);
	assert_int_equal(scene.sent[1].at_ms - asked_ms, 100);
}

static void what_is_due_first_is_sent_first(void **state)
{
	/* Waits of 49, 1, 65, 1 and 33 ms. */
	static const uint32_t words[] = {UINT32_C(3) << 30, 0, UINT32_MAX, 0, UINT32_C(1) << 31};
	static const unsigned order[] = {2, 4, 5, 1, 3};
	int64_t asked_ms = scene.now_ms;

	(void)state;
	memcpy(scene.words, words, sizeof(words));
	scene.word_count = 5;
	for (unsigned i = 1; i <= 5; i++) {
		struct xaddr source = responder_scene_host(i);

		responder_scene_ask_anew(&scene, 1, &source);
	}
	assert_int_equal(responder_tick(scene.responder, scene.now_ms), asked_ms + 1);
	scene.now_ms++;
	assert_int_equal(responder_tick(scene.responder, scene.now_ms), asked_ms + 33);
	assert_int_equal(scene.sent_count, 2);
	wait_for_answers(5);
	for (unsigned i = 0; i < 5; i++) {
		struct xaddr source = responder_scene_host(order[i]);

		assert_true(xaddr_same(&scene.sent[i].arrival.source, &source));
	}
	assert_int_equal(responder_tick(scene.responder, scene.now_ms), INT64_MAX);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(form_1_is_answered_octet_by_octet),
		TEST(form_2_is_answered_octet_by_octet),
		TEST(ipxe_finds_its_literals_for_a_segment_of_version_2),
		TEST(ids_are_spelled_as_the_asker_spelled_them),
		TEST(held_segments_of_form_1_are_counted),
		TEST(held_segments_of_form_2_are_marked_and_aged),
		TEST(the_largest_probe_is_answered_in_full),
		TEST(silence_when_nothing_is_held),
		TEST(what_is_not_held_is_told),
		TEST(silence_when_it_cannot_be_known),
		TEST(silence_where_the_server_cannot_be_asked),
		TEST(what_is_no_probe_is_passed_over),
		TEST(messages_are_numbered_and_named_anew),
		TEST(answers_go_where_the_probe_came_from),
		TEST(a_repeat_is_passed_over_for_a_while),
		TEST(the_same_question_is_answered_again_a_second_later),
		TEST(copies_by_both_families_are_both_answered),
		TEST(others_and_other_questions_are_no_repeats),
		TEST(a_repeat_counts_whether_answered_or_not),
		TEST(the_wait_is_drawn_by_lot),
		TEST(the_longest_wait_is_an_option),
		TEST(the_wait_is_counted_from_the_question_on),
		TEST(what_is_due_first_is_sent_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
