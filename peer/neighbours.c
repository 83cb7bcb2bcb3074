/* SPDX-License-Identifier: BSD-2-Clause
 *
 * On and off: the parts are made and ended on the loop thread, on behalf of a thread that waits;
 * the retrieval server, which has threads of its own, by that thread itself. Which parts there are
 * depends on the sides; a change of sides is off and on again.
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
	exchanges_give_up(neighbours);
	int64_t seeker = seeker_tick(neighbours->seeker, now);
	int64_t responder = neighbours->responder != NULL
				    ? responder_tick(neighbours->responder, now)
				    : INT64_MAX;
	int64_t offers = neighbours_offers_tick(neighbours->offers, now);
	int64_t due = seeker < responder ? seeker : responder;
	if (offers < due)
		due = offers;
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

void neighbours_running(struct neighbours *neighbours)
{
	pthread_mutex_lock(&neighbours->lock);
	neighbours->running++;
	pthread_mutex_unlock(&neighbours->lock);
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
	if (error == 0)
		error = neighbours_offers_create(neighbours, &neighbours->offers);
	if (error != 0) {
		unserved_free(neighbours->unserved);
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
	neighbours_offers_free(neighbours->offers);
	unserved_free(neighbours->unserved);
	free(neighbours);
}

static void changed(void *context)
{
	struct neighbours *neighbours = context;

	if (!neighbours->live)
		return; /* not yet, or not any more */
	if (neighbours->multicast != NULL)
		multicast_refresh(neighbours->multicast);
	retrieval_client_readdressed(neighbours->client);
	told_self(neighbours);
}

static bool is_side(const struct neighbours *neighbours, unsigned side)
{
	return (atomic_load(&neighbours->sides) & side) != 0;
}

static int create_seeker(struct neighbours *neighbours, int64_t now)
{
	const struct seeker_options options = {
		.outlet = {.probe = discovery_probe,
			   .ask = exchanges_begin,
			   .refuse = blocks_refuse,
			   .late = blocks_late,
			   .random = neighbours_random,
			   .unreachable = hosted_unreachable,
			   .owner = neighbours},
		.seed = neighbours->seed,
		.hosted_only = !is_side(neighbours, NEIGHBOURS_LAN),
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
	if (error == 0 && is_side(neighbours, NEIGHBOURS_LAN))
		error = multicast_create(&multicast, &neighbours->multicast);
	if (error == 0)
		error = retrieval_client_create(&client, &neighbours->client);
	return error;
}

/* Closes what has been made. */
static int take_apart(void *context)
{
	struct neighbours *neighbours = context;

	/* What it did is done only now: blocks were still being checked. */
	told_of_seeking(neighbours, &neighbours->before);
	neighbours->before.seeker.alone = false;
	neighbours->before.offering.queued = 0;
	discovery_end(neighbours);
	neighbours_offers_end(neighbours->offers);
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
	if (error == 0 && is_side(neighbours, NEIGHBOURS_LAN))
		error = create_responder(neighbours, now);
	if (error == 0 && is_side(neighbours, NEIGHBOURS_HOSTED))
		error = neighbours_offers_begin(neighbours->offers, now);
	if (error != 0)
		take_apart(neighbours);
	return error;
}

static bool is_welcome(void *context, const struct xaddr *source, const struct xaddr *local)
{
	struct neighbours *neighbours = context;

	return interfaces_welcome(neighbours->interfaces, source, local) ||
	       neighbours_offers_welcome(neighbours->offers, source);
}

/* Of hosted caches alone one is a client, and gives only what they are to collect; and what they
 * collect they give as it came, so it never is plaintext (hosted-cache.md sections 9 and 11). */
static enum retrieval_manner choose_manner(void *context, const uint8_t *id, size_t id_size)
{
	struct neighbours *neighbours = context;

	if (!is_side(neighbours, NEIGHBOURS_HOSTED))
		return RETRIEVAL_AS_ASKED;
	if (neighbours_offers_serve(neighbours->offers, id, id_size))
		return RETRIEVAL_ENCRYPTED;
	return is_side(neighbours, NEIGHBOURS_LAN) ? RETRIEVAL_AS_ASKED : RETRIEVAL_NOT;
}

static void note_unserved(void *context, const struct xaddr *source, const uint8_t *id,
			  size_t id_size)
{
	struct neighbours *neighbours = context;
	struct interface own;

	if (!interfaces_owner(neighbours->interfaces, source, &own))
		unserved_note(neighbours->unserved, source, id, id_size, loop_clock_ms());
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
		.manner = choose_manner,
		.unserved = note_unserved,
		.context = neighbours,
	};

	return retrieval_server_create(&server, &neighbours->server, message, message_size);
}

