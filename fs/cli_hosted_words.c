/* SPDX-License-Identifier: BSD-2-Clause */
#include "fs/cli_hosted_words.h"

#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cache/log.h"
#include "fs/cli.h"
#include "fs/config_private.h"
#include "peer/hosted_cache.h"

/* hosted-cache.md section 1. */
#define DEFAULT_LISTEN "80"
#define DEFAULT_TLS_LISTEN "443"
/* As of a mount's cache. */
#define DEFAULT_SIZE "5%"
#define DEFAULT_AGE "28d"
/* What there is no use in going beyond: our choice. */
#define EXCHANGES_MAX 4096
#define QUEUE_MAX 1048576 /* 400 MiB of memory */
#define UPLOADS_MAX 16384
#define YOUNG_MAX 86400

const char cli_hosted_usage[] =
	"usage: peerdist hosted [OPTION]\n"
	"Serves a hosted cache: fetches what machines of the site offer, and gives it to "
	"others.\n\n"
	"  --listen [ADDRESS:]PORT      HTTP; may repeat; default all addresses, port 80; 0: any\n"
	"  --tls-cert FILE, --tls-key FILE  PEM: offers of version 1.0 are taken too, by HTTPS\n"
	"  --tls-listen [ADDRESS:]PORT  where; may repeat; default all addresses, port 443\n"
	"  --tls-old           also with TLS 1.0 and 1.1, for Windows 7\n"
	"  --cache DIR         where the cache lies\n"
	"  --cache-size SIZE   what it may take: octets with K, M, G, T, or a part of the volume;\n"
	"                      default 5%\n"
	"  --max-age AGE       what was not used for so long goes; default 28d; 0: never\n"
	"  --allow NETWORK     who may offer and fetch, such as 192.0.2.0/24; may repeat; default\n"
	"                      loopback, link-local and private addresses\n"
	"  --plaintext         keep blocks that are offered unencrypted, and give such\n"
	"  --interested        have every offer of version 1.0 explained, as Windows does\n"
	"  --young SECONDS     when an offer of what is held is a complaint about it; default 60\n"
	"  --exchanges NUMBER  with those who offer, at a time; default 64\n"
	"  --queue NUMBER      segments that wait to be fetched; default 65536\n"
	"  --uploads NUMBER    requests served at a time; default 1024\n"
	"  --run-as USER       whom root becomes; default peerdistfs, if there is such a user\n"
	"  --control DIR       where to show what the cache does, and to take commands\n"
	"  --control-allow-other  everyone on this machine may look into it\n";

static int take_size(const struct cli_option *option, char *text, void *field)
{
	if (!config_capacity_parse(text, field))
		return CLI_DONE;
	return cli_complain(CLI_USAGE,
			    "--%s: give octets with K, M, G or T, such as 500G, or a part of the "
			    "volume, such as 5%%",
			    option->name);
}

static int take_age(const struct cli_option *option, char *text, void *field)
{
	if (!config_seconds_parse(text, field))
		return CLI_DONE;
	return cli_complain(CLI_USAGE, "--%s: give seconds, or a number with m, h, d or w",
			    option->name);
}

/* Of the request as a whole. */
static int take_network(const struct cli_option *option, char *text, void *owner)
{
	struct cli_hosted_words *request = owner;
	char nearest[NETWORKS_TEXT_MAX], escaped[LOG_NAME_MAX];
	int error = networks_add(&request->allowed, text, nearest);

	if (error == -ENOMEM)
		return cli_complain(CLI_FAILED, "out of memory");
	log_escape(escaped, sizeof(escaped), text);
	if (error == -EDOM)
		return cli_complain(CLI_USAGE, "--%s %s: did you mean %s?", option->name, escaped,
				    nearest);
	if (error)
		return cli_complain(CLI_USAGE,
				    "--%s %s: give a network, such as 192.0.2.0/24 or "
				    "2001:db8::/32, or an address",
				    option->name, escaped);
	return cli_listen_add(&request->allow, option->name, text);
}

static int take_cache(const struct cli_option *option, char *text, void *field)
{
	char *here = getcwd(NULL, 0), **cache = field;

	free(*cache);
	*cache = *text ? config_absolute(text, here ? here : "/") : NULL;
	free(here);
	if (*cache)
		return CLI_DONE;
	return cli_complain(CLI_USAGE, "--%s: give a directory", option->name);
}

