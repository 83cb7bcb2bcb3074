/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The worked messages of the hosted cache protocol (hosted-cache.md section 15) in hexadecimal, in
 * parts, and what its tests do with messages alike.
 */
#ifndef TESTS_UNIT_PCHC_VECTORS_H
#define TESTS_UNIT_PCHC_VECTORS_H

#include "peer/pchc.h"
#include "tests/unit/content_vectors.h"

#define COUNTING "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define BACKWARD "1f1e1d1c1b1a191817161514131211100f0e0d0c0b0a09080706050403020100"
#define WININET "57696e494e6574000000000000000000"
#define SMB "35db045d14234553a0510dc2e15e6c4c"
#define BITS "424954532d342e300000000000000000"
#define FOX_DATA "7743034d22491720b723b68afd046be66969409254dc79a153e290c81a8f238a"
#define FOX_SECRET "032abf1b8c45313b4228320976696c35aa3367b2fb71d5797078fcf00132d27c"
#define FOX_BLOCK "5cac4f980fedc3d3f1f99b4be3472c9b30d56523e632d151237ec9309048bda9"

#define PREFIX_1 "0001000100000000205a000000000000"
#define PREFIX_2 "0001000200000000205a000000000000"
#define PREFIX_3 "00020003000000000050000000000000"
#define INITIAL PREFIX_1 COUNTING
#define OFFER_1 "0001000001d000000010" WININET "01" COUNTING
#define OFFER_2 "00011170000111700010" SMB "04" BACKWARD
#define BATCHED PREFIX_3 OFFER_1 OFFER_2
#define FOX_DESCRIPTION "00000000000000001300000000000100" FOX_DATA FOX_SECRET
#define FOX_LIST "01000000" FOX_BLOCK
#define INFORMATION PREFIX_2 BITS "00010c800000000000001300000001000000" FOX_DESCRIPTION FOX_LIST

/* A row of the table of bad requests (section 10), or what is beside it. */
struct pchc_row {
	const char *name;
	const char *message; /* hexadecimal */
	size_t size;         /* what is left of it; SIZE_MAX: all */
	size_t at;           /* where PATCH, hexadecimal, goes; "": nowhere */
	const char *patch;
	unsigned version; /* of path and transport */
	enum pchc_verdict verdict;
};
extern const struct pchc_row pchc_rows[];
extern const size_t pchc_row_count;
struct octets pchc_row_message(const struct pchc_row *row);

/* The version that a message says; of path and transport, if it is well treated. */
unsigned pchc_own_version(const struct octets *message);
/* Of a copy of exactly SIZE octets, so that a sanitizer sees what reads on; and what is not valid
 * must have written nothing. */
enum pchc_verdict pchc_verdict_of(const uint8_t *data, size_t size, unsigned version);
/* There must be such a message. */
struct octets pchc_written(const struct pchc_request *request);

#endif
