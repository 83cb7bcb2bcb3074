/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Documents for the tests of discovery messages: written by hand, independently of the writer.
 */
#ifndef TESTS_UNIT_WSD_SCENE_H
#define TESTS_UNIT_WSD_SCENE_H

#include "peer/wsd.h"

#define SCENE_DECLARATION "<?xml version=\"1.0\" encoding=\"utf-8\"?>"
#define SCENE_NAMESPACES                                                                           \
	" xmlns:soap=\"http://www.w3.org/2003/05/soap-envelope\""                                  \
	" xmlns:wsa=\"http://schemas.xmlsoap.org/ws/2004/08/addressing\""                          \
	" xmlns:wsd=\"http://schemas.xmlsoap.org/ws/2005/04/discovery\""                           \
	" xmlns:PeerDist=\"http://schemas.microsoft.com/p2p/2007/09/PeerDistributionDiscovery\""
#define SCENE_PROBE_TO "urn:schemas-xmlsoap-org:ws:2005:04:discovery"
#define SCENE_PROBE_ACTION "http://schemas.xmlsoap.org/ws/2005/04/discovery/Probe"
#define SCENE_ANSWER_TO "http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous"
#define SCENE_ANSWER_ACTION "http://schemas.xmlsoap.org/ws/2005/04/discovery/ProbeMatches"
#define SCENE_RULE_1 "http://schemas.xmlsoap.org/ws/2005/04/discovery/strcmp0"
#define SCENE_RULE_2 "http://schemas.microsoft.com/p2p/2010/05/PeerDistV2MatchingRule"
#define SCENE_NAME "urn:uuid:00010203-0405-4607-8809-0a0b0c0d0e0f"
#define SCENE_OTHER_NAME "urn:uuid:11111111-2222-4333-8444-555555555555"
#define SCENE_ENDPOINT "urn:uuid:aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee"

/* The id of segment N, which is two digits here. */
#define SCENE_ID(n) #n "112233445566778899AABBCCDDEEFF00112233445566778899AABBCCDDEEFF"
/* The published example, and the one id in it. */
#define SCENE_PACKED "ACABKQEaAQAAAAAwHRoBAAAAAEEAQQBEAHkAZwBNAE0AMQA="
#define SCENE_PACKED_ID "29011A0100000000301D1A0100000000410041004400790067004D004D003100"

/* The parts of a document; a part that is NULL is the customary one, "" leaves it out. */
struct scene_document {
	const char *before;                   /* the Envelope */
	const char *prefixes;                 /* further attributes of the Envelope */
	const char *header;                   /* all of it but what stands below */
	const char *to, *action, *message_id; /* elements */
	const char *body;
	const char *after;
};

/* To be freed. */
char *scene_probe(const struct scene_document *document);
/* Its header names SCENE_NAME in RelatesTo. */
char *scene_answer(const struct scene_document *document);

/* wsd_read of a text. */
int scene_read(const char *text, struct wsd_message **message_out);
/* Reads a Probe of one id that is made of the parts; frees it. */
int scene_judge(const struct scene_document *document);
/* Reads an answer to PROBE with these parts. Fails the test unless the message itself is well. */
int scene_match(const struct wsd_probe *probe, const char *body, struct wsd_message **message_out,
		struct wsd_matches **matches_out);

/* A Probe for COUNT segments, of which the first octet of each id is its number. */
struct wsd_probe scene_asked(enum wsd_form form, unsigned count);
#define SCENE_BODY_1                                                                               \
	"<wsd:Probe><wsd:Types>PeerDist:PeerDistData</wsd:Types><wsd:Scopes "                      \
	"MatchBy=\"" SCENE_RULE_1 "\">" SCENE_ID(00) "</wsd:Scopes></wsd:Probe>"
#define SCENE_BODY_2                                                                               \
	"<wsd:Probe><wsd:Types>PeerDist:PeerDistDataV2</wsd:Types><wsd:Scopes "                    \
	"MatchBy=\"" SCENE_RULE_2 "\">" SCENE_PACKED "</wsd:Scopes></wsd:Probe>"

/* An answer to three segments of form 1, and one to eight of form 2, as they must be written. */
#define SCENE_TAIL "</soap:Body></soap:Envelope>"
#define SCENE_ANSWER_HEAD                                                                          \
	SCENE_DECLARATION                                                                          \
	"<soap:Envelope" SCENE_NAMESPACES "><soap:Header><wsa:To>" SCENE_ANSWER_TO                 \
	"</wsa:To><wsa:Action>" SCENE_ANSWER_ACTION                                                \
	"</wsa:Action><wsa:MessageID>" SCENE_OTHER_NAME                                            \
	"</wsa:MessageID><wsa:RelatesTo>" SCENE_NAME                                               \
	"</wsa:RelatesTo><wsd:AppSequence InstanceId=\"4294967295\" MessageNumber=\"7\">"          \
	"</wsd:AppSequence></soap:Header><soap:Body><wsd:ProbeMatches><wsd:ProbeMatch>"            \
	"<wsa:EndpointReference><wsa:Address>" SCENE_ENDPOINT                                      \
	"</wsa:Address></wsa:EndpointReference>"
#define SCENE_ANSWER_TAIL "</PeerDist:PeerDistData></wsd:ProbeMatch></wsd:ProbeMatches>" SCENE_TAIL
#define SCENE_ANSWER_1                                                                             \
	SCENE_ANSWER_HEAD                                                                          \
	"<wsd:Types>PeerDist:PeerDistData</wsd:Types>"                                             \
	"<wsd:Scopes>" SCENE_ID(00) " " SCENE_ID(                                                  \
		02) "</wsd:Scopes>"                                                                \
		    "<wsd:XAddrs>192.0.2.1:80 [fe80::1]:1337</wsd:XAddrs>"                         \
		    "<wsd:MetadataVersion>1</wsd:MetadataVersion><PeerDist:PeerDistData>"          \
		    "<PeerDist:BlockCount>0000002A00000200</"                                      \
		    "PeerDist:BlockCount>" SCENE_ANSWER_TAIL
#define SCENE_ANSWER_2                                                                             \
	SCENE_ANSWER_HEAD                                                                          \
	"<wsd:Types>PeerDist:PeerDistDataV2</wsd:Types><wsd:Scopes>wgI=</wsd:Scopes>"              \
	"<wsd:XAddrs>[2001:db8::1]:80</wsd:XAddrs>"                                                \
	"<wsd:MetadataVersion>2</wsd:MetadataVersion><PeerDist:PeerDistData>"                      \
	"<PeerDist:SegmentAges>AAEDAgBg6gADYOoA</PeerDist:SegmentAges>" SCENE_ANSWER_TAIL

#endif
