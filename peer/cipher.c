/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Ciphers. The table holds what OpenSSL gives, fetched at the first use and kept until the process
 * ends. A thread's contexts are made when it first needs them and freed when it ends. OpenSSL's own
 * padding is off: it would look at what must not be looked at, and it wants more room than a block.
 */
#include "peer/cipher.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#define UNIT 16u         /* octets that AES takes at a time */
#define KEY_SIZE_MAX 32u /* octets */

enum direction { DECRYPT, ENCRYPT }; /* as OpenSSL numbers them */

static const struct {
	const char *name;
	const char *function; /* as OpenSSL calls it */
	size_t key_size;
} table[CIPHER_ALGORITHMS] = {
	[CIPHER_NONE] = {"none", NULL, 0},
	[CIPHER_AES_128] = {"aes-128", "AES-128-CBC", 16},
	[CIPHER_AES_192] = {"aes-192", "AES-192-CBC", 24},
	[CIPHER_AES_256] = {"aes-256", "AES-256-CBC", 32},
};

struct contexts {
	EVP_CIPHER_CTX *of[CIPHER_ALGORITHMS];
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static EVP_CIPHER *functions[CIPHER_ALGORITHMS];
static pthread_key_t contexts_key;
static bool fetched;

static void contexts_free(void *data)
{
	struct contexts *contexts = data;

	for (int i = 0; i < CIPHER_ALGORITHMS; i++)
		EVP_CIPHER_CTX_free(contexts->of[i]);
	free(contexts);
}

static void fetch(void)
{
	bool all = pthread_key_create(&contexts_key, contexts_free) == 0;

	for (int i = CIPHER_AES_128; i < CIPHER_ALGORITHMS; i++) {
		functions[i] = EVP_CIPHER_fetch(NULL, table[i].function, NULL);
		all = all && functions[i] != NULL;
	}
	fetched = all;
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
		if (pthread_setspecific(contexts_key, contexts) != 0) {
			free(contexts);
			return -ENOMEM;
		}
	}
	*contexts_out = contexts;
	return 0;
}

/* This thread's context of ALGORITHM: only key, IV and direction are to be set. */
static int context_get(enum cipher_algorithm algorithm, EVP_CIPHER_CTX **context_out)
{
	struct contexts *contexts;
	EVP_CIPHER_CTX *context;
	int error = contexts_get(&contexts);

	if (error != 0)
		return error;
	context = contexts->of[algorithm];
	if (context == NULL) {
		context = EVP_CIPHER_CTX_new();
		if (context == NULL || EVP_CipherInit_ex2(context, functions[algorithm], NULL, NULL,
							  ENCRYPT, NULL) != 1) {
			EVP_CIPHER_CTX_free(context);
			return -ENOMEM;
		}
		contexts->of[algorithm] = context;
	}
	*context_out = context;
	return 0;
}

/* Naming the function again would make the context anew. */
static bool set_key(EVP_CIPHER_CTX *context, enum direction direction, const uint8_t *key,
		    const uint8_t *iv)
{
	return EVP_CipherInit_ex2(context, NULL, key, iv, direction, NULL) == 1 &&
	       EVP_CIPHER_CTX_set_padding(context, 0) == 1;
}

/* SIZE: a multiple of UNIT. */
static bool pass(EVP_CIPHER_CTX *context, const uint8_t *from, size_t size, uint8_t *to)
{
	int made;

	return size == 0 ||
	       (EVP_CipherUpdate(context, to, &made, from, (int)size) == 1 && (size_t)made == size);
}

/* The context lives on, and the key, which is secret, must not live on in it. */
static int forget_key(EVP_CIPHER_CTX *context)
{
	static const uint8_t none[KEY_SIZE_MAX];

	return set_key(context, ENCRYPT, none, none) ? 0 : -ENOMEM;
}

const char *cipher_name(enum cipher_algorithm algorithm)
{
	assert(algorithm < CIPHER_ALGORITHMS);
	return table[algorithm].name;
}

size_t cipher_key_size(enum cipher_algorithm algorithm)
{
	assert(algorithm < CIPHER_ALGORITHMS);
	return table[algorithm].key_size;
}

enum cipher_algorithm cipher_choose(enum cipher_algorithm wish, bool plaintext_allowed)
{
	if (wish >= CIPHER_ALGORITHMS || (wish == CIPHER_NONE && !plaintext_allowed))
		return CIPHER_AES_128;
	return wish;
}

size_t cipher_sealed_size(enum cipher_algorithm algorithm, size_t size)
{
	assert(algorithm < CIPHER_ALGORITHMS);
	return algorithm == CIPHER_NONE ? size : size - size % UNIT + UNIT;
}

bool cipher_plausible(enum cipher_algorithm algorithm, size_t size, size_t sealed_size)
{
	if (size == 0 || size > CIPHER_SIZE_MAX)
		return false;
	return sealed_size == cipher_sealed_size(algorithm, size) ||
	       (sealed_size == size && size % UNIT == 0);
}

int cipher_random_iv(uint8_t iv_out[CIPHER_IV_SIZE])
{
	uint8_t iv[CIPHER_IV_SIZE];

	if (RAND_bytes(iv, sizeof(iv)) != 1)
		return -EIO;
	memcpy(iv_out, iv, sizeof(iv));
	return 0;
}

int cipher_encrypt(enum cipher_algorithm algorithm, const uint8_t *secret, const uint8_t *iv,
		   const void *block, size_t size, uint8_t *sealed_out)
{
	size_t rest = size % UNIT, whole = size - rest;
	uint8_t last[UNIT];
	EVP_CIPHER_CTX *context;
	int error;

	assert(algorithm < CIPHER_ALGORITHMS && size > 0 && size <= CIPHER_SIZE_MAX);
	if (algorithm == CIPHER_NONE) {
		memmove(sealed_out, block, size);
		return 0;
	}
	error = context_get(algorithm, &context);
	if (error != 0)
		return error;
	memset(last, (int)(UNIT - rest), sizeof(last));
	memcpy(last, (const uint8_t *)block + whole, rest);
	if (!set_key(context, ENCRYPT, secret, iv) || !pass(context, block, whole, sealed_out) ||
	    !pass(context, last, UNIT, sealed_out + whole))
		error = -ENOMEM;
	OPENSSL_cleanse(last, sizeof(last));
	if (forget_key(context) != 0)
		error = -ENOMEM;
	return error;
}

int cipher_decrypt(enum cipher_algorithm algorithm, const uint8_t *secret, const uint8_t *iv,
		   const void *sealed, size_t sealed_size, uint8_t *block_out, size_t size)
{
	size_t rest = size % UNIT, whole = size - rest;
	uint8_t last[UNIT] = {0};
	EVP_CIPHER_CTX *context;
	int error;

	assert(algorithm < CIPHER_ALGORITHMS);
	if (!cipher_plausible(algorithm, size, sealed_size))
		return -EBADMSG;
	if (algorithm == CIPHER_NONE) {
		memmove(block_out, sealed, size);
		return 0;
	}
	error = context_get(algorithm, &context);
	if (error != 0)
		return error;
	if (!set_key(context, DECRYPT, secret, iv) || !pass(context, sealed, whole, block_out) ||
	    !pass(context, (const uint8_t *)sealed + whole, rest > 0 ? UNIT : 0, last))
		error = -ENOMEM;
	memcpy(block_out + whole, last, rest);
	OPENSSL_cleanse(last, sizeof(last));
	if (forget_key(context) != 0)
		error = -ENOMEM;
	return error;
}
