/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The verb `serve`: the content server, in the foreground until SIGTERM or SIGINT.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "cache/log.h"
#include "cache/pool.h"
#include "fs/cli.h"
#include "fs/cli_serve_url.h"
#include "fs/cli_serving.h"
#include "fs/config.h"
#include "fs/hashes_place.h"
#include "fs/serve_control.h"
#include "fs/server_key.h"
#include "origin/content_server.h"
#include "origin/content_tree.h"

/* Our choices. */
#define DEFAULT_LISTEN "8080"
#define CONNECTIONS_MAX 16384
/* Descriptors that a connection takes at most as a rule: itself, the file, content information. */
#define CONNECTION_FILES 3
#define OTHER_FILES 256

static const char usage[] =
	"usage: peerdist serve [OPTION] DIR | URL\n"
	"Serves the files below DIR, or what another HTTP server has below URL, by HTTP, and "
	"their\n"
	"content information to who asks for it.\n\n"
	"  --listen [ADDRESS:]PORT  where; may repeat; default all addresses, port 8080; 0: any\n"
	"  --tls-cert FILE, --tls-key FILE  PEM; what is listened on speaks TLS then\n"
	"  --key FILE          the server secret; made if missing\n"
	"  --hashes DIR        where hashes are kept\n"
	"  --hashes-size SIZE  what they may take; default 1G\n"
	"  --lazy              hash only what was asked for; else all files at once, behind\n"
	"  --versions 1,2      of content information to offer\n"
	"  --min-size SIZE     files from this size on have content information; default 64K\n"
	"  --follow-links      symbolic links may lead out of DIR\n"
	"  --control DIR       where to show what the server does, and to take commands\n"
	"  --control-allow-other  everyone on this machine may look into it\n" CLI_SERVE_URL_USAGE;

struct request {
	struct cli_listen listen;
	const char *key, *hashes, *tls_cert, *tls_key, *control;
	bool lazy, followed, control_others;
	unsigned versions;
	uint64_t min_size, hashes_size;
	const char *named; /* DIR or URL */
	bool is_url;
	struct cli_serve_url *url; /* how to reach it, if it is one */
};

struct parts {
	struct secret *secret;
	struct pool *pool;
	struct publish *publish;
	struct content_source *source;
	struct content_server *server;
	struct serve_control *control;
};

/* Room for any message. */
#define MESSAGE_SIZE SERVER_KEY_MESSAGE

/* ---- the command line ---- */

static int take_option(struct request *request, int letter)
{
	switch (letter) {
	case 'L':
		return cli_listen_add_place(&request->listen, "--listen", optarg);
	case 'k':
		request->key = optarg;
		return CLI_DONE;
	case 'H':
		request->hashes = optarg;
		return CLI_DONE;
	case 'z':
		request->lazy = true;
		return CLI_DONE;
	case 'v':
		return cli_versions(optarg, &request->versions);
	case 'm':
		return cli_min_size(optarg, &request->min_size);
	case 's':
		return cli_hashes_size(optarg, &request->hashes_size);
	case 'c':
		request->tls_cert = optarg;
		return CLI_DONE;
	case 't':
		request->tls_key = optarg;
		return CLI_DONE;
	case 'f':
		request->followed = true;
		return CLI_DONE;
	case 'C':
		request->control = optarg;
		return CLI_DONE;
	case 'O':
		request->control_others = true;
		return CLI_DONE;
	default:
		if (letter >= CLI_SERVE_URL_LETTER)
			return cli_serve_url_option(request->url, letter, optarg);
		return CLI_USAGE;
	}
}

static int take_named(struct request *request, char *word)
{
	int status;

	request->named = word;
	request->is_url = cli_serve_url_is_meant(word);
	if (!request->is_url && cli_serve_url_given(request->url))
		return cli_complain(CLI_USAGE,
				    "%s is no URL; options that say how to reach one mean nothing",
				    word);
	if (!request->is_url)
		return CLI_DONE;
	if (request->followed)
		return cli_complain(CLI_USAGE, "--follow-links is for a directory");
	status = cli_serve_url_take(request->url, word);
	if (status != CLI_DONE)
		return status;
	request->named = cli_serve_url_text(request->url);
	return CLI_DONE;
}

