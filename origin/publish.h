/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Content information made here: for local files, and for what passes through a proxying server.
 * Made in the background by pool threads, few contents at a time and from a bounded queue, since
 * any client can cause it; kept in a directory so that a restart need not hash again.
 *
 * A *subject* is a content under a name: the NAME says which (a file's device and inode, or an
 * origin's path), the STATE which version of it (size, mtime and ctime, or the validator). What is
 * kept under another state is void. So is what was made with another server secret: it is made anew
 * from what is kept, without the content's octets, since hashes do not depend on the secret.
 *
 * All functions: any thread but a loop thread, unless noted.
 */
#ifndef ORIGIN_PUBLISH_H
#define ORIGIN_PUBLISH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "cache/pool.h"
#include "cache/secret.h"

struct publish;

struct publish_options {
	const struct secret *secret; /* outlives the publisher */
	/* Made with mode 0700 if missing; several processes may share one. NULL: one below $TMPDIR,
	 * which publish_free removes. */
	const char *directory;
	unsigned versions; /* bits: 1, 2. All of them are made whichever is asked for */
	uint64_t limit;    /* octets that the directory may take; least recently used go
			    * first; 0: 1 GiB */
	struct pool *pool;
};

#define PUBLISH_NAME_MAX 4096
#define PUBLISH_STATE_MAX 512
struct publish_subject {
	char name[PUBLISH_NAME_MAX];
	char state[PUBLISH_STATE_MAX];
	uint64_t size; /* octets of the content */
};

/* 0, or a negative errno with a MESSAGE. */
int publish_create(const struct publish_options *options, struct publish **publish_out,
		   char *message, size_t message_size);
/* What is being made is given up within a moment, and what waits is not begun; their DONE is called
 * from here or before. Streams have been ended. NULL is fine. */
void publish_free(struct publish *publish);

/* The subject of an open local file. */
void publish_subject_of_file(const struct stat *status, struct publish_subject *subject_out);

/* The encoded form of content information: SIZE octets at OFFSET of an open file, which nobody
 * changes. For pread and sendfile; the file's own position means nothing. The caller closes. */
struct publish_form {
	int file;
	uint64_t offset, size;
};
/* The whole content's, of VERSION (1 or 2). -ENOENT: not at hand. */
int publish_find(struct publish *publish, const struct publish_subject *subject, unsigned version,
		 struct publish_form *form_out);
/* Whether all versions that are made of it are at hand; counts as a use. */
bool publish_is_kept(struct publish *publish, const struct publish_subject *subject);
/* About how many octets of the directory a content of SIZE octets takes. */
uint64_t publish_octets_for(const struct publish *publish, uint64_t size);
/* What may be kept at a time without anything being removed to make room. */
uint64_t publish_room(const struct publish *publish);
/* That of the range [START, START + LENGTH), cut out of the whole. -ENOENT as above, or it would be
 * larger than we make for a range (gigabytes of content); -EINVAL: no such range. */
int publish_find_range(struct publish *publish, const struct publish_subject *subject,
		       unsigned version, uint64_t start, uint64_t length,
		       struct publish_form *form_out);

/* ERROR: 0: all versions are at hand now; -ESTALE: the content changed meanwhile; -ECANCELED; ...
 * On a pool thread, that of publish_stream_end, or that of publish_free. */
typedef void publish_done(void *context, int error);
/* Has it made from the open FILE, which is duplicated, and for which publish_subject_of_file gave
 * SUBJECT: when it has another one by the time of the making, that is -ESTALE. With others asking
 * for the same it is made once. URGENT: somebody waits, before those that nobody waits for. DONE
 * may be NULL. Returns 0, or DONE is not called: -EBUSY: the queue is full; -ESTALE, -EFBIG: it
 * failed so before, which would cost as much again. Never blocks; a loop thread may call it. */
int publish_make(struct publish *publish, const struct publish_subject *subject, int file,
		 bool urgent, publish_done *done, void *context);

/* Made from octets that pass by, in order, by whoever has them. -EBUSY: it is being made already,
 * or too many are; -ESTALE, -EFBIG as above. */
struct publish_stream;
int publish_stream_begin(struct publish *publish, const struct publish_subject *subject,
			 struct publish_stream **stream_out);
/* Copied; hashed by the calling thread. A failure stays and only costs the content information. */
int publish_stream_feed(struct publish_stream *stream, const void *data, size_t size);
/* WHOLE: all octets came. Frees STREAM. 0, or why there is no content information now. */
int publish_stream_end(struct publish_stream *stream, bool whole);
/* Drops what is kept under NAME, whatever its state. */
void publish_forget(struct publish *publish, const char *name);
/* Drops all that is kept, also by others who share the directory; what is being made is kept when
 * it is done. 0 or a negative errno. */
int publish_clear(struct publish *publish);

struct publish_counters {
	uint64_t made;          /* contents */
	uint64_t octets_hashed; /* of contents, once whatever the number of versions */
	uint64_t failed;        /* contents; those given up do not count */
	uint64_t queued;        /* waiting now, not yet begun */
};
void publish_counters(struct publish *publish, struct publish_counters *counters_out);

#endif
