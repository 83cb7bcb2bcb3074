/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The verb `key`: the server secret, made, set, and exchanged with Windows servers. Whatever
 * replaces a key says what that means.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "cache/log.h"
#include "cache/secret.h"
#include "fs/cli.h"
#include "fs/cli_option.h"
#include "fs/config.h"
#include "fs/server_key.h"

/* Octets of a file that a key can come from, at most: what is exported is at most so much longer
 * than the key, and one more tells what is too long. */
#define FILE_MAX (SECRET_SIZE_MAX + 64)

struct request {
	const char *key; /* NULL: this machine's */
	bool force;
	char *passphrase; /* a word of the command line; NULL: to be asked for */
	bool by_passphrase;
	struct secret *secret; /* of --hex */
	const char *file;      /* of --file */
	const char *operand;   /* OUT or IN */
};

static int out_of_memory(void)
{
	return cli_complain(CLI_FAILED, "out of memory");
}

/* Of the request as a whole. */
static int take_passphrase(const struct cli_option *option, char *text, void *owner)
{
	struct request *request = owner;

	(void)option;
	request->by_passphrase = true;
	request->passphrase = text;
	return CLI_DONE;
}

static const struct cli_option options_of_new[] = {
	CLI_TEXT("key", struct request, key),
	CLI_FLAG("force", struct request, force),
	CLI_OPTIONS_END,
};
static const struct cli_option options_of_set[] = {
	CLI_TEXT("key", struct request, key),
	/* May stand alone, so its text is found among the other words. */
	{"passphrase", optional_argument, take_passphrase, 0, 0, 0},
	CLI_VALUE("hex", cli_secret_option, struct request, secret),
	CLI_TEXT("file", struct request, file),
	CLI_OPTIONS_END,
};
static const struct cli_option options_of_exchange[] = {
	CLI_TEXT("key", struct request, key),
	{"passphrase", required_argument, take_passphrase, 0, 0, 0},
	CLI_OPTIONS_END,
};

/* Where the key is, for people. */
static const char *name_key(const struct request *request, char *buffer, size_t size)
{
	char *standard = request->key ? NULL : config_key_place();

	log_escape(buffer, size, request->key ? request->key : standard ? standard : "");
	free(standard);
	return buffer;
}

/* The first FILE_MAX octets of PATH, for OPENSSL_clear_free. */
static int read_file(const char *path, uint8_t **data_out, size_t *size_out)
{
	char escaped[LOG_NAME_MAX];
	uint8_t *data = OPENSSL_malloc(FILE_MAX);
	int file = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY), error = file < 0 ? errno : 0;
	size_t done = 0;

	while (data && !error && done < FILE_MAX) {
		ssize_t got = read(file, data + done, FILE_MAX - done);

		if (got < 0 && errno != EINTR)
			error = errno;
		if (got == 0)
			break;
		done += got > 0 ? (size_t)got : 0;
	}
	if (file >= 0)
		close(file);
	if (data && !error) {
		*data_out = data;
		*size_out = done;
		return CLI_DONE;
	}
	OPENSSL_clear_free(data, FILE_MAX);
	if (!error)
		return out_of_memory();
	return cli_complain(CLI_FAILED, "%s cannot be read: %s",
			    log_escape(escaped, sizeof(escaped), path), strerror(error));
}

static bool same(const struct secret *a, const struct secret *b)
{
	return secret_size(a) == secret_size(b) &&
	       !CRYPTO_memcmp(secret_key(a), secret_key(b), secret_size(a));
}

static bool is_there(const struct request *request)
{
	char *standard = request->key ? NULL : config_key_place();
	const char *path = request->key ? request->key : standard;
	bool there = path && !faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW);

	free(standard);
	return there;
}

