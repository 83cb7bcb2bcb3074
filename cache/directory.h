/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What an origin said of a name, and the list of names of one directory as it came off the wire.
 * A name enters the list through directory_add(), which is the one place that says what a name
 * may be; everything later trusts it. One thread at a time.
 */
#ifndef CACHE_DIRECTORY_H
#define CACHE_DIRECTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Longest name, in octets, as Linux has it. */
#define DIRECTORY_NAME_MAX 255
#define DIRECTORY_ENTRIES_MAX 1000000u
/* Longest validator that we keep; an origin with a longer ETag counts as one without. */
#define ENTRY_VALIDATOR_MAX 256

enum entry_kind { ENTRY_ABSENT, ENTRY_FILE, ENTRY_DIRECTORY };

enum {
	ENTRY_SIZE_EXACT = 1,  /* size is to the octet */
	ENTRY_MTIME_EXACT = 2, /* mtime is to the second, in UTC */
	ENTRY_NO_RANGES = 4,   /* the origin ignores or refuses ranges for it */
	ENTRY_SIZE_MEASURED =
		16,       /* the origin gives no size: so long was it when it was read last */
	ENTRY_LISTED = 8, /* set by the catalog: the last listing shows the name */
};

struct entry {
	enum entry_kind kind;
	unsigned flags;
	int64_t size;    /* octets; -1 unknown */
	int64_t mtime;   /* seconds since 1970, UTC; -1 unknown */
	int64_t checked; /* seconds since 1970: when the origin last said so; 0 never */
	uint32_t mode;   /* permission bits of a file:// source; 0: the origin has none */
	/* Which version of the content, as told by the origin; "" when it has said nothing usable.
	 * Opaque outside origin/. */
	char validator[ENTRY_VALIDATOR_MAX];
};

struct directory;

/* ROOT: the list is of the mount's root, where ".peerdist" is reserved. */
int directory_create(bool root, struct directory **directory_out);
void directory_free(struct directory *directory);

/* NAME: LENGTH octets, decoded once. Only kind, flags, size, mtime, mode and validator of ENTRY
 * are used. Returns 0; -EINVAL for a name that cannot be (empty, ".", "..", with '/' or NUL, over
 * 255 octets, ".peerdist" in the root), which is counted in directory_rejected(); -EEXIST for one
 * that is there already (the first stays); -E2BIG above DIRECTORY_ENTRIES_MAX; -ENOMEM. */
int directory_add(struct directory *directory, const char *name, size_t length,
		  const struct entry *entry);
uint32_t directory_count(const struct directory *directory);
uint32_t directory_rejected(const struct directory *directory);
/* In the order of the listing. The name stays valid as long as the directory; entry.checked is 0.
 */
const char *directory_entry(const struct directory *directory, uint32_t index,
			    struct entry *entry_out);

#endif
