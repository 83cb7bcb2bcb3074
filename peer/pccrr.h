/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Messages of the retrieval protocol (MS-PCCRR; retrieval.md sections 2 to 6 and 8 to 11), both
 * directions: what a client asks and a server reads, what a server answers and a client reads.
 * Pure: octets to structs and back, no I/O, nothing allocated, nothing kept. Messages are bounded,
 * so a reader wants all of one at once. Pointers in what was read lead into the message, which
 * must outlive them; sizes of what is pointed to have been checked against the octets there.
 *
 * A message is refused as a whole, on its first fault: in either direction, when a size or count
 * does not agree with the octets, when padding is not zero, when something is left after the last
 * field. A blob that is nonsense in itself is no fault (peer/ages.h reads it).
 *
 * What belongs to other types of message than a struct's own is zeros when it was read, and is not
 * looked at when it is written.
 */
#ifndef PEER_PCCRR_H
#define PEER_PCCRR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cache/bytes.h"
#include "peer/cipher.h"
#include "peer/range_set.h"

/* ---- HTTP (section 2) ---- */

#define PCCRR_PATH "/116B50EB-ECE2-41ac-8429-9F9E963361B7/"
/* Case does not matter, nor whether the closing slash is there: HTTP.sys, which Windows registers
 * the path with, is as indulgent. PATH: what a request names, without a query. */
bool pccrr_is_path(const char *path);

/* Octets. A body that says it is longer is refused before it is read (413). */
#define PCCRR_MESSAGE_MIN 16u
#define PCCRR_REQUEST_MAX 98304u
#define PCCRR_ANSWER_MAX 393216u
#define PCCRR_TRANSPORT_SIZE 4u /* before an answer, and not in its size */
#define PCCRR_BODY_MAX (PCCRR_TRANSPORT_SIZE + PCCRR_ANSWER_MAX)

/* ---- parts of messages ---- */

#define PCCRR_BLOCKS 512u /* that a segment has at most, in version 1.0; in 2.0 it has one */
/* In a message about blocks; no more than that can be disjoint. More are refused, also in answers,
 * where that is our choice. */
#define PCCRR_RANGES_MAX 256u
#define PCCRR_ID_SIZE_MAX 64u /* octets; our choice, SHA-512. Real ones have 32 */
/* Ids in a message, the shortest possible ones: 4 octets of size, one of id, 3 of padding. */
#define PCCRR_IDS_MAX ((PCCRR_REQUEST_MAX - 40u) / 8u)
#define PCCRR_REQUEST_ID_SIZE 16u

/* Values of MsgType. What answers a request follows in its comment. */
enum pccrr_type {
	PCCRR_ASK_VERSIONS, /* MSG_NEGO_REQ: PCCRR_VERSIONS */
	PCCRR_VERSIONS,     /* MSG_NEGO_RESP, which may also come in place of any other answer */
	PCCRR_ASK_LIST,     /* MSG_GETBLKLIST: PCCRR_LIST */
	PCCRR_ASK_BLOCK,    /* MSG_GETBLKS: PCCRR_BLOCK */
	PCCRR_LIST,         /* MSG_BLKLIST */
	PCCRR_BLOCK,        /* MSG_BLK */
	PCCRR_ASK_SEGMENTS, /* MSG_GETSEGLIST: PCCRR_SEGMENTS */
	PCCRR_SEGMENTS,     /* MSG_SEGLIST */
	PCCRR_TYPES
};

struct pccrr_version {
	uint16_t major, minor;
};

/* A segment's public id, HoHoDk, 1 to PCCRR_ID_SIZE_MAX octets. */
struct pccrr_id {
	const uint8_t *octets;
	uint32_t size;
};
bool pccrr_id_equal(struct pccrr_id one, struct pccrr_id other);

/* Ids as they are in a message, each with its size before it and its padding behind. */
struct pccrr_ids {
	const uint8_t *wire;
	uint32_t size; /* octets */
	uint32_t count;
};
/* One more id behind those that OUT has. */
void pccrr_ids_put(struct bytes_out *out, struct pccrr_id id);
/* The first of REST, which then begins with the next; false when there is none left. */
bool pccrr_ids_next(struct pccrr_ids *rest, struct pccrr_id *id_out);

/* An extensible blob. Size 0: there is none. */
struct pccrr_blob {
	const uint8_t *octets;
	uint32_t size;
};

/* ---- requests (sections 4 and 9) ---- */

struct pccrr_request {
	enum pccrr_type type;
	struct pccrr_version version; /* writing: major 0 stands for the type's own version */
	enum cipher_algorithm cipher; /* a wish; clients send CIPHER_AES_128 */
	/* PCCRR_ASK_VERSIONS */
	struct pccrr_version least, most;
	/* PCCRR_ASK_LIST, PCCRR_ASK_BLOCK */
	struct pccrr_id segment;
	/* PCCRR_ASK_LIST; what was asked for beyond the last block is not in it */
	uint64_t blocks[RANGE_SET_WORDS(PCCRR_BLOCKS)];
	/* PCCRR_ASK_BLOCK: the first of all that are asked for; may be beyond the last block */
	uint32_t block;
	bool none; /* all ranges are empty: the answer names BLOCK, but must not give it */
	/* PCCRR_ASK_SEGMENTS */
	uint8_t request_id[PCCRR_REQUEST_ID_SIZE];
	struct pccrr_ids ids;
	struct pccrr_blob blob;
};

