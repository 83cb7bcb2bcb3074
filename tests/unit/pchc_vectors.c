/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Reading copies of messages, and writing messages.
 */
#include "tests/unit/pchc_vectors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

unsigned pchc_own_version(const struct octets *message)
{
	return message->size > 1 ? message->data[1] : 1;
}

enum pchc_verdict pchc_verdict_of(const uint8_t *data, size_t size, unsigned version)
{
	struct octets copy = {malloc(size > 0 ? size : 1), size};
	struct pchc_request request, untouched;
	enum pchc_verdict verdict;

	assert_non_null(copy.data);
	memcpy(copy.data, data, size);
	memset(&untouched, 0xa5, sizeof(untouched));
	request = untouched;
	verdict = pchc_request_read(copy.data, copy.size, version, &request);
	if (verdict != PCHC_VALID)
		assert_memory_equal(&request, &untouched, sizeof(request));
	octets_free(&copy);
	return verdict;
}

struct octets pchc_written(const struct pchc_request *request)
{
	struct octets octets = {NULL, pchc_request_size(request)};

	assert_true(octets.size > 0 && octets.size <= PCHC_REQUEST_MAX);
	octets.data = malloc(octets.size);
	assert_non_null(octets.data);
	pchc_request_write(request, octets.data);
	return octets;
}

/* ---- bad requests ---- */

#define WHOLE SIZE_MAX

/* Whole, and with its own list each; but a hosted cache message is of one segment. */
#define TWO_SEGMENTS                                                                               \
	PREFIX_2 BITS "00010c800000000000001300000002000000"                                       \
		      "00000000000000000000000200000100" FOX_DATA FOX_SECRET                       \
		      "00000002000000001300000000000100" FOX_DATA FOX_SECRET FOX_LIST FOX_LIST

