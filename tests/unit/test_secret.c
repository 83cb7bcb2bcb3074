/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Secret keys: what is derived from them, their own files, and the files that Windows exports.
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "cache/secret.h"
#include "tests/unit/content_vectors.h"

static char folder[64], path[128];

static int make_folder(void **state)
{
	const char *base = getenv("TMPDIR");

	(void)state;
	snprintf(folder, sizeof(folder), "%s/test_secret.XXXXXX", base != NULL ? base : "/tmp");
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/secret.key", folder);
	return 0;
}

static int remove_folder(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(folder);
}

static void write_file(const void *data, size_t size, mode_t mode)
{
	FILE *file = fopen(path, "wb");

	assert_non_null(file);
	assert_int_equal(fwrite(data, 1, size, file), size);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(path, mode), 0);
}

static void assert_key(const struct secret *secret, const void *key, size_t size)
{
	assert_int_equal(secret_size(secret), size);
	assert_memory_equal(secret_key(secret), key, size);
}

static void server_secrets_are_those_of_the_vectors(void **state)
{
	json_t *file = vectors_load("keys.json");
	const json_t *vector;
	size_t i;

	(void)state;
	json_array_foreach(vectors_list(file, "server_secrets"), i, vector)
	{
		struct octets key = vectors_octets(vector, "secret_key");
		struct secret *secret;

		assert_int_equal(secret_create(key.data, key.size, &secret), 0);
		for (enum digest_algorithm algorithm = 0; algorithm < DIGEST_ALGORITHMS;
		     algorithm++) {
			uint8_t ks[DIGEST_SIZE_MAX];

			assert_int_equal(secret_server(secret, algorithm, ks), 0);
			assert_json_hex(ks, digest_size(algorithm), json_object_get(vector, "ks"),
					digest_name(algorithm));
		}
		secret_free(secret);
		octets_free(&key);
	}
	json_decref(file);
}

/* Also in place, where a result replaces what it is made of. */
static void names_of_a_segment_are_those_of_the_worked_example(void **state)
{
	static const struct {
		enum digest_algorithm algorithm;
		const char *hash_of_data, *kp, *id;
	} cases[] = {
		{DIGEST_SHA256, "9595c9df90075148eb06860365df33584b75bff782a510c6cd4883a419833d50",
		 "00cdf9917370ee1c237b74add66c5bb04550749d0193ffdd00210fce936ea991",
		 "eedf6e86d108e5641d30ce81323c15237473405278c72228f802ab9b225a16da"},
		{DIGEST_SHA512_TRUNC256,
		 "9b71d224bd62f3785d96d46ad3ea3d73319bfbc2890caadae2dff72519673ca7",
		 "25e4598453f07add6166d9dd380ea637db95976cafb402af991909aaef253d69",
		 "7229bcb491fe8433b09f68e3a58d507ef6bc1adfc00954c9902231a00839cc76"},
	};
	struct secret *secret;

	(void)state;
	assert_int_equal(secret_create("no more secrets", 15, &secret), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct octets hash_of_data = vectors_unhex(cases[i].hash_of_data);
		uint8_t name[DIGEST_SIZE_MAX];

		assert_int_equal(secret_server(secret, cases[i].algorithm, name), 0);
		assert_int_equal(secret_segment(cases[i].algorithm, name, hash_of_data.data, name),
				 0);
		assert_hex(name, 32, cases[i].kp);
		assert_int_equal(
			secret_segment_id(cases[i].algorithm, name, hash_of_data.data, name), 0);
		assert_hex(name, 32, cases[i].id);
		octets_free(&hash_of_data);
	}
	secret_free(secret);
}

static void exported_files_are_read_and_written(void **state)
{
	json_t *file = vectors_load("keys.json");
	const json_t *vector;
	size_t i;

	(void)state;
	json_array_foreach(vectors_list(file, "key_files"), i, vector)
	{
		struct octets key = vectors_octets(vector, "secret_key");
		struct octets exported = vectors_octets(vector, "file");
		const char *passphrase = vectors_text(vector, "passphrase");
		struct secret *secret;
		uint8_t *written;
		size_t size;

		assert_int_equal(secret_import(exported.data, exported.size, passphrase, &secret),
				 0);
		assert_key(secret, key.data, key.size);
		assert_int_equal(secret_export(secret, passphrase, &written, &size), 0);
		assert_int_equal(size, exported.size);
		assert_memory_equal(written, exported.data, size);
		free(written);
		secret_free(secret);
		octets_free(&key);
		octets_free(&exported);
	}
	json_decref(file);
}

