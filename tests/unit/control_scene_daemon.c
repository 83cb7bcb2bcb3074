/* SPDX-License-Identifier: BSD-2-Clause
 *
 * One thread answers everything at once: what becomes of an operation is decided when it is asked
 * for. Every CREDIT_EVERYth frame is refused for want of credit, and POLLOUT told right behind.
 */
#define FUSE_USE_VERSION 314
#include "tests/unit/control_scene_daemon.h"

#include <errno.h>
#include <fuse_lowlevel.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fs/api/operations.h"
#include "fs/api/peerdist.h"
#include "tests/unit/control_scene.h"

enum { CREDIT_EVERY = 3, STRANGE = 100, HANDLES_MAX = 4096 };

enum stage { PENDING, QUEUED, TAKEN };

struct work {
	TAILQ_ENTRY(work) link;
	uint32_t number, opcode, received, length;
	uint64_t handle, order;
	enum control_scene_read behaviour;
	enum stage stage;
	bool wrong;
	struct pdc_completion completion;
};

TAILQ_HEAD(works, work);

/* An open file. */
struct opened {
	struct works works; /* in the order of submission, then of completion */
	struct fuse_pollhandle *poll;
	uint64_t next_handle;
	bool closed[HANDLES_MAX]; /* by handle */
	bool ended, told;
	uint32_t strange; /* records that nobody asked for are to come */
	bool flood, broken, failing;
	unsigned frames;
	fuse_req_t held; /* an ioctl to be answered after the next REAP */
	void *held_message;
	size_t held_size;
};

static volatile uint32_t *counts;

static void count(enum control_scene_count which, int change)
{
	__atomic_fetch_add(&counts[which], (uint32_t)change, __ATOMIC_ACQ_REL);
}

/* Work ---------------------------------------------------------------------------------------- */

static void notify(struct opened *opened)
{
	if (opened->poll)
		fuse_lowlevel_notify_poll(opened->poll);
}

static struct work *find(struct opened *opened, uint32_t number)
{
	struct work *work;

	TAILQ_FOREACH (work, &opened->works, link)
		if (work->number == number)
			return work;
	return NULL;
}

static void complete(struct opened *opened, struct work *work, uint32_t status, uint64_t offset,
		     uint32_t bytes, uint8_t flags)
{
	work->stage = QUEUED;
	work->completion = (struct pdc_completion){.op = work->number,
						   .status = status,
						   .offset = offset,
						   .bytes = bytes,
						   .flags = flags};
	TAILQ_REMOVE(&opened->works, work, link);
	TAILQ_INSERT_TAIL(&opened->works, work, link);
}

static void drop(struct opened *opened, struct work *work)
{
	TAILQ_REMOVE(&opened->works, work, link);
	free(work);
	count(COUNT_OPERATIONS, -1);
}

/* Those that are pending of HANDLE (0: of all), NUMBER (0: all). */
static unsigned end(struct opened *opened, uint64_t handle, uint32_t number)
{
	struct work *work, *next;
	unsigned ended = 0;

	/* complete() moves to the end: those are met again, but QUEUED. */
	for (work = TAILQ_FIRST(&opened->works); work; work = next) {
		next = TAILQ_NEXT(work, link);
		if (work->stage != PENDING || (handle && work->handle != handle) ||
		    (number && work->number != number))
			continue;
		complete(opened, work, ERROR_OPERATION_ABORTED, 0, 0, 0);
		ended++;
	}
	return ended;
}

static struct work *begin(struct opened *opened, const struct pdc_hdr *header, uint32_t opcode)
{
	struct work *work = calloc(1, sizeof(*work));

	work->number = header->op;
	work->handle = header->handle;
	work->opcode = opcode;
	TAILQ_INSERT_TAIL(&opened->works, work, link);
	count(COUNT_OPERATIONS, 1);
	return work;
}

/* Reads --------------------------------------------------------------------------------------- */

