/* SPDX-License-Identifier: BSD-2-Clause */
#include "fs/cli_serving.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>

#include "cache/log.h"
#include "fs/cli.h"
#include "origin/http_server.h"

/* Room for "[ADDRESS%INTERFACE]:PORT". */
#define ADDRESS_SIZE 128
/* What there is if nobody can tell. */
#define FILES_LEAST 256

int cli_listen_add(struct cli_listen *listen, const char *option, const char *text)
{
	if (listen->count == CLI_LISTEN_MAX)
		return cli_complain(CLI_USAGE, "--%s: at most %d of them", option, CLI_LISTEN_MAX);
	listen->list[listen->count++] = text;
	return CLI_DONE;
}

int cli_listen_option(const struct cli_option *option, char *value, void *field)
{
	char escaped[LOG_NAME_MAX];

	if (!http_server_is_place(value))
		return cli_complain(CLI_USAGE,
				    "--%s %s: no place to listen on; write PORT, ADDRESS:PORT or "
				    "[ADDRESS]:PORT",
				    option->name, log_escape(escaped, sizeof(escaped), value));
	return cli_listen_add(field, option->name, value);
}

int cli_serving_check(const struct cli_serving *serving)
{
	if (!serving->tls_cert != !serving->tls_key)
		return cli_complain(CLI_USAGE, "--tls-cert and --tls-key belong together");
	if (serving->control_others && !serving->control)
		return cli_complain(CLI_USAGE, "--control-allow-other needs --control");
	return CLI_DONE;
}

unsigned long cli_serving_files(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return FILES_LEAST;
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit))
		getrlimit(RLIMIT_NOFILE, &limit);
	return limit.rlim_cur;
}

void cli_serving_hold(sigset_t *set_out, bool hangup)
{
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(set_out);
	sigaddset(set_out, SIGTERM);
	sigaddset(set_out, SIGINT);
	if (hangup)
		sigaddset(set_out, SIGHUP);
	pthread_sigmask(SIG_BLOCK, set_out, NULL);
}

int cli_serving_wait(const sigset_t *set)
{
	int number;

	while (sigwait(set, &number))
		;
	return number;
}

int cli_serving_tell(const char *what, unsigned plain, cli_serving_address *address,
		     const void *server)
{
	char name[LOG_NAME_MAX], text[ADDRESS_SIZE];

	printf("serving %s on", log_escape(name, sizeof(name), what));
	for (unsigned i = 0; !address(server, i, text, sizeof(text)); i++)
		printf(" %s://%s/", i < plain ? "http" : "https", text);
	printf("\n");
	if (fflush(stdout))
		return cli_complain(CLI_FAILED, "cannot write to standard output: %s",
				    strerror(errno));
	return CLI_DONE;
}

void cli_serving_show(FILE *stream, const char *name, const char *value)
{
	char escaped[LOG_NAME_MAX];

	if (value)
		fprintf(stream, "%s=%s\n", name, log_escape(escaped, sizeof(escaped), value));
}
