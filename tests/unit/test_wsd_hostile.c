/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Discovery messages that are no good XML or no good envelopes, by harm or by accident: the list of
 * discovery.md section 8, and limits.
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

#define TYPE_1 "PeerDist:PeerDistData"
#define DIGITS_32 "0123456789abcdef0123456789abcdef"
#define DIGITS_64 DIGITS_32 DIGITS_32

static int judge_body(const char *body)
{
	return scene_judge(&(struct scene_document){.body = body});
}

static int judge_header(const char *header)
{
	return scene_judge(&(struct scene_document){.header = header});
}

static int judge_octets(const void *data, size_t size)
{
	struct wsd_message *message = NULL;
	char *copy = malloc(size > 0 ? size : 1);
	int error;

	assert_non_null(copy);
	memcpy(copy, data, size);
	error = wsd_read(copy, size, &message);
	assert_true((error == 0) == (message != NULL));
	wsd_free(message);
	free(copy);
	return error;
}

/* Repetitions of a piece, to be freed. */
static char *repeated(const char *piece, size_t count)
{
	size_t length = strlen(piece);
	char *text = malloc(length * count + 1);

	assert_non_null(text);
	for (size_t i = 0; i < count; i++)
		memcpy(text + i * length, piece, length);
	text[length * count] = '\0';
	return text;
}

/* The judgement of a header that is HEAD, COUNT times PIECE, and TAIL. */
static int judge_repeated(const char *head, const char *piece, size_t count, const char *tail)
{
	char *middle = repeated(piece, count), *header;
	int error;

	assert_true(asprintf(&header, "%s%s%s", head, middle, tail) >= 0);
	error = judge_header(header);
	free(header);
	free(middle);
	return error;
}

/* ---- XML ---- */

static void empty_and_noise_are_refused(void **state)
{
	static const char *const noise[] = {"x",
					    "<",
					    "<a",
					    "<a/>",
					    "<a></b>",
					    "\xff",
					    " ",
					    "&",
					    "GET / HTTP/1.1\r\n\r\n",
					    "<?xml version='1.0'?>",
					    "\xef\xbb\xbf",
					    "\xef\xbb"};
	char octet;

	(void)state;
	assert_int_equal(judge_octets("", 0), -EBADMSG);
	for (unsigned i = 0; i < 256; i++) {
		octet = (char)i;
		assert_int_equal(judge_octets(&octet, 1), -EBADMSG);
	}
	for (size_t i = 0; i < sizeof(noise) / sizeof(*noise); i++)
		assert_int_equal(judge_octets(noise[i], strlen(noise[i])), -EBADMSG);
}

static void cut_at_any_octet_it_is_refused(void **state)
{
	char *probe = scene_probe(&(struct scene_document){0});
	char *answer = scene_answer(
		&(struct scene_document){.body = "<wsd:ProbeMatches></wsd:ProbeMatches>"});

	(void)state;
	for (size_t i = 0; i < strlen(probe); i++)
		assert_int_equal(judge_octets(probe, i), -EBADMSG);
	for (size_t i = 0; i < strlen(answer); i++)
		assert_int_equal(judge_octets(answer, i), -EBADMSG);
	free(probe);
	free(answer);
}

static void a_nul_anywhere_is_refused(void **state)
{
	char *probe = scene_probe(&(struct scene_document){0});
	size_t size = strlen(probe);

	(void)state;
	assert_int_equal(judge_octets(probe, size + 1), -EBADMSG);
	for (size_t i = 0; i < size; i++) {
		char kept = probe[i];

		probe[i] = '\0';
		assert_int_equal(judge_octets(probe, size), -EBADMSG);
		probe[i] = kept;
	}
	free(probe);
}

