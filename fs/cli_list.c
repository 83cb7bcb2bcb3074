/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The files that list who uses the API and what is published by it (peerdist_control(4)): lines of
 * words parted by blanks, some of which say what the next one is; "#" begins a remark. Words that
 * are not known are left out: the daemon may be of another version.
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "fs/cli.h"

/* What a line begins with, before the words that go in pairs. */
struct list {
	const char *name;
	const char *const *first;
};

static const char *const of_instances[] = {"id", NULL};
static const char *const of_publications[] = {"uid", "id", NULL};
static const struct list lists[] = {{"instances", of_instances}, {"publications", of_publications}};

static const struct list *find(const char *name)
{
	return !strcmp(name, lists[0].name) ? &lists[0] : &lists[1];
}

/* Identifiers are hexadecimal and versions a list, whatever they look like. */
static json_t *value_of(const struct list *list, const char *name, const char *word)
{
	bool text = !strcmp(name, "versions") || (list == &lists[1] && !strcmp(name, "id")) ||
		    word[strspn(word, "0123456789")];

	return text ? json_string(word) : json_integer(strtoll(word, NULL, 10));
}

static json_t *object_of(const struct list *list, char *line)
{
	json_t *object = json_object();
	const char *const *first = list->first;
	char *rest = line, *word;

	while ((word = strtok_r(NULL, " ", &rest))) {
		const char *name = word;

		if (*first)
			name = *first++;
		else if (!(word = strtok_r(NULL, " ", &rest)))
			break;
		json_object_set_new(object, name, value_of(list, name, word));
	}
	return object;
}

static int show_json(const struct list *list, char *text)
{
	json_t *array = json_array(), *answer = json_object();
	char *rest = text, *line;

	while ((line = strtok_r(NULL, "\n", &rest)))
		if (*line != '#') /* how many are not shown */
			json_array_append_new(array, object_of(list, line));
	json_object_set_new(answer, list->name, array);
	int status = json_dumpf(answer, stdout, JSON_INDENT(2)) == 0
			     ? CLI_DONE
			     : cli_complain(CLI_FAILED, "cannot write the answer");
	putchar('\n');
	json_decref(answer);
	return status;
}

int cli_list_show(const char *name, const char *text, bool json)
{
	char *copy;
	int status;

	if (!json) {
		fputs(text, stdout);
		return CLI_DONE;
	}
	copy = strdup(text);
	if (!copy)
		return cli_complain(CLI_FAILED, "out of memory");
	status = show_json(find(name), copy);
	free(copy);
	return status;
}
