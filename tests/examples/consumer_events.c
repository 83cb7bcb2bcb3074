/* SPDX-License-Identifier: BSD-2-Clause
 *
 *	consumer_events INFORMATION OUTPUT [MILLISECONDS]
 *
 * Reads a content by its content information, from the local cache and from peers, and writes it to
 * OUTPUT: as a stream, the next read in flight while the last one is written, each with an event;
 * one more event tells when the service goes away. What is not to be had within the time is named
 *on the standard output, and left out; the status is 3 then.
 */
#include "example.h"

#include <stdio.h>
#include <stdlib.h>

#define READS 2u
#define PORTION (1u << 20)

struct read {
	OVERLAPPED overlapped;
	BYTE *data;
};

static PEERDIST_INSTANCE_HANDLE instance;
static PEERDIST_CONTENT_HANDLE content;
static PEERDIST_STATUS status;
static OVERLAPPED status_changed;
static DWORD timeout = PEERDIST_READ_TIMEOUT_DEFAULT;
static FILE *output;
static ULONGLONG missing;

static void give_information(const char *path)
{
	OVERLAPPED overlapped;
	DWORD size, count, code;
	BYTE *information = read_file(path, &size);

	prepare(&overlapped);
	code = PeerDistClientAddContentInformation(instance, content, size, information,
						   &overlapped);
	code = finish(code, &overlapped, &count);
	if (code != ERROR_SUCCESS)
		give_up("PeerDistClientAddContentInformation", code);
	code = PeerDistClientCompleteContentInformation(instance, content, &overlapped);
	code = finish(code, &overlapped, &count);
	if (code != ERROR_SUCCESS)
		give_up("PeerDistClientCompleteContentInformation", code);
	release(&overlapped);
	free(information);
}

static void watch(void)
{
	DWORD code = PeerDistRegisterForStatusChangeNotification(instance, NULL, 0, &status_changed,
								 &status);

	if (code != ERROR_IO_PENDING)
		give_up("PeerDistRegisterForStatusChangeNotification", code);
}

/* An instance counts as told of DISABLED, so the first registration completes at once. */
static void see_status(void)
{
	DWORD count, code = finish(ERROR_IO_PENDING, &status_changed, &count);

	if (code != ERROR_SUCCESS)
		give_up("PeerDistRegisterForStatusChangeNotification", code);
	if (status != PEERDIST_STATUS_AVAILABLE)
		give_up("the service has gone", PEERDIST_ERROR_INVALIDATED);
	watch();
}

static void submit(struct read *read)
{
	DWORD code = PeerDistClientStreamRead(instance, content, PORTION, read->data, timeout,
					      &read->overlapped);

	if (code != ERROR_IO_PENDING)
		give_up("PeerDistClientStreamRead", code);
}

static void await(struct read *read)
{
	HANDLE events[2] = {status_changed.hEvent, read->overlapped.hEvent};

	for (;;) {
		DWORD which = WaitForMultipleObjects(2, events, FALSE, INFINITE);

		if (which == WAIT_OBJECT_0 + 1)
			return;
		if (which != WAIT_OBJECT_0)
			give_up("WaitForMultipleObjects", GetLastError());
		see_status();
	}
}

/* Whether there is more. */
static BOOL take(struct read *read)
{
	ULONGLONG offset;
	DWORD count, code;

	await(read);
	code = finish(ERROR_IO_PENDING, &read->overlapped, &count);
	offset = offset_of(&read->overlapped);
	switch (code) {
	case ERROR_SUCCESS:
		if (fseek(output, (long)offset, SEEK_SET) != 0 ||
		    fwrite(read->data, 1, count, output) != count)
			give_up("the output cannot be written", ERROR_ACCESS_DENIED);
		return TRUE;
	case PEERDIST_ERROR_MISSING_DATA:
	case ERROR_TIMEOUT:
		/* the stream goes on behind it */
		printf("missing %llu %lu\n", (unsigned long long)offset, (unsigned long)count);
		missing += count;
		return TRUE;
	case PEERDIST_ERROR_NO_MORE:
		return FALSE;
	default:
		give_up("PeerDistClientStreamRead", code);
		return FALSE;
	}
}

/* Reads end in the order in which they were begun. */
static void read_all(void)
{
	struct read reads[READS];

	for (unsigned i = 0; i < READS; i++) {
		prepare(&reads[i].overlapped);
		reads[i].data = (BYTE *)malloc(PORTION);
		if (reads[i].data == NULL)
			give_up("memory", ERROR_NOT_ENOUGH_MEMORY);
		submit(&reads[i]);
	}
	for (unsigned i = 0; take(&reads[i]); i = (i + 1) % READS)
		submit(&reads[i]);
	/* whatever was begun behind the end */
	PeerDistClientCancelAsyncOperation(instance, content, NULL);
	PeerDistClientCloseContent(instance, content);
	for (unsigned i = 0; i < READS; i++) {
		release(&reads[i].overlapped);
		free(reads[i].data);
	}
}

int main(int count, char **words)
{
	static const PEERDIST_CONTENT_TAG tag = {{'c', 'o', 'n', 's', 'u', 'm', 'e', 'r'}};
	DWORD code;

	if (count < 3) {
		fprintf(stderr, "usage: consumer_events INFORMATION OUTPUT [MILLISECONDS]\n");
		return 2;
	}
	if (count > 3)
		timeout = (DWORD)strtoul(words[3], NULL, 10);
	output = fopen(words[2], "wb");
	if (output == NULL) {
		fprintf(stderr, "%s: cannot be written\n", words[2]);
		return 1;
	}
	instance = start_service();
	prepare(&status_changed);
	watch();
	code = PeerDistClientOpenContent(instance, &tag, NULL, 0, &content);
	if (code != ERROR_SUCCESS)
		give_up("PeerDistClientOpenContent", code);
	give_information(words[1]);
	read_all();
	PeerDistUnregisterForStatusChangeNotification(instance);
	PeerDistShutdown(instance);
	release(&status_changed);
	return fclose(output) != 0 ? 1 : missing > 0 ? 3 : 0;
}