static int parse(int count, char **words, struct request *request)
{
	static const struct option options[] = {{"listen", required_argument, NULL, 'L'},
						{"key", required_argument, NULL, 'k'},
						{"hashes", required_argument, NULL, 'H'},
						{"lazy", no_argument, NULL, 'z'},
						{"versions", required_argument, NULL, 'v'},
						{"min-size", required_argument, NULL, 'm'},
						{"hashes-size", required_argument, NULL, 's'},
						{"tls-cert", required_argument, NULL, 'c'},
						{"tls-key", required_argument, NULL, 't'},
						{"follow-links", no_argument, NULL, 'f'},
						{"control", required_argument, NULL, 'C'},
						{"control-allow-other", no_argument, NULL, 'O'},
						CLI_SERVE_URL_OPTIONS,
						CLI_OPTIONS_END};
	int letter, status = CLI_DONE;

	optind = 0;
	while (status == CLI_DONE && (letter = cli_option(count, words, ":", options)) >= 0)
		status = take_option(request, letter);
	if (status != CLI_DONE)
		return status;
	if (count - optind != 1)
		return cli_complain(CLI_USAGE,
				    "serve takes one directory or URL; see peerdist serve --help");
	if (!request->tls_cert != !request->tls_key)
		return cli_complain(CLI_USAGE, "--tls-cert and --tls-key belong together");
	if (request->control_others && !request->control)
		return cli_complain(CLI_USAGE, "--control-allow-other needs --control");
	if (request->listen.count == 0)
		cli_listen_add(&request->listen, "--listen", DEFAULT_LISTEN);
	return take_named(request, words[optind]);
}

/* ---- the parts ---- */

/* As many connections as descriptors allow. */
static unsigned connections(void)
{
	unsigned long files = cli_serving_files();
	unsigned long count = files > 2 * OTHER_FILES ? (files - OTHER_FILES) / CONNECTION_FILES
						      : files / (2 * CONNECTION_FILES);

	return count < CONNECTIONS_MAX ? (unsigned)count : CONNECTIONS_MAX;
}

static int create_publish(const struct request *request, struct parts *parts, char *message,
			  size_t size)
{
	char *standard = request->hashes ? NULL : hashes_place();
	const struct publish_options options = {
		.secret = parts->secret,
		.directory = request->hashes ? request->hashes : standard,
		.versions = request->versions,
		.limit = request->hashes_size,
		.pool = parts->pool,
	};
	int error = -ENOENT;

	if (options.directory)
		error = publish_create(&options, &parts->publish, message, size);
	else
		snprintf(message, size, "no place for hashes; name a directory with --hashes");
	free(standard);
	return error;
}

static int open_url(const struct request *request, struct parts *parts, char *message, size_t size)
{
	const struct content_origin_options options = {
		.pool = parts->pool,
		.publish = parts->publish,
		.min_size = request->min_size,
	};

	return cli_serve_url_open(request->url, &options, &parts->source, message, size);
}

static int create_server(const struct request *request, struct parts *parts, char *message,
			 size_t size)
{
	bool tls = request->tls_cert != NULL;
	const struct content_server_options options = {
		.listen = tls ? NULL : request->listen.list,
		.tls_listen = tls ? request->listen.list : NULL,
		.tls_cert = request->tls_cert,
		.tls_key = request->tls_key,
		.connections = connections(),
		.source = parts->source,
		.publish = parts->publish,
		.pool = parts->pool,
		.versions = request->versions,
		.min_size = request->min_size,
		.walked = request->lazy || request->is_url ? -1
							   : content_tree_root(parts->source)->root,
	};

	return content_server_create(&options, &parts->server, message, size);
}

