/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Encryption of blocks against the vectors, what a decrypter must let pass and what not, and that
 * no key stays behind.
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/crypto.h>

#include "tests/unit/retrieval_vectors.h"

#define CANARY 0xa5

/* ---- all that OpenSSL holds, to be searched ---- */

struct allocation {
	struct allocation *next;
	size_t size;
	_Alignas(max_align_t) uint8_t data[];
};

static pthread_mutex_t allocations_lock = PTHREAD_MUTEX_INITIALIZER;
static struct allocation *allocations;

static void *tracked_malloc(size_t size, const char *file, int line)
{
	struct allocation *made = malloc(sizeof(*made) + size);

	(void)file;
	(void)line;
	if (made == NULL)
		return NULL;
	made->size = size;
	pthread_mutex_lock(&allocations_lock);
	made->next = allocations;
	allocations = made;
	pthread_mutex_unlock(&allocations_lock);
	return made->data;
}

static void tracked_free(void *data, const char *file, int line)
{
	struct allocation **at = &allocations, *found;

	(void)file;
	(void)line;
	if (data == NULL)
		return;
	pthread_mutex_lock(&allocations_lock);
	while ((*at)->data != data)
		at = &(*at)->next;
	found = *at;
	*at = found->next;
	pthread_mutex_unlock(&allocations_lock);
	free(found);
}

static void *tracked_realloc(void *data, size_t size, const char *file, int line)
{
	struct allocation *old = data == NULL
					 ? NULL
					 : (struct allocation *)((uint8_t *)data -
								 offsetof(struct allocation, data));
	void *moved = tracked_malloc(size, file, line);

	if (moved == NULL || old == NULL)
		return moved;
	memcpy(moved, data, old->size < size ? old->size : size);
	tracked_free(data, file, line);
	return moved;
}

static bool openssl_holds(const uint8_t *octets, size_t size)
{
	bool found = false;

	pthread_mutex_lock(&allocations_lock);
	for (struct allocation *at = allocations; at != NULL && !found; at = at->next)
		found = memmem(at->data, at->size, octets, size) != NULL;
	pthread_mutex_unlock(&allocations_lock);
	return found;
}

/* ---- vectors ---- */

struct sealing {
	enum cipher_algorithm algorithm;
	struct octets secret, iv, block;
};

static enum cipher_algorithm algorithm_named(const char *name)
{
	enum cipher_algorithm algorithm = 0;

	while (strcmp(cipher_name(algorithm), name) != 0)
		assert_true(++algorithm < CIPHER_ALGORITHMS);
	return algorithm;
}

static struct sealing sealing_of(const json_t *vector)
{
	struct sealing sealing = {
		.algorithm = algorithm_named(vectors_text(vector, "algorithm")),
		.secret = vectors_octets(vector, "secret"),
		.iv = vectors_octets(vector, "iv"),
	};
	const json_t *content = json_object_get(vector, "content");

	sealing.block =
		content != NULL ? vectors_content(content) : vectors_octets(vector, "block");
	assert_int_equal(sealing.iv.size, CIPHER_IV_SIZE);
	assert_true(sealing.secret.size >= cipher_key_size(sealing.algorithm));
	return sealing;
}

static void sealing_free(struct sealing *sealing)
{
	octets_free(&sealing->secret);
	octets_free(&sealing->iv);
	octets_free(&sealing->block);
}

static struct octets room_of(size_t size)
{
	struct octets room = {malloc(size > 0 ? size : 1), size};

	assert_non_null(room.data);
	memset(room.data, CANARY, size);
	return room;
}

/* Into room of exactly the size, then in place. */
static struct octets encrypt(const struct sealing *sealing)
{
	const struct octets *block = &sealing->block;
	struct octets sealed = room_of(cipher_sealed_size(sealing->algorithm, block->size)),
		      placed = room_of(sealed.size);

