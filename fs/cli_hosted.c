/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The verb `hosted`: a hosted cache server, in the foreground until SIGTERM or SIGINT; SIGHUP reads
 * its certificate again. Started by root it becomes another user, as a mount does, when all is
 * bound, read and mounted.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "cache/log.h"
#include "cache/pool.h"
#include "cache/store.h"
#include "fs/cli.h"
#include "fs/cli_hosted_words.h"
#include "fs/cli_serving.h"
#include "fs/config_private.h"
#include "fs/control_mount.h"
#include "fs/expiry.h"
#include "fs/hosted_control.h"
#include "fs/run_as.h"
#include "peer/hosted_cache.h"

/* Descriptors for other things than connections: the store's above all. */
#define OTHER_FILES 512
/* Room for any message. */
#define MESSAGE_SIZE 1024

struct parts {
	struct pool *pool;
	struct loop *loop;
	struct store *store;
	struct expiry expiry;
	struct hosted_cache *cache;
	struct hosted_control told;
	char *config; /* of what is told */
	struct control_mount *control;
};

/* ---- the parts ---- */

static int open_store(const struct cli_hosted_words *request, struct parts *parts, char *message,
		      size_t size)
{
	struct store_options options = {
		.directory = request->cache,
		.scope = "hosted",
		.max_age = request->max_age,
	};
	char owner[MESSAGE_SIZE];
	int error = config_directory_make(request->cache);

	snprintf(owner, sizeof(owner), "hosted cache on %s", request->serving.listen.list[0]);
	options.owner = owner;
	if (error < 0) {
		snprintf(message, size,
			 "cache directory %s cannot be written to: %s; name another with --cache",
			 request->cache, strerror(-error));
		return error;
	}
	error = config_capacity_octets(request->cache_size, request->cache, &options.limit);
	if (error < 0) {
		snprintf(message, size, "cannot tell the size of the volume of %s: %s",
			 request->cache, strerror(-error));
		return error;
	}
	return store_open(&options, &parts->store, message, size);
}

static bool is_allowed(void *context, const struct xaddr *source)
{
	return networks_hold(context, source);
}

static int create_cache(struct cli_hosted_words *request, struct parts *parts, char *message,
			size_t size)
{
	const struct hosted_cache_options options = {
		.store = parts->store,
		.pool = parts->pool,
		.loop = parts->loop,
		.listen = request->serving.listen.list,
		.tls_listen = request->serving.tls_cert ? request->tls_listen.list : NULL,
		.tls_cert = request->serving.tls_cert,
		.tls_key = request->serving.tls_key,
		.tls_old = request->tls_old,
		.permitted = request->allowed.count > 0 ? is_allowed : NULL,
		.context = &request->allowed,
		.plaintext = request->plaintext,
		.interested = request->interested,
		.uploads = request->uploads,
		.limits = request->limits,
	};

	return hosted_cache_create(&options, &parts->cache, message, size);
}

/* What is in effect, for the file `config` of the control directory. For free(). */
static char *describe(const struct cli_hosted_words *request)
{
	char *text = NULL;
	size_t size;
	FILE *stream = open_memstream(&text, &size);

	if (!stream)
		return NULL;
	for (unsigned i = 0; i < request->serving.listen.count; i++)
		cli_serving_show(stream, "listen", request->serving.listen.list[i]);
	for (unsigned i = 0; i < request->tls_listen.count; i++)
		cli_serving_show(stream, "tls_listen", request->tls_listen.list[i]);
	cli_serving_show(stream, "tls_cert", request->serving.tls_cert);
	cli_serving_show(stream, "tls_key", request->serving.tls_key);
	cli_serving_show(stream, "tls_old", request->tls_old ? "yes" : "no");
	for (unsigned i = 0; i < request->allow.count; i++)
		cli_serving_show(stream, "allow", request->allow.list[i]);
	if (request->allow.count == 0)
		cli_serving_show(stream, "allow", "loopback, link-local and private addresses");
	cli_serving_show(stream, "plaintext", request->plaintext ? "yes" : "no");
	cli_serving_show(stream, "interested", request->interested ? "yes" : "no");
	fprintf(stream, "young=%u\nexchanges=%u\nqueue=%u\nuploads=%u\nmax_age=%lld\n",
		request->young, request->limits.exchanges, request->limits.segments,
		request->uploads, (long long)request->max_age);
	cli_serving_show(stream, "run_as", request->run_as);
	cli_serving_show(stream, "control", request->serving.control);
	cli_serving_show(stream, "cache", request->cache);
	fclose(stream);
	return text;
}

