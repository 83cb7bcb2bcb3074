/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Nothing happens by itself: a list is brought to the present when it is touched.
 */
#include "peer/servers.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "peer/recent.h"

#define ROOM_FIRST 4u /* servers; then twice as many each time */

struct server {
	struct xaddr address;
	int64_t until_ms;
};

struct list {
	struct server *servers; /* the most recently used first */
	uint32_t count, room;
	int64_t empty_since_ms; /* while COUNT is 0 */
};

struct servers {
	struct servers_limits limits;
	struct recent *segments;
	struct list lists[]; /* by slot */
};

int servers_create(const struct servers_limits *limits, uint64_t seed, struct servers **servers_out)
{
	struct servers *servers =
		calloc(1, sizeof(*servers) + (size_t)limits->lists * sizeof(struct list));

	assert(limits->lists > 0 && limits->per_list > 0);
	if (servers == NULL)
		return -ENOMEM;
	if (recent_create(limits->lists, seed, &servers->segments) != 0) {
		free(servers);
		return -ENOMEM;
	}
	servers->limits = *limits;
	*servers_out = servers;
	return 0;
}

void servers_free(struct servers *servers)
{
	if (servers == NULL)
		return;
	for (uint32_t i = 0; i < servers->limits.lists; i++)
		free(servers->lists[i].servers);
	recent_free(servers->segments);
	free(servers);
}

/* A slot's list as it is at first. */
static void list_clear(struct list *list, int64_t now_ms)
{
	free(list->servers);
	*list = (struct list){.empty_since_ms = now_ms};
}

/* Lets go what has lived its time; the list is empty from when the last server went. */
static void list_age(struct list *list, int64_t now_ms)
{
	int64_t last_ms = INT64_MIN;
	uint32_t kept = 0;

	if (list->count == 0)
		return;
	for (uint32_t i = 0; i < list->count; i++) {
		if (list->servers[i].until_ms > last_ms)
			last_ms = list->servers[i].until_ms;
		if (list->servers[i].until_ms > now_ms)
			list->servers[kept++] = list->servers[i];
	}
	list->count = kept;
	if (kept == 0)
		list->empty_since_ms = last_ms;
}

static void list_front(struct list *list, uint32_t place)
{
	struct server server = list->servers[place];

	memmove(list->servers + 1, list->servers, place * sizeof(server));
	list->servers[0] = server;
}

static uint32_t list_find(const struct list *list, const struct xaddr *address)
{
	uint32_t place = 0;

	while (place < list->count && !xaddr_same(&list->servers[place].address, address))
		place++;
	return place;
}

static int list_grow(struct list *list, uint32_t most)
{
	uint32_t room = list->room == 0 ? ROOM_FIRST : list->room * 2;
	struct server *grown;

	if (list->count < list->room || list->room == most)
		return 0;
	if (room > most)
		room = most;
	grown = reallocarray(list->servers, room, sizeof(*grown));
	if (grown == NULL)
		return -ENOMEM;
	list->servers = grown;
	list->room = room;
	return 0;
}

/* The slot of a segment's list as it is now, or RECENT_NONE. */
static uint32_t find(struct servers *servers, const uint8_t *id, size_t id_size, int64_t now_ms)
{
	uint32_t slot = recent_find(servers->segments, id, id_size);
	struct list *list;

	if (slot == RECENT_NONE)
		return slot;
	list = &servers->lists[slot];
	list_age(list, now_ms);
	if (list->count > 0 || now_ms - list->empty_since_ms < servers->limits.empty_ms)
		return slot;
	list_clear(list, now_ms);
	recent_forget(servers->segments, slot);
	return RECENT_NONE;
}

/* Likewise, made if there is none. */
static struct list *find_or_make(struct servers *servers, const uint8_t *id, size_t id_size,
				 int64_t now_ms)
{
	bool fresh;
	uint32_t slot;

	find(servers, id, id_size, now_ms);
	slot = recent_use(servers->segments, id, id_size, &fresh);
	if (fresh)
		list_clear(&servers->lists[slot], now_ms);
	return &servers->lists[slot];
}

enum servers_answer servers_look(struct servers *servers, const uint8_t *id, size_t id_size,
				 int64_t now_ms, struct xaddr *found_out, unsigned room,
				 unsigned *count_out)
{
	uint32_t slot = find(servers, id, id_size, now_ms);
	const struct list *list;
	unsigned count = 0;
	bool fresh;

	if (slot != RECENT_NONE)
		recent_use(servers->segments, id, id_size, &fresh);
	list = slot != RECENT_NONE ? &servers->lists[slot] : NULL;
	for (; list != NULL && count < list->count && count < room; count++)
		found_out[count] = list->servers[count].address;
	*count_out = count;
	if (list == NULL)
		return SERVERS_UNKNOWN;
	return list->count > 0 ? SERVERS_FOUND : SERVERS_NOBODY;
}

void servers_begin(struct servers *servers, const uint8_t *id, size_t id_size, int64_t now_ms)
{
	find_or_make(servers, id, id_size, now_ms);
}

int servers_add(struct servers *servers, const uint8_t *id, size_t id_size,
		const struct xaddr *server, int64_t now_ms, bool *fresh_out)
{
	struct list *list = find_or_make(servers, id, id_size, now_ms);
	uint32_t place = list_find(list, server);
	bool fresh = place == list->count;

	if (fresh) {
		int error = list_grow(list, servers->limits.per_list);

		if (error != 0)
			return error;
		if (list->count < list->room)
			list->count++;
		place = list->count - 1; /* free, or the least recently used one's */
	}
	list->servers[place] = (struct server){*server, now_ms + servers->limits.found_ms};
	list_front(list, place);
	*fresh_out = fresh;
	return 0;
}

void servers_used(struct servers *servers, const uint8_t *id, size_t id_size,
		  const struct xaddr *server, int64_t now_ms)
{
	uint32_t slot = find(servers, id, id_size, now_ms), place;
	bool fresh;

	if (slot == RECENT_NONE)
		return;
	recent_use(servers->segments, id, id_size, &fresh);
	place = list_find(&servers->lists[slot], server);
	if (place < servers->lists[slot].count)
		list_front(&servers->lists[slot], place);
}

void servers_drop(struct servers *servers, const uint8_t *id, size_t id_size,
		  const struct xaddr *server, int64_t now_ms)
{
	uint32_t slot = find(servers, id, id_size, now_ms), place;
	struct list *list;

	if (slot == RECENT_NONE)
		return;
	list = &servers->lists[slot];
	place = list_find(list, server);
	if (place == list->count)
		return;
	list->count--;
	memmove(list->servers + place, list->servers + place + 1,
		(list->count - place) * sizeof(*list->servers));
	if (list->count == 0)
		list->empty_since_ms = now_ms;
}

void servers_forget(struct servers *servers, const uint8_t *id, size_t id_size)
{
	uint32_t slot = recent_find(servers->segments, id, id_size);

	if (slot == RECENT_NONE)
		return;
	list_clear(&servers->lists[slot], 0);
	recent_forget(servers->segments, slot);
}
