/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The publisher's functions (peerdist-api.md 7): arguments are checked here as far as they concern
 * nobody but the program, also for instances that are not attached; the rest is the daemon's.
 */
#include <string.h>

#include "fs/api/client.h"

/* A message with an identifier behind it. */
union identified {
	struct pdc_id id;
	struct pdc_publish publish;
	struct pdc_open_ci open_ci;
	uint8_t octets[sizeof(struct pdc_open_ci) + PDC_ID_MAX];
};

static bool identifier_is_fine(DWORD length, const BYTE *identifier)
{
	return identifier && length > 0 && length <= PDC_ID_MAX;
}

/* Streams ------------------------------------------------------------------------------------- */

static bool options_are_fine(PCPEERDIST_PUBLICATION_OPTIONS options)
{
	return !options || (options->dwVersion >= PEERDIST_PUBLICATION_OPTIONS_VERSION_1 &&
			    options->dwVersion <= PEERDIST_PUBLICATION_OPTIONS_VERSION_2 &&
			    options->dwFlags == 0);
}

/* What PeerDistLinuxPublishOptions() said. */
static uint32_t publish_flags(HANDLE instance)
{
	struct client *client = (struct client *)handle_find(instance, OBJECT_INSTANCE);
	uint32_t flags;

	if (!client)
		return 0;
	pthread_mutex_lock(&client->lock);
	flags = client->publish_flags & PEERDIST_LINUX_PUBLISH_KEEP ? PDC_PUBLISH_KEEP : 0;
	pthread_mutex_unlock(&client->lock);
	object_release(&client->object);
	return flags;
}

PUBLIC DWORD WINAPI PeerDistServerPublishStream(PEERDIST_INSTANCE_HANDLE hPeerDist,
						DWORD cbContentIdentifier, PBYTE pContentIdentifier,
						ULONGLONG cbContentLength,
						PCPEERDIST_PUBLICATION_OPTIONS pPublishOptions,
						HANDLE hCompletionPort, ULONG_PTR ulCompletionKey,
						PPEERDIST_STREAM_HANDLE phStream)
{
	union identified message;
	struct call call = {.opcode = OPERATION_publish_stream,
			    .message = &message,
			    .size = sizeof(message.publish) + cbContentIdentifier,
			    .instance = hPeerDist,
			    .port_handle = hCompletionPort,
			    .key = ulCompletionKey,
			    .identifier = pContentIdentifier,
			    .identifier_length = cbContentIdentifier,
			    .handle_out = phStream};

	if (!identifier_is_fine(cbContentIdentifier, pContentIdentifier) ||
	    !options_are_fine(pPublishOptions) || !phStream)
		return ERROR_INVALID_PARAMETER;
	message.publish = (struct pdc_publish){
		.length = cbContentLength,
		.opt_version = pPublishOptions ? pPublishOptions->dwVersion : 0,
		.id_len = cbContentIdentifier,
		.flags = publish_flags(hPeerDist)};
	memcpy(message.publish.id, pContentIdentifier, cbContentIdentifier);
	return call_open(&call);
}

PUBLIC DWORD WINAPI PeerDistServerPublishAddToStream(PEERDIST_INSTANCE_HANDLE hPeerDist,
						     PEERDIST_STREAM_HANDLE hStream,
						     DWORD cbNumberOfBytes, PBYTE pBuffer,
						     LPOVERLAPPED lpOverlapped)
{
	struct call call = {.opcode = OPERATION_add_to_stream,
			    .instance = hPeerDist,
			    .object = hStream,
			    .overlapped = lpOverlapped,
			    .input = pBuffer,
			    .input_length = cbNumberOfBytes};

	if (call_is_pending(&call) || call_offset(&call) != 0)
		return ERROR_INVALID_PARAMETER;
	return input_submit(&call, 0);
}

