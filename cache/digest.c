/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Digests. The table holds what OpenSSL gives, fetched at the first use and kept until the process
 * ends. A thread's contexts are made when it first needs them and freed when it ends.
 */
#include "cache/digest.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

static const struct {
	const char *name;
	const char *function; /* as OpenSSL calls it */
	size_t size;
} table[DIGEST_ALGORITHMS] = {
	[DIGEST_SHA256] = {"sha256", "SHA2-256", 32},
	[DIGEST_SHA384] = {"sha384", "SHA2-384", 48},
	[DIGEST_SHA512] = {"sha512", "SHA2-512", 64},
	[DIGEST_SHA512_TRUNC256] = {"sha512-trunc256", "SHA2-512", 32},
};

struct contexts {
	EVP_MD_CTX *hash;
	EVP_MAC_CTX *hmac[DIGEST_ALGORITHMS];
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static EVP_MD *functions[DIGEST_ALGORITHMS];
static EVP_MAC *hmac;
static pthread_key_t contexts_key;
static bool fetched;

struct digest_stream {
	enum digest_algorithm algorithm;
	EVP_MD_CTX *context;
};

static void contexts_free(void *data)
{
	struct contexts *contexts = data;

	EVP_MD_CTX_free(contexts->hash);
	for (int i = 0; i < DIGEST_ALGORITHMS; i++)
		EVP_MAC_CTX_free(contexts->hmac[i]);
	free(contexts);
}

static void fetch(void)
{
	bool all = pthread_key_create(&contexts_key, contexts_free) == 0;

	for (int i = 0; i < DIGEST_ALGORITHMS; i++) {
		functions[i] = EVP_MD_fetch(NULL, table[i].function, NULL);
		all = all && functions[i] != NULL;
	}
	hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	fetched = all && hmac != NULL;
}

static int contexts_get(struct contexts **contexts_out)
{
	struct contexts *contexts;

	pthread_once(&once, fetch);
	if (!fetched)
		return -ENOSYS;
	contexts = pthread_getspecific(contexts_key);
	if (contexts == NULL) {
		contexts = calloc(1, sizeof(*contexts));
		if (contexts == NULL)
			return -ENOMEM;
		contexts->hash = EVP_MD_CTX_new();
		if (contexts->hash == NULL || pthread_setspecific(contexts_key, contexts) != 0) {
			contexts_free(contexts);
			return -ENOMEM;
		}
	}
	*contexts_out = contexts;
	return 0;
}

size_t digest_size(enum digest_algorithm algorithm)
{
	assert(algorithm < DIGEST_ALGORITHMS);
	return table[algorithm].size;
}

const char *digest_name(enum digest_algorithm algorithm)
{
	assert(algorithm < DIGEST_ALGORITHMS);
	return table[algorithm].name;
}

/* Cuts the result, and leaves nothing of what was cut off behind. */
static int finish(EVP_MD_CTX *context, enum digest_algorithm algorithm, uint8_t *hash_out)
{
	uint8_t whole[EVP_MAX_MD_SIZE];

	if (EVP_DigestFinal_ex(context, whole, NULL) != 1)
		return -ENOMEM;
	memcpy(hash_out, whole, table[algorithm].size);
	OPENSSL_cleanse(whole, sizeof(whole));
	return 0;
}

int digest_hash(enum digest_algorithm algorithm, const void *data, size_t size, uint8_t *hash_out)
{
	struct contexts *contexts;
	int error = contexts_get(&contexts);

	assert(algorithm < DIGEST_ALGORITHMS);
	if (error != 0)
		return error;
	if (EVP_DigestInit_ex2(contexts->hash, functions[algorithm], NULL) != 1 ||
	    EVP_DigestUpdate(contexts->hash, data, size) != 1)
		return -ENOMEM;
	return finish(contexts->hash, algorithm, hash_out);
}

int digest_check(enum digest_algorithm algorithm, const void *data, size_t size,
		 const uint8_t *expected)
{
	uint8_t hash[DIGEST_SIZE_MAX];
	int error = digest_hash(algorithm, data, size, hash);

	if (error != 0)
		return error;
	return memcmp(hash, expected, table[algorithm].size) == 0 ? 0 : -EBADMSG;
}

/* This thread's HMAC of ALGORITHM: only the key is to be set. */
static int hmac_context(enum digest_algorithm algorithm, EVP_MAC_CTX **context_out)
{
	struct contexts *contexts;
	int error = contexts_get(&contexts);

	if (error != 0)
		return error;
	if (contexts->hmac[algorithm] == NULL) {
		OSSL_PARAM parameters[] = {
			OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST,
							 (char *)table[algorithm].function, 0),
			OSSL_PARAM_construct_end(),
		};
		EVP_MAC_CTX *context = EVP_MAC_CTX_new(hmac);

		if (context == NULL || EVP_MAC_CTX_set_params(context, parameters) != 1) {
			EVP_MAC_CTX_free(context);
			return -ENOMEM;
		}
		contexts->hmac[algorithm] = context;
	}
	*context_out = contexts->hmac[algorithm];
	return 0;
}

