/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What is told of the neighbours: counters, addresses, machines.
 */
#include <stdlib.h>
#include <string.h>

#include "peer/neighbours_private.h"

/* Sums of counters */

static void add_seeker(struct seeker_counters *sum, const struct seeker_counters *more)
{
	sum->probes += more->probes;
	sum->answers += more->answers;
	sum->late_answers += more->late_answers;
	sum->asked += more->asked;
	sum->good += more->good;
	sum->empty += more->empty;
	sum->wrong += more->wrong;
	sum->timeouts += more->timeouts;
	sum->broken += more->broken;
	sum->overtaken += more->overtaken;
	sum->lists += more->lists;
	for (unsigned i = 0; i < SEEKER_REASONS; i++)
		sum->refused[i] += more->refused[i];
	sum->alone = more->alone;
}

static void add_responder(struct responder_counters *sum, const struct responder_counters *more)
{
	sum->received += more->received;
	sum->answered += more->answered;
	sum->repeats += more->repeats;
	sum->refused += more->refused;
	sum->thinned += more->thinned;
}

static void add_served(struct retrieval_served *sum, const struct retrieval_served *more)
{
	sum->bytes += more->bytes;
	sum->blocks += more->blocks;
	sum->requests += more->requests;
	sum->busy += more->busy;
	sum->malformed += more->malformed;
	sum->unwelcome += more->unwelcome;
}

static void add_offering(struct offering_counters *sum, const struct offering_counters *more)
{
	sum->messages += more->messages;
	sum->offered += more->offered;
	sum->failed += more->failed;
	sum->dropped += more->dropped;
	sum->pushed += more->pushed;
	sum->queued += more->queued;
}

/* Counters */

void told_of_answers(struct neighbours *neighbours, struct neighbours_counters *counters)
{
	struct responder_counters responder;
	struct retrieval_served served;

	if (neighbours->responder != NULL) {
		responder_counters(neighbours->responder, &responder);
		add_responder(&counters->responder, &responder);
	}
	if (neighbours->server != NULL) {
		retrieval_server_counters(neighbours->server, &served);
		add_served(&counters->served, &served);
	}
}

void told_of_seeking(struct neighbours *neighbours, struct neighbours_counters *counters)
{
	struct seeker_counters seeker;
	struct offering_counters offering;

	if (neighbours->seeker != NULL) {
		seeker_counters(neighbours->seeker, &seeker);
		add_seeker(&counters->seeker, &seeker);
	}
	neighbours_offers_counters(neighbours->offers, &offering);
	add_offering(&counters->offering, &offering);
}

struct counting {
	struct neighbours *neighbours;
	struct neighbours_counters *counters;
};

/* While on. */
static int count_now(void *context)
{
	const struct counting *counting = context;
	struct neighbours *neighbours = counting->neighbours;

	told_of_seeking(neighbours, counting->counters);
	told_of_answers(neighbours, counting->counters);
	counting->counters->deaf =
		neighbours->multicast != NULL && multicast_deaf(neighbours->multicast);
	return 0;
}

void neighbours_counters(struct neighbours *neighbours, struct neighbours_counters *counters_out)
{
	struct counting counting = {neighbours, counters_out};

	pthread_mutex_lock(&neighbours->switching);
	*counters_out = neighbours->before;
	if (atomic_load(&neighbours->on))
		loop_call(neighbours->options.loop, count_now, &counting);
	pthread_mutex_unlock(&neighbours->switching);
	counters_out->lists = counters_out->seeker.lists;
	counters_out->malformed = atomic_load(&neighbours->malformed);
	counters_out->strangers = atomic_load(&neighbours->strangers);
	counters_out->hash = atomic_load(&neighbours->hash);
}

unsigned neighbours_unserved(struct neighbours *neighbours, const uint8_t *id, size_t id_size)
{
	return unserved_hosts(neighbours->unserved, id, id_size, loop_clock_ms());
}

/* Addresses */

static bool is_listened_on(const struct neighbours *neighbours, const struct xaddr *address)
{
	if (neighbours->address.family != 0)
		return xaddr_same_host(address, &neighbours->address);
	return address->family == XADDR_IPV4 ? neighbours->ipv4 : neighbours->ipv6;
}

unsigned discovery_listening(const struct neighbours *neighbours, const struct interface *interface,
			     struct xaddr listening_out[INTERFACES_PREFIXES_MAX])
{
	unsigned count_ = 0;

	for (unsigned i = 0; i < interface->prefix_count; i++) {
		struct xaddr address = interface->prefixes[i].own;
		if (!is_listened_on(neighbours, &address))
			continue;
		address.port = (uint16_t)retrieval_server_port(neighbours->server);
		listening_out[count_++] = address;
	}
	return count_;
}

struct addresses {
	struct xaddr *out;
	unsigned room, count;
};