PUBLIC DWORD WINAPI PeerDistServerPublishCompleteStream(PEERDIST_INSTANCE_HANDLE hPeerDist,
							PEERDIST_STREAM_HANDLE hStream,
							LPOVERLAPPED lpOverlapped)
{
	struct pdc_hdr message = {0};
	struct call call = {.opcode = OPERATION_complete_stream,
			    .message = &message,
			    .size = sizeof(message),
			    .instance = hPeerDist,
			    .object = hStream,
			    .overlapped = lpOverlapped};

	if (call_is_pending(&call) || call_offset(&call) != 0)
		return ERROR_INVALID_PARAMETER;
	return call_submit(&call);
}

PUBLIC DWORD WINAPI PeerDistServerCloseStreamHandle(PEERDIST_INSTANCE_HANDLE hPeerDist,
						    PEERDIST_STREAM_HANDLE hStream)
{
	struct call call = {
		.opcode = OPERATION_close_stream, .instance = hPeerDist, .object = hStream};

	return call_close(&call);
}

/* Publications -------------------------------------------------------------------------------- */

static struct call identified_call(enum operation_opcode opcode, HANDLE instance,
				   union identified *message, DWORD length, const BYTE *identifier)
{
	message->id = (struct pdc_id){.id_len = length};
	memcpy(message->id.id, identifier, length);
	return (struct call){.opcode = opcode,
			     .message = message,
			     .size = sizeof(message->id) + length,
			     .instance = instance};
}

/* Sends, and waits for what that ended. */
static DWORD send_and_await(struct call *call)
{
	DWORD status = call_send(call);

	if (!status && pending_count(call->client) > 0)
		dispatcher_visit(call->client);
	return status;
}

PUBLIC DWORD WINAPI PeerDistServerUnpublish(PEERDIST_INSTANCE_HANDLE hPeerDist,
					    DWORD cbContentIdentifier, PBYTE pContentIdentifier)
{
	union identified message;
	struct call call;
	DWORD status;

	if (!identifier_is_fine(cbContentIdentifier, pContentIdentifier))
		return ERROR_INVALID_PARAMETER;
	call = identified_call(OPERATION_unpublish, hPeerDist, &message, cbContentIdentifier,
			       pContentIdentifier);
	status = call_begin(&call);
	if (status)
		return status;
	status = send_and_await(&call);
	call_end(&call);
	return status;
}

PUBLIC DWORD WINAPI PeerDistServerCancelAsyncOperation(PEERDIST_INSTANCE_HANDLE hPeerDist,
						       DWORD cbContentIdentifier,
						       PBYTE pContentIdentifier,
						       LPOVERLAPPED pOverlapped)
{
	union identified message;
	struct call call;
	uint32_t number;
	DWORD status;

	if (!identifier_is_fine(cbContentIdentifier, pContentIdentifier) || !pOverlapped)
		return ERROR_INVALID_PARAMETER;
	call = identified_call(OPERATION_server_cancel, hPeerDist, &message, cbContentIdentifier,
			       pContentIdentifier);
	status = call_begin(&call);
	if (status)
		return status;
	number = pending_number(call.client, NULL, pOverlapped);
	message.id.hdr.op = number;
	status = send_and_await(&call);
	/* It has just ended: what the caller concludes from that is to be so. */
	if (status == PEERDIST_ERROR_OPERATION_NOTFOUND && number != PENDING_NONE)
		dispatcher_visit(call.client);
	call_end(&call);
	if (!status)
		SetLastError(ERROR_OPERATION_ABORTED);
	return status;
}

/* Content information ------------------------------------------------------------------------- */

static bool range_is_fine(ULONGLONG offset, ULONGLONG length)
{
	if (length == 0)
		return offset == 0;
	return length <= UINT64_MAX - offset;
}

static bool retrieval_is_fine(const PEERDIST_RETRIEVAL_OPTIONS *options)
{
	return options->cbSize == sizeof(*options) && options->dwReserved == 0 &&
	       options->dwContentInfoMinVersion >=
		       PEERDIST_RETRIEVAL_OPTIONS_CONTENTINFO_VERSION_1 &&
	       options->dwContentInfoMinVersion <= options->dwContentInfoMaxVersion &&
	       options->dwContentInfoMaxVersion <= PEERDIST_RETRIEVAL_OPTIONS_CONTENTINFO_VERSION_2;
}

