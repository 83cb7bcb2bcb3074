/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Datagrams of discovery, to and from: who may be listened to (discovery.md sections 7 and 8), and
 * to whom it is passed on. Loop thread.
 */
#include "peer/neighbours_private.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "cache/store_segment.h"
#include "peer/backoff.h"

/* Who may speak */

/* One source's flood is not to use up what there is for all; sources that share a budget by chance
 * share its limit. */
static bool may_be_read(struct neighbours *neighbours, const struct xaddr *source, size_t size)
{
	int64_t now = loop_clock_ms();
	uint64_t hash = neighbours->seed;
	unsigned delay_ms; /* nothing waits: what comes within the burst is read at once */

	for (size_t i = 0; i < sizeof source->octets; i++)
		hash = (hash ^ source->octets[i]) * 0x100000001b3ull;
	return pace_book(&neighbours->paces[(hash >> 32) % NEIGHBOURS_SOURCES], (uint32_t)size,
			 NEIGHBOURS_BURST_MS, now, &delay_ms) &&
	       pace_book(&neighbours->pace, (uint32_t)size, NEIGHBOURS_BURST_MS, now, &delay_ms);
}

static bool is_near(const struct multicast_arrival *arrival)
{
	struct nearby_interface nearby = interfaces_nearby(&arrival->interface);

	return nearby_is_neighbour(&nearby, &arrival->source) ||
	       nearby_is_own(&nearby, &arrival->source);
}

/* Questions of others */

static void hear_probe(struct neighbours *neighbours, const struct multicast_arrival *arrival,
		       struct wsd_message *message)
{
	struct nearby_interface nearby = interfaces_nearby(&arrival->interface);
	int64_t now = loop_clock_ms();

	if (seeker_is_ours(neighbours->seeker, message->message_id)) {
		wsd_free(message);
		return;
	}
	/* Another one of this machine draws the same lots. */
	if (!nearby_is_own(&nearby, &arrival->source))
		seeker_heard(neighbours->seeker, message->probe, &arrival->source, now);
	responder_hears(neighbours->responder, arrival, message, now);
}

struct looking {
	struct pool_job job;
	struct loop_task task;
	struct neighbours *neighbours;
	struct responder_lookup *lookup;
	const struct wsd_probe *probe;
	struct responder_holding holdings[WSD_SEGMENTS_MAX];
};

static void tell_found(struct loop_task *task)
{
	struct looking *looking = (struct looking *)((char *)task - offsetof(struct looking, task));
	struct neighbours *neighbours = looking->neighbours;

	responder_found(looking->lookup, looking->holdings, loop_clock_ms());
	free(looking);
	neighbours_touch(neighbours);
	neighbours_ran(neighbours);
}

static void look(struct pool_job *job)
{
	struct looking *looking = (struct looking *)job;
	struct neighbours *neighbours = looking->neighbours;

	for (unsigned i = 0; i < looking->probe->count; i++) {
		const struct wsd_id *id = &looking->probe->ids[i];
		struct store_segment_summary summary;
		if (store_segment_look(neighbours->options.store, id->octets, id->size, &summary) ==
		    0)
			looking->holdings[i] = (struct responder_holding){
				summary.held, summary.blocks, summary.age_ms};
	}
	loop_post(neighbours->options.loop, &looking->task);
}

static void look_up(void *owner, struct responder_lookup *lookup, const struct wsd_probe *probe)
{
	static const struct responder_holding nothing[WSD_SEGMENTS_MAX];
	struct neighbours *neighbours = owner;
	struct looking *looking = calloc(1, sizeof *looking);

	if (looking == NULL) {
		responder_found(lookup, nothing, loop_clock_ms());
		return;
	}
	looking->job.run = look;
	looking->task.run = tell_found;
	looking->neighbours = neighbours;
	looking->lookup = lookup;
	looking->probe = probe;
	pthread_mutex_lock(&neighbours->lock);
	neighbours->running++;
	pthread_mutex_unlock(&neighbours->lock);
	pool_submit(neighbours->options.pool, POOL_READER, &looking->job);
}

static void send_answer(void *owner, const struct multicast_arrival *arrival,
			const struct xaddr *own, const void *datagram, size_t size)
{
	struct neighbours *neighbours = owner;

	(void)multicast_answer(neighbours->multicast, arrival, own, datagram, size);
}

/* From which of our addresses to answer: the one that faces the asker, unless only others are
 * listened on. */
