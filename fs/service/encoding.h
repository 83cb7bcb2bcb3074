/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The content information of a publication, one version of it, in its encoded form. A short one is
 * kept in memory; a longer one is that of an object of the store that never has any octets: so it
 * is a file that is counted against the store's limit, is opened only when it is read, and stays as
 * long as the object is in use, whatever is cleared or evicted meanwhile.
 *
 * An *excerpt* is what is handed out of it: content information of a range, of which any octets can
 * be had without making the rest, straight from the file.
 *
 * Calls block on disk. An encoding: any thread; an excerpt: one at a time.
 */
#ifndef FS_SERVICE_ENCODING_H
#define FS_SERVICE_ENCODING_H

#include "cache/content.h"
#include "cache/content_hashes.h"
#include "cache/store.h"

/* Octets of an encoded form that is kept in memory: our choice, that of a content of one or two
 * MiB. 65536 publications then take at most 128 MiB, and files are not made for each of them. */
#define ENCODING_SHORT_MAX 1024u

struct encoding;

struct encoding_options {
	struct store *store;
	/* Where it may be kept. */
	const char *path, *validator;
	/* Asked now and then; false: -ECANCELED. May be NULL. */
	bool (*go_on)(void *context);
	void *context;
};

/* Whether it is kept in memory. */
bool encoding_is_short(const struct content_hashes *hashes);
/* -ENOSPC: the store has no room; -ECANCELED; -ENOMEM, ... */
int encoding_make(const struct encoding_options *options, const struct content_hashes *hashes,
		  const uint8_t *ks, struct encoding **encoding_out);
/* NULL is fine. */
void encoding_free(struct encoding *encoding);
/* The whole, with a reference. -EIO: its file cannot be had. */
int encoding_content(struct encoding *encoding, struct content **content_out);
/* Whether an object may be described by encoding_content(), which stays ENCODING's. */
bool encoding_can_lend(const struct encoding *encoding);

struct excerpt;

/* LENGTH octets of the content from START on, not beyond its end. It uses ENCODING. */
int excerpt_open(struct encoding *encoding, uint64_t start, uint64_t length,
		 struct excerpt **excerpt_out);
/* NULL is fine. */
void excerpt_close(struct excerpt *excerpt);
/* Octets of its encoded form. */
uint64_t excerpt_size(const struct excerpt *excerpt);
/* SIZE octets from POSITION on, which must be there. -EBADMSG: the file is not what was written. */
int excerpt_read(struct excerpt *excerpt, uint64_t position, void *data, size_t size);

#endif
