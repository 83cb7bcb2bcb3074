/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Operations in flight: by their number, which the daemon gives back, and by the address of their
 * OVERLAPPED, which the program knows (peerdist-api.md 4, 11.4). Contract: client.h.
 *
 *	SUBMITTING --accepted--> ACCEPTED --claimed--> SETTLING --> FINISHED
 *	SUBMITTING --claimed, its completion was quicker than the ioctl--> SETTLING
 *	SUBMITTING --refused--> gone
 *
 * An OVERLAPPED is the program's again the moment Internal says so, and may be freed then. So all
 * that makes an operation known is taken away and the event set before anybody who asks here, with
 * the same address perhaps, is answered: under one lock.
 */
#include <stdlib.h>
#include <string.h>

#include "fs/api/client.h"

/* Our choice: short lists up to some ten thousand operations; 128 KiB. */
#define BUCKETS 16384u

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static LIST_HEAD(bucket, pending) buckets[BUCKETS];

/* By OVERLAPPED ------------------------------------------------------------------------------- */

static struct bucket *bucket_of(const OVERLAPPED *overlapped)
{
	/* Neighbours in memory are multiples of eight apart; Knuth's multiplicative hash. */
	uint64_t product = ((uint64_t)(uintptr_t)overlapped >> 3) * 0x9E3779B97F4A7C15u;

	return &buckets[product >> 32 & (BUCKETS - 1)];
}

/* Lock held, as for all of this section. */
static struct pending *find(const OVERLAPPED *overlapped)
{
	struct pending *pending;

	LIST_FOREACH (pending, bucket_of(overlapped), in_bucket)
		if (pending->overlapped == overlapped)
			return pending;
	return NULL;
}

bool pending_has(const OVERLAPPED *overlapped)
{
	bool has;

	pthread_mutex_lock(&lock);
	has = find(overlapped) != NULL;
	pthread_mutex_unlock(&lock);
	return has;
}

/* By number ----------------------------------------------------------------------------------- */

/* Lock held, as for all of this section. */
static bool table_grow(struct pending_table *table)
{
	uint32_t size = table->size ? table->size * 2 : 16;
	struct pending_slot *slots;

	if (size > PENDING_MAX)
		size = PENDING_MAX;
	if (size == table->size)
		return false;
	slots = realloc(table->slots, size * sizeof(*slots));
	if (!slots)
		return false;
	for (uint32_t i = table->size; i < size; i++)
		slots[i] = (struct pending_slot){.next_free = i + 1 < size ? i + 1 : PENDING_MAX};
	table->first_free = table->size;
	table->slots = slots;
	table->size = size;
	return true;
}

/* 1 to 2^31 - 1, and never PENDING_NONE. 0: there is none left, or no memory. */
static uint32_t table_enter(struct pending_table *table, struct pending *pending)
{
	const uint32_t generation_max = (1u << (31 - PENDING_INDEX_BITS)) - 1;
	struct pending_slot *slot;
	uint32_t index;

	if (table->first_free == PENDING_MAX && !table_grow(table))
		return 0;
	index = table->first_free;
	slot = &table->slots[index];
	table->first_free = slot->next_free;
	slot->generation = slot->generation % generation_max + 1;
	slot->pending = pending;
	table->count++;
	return slot->generation << PENDING_INDEX_BITS | index;
}

static struct pending *table_find(const struct pending_table *table, uint32_t number)
{
	uint32_t index = number & PENDING_MAX;
	struct pending *pending = index < table->size ? table->slots[index].pending : NULL;

	return pending && pending->number == number ? pending : NULL;
}

static void table_leave(struct pending_table *table, uint32_t number)
{
	uint32_t index = number & PENDING_MAX;

	table->slots[index].pending = NULL;
	table->slots[index].next_free = table->first_free;
	table->first_free = index;
	table->count--;
}

/* References ---------------------------------------------------------------------------------- */

void pending_get(struct pending *pending)
{
	pthread_mutex_lock(&lock);
	pending->references++;
	pthread_mutex_unlock(&lock);
}