static void collect(struct addresses *addresses, const struct xaddr *listening, unsigned count_,
		    enum xaddr_family family)
{
	for (unsigned i = 0; i < count_; i++) {
		if (listening[i].family != family)
			continue;
		if (addresses->count < addresses->room)
			addresses->out[addresses->count] = listening[i];
		addresses->count++;
	}
}

static void collect_all(struct neighbours *neighbours, struct addresses *addresses)
{
	struct interface *found = calloc(INTERFACES_MAX, sizeof *found);
	struct xaddr listening[INTERFACES_PREFIXES_MAX];

	if (found == NULL)
		return;
	unsigned interfaces = interfaces_list(neighbours->interfaces, found);
	for (int pass_ = 0; pass_ < 2; pass_++)
		for (unsigned i = 0; i < interfaces; i++)
			collect(addresses, listening,
				discovery_listening(neighbours, &found[i], listening),
				pass_ == 0 ? XADDR_IPV4 : XADDR_IPV6);
	free(found);
}

/* While on. */
static unsigned listening(struct neighbours *neighbours, struct xaddr *addresses_out, unsigned room)
{
	struct addresses addresses = {.out = addresses_out, .room = room};

	collect_all(neighbours, &addresses);
	/* What was named may be of no interface that takes part. */
	if (addresses.count == 0 && neighbours->address.family != 0) {
		struct xaddr named = neighbours->address;
		named.port = (uint16_t)retrieval_server_port(neighbours->server);
		collect(&addresses, &named, 1, named.family);
	}
	return addresses.count;
}

/* By which addresses others know us, those of IPv4 first. */
void told_self(struct neighbours *neighbours)
{
	struct xaddr addresses[NEIGHBOURS_ADDRESSES_MAX];
	unsigned count = listening(neighbours, addresses, NEIGHBOURS_ADDRESSES_MAX);

	seeker_self(neighbours->seeker, addresses,
		    count < NEIGHBOURS_ADDRESSES_MAX ? count : NEIGHBOURS_ADDRESSES_MAX);
}

unsigned neighbours_addresses(struct neighbours *neighbours, struct xaddr *addresses_out,
			      unsigned room)
{
	unsigned count_ = 0;

	pthread_mutex_lock(&neighbours->switching);
	if (atomic_load(&neighbours->on))
		count_ = listening(neighbours, addresses_out, room);
	pthread_mutex_unlock(&neighbours->switching);
	return count_;
}

/* Machines */

struct listing_peers {
	const struct neighbours *neighbours;
	struct seeker_peer *out;
	unsigned room, count;
};

static int list_peers(void *context)
{
	struct listing_peers *peers = context;

	peers->count =
		seeker_peers(peers->neighbours->seeker, peers->out, peers->room, loop_clock_ms());
	return 0;
}

unsigned neighbours_peers(struct neighbours *neighbours, struct seeker_peer *peers_out,
			  unsigned room)
{
	struct listing_peers peers = {.neighbours = neighbours, .out = peers_out, .room = room};

	pthread_mutex_lock(&neighbours->switching);
	if (atomic_load(&neighbours->on))
		loop_call(neighbours->options.loop, list_peers, &peers);
	pthread_mutex_unlock(&neighbours->switching);
	return peers.count;
}

/* Hosted caches */

struct listing_servers {
	struct neighbours *neighbours;
	struct neighbours_server *out;
	unsigned count;
};

static int list_servers(void *context)
{
	struct listing_servers *servers = context;
	struct neighbours *neighbours = servers->neighbours;
	struct seeker_hosted_state state;

	servers->count = neighbours_offers_servers(neighbours->offers, servers->out);
	for (unsigned i = 0; i < servers->count; i++) {
		seeker_hosted_state(neighbours->seeker, i, loop_clock_ms(), &state);
		servers->out[i].peer = state.peer;
		servers->out[i].lists = state.lists;
	}
	return 0;
}

unsigned neighbours_servers(struct neighbours *neighbours,
			    struct neighbours_server servers_out[OFFERING_SERVERS_MAX])
{
	struct listing_servers servers = {.neighbours = neighbours, .out = servers_out};

	pthread_mutex_lock(&neighbours->switching);
	if (atomic_load(&neighbours->on))
		loop_call(neighbours->options.loop, list_servers, &servers);
	pthread_mutex_unlock(&neighbours->switching);
	return servers.count;
}

static int trust(void *context)
{
	struct neighbours *neighbours = context;

	seeker_trust(neighbours->seeker);
	neighbours_offers_trust(neighbours->offers);
	neighbours_touch(neighbours);
	return 0;
}

void neighbours_trust(struct neighbours *neighbours)
{
	pthread_mutex_lock(&neighbours->switching);
	if (atomic_load(&neighbours->on))
		loop_call(neighbours->options.loop, trust, neighbours);
	pthread_mutex_unlock(&neighbours->switching);
}
