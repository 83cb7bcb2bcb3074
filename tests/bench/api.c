/* SPDX-License-Identifier: BSD-2-Clause
 *
 * How fast the API is, and what it is compared with. Prints one figure.
 *
 *	api empty FILE		microseconds of an ioctl that does nothing, on FILE
 *	api status		microseconds of PeerDistGetStatus()
 *	api making FILE		MB/s of both versions of content information made from FILE
 *	api publish FILE	MB/s of publishing FILE, in buffers of 1 MiB
 *	api information FILE OUT  (nothing) publishes FILE, and writes content information to OUT
 *	api add FILE INFORMATION  (nothing) adds FILE's octets as the content of INFORMATION
 *	api stream INFORMATION	MB/s of StreamRead in buffers of 1 MiB, nothing asked for elsewhere
 *	api blocks INFORMATION	BlockReads of 64 KiB a second, 32 of them in flight, at random
 *places api read FILE		MB/s of read() of FILE, 1 MiB at a time
 *
 * The control file is $PEERDIST_CONTROL. FILE is read into memory before time is taken, but by
 * `making` and `read`, whose work that is.
 */
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cache/content_build.h"
#include "fs/api/peerdist.h"
#include "fs/api/wire.h"

enum { CALLS = 20000, BUFFER = 1 << 20, BLOCK = 65536, FLYING = 32, QUEUED = 4, READS = 40000 };

static PEERDIST_INSTANCE_HANDLE instance;
static HANDLE port;

static void check(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "api: %s failed\n", what);
	exit(1);
}

static void check_code(DWORD code, DWORD expected, const char *what)
{
	if (code == expected)
		return;
	fprintf(stderr, "api: %s: %s (%u)\n", what, PeerDistLinuxErrorName(code), code);
	exit(1);
}

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static uint8_t *load(const char *path, size_t *size_out)
{
	int file = open(path, O_RDONLY);
	struct stat status;

	check(file >= 0 && fstat(file, &status) == 0, path);
	uint8_t *data = malloc((size_t)status.st_size);
	check(data != NULL, "memory");
	for (size_t at = 0; at < (size_t)status.st_size;) {
		ssize_t got = read(file, data + at, (size_t)status.st_size - at);
		check(got > 0, path);
		at += (size_t)got;
	}
	close(file);
	*size_out = (size_t)status.st_size;
	return data;
}

/* The end of any operation; its OVERLAPPED. */
static OVERLAPPED *wait_for_one(DWORD *bytes_out)
{
	ULONG_PTR key;
	OVERLAPPED *overlapped = NULL;

	if (!GetQueuedCompletionStatus(port, bytes_out, &key, &overlapped, 30000))
		check_code(GetLastError(), ERROR_SUCCESS, "an operation");
	return overlapped;
}

static void start(void)
{
	check_code(PeerDistStartup(PEERDIST_VERSION, &instance, NULL), ERROR_SUCCESS, "Startup");
	port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 0);
	check(port != NULL, "a port");
}

static void empty(const char *path)
{
	int file = open(path, O_RDONLY);
	struct pdc_status message;

	check(file >= 0, path);
	double begun = now();
	for (unsigned i = 0; i < CALLS; i++) {
		memset(&message, 0, sizeof message);
		check(ioctl(file, PDC_MESSAGE(3, sizeof message), &message) >= 0, "ioctl");
	}
	printf("%.2f\n", (now() - begun) / CALLS * 1e6);
}

static void get_status(void)
{
	PEERDIST_STATUS status;

	start();
	double begun = now();
	for (unsigned i = 0; i < CALLS; i++)
		check_code(PeerDistGetStatus(instance, &status), ERROR_SUCCESS, "GetStatus");
	printf("%.2f\n", (now() - begun) / CALLS * 1e6);
}

static void make(struct pool *pool, int file, uint64_t size, unsigned version)
{
	const struct content_build_options options = {
		.version = version, .algorithm = DIGEST_SHA256, .pool = pool};
	struct content_build *build;
	struct content_hashes hashes;

	check(content_build_create(&options, &build) == 0, "a builder");
	check(content_build_add_file(build, file, 0, size) == 0, "reading");
	check(content_build_end(build, &hashes) == 0, "hashing");
	content_hashes_clear(&hashes);
	content_build_free(build);
}

static void making(const char *path)
{
	int file = open(path, O_RDONLY);
	struct stat status;
	struct pool *pool = NULL;

	check(file >= 0 && fstat(file, &status) == 0 && pool_create(0, &pool) == 0, path);
	double begun = now();
	make(pool, file, (uint64_t)status.st_size, 1);
	make(pool, file, (uint64_t)status.st_size, 2);
	printf("%.1f\n", (double)status.st_size / (now() - begun) / 1e6);
	pool_destroy(pool);
}

