/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The consumer's functions (peerdist-api.md 8): arguments are checked here as far as they concern
 * nobody but the program, also for instances that are not attached; the rest is the daemon's.
 */
#include <string.h>

#include "fs/api/client.h"

static struct pdc_tag tag_message(PCPEERDIST_CONTENT_TAG tag)
{
	struct pdc_tag message = {0};

	memcpy(message.tag, tag->Data, sizeof(message.tag));
	return message;
}

PUBLIC DWORD WINAPI PeerDistClientOpenContent(PEERDIST_INSTANCE_HANDLE hPeerDist,
					      PCPEERDIST_CONTENT_TAG pContentTag,
					      HANDLE hCompletionPort, ULONG_PTR ulCompletionKey,
					      PPEERDIST_CONTENT_HANDLE phContentHandle)
{
	struct pdc_tag message;
	struct call call = {.opcode = OPERATION_open_content,
			    .message = &message,
			    .size = sizeof(message),
			    .instance = hPeerDist,
			    .port_handle = hCompletionPort,
			    .key = ulCompletionKey,
			    .handle_out = phContentHandle};

	if (!pContentTag || !phContentHandle)
		return ERROR_INVALID_PARAMETER;
	message = tag_message(pContentTag);
	return call_open(&call);
}

PUBLIC DWORD WINAPI PeerDistClientCloseContent(PEERDIST_INSTANCE_HANDLE hPeerDist,
					       PEERDIST_CONTENT_HANDLE hContentHandle)
{
	struct call call = {
		.opcode = OPERATION_close_content, .instance = hPeerDist, .object = hContentHandle};

	return call_close(&call);
}

/* Content information and data ---------------------------------------------------------------- */

PUBLIC DWORD WINAPI PeerDistClientAddContentInformation(PEERDIST_INSTANCE_HANDLE hPeerDist,
							PEERDIST_CONTENT_HANDLE hContentHandle,
							DWORD cbNumberOfBytes, PBYTE pBuffer,
							LPOVERLAPPED lpOverlapped)
{
	struct call call = {.opcode = OPERATION_add_information,
			    .instance = hPeerDist,
			    .object = hContentHandle,
			    .overlapped = lpOverlapped,
			    .input = pBuffer,
			    .input_length = cbNumberOfBytes};

	if (call_is_pending(&call) || call_offset(&call) != 0)
		return ERROR_INVALID_PARAMETER;
	return input_submit(&call, 0);
}

PUBLIC DWORD WINAPI PeerDistClientCompleteContentInformation(PEERDIST_INSTANCE_HANDLE hPeerDist,
							     PEERDIST_CONTENT_HANDLE hContentHandle,
							     LPOVERLAPPED lpOverlapped)
{
	struct pdc_hdr message = {0};
	struct call call = {.opcode = OPERATION_complete_information,
			    .message = &message,
			    .size = sizeof(message),
			    .instance = hPeerDist,
			    .object = hContentHandle,
			    .overlapped = lpOverlapped};

	return call_submit(&call);
}

PUBLIC DWORD WINAPI PeerDistClientAddData(PEERDIST_INSTANCE_HANDLE hPeerDist,
					  PEERDIST_CONTENT_HANDLE hContentHandle,
					  DWORD cbNumberOfBytes, PBYTE pBuffer,
					  LPOVERLAPPED lpOverlapped)
{
	struct call call = {.opcode = OPERATION_add_data,
			    .instance = hPeerDist,
			    .object = hContentHandle,
			    .overlapped = lpOverlapped,
			    .input = pBuffer,
			    .input_length = cbNumberOfBytes};
	uint64_t offset;

	if (call_is_pending(&call))
		return ERROR_INVALID_PARAMETER;
	offset = call_offset(&call);
	if (offset > UINT64_MAX - cbNumberOfBytes)
		return ERROR_INVALID_PARAMETER;
	return input_submit(&call, offset);
}

/* Reads --------------------------------------------------------------------------------------- */

/* CALL but for its message. */
static DWORD read_call(struct call *call, uint64_t offset, DWORD timeout)
{
	struct pdc_read message = {
		.offset = offset, .max_bytes = call->output_max, .timeout_ms = timeout};

	if (call->output_max > 0 && !call->output)
		return ERROR_INVALID_PARAMETER;
	call->message = &message;
	call->size = sizeof(message);
	return call_submit(call);
}

PUBLIC DWORD WINAPI PeerDistClientBlockRead(PEERDIST_INSTANCE_HANDLE hPeerDist,
					    PEERDIST_CONTENT_HANDLE hContentHandle,
					    DWORD cbMaxNumberOfBytes, PBYTE pBuffer,
					    DWORD dwTimeoutInMilliseconds,
					    LPOVERLAPPED lpOverlapped)
{
	struct call call = {.opcode = OPERATION_block_read,
			    .instance = hPeerDist,
			    .object = hContentHandle,
			    .overlapped = lpOverlapped,
			    .output = pBuffer,
			    .output_max = cbMaxNumberOfBytes};

	if (!lpOverlapped || call_is_pending(&call))
		return ERROR_INVALID_PARAMETER;
	return read_call(&call, call_offset(&call), dwTimeoutInMilliseconds);
}

