/* SPDX-License-Identifier: BSD-2-Clause */
#include "fs/numbers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cache/log.h"

static uint64_t value_of(const void *values, const struct number *number)
{
	uint64_t value;

	memcpy(&value, (const char *)values + number->field, sizeof value);
	return value;
}

/* The object NAME in OBJECT, made if it is not there; "": OBJECT itself. */
static json_t *object_in(json_t *object, const char *name)
{
	if (*name == '\0')
		return object;
	if (json_object_get(object, name) == NULL)
		json_object_set_new(object, name, json_object());
	return json_object_get(object, name);
}

void numbers_put(json_t *status, const struct number *list, const void *values)
{
	for (; list->metric != NULL; list++) {
		json_t *object = object_in(object_in(status, list->path[0]), list->path[1]);

		json_object_set_new(object, list->path[2],
				    json_integer((json_int_t)value_of(values, list)));
	}
}

json_t *numbers_string(const char *string)
{
	json_t *value = json_string(string);
	char escaped[LOG_NAME_MAX];

	return value != NULL ? value : json_string(log_escape(escaped, sizeof escaped, string));
}

int numbers_status(json_t *status, char **text_out, size_t *length_out)
{
	char *dump = json_dumps(status, JSON_INDENT(2));

	json_decref(status);
	if (dump == NULL)
		return -ENOMEM;
	size_t length = strlen(dump);
	char *line = realloc(dump, length + 2);
	if (line == NULL) {
		free(dump);
		return -ENOMEM;
	}
	memcpy(line + length, "\n", 2);
	*text_out = line;
	*length_out = length + 1;
	return 0;
}

static void print_number(FILE *stream, const struct number *number, uint64_t value)
{
	const char *const *path = number->path;

	if (number->label == NULL)
		fprintf(stream, "peerdist_%s %llu\n", number->metric, (unsigned long long)value);
	else
		fprintf(stream, "peerdist_%s{%s=\"%s\"} %llu\n", number->metric, number->label,
			*path[1] != '\0' ? path[1] : path[2], (unsigned long long)value);
}

/* What only grows says so in its name, as is the custom. */
static const char *kind_of(const char *metric)
{
	size_t length = strlen(metric), end = strlen("_total");

	return length > end && strcmp(metric + length - end, "_total") == 0 ? "counter" : "gauge";
}

static void print_numbers(FILE *stream, const struct number *list, const void *values)
{
	const char *former = "";

	for (; list->metric != NULL; list++) {
		if (strcmp(former, list->metric) != 0)
			fprintf(stream, "# HELP peerdist_%s %s\n# TYPE peerdist_%s %s\n",
				list->metric, list->help, list->metric, kind_of(list->metric));
		print_number(stream, list, value_of(values, list));
		former = list->metric;
	}
}

int numbers_print(const struct number *list, const void *values, char **text_out,
		  size_t *length_out)
{
	char *text = NULL;
	size_t length;
	FILE *stream = open_memstream(&text, &length);

	if (stream == NULL)
		return -ENOMEM;
	print_numbers(stream, list, values);
	if (fclose(stream) != 0) {
		free(text);
		return -ENOMEM;
	}
	*text_out = text;
	*length_out = length;
	return 0;
}