static void begin_read(struct opened *opened, struct pdc_read *message, uint32_t opcode)
{
	struct work *work = begin(opened, &message->hdr, opcode);
	uint32_t bytes = message->max_bytes < PDC_READ_MAX ? message->max_bytes : PDC_READ_MAX;
	uint64_t offset = message->offset;

	work->behaviour = message->timeout_ms;
	message->hdr.status = ERROR_IO_PENDING;
	switch (work->behaviour) {
	case READ_HOLD:
		break;
	case READ_MISSING:
		complete(opened, work, PEERDIST_ERROR_MISSING_DATA, offset, 12345, 0);
		break;
	case READ_REFUSED:
		message->hdr.status = ERROR_NO_SYSTEM_RESOURCES;
		drop(opened, work);
		break;
	case READ_REFUSED_LATE:
		message->hdr.status = ERROR_NO_SYSTEM_RESOURCES;
		complete(opened, work, ERROR_SUCCESS, offset, bytes, PDC_OUTPUT);
		break;
	case READ_CALLED_DONE:
		message->hdr.status = ERROR_SUCCESS;
		drop(opened, work);
		break;
	case READ_TOO_MUCH:
		complete(opened, work, ERROR_SUCCESS, offset, bytes + 1, PDC_OUTPUT);
		break;
	case READ_UNFLAGGED:
		complete(opened, work, ERROR_SUCCESS, offset, bytes, 0);
		break;
	case READ_NEVER_DONE:
		complete(opened, work, ERROR_IO_PENDING, offset, bytes, 0);
		break;
	case READ_DIE:
		_exit(1);
	default:
		complete(opened, work, ERROR_SUCCESS, offset, bytes, bytes ? PDC_OUTPUT : 0);
		opened->strange = work->behaviour == READ_STRANGE ? STRANGE : 0;
		opened->flood = work->behaviour == READ_FLOOD;
		opened->broken = work->behaviour == READ_BROKEN_REAP;
		opened->failing = work->behaviour == READ_FAILED_REAP;
		break;
	}
}

static void take(struct opened *opened, struct work *work)
{
	if (work->behaviour == READ_TWICE) {
		work->behaviour = READ_GIVE;
		return; /* stays queued: it comes once more */
	}
	work->stage = TAKEN;
	if (!(work->completion.flags & PDC_OUTPUT))
		drop(opened, work);
}

static void reap(struct opened *opened, struct pdc_reap *message, size_t size)
{
	uint32_t room = (uint32_t)((size - sizeof(*message)) / sizeof(message->completions[0]));
	struct work *work, *next;

	message->count = 0;
	while (message->count < room && (opened->flood || opened->strange > 0)) {
		message->completions[message->count++] = (struct pdc_completion){
			.op = 0x7000000 + opened->strange, .bytes = 99, .flags = PDC_OUTPUT};
		opened->strange -= !opened->flood;
	}
	for (work = TAILQ_FIRST(&opened->works); work && message->count < room; work = next) {
		next = TAILQ_NEXT(work, link);
		if (work->stage != QUEUED)
			continue;
		message->completions[message->count++] = work->completion;
		if (work->behaviour == READ_TWICE)
			next = work;
		take(opened, work);
	}
	message->more = opened->flood;
	if (opened->broken)
		message->count = 0xFFFFFFFF;
}

static void op_read(fuse_req_t request, fuse_ino_t node, size_t size, off_t offset,
		    struct fuse_file_info *info)
{
	struct opened *opened = (struct opened *)(uintptr_t)info->fh;
	struct work *work = find(opened, (uint32_t)(offset >> 32));
	uint32_t position = (uint32_t)offset, left;
	uint8_t *octets;

	(void)node;
	if (!work || work->stage != TAKEN || work->behaviour == READ_GONE ||
	    position >= work->completion.bytes) {
		fuse_reply_buf(request, NULL, 0);
		return;
	}
	left = work->completion.bytes - position;
	if (work->behaviour == READ_IN_BITS)
		left = left / 3 + 1;
	if (size > left)
		size = left;
	octets = malloc(size);
	control_scene_fill(octets, work->completion.offset + position, size);
	if (position + size == work->completion.bytes)
		drop(opened, work);
	fuse_reply_buf(request, (char *)octets, size);
	free(octets);
}

