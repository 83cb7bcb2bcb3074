/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What must hold of <peerdist.h> for every compiler, language and width (peerdist-api.md 2, 3;
 * row L13 of peerdist-api-cases.md), asserted when this is compiled. After <peerdist.h>; for
 * everything, that is for Windows 8.
 *
 * The functions are declared once more, by the types of this system, which a compiler refuses if
 * the header says otherwise.
 */
#ifndef PEERDIST_LAYOUT_H
#define PEERDIST_LAYOUT_H

#include <assert.h>

#define SIZE(type, size) static_assert(sizeof(type) == (size), #type)
#define MEMBER(type, member, offset, size)                                                         \
	static_assert(offsetof(type, member) == (offset) && sizeof(((type *)0)->member) == (size), \
		      #type "." #member)
#define VALUE(name, value) static_assert((name) == (value), #name)

/* Types (11.2) */
SIZE(BYTE, 1);
SIZE(WORD, 2);
SIZE(DWORD, 4);
SIZE(ULONG, 4);
SIZE(LONG, 4);
SIZE(BOOL, 4);
SIZE(ULONGLONG, 8);
SIZE(ULONG_PTR, sizeof(void *));
SIZE(HANDLE, sizeof(void *));
static_assert((DWORD)-1 > 0 && (ULONG_PTR)-1 > 0 && (LONG)-1 < 0 && (BOOL)-1 < 0, "signs");

/* Structures (2.2) */
SIZE(PEERDIST_CONTENT_TAG, 16);
MEMBER(PEERDIST_CONTENT_TAG, Data, 0, 16);
SIZE(PEERDIST_PUBLICATION_OPTIONS, 8);
MEMBER(PEERDIST_PUBLICATION_OPTIONS, dwVersion, 0, 4);
MEMBER(PEERDIST_PUBLICATION_OPTIONS, dwFlags, 4, 4);
SIZE(PEERDIST_RETRIEVAL_OPTIONS, 16);
MEMBER(PEERDIST_RETRIEVAL_OPTIONS, cbSize, 0, 4);
MEMBER(PEERDIST_RETRIEVAL_OPTIONS, dwContentInfoMinVersion, 4, 4);
MEMBER(PEERDIST_RETRIEVAL_OPTIONS, dwContentInfoMaxVersion, 8, 4);
MEMBER(PEERDIST_RETRIEVAL_OPTIONS, dwReserved, 12, 4);
SIZE(PEERDIST_STATUS_INFO, 16);
MEMBER(PEERDIST_STATUS_INFO, cbSize, 0, 4);
MEMBER(PEERDIST_STATUS_INFO, status, 4, 4);
MEMBER(PEERDIST_STATUS_INFO, dwMinVer, 8, 4);
MEMBER(PEERDIST_STATUS_INFO, dwMaxVer, 12, 4);
SIZE(PEERDIST_CLIENT_BASIC_INFO, 4);
MEMBER(PEERDIST_CLIENT_BASIC_INFO, fFlashCrowd, 0, 4);

SIZE(OVERLAPPED, sizeof(void *) == 8 ? 32 : 20);
MEMBER(OVERLAPPED, Internal, 0, sizeof(void *));
MEMBER(OVERLAPPED, InternalHigh, sizeof(void *), sizeof(void *));
MEMBER(OVERLAPPED, Offset, 2 * sizeof(void *), 4);
MEMBER(OVERLAPPED, OffsetHigh, 2 * sizeof(void *) + 4, 4);
MEMBER(OVERLAPPED, Pointer, 2 * sizeof(void *), sizeof(void *));
MEMBER(OVERLAPPED, hEvent, 2 * sizeof(void *) + 8, sizeof(void *));
SIZE(OVERLAPPED_ENTRY, 4 * sizeof(void *));
MEMBER(OVERLAPPED_ENTRY, lpCompletionKey, 0, sizeof(void *));
MEMBER(OVERLAPPED_ENTRY, lpOverlapped, sizeof(void *), sizeof(void *));
MEMBER(OVERLAPPED_ENTRY, Internal, 2 * sizeof(void *), sizeof(void *));
MEMBER(OVERLAPPED_ENTRY, dwNumberOfBytesTransferred, 3 * sizeof(void *), 4);

/* Enumerations (2.3) */
SIZE(PEERDIST_STATUS, 4);
VALUE(PEERDIST_STATUS_DISABLED, 0);
VALUE(PEERDIST_STATUS_UNAVAILABLE, 1);
VALUE(PEERDIST_STATUS_AVAILABLE, 2);
SIZE(PEERDIST_CLIENT_INFO_BY_HANDLE_CLASS, 4);
VALUE(PeerDistClientBasicInfo, 0);
VALUE(MaximumPeerDistClientInfoByHandlesClass, 1);

/* Constants (2.4, 11.2) */
VALUE(PEERDIST_VERSION, 2);
VALUE(PEERDIST_PUBLICATION_OPTIONS_VERSION_1, 1);
VALUE(PEERDIST_PUBLICATION_OPTIONS_VERSION_2, 2);
VALUE(PEERDIST_PUBLICATION_OPTIONS_VERSION, 2);
VALUE(PEERDIST_RETRIEVAL_OPTIONS_CONTENTINFO_VERSION_1, 1);
VALUE(PEERDIST_RETRIEVAL_OPTIONS_CONTENTINFO_VERSION_2, 2);
VALUE(PEERDIST_RETRIEVAL_OPTIONS_CONTENTINFO_VERSION, 2);
VALUE(PEERDIST_READ_TIMEOUT_LOCAL_CACHE_ONLY, 0);
VALUE(PEERDIST_READ_TIMEOUT_DEFAULT, 4294967294);
VALUE(INFINITE, 4294967295);
VALUE(WAIT_OBJECT_0, 0);
VALUE(WAIT_ABANDONED, 128);
VALUE(WAIT_TIMEOUT, 258);
VALUE(WAIT_FAILED, 4294967295);
VALUE(MAXIMUM_WAIT_OBJECTS, 64);
VALUE(STATUS_PENDING, 259);
VALUE(TRUE, 1);
VALUE(FALSE, 0);
VALUE(MAKEWORD(2, 1), 0x0102);
VALUE(MAKEWORD(0x1FF, 0xFF), 0xFFFF);
VALUE(MAKELONG(2, 0), PEERDIST_VERSION);
VALUE(MAKELONG(0x1FFFF, 0x7FFF), 0x7FFFFFFF);
VALUE(LOBYTE(0x1234), 0x34);
VALUE(HIBYTE(0x1234), 0x12);
VALUE(LOWORD(0x12345678), 0x5678);
VALUE(HIWORD(0x12345678), 0x1234);

/* Codes (3) */
VALUE(ERROR_SUCCESS, 0);
VALUE(ERROR_ACCESS_DENIED, 5);
VALUE(ERROR_INVALID_HANDLE, 6);
VALUE(ERROR_NOT_ENOUGH_MEMORY, 8);
VALUE(ERROR_NOT_SUPPORTED, 50);
VALUE(ERROR_INVALID_PARAMETER, 87);
VALUE(ERROR_INSUFFICIENT_BUFFER, 122);
VALUE(ERROR_ABANDONED_WAIT_0, 735);
VALUE(ERROR_OPERATION_ABORTED, 995);
VALUE(ERROR_IO_INCOMPLETE, 996);
VALUE(ERROR_IO_PENDING, 997);
VALUE(ERROR_NOT_FOUND, 1168);
VALUE(ERROR_ACCESS_DISABLED_BY_POLICY, 1260);
VALUE(ERROR_NO_SYSTEM_RESOURCES, 1450);
VALUE(ERROR_TIMEOUT, 1460);
VALUE(PEERDIST_ERROR_CONTENTINFO_VERSION_UNSUPPORTED, 0xFD2);
VALUE(PEERDIST_ERROR_CANNOT_PARSE_CONTENTINFO, 0xFD3);
VALUE(PEERDIST_ERROR_MISSING_DATA, 0xFD4);
VALUE(PEERDIST_ERROR_NO_MORE, 0xFD5);
VALUE(PEERDIST_ERROR_NOT_INITIALIZED, 0xFD6);
VALUE(PEERDIST_ERROR_ALREADY_INITIALIZED, 0xFD7);
VALUE(PEERDIST_ERROR_SHUTDOWN_IN_PROGRESS, 0xFD8);
VALUE(PEERDIST_ERROR_INVALIDATED, 0xFD9);
VALUE(PEERDIST_ERROR_ALREADY_EXISTS, 0xFDA);
VALUE(PEERDIST_ERROR_OPERATION_NOTFOUND, 0xFDB);
VALUE(PEERDIST_ERROR_ALREADY_COMPLETED, 0xFDC);
VALUE(PEERDIST_ERROR_OUT_OF_BOUNDS, 0xFDD);
VALUE(PEERDIST_ERROR_VERSION_UNSUPPORTED, 0xFDE);
VALUE(PEERDIST_ERROR_INVALID_CONFIGURATION, 0xFDF);
VALUE(PEERDIST_ERROR_NOT_LICENSED, 0xFE0);
VALUE(PEERDIST_ERROR_SERVICE_UNAVAILABLE, 0xFE1);
VALUE(PEERDIST_ERROR_TRUST_FAILURE, 0xFE2);

/* Signatures (6, 7, 8) */
#ifdef __cplusplus
extern "C" {
#endif
uint32_t PeerDistStartup(uint32_t, void **, uint32_t *);
uint32_t PeerDistShutdown(void *);
uint32_t PeerDistGetStatus(void *, enum peerdist_status_tag *);
uint32_t PeerDistGetStatusEx(void *, struct peerdist_status_info_tag *);
int PeerDistGetOverlappedResult(struct _OVERLAPPED *, uint32_t *, int);
uint32_t PeerDistRegisterForStatusChangeNotification(void *, void *, uintptr_t,
						     struct _OVERLAPPED *,
						     enum peerdist_status_tag *);
uint32_t PeerDistRegisterForStatusChangeNotificationEx(void *, void *, uintptr_t,
						       struct _OVERLAPPED *,
						       struct peerdist_status_info_tag *);
uint32_t PeerDistUnregisterForStatusChangeNotification(void *);
uint32_t PeerDistServerPublishStream(void *, uint32_t, uint8_t *, uint64_t,
				     const struct peerdist_publication_options_tag *, void *,
				     uintptr_t, void **);
uint32_t PeerDistServerPublishAddToStream(void *, void *, uint32_t, uint8_t *,
					  struct _OVERLAPPED *);
uint32_t PeerDistServerPublishCompleteStream(void *, void *, struct _OVERLAPPED *);
uint32_t PeerDistServerCloseStreamHandle(void *, void *);
uint32_t PeerDistServerUnpublish(void *, uint32_t, uint8_t *);
uint32_t PeerDistServerOpenContentInformation(void *, uint32_t, uint8_t *, uint64_t, uint64_t,
					      void *, uintptr_t, void **);
uint32_t PeerDistServerOpenContentInformationEx(void *, uint32_t, uint8_t *, uint64_t, uint64_t,
						struct peerdist_retrieval_options_tag *, void *,
						uintptr_t, void **);
uint32_t PeerDistServerRetrieveContentInformation(void *, void *, uint32_t, uint8_t *,
						  struct _OVERLAPPED *);
uint32_t PeerDistServerCloseContentInformation(void *, void *);
uint32_t PeerDistServerCancelAsyncOperation(void *, uint32_t, uint8_t *, struct _OVERLAPPED *);
uint32_t PeerDistClientOpenContent(void *, const struct peerdist_content_tag_tag *, void *,
				   uintptr_t, void **);
uint32_t PeerDistClientCloseContent(void *, void *);
uint32_t PeerDistClientAddContentInformation(void *, void *, uint32_t, uint8_t *,
					     struct _OVERLAPPED *);
uint32_t PeerDistClientCompleteContentInformation(void *, void *, struct _OVERLAPPED *);
uint32_t PeerDistClientAddData(void *, void *, uint32_t, uint8_t *, struct _OVERLAPPED *);
uint32_t PeerDistClientBlockRead(void *, void *, uint32_t, uint8_t *, uint32_t,
				 struct _OVERLAPPED *);
uint32_t PeerDistClientStreamRead(void *, void *, uint32_t, uint8_t *, uint32_t,
				  struct _OVERLAPPED *);
uint32_t PeerDistClientFlushContent(void *, const struct peerdist_content_tag_tag *, void *,
				    uintptr_t, struct _OVERLAPPED *);
uint32_t PeerDistClientCancelAsyncOperation(void *, void *, struct _OVERLAPPED *);
uint32_t PeerDistClientGetInformationByHandle(void *, void *,
					      enum _PEERDIST_CLIENT_INFO_BY_HANDLE_CLASS, uint32_t,
					      void *);
#ifdef __cplusplus
}
#endif

#endif
