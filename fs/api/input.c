/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Content information and data on their way to the daemon (peerdist-api.md 11.4, 11.6): the first
 * octets in the submitting ioctl, the rest in frames, by the calling thread as far as credit goes,
 * then by the dispatcher. Contract: client.h.
 *
 * Of one item only the oldest operation that is not all sent is sent of, and a later one takes no
 * octet along in its ioctl meanwhile: what waits for its turn must not use up the credit.
 */
#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/uio.h>
#include <unistd.h>

#include "fs/api/client.h"

#define INLINE_MAX (PDC_SIZE_MAX - sizeof(struct pdc_input))
#define PUSH_MAX (PDC_SIZE_MAX - sizeof(struct pdc_xfer))
/* Below it a frame costs more than a PUSH brings (F8). */
#define FRAME_LIMIT_MIN (64u << 10)
/* Our choice: the daemon's whole buffer, so that a call which is worked on as fast as it is sent
 * comes back nevertheless, and the dispatcher sees to its other duties. */
#define TURN_MAX (8u << 20)

enum feed { FEED_MORE, FEED_BLOCKED, FEED_EMPTY };

/* One frame ----------------------------------------------------------------------------------- */

/* Octets of payload that a frame may have; 0: PUSH must do. Asked each time: the limit may change
 * at any time, and exceeding it would be a signal. */
static uint32_t frame_max(const struct client *client)
{
	struct rlimit limit;
	rlim_t octets = RLIM_INFINITY;

	if (getrlimit(RLIMIT_FSIZE, &limit) == 0)
		octets = limit.rlim_cur;
	if (octets < FRAME_LIMIT_MIN || client->frame_max < FRAME_LIMIT_MIN)
		return 0;
	octets -= sizeof(struct pdc_frame);
	return octets < client->frame_max ? (uint32_t)octets : client->frame_max;
}

/* Octets that went, or negative errno. */
static int64_t send_frame(struct pending *pending, uint32_t length)
{
	struct pdc_frame frame = {
		.op = pending->number, .pos = pending->input_sent, .length = length};
	struct iovec parts[] = {{&frame, sizeof(frame)},
				{(void *)(pending->input + pending->input_sent), length}};
	ssize_t written;

	do
		written = pwritev(pending->client->control, parts, 2, 0);
	while (written < 0 && errno == EINTR);
	if (written < 0)
		return -errno;
	/* The daemon takes a frame or refuses it. */
	return (size_t)written == sizeof(frame) + length ? (int64_t)length : -EMSGSIZE;
}

/* As memcpy(), but memory that is not there is an error and no signal. 0 or negative errno. */
static int copy(void *to, const uint8_t *from, size_t length)
{
	struct iovec own = {to, length}, programs = {(void *)from, length};
	ssize_t copied = process_vm_readv(getpid(), &own, 1, &programs, 1, 0);

	if (copied == (ssize_t)length)
		return 0;
	if (copied >= 0 || errno == EFAULT)
		return -EFAULT;
	memcpy(to, from, length); /* a sandbox forbids the call */
	return 0;
}

static int64_t push(struct pending *pending)
{
	union {
		struct pdc_xfer xfer;
		uint8_t octets[PDC_SIZE_MAX];
	} message;
	uint32_t length = pending->input_length - pending->input_sent;
	int result;

	if (length > PUSH_MAX)
		length = PUSH_MAX;
	message.xfer = (struct pdc_xfer){
		.hdr.op = pending->number, .pos = pending->input_sent, .length = length};
	result = copy(message.xfer.data, pending->input + pending->input_sent, length);
	if (result)
		return result;
	do
		result =
			ioctl(pending->client->control,
			      PDC_MESSAGE(OPERATION_push, sizeof(message.xfer) + length), &message);
	while (result < 0 && errno == EINTR);
	if (result < 0)
		return -errno;
	return message.xfer.hdr.status == ERROR_SUCCESS ? (int64_t)length : -ENOENT;
}

static int64_t send_some(struct pending *pending)
{
	uint32_t length = pending->input_length - pending->input_sent;
	uint32_t max = frame_max(pending->client);
	int64_t sent = -EMSGSIZE;

	if (max > 0)
		sent = send_frame(pending, length < max ? length : max);
	/* Cut by a limit that has just changed. */
	if (sent == -EMSGSIZE || sent == -EFBIG)
		sent = push(pending);
	return sent;
}

/* The queue of an item; its input_lock is held for all of this section ------------------------ */

static void enqueue(struct item *item, struct pending *pending)
{
	struct client *client = item->client;

	pending_get(pending);
	pending->feeding = true;
	if (TAILQ_EMPTY(&item->inputs)) {
		pthread_mutex_lock(&client->lock);
		TAILQ_INSERT_TAIL(&client->feeding, item, in_feeding);
		pthread_mutex_unlock(&client->lock);
	}
	TAILQ_INSERT_TAIL(&item->inputs, pending, in_inputs);
}

static void dequeue(struct item *item, struct pending *pending)
{
	struct client *client = item->client;

	pending->feeding = false;
	TAILQ_REMOVE(&item->inputs, pending, in_inputs);
	if (TAILQ_EMPTY(&item->inputs)) {
		pthread_mutex_lock(&client->lock);
		TAILQ_REMOVE(&client->feeding, item, in_feeding);
		pthread_mutex_unlock(&client->lock);
	}
	pending_put(pending);
}

