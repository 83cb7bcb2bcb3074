/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The one list of what can be asked of the control file (peerdist-api.md 11.5): numbers, names,
 * layouts and rules of all 28 functions, and of the three that move data. Dispatch, the library and
 * the table in the manual derive from it.
 *
 *	X(opcode, name, function, layout, handle, rules)
 *
 * name: in identifiers here. function: of the PeerDist API, or what the transport calls it. layout:
 * struct pdc_<layout>. handle: which kind must be given, of enum operation_handle. rules: of enum
 * operation_rules.
 */
#ifndef FS_API_OPERATIONS_H
#define FS_API_OPERATIONS_H

#include "fs/api/wire.h"

enum operation_handle {
	HANDLE_NONE,        /* none; what is given is not looked at */
	HANDLE_STREAM,      /* a publication in the making */
	HANDLE_INFORMATION, /* content information being handed out */
	HANDLE_CONTENT      /* a consumer's content */
};

enum operation_rules {
	RULE_NUMBERED = 1,   /* asynchronous: has a number, which is not in use */
	RULE_AVAILABLE = 2,  /* refused while the service is off (1260) or unavailable (4065) */
	RULE_CLOSES = 4,     /* takes invalidated handles too */
	RULE_UNSTARTED = 8,  /* allowed before STARTUP */
	RULE_AFTERWARDS = 16 /* allowed after SHUTDOWN */
};

/* clang-format off */
#define OPERATIONS(X) \
	X(0x01, startup, PeerDistStartup, startup, HANDLE_NONE, RULE_UNSTARTED | RULE_AFTERWARDS) \
	X(0x02, shutdown, PeerDistShutdown, hdr, HANDLE_NONE, 0) \
	X(0x03, get_status, PeerDistGetStatus, status, HANDLE_NONE, 0) \
	X(0x04, get_status_ex, PeerDistGetStatusEx, status, HANDLE_NONE, 0) \
	X(0x05, get_result, PeerDistGetOverlappedResult, result, HANDLE_NONE, RULE_AFTERWARDS) \
	X(0x06, register, PeerDistRegisterForStatusChangeNotification, hdr, HANDLE_NONE, RULE_NUMBERED) \
	X(0x07, register_ex, PeerDistRegisterForStatusChangeNotificationEx, hdr, HANDLE_NONE, RULE_NUMBERED) \
	X(0x08, unregister, PeerDistUnregisterForStatusChangeNotification, hdr, HANDLE_NONE, 0) \
	X(0x10, open_content, PeerDistClientOpenContent, tag, HANDLE_NONE, RULE_AVAILABLE) \
	X(0x11, close_content, PeerDistClientCloseContent, hdr, HANDLE_CONTENT, RULE_CLOSES) \
	X(0x12, add_information, PeerDistClientAddContentInformation, input, HANDLE_CONTENT, RULE_NUMBERED | RULE_AVAILABLE) \
	X(0x13, complete_information, PeerDistClientCompleteContentInformation, hdr, HANDLE_CONTENT, RULE_NUMBERED | RULE_AVAILABLE) \
	X(0x14, add_data, PeerDistClientAddData, input, HANDLE_CONTENT, RULE_NUMBERED | RULE_AVAILABLE) \
	X(0x15, block_read, PeerDistClientBlockRead, read, HANDLE_CONTENT, RULE_NUMBERED | RULE_AVAILABLE) \
	X(0x16, stream_read, PeerDistClientStreamRead, read, HANDLE_CONTENT, RULE_NUMBERED | RULE_AVAILABLE) \
	X(0x17, flush_content, PeerDistClientFlushContent, tag, HANDLE_NONE, RULE_NUMBERED | RULE_AVAILABLE) \
	X(0x18, client_cancel, PeerDistClientCancelAsyncOperation, hdr, HANDLE_CONTENT, 0) \
	X(0x19, get_information, PeerDistClientGetInformationByHandle, info, HANDLE_CONTENT, RULE_AVAILABLE) \
	X(0x20, publish_stream, PeerDistServerPublishStream, publish, HANDLE_NONE, RULE_AVAILABLE) \
	X(0x21, add_to_stream, PeerDistServerPublishAddToStream, input, HANDLE_STREAM, RULE_NUMBERED | RULE_AVAILABLE) \
	X(0x22, complete_stream, PeerDistServerPublishCompleteStream, hdr, HANDLE_STREAM, RULE_NUMBERED | RULE_AVAILABLE) \
	X(0x23, close_stream, PeerDistServerCloseStreamHandle, hdr, HANDLE_STREAM, RULE_CLOSES) \
	X(0x24, unpublish, PeerDistServerUnpublish, id, HANDLE_NONE, RULE_AVAILABLE) \
	X(0x25, open_information, PeerDistServerOpenContentInformation, open_ci, HANDLE_NONE, RULE_AVAILABLE) \
	X(0x26, open_information_ex, PeerDistServerOpenContentInformationEx, open_ci, HANDLE_NONE, RULE_AVAILABLE) \
	X(0x27, retrieve_information, PeerDistServerRetrieveContentInformation, read, HANDLE_INFORMATION, RULE_NUMBERED | RULE_AVAILABLE) \
	X(0x28, close_information, PeerDistServerCloseContentInformation, hdr, HANDLE_INFORMATION, RULE_CLOSES) \
	X(0x29, server_cancel, PeerDistServerCancelAsyncOperation, id, HANDLE_NONE, RULE_AVAILABLE)

#define OPERATIONS_TRANSPORT(X) \
	X(0x40, reap, REAP, reap, HANDLE_NONE, RULE_AFTERWARDS) \
	X(0x41, push, PUSH, xfer, HANDLE_NONE, 0) \
	X(0x42, pull, PULL, xfer, HANDLE_NONE, RULE_AFTERWARDS)
/* clang-format on */

enum operation_opcode {
#define X(opcode, name, function, layout, handle, rules) OPERATION_##name = opcode,
	OPERATIONS(X) OPERATIONS_TRANSPORT(X)
#undef X
};

#endif
