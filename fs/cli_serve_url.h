/* SPDX-License-Identifier: BSD-2-Clause
 *
 * `serve URL`: the options that say how to reach the origin, by the names and in the words of the
 * mount's keys, and the source that they make. Functions return the exit status unless noted.
 */
#ifndef FS_CLI_SERVE_URL_H
#define FS_CLI_SERVE_URL_H

#include <getopt.h>

#include "origin/content_origin.h"

/* Entries for getopt_long(); their letters begin with this. */
#define CLI_SERVE_URL_LETTER 256
#define CLI_SERVE_URL_OPTIONS                                                                      \
	{"user", required_argument, NULL, CLI_SERVE_URL_LETTER + 0},                               \
		{"header", required_argument, NULL, CLI_SERVE_URL_LETTER + 1},                     \
		{"netrc", required_argument, NULL, CLI_SERVE_URL_LETTER + 2},                      \
		{"cacert", required_argument, NULL, CLI_SERVE_URL_LETTER + 3},                     \
		{"cert", required_argument, NULL, CLI_SERVE_URL_LETTER + 4},                       \
		{"certkey", required_argument, NULL, CLI_SERVE_URL_LETTER + 5},                    \
		{"insecure", no_argument, NULL, CLI_SERVE_URL_LETTER + 6},                         \
		{"proxy", required_argument, NULL, CLI_SERVE_URL_LETTER + 7},                      \
		{"connections", required_argument, NULL, CLI_SERVE_URL_LETTER + 8},                \
	{                                                                                          \
		"timeout", required_argument, NULL, CLI_SERVE_URL_LETTER + 9                       \
	}
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
/* VALUE, a word of the command line or a part of one, is overwritten if it is secret. */
int cli_serve_url_option(struct cli_serve_url *url, int letter, char *value);
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