void pending_put(struct pending *pending)
{
	unsigned left;

	pthread_mutex_lock(&lock);
	left = --pending->references;
	pthread_mutex_unlock(&lock);
	if (left > 0)
		return;
	object_release(pending->event);
	object_release(pending->port);
	if (pending->item)
		object_release(&pending->item->object);
	object_release(&pending->client->object);
	pthread_cond_destroy(&pending->finished);
	free(pending);
}

/* Submitting ---------------------------------------------------------------------------------- */

static struct object *choose_port(const struct call *call)
{
	struct object *port = call->item ? call->item->port : call->port;

	/* With both the event wins (4.2). */
	return call->event || !port ? NULL : object_hold(port);
}

/* With two references, the table's and the caller's. */
static struct pending *pending_new(const struct call *call)
{
	struct pending *pending = calloc(1, sizeof(*pending));

	if (!pending)
		return NULL;
	pending->client = (struct client *)object_hold(&call->client->object);
	if (call->item)
		pending->item = (struct item *)object_hold(&call->item->object);
	pending->opcode = call->opcode;
	pending->overlapped = call->overlapped;
	pending->event = call->event ? object_hold(call->event) : NULL;
	pending->port = choose_port(call);
	pending->key = call->item ? call->item->key : call->key;
	pending->output = call->output;
	pending->output_max = call->output_max;
	pending->input = call->input;
	pending->input_length = call->input_length;
	pending->status_out = call->status_out;
	pending->info_out = call->info_out;
	pending->references = 2;
	pthread_cond_init(&pending->finished, NULL);
	return pending;
}

static bool is_registration(const struct pending *pending)
{
	return pending->opcode == OPERATION_register || pending->opcode == OPERATION_register_ex;
}

static void store_internal(OVERLAPPED *overlapped, ULONG_PTR status)
{
	__atomic_store_n(&overlapped->Internal, status, __ATOMIC_RELEASE);
}

/* Lock held. It can be found from now on. */
static DWORD enter(struct pending *pending)
{
	struct client *client = pending->client;
	OVERLAPPED *overlapped = pending->overlapped;

	if (find(overlapped))
		return ERROR_INVALID_PARAMETER;
	pending->number = table_enter(&client->table, pending);
	if (!pending->number)
		return client->table.size < PENDING_MAX ? ERROR_NOT_ENOUGH_MEMORY
							: ERROR_NO_SYSTEM_RESOURCES;
	LIST_INSERT_HEAD(bucket_of(overlapped), pending, in_bucket);
	if (pending->item)
		pending->item->pending++;
	pending->internal = overlapped->Internal;
	pending->internal_high = overlapped->InternalHigh;
	overlapped->InternalHigh = 0;
	store_internal(overlapped, STATUS_PENDING);
	return ERROR_SUCCESS;
}

/* Lock held. */
static void leave(struct pending *pending)
{
	LIST_REMOVE(pending, in_bucket);
	table_leave(&pending->client->table, pending->number);
	if (pending->item)
		pending->item->pending--;
	if (pending->client->registration == pending)
		pending->client->registration = NULL;
}

/* The ioctl's answer. Lock held. True: what a completion has to do with it stays. */
static bool is_accepted(struct pending *pending, DWORD *status)
{
	/* Of a daemon that completes what it refuses the former counts: it was seen. */
	if (pending->state != PENDING_SUBMITTING)
		*status = ERROR_IO_PENDING;
	else if (*status == ERROR_IO_PENDING)
		pending->state = PENDING_ACCEPTED;
	if (*status == ERROR_IO_PENDING && is_registration(pending) &&
	    pending->state != PENDING_FINISHED)
		pending->client->registration = pending;
	return *status == ERROR_IO_PENDING;
}

