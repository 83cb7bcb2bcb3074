/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Options of a verb: one table says what they are called, what becomes of their values, and where
 * in what is asked for, a struct of the verb's, that goes. What a wrong word is is said without
 * what stands behind its "=": that may be a secret. Functions that return a status return the
 * program's exit status, and when it is not 0 they have written one line to stderr.
 */
#ifndef FS_CLI_OPTION_H
#define FS_CLI_OPTION_H

#include <getopt.h>
#include <stdbool.h>
#include <stddef.h>

struct cli_option;

/* VALUE: a word of the command line, or a part of one, which may be overwritten; NULL: there is
 * none. Returns a status. */
typedef int cli_take_option(const struct cli_option *option, char *value, void *field);

struct cli_option {
	const char *name; /* without dashes: a word, or one letter; NULL ends a table */
	int argument;     /* required_argument, ..., of getopt_long() */
	cli_take_option *take;
	size_t field;
	unsigned least, most; /* of numbers */
};

/* Rows: a bool, set; a const char *; an unsigned; and what TAKE makes of a value. */
#define CLI_FLAG(name, request, field)                                                             \
	{                                                                                          \
		name, no_argument, cli_option_flag, offsetof(request, field), 0, 0                 \
	}
#define CLI_TEXT(name, request, field) CLI_VALUE(name, cli_option_text, request, field)
#define CLI_NUMBER(name, request, field, least, most)                                              \
	{                                                                                          \
		name, required_argument, cli_option_number, offsetof(request, field), least, most  \
	}
#define CLI_VALUE(name, take, request, field)                                                      \
	{                                                                                          \
		name, required_argument, take, offsetof(request, field), 0, 0                      \
	}
#define CLI_OPTIONS_END                                                                            \
	{                                                                                          \
		NULL, 0, NULL, 0, 0, 0                                                             \
	}

cli_take_option cli_option_flag, cli_option_text, cli_option_number;

/* Rows of a table, at most: our choice. */
#define CLI_OPTIONS_MAX 32
/* Takes the options in WORDS, whose first is the verb's name, by TABLE into REQUEST. Returns a
 * status; WORDS, which change places, begin at optind with those that are no options. */
int cli_options(int count, char **words, const struct cli_option *table, void *request);

/* Whether --help or -h is among the options in WORDS; the first of them is not looked at. */
bool cli_help_wanted(int count, char **words);

/* For who has options that cannot wait for the others: getopt_long(), but it says by itself what
 * is wrong, and then gives '?'. Set optind to 0 before the first call. LETTERS begins with a
 * colon, behind a plus if there is one. */
int cli_option_next(int count, char **words, const char *letters, const struct option *options);

#endif
