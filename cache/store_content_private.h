/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the store's files share of content information. The public side is cache/store_content.h;
 * locks and the rest are in cache/store_private.h.
 *
 * A content that was taken in is backed by a file without a name. When it becomes an object's, its
 * file gets one, and the object a run that counts what it takes (STORE_CONTENT_RUN). When the
 * object loses it, the name goes at once, and the file with the content's last reference.
 */
#ifndef CACHE_STORE_CONTENT_PRIVATE_H
#define CACHE_STORE_CONTENT_PRIVATE_H

#include "cache/content.h"
#include "cache/store_content.h"
#include "cache/store_private.h"

/* ---- store_content_file.c: the file behind a content ----------------------------------------- */

struct content_file {
	struct store *store;
	/* Constant once it backs a content, but for what is said of the units, which changes while
	 * it is claimed. */
	struct content *content; /* no reference of its own */
	struct information information;
	bool temporary; /* it has a name that says nothing, since the file system wants one */

	/* Guarded by store.lock. */
	struct file file;
	uint64_t cost;                       /* octets of the limit, counted here unless OWNED */
	bool owned;                          /* by an object, whose run counts them */
	bool claimed;                        /* it is about to become an object's */
	bool held;                           /* keeps its descriptor: it cannot be opened by name */
	TAILQ_ENTRY(content_file) dead_link; /* in store.dead_contents */
};

/* An empty one. Neither lock held, nothing begun. -ENOSPC. */
int content_file_make(struct store *store, struct content_file **file_out);
/* The one of OBJECT, for reading. */
int content_file_find(struct object *object, struct content_file **file_out);
/* NULL is fine. Neither lock held. */
void content_file_free(struct content_file *file);
/* Reserves room and writes behind what is there. Nothing begun. -ENOSPC. */
int content_file_append(struct content_file *file, const void *data, size_t size, uint64_t offset);
/* Gives back the room that was reserved in advance. OCTETS: its size. */
void content_file_trim(struct content_file *file, uint64_t octets);
int content_file_read(struct content_file *file, uint64_t offset, void *data, size_t size);
/* Makes it what CONTENT is read from, with which it goes. */
void content_file_back(struct content_file *file, struct content *content);
/* NULL: CONTENT is backed by something else. */
struct content_file *content_file_of(struct store *store, const struct content *content);
/* Keeps its descriptor, so that it can be read when its name is gone. Lock held, released
 * meanwhile. */
void content_file_hold(struct content_file *file);
/* Gives it the name that OBJECT's row says. */
int content_file_name(struct content_file *file, const struct object *object);
void content_file_unlink(struct store *store, uint64_t object, uint64_t file);

/* What it takes on disk. */
uint64_t information_cost(const struct store *store, const struct information *information);
/* The units of OBJECT, which is being loaded. -EBADMSG: they do not hold. */
int information_cutting(const struct object *object, struct cutting **cutting_out);
/* Whether a file holds what INFORMATION says: 0, -EBADMSG, or another error. */
int information_check(struct content_file *file, const struct information *information);

/* ---- store_intake.c ---------------------------------------------------------------------------
 */

/* The same content once more, in a file of its own. Nothing begun. */
int intake_copy(struct store *store, const struct content *content, struct content **copy_out);

/* ---- store_content.c: what an object has ------------------------------------------------------
 */

/* As object_content(), but not a use. */
struct content *object_content_look(struct object *object);

/* What an object had. */
struct content_leaving {
	uint64_t object, file;
	struct content_file *content;
};

/* Lock held, released meanwhile: before object_content_leave(), where that is possible, so that
 * others go on reading. */
void object_content_hold(struct object *object);
/* Takes it from the object; its run is the caller's matter. Lock held. */
void object_content_leave(struct object *object, struct content_leaving *leaving_out);
/* Takes its name. store.lock not held. */
void content_leaving_end(struct store *store, const struct content_leaving *leaving);
/* FILE, with a reference to its content, becomes OBJECT's, which has none and is seized. Both locks
 * held, store.lock released meanwhile. */
void object_content_join(struct object *object, struct content_file *file);
/* Its run was forgotten, but not the content: it is recorded anew. As above. */
void object_content_renew(struct object *object);
/* Drops it where the units are uniform. OBJECT is seized. Neither lock held. */
void object_content_drop(struct object *object);
/* Looks at the file. 0: it holds; -ENOENT: there is none; -EBADMSG: it does not hold, and is not
 * used from now on. Neither lock held; OBJECT not begun. OCTETS_OUT: how many were read. */
int object_content_verify(struct object *object, uint64_t *octets_out);

/* ---- store_survey.c ---------------------------------------------------------------------------
 */

struct segment_names;

/* Of the units of a new run. */
struct survey_run {
	uint64_t good, bad;                  /* match, and do not match, the content */
	XXH128_hash_t sums[STORE_RUN_UNITS]; /* of the good */
};

struct object_survey {
	struct object *object;        /* a reference */
	struct content *content;      /* a reference; NULL: there will be none */
	struct content_file *claimed; /* its file; NULL with it */
	struct segment_names *names;  /* of its segments; NULL with it */
	struct cutting *cutting;      /* the new one */
	struct survey_run **runs;     /* NULL where nothing is known */
	uint32_t run_count;
};

/* CONTENT NULL: of uniform units. */
int survey_make(struct object *object, struct content *content, struct object_survey **survey_out);
/* Looks at all that is present; OBJECT neither begun nor seized. */
int survey_compare(struct object_survey *survey, bool (*continue_)(void *context), void *context);
/* The object is seized: what is good now stays in the survey, nothing else. What was written since
 * is compared. DROPPED: what is bad is added. */
int survey_finish(struct object_survey *survey, uint64_t *dropped);
/* Whether DATA are the new unit. 1, 0, or a negative errno. */
int survey_matches(const struct object_survey *survey, uint32_t unit, const void *data);

#endif
