/* SPDX-License-Identifier: BSD-2-Clause */
#include "fs/cli_serve_url.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "fs/cli.h"
#include "fs/config_private.h"

/* Our choice: a client that is slow keeps one for as long as its body takes. */
#define CONNECTIONS "connections=64"

struct cli_serve_url {
	struct config *config; /* of which the keys of the origin are used */
	struct config_source source;
	bool given;
};

bool cli_serve_url_is_meant(const char *word)
{
	return strstr(word, "://") != NULL;
}

struct cli_serve_url *cli_serve_url_create(void)
{
	struct cli_serve_url *url = calloc(1, sizeof(*url));
	char *base = getcwd(NULL, 0);
	struct config_source initial = {.base = "/"};
	struct config_problem problem;

	if (url)
		url->config = config_create(base ? base : "/");
	free(base);
	if (!url || !url->config ||
	    config_option(url->config, &initial, CONNECTIONS, NULL, &problem)) {
		cli_serve_url_free(url);
		return NULL;
	}
	url->source.base = url->config->base;
	return url;
}

void cli_serve_url_free(struct cli_serve_url *url)
{
	if (url)
		config_free(url->config);
	free(url);
}

static void cover(char *from, const char *end)
{
	while (from < end)
		*from++ = '*';
}

/* Up to the last "@" of the authority. */
static void cover_user_part(char *word)
{
	char *authority = strstr(word, "://");
	char *end;

	if (!authority)
		return;
	authority += 3;
	end = memrchr(authority, '@', strcspn(authority, "/?#"));
	if (end)
		cover(authority, end);
}

static void cover_value(const struct config_key *key, char *value)
{
	if (!(key->flags & CONFIG_KEY_SECRET) || *value == '@')
		return;
	if (!strcmp(key->name, "proxy"))
		cover_user_part(value);
	else
		cover(value, value + strlen(value));
}

static int apply(struct cli_serve_url *url, const struct config_key *key, char *value)
{
	struct config_problem problem;
	char *option = NULL;
	int error;

	if (asprintf(&option, "%s=%s", key->name, value) < 0)
		return cli_complain(CLI_FAILED, "out of memory");
	cover_value(key, value);
	error = config_option(url->config, &url->source, option, NULL, &problem);
	config_wipe(option);
	return error ? cli_complain(problem.status, "%s", problem.text) : CLI_DONE;
}

int cli_serve_url_option(const struct cli_option *option, char *value, void *field)
{
	struct cli_serve_url *url = *(struct cli_serve_url **)field;
	char yes[] = "yes";

	url->given = true;
	return apply(url, config_key_find(option->name), value ? value : yes);
}

bool cli_serve_url_given(const struct cli_serve_url *url)
{
	return url->given;
}

/* What is served is a directory. */
static int end_in_slash(struct config *config)
{
	size_t length = strlen(config->origin);
	char *longer;

	if (config->origin[length - 1] == '/')
		return CLI_DONE;
	if (asprintf(&longer, "%s/", config->origin) < 0)
		return cli_complain(CLI_FAILED, "out of memory");
	free(config->origin);
	config->origin = longer;
	return CLI_DONE;
}

int cli_serve_url_take(struct cli_serve_url *url, char *word)
{
	struct config_problem problem;
	int error;

	if (!strncasecmp(word, "file:", 5))
		return cli_complain(CLI_USAGE, "file:// is not served; give the directory itself");
	error = config_origin(url->config, word, &problem);
	cover_user_part(word);
	if (error)
		return cli_complain(problem.status, "%s", problem.text);
	return end_in_slash(url->config);
}

const char *cli_serve_url_text(const struct cli_serve_url *url)
{
	return url->config->origin;
}

int cli_serve_url_open(const struct cli_serve_url *url,
		       const struct content_origin_options *options,
		       struct content_source **source_out, char *message, size_t message_size)
{
	const struct origin_options origin =
		config_origin_options(url->config, url->config->origin);
	struct content_origin_options all = *options;

	all.origin = &origin;
	return content_origin_open(&all, source_out, message, message_size);
}
