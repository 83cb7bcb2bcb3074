/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Hashes out of content information: what is written of them again is what they came from.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cache/content_hashes.h"
#include "cache/secret.h"
#include "tests/unit/content_vectors.h"

struct written {
	uint8_t *data;
	size_t size;
};

static int put(void *owner, const void *data, size_t size)
{
	struct written *written = owner;

	written->data = realloc(written->data, written->size + size);
	assert_non_null(written->data);
	memcpy(written->data + written->size, data, size);
	written->size += size;
	return 0;
}

static const char *canonical(const json_t *vector)
{
	const json_t *form;
	size_t index;

	json_array_foreach(vectors_list(vector, "forms"), index, form)
	{
		if (vectors_true(form, "canonical"))
			return json_string_value(json_object_get(form, "info"));
	}
	return NULL;
}

static void assert_writes(const struct content_hashes *hashes, const json_t *vector,
			  const char *expected)
{
	struct octets key = vectors_octets(vector, "secret_key");
	uint8_t ks[DIGEST_SIZE_MAX];
	struct written written = {0};
	struct secret *secret;

	assert_int_equal(secret_create(key.data, key.size, &secret), 0);
	assert_int_equal(secret_server(secret, hashes->algorithm, ks), 0);
	assert_int_equal(content_hashes_write(hashes, ks, 0, hashes->size, NULL, put, &written), 0);
	assert_hex(written.data, written.size, expected);
	free(written.data);
	secret_free(secret);
	octets_free(&key);
}

/* Returns whether the vector is of a whole content and could be checked. */
static bool check_form(const json_t *vector, const json_t *form)
{
	const char *info = json_string_value(json_object_get(form, "info"));
	uint64_t start, length;
	struct content_hashes hashes = {.version = 77};
	struct content *content;
	struct octets octets;
	bool whole;

	if (info == NULL)
		return false;
	vectors_pair(json_object_get(vector, "range"), &start, &length);
	octets = vectors_unhex(info);
	assert_int_equal(content_decode(octets.data, octets.size, octets.size, &content, NULL), 0);
	/* A range that ends where a segment does tells nothing of what follows. */
	whole = start == 0 && content_hashes_of(content, &hashes) == 0;
	if (!whole) {
		assert_int_equal(content_hashes_of(content, &hashes), -EINVAL);
		assert_int_equal(hashes.version, 77);
	} else if (length == vectors_number(json_object_get(vector, "content"), "size")) {
		assert_writes(&hashes, vector, canonical(vector));
	}
	assert_true(whole || start != 0 ||
		    length != vectors_number(json_object_get(vector, "content"), "size"));
	if (whole)
		content_hashes_clear(&hashes);
	content_put(content);
	octets_free(&octets);
	return whole;
}

static void check_file(const char *file, unsigned whole_least)
{
	json_t *loaded = vectors_load(file);
	const json_t *vector, *form;
	size_t index, form_index;
	unsigned whole = 0;

	json_array_foreach(vectors_list(loaded, "vectors"), index, vector)
	{
		if (vectors_true(vector, "refuse"))
			continue;
		json_array_foreach(vectors_list(vector, "forms"), form_index, form) whole +=
			check_form(vector, form);
	}
	assert_true(whole >= whole_least);
	json_decref(loaded);
}

static void whole_forms_come_back(void **state)
{
	(void)state;
	check_file("v1.json", 12);
	check_file("v2.json", 12);
}

struct backing {
	const struct octets *octets;
	unsigned reads_left;
};

static int read_some(void *owner, uint64_t offset, void *data, size_t size)
{
	struct backing *backing = owner;

	if (backing->reads_left-- == 0)
		return -EIO;
	memcpy(data, backing->octets->data + offset, size);
	return 0;
}

static void a_backing_that_fails_is_a_failure(void **state)
{
	json_t *loaded = vectors_load("v1.json");
	const json_t *vector = json_array_get(vectors_list(loaded, "vectors"), 13);
	struct octets octets = vectors_unhex(canonical(vector)); /* of 17 blocks */

	(void)state;
	for (unsigned reads = 0; reads <= 18; reads++) {
		struct backing backing = {&octets, reads};
		struct content_hashes hashes = {.version = 77};
		struct content_reader *reader;
		struct content *content;
		int error;

		assert_int_equal(content_reader_create(octets.size, &reader), 0);
		assert_int_equal(content_reader_feed(reader, octets.data, octets.size), 0);
		assert_int_equal(content_reader_end(reader, &content), 0);
		content_reader_free(reader);
		content_back(content, &(struct content_backing){read_some, NULL, &backing});
		error = content_hashes_of(content, &hashes);
		assert_int_equal(error, reads == 18 ? 0 : -EIO);
		assert_int_equal(hashes.version, reads == 18 ? 1 : 77);
		if (error == 0)
			content_hashes_clear(&hashes);
		content_put(content);
	}
	octets_free(&octets);
	json_decref(loaded);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_forms_come_back),
		cmocka_unit_test(a_backing_that_fails_is_a_failure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