static void bad_exported_files_are_refused(void **state)
{
	json_t *file = vectors_load("keys.json");
	const json_t *vector;
	size_t i;

	(void)state;
	json_array_foreach(vectors_list(file, "bad_key_files"), i, vector)
	{
		struct octets exported = vectors_octets(vector, "file");
		struct secret *secret;

		assert_int_equal(secret_import(exported.data, exported.size,
					       vectors_text(vector, "passphrase"), &secret),
				 -EBADMSG);
		octets_free(&exported);
	}
	json_decref(file);
}

static void a_changed_or_shortened_exported_file_is_refused(void **state)
{
	json_t *file = vectors_load("keys.json");
	const json_t *vector = json_array_get(vectors_list(file, "key_files"), 0);
	struct octets exported = vectors_octets(vector, "file");
	const char *passphrase = vectors_text(vector, "passphrase");
	struct secret *secret;

	(void)state;
	for (size_t size = 0; size < exported.size; size++)
		assert_int_equal(secret_import(exported.data, size, passphrase, &secret), -EBADMSG);
	for (size_t bit = 0; bit < exported.size * 8; bit++) {
		exported.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_equal(secret_import(exported.data, exported.size, passphrase, &secret),
				 -EBADMSG);
		exported.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	octets_free(&exported);
	json_decref(file);
}

static void keys_of_every_size_are_exported_and_imported(void **state)
{
	static const size_t sizes[] = {1, 15, 16, 17, 31, 32, 33, 65519, 65520, 65521, 65535};
	uint8_t *key = calloc(1, SECRET_SIZE_MAX);

	(void)state;
	assert_non_null(key);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct secret *secret, *again;
		uint8_t *written;
		size_t size;

		assert_int_equal(secret_create(key, sizes[i], &secret), 0);
		assert_int_equal(secret_export(secret, "x", &written, &size), 0);
		assert_int_equal(secret_import(written, size, "x", &again), 0);
		assert_key(again, key, sizes[i]);
		secret_free(again);
		secret_free(secret);
		free(written);
	}
	free(key);
}

static void impossible_sizes_are_refused(void **state)
{
	uint8_t *key = calloc(1, SECRET_SIZE_MAX + 1);
	struct secret *secret;

	(void)state;
	assert_non_null(key);
	assert_int_equal(secret_create(key, 0, &secret), -EINVAL);
	assert_int_equal(secret_create(key, SECRET_SIZE_MAX + 1, &secret), -EINVAL);
	assert_int_equal(secret_create_passphrase("", &secret), -EINVAL);
	free(key);
}

static void a_passphrase_becomes_utf16(void **state)
{
	static const uint8_t wide[] = {'a',  0,    0xe4, 0,    0xac, 0x20, 0xff, 0xff,
				       0x00, 0xd8, 0x00, 0xdc, 0xff, 0xdb, 0xff, 0xdf};
	struct secret *secret;

	(void)state;
	assert_int_equal(secret_create_passphrase("aä€\xef\xbf\xbf\xf0\x90\x80\x80\xf4\x8f\xbf\xbf",
						  &secret),
			 0);
	assert_key(secret, wide, sizeof(wide));
	secret_free(secret);
}

static void what_is_not_utf8_is_no_passphrase(void **state)
{
	static const char *const cases[] = {
		"\x80",
		"a\xff",
		"\xc3",
		"\xc3(",
		"\xc0\x80",
		"\xe0\x80\x80",
		"\xe2\x82",
		"\xed\xa0\x80",
		"\xf0\x80\x80\x80",
		"\xf4\x90\x80\x80",
		"\xf8\x88\x80\x80\x80",
	};
	struct secret *secret;
	uint8_t data[48] = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(secret_create_passphrase(cases[i], &secret), -EILSEQ);
		assert_int_equal(secret_import(data, sizeof(data), cases[i], &secret), -EILSEQ);
	}
}