/* Input --------------------------------------------------------------------------------------- */

/* Whether WORK's turn is still to come: an older one of its handle has not got all. */
static bool waits(struct opened *opened, const struct work *work)
{
	struct work *other;

	TAILQ_FOREACH (other, &opened->works, link)
		if (other->stage == PENDING && other->handle == work->handle && other->length > 0 &&
		    other->order < work->order)
			return true;
	return false;
}

static void take_input(struct opened *opened, struct work *work, const uint8_t *octets,
		       uint32_t length)
{
	for (uint32_t i = 0; i < length; i++)
		work->wrong |= octets[i] != control_scene_octet(work->received + i);
	work->received += length;
	if (work->received == work->length)
		complete(opened, work, work->wrong ? PEERDIST_ERROR_OUT_OF_BOUNDS : 0, 0,
			 work->length, 0);
}

/* 0 or an errno. */
static int more_input(struct opened *opened, uint32_t number, uint32_t position,
		      const uint8_t *octets, uint32_t length)
{
	struct work *work = find(opened, number);

	if (!work || work->stage != PENDING)
		return ENOENT;
	if (position != work->received || length > work->length - position)
		return EINVAL;
	if (++opened->frames % CREDIT_EVERY == 0) {
		count(COUNT_REFUSED, 1);
		return EAGAIN;
	}
	if (waits(opened, work))
		count(COUNT_OUT_OF_TURN, 1);
	take_input(opened, work, octets, length);
	return 0;
}

static void begin_input(struct opened *opened, struct pdc_input *message, uint32_t opcode)
{
	static uint64_t order;
	struct work *work = begin(opened, &message->hdr, opcode);

	work->length = message->length;
	work->order = ++order;
	message->hdr.status = ERROR_IO_PENDING;
	if (message->inline_len > 0 && waits(opened, work))
		count(COUNT_OUT_OF_TURN, 1);
	take_input(opened, work, message->data, message->inline_len);
}

static void op_write(fuse_req_t request, fuse_ino_t node, const char *buffer, size_t size,
		     off_t offset, struct fuse_file_info *info)
{
	struct opened *opened = (struct opened *)(uintptr_t)info->fh;
	struct pdc_frame frame;
	int error = EINVAL;

	(void)node;
	if (size >= sizeof(frame) && offset == 0) {
		memcpy(&frame, buffer, sizeof(frame));
		count(COUNT_FRAMES, 1);
		error = frame.length > size - sizeof(frame)
				? EMSGSIZE
				: more_input(opened, frame.op, frame.pos,
					     (const uint8_t *)buffer + sizeof(frame), frame.length);
	}
	if (error)
		fuse_reply_err(request, error);
	else
		fuse_reply_write(request, size);
	notify(opened); /* of completions, and of credit */
}

/* Messages ------------------------------------------------------------------------------------ */

static void open_handle(struct opened *opened, struct pdc_hdr *header)
{
	header->handle = ++opened->next_handle;
	count(COUNT_HANDLES, 1);
}

static void begin_registration(struct opened *opened, struct pdc_hdr *header, uint32_t opcode)
{
	struct work *other, *work;

	TAILQ_FOREACH (other, &opened->works, link)
		if (other->stage == PENDING && (other->opcode == OPERATION_register ||
						other->opcode == OPERATION_register_ex)) {
			header->status = PEERDIST_ERROR_ALREADY_EXISTS;
			return;
		}
	work = begin(opened, header, opcode);
	header->status = ERROR_IO_PENDING;
	if (opened->told)
		return;
	opened->told = true;
	complete(opened, work, ERROR_SUCCESS, 0, 0, PDC_SERVICE);
	work->completion.svc_status = PEERDIST_STATUS_AVAILABLE;
	work->completion.svc_min = 1;
	work->completion.svc_max = 2;
}

static void end_registration(struct opened *opened)
{
	struct work *work, *next;

	for (work = TAILQ_FIRST(&opened->works); work; work = next) {
		next = TAILQ_NEXT(work, link);
		if (work->stage == PENDING &&
		    (work->opcode == OPERATION_register || work->opcode == OPERATION_register_ex))
			complete(opened, work, ERROR_OPERATION_ABORTED, 0, 0, 0);
	}
}

