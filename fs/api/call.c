/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What all functions have in common: handles are looked up in the order of 3.3, a message is sent,
 * an object is entered or closed. Which kind of object an operation has is in the list of
 * operations. Contract: client.h.
 */
#include <string.h>

#include "fs/api/client.h"

/* What the opens make; the list says what the others take. */
static unsigned kind_made(enum operation_opcode opcode)
{
	switch (opcode) {
	case OPERATION_open_content:
		return OBJECT_CONTENT;
	case OPERATION_publish_stream:
		return OBJECT_STREAM;
	case OPERATION_open_information:
	case OPERATION_open_information_ex:
		return OBJECT_INFORMATION;
	default:
		return 0;
	}
}

static enum operation_handle kind_taken(enum operation_opcode opcode)
{
	switch (opcode) {
#define X(number, name, function, layout, handle, rules)                                           \
	case OPERATION_##name:                                                                     \
		return handle;
		OPERATIONS(X)
		OPERATIONS_TRANSPORT(X)
#undef X
	}
	return HANDLE_NONE;
}

static bool closes(enum operation_opcode opcode)
{
	switch (opcode) {
#define X(number, name, function, layout, handle, rules)                                           \
	case OPERATION_##name:                                                                     \
		return (rules)&RULE_CLOSES;
		OPERATIONS(X)
		OPERATIONS_TRANSPORT(X)
#undef X
	}
	return false;
}

unsigned call_kind(enum operation_opcode opcode)
{
	switch (kind_taken(opcode)) {
	case HANDLE_STREAM:
		return OBJECT_STREAM;
	case HANDLE_INFORMATION:
		return OBJECT_INFORMATION;
	case HANDLE_CONTENT:
		return OBJECT_CONTENT;
	case HANDLE_NONE:
		break;
	}
	return kind_made(opcode);
}

/* Beginning and end --------------------------------------------------------------------------- */

static DWORD find_item(struct call *call)
{
	if (kind_taken(call->opcode) == HANDLE_NONE)
		return ERROR_SUCCESS;
	call->item = (struct item *)handle_find(call->object, call_kind(call->opcode));
	if (!call->item || call->item->client != call->client)
		return ERROR_INVALID_HANDLE;
	return ERROR_SUCCESS;
}

static DWORD find_port(struct call *call)
{
	if (!call->port_handle)
		return ERROR_SUCCESS;
	call->port = handle_find(call->port_handle, OBJECT_PORT);
	return call->port ? ERROR_SUCCESS : ERROR_INVALID_HANDLE;
}

static DWORD find_event(struct call *call)
{
	HANDLE handle = NULL;

	/* Without Win32's tag (4.2). */
	if (call->overlapped)
		handle = (HANDLE)((uintptr_t)call->overlapped->hEvent & ~(uintptr_t)1);
	if (!handle)
		return ERROR_SUCCESS;
	call->event = handle_find(handle, OBJECT_EVENT);
	return call->event ? ERROR_SUCCESS : ERROR_INVALID_HANDLE;
}

static DWORD check(struct call *call, DWORD unusable)
{
	DWORD error = find_item(call);

	if (!error)
		error = find_port(call);
	if (!error)
		error = find_event(call);
	if (error || closes(call->opcode))
		return error;
	if (call->item && !client_has(call->client, call->item->attachment))
		return PEERDIST_ERROR_INVALIDATED;
	return unusable;
}

DWORD call_begin(struct call *call)
{
	DWORD unusable, error = client_enter(call->instance, &call->client, &unusable);

	call->item = NULL;
	call->port = call->event = NULL;
	call->lost = false;
	if (error)
		return error;
	error = check(call, unusable);
	if (error)
		call_end(call);
	return error;
}

void call_end(struct call *call)
{
	object_release(call->event);
	object_release(call->port);
	if (call->item)
		object_release(&call->item->object);
	call->lost = client_is_broken(call->client);
	client_leave(call->client);
}