static void bad_utf_8_is_refused_wherever_it_stands(void **state)
{
	static const char *const sequences[] = {
		"\x80",
		"\xc3",
		"\xc0\xaf",
		"\xc1\xbf",
		"\xe0\x80\xaf",
		"\xe0\x9f\xbf",
		"\xed\xa0\x80",
		"\xed\xbf\xbf",
		"\xef\xbf\xbe",
		"\xef\xbf\xbf",
		"\xf0\x80\x80\xaf",
		"\xf0\x8f\xbf\xbf",
		"\xf4\x90\x80\x80",
		"\xf5\x80\x80\x80",
		"\xfe",
		"\xff",
		"\xe2\x82",
		"\xf0\x9f\x98",
	};
	static const char *const places[] = {"<x>%s</x>", "<x a='%s'/>",           "<!--%s-->",
					     "<?p %s?>",  "<x><![CDATA[%s]]></x>", "<x%s/>",
					     "%s"};

	(void)state;
	for (size_t i = 0; i < sizeof(sequences) / sizeof(*sequences); i++) {
		for (size_t j = 0; j < sizeof(places) / sizeof(*places); j++) {
			char header[64];

			snprintf(header, sizeof(header), places[j], sequences[i]);
			assert_int_equal(judge_header(header), -EBADMSG);
		}
	}
	assert_int_equal(judge_header("<x>\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80</x>"), 0);
}

static void other_encodings_are_refused(void **state)
{
	static const char *const declared[] = {
		"utf-16", "UTF-16LE", "iso-8859-1", "ISO-8859-15", "windows-1252",
		"utf-32", "ebcdic",   "utf8",       "utf-7",       "x"};
	static const char *const taken[] = {"utf-8", "UTF-8", "us-ascii", "US-ASCII"};
	char declaration[80];

	(void)state;
	for (size_t i = 0; i < sizeof(declared) / sizeof(*declared); i++) {
		snprintf(declaration, sizeof(declaration), "<?xml version='1.0' encoding='%s'?>",
			 declared[i]);
		assert_int_equal(scene_judge(&(struct scene_document){.before = declaration}),
				 -EBADMSG);
	}
	for (size_t i = 0; i < sizeof(taken) / sizeof(*taken); i++) {
		snprintf(declaration, sizeof(declaration), "<?xml version='1.0' encoding='%s'?>",
			 taken[i]);
		assert_int_equal(scene_judge(&(struct scene_document){.before = declaration}), 0);
	}
	assert_int_equal(scene_judge(&(struct scene_document){.before = "\xfe\xff"}), -EBADMSG);
	assert_int_equal(scene_judge(&(struct scene_document){.before = "\xff\xfe"}), -EBADMSG);
	assert_int_equal(scene_judge(&(struct scene_document){
				 .before = "<?xml version='1.0' encoding='us-ascii'?>",
				 .header = "<x>\xc3\xa4</x>"}),
			 -EBADMSG);
}

static void utf_16_is_refused(void **state)
{
	char *probe = scene_probe(&(struct scene_document){.before = ""});
	size_t size = strlen(probe);
	char *wide = malloc(2 * size + 2);

	(void)state;
	assert_non_null(wide);
	for (int big = 0; big < 2; big++) {
		wide[!big] = '\xfe';
		wide[big] = '\xff';
		for (size_t i = 0; i < size; i++) {
			wide[2 * i + 2 + (size_t)!big] = '\0';
			wide[2 * i + 2 + (size_t)big] = probe[i];
		}
		assert_int_equal(judge_octets(wide, 2 * size + 2), -EBADMSG);
		assert_int_equal(judge_octets(wide + 2, 2 * size), -EBADMSG);
	}
	free(wide);
	free(probe);
}

#define BOMB                                                                                       \
	"<!DOCTYPE x [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;'>"              \
	"<!ENTITY c '&b;&b;&b;&b;&b;&b;&b;&b;'><!ENTITY d '&c;&c;&c;&c;&c;&c;&c;&c;'>]>"

static void a_doctype_is_refused(void **state)
{
	static const char *const doctypes[] = {
		"<!DOCTYPE soap:Envelope>",
		"<!DOCTYPE x []>",
		"<!DOCTYPE x SYSTEM 'http://192.0.2.1/x.dtd'>",
		"<!DOCTYPE x PUBLIC '-//x//y' 'file:///etc/passwd'>",
		"<!DOCTYPE x [<!ENTITY a 'b'>]>",
		"<!DOCTYPE x [<!ENTITY a SYSTEM 'file:///etc/passwd'>]>",
		"<!DOCTYPE x [<!ENTITY % a SYSTEM 'http://192.0.2.1/'> %a;]>",
		"<!DOCTYPE x [<!ENTITY a '&a;'>]>",
		BOMB,
		"<!DOCTYPE x [<!ATTLIST wsd:Scopes MatchBy CDATA 'x'>]>",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(doctypes) / sizeof(*doctypes); i++) {
		assert_int_equal(scene_judge(&(struct scene_document){.before = doctypes[i]}),
				 -EBADMSG);
		assert_int_equal(scene_judge(&(struct scene_document){
					 .before = doctypes[i], .header = "<x>&a;&b;&d;</x>"}),
				 -EBADMSG);
	}
}

