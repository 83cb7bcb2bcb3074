/* SPDX-License-Identifier: BSD-2-Clause
 *
 * `serve URL`: the options that say how to reach the origin, by the names and in the words of the
 * mount's keys, and the source that they make. Functions return the exit status unless noted.
 */
#ifndef FS_CLI_SERVE_URL_H
#define FS_CLI_SERVE_URL_H

#include "fs/cli_option.h"
#include "origin/content_origin.h"

/* URL: the struct cli_serve_url * in REQUEST. */
#define CLI_SERVE_URL_OPTIONS(request, url)                                                        \
	CLI_VALUE("user", cli_serve_url_option, request, url),                                     \
		CLI_VALUE("header", cli_serve_url_option, request, url),                           \
		CLI_VALUE("netrc", cli_serve_url_option, request, url),                            \
		CLI_VALUE("cacert", cli_serve_url_option, request, url),                           \
		CLI_VALUE("cert", cli_serve_url_option, request, url),                             \
		CLI_VALUE("certkey", cli_serve_url_option, request, url),                          \
		{"insecure", no_argument, cli_serve_url_option, offsetof(request, url), 0, 0},     \
		CLI_VALUE("proxy", cli_serve_url_option, request, url),                            \
		CLI_VALUE("connections", cli_serve_url_option, request, url),                      \
		CLI_VALUE("timeout", cli_serve_url_option, request, url)
#define CLI_SERVE_URL_USAGE                                                                        \
	"Of a URL, any value may be @FILE, which stands for what FILE holds:\n"                    \
	"  --user NAME:PASSWORD  for the origin, and so are:\n"                                    \
	"  --header 'NAME: VALUE'  sent to it; may repeat\n"                                       \
	"  --netrc FILE, --cacert FILE, --cert FILE, --certkey FILE, --insecure, --proxy URL\n"    \
	"  --connections N     to it, at most; default 64\n"                                       \
	"  --timeout SECONDS   when to give up an answer of it; default 30\n"

struct cli_serve_url;

bool cli_serve_url_is_meant(const char *word);
/* NULL: no memory. */
struct cli_serve_url *cli_serve_url_create(void);
/* NULL is fine. */
void cli_serve_url_free(struct cli_serve_url *url);
/* A value that is secret is overwritten. */
cli_take_option cli_serve_url_option;
/* Whether any option was given. */
bool cli_serve_url_given(const struct cli_serve_url *url);
/* WORD: the URL, whose user part is overwritten. */
int cli_serve_url_take(struct cli_serve_url *url, char *word);
/* The URL without its user part. */
const char *cli_serve_url_text(const struct cli_serve_url *url);
/* OPTIONS, but for their origin. 0, or a negative errno with a MESSAGE. */
int cli_serve_url_open(const struct cli_serve_url *url,
		       const struct content_origin_options *options,
		       struct content_source **source_out, char *message, size_t message_size);

#endif
