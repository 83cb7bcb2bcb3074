/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Cache packages: cached content in one stream of octets, to be carried into another cache
 * (`peerdist export` and `import`). A package is a header and *records* (cache/package_record.h),
 * each with checksums, the last one counting all others, so that one cut short is known as such.
 * They carry
 *
 *   a content      its path, validator and size, then its content information, encoded as it came
 *   a block        of the content before it: where, and its plain octets
 *   opaque blocks  as a hosted cache has them (cache/store_opaque.h)
 *
 * Content information in it is as secret as what it describes, and the blocks are that: a package
 * is to be kept like the files themselves.
 *
 * On the way in every block is verified against the content information that describes it in the
 * cache, whether that came from the package or was there; opaque blocks, which nobody can verify,
 * by their checksum only, and only where they are wanted. What does not hold is passed over and
 * counted. Content information itself is believed as the origin's would be: whoever imports a
 * package says that he trusts who made it. What is in the cache already is never replaced: blocks
 * that contradict the package's content information keep it out.
 *
 * Names: PATHs of an origin (cache/catalog.h) stay what they are, so that a later read of the same
 * version finds the blocks. Where names say nothing (the API's contents, publications, hosted
 * caches) contents are kept under what describes them.
 *
 * Calls block on disk and on whoever gives or takes the octets; any thread but a loop thread.
 */
#ifndef CACHE_PACKAGE_H
#define CACHE_PACKAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cache/content.h"
#include "cache/store.h"

struct package_progress {
	uint64_t done, total; /* octets of blocks; total 0: not known, and never more than a hint */
};

struct package_figures {
	uint64_t contents, blocks, opaque; /* that went through */
	uint64_t octets;                   /* of blocks, opaque ones too */
	uint64_t lacking;     /* export: blocks of these contents that are not cached */
	uint64_t undescribed; /* export: cached contents without content information, left out */
	uint64_t present;     /* import: blocks that were there already */
	uint64_t unfit;       /* import: blocks for which there is no place: of contents that are
			       * described otherwise here, opaque ones where none are wanted */
	uint64_t bad;         /* import: records that do not hold */
};

struct package_options {
	/* Asked at every record; false: -ECANCELED. NULL: go on. */
	bool (*continue_)(void *context, const struct package_progress *progress);
	void *context;
	bool opaque; /* opaque blocks too */

	/* Export only: OBJECT is whole, of a path of the origin, and nothing describes it; may be
	 * mended here, or not. NULL: it is left out. */
	void (*undescribed)(void *context, struct object *object, const char *path,
			    const char *validator);

	/* Import only. */
	bool places; /* no content is kept under its path */
	/* CONTENT is to describe OBJECT, which nothing describes yet: 0 when something does, or a
	 * negative errno. NULL: it is done at once, which is right where nobody else writes. */
	int (*describe)(void *context, struct object *object, const char *path,
			const char *validator, struct content *content);
	/* A content has come to be kept under its own path. NULL: nobody wants to know. */
	void (*kept)(void *context, const char *path, const char *validator, uint64_t size);
};

/* Takes the package in portions, in order; anything but 0 ends the writing and is returned. */
typedef int package_put(void *owner, const void *data, size_t size);
/* Gives up to SIZE octets; how many, 0 at the end, or a negative errno, which is returned. */
typedef long package_take(void *owner, void *data, size_t size);

/* Writes what is cached, and described by content information, of COUNT PATHS (each and all below
 * it; "" is everything). Nothing is put when this fails with -ENOENT: nothing of the path number
 * *FAILED_OUT is such. FIGURES_OUT is filled whatever is returned. */
int package_export(struct store *store, const char *const *paths, unsigned count, package_put *put,
		   void *owner, const struct package_options *options,
		   struct package_figures *figures_out, unsigned *failed_out);

/* Takes a package in. 0; -EPROTO: it is no package that we know; -EBADMSG: it is cut short, or so
 * damaged that its records cannot be told apart; -E2BIG: it is whole, but octets follow its end;
 * -ENOSPC: the store has no room. Whatever is returned, what came before is kept and in
 * FIGURES_OUT. */
int package_import(struct store *store, package_take *take, void *owner,
		   const struct package_options *options, struct package_figures *figures_out);

#endif
