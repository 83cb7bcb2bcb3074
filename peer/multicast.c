/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Which sockets there are, and when. For each interface that takes part and each family that it has
 * an address of, an ear (multicast_sockets.h); those that could not be opened are tried again by a
 * timer, and whenever the interfaces change.
 */
#include "peer/multicast.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#include "cache/log.h"
#include "peer/multicast_sockets.h"

/* Linux gives it to `lo` in every network namespace. */
#define LOOPBACK_INDEX 1u

enum { ASKER_FOUR, ASKER_SIX, ASKERS };

struct endpoint {
	struct multicast *multicast;
	struct event event;
	int fd; /* -1: not open */
	bool asker;
	/* of ears */
	unsigned interface;
	enum xaddr_family family;
};

struct multicast {
	struct multicast_options options;
	atomic_bool deaf; /* written by the loop thread */

	/* The loop thread's. */
	struct interface interfaces[INTERFACES_MAX]; /* as of the last refresh */
	unsigned interface_count;
	struct endpoint askers[ASKERS];
	struct endpoint ears[2 * INTERFACES_MAX];
	struct event retry;
	struct log_limit unheard;
	unsigned char datagram[MULTICAST_DATAGRAM_MAX];
};

/* ---- hearing ---- */

/* The interface that a datagram came by. */
static bool locate(struct multicast *multicast, const struct multicast_received *received,
		   struct interface *interface_out)
{
	struct interfaces *interfaces = multicast->options.interfaces;

	if (received->interface == LOOPBACK_INDEX && !xaddr_is_loopback(&received->source) &&
	    interfaces_owner(interfaces, &received->source, interface_out))
		return true;
	return interfaces_find(interfaces, received->interface, interface_out);
}

static void tell(struct endpoint *endpoint, const struct multicast_received *received)
{
	struct multicast *multicast = endpoint->multicast;
	struct multicast_arrival arrival = {.source = received->source};

	if (locate(multicast, received, &arrival.interface))
		multicast->options.heard(multicast->options.context, endpoint->asker, &arrival,
					 multicast->datagram, received->size);
}

static void readable(evutil_socket_t fd, short what, void *context)
{
	struct endpoint *endpoint = context;
	struct multicast_received received;
	size_t octets = 0;

	(void)what;
	for (unsigned i = 0; i < MULTICAST_PASS && octets < MULTICAST_PASS_OCTETS; i++) {
		int error = multicast_sockets_receive(fd, endpoint->multicast->datagram, &received);

		if (error == -EBADMSG)
			continue;
		if (error < 0)
			break;
		octets += received.size;
		tell(endpoint, &received);
	}
}

/* ---- sockets as there should be ---- */

static int watch(struct endpoint *endpoint, int fd)
{
	struct event_base *base = loop_base(endpoint->multicast->options.loop);

	if (fd < 0)
		return fd;
	event_assign(&endpoint->event, base, fd, EV_READ | EV_PERSIST, readable, endpoint);
	if (event_add(&endpoint->event, NULL) < 0) {
		close(fd);
		return -ENOMEM;
	}
	endpoint->fd = fd;
	return 0;
}

static void close_endpoint(struct endpoint *endpoint)
{
	if (endpoint->fd < 0)
		return;
	/* Else the events went with the loop. */
	if (loop_inside(endpoint->multicast->options.loop))
		event_del(&endpoint->event);
	close(endpoint->fd);
	endpoint->fd = -1;
}

static bool has_family(const struct interface *interface, enum xaddr_family family)
{
	return family == XADDR_IPV4 ? interface->ipv4 : interface->ipv6;
}

static struct endpoint *find_ear(struct multicast *multicast, unsigned interface,
				 enum xaddr_family family)
{
	for (unsigned i = 0; i < 2 * INTERFACES_MAX; i++) {
		struct endpoint *ear = &multicast->ears[i];

		if (ear->fd >= 0 && ear->interface == interface && ear->family == family)
			return ear;
	}
	return NULL;
}

