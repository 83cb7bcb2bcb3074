/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The vectors of tests/vectors/retrieval, for the tests that replay them (its README.md describes
 * them).
 */
#ifndef TESTS_UNIT_RETRIEVAL_VECTORS_H
#define TESTS_UNIT_RETRIEVAL_VECTORS_H

#include "peer/pccrr.h"
#include "tests/unit/content_vectors.h"

/* FILE without folder. For json_decref. */
json_t *retrieval_load(const char *file);

/* [[index, count], ...] must be the normal form of SET. */
void assert_set(const uint64_t *set, uint32_t size, const json_t *ranges);
void assert_version(struct pccrr_version version, const json_t *expected);
void assert_id(struct pccrr_id id, const json_t *object, const char *name);

/* What is written must be the octets; they are NULL when there is nothing. */
struct octets write_request(const struct pccrr_request *request);
struct octets write_answer(const struct pccrr_answer *answer);
void assert_octets(const struct octets *octets, const struct octets *expected);

/* MsgSize of a message of SIZE octets, of which at least 12 are there. */
void set_message_size(uint8_t *message, size_t size);

#endif