	assert_int_equal(cipher_encrypt(sealing->algorithm, sealing->secret.data, sealing->iv.data,
					block->data, block->size, sealed.data),
			 0);
	memcpy(placed.data, block->data, block->size);
	assert_int_equal(cipher_encrypt(sealing->algorithm, sealing->secret.data, sealing->iv.data,
					placed.data, block->size, placed.data),
			 0);
	assert_octets(&placed, &sealed);
	octets_free(&placed);
	return sealed;
}

static int decrypt(const struct sealing *sealing, const uint8_t *sealed, size_t sealed_size,
		   struct octets *block_out)
{
	return cipher_decrypt(sealing->algorithm, sealing->secret.data, sealing->iv.data, sealed,
			      sealed_size, block_out->data, block_out->size);
}

/* Both ways of decrypting give the block. */
static void check_decrypts(const struct sealing *sealing, const struct octets *sealed)
{
	struct octets block = room_of(sealing->block.size), placed = room_of(sealed->size);

	assert_int_equal(decrypt(sealing, sealed->data, sealed->size, &block), 0);
	assert_octets(&block, &sealing->block);
	memcpy(placed.data, sealed->data, sealed->size);
	assert_int_equal(cipher_decrypt(sealing->algorithm, sealing->secret.data, sealing->iv.data,
					placed.data, placed.size, placed.data, block.size),
			 0);
	assert_memory_equal(placed.data, block.data, block.size);
	octets_free(&placed);
	octets_free(&block);
}

static void check_vector(const json_t *vector)
{
	struct sealing sealing = sealing_of(vector);
	struct octets sealed = encrypt(&sealing);
	uint8_t hash[DIGEST_SIZE_MAX];

	assert_int_equal(sealed.size, vectors_number(vector, "sealed_size"));
	assert_int_equal(digest_hash(DIGEST_SHA256, sealed.data, sealed.size, hash), 0);
	assert_json_hex(hash, digest_size(DIGEST_SHA256), vector, "sealed_sha256");
	if (json_object_get(vector, "sealed") != NULL)
		assert_json_hex(sealed.data, sealed.size, vector, "sealed");
	check_decrypts(&sealing, &sealed);
	octets_free(&sealed);
	sealing_free(&sealing);
}

static void vectors_both_ways(void **state)
{
	json_t *file = retrieval_load("cipher.json");
	const json_t *vector;
	size_t i;

	(void)state;
	assert_true(json_array_size(json_object_get(file, "blocks")) > 40);
	json_array_foreach(json_object_get(file, "blocks"), i, vector) check_vector(vector);
	json_decref(file);
}

/* They have no padding: a sender may leave it out where there is nothing to fill up. */
static void published_examples_are_unpadded(void **state)
{
	json_t *file = retrieval_load("cipher.json");
	const json_t *vector;
	size_t i;

	(void)state;
	assert_int_equal(json_array_size(json_object_get(file, "published")), 3);
	json_array_foreach(json_object_get(file, "published"), i, vector)
	{
		struct sealing sealing = sealing_of(vector);
		struct octets sealed = vectors_octets(vector, "sealed"), ours = encrypt(&sealing);

		assert_int_equal(ours.size, sealed.size + CIPHER_PADDING_MAX);
		assert_memory_equal(ours.data, sealed.data, sealed.size);
		check_decrypts(&sealing, &sealed);
		octets_free(&ours);
		octets_free(&sealed);
		sealing_free(&sealing);
	}
	json_decref(file);
}

static struct sealing sealing_sized(enum cipher_algorithm algorithm, size_t size)
{
	struct sealing sealing = {algorithm, room_of(64), room_of(CIPHER_IV_SIZE), room_of(size)};

	for (size_t i = 0; i < 64; i++)
		sealing.secret.data[i] = (uint8_t)(0x91 + i);
	for (size_t i = 0; i < CIPHER_IV_SIZE; i++)
		sealing.iv.data[i] = (uint8_t)(3 * i);
	for (size_t i = 0; i < size; i++)
		sealing.block.data[i] = (uint8_t)(7 * i + 1);
	return sealing;
}

