/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Contents and reads for the rows of consumers: consuming.h.
 */
#include <stdio.h>

#include "tests/api/consuming.h"

#define SILENT "silent"

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

struct subject subject_silent(void)
{
	struct subject subject;

	if (!octets_are_saved(SILENT ".ready")) {
		subject = subject_new();
		subject_peer(&subject, SILENT, "silent");
		octets_save(SILENT ".ready", (struct octets){NULL, 0});
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
