/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The reader of exported key files. The first octet chooses what the rest is: a file, or the plain
 * octets of one, which are encrypted here, since no fuzzer finds what decrypts to a good padding
 * and digest; or a passphrase.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "cache/secret.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char passphrase[] = "somepassword";

/* What was read must come back when it is written, and be read again. */
static void check_import(const uint8_t *file, size_t size)
{
	struct secret *secret;
	uint8_t *written;
	size_t written_size;

	if (secret_import(file, size, passphrase, &secret))
		return;
	if (secret_export(secret, passphrase, &written, &written_size) || written_size != size ||
	    memcmp(written, file, size))
		abort();
	free(written);
	secret_free(secret);
}

/* Encrypts whole blocks, without adding a padding. */
static void check_plain(const uint8_t *plain, size_t size)
{
	uint8_t wide[2 * sizeof(passphrase)] = {0}, key[32];
	static const uint8_t start[16];
	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	uint8_t *file = malloc(size + 16);
	int made = 0;

	for (size_t i = 0; i + 1 < sizeof(passphrase); i++)
		wide[2 * i] = (uint8_t)passphrase[i];
	if (!context || !file ||
	    !EVP_Digest(wide, 2 * (sizeof(passphrase) - 1), key, NULL, EVP_sha256(), NULL) ||
	    !EVP_EncryptInit_ex(context, EVP_aes_256_cbc(), NULL, key, start) ||
	    !EVP_CIPHER_CTX_set_padding(context, 0) ||
	    !EVP_EncryptUpdate(context, file, &made, plain, (int)size))
		abort();
	check_import(file, (size_t)made);
	EVP_CIPHER_CTX_free(context);
	free(file);
}

/* With a right digest in front of a key, and the rest a padding. */
static void check_digested(const uint8_t *data, size_t size)
{
	uint8_t padding = data[0];
	uint8_t *plain = malloc(32 + size);

	if (!plain || padding >= size) {
		free(plain);
		return;
	}
	if (!EVP_Digest(data + 1, size - 1 - padding, plain, NULL, EVP_sha256(), NULL))
		abort();
	memcpy(plain + 32, data + 1, size - 1);
	check_plain(plain, 32 + size - 1);
	free(plain);
}

static void check_passphrase(const uint8_t *data, size_t size)
{
	char *text = strndup((const char *)data, size);
	struct secret *secret;

	if (!text)
		abort();
	if (!secret_create_passphrase(text, &secret)) {
		if (secret_size(secret) > 2 * strlen(text) || secret_size(secret) % 2)
			abort();
		secret_free(secret);
	}
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2 || size > 100000)
		return 0;
	switch (data[0] & 3) {
	case 0:
		check_import(data + 1, size - 1);
		break;
	case 1:
		check_plain(data + 1, size - 1);
		break;
	case 2:
		check_digested(data + 1, size - 1);
		break;
	default:
		check_passphrase(data + 1, size - 1);
	}
	return 0;
}