/* Every prefix of what was encrypted, and everything longer, for every size. */
static void only_plausible_sizes_are_decrypted(void **state)
{
	(void)state;
	for (enum cipher_algorithm algorithm = 0; algorithm < CIPHER_ALGORITHMS; algorithm++)
		for (size_t size = 1; size <= 49; size++) {
			struct sealing sealing = sealing_sized(algorithm, size);
			struct octets sealed = encrypt(&sealing), longer = room_of(100);

			memcpy(longer.data, sealed.data, sealed.size);
			for (size_t given = 0; given <= longer.size; given++) {
				struct octets block = room_of(size), untouched = room_of(size);
				bool good =
					given == sealed.size || (given == size && size % 16 == 0);

				assert_int_equal(cipher_plausible(algorithm, size, given), good);
				assert_int_equal(decrypt(&sealing, longer.data, given, &block),
						 good ? 0 : -EBADMSG);
				assert_octets(&block, good ? &sealing.block : &untouched);
				octets_free(&block);
				octets_free(&untouched);
			}
			octets_free(&longer);
			octets_free(&sealed);
			sealing_free(&sealing);
		}
	assert_false(cipher_plausible(CIPHER_AES_128, 0, 0));
	assert_false(cipher_plausible(CIPHER_AES_128, 0, 16));
	assert_false(cipher_plausible(CIPHER_NONE, 0, 0));
	assert_false(cipher_plausible(CIPHER_NONE, SIZE_MAX, SIZE_MAX));
	assert_false(cipher_plausible(CIPHER_AES_128, SIZE_MAX, 0));
}

/* Whatever stands in the padding: nobody is told, and the block is the same. */
static void padding_is_not_looked_at(void **state)
{
	(void)state;
	for (size_t size = 1; size <= 48; size++) {
		struct sealing whole = sealing_sized(CIPHER_AES_128, 64), sealing = whole;
		struct octets sealed, block = room_of(size);

		/* What follows the block is the block of another sealing. */
		sealing.block.size = size;
		sealed = encrypt(&whole);
		assert_int_equal(decrypt(&sealing, sealed.data, size - size % 16 + 16, &block), 0);
		assert_octets(&block, &sealing.block);
		octets_free(&block);
		octets_free(&sealed);
		sealing_free(&whole);
	}
}

/* A changed octet spoils its own 16 and one octet of the next, and what it spoils is of no other
 * consequence here: the hash tells. */
static void changed_octets_change_the_block(void **state)
{
	struct sealing sealing = sealing_sized(CIPHER_AES_128, 44);
	struct octets sealed = encrypt(&sealing), block = room_of(44);

	(void)state;
	for (size_t at = 0; at < sealed.size; at++)
		for (unsigned flip = 1; flip < 256; flip++) {
			sealed.data[at] ^= (uint8_t)flip;
			assert_int_equal(decrypt(&sealing, sealed.data, sealed.size, &block), 0);
			assert_memory_not_equal(block.data, sealing.block.data, block.size);
			assert_memory_equal(block.data, sealing.block.data, at - at % 16);
			sealed.data[at] ^= (uint8_t)flip;
		}
	octets_free(&sealed);
	octets_free(&block);
	sealing_free(&sealing);
}

static void plaintext_needs_no_key(void **state)
{
	uint8_t block[] = "block", copy[sizeof(block)], again[sizeof(block)];

	(void)state;
	assert_int_equal(cipher_sealed_size(CIPHER_NONE, sizeof(block)), sizeof(block));
	assert_int_equal(cipher_key_size(CIPHER_NONE), 0);
	assert_int_equal(cipher_encrypt(CIPHER_NONE, NULL, NULL, block, sizeof(block), copy), 0);
	assert_int_equal(
		cipher_decrypt(CIPHER_NONE, NULL, NULL, copy, sizeof(copy), again, sizeof(again)),
		0);
	assert_memory_equal(again, "block", sizeof(block));
}