static bool choose_own(const struct multicast_arrival *arrival, const struct xaddr *listening,
		       unsigned count, struct xaddr *own_out)
{
	bool link_local = xaddr_is_link_local(&arrival->source), found = false;

	if (multicast_facing(arrival, own_out)) {
		found = true;
		for (unsigned i = 0; i < count; i++)
			if (xaddr_same_host(&listening[i], own_out))
				return true;
	}
	for (int any = 0; any < 2; any++)
		for (unsigned i = 0; i < count; i++)
			if (listening[i].family == arrival->source.family &&
			    (any || xaddr_is_link_local(&listening[i]) == link_local)) {
				*own_out = listening[i];
				return true;
			}
	return found;
}

static unsigned announce(void *owner, enum wsd_form form, const struct multicast_arrival *arrival,
			 struct xaddr *own_out, struct xaddr announced_out[NEARBY_ANNOUNCED_MAX])
{
	struct xaddr listening[INTERFACES_PREFIXES_MAX];
	unsigned count = discovery_listening(owner, &arrival->interface, listening);

	if (!choose_own(arrival, listening, count, own_out))
		return 0;
	return nearby_announce(form, own_out, listening, count, announced_out);
}

static struct thinning thinning(void *owner, const struct wsd_id *id)
{
	struct neighbours *neighbours = owner;

	return seeker_thinning(neighbours->seeker, id->octets, id->size);
}

/* Another one of this machine is no other machine. */
static void note_unserved(void *owner, const struct multicast_arrival *arrival,
			  const struct wsd_id *id)
{
	struct neighbours *neighbours = owner;
	struct nearby_interface nearby = interfaces_nearby(&arrival->interface);

	if (!nearby_is_own(&nearby, &arrival->source))
		unserved_note(neighbours->unserved, &arrival->source, id->octets, id->size,
			      loop_clock_ms());
}

struct responder_outlet discovery_outlet(struct neighbours *neighbours)
{
	return (struct responder_outlet){
		.look_up = look_up,
		.send = send_answer,
		.announce = announce,
		.thinning = thinning,
		.unserved = note_unserved,
		.random = neighbours_random,
		.owner = neighbours,
	};
}

/* Answers to ours */

static bool is_ours(const struct neighbours *neighbours, const struct nearby_interface *nearby,
		    const struct xaddr *address)
{
	return address->port == retrieval_server_port(neighbours->server) &&
	       nearby_is_own(nearby, address);
}

/* Those of MATCH's addresses that may be asked, IPv4 first, since its users need no zone. */
static unsigned take_addresses(const struct neighbours *neighbours,
			       const struct multicast_arrival *arrival,
			       const struct wsd_match *match,
			       struct xaddr servers_out[WSD_ADDRESSES_MAX])
{
	struct nearby_interface nearby = interfaces_nearby(&arrival->interface);
	unsigned count = 0;

	for (int family = 0; family < 2; family++)
		for (unsigned i = 0; i < match->address_count; i++) {
			struct xaddr address = match->addresses[i];
			if ((address.family == XADDR_IPV4) != (family == 0))
				continue;
			if (address.family == XADDR_IPV6 && xaddr_is_link_local(&address))
				address.zone = arrival->interface.index;
			if (nearby_may_use(&nearby, &arrival->source, &address) &&
			    !is_ours(neighbours, &nearby, &address))
				servers_out[count++] = address;
		}
	return count;
}

static struct neighbours_machine *machine_of(struct neighbours *neighbours, const char *endpoint,
					     const struct wsd_probe *probe)
{
	uint64_t name = XXH3_64bits_withSeed(endpoint, strlen(endpoint), neighbours->seed);
	name = XXH3_64bits_withSeed(probe->message_id, strlen(probe->message_id), name);
	struct neighbours_machine *machine = &neighbours->machines[name % NEIGHBOURS_MACHINES];

	if (machine->name != name)
		*machine = (struct neighbours_machine){.name = name};
	return machine;
}

/* One machine that answers a Probe by both families is asked by IPv4, and by IPv6 only while it is
 * put out there. Whether to use the answer that names SERVER. */
static bool is_to_be_used(struct neighbours *neighbours, const char *endpoint,
			  const struct wsd_probe *probe, const struct xaddr *server)
{
	struct neighbours_machine *machine = machine_of(neighbours, endpoint, probe);

	if (server->family == XADDR_IPV6) {
		machine->ipv6 = *server;
		return machine->ipv4.family == 0 ||
		       seeker_is_out(neighbours->seeker, &machine->ipv4);
	}
	machine->ipv4 = *server;
	if (machine->ipv6.family != 0 && !seeker_is_out(neighbours->seeker, server))
		seeker_retire(neighbours->seeker, &machine->ipv6, loop_clock_ms());
	return true;
}

