/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Asynchronous calls and their completions, by events and by ports: harness.h.
 *
 * A row has a port of its own, which stays open until the end of the program, so that a packet that
 * should never have come is found whenever it comes. Operations are never freed before: an address
 * stands for one of them.
 */
#include <stdlib.h>
#include <time.h>

#include "tests/api/harness.h"

#define PORTS_MAX 512

static struct operation *operations;
static struct {
	HANDLE port;
	int row;
} ports[PORTS_MAX];
static unsigned port_count;
static HANDLE row_port;
static PEERDIST_INSTANCE_HANDLE spare; /* for what a refused operation is used for next */
static uint64_t last_refusal;

HANDLE port(void)
{
	if (mechanism == BY_EVENT)
		return NULL;
	if (row_port != NULL)
		return row_port;
	row_port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 0);
	REQUIRE_TRUE(row_port != NULL && port_count < PORTS_MAX, "a port");
	ports[port_count].port = row_port;
	ports[port_count++].row = row_number_now();
	return row_port;
}

void completions_row_begins(void)
{
	row_port = NULL;
}

struct operation *operation(void)
{
	struct operation *made = calloc(1, sizeof *made);

	if (made == NULL)
		abort();
	made->mechanism = mechanism;
	made->row = row_number_now();
	made->next = operations;
	operations = made;
	if (mechanism == BY_EVENT) {
		made->overlapped.hEvent = CreateEvent(NULL, TRUE, FALSE, NULL);
		REQUIRE_TRUE(made->overlapped.hEvent != NULL, "an event");
	}
	return made;
}

void operation_at(struct operation *operation, uint64_t offset)
{
	operation->overlapped.Offset = (DWORD)offset;
	operation->overlapped.OffsetHigh = (DWORD)(offset >> 32);
}

static struct operation *operation_of(OVERLAPPED *overlapped)
{
	for (struct operation *one = operations; one != NULL; one = one->next)
		if (&one->overlapped == overlapped)
			return one;
	return NULL;
}

static uint64_t offset_of(const OVERLAPPED *overlapped)
{
	return (uint64_t)overlapped->OffsetHigh << 32 | overlapped->Offset;
}

static void note(struct operation *operation, DWORD code, DWORD count)
{
	operation->completed++;
	operation->code = code;
	operation->count = count;
	operation->offset = offset_of(&operation->overlapped);
}

/* Takes one packet of PORT. False: none came. */
static bool take_packet(HANDLE from, int row, DWORD milliseconds)
{
	DWORD count = 0, code;
	ULONG_PTR key = 0;
	OVERLAPPED *overlapped = NULL;
	struct operation *operation;
	BOOL good = GetQueuedCompletionStatus(from, &count, &key, &overlapped, milliseconds);

	if (!good && overlapped == NULL)
		return false;
	code = good ? 0 : GetLastError();
	operation = operation_of(overlapped);
	if (operation == NULL) {
		row_wrong_at(row, "a packet of nobody: overlapped %p, code %s", (void *)overlapped,
			     code_name(code));
		return true;
	}
	note(operation, code, count);
	if (operation->completed > operation->submitted)
		row_wrong_at(operation->row,
			     "a completion too many: submitted %u times, came %u times, code %s",
			     operation->submitted, operation->completed, code_name(code));
	if (key != KEY)
		row_wrong_at(operation->row, "key of a packet: expected %llu, got %llu",
			     (unsigned long long)KEY, (unsigned long long)key);
	return true;
}

static bool wait_packet(struct operation *operation, DWORD milliseconds)
{
	uint64_t end = now_ms() + milliseconds;

	while (operation->completed < operation->submitted) {
		uint64_t now = now_ms();

		if (!take_packet(row_port, operation->row, now < end ? (DWORD)(end - now) : 0) &&
		    now >= end)
			return false;
	}
	return true;
}

static bool wait_event(struct operation *operation, DWORD milliseconds)
{
	DWORD count = 0;

	if (operation->completed >= operation->submitted)
		return true;
	if (WaitForSingleObject(operation->overlapped.hEvent, milliseconds) != WAIT_OBJECT_0)
		return false;
	BOOL good = PeerDistGetOverlappedResult(&operation->overlapped, &count, FALSE);
	note(operation, good ? 0 : GetLastError(), count);
	return true;
}

DWORD operation_wait(struct operation *operation, DWORD milliseconds)
{
	DWORD count = 0, code;
	bool came = operation->mechanism == BY_PORT ? wait_packet(operation, milliseconds)
						    : wait_event(operation, milliseconds);

	if (!came)
		return LOST;
	code = PeerDistGetOverlappedResult(&operation->overlapped, &count, FALSE) ? 0
										  : GetLastError();
	if (code != operation->code || count != operation->count)
		row_wrong_at(
			operation->row,
			"the packet says %s and %u octets, PeerDistGetOverlappedResult %s and %u",
			code_name(operation->code), operation->count, code_name(code), count);
	if ((DWORD)operation->overlapped.Internal != operation->code)
		row_wrong_at(operation->row, "Internal: expected %s, got %s",
			     code_name(operation->code),
			     code_name((DWORD)operation->overlapped.Internal));
	return operation->code;
}

