/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The Peer Distribution API for Linux: Windows' names, types, values and signatures, over the
 * control file of a peerdistfs mount. Link with -lpeerdist (pkg-config peerdist). Sections named
 * here are those of peerdist-api.md, the specification; the manual is peerdist(3).
 *
 * Sizes and counts are octets, times milliseconds, CI is content information. What a function says
 * of itself is short where Windows' pages say the same at length.
 *
 * Conventions (3.3, 4):
 *  - A function returns 0 or a code from below; the last-error value is left alone unless said.
 *  - An asynchronous function (one that takes an OVERLAPPED) returns ERROR_IO_PENDING when the
 *    operation was accepted, and then exactly one completion follows; after any other code none.
 *    Until then the OVERLAPPED, the buffer and all outputs belong to the library.
 *  - The completion sets OVERLAPPED.hEvent, or if that is NULL queues a packet to the port given
 *    when the object was opened, or does neither: then PeerDistGetOverlappedResult() tells.
 *  - Everything may be called from every thread, also at the same time. After fork() the child has
 *    none of the instances (ERROR_INVALID_HANDLE), shares the events with its parent, and has its
 *    own copy of the ports.
 *  - Every function may return ERROR_INVALID_HANDLE, ERROR_INVALID_PARAMETER and
 *    ERROR_NOT_ENOUGH_MEMORY; those that use content also PEERDIST_ERROR_SERVICE_UNAVAILABLE,
 *    ERROR_ACCESS_DISABLED_BY_POLICY, PEERDIST_ERROR_INVALIDATED, ERROR_NO_SYSTEM_RESOURCES. Below
 *    only what is particular is named.
 *
 * Everything is declared unless NTDDI_VERSION or _WIN32_WINNT is defined as older than Windows 8;
 * then only what Windows 7 had is.
 */
#ifndef PEERDIST_H
#define PEERDIST_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Versions of Windows, to compile for (1) ------------------------------------------------------ */

#ifndef NTDDI_WIN7
#define NTDDI_WIN7 0x06010000
#endif
#ifndef NTDDI_WIN8
#define NTDDI_WIN8 0x06020000
#endif
#ifndef _WIN32_WINNT_WIN7
#define _WIN32_WINNT_WIN7 0x0601
#endif
#ifndef _WIN32_WINNT_WIN8
#define _WIN32_WINNT_WIN8 0x0602
#endif

#if defined(NTDDI_VERSION) && NTDDI_VERSION < 0x06020000
#define PEERDIST_FOR_WINDOWS_7 1
#elif defined(_WIN32_WINNT) && _WIN32_WINNT < 0x0602
#define PEERDIST_FOR_WINDOWS_7 1
#else
#define PEERDIST_FOR_WINDOWS_7 0
#endif

/* Types (11.2) --------------------------------------------------------------------------------- */

/* DWORD and LONG have 32 bits everywhere: print them with %u and %d, not with %lu and %ld. */
typedef uint8_t BYTE, UCHAR;
typedef uint16_t WORD, USHORT;
typedef uint32_t DWORD, ULONG, UINT;
typedef uint64_t ULONGLONG, DWORDLONG, UINT64, ULONG64, DWORD64;
typedef int16_t SHORT;
typedef int32_t LONG, INT;
typedef int64_t LONGLONG, INT64, LONG64;
typedef int BOOL;
typedef uintptr_t ULONG_PTR, DWORD_PTR, UINT_PTR;
typedef intptr_t LONG_PTR, INT_PTR;
typedef size_t SIZE_T;
typedef char CHAR;
typedef wchar_t WCHAR; /* of this system: 32 bits */

typedef void *PVOID, *LPVOID;
typedef const void *LPCVOID;
typedef void *HANDLE;
typedef HANDLE *PHANDLE, *LPHANDLE;
typedef BYTE *PBYTE, *LPBYTE;
typedef UCHAR *PUCHAR;
typedef WORD *PWORD, *LPWORD;
typedef DWORD *PDWORD, *LPDWORD;
typedef ULONG *PULONG;
typedef LONG *PLONG, *LPLONG;
typedef ULONGLONG *PULONGLONG;
typedef ULONG_PTR *PULONG_PTR;
typedef DWORD_PTR *PDWORD_PTR;
typedef BOOL *PBOOL, *LPBOOL;
typedef CHAR *PSTR, *LPSTR;
typedef const CHAR *PCSTR, *LPCSTR;
typedef WCHAR *PWSTR, *LPWSTR;
typedef const WCHAR *PCWSTR, *LPCWSTR;

