/* SPDX-License-Identifier: BSD-2-Clause
 *
 * S3: ListObjectsV2, and what of the older ListObjects is the same.
 *
 *     ListBucketResult > Contents > Key, Size, LastModified, ETag
 *                      > CommonPrefixes > Prefix
 *                      > Prefix, EncodingType, IsTruncated, NextContinuationToken
 *
 * A key is an entry by what it has behind the prefix that was asked for: up to the first slash a
 * directory, without a slash a file. The prefix and the encoding are taken from the query of the
 * request, since in the answer they may come after the keys; without a query from the answer.
 */
#include <curl/curl.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "origin/listing_xml.h"

enum { DEPTH_FIELD = 2, DEPTH_GROUP = 2, DEPTH_MEMBER = 3 };

struct s3_state {
	char *prefix;
	size_t prefix_length;
	bool paged; /* ListObjectsV2 was asked for */
	bool prefix_asked, url_encoded, truncated, continued;
	struct entry entry;
	size_t key_length;
	char key[LISTING_ITEM_MAX + 1];
};

static bool recognise(const char *head)
{
	return strstr(head, "<ListBucketResult");
}

/* As forms encode: a plus sign is a space. */
static size_t decode_form(char *text, size_t length)
{
	for (char *plus = text; (plus = memchr(plus, '+', length - (size_t)(plus - text)));)
		*plus = ' ';
	return href_decode(text, length);
}

static int set_prefix(struct s3_state *state, const char *text, size_t length, bool encoded)
{
	char *copy = malloc(length + 1);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, text, length);
	free(state->prefix);
	state->prefix = copy;
	state->prefix_length = encoded ? decode_form(copy, length) : length;
	return 0;
}

static int read_query(struct s3_state *state, const char *query)
{
	static const char prefix[] = "prefix=", encoding[] = "encoding-type=url",
			  version[] = "list-type=2";
	while (*query) {
		size_t length = strcspn(query, "&");
		if (!strncmp(query, prefix, sizeof(prefix) - 1)) {
			size_t skip = sizeof(prefix) - 1;
			int result = set_prefix(state, query + skip, length - skip, true);
			if (result)
				return result;
			state->prefix_asked = true;
		} else if (length == sizeof(encoding) - 1 && !strncmp(query, encoding, length)) {
			state->url_encoded = true;
		} else if (length == sizeof(version) - 1 && !strncmp(query, version, length)) {
			state->paged = true;
		}
		query += length + (query[length] == '&');
	}
	return 0;
}

static int begin(struct listing *listing, void *opaque)
{
	struct s3_state *state = opaque;
	CURLU *url = curl_url();
	char *query = NULL;
	int result = url ? 0 : -ENOMEM;
	if (url && !curl_url_set(url, CURLUPART_URL, listing_base(listing), 0) &&
	    !curl_url_get(url, CURLUPART_QUERY, &query, 0))
		result = read_query(state, query);
	curl_free(query);
	curl_url_cleanup(url);
	return result;
}

static void clear(void *opaque)
{
	struct s3_state *state = opaque;
	free(state->prefix);
}

static void start(struct listing *listing, void *opaque, const char *name, unsigned depth)
{
	(void)listing;
	(void)name;
	struct s3_state *state = opaque;
	if (depth == DEPTH_GROUP) {
		listing_entry_init(&state->entry);
		state->key_length = 0;
	}
}

static void keep_key(struct s3_state *state, const char *text, size_t length)
{
	memcpy(state->key, text, length);
	state->key_length = state->url_encoded ? decode_form(state->key, length) : length;
}

static void read_member(struct s3_state *state, const char *local, const char *text, size_t length)
{
	struct entry *entry = &state->entry;
	if (!strcmp(local, "Key") || !strcmp(local, "Prefix"))
		keep_key(state, text, length);
	else if (!strcmp(local, "Size"))
		listing_set_size(entry, xml_number(text));
	else if (!strcmp(local, "LastModified"))
		listing_set_time(entry, text);
	else if (!strcmp(local, "ETag"))
		listing_set_etag(entry, text);
}

/* The key that is the prefix itself stands for the directory that is being listed. */
static int add_key(struct listing *listing, struct s3_state *state)
{
	if (state->key_length <= state->prefix_length)
		return 0;
	if (state->prefix && memcmp(state->key, state->prefix, state->prefix_length) != 0)
		return 0;
	const char *name = state->key + state->prefix_length;
	size_t length = state->key_length - state->prefix_length;
	const char *slash = memchr(name, '/', length);
	if (slash) {
		listing_entry_init(&state->entry);
		state->entry.kind = ENTRY_DIRECTORY;
		length = (size_t)(slash - name);
	}
	return listing_add_name(listing, name, length, &state->entry);
}

static int read_field(struct listing *listing, struct s3_state *state, const char *local,
		      const char *text, size_t length)
{
	if (!strcmp(local, "Contents") || !strcmp(local, "CommonPrefixes"))
		return add_key(listing, state);
	if (!strcmp(local, "Prefix") && !state->prefix_asked)
		return set_prefix(state, text, length, state->url_encoded);
	if (!strcmp(local, "EncodingType") && !strcmp(text, "url"))
		state->url_encoded = true;
	if (!strcmp(local, "IsTruncated"))
		state->truncated = !strcmp(text, "true");
	if (!strcmp(local, "NextContinuationToken") && length) {
		state->continued = true;
		return listing_set_continuation(listing, text);
	}
	return 0;
}

static int end(struct listing *listing, void *opaque, const char *name, unsigned depth, char *text,
	       size_t length)
{
	struct s3_state *state = opaque;
	const char *local = xml_local_name(name);
	if (depth == DEPTH_MEMBER)
		read_member(state, local, text, length);
	else if (depth == DEPTH_FIELD)
		return read_field(listing, state, local, text, length);
	return 0;
}

/* A page that is not the last but has no token must not pass for the last. */
static int finish(void *opaque)
{
	const struct s3_state *state = opaque;
	return state->paged && state->truncated && !state->continued ? -EBADMSG : 0;
}

static const struct xml_dialect dialect = {
	.state_size = sizeof(struct s3_state),
	.begin = begin,
	.start = start,
	.end = end,
	.finish = finish,
	.clear = clear,
};

static int begin_reader(struct listing *listing, void **reader_out)
{
	return xml_begin(listing, &dialect, reader_out);
}

static const struct listing_notation notation = {begin_reader, xml_feed, xml_end, xml_free};

const struct listing_dialect listing_s3 = {
	.name = "s3",
	.family = LISTING_XML,
	.recognise = recognise,
	.notation = &notation,
};