/* What is in effect, for the file `config` of the control directory. For free(). */
static char *describe(const struct request *request)
{
	static const char *const versions[] = {"", "1", "2", "1,2"};
	char *key = request->key ? NULL : config_key_place();
	char *hashes = request->hashes ? NULL : hashes_place();
	char *text = NULL;
	size_t size;
	FILE *stream = open_memstream(&text, &size);

	if (stream) {
		cli_serving_show(stream, "source", request->named);
		for (unsigned i = 0; i < request->listen.count; i++)
			cli_serving_show(stream, "listen", request->listen.list[i]);
		cli_serving_show(stream, "tls_cert", request->tls_cert);
		cli_serving_show(stream, "tls_key", request->tls_key);
		cli_serving_show(stream, "key", request->key ? request->key : key);
		cli_serving_show(stream, "hashes", request->hashes ? request->hashes : hashes);
		cli_serving_show(stream, "lazy", request->lazy ? "yes" : "no");
		cli_serving_show(stream, "versions", versions[request->versions & 3]);
		fprintf(stream, "min_size=%lld\n", (long long)request->min_size);
		fprintf(stream, "hashes_size=%lld\n", (long long)request->hashes_size);
		cli_serving_show(stream, "follow_links", request->followed ? "yes" : "no");
		cli_serving_show(stream, "control", request->control);
		fclose(stream);
	}
	free(key);
	free(hashes);
	return text;
}

static int create_control(const struct request *request, struct parts *parts, char *message,
			  size_t size)
{
	char *config = describe(request);
	const struct serve_control_options options = {
		.directory = request->control,
		.others = request->control_others,
		.source = request->named,
		.config = config ? config : "",
		.server = parts->server,
		.publish = parts->publish,
	};
	int error = serve_control_start(&options, &parts->control, message, size);

	free(config);
	return error;
}

static int create_all(const struct request *request, struct parts *parts, char *message,
		      size_t size)
{
	int error = 0;

	if (!request->is_url)
		error = content_tree_open(request->named, request->followed, &parts->source,
					  message, size);
	if (error == 0)
		error = server_key_load(request->key, true, &parts->secret, message, size);
	if (error == 0) {
		error = pool_create(0, &parts->pool);
		if (error < 0)
			snprintf(message, size, "cannot start threads: %s", strerror(-error));
	}
	if (error == 0)
		error = create_publish(request, parts, message, size);
	if (error == 0 && request->is_url)
		error = open_url(request, parts, message, size);
	if (error == 0)
		error = create_server(request, parts, message, size);
	if (error == 0 && request->control)
		error = create_control(request, parts, message, size);
	return error;
}

static void free_all(struct parts *parts)
{
	serve_control_end(parts->control);
	if (parts->server)
		content_server_stop(parts->server);
	publish_free(parts->publish);
	pool_destroy(parts->pool);
	content_server_free(parts->server);
	content_source_close(parts->source);
	secret_free(parts->secret);
}

/* ---- running ---- */

static int address(const void *server, unsigned index, char *buffer, size_t size)
{
	return content_server_address(server, index, buffer, size);
}

static int serve(const struct request *request)
{
	char message[MESSAGE_SIZE] = "";
	struct parts parts = {0};
	int status = CLI_DONE;
	sigset_t signals;

	cli_serving_hold(&signals, false);
	if (create_all(request, &parts, message, sizeof(message)) < 0)
		status = cli_complain(CLI_FAILED, "%s", message);
	if (status == CLI_DONE)
		status = cli_serving_tell(request->named, request->tls_cert ? 0 : UINT_MAX, address,
					  parts.server);
	if (status == CLI_DONE)
		cli_serving_wait(&signals);
	free_all(&parts);
	return status;
}

int cli_serve(int count, char **words)
{
	struct request request = {
		.versions = 3, .min_size = CLI_MIN_SIZE, .hashes_size = CLI_HASHES_SIZE};
	int status;

	if (cli_help_wanted(count, words)) {
		fputs(usage, stdout);
		return CLI_DONE;
	}
	request.url = cli_serve_url_create();
	if (!request.url)
		return cli_complain(CLI_FAILED, "out of memory");
	status = parse(count, words, &request);
	if (status == CLI_DONE) {
		log_open("stderr", LOG_LEVEL_WARNING);
		status = serve(&request);
	}
	cli_serve_url_free(request.url);
	return status;
}
