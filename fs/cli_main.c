/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The command `peerdist`: one table of verbs, from which dispatch, usage and help derive. A verb
 * either asks or tells a mount, and then has --json and a word or two, or it has words of its own.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cache/log.h"
#include "fs/cli.h"
#include "fs/cli_option.h"
#include "fs/cli_value.h"
#include "fs/suggest.h"
#include "fs/version.h"

struct verb;

struct request {
	const struct verb *verb;
	const char *value; /* SIZE, JOB, MODE, MIN MAX, ...; of other verbs nothing */
	const char *named; /* path or mount point; NULL: none */
	bool json;
};

struct verb {
	const char *name;
	/* With a mount, if it TAKES something; NULL: it has words of its own. */
	int (*run)(const struct request *request, const struct cli_mount *mount);
	enum cli_takes takes;
	bool json;
	const char *help;
	int (*run_words)(int count, char **words);
	const char *usage; /* of these words */
};

/* The argument that the admin file gets. Where no path need be named the root is everything, which
 * is said by naming nothing. */
static const char *argument_of(const struct request *request, const struct cli_mount *mount)
{
	switch (request->verb->takes) {
	case CLI_TAKES_SIZE:
	case CLI_TAKES_JOB:
	case CLI_TAKES_VERSIONS:
	case CLI_TAKES_MODE:
	case CLI_TAKES_TRUST:
	case CLI_TAKES_INSTANCE:
	case CLI_TAKES_PUBLICATION:
	case CLI_TAKES_MILLISECONDS:
		return request->value;
	case CLI_TAKES_PATH:
		return mount->path;
	case CLI_TAKES_PATH_OR_NOTHING:
		return strcmp(mount->path, "/") ? mount->path : NULL;
	default:
		return NULL;
	}
}

static int run_command(const struct request *request, const struct cli_mount *mount)
{
	return cli_command(mount, request->verb->name, argument_of(request, mount), request->json);
}

static int run_peers(const struct request *request, const struct cli_mount *mount)
{
	static const char *const names[] = {"peers", NULL};

	return cli_command_tables(mount, request->verb->name, NULL, names, request->json);
}

static int run_explain(const struct request *request, const struct cli_mount *mount)
{
	static const char *const names[] = {"runs", "sources", NULL};

	return cli_command_tables(mount, request->verb->name, argument_of(request, mount), names,
				  request->json);
}

static int run_file(const struct request *request, const struct cli_mount *mount)
{
	char *text;
	int status = cli_file_read(mount, request->verb->name, &text);

	if (status)
		return status;
	if (!strcmp(request->verb->name, "status") && !request->json)
		status = cli_status_show(text);
	else
		fputs(text, stdout);
	free(text);
	return status;
}

static int run_list(const struct request *request, const struct cli_mount *mount)
{
	char *text;
	int status = cli_file_read(mount, request->verb->name, &text);

	if (status)
		return status;
	status = cli_list_show(request->verb->name, text, request->json);
	free(text);
	return status;
}

static int run_help(const struct request *request, const struct cli_mount *mount);

