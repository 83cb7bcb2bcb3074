/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Base64: the vectors of RFC 4648, and what is strict.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "peer/base64.h"

static const struct {
	const char *octets, *text;
} vectors[] = {{"", ""},
	       {"f", "Zg=="},
	       {"fo", "Zm8="},
	       {"foo", "Zm9v"},
	       {"foob", "Zm9vYg=="},
	       {"fooba", "Zm9vYmE="},
	       {"foobar", "Zm9vYmFy"}};
#define VECTORS (sizeof(vectors) / sizeof(*vectors))

static void the_vectors_are_written(void **state)
{
	(void)state;
	for (size_t i = 0; i < VECTORS; i++) {
		char text[16];
		struct bytes_out out = bytes_out(text, sizeof(text));

		base64_write(vectors[i].octets, strlen(vectors[i].octets), &out);
		assert_false(out.failed);
		assert_int_equal(sizeof(text) - out.left, strlen(vectors[i].text));
		assert_int_equal(BASE64_LENGTH(strlen(vectors[i].octets)), strlen(vectors[i].text));
		assert_memory_equal(text, vectors[i].text, strlen(vectors[i].text));
	}
}

static void the_vectors_are_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < VECTORS; i++) {
		uint8_t data[16];
		size_t size, length = strlen(vectors[i].text);

		assert_int_equal(base64_read(vectors[i].text, length, data, sizeof(data), &size),
				 0);
		assert_int_equal(size, strlen(vectors[i].octets));
		assert_memory_equal(data, vectors[i].octets, size);
		assert_in_range(size, 0, BASE64_SIZE_MAX(length));
	}
}

static void all_octets_come_back(void **state)
{
	uint8_t octets[256], back[256];
	char text[BASE64_LENGTH(sizeof(octets))];

	(void)state;
	for (unsigned i = 0; i < 256; i++)
		octets[i] = (uint8_t)i;
	for (size_t size = 0; size <= sizeof(octets); size++) {
		struct bytes_out out = bytes_out(text, sizeof(text));
		size_t got;

		base64_write(octets, size, &out);
		assert_int_equal(base64_read(text, sizeof(text) - out.left, back, size, &got), 0);
		assert_int_equal(got, size);
		assert_memory_equal(back, octets, size);
	}
}

static void white_space_is_skipped(void **state)
{
	static const char text[] = " \tZ\r\nm 9v Y g = = \n";
	uint8_t data[4];
	size_t size;

	(void)state;
	assert_int_equal(base64_read(text, strlen(text), data, sizeof(data), &size), 0);
	assert_int_equal(size, 4);
	assert_memory_equal(data, "foob", 4);
}

static void what_is_not_strict_is_refused(void **state)
{
	static const char *const texts[] = {
		"Z",    "Zg",    "Zg=",      "Zg===", "Zm8",    "Zm8==",
		"=",    "==",    "===",      "====",  "Z===",   "=Zg=",
		"Z=g=", "Zg=a",  "Zg==Zg==", "Zg==Z", "Zg== =", "Z=A=",
		"ZA=A", "A=AA",  "Zg======", "Zh==",  "Zm9=",   "Zm9-",
		"Zm9_", "Zm9v!", "Zm9\x80",  "Zm9\v", "Zm9v.",  "Zm9v\xc2\xa0",
	};
	uint8_t data[16];
	size_t size = 4711;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		assert_int_equal(base64_read(texts[i], strlen(texts[i]), data, sizeof(data), &size),
				 -EBADMSG);
	assert_int_equal(base64_read("Zm9\0", 4, data, sizeof(data), &size), -EBADMSG);
	assert_int_equal(size, 4711);
}

static void the_room_is_respected(void **state)
{
	uint8_t data[6];
	size_t size;

	(void)state;
	for (size_t room = 0; room < 6; room++)
		assert_int_equal(base64_read("Zm9vYmFy", 8, data, room, &size), -ENOBUFS);
	assert_int_equal(base64_read("Zm9vYmFy", 8, data, 6, &size), 0);
	assert_int_equal(base64_read("Zm9vYmE=", 8, data, 4, &size), -ENOBUFS);
	assert_int_equal(base64_read("Zm9vYmE=", 8, data, 5, &size), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_vectors_are_written),
		cmocka_unit_test(the_vectors_are_read),
		cmocka_unit_test(all_octets_come_back),
		cmocka_unit_test(white_space_is_skipped),
		cmocka_unit_test(what_is_not_strict_is_refused),
		cmocka_unit_test(the_room_is_respected),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
