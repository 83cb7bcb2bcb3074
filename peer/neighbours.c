/* SPDX-License-Identifier: BSD-2-Clause
 *
 * On and off: the parts are made and ended on the loop thread, on behalf of a thread that waits;
 * the retrieval server, which has threads of its own, by that thread itself.
 */
#include "peer/neighbours_private.h"

#include <errno.h>
#include <event2/event.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

uint32_t neighbours_random(void *neighbours)
{
	uint32_t random = 0;

	(void)neighbours;
	RAND_bytes((unsigned char *)&random, sizeof random);
	return random;
}

/* Time */

static void set_timer(struct neighbours *neighbours, int64_t wait_ms)
{
	struct timeval wait = {wait_ms / 1000, wait_ms % 1000 * 1000};

	evtimer_add(neighbours->timer, &wait);
}

static void pass(evutil_socket_t socket, short what, void *context)
{
	struct neighbours *neighbours = context;
	int64_t now = loop_clock_ms();

	(void)socket;
	(void)what;
	neighbours->touched = false;
	blocks_give_up(neighbours);
	int64_t seeker = seeker_tick(neighbours->seeker, now);
	int64_t responder = neighbours->responder != NULL
				    ? responder_tick(neighbours->responder, now)
				    : INT64_MAX;
	int64_t due = seeker < responder ? seeker : responder;
	if (due != INT64_MAX && !neighbours->touched)
		set_timer(neighbours, due > now ? due - now : 0);
}

void neighbours_touch(struct neighbours *neighbours)
{
	if (neighbours->touched || neighbours->timer == NULL)
		return;
	neighbours->touched = true;
	set_timer(neighbours, 0);
}

void neighbours_ran(struct neighbours *neighbours)
{
	pthread_mutex_lock(&neighbours->lock);
	neighbours->running--;
	pthread_cond_broadcast(&neighbours->told);
	pthread_mutex_unlock(&neighbours->lock);
}

/* Life */

/* What `listen` named. */
static int read_address(struct neighbours *neighbours)
{
	const char *text = neighbours->options.address;
	struct xaddr address;

	neighbours->ipv4 = text == NULL || strcmp(text, "0.0.0.0") == 0;
	neighbours->ipv6 = text == NULL || strcmp(text, "[::]") == 0 || strcmp(text, "::") == 0;
	if (neighbours->ipv4 || neighbours->ipv6)
		return 0;
	int error = xaddr_read(text, strlen(text), &address);
	if (error != 0)
		return -EINVAL;
	neighbours->address = address;
	neighbours->ipv4 = address.family == XADDR_IPV4;
	neighbours->ipv6 = address.family == XADDR_IPV6;
	return 0;
}

int neighbours_create(const struct neighbours_options *options, struct neighbours **neighbours_out)
{
	struct neighbours *neighbours = calloc(1, sizeof *neighbours);

	if (neighbours == NULL)
		return -ENOMEM;
	neighbours->options = *options;
	int error = read_address(neighbours);
	if (error == 0 &&
	    RAND_bytes((unsigned char *)&neighbours->seed, sizeof neighbours->seed) != 1)
		error = -EIO;
	if (error == 0)
		error = unserved_create(neighbours->seed, &neighbours->unserved);
	if (error != 0) {
		free(neighbours);
		return error;
	}
	pthread_mutex_init(&neighbours->switching, NULL);
	pthread_mutex_init(&neighbours->lock, NULL);
	pthread_cond_init(&neighbours->told, NULL);
	LIST_INIT(&neighbours->asking);
	LIST_INIT(&neighbours->copies);
	pace_begin(&neighbours->pace, NEIGHBOURS_OCTETS, loop_clock_ms());
	for (unsigned i = 0; i < NEIGHBOURS_SOURCES; i++)
		pace_begin(&neighbours->paces[i], NEIGHBOURS_OCTETS_EACH, loop_clock_ms());
	*neighbours_out = neighbours;
	return 0;
}

