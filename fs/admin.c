/* SPDX-License-Identifier: BSD-2-Clause */
#include "fs/admin.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cache/log.h"
#include "fs/mount.h"
#include "fs/status.h"
#include "fs/warm.h"

struct command {
	const char *name, *arguments, *help;
	/* Argument: none allowed, one that may be missing (then NULL), or one. */
	enum { NONE, MAYBE, ONE } takes;
	/* At once: returns 0 and has printed the answer behind "ok", or a negative errno. */
	int (*at_once)(struct mount *mount, struct job *job, const char *argument);
	/* Long: on a thread of its own; prints its last "ok" line itself. */
	int (*long_work)(struct mount *mount, struct job *job, const char *argument);
};

/* ARGUMENT of a long command. */
struct work {
	struct mount *mount;
	const struct command *command;
	bool has_argument;
	char argument[];
};

static int do_help(struct mount *mount, struct job *job, const char *argument);

static int do_status(struct mount *mount, struct job *job, const char *argument)
{
	char *text;
	size_t length;
	int error = status_make(mount, &text, &length);

	(void)argument;
	if (error != 0)
		return error;
	job_print(job, "ok\n%s", text);
	free(text);
	return 0;
}

static int do_clear(struct mount *mount, struct job *job, const char *argument)
{
	const char *path = argument != NULL ? argument : "";
	uint64_t freed = 0;

	if (*path == '\0')
		names_distrust(mount->names);
	fetch_forget(mount->fetch);
	int error = store_clear(mount->store, *path != '\0' ? path : NULL, &freed);
	if (error == 0)
		error = catalog_forget(mount->catalog, path);
	mount_forget_kernel(mount, path);
	if (error == 0)
		job_print(job, "ok freed %llu\n", (unsigned long long)freed);
	return error;
}

struct verifying {
	struct mount *mount;
	struct job *job;
	uint64_t total;
};

static bool verify_goes_on(void *context, const struct store_progress *progress)
{
	struct verifying *verifying = context;

	job_progress(verifying->job, progress->checked, verifying->total);
	return !job_cancelled(verifying->job);
}

static int do_verify(struct mount *mount, struct job *job, const char *argument)
{
	struct verifying verifying = {.mount = mount, .job = job};
	struct store_progress progress = {0};
	struct store_usage usage;

	store_usage(mount->store, &usage);
	verifying.total = usage.used;
	int error = store_verify(mount->store, argument, verify_goes_on, &verifying, &progress);
	if (error == 0)
		job_print(job, "ok checked %llu bad %llu\n", (unsigned long long)progress.checked,
			  (unsigned long long)progress.bad);
	return error;
}

static int do_warm(struct mount *mount, struct job *job, const char *argument)
{
	int error = warm_path(mount, job, argument);
	char name[LOG_NAME_MAX];

	log_escape(name, sizeof name, argument);
	if (error == 0)
		job_print(job, "ok\n");
	else if (error == -ENOENT)
		job_explain(job, "/%s: the origin has no such file or directory", name);
	else if (error == -ENOSPC)
		job_explain(job, "/%s does not fit into the cache: see resize", name);
	else if (error != -ECANCELED)
		job_explain(job, "/%s or something below it cannot be fetched; the log says what",
			    name);
	return error;
}

static int do_resize(struct mount *mount, struct job *job, const char *argument)
{
	config_capacity capacity;
	uint64_t limit;
	int error = config_capacity_parse(argument, &capacity);

	if (error != 0)
		job_explain(job, "%s is no size: octets with K, M, G or T, or 5%% of the volume",
			    argument);
	if (error == 0)
		error = config_capacity_octets(capacity, mount->config->cache_dir, &limit);
	if (error == 0) {
		error = store_resize(mount->store, limit);
		if (error == -EBUSY)
			job_explain(job, "%s: what is pinned does not fit into it; unpin something",
				    argument);
		else if (error == -EINVAL)
			job_explain(job, "%s: a cache needs 1M at least", argument);
	}
	if (error != 0)
		return error;
	pthread_mutex_lock(&mount->config_lock);
	mount->config->cache_size = capacity;
	pthread_mutex_unlock(&mount->config_lock);
	mount_limit_changed(mount);
	job_print(job, "ok limit %llu\n", (unsigned long long)limit);
	return 0;
}

static int pin(struct mount *mount, struct job *job, const char *path, bool pinned)
{
	int error = store_pin(mount->store, path, pinned);

	if (error == 0)
		job_print(job, "ok\n");
	return error;
}

static int do_pin(struct mount *mount, struct job *job, const char *argument)
{
	return pin(mount, job, argument, true);
}

static int do_unpin(struct mount *mount, struct job *job, const char *argument)
{
	return pin(mount, job, argument, false);
}

static int do_jobs(struct mount *mount, struct job *job, const char *argument)
{
	(void)argument;
	job_print(job, "ok\n");
	jobs_list(mount->jobs, job);
	return 0;
}