static BYTE identifier[] = "bench";

static void publish(const char *path, bool tell)
{
	static OVERLAPPED overlapped[QUEUED];
	PEERDIST_STREAM_HANDLE stream;
	size_t size, at = 0;
	unsigned queued = 0;
	DWORD bytes;
	uint8_t *data = load(path, &size);

	start();
	check_code(PeerDistServerPublishStream(instance, sizeof identifier, identifier, 0, NULL,
					       port, 1, &stream),
		   ERROR_SUCCESS, "PublishStream");
	double begun = now();
	for (; queued < QUEUED && at < size; queued++) {
		DWORD part = size - at < BUFFER ? (DWORD)(size - at) : BUFFER;
		check_code(PeerDistServerPublishAddToStream(instance, stream, part, data + at,
							    &overlapped[queued]),
			   ERROR_IO_PENDING, "AddToStream");
		at += part;
	}
	while (queued > 0) {
		OVERLAPPED *ended = wait_for_one(&bytes);
		queued--;
		if (at == size)
			continue;
		DWORD part = size - at < BUFFER ? (DWORD)(size - at) : BUFFER;
		check_code(
			PeerDistServerPublishAddToStream(instance, stream, part, data + at, ended),
			ERROR_IO_PENDING, "AddToStream");
		at += part;
		queued++;
	}
	check_code(PeerDistServerPublishCompleteStream(instance, stream, overlapped),
		   ERROR_IO_PENDING, "CompleteStream");
	wait_for_one(&bytes);
	if (tell)
		printf("%.1f\n", (double)size / (now() - begun) / 1e6);
	free(data);
}

static void information(const char *path, const char *out)
{
	PEERDIST_RETRIEVAL_OPTIONS options = {sizeof options, 1, 2, 0};
	PEERDIST_CONTENTINFO_HANDLE handle;
	static BYTE buffer[BUFFER];
	OVERLAPPED overlapped = {0};
	ULONG_PTR key;
	OVERLAPPED *ended;
	DWORD bytes;
	FILE *file = fopen(out, "w");

	check(file != NULL, out);
	publish(path, false);
	check_code(PeerDistServerOpenContentInformationEx(instance, sizeof identifier, identifier,
							  0, 0, &options, port, 1, &handle),
		   ERROR_SUCCESS, "OpenContentInformationEx");
	for (;;) {
		check_code(PeerDistServerRetrieveContentInformation(instance, handle, BUFFER,
								    buffer, &overlapped),
			   ERROR_IO_PENDING, "RetrieveContentInformation");
		if (!GetQueuedCompletionStatus(port, &bytes, &key, &ended, 30000))
			break;
		check(fwrite(buffer, 1, bytes, file) == bytes, out);
	}
	check_code(GetLastError(), PEERDIST_ERROR_NO_MORE, "RetrieveContentInformation");
	check(fclose(file) == 0, out);
}

static PEERDIST_CONTENT_HANDLE open_content(const char *path)
{
	const PEERDIST_CONTENT_TAG tag = {{'b', 'e', 'n', 'c', 'h'}};
	PEERDIST_CONTENT_HANDLE content;
	OVERLAPPED overlapped = {0};
	size_t size;
	DWORD bytes;
	uint8_t *data = load(path, &size);

	start();
	check_code(PeerDistClientOpenContent(instance, &tag, port, 1, &content), ERROR_SUCCESS,
		   "OpenContent");
	check_code(PeerDistClientAddContentInformation(instance, content, (DWORD)size, data,
						       &overlapped),
		   ERROR_IO_PENDING, "AddContentInformation");
	wait_for_one(&bytes);
	check_code(PeerDistClientCompleteContentInformation(instance, content, &overlapped),
		   ERROR_IO_PENDING, "CompleteContentInformation");
	wait_for_one(&bytes);
	free(data);
	return content;
}

static void add(const char *path, const char *about)
{
	size_t size;
	uint8_t *data = load(path, &size);
	PEERDIST_CONTENT_HANDLE content = open_content(about);
	OVERLAPPED overlapped = {0};
	DWORD bytes;

	for (size_t at = 0; at < size;) {
		DWORD part = size - at < 64 * BUFFER ? (DWORD)(size - at) : 64 * BUFFER;
		overlapped.Offset = (DWORD)at;
		overlapped.OffsetHigh = (DWORD)((uint64_t)at >> 32);
		check_code(PeerDistClientAddData(instance, content, part, data + at, &overlapped),
			   ERROR_IO_PENDING, "AddData");
		wait_for_one(&bytes);
		at += part;
	}
	check_code(PeerDistClientCloseContent(instance, content), ERROR_SUCCESS, "CloseContent");
	free(data);
}

