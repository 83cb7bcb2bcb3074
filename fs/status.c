/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a mount tells of itself: `status` (JSON, interface.md), `metrics`, the same numbers, and
 * `config`.
 */
#include <errno.h>
#include <jansson.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "fs/admin.h"
#include "fs/mount.h"
#include "fs/numbers.h"

/* All numbers, gathered once for either form. */
struct numbers {
	struct store_usage store;
	struct fetch_counters fetch;
	struct origin_counters origin;
	uint64_t reads, xattr_requests, nodes;
	uint64_t none; /* of what this version does not do */
};

static const struct number list[] = {
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
	ERRORS("hash", fetch.hash_errors),
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
	{{NULL, NULL, NULL}, NULL, NULL, NULL, 0},
};

static void gather(struct mount *mount, struct numbers *numbers_out)
{
	memset(numbers_out, 0, sizeof *numbers_out);
	store_usage(mount->store, &numbers_out->store);
	fetch_counters(mount->fetch, &numbers_out->fetch);
	if (mount->origin != NULL)
		origin_counters(mount->origin, &numbers_out->origin);
	numbers_out->origin.malformed += inform_malformed(mount->inform);
	numbers_out->origin.errors += inform_malformed(mount->inform);
	numbers_out->reads = atomic_load(&mount->reads);
	numbers_out->xattr_requests = atomic_load(&mount->xattr_requests);
	numbers_out->nodes = nodes_count(mount->nodes);
}

static int make_status(void *owner, char **text_out, size_t *length_out)
{
	struct mount *mount = owner;
	const struct config *config = mount->config;
	struct numbers numbers;

	gather(mount, &numbers);
	json_t *status = json_pack(
		"{s:s, s:o, s:o, s:s, s:s, s:n}", "version", PEERDISTFS_VERSION, "origin",
		numbers_string(config->origin), "mountpoint", numbers_string(config->mountpoint),
		"mode", config_mode_name(config->mode), "state",
		config->mode == CONFIG_MODE_OFF ? "disabled" : "available", "listen");
	json_object_set_new(status, "cache",
			    json_pack("{s:o}", "dir", numbers_string(config->cache_dir)));
	numbers_put(status, list, &numbers);
	json_object_set_new(status, "peers", json_array());
	return numbers_status(status, text_out, length_out);
}

static int make_metrics(void *owner, char **text_out, size_t *length_out)
{
	struct numbers numbers;

	gather(owner, &numbers);
	return numbers_print(list, &numbers, text_out, length_out);
}

static int make_config(void *owner, char **text_out, size_t *length_out)
{
	struct mount *mount = owner;
	FILE *stream = open_memstream(text_out, length_out);

	if (stream == NULL)
		return -ENOMEM;
	pthread_mutex_lock(&mount->config_lock);
	config_print(mount->config, stream);
	pthread_mutex_unlock(&mount->config_lock);
	return fclose(stream) == 0 ? 0 : -ENOMEM;
}

const struct control_answerer mount_answerer = {
	.text = {[CONTROL_STATUS] = make_status,
		 [CONTROL_METRICS] = make_metrics,
		 [CONTROL_CONFIG] = make_config},
	.commands = admin_commands,
};
