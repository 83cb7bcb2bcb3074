/* SPDX-License-Identifier: BSD-2-Clause */
#include "example.h"

#include <stdio.h>
#include <stdlib.h>

/* Content information is 1/1000 of the content, or less; our choice. */
#define FILE_MAX (256L << 20)

void give_up(const char *what, DWORD code)
{
	fprintf(stderr, "%s: error %lu\n", what, (unsigned long)code);
	exit(1);
}

PEERDIST_INSTANCE_HANDLE start_service(void)
{
	PEERDIST_INSTANCE_HANDLE instance;
	PEERDIST_STATUS status;
	DWORD supported, code = PeerDistStartup(PEERDIST_VERSION, &instance, &supported);

	if (code != ERROR_SUCCESS)
		give_up("PeerDistStartup", code);
	code = PeerDistGetStatus(instance, &status);
	if (code != ERROR_SUCCESS)
		give_up("PeerDistGetStatus", code);
	if (status == PEERDIST_STATUS_DISABLED)
		give_up("the service is off", ERROR_ACCESS_DISABLED_BY_POLICY);
	if (status != PEERDIST_STATUS_AVAILABLE)
		give_up("the service is not ready", PEERDIST_ERROR_SERVICE_UNAVAILABLE);
	return instance;
}

void prepare(OVERLAPPED *overlapped)
{
	ZeroMemory(overlapped, sizeof(*overlapped));
	overlapped->hEvent = CreateEvent(NULL, TRUE, FALSE, NULL);
	if (overlapped->hEvent == NULL)
		give_up("CreateEvent", GetLastError());
}

void release(OVERLAPPED *overlapped)
{
	CloseHandle(overlapped->hEvent);
}

DWORD finish(DWORD code, OVERLAPPED *overlapped, DWORD *count_out)
{
	*count_out = 0;
	if (code != ERROR_IO_PENDING)
		return code;
	return PeerDistGetOverlappedResult(overlapped, count_out, TRUE) ? ERROR_SUCCESS
									: GetLastError();
}

ULONGLONG offset_of(const OVERLAPPED *overlapped)
{
	return (ULONGLONG)overlapped->OffsetHigh << 32 | overlapped->Offset;
}

void set_offset(OVERLAPPED *overlapped, ULONGLONG offset)
{
	overlapped->Offset = (DWORD)offset;
	overlapped->OffsetHigh = (DWORD)(offset >> 32);
}

BYTE *read_file(const char *path, DWORD *size_out)
{
	FILE *file = fopen(path, "rb");
	BYTE *data;
	long size;

	if (file == NULL || fseek(file, 0, SEEK_END) != 0 || (size = ftell(file)) <= 0 ||
	    size > FILE_MAX || fseek(file, 0, SEEK_SET) != 0) {
		fprintf(stderr, "%s: cannot be read, or is empty\n", path);
		exit(1);
	}
	data = (BYTE *)malloc((size_t)size);
	if (data == NULL || fread(data, 1, (size_t)size, file) != (size_t)size) {
		fprintf(stderr, "%s: cannot be read\n", path);
		exit(1);
	}
	fclose(file);
	*size_out = (DWORD)size;
	return data;
}
