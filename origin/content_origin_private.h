/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Shared by content_origin*.c, sectioned by .c file.
 *
 * Order of locks: of a passing, of a hashing, of the source. None is held while others are called
 * back; http_reply_more() and origin_...() are called with them.
 */
#ifndef ORIGIN_CONTENT_ORIGIN_PRIVATE_H
#define ORIGIN_CONTENT_ORIGIN_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/queue.h>

#include "origin/content_looks.h"
#include "origin/content_origin.h"

/* Contents of which it is remembered that their content information is at hand: so a plain client
 * costs no look into the directory of hashes. Our choice. */
#define ORIGIN_KNOWN_MAX 4096u

TAILQ_HEAD(origin_hashings, origin_hashing);

struct content_origin {
	struct content_source source; /* first */
	struct loop *loop;
	struct origin *origin;
	struct pool *pool;
	struct publish *publish;
	uint64_t min_size;
	struct content_looks *looks;
	_Atomic int64_t no_ranges_until_ms; /* it ignored a range: not asked for any so long */
	_Atomic uint64_t known[ORIGIN_KNOWN_MAX]; /* hashes of subjects, by their own value */

	pthread_mutex_t lock;
	pthread_cond_t less;
	/* Guarded by lock. */
	bool stopping;
	unsigned under_way; /* looks, lists, passings, hashings */
	struct origin_hashings hashings;
	unsigned waiting, background; /* of these */
};

struct origin_item {
	struct content_item item; /* first */
	char validator[ENTRY_VALIDATOR_MAX];
	struct origin_said said;
	bool wanted; /* its hashes are, by make() */
	char path[];
};

/* ---- content_origin.c ---- */

static inline struct content_origin *origin_item_source(const struct origin_item *item)
{
	return (struct content_origin *)item->item.source;
}
struct origin_item *origin_item_copy(const struct origin_item *item);
void origin_item_subject(const struct content_item *item, struct publish_subject *subject_out);
void origin_item_free(struct content_item *item);
/* Something that stop() must wait for begins. False: it must not. */
bool content_origin_enter(struct content_origin *source);
void content_origin_leave(struct content_origin *source);

/* ---- content_origin_hash.c: contents that are being hashed, or wait for it ---- */

struct origin_hashing;

struct origin_hasher {
	/* After -EAGAIN: more will be taken. On a pool thread. */
	void (*room)(void *context);
	/* The last call, once: all is hashed and kept, or given up. */
	void (*over)(void *context);
	void *context;
};

/* For whoever has the octets of ITEM in hand from the first to the last. -EALREADY: it is hashed by
 * another, or was; -EBUSY: too many are. Not from a loop thread. */
int origin_hashing_claim(const struct origin_item *item, struct origin_hashing **hashing_out);
/* Before the first octets. */
void origin_hashing_attach(struct origin_hashing *hashing, const struct origin_hasher *hasher);
/* The next octets; copied. -EAGAIN: not taken, wait for room(). A failure is not told. */
int origin_hashing_put(struct origin_hashing *hashing, const void *data, size_t size);
/* No more octets come; WHOLE: those were all. HASHING is gone. */
void origin_hashing_end(struct origin_hashing *hashing, bool whole);
/* Whether somebody waits for it, and nobody but the hashing itself needs to: it then counts among
 * those that are read for their hashes only. */
bool origin_hashing_goes_on(struct origin_hashing *hashing);
/* They are not at hand, whatever was known. */
void origin_hashing_missed(const struct origin_item *item);
/* Somebody wants the hashes of ITEM: they are taken from who passes its octets, or it is read for
 * them. As publish_make(). */
int origin_hashing_want(const struct origin_item *item, bool urgent, publish_done *done,
			void *context);
/* Gives up those that wait, once the source is stopping. */
void origin_hashing_drop_waiting(struct content_origin *source);

/* ---- content_origin_send.c: octets on their way ---- */

/* content_source_kind.send */
void origin_passing_send(struct content_item *item, struct http_served *served, int status,
			 const struct content_body *body, content_sent *done, void *context);
/* All octets of ITEM, which is taken over, go to HASHING and nowhere else. */
void origin_passing_hash(struct origin_item *item, struct origin_hashing *hashing);

#endif