void neighbours_free(struct neighbours *neighbours)
{
	if (neighbours == NULL)
		return;
	pthread_cond_destroy(&neighbours->told);
	pthread_mutex_destroy(&neighbours->lock);
	pthread_mutex_destroy(&neighbours->switching);
	unserved_free(neighbours->unserved);
	free(neighbours);
}

/* By which addresses others know us, those of IPv4 first. */
static void tell_self(struct neighbours *neighbours)
{
	struct xaddr addresses[NEIGHBOURS_ADDRESSES_MAX];
	unsigned count = neighbours_listening(neighbours, addresses, NEIGHBOURS_ADDRESSES_MAX);

	seeker_self(neighbours->seeker, addresses,
		    count < NEIGHBOURS_ADDRESSES_MAX ? count : NEIGHBOURS_ADDRESSES_MAX);
}

static void changed(void *context)
{
	struct neighbours *neighbours = context;

	if (!neighbours->live)
		return; /* not yet, or not any more */
	multicast_refresh(neighbours->multicast);
	tell_self(neighbours);
}

static int create_seeker(struct neighbours *neighbours, int64_t now)
{
	const struct seeker_options options = {
		.outlet = {.probe = discovery_probe,
			   .ask = blocks_ask,
			   .refuse = blocks_refuse,
			   .late = blocks_late,
			   .random = neighbours_random,
			   .owner = neighbours},
		.seed = neighbours->seed,
	};

	return seeker_create(&options, now, &neighbours->seeker);
}

static int create_responder(struct neighbours *neighbours, int64_t now)
{
	unsigned char random[16];

	if (RAND_bytes(random, sizeof random) != 1)
		return -EIO;
	wsd_uuid(random, neighbours->endpoint);
	uint32_t seconds = (uint32_t)time(NULL);
	neighbours->instance = seconds > neighbours->instance ? seconds : neighbours->instance + 1;
	const struct responder_options options = {
		.outlet = discovery_outlet(neighbours),
		.instance = neighbours->instance,
		.endpoint = neighbours->endpoint,
		.seed = neighbours->seed,
		.thinning = neighbours->options.thinning,
	};
	return responder_create(&options, now, &neighbours->responder);
}

static int create_sockets(struct neighbours *neighbours)
{
	const struct interfaces_options interfaces = {.loop = neighbours->options.loop,
						      .names = neighbours->options.interfaces,
						      .changed = changed,
						      .context = neighbours};
	const struct retrieval_client_options client = {.loop = neighbours->options.loop};
	struct multicast_options multicast = {.loop = neighbours->options.loop,
					      .port = neighbours->options.discovery_port,
					      .heard = discovery_heard,
					      .context = neighbours};
	int error = interfaces_create(&interfaces, &neighbours->interfaces);

	multicast.interfaces = neighbours->interfaces;
	if (error == 0)
		error = multicast_create(&multicast, &neighbours->multicast);
	if (error == 0)
		error = retrieval_client_create(&client, &neighbours->client);
	return error;
}

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

/* What it did is done only now: blocks were still being checked. */
static void count_seeker(struct neighbours *neighbours)
{
	struct seeker_counters seeker;

	if (neighbours->seeker == NULL)
		return;
	seeker_counters(neighbours->seeker, &seeker);
	add_seeker(&neighbours->before.seeker, &seeker);
	neighbours->before.seeker.alone = false;
}

/* Closes what has been made. */
static int take_apart(void *context)
{
	struct neighbours *neighbours = context;

	count_seeker(neighbours);
	discovery_end(neighbours);
	if (neighbours->timer != NULL)
		event_free(neighbours->timer);
	multicast_free(neighbours->multicast);
	interfaces_free(neighbours->interfaces);
	retrieval_client_free(neighbours->client);
	seeker_free(neighbours->seeker);
	neighbours->timer = NULL;
	neighbours->multicast = NULL;
	neighbours->interfaces = NULL;
	neighbours->client = NULL;
	neighbours->seeker = NULL;
	return 0;
}

