/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The vectors of tests/vectors/content-information, for the tests that replay them (its README.md
 * describes them). What cannot be read fails the test.
 */
#ifndef TESTS_UNIT_CONTENT_VECTORS_H
#define TESTS_UNIT_CONTENT_VECTORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "cache/content.h"

struct octets {
	uint8_t *data; /* of exactly this size, so that a sanitizer sees what reads on */
	size_t size;
};

/* FILE without folder. For json_decref. */
json_t *vectors_load(const char *file);
/* Members that must be there and of that type. */
const char *vectors_text(const json_t *object, const char *name);
uint64_t vectors_number(const json_t *object, const char *name);
bool vectors_true(const json_t *object, const char *name);
const json_t *vectors_list(const json_t *object, const char *name);
void vectors_pair(const json_t *pair, uint64_t *first_out, uint64_t *second_out);

struct octets vectors_unhex(const char *hex);
struct octets vectors_octets(const json_t *object, const char *name);
void octets_free(struct octets *octets);
/* The octets that the rule makes, checked against their SHA-256. */
struct octets vectors_content(const json_t *content);

/* Both, or stop. */
void assert_hex(const uint8_t *data, size_t size, const char *expected);
void assert_json_hex(const uint8_t *data, size_t size, const json_t *object, const char *name);

/* What a vector says of the result: range, segments, fetch. DATA: the content; NULL: not known. */
void check_decoded(const struct content *content, const json_t *vector, const uint8_t *data);
/* Reader fed in portions of this size; 0: all at once. */
int decode_in_portions(const struct octets *info, size_t portion, struct content **content_out,
		       const char **reason_out);
/* Every way of cutting INFO into portions gives the verdict that it gets at once; its result is
 * asked for everything. Returns the verdict. */
int check_verdict(const struct octets *info);
/* What is left of INFO at every STEP octets must be rejected. CHUNK not 0: INFO is of version 2.0,
 * says "everything listed", and has chunks of so many octets, so that a cut between two of them
 * cannot be seen (section 12) and must be accepted. */
void check_prefixes(const struct octets *info, size_t step, size_t chunk);

#endif