static void hear_match(struct neighbours *neighbours, const struct multicast_arrival *arrival,
		       const struct wsd_probe *probe, const struct wsd_match *match)
{
	struct xaddr servers[WSD_ADDRESSES_MAX];

	if (match->endpoint != NULL && strcmp(match->endpoint, neighbours->endpoint) == 0)
		return;
	unsigned count = take_addresses(neighbours, arrival, match, servers);
	if (count > 0 && (match->endpoint == NULL ||
			  is_to_be_used(neighbours, match->endpoint, probe, &servers[0])))
		seeker_answer(neighbours->seeker, probe, &arrival->source, servers, count,
			      match->claims, match->claim_count, loop_clock_ms());
}

static void hear_answer(struct neighbours *neighbours, const struct multicast_arrival *arrival,
			const struct wsd_message *message)
{
	const struct wsd_probe *probe = seeker_probe(neighbours->seeker, message->relates_to);
	struct wsd_matches *matches;

	if (probe == NULL)
		return; /* too late */
	int error = wsd_read_matches(message, probe, &matches);
	if (error == -EBADMSG)
		atomic_fetch_add(&neighbours->malformed, 1);
	if (error != 0)
		return;
	for (unsigned i = 0; i < matches->count; i++)
		hear_match(neighbours, arrival, probe, &matches->matches[i]);
	free(matches);
}

void discovery_heard(void *context, bool answer, const struct multicast_arrival *arrival,
		     const void *datagram, size_t size)
{
	struct neighbours *neighbours = context;
	struct wsd_message *message;

	if (!neighbours->live)
		return;
	if (!is_near(arrival)) {
		atomic_fetch_add(&neighbours->strangers, 1);
		return;
	}
	if (!may_be_read(neighbours, &arrival->source, size))
		return;
	int error = wsd_read(datagram, size, &message);
	if (error == -EBADMSG)
		atomic_fetch_add(&neighbours->malformed, 1);
	if (error != 0)
		return;
	if (!answer && message->kind == WSD_PROBE) {
		hear_probe(neighbours, arrival, message);
	} else {
		if (answer && message->kind == WSD_ANSWER)
			hear_answer(neighbours, arrival, message);
		wsd_free(message);
	}
	neighbours_touch(neighbours);
}

/* Our own questions */

/* A Probe that is to be sent once more. */
struct neighbours_copy {
	LIST_ENTRY(neighbours_copy) in_list;
	struct neighbours *neighbours;
	struct event *timer;
	size_t size;
	unsigned char datagram[];
};

static void free_copy(struct neighbours_copy *copy)
{
	LIST_REMOVE(copy, in_list);
	event_free(copy->timer);
	free(copy);
}

static void send_copy(evutil_socket_t socket, short what, void *context)
{
	struct neighbours_copy *copy = context;

	(void)socket;
	(void)what;
	if (copy->neighbours->multicast != NULL)
		multicast_ask(copy->neighbours->multicast, copy->datagram, copy->size);
	free_copy(copy);
}

/* Without memory once is enough. */
static void send_again(struct neighbours *neighbours, size_t size)
{
	unsigned wait_ms = backoff_copy_ms(neighbours_random(NULL));
	struct timeval wait = {0, wait_ms * 1000};
	struct neighbours_copy *copy = malloc(sizeof *copy + size);

	if (copy == NULL)
		return;
	copy->neighbours = neighbours;
	copy->size = size;
	memcpy(copy->datagram, neighbours->datagram, size);
	copy->timer = evtimer_new(loop_base(neighbours->options.loop), send_copy, copy);
	if (copy->timer == NULL) {
		free(copy);
		return;
	}
	LIST_INSERT_HEAD(&neighbours->copies, copy, in_list);
	evtimer_add(copy->timer, &wait);
}

void discovery_probe(void *owner, const struct wsd_probe *probe)
{
	struct neighbours *neighbours = owner;
	size_t size;

	if (neighbours->multicast == NULL ||
	    wsd_write_probe(probe, neighbours->datagram, sizeof neighbours->datagram, &size) != 0)
		return;
	multicast_ask(neighbours->multicast, neighbours->datagram, size);
	send_again(neighbours, size);
}

void discovery_end(struct neighbours *neighbours)
{
	struct neighbours_copy *copy;

	while ((copy = LIST_FIRST(&neighbours->copies)) != NULL)
		free_copy(copy);
}