static void wishes_are_granted_but_for_plaintext(void **state)
{
	(void)state;
	for (int allowed = 0; allowed <= 1; allowed++) {
		assert_int_equal(cipher_choose(CIPHER_AES_128, allowed), CIPHER_AES_128);
		assert_int_equal(cipher_choose(CIPHER_AES_192, allowed), CIPHER_AES_192);
		assert_int_equal(cipher_choose(CIPHER_AES_256, allowed), CIPHER_AES_256);
		assert_int_equal(cipher_choose(CIPHER_ALGORITHMS, allowed), CIPHER_AES_128);
	}
	assert_int_equal(cipher_choose(CIPHER_NONE, false), CIPHER_AES_128);
	assert_int_equal(cipher_choose(CIPHER_NONE, true), CIPHER_NONE);
}

static void no_iv_comes_twice(void **state)
{
	uint8_t ivs[64][CIPHER_IV_SIZE];

	(void)state;
	for (int i = 0; i < 64; i++) {
		assert_int_equal(cipher_random_iv(ivs[i]), 0);
		for (int j = 0; j < i; j++)
			assert_memory_not_equal(ivs[i], ivs[j], CIPHER_IV_SIZE);
	}
}

/* A key schedule begins or ends with the key. That it would be found is seen at the IV. */
static void no_key_stays_behind(void **state)
{
	uint8_t mark[CIPHER_IV_SIZE];

	(void)state;
	memset(mark, 0xe7, sizeof(mark));
	for (enum cipher_algorithm algorithm = 1; algorithm < CIPHER_ALGORITHMS; algorithm++) {
		struct sealing sealing = sealing_sized(algorithm, 100);
		struct octets sealed = encrypt(&sealing), block = room_of(100);

		assert_false(openssl_holds(sealing.secret.data, 16));
		assert_int_equal(decrypt(&sealing, sealed.data, sealed.size, &block), 0);
		assert_false(openssl_holds(sealing.secret.data, 16));
		octets_free(&sealed);
		octets_free(&block);
		sealing_free(&sealing);
	}
	uint8_t *seen = OPENSSL_memdup(mark, sizeof(mark));
	assert_true(openssl_holds(mark, sizeof(mark)));
	OPENSSL_free(seen);
	assert_false(openssl_holds(mark, sizeof(mark)));
}

#define THREADS 4
#define ROUNDS 200

static void *work(void *data)
{
	enum cipher_algorithm algorithm = 1 + (uintptr_t)data % 3;
	struct sealing sealing = sealing_sized(algorithm, 500);
	struct octets sealed = room_of(512), block = room_of(500);
	uintptr_t wrong = 0;

	for (int i = 0; i < ROUNDS; i++) {
		sealing.secret.data[i % 16]++;
		wrong += cipher_random_iv(sealing.iv.data) != 0 ||
			 cipher_encrypt(algorithm, sealing.secret.data, sealing.iv.data,
					sealing.block.data, 500, sealed.data) != 0 ||
			 decrypt(&sealing, sealed.data, sealed.size, &block) != 0 ||
			 memcmp(block.data, sealing.block.data, 500) != 0;
	}
	octets_free(&sealed);
	octets_free(&block);
	sealing_free(&sealing);
	return (void *)wrong;
}

static void threads_do_not_meet(void **state)
{
	pthread_t threads[THREADS];

	(void)state;
	for (uintptr_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, work, (void *)i), 0);
	for (int i = 0; i < THREADS; i++) {
		void *wrong;

		assert_int_equal(pthread_join(threads[i], &wrong), 0);
		assert_null(wrong);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(threads_do_not_meet),
		cmocka_unit_test(vectors_both_ways),
		cmocka_unit_test(published_examples_are_unpadded),
		cmocka_unit_test(only_plausible_sizes_are_decrypted),
		cmocka_unit_test(padding_is_not_looked_at),
		cmocka_unit_test(changed_octets_change_the_block),
		cmocka_unit_test(plaintext_needs_no_key),
		cmocka_unit_test(wishes_are_granted_but_for_plaintext),
		cmocka_unit_test(no_iv_comes_twice),
		cmocka_unit_test(no_key_stays_behind),
	};

	/* Before OpenSSL has allocated anything. */
	if (CRYPTO_set_mem_functions(tracked_malloc, tracked_realloc, tracked_free) != 1)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
