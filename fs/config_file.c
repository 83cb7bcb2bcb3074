/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The -c file: an INI file, of which we take the section [mount]: "key = value" or a flag alone on
 * a line, blanks around both are dropped, '#' or ';' begins a comment line, commas need no escape.
 */
#include <ctype.h>
#include <errno.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>

#include "fs/config_private.h"

static char *trim(char *text)
{
	size_t length;

	text += strspn(text, " \t\r");
	length = strlen(text);
	while (length > 0 && strchr(" \t\r", text[length - 1]))
		length--;
	text[length] = '\0';
	return text;
}

/* Takes the blanks around the first '=' away. */
static void tighten(char *line)
{
	char *equals = strchr(line, '=');
	char *value;
	size_t name;

	if (!equals)
		return;
	value = trim(equals + 1);
	*equals = '\0';
	name = strlen(trim(line));
	line[name] = '=';
	memmove(line + name + 1, value, strlen(value) + 1);
}

struct ini {
	const char *path;
	unsigned line;
	enum { BEFORE, MOUNT, ELSEWHERE } section;
	struct config_source source;
};

static int ini_section(struct ini *ini, char *line, struct config_problem *problem)
{
	char escaped[LOG_NAME_MAX];
	size_t length = strlen(line);

	if (length < 2 || line[length - 1] != ']')
		return config_fail(problem, CONFIG_USAGE, "a section is written [NAME]");
	line[length - 1] = '\0';
	ini->section = strcmp(trim(line + 1), "mount") ? ELSEWHERE : MOUNT;
	if (ini->section == ELSEWHERE)
		log_warning("%s:%u: section [%s] is not known and skipped; keys of a mount go "
			    "below [mount]",
			    ini->path, ini->line,
			    log_escape(escaped, sizeof(escaped), trim(line + 1)));
	return 0;
}

static int ini_line(struct ini *ini, struct config *config, char *line,
		    struct config_problem *problem)
{
	line = trim(line);
	if (!*line || *line == '#' || *line == ';')
		return 0;
	if (*line == '[')
		return ini_section(ini, line, problem);
	if (ini->section == ELSEWHERE)
		return 0;
	if (ini->section == BEFORE)
		return config_fail(problem, CONFIG_USAGE,
				   "a key before any section; put [mount] above it");
	tighten(line);
	return config_option(config, &ini->source, line, NULL, problem);
}

static int ini_apply(struct ini *ini, struct config *config, char *text,
		     struct config_problem *problem)
{
	struct config_problem reason;
	char *line;

	while ((line = strsep(&text, "\n"))) {
		ini->line++;
		if (!ini_line(ini, config, line, problem))
			continue;
		reason = *problem;
		return config_fail(problem, reason.status, "%s:%u: %s", ini->path, ini->line,
				   reason.text);
	}
	return 0;
}

int config_file_apply(struct config *config, const char *path, struct config_problem *problem)
{
	struct ini ini = {.path = path, .section = BEFORE};
	char *directory = strdup(path);
	char *text = NULL;
	int error;

	if (!directory)
		return config_no_memory(problem);
	ini.source.base = dirname(directory);
	error = config_read(path, CONFIG_FILE_MAX, &text, problem);
	if (!error)
		error = ini_apply(&ini, config, text, problem);
	/* strsep() has cut it, so that wiping up to the first NUL would leave most of it. */
	if (text)
		explicit_bzero(text, CONFIG_FILE_MAX + 1);
	free(text);
	free(directory);
	return error;
}
