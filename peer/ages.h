/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The extensible blob, version 1: how long ago segments entered the sender's cache (discovery.md
 * 5.2, retrieval.md section 6). Pure. Both protocols throw a bad blob away and keep the message
 * around it.
 */
#ifndef PEER_AGES_H
#define PEER_AGES_H

#include "cache/bytes.h"

#define AGES_MAX 255u
#define AGES_SIZE(count) (4u + 4u * (count))

struct ages_entry {
	uint8_t segment; /* counted as the message around it says */
	uint64_t age_ms;
};

/* Always in hundredths of a second; an age too long to say becomes the longest, 46.6 hours.
 * COUNT is at most AGES_MAX. */
void ages_write(const struct ages_entry *entries, unsigned count, struct bytes_out *out);

/* Octets behind the last entry are ignored. -EBADMSG: a bad blob. */
int ages_read(const void *blob, size_t size, struct ages_entry entries_out[AGES_MAX],
	      unsigned *count_out);

#endif
