/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The command line as an array of words: hiding the secrets in it, and what each word is.
 */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "fs/config_private.h"

static void cover(char *from, const char *end)
{
	while (from < end)
		*from++ = '*';
}

/* Of an URL everything that could be its user part, well-formed or not. */
static void hide_user_part(char *text, size_t length)
{
	char *scheme = memmem(text, length, "://", 3);
	char *at = memrchr(text, '@', length);

	if (scheme)
		cover(scheme + 3, at);
	else if (at && memchr(text, ':', (size_t)(at - text)))
		cover(text, at);
}

static void hide_option(char *option, size_t length)
{
	char *value = memchr(option, '=', length);
	size_t name, rest;
	bool proxy;

	if (!value)
		return;
	name = (size_t)(value++ - option);
	rest = length - name - 1;
	if (rest > 0 && *value == '@')
		return;
	proxy = name == strlen("proxy") && !memcmp(option, "proxy", name);
	if (proxy)
		hide_user_part(value, rest);
	for (size_t i = 0; !proxy && i < config_key_count; i++)
		if (config_keys[i].flags & CONFIG_KEY_SECRET &&
		    strlen(config_keys[i].name) == name &&
		    !memcmp(option, config_keys[i].name, name))
			cover(value, value + rest);
}

static void hide_options(char *text)
{
	char *start = text;

	for (;; text++) {
		if (*text == '\\' && text[1]) {
			text++;
			continue;
		}
		if (*text && *text != ',')
			continue;
		hide_option(start, (size_t)(text - start));
		if (!*text)
			return;
		start = text + 1;
	}
}

void config_argv_hide(int argc, char **argv)
{
	bool value = false; /* the word before takes this one as its value */

	for (int i = 1; i < argc; i++) {
		char *word = argv[i];
		size_t flags = *word == '-' ? 1 + strspn(word + 1, "fdhVsnv") : 0;

		if (value || flags == 0) {
			hide_options(word);
			if (!value)
				hide_user_part(word, strlen(word));
			value = false;
			continue;
		}
		value = word[flags] && strchr("oct", word[flags]) && !word[flags + 1];
		if (word[flags] == 'o')
			hide_options(word + flags + 1);
	}
}

static int positional(struct config_arguments *arguments, const char *word,
		      struct config_problem *problem)
{
	char **place = !arguments->origin ? &arguments->origin : &arguments->mountpoint;
	char escaped[LOG_NAME_MAX];

	if (*place)
		return config_fail(problem, CONFIG_USAGE,
				   "`%s` is one argument too many; usage: peerdistfs [-f] [-d] "
				   "[-c FILE] [-o KEY=VALUE,...] ORIGIN MOUNTPOINT",
				   log_escape(escaped, sizeof(escaped), word));
	*place = strdup(word);
	return *place ? 0 : config_no_memory(problem);
}

static int copy(char **place, const char *text, struct config_problem *problem)
{
	free(*place);
	*place = strdup(text);
	return *place ? 0 : config_no_memory(problem);
}

/* mount(8) calls its helpers with flags of its own, among them -f for "do all but mount". */
static int flag(struct config_arguments *arguments, int letter, bool helper)
{
	switch (letter) {
	case 'f':
		*(helper ? &arguments->fake : &arguments->foreground) = true;
		return 0;
	case 'd':
		arguments->debug = true;
		return 0;
	case 'h':
		arguments->help = true;
		return 0;
	case 'V':
		arguments->version = true;
		return 0;
	case 's':
	case 'n':
	case 'v':
	case 't':
		return helper ? 0 : -EINVAL;
	default:
		return -EINVAL;
	}
}

/* mount(8) may say in user=NAME who has called it; with a colon or a @FILE it is our key. */
static int options(struct config_arguments *arguments, bool helper, struct config_problem *problem)
{
	size_t kept = config_list_length(arguments->options);
	char **list;

	if (config_options_split(optarg, &arguments->options))
		return config_no_memory(problem);
	list = arguments->options;
	for (size_t i = kept; helper && list && list[i]; i++)
		if (!strncmp(list[i], "user=", 5) && !strpbrk(list[i], ":@"))
			list[i][4] = '\0';
	return 0;
}

static int argument(struct config_arguments *arguments, int letter, bool helper, const char *word,
		    struct config_problem *problem)
{
	char escaped[LOG_NAME_MAX];

	if (letter == 1)
		return positional(arguments, optarg, problem);
	if (letter == 'c')
		return copy(&arguments->config_file, optarg, problem);
	if (letter == 'o')
		return options(arguments, helper, problem);
	if (letter == ':')
		return config_fail(problem, CONFIG_USAGE,
				   "-%c needs a value; see peerdistfs --help", optopt);
	if (!flag(arguments, letter, helper))
		return 0;
	return config_fail(problem, CONFIG_USAGE, "unknown option `%s`; see peerdistfs --help",
			   log_escape(escaped, sizeof(escaped), word));
}

int config_argv_parse(int argc, char **argv, struct config_arguments *arguments_out,
		      struct config_problem *problem)
{
	static const struct option longer[] = {{"help", no_argument, NULL, 'h'},
					       {"version", no_argument, NULL, 'V'},
					       {NULL, 0, NULL, 0}};
	struct config_arguments arguments = {0};
	bool helper = argc > 0 && !strncmp(basename(argv[0]), "mount.", 6);
	int letter, error = 0;

	optind = 0;
	opterr = 0;
	for (;;) {
		int word = optind ? optind : 1;

		/* '-': words without a dash come as letter 1, wherever they stand. */
		letter = getopt_long(argc, argv, "-:fdc:o:hVsnvt:", longer, NULL);
		if (letter < 0 || error)
			break;
		error = argument(&arguments, letter, helper, argv[word], problem);
	}
	while (!error && optind < argc)
		error = positional(&arguments, argv[optind++], problem);
	if (error) {
		config_arguments_free(&arguments);
		return error;
	}
	*arguments_out = arguments;
	return 0;
}

void config_arguments_free(struct config_arguments *arguments)
{
	config_wipe(arguments->origin);
	free(arguments->mountpoint);
	free(arguments->config_file);
	config_list_free(arguments->options);
	memset(arguments, 0, sizeof(*arguments));
}