typedef union _LARGE_INTEGER {
	__extension__ struct {
		DWORD LowPart;
		LONG HighPart;
	};
	LONGLONG QuadPart;
} LARGE_INTEGER, *PLARGE_INTEGER;

typedef union _ULARGE_INTEGER {
	__extension__ struct {
		DWORD LowPart;
		DWORD HighPart;
	};
	ULONGLONG QuadPart;
} ULARGE_INTEGER, *PULARGE_INTEGER;

/* Ignored wherever it is taken. */
typedef struct _SECURITY_ATTRIBUTES {
	DWORD nLength;
	LPVOID lpSecurityDescriptor;
	BOOL bInheritHandle;
} SECURITY_ATTRIBUTES, *PSECURITY_ATTRIBUTES, *LPSECURITY_ATTRIBUTES;

/* One asynchronous operation, known by its address; it serves one at a time (4.3). At the end
 * Internal is the operation's code, 0 for success, InternalHigh the count; both are written by the
 * library, also the offset where the function says so. */
typedef struct _OVERLAPPED {
	ULONG_PTR Internal;
	ULONG_PTR InternalHigh;
	__extension__ union {
		__extension__ struct {
			DWORD Offset;
			DWORD OffsetHigh;
		};
		PVOID Pointer;
	};
	HANDLE hEvent; /* of CreateEvent(), manual-reset; NULL: the port, if there is one */
} OVERLAPPED, *LPOVERLAPPED;

/* A packet taken from a port. */
typedef struct _OVERLAPPED_ENTRY {
	ULONG_PTR lpCompletionKey;
	LPOVERLAPPED lpOverlapped;
	ULONG_PTR Internal; /* the operation's code */
	DWORD dwNumberOfBytesTransferred;
} OVERLAPPED_ENTRY, *LPOVERLAPPED_ENTRY;

/* Words of Windows' headers (11.2) ------------------------------------------------------------- */

#ifndef VOID
#define VOID void
#endif
#ifndef CONST
#define CONST const
#endif
#ifndef WINAPI
#define WINAPI
#endif
#ifndef CALLBACK
#define CALLBACK
#endif
#ifndef APIENTRY
#define APIENTRY
#endif

#ifndef _In_
#define _In_
#endif
#ifndef _In_opt_
#define _In_opt_
#endif
#ifndef _Out_
#define _Out_
#endif
#ifndef _Out_opt_
#define _Out_opt_
#endif
#ifndef _Inout_
#define _Inout_
#endif
#ifndef _Inout_opt_
#define _Inout_opt_
#endif
#ifndef _Reserved_
#define _Reserved_
#endif
#ifndef _In_reads_
#define _In_reads_(count)
#endif
#ifndef _In_reads_opt_
#define _In_reads_opt_(count)
#endif
#ifndef _In_reads_bytes_
#define _In_reads_bytes_(size)
#endif
#ifndef _In_reads_bytes_opt_
#define _In_reads_bytes_opt_(size)
#endif
#ifndef _Out_writes_
#define _Out_writes_(count)
#endif
#ifndef _Out_writes_bytes_
#define _Out_writes_bytes_(size)
#endif
#ifndef _Out_writes_bytes_opt_
#define _Out_writes_bytes_opt_(size)
#endif

#ifndef TRUE
#define TRUE 1
#endif
#ifndef FALSE
#define FALSE 0
#endif
#ifndef MAKEWORD
#define MAKEWORD(low, high) ((WORD)((BYTE)(low) | (WORD)((WORD)(BYTE)(high) << 8)))
#endif
#ifndef MAKELONG
#define MAKELONG(low, high) ((LONG)((WORD)(low) | (DWORD)(WORD)(high) << 16))
#endif
#ifndef LOBYTE
#define LOBYTE(word) ((BYTE)((DWORD_PTR)(word)&0xFF))
#endif
#ifndef HIBYTE
#define HIBYTE(word) ((BYTE)((DWORD_PTR)(word) >> 8 & 0xFF))
#endif
#ifndef LOWORD
#define LOWORD(dword) ((WORD)((DWORD_PTR)(dword)&0xFFFF))
#endif
#ifndef HIWORD
#define HIWORD(dword) ((WORD)((DWORD_PTR)(dword) >> 16 & 0xFFFF))
#endif
#ifndef ZeroMemory
#define ZeroMemory(destination, size) memset((destination), 0, (size))
#endif
#ifndef CopyMemory
#define CopyMemory(destination, source, size) memcpy((destination), (source), (size))
#endif
#ifndef UNREFERENCED_PARAMETER
#define UNREFERENCED_PARAMETER(parameter) ((void)(parameter))
#endif