/* Octets of the message. 0: there is no such message, since the type is no request, an id has no
 * or too many octets, nothing is asked for where that is not allowed, or the limit is exceeded. */
size_t pccrr_request_size(const struct pccrr_request *request);
/* MESSAGE_OUT gets pccrr_request_size octets, which must not be 0. */
void pccrr_request_write(const struct pccrr_request *request, uint8_t *message_out);

enum pccrr_verdict {
	PCCRR_VALID,
	PCCRR_INCOMPATIBLE, /* to be answered with pccrr_answer_versions, whatever was asked */
	PCCRR_MALFORMED,    /* to be dropped (section 10) */
};
/* Steps 1 to 3 of section 9.1. REQUEST_OUT is untouched unless PCCRR_VALID. */
enum pccrr_verdict pccrr_request_read(const void *message, size_t size,
				      struct pccrr_request *request_out);

/* ---- answers (sections 5 and 11.2) ---- */

struct pccrr_answer {
	enum pccrr_type type;
	enum cipher_algorithm cipher; /* the server's choice */
	/* PCCRR_VERSIONS: what the server supports */
	struct pccrr_version least, most;
	/* PCCRR_LIST, PCCRR_BLOCK */
	struct pccrr_id segment;
	uint32_t next; /* a hint: a later block that the server holds; 0: none */
	/* PCCRR_LIST */
	uint64_t blocks[RANGE_SET_WORDS(PCCRR_BLOCKS)];
	/* PCCRR_BLOCK */
	uint32_t block;
	uint32_t size; /* octets of DATA, encrypted if CIPHER says so; 0: not here */
	const uint8_t *data;
	uint8_t iv[CIPHER_IV_SIZE]; /* of no meaning without encryption or data */
	/* PCCRR_SEGMENTS: positions among the ids of the request */
	uint8_t request_id[PCCRR_REQUEST_ID_SIZE];
	uint32_t positions; /* ids of the request: what SEGMENTS is a set below */
	uint64_t segments[RANGE_SET_WORDS(PCCRR_IDS_MAX)];
	uint32_t first; /* reading: the position from which the ages of the blob count */
	struct pccrr_blob blob;
};

/* The answer to REQUEST that has nothing, which is also what one gets who comes when too many are
 * being served. Fill in what is held. Leads into what REQUEST leads into. Not for
 * PCCRR_ASK_VERSIONS. */
void pccrr_answer_begin(const struct pccrr_request *request, enum cipher_algorithm cipher,
			struct pccrr_answer *answer_out);
/* 1.0 to 2.0: the answer to a valid PCCRR_ASK_VERSIONS, and to everything PCCRR_INCOMPATIBLE. */
void pccrr_answer_versions(struct pccrr_answer *answer_out);
/* The field NEXT: the first block of HELD from END on, which is the one after the last in the
 * message (section 9.4); 0: there is none. */
uint32_t pccrr_next_block(const uint64_t *held, uint64_t end);

/* Octets of the body, transport header included. 0: no such answer, as above. */
size_t pccrr_answer_size(const struct pccrr_answer *answer);
/* BODY_OUT gets pccrr_answer_size octets, which must not be 0. */
void pccrr_answer_write(const struct pccrr_answer *answer, uint8_t *body_out);

/* PCCRR_BLOCK in three parts, so that what is sent need not be copied: head, DATA, tail. DATA is
 * not looked at here, only its size, so all of this can be written before it is encrypted. Each
 * gives the size of its part; the answer's pccrr_answer_size must not be 0. */
#define PCCRR_HEAD_MAX 100u
#define PCCRR_TAIL_MAX 27u
size_t pccrr_block_head(const struct pccrr_answer *answer, uint8_t head_out[PCCRR_HEAD_MAX]);
size_t pccrr_block_tail(const struct pccrr_answer *answer, uint8_t tail_out[PCCRR_TAIL_MAX]);

/* BODY: of a response with status 200. ASKED: the request as it was written. -EBADMSG: malformed,
 * or no answer to it (all of section 11.2 but decryption and hash). Else it is PCCRR_VERSIONS, or
 * the answer: of a list only what was asked for; whether DATA is the block is to be seen
 * (cipher_decrypt, content_block_check). */
int pccrr_answer_read(const void *body, size_t size, const struct pccrr_request *asked,
		      struct pccrr_answer *answer_out);

/* Having got VERSIONS in place of an answer to a request of TYPE: the version to ask once more
 * with (section 8). False: the message is not for this server. */
bool pccrr_version_agreed(enum pccrr_type type, const struct pccrr_answer *versions,
			  struct pccrr_version *version_out);

#endif