static int begin_parts(struct neighbours *neighbours, char *message, size_t message_size)
{
	int error = loop_call(neighbours->options.loop, make, neighbours);

	if (error != 0) {
		snprintf(message, message_size, "cannot take part: %s", strerror(-error));
		return error;
	}
	error = serve(neighbours, message, message_size);
	if (error != 0) {
		responder_free(neighbours->responder);
		neighbours->responder = NULL;
		loop_call(neighbours->options.loop, take_apart, neighbours);
	}
	return error;
}

static int begin(struct neighbours *neighbours, const struct neighbours_hosted *hosted,
		 char *message, size_t message_size)
{
	if (is_side(neighbours, NEIGHBOURS_HOSTED)) {
		int error = neighbours_offers_prepare(neighbours->offers, hosted, message,
						      message_size);
		if (error != 0) {
			loop_call(neighbours->options.loop, take_apart, neighbours);
			return error;
		}
	}
	return begin_parts(neighbours, message, message_size);
}

static int begin_seeking(void *context)
{
	struct neighbours *neighbours = context;

	neighbours->live = true;
	neighbours_offers_open(neighbours->offers,
			       (uint16_t)retrieval_server_port(neighbours->server));
	changed(neighbours);
	pthread_mutex_lock(&neighbours->lock);
	neighbours->seeking = !neighbours->stopped;
	pthread_mutex_unlock(&neighbours->lock);
	return 0;
}

bool neighbours_are_on(const struct neighbours *neighbours)
{
	return atomic_load(&neighbours->on);
}

unsigned neighbours_sides(const struct neighbours *neighbours)
{
	return neighbours_are_on(neighbours) ? atomic_load(&neighbours->sides) : 0;
}

/* Refuses what is sought, and begins nothing more. Loop thread. */
static int end_seeking(void *context)
{
	struct neighbours *neighbours = context;

	if (neighbours->seeker == NULL)
		return 0;
	seeker_stop(neighbours->seeker, loop_clock_ms());
	exchanges_end(neighbours);
	return 0;
}

static void wait_until_quiet(struct neighbours *neighbours)
{
	pthread_mutex_lock(&neighbours->lock);
	while (neighbours->running > 0)
		pthread_cond_wait(&neighbours->told, &neighbours->lock);
	pthread_mutex_unlock(&neighbours->lock);
}

/* Off */

/* Nobody asks any more, so nothing new is looked up. */
static int close_discovery(void *context)
{
	struct neighbours *neighbours = context;

	neighbours->live = false;
	told_of_answers(neighbours, &neighbours->before);
	neighbours_offers_stop(neighbours->offers, loop_clock_ms());
	responder_free(neighbours->responder);
	neighbours->responder = NULL;
	multicast_free(neighbours->multicast);
	neighbours->multicast = NULL;
	return 0;
}

static void off(struct neighbours *neighbours)
{
	if (!atomic_exchange(&neighbours->on, false))
		return;
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

void neighbours_off(struct neighbours *neighbours)
{
	pthread_mutex_lock(&neighbours->switching);
	off(neighbours);
	wait_until_quiet(neighbours); /* for the end of neighbours_stop() */
	pthread_mutex_unlock(&neighbours->switching);
}

static bool is_on_so(struct neighbours *neighbours, unsigned sides,
		     const struct neighbours_hosted *hosted)
{
	return atomic_load(&neighbours->on) && atomic_load(&neighbours->sides) == sides &&
	       ((sides & NEIGHBOURS_HOSTED) == 0 ||
		neighbours_offers_are_to(neighbours->offers, hosted));
}

static int on(struct neighbours *neighbours, unsigned sides, const struct neighbours_hosted *hosted,
	      char *message, size_t message_size)
{
	atomic_store(&neighbours->sides, sides);
	int error = begin(neighbours, hosted, message, message_size);
	if (error != 0)
		return error;
	atomic_store(&neighbours->on, true);
	loop_call(neighbours->options.loop, begin_seeking, neighbours);
	/* Or what is read at once would come from the origin. */
	if ((sides & NEIGHBOURS_HOSTED) != 0)
		neighbours_offers_await(neighbours->offers);
	return 0;
}

int neighbours_on(struct neighbours *neighbours, unsigned sides,
		  const struct neighbours_hosted *hosted, char *message, size_t message_size)
{
	int error = 0;

	pthread_mutex_lock(&neighbours->switching);
	if (!is_on_so(neighbours, sides, hosted)) {
		off(neighbours);
		error = on(neighbours, sides, hosted, message, message_size);
	}
	pthread_mutex_unlock(&neighbours->switching);
	return error;
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
