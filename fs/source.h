/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A source is where the fetch engine gets blocks that are not in the store: the origin, peers, a
 * hosted cache. It may be slow, absent or lying. The engine hands it a *transfer*, neighbouring
 * units of one file; the source reports through transfer_begin(), transfer_bytes() and, exactly
 * once, transfer_end(), all from one thread at a time, which must not hold a lock of its own.
 */
#ifndef FS_SOURCE_H
#define FS_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cache/directory.h"

struct transfer;

/* Under which name what a reader was given is counted. */
enum given { GIVEN_CACHE, GIVEN_PEER, GIVEN_HOSTED, GIVEN_ORIGIN, GIVEN_KINDS };

struct source {
	enum given given;
	/* Starts TRANSFER and returns a handle for the calls below, or NULL. May report from
	 * inside. */
	void *(*start)(struct source *source, struct transfer *transfer);
	/* Bytes that were refused with -EAGAIN can be taken now; a reader has begun to wait for a
	 * transfer that was not urgent. Both are called with the engine's lock held, must not
	 * report from inside, and may come when the transfer has just ended. */
	void (*resume)(struct source *source, void *handle);
	void (*hurry)(struct source *source, void *handle);
};

/* What to get. OFFSET and LENGTH in octets; LENGTH 0: the whole content, in one answer. */
struct transfer_wish {
	const char *path;
	const char *validator; /* "": any version */
	uint64_t offset, length;
	bool urgent;  /* a reader waits */
	bool missing; /* content information is here, and nobody nearer has it */
};
void transfer_wish(const struct transfer *transfer, struct transfer_wish *wish_out);

/* The source begins to deliver at octet START. ENTRY describes the content as the source sees it;
 * with ENTRY_NO_RANGES the whole content follows from octet 0, whatever was asked. LENGTH: octets
 * to come, -1 unknown. A negative errno: not wanted, end the transfer with it. */
int transfer_begin(struct transfer *transfer, const struct entry *entry, uint64_t start,
		   int64_t length);
/* 0; -EAGAIN: nothing was taken, wait for resume(); another negative errno: end with it. */
int transfer_bytes(struct transfer *transfer, const void *data, size_t length);
/* ERROR as in origin/origin.h. TRANSFER is gone after it. */
void transfer_end(struct transfer *transfer, int error);

#endif
