/* SPDX-License-Identifier: BSD-2-Clause */
#include "fs/status_peers.h"

#include <stdio.h>
#include <stdlib.h>

#include "fs/peer_address.h"

/* Shown at most, the most recently used ones: our choice. */
#define PEERS_MAX 64u
/* So many Probes without an answer are worth a word: our choice, above what one file needs; and
 * where others are heard, above what the first of many who want the same has to ask. */
#define PROBES_IN_VAIN 8u
#define PROBES_IN_VAIN_HEARD 200u

void status_peers_verdict(const struct neighbours_counters *counters, bool found, unsigned port,
			  char *text_out, size_t size)
{
	const struct seeker_counters *seeker = &counters->seeker;
	unsigned long long probes = seeker->probes;
	bool unanswered = seeker->answers == 0;

	if (!found)
		snprintf(text_out, size,
			 "no network interface takes part: peerdist doctor tells why");
	else if (counters->deaf)
		snprintf(text_out, size, "another program has UDP %u for itself", port);
	else if (unanswered && probes >= PROBES_IN_VAIN && counters->responder.received == 0)
		snprintf(text_out, size,
			 "probes sent %llu, answers 0: firewall? or nobody else is here", probes);
	else if (unanswered && probes >= PROBES_IN_VAIN_HEARD)
		snprintf(text_out, size,
			 "probes sent %llu, answers 0, though others are heard: firewall? or "
			 "nobody has what is wanted",
			 probes);
	else
		snprintf(text_out, size, "ok");
}

static json_t *peer_json(const struct seeker_peer *peer)
{
	char address[PEER_ADDRESS_MAX];

	return json_pack("{s:s, s:I, s:I, s:I, s:b, s:I, s:i, s:i, s:i, s:I}", "address",
			 peer_address_text(&peer->address, address), "blocks",
			 (json_int_t)peer->blocks, "bytes", (json_int_t)peer->bytes, "bad",
			 (json_int_t)peer->bad, "banned", peer->banned_ms > 0, "failures",
			 (json_int_t)peer->failures, "places", (int)peer->places, "busy",
			 (int)peer->busy, "exchange_ms", (int)peer->exchange_ms, "banned_seconds",
			 (json_int_t)((peer->banned_ms + 999) / 1000));
}

static json_t *peers_json(struct neighbours *neighbours)
{
	struct seeker_peer *peers = calloc(PEERS_MAX, sizeof *peers);
	json_t *array = json_array();
	unsigned count = 0;

	if (peers != NULL && neighbours != NULL)
		count = neighbours_peers(neighbours, peers, PEERS_MAX);
	for (unsigned i = 0; i < count; i++)
		json_array_append_new(array, peer_json(&peers[i]));
	free(peers);
	return array;
}

/* Behind what a peer has: */
static json_t *server_json(const struct neighbours_server *server)
{
	struct seeker_peer peer = server->peer;
	bool known = peer.address.family != 0;
	int64_t rest = server->offering.rest_ms[0] > server->offering.rest_ms[1]
			       ? server->offering.rest_ms[0]
			       : server->offering.rest_ms[1];

	if (!known)
		peer.address.family = XADDR_IPV4;
	json_t *json = peer_json(&peer);
	json_object_set_new(json, "host", json_string(server->host));
	if (!known)
		json_object_set_new(json, "address", json_null());
	json_object_set_new(json, "offers_rest_seconds", json_integer((rest + 999) / 1000));
	return json;
}

static json_t *servers_json(struct neighbours *neighbours)
{
	struct neighbours_server *servers = calloc(OFFERING_SERVERS_MAX, sizeof *servers);
	json_t *array = json_array();
	unsigned count = 0;

	if (servers != NULL && neighbours != NULL)
		count = neighbours_servers(neighbours, servers);
	for (unsigned i = 0; i < count; i++)
		json_array_append_new(array, server_json(&servers[i]));
	free(servers);
	return array;
}

static json_t *listen_json(struct neighbours *neighbours)
{
	char text[PEER_ADDRESS_MAX];
	struct xaddr address;

	if (neighbours == NULL || neighbours_addresses(neighbours, &address, 1) == 0)
		return json_null();
	return json_string(peer_address_text(&address, text));
}

void status_peers_put(json_t *status, struct neighbours *neighbours,
		      const struct neighbours_counters *counters, unsigned port)
{
	char verdict[128];
	struct xaddr address;

	json_object_set_new(status, "listen", listen_json(neighbours));
	json_object_set_new(status, "peers", peers_json(neighbours));
	json_object_set_new(status, "hosted_caches", servers_json(neighbours));
	if (neighbours == NULL || (neighbours_sides(neighbours) & NEIGHBOURS_LAN) == 0)
		return;
	status_peers_verdict(counters, neighbours_addresses(neighbours, &address, 1) > 0, port,
			     verdict, sizeof verdict);
	json_object_set_new(json_object_get(status, "discovery"), "verdict", json_string(verdict));
}
