/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The store as a whole: opened, locked, measured, closed. In its directory lie "lock" (who owns
 * it), "index" (SQLite, with its log) and "data/ID" (sparse files and packs).
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "cache/catalog_private.h"
#include "cache/log.h"
#include "cache/store_segment_private.h"

/* Our choice: what a store may take whose directory is full, beside what is there already. */
#define READ_THROUGH_OCTETS (16ull << 20)
/* Our choice: files of an unlinked store, each of which is a descriptor. */
enum { UNLINKED_FILES_MAX = 4096 };

time_t store_monotonic(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return now.tv_sec + 1;
}

static int64_t system_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME_COARSE, &now);
	return (int64_t)now.tv_sec;
}

uint64_t store_unrecorded_max(const struct store *store)
{
	return store->limit / 8 < STORE_UNRECORDED_MAX ? store->limit / 8 : STORE_UNRECORDED_MAX;
}

uint64_t store_pack_octets(const struct store *store)
{
	uint64_t octets = store->limit / 16;

	if (octets < STORE_PACK_OCTETS_MIN)
		return STORE_PACK_OCTETS_MIN;
	return octets < STORE_PACK_OCTETS ? octets : STORE_PACK_OCTETS;
}

uint64_t store_new_id(struct store *store)
{
	struct index *index = &store->index;

	if (store->next_id >= index->totals.next_id) {
		index->totals.next_id = store->next_id + STORE_ID_BATCH;
		/* If this fails nothing else can be recorded either. */
		index_commit(index);
	}
	return store->next_id++;
}

/* ---- the directory ---- */

/* What stands in the way of a directory, for people. */
static int explain(char *message, size_t size, const char *directory, const char *what, int error)
{
	snprintf(message, size, "cache directory %s: %s: %s", directory, what, strerror(-error));
	return error;
}

/* Makes DIRECTORY and what is missing above it. */
static int make_directories(const char *directory)
{
	char *path = strdup(directory);
	int error = path == NULL ? -ENOMEM : 0;

	for (char *slash = path; error == 0 && (slash = strchr(slash + 1, '/')) != NULL;) {
		*slash = '\0';
		if (mkdir(path, 0755) != 0 && errno != EEXIST)
			error = -errno;
		*slash = '/';
	}
	if (error == 0 && mkdir(directory, 0700) != 0 && errno != EEXIST)
		error = -errno;
	free(path);
	return error;
}