static void cancel_content(struct pending *pending)
{
	struct pdc_hdr message = {.op = pending->number, .handle = pending->item->number};

	client_send(pending->client, OPERATION_client_cancel, &message, sizeof(message));
}

static void cancel_stream(struct pending *pending)
{
	union {
		struct pdc_id id;
		uint8_t octets[sizeof(struct pdc_id) + PDC_ID_MAX];
	} message;
	struct item *item = pending->item;

	message.id = (struct pdc_id){.hdr.op = pending->number, .id_len = item->identifier_length};
	memcpy(message.id.id, item->identifier, item->identifier_length);
	client_send(pending->client, OPERATION_server_cancel, &message,
		    sizeof(message.id) + item->identifier_length);
}

/* Its input cannot be had, e.g. because of a mapping of a file that was cut: the daemon is told not
 * to wait for it, and its completion will say why. */
static void give_up(struct item *item, struct pending *pending, int error)
{
	DWORD code = client_error(item->client, error);

	if (pending->failure == 0)
		pending->failure = code;
	if (item->object.kind == OBJECT_STREAM)
		cancel_stream(pending);
	else
		cancel_content(pending);
	dequeue(item, pending);
}

/* One frame of the oldest. */
static enum feed feed_one(struct item *item, uint32_t *octets)
{
	struct pending *pending = TAILQ_FIRST(&item->inputs);
	int64_t sent;

	if (!pending)
		return FEED_EMPTY;
	sent = send_some(pending);
	if (sent > 0) {
		pending->input_sent += (uint32_t)sent;
		*octets += (uint32_t)sent;
		if (pending->input_sent == pending->input_length)
			dequeue(item, pending);
	} else if (sent == -EAGAIN) {
		return FEED_BLOCKED;
	} else if (sent == -ENOENT) {
		dequeue(item, pending); /* it has ended; its completion is on the way */
	} else {
		give_up(item, pending, (int)-sent);
	}
	return FEED_MORE;
}

/* -------------------------------------------------------------------------------------------- */

/* Up to TURN_MAX. The lock is given up between frames: completions wait for it. */
static enum feed feed(struct item *item)
{
	enum feed result = FEED_MORE;
	uint32_t octets = 0;

	while (result == FEED_MORE && octets < TURN_MAX) {
		pthread_mutex_lock(&item->input_lock);
		result = feed_one(item, &octets);
		pthread_mutex_unlock(&item->input_lock);
	}
	return result;
}

/* The item whose turn it is, with a reference; the next one's comes then. */
static struct item *next_item(struct client *client)
{
	struct item *item;

	pthread_mutex_lock(&client->lock);
	item = TAILQ_FIRST(&client->feeding);
	if (item) {
		TAILQ_REMOVE(&client->feeding, item, in_feeding);
		TAILQ_INSERT_TAIL(&client->feeding, item, in_feeding);
		object_hold(&item->object);
	}
	pthread_mutex_unlock(&client->lock);
	return item;
}

bool input_continue(struct client *client)
{
	struct item *item = client_is_broken(client) ? NULL : next_item(client);
	enum feed result;

	if (!item)
		return false;
	result = feed(item);
	object_release(&item->object);
	/* Credit is the instance's: where one item gets none no other does. */
	return result != FEED_BLOCKED;
}

DWORD input_stop(struct pending *pending)
{
	struct item *item = pending->item;
	DWORD failure;

	if (!pending->input)
		return ERROR_SUCCESS;
	pthread_mutex_lock(&item->input_lock);
	if (pending->feeding)
		dequeue(item, pending);
	failure = pending->failure;
	pthread_mutex_unlock(&item->input_lock);
	return failure;
}

/* With input_lock. */
static DWORD submit(struct call *call, uint64_t offset)
{
	union {
		struct pdc_input input;
		uint8_t octets[PDC_SIZE_MAX];
	} message;
	uint32_t taken = 0;
	struct pending *pending;
	DWORD status;

	if (TAILQ_EMPTY(&call->item->inputs))
		taken = call->input_length < INLINE_MAX ? call->input_length : INLINE_MAX;
	message.input = (struct pdc_input){
		.offset = offset, .length = call->input_length, .inline_len = taken};
	if (copy(message.input.data, call->input, taken))
		return ERROR_INVALID_PARAMETER;
	call->message = &message;
	call->size = sizeof(message.input) + taken;
	status = pending_submit(call, &pending);
	if (status != ERROR_IO_PENDING)
		return status;
	pending->input_sent = message.input.inline_len == taken ? taken : 0;
	if (pending->input_sent < pending->input_length)
		enqueue(call->item, pending);
	pending_put(pending);
	return status;
}

DWORD input_submit(struct call *call, uint64_t offset)
{
	DWORD status;

	if (!call->overlapped || !call->input || call->input_length == 0)
		return ERROR_INVALID_PARAMETER;
	status = call_begin(call);
	if (status)
		return status;
	pthread_mutex_lock(&call->item->input_lock);
	status = submit(call, offset);
	pthread_mutex_unlock(&call->item->input_lock);
	/* What credit does not suffice for now, or is too much for one call, is the dispatcher's.
	 */
	if (status == ERROR_IO_PENDING && feed(call->item) == FEED_MORE)
		dispatcher_kick(call->client);
	call_end(call);
	return status;
}
