/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Digests against published values (FIPS 180-4 examples, RFC 4231), whole, in portions, and from
 * several threads.
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/content_vectors.h"

static const struct {
	enum digest_algorithm algorithm;
	const char *name, *abc; /* the hash of "abc" */
	const char *hmac;       /* RFC 4231, case 2 */
} known[] = {
	{DIGEST_SHA256, "sha256",
	 "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
	 "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
	{DIGEST_SHA384, "sha384",
	 "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca1"
	 "34c825a7",
	 "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ec"
	 "fab21649"},
	{DIGEST_SHA512, "sha512",
	 "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23"
	 "a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
	 "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65"
	 "f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737"},
	{DIGEST_SHA512_TRUNC256, "sha512-trunc256",
	 "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a",
	 "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554"},
};

enum { KNOWN = sizeof(known) / sizeof(known[0]) };

static void hashes_are_the_published_ones(void **state)
{
	(void)state;
	for (int i = 0; i < KNOWN; i++) {
		uint8_t hash[DIGEST_SIZE_MAX];
		struct octets expected = vectors_unhex(known[i].abc);

		assert_string_equal(digest_name(known[i].algorithm), known[i].name);
		assert_int_equal(digest_hash(known[i].algorithm, "abc", 3, hash), 0);
		assert_hex(hash, digest_size(known[i].algorithm), known[i].abc);
		assert_int_equal(digest_check(known[i].algorithm, "abc", 3, expected.data), 0);
		assert_int_equal(digest_check(known[i].algorithm, "abd", 3, expected.data),
				 -EBADMSG);
		octets_free(&expected);
	}
}

static void hmacs_are_the_published_ones(void **state)
{
	static const char text[] = "what do ya want for nothing?";

	(void)state;
	for (int round = 0; round < 2; round++)
		for (int i = 0; i < KNOWN; i++) {
			uint8_t hash[DIGEST_SIZE_MAX];

			assert_int_equal(digest_hmac(known[i].algorithm, "Jefe", 4, text,
						     sizeof(text) - 1, hash),
					 0);
			assert_hex(hash, digest_size(known[i].algorithm), known[i].hmac);
		}
}

/* RFC 4231, case 6: hashed first. */
static void a_key_longer_than_a_block_is_a_key(void **state)
{
	static const char text[] = "Test Using Larger Than Block-Size Key - Hash Key First";
	uint8_t key[131], hash[DIGEST_SIZE_MAX];

	(void)state;
	memset(key, 0xaa, sizeof(key));
	assert_int_equal(digest_hmac(DIGEST_SHA256, key, sizeof(key), text, sizeof(text) - 1, hash),
			 0);
	assert_hex(hash, 32, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

static void portions_give_the_hash_of_the_whole(void **state)
{
	uint8_t data[1000], hash[DIGEST_SIZE_MAX], other[DIGEST_SIZE_MAX];
	struct digest_stream *stream;

	(void)state;
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 7);
	for (int i = 0; i < KNOWN; i++) {
		assert_int_equal(digest_hash(known[i].algorithm, data, sizeof(data), hash), 0);
		assert_int_equal(digest_stream_create(known[i].algorithm, &stream), 0);
		for (size_t portion = 1; portion < 300; portion += 37) {
			for (size_t at = 0; at < sizeof(data); at += portion)
				assert_int_equal(digest_stream_add(stream, data + at,
								   sizeof(data) - at < portion
									   ? sizeof(data) - at
									   : portion),
						 0);
			assert_int_equal(digest_stream_end(stream, other), 0);
			assert_memory_equal(hash, other, digest_size(known[i].algorithm));
		}
		digest_stream_free(stream);
	}
}

static void nothing_has_a_hash(void **state)
{
	uint8_t hash[DIGEST_SIZE_MAX];

	(void)state;
	assert_int_equal(digest_hash(DIGEST_SHA256, NULL, 0, hash), 0);
	assert_hex(hash, 32, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

/* Asserts of cmocka are for the main thread only. */
static void *hash_many(void *data)
{
	for (int i = 0; i < 200; i++) {
		uint8_t hash[DIGEST_SIZE_MAX], mac[DIGEST_SIZE_MAX];
		enum digest_algorithm algorithm = (enum digest_algorithm)(i % DIGEST_ALGORITHMS);

		if (digest_hash(algorithm, "abc", 3, hash) != 0 ||
		    digest_hmac(algorithm, hash, digest_size(algorithm), "abc", 3, mac) != 0)
			return NULL;
	}
	return data;
}

static void threads_do_not_disturb_each_other(void **state)
{
	pthread_t threads[4];

	(void)state;
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, hash_many, threads), 0);
	for (int i = 0; i < 4; i++) {
		void *result;

		assert_int_equal(pthread_join(threads[i], &result), 0);
		assert_ptr_equal(result, threads);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(threads_do_not_disturb_each_other),
		cmocka_unit_test(hashes_are_the_published_ones),
		cmocka_unit_test(hmacs_are_the_published_ones),
		cmocka_unit_test(a_key_longer_than_a_block_is_a_key),
		cmocka_unit_test(portions_give_the_hash_of_the_whole),
		cmocka_unit_test(nothing_has_a_hash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
