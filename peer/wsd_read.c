/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Reading what any message has, and Probes. Answers go on in wsd_matches.c.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cache/bytes.h"
#include "peer/base64.h"
#include "peer/wsd_literals.h"
#include "peer/wsd_message.h"

static bool is_text(const struct wsd_tree *tree, int index, const char *expected)
{
	return strcmp(wsd_tree_at(tree, index)->text, expected) == 0;
}

/* A message's name. An empty one is none. */
static int find_message_id(const struct wsd_tree *tree, int header, enum wsd_name name,
			   const char **text_out)
{
	int index = wsd_tree_only(tree, header, name);
	const struct wsd_element *element;

	*text_out = NULL;
	if (index == WSD_SEVERAL)
		return -EBADMSG;
	if (index == WSD_NONE)
		return 0;
	element = wsd_tree_at(tree, index);
	if (element->length > WSD_MESSAGE_ID_MAX)
		return -EBADMSG;
	if (element->length > 0)
		*text_out = element->text;
	return 0;
}

/* ---- segment ids ---- */

static int hex_digit(char digit)
{
	if (digit >= '0' && digit <= '9')
		return digit - '0';
	if (digit >= 'A' && digit <= 'F')
		return digit - 'A' + 10;
	return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

int wsd_hex(const char *digits, size_t length, uint8_t *octets_out)
{
	if (length % 2 != 0)
		return -EBADMSG;
	for (size_t i = 0; i < length; i += 2) {
		int high = hex_digit(digits[i]), low = hex_digit(digits[i + 1]);

		if (high < 0 || low < 0)
			return -EBADMSG;
		octets_out[i / 2] = (uint8_t)(high << 4 | low);
	}
	return 0;
}

int wsd_id_read(const char *word, size_t length, struct wsd_id *id_out)
{
	if (length != 64 && length != 96 && length != 128)
		return -EBADMSG;
	id_out->size = (uint8_t)(length / 2);
	id_out->spelled = word;
	return wsd_hex(word, length, id_out->octets);
}

static int reserve(struct message *message, unsigned count)
{
	message->ids = calloc(count, sizeof(*message->ids));
	if (message->ids == NULL)
		return -ENOMEM;
	message->probe.ids = message->ids;
	message->probe.count = count;
	return 0;
}

static int read_list(struct message *message, const struct wsd_element *scopes)
{
	const char *text = scopes->text, *word;
	unsigned count = 0;
	size_t length;
	int error;

	while (wsd_tree_word(&text, &word, &length))
		if (++count > WSD_SEGMENTS_MAX)
			return -EBADMSG;
	if (count == 0)
		return -EBADMSG;
	error = reserve(message, count);
	text = scopes->text;
	for (unsigned i = 0; error == 0 && i < count; i++) {
		wsd_tree_word(&text, &word, &length);
		error = wsd_id_read(word, length, &message->ids[i]);
	}
	return error;
}

static int read_packed_list(struct message *message, const struct wsd_element *scopes)
{
	uint8_t packed[PROBE_2_HEADER_SIZE + ID_SIZE_2 * WSD_SEGMENTS_MAX];
	struct bytes_in in;
	size_t size;
	uint16_t id_size;
	uint8_t count;
	int error;

	if (base64_read(scopes->text, scopes->length, packed, sizeof(packed), &size) != 0)
		return -EBADMSG;
	in = bytes_in(packed, size);
	id_size = bytes_be16(&in);
	count = bytes_u8(&in);
	if (in.failed || id_size != ID_SIZE_2 || count == 0 || in.left != (size_t)count * ID_SIZE_2)
		return -EBADMSG;
	error = reserve(message, count);
	for (unsigned i = 0; error == 0 && i < count; i++) {
		message->ids[i].size = ID_SIZE_2;
		bytes_copy(&in, message->ids[i].octets, ID_SIZE_2);
	}
	return error;
}

/* ---- Probe ---- */

/* -ENOMSG: nothing of ours is asked for. */
static int find_form(const struct wsd_tree *tree, int probe, enum wsd_form *form_out)
{
	int index = wsd_tree_only(tree, probe, WSD_TYPES);
	struct wsd_types types;

	if (index == WSD_NONE)
		return -ENOMSG;
	if (index == WSD_SEVERAL || wsd_tree_types(tree, index, &types) != 0)
		return -EBADMSG;
	if (types.first + types.second == 0)
		return -ENOMSG;
	if (types.first + types.second + types.others != 1)
		return -EBADMSG;
	*form_out = types.first != 0 ? WSD_FORM_1 : WSD_FORM_2;
	return 0;
}

static int read_scopes(struct message *message, int probe)
{
	int index = wsd_tree_only(message->tree, probe, WSD_SCOPES);
	bool form_1 = message->probe.form == WSD_FORM_1;
	const struct wsd_element *scopes;
	const char *rule;

	if (index < 0)
		return -EBADMSG;
	scopes = wsd_tree_at(message->tree, index);
	rule = scopes->attributes[WSD_MATCH_BY];
	if (rule != NULL && strcmp(rule, form_1 ? RULE_1 : RULE_2) != 0)
		return -EBADMSG;
	return (form_1 ? read_list : read_packed_list)(message, scopes);
}

static int read_probe(struct message *message, int header)
{
	const struct wsd_tree *tree = message->tree;
	int probe = wsd_tree_only_child(tree, message->body);
	int to = wsd_tree_only(tree, header, WSD_TO);
	int error;

	if (probe < 0 || wsd_tree_at(tree, probe)->name != WSD_PROBE_ELEMENT)
		return -EBADMSG;
	error = find_form(tree, probe, &message->probe.form);
	if (error != 0)
		return error;
	if (message->public.message_id == NULL || to == WSD_SEVERAL ||
	    (to >= 0 && !is_text(tree, to, PROBE_TO)))
		return -EBADMSG;
	message->probe.message_id = message->public.message_id;
	message->public.kind = WSD_PROBE;
	message->public.probe = &message->probe;
	return read_scopes(message, probe);
}

/* ---- ProbeMatches ---- */

static int read_number(const char *text, uint32_t *number_out)
{
	uint64_t number = 0;

	if (text == NULL || *text == '\0' || strlen(text) > strlen("4294967295"))
		return -EBADMSG;
	for (; *text != '\0'; text++) {
		if (*text < '0' || *text > '9')
			return -EBADMSG;
		number = number * 10 + (uint64_t)(*text - '0');
	}
	if (number > UINT32_MAX)
		return -EBADMSG;
	*number_out = (uint32_t)number;
	return 0;
}

/* Nothing depends on it; a bad one is none. */
static void read_sequence(struct message *message, int header)
{
	int index = wsd_tree_only(message->tree, header, WSD_APP_SEQUENCE);
	const char *const *attributes;

	if (index < 0)
		return;
	attributes = wsd_tree_at(message->tree, index)->attributes;
	message->public.sequenced =
		read_number(attributes[WSD_INSTANCE_ID], &message->public.instance) == 0 &&
		read_number(attributes[WSD_MESSAGE_NUMBER], &message->public.number) == 0;
}

static int read_answer(struct message *message, int header)
{
	int matches = wsd_tree_only_child(message->tree, message->body);
	int error =
		find_message_id(message->tree, header, WSD_RELATES_TO, &message->public.relates_to);

	if (error != 0)
		return error;
	if (message->public.relates_to == NULL || matches < 0 ||
	    wsd_tree_at(message->tree, matches)->name != WSD_PROBE_MATCHES)
		return -EBADMSG;
	message->public.kind = WSD_ANSWER;
	message->matches = matches;
	read_sequence(message, header);
	return 0;
}

/* ---- messages ---- */

static int read_message(struct message *message)
{
	const struct wsd_tree *tree = message->tree;
	int header = wsd_tree_only(tree, 0, WSD_HEADER), action, error;

	message->body = wsd_tree_only(tree, 0, WSD_BODY);
	if (wsd_tree_at(tree, 0)->name != WSD_ENVELOPE || header < 0 || message->body < 0)
		return -EBADMSG;
	action = wsd_tree_only(tree, header, WSD_ACTION);
	if (action < 0)
		return action == WSD_NONE ? -ENOMSG : -EBADMSG;
	error = find_message_id(tree, header, WSD_MESSAGE_ID, &message->public.message_id);
	if (is_text(tree, action, PROBE_ACTION))
		return error != 0 ? error : read_probe(message, header);
	if (is_text(tree, action, ANSWER_ACTION))
		return error != 0 ? error : read_answer(message, header);
	return -ENOMSG;
}

int wsd_read(const void *datagram, size_t size, struct wsd_message **message_out)
{
	struct message *message = calloc(1, sizeof(*message));
	int error;

	if (message == NULL)
		return -ENOMEM;
	error = wsd_tree_read(datagram, size, &message->tree);
	if (error == 0)
		error = read_message(message);
	if (error == 0)
		*message_out = &message->public;
	else
		wsd_free(&message->public);
	return error;
}

void wsd_free(struct wsd_message *public)
{
	struct message *message = (struct message *)public;

	if (message == NULL)
		return;
	wsd_tree_free(message->tree);
	free(message->ids);
	free(message);
}
