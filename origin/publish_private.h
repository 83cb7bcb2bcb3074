/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What publish*.c share. From below: one kept file, the directory of them, octets to hashes; then
 * the queue.
 */
#ifndef ORIGIN_PUBLISH_PRIVATE_H
#define ORIGIN_PUBLISH_PRIVATE_H

#include <stdatomic.h>

#include "cache/content_hashes.h"
#include "origin/publish.h"

enum { PUBLISH_VERSIONS = 2 }; /* of content information: 1 and 2; arrays begin with version 1 */

/* What was made: of version 0 where there is none. */
struct publish_made {
	struct content_hashes hashes[PUBLISH_VERSIONS];
};
void publish_made_clear(struct publish_made *made);

/* publish_kept.c: a file that holds the content information of one subject, see there. No locks. */

#define PUBLISH_FILE_NAME_SIZE 65 /* 64 hexadecimal digits and NUL */
#define PUBLISH_IDENTIFIER_SIZE 32u
#define PUBLISH_CHECKSUM_SIZE 16u

/* The server secret, and what is derived from it. */
struct publish_keys {
	uint8_t ks[PUBLISH_VERSIONS][DIGEST_SIZE_MAX];
	uint8_t identifier[PUBLISH_IDENTIFIER_SIZE]; /* tells keys apart, and no more */
};
int publish_keys_derive(const struct secret *secret, struct publish_keys *keys_out);

struct publish_kept {
	int file;
	bool other_keys; /* the secrets of segments in it are void, the hashes are not */
	uint64_t content_size;
	struct publish_kept_form {
		uint64_t offset, size; /* size 0: there is none */
		uint8_t checksum[PUBLISH_CHECKSUM_SIZE];
	} forms[PUBLISH_VERSIONS];
};

void publish_kept_name(const char *subject_name, char name_out[PUBLISH_FILE_NAME_SIZE]);
/* Whether the file NAME begins as kept files do, whatever is in it. */
bool publish_kept_is_one(int directory, const char *name);
/* -ENOENT: none of SUBJECT, or its header does not hold. */
int publish_kept_open(int directory, const struct publish_subject *subject,
		      const struct publish_keys *keys, struct publish_kept *kept_out);
void publish_kept_close(struct publish_kept *kept);
/* -ENOENT: there is none of VERSION, or it does not match its checksum. */
int publish_kept_check(const struct publish_kept *kept, unsigned version);
/* The same failures, and -ENOMEM. */
int publish_kept_hashes(const struct publish_kept *kept, unsigned version,
			struct content_hashes *hashes_out);
/* Into FILE, which is empty. SIZE_OUT: octets it then has. */
int publish_kept_write(int file, const struct publish_subject *subject,
		       const struct publish_keys *keys, const struct publish_made *made,
		       uint64_t *size_out);

/* publish_sweep.c: all kept files of a directory. No locks. */

/* How the names of files begin that are being written, and how many hexadecimal digits follow. */
#define PUBLISH_TEMPORARY "new-"
#define PUBLISH_TEMPORARY_DIGITS 16
/* What a file of SIZE octets takes. */
uint64_t publish_octets_taken(uint64_t size);
/* What is left of LIMIT when it was exceeded. */
uint64_t publish_octets_left(uint64_t limit);
/* If they take more than LIMIT, removes those that were not used for longest; and what was left
 * half written. LEFT_OUT: octets that remain. */
int publish_sweep(int directory, uint64_t limit, uint64_t *left_out);

/* publish_shelf.c: the directory. Any thread. */

struct publish_shelf;
/* A MESSAGE comes with a failure. */
int publish_shelf_open(const struct publish_options *options, struct publish_shelf **shelf_out,
		       char *message, size_t message_size);
void publish_shelf_close(struct publish_shelf *shelf);
/* What is kept of SUBJECT, under our keys, with VERSION checked. -ENOENT. */
int publish_shelf_find(struct publish_shelf *shelf, const struct publish_subject *subject,
		       unsigned version, struct publish_kept *kept_out);
/* The versions that would be found, as bits. */
unsigned publish_shelf_versions(struct publish_shelf *shelf, const struct publish_subject *subject);
/* Keeps MADE, and what is kept of other versions. -EFBIG: more than the limit allows. */
int publish_shelf_put(struct publish_shelf *shelf, const struct publish_subject *subject,
		      const struct publish_made *made);
/* Whether all of VERSIONS are kept; notes the use. */
bool publish_shelf_has(struct publish_shelf *shelf, const struct publish_subject *subject,
		       unsigned versions);
/* Whether VERSIONS of content of SIZE octets are hopeless: -EFBIG. */
int publish_shelf_admits(const struct publish_shelf *shelf, uint64_t size, unsigned versions);
uint64_t publish_shelf_limit(const struct publish_shelf *shelf);
void publish_shelf_forget(struct publish_shelf *shelf, const char *name);
int publish_shelf_clear(struct publish_shelf *shelf);
const struct publish_keys *publish_shelf_keys(const struct publish_shelf *shelf);

/* publish_hashing.c: octets in, all versions out. One thread at a time. */

struct publish_hashing;
/* VERSIONS: bits. POOL NULL: the calling thread does all. */
int publish_hashing_create(unsigned versions, struct pool *pool, enum pool_lane lane,
			   struct publish_hashing **hashing_out);
int publish_hashing_add(struct publish_hashing *hashing, const void *data, size_t size);
int publish_hashing_add_file(struct publish_hashing *hashing, int file, uint64_t offset,
			     uint64_t length);
int publish_hashing_end(struct publish_hashing *hashing, struct publish_made *made_out);
void publish_hashing_free(struct publish_hashing *hashing);

/* publish.c */

/* Made from a stream: SUBJECT is registered as being made. -EBUSY. */
struct publish_making;
int publish_claim(struct publish *publish, const struct publish_subject *subject,
		  struct publish_making **making_out);
/* Keeps MADE if ERROR is 0, and tells those who wait. Returns what they are told. Frees MAKING. */
int publish_claim_end(struct publish_making *making, int error, const struct publish_made *made);
unsigned publish_versions(const struct publish *publish);
struct publish_shelf *publish_shelf(const struct publish *publish);
void publish_count_octets(struct publish *publish, uint64_t octets);

#endif
