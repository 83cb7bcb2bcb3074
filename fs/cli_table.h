/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Tables that the daemon answers with: columns parted by tabs, the first line has their names, an
 * empty line ends a table and begins the next; "-" is nothing. Shown to people in columns, or as
 * JSON: an array of objects for each table, digits as numbers, "yes" and "no" as booleans, "-" as
 * null.
 */
#ifndef FS_CLI_TABLE_H
#define FS_CLI_TABLE_H

#include <jansson.h>
#include <stdio.h>

struct cli_table;

/* NULL: no memory. */
struct cli_table *cli_table_create(void);
/* NULL is fine. */
void cli_table_free(struct cli_table *table);
/* Takes the next line; a cli_take_line() whose owner is the table. 0 or -ENOMEM. */
int cli_table_line(void *table, const char *line);
void cli_table_print(const struct cli_table *table, FILE *stream);
/* Puts each table into OBJECT as the member that NAMES, ended by NULL, call it; those that have no
 * name are left out, those that did not come are empty. */
void cli_table_json(const struct cli_table *table, const char *const *names, json_t *object);

#endif
