/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The verb `publish`: hashes now what `serve` would hash later. The tree is walked twice, first to
 * know how much there is. Files are handed to the publisher a few at a time; what it tells, on its
 * threads, is put on a list that this thread takes from.
 */
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <inttypes.h>
#include <jansson.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cache/log.h"
#include "fs/cli.h"
#include "fs/cli_hashing.h"
#include "fs/server_key.h"

/* Our choices: files handed over at a time, and how often the bar moves. */
#define AHEAD_MAX 32
#define BAR_MS 100

static const char usage[] = "usage: peerdist publish [OPTION] PATH\n"
			    "Hashes a file now, so that serve need not do it later.\n\n"
			    "  -r                  all files below the directory PATH\n"
			    "  --key FILE          the server secret; made if missing\n"
			    "  --hashes DIR        where hashes are kept\n"
			    "  --hashes-size SIZE  what they may take; default 1G\n"
			    "  --versions 1,2      of content information to make\n"
			    "  --min-size SIZE     smaller files are left out; default 64K\n"
			    "  --json              say what was done as JSON\n";

struct request {
	struct cli_hashing hashing;
	bool recursive, json;
	char *path;
};

/* A file at the publisher. */
struct item {
	struct item *next;
	struct run *run;
	int error;
	char path[];
};

struct run {
	const struct request *request;
	struct publish *publish;
	struct cli_progress progress;
	uint64_t octets; /* of all files */

	/* What was done: files. */
	uint64_t files, kept, made, small;
	uint64_t kept_octets;
	json_t *failed;
	unsigned ahead;

	pthread_mutex_t lock;
	pthread_cond_t told;
	struct item *finished; /* guarded by lock */
};

/* What is told */

static void fail(struct run *run, const char *path, const char *reason)
{
	char escaped[LOG_NAME_MAX];

	log_escape(escaped, sizeof(escaped), path);
	cli_progress_end(&run->progress);
	cli_complain(CLI_FAILED, "publish %s: %s", escaped, reason);
	json_array_append_new(run->failed,
			      json_pack("{s:s, s:s}", "path", escaped, "error", reason));
}

static const char *reason_of(int error)
{
	switch (error) {
	case -ESTALE:
		return "changed while it was read; publish it again";
	case -EFBIG:
		return "its hashes are larger than all that are kept may be";
	default:
		return strerror(-error);
	}
}

/* On a thread of the publisher. */
static void done(void *context, int error)
{
	struct item *item = context;
	struct run *run = item->run;

	item->error = error;
	pthread_mutex_lock(&run->lock);
	item->next = run->finished;
	run->finished = item;
	pthread_cond_signal(&run->told);
	pthread_mutex_unlock(&run->lock);
}

static void take_finished(struct run *run, struct item *finished)
{
	while (finished) {
		struct item *item = finished;

		finished = item->next;
		run->ahead--;
		if (item->error)
			fail(run, item->path, reason_of(item->error));
		else
			run->made++;
		free(item);
	}
}

static void show(struct run *run)
{
	struct publish_counters counters;

	publish_counters(run->publish, &counters);
	cli_progress_show(&run->progress, counters.octets_hashed + run->kept_octets, run->octets);
}

/* Until no more than COUNT files are at the publisher. */
static void wait_for(struct run *run, unsigned count)
{
	while (run->ahead > count) {
		struct item *finished;
		struct timespec until;

		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_nsec += BAR_MS * 1000000;
		until.tv_sec += until.tv_nsec / 1000000000;
		until.tv_nsec %= 1000000000;
		pthread_mutex_lock(&run->lock);
		if (!run->finished)
			pthread_cond_timedwait(&run->told, &run->lock, &until);
		finished = run->finished;
		run->finished = NULL;
		pthread_mutex_unlock(&run->lock);
		take_finished(run, finished);
		show(run);
	}
}

/* A file */

static int hand_over(struct run *run, const char *path, const struct publish_subject *subject,
		     int file)
{
	struct item *item = malloc(sizeof(*item) + strlen(path) + 1);
	int error = item ? 0 : -ENOMEM;

	if (error)
		return error;
	*item = (struct item){.run = run};
	strcpy(item->path, path);
	wait_for(run, AHEAD_MAX - 1);
	/* Urgent: it is all that this process does, so all cores shall do it. */
	while ((error = publish_make(run->publish, subject, file, true, done, item)) == -EBUSY &&
	       run->ahead > 0)
		wait_for(run, run->ahead - 1);
	if (error)
		free(item);
	else
		run->ahead++;
	return error;
}

static int publish_open(struct run *run, const char *path, int file)
{
	struct publish_subject subject;
	struct stat status;

	if (fstat(file, &status))
		return -errno;
	if (!S_ISREG(status.st_mode))
		return -EINVAL;
	publish_subject_of_file(&status, &subject);
	if (!publish_is_kept(run->publish, &subject))
		return hand_over(run, path, &subject, file);
	run->kept++;
	run->kept_octets += subject.size;
	show(run);
	return 0;
}

static void publish_file(struct run *run, const char *path, const struct stat *status)
{
	int file, error;

	run->files++;
	if ((uint64_t)status->st_size < run->request->hashing.min_size || status->st_size == 0) {
		run->small++;
		return;
	}
	file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	error = file < 0 ? -errno : publish_open(run, path, file);
	if (file >= 0)
		close(file);
	if (error)
		fail(run, path, reason_of(error));
}

/* The walk */

typedef void visitor(struct run *run, const char *path, const struct stat *status);