static int make(void *context)
{
	struct neighbours *neighbours = context;
	int64_t now = loop_clock_ms();

	neighbours->touched = false;
	neighbours->timer = evtimer_new(loop_base(neighbours->options.loop), pass, neighbours);
	int error = neighbours->timer != NULL ? create_sockets(neighbours) : -ENOMEM;
	if (error == 0)
		error = create_seeker(neighbours, now);
	if (error == 0)
		error = create_responder(neighbours, now);
	if (error != 0)
		take_apart(neighbours);
	return error;
}

static bool is_welcome(void *context, const struct xaddr *source, const struct xaddr *local)
{
	struct neighbours *neighbours = context;

	return interfaces_welcome(neighbours->interfaces, source, local);
}

static void note_unserved(void *context, const struct xaddr *source, const uint8_t *id,
			  size_t id_size)
{
	struct neighbours *neighbours = context;
	struct interface own;

	if (!interfaces_owner(neighbours->interfaces, source, &own))
		unserved_note(neighbours->unserved, source, id, id_size, loop_clock_ms());
}

unsigned neighbours_unserved(struct neighbours *neighbours, const uint8_t *id, size_t id_size)
{
	return unserved_hosts(neighbours->unserved, id, id_size, loop_clock_ms());
}

static int serve(struct neighbours *neighbours, char *message, size_t message_size)
{
	const struct neighbours_options *options = &neighbours->options;
	const struct retrieval_server_options server = {
		.store = options->store,
		.pool = options->pool,
		.address = options->address,
		.port_first = options->port_first,
		.port_last = options->port_last,
		.uploads = options->uploads,
		.rate = options->upload_rate,
		.plaintext = options->plaintext,
		.welcome = options->address == NULL ? is_welcome : NULL,
		.unserved = note_unserved,
		.context = neighbours,
	};

	return retrieval_server_create(&server, &neighbours->server, message, message_size);
}

static int begin(struct neighbours *neighbours, char *message, size_t message_size)
{
	int error = loop_call(neighbours->options.loop, make, neighbours);

	if (error != 0) {
		snprintf(message, message_size, "cannot take part in discovery: %s",
			 strerror(-error));
		return error;
	}
	error = serve(neighbours, message, message_size);
	if (error != 0) {
		responder_free(neighbours->responder);
		neighbours->responder = NULL;
		loop_call(neighbours->options.loop, take_apart, neighbours);
		return error;
	}
	return 0;
}

static int begin_seeking(void *context)
{
	struct neighbours *neighbours = context;

	neighbours->live = true;
	changed(neighbours);
	pthread_mutex_lock(&neighbours->lock);
	neighbours->seeking = !neighbours->stopped;
	pthread_mutex_unlock(&neighbours->lock);
	return 0;
}

int neighbours_on(struct neighbours *neighbours, char *message, size_t message_size)
{
	int error = 0;

	pthread_mutex_lock(&neighbours->switching);
	if (!atomic_load(&neighbours->on)) {
		error = begin(neighbours, message, message_size);
		if (error == 0) {
			atomic_store(&neighbours->on, true);
			loop_call(neighbours->options.loop, begin_seeking, neighbours);
		}
	}
	pthread_mutex_unlock(&neighbours->switching);
	return error;
}

bool neighbours_are_on(const struct neighbours *neighbours)
{
	return atomic_load(&neighbours->on);
}

/* Refuses what is sought, and begins nothing more. Loop thread. */
static int end_seeking(void *context)
{
	struct neighbours *neighbours = context;

	if (neighbours->seeker == NULL)
		return 0;
	seeker_stop(neighbours->seeker, loop_clock_ms());
	blocks_end(neighbours);
	return 0;
}