#define INVALID_HANDLE_VALUE ((HANDLE)(intptr_t)-1)
#define INFINITE 0xFFFFFFFF
#define MAXIMUM_WAIT_OBJECTS 64
#define STATUS_PENDING 0x103
#define WAIT_OBJECT_0 0x0
#define WAIT_ABANDONED 0x80
#define WAIT_TIMEOUT 258
#define WAIT_FAILED 0xFFFFFFFF

/* Whether the operation has ended; what it brought may be looked at if so. */
#define HasOverlappedIoCompleted(overlapped)                                                       \
	((DWORD)__atomic_load_n(&(overlapped)->Internal, __ATOMIC_ACQUIRE) != STATUS_PENDING)

/* Codes (3) ------------------------------------------------------------------------------------ */

#define ERROR_SUCCESS 0
#define NO_ERROR 0
#define ERROR_ACCESS_DENIED 5  /* the control file is not the caller's to open */
#define ERROR_INVALID_HANDLE 6 /* not live, or of another kind */
#define ERROR_NOT_ENOUGH_MEMORY 8
#define ERROR_NOT_SUPPORTED 50 /* named events, ports for files */
#define ERROR_INVALID_PARAMETER 87
#define ERROR_INSUFFICIENT_BUFFER 122
#define ERROR_ABANDONED_WAIT_0 735           /* the port was closed meanwhile */
#define ERROR_OPERATION_ABORTED 995          /* cancelled */
#define ERROR_IO_INCOMPLETE 996              /* still pending, and nobody wanted to wait */
#define ERROR_IO_PENDING 997                 /* accepted; a completion follows */
#define ERROR_NOT_FOUND 1168                 /* not published by this user */
#define ERROR_ACCESS_DISABLED_BY_POLICY 1260 /* PEERDIST_STATUS_DISABLED */
#define ERROR_NO_SYSTEM_RESOURCES 1450       /* a limit: operations, handles, ... (10, row 20) */
#define ERROR_TIMEOUT 1460                   /* a read's time is over */

#define PEERDIST_ERROR_CONTENTINFO_VERSION_UNSUPPORTED 4050
#define PEERDIST_ERROR_CANNOT_PARSE_CONTENTINFO 4051
#define PEERDIST_ERROR_MISSING_DATA 4052    /* neither here nor with peers */
#define PEERDIST_ERROR_NO_MORE 4053         /* end of the stream, of the range, of the CI */
#define PEERDIST_ERROR_NOT_INITIALIZED 4054 /* the CI is not complete */
#define PEERDIST_ERROR_ALREADY_INITIALIZED 4055
#define PEERDIST_ERROR_SHUTDOWN_IN_PROGRESS 4056
#define PEERDIST_ERROR_INVALIDATED 4057    /* only closing works */
#define PEERDIST_ERROR_ALREADY_EXISTS 4058 /* published already, registered already */
#define PEERDIST_ERROR_OPERATION_NOTFOUND 4059
#define PEERDIST_ERROR_ALREADY_COMPLETED 4060
#define PEERDIST_ERROR_OUT_OF_BOUNDS 4061
#define PEERDIST_ERROR_VERSION_UNSUPPORTED 4062
#define PEERDIST_ERROR_INVALID_CONFIGURATION 4063
#define PEERDIST_ERROR_NOT_LICENSED 4064
#define PEERDIST_ERROR_SERVICE_UNAVAILABLE 4065 /* not mounted, daemon gone, not ready */
#define PEERDIST_ERROR_TRUST_FAILURE 4066

/* Peer Distribution: types (2) ----------------------------------------------------------------- */

typedef HANDLE PEERDIST_INSTANCE_HANDLE, *PPEERDIST_INSTANCE_HANDLE;
typedef HANDLE PEERDIST_STREAM_HANDLE, *PPEERDIST_STREAM_HANDLE;
typedef HANDLE PEERDIST_CONTENTINFO_HANDLE, *PPEERDIST_CONTENTINFO_HANDLE;
typedef HANDLE PEERDIST_CONTENT_HANDLE, *PPEERDIST_CONTENT_HANDLE;

#if PEERDIST_FOR_WINDOWS_7
#define PEERDIST_VERSION 0x0001
#define PEERDIST_PUBLICATION_OPTIONS_VERSION 1
#else
#define PEERDIST_VERSION 0x00000002 /* low octet the major, next the minor version */
#define PEERDIST_PUBLICATION_OPTIONS_VERSION 2
#define PEERDIST_PUBLICATION_OPTIONS_VERSION_2 2
#endif
#define PEERDIST_PUBLICATION_OPTIONS_VERSION_1 1
#define PEERDIST_RETRIEVAL_OPTIONS_CONTENTINFO_VERSION_1 1
#define PEERDIST_RETRIEVAL_OPTIONS_CONTENTINFO_VERSION_2 2
#define PEERDIST_RETRIEVAL_OPTIONS_CONTENTINFO_VERSION 2