static void close_needless(struct multicast *multicast)
{
	for (unsigned i = 0; i < 2 * INTERFACES_MAX; i++) {
		struct endpoint *ear = &multicast->ears[i];
		bool needed = false;

		for (unsigned j = 0; j < multicast->interface_count && !needed; j++)
			needed = multicast->interfaces[j].index == ear->interface &&
				 has_family(&multicast->interfaces[j], ear->family);
		if (!needed)
			close_endpoint(ear);
	}
}

static int open_ear(struct multicast *multicast, unsigned interface, enum xaddr_family family)
{
	struct endpoint *ear = multicast->ears;
	int fd;

	while (ear->fd >= 0)
		ear++; /* there is one, since all that are open are needed */
	fd = multicast_sockets_ear(family, (uint16_t)multicast->options.port, interface);
	ear->interface = interface;
	ear->family = family;
	return watch(ear, fd);
}

static void say_unheard(struct multicast *multicast, const struct interface *interface,
			enum xaddr_family family, int error)
{
	log_limited(&multicast->unheard, LOG_LEVEL_WARNING,
		    "cannot hear others by %s, IPv%d: %s; tried again from time to time",
		    interface->name, family, strerror(-error));
}

/* Said once, until it changes. */
static void set_deaf(struct multicast *multicast, bool deaf)
{
	if (atomic_load(&multicast->deaf) == deaf)
		return;
	atomic_store(&multicast->deaf, deaf);
	if (deaf)
		log_warning("another program has UDP port %u for itself, so others are not heard "
			    "and do not find this machine; end it, or make it share the port",
			    multicast->options.port);
	else
		log_info("UDP port %u is no other program's alone any more",
			 multicast->options.port);
}

/* Whether it is open at the end; *TAKEN: the port is another's. */
static bool ensure_ear(struct multicast *multicast, const struct interface *interface,
		       enum xaddr_family family, bool *taken)
{
	int error;

	if (!has_family(interface, family) || find_ear(multicast, interface->index, family) != NULL)
		return true;
	error = open_ear(multicast, interface->index, family);
	if (error == -EADDRINUSE)
		*taken = true;
	else if (error < 0)
		say_unheard(multicast, interface, family, error);
	return error == 0;
}

static void open_missing(struct multicast *multicast)
{
	unsigned pause = multicast->options.retry_ms;
	struct timeval interval = {pause / 1000, (suseconds_t)(pause % 1000) * 1000};
	bool taken = false, all = true;

	for (unsigned i = 0; i < multicast->interface_count; i++) {
		all &= ensure_ear(multicast, &multicast->interfaces[i], XADDR_IPV4, &taken);
		all &= ensure_ear(multicast, &multicast->interfaces[i], XADDR_IPV6, &taken);
	}
	set_deaf(multicast, taken);
	if (all)
		event_del(&multicast->retry);
	else if (!event_pending(&multicast->retry, EV_TIMEOUT, NULL))
		event_add(&multicast->retry, &interval);
}

static void retry(evutil_socket_t fd, short what, void *context)
{
	(void)fd;
	(void)what;
	open_missing(context);
}

void multicast_refresh(struct multicast *multicast)
{
	multicast->interface_count =
		interfaces_list(multicast->options.interfaces, multicast->interfaces);
	close_needless(multicast);
	open_missing(multicast);
}

/* ---- life ---- */

static int start(void *context)
{
	struct multicast *multicast = context;
	int four, six;

	evtimer_assign(&multicast->retry, loop_base(multicast->options.loop), retry, multicast);
	four = watch(&multicast->askers[ASKER_FOUR], multicast_sockets_asker(XADDR_IPV4));
	six = watch(&multicast->askers[ASKER_SIX], multicast_sockets_asker(XADDR_IPV6));
	if (four < 0 && six < 0)
		return four;
	multicast_refresh(multicast);
	return 0;
}

static void set_up(struct multicast *multicast, struct endpoint *endpoint, bool asker)
{
	endpoint->multicast = multicast;
	endpoint->fd = -1;
	endpoint->asker = asker;
}

