/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Streams: publications in the making (peerdist-api.md 5.2, 7.1 to 7.4). What comes is hashed for
 * both versions of content information as it comes, whichever are enabled at the moment, and
 * written into the store if the publisher asked for that. A stream of which something was lost, by
 * a failure or a cancel, is *failed*: it can only be closed.
 *
 * Memory: buffers for hashing belong to a step, of which there are as many as pool threads, or to
 * the few streams that may use all threads. What a stream holds between steps is little, but there
 * may be many; so it counts, and above a limit of each user the adds of further ones wait until
 * others end. Nobody is refused.
 *
 * The operations of a stream are one lane, so whoever steps has its hashes to himself. The last
 * piece of work of a publication that is kept may take as long as reading all of it again, and for
 * much of it is therefore done by a job of POOL_IDLE; the operation is pending meanwhile.
 */
#ifndef FS_SERVICE_STREAM_H
#define FS_SERVICE_STREAM_H

#include "cache/content_build.h"
#include "fs/service/keeping.h"
#include "fs/service/publication.h"

struct stream {
	struct published published;
	struct lane lane;
	uint64_t declared; /* octets, constant; 0: not said */
	bool keep;         /* constant */
	/* instance->lock */
	bool failed;
	bool sealed;      /* it is being completed, or was */
	bool finishing;   /* its completion has begun to have an effect */
	uint64_t charged; /* octets that count against the user's limit */
	/* Whoever steps. */
	uint64_t added;
	struct content_build *builds[PUBLICATION_VERSIONS]; /* NULL: nothing has come */
	bool in_crew;
	struct keeping *keeping;
	struct pool_job job; /* of the completion */
	struct operation *completing;
};

/* ---- stream.c: the life of one ---- */

/* What operations wait for; as operation_complete(), and the stream is failed. */
void stream_fail(struct operation *operation, uint32_t status);
/* Before input of OPERATION, if there is any, is taken. False: the user's streams hold too much; it
 * is stepped again. */
bool stream_charge(struct operation *operation);
/* The hashes, and what is kept so far, are not needed any more. */
void stream_release(struct stream *stream);
/* The Win32 code of ERROR. */
uint32_t stream_status(int error);

/* ---- stream_add.c, stream_complete.c: steps ---- */

void stream_add(struct operation *operation);
void stream_complete(struct operation *operation);

#endif
