/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Options, and verbs that consist of actions. What a wrong word is is said without what stands
 * behind its "=": that may be a secret.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "cache/log.h"
#include "fs/cli.h"
#include "fs/suggest.h"

/* The option that getopt_long() has found wanting, for people. */
static void name_option(char *buffer, size_t size, const char *word, const struct option *options)
{
	if (!optopt) { /* unknown, and its word is whole */
		log_escape(buffer, size, word);
		buffer[strcspn(buffer, "=")] = '\0';
		return;
	}
	snprintf(buffer, size, isprint(optopt) ? "-%c" : "-\\x%02x", optopt);
	for (; options->name; options++)
		if (options->val == optopt)
			snprintf(buffer, size, "--%s", options->name);
}

int cli_option(int count, char **words, const char *letters, const struct option *options)
{
	char name[LOG_NAME_MAX];
	int letter;

	opterr = 0;
	letter = getopt_long(count, words, letters, options, NULL);
	if (letter != '?' && letter != ':')
		return letter;
	name_option(name, sizeof(name), words[optind - 1], options);
	if (letter == ':')
		cli_complain(CLI_USAGE, "%s needs a value; see --help", name);
	else if (optopt && name[1] == '-')
		cli_complain(CLI_USAGE, "%s takes no value; see --help", name);
	else
		cli_complain(CLI_USAGE, "unknown option `%s`; see --help", name);
	return '?';
}

bool cli_help_wanted(int count, char **words)
{
	for (int i = 1; i < count && strcmp(words[i], "--"); i++)
		if (!strcmp(words[i], "--help") || !strcmp(words[i], "-h"))
			return true;
	return false;
}

int cli_action_usage(const struct cli_action *action)
{
	return cli_complain(CLI_USAGE, "usage: peerdist %s", action->usage);
}

static int list(const struct cli_action *actions)
{
	for (const struct cli_action *action = actions; action->name; action++)
		printf("%s peerdist %s\n           %s\n", action == actions ? "usage:" : "      ",
		       action->usage, action->help);
	return CLI_DONE;
}

static const struct cli_action *find(const struct cli_action *actions, const char *verb,
				     const char *name)
{
	struct suggestion suggestion = {.misspelt = name};
	char escaped[LOG_NAME_MAX];

	for (; actions->name; actions++) {
		if (!strcmp(actions->name, name))
			return actions;
		suggest_consider(&suggestion, actions->name);
	}
	log_escape(escaped, sizeof(escaped), name);
	if (suggestion.nearest)
		cli_complain(CLI_USAGE, "%s cannot `%s`; did you mean `%s`?", verb, escaped,
			     suggestion.nearest);
	else
		cli_complain(CLI_USAGE, "%s cannot `%s`; peerdist %s --help lists what it can",
			     verb, escaped, verb);
	return NULL;
}

int cli_actions(const struct cli_action *actions, int count, char **words)
{
	const struct cli_action *action;

	if (count < 2)
		return cli_complain(CLI_USAGE, "%s: what? peerdist %s --help lists what it can",
				    words[0], words[0]);
	if (!strcmp(words[1], "--help") || !strcmp(words[1], "-h"))
		return list(actions);
	action = find(actions, words[0], words[1]);
	if (!action)
		return CLI_USAGE;
	if (cli_help_wanted(count - 1, words + 1)) {
		printf("usage: peerdist %s\n%s\n\n%s", action->usage, action->help, action->more);
		return CLI_DONE;
	}
	optind = 0;
	return action->run(action, count - 1, words + 1);
}
