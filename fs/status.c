/* SPDX-License-Identifier: BSD-2-Clause */
#include "fs/status.h"

#include <errno.h>
#include <jansson.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/mount.h"

/* All numbers, gathered once for either form. */
struct numbers {
	struct store_usage store;
	struct fetch_counters fetch;
	struct origin_counters origin;
	uint64_t reads, xattr_requests, nodes;
	uint64_t none; /* of what this version does not do */
};

/* The one list of them: where each is in the JSON (object, object in it, member; those that are
 * missing "") and which metric it is, whose label has the value of the second part, or of the third
 * where there is no second. A metric's rows stand together. */
static const struct number {
	const char *path[3], *metric, *label, *help;
	size_t field; /* in struct numbers */
} list[] = {
#define AT(field) offsetof(struct numbers, field)
	{{"cache", "", "used"},
	 "cache_used_bytes",
	 NULL,
	 "Octets in the cache directory.",
	 AT(store.used)},
	{{"cache", "", "limit"}, "cache_limit_bytes", NULL, "What it may hold.", AT(store.limit)},
	{{"cache", "", "contents"},
	 "cache_contents",
	 NULL,
	 "Contents of which something is cached.",
	 AT(store.contents)},
	{{"cache", "", "segments"},
	 "cache_segments",
	 NULL,
	 "Segments of peers' contents.",
	 AT(none)},
	{{"cache", "", "evicted"},
	 "cache_evicted_bytes_total",
	 NULL,
	 "Octets evicted.",
	 AT(store.evicted)},
#define GIVEN(name, kind)                                                                          \
	{                                                                                          \
		{"sources", name, "bytes"}, "source_bytes_total", "source",                        \
			"Octets given to readers, by source.", AT(fetch.given[kind].bytes)         \
	}
	GIVEN("cache", GIVEN_CACHE),
	GIVEN("peer", GIVEN_PEER),
	GIVEN("hosted", GIVEN_HOSTED),
	GIVEN("origin", GIVEN_ORIGIN),
#undef GIVEN
#define GIVEN(name, kind)                                                                          \
	{                                                                                          \
		{"sources", name, "blocks"}, "source_blocks_total", "source",                      \
			"Blocks given to readers, by source.", AT(fetch.given[kind].blocks)        \
	}
	GIVEN("cache", GIVEN_CACHE),
	GIVEN("peer", GIVEN_PEER),
	GIVEN("hosted", GIVEN_HOSTED),
	GIVEN("origin", GIVEN_ORIGIN),
#undef GIVEN
	{{"served", "", "bytes"}, "served_bytes_total", NULL, "Octets given to peers.", AT(none)},
	{{"served", "", "blocks"}, "served_blocks_total", NULL, "Blocks given to peers.", AT(none)},
	{{"served", "", "requests"},
	 "served_requests_total",
	 NULL,
	 "Requests from peers.",
	 AT(none)},
	{{"discovery", "", "probes"}, "discovery_probes_total", NULL, "Probes sent.", AT(none)},
	{{"discovery", "", "answers"},
	 "discovery_answers_total",
	 NULL,
	 "Answers to them.",
	 AT(none)},
	{{"discovery", "", "received"},
	 "discovery_received_total",
	 NULL,
	 "Probes of peers.",
	 AT(none)},
	{{"discovery", "", "answered"},
	 "discovery_answered_total",
	 NULL,
	 "Those answered.",
	 AT(none)},
#define ERRORS(kind, field)                                                                        \
	{                                                                                          \
		{"errors", "", kind}, "errors_total", "kind", "Errors, by kind.", AT(field)        \
	}
	ERRORS("hash", none),
	ERRORS("checksum", store.checksum_errors),
	ERRORS("peer", none),
	ERRORS("origin", origin.errors),
	ERRORS("malformed", origin.malformed),
#undef ERRORS
	{{"requests", "", "read"},
	 "read_requests_total",
	 NULL,
	 "READ requests from the kernel.",
	 AT(reads)},
	{{"requests", "", "xattr"},
	 "xattr_requests_total",
	 NULL,
	 "GETXATTR requests from the kernel.",
	 AT(xattr_requests)},
	{{"requests", "", "origin"},
	 "origin_requests_total",
	 NULL,
	 "Requests to the origin.",
	 AT(origin.requests)},
	{{"requests", "", "origin_bytes"},
	 "origin_received_bytes_total",
	 NULL,
	 "Body octets from the origin.",
	 AT(origin.bytes)},
	{{"", "", "nodes"}, "nodes", NULL, "Nodes that the kernel knows.", AT(nodes)},
#undef AT
};
#define LIST_LENGTH (sizeof list / sizeof list[0])

