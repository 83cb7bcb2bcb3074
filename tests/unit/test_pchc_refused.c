/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a hosted cache does not take, and what it takes all the same: each row of the table of bad
 * requests (hosted-cache.md section 10), every prefix and every changed octet of the worked
 * messages.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/pchc_vectors.h"

static const char *const verdicts[] = {
	[PCHC_VALID] = "valid",
	[PCHC_IGNORED] = "ignored",
	[PCHC_MALFORMED] = "malformed",
};

static void every_bad_request_has_its_verdict(void **state)
{
	(void)state;
	for (size_t i = 0; i < pchc_row_count; i++) {
		const struct pchc_row *row = &pchc_rows[i];
		struct octets message = pchc_row_message(row);
		enum pchc_verdict verdict =
			pchc_verdict_of(message.data, message.size, row->version);

		if (verdict != row->verdict)
			fail_msg("%s: %s", row->name, verdicts[verdict]);
		octets_free(&message);
	}
}

static void padding_changes_nothing(void **state)
{
	static const char *const messages[] = {INITIAL, INFORMATION, BATCHED};

	(void)state;
	for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
		struct octets message = vectors_unhex(messages[i]), again;
		struct pchc_request request;

		memset(message.data + 4, 0xff, 4);
		memset(message.data + 10, 0xff, 6);
		assert_int_equal(pchc_request_read(message.data, message.size,
						   pchc_own_version(&message), &request),
				 PCHC_VALID);
		again = pchc_written(&request);
		assert_hex(again.data, again.size, messages[i]);
		octets_free(&again);
		octets_free(&message);
	}
}

static void no_prefix_is_valid(void **state)
{
	static const struct {
		const char *message;
		size_t ignored; /* from this size on, not malformed */
		size_t valid;   /* at this size */
	} rows[] = {
		{INITIAL, SIZE_MAX, SIZE_MAX},
		{INFORMATION, 32, SIZE_MAX},
		{BATCHED, SIZE_MAX, 75},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct octets message = vectors_unhex(rows[i].message);

		for (size_t size = 0; size < message.size; size++) {
			enum pchc_verdict expected =
				size >= rows[i].ignored ? PCHC_IGNORED : PCHC_MALFORMED;

			if (size == rows[i].valid)
				expected = PCHC_VALID;
			if (pchc_verdict_of(message.data, size, pchc_own_version(&message)) !=
			    expected)
				fail_msg("message %zu at %zu", i, size);
		}
		octets_free(&message);
	}
}

/* ---- changed octets ---- */

/* A letter for each octet, or a number of them: what becomes of a message when it is changed. */
#define ANY 'a'     /* nothing */
#define NONE 'n'    /* malformed */
#define TYPE_1 'y'  /* malformed, except for a segment info of no use */
#define IGNORED 'i' /* whatever value */
/* Values that are as good, the others being ignored: */
#define BELOW_19 'b'
#define BELOW_2 't'
#define BELOW_128 'h'
#define EVEN 'e'
#define NOT_0 'z'

#define PREFIX_LETTERS "nnnnaaaaaaaaaaaa"
#define LETTERS_16 "aaaaaaaaaaaaaaaa"
#define LETTERS_32 LETTERS_16 LETTERS_16
#define IGNORED_32 "iiiiiiiiiiiiiiiiiiiiiiiiiiiiiiii"
#define OFFER_LETTERS "aaaaaaaann" LETTERS_16 "a" LETTERS_32

static bool is_as_good(char letter, uint8_t value)
{
	switch (letter) {
	case BELOW_19:
		return value < 19;
	case BELOW_2:
		return value < 2;
	case BELOW_128:
		return value < 128;
	case EVEN:
		return value % 2 == 0;
	case NOT_0:
		return value != 0;
	default:
		return letter == ANY;
	}
}

static void check_changes(const char *name, struct octets *message, const char *letters)
{
	unsigned version = pchc_own_version(message);

	assert_int_equal(strlen(letters), message->size);
	for (size_t at = 0; at < message->size; at++) {
		uint8_t original = message->data[at];

		for (unsigned flip = 1; flip < 256; flip++) {
			uint8_t value = (uint8_t)(original ^ flip);
			enum pchc_verdict expected = PCHC_IGNORED;

			if (is_as_good(letters[at], value))
				expected = PCHC_VALID;
			else if (letters[at] == NONE ||
				 (letters[at] == TYPE_1 && value != PCHC_SEGMENT_INFO))
				expected = PCHC_MALFORMED;
			message->data[at] = value;
			if (pchc_verdict_of(message->data, message->size, version) != expected)
				fail_msg("%s: %#x at %zu", name, value, at);
		}
		message->data[at] = original;
	}
}

static void each_changed_octet_has_its_verdict(void **state)
{
	static const struct {
		const char *name, *message, *letters;
	} rows[] = {
		{"initial", INITIAL, "nnnyaaaaaaaaaaaa" LETTERS_32},
		{"batched", BATCHED, PREFIX_LETTERS OFFER_LETTERS OFFER_LETTERS},
		/* version, algorithm, skip, read, segments; offset, length, block size */
		{"information", INFORMATION,
		 PREFIX_LETTERS LETTERS_16 "iiiiiibiiiaaaaiiii"
					   "iiieaaahzaatiiii" IGNORED_32 LETTERS_32
					   "iiii" IGNORED_32},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct octets message = vectors_unhex(rows[i].message);

		check_changes(rows[i].name, &message, rows[i].letters);
		octets_free(&message);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_bad_request_has_its_verdict),
		cmocka_unit_test(padding_changes_nothing),
		cmocka_unit_test(no_prefix_is_valid),
		cmocka_unit_test(each_changed_octet_has_its_verdict),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