/* Between enter() and the answer. The OVERLAPPED is as it was if it is refused. */
static DWORD submit(struct call *call, struct pending *pending)
{
	struct pdc_hdr *header = call->message;
	DWORD status;
	bool accepted;

	if (pending->event)
		event_reset(pending->event);
	header->op = pending->number;
	status = call_send(call);
	if (status == ERROR_SUCCESS) {
		client_break(call->client); /* it promised a completion, or did it? */
		status = PEERDIST_ERROR_SERVICE_UNAVAILABLE;
	}
	pthread_mutex_lock(&lock);
	accepted = is_accepted(pending, &status);
	if (!accepted) {
		leave(pending);
		pending->overlapped->InternalHigh = pending->internal_high;
		store_internal(pending->overlapped, pending->internal);
	}
	pthread_mutex_unlock(&lock);
	/* The dispatcher may have ended all the others just before. */
	if (accepted && client_is_broken(call->client))
		dispatcher_kick(call->client);
	return status;
}

/* What a completion will need. */
static DWORD prepare(struct pending *pending)
{
	DWORD error = dispatcher_start();

	if (error)
		return error;
	if (pending->port && !port_reserve(pending->port))
		return ERROR_NOT_ENOUGH_MEMORY;
	pthread_mutex_lock(&lock);
	error = enter(pending);
	pthread_mutex_unlock(&lock);
	if (error && pending->port)
		port_unreserve(pending->port);
	return error;
}

DWORD pending_submit(struct call *call, struct pending **pending_out)
{
	struct pending *pending = pending_new(call);
	DWORD status;

	if (!pending)
		return ERROR_NOT_ENOUGH_MEMORY;
	status = prepare(pending);
	if (!status) {
		status = submit(call, pending);
		if (status != ERROR_IO_PENDING && pending->port)
			port_unreserve(pending->port);
	}
	if (status != ERROR_IO_PENDING)
		pending_put(pending); /* the table's */
	if (status == ERROR_IO_PENDING && pending_out)
		*pending_out = pending;
	else
		pending_put(pending);
	return status;
}

/* Ending -------------------------------------------------------------------------------------- */

uint32_t pending_number(const struct client *client, const struct item *item,
			const OVERLAPPED *overlapped)
{
	const struct pending *pending;
	uint32_t number = PENDING_NONE;

	pthread_mutex_lock(&lock);
	pending = find(overlapped);
	if (pending && pending->client == client && (!item || pending->item == item))
		number = pending->number;
	pthread_mutex_unlock(&lock);
	return number;
}

struct pending *pending_claim(struct client *client, uint32_t number)
{
	struct pending *pending;

	pthread_mutex_lock(&lock);
	pending = table_find(&client->table, number);
	if (pending) {
		pending->state = PENDING_SETTLING;
		pending->references++;
	}
	pthread_mutex_unlock(&lock);
	return pending;
}

struct pending *pending_claim_any(struct client *client)
{
	struct pending *pending = NULL;

	pthread_mutex_lock(&lock);
	for (uint32_t i = 0; i < client->table.size && !pending; i++) {
		pending = client->table.slots[i].pending;
		if (pending && pending->state != PENDING_ACCEPTED)
			pending = NULL;
	}
	if (pending) {
		pending->state = PENDING_SETTLING;
		pending->references++;
	}
	pthread_mutex_unlock(&lock);
	return pending;
}

/* Reads put an offset there, also that of what misses (4.3). */
static bool tells_offset(const struct pending *pending, DWORD status)
{
	switch (pending->opcode) {
	case OPERATION_block_read:
	case OPERATION_stream_read:
	case OPERATION_retrieve_information:
		return status == ERROR_SUCCESS || status == PEERDIST_ERROR_MISSING_DATA ||
		       status == ERROR_TIMEOUT;
	default:
		return false;
	}
}

/* Steps 2 to 4 of 4.5. Lock held. */
static void tell(struct pending *pending, uint64_t offset)
{
	OVERLAPPED *overlapped = pending->overlapped;

	if (tells_offset(pending, pending->status)) {
		overlapped->Offset = (DWORD)offset;
		overlapped->OffsetHigh = (DWORD)(offset >> 32);
	}
	overlapped->InternalHigh = pending->bytes;
	store_internal(overlapped, pending->status);
	/* It is not ours any more; its address is only a name. */
	if (pending->event)
		event_set(pending->event);
	else if (pending->port)
		port_post(pending->port, pending->key, overlapped, pending->bytes, pending->status);
}

