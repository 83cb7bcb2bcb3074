/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Instances: their life, attaching to the control file and again, calls in progress, transport
 * errors, fork() (peerdist-api.md 6.1, 6.2, 11.4). Contract: client.h.
 *
 *	detached --attach--> attached --client_break()--> broken --next call--> detached or attached
 *
 * Whoever changes the attachment is `switching`: new calls wait, those in progress end, then what
 * was pending ends, then the old file is closed.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <unistd.h>

#include "fs/api/client.h"

#define OBJECTS_OF_CLIENTS (OBJECT_INSTANCE | OBJECT_STREAM | OBJECT_INFORMATION | OBJECT_CONTENT)

/* All that live, and those of the process that this one was forked from. */
static pthread_mutex_t clients_lock = PTHREAD_MUTEX_INITIALIZER;
static LIST_HEAD(clients, client) clients = LIST_HEAD_INITIALIZER(clients);
static struct clients forgotten = LIST_HEAD_INITIALIZER(forgotten);

static uid_t own_identity(void)
{
	return (uid_t)setfsuid((uid_t)-1); /* changes nothing, tells the present one */
}

/* Attaching ----------------------------------------------------------------------------------- */

/* Lock held, or switching. */
static bool usable(const struct client *client)
{
	return client->control >= 0 && !client->broken;
}

/* With the lock, which is given up meanwhile: nobody else is in here. */
static void switch_begin(struct client *client)
{
	client->switching = true;
	while (client->calls > 0)
		pthread_cond_wait(&client->changed, &client->lock);
	pthread_mutex_unlock(&client->lock);
}

static void switch_end(struct client *client)
{
	pthread_mutex_lock(&client->lock);
	client->switching = false;
	pthread_cond_broadcast(&client->changed);
}

/* Between the two above. */
static void detach(struct client *client)
{
	int control = client->control;

	if (control < 0)
		return;
	dispatcher_forget(client);
	pthread_mutex_lock(&client->lock);
	client->control = -1;
	pthread_mutex_unlock(&client->lock);
	close(control);
}

/* Likewise, after detach(). */
static DWORD attach(struct client *client)
{
	uint32_t frame_max = 0;
	DWORD error;
	int control = attach_open(client->version, &frame_max, &error);

	if (control < 0)
		return error;
	pthread_mutex_lock(&client->lock);
	client->control = control;
	client->frame_max = frame_max;
	client->broken = false;
	client->attachment++;
	pthread_mutex_unlock(&client->lock);
	error = dispatcher_watch(client);
	if (error)
		detach(client);
	return error;
}

static DWORD attach_anew(struct client *client)
{
	DWORD error;

	switch_begin(client);
	detach(client);
	error = attach(client);
	switch_end(client);
	/* What is no instance of ours is no service. */
	return error == PEERDIST_ERROR_VERSION_UNSUPPORTED ? PEERDIST_ERROR_SERVICE_UNAVAILABLE
							   : error;
}

/* Calls in progress --------------------------------------------------------------------------- */

/* The live client of HANDLE with its lock, nobody switching. */
static DWORD find(HANDLE handle, struct client **client_out)
{
	struct client *client = (struct client *)handle_find(handle, OBJECT_INSTANCE);

	if (!client)
		return ERROR_INVALID_HANDLE;
	pthread_mutex_lock(&client->lock);
	while (client->switching && !client->ending)
		pthread_cond_wait(&client->changed, &client->lock);
	if (client->ending) {
		pthread_mutex_unlock(&client->lock);
		object_release(&client->object);
		return PEERDIST_ERROR_SHUTDOWN_IN_PROGRESS;
	}
	*client_out = client;
	return ERROR_SUCCESS;
}

DWORD client_enter(HANDLE handle, struct client **client_out, DWORD *unusable_out)
{
	struct client *client;
	DWORD error = find(handle, &client);

	if (error)
		return error;
	*unusable_out = ERROR_SUCCESS;
	if (!usable(client)) {
		*unusable_out = PEERDIST_ERROR_SERVICE_UNAVAILABLE;
		if (!client->withdrawn && client->identity == own_identity())
			*unusable_out = attach_anew(client);
	}
	client->calls++;
	pthread_mutex_unlock(&client->lock);
	*client_out = client;
	return ERROR_SUCCESS;
}

void client_leave(struct client *client)
{
	pthread_mutex_lock(&client->lock);
	if (--client->calls == 0)
		pthread_cond_broadcast(&client->changed);
	pthread_mutex_unlock(&client->lock);
	object_release(&client->object);
}