int multicast_create(const struct multicast_options *options, struct multicast **multicast_out)
{
	struct multicast *multicast = calloc(1, sizeof(*multicast));
	int error;

	if (multicast == NULL)
		return -ENOMEM;
	multicast->options = *options;
	if (multicast->options.retry_ms == 0)
		multicast->options.retry_ms = MULTICAST_RETRY_MS;
	for (unsigned i = 0; i < ASKERS; i++)
		set_up(multicast, &multicast->askers[i], true);
	for (unsigned i = 0; i < 2 * INTERFACES_MAX; i++)
		set_up(multicast, &multicast->ears[i], false);
	error = loop_call(options->loop, start, multicast);
	if (error < 0)
		free(multicast);
	else
		*multicast_out = multicast;
	return error;
}

void multicast_free(struct multicast *multicast)
{
	if (multicast == NULL)
		return;
	for (unsigned i = 0; i < ASKERS; i++)
		close_endpoint(&multicast->askers[i]);
	for (unsigned i = 0; i < 2 * INTERFACES_MAX; i++)
		close_endpoint(&multicast->ears[i]);
	if (loop_inside(multicast->options.loop))
		event_del(&multicast->retry);
	free(multicast);
}

bool multicast_deaf(const struct multicast *multicast)
{
	return atomic_load(&multicast->deaf);
}

/* ---- speaking ---- */

/* The address that a question of IPv4 is asked from, or NULL: the kernel's choice might be one of
 * another interface, and then nobody there would answer. A link-local one only for want of
 * others. */
static const struct xaddr *asking_from(const struct interface *interface)
{
	const struct xaddr *found = NULL;

	for (unsigned i = 0; i < interface->prefix_count; i++) {
		const struct xaddr *own = &interface->prefixes[i].own;

		if (own->family != XADDR_IPV4)
			continue;
		if (!xaddr_is_link_local(own))
			return own;
		if (found == NULL)
			found = own;
	}
	return found;
}

static bool ask_by(struct multicast *multicast, const struct interface *interface,
		   enum xaddr_family family, const void *datagram, size_t size)
{
	const struct endpoint *asker =
		&multicast->askers[family == XADDR_IPV4 ? ASKER_FOUR : ASKER_SIX];
	struct xaddr group = multicast_sockets_group(family, (uint16_t)multicast->options.port);
	/* In IPv6 the kernel chooses among those of the interface. */
	const struct xaddr *own = family == XADDR_IPV4 ? asking_from(interface) : NULL;

	return asker->fd >= 0 && has_family(interface, family) &&
	       multicast_sockets_send(asker->fd, &group, interface->index, own, datagram, size) ==
		       0;
}

unsigned multicast_ask(struct multicast *multicast, const void *datagram, size_t size)
{
	unsigned sent = 0;

	for (unsigned i = 0; i < multicast->interface_count; i++) {
		const struct interface *interface = &multicast->interfaces[i];

		sent += ask_by(multicast, interface, XADDR_IPV4, datagram, size);
		sent += ask_by(multicast, interface, XADDR_IPV6, datagram, size);
	}
	return sent;
}

int multicast_answer(struct multicast *multicast, const struct multicast_arrival *arrival,
		     const struct xaddr *own, const void *datagram, size_t size)
{
	const struct endpoint *ear =
		find_ear(multicast, arrival->interface.index, arrival->source.family);

	if (ear == NULL)
		return -ENODEV;
	return multicast_sockets_send(ear->fd, &arrival->source, arrival->interface.index, own,
				      datagram, size);
}

/* How well OWN faces SOURCE; 0: not at all. */
static unsigned facing(const struct interface *interface, const struct nearby_prefix *prefix,
		       const struct xaddr *source)
{
	const struct nearby_interface alone = {prefix, 1, interface->loopback, interface->index};

	if (prefix->own.family != source->family)
		return 0;
	if (source->family == XADDR_IPV6 &&
	    xaddr_is_link_local(source) != xaddr_is_link_local(&prefix->own))
		return 1;
	return nearby_is_neighbour(&alone, source) ? 3 : 2;
}

bool multicast_facing(const struct multicast_arrival *arrival, struct xaddr *own_out)
{
	const struct interface *interface = &arrival->interface;
	unsigned best = 0;

	for (unsigned i = 0; i < interface->prefix_count; i++) {
		const struct nearby_prefix *prefix = &interface->prefixes[i];
		unsigned how = facing(interface, prefix, &arrival->source);

		if (how <= best)
			continue;
		best = how;
		*own_out = prefix->own;
	}
	return best > 0;
}
