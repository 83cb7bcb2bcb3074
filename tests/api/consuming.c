/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Contents and reads for the rows of consumers: consuming.h.
 */
#include <stdio.h>
#include <time.h>

#include "tests/api/consuming.h"

#define SILENT "silent"
#define TRUSTED 1500u /* ms: who is silent for longer is soon not asked any more */

struct subject subject_new(void)
{
	struct subject subject = {.peerdist = instance(), .data = content_new()};

	subject.info = information_of(subject.peerdist, subject.data, 0, 0, 1);
	subject.handle = content_ready(subject.peerdist, subject.info);
	return subject;
}

void subject_add(const struct subject *subject, unsigned blocks)
{
	for (unsigned i = 0; BLOCK(i) < subject->data.size; i++) {
		size_t left = subject->data.size - BLOCK(i);

		if (blocks & 1u << i)
			content_add_data(subject->peerdist, subject->handle, BLOCK(i),
					 subject->data.data + BLOCK(i),
					 left < F_BLOCK ? left : F_BLOCK);
	}
}

struct subject subject_cached(unsigned blocks)
{
	struct subject subject = subject_new();

	subject_add(&subject, blocks);
	return subject;
}

struct subject subject_range(uint64_t offset, uint64_t length, bool cached)
{
	struct subject whole = subject_cached(cached ? ALL_BLOCKS : 0);
	struct subject subject = whole;

	/* No other handle is to be left of it. */
	REQUIRE(ERROR_SUCCESS, PeerDistClientCloseContent(whole.peerdist, whole.handle));
	subject.info = information_of(whole.peerdist, whole.data, offset, length, 1);
	subject.handle = content_ready(whole.peerdist, subject.info);
	return subject;
}

static struct octets saved(const char *name, const char *what)
{
	char file[64];

	snprintf(file, sizeof file, "%s.%s", name, what);
	return octets_load(file);
}

void subject_peer(const struct subject *subject, const char *name, const char *behaviour)
{
	char content_file[64], information_file[64];

	snprintf(content_file, sizeof content_file, "%s.content", name);
	snprintf(information_file, sizeof information_file, "%s.information", name);
	octets_save(content_file, subject->data);
	octets_save(information_file, subject->info);
	order("peer %s %s %s %s", name, behaviour, content_file, information_file);
}

void subject_await_silent(const struct subject *subject)
{
	DWORD code = PEERDIST_ERROR_MISSING_DATA;

	for (uint64_t end = now_ms() + PATIENCE; code != ERROR_TIMEOUT && now_ms() < end;)
		code = operation_wait(block_read(subject, BLOCK(2), row_memory(1), 1, 100),
				      PATIENCE);
	REQUIRE(ERROR_TIMEOUT, code);
}

static struct subject new_silent(void)
{
	struct subject subject = subject_new();

	if (octets_are_saved(SILENT ".ready"))
		order("gone " SILENT);
	subject_peer(&subject, SILENT, "silent");
	subject_await_silent(&subject);
	octets_save(SILENT ".ready", subject.info);
	return subject;
}

struct subject subject_silent(void)
{
	static uint64_t made; /* by this process */
	struct subject subject;

	if (!octets_are_saved(SILENT ".ready") || (made != 0 && now_ms() - made > TRUSTED)) {
		subject = new_silent();
		made = now_ms();
	} else {
		subject.peerdist = instance();
		subject.data = saved(SILENT, "content");
		subject.info = saved(SILENT, "information");
		subject.handle = content_ready(subject.peerdist, subject.info);
	}
	subject_add(&subject, 1u << 1);
	return subject;
}

struct operation *block_read(const struct subject *subject, uint64_t offset, BYTE *buffer,
			     DWORD size, DWORD timeout)
{
	struct operation *read = operation();

	operation_at(read, offset);
	if (!STARTS(read, PeerDistClientBlockRead(subject->peerdist, subject->handle, size, buffer,
						  timeout, &read->overlapped)))
		row_leave(NULL);
	return read;
}

struct operation *stream_read(const struct subject *subject, BYTE *buffer, DWORD size,
			      DWORD timeout)
{
	struct operation *read = operation();

	/* What is there at the call is ignored. */
	operation_at(read, 12345);
	if (!STARTS(read, PeerDistClientStreamRead(subject->peerdist, subject->handle, size, buffer,
						   timeout, &read->overlapped)))
		row_leave(NULL);
	return read;
}

static bool count_is(const char *file, int line, const struct operation *read, DWORD count)
{
	return row_number(file, line, "count", count, read->count);
}

bool read_ends(const char *file, int line, struct operation *read, DWORD code, uint64_t offset,
	       DWORD count)
{
	return operation_ends(file, line, read, code) && count_is(file, line, read, count) &&
	       row_number(file, line, "offset", offset, read->offset);
}

bool read_gives(const char *file, int line, const struct subject *subject, struct operation *read,
		uint64_t offset, DWORD count, const BYTE *buffer)
{
	return read_ends(file, line, read, ERROR_SUCCESS, offset, count) &&
	       row_octets(file, line, "what was read", subject->data.data + offset, count, buffer,
			  count);
}

bool read_is_behind(const char *file, int line, struct operation *read)
{
	return operation_ends(file, line, read, PEERDIST_ERROR_NO_MORE) &&
	       count_is(file, line, read, 0);
}

bool subject_comes(const char *file, int line, const struct subject *subject, uint64_t offset)
{
	static const struct timespec moment = {0, 20000000};
	DWORD size = 1000, code = PEERDIST_ERROR_MISSING_DATA;
	struct operation *read = NULL;
	BYTE *buffer = row_memory(size);

	for (uint64_t end = now_ms() + PATIENCE;
	     code == PEERDIST_ERROR_MISSING_DATA && now_ms() < end;) {
		if (read != NULL)
			nanosleep(&moment, NULL);
		read = block_read(subject, offset, buffer, size, PATIENCE);
		code = operation_wait(read, 2 * PATIENCE);
	}
	return row_code(file, line, "read from a peer", ERROR_SUCCESS, code) &&
	       row_number(file, line, "offset", offset, read->offset) &&
	       row_octets(file, line, "what came", subject->data.data + offset, read->count, buffer,
			  read->count);
}
