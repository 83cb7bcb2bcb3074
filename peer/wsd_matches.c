/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Reading answers, once it is known to what.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cache/bytes.h"
#include "peer/ages.h"
#include "peer/base64.h"
#include "peer/wsd_message.h"

#define BITS_SIZE(count) (((count) + 3u) / 4u) /* octets: two bits a segment */

/* One ProbeMatch while it is read. */
struct reading {
	const struct wsd_tree *tree;
	const struct wsd_probe *probe;
	int match;
	const struct wsd_element *scopes;
	struct wsd_claim claims[WSD_SEGMENTS_MAX]; /* by segment */
	bool claimed[WSD_SEGMENTS_MAX];
};

/* A value inside the wrapper, of whichever name, or without one. */
static int find_value(const struct reading *reading, enum wsd_name name)
{
	const struct wsd_tree *tree = reading->tree;
	int found = wsd_tree_only(tree, reading->match, name), wrapper = reading->match;

	while ((wrapper = wsd_tree_next(tree, reading->match, WSD_PEERDIST_DATA, wrapper + 1)) >=
	       0) {
		int inside = wsd_tree_only(tree, wrapper, name);

		if (inside != WSD_NONE)
			found = found == WSD_NONE ? inside : WSD_SEVERAL;
	}
	return found;
}

/* ---- form 1 ---- */

/* The first segment of the Probe that has this id, or its count. */
static unsigned find_segment(const struct wsd_probe *probe, const struct wsd_id *id)
{
	unsigned segment = 0;

	while (segment < probe->count &&
	       (probe->ids[segment].size != id->size ||
		memcmp(probe->ids[segment].octets, id->octets, id->size) != 0))
		segment++;
	return segment;
}

static void claim_blocks(struct reading *reading, const char *word, size_t length, uint32_t blocks)
{
	unsigned segment;
	struct wsd_id id;

	if (blocks == 0 || wsd_id_read(word, length, &id) != 0)
		return;
	segment = find_segment(reading->probe, &id);
	if (segment == reading->probe->count || reading->claimed[segment])
		return;
	reading->claimed[segment] = true;
	reading->claims[segment].blocks =
		(uint16_t)(blocks < WSD_BLOCKS_MAX ? blocks : WSD_BLOCKS_MAX);
}

static unsigned count_words(const char *text)
{
	const char *word;
	unsigned count = 0;
	size_t length;

	while (wsd_tree_word(&text, &word, &length))
		count++;
	return count;
}

/* Eight digits a scope, or the four of the text's own example. */
static int read_counts(struct reading *reading)
{
	const char *text = reading->scopes->text, *word;
	unsigned count = count_words(text);
	int index = find_value(reading, WSD_BLOCK_COUNT);
	const struct wsd_element *counts;
	size_t length, digits;

	if (index < 0)
		return -EBADMSG;
	counts = wsd_tree_at(reading->tree, index);
	digits = counts->length == (size_t)count * 4 ? 4 : 8;
	if (counts->length != count * digits)
		return -EBADMSG;
	for (unsigned i = 0; wsd_tree_word(&text, &word, &length); i++) {
		uint8_t octets[4];
		struct bytes_in in = bytes_in(octets, digits / 2);

		if (wsd_hex(counts->text + i * digits, digits, octets) != 0)
			return -EBADMSG;
		claim_blocks(reading, word, length, (uint32_t)bytes_big(&in, digits / 2));
	}
	return 0;
}

/* ---- form 2 ---- */

static int decode(const struct wsd_element *element, uint8_t **data_out, size_t *size_out)
{
	size_t room = BASE64_SIZE_MAX(element->length);
	uint8_t *data = malloc(room + 1);

	if (data == NULL)
		return -ENOMEM;
	if (base64_read(element->text, element->length, data, room, size_out) != 0) {
		free(data);
		return -EBADMSG;
	}
	*data_out = data;
	return 0;
}

static int claim_bits(struct reading *reading, const uint8_t *bits)
{
	for (unsigned i = 0; i < reading->probe->count; i++) {
		unsigned pair = bits[i / 4] >> (6 - i % 4 * 2) & 3;

		if (pair == 1)
			return -EBADMSG;
		reading->claimed[i] = pair != 0;
		reading->claims[i].whole = pair == 3;
	}
	return 0;
}

static int read_bits(struct reading *reading)
{
	uint8_t *bits;
	size_t size;
	int error = decode(reading->scopes, &bits, &size);

	if (error != 0)
		return error;
	error = size < BITS_SIZE(reading->probe->count) ? -EBADMSG : claim_bits(reading, bits);
	free(bits);
	return error;
}

/* A bad blob is none. */
static int read_ages(struct reading *reading)
{
	struct ages_entry entries[AGES_MAX];
	int index = find_value(reading, WSD_SEGMENT_AGES), error;
	unsigned count = 0;
	uint8_t *blob;
	size_t size;

	if (index < 0)
		return 0;
	error = decode(wsd_tree_at(reading->tree, index), &blob, &size);
	if (error != 0)
		return error == -EBADMSG ? 0 : error;
	if (ages_read(blob, size, entries, &count) != 0)
		count = 0;
	free(blob);
	for (unsigned i = 0; i < count; i++) {
		struct wsd_claim *claim = &reading->claims[entries[i].segment];

		if (entries[i].segment >= reading->probe->count || claim->aged)
			continue;
		claim->aged = true;
		claim->age_ms = entries[i].age_ms;
	}
	return 0;
}