bool operation_started(const char *file, int line, const char *call, struct operation *operation,
		       DWORD got)
{
	if (!row_code(file, line, call, ERROR_IO_PENDING, got))
		return false;
	operation->submitted++;
	operation->silent = false;
	return true;
}

static bool ends(const char *file, int line, struct operation *operation, DWORD code,
		 DWORD milliseconds)
{
	DWORD got = operation_wait(operation, milliseconds);

	if (got == code)
		return true;
	row_wrong(file, line, "completion: expected %s, got %s", code_name(code), code_name(got));
	return false;
}

bool operation_ends(const char *file, int line, struct operation *operation, DWORD code)
{
	return ends(file, line, operation, code, PATIENCE);
}

bool operation_ended(const char *file, int line, struct operation *operation, DWORD code)
{
	return ends(file, line, operation, code, 0);
}

bool operation_stays(const char *file, int line, struct operation *operation, DWORD milliseconds)
{
	DWORD got = operation_wait(operation, milliseconds);

	if (got != LOST)
		row_wrong(file, line, "completed with %s, but should be pending", code_name(got));
	else if (HasOverlappedIoCompleted(&operation->overlapped))
		row_wrong(file, line, "pending, but Internal is %s",
			  code_name((DWORD)operation->overlapped.Internal));
	return got == LOST;
}

/* Registers for a change of status and ends that: works in every state of the service but one. With
 * nothing mounted it must at least not be refused as an operation in use. */
static void use_again(const char *file, int line, struct operation *operation)
{
	static PEERDIST_STATUS status;
	DWORD code, end = ERROR_SUCCESS;

	operation->overlapped.Offset = operation->overlapped.OffsetHigh = 0;
	if (spare == NULL && PeerDistStartup(PEERDIST_VERSION, &spare, NULL) != 0)
		spare = NULL;
	if (spare == NULL)
		return;
	code = PeerDistRegisterForStatusChangeNotification(spare, port(), KEY,
							   &operation->overlapped, &status);
	if (code == PEERDIST_ERROR_SERVICE_UNAVAILABLE)
		return;
	if (code != ERROR_IO_PENDING) {
		row_wrong(file, line, "the refused overlapped used again at once: %s",
			  code_name(code));
		return;
	}
	operation->submitted++;
	code = PeerDistUnregisterForStatusChangeNotification(spare);
	end = operation_wait(operation, PATIENCE);
	if (code != 0 || (end != 0 && end != ERROR_OPERATION_ABORTED))
		row_wrong(file, line, "the refused overlapped used again: unregister %s, result %s",
			  code_name(code), code_name(end));
}

/* With another event meanwhile: that of the refused call must stay unset until the end. */
static void use_elsewhere(const char *file, int line, struct operation *operation)
{
	HANDLE event = operation->overlapped.hEvent;

	if (event != NULL) {
		if (WaitForSingleObject(event, 0) != WAIT_TIMEOUT)
			row_wrong(file, line, "the event of the refused call is set");
		operation->overlapped.hEvent = CreateEvent(NULL, TRUE, FALSE, NULL);
	}
	use_again(file, line, operation);
	if (event != NULL) {
		CloseHandle(operation->overlapped.hEvent);
		operation->overlapped.hEvent = event;
	}
	operation->silent = true;
}

void operation_quiet(struct operation *operation)
{
	if (operation != NULL && operation->overlapped.hEvent != NULL &&
	    operation->submitted == operation->completed)
		ResetEvent(operation->overlapped.hEvent);
}

bool operation_refused(const char *file, int line, const char *call, struct operation *operation,
		       DWORD code, DWORD got)
{
	if (got == ERROR_IO_PENDING && operation != NULL) {
		/* So that its completion is not one too many as well. */
		operation->submitted++;
		return row_code(file, line, call, code, got);
	}
	last_refusal = now_ms();
	/* Else another operation of it is pending. Its event says that one's end. */
	if (operation != NULL && operation->submitted == operation->completed)
		use_elsewhere(file, line, operation);
	return row_code(file, line, call, code, got);
}

void completions_row_ends(void)
{
	for (struct operation *one = operations; one != NULL; one = one->next) {
		HANDLE event = one->overlapped.hEvent;

		if (event != NULL && !one->silent && one->mechanism == BY_EVENT) {
			CloseHandle(event);
			one->overlapped.hEvent = NULL;
		}
	}
}

void completions_silent(void)
{
	uint64_t end = last_refusal + SILENCE, now = now_ms();

	if (now < end) {
		struct timespec rest = {0, (long)(end - now) * 1000000};

		nanosleep(&rest, NULL);
	}
	for (unsigned i = 0; i < port_count; i++)
		while (take_packet(ports[i].port, ports[i].row, 0))
			;
	for (struct operation *one = operations; one != NULL; one = one->next)
		if (one->silent && one->overlapped.hEvent != NULL &&
		    WaitForSingleObject(one->overlapped.hEvent, 0) != WAIT_TIMEOUT)
			row_wrong_at(one->row,
				     "an event was set after what it belongs to was refused");
	if (spare != NULL)
		PeerDistShutdown(spare);
	spare = NULL;
}