static uint64_t value_of(const struct numbers *numbers, const struct number *number)
{
	uint64_t value;

	memcpy(&value, (const char *)numbers + number->field, sizeof value);
	return value;
}

static void gather(struct mount *mount, struct numbers *numbers_out)
{
	memset(numbers_out, 0, sizeof *numbers_out);
	store_usage(mount->store, &numbers_out->store);
	fetch_counters(mount->fetch, &numbers_out->fetch);
	if (mount->origin != NULL)
		origin_counters(mount->origin, &numbers_out->origin);
	numbers_out->reads = atomic_load(&mount->reads);
	numbers_out->xattr_requests = atomic_load(&mount->xattr_requests);
	numbers_out->nodes = nodes_count(mount->nodes);
}

/* The object NAME in OBJECT, made if it is not there; "": OBJECT itself. */
static json_t *object_in(json_t *object, const char *name)
{
	if (*name == '\0')
		return object;
	if (json_object_get(object, name) == NULL)
		json_object_set_new(object, name, json_object());
	return json_object_get(object, name);
}

static void put_numbers(json_t *status, const struct numbers *numbers)
{
	for (size_t i = 0; i < LIST_LENGTH; i++) {
		json_t *object = object_in(object_in(status, list[i].path[0]), list[i].path[1]);

		json_object_set_new(object, list[i].path[2],
				    json_integer((json_int_t)value_of(numbers, &list[i])));
	}
}

/* Strings that strangers may have chosen need not be UTF-8. */
static json_t *text(const char *string)
{
	json_t *value = json_string(string);
	char escaped[LOG_NAME_MAX];

	return value != NULL ? value : json_string(log_escape(escaped, sizeof escaped, string));
}

int status_make(struct mount *mount, char **text_out, size_t *length_out)
{
	const struct config *config = mount->config;
	struct numbers numbers;

	gather(mount, &numbers);
	json_t *status =
		json_pack("{s:s, s:o, s:o, s:s, s:s, s:n}", "version", PEERDISTFS_VERSION, "origin",
			  text(config->origin), "mountpoint", text(config->mountpoint), "mode",
			  config_mode_name(config->mode), "state",
			  config->mode == CONFIG_MODE_OFF ? "disabled" : "available", "listen");
	json_object_set_new(status, "cache", json_pack("{s:o}", "dir", text(config->cache_dir)));
	put_numbers(status, &numbers);
	json_object_set_new(status, "peers", json_array());
	char *dump = json_dumps(status, JSON_INDENT(2));
	json_decref(status);
	if (dump == NULL)
		return -ENOMEM;
	size_t length = strlen(dump);
	char *line = realloc(dump, length + 2);
	if (line == NULL) {
		free(dump);
		return -ENOMEM;
	}
	memcpy(line + length, "\n", 2);
	*text_out = line;
	*length_out = length + 1;
	return 0;
}

static void print_number(FILE *stream, const struct numbers *numbers, const struct number *number)
{
	unsigned long long value = value_of(numbers, number);
	const char *const *path = number->path;

	if (number->label == NULL)
		fprintf(stream, "peerdist_%s %llu\n", number->metric, value);
	else
		fprintf(stream, "peerdist_%s{%s=\"%s\"} %llu\n", number->metric, number->label,
			*path[1] != '\0' ? path[1] : path[2], value);
}

/* What only grows says so in its name, as is the custom. */
static const char *kind_of(const char *metric)
{
	size_t length = strlen(metric), end = strlen("_total");

	return length > end && strcmp(metric + length - end, "_total") == 0 ? "counter" : "gauge";
}

static void print_numbers(FILE *stream, const struct numbers *numbers)
{
	for (size_t i = 0; i < LIST_LENGTH; i++) {
		const char *metric = list[i].metric;

		if (i == 0 || strcmp(list[i - 1].metric, metric) != 0)
			fprintf(stream, "# HELP peerdist_%s %s\n# TYPE peerdist_%s %s\n", metric,
				list[i].help, metric, kind_of(metric));
		print_number(stream, numbers, &list[i]);
	}
}

int metrics_make(struct mount *mount, char **text_out, size_t *length_out)
{
	struct numbers numbers;
	FILE *stream = open_memstream(text_out, length_out);

	if (stream == NULL)
		return -ENOMEM;
	gather(mount, &numbers);
	print_numbers(stream, &numbers);
	return fclose(stream) == 0 ? 0 : -ENOMEM;
}

int config_make(struct mount *mount, char **text_out, size_t *length_out)
{
	FILE *stream = open_memstream(text_out, length_out);

	if (stream == NULL)
		return -ENOMEM;
	pthread_mutex_lock(&mount->config_lock);
	config_print(mount->config, stream);
	pthread_mutex_unlock(&mount->config_lock);
	return fclose(stream) == 0 ? 0 : -ENOMEM;
}