/* ---- either ---- */

static void read_addresses(const char *text, struct wsd_match *match)
{
	const char *word;
	size_t length;

	for (unsigned i = 0; i < WSD_ADDRESSES_MAX && wsd_tree_word(&text, &word, &length); i++)
		if (xaddr_read(word, length, &match->addresses[match->address_count]) == 0)
			match->address_count++;
}

static bool has_text(const struct wsd_tree *tree, int index)
{
	return index >= 0 && wsd_tree_at(tree, index)->length > 0;
}

/* Whether a ProbeMatch is one that answers. -EBADMSG: its Types are malformed. */
static int find_parts(struct reading *reading, struct wsd_match *match, bool *suits_out)
{
	const struct wsd_tree *tree = reading->tree;
	int endpoint = wsd_tree_only(tree, reading->match, WSD_ENDPOINT_REFERENCE);
	int address = endpoint >= 0 ? wsd_tree_only(tree, endpoint, WSD_ADDRESS) : WSD_NONE;
	int types = wsd_tree_only(tree, reading->match, WSD_TYPES);
	int scopes = wsd_tree_only(tree, reading->match, WSD_SCOPES);
	int addresses = wsd_tree_only(tree, reading->match, WSD_XADDRS);
	struct wsd_types found = {0};

	if (types >= 0 && wsd_tree_types(tree, types, &found) != 0)
		return -EBADMSG;
	*suits_out = false;
	if ((reading->probe->form == WSD_FORM_1 ? found.first : found.second) == 0 ||
	    !has_text(tree, address) || !has_text(tree, scopes) || !has_text(tree, addresses))
		return 0;
	match->endpoint = wsd_tree_at(tree, address)->text;
	reading->scopes = wsd_tree_at(tree, scopes);
	read_addresses(wsd_tree_at(tree, addresses)->text, match);
	*suits_out = match->address_count > 0;
	return 0;
}

/* Those claims that were made; returns their number. */
static unsigned gather(const struct reading *reading, struct wsd_claim *claims)
{
	unsigned count = 0;

	for (unsigned i = 0; i < reading->probe->count; i++) {
		if (!reading->claimed[i])
			continue;
		claims[count] = reading->claims[i];
		claims[count++].segment = (uint8_t)i;
	}
	return count;
}

static int read_match(struct reading *reading, struct wsd_match *match, struct wsd_claim *claims,
		      bool *suits_out)
{
	int error = find_parts(reading, match, suits_out);

	if (error != 0 || !*suits_out)
		return error;
	if (reading->probe->form == WSD_FORM_1) {
		error = read_counts(reading);
	} else {
		error = read_bits(reading);
		if (error == 0)
			error = read_ages(reading);
	}
	if (error != 0)
		return error;
	match->claims = claims;
	match->claim_count = gather(reading, claims);
	return 0;
}

static int read_matches(const struct message *message, const struct wsd_probe *probe,
			struct wsd_matches *matches, struct wsd_claim *claims)
{
	bool any = false;
	int at = message->matches;

	for (unsigned i = 0; i < WSD_MATCHES_MAX; i++) {
		struct reading reading = {.tree = message->tree, .probe = probe};
		struct wsd_match match = {0};
		bool suits;
		int error;

		at = wsd_tree_next(message->tree, message->matches, WSD_PROBE_MATCH, at + 1);
		if (at < 0)
			break;
		reading.match = at;
		error = read_match(&reading, &match, claims, &suits);
		if (error != 0)
			return error;
		any = any || suits;
		if (match.claim_count > 0)
			matches->matches[matches->count++] = match;
		claims += match.claim_count;
	}
	return any ? 0 : -EBADMSG;
}

/* At most the ProbeMatches that are there, but not more than are looked at. */
static unsigned count_matches(const struct message *message)
{
	int at = message->matches;
	unsigned count = 0;

	while (count < WSD_MATCHES_MAX &&
	       (at = wsd_tree_next(message->tree, message->matches, WSD_PROBE_MATCH, at + 1)) >= 0)
		count++;
	return count;
}

int wsd_read_matches(const struct wsd_message *public, const struct wsd_probe *probe,
		     struct wsd_matches **matches_out)
{
	const struct message *message = (const struct message *)public;
	size_t claims = (size_t)count_matches(message) * probe->count;
	struct wsd_matches *matches =
		calloc(1, sizeof(*matches) + claims * sizeof(struct wsd_claim));
	int error;

	if (matches == NULL)
		return -ENOMEM;
	error = read_matches(message, probe, matches, (struct wsd_claim *)(matches + 1));
	if (error == 0)
		*matches_out = matches;
	else
		free(matches);
	return error;
}