DWORD call_send(struct call *call)
{
	struct pdc_hdr *header = call->message;
	DWORD status;

	header->status = 0;
	header->handle = call->item ? call->item->number : 0;
	status = client_send(call->client, call->opcode, call->message, call->size);
	if (status != ERROR_INVALID_HANDLE || call->item)
		return status;
	/* The message named no handle: somebody else has shut our instance down. */
	client_break(call->client);
	return PEERDIST_ERROR_SERVICE_UNAVAILABLE;
}

/* Whole calls --------------------------------------------------------------------------------- */

/* Once more, if it was by this call that the old daemon was found to be gone: there may be a new
 * one. An object is gone with the old one. */
static DWORD twice(struct call *call, DWORD (*once)(struct call *call))
{
	DWORD status = once(call);

	if (status == PEERDIST_ERROR_SERVICE_UNAVAILABLE && call->lost && !call->item)
		status = once(call);
	return status;
}

static DWORD perform_once(struct call *call)
{
	DWORD status = call_begin(call);

	if (status)
		return status;
	status = call_send(call);
	call_end(call);
	return status;
}

DWORD call_perform(struct call *call)
{
	return twice(call, perform_once);
}

/* Gives back what the daemon opened and nobody will get. */
static void undo_open(struct call *call, uint64_t number)
{
	struct pdc_hdr message = {.handle = number};
	enum operation_opcode opcode = OPERATION_close_content;

	if (call_kind(call->opcode) == OBJECT_STREAM)
		opcode = OPERATION_close_stream;
	else if (call_kind(call->opcode) == OBJECT_INFORMATION)
		opcode = OPERATION_close_information;
	client_send(call->client, opcode, &message, sizeof(message));
}

static DWORD open_item(struct call *call, struct item *item)
{
	const struct pdc_hdr *header = call->message;
	DWORD status = call_send(call);
	HANDLE handle;

	if (status) {
		object_release(&item->object);
		return status;
	}
	item->number = header->handle;
	handle = item_enter(item);
	if (!handle) {
		undo_open(call, header->handle);
		return ERROR_NOT_ENOUGH_MEMORY;
	}
	*call->handle_out = handle;
	return ERROR_SUCCESS;
}

static DWORD open_once(struct call *call)
{
	DWORD status = call_begin(call);
	struct item *item;

	if (status)
		return status;
	item = item_new(call);
	status = item ? open_item(call, item) : ERROR_NOT_ENOUGH_MEMORY;
	call_end(call);
	return status;
}

DWORD call_open(struct call *call)
{
	return twice(call, open_once);
}

DWORD call_close(struct call *call)
{
	struct pdc_hdr message = {0};
	DWORD status;

	call->message = &message;
	call->size = sizeof(message);
	status = call_begin(call);
	if (status)
		return status;
	if (!item_remove(call->item)) {
		call_end(call);
		return ERROR_INVALID_HANDLE; /* another thread was quicker */
	}
	/* Whatever it answers, the handle is gone. */
	if (client_has(call->client, call->item->attachment))
		call_send(call);
	if (pending_count_of(call->item) > 0)
		dispatcher_visit(call->client);
	call_end(call);
	return ERROR_SUCCESS;
}

bool call_is_pending(const struct call *call)
{
	return call->overlapped && pending_has(call->overlapped);
}

uint64_t call_offset(const struct call *call)
{
	const OVERLAPPED *overlapped = call->overlapped;

	return overlapped ? (uint64_t)overlapped->OffsetHigh << 32 | overlapped->Offset : 0;
}

static DWORD submit_once(struct call *call)
{
	DWORD status = call_begin(call);

	if (status)
		return status;
	status = pending_submit(call, NULL);
	call_end(call);
	return status;
}

DWORD call_submit(struct call *call)
{
	if (!call->overlapped || call_is_pending(call))
		return ERROR_INVALID_PARAMETER;
	return twice(call, submit_once);
}