/* CALL but for its message, which WANTED and the identifier make. */
static DWORD open_information(struct call *call, const struct pdc_open_ci *wanted,
			      const BYTE *identifier)
{
	union identified message;

	if (!identifier_is_fine(wanted->id_len, identifier) ||
	    !range_is_fine(wanted->offset, wanted->length) || !call->handle_out)
		return ERROR_INVALID_PARAMETER;
	message.open_ci = *wanted;
	memcpy(message.open_ci.id, identifier, wanted->id_len);
	call->message = &message;
	call->size = sizeof(message.open_ci) + wanted->id_len;
	return call_open(call);
}

PUBLIC DWORD WINAPI PeerDistServerOpenContentInformation(
	PEERDIST_INSTANCE_HANDLE hPeerDist, DWORD cbContentIdentifier, PBYTE pContentIdentifier,
	ULONGLONG ullContentOffset, ULONGLONG cbContentLength, HANDLE hCompletionPort,
	ULONG_PTR ulCompletionKey, PPEERDIST_CONTENTINFO_HANDLE phContentInfo)
{
	struct pdc_open_ci wanted = {.offset = ullContentOffset,
				     .length = cbContentLength,
				     .id_len = cbContentIdentifier};
	struct call call = {.opcode = OPERATION_open_information,
			    .instance = hPeerDist,
			    .port_handle = hCompletionPort,
			    .key = ulCompletionKey,
			    .handle_out = phContentInfo};

	return open_information(&call, &wanted, pContentIdentifier);
}

PUBLIC DWORD WINAPI PeerDistServerOpenContentInformationEx(
	PEERDIST_INSTANCE_HANDLE hPeerDist, DWORD cbContentIdentifier, PBYTE pContentIdentifier,
	ULONGLONG ullContentOffset, ULONGLONG cbContentLength,
	PEERDIST_RETRIEVAL_OPTIONS *pRetrievalOptions, HANDLE hCompletionPort,
	ULONG_PTR ulCompletionKey, PPEERDIST_CONTENTINFO_HANDLE phContentInfo)
{
	struct pdc_open_ci wanted = {.offset = ullContentOffset,
				     .length = cbContentLength,
				     .id_len = cbContentIdentifier};
	struct call call = {.opcode = OPERATION_open_information_ex,
			    .instance = hPeerDist,
			    .port_handle = hCompletionPort,
			    .key = ulCompletionKey,
			    .handle_out = phContentInfo};

	if (!pRetrievalOptions || !retrieval_is_fine(pRetrievalOptions))
		return ERROR_INVALID_PARAMETER;
	wanted.ci_min = pRetrievalOptions->dwContentInfoMinVersion;
	wanted.ci_max = pRetrievalOptions->dwContentInfoMaxVersion;
	return open_information(&call, &wanted, pContentIdentifier);
}

PUBLIC DWORD WINAPI PeerDistServerRetrieveContentInformation(
	PEERDIST_INSTANCE_HANDLE hPeerDist, PEERDIST_CONTENTINFO_HANDLE hContentInfo,
	DWORD cbMaxNumberOfBytes, PBYTE pBuffer, LPOVERLAPPED lpOverlapped)
{
	struct pdc_read message = {.max_bytes = cbMaxNumberOfBytes};
	struct call call = {.opcode = OPERATION_retrieve_information,
			    .message = &message,
			    .size = sizeof(message),
			    .instance = hPeerDist,
			    .object = hContentInfo,
			    .overlapped = lpOverlapped,
			    .output = pBuffer,
			    .output_max = cbMaxNumberOfBytes};

	if (!pBuffer || cbMaxNumberOfBytes == 0)
		return ERROR_INVALID_PARAMETER;
	return call_submit(&call);
}

PUBLIC DWORD WINAPI PeerDistServerCloseContentInformation(PEERDIST_INSTANCE_HANDLE hPeerDist,
							  PEERDIST_CONTENTINFO_HANDLE hContentInfo)
{
	struct call call = {.opcode = OPERATION_close_information,
			    .instance = hPeerDist,
			    .object = hContentInfo};

	return call_close(&call);
}
