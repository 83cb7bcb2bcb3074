/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What rows are about: instances, publications, content information, contents: harness.h.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/api/harness.h"

#define INSTANCES_MAX 64
#define PIECE 4096u
#define INFORMATION_MAX (4u << 20)

static PEERDIST_INSTANCE_HANDLE instances[INSTANCES_MAX];
static unsigned instance_count;
static uint32_t given; /* identifiers, tags and seeds */

PEERDIST_INSTANCE_HANDLE instance(void)
{
	PEERDIST_INSTANCE_HANDLE peerdist = NULL;

	REQUIRE_TRUE(instance_count < INSTANCES_MAX, "instances of a row");
	REQUIRE(ERROR_SUCCESS, PeerDistStartup(PEERDIST_VERSION, &peerdist, NULL));
	instances[instance_count++] = peerdist;
	return peerdist;
}

void subjects_row_ends(void)
{
	while (instance_count > 0)
		/* A row may have done so: 6. */
		PeerDistShutdown(instances[--instance_count]);
}

static void distinct(BYTE octets[16])
{
	uint32_t process = (uint32_t)getpid(), number = ++given;

	memcpy(octets, "row", 3);
	memcpy(octets + 8, &process, sizeof process);
	memcpy(octets + 12, &number, sizeof number);
}

BYTE *identifier(void)
{
	BYTE *id = row_memory(ID_SIZE);

	distinct(id);
	return id;
}

PEERDIST_CONTENT_TAG *tag(void)
{
	PEERDIST_CONTENT_TAG *one = row_memory(sizeof *one);

	distinct(one->Data);
	return one;
}

static void fill(BYTE *data, size_t size, uint64_t seed)
{
	uint64_t state = (seed + 1) * 0x9E3779B97F4A7C15u;

	for (size_t at = 0; at < size; at += sizeof state) {
		size_t left = size - at;

		state ^= state << 13;
		state ^= state >> 7;
		state ^= state << 17;
		memcpy(data + at, &state, left < sizeof state ? left : sizeof state);
	}
}

BYTE *content(void)
{
	static BYTE data[F_SIZE];

	if (data[0] == 0 && data[1] == 0)
		fill(data, sizeof data, 0);
	return data;
}

struct octets content_of(uint64_t seed, size_t size)
{
	struct octets made = {row_memory(size), size};

	fill(made.data, size, seed);
	return made;
}

struct octets content_new(void)
{
	return content_of((uint64_t)getpid() << 32 | ++given, F_SIZE);
}

PEERDIST_STREAM_HANDLE stream_open(PEERDIST_INSTANCE_HANDLE peerdist, BYTE *id, uint64_t length)
{
	PEERDIST_STREAM_HANDLE stream = NULL;

	REQUIRE(ERROR_SUCCESS, PeerDistServerPublishStream(peerdist, ID_SIZE, id, length, NULL,
							   port(), KEY, &stream));
	return stream;
}

/* The row ends when it is not so. */
static void need(bool good)
{
	if (!good)
		row_leave(NULL);
}

void stream_add(PEERDIST_INSTANCE_HANDLE peerdist, PEERDIST_STREAM_HANDLE stream, const BYTE *data,
		size_t size)
{
	struct operation *add = operation();

	need(COMPLETES_COUNT(ERROR_SUCCESS, size, add,
			     PeerDistServerPublishAddToStream(peerdist, stream, (DWORD)size,
							      (PBYTE)data, &add->overlapped)));
}

void stream_complete(PEERDIST_INSTANCE_HANDLE peerdist, PEERDIST_STREAM_HANDLE stream)
{
	struct operation *complete = operation();

	need(COMPLETES_COUNT(
		ERROR_SUCCESS, 0, complete,
		PeerDistServerPublishCompleteStream(peerdist, stream, &complete->overlapped)));
}

void publish(PEERDIST_INSTANCE_HANDLE peerdist, BYTE *id, const BYTE *data, size_t size)
{
	PEERDIST_STREAM_HANDLE stream = stream_open(peerdist, id, 0);

	stream_add(peerdist, stream, data, size);
	stream_complete(peerdist, stream);
	REQUIRE(ERROR_SUCCESS, PeerDistServerCloseStreamHandle(peerdist, stream));
}

void publish_f(PEERDIST_INSTANCE_HANDLE peerdist, BYTE *id)
{
	publish(peerdist, id, content(), F_SIZE);
}

static DWORD open_information(PEERDIST_INSTANCE_HANDLE peerdist, BYTE *id, uint64_t offset,
			      uint64_t length, DWORD version, PEERDIST_CONTENTINFO_HANDLE *handle)
{
	PEERDIST_RETRIEVAL_OPTIONS options = {sizeof options, version, version, 0};

	if (version == 0)
		return PeerDistServerOpenContentInformation(peerdist, ID_SIZE, id, offset, length,
							    port(), KEY, handle);
	return PeerDistServerOpenContentInformationEx(peerdist, ID_SIZE, id, offset, length,
						      &options, port(), KEY, handle);
}

PEERDIST_CONTENTINFO_HANDLE information_open(PEERDIST_INSTANCE_HANDLE peerdist, BYTE *id,
					     uint64_t offset, uint64_t length, DWORD version)
{
	PEERDIST_CONTENTINFO_HANDLE handle = NULL;

	REQUIRE(ERROR_SUCCESS, open_information(peerdist, id, offset, length, version, &handle));
	return handle;
}