int digest_hmac(enum digest_algorithm algorithm, const void *key, size_t key_size, const void *data,
		size_t size, uint8_t *hash_out)
{
	uint8_t whole[EVP_MAX_MD_SIZE];
	EVP_MAC_CTX *context;
	size_t made;
	int error;

	/* OpenSSL would take an empty key for the one before. */
	assert(algorithm < DIGEST_ALGORITHMS && key_size > 0);
	error = hmac_context(algorithm, &context);
	if (error != 0)
		return error;
	if (EVP_MAC_init(context, key, key_size, NULL) != 1 ||
	    EVP_MAC_update(context, data, size) != 1 ||
	    EVP_MAC_final(context, whole, &made, sizeof(whole)) != 1)
		error = -ENOMEM;
	/* The context lives on, and the key, which is secret, must not live on in it. */
	if (EVP_MAC_init(context, (const void *)"", 1, NULL) != 1)
		error = -ENOMEM;
	if (error == 0)
		memcpy(hash_out, whole, table[algorithm].size);
	OPENSSL_cleanse(whole, sizeof(whole));
	return error;
}

static int stream_begin(struct digest_stream *stream)
{
	return EVP_DigestInit_ex2(stream->context, functions[stream->algorithm], NULL) == 1
		       ? 0
		       : -ENOMEM;
}

int digest_stream_create(enum digest_algorithm algorithm, struct digest_stream **stream_out)
{
	struct digest_stream *stream;

	assert(algorithm < DIGEST_ALGORITHMS);
	pthread_once(&once, fetch);
	if (!fetched)
		return -ENOSYS;
	stream = calloc(1, sizeof(*stream));
	if (stream == NULL)
		return -ENOMEM;
	stream->algorithm = algorithm;
	stream->context = EVP_MD_CTX_new();
	if (stream->context == NULL || stream_begin(stream) != 0) {
		digest_stream_free(stream);
		return -ENOMEM;
	}
	*stream_out = stream;
	return 0;
}

int digest_stream_add(struct digest_stream *stream, const void *data, size_t size)
{
	return EVP_DigestUpdate(stream->context, data, size) == 1 ? 0 : -ENOMEM;
}

int digest_stream_end(struct digest_stream *stream, uint8_t *hash_out)
{
	uint8_t hash[DIGEST_SIZE_MAX];
	int error = finish(stream->context, stream->algorithm, hash);

	if (error == 0)
		error = stream_begin(stream);
	if (error == 0)
		memcpy(hash_out, hash, table[stream->algorithm].size);
	return error;
}

void digest_stream_free(struct digest_stream *stream)
{
	if (stream == NULL)
		return;
	EVP_MD_CTX_free(stream->context);
	free(stream);
}