static void entities_beyond_the_five_are_refused(void **state)
{
	static const char *const refused[] = {"&a;",
					      "&nbsp;",
					      "&LT;",
					      "&",
					      "&;",
					      "&#0;",
					      "&#x1;",
					      "&#xD800;",
					      "&#xFFFF;",
					      "&#x110000;",
					      "&#99999999999999999999;",
					      "&#;",
					      "&#x;",
					      "%a;&b;"};
	static const char *const taken[] = {"&lt;&gt;&amp;&quot;&apos;", "&#65;&#x41;&#x10FFFF;",
					    "%a;"};
	char header[64];

	(void)state;
	for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
		snprintf(header, sizeof(header), "<x>%s</x>", refused[i]);
		assert_int_equal(judge_header(header), -EBADMSG);
		snprintf(header, sizeof(header), "<x a='%s'/>", refused[i]);
		assert_int_equal(judge_header(header), -EBADMSG);
	}
	for (size_t i = 0; i < sizeof(taken) / sizeof(*taken); i++) {
		snprintf(header, sizeof(header), "<x>%s</x>", taken[i]);
		assert_int_equal(judge_header(header), 0);
	}
}

static void what_follows_the_document_is_refused(void **state)
{
	static const char *const refused[] = {"x",
					      "<a/>",
					      "<",
					      "&#32;",
					      "<?xml version='1.0'?>",
					      "<![CDATA[]]>",
					      "</soap:Envelope>"};

	(void)state;
	for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++)
		assert_int_equal(scene_judge(&(struct scene_document){.after = refused[i]}),
				 -EBADMSG);
	assert_int_equal(scene_judge(&(struct scene_document){.after = "\r\n \t<!-- x --><?y?>\n"}),
			 0);
}

static void depth_is_limited(void **state)
{
	char *opened = repeated("<a>", 15000);

	(void)state;
	assert_int_equal(judge_octets(opened, strlen(opened)), -EBADMSG);
	free(opened);
	for (size_t more = 0; more < 2; more++) {
		/* Envelope and Header are two of the 24. */
		char *start = repeated("<a>", 22 + more), *end = repeated("</a>", 22 + more), *all;

		assert_true(asprintf(&all, "%s%s", start, end) > 0);
		assert_int_equal(judge_header(all), more > 0 ? -EBADMSG : 0);
		free(all);
		free(end);
		free(start);
	}
}

static void elements_are_limited(void **state)
{
	/* Envelope, Header, To, Action, MessageID, Body, Probe, Types, Scopes */
	const size_t own = 9;

	(void)state;
	assert_int_equal(judge_repeated("", "<b/>", 12000, ""), -EBADMSG);
	assert_int_equal(judge_repeated("", "<b/>", 512 - own, ""), 0);
	assert_int_equal(judge_repeated("", "<b/>", 512 - own + 1, ""), -EBADMSG);
}

/* An element with COUNT attributes a0, a1, ... */
static int judge_attributes(const char *format, unsigned count)
{
	char *text = NULL;
	size_t size;
	FILE *stream = open_memstream(&text, &size);
	int error;

	assert_non_null(stream);
	fputs("<x", stream);
	for (unsigned i = 0; i < count; i++)
		fprintf(stream, format, i);
	fputs("/>", stream);
	fclose(stream);
	error = judge_header(text);
	free(text);
	return error;
}

static void attributes_are_limited(void **state)
{
	(void)state;
	assert_int_equal(judge_attributes(" a%u=''", 4000), -EBADMSG);
	assert_int_equal(judge_attributes(" a%u=''", 32), 0);
	assert_int_equal(judge_attributes(" a%u=''", 33), -EBADMSG);
	assert_int_equal(judge_attributes(" xmlns:a%u='u'", 32), 0);
	assert_int_equal(judge_attributes(" xmlns:a%u='u'", 33), -EBADMSG);
	assert_int_equal(judge_attributes(" xmlns:a%u='u'", 3000), -EBADMSG);
}

