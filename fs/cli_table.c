/* SPDX-License-Identifier: BSD-2-Clause */
#include "fs/cli_table.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "cache/log.h"

/* Columns of a table that are looked at: our choice. */
#define COLUMNS_MAX 32u
/* More digits than JSON's integers surely hold are text. */
#define DIGITS_MAX 18u
#define GAP 2

struct cli_table {
	char **lines;
	size_t count, room;
};

struct columns {
	size_t count;
	int widths[COLUMNS_MAX];
	bool numbers[COLUMNS_MAX];
};

struct cli_table *cli_table_create(void)
{
	return calloc(1, sizeof(struct cli_table));
}

void cli_table_free(struct cli_table *table)
{
	for (size_t i = 0; table && i < table->count; i++)
		free(table->lines[i]);
	if (table)
		free(table->lines);
	free(table);
}

int cli_table_line(void *owner, const char *line)
{
	struct cli_table *table = owner;

	if (table->count == table->room) {
		size_t room = table->room ? 2 * table->room : 64;
		char **lines = reallocarray(table->lines, room, sizeof(*lines));

		if (!lines)
			return -ENOMEM;
		table->lines = lines;
		table->room = room;
	}
	table->lines[table->count] = strdup(line);
	if (!table->lines[table->count])
		return -ENOMEM;
	table->count++;
	return 0;
}

/* The line behind the last one of the table that begins at FIRST. */
static size_t end_of(const struct cli_table *table, size_t first)
{
	while (first < table->count && *table->lines[first])
		first++;
	return first;
}

/* The next cell of *REST, escaped; false: there is none. */
static bool next_cell(const char **rest, char *cell, size_t size)
{
	char copy[LOG_NAME_MAX];
	size_t length;

	if (!*rest)
		return false;
	length = strcspn(*rest, "\t");
	snprintf(copy, sizeof(copy), "%.*s", (int)length, *rest);
	log_escape(cell, size, copy);
	*rest = (*rest)[length] ? *rest + length + 1 : NULL;
	return true;
}

static bool is_number(const char *cell)
{
	size_t digits = strspn(cell, "0123456789");

	return digits > 0 && digits <= DIGITS_MAX && !cell[digits];
}

static void measure_line(struct columns *columns, const char *line, bool head)
{
	char cell[LOG_NAME_MAX];

	for (size_t i = 0; i < COLUMNS_MAX && next_cell(&line, cell, sizeof(cell)); i++) {
		int width = (int)strlen(cell);

		if (i == columns->count) {
			columns->count++;
			columns->widths[i] = 0;
			columns->numbers[i] = true;
		}
		if (width > columns->widths[i])
			columns->widths[i] = width;
		if (!head && !is_number(cell) && strcmp(cell, "-"))
			columns->numbers[i] = false;
	}
}

static void print_line(const struct columns *columns, const char *line, FILE *stream)
{
	char cell[LOG_NAME_MAX];

	for (size_t i = 0; i < columns->count && next_cell(&line, cell, sizeof(cell)); i++) {
		bool last = i + 1 == columns->count || !line;

		if (columns->numbers[i])
			fprintf(stream, "%*s", columns->widths[i], cell);
		else
			fprintf(stream, "%-*s", last ? 0 : columns->widths[i], cell);
		if (!last)
			fprintf(stream, "%*s", GAP, "");
	}
	putc('\n', stream);
}

void cli_table_print(const struct cli_table *table, FILE *stream)
{
	for (size_t first = 0; first < table->count;) {
		size_t end = end_of(table, first);
		struct columns columns = {0};

		for (size_t i = first; i < end; i++)
			measure_line(&columns, table->lines[i], i == first);
		for (size_t i = first; i < end; i++)
			print_line(&columns, table->lines[i], stream);
		if (end < table->count)
			putc('\n', stream);
		first = end + 1;
	}
}

static json_t *json_cell(const char *cell)
{
	if (!strcmp(cell, "-"))
		return json_null();
	if (is_number(cell))
		return json_integer(strtoll(cell, NULL, 10));
	if (!strcmp(cell, "yes") || !strcmp(cell, "no"))
		return json_boolean(*cell == 'y');
	return json_string(cell);
}

static json_t *json_row(const char *head, const char *line)
{
	json_t *row = json_object();
	char name[LOG_NAME_MAX], cell[LOG_NAME_MAX];

	while (next_cell(&head, name, sizeof(name)) && next_cell(&line, cell, sizeof(cell)))
		json_object_set_new(row, name, json_cell(cell));
	return row;
}

void cli_table_json(const struct cli_table *table, const char *const *names, json_t *object)
{
	size_t first = 0;

	for (; *names; names++) {
		size_t end = end_of(table, first);
		json_t *rows = json_array();

		for (size_t i = first + 1; i < end; i++)
			json_array_append_new(rows, json_row(table->lines[first], table->lines[i]));
		json_object_set_new(object, *names, rows);
		first = end < table->count ? end + 1 : end;
	}
}
