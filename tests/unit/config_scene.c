/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/config_scene.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

char config_scene_directory[] = "/tmp/config_scene.XXXXXX";
char config_scene_output[CONFIG_SCENE_OUTPUT];

int config_scene_begin(void **state)
{
	(void)state;
	if (!mkdtemp(config_scene_directory) || chdir(config_scene_directory) || mkdir("mnt", 0700))
		return -1;
	setenv("HOME", config_scene_directory, 1);
	unsetenv("XDG_CACHE_HOME");
	unsetenv("XDG_STATE_HOME");
	return 0;
}

int config_scene_end(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "cd / && rm -rf %s", config_scene_directory);
	return system(command);
}

void config_scene_write(const char *name, const char *text)
{
	FILE *stream = fopen(name, "w");

	assert_non_null(stream);
	fputs(text, stream);
	assert_int_equal(fclose(stream), 0);
}

static void redirect(int descriptor, int target, int *kept)
{
	fflush(NULL);
	*kept = dup(target);
	dup2(descriptor, target);
}

static void restore(int target, int kept)
{
	fflush(NULL);
	dup2(kept, target);
	close(kept);
}

void config_line_free(struct config_line *line)
{
	while (line->count > 0)
		free(line->words[--line->count]);
}

static struct config_line line_of(const char *first, va_list rest)
{
	struct config_line line = {0};

	for (const char *word = first; word; word = va_arg(rest, const char *)) {
		assert_true(line.count < CONFIG_SCENE_WORDS);
		line.words[line.count++] = strdup(word);
	}
	return line;
}

struct config *config_scene_parse_line(struct config_line *line, int *status_out)
{
	struct config *config = NULL;
	int out, err, file = open("output", O_CREAT | O_TRUNC | O_RDWR, 0600);
	ssize_t length;

	redirect(file, STDOUT_FILENO, &out);
	redirect(file, STDERR_FILENO, &err);
	*status_out = -1;
	if (!config_parse(line->count, line->words, &config, status_out))
		config = NULL;
	restore(STDOUT_FILENO, out);
	restore(STDERR_FILENO, err);
	length = pread(file, config_scene_output, sizeof(config_scene_output) - 1, 0);
	config_scene_output[length > 0 ? length : 0] = '\0';
	close(file);
	return config;
}

struct config *config_scene_parse(const char *first, ...)
{
	struct config_line line;
	struct config *config;
	va_list rest;
	int status;

	va_start(rest, first);
	line = line_of(first, rest);
	va_end(rest);
	config = config_scene_parse_line(&line, &status);
	config_line_free(&line);
	if (!config)
		fail_msg("status %d: %s", status, config_scene_output);
	return config;
}

int config_scene_refused(const char *first, ...)
{
	struct config_line line;
	struct config *config;
	va_list rest;
	int status;

	va_start(rest, first);
	line = line_of(first, rest);
	va_end(rest);
	config = config_scene_parse_line(&line, &status);
	config_line_free(&line);
	if (config)
		fail_msg("%s was taken", config->origin);
	return status;
}

void config_scene_said(const char *text)
{
	if (!strstr(config_scene_output, text))
		fail_msg("\"%s\" is not in: %s", text, config_scene_output);
}