static int take_account(const struct cli_option *option, char *text, void *field)
{
	char escaped[LOG_NAME_MAX];

	log_escape(escaped, sizeof(escaped), text);
	if (geteuid() != 0)
		return cli_complain(CLI_FAILED,
				    "--%s %s: only root can become another user; leave it away",
				    option->name, escaped);
	if (!getpwnam(text))
		return cli_complain(CLI_USAGE, "--%s %s: there is no such user", option->name,
				    escaped);
	*(const char **)field = text;
	return CLI_DONE;
}

static const struct cli_option options[] = {
	CLI_SERVING_OPTIONS(struct cli_hosted_words, serving),
	CLI_VALUE("tls-listen", cli_listen_option, struct cli_hosted_words, tls_listen),
	CLI_FLAG("tls-old", struct cli_hosted_words, tls_old),
	CLI_VALUE("cache", take_cache, struct cli_hosted_words, cache),
	CLI_VALUE("cache-size", take_size, struct cli_hosted_words, cache_size),
	CLI_VALUE("max-age", take_age, struct cli_hosted_words, max_age),
	{"allow", required_argument, take_network, 0, 0, 0},
	CLI_FLAG("plaintext", struct cli_hosted_words, plaintext),
	CLI_FLAG("interested", struct cli_hosted_words, interested),
	CLI_NUMBER("young", struct cli_hosted_words, young, 0, YOUNG_MAX),
	CLI_NUMBER("exchanges", struct cli_hosted_words, limits.exchanges, 1, EXCHANGES_MAX),
	CLI_NUMBER("queue", struct cli_hosted_words, limits.segments, 1, QUEUE_MAX),
	CLI_NUMBER("uploads", struct cli_hosted_words, uploads, 1, UPLOADS_MAX),
	CLI_VALUE("run-as", take_account, struct cli_hosted_words, run_as),
	CLI_OPTIONS_END,
};

static int check(const struct cli_hosted_words *request)
{
	bool tls = request->serving.tls_cert != NULL;
	int status = cli_serving_check(&request->serving);

	if (status)
		return status;
	if (!tls && request->tls_listen.count > 0)
		return cli_complain(CLI_USAGE, "--tls-listen needs --tls-cert and --tls-key");
	if (!tls && request->tls_old)
		return cli_complain(CLI_USAGE, "--tls-old needs --tls-cert and --tls-key");
	return CLI_DONE;
}

/* What was not given. */
static int fill(struct cli_hosted_words *request)
{
	char *home;

	if (request->serving.listen.count == 0)
		cli_listen_add(&request->serving.listen, "listen", DEFAULT_LISTEN);
	if (request->serving.tls_cert && request->tls_listen.count == 0)
		cli_listen_add(&request->tls_listen, "tls-listen", DEFAULT_TLS_LISTEN);
	if (!request->run_as && geteuid() == 0 && getpwnam(CONFIG_ACCOUNT))
		request->run_as = CONFIG_ACCOUNT;
	request->limits.young_ms = (int64_t)request->young * 1000;
	if (request->cache)
		return CLI_DONE;
	home = config_home("XDG_CACHE_HOME", ".cache", "/var/cache");
	if (!home || asprintf(&request->cache, "%s/peerdistfs/hosted", home) < 0)
		request->cache = NULL;
	free(home);
	if (request->cache)
		return CLI_DONE;
	return cli_complain(CLI_FAILED, "no place for the cache; name a directory with --cache");
}

int cli_hosted_words_parse(int count, char **words, struct cli_hosted_words *request)
{
	int status;

	*request = (struct cli_hosted_words){.limits = OFFERS_LIMITS,
					     .uploads = HOSTED_CACHE_UPLOADS,
					     .young = OFFERS_YOUNG_MS / 1000};
	config_capacity_parse(DEFAULT_SIZE, &request->cache_size);
	config_seconds_parse(DEFAULT_AGE, &request->max_age);
	status = cli_options(count, words, options, request);
	if (status != CLI_DONE)
		return status;
	if (optind != count)
		return cli_complain(CLI_USAGE, "hosted takes options only; see peerdist hosted "
					       "--help");
	status = check(request);
	return status == CLI_DONE ? fill(request) : status;
}

void cli_hosted_words_free(struct cli_hosted_words *request)
{
	networks_free(&request->allowed);
	free(request->cache);
}
