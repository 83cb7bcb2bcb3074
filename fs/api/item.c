/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Streams, content information and contents, as the library sees them: the daemon's handle, the
 * port given when they were opened, and input on its way. Contract: client.h.
 */
#include <stdlib.h>
#include <string.h>

#include "fs/api/client.h"

static void item_free(struct object *object)
{
	struct item *item = (struct item *)object;

	pthread_mutex_destroy(&item->input_lock);
	object_release(item->port);
	object_release(&item->client->object);
	free(item->identifier);
	free(item);
}

struct item *item_new(struct call *call)
{
	struct item *item = calloc(1, sizeof(*item));

	if (!item)
		return NULL;
	if (call->identifier) {
		item->identifier = malloc(call->identifier_length);
		if (!item->identifier) {
			free(item);
			return NULL;
		}
		memcpy(item->identifier, call->identifier, call->identifier_length);
		item->identifier_length = call->identifier_length;
	}
	object_init(&item->object, (enum object_kind)call_kind(call->opcode), item_free);
	pthread_mutex_init(&item->input_lock, NULL);
	TAILQ_INIT(&item->inputs);
	item->client = (struct client *)object_hold(&call->client->object);
	item->attachment = call->client->attachment;
	item->port = call->port ? object_hold(call->port) : NULL;
	item->key = call->key;
	return item;
}

static void leave_client(struct item *item)
{
	pthread_mutex_lock(&item->client->lock);
	LIST_REMOVE(item, in_client);
	pthread_mutex_unlock(&item->client->lock);
}

/* With the client's lock, so that a thread which guesses the handle and closes it finds the item
 * complete. */
HANDLE item_enter(struct item *item)
{
	struct client *client = item->client;
	HANDLE handle;

	object_hold(&client->object);
	pthread_mutex_lock(&client->lock);
	handle = handle_new(&item->object);
	if (handle) {
		item->handle = handle;
		LIST_INSERT_HEAD(&client->items, item, in_client);
	}
	pthread_mutex_unlock(&client->lock);
	if (!handle)
		object_release(&item->object);
	object_release(&client->object);
	return handle;
}

bool item_remove(struct item *item)
{
	struct object *object = handle_remove(item->handle, item->object.kind);

	if (!object)
		return false;
	leave_client(item);
	object_release(object);
	return true;
}
