/* SPDX-License-Identifier: BSD-2-Clause
 *
 *	every_function
 *
 * A small life of a content by all 28 functions of the API: published and described, consumed and
 * forgotten again, all in memory. Ends with status 0 if every function gave what it should.
 */
#include <windows.h>

#include <peerdist.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SIZE 200000u
#define INFORMATION_ROOM 8192u

static const char name[] = "every function";
static BYTE content[SIZE], back[SIZE], information[INFORMATION_ROOM];
static DWORD information_size;
static PEERDIST_INSTANCE_HANDLE instance;
static HANDLE port;
static OVERLAPPED overlapped;

static void expect(const char *what, DWORD code, DWORD expected)
{
	if (code == expected)
		return;
	fprintf(stderr, "%s: %lu, not %lu\n", what, (unsigned long)code, (unsigned long)expected);
	exit(1);
}

static PBYTE identifier(void)
{
	return (PBYTE)(ULONG_PTR)name;
}

/* The end of the operation, which was begun with CODE; returns its octets. */
static DWORD ends(const char *what, DWORD code, DWORD expected)
{
	DWORD count = 0;

	expect(what, code, ERROR_IO_PENDING);
	if (PeerDistGetOverlappedResult(&overlapped, &count, TRUE))
		expect(what, ERROR_SUCCESS, expected);
	else
		expect(what, GetLastError(), expected);
	ResetEvent(overlapped.hEvent);
	overlapped.Offset = overlapped.OffsetHigh = 0;
	return count;
}

static void see_status(void)
{
	PEERDIST_STATUS status = PEERDIST_STATUS_DISABLED;
	PEERDIST_STATUS_INFO info = {sizeof(info), PEERDIST_STATUS_DISABLED, 0, 0};

	expect("GetStatus", PeerDistGetStatus(instance, &status), ERROR_SUCCESS);
	expect("status", status, PEERDIST_STATUS_AVAILABLE);
	expect("GetStatusEx", PeerDistGetStatusEx(instance, &info), ERROR_SUCCESS);
	expect("status", info.status, PEERDIST_STATUS_AVAILABLE);
	ends("Register",
	     PeerDistRegisterForStatusChangeNotification(instance, NULL, 0, &overlapped, &status),
	     ERROR_SUCCESS);
	/* nothing changes any more, so that the second one stays until it is taken back */
	expect("RegisterEx",
	       PeerDistRegisterForStatusChangeNotificationEx(instance, NULL, 0, &overlapped, &info),
	       ERROR_IO_PENDING);
	expect("Unregister", PeerDistUnregisterForStatusChangeNotification(instance),
	       ERROR_SUCCESS);
	ends("RegisterEx", ERROR_IO_PENDING, ERROR_OPERATION_ABORTED);
}

static void publish(void)
{
	PEERDIST_PUBLICATION_OPTIONS options = {PEERDIST_PUBLICATION_OPTIONS_VERSION, 0};
	PEERDIST_STREAM_HANDLE stream;
	DWORD count;

	expect("PublishStream",
	       PeerDistServerPublishStream(instance, sizeof(name), identifier(), SIZE, &options,
					   NULL, 0, &stream),
	       ERROR_SUCCESS);
	count = ends("PublishAddToStream",
		     PeerDistServerPublishAddToStream(instance, stream, SIZE, content, &overlapped),
		     ERROR_SUCCESS);
	expect("octets added", count, SIZE);
	ends("PublishCompleteStream",
	     PeerDistServerPublishCompleteStream(instance, stream, &overlapped), ERROR_SUCCESS);
	expect("ServerCancel",
	       PeerDistServerCancelAsyncOperation(instance, sizeof(name), identifier(),
						  &overlapped),
	       PEERDIST_ERROR_OPERATION_NOTFOUND);
	expect("CloseStreamHandle", PeerDistServerCloseStreamHandle(instance, stream),
	       ERROR_SUCCESS);
}

