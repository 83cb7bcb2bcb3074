/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Whole command lines, parsed in a private directory that the tests stand in. It has a directory
 * "mnt" to mount on.
 */
#ifndef TESTS_UNIT_CONFIG_SCENE_H
#define TESTS_UNIT_CONFIG_SCENE_H

#include "fs/config_private.h"

#define CONFIG_SCENE_WORDS 16
#define CONFIG_SCENE_OUTPUT 8192

extern char config_scene_directory[];
extern char config_scene_output[CONFIG_SCENE_OUTPUT]; /* of the last line, both streams */

/* For cmocka_run_group_tests(). */
int config_scene_begin(void **state);
int config_scene_end(void **state);

void config_scene_write(const char *name, const char *text);
/* The configuration that the words, ended by NULL, make. */
struct config *config_scene_parse(const char *first, ...);
/* The status with which they are refused. */
int config_scene_refused(const char *first, ...);
/* Asserts that TEXT is in the output. */
void config_scene_said(const char *text);

/* The words of one command line, in memory that may be written to as that of the kernel may. */
struct config_line {
	int count;
	char *words[CONFIG_SCENE_WORDS + 1];
};
/* NULL, with the exit status in STATUS_OUT; or the configuration. */
struct config *config_scene_parse_line(struct config_line *line, int *status_out);
void config_line_free(struct config_line *line);

#endif