static const struct verb verbs[] = {
	{"status", run_file, CLI_TAKES_MOUNT, true, "what the mount has and did", NULL, NULL},
	{"metrics", run_file, CLI_TAKES_MOUNT, false, "the same numbers as Prometheus text", NULL,
	 NULL},
	{"clear", run_command, CLI_TAKES_PATH_OR_NOTHING, true,
	 "forget what is cached, or below PATH", NULL, NULL},
	{"pin", run_command, CLI_TAKES_PATH, true, "never evict PATH and what is below it", NULL,
	 NULL},
	{"unpin", run_command, CLI_TAKES_PATH, true, "take the wish to keep PATH back", NULL, NULL},
	{"warm", run_command, CLI_TAKES_PATH, true, "fetch all of PATH now", NULL, NULL},
	{"verify", run_command, CLI_TAKES_PATH_OR_NOTHING, true,
	 "check every cached block again, drop the bad", NULL, NULL},
	{"resize", run_command, CLI_TAKES_SIZE, true, "change the limit of the cache until unmount",
	 NULL, NULL},
	{"versions", run_command, CLI_TAKES_VERSIONS, true,
	 "accept content information of these versions only, until unmount", NULL, NULL},
	{"explain", run_explain, CLI_TAKES_PATH, true,
	 "where its blocks came from, and why not from a peer", NULL, NULL},
	{"mode", run_command, CLI_TAKES_MODE, true,
	 "off, local, distributed, hosted or hosted+distributed", NULL, NULL},
	{"peers", run_peers, CLI_TAKES_MOUNT, true, "the machines that gave us blocks", NULL, NULL},
	{"trust", run_command, CLI_TAKES_TRUST, true, "forget what peers did wrong", NULL, NULL},
	{"instances", run_list, CLI_TAKES_MOUNT, true, "the programs that use the API", NULL, NULL},
	{"kick", run_command, CLI_TAKES_INSTANCE, true, "end one such program's use of it", NULL,
	 NULL},
	{"publications", run_list, CLI_TAKES_MOUNT, true, "what programs publish by the API", NULL,
	 NULL},
	{"unpublish", run_command, CLI_TAKES_PUBLICATION, true, "end one publication", NULL, NULL},
	{"read-timeout", run_command, CLI_TAKES_MILLISECONDS, true,
	 "how long programs' reads look for peers by default", NULL, NULL},
	{"reload", run_command, CLI_TAKES_MOUNT, true, "read the -c file again", NULL, NULL},
	{"jobs", run_command, CLI_TAKES_MOUNT, true, "list the long work in progress", NULL, NULL},
	{"cancel", run_command, CLI_TAKES_JOB, true, "end one of them", NULL, NULL},
	{"doctor", NULL, CLI_TAKES_NOTHING, false, "looks for what usually goes wrong", cli_doctor,
	 "[OPTION] [ORIGIN]"},
	{"info", NULL, CLI_TAKES_NOTHING, false, "content information by hand", cli_info,
	 "make|show|verify|get ..."},
	{"key", NULL, CLI_TAKES_NOTHING, false, "the server secret", cli_key,
	 "new|set|export|import ..."},
	{"serve", NULL, CLI_TAKES_NOTHING, false, "serve DIR by HTTP, with content information",
	 cli_serve, "[OPTION] DIR|URL"},
	{"hosted", NULL, CLI_TAKES_NOTHING, false,
	 "keep for a whole site what its machines fetched", cli_hosted, "[OPTION]"},
	{"export", NULL, CLI_TAKES_NOTHING, false, "what is cached of PATHs, as a package in FILE",
	 cli_export, "[OPTION] FILE PATH..."},
	{"import", NULL, CLI_TAKES_NOTHING, false, "take such a package into a cache", cli_import,
	 "[OPTION] FILE [MOUNTPOINT]"},
	{"publish", NULL, CLI_TAKES_NOTHING, false, "hash now what serve would hash later",
	 cli_publish, "[OPTION] PATH"},
	{"help", run_help, CLI_TAKES_NOTHING, false, "this text", NULL, NULL},
};
#define VERB_COUNT (sizeof(verbs) / sizeof(verbs[0]))

static const char *const argument_usage[] = {
	[CLI_TAKES_MOUNT] = "[MOUNTPOINT]",
	[CLI_TAKES_PATH_OR_NOTHING] = "[MOUNTPOINT|PATH]",
	[CLI_TAKES_PATH] = "PATH",
	[CLI_TAKES_SIZE] = "SIZE [MOUNTPOINT]",
	[CLI_TAKES_JOB] = "JOB [MOUNTPOINT]",
	[CLI_TAKES_VERSIONS] = "MIN MAX [MOUNTPOINT]",
	[CLI_TAKES_MODE] = "MODE [HOST...] [MOUNTPOINT]",
	[CLI_TAKES_TRUST] = "reset [MOUNTPOINT]",
	[CLI_TAKES_INSTANCE] = "ID [MOUNTPOINT]",
	[CLI_TAKES_PUBLICATION] = "UID HEX [MOUNTPOINT]",
	[CLI_TAKES_MILLISECONDS] = "MS [MOUNTPOINT]",
	[CLI_TAKES_NOTHING] = "",
};

static const char *usage_of(const struct verb *verb)
{
	return verb->usage ? verb->usage : argument_usage[verb->takes];
}

static int run_help(const struct request *request, const struct cli_mount *mount)
{
	(void)request, (void)mount;
	printf("usage: peerdist VERB [OPTION] [ARGUMENT]\n"
	       "Asks and tells a mount of peerdistfs; without MOUNTPOINT, the only one there is. "
	       "Makes and\nchecks content information.\n\n");
	for (size_t i = 0; i < VERB_COUNT; i++)
		printf("  %-12s %-26s %s\n", verbs[i].name, usage_of(&verbs[i]), verbs[i].help);
	printf("\n  VERB --help   more of one verb\n"
	       "  --json        the answer as JSON\n"
	       "  --help, --version\n"
	       "SIZE: octets with K, M, G or T, or a part of the volume such as 5%%\n");
	return CLI_DONE;
}

