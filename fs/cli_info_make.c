/* SPDX-License-Identifier: BSD-2-Clause
 *
 * `info make`: hashes a file on all cores and writes content information of it, or of a range.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "cache/content_build.h"
#include "cache/log.h"
#include "cache/secret.h"
#include "fs/cli_info.h"
#include "fs/server_key.h"

/* Octets between two looks at the progress: our choice. Threads wait for one another there, which
 * costs little as long as each had many buffers. */
#define PORTION (64u << 20)

struct range {
	bool given;
	uint64_t start, length;
};

struct make {
	unsigned version;
	const char *key;       /* NULL: the default */
	struct secret *secret; /* NULL: the key's */
	struct range range;    /* a part; else all of it */
	const char *output;
	const char *path;
};

static int take_version(const struct cli_option *option, char *text, void *field)
{
	if (strcmp(text, "1") && strcmp(text, "2"))
		return cli_complain(CLI_USAGE, "--%s is 1 or 2", option->name);
	*(unsigned *)field = (unsigned)(*text - '0');
	return CLI_DONE;
}

/* "START,LENGTH", digits only. */
static int read_range(const char *text, struct range *range_out)
{
	struct range range;
	char *end;

	errno = 0;
	if (*text < '0' || *text > '9')
		return -EINVAL;
	range.start = strtoull(text, &end, 10);
	if (*end != ',' || end[1] < '0' || end[1] > '9')
		return -EINVAL;
	range.length = strtoull(end + 1, &end, 10);
	if (*end || errno)
		return -EINVAL;
	range.given = true;
	*range_out = range;
	return 0;
}

static int take_range(const struct cli_option *option, char *text, void *field)
{
	return read_range(text, field)
		       ? cli_complain(CLI_USAGE,
				      "--%s is START,LENGTH in octets, such as 65536,1000",
				      option->name)
		       : CLI_DONE;
}

static int parse(const struct cli_action *action, int count, char **words, struct make *make)
{
	static const struct cli_option options[] = {
		CLI_VALUE("version", take_version, struct make, version),
		CLI_TEXT("key", struct make, key),
		CLI_VALUE("secret", cli_secret_option, struct make, secret),
		CLI_VALUE("range", take_range, struct make, range),
		CLI_TEXT("o", struct make, output),
		CLI_OPTIONS_END,
	};
	int status = cli_options(count, words, options, make);

	if (status)
		return status;
	if (count - optind != 1)
		return cli_action_usage(action);
	if (make->key && make->secret)
		return cli_complain(CLI_USAGE, "one of --key and --secret, not both");
	make->path = words[optind];
	return CLI_DONE;
}

static int check_size(const struct make *make, uint64_t size)
{
	char escaped[LOG_NAME_MAX];

	log_escape(escaped, sizeof(escaped), make->path);
	if (size == 0)
		return cli_complain(CLI_FAILED,
				    "%s is empty; there is no content information of nothing",
				    escaped);
	if (make->range.given && make->range.length == 0)
		return cli_complain(CLI_USAGE, "a --range has at least one octet");
	if (make->range.given &&
	    (make->range.start > size || make->range.length > size - make->range.start))
		return cli_complain(CLI_FAILED,
				    "%s has %" PRIu64 " octets; the --range goes beyond that",
				    escaped, size);
	return CLI_DONE;
}

/* The last of all that is checked before anything is hashed. */
static int check_output(const struct make *make, const struct stat *content)
{
	struct stat output;
	char escaped[LOG_NAME_MAX];

	if (make->output && !stat(make->output, &output) && output.st_dev == content->st_dev &&
	    output.st_ino == content->st_ino)
		return cli_complain(CLI_USAGE, "%s would be replaced by its content information",
				    log_escape(escaped, sizeof(escaped), make->path));
	return CLI_DONE;
}

static int add_file(struct content_build *build, int file, uint64_t size)
{
	struct cli_progress progress;
	int error = 0;

	cli_progress_start(&progress);
	for (uint64_t done = 0; done < size && !error;) {
		uint64_t portion = size - done;

		cli_progress_show(&progress, done, size);
		if (progress.terminal && portion > PORTION)
			portion = PORTION;
		error = content_build_add_file(build, file, done, portion);
		done += portion;
	}
	cli_progress_end(&progress);
	return error;
}

/* 0 or a negative errno. */
static int hash_file(unsigned version, int file, uint64_t size, struct content_hashes *hashes_out)
{
	struct content_build_options options = {
		.version = version, .algorithm = DIGEST_SHA256, .lane = POOL_READER};
	struct content_build *build;
	int error = pool_create(0, &options.pool);

	if (error)
		return error;
	error = content_build_create(&options, &build);
	if (!error) {
		error = add_file(build, file, size);
		if (!error)
			error = content_build_end(build, hashes_out);
		content_build_free(build);
	}
	pool_destroy(options.pool);
	return error;
}

static int hash(const struct make *make, int file, const struct stat *status,
		struct content_hashes *hashes_out)
{
	int error = hash_file(make->version, file, (uint64_t)status->st_size, hashes_out);

	if (error == -ENODATA) /* it has become shorter */
		return cli_info_unchanged(make->path, file, status);
	if (error)
		return cli_info_unreadable(make->path, error);
	if (!cli_info_unchanged(make->path, file, status))
		return CLI_DONE;
	content_hashes_clear(hashes_out);
	return CLI_FAILED;
}

static int write_form(const struct make *make, const struct content_hashes *hashes,
		      struct cli_output *output)
{
	uint8_t ks[DIGEST_SIZE_MAX];
	int error = secret_server(make->secret, hashes->algorithm, ks);

	if (!error)
		error = content_hashes_write(hashes, ks, make->range.given ? make->range.start : 0,
					     make->range.given ? make->range.length : hashes->size,
					     NULL, cli_output_put, output);
	OPENSSL_cleanse(ks, sizeof(ks));
	if (error)
		return cli_complain(CLI_FAILED, "content information cannot be written: %s",
				    strerror(-error));
	return CLI_DONE;
}

static int make_of(const struct make *make, int file, const struct stat *content)
{
	struct content_hashes hashes = {0};
	struct cli_output output;
	int status = cli_output_open(make->output, &output);

	if (status)
		return status;
	status = hash(make, file, content, &hashes);
	if (!status)
		status = write_form(make, &hashes, &output);
	content_hashes_clear(&hashes);
	return cli_output_close(&output, status);
}

static int load_key(struct make *make)
{
	char message[SERVER_KEY_MESSAGE];

	/* A named key is not made by the way: it would be a wrong one for a misspelt name. */
	if (!make->secret &&
	    server_key_load(make->key, !make->key, &make->secret, message, sizeof(message)))
		return cli_complain(CLI_FAILED, "%s", message);
	return CLI_DONE;
}

int cli_info_make(const struct cli_action *action, int count, char **words)
{
	struct make make = {.version = 2};
	struct stat content;
	int file = -1, status = parse(action, count, words, &make);

	if (!status)
		status = cli_info_open_content(make.path, &file, &content);
	if (!status)
		status = check_size(&make, (uint64_t)content.st_size);
	if (!status)
		status = check_output(&make, &content);
	if (!status)
		status = load_key(&make);
	if (!status)
		status = make_of(&make, file, &content);
	secret_free(make.secret);
	if (file >= 0)
		close(file);
	return status;
}
