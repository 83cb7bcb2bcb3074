/* SPDX-License-Identifier: BSD-2-Clause
 *
 * From a completion record to the program: output, out parameters, result (peerdist-api.md 4.3,
 * 4.5, 11.6). Dispatcher only. Contract: client.h.
 *
 * Records are not trusted: one that promises more than its operation can bring, or a status that is
 * no result, breaks the client, and its operations end with 4057. So does a daemon that tells of
 * many operations that nobody has.
 */
#include <errno.h>
#include <unistd.h>

#include "fs/api/client.h"

/* Our choice. An honest daemon tells of none. */
#define UNKNOWN_MAX 1024u

static bool is_read(const struct pending *pending)
{
	switch (pending->opcode) {
	case OPERATION_block_read:
	case OPERATION_stream_read:
	case OPERATION_retrieve_information:
		return true;
	default:
		return false;
	}
}

static bool is_registration(const struct pending *pending)
{
	return pending->status_out || pending->info_out;
}

/* Whether RECORD can be true. */
static bool makes_sense(const struct pending *pending, const struct pdc_completion *record)
{
	if (record->status == ERROR_IO_PENDING || record->status == STATUS_PENDING)
		return false;
	if (record->flags & PDC_OUTPUT)
		return is_read(pending) && record->status == ERROR_SUCCESS &&
		       record->bytes <= pending->output_max;
	if (record->status != ERROR_SUCCESS)
		return true;
	if (is_registration(pending))
		return record->flags & PDC_SERVICE &&
		       record->svc_status <= PEERDIST_STATUS_AVAILABLE;
	/* Without output, but a query's count. */
	return !is_read(pending) || pending->output_max == 0 || record->bytes == 0;
}

/* The last octet frees the operation's number; nobody wants the others any more. */
static void drop_output(struct pending *pending, uint32_t bytes)
{
	uint8_t octet;
	ssize_t got;

	if (bytes == 0)
		return;
	got = pread(pending->client->control, &octet, 1,
		    (off_t)PDC_OUTPUT_AT(pending->number, bytes - 1));
	(void)got; /* gone already is as good */
}

/* BYTES of output into the program's buffer; the status that comes of it. */
static DWORD fetch(struct pending *pending, uint32_t bytes)
{
	uint8_t *to = pending->output;

	for (uint32_t position = 0; position < bytes;) {
		ssize_t got = pread(pending->client->control, to + position, bytes - position,
				    (off_t)PDC_OUTPUT_AT(pending->number, position));

		if (got == 0)
			return ERROR_OPERATION_ABORTED; /* it is gone (11.4) */
		if (got > 0) {
			position += (uint32_t)got;
		} else if (errno != EINTR) {
			DWORD error = client_error(pending->client, errno);

			if (client_is_broken(pending->client))
				return PEERDIST_ERROR_INVALIDATED;
			drop_output(pending, bytes);
			return error;
		}
	}
	return ERROR_SUCCESS;
}

static void tell_status(struct pending *pending, uint8_t status, uint8_t oldest, uint8_t newest)
{
	if (pending->status_out)
		*pending->status_out = (PEERDIST_STATUS)status;
	if (pending->info_out) {
		pending->info_out->status = (PEERDIST_STATUS)status;
		pending->info_out->dwMinVer = oldest;
		pending->info_out->dwMaxVer = newest;
	}
}

/* The count of a result (4.3). */
static DWORD count_of(const struct pending *pending, DWORD status, uint32_t bytes)
{
	if (is_read(pending) && (status == ERROR_SUCCESS || status == PEERDIST_ERROR_MISSING_DATA ||
				 status == ERROR_TIMEOUT))
		return bytes;
	return status == ERROR_SUCCESS ? pending->input_length : 0;
}

static void settle_one(struct pending *pending, const struct pdc_completion *record)
{
	DWORD failure = input_stop(pending), status = record->status;

	if (!makes_sense(pending, record)) {
		client_break(pending->client);
		status = PEERDIST_ERROR_INVALIDATED;
	} else if (record->flags & PDC_OUTPUT) {
		status = fetch(pending, record->bytes);
	} else if (status == ERROR_OPERATION_ABORTED && failure) {
		status = failure;
	}
	if (status == ERROR_SUCCESS && is_registration(pending))
		tell_status(pending, record->svc_status, record->svc_min, record->svc_max);
	pending_finish(pending, status, record->offset, count_of(pending, status, record->bytes));
	pending_put(pending);
}

void settle(struct client *client, const struct pdc_completion *record)
{
	struct pending *pending = pending_claim(client, record->op);

	if (pending)
		settle_one(pending, record);
	else if (++client->unknown_records > UNKNOWN_MAX)
		client_break(client);
}

/* As the daemon would have told, had it lived. */
void settle_all(struct client *client)
{
	bool broken = client_is_broken(client);
	struct pending *pending;

	while ((pending = pending_claim_any(client))) {
		DWORD status = broken ? PEERDIST_ERROR_INVALIDATED : ERROR_OPERATION_ABORTED;

		input_stop(pending);
		if (broken && is_registration(pending)) {
			tell_status(pending, PEERDIST_STATUS_UNAVAILABLE, 1, 2);
			status = ERROR_SUCCESS;
		}
		pending_finish(pending, status, 0, 0);
		pending_put(pending);
	}
}
