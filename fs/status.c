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
#include "fs/status_peers.h"

/* All numbers, gathered once for either form. */
struct numbers {
	struct store_usage store;
	struct fetch_counters fetch;
	struct origin_counters origin;
	uint64_t reads, xattr_requests, nodes;
	struct neighbours_counters peers; /* zeros where there cannot be any */
	uint64_t alone, deaf, queued;
	uint64_t hash_errors, peer_errors, malformed;
	struct service_counters api;
};

_Static_assert(SEEKER_REASONS == 11, "each reason but SEEKER_CAME has its row");

static const struct number list[] = {
	NUMBER("cache", "used", "cache_used_bytes", "Octets in the cache directory.", store.used),
	NUMBER("cache", "limit", "cache_limit_bytes", "What it may hold.", store.limit),
	NUMBER("cache", "contents", "cache_contents", "Contents of which something is cached.",
	       store.contents),
	NUMBER("cache", "segments", "cache_segments", "Segments that peers may ask for.",
	       store.segments),
	NUMBER("cache", "evicted", "cache_evicted_bytes_total", "Octets evicted.", store.evicted),
#define GIVEN(name, kind)                                                                          \
	{                                                                                          \
		{"sources", name, "bytes"}, "source_bytes_total", "source",                        \
			"Octets given to readers, by source.",                                     \
			offsetof(struct numbers, fetch.given[kind].bytes)                          \
	}
	GIVEN("cache", GIVEN_CACHE),
	GIVEN("peer", GIVEN_PEER),
	GIVEN("hosted", GIVEN_HOSTED),
	GIVEN("origin", GIVEN_ORIGIN),
#undef GIVEN
#define GIVEN(name, kind)                                                                          \
	{                                                                                          \
		{"sources", name, "blocks"}, "source_blocks_total", "source",                      \
			"Blocks given to readers, by source.",                                     \
			offsetof(struct numbers, fetch.given[kind].blocks)                         \
	}
	GIVEN("cache", GIVEN_CACHE),
	GIVEN("peer", GIVEN_PEER),
	GIVEN("hosted", GIVEN_HOSTED),
	GIVEN("origin", GIVEN_ORIGIN),
#undef GIVEN
	NUMBER("served", "bytes", "served_bytes_total", "Octets given to peers.",
	       peers.served.bytes),
	NUMBER("served", "blocks", "served_blocks_total", "Blocks given to peers.",
	       peers.served.blocks),
	NUMBER("served", "requests", "served_requests_total", "Requests from peers.",
	       peers.served.requests),
	NUMBER("served", "busy", "served_busy_total",
	       "Those answered empty because too many were being served.", peers.served.busy),
	NUMBER("served", "unwelcome", "served_unwelcome_total",
	       "Connections from outside the networks.", peers.served.unwelcome),
	NUMBER("discovery", "probes", "discovery_probes_total", "Probes sent.",
	       peers.seeker.probes),
	NUMBER("discovery", "answers", "discovery_answers_total", "Answers to them.",
	       peers.seeker.answers),
	NUMBER("discovery", "late_answers", "discovery_late_answers_total",
	       "Of them, those that nobody waited for any more.", peers.seeker.late_answers),
	NUMBER("discovery", "received", "discovery_received_total", "Probes of peers.",
	       peers.responder.received),
	NUMBER("discovery", "answered", "discovery_answered_total", "Those answered.",
	       peers.responder.answered),
	NUMBER("discovery", "repeats", "discovery_repeats_total",
	       "Copies of Probes that had been heard.", peers.responder.repeats),
	NUMBER("discovery", "refused", "discovery_refused_total",
	       "Probes beyond the rate that is answered.", peers.responder.refused),
	NUMBER("discovery", "thinned", "discovery_thinned_total",
	       "Probes left to the many others that have it.", peers.responder.thinned),
	NUMBER("discovery", "strangers", "discovery_strangers_total",
	       "Datagrams from outside the networks.", peers.strangers),
	NUMBER("discovery", "alone", "discovery_alone", "1: nobody answers here.", alone),
	NUMBER("discovery", "deaf", "discovery_deaf", "1: another program has the port for itself.",
	       deaf),
	NUMBER("exchanges", "asked", "peer_requests_total", "Requests to peers.",
	       peers.seeker.asked),
	NUMBER("offers", "messages", "offers_messages_total", "Messages to hosted caches.",
	       peers.offering.messages),
	NUMBER("offers", "segments", "offers_segments_total", "Segments offered to them.",
	       peers.offering.offered),
	NUMBER("offers", "failed", "offers_failed_total", "Offers that came to nothing.",
	       peers.offering.failed),
	NUMBER("offers", "dropped", "offers_dropped_total",
	       "Segments of which too many offers came to nothing.", peers.offering.dropped),
	NUMBER("offers", "queued", "offers_queued", "Segments that wait to be offered.", queued),
	NUMBER("offers", "lists", "hosted_lists_total",
	       "Questions to hosted caches which segments they have.", peers.lists),
#define EXCHANGES(outcome)                                                                         \
	NUMBER_LABELLED("exchanges", #outcome, "peer_exchanges_total", "outcome",                  \
			"Requests to peers, by what came of them.", peers.seeker.outcome)
	EXCHANGES(good),
	EXCHANGES(empty),
	EXCHANGES(wrong),
	EXCHANGES(timeouts),
	EXCHANGES(broken),
	EXCHANGES(overtaken),
#undef EXCHANGES
#define REFUSED(name, reason)                                                                      \
	NUMBER_LABELLED("refused", name, "peer_refused_total", "reason",                           \
			"Blocks that were sought and not got from peers, by reason.",              \
			peers.seeker.refused[reason])
	REFUSED("alone", SEEKER_ALONE),
	REFUSED("no_answer", SEEKER_NO_ANSWER),
	REFUSED("chosen", SEEKER_CHOSEN),
	REFUSED("empty", SEEKER_EMPTY),
	REFUSED("bad", SEEKER_BAD),
	REFUSED("timeout", SEEKER_TIMEOUT),
	REFUSED("failed", SEEKER_FAILED),
	REFUSED("banned", SEEKER_BANNED),
	REFUSED("busy", SEEKER_BUSY),
	REFUSED("ended", SEEKER_ENDED),
#undef REFUSED
#define API(name, metric, help) NUMBER("api", #name, metric, help, api.name)
	API(instances, "api_instances", "Programs' sessions with the API."),
	API(handles, "api_handles", "Handles that they have."),
	API(operations, "api_operations", "Asynchronous calls that have not ended."),
	API(publications, "api_publications", "Contents that they publish."),
	API(input, "api_input_bytes", "Octets of input held."),
	API(output, "api_output_bytes", "Octets of output not fetched yet."),
#undef API
	NUMBER_OF_ERRORS("hash", hash_errors),
	NUMBER_OF_ERRORS("checksum", store.checksum_errors),
	NUMBER_OF_ERRORS("peer", peer_errors),
	NUMBER_OF_ERRORS("origin", origin.errors),
	NUMBER_OF_ERRORS("malformed", malformed),
	/* Blocks that programs added, right, and that the cache could not keep. */
	NUMBER_OF_ERRORS("unkept", api.unkept),
	NUMBER("requests", "read", "read_requests_total", "READ requests from the kernel.", reads),
	NUMBER("requests", "xattr", "xattr_requests_total", "GETXATTR requests from the kernel.",
	       xattr_requests),
	NUMBER("requests", "origin", "origin_requests_total", "Requests to the origin.",
	       origin.requests),
	NUMBER("requests", "origin_bytes", "origin_received_bytes_total",
	       "Body octets from the origin.", origin.bytes),
	NUMBER("", "nodes", "nodes", "Nodes that the kernel knows.", nodes),
	NUMBERS_END,
};