static int create_control(const struct cli_hosted_words *request, struct parts *parts,
			  char *message, size_t size)
{
	const struct control_mount_options options = {
		.directory = request->serving.control,
		.others = request->serving.control_others,
		.answerer = &hosted_control_answerer,
		.owner = &parts->told,
	};

	parts->config = describe(request);
	parts->told = (struct hosted_control){
		.cache_dir = request->cache,
		.config = parts->config ? parts->config : "",
		.plain = request->serving.listen.count,
		.store = parts->store,
		.cache = parts->cache,
	};
	return control_mount_start(&options, &parts->control, message, size);
}

/* The last thing that takes root. */
static int drop_privileges(const struct cli_hosted_words *request, struct parts *parts,
			   char *message, size_t size)
{
	struct run_as user;
	int error = run_as_find(request->run_as, &user);

	if (error == 0 && user.needed && parts->control)
		error = control_mount_keep(parts->control);
	if (error == 0 && user.needed)
		error = store_give(parts->store, user.uid, user.gid);
	if (error == 0)
		error = run_as_become(&user);
	if (error < 0)
		snprintf(message, size, "cannot become user %s: %s", request->run_as,
			 strerror(-error));
	return error;
}

static int create_all(struct cli_hosted_words *request, struct parts *parts, char *message,
		      size_t size)
{
	int error = pool_create(0, &parts->pool);

	if (error == 0)
		error = loop_create(&parts->loop);
	if (error < 0) {
		snprintf(message, size, "cannot start threads: %s", strerror(-error));
		return error;
	}
	error = open_store(request, parts, message, size);
	if (error == 0) {
		error = expiry_start(&parts->expiry, parts->loop, parts->pool, parts->store);
		if (error < 0)
			snprintf(message, size, "cannot make a timer: %s", strerror(-error));
	}
	if (error == 0)
		error = create_cache(request, parts, message, size);
	if (error == 0 && request->serving.control)
		error = create_control(request, parts, message, size);
	if (error == 0)
		error = drop_privileges(request, parts, message, size);
	return error;
}

static void free_all(struct parts *parts)
{
	control_mount_end(parts->control);
	free(parts->config);
	if (parts->cache)
		hosted_cache_stop(parts->cache);
	hosted_cache_free(parts->cache);
	loop_destroy(parts->loop);
	pool_destroy(parts->pool);
	store_close(parts->store);
}

/* ---- running ---- */

static int address(const void *cache, unsigned index, char *buffer, size_t size)
{
	return hosted_cache_address(cache, index, buffer, size);
}

static void reload(const struct cli_hosted_words *request, struct parts *parts)
{
	char message[MESSAGE_SIZE] = "";

	if (!request->serving.tls_cert)
		log_write(LOG_LEVEL_INFO, "SIGHUP: there is no certificate to read again");
	else if (hosted_cache_reload(parts->cache, message, sizeof(message)) < 0)
		log_warning("the former certificate stays in use: %s", message);
	else
		log_info("the certificate was read again: %s", request->serving.tls_cert);
}

/* A hosted cache whose connections run out of descriptors still runs, but turns clients away. */
static void check_files(const struct cli_hosted_words *request)
{
	unsigned long files = cli_serving_files();
	unsigned long wanted =
		HOSTED_CACHE_CONNECTIONS + 2ul * request->limits.exchanges + OTHER_FILES;

	if (files < wanted)
		log_warning("this process may have %lu descriptors (ulimit -n), and a busy hosted "
			    "cache may need %lu",
			    files, wanted);
}

static int serve(struct cli_hosted_words *request)
{
	char message[MESSAGE_SIZE] = "";
	struct parts parts = {0};
	int status = CLI_DONE;
	sigset_t signals;

	cli_serving_hold(&signals, true);
	/* A write beyond RLIMIT_FSIZE is a full disk, not our end. */
	signal(SIGXFSZ, SIG_IGN);
	prctl(PR_SET_DUMPABLE, 0); /* no secrets of segments, and no private key, in core files */
	check_files(request);
	if (create_all(request, &parts, message, sizeof(message)) < 0)
		status = cli_complain(CLI_FAILED, "%s", message);
	if (status == CLI_DONE)
		status = cli_serving_tell("a hosted cache", request->serving.listen.count, address,
					  parts.cache);
	while (status == CLI_DONE && cli_serving_wait(&signals) == SIGHUP)
		reload(request, &parts);
	free_all(&parts);
	return status;
}

int cli_hosted(int count, char **words)
{
	struct cli_hosted_words request;
	int status;

	if (cli_help_wanted(count, words)) {
		fputs(cli_hosted_usage, stdout);
		return CLI_DONE;
	}
	status = cli_hosted_words_parse(count, words, &request);
	if (status == CLI_DONE) {
		log_open("stderr", LOG_LEVEL_INFO);
		status = serve(&request);
	}
	cli_hosted_words_free(&request);
	return status;
}