const struct pchc_row pchc_rows[] = {
	{"nothing", INITIAL, 0, 0, "", 1, PCHC_MALFORMED},
	{"shorter than 16 octets, 1.0", INITIAL, 15, 0, "", 1, PCHC_MALFORMED},
	{"shorter than 16 octets, 2.0", BATCHED, 15, 0, "", 2, PCHC_MALFORMED},
	{"version 0xFE.0xFE, 1.0", INITIAL, WHOLE, 0, "fefe", 1, PCHC_MALFORMED},
	{"version 0xFE.0xFE, 2.0", BATCHED, WHOLE, 0, "fefe", 2, PCHC_MALFORMED},
	{"version 0.0", INITIAL, WHOLE, 0, "0000", 1, PCHC_MALFORMED},
	{"version 3.0", BATCHED, WHOLE, 0, "0003", 2, PCHC_MALFORMED},
	{"minor 1, initial offer", INITIAL, WHOLE, 0, "0101", 1, PCHC_MALFORMED},
	{"minor 1, segment info", INFORMATION, WHOLE, 0, "0101", 1, PCHC_MALFORMED},
	{"minor 1, batched offer", BATCHED, WHOLE, 0, "0102", 2, PCHC_MALFORMED},
	{"versions the other way round", BATCHED, WHOLE, 0, "0200", 2, PCHC_MALFORMED},
	{"type 0xFEFE, 1.0", INITIAL, WHOLE, 2, "fefe", 1, PCHC_MALFORMED},
	{"type 0xFEFE, 2.0", BATCHED, WHOLE, 2, "fefe", 2, PCHC_MALFORMED},
	{"type 0", INITIAL, WHOLE, 2, "0000", 1, PCHC_MALFORMED},
	{"type 4", BATCHED, WHOLE, 2, "0004", 2, PCHC_MALFORMED},
	{"type in the other byte order", BATCHED, WHOLE, 2, "0300", 2, PCHC_MALFORMED},
	{"batched offer by HTTPS", BATCHED, WHOLE, 0, "", 1, PCHC_MALFORMED},
	{"batched offer as 1.0 by HTTPS", BATCHED, WHOLE, 0, "0001", 1, PCHC_MALFORMED},
	{"batched offer as 1.0 by HTTP", BATCHED, WHOLE, 0, "0001", 2, PCHC_MALFORMED},
	{"initial offer by HTTP", INITIAL, WHOLE, 0, "", 2, PCHC_MALFORMED},
	{"initial offer as 2.0 by HTTP", INITIAL, WHOLE, 0, "0002", 2, PCHC_MALFORMED},
	{"initial offer as 2.0 by HTTPS", INITIAL, WHOLE, 0, "0002", 1, PCHC_MALFORMED},
	{"segment info by HTTP", INFORMATION, WHOLE, 0, "", 2, PCHC_MALFORMED},
	{"segment info as 2.0 by HTTP", INFORMATION, WHOLE, 0, "0002", 2, PCHC_MALFORMED},
	{"first padding not zero, 1", INITIAL, WHOLE, 4, "ffffffff", 1, PCHC_VALID},
	{"second padding not zero, 1", INITIAL, WHOLE, 10, "ffffffffffff", 1, PCHC_VALID},
	{"first padding not zero, 2", INFORMATION, WHOLE, 4, "ffffffff", 1, PCHC_VALID},
	{"second padding not zero, 2", INFORMATION, WHOLE, 10, "ffffffffffff", 1, PCHC_VALID},
	{"first padding not zero, 3", BATCHED, WHOLE, 4, "ffffffff", 2, PCHC_VALID},
	{"second padding not zero, 3", BATCHED, WHOLE, 10, "ffffffffffff", 2, PCHC_VALID},
	{"port 0", BATCHED, WHOLE, 8, "0000", 2, PCHC_VALID},

	{"initial offer, no id", INITIAL, 16, 0, "", 1, PCHC_MALFORMED},
	{"initial offer, id of 1", INITIAL, 17, 0, "", 1, PCHC_MALFORMED},
	{"initial offer, id of 31", INITIAL, 47, 0, "", 1, PCHC_MALFORMED},
	{"initial offer, id of 32", INITIAL COUNTING, 48, 0, "", 1, PCHC_VALID},
	{"initial offer, id of 33", INITIAL COUNTING, 49, 0, "", 1, PCHC_MALFORMED},
	{"initial offer, id of 47", INITIAL COUNTING, 63, 0, "", 1, PCHC_MALFORMED},
	{"initial offer, id of 48", INITIAL COUNTING, 64, 0, "", 1, PCHC_VALID},
	{"initial offer, id of 49", INITIAL COUNTING, 65, 0, "", 1, PCHC_MALFORMED},
	{"initial offer, id of 63", INITIAL COUNTING, 79, 0, "", 1, PCHC_MALFORMED},
	{"initial offer, id of 64", INITIAL COUNTING, 80, 0, "", 1, PCHC_VALID},
	{"initial offer, id of 65", INITIAL COUNTING "00", WHOLE, 0, "", 1, PCHC_MALFORMED},

	{"segment info, no tag", INFORMATION, 16, 0, "", 1, PCHC_MALFORMED},
	{"segment info, less than a tag", INFORMATION, 31, 0, "", 1, PCHC_MALFORMED},
	{"segment info, a tag alone", INFORMATION, 32, 0, "", 1, PCHC_IGNORED},
	{"information version 0xFEFE", INFORMATION, WHOLE, 32, "fefe", 1, PCHC_IGNORED},
	{"information version 2.0", INFORMATION, WHOLE, 32, "0002", 1, PCHC_IGNORED},
	{"information version in the other order", INFORMATION, WHOLE, 32, "0100", 1, PCHC_IGNORED},
	{"hash algorithm 0xFEFE", INFORMATION, WHOLE, 34, "fefe0000", 1, PCHC_IGNORED},
	{"hash algorithm 0", INFORMATION, WHOLE, 34, "00000000", 1, PCHC_IGNORED},
	{"hash algorithm of 2.0", INFORMATION, WHOLE, 34, "04000000", 1, PCHC_IGNORED},
	{"hash algorithm SHA-384", INFORMATION, WHOLE, 34, "0d800000", 1, PCHC_IGNORED},
	{"segment description missing", INFORMATION, 50, 0, "", 1, PCHC_IGNORED},
	{"segment description missing, none counted", INFORMATION, 50, 46, "00000000", 1,
	 PCHC_IGNORED},
	{"no segment counted", INFORMATION, WHOLE, 46, "00000000", 1, PCHC_IGNORED},
	{"two segments counted", INFORMATION, WHOLE, 46, "02000000", 1, PCHC_IGNORED},
	{"two segments", TWO_SEGMENTS, WHOLE, 0, "", 1, PCHC_IGNORED},
	{"most segments counted", INFORMATION, WHOLE, 46, "ffffffff", 1, PCHC_IGNORED},
	{"cut short in the header", INFORMATION, 49, 0, "", 1, PCHC_IGNORED},
	{"cut short in the description", INFORMATION, 129, 0, "", 1, PCHC_IGNORED},
	{"block list missing", INFORMATION, 130, 0, "", 1, PCHC_IGNORED},
	{"cut short in the list", INFORMATION, 165, 0, "", 1, PCHC_IGNORED},
	{"an octet behind the end", INFORMATION "00", WHOLE, 0, "", 1, PCHC_IGNORED},
	{"offset of a segment impossible", INFORMATION, WHOLE, 50, "01", 1, PCHC_IGNORED},
	{"segment ends behind 2^63", INFORMATION, WHOLE, 50, "000000ffffffffff", 1, PCHC_IGNORED},
	{"segment of 0 octets", INFORMATION, WHOLE, 58, "00000000", 1, PCHC_IGNORED},
	{"segment of over 32 MiB", INFORMATION, WHOLE, 58, "01000002", 1, PCHC_IGNORED},
	{"block size 0", INFORMATION, WHOLE, 62, "00000000", 1, PCHC_IGNORED},
	{"block size 131072", INFORMATION, WHOLE, 62, "00000200", 1, PCHC_IGNORED},
	{"range begins behind the segment", INFORMATION, WHOLE, 38, "13000000", 1, PCHC_IGNORED},
	{"range begins with the last octet", INFORMATION, WHOLE, 38, "12000000", 1, PCHC_VALID},
	{"dwReadBytesInLastSegment 0", INFORMATION, WHOLE, 42, "00000000", 1, PCHC_VALID},
	{"dwReadBytesInLastSegment as the offset", INFORMATION, WHOLE, 38, "1200000012000000", 1,
	 PCHC_VALID},
	{"dwReadBytesInLastSegment most", INFORMATION, WHOLE, 42, "ffffffff", 1, PCHC_VALID},
	{"a list that is not of the hash of data", INFORMATION, WHOLE, 134, "00", 1, PCHC_IGNORED},
	{"a hash of data that is not of the list", INFORMATION, WHOLE, 66, "00", 1, PCHC_IGNORED},
	{"a list of no block", INFORMATION, 134, 130, "00000000", 1, PCHC_IGNORED},
	{"a list of more blocks than there are", INFORMATION FOX_BLOCK, WHOLE, 130, "02000000", 1,
	 PCHC_IGNORED},
	{"a count that wraps", INFORMATION, WHOLE, 130, "01000008", 1, PCHC_IGNORED},
	{"a list shorter than the segment", INFORMATION, WHOLE, 58, "14000100", 1, PCHC_VALID},

	{"no descriptor", BATCHED, 16, 0, "", 2, PCHC_MALFORMED},
	{"content tag of 0 octets", BATCHED, WHOLE, 24, "0000", 2, PCHC_MALFORMED},
	{"content tag of 0 octets, and none there", PREFIX_3 "0001000001d00000000001" COUNTING,
	 WHOLE, 0, "", 2, PCHC_MALFORMED},
	{"content tag of 15 octets", BATCHED, WHOLE, 24, "000f", 2, PCHC_MALFORMED},
	{"content tag of 17 octets", BATCHED, WHOLE, 24, "0011", 2, PCHC_MALFORMED},
	{"content tag of 4096 octets", BATCHED, WHOLE, 24, "1000", 2, PCHC_MALFORMED},
	{"second content tag of 0 octets", BATCHED, WHOLE, 83, "0000", 2, PCHC_MALFORMED},
	{"algorithm 0xFE", BATCHED, WHOLE, 42, "fe", 2, PCHC_VALID},
	{"last descriptor cut short", BATCHED, 133, 0, "", 2, PCHC_MALFORMED},
	{"last descriptor of one octet", BATCHED, 76, 0, "", 2, PCHC_MALFORMED},
	{"only descriptor cut short", BATCHED, 74, 0, "", 2, PCHC_MALFORMED},
	{"one descriptor", BATCHED, 75, 0, "", 2, PCHC_VALID},
	{"an octet behind the last descriptor", BATCHED "00", WHOLE, 0, "", 2, PCHC_MALFORMED},
	{"size 0", BATCHED, WHOLE, 20, "00000000", 2, PCHC_VALID},
	{"size most", BATCHED, WHOLE, 20, "ffffffff", 2, PCHC_VALID},
	{"odd block size", BATCHED, WHOLE, 16, "00000003", 2, PCHC_VALID},
};
const size_t pchc_row_count = sizeof(pchc_rows) / sizeof(pchc_rows[0]);

struct octets pchc_row_message(const struct pchc_row *row)
{
	struct octets message = vectors_unhex(row->message), patch = vectors_unhex(row->patch);

	if (row->size != WHOLE) {
		assert_true(row->size <= message.size);
		message.size = row->size;
	}
	assert_true(row->at + patch.size <= message.size);
	memcpy(message.data + row->at, patch.data, patch.size);
	octets_free(&patch);
	return message;
}
