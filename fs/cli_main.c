/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The command `peerdist`: one table of verbs, from which dispatch and help derive.
 */
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cache/log.h"
#include "fs/cli.h"
#include "fs/config.h"
#include "fs/suggest.h"
#include "fs/version.h"

struct verb;

struct request {
	const struct verb *verb;
	const char *value; /* SIZE or JOB; NULL for other verbs */
	const char *named; /* path or mount point; NULL: none */
	bool json;
};

struct verb {
	const char *name;
	int (*run)(const struct request *request);
	enum { TAKES_MOUNT, TAKES_PATH_OR_NOTHING, TAKES_PATH, TAKES_SIZE, TAKES_JOB } takes;
	bool json;
	const char *help;
};

int cli_complain(int status, const char *format, ...)
{
	va_list arguments;

	fputs("peerdist: ", stderr);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	return status;
}

/* The argument that the admin file gets. Where no path need be named the root is everything, which
 * is said by naming nothing. */
static const char *argument_of(const struct request *request, const struct cli_mount *mount)
{
	switch (request->verb->takes) {
	case TAKES_SIZE:
	case TAKES_JOB:
		return request->value;
	case TAKES_PATH:
		return mount->path;
	case TAKES_PATH_OR_NOTHING:
		return strcmp(mount->path, "/") ? mount->path : NULL;
	default:
		return NULL;
	}
}

static int run_command(const struct request *request)
{
	struct cli_mount mount;
	int status = cli_mount_find(request->named, &mount);

	if (status)
		return status;
	status = cli_command(&mount, request->verb->name, argument_of(request, &mount),
			     request->json);
	cli_mount_close(&mount);
	return status;
}

static int run_file(const struct request *request)
{
	struct cli_mount mount;
	char *text;
	int status = cli_mount_find(request->named, &mount);

	if (status)
		return status;
	status = cli_file_read(&mount, request->verb->name, &text);
	cli_mount_close(&mount);
	if (status)
		return status;
	if (!strcmp(request->verb->name, "status") && !request->json)
		status = cli_status_show(text);
	else
		fputs(text, stdout);
	free(text);
	return status;
}

static int run_help(const struct request *request);

static const struct verb verbs[] = {
	{"status", run_file, TAKES_MOUNT, true, "what the mount has and did"},
	{"metrics", run_file, TAKES_MOUNT, false, "the same numbers as Prometheus text"},
	{"clear", run_command, TAKES_PATH_OR_NOTHING, true, "forget what is cached, or below PATH"},
	{"pin", run_command, TAKES_PATH, true, "never evict PATH and what is below it"},
	{"unpin", run_command, TAKES_PATH, true, "take the wish to keep PATH back"},
	{"warm", run_command, TAKES_PATH, true, "fetch all of PATH now"},
	{"verify", run_command, TAKES_PATH_OR_NOTHING, true,
	 "check every cached block again, drop the bad"},
	{"resize", run_command, TAKES_SIZE, true, "change the limit of the cache until unmount"},
	{"reload", run_command, TAKES_MOUNT, true, "read the -c file again"},
	{"jobs", run_command, TAKES_MOUNT, true, "list the long work in progress"},
	{"cancel", run_command, TAKES_JOB, true, "end one of them"},
	{"help", run_help, TAKES_MOUNT, false, "this text"},
};
#define VERB_COUNT (sizeof(verbs) / sizeof(verbs[0]))

static const char *const argument_usage[] = {
	[TAKES_MOUNT] = "[MOUNTPOINT]",
	[TAKES_PATH_OR_NOTHING] = "[MOUNTPOINT|PATH]",
	[TAKES_PATH] = "PATH",
	[TAKES_SIZE] = "SIZE [MOUNTPOINT]",
	[TAKES_JOB] = "JOB [MOUNTPOINT]",
};

