/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Content information in the store: as it came, in a file beside the object (mode 0600), counted
 * against the limit, and read by segment from there. It is checked as it streams in, and again when
 * an object is opened after a restart. While an object has it the object's units are its blocks
 * (cache/content.h), and what was present before it came is kept only where it matches.
 *
 * An *intake* takes the encoded form in. A *survey* compares what an object has with a content,
 * while the object is read and written as before; *describing* the object then makes the content
 * its own. Content information is evicted only with the last of the object's data, or when nobody
 * used the object for longer than anything else; while an object has a reference it stays.
 *
 * A content can be read as long as somebody has a reference to its object; if that is gone and the
 * content information then is evicted or replaced, reading may fail.
 *
 * Calls block on disk; any thread but the loop thread; an intake or survey: one at a time.
 */
#ifndef CACHE_STORE_CONTENT_H
#define CACHE_STORE_CONTENT_H

#include "cache/content.h"
#include "cache/store.h"

struct store_intake;
struct object_survey;

/* LIMIT: octets of the encoded form that are accepted. */
int store_intake_begin(struct store *store, uint64_t limit, struct store_intake **intake_out);
/* -EBADMSG: it is not content information, see store_intake_reason(); -EFBIG: above the limit;
 * -ENOSPC: the store has no room for it; -ENOMEM. A failure stays. */
int store_intake_feed(struct store_intake *intake, const void *data, size_t size);
/* All has come. The same failures; else a content, backed by a file of the store that goes with the
 * content's last reference unless it became an object's. */
int store_intake_end(struct store_intake *intake, struct content **content_out);
/* Why it failed, for people. A constant. */
const char *store_intake_reason(const struct store_intake *intake);
/* NULL is fine. */
void store_intake_free(struct store_intake *intake);

/* Compares what is present with CONTENT, of which it takes a reference (of a copy, when CONTENT is
 * another object's, or not from an intake of this store). Long for much data; reads
 * and writes of the object go on. -EINVAL: CONTENT does not speak for all octets of the object, or
 * lists not all hashes of a segment. CONTINUE_ (NULL: go on) may end it: -ECANCELED. */
int object_survey(struct object *object, struct content *content, bool (*continue_)(void *context),
		  void *context, struct object_survey **survey_out);
/* The blocks of the content become the object's units; what was written since the survey is
 * compared now. The caller has no write of OBJECT under way. A content that the object had before
 * is replaced. DROPPED_OUT (may be NULL): octets that were present and did not match. Whether this
 * fails or not, the survey is gone. After a failure the object is what it was, or empty and without
 * a content. */
int object_describe(struct object_survey *survey, uint64_t *dropped_out);
/* NULL is fine. */
void object_survey_free(struct object_survey *survey);

/* A reference to what describes OBJECT, for content_put(); NULL: nothing does. */
struct content *object_content(struct object *object);
/* As object_write(), for who checked a unit of CONTENT, which object_content() gave him, and does
 * not know whether the object was described anew meanwhile: -ESTALE then. */
int object_write_described(struct object *object, const struct content *content, uint32_t unit,
			   const void *data, size_t length);
/* Drops the content information. The units become uniform again, what is present is kept where it
 * fills them. REFUSE: remembered with this version of the content, also over a restart as
 * long as something of it is kept: the origin's content information does not describe it. The
 * caller has no write of OBJECT under way. */
int object_disown(struct object *object, bool refuse);
/* Whether object_disown() refused it for this version. */
bool object_refuses_content(struct object *object);

#endif
