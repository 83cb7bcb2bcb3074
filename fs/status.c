/* SPDX-License-Identifier: BSD-2-Clause */
#include "fs/status.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/mount.h"

/* All numbers, gathered once for either form. */
struct numbers {
	struct store_usage store;
	struct fetch_counters fetch;
	struct origin_counters origin;
	unsigned long long reads, xattr_requests, nodes;
};

static const char *const given_names[GIVEN_KINDS] = {
	[GIVEN_CACHE] = "cache",
	[GIVEN_PEER] = "peer",
	[GIVEN_HOSTED] = "hosted",
	[GIVEN_ORIGIN] = "origin",
};

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

static json_t *integer(uint64_t value)
{
	return json_integer((json_int_t)value);
}

static json_t *sources_json(const struct numbers *numbers)
{
	json_t *sources = json_object();

	for (int i = 0; i < GIVEN_KINDS; i++)
		json_object_set_new(sources, given_names[i],
				    json_pack("{s:o, s:o}", "bytes",
					      integer(numbers->fetch.given[i].bytes), "blocks",
					      integer(numbers->fetch.given[i].blocks)));
	return sources;
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
	json_object_set_new(status, "cache",
			    json_pack("{s:o, s:o, s:o, s:o, s:i, s:o}", "dir",
				      text(config->cache_dir), "used", integer(numbers.store.used),
				      "limit", integer(numbers.store.limit), "contents",
				      integer(numbers.store.contents), "segments", 0, "evicted",
				      integer(numbers.store.evicted)));
	json_object_set_new(status, "sources", sources_json(&numbers));
	json_object_set_new(status, "served",
			    json_pack("{s:i, s:i, s:i}", "bytes", 0, "blocks", 0, "requests", 0));
	json_object_set_new(status, "discovery",
			    json_pack("{s:i, s:i, s:i, s:i}", "probes", 0, "answers", 0, "received",
				      0, "answered", 0));
	json_object_set_new(status, "errors",
			    json_pack("{s:i, s:o, s:i, s:o, s:o}", "hash", 0, "checksum",
				      integer(numbers.store.checksum_errors), "peer", 0, "origin",
				      integer(numbers.origin.errors), "malformed",
				      integer(numbers.origin.malformed)));
	json_object_set_new(status, "requests",
			    json_pack("{s:o, s:o, s:o, s:o}", "read", integer(numbers.reads),
				      "xattr", integer(numbers.xattr_requests), "origin",
				      integer(numbers.origin.requests), "origin_bytes",
				      integer(numbers.origin.bytes)));
	json_object_set_new(status, "nodes", integer(numbers.nodes));
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

static void metric(FILE *stream, const char *name, const char *kind, const char *help)
{
	fprintf(stream, "# HELP peerdist_%s %s\n# TYPE peerdist_%s %s\n", name, help, name, kind);
}

static void print_sources(FILE *stream, const struct numbers *numbers)
{
	metric(stream, "source_bytes_total", "counter", "Octets given to readers, by source.");
	for (int i = 0; i < GIVEN_KINDS; i++)
		fprintf(stream, "peerdist_source_bytes_total{source=\"%s\"} %llu\n", given_names[i],
			(unsigned long long)numbers->fetch.given[i].bytes);
	metric(stream, "source_blocks_total", "counter", "Blocks given to readers, by source.");
	for (int i = 0; i < GIVEN_KINDS; i++)
		fprintf(stream, "peerdist_source_blocks_total{source=\"%s\"} %llu\n",
			given_names[i], (unsigned long long)numbers->fetch.given[i].blocks);
}

static void print_numbers(FILE *stream, const struct numbers *numbers)
{
	const struct {
		const char *name, *kind, *help;
		unsigned long long value;
	} plain[] = {
		{"cache_used_bytes", "gauge", "Octets in the cache directory.",
		 numbers->store.used},
		{"cache_limit_bytes", "gauge", "What it may hold.", numbers->store.limit},
		{"cache_contents", "gauge", "Contents of which something is cached.",
		 numbers->store.contents},
		{"cache_evicted_bytes_total", "counter", "Octets evicted.", numbers->store.evicted},
		{"read_requests_total", "counter", "READ requests from the kernel.",
		 numbers->reads},
		{"xattr_requests_total", "counter", "GETXATTR requests from the kernel.",
		 numbers->xattr_requests},
		{"origin_requests_total", "counter", "Requests to the origin.",
		 numbers->origin.requests},
		{"origin_received_bytes_total", "counter", "Body octets from the origin.",
		 numbers->origin.bytes},
		{"nodes", "gauge", "Nodes that the kernel knows.", numbers->nodes},
	};

	for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++) {
		metric(stream, plain[i].name, plain[i].kind, plain[i].help);
		fprintf(stream, "peerdist_%s %llu\n", plain[i].name, plain[i].value);
	}
	metric(stream, "errors_total", "counter", "Errors, by kind.");
	fprintf(stream, "peerdist_errors_total{kind=\"checksum\"} %llu\n",
		(unsigned long long)numbers->store.checksum_errors);
	fprintf(stream, "peerdist_errors_total{kind=\"origin\"} %llu\n",
		(unsigned long long)numbers->origin.errors);
	fprintf(stream, "peerdist_errors_total{kind=\"malformed\"} %llu\n",
		(unsigned long long)numbers->origin.malformed);
}

int metrics_make(struct mount *mount, char **text_out, size_t *length_out)
{
	struct numbers numbers;
	FILE *stream = open_memstream(text_out, length_out);

	if (stream == NULL)
		return -ENOMEM;
	gather(mount, &numbers);
	print_sources(stream, &numbers);
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
