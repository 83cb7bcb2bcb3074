/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Secrets on the command line. Everybody may see the words of a process, so they are overwritten
 * before anything else is done; what is no longer needed is wiped.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "cache/secret.h"
#include "fs/cli.h"

/* Octets; more make no secret key, however few of them a character has. */
#define PASSPHRASE_MAX (3 * SECRET_SIZE_MAX / 2)
/* What is typed: our choice, and what OpenSSL's prompt allows at most. */
#define TYPED_MAX BUFSIZ

/* A copy of WORD, which is then covered. */
static char *take_word(char *word)
{
	char *copy = strdup(word);

	OPENSSL_cleanse(word, strlen(word));
	return copy;
}

static int digit(char letter)
{
	static const char digits[] = "0123456789abcdef0123456789ABCDEF";
	const char *found = letter ? strchr(digits, letter) : NULL;

	return found ? (int)((found - digits) % 16) : -1;
}

static int parse_hex(const char *text, struct secret **secret_out)
{
	size_t size = strlen(text) / 2;
	uint8_t *key = malloc(size + 1);
	int error = strlen(text) % 2 ? -EINVAL : 0;

	if (!key)
		return -ENOMEM;
	for (size_t i = 0; i < size && !error; i++) {
		int high = digit(text[2 * i]), low = digit(text[2 * i + 1]);

		if (high < 0 || low < 0)
			error = -EINVAL;
		else
			key[i] = (uint8_t)(high << 4 | low);
	}
	if (!error)
		error = secret_create(key, size, secret_out);
	OPENSSL_cleanse(key, size + 1);
	free(key);
	return error;
}

int cli_secret_hex(char *word, struct secret **secret_out)
{
	char *text = take_word(word);
	int error = text ? parse_hex(text, secret_out) : -ENOMEM;

	cli_passphrase_free(text);
	if (error == -EINVAL)
		return cli_complain(CLI_USAGE,
				    "the secret key is not 1 to %u octets in hexadecimal, two "
				    "digits each",
				    SECRET_SIZE_MAX);
	return error ? cli_complain(CLI_FAILED, "out of memory") : CLI_DONE;
}

int cli_secret_option(const struct cli_option *option, char *value, void *field)
{
	struct secret **secret = field;

	(void)option;
	secret_free(*secret);
	*secret = NULL;
	return cli_secret_hex(value, secret);
}

/* The first line of standard input into TEXT. 0 or a negative errno. */
static int read_line(char *text, size_t size)
{
	size_t length = 0;

	/* One octet at a time: what follows the line is for others. */
	for (;;) {
		ssize_t got = read(STDIN_FILENO, text + length, 1);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0 || text[length] == '\n')
			break;
		if (text[length] == '\0')
			return -EILSEQ;
		if (++length == size)
			return -EFBIG;
	}
	text[length] = '\0';
	return 0;
}

/* 0 or a negative errno; -ECANCELED: interrupted, or the second one was another. */
static int read_passphrase(char *text, bool is_new)
{
	if (!isatty(STDIN_FILENO))
		return read_line(text, PASSPHRASE_MAX);
	return EVP_read_pw_string(text, TYPED_MAX, "Passphrase: ", is_new) ? -ECANCELED : 0;
}

int cli_passphrase(char *word, bool is_new, char **passphrase_out)
{
	char *text = word ? take_word(word) : calloc(1, PASSPHRASE_MAX + 1);
	int error = !text ? -ENOMEM : word ? 0 : read_passphrase(text, is_new);

	if (!error && *text) {
		*passphrase_out = text;
		return CLI_DONE;
	}
	if (text)
		OPENSSL_cleanse(text, word ? strlen(text) : PASSPHRASE_MAX);
	free(text);
	if (!error)
		return cli_complain(CLI_FAILED, "the passphrase is empty");
	if (error == -ECANCELED)
		return cli_complain(CLI_FAILED, "no passphrase was given, or not the same twice");
	return cli_complain(CLI_FAILED, "the passphrase cannot be read: %s", strerror(-error));
}

void cli_passphrase_free(char *passphrase)
{
	if (passphrase)
		OPENSSL_cleanse(passphrase, strlen(passphrase));
	free(passphrase);
}