static int do_cancel(struct mount *mount, struct job *job, const char *argument)
{
	char *end;
	unsigned long number = strtoul(argument, &end, 10);

	if (!isdigit((unsigned char)*argument) || *end != '\0' || number > UINT32_MAX) {
		job_explain(job, "%s is no number of a job: see jobs", argument);
		return -EINVAL;
	}
	int error = job_cancel(mount->jobs, (unsigned)number);
	if (error == 0)
		job_print(job, "ok\n");
	else
		job_explain(job, "no job %lu runs: see jobs", number);
	return error;
}

static int do_reload(struct mount *mount, struct job *job, const char *argument)
{
	char message[1024];
	int error = mount_reload(mount, message, sizeof message);

	(void)argument;
	if (error == 0)
		job_print(job, "ok\n%s%s", message, *message != '\0' ? "\n" : "");
	else
		job_explain(job, "%s",
			    *message != '\0' ? message
					     : "the mount has no configuration file (-c)");
	return error;
}

static const struct command commands[] = {
	{"status", "", "what the status file says", NONE, do_status, NULL},
	{"clear", " [PATH]", "flush everything, or PATH and below", MAYBE, NULL, do_clear},
	{"pin", " PATH", "never evict PATH and what is below", ONE, do_pin, NULL},
	{"unpin", " PATH", "take that back", ONE, do_unpin, NULL},
	{"warm", " PATH", "fetch PATH and all below now", ONE, NULL, do_warm},
	{"verify", " [PATH]", "check every cached block, drop what is bad", MAYBE, NULL, do_verify},
	{"resize", " SIZE", "change the limit of the cache", ONE, do_resize, NULL},
	{"jobs", "", "what runs: number, done, total, command", NONE, do_jobs, NULL},
	{"cancel", " JOB", "end a job", ONE, do_cancel, NULL},
	{"reload", "", "read the configuration file again", NONE, do_reload, NULL},
	{"help", "", "this list", NONE, do_help, NULL},
};
#define COMMANDS (sizeof commands / sizeof commands[0])

static int do_help(struct mount *mount, struct job *job, const char *argument)
{
	(void)mount;
	(void)argument;
	job_print(job, "ok\n");
	for (size_t i = 0; i < COMMANDS; i++)
		job_print(job, "%s%s\t%s\n", commands[i].name, commands[i].arguments,
			  commands[i].help);
	return 0;
}

static int run_work(struct job *job, void *context)
{
	struct work *work = context;

	return work->command->long_work(work->mount, job,
					work->has_argument ? work->argument : NULL);
}

static int start_work(struct mount *mount, struct job *job, const struct command *command,
		      const char *argument)
{
	size_t length = argument != NULL ? strlen(argument) : 0;
	struct work *work = calloc(1, sizeof *work + length + 1);

	if (work == NULL)
		return -ENOMEM;
	work->mount = mount;
	work->command = command;
	work->has_argument = argument != NULL;
	memcpy(work->argument, argument != NULL ? argument : "", length);
	int error = job_start(job, run_work, work);
	if (error != 0)
		free(work);
	return error;
}

/* Takes "\xNN" for an octet, and slashes off both ends. -EINVAL: a backslash that is none of it. */
static int unescape(char *argument)
{
	char *from = argument + strspn(argument, "/"), *to = argument;

	while (*from != '\0') {
		unsigned octet;
		if (*from != '\\') {
			*to++ = *from++;
			continue;
		}
		if (from[1] != 'x' || !isxdigit((unsigned char)from[2]) ||
		    !isxdigit((unsigned char)from[3]) || sscanf(from + 2, "%2x", &octet) != 1 ||
		    octet == 0)
			return -EINVAL;
		*to++ = (char)octet;
		from += 4;
	}
	while (to > argument && to[-1] == '/')
		to--;
	*to = '\0';
	return 0;
}

static int carry_out(struct mount *mount, struct job *job, char *line)
{
	char *name = line + strspn(line, " \t");
	size_t length = strcspn(name, " \t");
	char *argument = name + length;

	argument += strspn(argument, " \t");
	for (char *end = argument + strlen(argument); end > argument && end[-1] == ' ';)
		*--end = '\0';
	for (size_t i = 0; i < COMMANDS; i++) {
		const struct command *command = &commands[i];
		if (strlen(command->name) != length || strncmp(command->name, name, length) != 0)
			continue;
		bool given = *argument != '\0';
		if ((command->takes == NONE && given) || (command->takes == ONE && !given)) {
			job_explain(job, "usage: %s%s", command->name, command->arguments);
			return -EINVAL;
		}
		if (given && unescape(argument) != 0) {
			job_explain(job, "a backslash is written \\x5c, other octets \\xNN");
			return -EINVAL;
		}
		if (command->at_once != NULL) {
			int error = command->at_once(mount, job, given ? argument : NULL);
			if (error == 0)
				job_end(job, 0);
			return error;
		}
		return start_work(mount, job, command, given ? argument : NULL);
	}
	job_explain(job, "no such command: see help");
	return -EINVAL;
}

int admin_start(struct mount *mount, const char *line, struct job **job_out)
{
	struct job *job;
	char *copy = strdup(line);

	*job_out = NULL;
	if (copy == NULL || job_create(mount->jobs, line, &job) != 0) {
		free(copy);
		return -ENOMEM;
	}
	int error = carry_out(mount, job, copy);
	if (error != 0)
		job_end(job, error);
	free(copy);
	*job_out = job;
	return error;
}