/* Puts SECRET in the key's place and says what that changes. */
static int replace(const struct request *request, const struct secret *secret)
{
	char message[SERVER_KEY_MESSAGE], name[LOG_NAME_MAX];
	bool there = is_there(request), unchanged = false;
	struct secret *former;

	name_key(request, name, sizeof(name));
	if (there && !server_key_load(request->key, false, &former, message, sizeof(message))) {
		unchanged = same(former, secret);
		secret_free(former);
	}
	if (unchanged) {
		printf("%s has this key already; nothing has changed\n", name);
		return CLI_DONE;
	}
	if (server_key_save(secret, request->key, true, message, sizeof(message)))
		return cli_complain(CLI_FAILED, "%s", message);
	if (!there)
		printf("%s now holds the key\n", name);
	else
		printf("%s has been replaced: all segments get new names, under which other "
		       "machines have nothing yet, and content information made before keeps the "
		       "old ones. Start again what uses the key.\n",
		       name);
	return CLI_DONE;
}

static int make(const struct request *request)
{
	char message[SERVER_KEY_MESSAGE], name[LOG_NAME_MAX];
	struct secret *secret;
	int status = CLI_DONE, error = secret_create_random(&secret);

	if (error)
		return cli_complain(CLI_FAILED, "no random key: %s", strerror(-error));
	if (request->force) {
		status = replace(request, secret);
	} else {
		error = server_key_save(secret, request->key, false, message, sizeof(message));
		if (error)
			status =
				cli_complain(CLI_FAILED, "%s%s", message,
					     error == -EEXIST ? "; --force replaces it, upon which "
								"all segments get new names"
							      : "");
		else
			printf("%s now holds a random key\n",
			       name_key(request, name, sizeof(name)));
	}
	secret_free(secret);
	return status;
}

static int run_new(const struct cli_action *action, int count, char **words)
{
	struct request request = {0};
	int status = cli_options(count, words, options_of_new, &request);

	if (status)
		return status;
	if (optind != count)
		return cli_action_usage(action);
	return make(&request);
}

static int from_passphrase(char *word, struct secret **secret_out)
{
	char *passphrase;
	int status = cli_passphrase(word, true, &passphrase), error;

	if (status)
		return status;
	error = secret_create_passphrase(passphrase, secret_out);
	cli_passphrase_free(passphrase);
	if (error == -EILSEQ)
		return cli_complain(CLI_FAILED, "the passphrase is not UTF-8");
	if (error == -EINVAL)
		return cli_complain(CLI_FAILED, "the passphrase is longer than %u octets of UTF-16",
				    SECRET_SIZE_MAX);
	return error ? out_of_memory() : CLI_DONE;
}

static int from_file(const char *path, struct secret **secret_out)
{
	char escaped[LOG_NAME_MAX];
	uint8_t *data;
	size_t size;
	int error, status = read_file(path, &data, &size);

	if (status)
		return status;
	error = secret_create(data, size, secret_out);
	OPENSSL_clear_free(data, FILE_MAX);
	if (error == -EINVAL)
		return cli_complain(CLI_FAILED, "%s holds no secret key: that has 1 to %u octets",
				    log_escape(escaped, sizeof(escaped), path), SECRET_SIZE_MAX);
	return error ? out_of_memory() : CLI_DONE;
}

static int run_set(const struct cli_action *action, int count, char **words)
{
	struct request request = {0};
	int status = cli_options(count, words, options_of_set, &request);
	int ways = request.by_passphrase + !!request.secret + !!request.file;

	if (!status && ways == 1 && request.by_passphrase && !request.passphrase && optind < count)
		request.passphrase = words[optind++];
	if (!status && (ways != 1 || optind != count))
		status = cli_action_usage(action);
	if (!status && request.by_passphrase)
		status = from_passphrase(request.passphrase, &request.secret);
	if (!status && request.file)
		status = from_file(request.file, &request.secret);
	if (!status)
		status = replace(&request, request.secret);
	secret_free(request.secret);
	return status;
}

static int parse_exchange(const struct cli_action *action, int count, char **words,
			  struct request *request)
{
	int status = cli_options(count, words, options_of_exchange, request);

	if (status)
		return status;
	if (count - optind != 1)
		return cli_action_usage(action);
	request->operand = words[optind];
	return CLI_DONE;
}

