/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/wsd_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *part(const char *given, const char *customary)
{
	return given != NULL ? given : customary;
}

static char *document_of(const struct scene_document *document, const char *header, const char *to,
			 const char *action, const char *body)
{
	char *text;

	assert_true(asprintf(&text,
			     "%s<soap:Envelope" SCENE_NAMESPACES "%s><soap:Header>%s%s%s%s"
			     "</soap:Header><soap:Body>%s</soap:Body></soap:Envelope>%s",
			     part(document->before, SCENE_DECLARATION),
			     part(document->prefixes, ""), part(document->to, to),
			     part(document->action, action),
			     part(document->message_id,
				  "<wsa:MessageID>" SCENE_NAME "</wsa:MessageID>"),
			     part(document->header, header), part(document->body, body),
			     part(document->after, "")) > 0);
	return text;
}

char *scene_probe(const struct scene_document *document)
{
	return document_of(document, "", "<wsa:To>" SCENE_PROBE_TO "</wsa:To>",
			   "<wsa:Action>" SCENE_PROBE_ACTION "</wsa:Action>", SCENE_BODY_1);
}

char *scene_answer(const struct scene_document *document)
{
	return document_of(document, "<wsa:RelatesTo>" SCENE_NAME "</wsa:RelatesTo>",
			   "<wsa:To>" SCENE_ANSWER_TO "</wsa:To>",
			   "<wsa:Action>" SCENE_ANSWER_ACTION "</wsa:Action>", "");
}

int scene_read(const char *text, struct wsd_message **message_out)
{
	/* Exactly as large as the text, so that reading past its end is seen. */
	size_t size = strlen(text);
	char *copy = malloc(size > 0 ? size : 1);
	int error;

	assert_non_null(copy);
	memcpy(copy, text, size);
	error = wsd_read(copy, size, message_out);
	free(copy);
	return error;
}

int scene_judge(const struct scene_document *document)
{
	struct wsd_message *message = NULL;
	char *text = scene_probe(document);
	int error = scene_read(text, &message);

	assert_true((error == 0) == (message != NULL));
	wsd_free(message);
	free(text);
	return error;
}

int scene_match(const struct wsd_probe *probe, const char *body, struct wsd_message **message_out,
		struct wsd_matches **matches_out)
{
	char *text = scene_answer(&(struct scene_document){.body = body});
	int error;

	assert_int_equal(scene_read(text, message_out), 0);
	free(text);
	*matches_out = NULL;
	error = wsd_read_matches(*message_out, probe, matches_out);
	assert_true((error == 0) == (*matches_out != NULL));
	return error;
}

struct wsd_probe scene_asked(enum wsd_form form, unsigned count)
{
	static const uint8_t rest[] = {
		0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb,
		0xcc, 0xdd, 0xee, 0xff, 0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66,
		0x77, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff,
	};
	static struct wsd_id ids[WSD_SEGMENTS_MAX];

	for (unsigned i = 0; i < WSD_SEGMENTS_MAX; i++) {
		ids[i] = (struct wsd_id){.size = 32};
		ids[i].octets[0] = (uint8_t)i;
		memcpy(ids[i].octets + 1, rest, sizeof(rest));
	}
	return (struct wsd_probe){form, SCENE_NAME, count, ids};
}