/* Time-outs of reads; INFINITE is a third one (8.6). */
#define PEERDIST_READ_TIMEOUT_LOCAL_CACHE_ONLY 0
#define PEERDIST_READ_TIMEOUT_DEFAULT 0xFFFFFFFE /* the service's: 5000, unless configured */

typedef enum peerdist_status_tag {
	PEERDIST_STATUS_DISABLED = 0,
	PEERDIST_STATUS_UNAVAILABLE = 1,
	PEERDIST_STATUS_AVAILABLE = 2
} PEERDIST_STATUS,
	*PPEERDIST_STATUS;

/* A consumer's label on what it adds to the cache; any octets. */
typedef struct peerdist_content_tag_tag {
	BYTE Data[16];
} PEERDIST_CONTENT_TAG, *PPEERDIST_CONTENT_TAG;
typedef const PEERDIST_CONTENT_TAG *PCPEERDIST_CONTENT_TAG;

typedef struct peerdist_publication_options_tag {
	DWORD dwVersion; /* 1 or 2 */
	DWORD dwFlags;   /* 0; for PeerDistLinuxPublishOptions() see below */
} PEERDIST_PUBLICATION_OPTIONS, *PPEERDIST_PUBLICATION_OPTIONS;
typedef const PEERDIST_PUBLICATION_OPTIONS *PCPEERDIST_PUBLICATION_OPTIONS;

#if !PEERDIST_FOR_WINDOWS_7
/* Which versions of CI the consumer understands. */
typedef struct peerdist_retrieval_options_tag {
	DWORD cbSize; /* sizeof(PEERDIST_RETRIEVAL_OPTIONS) */
	DWORD dwContentInfoMinVersion;
	DWORD dwContentInfoMaxVersion;
	DWORD dwReserved; /* 0 */
} PEERDIST_RETRIEVAL_OPTIONS, *PPEERDIST_RETRIEVAL_OPTIONS;
typedef const PEERDIST_RETRIEVAL_OPTIONS *PCPEERDIST_RETRIEVAL_OPTIONS;

typedef struct peerdist_status_info_tag {
	DWORD cbSize; /* in: sizeof(PEERDIST_STATUS_INFO) */
	PEERDIST_STATUS status;
	DWORD dwMinVer; /* versions of CI that the service handles */
	DWORD dwMaxVer;
} PEERDIST_STATUS_INFO, *PPEERDIST_STATUS_INFO;
typedef const PEERDIST_STATUS_INFO *PCPEERDIST_STATUS_INFO;

typedef enum _PEERDIST_CLIENT_INFO_BY_HANDLE_CLASS {
	PeerDistClientBasicInfo = 0,
	MaximumPeerDistClientInfoByHandlesClass = 1 /* a bound, not a class */
} PEERDIST_CLIENT_INFO_BY_HANDLE_CLASS,
	*PPEERDIST_CLIENT_INFO_BY_HANDLE_CLASS;

typedef struct _PEERDIST_CLIENT_BASIC_INFO {
	BOOL fFlashCrowd; /* many near machines fetch this: what misses may soon be had of them */
} PEERDIST_CLIENT_BASIC_INFO, *PPEERDIST_CLIENT_BASIC_INFO;
#endif

/* Both roles (6) ------------------------------------------------------------------------------- */

/* 6.1. dwVersionRequested: the oldest the program can live with, PEERDIST_VERSION. An instance is
 * made also while the service is off or not mounted. *pdwSupportedVersion (may be NULL) is set on
 * success and with PEERDIST_ERROR_VERSION_UNSUPPORTED. ERROR_ACCESS_DENIED: the control file is not
 * the caller's to open. Every instance is to be ended by PeerDistShutdown(). */
DWORD WINAPI PeerDistStartup(DWORD dwVersionRequested, PPEERDIST_INSTANCE_HANDLE phPeerDist,
			     PDWORD pdwSupportedVersion);

/* 6.2. Cancels everything pending, closes all handles of the instance and removes its publications;
 * returns when all completions were delivered. */
DWORD WINAPI PeerDistShutdown(PEERDIST_INSTANCE_HANDLE hPeerDist);

/* 6.3. */
DWORD WINAPI PeerDistGetStatus(PEERDIST_INSTANCE_HANDLE hPeerDist,
			       PEERDIST_STATUS *pPeerDistStatus);

/* 6.6. Asynchronous; one registration per instance (else PEERDIST_ERROR_ALREADY_EXISTS). Completes
 * when the status differs from the last one told, at first from DISABLED; *pPeerDistStatus is
 * written then. Handles opened before a change to another status than AVAILABLE are only good to be
 * closed. */