PUBLIC DWORD WINAPI PeerDistClientStreamRead(PEERDIST_INSTANCE_HANDLE hPeerDist,
					     PEERDIST_CONTENT_HANDLE hContentHandle,
					     DWORD cbMaxNumberOfBytes, PBYTE pBuffer,
					     DWORD dwTimeoutInMilliseconds,
					     LPOVERLAPPED lpOverlapped)
{
	struct call call = {.opcode = OPERATION_stream_read,
			    .instance = hPeerDist,
			    .object = hContentHandle,
			    .overlapped = lpOverlapped,
			    .output = pBuffer,
			    .output_max = cbMaxNumberOfBytes};

	return read_call(&call, 0, dwTimeoutInMilliseconds);
}

/* -------------------------------------------------------------------------------------------- */

PUBLIC DWORD WINAPI PeerDistClientFlushContent(PEERDIST_INSTANCE_HANDLE hPeerDist,
					       PCPEERDIST_CONTENT_TAG pContentTag,
					       HANDLE hCompletionPort, ULONG_PTR ulCompletionKey,
					       LPOVERLAPPED lpOverlapped)
{
	struct pdc_tag message;
	struct call call = {.opcode = OPERATION_flush_content,
			    .message = &message,
			    .size = sizeof(message),
			    .instance = hPeerDist,
			    .port_handle = hCompletionPort,
			    .key = ulCompletionKey,
			    .overlapped = lpOverlapped};

	if (!pContentTag || call_is_pending(&call) || call_offset(&call) != 0)
		return ERROR_INVALID_PARAMETER;
	message = tag_message(pContentTag);
	return call_submit(&call);
}

/* Operation number 0: all of the handle. */
static DWORD cancel(struct call *call, OVERLAPPED *overlapped)
{
	struct pdc_hdr *header = call->message;
	unsigned pending = pending_count_of(call->item);
	uint32_t number = overlapped ? pending_number(call->client, call->item, overlapped) : 0;
	DWORD status;

	header->op = number;
	status = call_send(call);
	/* It has just ended: what the caller concludes from that is to be so. */
	if (status == PEERDIST_ERROR_OPERATION_NOTFOUND && number != PENDING_NONE)
		dispatcher_visit(call->client);
	if (status == PEERDIST_ERROR_SERVICE_UNAVAILABLE)
		return PEERDIST_ERROR_INVALIDATED; /* the daemon has just gone, the content too */
	if (status)
		return status;
	if (pending == 0 && !overlapped)
		return ERROR_SUCCESS; /* there was nothing */
	dispatcher_visit(call->client);
	SetLastError(ERROR_OPERATION_ABORTED);
	return ERROR_SUCCESS;
}

PUBLIC DWORD WINAPI PeerDistClientCancelAsyncOperation(PEERDIST_INSTANCE_HANDLE hPeerDist,
						       PEERDIST_CONTENT_HANDLE hContentHandle,
						       LPOVERLAPPED pOverlapped)
{
	struct pdc_hdr message = {0};
	struct call call = {.opcode = OPERATION_client_cancel,
			    .message = &message,
			    .size = sizeof(message),
			    .instance = hPeerDist,
			    .object = hContentHandle};
	DWORD status = call_begin(&call);

	if (status)
		return status;
	status = cancel(&call, pOverlapped);
	call_end(&call);
	return status;
}

PUBLIC DWORD WINAPI PeerDistClientGetInformationByHandle(
	PEERDIST_INSTANCE_HANDLE hPeerDist, PEERDIST_CONTENT_HANDLE hContentHandle,
	PEERDIST_CLIENT_INFO_BY_HANDLE_CLASS PeerDistClientInfoClass, DWORD dwBufferSize,
	LPVOID lpInformation)
{
	struct pdc_info message = {.info_class = (uint32_t)PeerDistClientInfoClass};
	struct call call = {.opcode = OPERATION_get_information,
			    .message = &message,
			    .size = sizeof(message),
			    .instance = hPeerDist,
			    .object = hContentHandle};
	DWORD status;

	if (PeerDistClientInfoClass != PeerDistClientBasicInfo || !lpInformation)
		return ERROR_INVALID_PARAMETER;
	if (dwBufferSize < sizeof(PEERDIST_CLIENT_BASIC_INFO))
		return ERROR_INSUFFICIENT_BUFFER;
	status = call_perform(&call);
	if (!status)
		memcpy(lpInformation, message.data, sizeof(PEERDIST_CLIENT_BASIC_INFO));
	return status;
}
