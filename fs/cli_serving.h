/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the verbs share that serve others, in the foreground, until a signal ends them. Functions
 * return the exit status unless noted.
 */
#ifndef FS_CLI_SERVING_H
#define FS_CLI_SERVING_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "fs/cli_option.h"

/* Our choice. */
#define CLI_LISTEN_MAX 16
/* What may repeat, such as addresses to listen on. */
struct cli_listen {
	const char *list[CLI_LISTEN_MAX + 1]; /* NULL-terminated */
	unsigned count;
};
int cli_listen_add(struct cli_listen *listen, const char *option, const char *text);
/* The same, if the value has the form of a place to listen on. */
cli_take_option cli_listen_option;

/* What all of them are asked for. */
struct cli_serving {
	struct cli_listen listen;
	const char *tls_cert, *tls_key;
	const char *control; /* directory; NULL: none */
	bool control_others;
};
/* SERVING: the struct in REQUEST. */
#define CLI_SERVING_OPTIONS(request, serving)                                                      \
	CLI_VALUE("listen", cli_listen_option, request, serving.listen),                           \
		CLI_TEXT("tls-cert", request, serving.tls_cert),                                   \
		CLI_TEXT("tls-key", request, serving.tls_key),                                     \
		CLI_TEXT("control", request, serving.control),                                     \
		CLI_FLAG("control-allow-other", request, serving.control_others)
/* Whether what was given goes together. */
int cli_serving_check(const struct cli_serving *serving);

/* Raises the limit of open descriptors as far as it may be, and returns it. */
unsigned long cli_serving_files(void);

/* In all threads, those that are made later included, for sigwait(): SIGTERM and SIGINT, which end
 * it, and SIGHUP if it means anything. */
void cli_serving_hold(sigset_t *set_out, bool hangup);
/* Returns the next of them. */
int cli_serving_wait(const sigset_t *set);

/* One line on standard output, so that whoever waits for it knows all addresses: "serving WHAT on"
 * and a URL each. ADDRESS: as http_server_address(); those behind the first PLAIN speak TLS. */
typedef int cli_serving_address(const void *server, unsigned index, char *buffer, size_t size);
int cli_serving_tell(const char *what, unsigned plain, cli_serving_address *address,
		     const void *server);

/* A line of the file `config`; none if VALUE is NULL. */
void cli_serving_show(FILE *stream, const char *name, const char *value);

#endif
