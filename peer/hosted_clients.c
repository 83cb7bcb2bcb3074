/* SPDX-License-Identifier: BSD-2-Clause */
#include "peer/hosted_clients.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "peer/recent.h"

struct hosted_clients {
	struct recent *recent;
	uint64_t turn;
	struct hosted_client list[HOSTED_CLIENTS]; /* by slot */
};

int hosted_clients_create(uint64_t seed, struct hosted_clients **clients_out)
{
	struct hosted_clients *clients = calloc(1, sizeof(*clients));

	if (clients == NULL || recent_create(HOSTED_CLIENTS, seed, &clients->recent) != 0) {
		free(clients);
		return -ENOMEM;
	}
	*clients_out = clients;
	return 0;
}

void hosted_clients_free(struct hosted_clients *clients)
{
	if (clients == NULL)
		return;
	recent_free(clients->recent);
	free(clients);
}

static struct xaddr key_of(const struct xaddr *client)
{
	struct xaddr key;

	memset(&key, 0, sizeof(key)); /* its padding counts too */
	key.family = client->family;
	memcpy(key.octets, client->octets, xaddr_size(client));
	if (xaddr_is_link_local(client))
		key.zone = client->zone;
	return key;
}

void hosted_clients_offered(struct hosted_clients *clients, const struct xaddr *client)
{
	struct xaddr key = key_of(client);
	bool fresh;
	uint32_t slot = recent_use(clients->recent, &key, sizeof(key), &fresh);

	if (fresh)
		clients->list[slot] = (struct hosted_client){.address = key};
	clients->list[slot].turn = ++clients->turn;
}

void hosted_clients_pulled(struct hosted_clients *clients, const struct xaddr *client,
			   uint32_t octets, bool bad)
{
	struct xaddr key = key_of(client);
	uint32_t slot = recent_find(clients->recent, &key, sizeof(key));
	struct hosted_client *entry;

	if (slot == RECENT_NONE)
		return;
	entry = &clients->list[slot];
	entry->octets += octets;
	entry->blocks += octets > 0;
	entry->bad += bad;
}

static int by_turn(const void *one, const void *other)
{
	const struct hosted_client *const *first = one, *const *second = other;

	return (*first)->turn < (*second)->turn ? 1 : -1;
}

unsigned hosted_clients_list(const struct hosted_clients *clients,
			     struct hosted_client *clients_out, unsigned room)
{
	const struct hosted_client *order[HOSTED_CLIENTS];
	unsigned count = 0;

	for (unsigned i = 0; i < HOSTED_CLIENTS; i++)
		if (clients->list[i].turn > 0)
			order[count++] = &clients->list[i];
	qsort(order, count, sizeof(order[0]), by_turn);
	if (count > room)
		count = room;
	for (unsigned i = 0; i < count; i++)
		clients_out[i] = *order[i];
	return count;
}