static void a_saved_key_is_loaded(void **state)
{
	struct secret *secret, *other, *loaded;
	struct stat status;

	(void)state;
	assert_int_equal(secret_create_random(&secret), 0);
	assert_int_equal(secret_size(secret), 32);
	assert_int_equal(secret_load(path, &loaded), -ENOENT);
	assert_int_equal(secret_save(secret, path, false), 0);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0600);
	assert_int_equal(status.st_nlink, 1);
	assert_int_equal(secret_load(path, &loaded), 0);
	assert_key(loaded, secret_key(secret), 32);
	secret_free(loaded);

	assert_int_equal(secret_create("other", 5, &other), 0);
	assert_int_equal(secret_save(other, path, false), -EEXIST);
	assert_int_equal(secret_load(path, &loaded), 0);
	assert_key(loaded, secret_key(secret), 32);
	secret_free(loaded);
	assert_int_equal(secret_save(other, path, true), 0);
	assert_int_equal(secret_load(path, &loaded), 0);
	assert_key(loaded, "other", 5);
	secret_free(loaded);
	secret_free(other);
	secret_free(secret);
}

static void a_file_that_others_may_use_is_refused(void **state)
{
	static const mode_t modes[] = {0640, 0604, 0660, 0601, 0610, 0602, 0644};
	struct secret *secret;

	(void)state;
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		write_file("key", 3, modes[i]);
		assert_int_equal(secret_load(path, &secret), -EPERM);
	}
	write_file("key", 3, 0400);
	assert_int_equal(secret_load(path, &secret), 0);
	secret_free(secret);
}

static void files_that_hold_no_key_are_refused(void **state)
{
	uint8_t *data = calloc(1, SECRET_SIZE_MAX + 1);
	struct secret *secret;

	(void)state;
	assert_non_null(data);
	write_file(data, 0, 0600);
	assert_int_equal(secret_load(path, &secret), -EINVAL);
	write_file(data, SECRET_SIZE_MAX + 1, 0600);
	assert_int_equal(secret_load(path, &secret), -EINVAL);
	write_file(data, SECRET_SIZE_MAX, 0600);
	assert_int_equal(secret_load(path, &secret), 0);
	secret_free(secret);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(secret_load(path, &secret), -EINVAL);
	assert_int_equal(secret_load(folder, &secret), -EINVAL);
	free(data);
}

static void *load_or_create(void *data)
{
	(void)data;
	struct secret *secret;

	return secret_load_or_create(path, &secret) == 0 ? secret : NULL;
}

static void all_who_create_a_key_at_once_get_the_same(void **state)
{
	pthread_t threads[4];
	struct secret *loaded;

	(void)state;
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, load_or_create, NULL), 0);
	for (int i = 0; i < 4; i++) {
		void *secret;

		assert_int_equal(pthread_join(threads[i], &secret), 0);
		assert_non_null(secret);
		assert_int_equal(secret_load(path, &loaded), 0);
		assert_key(secret, secret_key(loaded), secret_size(loaded));
		secret_free(loaded);
		secret_free(secret);
	}
}

#define in_folder(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(server_secrets_are_those_of_the_vectors),
		cmocka_unit_test(names_of_a_segment_are_those_of_the_worked_example),
		cmocka_unit_test(exported_files_are_read_and_written),
		cmocka_unit_test(bad_exported_files_are_refused),
		cmocka_unit_test(a_changed_or_shortened_exported_file_is_refused),
		cmocka_unit_test(keys_of_every_size_are_exported_and_imported),
		cmocka_unit_test(impossible_sizes_are_refused),
		cmocka_unit_test(a_passphrase_becomes_utf16),
		cmocka_unit_test(what_is_not_utf8_is_no_passphrase),
		in_folder(a_saved_key_is_loaded),
		in_folder(a_file_that_others_may_use_is_refused),
		in_folder(files_that_hold_no_key_are_refused),
		in_folder(all_who_create_a_key_at_once_get_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