static int run_help(const struct request *request)
{
	(void)request;
	printf("usage: peerdist VERB [--json] [ARGUMENT]\n"
	       "Asks and tells a mount of peerdistfs; without MOUNTPOINT, the only one there "
	       "is.\n\n");
	for (size_t i = 0; i < VERB_COUNT; i++)
		printf("  %-8s %-20s %s\n", verbs[i].name,
		       verbs[i].run == run_help ? "" : argument_usage[verbs[i].takes],
		       verbs[i].help);
	printf("\n  --json   the answer as JSON\n"
	       "  --help, --version\n"
	       "SIZE: octets with K, M, G or T, or a part of the volume such as 5%%\n");
	return CLI_DONE;
}

static const struct verb *find_verb(const char *name)
{
	struct suggestion suggestion = {.misspelt = name};
	char escaped[LOG_NAME_MAX];

	for (size_t i = 0; i < VERB_COUNT; i++) {
		if (!strcmp(name, verbs[i].name))
			return &verbs[i];
		suggest_consider(&suggestion, verbs[i].name);
	}
	log_escape(escaped, sizeof(escaped), name);
	if (suggestion.nearest)
		cli_complain(CLI_USAGE, "unknown verb `%s`; did you mean `%s`?", escaped,
			     suggestion.nearest);
	else
		cli_complain(CLI_USAGE, "unknown verb `%s`; peerdist help lists all that there are",
			     escaped);
	return NULL;
}

static int check_value(const struct request *request)
{
	const char *value = request->value;
	char escaped[LOG_NAME_MAX];
	config_capacity capacity;

	if (request->verb->takes == TAKES_SIZE && config_capacity_parse(value, &capacity))
		return cli_complain(CLI_USAGE,
				    "`%s` is not a size; give octets with K, M, G or T, such as "
				    "10G, or a part of the volume, such as 5%%",
				    log_escape(escaped, sizeof(escaped), value));
	if (request->verb->takes == TAKES_JOB && (!*value || value[strspn(value, "0123456789")]))
		return cli_complain(CLI_USAGE,
				    "`%s` is not the number of a job; peerdist jobs lists them",
				    log_escape(escaped, sizeof(escaped), value));
	return CLI_DONE;
}

static int run(struct request *request, int count, char **words)
{
	const struct verb *verb = request->verb;
	bool has_value = verb->takes == TAKES_SIZE || verb->takes == TAKES_JOB;
	int least = has_value || verb->takes == TAKES_PATH;
	int most = has_value ? 2 : 1;

	if (verb->run == run_help)
		return run_help(request);
	if (count < least || count > most)
		return cli_complain(CLI_USAGE, "usage: peerdist %s %s", verb->name,
				    argument_usage[verb->takes]);
	if (request->json && !verb->json)
		return cli_complain(CLI_USAGE,
				    "%s has no --json; peerdist status --json tells the "
				    "same numbers",
				    verb->name);
	if (has_value)
		request->value = *words++;
	request->named = count > has_value ? *words : NULL;
	if (has_value && check_value(request))
		return CLI_USAGE;
	return verb->run(request);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"json", no_argument, NULL, 'j'},
						{"help", no_argument, NULL, 'h'},
						{"version", no_argument, NULL, 'V'},
						{NULL, 0, NULL, 0}};
	struct request request = {0};
	int letter, status;

	while ((letter = getopt_long(argc, argv, "hV", options, NULL)) >= 0) {
		if (letter == 'h')
			return run_help(&request);
		if (letter == 'V') {
			printf("peerdist %s\n", PEERDISTFS_VERSION);
			return CLI_DONE;
		}
		if (letter != 'j')
			return CLI_USAGE; /* getopt has said what it is */
		request.json = true;
	}
	if (optind == argc)
		return cli_complain(CLI_USAGE, "a verb is missing; peerdist help lists them");
	request.verb = find_verb(argv[optind]);
	if (!request.verb)
		return CLI_USAGE;
	status = run(&request, argc - optind - 1, argv + optind + 1);
	if (fflush(stdout) && !status)
		return cli_complain(CLI_FAILED, "cannot write the answer: %m");
	return status;
}