static void wait_until_quiet(struct neighbours *neighbours)
{
	pthread_mutex_lock(&neighbours->lock);
	while (neighbours->running > 0)
		pthread_cond_wait(&neighbours->told, &neighbours->lock);
	pthread_mutex_unlock(&neighbours->lock);
}

/* Counters */

static void count_answers(struct neighbours *neighbours, struct neighbours_counters *counters)
{
	struct responder_counters responder;
	struct retrieval_served served;

	responder_counters(neighbours->responder, &responder);
	retrieval_server_counters(neighbours->server, &served);
	add_responder(&counters->responder, &responder);
	add_served(&counters->served, &served);
}

/* While on; loop thread. */
static void count(struct neighbours *neighbours, struct neighbours_counters *counters)
{
	struct seeker_counters seeker;

	seeker_counters(neighbours->seeker, &seeker);
	add_seeker(&counters->seeker, &seeker);
	count_answers(neighbours, counters);
	counters->deaf = multicast_deaf(neighbours->multicast);
}

struct counting {
	struct neighbours *neighbours;
	struct neighbours_counters *counters;
};

static int count_now(void *context)
{
	const struct counting *counting = context;

	count(counting->neighbours, counting->counters);
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
	counters_out->malformed = atomic_load(&neighbours->malformed);
	counters_out->strangers = atomic_load(&neighbours->strangers);
	counters_out->hash = atomic_load(&neighbours->hash);
}

/* Off */

/* Nobody asks any more, so nothing new is looked up. */
static int close_discovery(void *context)
{
	struct neighbours *neighbours = context;

	neighbours->live = false;
	count_answers(neighbours, &neighbours->before);
	responder_free(neighbours->responder);
	neighbours->responder = NULL;
	multicast_free(neighbours->multicast);
	neighbours->multicast = NULL;
	return 0;
}

void neighbours_off(struct neighbours *neighbours)
{
	pthread_mutex_lock(&neighbours->switching);
	if (atomic_exchange(&neighbours->on, false)) {
		pthread_mutex_lock(&neighbours->lock);
		neighbours->seeking = false;
		pthread_mutex_unlock(&neighbours->lock);
		loop_call(neighbours->options.loop, end_seeking, neighbours);
		loop_call(neighbours->options.loop, close_discovery, neighbours);
		retrieval_server_free(neighbours->server);
		neighbours->server = NULL;
		wait_until_quiet(neighbours);
		loop_call(neighbours->options.loop, take_apart, neighbours);
	}
	wait_until_quiet(neighbours); /* for the end of neighbours_stop() */
	pthread_mutex_unlock(&neighbours->switching);
}

static void run_stop(struct loop_task *task)
{
	struct neighbours *neighbours =
		(struct neighbours *)((char *)task - offsetof(struct neighbours, stopping));

	end_seeking(neighbours);
	neighbours_ran(neighbours);
}

void neighbours_stop(struct neighbours *neighbours)
{
	pthread_mutex_lock(&neighbours->lock);
	neighbours->seeking = false;
	if (!neighbours->stopped) {
		neighbours->stopped = true;
		neighbours->running++;
		neighbours->stopping.run = run_stop;
		loop_post(neighbours->options.loop, &neighbours->stopping);
	}
	pthread_mutex_unlock(&neighbours->lock);
}

/* What is told */

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
unsigned neighbours_listening(struct neighbours *neighbours, struct xaddr *addresses_out,
			      unsigned room)
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

unsigned neighbours_addresses(struct neighbours *neighbours, struct xaddr *addresses_out,
			      unsigned room)
{
	unsigned count_ = 0;

	pthread_mutex_lock(&neighbours->switching);
	if (atomic_load(&neighbours->on))
		count_ = neighbours_listening(neighbours, addresses_out, room);
	pthread_mutex_unlock(&neighbours->switching);
	return count_;
}

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

static int trust(void *context)
{
	struct neighbours *neighbours = context;

	seeker_trust(neighbours->seeker);
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