static void count(struct run *run, const char *path, const struct stat *status)
{
	(void)path;
	if ((uint64_t)status->st_size >= run->request->hashing.min_size)
		run->octets += (uint64_t)status->st_size;
}

static void visit(struct run *run, const FTSENT *entry, visitor *visited)
{
	switch (entry->fts_info) {
	case FTS_F:
		visited(run, entry->fts_path, entry->fts_statp);
		break;
	case FTS_DNR:
	case FTS_ERR:
	case FTS_NS:
		/* Said once. */
		if (visited == publish_file)
			fail(run, entry->fts_path, strerror(entry->fts_errno));
		break;
	default: /* directories, and what is no file */
		break;
	}
}

static int walk(struct run *run, visitor *visited)
{
	char *paths[] = {run->request->path, NULL};
	/* Links below PATH lead to what is published by its own name, or is not below PATH. */
	FTS *tree = fts_open(paths, FTS_PHYSICAL | FTS_COMFOLLOW | FTS_NOCHDIR, NULL);
	const FTSENT *entry;
	int error;

	if (!tree)
		return cli_complain(CLI_FAILED, "publish: %m");
	for (errno = 0; (entry = fts_read(tree)); errno = 0)
		visit(run, entry, visited);
	error = errno;
	fts_close(tree);
	return error ? cli_complain(CLI_FAILED, "publish: %s", strerror(error)) : CLI_DONE;
}

/* The answer */

static int show_json(const struct run *run, const struct publish_counters *counters)
{
	json_t *answer =
		json_pack("{s:I, s:I, s:I, s:I, s:I, s:O}", "files", (json_int_t)run->files,
			  "hashed", (json_int_t)run->made, "octets_hashed",
			  (json_int_t)counters->octets_hashed, "known", (json_int_t)run->kept,
			  "small", (json_int_t)run->small, "failed", run->failed);
	int failed = !answer || json_dumpf(answer, stdout, JSON_INDENT(2));

	putchar('\n');
	json_decref(answer);
	return failed ? cli_complain(CLI_FAILED, "cannot write the answer") : CLI_DONE;
}

static int show_answer(const struct run *run)
{
	struct publish_counters counters;

	publish_counters(run->publish, &counters);
	if (run->request->json)
		return show_json(run, &counters);
	printf("%" PRIu64 " hashed (%" PRIu64 " octets), %" PRIu64 " known already, %" PRIu64
	       " too small, %zu failed\n",
	       run->made, counters.octets_hashed, run->kept, run->small,
	       json_array_size(run->failed));
	return CLI_DONE;
}

static int publish_all(struct run *run)
{
	int status = walk(run, count);

	if (status)
		return status;
	cli_progress_start(&run->progress);
	status = walk(run, publish_file);
	wait_for(run, 0);
	cli_progress_end(&run->progress);
	if (!status)
		status = show_answer(run);
	return json_array_size(run->failed) > 0 ? CLI_FAILED : status;
}

/* The parts */

static int run_with(const struct request *request, const struct secret *secret, struct pool *pool)
{
	char message[SERVER_KEY_MESSAGE];
	struct run run = {.request = request,
			  .lock = PTHREAD_MUTEX_INITIALIZER,
			  .told = PTHREAD_COND_INITIALIZER};
	int status;

	if (cli_hashing_create(&request->hashing, secret, pool, &run.publish, message,
			       sizeof(message)))
		return cli_complain(CLI_FAILED, "%s", message);
	run.failed = json_array();
	status = publish_all(&run);
	json_decref(run.failed);
	publish_free(run.publish);
	return status;
}

static int run_request(const struct request *request)
{
	char message[SERVER_KEY_MESSAGE];
	struct secret *secret;
	struct pool *pool;
	int status, error;

	if (server_key_load(request->hashing.key, true, &secret, message, sizeof(message)))
		return cli_complain(CLI_FAILED, "%s", message);
	error = pool_create(0, &pool);
	status = error ? cli_complain(CLI_FAILED, "threads: %s", strerror(-error))
		       : run_with(request, secret, pool);
	if (!error)
		pool_destroy(pool);
	secret_free(secret);
	return status;
}

/* The command line */

static int check_path(const struct request *request)
{
	char escaped[LOG_NAME_MAX];
	struct stat status;

	log_escape(escaped, sizeof(escaped), request->path);
	if (stat(request->path, &status))
		return cli_complain(CLI_FAILED, "publish %s: %m", escaped);
	if (S_ISDIR(status.st_mode) && !request->recursive)
		return cli_complain(CLI_USAGE,
				    "publish: %s is a directory; with -r all files below it are "
				    "meant",
				    escaped);
	if (!S_ISDIR(status.st_mode) && !S_ISREG(status.st_mode))
		return cli_complain(CLI_FAILED, "publish: %s is neither a file nor a directory",
				    escaped);
	return CLI_DONE;
}

static const struct cli_option options[] = {
	CLI_HASHING_OPTIONS(struct request, hashing),
	CLI_FLAG("r", struct request, recursive),
	CLI_FLAG("json", struct request, json),
	CLI_OPTIONS_END,
};

int cli_publish(int count_of_words, char **words)
{
	struct request request = {.hashing = CLI_HASHING_INITIAL};
	int status;

	if (cli_help_wanted(count_of_words, words)) {
		fputs(usage, stdout);
		return CLI_DONE;
	}
	status = cli_options(count_of_words, words, options, &request);
	if (status)
		return status;
	if (count_of_words - optind != 1)
		return cli_complain(CLI_USAGE,
				    "publish takes one path; see peerdist publish --help");
	request.path = words[optind];
	status = check_path(&request);
	return status ? status : run_request(&request);
}