static void declarations_are_limited(void **state)
{
	const size_t own = 4;

	(void)state;
	assert_int_equal(judge_repeated("", "<b xmlns='u'/>", 256 - own, ""), 0);
	assert_int_equal(judge_repeated("", "<b xmlns='u'/>", 256 - own + 1, ""), -EBADMSG);
}

static void the_largest_datagram_is_read_and_no_larger_one(void **state)
{
	char *probe = scene_probe(&(struct scene_document){0});
	char *large = malloc(WSD_DATAGRAM_MAX + 1);

	(void)state;
	assert_non_null(large);
	memset(large, ' ', WSD_DATAGRAM_MAX + 1);
	memcpy(large, probe, strlen(probe));
	assert_int_equal(judge_octets(large, WSD_DATAGRAM_MAX), 0);
	assert_int_equal(judge_octets(large, WSD_DATAGRAM_MAX + 1), -EBADMSG);
	free(large);
	free(probe);
}

static void a_separator_in_a_name_makes_no_other_name(void **state)
{
	/* A namespace that ends in "|Prob" would make "|Probe" of a local name "e". */
	static const char body[] =
		"<p:e "
		"xmlns:p='http://schemas.xmlsoap.org/ws/2005/04/discovery|Prob'><wsd:Types>" TYPE_1
		"</wsd:Types><wsd:Scopes>" DIGITS_64 "</wsd:Scopes></p:e>";

	(void)state;
	assert_int_equal(judge_body(body), -EBADMSG);
	assert_int_equal(
		judge_body(
			"<p:a xmlns:p='http://schemas.xmlsoap.org/ws/2005/04/discovery|Probe'/>"),
		-EBADMSG);
}

/* ---- the envelope ---- */

static void other_versions_of_soap_and_its_parts_are_refused(void **state)
{
	static const struct {
		const char *before, *after;
		int expected;
	} rows[] = {
		{"http://www.w3.org/2003/05/soap-envelope",
		 "http://schemas.xmlsoap.org/soap/envelope/", -EBADMSG},
		{"http://www.w3.org/2003/05/soap-envelope",
		 "http://www.w3.org/2003/05/soap-envelopE", -EBADMSG},
		/* The action is no Action then: another protocol. */
		{"http://schemas.xmlsoap.org/ws/2004/08/addressing",
		 "http://www.w3.org/2005/08/addressing", -ENOMSG},
		{"xmlns:wsd=\"http://schemas.xmlsoap.org/ws/2005/04/discovery\"",
		 "xmlns:wsd=\"http://docs.oasis-open.org/ws-dd/ns/discovery/2009/01\"", -EBADMSG},
		{"xmlns:PeerDist=\"http://schemas.microsoft.com/p2p/2007/09/"
		 "PeerDistributionDiscovery\"",
		 "xmlns:PeerDist=\"http://schemas.microsoft.com/p2p/2007/09/Peer\"", -ENOMSG},
		{"xmlns:PeerDist=", "xmlns:peerdist=", -EBADMSG},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char *probe = scene_probe(&(struct scene_document){0}), *changed;
		char *place = strstr(probe, rows[i].before);

		assert_non_null(place);
		assert_true(asprintf(&changed, "%.*s%s%s", (int)(place - probe), probe,
				     rows[i].after, place + strlen(rows[i].before)) > 0);
		assert_int_equal(judge_octets(changed, strlen(changed)), rows[i].expected);
		free(changed);
		free(probe);
	}
}

static void another_outermost_element_is_refused(void **state)
{
	static const char text[] =
		"<soap:envelope" SCENE_NAMESPACES "><soap:Header><wsa:Action>" SCENE_PROBE_ACTION
		"</wsa:Action><wsa:MessageID>x</wsa:MessageID></soap:Header>"
		"<soap:Body>" SCENE_BODY_1 "</soap:Body></soap:envelope>";

	(void)state;
	assert_int_equal(judge_octets(text, strlen(text)), -EBADMSG);
}

