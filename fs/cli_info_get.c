/* SPDX-License-Identifier: BSD-2-Clause
 *
 * `info get`: what a mount knows of a file. The daemon answers with base64 in lines, which are
 * decoded and passed on as they come; the octets are kept only if they are content information.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "fs/cli_info.h"

/* Characters decoded at a time. */
#define PIECE 4096

struct get {
	EVP_ENCODE_CTX *decoding;
	bool padded; /* the end of the base64 has come */
	struct content_reader *reader;
	struct cli_output output;
	uint8_t octets[PIECE];
};

static int keep(struct get *get, int size)
{
	int error = content_reader_feed(get->reader, get->octets, (size_t)size);

	if (error)
		return error;
	return cli_output_put(&get->output, get->octets, (size_t)size);
}

static int take_line(void *owner, const char *line)
{
	struct get *get = owner;
	size_t length = strlen(line);
	int error = 0;

	while (length > 0 && !error) {
		int portion = length < PIECE ? (int)length : PIECE;
		int size = 0, more;

		if (get->padded)
			return -EBADMSG;
		more = EVP_DecodeUpdate(get->decoding, get->octets, &size,
					(const unsigned char *)line, portion);
		if (more < 0)
			return -EBADMSG;
		get->padded = more == 0;
		line += portion;
		length -= (size_t)portion;
		error = keep(get, size);
	}
	return error;
}

/* All lines have come: is that all of it? 0 or a negative errno. */
static int finish(struct get *get)
{
	struct content *content;
	int size = 0, error;

	if (EVP_DecodeFinal(get->decoding, get->octets, &size) < 0)
		return -EBADMSG;
	error = size > 0 ? keep(get, size) : 0;
	if (!error)
		error = content_reader_end(get->reader, &content);
	if (!error)
		content_put(content);
	return error;
}

static int complain_of_answer(const struct get *get, int error)
{
	const char *reason = content_reader_reason(get->reader);

	if (error == -EBADMSG || error == -EFBIG)
		return cli_complain(CLI_FAILED,
				    "info: what the daemon answered is no content information: %s",
				    reason ? reason : "not base64");
	return cli_complain(CLI_FAILED, "content information cannot be written: %s",
			    strerror(-error));
}

static int ask(const struct cli_mount *mount, struct get *get)
{
	int error, status;

	EVP_DecodeInit(get->decoding);
	status = cli_command_data(mount, "info", mount->path, take_line, get, &error);
	if (status)
		return status;
	if (!error)
		error = finish(get);
	return error ? complain_of_answer(get, error) : CLI_DONE;
}

static int get_into(const struct cli_mount *mount, const char *path)
{
	struct get *get = calloc(1, sizeof(*get));
	int status = CLI_FAILED;

	if (!get)
		return cli_complain(CLI_FAILED, "out of memory");
	get->decoding = EVP_ENCODE_CTX_new();
	if (!get->decoding || content_reader_create(CONTENT_LIMIT_DEFAULT, &get->reader))
		cli_complain(CLI_FAILED, "out of memory");
	else if (!(status = cli_output_open(path, &get->output)))
		status = cli_output_close(&get->output, ask(mount, get));
	content_reader_free(get->reader);
	EVP_ENCODE_CTX_free(get->decoding);
	OPENSSL_cleanse(get, sizeof(*get));
	free(get);
	return status;
}

int cli_info_get(const struct cli_action *action, int count, char **words)
{
	static const struct cli_option options[] = {
		{"o", required_argument, cli_option_text, 0, 0, 0}, CLI_OPTIONS_END};
	const char *output = NULL;
	struct cli_mount mount;
	int status = cli_options(count, words, options, &output);

	if (status)
		return status;
	if (count - optind != 1)
		return cli_action_usage(action);
	status = cli_mount_find(words[optind], &mount);
	if (status)
		return status;
	status = get_into(&mount, output);
	cli_mount_close(&mount);
	return status;
}
