/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the files of `peerdist info` share. Everything returns an exit status, having said why it is
 * not 0.
 */
#ifndef FS_CLI_INFO_H
#define FS_CLI_INFO_H

#include <sys/stat.h>

#include "cache/content.h"
#include "fs/cli.h"
#include "fs/cli_option.h"

/* cli_info_file.c */

/* Reads the content information in the file PATH ("-": standard input) to its end, and keeps it
 * where it is, so memory does not grow with it. What it gives is for one thread. */
int cli_info_load(const char *path, struct content **content_out);
/* ERROR: what a question to it gave. */
int cli_info_unreadable(const char *path, int error);
/* From the first octet of the content to the end of the last listed segment: as far as content
 * information says, that is all of it. */
int cli_info_whole(const char *path, const struct content *content, bool *whole_out);

/* A plain FILE, open for reading. */
int cli_info_open_content(const char *path, int *file_out, struct stat *status_out);
/* That it is still what STATUS says. */
int cli_info_unchanged(const char *path, int file, const struct stat *status);

/* Each in the file of its name. */
int cli_info_make(const struct cli_action *action, int count, char **words);
int cli_info_show(const struct cli_action *action, int count, char **words);
int cli_info_verify(const struct cli_action *action, int count, char **words);
int cli_info_get(const struct cli_action *action, int count, char **words);

#endif
