/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Where the fetch engine gets blocks that are not in the store. Whoever it is may be slow, absent
 * or lying.
 *
 * The *source* is the last resort, the origin. The engine hands it a *transfer*, neighbouring units
 * of one file; the source reports through transfer_begin(), transfer_bytes() and, exactly once,
 * transfer_end(), all from one thread at a time, which must not hold a lock of its own.
 *
 * Who is *nearby*, peers and hosted caches, is asked before it for single units that content
 * information describes, and hands over what it has checked (peer/neighbours.h).
 */
#ifndef FS_SOURCE_H
#define FS_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cache/directory.h"
#include "peer/neighbours.h"

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

struct nearby {
	/* Why units are not to be sought at all now, a value of enum ledger_why (fs/ledger.h), or
	 * 0: they are. With the engine's lock held, as also the next but one and the one after it.
	 */
	unsigned (*why_not)(struct nearby *nearby);
	/* As neighbours_seek(), neighbours_hurry(), neighbours_drop(), neighbours_fetched() and
	 * neighbours_origin(). */
	void (*seek)(struct nearby *nearby, struct neighbours_want *const *wants, unsigned count);
	void (*hurry)(struct nearby *nearby, struct neighbours_want *want);
	bool (*drop)(struct nearby *nearby, struct neighbours_want *want);
	void (*fetched)(struct nearby *nearby, const struct content *content, uint64_t offset);
	void (*origin)(struct nearby *nearby, uint64_t octets_per_second, unsigned first_ms);
};

/* What to get. OFFSET and LENGTH in octets; LENGTH 0: the whole content, in one answer. */
struct transfer_wish {
	const char *path;
	const char *validator; /* "": any version */
	uint64_t offset, length;
	bool urgent;  /* a reader waits */
	bool shared;  /* it falls to us to fetch it, others fetch others */
	bool missing; /* content information is here, and nobody nearer has it */
};
void transfer_wish(const struct transfer *transfer, struct transfer_wish *wish_out);
/* Whether to begin at all: by now all of it may have come from elsewhere. */
bool transfer_is_wanted(const struct transfer *transfer);

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