static int write_exported(const struct secret *secret, const char *path, const char *passphrase)
{
	struct cli_output output;
	uint8_t *file = NULL;
	size_t size;
	int status, error = secret_export(secret, passphrase, &file, &size);

	if (error == -EILSEQ)
		return cli_complain(CLI_FAILED, "the passphrase is not UTF-8");
	if (error)
		return cli_complain(CLI_FAILED, "the key cannot be exported: %s", strerror(-error));
	status = cli_output_open(path, &output);
	if (!status) {
		error = cli_output_put(&output, file, size);
		if (error)
			status = cli_complain(CLI_FAILED, "the key cannot be written: %s",
					      strerror(-error));
		status = cli_output_close(&output, status);
	}
	free(file);
	return status;
}

static int run_export(const struct cli_action *action, int count, char **words)
{
	char message[SERVER_KEY_MESSAGE];
	struct request request = {0};
	struct secret *secret;
	char *passphrase;
	int status = parse_exchange(action, count, words, &request);

	if (status)
		return status;
	if (server_key_load(request.key, false, &secret, message, sizeof(message)))
		return cli_complain(CLI_FAILED, "%s", message);
	status = cli_passphrase(request.passphrase, true, &passphrase);
	if (!status) {
		status = write_exported(secret, request.operand, passphrase);
		cli_passphrase_free(passphrase);
	}
	secret_free(secret);
	return status;
}

static int read_exported(const char *path, const char *passphrase, struct secret **secret_out)
{
	char escaped[LOG_NAME_MAX];
	uint8_t *data;
	size_t size;
	int error, status = read_file(path, &data, &size);

	if (status)
		return status;
	error = secret_import(data, size, passphrase, secret_out);
	OPENSSL_clear_free(data, FILE_MAX);
	if (error == -EBADMSG)
		return cli_complain(CLI_FAILED, "%s: wrong passphrase or not a key file",
				    log_escape(escaped, sizeof(escaped), path));
	if (error == -EILSEQ)
		return cli_complain(CLI_FAILED, "the passphrase is not UTF-8");
	return error ? out_of_memory() : CLI_DONE;
}

static int run_import(const struct cli_action *action, int count, char **words)
{
	struct request request = {0};
	struct secret *secret = NULL;
	char *passphrase;
	int status = parse_exchange(action, count, words, &request);

	if (!status)
		status = cli_passphrase(request.passphrase, false, &passphrase);
	if (status)
		return status;
	status = read_exported(request.operand, passphrase, &secret);
	cli_passphrase_free(passphrase);
	if (!status)
		status = replace(&request, secret);
	secret_free(secret);
	return status;
}

#define KEY_HELP                                                                                   \
	"  --key FILE           where the key is; if not given, this machine's place for it\n"
#define EXCHANGE_HELP                                                                              \
	KEY_HELP                                                                                   \
	"  --passphrase TEXT    that the file is locked with; if not given it is asked for on\n"   \
	"                       the terminal, or is the first line of standard input\n"

static const struct cli_action actions[] = {
	{"new", run_new, "key new [--key FILE] [--force]", "make a random secret key",
	 KEY_HELP "  --force              replace the key that there is\n"},
	{"set", run_set, "key set [--key FILE] {--passphrase [TEXT] | --hex HEX | --file IN}",
	 "set the secret key, replacing the one that there is",
	 KEY_HELP
	 "  --passphrase [TEXT]  as Windows does: the text's UTF-16LE octets are the key; without\n"
	 "                       TEXT it is asked for, or is the first line of standard input\n"
	 "  --hex HEX            in hexadecimal\n"
	 "  --file IN            what is in this file, octet for octet\n"},
	{"export", run_export, "key export [--key FILE] [--passphrase TEXT] OUT",
	 "write the secret key to a file as Windows does", EXCHANGE_HELP},
	{"import", run_import, "key import [--key FILE] [--passphrase TEXT] IN",
	 "take the secret key out of such a file, replacing the one that there is", EXCHANGE_HELP},
	{NULL, NULL, NULL, NULL, NULL},
};

int cli_key(int count, char **words)
{
	return cli_actions(actions, count, words);
}