static void headers_missing_and_doubled_are_refused(void **state)
{
	static const char action[] = "<wsa:Action>" SCENE_PROBE_ACTION "</wsa:Action>";
	static const char name[] = "<wsa:MessageID>x</wsa:MessageID>";
	static const char *const headers[] = {
		action, name, "<wsa:To>" SCENE_PROBE_TO "</wsa:To>",
		"<wsa:Action>http://schemas.xmlsoap.org/ws/2005/04/discovery/Hello</wsa:Action>"};

	(void)state;
	for (size_t i = 0; i < sizeof(headers) / sizeof(*headers); i++)
		assert_int_equal(judge_header(headers[i]), -EBADMSG);
	assert_int_equal(scene_judge(&(struct scene_document){.message_id = ""}), -EBADMSG);
	assert_int_equal(scene_judge(&(struct scene_document){.message_id = "<wsa:MessageID/>"}),
			 -EBADMSG);
	assert_int_equal(scene_judge(&(struct scene_document){
				 .message_id = "<wsa:MessageID> \n </wsa:MessageID>"}),
			 -EBADMSG);
	assert_int_equal(scene_judge(&(struct scene_document){
				 .message_id = "<wsa:MessageID>x<y/></wsa:MessageID>"}),
			 -EBADMSG);
	assert_int_equal(scene_judge(&(struct scene_document){.to = ""}), 0);
	assert_int_equal(scene_judge(&(struct scene_document){.to = "<wsa:To>urn:x</wsa:To>"}),
			 -EBADMSG);
	assert_int_equal(scene_judge(&(struct scene_document){.to = "<wsa:To/>"}), -EBADMSG);
}

static void a_message_id_is_limited(void **state)
{
	(void)state;
	for (size_t more = 0; more < 2; more++) {
		char *long_name = repeated("x", WSD_MESSAGE_ID_MAX + more), *element;

		assert_true(asprintf(&element, "<wsa:MessageID>%s</wsa:MessageID>", long_name) > 0);
		assert_int_equal(scene_judge(&(struct scene_document){.message_id = element}),
				 more > 0 ? -EBADMSG : 0);
		free(element);
		free(long_name);
	}
}

static void parts_of_the_envelope_missing_and_doubled_are_refused(void **state)
{
	static const char head[] =
		"<wsa:Action>" SCENE_PROBE_ACTION "</wsa:Action><wsa:MessageID>x</wsa:MessageID>";
	static const char *const parts[] = {
		"<soap:Body>%2$s</soap:Body>",
		"<soap:Header>%1$s</soap:Header>",
		"<soap:Header>%1$s</soap:Header><soap:Header/><soap:Body>%2$s</soap:Body>",
		"<soap:Header>%1$s</soap:Header><soap:Body>%2$s</soap:Body><soap:Body/>",
		"<x><soap:Header>%1$s</soap:Header><soap:Body>%2$s</soap:Body></x>",
		"<soap:Header>%1$s<soap:Body>%2$s</soap:Body></soap:Header>",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
		char *inside, *text;

		assert_true(asprintf(&inside, parts[i], head, SCENE_BODY_1) > 0);
		assert_true(asprintf(&text, "<soap:Envelope" SCENE_NAMESPACES ">%s</soap:Envelope>",
				     inside) > 0);
		assert_int_equal(judge_octets(text, strlen(text)), -EBADMSG);
		free(text);
		free(inside);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty_and_noise_are_refused),
		cmocka_unit_test(cut_at_any_octet_it_is_refused),
		cmocka_unit_test(a_nul_anywhere_is_refused),
		cmocka_unit_test(bad_utf_8_is_refused_wherever_it_stands),
		cmocka_unit_test(other_encodings_are_refused),
		cmocka_unit_test(utf_16_is_refused),
		cmocka_unit_test(a_doctype_is_refused),
		cmocka_unit_test(entities_beyond_the_five_are_refused),
		cmocka_unit_test(what_follows_the_document_is_refused),
		cmocka_unit_test(depth_is_limited),
		cmocka_unit_test(elements_are_limited),
		cmocka_unit_test(attributes_are_limited),
		cmocka_unit_test(declarations_are_limited),
		cmocka_unit_test(the_largest_datagram_is_read_and_no_larger_one),
		cmocka_unit_test(a_separator_in_a_name_makes_no_other_name),
		cmocka_unit_test(other_versions_of_soap_and_its_parts_are_refused),
		cmocka_unit_test(another_outermost_element_is_refused),
		cmocka_unit_test(headers_missing_and_doubled_are_refused),
		cmocka_unit_test(a_message_id_is_limited),
		cmocka_unit_test(parts_of_the_envelope_missing_and_doubled_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
