/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The list is made anew each time (gather), compared with the one that is there, and takes its
 * place if it differs. A reading that fails, or that a change went through, is done again after the
 * same pause; until then what was known stays.
 */
#include "peer/interfaces.h"

#include <errno.h>
#include <net/if.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#include "cache/log.h"
#include "peer/interfaces_choice.h"
#include "peer/interfaces_netlink.h"

_Static_assert(INTERFACES_NAME_SIZE == IF_NAMESIZE, "names of interfaces fit");

/* Our choice: before the first reading is left to the timer. */
#define FIRST_TRIES 8u

struct interfaces {
	struct interfaces_options options;
	/* The loop thread's. */
	int fd;
	struct event hint, settled;
	struct log_limit too_many, unreadable;

	pthread_mutex_t lock;
	/* guarded by lock; written by the loop thread only */
	struct interface list[INTERFACES_MAX];
	unsigned count;
};

/* ---- reading ---- */

struct candidate {
	struct interface interface; /* first */
	unsigned preferred;         /* of its prefixes, the first ones */
};

struct gathering {
	const char *const *names;
	struct candidate *candidates;
	size_t count, room;
};

static int make_room(struct gathering *gathering)
{
	size_t room = gathering->room > 0 ? 2 * gathering->room : 8;
	struct candidate *candidates;

	if (gathering->count < gathering->room)
		return 0;
	candidates = reallocarray(gathering->candidates, room, sizeof(*candidates));
	if (candidates == NULL)
		return -ENOMEM;
	gathering->candidates = candidates;
	gathering->room = room;
	return 0;
}

static int gather_link(void *context, const struct interfaces_link *link)
{
	struct gathering *gathering = context;
	struct candidate *candidate;

	if (!interfaces_choice(link, gathering->names))
		return 0;
	if (make_room(gathering) < 0)
		return -ENOMEM;
	candidate = &gathering->candidates[gathering->count++];
	memset(candidate, 0, sizeof(*candidate)); /* padding too: lists are compared as octets */
	candidate->interface.index = link->index;
	memcpy(candidate->interface.name, link->name, sizeof(link->name));
	candidate->interface.loopback = (link->flags & IFF_LOOPBACK) != 0;
	return 0;
}

static void add_address(struct candidate *candidate, const struct interfaces_address *address)
{
	struct interface *interface = &candidate->interface;
	unsigned place = address->deprecated ? interface->prefix_count : candidate->preferred;

	if (interface->prefix_count == INTERFACES_PREFIXES_MAX)
		return;
	memmove(&interface->prefixes[place + 1], &interface->prefixes[place],
		(interface->prefix_count - place) * sizeof(*interface->prefixes));
	memcpy(&interface->prefixes[place], &address->prefix, sizeof(address->prefix));
	interface->prefix_count++;
	candidate->preferred += !address->deprecated;
	interface->ipv4 |= address->prefix.own.family == XADDR_IPV4;
	interface->ipv6 |= address->prefix.own.family == XADDR_IPV6;
}

static int gather_address(void *context, const struct interfaces_address *address)
{
	struct gathering *gathering = context;

	for (size_t i = 0; i < gathering->count; i++) {
		if (gathering->candidates[i].interface.index != address->index)
			continue;
		add_address(&gathering->candidates[i], address);
		break;
	}
	return 0;
}

static int compare_indexes(const void *one, const void *other)
{
	unsigned first = ((const struct interface *)one)->index;
	unsigned second = ((const struct interface *)other)->index;

	return (first > second) - (first < second);
}

static int gather(const char *const *names, struct gathering *gathering_out)
{
	struct gathering gathering = {.names = names};
	struct interfaces_reader reader = {gather_link, gather_address, &gathering};
	int error = interfaces_netlink_read(&reader);

	if (error < 0) {
		free(gathering.candidates);
		return error;
	}
	if (gathering.count > 0)
		qsort(gathering.candidates, gathering.count, sizeof(*gathering.candidates),
		      compare_indexes);
	*gathering_out = gathering;
	return 0;
}

/* Those with an address; returns how many. */
static unsigned keep_addressed(struct interfaces *interfaces, const struct gathering *gathering,
			       struct interface *list)
{
	unsigned count = 0;

	for (size_t i = 0; i < gathering->count; i++) {
		const struct interface *interface = &gathering->candidates[i].interface;

		if (interface->prefix_count == 0)
			continue;
		if (count == INTERFACES_MAX) {
			log_limited(&interfaces->too_many, LOG_LEVEL_WARNING,
				    "more than %u network interfaces: %s and others are not used; "
				    "name those that matter (interface=)",
				    INTERFACES_MAX, interface->name);
			break;
		}
		memcpy(&list[count++], interface, sizeof(*interface));
	}
	return count;
}

/* Whether it is another list than before. */
static bool replace(struct interfaces *interfaces, const struct interface *list, unsigned count)
{
	bool differs = count != interfaces->count ||
		       memcmp(list, interfaces->list, count * sizeof(*list)) != 0;

	if (!differs)
		return false;
	pthread_mutex_lock(&interfaces->lock);
	memcpy(interfaces->list, list, count * sizeof(*list));
	interfaces->count = count;
	pthread_mutex_unlock(&interfaces->lock);
	return true;
}

