/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Questions to the origin about names, each asked once at a time: a listing of a directory, what a
 * name is (HEAD), or what it is with its body (GET). The answer goes into the catalog first, then
 * to all who asked, on a pool thread.
 */
#ifndef FS_INQUIRY_H
#define FS_INQUIRY_H

#include <stdbool.h>

#include "cache/catalog.h"
#include "cache/pool.h"
#include "origin/origin.h"

/* Largest body that an answer may bring along. */
#define INQUIRY_BODY_MAX 65535u

struct inquiries;

enum inquiry_kind { INQUIRY_LIST, INQUIRY_STAT, INQUIRY_BODY };

struct inquiry_answer {
	struct entry entry; /* STAT, BODY: valid when there was no error or -ENOENT (then ABSENT) */
	const void *body;   /* BODY: NULL when it was too large */
	size_t body_length;
};
/* ERROR: as in origin/origin.h. */
typedef void inquiry_done(void *context, int error, const struct inquiry_answer *answer);

/* CATALOG, ORIGIN and POOL stay the caller's. */
int inquiries_create(struct catalog *catalog, struct origin *origin, struct pool *pool,
		     struct inquiries **inquiries_out);
void inquiries_destroy(struct inquiries *inquiries);
/* DIR: what is listed, or where NAME is. DONE NULL: nobody waits. -ENOMEM: DONE is not called. */
int inquire(struct inquiries *inquiries, enum inquiry_kind kind, const char *dir, const char *name,
	    inquiry_done *done, void *context);
bool inquiries_idle(struct inquiries *inquiries);

/* What is found out by other ways than a question; in order with what questions bring. */
int inquiries_learn(struct inquiries *inquiries, const char *dir, const char *name,
		    const struct entry *entry);
/* As names_doubt(). When validators of the name go on not to hold until anything is read under
 * them, none of the name's is believed for a while: some origins give each answer an ETag of its
 * own. */
void inquiries_doubt(struct inquiries *inquiries, const char *dir, const char *name,
		     const char *validator, bool unread);
/* As names_new_version(). */
void inquiries_new_version(struct inquiries *inquiries, const char *dir, const char *name,
			   struct entry *entry);

/* Stands for "the answer that came once, from an origin without validators". */
#define INQUIRY_ONCE "once:"
/* VALIDATOR_OUT: ENTRY_VALIDATOR_MAX octets. */
void inquiry_new_once(char *validator_out);

#endif
