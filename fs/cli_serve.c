/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The verb `serve`: the content server, in the foreground until SIGTERM or SIGINT.
 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "cache/log.h"
#include "cache/pool.h"
#include "fs/cli.h"
#include "fs/cli_hashing.h"
#include "fs/cli_serve_url.h"
#include "fs/cli_serving.h"
#include "fs/config.h"
#include "fs/control_mount.h"
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
	struct cli_serving serving;
	struct cli_hashing hashing;
	bool lazy, followed;
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
	struct serve_control told;
	char *config; /* of what is told */
	struct control_mount *control;
};

/* Room for any message. */
#define MESSAGE_SIZE SERVER_KEY_MESSAGE

/* ---- the command line ---- */

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
	static const struct cli_option options[] = {
		CLI_SERVING_OPTIONS(struct request, serving),
		CLI_HASHING_OPTIONS(struct request, hashing),
		CLI_FLAG("lazy", struct request, lazy),
		CLI_FLAG("follow-links", struct request, followed),
		CLI_SERVE_URL_OPTIONS(struct request, url),
		CLI_OPTIONS_END,
	};
	int status = cli_options(count, words, options, request);

	if (status != CLI_DONE)
		return status;
	if (count - optind != 1)
		return cli_complain(CLI_USAGE,
				    "serve takes one directory or URL; see peerdist serve --help");
	status = cli_serving_check(&request->serving);
	if (status != CLI_DONE)
		return status;
	if (request->serving.listen.count == 0)
		cli_listen_add(&request->serving.listen, "listen", DEFAULT_LISTEN);
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

static int open_url(const struct request *request, struct parts *parts, char *message, size_t size)
{
	const struct content_origin_options options = {
		.pool = parts->pool,
		.publish = parts->publish,
		.min_size = request->hashing.min_size,
	};

	return cli_serve_url_open(request->url, &options, &parts->source, message, size);
}

static int create_server(const struct request *request, struct parts *parts, char *message,
			 size_t size)
{
	bool tls = request->serving.tls_cert != NULL;
	const struct content_server_options options = {
		.listen = tls ? NULL : request->serving.listen.list,
		.tls_listen = tls ? request->serving.listen.list : NULL,
		.tls_cert = request->serving.tls_cert,
		.tls_key = request->serving.tls_key,
		.connections = connections(),
		.source = parts->source,
		.publish = parts->publish,
		.pool = parts->pool,
		.versions = request->hashing.versions,
		.min_size = request->hashing.min_size,
		.walked = request->lazy || request->is_url ? -1
							   : content_tree_root(parts->source)->root,
	};

	return content_server_create(&options, &parts->server, message, size);
}

/* What is in effect, for the file `config` of the control directory. For free(). */
static char *describe(const struct request *request)
{
	static const char *const versions[] = {"", "1", "2", "1,2"};
	char *key = request->hashing.key ? NULL : config_key_place();
	char *hashes = request->hashing.hashes ? NULL : hashes_place();
	char *text = NULL;
	size_t size;
	FILE *stream = open_memstream(&text, &size);

	if (stream) {
		cli_serving_show(stream, "source", request->named);
		for (unsigned i = 0; i < request->serving.listen.count; i++)
			cli_serving_show(stream, "listen", request->serving.listen.list[i]);
		cli_serving_show(stream, "tls_cert", request->serving.tls_cert);
		cli_serving_show(stream, "tls_key", request->serving.tls_key);
		cli_serving_show(stream, "key", request->hashing.key ? request->hashing.key : key);
		cli_serving_show(stream, "hashes",
				 request->hashing.hashes ? request->hashing.hashes : hashes);
		cli_serving_show(stream, "lazy", request->lazy ? "yes" : "no");
		cli_serving_show(stream, "versions", versions[request->hashing.versions & 3]);
		fprintf(stream, "min_size=%lld\n", (long long)request->hashing.min_size);
		fprintf(stream, "hashes_size=%lld\n", (long long)request->hashing.hashes_size);
		cli_serving_show(stream, "follow_links", request->followed ? "yes" : "no");
		cli_serving_show(stream, "control", request->serving.control);
		fclose(stream);
	}
	free(key);
	free(hashes);
	return text;
}

static int create_control(const struct request *request, struct parts *parts, char *message,
			  size_t size)
{
	const struct control_mount_options options = {
		.directory = request->serving.control,
		.others = request->serving.control_others,
		.answerer = &serve_control_answerer,
		.owner = &parts->told,
	};

	parts->config = describe(request);
	parts->told = (struct serve_control){
		.source = request->named,
		.config = parts->config ? parts->config : "",
		.server = parts->server,
		.publish = parts->publish,
	};
	return control_mount_start(&options, &parts->control, message, size);
}

static int create_all(const struct request *request, struct parts *parts, char *message,
		      size_t size)
{
	int error = 0;

	if (!request->is_url)
		error = content_tree_open(request->named, request->followed, &parts->source,
					  message, size);
	if (error == 0)
		error = server_key_load(request->hashing.key, true, &parts->secret, message, size);
	if (error == 0) {
		error = pool_create(0, &parts->pool);
		if (error < 0)
			snprintf(message, size, "cannot start threads: %s", strerror(-error));
	}
	if (error == 0)
		error = cli_hashing_create(&request->hashing, parts->secret, parts->pool,
					   &parts->publish, message, size);
	if (error == 0 && request->is_url)
		error = open_url(request, parts, message, size);
	if (error == 0)
		error = create_server(request, parts, message, size);
	if (error == 0 && request->serving.control)
		error = create_control(request, parts, message, size);
	return error;
}

static void free_all(struct parts *parts)
{
	control_mount_end(parts->control);
	free(parts->config);
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
		status = cli_serving_tell(request->named, request->serving.tls_cert ? 0 : UINT_MAX,
					  address, parts.server);
	if (status == CLI_DONE)
		cli_serving_wait(&signals);
	free_all(&parts);
	return status;
}

int cli_serve(int count, char **words)
{
	struct request request = {.hashing = CLI_HASHING_INITIAL};
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