void pending_finish(struct pending *pending, DWORD status, uint64_t offset, DWORD bytes)
{
	pthread_mutex_lock(&lock);
	pending->status = status;
	pending->bytes = bytes;
	leave(pending);
	tell(pending, offset);
	pending->state = PENDING_FINISHED;
	pthread_cond_broadcast(&pending->finished);
	pthread_mutex_unlock(&lock);
	pending_put(pending); /* the table's */
}

struct pending *pending_registration(struct client *client)
{
	struct pending *pending;

	pthread_mutex_lock(&lock);
	pending = client->registration;
	if (pending)
		pending->references++;
	pthread_mutex_unlock(&lock);
	return pending;
}

DWORD pending_status(struct pending *pending)
{
	DWORD status;

	pthread_mutex_lock(&lock);
	status = pending->state == PENDING_FINISHED ? pending->status : ERROR_IO_PENDING;
	pthread_mutex_unlock(&lock);
	return status;
}

unsigned pending_count(const struct client *client)
{
	unsigned count;

	pthread_mutex_lock(&lock);
	count = client->table.count;
	pthread_mutex_unlock(&lock);
	return count;
}

unsigned pending_count_of(const struct item *item)
{
	unsigned count;

	pthread_mutex_lock(&lock);
	count = item->pending;
	pthread_mutex_unlock(&lock);
	return count;
}

/* Results ------------------------------------------------------------------------------------- */

/* The operation of OVERLAPPED, with a reference; NULL: it is not in flight. */
static struct pending *in_flight(const OVERLAPPED *overlapped)
{
	struct pending *pending;

	pthread_mutex_lock(&lock);
	pending = find(overlapped);
	if (pending)
		pending->references++;
	pthread_mutex_unlock(&lock);
	return pending;
}

/* Not by the event: an auto-reset one would wake only one of several waiters, one that serves
 * several operations too early. It is taken afterwards, as a wait would have done. */
static void await(struct pending *pending)
{
	pthread_mutex_lock(&lock);
	while (pending->state != PENDING_FINISHED)
		pthread_cond_wait(&pending->finished, &lock);
	pthread_mutex_unlock(&lock);
	if (pending->event)
		event_take(pending->event);
}

/* 0, or the code of the operation, or 996. */
static DWORD result(OVERLAPPED *overlapped, DWORD *bytes_out, bool wait)
{
	struct pending *pending = in_flight(overlapped);
	DWORD status = ERROR_IO_INCOMPLETE;

	if (!pending) {
		status = (DWORD)__atomic_load_n(&overlapped->Internal, __ATOMIC_ACQUIRE);
		if (status == STATUS_PENDING) /* of a parent before fork(), or the program's own */
			return ERROR_IO_INCOMPLETE;
		*bytes_out = (DWORD)overlapped->InternalHigh;
		return status;
	}
	if (wait) {
		await(pending);
		status = pending->status;
		*bytes_out = pending->bytes;
	}
	pending_put(pending);
	return status;
}

PUBLIC BOOL WINAPI PeerDistGetOverlappedResult(LPOVERLAPPED lpOverlapped,
					       LPDWORD lpNumberOfBytesTransferred, BOOL bWait)
{
	DWORD status = ERROR_INVALID_PARAMETER;

	if (lpOverlapped && lpNumberOfBytesTransferred)
		status = result(lpOverlapped, lpNumberOfBytesTransferred, bWait);
	if (status)
		SetLastError(status);
	return status == ERROR_SUCCESS;
}

PUBLIC BOOL WINAPI GetOverlappedResult(HANDLE hFile, LPOVERLAPPED lpOverlapped,
				       LPDWORD lpNumberOfBytesTransferred, BOOL bWait)
{
	(void)hFile;
	return PeerDistGetOverlappedResult(lpOverlapped, lpNumberOfBytesTransferred, bWait);
}

void pending_after_fork(void)
{
	pthread_mutex_init(&lock, NULL);
	memset(buckets, 0, sizeof(buckets));
}