static void stream(const char *about)
{
	PEERDIST_CONTENT_HANDLE content = open_content(about);
	BYTE *buffer = malloc(BUFFER);
	OVERLAPPED overlapped = {0}, *ended;
	ULONG_PTR key;
	uint64_t total = 0;
	DWORD bytes;

	double begun = now();
	for (;;) {
		check_code(
			PeerDistClientStreamRead(instance, content, BUFFER, buffer, 0, &overlapped),
			ERROR_IO_PENDING, "StreamRead");
		if (!GetQueuedCompletionStatus(port, &bytes, &key, &ended, 30000))
			break;
		total += bytes;
	}
	check_code(GetLastError(), PEERDIST_ERROR_NO_MORE, "StreamRead");
	printf("%.1f\n", (double)total / (now() - begun) / 1e6);
	free(buffer);
}

static uint64_t content_size(PEERDIST_CONTENT_HANDLE content)
{
	OVERLAPPED overlapped = {0};
	DWORD bytes;

	check_code(PeerDistClientBlockRead(instance, content, 0, NULL, 0, &overlapped),
		   ERROR_IO_PENDING, "a query");
	wait_for_one(&bytes);
	return bytes;
}

static void read_block(PEERDIST_CONTENT_HANDLE content, OVERLAPPED *overlapped, BYTE *buffer,
		       uint64_t blocks)
{
	static uint64_t place = 1;

	place = place * 6364136223846793005u + 1442695040888963407u;
	uint64_t offset = (place >> 33) % blocks * BLOCK;
	overlapped->Offset = (DWORD)offset;
	overlapped->OffsetHigh = (DWORD)(offset >> 32);
	check_code(PeerDistClientBlockRead(instance, content, BLOCK, buffer, 0, overlapped),
		   ERROR_IO_PENDING, "BlockRead");
}

static void blocks(const char *about)
{
	static OVERLAPPED overlapped[FLYING];
	PEERDIST_CONTENT_HANDLE content = open_content(about);
	uint64_t count = content_size(content) / BLOCK;
	BYTE *buffers = malloc((size_t)FLYING * BLOCK);
	unsigned sent = 0;
	DWORD bytes;

	check(count > 0 && buffers != NULL, "the content");
	double begun = now();
	for (; sent < FLYING; sent++)
		read_block(content, &overlapped[sent], buffers + (size_t)sent * BLOCK, count);
	for (unsigned ended = 0; ended < READS; ended++) {
		OVERLAPPED *one = wait_for_one(&bytes);
		if (sent++ < READS)
			read_block(content, one, buffers + (size_t)(one - overlapped) * BLOCK,
				   count);
	}
	printf("%.0f\n", READS / (now() - begun));
	free(buffers);
}

static void read_file(const char *path)
{
	int file = open(path, O_RDONLY);
	uint8_t *buffer = malloc(BUFFER);
	uint64_t total = 0;
	ssize_t got;

	check(file >= 0 && buffer != NULL, path);
	double begun = now();
	while ((got = read(file, buffer, BUFFER)) > 0)
		total += (uint64_t)got;
	check(got == 0, path);
	printf("%.1f\n", (double)total / (now() - begun) / 1e6);
	free(buffer);
}

int main(int count, char **words)
{
	const char *verb = count > 1 ? words[1] : "";
	const char *file = count > 2 ? words[2] : "", *other = count > 3 ? words[3] : "";

	if (strcmp(verb, "empty") == 0)
		empty(file);
	else if (strcmp(verb, "status") == 0)
		get_status();
	else if (strcmp(verb, "making") == 0)
		making(file);
	else if (strcmp(verb, "publish") == 0)
		publish(file, true);
	else if (strcmp(verb, "information") == 0)
		information(file, other);
	else if (strcmp(verb, "add") == 0)
		add(file, other);
	else if (strcmp(verb, "stream") == 0)
		stream(file);
	else if (strcmp(verb, "blocks") == 0)
		blocks(file);
	else if (strcmp(verb, "read") == 0)
		read_file(file);
	else
		return 2;
	return PeerDistShutdown(instance) == ERROR_SUCCESS || instance == NULL ? 0 : 1;
}