static int push(struct opened *opened, struct pdc_xfer *message)
{
	count(COUNT_PUSHES, 1);
	return more_input(opened, message->hdr.op, message->pos, message->data, message->length);
}

/* 0 or an errno. */
static int answer(struct opened *opened, uint32_t opcode, void *message, size_t size)
{
	struct pdc_hdr *header = message;

	if (opcode != OPERATION_reap &&
	    (opened->ended || opened->closed[header->handle % HANDLES_MAX])) {
		header->status = ERROR_INVALID_HANDLE;
		return 0;
	}
	switch (opcode) {
	case OPERATION_startup:
		((struct pdc_startup *)message)->version_supported = 2;
		((struct pdc_startup *)message)->max_frame = PDC_FRAME_MAX;
		break;
	case OPERATION_shutdown:
		end(opened, 0, 0);
		opened->ended = true;
		break;
	case OPERATION_get_status:
	case OPERATION_get_status_ex:
		((struct pdc_status *)message)->status = PEERDIST_STATUS_AVAILABLE;
		((struct pdc_status *)message)->min_ver = 1;
		((struct pdc_status *)message)->max_ver = 2;
		break;
	case OPERATION_register:
	case OPERATION_register_ex:
		begin_registration(opened, header, opcode);
		break;
	case OPERATION_unregister:
		end_registration(opened);
		break;
	case OPERATION_open_content:
	case OPERATION_publish_stream:
	case OPERATION_open_information:
	case OPERATION_open_information_ex:
		open_handle(opened, header);
		break;
	case OPERATION_close_content:
	case OPERATION_close_stream:
	case OPERATION_close_information:
		end(opened, header->handle, 0);
		opened->closed[header->handle % HANDLES_MAX] = true;
		count(COUNT_HANDLES, -1);
		break;
	case OPERATION_client_cancel:
	case OPERATION_server_cancel:
		if (!end(opened, header->handle, header->op) && header->op)
			header->status = PEERDIST_ERROR_OPERATION_NOTFOUND;
		break;
	case OPERATION_add_information:
	case OPERATION_add_data:
	case OPERATION_add_to_stream:
		begin_input(opened, message, opcode);
		break;
	case OPERATION_block_read:
	case OPERATION_stream_read:
	case OPERATION_retrieve_information:
		begin_read(opened, message, opcode);
		break;
	case OPERATION_complete_information:
	case OPERATION_complete_stream:
	case OPERATION_flush_content:
		header->status = ERROR_IO_PENDING;
		complete(opened, begin(opened, header, opcode), ERROR_SUCCESS, 0, 0, 0);
		break;
	case OPERATION_reap:
		if (opened->failing)
			return EINVAL;
		reap(opened, message, size);
		break;
	case OPERATION_push:
		return push(opened, message);
	case OPERATION_unpublish:
		end(opened, 0, 0);
		break;
	default:
		break;
	}
	return 0;
}

static bool is_held(uint32_t opcode, const void *message)
{
	const struct pdc_read *read = message;

	return opcode == OPERATION_block_read &&
	       (read->timeout_ms == READ_EARLY || read->timeout_ms == READ_REFUSED_LATE);
}

static void hold(struct opened *opened, fuse_req_t request, const void *message, size_t size)
{
	opened->held = request;
	opened->held_message = malloc(size);
	opened->held_size = size;
	memcpy(opened->held_message, message, size);
}

static void release_held(struct opened *opened)
{
	if (!opened->held)
		return;
	fuse_reply_ioctl(opened->held, 0, opened->held_message, opened->held_size);
	free(opened->held_message);
	opened->held = NULL;
}