static int read_anew(struct interfaces *interfaces, bool *changed_out)
{
	struct interface *list = calloc(INTERFACES_MAX, sizeof(*list));
	struct gathering gathering = {0};
	int error = list != NULL ? gather(interfaces->options.names, &gathering) : -ENOMEM;

	if (error == 0) {
		unsigned count = keep_addressed(interfaces, &gathering, list);

		*changed_out = replace(interfaces, list, count);
		free(gathering.candidates);
	}
	free(list);
	return error;
}

/* ---- on the loop ---- */

static void read_soon(struct interfaces *interfaces)
{
	const struct timeval pause = {.tv_usec = INTERFACES_SETTLE_MS * 1000};

	if (!event_pending(&interfaces->settled, EV_TIMEOUT, NULL))
		event_add(&interfaces->settled, &pause);
}

static void hinted(evutil_socket_t fd, short what, void *context)
{
	(void)what;
	if (interfaces_netlink_drain(fd))
		read_soon(context);
}

static void settled(evutil_socket_t fd, short what, void *context)
{
	struct interfaces *interfaces = context;
	bool changed = false;
	int error = read_anew(interfaces, &changed);

	(void)fd;
	(void)what;
	if (error < 0)
		read_soon(interfaces);
	if (error < 0 && error != -EINTR)
		log_limited(&interfaces->unreadable, LOG_LEVEL_WARNING,
			    "cannot read the network interfaces: %s; those known stay",
			    strerror(-error));
	if (changed && interfaces->options.changed != NULL)
		interfaces->options.changed(interfaces->options.context);
}

/* Watching begins first, so that no change is missed in between. */
static int start(void *context)
{
	struct interfaces *interfaces = context;
	int error = -EINTR;
	bool changed;

	interfaces->fd = interfaces_netlink_watch();
	if (interfaces->fd < 0)
		return interfaces->fd;
	for (unsigned i = 0; i < FIRST_TRIES && error == -EINTR; i++)
		error = read_anew(interfaces, &changed);
	if (error < 0 && error != -EINTR)
		return error;
	evtimer_assign(&interfaces->settled, loop_base(interfaces->options.loop), settled,
		       interfaces);
	event_assign(&interfaces->hint, loop_base(interfaces->options.loop), interfaces->fd,
		     EV_READ | EV_PERSIST, hinted, interfaces);
	if (event_add(&interfaces->hint, NULL) < 0)
		return -ENOMEM;
	if (error < 0)
		read_soon(interfaces);
	return 0;
}

static void dispose(struct interfaces *interfaces)
{
	if (interfaces->fd >= 0)
		close(interfaces->fd);
	pthread_mutex_destroy(&interfaces->lock);
	free(interfaces);
}

int interfaces_create(const struct interfaces_options *options, struct interfaces **interfaces_out)
{
	struct interfaces *interfaces = calloc(1, sizeof(*interfaces));
	int error;

	if (interfaces == NULL)
		return -ENOMEM;
	interfaces->options = *options;
	interfaces->fd = -1;
	pthread_mutex_init(&interfaces->lock, NULL);
	error = loop_call(options->loop, start, interfaces);
	if (error < 0)
		dispose(interfaces);
	else
		*interfaces_out = interfaces;
	return error;
}

void interfaces_free(struct interfaces *interfaces)
{
	if (interfaces == NULL)
		return;
	/* Else the events went with the loop. */
	if (loop_inside(interfaces->options.loop)) {
		event_del(&interfaces->hint);
		event_del(&interfaces->settled);
	}
	dispose(interfaces);
}

/* ---- asked by anybody ---- */

unsigned interfaces_list(struct interfaces *interfaces, struct interface found_out[INTERFACES_MAX])
{
	unsigned count;

	pthread_mutex_lock(&interfaces->lock);
	count = interfaces->count;
	memcpy(found_out, interfaces->list, count * sizeof(*found_out));
	pthread_mutex_unlock(&interfaces->lock);
	return count;
}

bool interfaces_find(struct interfaces *interfaces, unsigned index, struct interface *found_out)
{
	bool found = false;

	pthread_mutex_lock(&interfaces->lock);
	for (unsigned i = 0; i < interfaces->count && !found; i++) {
		found = interfaces->list[i].index == index;
		if (found)
			*found_out = interfaces->list[i];
	}
	pthread_mutex_unlock(&interfaces->lock);
	return found;
}

bool interfaces_owner(struct interfaces *interfaces, const struct xaddr *own,
		      struct interface *found_out)
{
	bool found = false;

	pthread_mutex_lock(&interfaces->lock);
	for (unsigned i = 0; i < interfaces->count && !found; i++) {
		struct nearby_interface nearby = interfaces_nearby(&interfaces->list[i]);

		found = nearby_is_own(&nearby, own);
		if (found)
			*found_out = interfaces->list[i];
	}
	pthread_mutex_unlock(&interfaces->lock);
	return found;
}

struct nearby_interface interfaces_nearby(const struct interface *interface)
{
	return (struct nearby_interface){interface->prefixes, interface->prefix_count,
					 interface->loopback, interface->index};
}

bool interfaces_welcome(struct interfaces *interfaces, const struct xaddr *source,
			const struct xaddr *local)
{
	bool welcome = false;

	pthread_mutex_lock(&interfaces->lock);
	for (unsigned i = 0; i < interfaces->count && !welcome; i++) {
		struct nearby_interface nearby = interfaces_nearby(&interfaces->list[i]);

		/* One address may be that of several interfaces. */
		welcome = nearby_is_own(&nearby, local) &&
			  (nearby_is_neighbour(&nearby, source) || nearby_is_own(&nearby, source));
	}
	pthread_mutex_unlock(&interfaces->lock);
	return welcome;
}
