/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The service's status and its changes (peerdist-api.md 5.5, 6.3 to 6.8). Without an attachment the
 * status is UNAVAILABLE.
 */
#include "fs/api/client.h"

/* What a service that is not there could handle, if it were (our choice). */
enum { VERSION_OLDEST = 1, VERSION_NEWEST = 2 };

static DWORD ask(HANDLE instance, enum operation_opcode opcode, struct pdc_status *message)
{
	struct call call = {.opcode = opcode,
			    .message = message,
			    .size = sizeof(*message),
			    .instance = instance};
	DWORD error = call_perform(&call);

	if (error == ERROR_INVALID_HANDLE || error == PEERDIST_ERROR_SHUTDOWN_IN_PROGRESS)
		return error;
	if (error || message->status > PEERDIST_STATUS_AVAILABLE) {
		message->status = PEERDIST_STATUS_UNAVAILABLE;
		message->min_ver = VERSION_OLDEST;
		message->max_ver = VERSION_NEWEST;
	}
	return ERROR_SUCCESS;
}

PUBLIC DWORD WINAPI PeerDistGetStatus(PEERDIST_INSTANCE_HANDLE hPeerDist,
				      PEERDIST_STATUS *pPeerDistStatus)
{
	struct pdc_status message = {0};
	DWORD error;

	if (!pPeerDistStatus)
		return ERROR_INVALID_PARAMETER;
	error = ask(hPeerDist, OPERATION_get_status, &message);
	if (!error)
		*pPeerDistStatus = (PEERDIST_STATUS)message.status;
	return error;
}

PUBLIC DWORD WINAPI PeerDistGetStatusEx(PEERDIST_INSTANCE_HANDLE hPeerDist,
					PEERDIST_STATUS_INFO *pPeerDistStatus)
{
	struct pdc_status message = {0};
	DWORD error;

	if (!pPeerDistStatus || pPeerDistStatus->cbSize != sizeof(*pPeerDistStatus))
		return ERROR_INVALID_PARAMETER;
	error = ask(hPeerDist, OPERATION_get_status_ex, &message);
	if (error)
		return error;
	pPeerDistStatus->status = (PEERDIST_STATUS)message.status;
	pPeerDistStatus->dwMinVer = message.min_ver;
	pPeerDistStatus->dwMaxVer = message.max_ver;
	return ERROR_SUCCESS;
}

PUBLIC DWORD WINAPI PeerDistRegisterForStatusChangeNotification(PEERDIST_INSTANCE_HANDLE hPeerDist,
								HANDLE hCompletionPort,
								ULONG_PTR ulCompletionKey,
								LPOVERLAPPED lpOverlapped,
								PEERDIST_STATUS *pPeerDistStatus)
{
	struct pdc_hdr message = {0};
	struct call call = {.opcode = OPERATION_register,
			    .message = &message,
			    .size = sizeof(message),
			    .instance = hPeerDist,
			    .port_handle = hCompletionPort,
			    .key = ulCompletionKey,
			    .overlapped = lpOverlapped,
			    .status_out = pPeerDistStatus};

	if (!pPeerDistStatus)
		return ERROR_INVALID_PARAMETER;
	return call_submit(&call);
}

PUBLIC DWORD WINAPI PeerDistRegisterForStatusChangeNotificationEx(
	PEERDIST_INSTANCE_HANDLE hPeerDist, HANDLE hCompletionPort, ULONG_PTR ulCompletionKey,
	LPOVERLAPPED lpOverlapped, PEERDIST_STATUS_INFO *pPeerDistStatus)
{
	struct pdc_hdr message = {0};
	struct call call = {.opcode = OPERATION_register_ex,
			    .message = &message,
			    .size = sizeof(message),
			    .instance = hPeerDist,
			    .port_handle = hCompletionPort,
			    .key = ulCompletionKey,
			    .overlapped = lpOverlapped,
			    .info_out = pPeerDistStatus};

	if (!pPeerDistStatus || pPeerDistStatus->cbSize != sizeof(*pPeerDistStatus))
		return ERROR_INVALID_PARAMETER;
	return call_submit(&call);
}

/* REGISTRATION, which was there when the call began, may have ended otherwise meanwhile. */
static void await_end(struct client *client, struct pending *registration)
{
	dispatcher_visit(client);
	if (pending_status(registration) == ERROR_OPERATION_ABORTED)
		SetLastError(ERROR_OPERATION_ABORTED);
}

PUBLIC DWORD WINAPI
PeerDistUnregisterForStatusChangeNotification(PEERDIST_INSTANCE_HANDLE hPeerDist)
{
	struct pdc_hdr message = {0};
	struct call call = {.opcode = OPERATION_unregister,
			    .message = &message,
			    .size = sizeof(message),
			    .instance = hPeerDist};
	struct pending *registration;
	DWORD error = call_begin(&call);

	/* Where nothing is attached nothing is registered. */
	if (error == ERROR_INVALID_HANDLE || error == PEERDIST_ERROR_SHUTDOWN_IN_PROGRESS)
		return error;
	if (error)
		return ERROR_SUCCESS;
	registration = pending_registration(call.client);
	error = call_send(&call);
	/* The service has just gone, which the registration tells. */
	if (error == PEERDIST_ERROR_SERVICE_UNAVAILABLE)
		error = ERROR_SUCCESS;
	if (registration) {
		if (!error)
			await_end(call.client, registration);
		pending_put(registration);
	}
	call_end(&call);
	return error;
}