DWORD WINAPI PeerDistRegisterForStatusChangeNotification(PEERDIST_INSTANCE_HANDLE hPeerDist,
							 HANDLE hCompletionPort,
							 ULONG_PTR ulCompletionKey,
							 LPOVERLAPPED lpOverlapped,
							 PEERDIST_STATUS *pPeerDistStatus);

/* 6.8. The registration, if there is one, completes with ERROR_OPERATION_ABORTED, which is then the
 * last-error value too. */
DWORD WINAPI PeerDistUnregisterForStatusChangeNotification(PEERDIST_INSTANCE_HANDLE hPeerDist);

#if !PEERDIST_FOR_WINDOWS_7
/* 6.4. */
DWORD WINAPI PeerDistGetStatusEx(PEERDIST_INSTANCE_HANDLE hPeerDist,
				 PEERDIST_STATUS_INFO *pPeerDistStatus);

/* 6.5. TRUE: success. FALSE: the last-error value is the operation's code, or ERROR_IO_INCOMPLETE
 * if it is pending and bWait is FALSE. The count is set when the operation has ended, also with an
 * error: for PEERDIST_ERROR_MISSING_DATA and ERROR_TIMEOUT it is the length that misses. */
BOOL WINAPI PeerDistGetOverlappedResult(LPOVERLAPPED lpOverlapped,
					LPDWORD lpNumberOfBytesTransferred, BOOL bWait);

/* 6.7. */
DWORD WINAPI PeerDistRegisterForStatusChangeNotificationEx(PEERDIST_INSTANCE_HANDLE hPeerDist,
							   HANDLE hCompletionPort,
							   ULONG_PTR ulCompletionKey,
							   LPOVERLAPPED lpOverlapped,
							   PEERDIST_STATUS_INFO *pPeerDistStatus);
#endif

/* Publisher (7) -------------------------------------------------------------------------------- */

/* A content identifier is 1 to 8192 octets, copied at the call; it means something only together
 * with the user who published. */

/* 7.1. cbContentLength: of what will be added, or 0 if not known. pPublishOptions may be NULL.
 * PEERDIST_ERROR_ALREADY_EXISTS: this user has published that identifier. */
DWORD WINAPI PeerDistServerPublishStream(PEERDIST_INSTANCE_HANDLE hPeerDist,
					 DWORD cbContentIdentifier, PBYTE pContentIdentifier,
					 ULONGLONG cbContentLength,
					 PCPEERDIST_PUBLICATION_OPTIONS pPublishOptions,
					 HANDLE hCompletionPort, ULONG_PTR ulCompletionKey,
					 PPEERDIST_STREAM_HANDLE phStream);

/* 7.2. Asynchronous; the count is cbNumberOfBytes. Pieces may have any size; several are taken in
 * the order of the calls. The offset in lpOverlapped must be 0. */
DWORD WINAPI PeerDistServerPublishAddToStream(PEERDIST_INSTANCE_HANDLE hPeerDist,
					      PEERDIST_STREAM_HANDLE hStream, DWORD cbNumberOfBytes,
					      PBYTE pBuffer, LPOVERLAPPED lpOverlapped);

/* 7.3. Asynchronous. Completes with ERROR_INVALID_PARAMETER if less was added than declared, or
 * nothing. */
DWORD WINAPI PeerDistServerPublishCompleteStream(PEERDIST_INSTANCE_HANDLE hPeerDist,
						 PEERDIST_STREAM_HANDLE hStream,
						 LPOVERLAPPED lpOverlapped);

/* 7.4. Before the stream was completed: the publication is given up. Afterwards it stays. */
DWORD WINAPI PeerDistServerCloseStreamHandle(PEERDIST_INSTANCE_HANDLE hPeerDist,
					     PEERDIST_STREAM_HANDLE hStream);

/* 7.5. ERROR_NOT_FOUND: this user has not published it. Handles on it remain to be closed. */
DWORD WINAPI PeerDistServerUnpublish(PEERDIST_INSTANCE_HANDLE hPeerDist, DWORD cbContentIdentifier,
				     PBYTE pContentIdentifier);

/* 7.6. Of a range; offset and length 0: of everything. The version is 1, which all consumers know,
 * unless the administrator forbids it. ERROR_NOT_FOUND; PEERDIST_ERROR_OUT_OF_BOUNDS. */
