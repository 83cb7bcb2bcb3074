/* SPDX-License-Identifier: BSD-2-Clause
 *
 * How the versions of content information stand behind cache/content.h. Private to content*.c.
 *
 * A reader cuts its input into *items*, each wholly in sight: NEED octets each, of which REPEAT
 * follow one another. A version takes as many of them as have come, and when the last of the
 * REPEAT is taken says what follows. What is kept of an item is what finding it again needs.
 */
#ifndef CACHE_CONTENT_PRIVATE_H
#define CACHE_CONTENT_PRIVATE_H

#include "cache/bytes.h"
#include "cache/content.h"

#define CONTENT_VERSION_SIZE 2u /* octets that tell the versions apart */
#define CONTENT_ITEM_MAX 160u   /* a segment description of SHA-512 has 144 */

struct content_format {
	unsigned version;
	int (*begin)(struct content_reader *reader);
	/* COUNT items; REPEAT is already less by COUNT. */
	int (*take)(struct content_reader *reader, struct bytes_in *items, uint32_t count);
	/* All octets that came were taken: was that all? */
	int (*end)(struct content_reader *reader);
	void (*state_free)(void *state);

	int (*segment)(const struct content *content, uint32_t index,
		       struct content_segment *segment_out);
	int (*each)(const struct content *content, content_each *each, void *owner);
	/* OFFSET is in a listed segment. */
	int (*segment_at)(const struct content *content, uint64_t offset, uint32_t *index_out);
	/* OFFSET is in a block that is listed. */
	int (*block_at)(const struct content *content, uint64_t offset,
			struct content_block *block_out);
	int (*cutting)(const struct content *content, struct cutting **cutting_out);
	void (*index_free)(void *index);
};

extern const struct content_format content_format_v1, content_format_v2;

struct content {
	unsigned references; /* atomic */
	const struct content_format *format;
	enum digest_algorithm algorithm;
	uint64_t start, end;               /* the range */
	uint64_t listed_start, listed_end; /* from the first to the last listed segment */
	uint32_t segments;
	struct content_header header;
	void *index; /* the version's: where things lie */
	struct content_backing backing;
};

struct content_reader {
	uint64_t limit, fed;
	int failure;
	const char *reason;
	size_t need; /* 0: nothing may follow */
	uint32_t repeat;
	uint64_t taken; /* octets before the items being taken */
	size_t staged;  /* octets of an item of which more is to come */
	uint8_t stage[CONTENT_ITEM_MAX];
	const struct content_format *format; /* NULL until the version is known */
	void *state;                         /* the version's */
	struct content *content;             /* until it is handed over */
};

/* content.c. Returns ERROR, having noted it. */
int content_reject(struct content_reader *reader, int error, const char *reason);
int content_expect(struct content_reader *reader, size_t need, uint32_t repeat);
/* -EBADMSG beyond the encoded form. */
int content_read_backing(const struct content *content, uint64_t position, void *data, size_t size);

#endif