static void op_ioctl(fuse_req_t request, fuse_ino_t node, unsigned int command, void *argument,
		     struct fuse_file_info *info, unsigned flags, const void *in, size_t in_size,
		     size_t out_size)
{
	struct opened *opened = (struct opened *)(uintptr_t)info->fh;
	union {
		struct pdc_hdr header;
		uint8_t octets[PDC_SIZE_MAX];
	} message = {0};
	uint32_t opcode = _IOC_NR(command);
	int error;

	(void)node;
	(void)argument;
	(void)flags;
	memcpy(&message, in, in_size);
	error = answer(opened, opcode, &message, out_size);
	if (error)
		fuse_reply_err(request, error);
	else if (is_held(opcode, in))
		hold(opened, request, &message, out_size);
	else
		fuse_reply_ioctl(request, 0, &message, out_size);
	if (opcode == OPERATION_reap)
		release_held(opened);
	if (opcode != OPERATION_reap || opened->flood)
		notify(opened);
}

/* The file ------------------------------------------------------------------------------------ */

static struct stat attributes(fuse_ino_t node)
{
	struct stat answer = {.st_ino = node, .st_nlink = 1, .st_mode = S_IFDIR | 0755};

	if (node != FUSE_ROOT_ID)
		answer.st_mode = S_IFREG | 0666;
	return answer;
}

static void op_lookup(fuse_req_t request, fuse_ino_t parent, const char *name)
{
	struct fuse_entry_param entry = {.ino = 2, .attr = attributes(2)};

	(void)parent;
	if (strcmp(name, "control") == 0)
		fuse_reply_entry(request, &entry);
	else
		fuse_reply_err(request, ENOENT);
}

static void op_getattr(fuse_req_t request, fuse_ino_t node, struct fuse_file_info *info)
{
	struct stat answer = attributes(node);

	(void)info;
	fuse_reply_attr(request, &answer, 0);
}

static void op_open(fuse_req_t request, fuse_ino_t node, struct fuse_file_info *info)
{
	struct opened *opened = calloc(1, sizeof(*opened));

	(void)node;
	TAILQ_INIT(&opened->works);
	info->fh = (uintptr_t)opened;
	info->direct_io = 1;
	count(COUNT_OPENED, 1);
	fuse_reply_open(request, info);
}

static void op_release(fuse_req_t request, fuse_ino_t node, struct fuse_file_info *info)
{
	struct opened *opened = (struct opened *)(uintptr_t)info->fh;

	(void)node;
	while (!TAILQ_EMPTY(&opened->works))
		drop(opened, TAILQ_FIRST(&opened->works));
	if (opened->poll)
		fuse_pollhandle_destroy(opened->poll);
	free(opened);
	count(COUNT_OPENED, -1);
	fuse_reply_err(request, 0);
}

static bool has_queued(struct opened *opened)
{
	struct work *work;

	TAILQ_FOREACH (work, &opened->works, link)
		if (work->stage == QUEUED)
			return true;
	return opened->flood;
}

static void op_poll(fuse_req_t request, fuse_ino_t node, struct fuse_file_info *info,
		    struct fuse_pollhandle *handle)
{
	struct opened *opened = (struct opened *)(uintptr_t)info->fh;

	(void)node;
	if (handle) {
		if (opened->poll)
			fuse_pollhandle_destroy(opened->poll);
		opened->poll = handle;
	}
	fuse_reply_poll(request, (has_queued(opened) ? POLLIN : 0) | POLLOUT |
					 (opened->ended ? POLLERR | POLLHUP : 0));
}

static const struct fuse_lowlevel_ops operations = {.lookup = op_lookup,
						    .getattr = op_getattr,
						    .open = op_open,
						    .read = op_read,
						    .write = op_write,
						    .release = op_release,
						    .ioctl = op_ioctl,
						    .poll = op_poll};

void control_scene_serve(const char *directory, volatile uint32_t *shared, int ready)
{
	char *words[] = {"control-scene", "-oallow_other,fsname=scene,subtype=peerdistfs", NULL};
	struct fuse_args arguments = FUSE_ARGS_INIT(2, words);
	struct fuse_session *session =
		fuse_session_new(&arguments, &operations, sizeof(operations), NULL);

	counts = shared;
	if (!session || fuse_session_mount(session, directory) != 0 || write(ready, "", 1) != 1)
		_exit(1);
	close(ready);
	fuse_session_loop(session);
	_exit(0);
}