DWORD information_opens(PEERDIST_INSTANCE_HANDLE peerdist, BYTE *id)
{
	PEERDIST_CONTENTINFO_HANDLE handle = NULL;
	DWORD code = open_information(peerdist, id, 0, 0, 0, &handle);

	if (code == ERROR_SUCCESS)
		EXPECT(ERROR_SUCCESS, PeerDistServerCloseContentInformation(peerdist, handle));
	return code;
}

struct octets information_rest(PEERDIST_INSTANCE_HANDLE peerdist,
			       PEERDIST_CONTENTINFO_HANDLE handle, DWORD piece)
{
	struct operation *retrieve = operation();
	struct octets all = {row_memory(INFORMATION_MAX), 0};
	DWORD code = ERROR_SUCCESS;

	while (code == ERROR_SUCCESS && all.size + piece <= INFORMATION_MAX) {
		need(STARTS(retrieve, PeerDistServerRetrieveContentInformation(
					      peerdist, handle, piece, all.data + all.size,
					      &retrieve->overlapped)));
		code = operation_wait(retrieve, PATIENCE);
		if (code == ERROR_SUCCESS) {
			need(EXPECT_NUMBER(all.size, retrieve->offset));
			REQUIRE_TRUE(retrieve->count > 0 && retrieve->count <= piece, "%u octets",
				     retrieve->count);
			all.size += retrieve->count;
		}
	}
	need(EXPECT(PEERDIST_ERROR_NO_MORE, code) && EXPECT_NUMBER(0, retrieve->count));
	return all;
}

struct octets information(PEERDIST_INSTANCE_HANDLE peerdist, BYTE *id, uint64_t offset,
			  uint64_t length, DWORD version)
{
	PEERDIST_CONTENTINFO_HANDLE handle =
		information_open(peerdist, id, offset, length, version);
	struct octets all = information_rest(peerdist, handle, PIECE);

	REQUIRE(ERROR_SUCCESS, PeerDistServerCloseContentInformation(peerdist, handle));
	return all;
}

struct octets information_of(PEERDIST_INSTANCE_HANDLE peerdist, struct octets data, uint64_t offset,
			     uint64_t length, DWORD version)
{
	BYTE *id = identifier();

	publish(peerdist, id, data.data, data.size);
	struct octets made = information(peerdist, id, offset, length, version);
	REQUIRE(ERROR_SUCCESS, PeerDistServerUnpublish(peerdist, ID_SIZE, id));
	return made;
}

PEERDIST_CONTENT_HANDLE content_open_tagged(PEERDIST_INSTANCE_HANDLE peerdist,
					    const PEERDIST_CONTENT_TAG *label)
{
	PEERDIST_CONTENT_HANDLE handle = NULL;

	REQUIRE(ERROR_SUCCESS, PeerDistClientOpenContent(peerdist, (PEERDIST_CONTENT_TAG *)label,
							 port(), KEY, &handle));
	return handle;
}

PEERDIST_CONTENT_HANDLE content_open(PEERDIST_INSTANCE_HANDLE peerdist)
{
	return content_open_tagged(peerdist, tag());
}

PEERDIST_CONTENT_HANDLE content_ready_tagged(PEERDIST_INSTANCE_HANDLE peerdist, struct octets info,
					     const PEERDIST_CONTENT_TAG *label)
{
	PEERDIST_CONTENT_HANDLE handle = content_open_tagged(peerdist, label);
	struct operation *add = operation(), *complete = operation();

	need(COMPLETES_COUNT(ERROR_SUCCESS, info.size, add,
			     PeerDistClientAddContentInformation(peerdist, handle, (DWORD)info.size,
								 info.data, &add->overlapped)));
	need(COMPLETES_COUNT(
		ERROR_SUCCESS, 0, complete,
		PeerDistClientCompleteContentInformation(peerdist, handle, &complete->overlapped)));
	return handle;
}

PEERDIST_CONTENT_HANDLE content_ready(PEERDIST_INSTANCE_HANDLE peerdist, struct octets info)
{
	return content_ready_tagged(peerdist, info, tag());
}

void content_add_data(PEERDIST_INSTANCE_HANDLE peerdist, PEERDIST_CONTENT_HANDLE handle,
		      uint64_t offset, const BYTE *data, size_t size)
{
	struct operation *add = operation();

	operation_at(add, offset);
	need(COMPLETES_COUNT(ERROR_SUCCESS, size, add,
			     PeerDistClientAddData(peerdist, handle, (DWORD)size, (PBYTE)data,
						   &add->overlapped)));
}

PEERDIST_CONTENT_HANDLE content_silent(PEERDIST_INSTANCE_HANDLE peerdist)
{
	static const char data_name[] = "silent.content", info_name[] = "silent.information";

	if (!octets_are_saved(info_name)) {
		struct octets data = content_new();

		octets_save(data_name, data);
		octets_save("silent.new", information_of(peerdist, data, 0, 0, 1));
		order("peer silent silent %s silent.new", data_name);
		octets_save(info_name, octets_load("silent.new"));
	}
	return content_ready(peerdist, octets_load(info_name));
}
