/* SPDX-License-Identifier: BSD-2-Clause
 *
 *	consumer_port INFORMATION OUTPUT [MILLISECONDS]
 *
 * Reads a content by its content information, from the local cache and from peers, and writes it to
 * OUTPUT: many block reads in flight, which a completion port collects as they come. What is not
 * to be had within the time is named on the standard output, and left out; the status is 3 then.
 */
#include "example.h"

#include <stdio.h>
#include <stdlib.h>

#define READS 16u            /* in flight */
#define PORTION (256u << 10) /* of one */

/* The overlapped is the first member, so that a packet leads to its read. */
struct read {
	OVERLAPPED overlapped;
	ULONGLONG offset, end;
	BYTE data[PORTION];
};

enum key { KEY_CONTENT = 1 };

static PEERDIST_INSTANCE_HANDLE instance;
static PEERDIST_CONTENT_HANDLE content;
static HANDLE port;
static DWORD timeout = PEERDIST_READ_TIMEOUT_DEFAULT;
static FILE *output;
static ULONGLONG next, missing;
static BOOL at_end;
static unsigned pending;

/* Waits for one packet; returns how its operation ended. */
static DWORD take_packet(OVERLAPPED **overlapped_out, DWORD *count_out)
{
	ULONG_PTR key;
	BOOL good = GetQueuedCompletionStatus(port, count_out, &key, overlapped_out, INFINITE);

	if (*overlapped_out == NULL || key != KEY_CONTENT)
		give_up("GetQueuedCompletionStatus", GetLastError());
	return good ? ERROR_SUCCESS : GetLastError();
}

static void take_one(const char *what, DWORD code)
{
	OVERLAPPED *overlapped;
	DWORD count;

	if (code == ERROR_IO_PENDING)
		code = take_packet(&overlapped, &count);
	if (code != ERROR_SUCCESS)
		give_up(what, code);
}

static void give_information(const char *path)
{
	OVERLAPPED overlapped;
	DWORD size;
	BYTE *information = read_file(path, &size);

	ZeroMemory(&overlapped, sizeof(overlapped));
	take_one("PeerDistClientAddContentInformation",
		 PeerDistClientAddContentInformation(instance, content, size, information,
						     &overlapped));
	ZeroMemory(&overlapped, sizeof(overlapped));
	take_one("PeerDistClientCompleteContentInformation",
		 PeerDistClientCompleteContentInformation(instance, content, &overlapped));
	free(information);
}

/* What is left of a read's portion. */
static void submit(struct read *read)
{
	DWORD code;

	ZeroMemory(&read->overlapped, sizeof(read->overlapped));
	set_offset(&read->overlapped, read->offset);
	code = PeerDistClientBlockRead(instance, content, (DWORD)(read->end - read->offset),
				       read->data, timeout, &read->overlapped);
	if (code != ERROR_IO_PENDING)
		give_up("PeerDistClientBlockRead", code);
	pending++;
}

static void begin(struct read *read)
{
	if (at_end)
		return;
	read->offset = next;
	read->end = next += PORTION;
	submit(read);
}

static void write_out(const struct read *read, DWORD count)
{
	if (fseek(output, (long)read->offset, SEEK_SET) != 0 ||
	    fwrite(read->data, 1, count, output) != count) {
		fprintf(stderr, "the output cannot be written\n");
		exit(1);
	}
}

/* A read brings what is there, which may be less than was asked for. */
static void go_on(struct read *read, ULONGLONG passed)
{
	read->offset += passed;
	if (read->offset < read->end)
		submit(read);
	else
		begin(read);
}

/* The range may reach beyond what was asked for: other reads tell of that. */
static void miss(struct read *read, DWORD length)
{
	ULONGLONG left = read->end - read->offset;

	if (length > left)
		length = (DWORD)left;
	printf("missing %llu %lu\n", (unsigned long long)read->offset, (unsigned long)length);
	missing += length;
	go_on(read, length);
}

static void ended(struct read *read, DWORD code, DWORD count)
{
	switch (code) {
	case ERROR_SUCCESS:
		write_out(read, count);
		go_on(read, count);
		break;
	case PEERDIST_ERROR_MISSING_DATA:
	case ERROR_TIMEOUT:
		miss(read, count);
		break;
	case PEERDIST_ERROR_NO_MORE:
		at_end = TRUE;
		break;
	default:
		give_up("PeerDistClientBlockRead", code);
	}
}

static void read_all(void)
{
	struct read *reads = (struct read *)malloc(READS * sizeof(*reads));
	OVERLAPPED *overlapped;
	DWORD count, code;

	if (reads == NULL)
		give_up("memory", ERROR_NOT_ENOUGH_MEMORY);
	for (unsigned i = 0; i < READS; i++)
		begin(&reads[i]);
	while (pending > 0) {
		code = take_packet(&overlapped, &count);
		pending--;
		ended((struct read *)overlapped, code, count);
	}
	free(reads);
}

int main(int count, char **words)
{
	static const PEERDIST_CONTENT_TAG tag = {{'c', 'o', 'n', 's', 'u', 'm', 'e', 'r'}};
	DWORD code;

	if (count < 3) {
		fprintf(stderr, "usage: consumer_port INFORMATION OUTPUT [MILLISECONDS]\n");
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
	port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 1);
	if (port == NULL)
		give_up("CreateIoCompletionPort", GetLastError());
	code = PeerDistClientOpenContent(instance, &tag, port, KEY_CONTENT, &content);
	if (code != ERROR_SUCCESS)
		give_up("PeerDistClientOpenContent", code);
	give_information(words[1]);
	read_all();
	PeerDistClientCloseContent(instance, content);
	PeerDistShutdown(instance);
	CloseHandle(port);
	return fclose(output) != 0 ? 1 : missing > 0 ? 3 : 0;
}
