/* SPDX-License-Identifier: BSD-2-Clause
 *
 *	publisher FOLDER FILE...
 *
 * Publishes files and writes the content information of each to FOLDER, as NAME.info; says "ready",
 * and stays until its standard input ends: publications go with the instance that made them. Where
 * the service can keep what is published it does, so that peers have it from here; a service that
 * cannot waits for the first consumer to add it.
 */
#include "example.h"

#include <stdio.h>
#include <stdlib.h>

#define PIECE (1u << 20)
#define PIECES 2u /* in flight: one is read while the other is hashed */
#define PATH_ROOM 4096u

struct piece {
	OVERLAPPED overlapped;
	BYTE *data;
	BOOL pending;
};

static PEERDIST_INSTANCE_HANDLE instance;
static struct piece pieces[PIECES];

/* The identifier that a file is published under: the path that it was named by. */
static PBYTE identifier_of(const char *path, DWORD *size_out)
{
	*size_out = (DWORD)strlen(path);
	return (PBYTE)(ULONG_PTR)path;
}

static void await(struct piece *piece)
{
	DWORD count, code;

	if (!piece->pending)
		return;
	code = finish(ERROR_IO_PENDING, &piece->overlapped, &count);
	if (code != ERROR_SUCCESS)
		give_up("PeerDistServerPublishAddToStream", code);
	piece->pending = FALSE;
}

/* All of FILE, two pieces in flight. */
static void add(PEERDIST_STREAM_HANDLE stream, FILE *file)
{
	for (unsigned i = 0;; i = (i + 1) % PIECES) {
		struct piece *piece = &pieces[i];
		size_t size;
		DWORD code;

		await(piece);
		size = fread(piece->data, 1, PIECE, file);
		if (size == 0)
			break;
		set_offset(&piece->overlapped, 0);
		code = PeerDistServerPublishAddToStream(instance, stream, (DWORD)size, piece->data,
							&piece->overlapped);
		if (code != ERROR_IO_PENDING)
			give_up("PeerDistServerPublishAddToStream", code);
		piece->pending = TRUE;
	}
	for (unsigned i = 0; i < PIECES; i++)
		await(&pieces[i]);
}

static void publish(const char *path)
{
	PEERDIST_PUBLICATION_OPTIONS options = {PEERDIST_PUBLICATION_OPTIONS_VERSION, 0};
	PEERDIST_STREAM_HANDLE stream;
	DWORD size, count, code;
	PBYTE identifier = identifier_of(path, &size);
	FILE *file = fopen(path, "rb");

	if (file == NULL) {
		fprintf(stderr, "%s: cannot be read\n", path);
		exit(1);
	}
	code = PeerDistServerPublishStream(instance, size, identifier, 0, &options, NULL, 0,
					   &stream);
	if (code != ERROR_SUCCESS)
		give_up("PeerDistServerPublishStream", code);
	add(stream, file);
	fclose(file);
	code = PeerDistServerPublishCompleteStream(instance, stream, &pieces[0].overlapped);
	code = finish(code, &pieces[0].overlapped, &count);
	if (code != ERROR_SUCCESS)
		give_up("PeerDistServerPublishCompleteStream", code);
	PeerDistServerCloseStreamHandle(instance, stream);
}

/* Content information is as good as the content: whoever has it can read what it describes. */
static void write_information(const char *path, FILE *information)
{
	PEERDIST_RETRIEVAL_OPTIONS options = {sizeof(options),
					      PEERDIST_RETRIEVAL_OPTIONS_CONTENTINFO_VERSION_1,
					      PEERDIST_RETRIEVAL_OPTIONS_CONTENTINFO_VERSION, 0};
	OVERLAPPED *overlapped = &pieces[0].overlapped;
	PEERDIST_CONTENTINFO_HANDLE handle;
	DWORD size, count, code;
	PBYTE identifier = identifier_of(path, &size);

	code = PeerDistServerOpenContentInformationEx(instance, size, identifier, 0, 0, &options,
						      NULL, 0, &handle);
	if (code != ERROR_SUCCESS)
		give_up("PeerDistServerOpenContentInformationEx", code);
	for (;;) {
		set_offset(overlapped, 0);
		code = PeerDistServerRetrieveContentInformation(instance, handle, PIECE,
								pieces[0].data, overlapped);
		code = finish(code, overlapped, &count);
		if (code != ERROR_SUCCESS)
			break;
		fwrite(pieces[0].data, 1, count, information);
	}
	if (code != PEERDIST_ERROR_NO_MORE)
		give_up("PeerDistServerRetrieveContentInformation", code);
	PeerDistServerCloseContentInformation(instance, handle);
}

static void describe(const char *folder, const char *path)
{
	const char *name = strrchr(path, '/') != NULL ? strrchr(path, '/') + 1 : path;
	char place[PATH_ROOM];
	FILE *information;

	snprintf(place, sizeof(place), "%s/%s.info", folder, name);
	information = fopen(place, "wb");
	if (information == NULL) {
		fprintf(stderr, "%s: cannot be written\n", place);
		exit(1);
	}
	write_information(path, information);
	if (fclose(information) != 0) {
		fprintf(stderr, "%s: cannot be written\n", place);
		exit(1);
	}
}

static void keep(void)
{
#ifdef PEERDIST_LINUX_PUBLISH_KEEP
	DWORD code = PeerDistLinuxPublishOptions(instance, PEERDIST_LINUX_PUBLISH_KEEP);

	if (code != ERROR_SUCCESS)
		give_up("PeerDistLinuxPublishOptions", code);
#endif
}

int main(int count, char **words)
{
	if (count < 3) {
		fprintf(stderr, "usage: publisher FOLDER FILE...\n");
		return 2;
	}
	instance = start_service();
	keep();
	for (unsigned i = 0; i < PIECES; i++) {
		prepare(&pieces[i].overlapped);
		pieces[i].data = (BYTE *)malloc(PIECE);
		if (pieces[i].data == NULL)
			give_up("memory", ERROR_NOT_ENOUGH_MEMORY);
	}
	for (int i = 2; i < count; i++) {
		publish(words[i]);
		describe(words[1], words[i]);
	}
	puts("ready");
	fflush(stdout);
	while (getchar() != EOF)
		;
	for (int i = 2; i < count; i++) {
		DWORD size;
		PBYTE identifier = identifier_of(words[i], &size);

		PeerDistServerUnpublish(instance, size, identifier);
	}
	PeerDistShutdown(instance);
	for (unsigned i = 0; i < PIECES; i++) {
		release(&pieces[i].overlapped);
		free(pieces[i].data);
	}
	return 0;
}