/* What follows from several counters. */
static void gather_sums(struct numbers *numbers)
{
	const struct seeker_counters *seeker = &numbers->peers.seeker;

	numbers->alone = seeker->alone;
	numbers->queued = numbers->peers.offering.queued;
	numbers->deaf = numbers->peers.deaf;
	numbers->hash_errors = numbers->fetch.hash_errors + numbers->peers.hash;
	numbers->peer_errors = seeker->wrong + seeker->timeouts + seeker->broken;
	numbers->malformed = numbers->origin.malformed + numbers->peers.malformed +
			     numbers->peers.served.malformed;
}

static void gather(struct mount *mount, struct numbers *numbers_out)
{
	memset(numbers_out, 0, sizeof *numbers_out);
	store_usage(mount->store, &numbers_out->store);
	fetch_counters(mount->fetch, &numbers_out->fetch);
	if (mount->origin != NULL)
		origin_counters(mount->origin, &numbers_out->origin);
	numbers_out->origin.malformed += inform_malformed(mount->inform);
	numbers_out->origin.errors += inform_malformed(mount->inform);
	if (mount->neighbours != NULL)
		neighbours_counters(mount->neighbours, &numbers_out->peers);
	service_counters(mount->service, &numbers_out->api);
	gather_sums(numbers_out);
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
	pthread_mutex_lock(&mount->config_lock);
	enum config_mode mode = config->mode;
	pthread_mutex_unlock(&mount->config_lock);
	json_t *status =
		json_pack("{s:s, s:o, s:o, s:s, s:s, s:n}", "version", PEERDISTFS_VERSION, "origin",
			  numbers_string(config->origin), "mountpoint",
			  numbers_string(config->mountpoint), "mode", config_mode_name(mode),
			  "state", mode == CONFIG_MODE_OFF ? "disabled" : "available", "listen");
	json_object_set_new(status, "cache",
			    json_pack("{s:o}", "dir", numbers_string(config->cache_dir)));
	numbers_put(status, list, &numbers);
	status_peers_put(status, mount->neighbours, &numbers.peers, config->discovery_port);
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

static struct service *get_service(void *owner)
{
	const struct mount *mount = owner;

	return mount->service;
}

const struct control_answerer mount_answerer = {
	.text = {[CONTROL_STATUS] = make_status,
		 [CONTROL_METRICS] = make_metrics,
		 [CONTROL_CONFIG] = make_config},
	.service = get_service,
	.commands = admin_commands,
};
