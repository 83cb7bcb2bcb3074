/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Secret keys in memory, and what is derived from them (content-information.md section 4).
 */
#include "cache/secret.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include "cache/secret_private.h"

#define RANDOM_SIZE 32 /* octets; as seen on Windows */

struct secret {
	size_t size;
	uint8_t key[];
};

/* The text that makes HoHoDk differ from Kp, with its NUL, as UTF-16LE. The specification calls it
 * ASCII, but Windows and its clients use this. */
static const uint8_t id_constant[30] = "M\0S\0_\0P\0002\0P\0_\0C\0A\0C\0H\0I\0N\0G\0\0";

int secret_create(const void *key, size_t size, struct secret **secret_out)
{
	struct secret *secret;

	if (size == 0 || size > SECRET_SIZE_MAX)
		return -EINVAL;
	secret = malloc(sizeof(*secret) + size);
	if (secret == NULL)
		return -ENOMEM;
	secret->size = size;
	memcpy(secret->key, key, size);
	*secret_out = secret;
	return 0;
}

int secret_create_random(struct secret **secret_out)
{
	uint8_t key[RANDOM_SIZE];
	int error = RAND_bytes(key, sizeof(key)) == 1 ? 0 : -EIO;

	if (error == 0)
		error = secret_create(key, sizeof(key), secret_out);
	OPENSSL_cleanse(key, sizeof(key));
	return error;
}

int secret_create_passphrase(const char *text, struct secret **secret_out)
{
	uint8_t *wide;
	size_t size;
	int error = secret_widen(text, &wide, &size);

	if (error != 0)
		return error;
	error = secret_create(wide, size, secret_out);
	OPENSSL_clear_free(wide, size);
	return error;
}

void secret_free(struct secret *secret)
{
	if (secret == NULL)
		return;
	OPENSSL_cleanse(secret, sizeof(*secret) + secret->size);
	free(secret);
}

const uint8_t *secret_key(const struct secret *secret)
{
	return secret->key;
}

size_t secret_size(const struct secret *secret)
{
	return secret->size;
}

int secret_server(const struct secret *secret, enum digest_algorithm algorithm, uint8_t *ks_out)
{
	return secret_hash(algorithm, secret->key, secret->size, ks_out);
}

int secret_hash(enum digest_algorithm algorithm, const void *data, size_t size, uint8_t *hash_out)
{
	struct digest_stream *stream;
	int error = digest_stream_create(algorithm, &stream);

	if (error != 0)
		return error;
	error = digest_stream_add(stream, data, size);
	if (error == 0)
		error = digest_stream_end(stream, hash_out);
	digest_stream_free(stream);
	return error;
}

int secret_segment(enum digest_algorithm algorithm, const uint8_t *ks, const uint8_t *hash_of_data,
		   uint8_t *kp_out)
{
	size_t size = digest_size(algorithm);

	return digest_hmac(algorithm, ks, size, hash_of_data, size, kp_out);
}

int secret_segment_id(enum digest_algorithm algorithm, const uint8_t *kp,
		      const uint8_t *hash_of_data, uint8_t *id_out)
{
	uint8_t named[DIGEST_SIZE_MAX + sizeof(id_constant)];
	size_t size = digest_size(algorithm);

	memcpy(named, hash_of_data, size);
	memcpy(named + size, id_constant, sizeof(id_constant));
	return digest_hmac(algorithm, kp, size, named, size + sizeof(id_constant), id_out);
}