DWORD WINAPI PeerDistServerOpenContentInformation(
	PEERDIST_INSTANCE_HANDLE hPeerDist, DWORD cbContentIdentifier, PBYTE pContentIdentifier,
	ULONGLONG ullContentOffset, ULONGLONG cbContentLength, HANDLE hCompletionPort,
	ULONG_PTR ulCompletionKey, PPEERDIST_CONTENTINFO_HANDLE phContentInfo);

/* 7.8. Asynchronous; the count is what came, 1 to cbMaxNumberOfBytes, the offset where in the CI it
 * lies. PEERDIST_ERROR_NO_MORE: that was all. CI is as good as the content: keep it secret. */
DWORD WINAPI PeerDistServerRetrieveContentInformation(PEERDIST_INSTANCE_HANDLE hPeerDist,
						      PEERDIST_CONTENTINFO_HANDLE hContentInfo,
						      DWORD cbMaxNumberOfBytes, PBYTE pBuffer,
						      LPOVERLAPPED lpOverlapped);

/* 7.9. */
DWORD WINAPI PeerDistServerCloseContentInformation(PEERDIST_INSTANCE_HANDLE hPeerDist,
						   PEERDIST_CONTENTINFO_HANDLE hContentInfo);

/* 7.10, 4.6. Returns when the completion was delivered, and the last-error value is
 * ERROR_OPERATION_ABORTED. PEERDIST_ERROR_OPERATION_NOTFOUND: nothing to cancel. */
DWORD WINAPI PeerDistServerCancelAsyncOperation(PEERDIST_INSTANCE_HANDLE hPeerDist,
						DWORD cbContentIdentifier, PBYTE pContentIdentifier,
						LPOVERLAPPED pOverlapped);

#if !PEERDIST_FOR_WINDOWS_7
/* 7.7. The highest version of CI that the range given and the administrator allow; else
 * PEERDIST_ERROR_CONTENTINFO_VERSION_UNSUPPORTED. */
DWORD WINAPI PeerDistServerOpenContentInformationEx(
	PEERDIST_INSTANCE_HANDLE hPeerDist, DWORD cbContentIdentifier, PBYTE pContentIdentifier,
	ULONGLONG ullContentOffset, ULONGLONG cbContentLength,
	PEERDIST_RETRIEVAL_OPTIONS *pRetrievalOptions, HANDLE hCompletionPort,
	ULONG_PTR ulCompletionKey, PPEERDIST_CONTENTINFO_HANDLE phContentInfo);
#endif

/* Consumer (8) --------------------------------------------------------------------------------- */

/* 8.1. The tag is copied. */
DWORD WINAPI PeerDistClientOpenContent(PEERDIST_INSTANCE_HANDLE hPeerDist,
				       PCPEERDIST_CONTENT_TAG pContentTag, HANDLE hCompletionPort,
				       ULONG_PTR ulCompletionKey,
				       PPEERDIST_CONTENT_HANDLE phContentHandle);

/* 8.2. Cancels what is pending on the handle. */
DWORD WINAPI PeerDistClientCloseContent(PEERDIST_INSTANCE_HANDLE hPeerDist,
					PEERDIST_CONTENT_HANDLE hContentHandle);

/* 8.3. Asynchronous. The next piece of the CI; the offset in lpOverlapped must be 0. Completes with
 * PEERDIST_ERROR_CANNOT_PARSE_CONTENTINFO or PEERDIST_ERROR_CONTENTINFO_VERSION_UNSUPPORTED as soon
 * as that is certain. */
DWORD WINAPI PeerDistClientAddContentInformation(PEERDIST_INSTANCE_HANDLE hPeerDist,
						 PEERDIST_CONTENT_HANDLE hContentHandle,
						 DWORD cbNumberOfBytes, PBYTE pBuffer,
						 LPOVERLAPPED lpOverlapped);

/* 8.4. Asynchronous. With success reads become possible; before they return
 * PEERDIST_ERROR_NOT_INITIALIZED. */
DWORD WINAPI PeerDistClientCompleteContentInformation(PEERDIST_INSTANCE_HANDLE hPeerDist,
						      PEERDIST_CONTENT_HANDLE hContentHandle,
						      LPOVERLAPPED lpOverlapped);

/* 8.5. Asynchronous. The offset in lpOverlapped is where in the content it belongs. What does not
 * match the CI is dropped without a word. PEERDIST_ERROR_OUT_OF_BOUNDS: beyond the end. */
DWORD WINAPI PeerDistClientAddData(PEERDIST_INSTANCE_HANDLE hPeerDist,
				   PEERDIST_CONTENT_HANDLE hContentHandle, DWORD cbNumberOfBytes,
				   PBYTE pBuffer, LPOVERLAPPED lpOverlapped);

