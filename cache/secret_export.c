/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The key file that Windows exports (content-information.md section 5):
 *
 *   plain = SHA-256(secret key) || secret key
 *   file  = AES-256-CBC(plain with PKCS#7 padding)
 *           key: SHA-256(passphrase as UTF-16LE, no NUL); IV: 16 zero octets
 *
 * Pure: octets to key and back.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include "cache/bytes.h"
#include "cache/secret_private.h"

enum {
	CIPHER_BLOCK = 16,
	CIPHER_KEY = 32,
	CHECK_SIZE = 32, /* SHA-256 of the secret key */
	PLAIN_MAX = CHECK_SIZE + SECRET_SIZE_MAX,
	FILE_MIN = CHECK_SIZE + CIPHER_BLOCK,
	FILE_MAX = PLAIN_MAX / CIPHER_BLOCK * CIPHER_BLOCK + CIPHER_BLOCK,
};

/* One code point; no overlong form, no surrogate. */
static int next_point(struct bytes_in *in, uint32_t *point_out)
{
	static const struct {
		uint8_t mask, lead;
		uint32_t least;
	} lengths[] = {
		{0x80, 0x00, 0}, {0xe0, 0xc0, 0x80}, {0xf0, 0xe0, 0x800}, {0xf8, 0xf0, 0x10000}};
	uint8_t first = bytes_u8(in);
	uint32_t point;
	size_t more = 0;

	while ((first & lengths[more].mask) != lengths[more].lead)
		if (++more == sizeof(lengths) / sizeof(lengths[0]))
			return -EILSEQ;
	point = first & (uint8_t)~lengths[more].mask;
	for (size_t i = 0; i < more; i++) {
		uint8_t next = bytes_u8(in);

		if ((next & 0xc0) != 0x80)
			return -EILSEQ;
		point = point << 6 | (next & 0x3f);
	}
	if (point < lengths[more].least || point > 0x10ffff || (point >= 0xd800 && point < 0xe000))
		return -EILSEQ;
	*point_out = point;
	return 0;
}

int secret_widen(const char *text, uint8_t **wide_out, size_t *size_out)
{
	struct bytes_in in = bytes_in(text, strlen(text));
	/* No code point has more octets as UTF-16 than twice those it has as UTF-8. */
	size_t room = 2 * in.left + 1;
	uint8_t *wide = OPENSSL_zalloc(room);
	struct bytes_out out = bytes_out(wide, room);

	if (wide == NULL)
		return -ENOMEM;
	while (in.left > 0) {
		uint32_t point;

		if (next_point(&in, &point) != 0) {
			OPENSSL_clear_free(wide, room);
			return -EILSEQ;
		}
		if (point >= 0x10000) {
			bytes_put_le16(&out, (uint16_t)(0xd800 + ((point - 0x10000) >> 10)));
			point = 0xdc00 + ((point - 0x10000) & 0x3ff);
		}
		bytes_put_le16(&out, (uint16_t)point);
	}
	*wide_out = wide;
	*size_out = room - out.left;
	return 0;
}

static int cipher_key(const char *passphrase, uint8_t *key_out)
{
	uint8_t *wide;
	size_t size;
	int error = secret_widen(passphrase, &wide, &size);

	if (error != 0)
		return error;
	error = secret_hash(DIGEST_SHA256, wide, size, key_out);
	OPENSSL_clear_free(wide, size);
	return error;
}

/* OUT has room for SIZE and one cipher block more. -EBADMSG: the padding is wrong. */
static int run_cipher(const char *passphrase, bool encrypt, const uint8_t *data, size_t size,
		      uint8_t *out, size_t *size_out)
{
	static const uint8_t start[CIPHER_BLOCK];
	uint8_t key[CIPHER_KEY];
	int body = 0, tail = 0, error = cipher_key(passphrase, key);
	EVP_CIPHER_CTX *context;

	if (error != 0)
		return error;
	context = EVP_CIPHER_CTX_new();
	/* What fails here is no business of whoever next asks this thread's error queue. */
	ERR_set_mark();
	if (context == NULL ||
	    EVP_CipherInit_ex2(context, EVP_aes_256_cbc(), key, start, encrypt, NULL) != 1 ||
	    EVP_CipherUpdate(context, out, &body, data, (int)size) != 1)
		error = -ENOMEM;
	else if (EVP_CipherFinal_ex(context, out + body, &tail) != 1)
		error = -EBADMSG;
	ERR_pop_to_mark();
	EVP_CIPHER_CTX_free(context);
	OPENSSL_cleanse(key, sizeof(key));
	if (error == 0)
		*size_out = (size_t)body + (size_t)tail;
	return error;
}

static int unpack(const uint8_t *plain, size_t size, struct secret **secret_out)
{
	uint8_t check[CHECK_SIZE];
	int error;

	if (size <= CHECK_SIZE)
		return -EBADMSG;
	error = secret_hash(DIGEST_SHA256, plain + CHECK_SIZE, size - CHECK_SIZE, check);
	if (error != 0)
		return error;
	if (CRYPTO_memcmp(check, plain, CHECK_SIZE) != 0)
		return -EBADMSG;
	return secret_create(plain + CHECK_SIZE, size - CHECK_SIZE, secret_out);
}

int secret_import(const void *file, size_t size, const char *passphrase, struct secret **secret_out)
{
	uint8_t *plain;
	size_t plain_size;
	int error;

	if (size < FILE_MIN || size > FILE_MAX || size % CIPHER_BLOCK != 0)
		return -EBADMSG;
	plain = OPENSSL_zalloc(size + CIPHER_BLOCK);
	if (plain == NULL)
		return -ENOMEM;
	error = run_cipher(passphrase, false, file, size, plain, &plain_size);
	if (error == 0)
		error = unpack(plain, plain_size, secret_out);
	OPENSSL_clear_free(plain, size + CIPHER_BLOCK);
	return error;
}

int secret_export(const struct secret *secret, const char *passphrase, uint8_t **file_out,
		  size_t *size_out)
{
	size_t size = CHECK_SIZE + secret_size(secret);
	uint8_t *plain = OPENSSL_malloc(size), *file = malloc(size + CIPHER_BLOCK);
	int error = -ENOMEM;

	if (plain != NULL && file != NULL)
		error = secret_server(secret, DIGEST_SHA256, plain);
	if (error == 0) {
		memcpy(plain + CHECK_SIZE, secret_key(secret), secret_size(secret));
		error = run_cipher(passphrase, true, plain, size, file, size_out);
	}
	OPENSSL_clear_free(plain, size);
	if (error != 0) {
		free(file);
		return error;
	}
	*file_out = file;
	return 0;
}
