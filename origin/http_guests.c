/* SPDX-License-Identifier: BSD-2-Clause
 *
 * One that is displaced does not count any more, although its connection ends only when its thread
 * comes to it.
 */
#include "origin/http_guests.h"

#include <netinet/in.h>
#include <string.h>

void http_guests_begin(struct http_guests *guests)
{
	pthread_mutex_init(&guests->lock, NULL);
	guests->count = 0;
	TAILQ_INIT(&guests->idlers);
	for (unsigned i = 0; i < HTTP_GUEST_BUCKETS; i++)
		LIST_INIT(&guests->buckets[i]);
}

void http_guests_end(struct http_guests *guests)
{
	pthread_mutex_destroy(&guests->lock);
}

static void read_address(const struct sockaddr *source, uint8_t address_out[HTTP_GUEST_ADDRESS])
{
	memset(address_out, 0, HTTP_GUEST_ADDRESS);
	if (source->sa_family == AF_INET6) {
		memcpy(address_out, &((const struct sockaddr_in6 *)source)->sin6_addr,
		       HTTP_GUEST_ADDRESS);
	} else if (source->sa_family == AF_INET) {
		memset(address_out + 10, 0xff, 2);
		memcpy(address_out + 12, &((const struct sockaddr_in *)source)->sin_addr, 4);
	}
}

/* Whoever chooses addresses that meet in one bucket only makes his own accepting slower. */
static struct http_guest_list *bucket(struct http_guests *guests,
				      const uint8_t address[HTTP_GUEST_ADDRESS])
{
	unsigned number = 0;

	for (unsigned i = 0; i < HTTP_GUEST_ADDRESS; i++)
		number = number * 31 + address[i];
	return &guests->buckets[number % HTTP_GUEST_BUCKETS];
}

static bool same_address(const struct http_guest *one, const struct http_guest *other)
{
	return memcmp(one->address, other->address, HTTP_GUEST_ADDRESS) == 0;
}

static unsigned count_same(struct http_guests *guests, const struct http_guest *guest)
{
	const struct http_guest *at;
	unsigned count = 0;

	LIST_FOREACH (at, bucket(guests, guest->address), siblings)
		count += same_address(at, guest);
	return count;
}

static void remove_from_lists(struct http_guests *guests, struct http_guest *guest)
{
	LIST_REMOVE(guest, siblings);
	if (guest->idle)
		TAILQ_REMOVE(&guests->idlers, guest, idlers);
	guest->idle = false;
	guest->here = false;
	guests->count--;
}

/* LIKE NULL: of any address. */
static bool displace(struct http_guests *guests, const struct http_guest *like)
{
	struct http_guest *victim = guests->displace ? TAILQ_FIRST(&guests->idlers) : NULL;

	while (victim != NULL && like != NULL && !same_address(victim, like))
		victim = TAILQ_NEXT(victim, idlers);
	if (victim == NULL)
		return false;
	remove_from_lists(guests, victim);
	victim->displaced = true;
	LIST_INSERT_HEAD(victim->home, victim, siblings);
	guests->wake(victim);
	return true;
}

/* Room among those of its address is room among all. */
static bool make_room(struct http_guests *guests, const struct http_guest *guest)
{
	if (guests->most_each != 0 && count_same(guests, guest) >= guests->most_each)
		return displace(guests, guest);
	return guests->most == 0 || guests->count < guests->most || displace(guests, NULL);
}

bool http_guests_come(struct http_guests *guests, struct http_guest *guest,
		      const struct sockaddr *source)
{
	bool room;

	read_address(source, guest->address);
	pthread_mutex_lock(&guests->lock);
	room = make_room(guests, guest);
	if (room) {
		guests->count++;
		guest->here = guest->idle = true;
		LIST_INSERT_HEAD(bucket(guests, guest->address), guest, siblings);
		TAILQ_INSERT_TAIL(&guests->idlers, guest, idlers);
	}
	pthread_mutex_unlock(&guests->lock);
	return room;
}

void http_guests_set_idle(struct http_guests *guests, struct http_guest *guest, bool idle)
{
	if (!guests->displace)
		return; /* nobody asks */
	pthread_mutex_lock(&guests->lock);
	if (guest->here && guest->idle != idle) {
		if (idle)
			TAILQ_INSERT_TAIL(&guests->idlers, guest, idlers);
		else
			TAILQ_REMOVE(&guests->idlers, guest, idlers);
		guest->idle = idle;
	}
	pthread_mutex_unlock(&guests->lock);
}

void http_guests_leave(struct http_guests *guests, struct http_guest *guest)
{
	pthread_mutex_lock(&guests->lock);
	if (guest->here)
		remove_from_lists(guests, guest);
	else if (guest->displaced)
		LIST_REMOVE(guest, siblings);
	guest->displaced = false;
	pthread_mutex_unlock(&guests->lock);
}

struct http_guest *http_guests_displaced(struct http_guests *guests, struct http_guest_list *home)
{
	struct http_guest *guest;

	pthread_mutex_lock(&guests->lock);
	guest = LIST_FIRST(home);
	if (guest != NULL) {
		LIST_REMOVE(guest, siblings);
		guest->displaced = false;
	}
	pthread_mutex_unlock(&guests->lock);
	return guest;
}
