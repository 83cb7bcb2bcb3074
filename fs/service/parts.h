/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A consumer's content as the daemon has it: which of its octets are here, where those that come
 * are kept, and who nearby is asked for the others (peerdist-api.md 8). Offsets are of the content,
 * whatever its range.
 *
 * What is described wholly, all blocks of each segment, is an object of the store that content
 * information describes, so that it is served to peers like a file's; the few blocks that a range
 * of version 1.0 lists of a segment are an object of that list. Both are found by what they hold,
 * not by who asked: all who have the same content information share them, over restarts too. A
 * block that another object of the store holds (a file of the mount, a publication) is here as
 * well.
 *
 * Tags are a user's own (uid): which blocks came here under which tag is kept in the store's
 * index.
 */
#ifndef FS_SERVICE_PARTS_H
#define FS_SERVICE_PARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "cache/content.h"
#include "cache/store.h"
#include "fs/fetch.h"

#define PARTS_TAG_SIZE 16u

struct parts;

struct parts_owner {
	uid_t uid;
	uint8_t tag[PARTS_TAG_SIZE];
};

/* CONTENT is an intake's (cache/store_content.h), or in memory; takes a reference of its own, as
 * long as it needs it. Reads of it and of the store: pool thread. */
int parts_open(struct fetch *fetch, struct store *store, struct content *content,
	       const struct parts_owner *owner, struct parts **parts_out);
/* When nothing of it is sought any more. What came under its tag is recorded. Pool thread, or any
 * that may wait for the disk. NULL is fine. */
void parts_close(struct parts *parts);

/* The same content information as it was opened with, if the store keeps it in a file as long as
 * PARTS lives; NULL: it does not. */
struct content *parts_kept(struct parts *parts);

/* How many octets from OFFSET on, below END, are all here (or all not here, if the first is not; a
 * block is here or not as a whole). Never 0 for OFFSET < END, but fewer than there are when there
 * is much to look at; so what it says is always right, and asking for the rest goes on. OFFSET and
 * END lie in the content's range. Any thread that may wait for the disk, as the next two. */
uint64_t parts_extent(struct parts *parts, uint64_t offset, uint64_t end, bool *here_out);
/* Octets that are here, checked. As many from OFFSET on as are here, at most SIZE; negative:
 * -ENOENT, none is (any more). They count as given by the cache (fetch_counters). */
ssize_t parts_read(struct parts *parts, uint64_t offset, void *buffer, size_t size);
/* DATA is said to be the whole BLOCK (content_block_at(), content_block_listed()). 0: it is, and
 * the store has it, under the tag of OWNER, or of who opened PARTS if that is NULL; -EBADMSG: it is
 * not; other errors: it is, and the store could not keep it. */
int parts_write(struct parts *parts, const struct parts_owner *owner,
		const struct content_block *block, const void *data);
/* Whether the whole of BLOCK is here, and came under OWNER's tag as well. */
bool parts_has(struct parts *parts, const struct parts_owner *owner,
	       const struct content_block *block);

/* For a publisher: the object that all consumers of CONTENT, which speaks for all octets of it,
 * keep them in, with a reference; it is described. Its path in the store; whether there was none
 * before. Pool thread. */
enum { PARTS_NAME_SIZE = 16 + 2 * DIGEST_SIZE_MAX + 1 };
int parts_object(struct store *store, struct content *content, char name_out[PARTS_NAME_SIZE],
		 bool *made_out, struct object **object_out);

/* Octets from nearby. */
struct parts_search {
	uint64_t offset; /* where in the content; constant until done is called */
	size_t size;     /* wanted from there on; what lies in later blocks is sought as well, but
			  * not waited for */
	/* 0: the block that holds OFFSET is in the store, or here in memory: OCTETS, LENGTH of
	 * them, begin at OFFSET, valid inside; other errors: -ENODATA: nobody nearby has it or
	 * nobody is asked; -EAGAIN: who says to have it does not give it (yet); -EIO, -ENOMEM.
	 * Pool thread or the caller's, no lock held. */
	void (*done)(struct parts_search *search, int error, const void *octets, size_t length);
	/* The parts' own. */
	struct parts *parts;
	struct fetch_read read;
};
/* done is called exactly once, possibly before this returns. There is no other way to end it: who
 * loses interest ignores it. Any thread that may wait for the disk. */
void parts_search(struct parts *parts, struct parts_search *search);
/* A reader was given LENGTH of the octets that a search brought, from OFFSET on. Only then they
 * count, by where they came from: most reads want less than a block, and some end otherwise. Any
 * thread. */
void parts_given(struct parts *parts, uint64_t offset, size_t length);

/* What came here under OWNER's tag is dropped from the store, but for blocks that another live tag
 * has as well; what other objects hold stays. An unknown tag: nothing. Long; pool thread. 0, or a
 * negative errno. */
int parts_flush(struct fetch *fetch, struct store *store, const struct parts_owner *owner);

#endif
