/* SPDX-License-Identifier: BSD-2-Clause */
#include "fs/cli_option.h"

#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cache/log.h"
#include "fs/cli.h"

/* What stands for the first row in getopt_long()'s table, the next for the second: no letter. */
#define FIRST_ROW 256

/* The option that getopt_long() has found wanting, for people. */
static void name_option(char *buffer, size_t size, const char *word, const struct option *options)
{
	if (!optopt) { /* unknown, and its word is whole */
		log_escape(buffer, size, word);
		buffer[strcspn(buffer, "=")] = '\0';
		return;
	}
	while (options->name && options->val != optopt)
		options++;
	if (options->name)
		snprintf(buffer, size, "--%s", options->name);
	else
		snprintf(buffer, size, isprint(optopt) ? "-%c" : "-\\x%02x", optopt);
}

int cli_option_next(int count, char **words, const char *letters, const struct option *options)
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

/* TABLE as getopt_long() wants it. */
static void translate(const struct cli_option *table, struct option *options_out, char *letters_out)
{
	*letters_out++ = ':';
	for (int row = 0; table[row].name; row++) {
		assert(row < CLI_OPTIONS_MAX);
		if (table[row].name[1]) {
			*options_out++ = (struct option){table[row].name, table[row].argument, NULL,
							 FIRST_ROW + row};
			continue;
		}
		*letters_out++ = *table[row].name;
		if (table[row].argument == required_argument)
			*letters_out++ = ':';
	}
	*options_out = (struct option){0};
	*letters_out = '\0';
}

/* LETTER: as getopt_long() has found it. */
static const struct cli_option *row_of(const struct cli_option *table, int letter)
{
	if (letter >= FIRST_ROW)
		return &table[letter - FIRST_ROW];
	while (*table->name != letter || table->name[1])
		table++;
	return table;
}

int cli_options(int count, char **words, const struct cli_option *table, void *request)
{
	struct option options[CLI_OPTIONS_MAX + 1];
	char letters[2 * CLI_OPTIONS_MAX + 2];
	int letter, status = CLI_DONE;

	translate(table, options, letters);
	optind = 0;
	while (!status && (letter = cli_option_next(count, words, letters, options)) >= 0) {
		const struct cli_option *row;

		if (letter == '?')
			return CLI_USAGE;
		row = row_of(table, letter);
		status = row->take(row, optarg, (char *)request + row->field);
	}
	return status;
}

bool cli_help_wanted(int count, char **words)
{
	for (int i = 1; i < count && strcmp(words[i], "--"); i++)
		if (!strcmp(words[i], "--help") || !strcmp(words[i], "-h"))
			return true;
	return false;
}

int cli_option_flag(const struct cli_option *option, char *value, void *field)
{
	(void)option, (void)value;
	*(bool *)field = true;
	return CLI_DONE;
}

int cli_option_text(const struct cli_option *option, char *value, void *field)
{
	(void)option;
	*(const char **)field = value;
	return CLI_DONE;
}

int cli_option_number(const struct cli_option *option, char *value, void *field)
{
	size_t digits = strspn(value, "0123456789");
	unsigned long number =
		digits > 0 && digits < 10 ? strtoul(value, NULL, 10) : option->most + 1ul;

	if (value[digits] || number < option->least || number > option->most)
		return cli_complain(CLI_USAGE, "--%s: give a number from %u to %u", option->name,
				    option->least, option->most);
	*(unsigned *)field = (unsigned)number;
	return CLI_DONE;
}
