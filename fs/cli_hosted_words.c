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

static int take_number(const char *option, const char *text, unsigned least, unsigned most,
		       unsigned *number_out)
{
	size_t digits = strspn(text, "0123456789");
	unsigned long number = digits > 0 && digits < 10 ? strtoul(text, NULL, 10) : most + 1ul;

	if (text[digits] || number < least || number > most)
		return cli_complain(CLI_USAGE, "%s: give a number from %u to %u", option, least,
				    most);
	*number_out = (unsigned)number;
	return CLI_DONE;
}

static int take_size(struct cli_hosted_words *request, const char *text)
{
	if (!config_capacity_parse(text, &request->cache_size))
		return CLI_DONE;
	return cli_complain(CLI_USAGE, "--cache-size: give octets with K, M, G or T, such as 500G, "
				       "or a part of the volume, such as 5%%");
}

static int take_age(struct cli_hosted_words *request, const char *text)
{
	if (!config_seconds_parse(text, &request->max_age))
		return CLI_DONE;
	return cli_complain(CLI_USAGE, "--max-age: give seconds, or a number with m, h, d or w");
}

static int take_network(struct cli_hosted_words *request, const char *text)
{
	char nearest[NETWORKS_TEXT_MAX], escaped[LOG_NAME_MAX];
	int error = networks_add(&request->allowed, text, nearest);

	if (error == -ENOMEM)
		return cli_complain(CLI_FAILED, "out of memory");
	log_escape(escaped, sizeof(escaped), text);
	if (error == -EDOM)
		return cli_complain(CLI_USAGE, "--allow %s: did you mean %s?", escaped, nearest);
	if (error)
		return cli_complain(CLI_USAGE,
				    "--allow %s: give a network, such as 192.0.2.0/24 or "
				    "2001:db8::/32, or an address",
				    escaped);
	return cli_listen_add(&request->allow, "--allow", text);
}

static int take_cache(struct cli_hosted_words *request, const char *text)
{
	char *here = getcwd(NULL, 0);

	free(request->cache);
	request->cache = *text ? config_absolute(text, here ? here : "/") : NULL;
	free(here);
	if (request->cache)
		return CLI_DONE;
	return cli_complain(CLI_USAGE, "--cache: give a directory");
}

static int take_account(struct cli_hosted_words *request, const char *text)
{
	char escaped[LOG_NAME_MAX];

	log_escape(escaped, sizeof(escaped), text);
	if (geteuid() != 0)
		return cli_complain(CLI_FAILED,
				    "--run-as %s: only root can become another user; leave it away",
				    escaped);
	if (!getpwnam(text))
		return cli_complain(CLI_USAGE, "--run-as %s: there is no such user", escaped);
	request->run_as = text;
	return CLI_DONE;
}

static int take_option(struct cli_hosted_words *request, int letter)
{
	switch (letter) {
	case 'L':
		return cli_listen_add_place(&request->listen, "--listen", optarg);
	case 'T':
		return cli_listen_add_place(&request->tls_listen, "--tls-listen", optarg);
	case 'c':
		request->tls_cert = optarg;
		return CLI_DONE;
	case 'k':
		request->tls_key = optarg;
		return CLI_DONE;
	case 'o':
		request->tls_old = true;
		return CLI_DONE;
	case 'D':
		return take_cache(request, optarg);
	case 's':
		return take_size(request, optarg);
	case 'm':
		return take_age(request, optarg);
	case 'a':
		return take_network(request, optarg);
	case 'p':
		request->plaintext = true;
		return CLI_DONE;
	case 'i':
		request->interested = true;
		return CLI_DONE;
	case 'y':
		return take_number("--young", optarg, 0, YOUNG_MAX, &request->young);
	case 'x':
		return take_number("--exchanges", optarg, 1, EXCHANGES_MAX,
				   &request->limits.exchanges);
	case 'q':
		return take_number("--queue", optarg, 1, QUEUE_MAX, &request->limits.segments);
	case 'u':
		return take_number("--uploads", optarg, 1, UPLOADS_MAX, &request->uploads);
	case 'r':
		return take_account(request, optarg);
	case 'C':
		request->control = optarg;
		return CLI_DONE;
	case 'O':
		request->control_others = true;
		return CLI_DONE;
	default:
		return CLI_USAGE;
	}
}

static int check(const struct cli_hosted_words *request)
{
	if (!request->tls_cert != !request->tls_key)
		return cli_complain(CLI_USAGE, "--tls-cert and --tls-key belong together");
	if (!request->tls_cert && request->tls_listen.count > 0)
		return cli_complain(CLI_USAGE, "--tls-listen needs --tls-cert and --tls-key");
	if (!request->tls_cert && request->tls_old)
		return cli_complain(CLI_USAGE, "--tls-old needs --tls-cert and --tls-key");
	if (request->control_others && !request->control)
		return cli_complain(CLI_USAGE, "--control-allow-other needs --control");
	return CLI_DONE;
}

/* What was not given. */
static int fill(struct cli_hosted_words *request)
{
	char *home;

	if (request->listen.count == 0)
		cli_listen_add(&request->listen, "--listen", DEFAULT_LISTEN);
	if (request->tls_cert && request->tls_listen.count == 0)
		cli_listen_add(&request->tls_listen, "--tls-listen", DEFAULT_TLS_LISTEN);
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
	static const struct option options[] = {{"listen", required_argument, NULL, 'L'},
						{"tls-listen", required_argument, NULL, 'T'},
						{"tls-cert", required_argument, NULL, 'c'},
						{"tls-key", required_argument, NULL, 'k'},
						{"tls-old", no_argument, NULL, 'o'},
						{"cache", required_argument, NULL, 'D'},
						{"cache-size", required_argument, NULL, 's'},
						{"max-age", required_argument, NULL, 'm'},
						{"allow", required_argument, NULL, 'a'},
						{"plaintext", no_argument, NULL, 'p'},
						{"interested", no_argument, NULL, 'i'},
						{"young", required_argument, NULL, 'y'},
						{"exchanges", required_argument, NULL, 'x'},
						{"queue", required_argument, NULL, 'q'},
						{"uploads", required_argument, NULL, 'u'},
						{"run-as", required_argument, NULL, 'r'},
						{"control", required_argument, NULL, 'C'},
						{"control-allow-other", no_argument, NULL, 'O'},
						CLI_OPTIONS_END};
	int letter, status = CLI_DONE;

	*request = (struct cli_hosted_words){.limits = OFFERS_LIMITS,
					     .uploads = HOSTED_CACHE_UPLOADS,
					     .young = OFFERS_YOUNG_MS / 1000};
	config_capacity_parse(DEFAULT_SIZE, &request->cache_size);
	config_seconds_parse(DEFAULT_AGE, &request->max_age);
	optind = 0;
	while (status == CLI_DONE && (letter = cli_option(count, words, ":", options)) >= 0)
		status = take_option(request, letter);
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