/* Version 1, which lists blocks of 64 KiB. */
static void retrieve(void)
{
	PEERDIST_RETRIEVAL_OPTIONS options = {sizeof(options),
					      PEERDIST_RETRIEVAL_OPTIONS_CONTENTINFO_VERSION_1,
					      PEERDIST_RETRIEVAL_OPTIONS_CONTENTINFO_VERSION_1, 0};
	PEERDIST_CONTENTINFO_HANDLE handle;

	expect("OpenContentInformation",
	       PeerDistServerOpenContentInformation(instance, sizeof(name), identifier(), 0, 0,
						    NULL, 0, &handle),
	       ERROR_SUCCESS);
	expect("CloseContentInformation", PeerDistServerCloseContentInformation(instance, handle),
	       ERROR_SUCCESS);
	expect("OpenContentInformationEx",
	       PeerDistServerOpenContentInformationEx(instance, sizeof(name), identifier(), 0, 0,
						      &options, NULL, 0, &handle),
	       ERROR_SUCCESS);
	information_size =
		ends("RetrieveContentInformation",
		     PeerDistServerRetrieveContentInformation(instance, handle, INFORMATION_ROOM,
							      information, &overlapped),
		     ERROR_SUCCESS);
	ends("RetrieveContentInformation",
	     PeerDistServerRetrieveContentInformation(instance, handle, INFORMATION_ROOM,
						      information + information_size, &overlapped),
	     PEERDIST_ERROR_NO_MORE);
	expect("CloseContentInformation", PeerDistServerCloseContentInformation(instance, handle),
	       ERROR_SUCCESS);
}

static void read_back(PEERDIST_CONTENT_HANDLE handle)
{
	DWORD done = 0;

	while (done < SIZE)
		done += ends("StreamRead",
			     PeerDistClientStreamRead(instance, handle, SIZE - done, back + done,
						      PEERDIST_READ_TIMEOUT_LOCAL_CACHE_ONLY,
						      &overlapped),
			     ERROR_SUCCESS);
	ends("StreamRead",
	     PeerDistClientStreamRead(instance, handle, SIZE, back,
				      PEERDIST_READ_TIMEOUT_LOCAL_CACHE_ONLY, &overlapped),
	     PEERDIST_ERROR_NO_MORE);
	expect("what was read", memcmp(content, back, SIZE) == 0, TRUE);
	overlapped.Offset = SIZE - 1;
	expect("octets read",
	       ends("BlockRead",
		    PeerDistClientBlockRead(instance, handle, SIZE, back,
					    PEERDIST_READ_TIMEOUT_LOCAL_CACHE_ONLY, &overlapped),
		    ERROR_SUCCESS),
	       1);
}

/* A flush is told of at the port that is given with it. */
static void flush(const PEERDIST_CONTENT_TAG *tag)
{
	OVERLAPPED flushing;
	LPOVERLAPPED ended;
	ULONG_PTR key;
	DWORD count;

	ZeroMemory(&flushing, sizeof(flushing));
	expect("FlushContent", PeerDistClientFlushContent(instance, tag, port, 77, &flushing),
	       ERROR_IO_PENDING);
	expect("packet", GetQueuedCompletionStatus(port, &count, &key, &ended, INFINITE), TRUE);
	expect("its key", (DWORD)key, 77);
	expect("its operation", ended == &flushing, TRUE);
}

static void consume(void)
{
	PEERDIST_CONTENT_TAG tag = {{1, 2, 3}};
	PEERDIST_CLIENT_BASIC_INFO info;
	PEERDIST_CONTENT_HANDLE handle;

	expect("OpenContent", PeerDistClientOpenContent(instance, &tag, NULL, 0, &handle),
	       ERROR_SUCCESS);
	ends("AddContentInformation",
	     PeerDistClientAddContentInformation(instance, handle, information_size, information,
						 &overlapped),
	     ERROR_SUCCESS);
	ends("CompleteContentInformation",
	     PeerDistClientCompleteContentInformation(instance, handle, &overlapped),
	     ERROR_SUCCESS);
	expect("GetInformationByHandle",
	       PeerDistClientGetInformationByHandle(instance, handle, PeerDistClientBasicInfo,
						    sizeof(info), &info),
	       ERROR_SUCCESS);
	ends("AddData", PeerDistClientAddData(instance, handle, SIZE, content, &overlapped),
	     ERROR_SUCCESS);
	read_back(handle);
	expect("ClientCancel", PeerDistClientCancelAsyncOperation(instance, handle, NULL),
	       ERROR_SUCCESS);
	expect("CloseContent", PeerDistClientCloseContent(instance, handle), ERROR_SUCCESS);
	flush(&tag);
}

int main(void)
{
	DWORD supported;

	for (DWORD i = 0; i < SIZE; i++)
		content[i] = (BYTE)(i * 2654435761u >> 24);
	overlapped.hEvent = CreateEvent(NULL, TRUE, FALSE, NULL);
	port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 0);
	expect("Startup", PeerDistStartup(PEERDIST_VERSION, &instance, &supported), ERROR_SUCCESS);
	see_status();
	publish();
	retrieve();
	consume();
	expect("Unpublish", PeerDistServerUnpublish(instance, sizeof(name), identifier()),
	       ERROR_SUCCESS);
	expect("Shutdown", PeerDistShutdown(instance), ERROR_SUCCESS);
	CloseHandle(port);
	CloseHandle(overlapped.hEvent);
	return 0;
}
