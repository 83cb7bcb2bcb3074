/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a name is: from the catalog while it may be believed (`revalidate`), else from the origin.
 * Equal questions that are under way are asked once, and all who asked get the answer.
 *
 * A directory is listed at the first look into it, so its names and, where the listing has them,
 * sizes are known at once. A name that the listing does not show is asked for by itself. When the
 * first size is wanted that a listing did not give exactly, the names behind it are asked for too.
 * With the origin gone, what was believed once is believed further (`offline`).
 *
 * DIR and NAME as in cache/catalog.h. Callbacks run on the caller's thread before the call returns,
 * or later on a pool thread; with no lock held. Any thread but the loop thread.
 */
#ifndef FS_NAMES_H
#define FS_NAMES_H

#include <stdint.h>

#include "cache/catalog.h"
#include "cache/pool.h"
#include "fs/inquiry.h"
#include "origin/origin.h"

/* Largest body that a question for a name may bring along. */
#define NAMES_BODY_MAX INQUIRY_BODY_MAX

struct names;

struct names_options {
	struct catalog *catalog;
	struct origin *origin; /* NULL: none; every question is then -EIO */
	struct pool *pool;
	const char *only;   /* the origin is one file of this name; NULL: a directory */
	int64_t revalidate; /* seconds */
	bool offline;
};
int names_create(const struct names_options *options, struct names **names_out);
/* No question may be under way. NULL is fine. */
void names_destroy(struct names *names);
/* Whether no question is under way. */
bool names_idle(struct names *names);
void names_configure(struct names *names, int64_t revalidate, bool offline);
int64_t names_revalidate(struct names *names);
/* Ends the believing: what is known stays for offline use only after the next answer. */
void names_distrust(struct names *names);

enum {
	NAMES_EXACT = 1, /* the size to the octet, if the origin has one */
	NAMES_FRESH =
		2, /* what the origin itself says of the name, not a listing; and its validator */
	NAMES_BODY = 4, /* if it must be asked, by GET, and the body with it if it is small */
};

struct names_answer {
	struct entry entry; /* a file or a directory */
	int64_t believed;   /* seconds for which it may be believed further */
	bool stale;         /* the origin did not answer; this is what it said before */
	const void *body;   /* NULL: none; valid inside the callback */
	size_t body_length;
};

/* ERROR: 0; -ENOENT (ANSWER->believed says how long); -EACCES; -EIO. ANSWER is never NULL. */
typedef void names_done(void *context, int error, const struct names_answer *answer);
void names_resolve(struct names *names, const char *dir, const char *name, unsigned need,
		   names_done *done, void *context);

/* See to it that the catalog has a listing of DIR that may be believed. 0; -ENOENT; -EACCES; -EIO.
 */
typedef void names_listed(void *context, int error);
void names_list(struct names *names, const char *dir, names_listed *done, void *context);

/* For how many seconds the listing of DIR may be believed further. */
int64_t names_listing_left(struct names *names, const char *dir);

/* An open of the name is about to come again, because the origin has another version than the
 * kernel: what was just learned is believed until then, whatever `revalidate` is. */
void names_expect(struct names *names, const char *dir, const char *name);
/* The origin has shown that VALIDATOR is not the name's any more. UNREAD: and not an octet was got
 * while it was. */
void names_doubt(struct names *names, const char *dir, const char *name, const char *validator,
		 bool unread);
/* Gives the name, whose origin has no validator, a version of its own: "once:" and a number that
 * never was before. ENTRY, which cannot be used, becomes what is known of the name then; if that is
 * of another version already, somebody was first, and it stays. */
void names_new_version(struct names *names, const char *dir, const char *name, struct entry *entry);
/* What was found out by reading the content. */
int names_learn(struct names *names, const char *dir, const char *name, const struct entry *entry);
bool names_is_once(const char *validator);

#endif