bool client_has(struct client *client, uint32_t attachment)
{
	bool has;

	pthread_mutex_lock(&client->lock);
	has = usable(client) && client->attachment == attachment;
	pthread_mutex_unlock(&client->lock);
	return has;
}

bool client_is_broken(struct client *client)
{
	bool broken;

	pthread_mutex_lock(&client->lock);
	broken = client->broken;
	pthread_mutex_unlock(&client->lock);
	return broken;
}

bool client_is_ending(struct client *client)
{
	bool ending;

	pthread_mutex_lock(&client->lock);
	ending = client->ending;
	pthread_mutex_unlock(&client->lock);
	return ending;
}

void client_break(struct client *client)
{
	pthread_mutex_lock(&client->lock);
	client->broken = true;
	pthread_mutex_unlock(&client->lock);
	dispatcher_kick(client);
}

/* The control file ---------------------------------------------------------------------------- */

DWORD client_error(struct client *client, int error)
{
	switch (error) {
	case ENOTCONN:
	case EIO:
	case ECONNABORTED:
	case ENODEV:
		client_break(client);
		return PEERDIST_ERROR_SERVICE_UNAVAILABLE;
	case EACCES:
	case EPERM:
		return ERROR_ACCESS_DENIED;
	case ENOMEM:
		return ERROR_NOT_ENOUGH_MEMORY;
	case EFAULT:
		return ERROR_INVALID_PARAMETER;
	default:
		return PEERDIST_ERROR_SERVICE_UNAVAILABLE;
	}
}

DWORD client_send(struct client *client, enum operation_opcode opcode, void *message, size_t size)
{
	struct pdc_hdr *header = message;
	int result;

	do
		result = ioctl(client->control, PDC_MESSAGE(opcode, size), message);
	while (result < 0 && errno == EINTR);
	return result < 0 ? client_error(client, errno) : header->status;
}

/* Life ---------------------------------------------------------------------------------------- */

static void client_free(struct object *object)
{
	struct client *client = (struct client *)object;

	pthread_mutex_destroy(&client->lock);
	pthread_cond_destroy(&client->changed);
	free(client->table.slots);
	free(client);
}

static struct client *client_new(DWORD version)
{
	struct client *client = calloc(1, sizeof(*client));

	if (!client)
		return NULL;
	object_init(&client->object, OBJECT_INSTANCE, client_free);
	pthread_mutex_init(&client->lock, NULL);
	pthread_cond_init(&client->changed, NULL);
	LIST_INIT(&client->items);
	TAILQ_INIT(&client->feeding);
	client->table.first_free = PENDING_MAX;
	client->control = -1;
	client->version = version;
	client->identity = own_identity();
	pthread_mutex_lock(&clients_lock);
	LIST_INSERT_HEAD(&clients, client, in_library);
	pthread_mutex_unlock(&clients_lock);
	return client;
}

/* Nobody is in it any more. */
static void client_end(struct client *client)
{
	detach(client);
	pthread_mutex_lock(&clients_lock);
	LIST_REMOVE(client, in_library);
	pthread_mutex_unlock(&clients_lock);
	dispatcher_leave();
}

static bool version_is_ours(DWORD version)
{
	/* Major version 1 or 2, in both minor 0. */
	return version == 1 || version == 2;
}

/* A client that is attached if it could be, and its handle. */
static DWORD client_start(DWORD version, HANDLE *handle_out)
{
	DWORD error = dispatcher_join();
	struct client *client;
	HANDLE handle;

	if (error)
		return error;
	client = client_new(version);
	if (!client) {
		dispatcher_leave();
		return ERROR_NOT_ENOUGH_MEMORY;
	}
	error = attach(client);
	if (error == PEERDIST_ERROR_SERVICE_UNAVAILABLE)
		error = ERROR_SUCCESS;
	object_hold(&client->object); /* once it is in the table, anybody may end it */
	handle = error ? NULL : handle_new(&client->object);
	if (!handle) {
		client_end(client);
		object_release(&client->object);
		object_release(&client->object);
		return error ? error : ERROR_NOT_ENOUGH_MEMORY;
	}
	object_release(&client->object);
	*handle_out = handle;
	return ERROR_SUCCESS;
}

