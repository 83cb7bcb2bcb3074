/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What requests and answers are made of alike (retrieval.md section 3). All integers big-endian.
 * What is taken wrong fails the cursor.
 */
#ifndef PEER_PCCRR_PRIVATE_H
#define PEER_PCCRR_PRIVATE_H

#include "peer/pccrr.h"

/* Majors that we speak, any minor of them. */
#define PCCRR_MAJOR_LEAST 1
#define PCCRR_MAJOR_MOST 2

#define PCCRR_HEADER_SIZE 16u
#define PCCRR_NUMBER_SIZE 4u /* octets of an integer, and what fields are aligned to */
#define PCCRR_RANGE_SIZE 8u

/* ---- pccrr.c ---- */

struct pccrr_header {
	struct pccrr_version version;
	uint32_t type, size, cipher; /* size: of the message with this header */
};

/* That of its type, not of its sender (section 3.2). */
struct pccrr_version pccrr_version_of(enum pccrr_type type);
/* The major is one that we speak. */
bool pccrr_version_known(struct pccrr_version version);
bool pccrr_id_possible(struct pccrr_id id);
/* Octets of sized bytes, with size and padding. */
size_t pccrr_sized(size_t size);

void pccrr_put_version(struct bytes_out *out, struct pccrr_version version);
void pccrr_put_header(struct bytes_out *out, const struct pccrr_header *header);
void pccrr_put_padding(struct bytes_out *out, size_t size);
void pccrr_put_id(struct bytes_out *out, struct pccrr_id id);
void pccrr_put_blob(struct bytes_out *out, struct pccrr_blob blob);
/* Count and ranges of a set, in normal form. */
void pccrr_put_set(struct bytes_out *out, const uint64_t *set, uint32_t size);

/* Fails IN unless it HOLDS. */
void pccrr_require(struct bytes_in *in, bool holds);
struct pccrr_version pccrr_take_version(struct bytes_in *in);
struct pccrr_header pccrr_take_header(struct bytes_in *in);
/* What must follow SIZE octets, all zeros. */
void pccrr_take_padding(struct bytes_in *in, size_t size);
struct pccrr_id pccrr_take_id(struct bytes_in *in);
/* The last element of a message, so without padding. */
struct pccrr_blob pccrr_take_blob(struct bytes_in *in);
/* The number of ranges, of which so many octets are there; more than MOST fail. */
uint32_t pccrr_take_range_count(struct bytes_in *in, uint32_t most);
struct range pccrr_take_range(struct bytes_in *in);

#endif
