/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Messages of the hosted cache protocol (MS-PCHC; hosted-cache.md sections 1 to 7 and 10), both
 * directions: what a client offers and a cache reads, and the answer. Pure: octets to structs and
 * back, no I/O, nothing kept, nothing allocated by the size of what came. Messages are bounded, so
 * a reader wants all of one at once. Pointers in what was read lead into the message, which must
 * outlive them. What to do about an offer is not here.
 *
 * What belongs to other types of message than a struct's own is zeros when it was read, and is not
 * looked at when it is written.
 */
#ifndef PEER_PCHC_H
#define PEER_PCHC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cache/bytes.h"
#include "cache/content_v1_single.h"
#include "cache/digest.h"
#include "peer/pccrr.h"

/* ---- HTTP (sections 1 and 2) ---- */

#define PCHC_PATH_1 "/C574AC30-5794-4AEE-B1BB-6651C5315029/" /* version 1.0, HTTPS only */
#define PCHC_PATH_2 "/0131501b-d67f-491b-9a40-c4bf27bcb4d4/" /* version 2.0, HTTP only */
/* 1 or 2, the version that the path implies; 0: neither. As indulgent as pccrr_is_path. */
unsigned pchc_path_version(const char *path);

/* Octets. A body that says it is longer is refused before it is read (413): our choice, twice what
 * the longest message needs. */
#define PCHC_REQUEST_MAX 65536u
#define PCHC_RESPONSE_SIZE 5u

/* ---- parts of messages ---- */

#define PCHC_TAG_SIZE 16u /* a content tag: opaque, for counting traffic by its kind */
#define PCHC_ID_SIZE 32u  /* of a descriptor's id, whatever its algorithm */
#define PCHC_OFFER_SIZE 59u
#define PCHC_OFFERS_MAX 128u

enum pchc_type {
	PCHC_INITIAL_OFFER = 1, /* version 1.0: a segment is here */
	PCHC_SEGMENT_INFO = 2,  /* version 1.0: and this is all that I know of it */
	PCHC_BATCHED_OFFER = 3, /* version 2.0: these segments are here */
};

/* A descriptor of PCHC_BATCHED_OFFER. */
struct pchc_offer {
	uint32_t block_size;   /* of no use to who reads it */
	uint32_t segment_size; /* octets */
	const uint8_t *tag;    /* PCHC_TAG_SIZE octets */
	uint8_t algorithm;     /* as on the wire; unknown ones are not dropped */
	const uint8_t *id;     /* PCHC_ID_SIZE octets */
};

/* Descriptors as they are in a message, PCHC_OFFER_SIZE octets each. */
struct pchc_offers {
	const uint8_t *wire;
	uint32_t count;
};
/* One more descriptor behind those that OUT has. */
void pchc_offers_put(struct bytes_out *out, const struct pchc_offer *offer);
/* The first of REST, which then begins with the next; false when there is none left. */
bool pchc_offers_next(struct pchc_offers *rest, struct pchc_offer *offer_out);

/* The descriptor of a segment of LENGTH octets whose id was made with ALGORITHM. False: what
 * version 2.0 has no number for, or nobody would take. */
bool pchc_offer_make(enum digest_algorithm algorithm, uint32_t length, const uint8_t *tag,
		     const uint8_t *id, struct pchc_offer *offer_out);

/* What a descriptor is good for, apart from the others in its message (sections 6, 8.4 and 10). */
enum pchc_use {
	PCHC_USABLE,
	PCHC_UNKNOWN_ALGORITHM,
	PCHC_ABSURD_SIZE, /* a segment has not so many octets, or one has none */
};
/* With PCHC_USABLE: what the id was made with, and how many blocks the segment has: with SHA-256 of
 * 65536 octets, the last one maybe shorter; else one. Untouched otherwise. */
enum pchc_use pchc_offer_use(const struct pchc_offer *offer, enum digest_algorithm *algorithm_out,
			     uint32_t *blocks_out);

/* ---- requests (sections 3 to 6) ---- */

struct pchc_request {
	enum pchc_type type;
	/* Where the client serves the retrieval protocol, at the address that it offers from. 0:
	 * nothing can be fetched; the message is as good as any otherwise. */
	uint16_t port;
	/* PCHC_INITIAL_OFFER; its size, 32, 48 or 64, tells SHA-256, SHA-384 and SHA-512 apart */
	struct pccrr_id segment;
	/* PCHC_SEGMENT_INFO */
	const uint8_t *tag; /* PCHC_TAG_SIZE octets */
	struct content_v1_single information;
	/* PCHC_BATCHED_OFFER, 1 to PCHC_OFFERS_MAX */
	struct pchc_offers offers;
};

/* Octets of the message. 0: there is no such message. */
size_t pchc_request_size(const struct pchc_request *request);
/* MESSAGE_OUT gets pchc_request_size octets, which must not be 0. */
void pchc_request_write(const struct pchc_request *request, uint8_t *message_out);

/* What is to be done with a request (section 10). */
enum pchc_verdict {
	PCHC_VALID,
	PCHC_IGNORED,   /* answered with PCHC_OK, and nothing else */
	PCHC_MALFORMED, /* dropped */
};
/* VERSION: 1 or 2, what path and transport imply; no message of the other is taken. PCHC_IGNORED
 * are only those PCHC_SEGMENT_INFO whose content information is of no use, or cannot be checked
 * now; REQUEST_OUT is untouched unless PCHC_VALID. Hashes up to 32 KiB. */
enum pchc_verdict pchc_request_read(const void *message, size_t size, unsigned version,
				    struct pchc_request *request_out);

/* ---- responses (section 7) ---- */

enum pchc_code {
	PCHC_OK,
	PCHC_INTERESTED, /* in PCHC_SEGMENT_INFO; an answer to PCHC_INITIAL_OFFER only */
};

void pchc_response_write(enum pchc_code code, uint8_t body_out[PCHC_RESPONSE_SIZE]);
/* BODY: of a response with status 200 to a request of type ASKED. -EBADMSG: not what section 7
 * allows, which ends the sequence. */
int pchc_response_read(const void *body, size_t size, enum pchc_type asked,
		       enum pchc_code *code_out);

#endif