static void help_verb(const struct verb *verb)
{
	printf("usage: peerdist %s%s%s%s\n%s\n", verb->name, verb->json ? " [--json]" : "",
	       *usage_of(verb) ? " " : "", usage_of(verb), verb->help);
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

/* With blanks between them, for free(). NULL: no memory. */
static char *joined(int count, char **words)
{
	char *text = NULL;
	size_t size;
	FILE *stream = open_memstream(&text, &size);

	if (!stream)
		return NULL;
	for (int i = 0; i < count; i++)
		fprintf(stream, "%s%s", i > 0 ? " " : "", words[i]);
	if (!fclose(stream))
		return text;
	free(text);
	return NULL;
}

static int run_at_mount(const struct request *request)
{
	struct cli_mount mount;
	int status = cli_mount_find(request->named, &mount);

	if (status)
		return status;
	status = request->verb->run(request, &mount);
	cli_mount_close(&mount);
	return status;
}

static int run(struct request *request, int count, char **words)
{
	const struct verb *verb = request->verb;
	int values = cli_value_count(verb->takes, count, words);
	int least = values > 0 ? values : verb->takes == CLI_TAKES_PATH;
	int most = values > 0 ? values + 1 : verb->takes != CLI_TAKES_NOTHING;
	char *value;
	int status;

	if (count < least || count > most)
		return cli_complain(CLI_USAGE, "usage: peerdist %s%s%s", verb->name,
				    *usage_of(verb) ? " " : "", usage_of(verb));
	if (request->json && !verb->json)
		return cli_complain(CLI_USAGE,
				    "%s has no --json; peerdist status --json tells the "
				    "same numbers",
				    verb->name);
	value = joined(values, words);
	if (!value)
		return cli_complain(CLI_FAILED, "out of memory");
	request->value = value;
	request->named = count > values ? words[values] : NULL;
	status = values > 0 ? cli_value_check(verb->takes, value) : CLI_DONE;
	if (status == CLI_DONE)
		status = verb->takes == CLI_TAKES_NOTHING ? verb->run(request, NULL)
							  : run_at_mount(request);
	free(value);
	return status;
}

static const struct option options[] = {{"json", no_argument, NULL, 'j'},
					{"help", no_argument, NULL, 'h'},
					{"version", no_argument, NULL, 'V'},
					{NULL, 0, NULL, 0}};

/* The options before the verb, or those behind it: then of a verb that has none of its own. True:
 * go on. */
static bool take_options(int count, char **words, const char *letters, struct request *request,
			 int *status_out)
{
	int letter;

	optind = 0;
	while ((letter = cli_option_next(count, words, letters, options)) >= 0) {
		if (letter == 'j') {
			request->json = true;
			continue;
		}
		*status_out = letter == '?' ? CLI_USAGE : CLI_DONE;
		if (letter == 'V')
			printf("peerdist %s\n", PEERDISTFS_VERSION);
		else if (letter == 'h' && request->verb)
			help_verb(request->verb);
		else if (letter == 'h')
			run_help(request, NULL);
		return false;
	}
	return true;
}

/* WORDS[0] is the verb. */
static int run_verb(struct request *request, int count, char **words)
{
	int status;

	request->verb = find_verb(words[0]);
	if (!request->verb)
		return CLI_USAGE;
	if (request->verb->run_words) {
		if (request->json)
			return cli_complain(CLI_USAGE,
					    "--json stands behind the words of %s, where it has it",
					    request->verb->name);
		return request->verb->run_words(count, words);
	}
	if (!take_options(count, words, ":hV", request, &status))
		return status;
	return run(request, count - optind, words + optind);
}

int main(int argc, char **argv)
{
	struct request request = {0};
	int status;

	if (take_options(argc, argv, "+:hV", &request, &status)) {
		if (optind == argc)
			return cli_complain(CLI_USAGE,
					    "a verb is missing; peerdist help lists them");
		status = run_verb(&request, argc - optind, argv + optind);
	}
	if ((fflush(stdout) || ferror(stdout)) && !status)
		return cli_complain(CLI_FAILED, "cannot write the answer: %m");
	return status;
}