/* 8.6. Asynchronous. From the offset in lpOverlapped, which afterwards tells where the count octets
 * belong; it completes with what is there, at most 1 MiB. PEERDIST_ERROR_MISSING_DATA and
 * ERROR_TIMEOUT: offset and count say what is to be fetched elsewhere. PEERDIST_ERROR_NO_MORE:
 * outside the CI's range. cbMaxNumberOfBytes 0: the count says how much is in the local cache. */
DWORD WINAPI PeerDistClientBlockRead(PEERDIST_INSTANCE_HANDLE hPeerDist,
				     PEERDIST_CONTENT_HANDLE hContentHandle,
				     DWORD cbMaxNumberOfBytes, PBYTE pBuffer,
				     DWORD dwTimeoutInMilliseconds, LPOVERLAPPED lpOverlapped);

/* 8.7. Asynchronous. As 8.6 from the handle's own position, which moves by what was delivered or
 * reported missing. */
DWORD WINAPI PeerDistClientStreamRead(PEERDIST_INSTANCE_HANDLE hPeerDist,
				      PEERDIST_CONTENT_HANDLE hContentHandle,
				      DWORD cbMaxNumberOfBytes, PBYTE pBuffer,
				      DWORD dwTimeoutInMilliseconds, LPOVERLAPPED lpOverlapped);

/* 8.8. Asynchronous. Removes from the cache what this user added under the tag, unless another tag
 * keeps it. The offset in lpOverlapped must be 0. */
DWORD WINAPI PeerDistClientFlushContent(PEERDIST_INSTANCE_HANDLE hPeerDist,
					PCPEERDIST_CONTENT_TAG pContentTag, HANDLE hCompletionPort,
					ULONG_PTR ulCompletionKey, LPOVERLAPPED lpOverlapped);

/* 8.9, 4.6. As 7.10. pOverlapped NULL: all that is pending on the handle. */
DWORD WINAPI PeerDistClientCancelAsyncOperation(PEERDIST_INSTANCE_HANDLE hPeerDist,
						PEERDIST_CONTENT_HANDLE hContentHandle,
						LPOVERLAPPED pOverlapped);

#if !PEERDIST_FOR_WINDOWS_7
/* 8.10. Of class PeerDistClientBasicInfo: a PEERDIST_CLIENT_BASIC_INFO.
 * ERROR_INSUFFICIENT_BUFFER. */
DWORD WINAPI PeerDistClientGetInformationByHandle(
	PEERDIST_INSTANCE_HANDLE hPeerDist, PEERDIST_CONTENT_HANDLE hContentHandle,
	PEERDIST_CLIENT_INFO_BY_HANDLE_CLASS PeerDistClientInfoClass, DWORD dwBufferSize,
	LPVOID lpInformation);
#endif

/* What else of Windows such programs need (11.3) ------------------------------------------------
 */

/* Handles of these are events and ports. Functions that return BOOL give FALSE, those that return a
 * HANDLE NULL, with the last-error value set, ERROR_INVALID_HANDLE unless said. */

/* Unnamed events only (else ERROR_NOT_SUPPORTED). To be closed by CloseHandle(). */
HANDLE WINAPI CreateEventA(LPSECURITY_ATTRIBUTES lpEventAttributes, BOOL bManualReset,
			   BOOL bInitialState, LPCSTR lpName);
HANDLE WINAPI CreateEventW(LPSECURITY_ATTRIBUTES lpEventAttributes, BOOL bManualReset,
			   BOOL bInitialState, LPCWSTR lpName);
#ifndef CreateEvent
#ifdef UNICODE
#define CreateEvent CreateEventW
#else
#define CreateEvent CreateEventA
#endif
#endif

BOOL WINAPI SetEvent(HANDLE hEvent);
BOOL WINAPI ResetEvent(HANDLE hEvent);

/* For events. WAIT_OBJECT_0 (plus the index), WAIT_TIMEOUT or WAIT_FAILED. An auto-reset event is
 * reset by the wait that it ends. Of several the lowest index counts; with bWaitAll all of them are
 * needed, and until all are there none is reset for good. ERROR_INVALID_PARAMETER: no handle,
 * more than MAXIMUM_WAIT_OBJECTS, or with bWaitAll one of them twice. */
DWORD WINAPI WaitForSingleObject(HANDLE hHandle, DWORD dwMilliseconds);
DWORD WINAPI WaitForMultipleObjects(DWORD nCount, const HANDLE *lpHandles, BOOL bWaitAll,
				    DWORD dwMilliseconds);

/* Of an event or a port: what is still pending keeps its own hold on it. */
BOOL WINAPI CloseHandle(HANDLE hObject);

