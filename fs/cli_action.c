/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Verbs that consist of actions.
 */
#include <stdio.h>
#include <string.h>

#include "cache/log.h"
#include "fs/cli.h"
#include "fs/cli_option.h"
#include "fs/suggest.h"

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
	return action->run(action, count - 1, words + 1);
}