static int open_directory(struct store *store, char *message, size_t size)
{
	struct statvfs volume;
	int error = 0;

	store->directory_fd = open(store->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (store->directory_fd < 0 && errno == ENOENT) {
		error = make_directories(store->directory);
		if (error != 0)
			return explain(message, size, store->directory, "cannot be made", error);
		store->directory_fd = open(store->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	if (store->directory_fd < 0)
		return explain(message, size, store->directory, "cannot be opened", -errno);
	if (faccessat(store->directory_fd, ".", W_OK | X_OK, AT_EACCESS) != 0)
		return explain(message, size, store->directory, "cannot be written", -errno);
	store->block = 4096;
	if (fstatvfs(store->directory_fd, &volume) == 0 && volume.f_frsize > store->block &&
	    volume.f_frsize <= CUTTING_UNIT)
		store->block = volume.f_frsize;
	return 0;
}

/* "pid 123 (mounted on /mnt)", as the owner wrote it. */
static void describe_owner(int fd, char *text, size_t size)
{
	char content[4352], escaped[LOG_NAME_MAX];
	ssize_t length = pread(fd, content, sizeof(content) - 1, 0);
	char *owner;

	content[length > 0 ? length : 0] = '\0';
	content[strcspn(content, "\n")] = '\0';
	owner = strchr(content, ' ');
	if (owner == NULL) {
		snprintf(text, size, "another process");
		return;
	}
	*owner++ = '\0';
	snprintf(text, size, "pid %d (%s)", atoi(content),
		 log_escape(escaped, sizeof(escaped), owner));
}

static int lock_directory(struct store *store, const char *owner, char *message, size_t size)
{
	char text[4352];

	store->lock_fd = openat(store->directory_fd, "lock",
				O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (store->lock_fd < 0)
		return explain(message, size, store->directory, "its lock cannot be opened",
			       -errno);
	if (flock(store->lock_fd, LOCK_EX | LOCK_NB) != 0) {
		int error = errno == EWOULDBLOCK ? -EBUSY : -errno;

		describe_owner(store->lock_fd, text, sizeof(text));
		snprintf(message, size,
			 "cache directory %s is in use by %s: unmount or end that one, or choose "
			 "another directory (cache=DIR; of a hosted cache --cache DIR)",
			 store->directory, text);
		return error;
	}
	snprintf(text, sizeof(text), "%d %s\n", (int)getpid(), owner != NULL ? owner : "");
	if (ftruncate(store->lock_fd, 0) != 0 ||
	    file_write(store->lock_fd, text, strlen(text), 0) != 0)
		log_debug("the owner could not be written into the lock of %s", store->directory);
	return 0;
}

/* Blocks without an index are nobody's: out of the way, for the sweeper. */
static int put_data_aside(struct store *store)
{
	char name[64];

	snprintf(name, sizeof(name), SWEEP_STALE "%lld-%d", (long long)time(NULL), (int)getpid());
	if (renameat(store->directory_fd, "data", store->directory_fd, name) == 0)
		return 0;
	return errno == ENOENT ? 0 : -errno;
}

static bool stale_exists(struct store *store)
{
	DIR *directory = fdopendir(openat(store->directory_fd, ".", O_RDONLY | O_CLOEXEC));
	struct dirent *entry;
	bool found = false;

	if (directory == NULL)
		return false;
	while (!found && (entry = readdir(directory)) != NULL)
		found = strncmp(entry->d_name, SWEEP_STALE, strlen(SWEEP_STALE)) == 0;
	closedir(directory);
	return found;
}

static int open_data(struct store *store)
{
	if (mkdirat(store->directory_fd, "data", 0700) != 0 && errno != EEXIST)
		return -errno;
	store->data_fd = openat(store->directory_fd, "data",
				O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	return store->data_fd < 0 ? -errno : 0;
}

/* ---- the index ---- */

static int find_scope(struct store *store)
{
	struct index *index = &store->index;
	sqlite3_stmt *row;
	int error = index_run(index, "INSERT OR IGNORE INTO scope(name) VALUES(?)", "s",
			      store->scope_name);

	if (error != 0)
		return error;
	row = index_query(index, "SELECT id FROM scope WHERE name = ?", "s", store->scope_name);
	error = index_step(index, row);
	if (error != 1)
		return error < 0 ? error : -EIO;
	store->scope = sqlite3_column_int64(row, 0);
	index_done(row);
	row = index_query(index, "SELECT count(*) FROM pin WHERE scope = ?", "i", store->scope);
	if (index_step(index, row) == 1) {
		store->wishes = (unsigned)sqlite3_column_int64(row, 0);
		index_done(row);
	}
	return 0;
}

/* Takes over what the former session left. */
static int begin_session(struct store *store, bool clean)
{
	struct index *index = &store->index;
	int error = find_scope(store);

	if (error != 0)
		return error;
	store->used = index->totals.octets;
	store->contents = index->totals.contents;
	store->first_id = store->next_id = index->totals.next_id;
	index->totals.next_id += STORE_ID_BATCH;
	error = index_run(index, "UPDATE meta SET clean = 0", "");
	if (error == 0)
		error = segment_names_open(store, clean);
	if (error == 0)
		error = opaque_start(store);
	if (error == 0)
		error = index_commit(index);
	store->index_octets = index_size(index, &store->index_reserve);
	if (!clean) {
		store->sweep_all = true;
		store->suspect = store_unrecorded_max(store);
	}
	return error;
}

/* -EBADMSG: damaged in a way that shows only now. */
static int try_index(struct store *store, char *message, size_t size)
{
	bool clean = true, fresh;
	int error = index_open(&store->index, store->directory_fd,
			       store->unlinked ? NULL : store->directory, store->limit, &clean);

	if (error != 0)
		return explain(message, size, store->directory, "its index cannot be opened",
			       error);
	store->index_opened = true;
	fresh = store->index.fresh && !store->unlinked;
	if (fresh)
		error = put_data_aside(store);
	if (error == 0 && !store->unlinked)
		error = open_data(store);
	if (error == 0)
		error = begin_session(store, clean);
	if (__atomic_load_n(&store->index.broken, __ATOMIC_RELAXED))
		error = -EBADMSG;
	return error == 0 ? 0 : explain(message, size, store->directory, "cannot be used", error);
}

static void set_open_files_max(struct store *store)
{
	struct rlimit limit;

	store->open_files_max = STORE_OPEN_FILES;
	if (!store->unlinked)
		return;
	store->open_files_max = UNLINKED_FILES_MAX;
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur / 2 < UNLINKED_FILES_MAX)
		store->open_files_max = (unsigned)(limit.rlim_cur / 2);
}

static void close_index(struct store *store)
{
	if (store->index_opened)
		index_close(&store->index, false);
	store->index_opened = false;
	if (store->data_fd >= 0)
		close(store->data_fd);
	store->data_fd = -1;
}

/* For this session what is in the directory stays as it is, and what is read is held beside it. */
static void read_through(struct store *store)
{
	log_warning("the cache directory %s has no room for its index: nothing is kept until the "
		    "next mount",
		    store->directory);
	store->unlinked = true;
	if (store->limit > READ_THROUGH_OCTETS)
		store->limit = READ_THROUGH_OCTETS;
	set_open_files_max(store);
}

static int open_index(struct store *store, char *message, size_t size)
{
	int error = try_index(store, message, size);

	if (error == -EBADMSG && store->index_opened) {
		/* It is gone by now, and the next one is a new one. */
		close_index(store);
		error = try_index(store, message, size);
	}
	if (error == -ENOSPC) {
		close_index(store);
		read_through(store);
		error = try_index(store, message, size);
	}
	if (error == 0 && !store->unlinked && stale_exists(store))
		store->suspect = store->limit;
	return error;
}

/* ---- opening and closing ---- */

static int set_options(struct store *store, const struct store_options *options)
{
	store->directory = strdup(options->directory);
	store->scope_name = strdup(options->scope != NULL ? options->scope : "");
	store->unlinked = options->unlinked;
	store->limit = options->limit;
	store->max_age = options->max_age;
	store->now = options->now != NULL ? options->now : system_seconds;
	set_open_files_max(store);
	return store->directory == NULL || store->scope_name == NULL ? -ENOMEM : 0;
}

static struct store *store_new(void)
{
	struct store *store = calloc(1, sizeof(*store));
	pthread_condattr_t clock;

	if (store == NULL)
		return NULL;
	store->directory_fd = store->data_fd = store->lock_fd = -1;
	pthread_mutex_init(&store->lock, NULL);
	pthread_cond_init(&store->changed, NULL);
	pthread_condattr_init(&clock);
	pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
	pthread_cond_init(&store->wake, &clock);
	pthread_condattr_destroy(&clock);
	TAILQ_INIT(&store->runs);
	TAILQ_INIT(&store->dirty_runs);
	TAILQ_INIT(&store->touched_runs);
	TAILQ_INIT(&store->dirty_objects);
	TAILQ_INIT(&store->dead_objects);
	TAILQ_INIT(&store->dead_packs);
	TAILQ_INIT(&store->dead_contents);
	TAILQ_INIT(&store->idle_files);
	TAILQ_INIT(&store->names);
	TAILQ_INIT(&store->tags);
	TAILQ_INIT(&store->opaque_open);
	pthread_mutex_init(&store->segment_lock, NULL);
	pthread_mutex_init(&store->tags_lock, NULL);
	return store;
}

static void store_free(struct store *store)
{
	int descriptors[] = {store->data_fd, store->lock_fd, store->directory_fd};

	catalog_free(store->catalog);
	opaque_close(store);
	for (size_t i = 0; i < sizeof(descriptors) / sizeof(descriptors[0]); i++)
		if (descriptors[i] >= 0)
			close(descriptors[i]);
	pthread_cond_destroy(&store->wake);
	pthread_cond_destroy(&store->changed);
	pthread_mutex_destroy(&store->lock);
	pthread_mutex_destroy(&store->segment_lock);
	pthread_mutex_destroy(&store->tags_lock);
	free(store->batch);
	free(store->scope_name);
	free(store->directory);
	free(store);
}

/* It may hold more than its new limit, and nobody may write for long. */
static void begin_enforcing(struct store *store)
{
	store_lock(store);
	if (room_left(store) == 0)
		record_wake(store);
	store_unlock(store);
}

static int start(struct store *store, const struct store_options *options, char *message,
		 size_t size)
{
	int error = set_options(store, options);

	if (error != 0)
		return error;
	if (options->limit < STORE_LIMIT_MIN) {
		snprintf(message, size,
			 "a cache size of %llu octets is too little; %llu KiB are "
			 "the least",
			 (unsigned long long)options->limit, STORE_LIMIT_MIN >> 10);
		return -EINVAL;
	}
	error = open_directory(store, message, size);
	if (error == 0 && !store->unlinked)
		error = lock_directory(store, options->owner, message, size);
	if (error == 0)
		error = open_index(store, message, size);
	if (error == 0)
		error = catalog_create(store, &store->catalog);
	if (error == 0)
		error = record_start(store);
	if (error == 0 && store->suspect > 0)
		error = sweep_start(store);
	if (error == 0 && store->backlog)
		error = segment_backlog_start(store);
	if (error == 0)
		begin_enforcing(store);
	return error;
}

int store_open(const struct store_options *options, struct store **store_out, char *message,
	       size_t message_size)
{
	struct store *store = store_new();
	int error;

	snprintf(message, message_size, "cache: %s", strerror(ENOMEM));
	if (store == NULL)
		return -ENOMEM;
	error = start(store, options, message, message_size);
	if (error != 0) {
		store_close(store);
		return error;
	}
	message[0] = '\0';
	*store_out = store;
	return 0;
}

/* Unloads everything; what could not be recorded is lost. */
static void unload_all(struct store *store)
{
	struct object *object, *following;
	struct run *run, *next;

	store_lock(store);
	store->open_pack = NULL;
	opaque_close_packs(store);
	for (run = TAILQ_FIRST(&store->runs); run != NULL; run = next) {
		next = TAILQ_NEXT(run, age);
		run->dirty = run->touched = false;
		run_unload(store, run, true);
	}
	for (unsigned i = 0; i < STORE_BUCKETS; i++)
		for (object = LIST_FIRST(&store->by_path[i]); object != NULL; object = following) {
			following = LIST_NEXT(object, path_bucket);
			object->dirty = false;
			object_settle(object);
		}
	store_unlock(store);
	object_bury(store);
}

void store_close(struct store *store)
{
	bool clean;

	if (store == NULL)
		return;
	segment_backlog_stop(store);
	sweep_stop(store);
	record_stop(store);
	if (store->index_opened) {
		segment_release(store, INT64_MAX);
		clean = store->batch != NULL && store_flush(store) == 0;
		store_tags_close(store);
		segment_names_close(store);
		unload_all(store);
		index_close(&store->index, clean && (store->suspect == 0 || store->swept));
	}
	store_free(store);
}

/* ---- figures ---- */

void store_usage(struct store *store, struct store_usage *usage_out)
{
	store_lock(store);
	*usage_out = (struct store_usage){
		.used = store->used + store->index_octets,
		.room = room_left(store),
		.limit = store->limit,
		.contents = store->contents,
		.segments = store->segments,
		.opaque = __atomic_load_n(&store->opaque, __ATOMIC_RELAXED),
		.checksum_errors = store->checksum_errors,
		.evicted = store->evicted,
	};
	store_unlock(store);
}