/* A new port: FileHandle INVALID_HANDLE_VALUE, ExistingCompletionPort NULL; key and number of
 * threads mean nothing. Everything else is refused with ERROR_NOT_SUPPORTED, PeerDist handles with
 * ERROR_INVALID_HANDLE: a port is given to the PeerDist functions themselves. */
HANDLE WINAPI CreateIoCompletionPort(HANDLE FileHandle, HANDLE ExistingCompletionPort,
				     ULONG_PTR CompletionKey, DWORD NumberOfConcurrentThreads);

/* The oldest packet. FALSE with *lpOverlapped not NULL: the packet of an operation that failed, its
 * code is the last-error value and all outputs are set. FALSE with *lpOverlapped NULL: no packet;
 * WAIT_TIMEOUT, ERROR_ABANDONED_WAIT_0 (the port was closed meanwhile), ERROR_INVALID_PARAMETER. */
BOOL WINAPI GetQueuedCompletionStatus(HANDLE CompletionPort, LPDWORD lpNumberOfBytesTransferred,
				      PULONG_PTR lpCompletionKey, LPOVERLAPPED *lpOverlapped,
				      DWORD dwMilliseconds);

/* At most ulCount packets, as many as there are, once there is one. fAlertable is ignored. Codes of
 * failed operations are in the entries. */
BOOL WINAPI GetQueuedCompletionStatusEx(HANDLE CompletionPort,
					LPOVERLAPPED_ENTRY lpCompletionPortEntries, ULONG ulCount,
					PULONG ulNumEntriesRemoved, DWORD dwMilliseconds,
					BOOL fAlertable);

/* Queues a packet of success with these three values, whatever they are. */
BOOL WINAPI PostQueuedCompletionStatus(HANDLE CompletionPort, DWORD dwNumberOfBytesTransferred,
				       ULONG_PTR dwCompletionKey, LPOVERLAPPED lpOverlapped);

/* PeerDistGetOverlappedResult(); hFile is ignored. */
BOOL WINAPI GetOverlappedResult(HANDLE hFile, LPOVERLAPPED lpOverlapped,
				LPDWORD lpNumberOfBytesTransferred, BOOL bWait);

/* Of the calling thread. */
DWORD WINAPI GetLastError(void);
void WINAPI SetLastError(DWORD dwErrCode);

/* Milliseconds; those since the machine started. */
void WINAPI Sleep(DWORD dwMilliseconds);
ULONGLONG WINAPI GetTickCount64(void);

/* For programs of this system (11.3) ----------------------------------------------------------- */

/* The descriptor of an event or a port, to be waited for with poll() or epoll: readable as long as
 * the event is set or packets are queued. It belongs to the handle and is gone with it: neither
 * read, write nor close it, but take what there is by WaitForSingleObject() or
 * GetQueuedCompletionStatus() with time-out 0. -1: ERROR_INVALID_HANDLE, ERROR_NO_SYSTEM_RESOURCES
 * as the last-error value. */
int PeerDistLinuxGetDescriptor(HANDLE hObject);

/* The control file of this process' instances, from their next attachment on: <mount>/.peerdist/
 * control. NULL, at first: what the environment's PEERDIST_CONTROL says, else the first mount there
 * is. The path is copied. ERROR_INVALID_PARAMETER: empty, or longer than PATH_MAX. */
DWORD PeerDistLinuxSetControlPath(const char *pszPath);

/* "ERROR_IO_PENDING", "PEERDIST_ERROR_MISSING_DATA", ...; static. NULL: none of the above. */
const char *PeerDistLinuxErrorName(DWORD dwError);

/* Closes the instance's control file, e.g. for a moment in which the file system is unmounted: as
 * if the service had gone. It stays so until PeerDistLinuxAttach(). */
DWORD PeerDistLinuxDetach(PEERDIST_INSTANCE_HANDLE hPeerDist);

/* Opens the control file, if it is not open. Otherwise every call does so where it is needed; only
 * after PeerDistLinuxDetach() this one must. PEERDIST_ERROR_SERVICE_UNAVAILABLE: there is none;
 * ERROR_ACCESS_DENIED: not the caller's to open, or the caller is not the user that started the
 * instance. */
DWORD PeerDistLinuxAttach(PEERDIST_INSTANCE_HANDLE hPeerDist);

/* What becomes of the streams that this instance publishes from now on; 0 at first. Windows'
 * dwFlags has no place for it. */
#define PEERDIST_LINUX_PUBLISH_KEEP 0x00000001 /* keep the data too, and serve it to peers */
DWORD PeerDistLinuxPublishOptions(PEERDIST_INSTANCE_HANDLE hPeerDist, DWORD dwFlags);

#ifdef __cplusplus
}
#endif

#endif