PUBLIC DWORD WINAPI PeerDistStartup(DWORD dwVersionRequested, PPEERDIST_INSTANCE_HANDLE phPeerDist,
				    PDWORD pdwSupportedVersion)
{
	DWORD error = PEERDIST_ERROR_VERSION_UNSUPPORTED;

	if (!phPeerDist)
		return ERROR_INVALID_PARAMETER;
	if (version_is_ours(dwVersionRequested))
		error = client_start(dwVersionRequested, phPeerDist);
	if (pdwSupportedVersion && (!error || error == PEERDIST_ERROR_VERSION_UNSUPPORTED))
		*pdwSupportedVersion = 2;
	return error;
}

static void close_items(struct client *client)
{
	struct item *item;

	while ((item = LIST_FIRST(&client->items)))
		item_remove(item);
}

PUBLIC DWORD WINAPI PeerDistShutdown(PEERDIST_INSTANCE_HANDLE hPeerDist)
{
	struct client *client;
	DWORD error = find(hPeerDist, &client);

	if (error)
		return error;
	client->ending = true;
	switch_begin(client);
	if (usable(client)) {
		struct pdc_hdr message = {0};

		client_send(client, OPERATION_shutdown, &message, sizeof(message));
	}
	client_end(client);
	close_items(client);
	object_release(handle_remove(hPeerDist, OBJECT_INSTANCE));
	switch_end(client);
	pthread_mutex_unlock(&client->lock);
	object_release(&client->object);
	return ERROR_SUCCESS;
}

/* Extensions ---------------------------------------------------------------------------------- */

PUBLIC DWORD PeerDistLinuxDetach(PEERDIST_INSTANCE_HANDLE hPeerDist)
{
	struct client *client;
	DWORD error = find(hPeerDist, &client);

	if (error)
		return error;
	client->withdrawn = true;
	switch_begin(client);
	/* As if the service had gone: what is pending ends with 4057. */
	if (usable(client))
		client_break(client);
	detach(client);
	switch_end(client);
	pthread_mutex_unlock(&client->lock);
	object_release(&client->object);
	return ERROR_SUCCESS;
}

PUBLIC DWORD PeerDistLinuxAttach(PEERDIST_INSTANCE_HANDLE hPeerDist)
{
	struct client *client;
	DWORD error = find(hPeerDist, &client);

	if (error)
		return error;
	if (!usable(client) && client->identity != own_identity()) {
		error = ERROR_ACCESS_DENIED;
	} else {
		client->withdrawn = false;
		if (!usable(client))
			error = attach_anew(client);
	}
	pthread_mutex_unlock(&client->lock);
	object_release(&client->object);
	return error;
}

PUBLIC DWORD PeerDistLinuxPublishOptions(PEERDIST_INSTANCE_HANDLE hPeerDist, DWORD dwFlags)
{
	struct client *client;
	DWORD error;

	if (dwFlags & ~(DWORD)PEERDIST_LINUX_PUBLISH_KEEP)
		return ERROR_INVALID_PARAMETER;
	error = find(hPeerDist, &client);
	if (error)
		return error;
	client->publish_flags = dwFlags;
	pthread_mutex_unlock(&client->lock);
	object_release(&client->object);
	return ERROR_SUCCESS;
}

/* fork() -------------------------------------------------------------------------------------- */

static void before_fork(void)
{
	pthread_mutex_lock(&clients_lock);
	attach_before_fork();
}

static void in_parent(void)
{
	attach_after_fork();
	pthread_mutex_unlock(&clients_lock);
}

static void forget(struct object *object)
{
	(void)object; /* other threads that are no more may have had it locked: it is left as it is
		       */
}

static void in_child(void)
{
	struct client *client, *last = NULL;

	LIST_FOREACH (client, &clients, in_library) {
		if (client->control >= 0)
			close(client->control);
		last = client;
	}
	/* Not lost, so that nobody who looks for lost memory finds it. */
	if (last && LIST_FIRST(&forgotten)) {
		LIST_NEXT(last, in_library) = LIST_FIRST(&forgotten);
		LIST_FIRST(&forgotten)->in_library.le_prev = &LIST_NEXT(last, in_library);
	}
	if (last) {
		LIST_FIRST(&forgotten) = LIST_FIRST(&clients);
		LIST_FIRST(&clients)->in_library.le_prev = &LIST_FIRST(&forgotten);
	}
	LIST_INIT(&clients);
	attach_after_fork();
	pthread_mutex_unlock(&clients_lock);
	pending_after_fork();
	dispatcher_after_fork();
	handles_forget(OBJECTS_OF_CLIENTS, forget);
}

__attribute__((constructor)) static void on_load(void)
{
	pthread_atfork(before_fork, in_parent, in_child);
}
