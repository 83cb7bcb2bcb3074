/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The walk goes in depth, with one open directory for each level, so its memory does not grow with
 * the tree.
 */
#include "origin/content_walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cache/log.h"
#include "origin/content_tree.h"

/* Our choice, as each level holds a descriptor; what lies deeper is published when asked for. */
#define LEVELS_MAX 128
/* Our choice: two keep the disk busy while one is written down. */
#define PENDING_MAX 2
/* How long until a full queue is tried again. */
#define RETRY_MS 200

struct content_walk {
	struct publish *publish;
	uint64_t min_size;
	pthread_t thread;
	pthread_mutex_t lock; /* leaf */
	pthread_cond_t changed;
	unsigned pending; /* guarded by lock, as what follows: being made for us */
	bool stopped;
	bool joined; /* of whoever stops it */
	/* The thread's own. */
	DIR *levels[LEVELS_MAX];
	unsigned depth;
	uint64_t begun;
	uint64_t octets; /* of hashes, made or not, of the files so far; about */
	bool full;       /* no more can be kept */
	bool told;       /* that something is left out */
};

static void made(void *context, int error)
{
	struct content_walk *walk = context;

	(void)error;
	pthread_mutex_lock(&walk->lock);
	walk->pending--;
	pthread_cond_signal(&walk->changed);
	pthread_mutex_unlock(&walk->lock);
}

static bool is_stopped(struct content_walk *walk)
{
	bool stopped;

	pthread_mutex_lock(&walk->lock);
	stopped = walk->stopped;
	pthread_mutex_unlock(&walk->lock);
	return stopped;
}

/* Until one more may be begun. False: stopped. */
static bool take_place(struct content_walk *walk)
{
	bool go;

	pthread_mutex_lock(&walk->lock);
	while (!walk->stopped && walk->pending >= PENDING_MAX)
		pthread_cond_wait(&walk->changed, &walk->lock);
	go = !walk->stopped;
	walk->pending += go;
	pthread_mutex_unlock(&walk->lock);
	return go;
}

/* The queue is full of what others want. */
static void rest(struct content_walk *walk)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += RETRY_MS * 1000000l;
	if (until.tv_nsec >= 1000000000) {
		until.tv_nsec -= 1000000000;
		until.tv_sec++;
	}
	pthread_mutex_lock(&walk->lock);
	while (!walk->stopped &&
	       pthread_cond_timedwait(&walk->changed, &walk->lock, &until) != ETIMEDOUT)
		;
	pthread_mutex_unlock(&walk->lock);
}

/* More hashes than there is room for: each would cost another its place, and be made anew at each
 * start. What does not fit by itself is left out, else the walk is over. */
static void leave_out(struct content_walk *walk, bool fits)
{
	walk->full = fits;
	if (!walk->told)
		log_warning("the directory of hashes is too small for the tree: the rest of it is "
			    "hashed when it is asked for; --hashes-size sets what it may take");
	walk->told = true;
}

static void have_made(struct content_walk *walk, const struct publish_subject *subject, int file)
{
	while (take_place(walk)) {
		int error = publish_make(walk->publish, subject, file, false, made, walk);

		if (error == 0) {
			walk->begun++;
			return;
		}
		made(walk, error);
		if (error != -EBUSY)
			return;
		rest(walk);
	}
}

static void visit_settled(struct content_walk *walk, const struct publish_subject *subject,
			  int file)
{
	uint64_t octets = publish_octets_for(walk->publish, subject->size);
	uint64_t room = publish_room(walk->publish);

	if (octets > room - walk->octets) {
		leave_out(walk, octets <= room);
		return;
	}
	walk->octets += octets;
	if (!publish_is_kept(walk->publish, subject))
		have_made(walk, subject, file);
}

static void visit_file(struct content_walk *walk, int directory, const char *name)
{
	struct publish_subject subject;
	struct stat status;
	bool settled;
	int file =
		openat(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	if (file < 0)
		return;
	if (content_tree_status(file, &status, &settled) == 0 && S_ISREG(status.st_mode) &&
	    settled && (uint64_t)status.st_size >= walk->min_size) {
		publish_subject_of_file(&status, &subject);
		visit_settled(walk, &subject, file);
	}
	close(file);
}

/* Takes FILE, a descriptor of a directory, over. */
static void enter(struct content_walk *walk, int file)
{
	static struct log_limit limit;
	DIR *directory = walk->depth < LEVELS_MAX ? fdopendir(file) : NULL;

	if (directory != NULL) {
		walk->levels[walk->depth++] = directory;
		return;
	}
	log_limited(&limit, LOG_LEVEL_WARNING,
		    "a directory is not hashed ahead: nested too deeply, or cannot be opened");
	close(file);
}

static void visit(struct content_walk *walk, int directory, const char *name)
{
	struct stat status;
	int file;

	/* Looked at first: opening a device may do things. */
	if (fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
		return;
	if (S_ISREG(status.st_mode) && (uint64_t)status.st_size >= walk->min_size) {
		visit_file(walk, directory, name);
	} else if (S_ISDIR(status.st_mode)) {
		file = openat(directory, name,
			      O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
		if (file >= 0)
			enter(walk, file);
	}
}

static void *run(void *opaque)
{
	struct content_walk *walk = opaque;

	while (walk->depth > 0 && !walk->full && !is_stopped(walk)) {
		DIR *level = walk->levels[walk->depth - 1];
		const struct dirent *found = readdir(level);

		if (found == NULL) {
			closedir(level);
			walk->depth--;
		} else if (strcmp(found->d_name, ".") != 0 && strcmp(found->d_name, "..") != 0) {
			visit(walk, dirfd(level), found->d_name);
		}
	}
	if (walk->depth == 0)
		log_info("walked the tree; content information is being made for %llu files",
			 (unsigned long long)walk->begun);
	while (walk->depth > 0)
		closedir(walk->levels[--walk->depth]);
	return NULL;
}

int content_walk_start(int root, uint64_t min_size, struct publish *publish,
		       struct content_walk **walk_out)
{
	struct content_walk *walk = calloc(1, sizeof(*walk));
	/* One of its own: a duplicate would share the position in the directory. */
	int file = openat(root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), error = -errno;
	pthread_condattr_t attributes;

	if (walk == NULL || file < 0) {
		free(walk);
		if (file >= 0)
			close(file);
		return file < 0 ? error : -ENOMEM;
	}
	walk->publish = publish;
	walk->min_size = min_size;
	pthread_mutex_init(&walk->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&walk->changed, &attributes);
	pthread_condattr_destroy(&attributes);
	enter(walk, file);
	error = pthread_create(&walk->thread, NULL, run, walk);
	if (error) {
		walk->joined = true;
		while (walk->depth > 0)
			closedir(walk->levels[--walk->depth]);
		content_walk_free(walk);
		return -error;
	}
	*walk_out = walk;
	return 0;
}

void content_walk_stop(struct content_walk *walk)
{
	if (walk->joined)
		return;
	pthread_mutex_lock(&walk->lock);
	walk->stopped = true;
	pthread_cond_signal(&walk->changed);
	pthread_mutex_unlock(&walk->lock);
	pthread_join(walk->thread, NULL);
	walk->joined = true;
}

void content_walk_free(struct content_walk *walk)
{
	if (walk == NULL)
		return;
	content_walk_stop(walk);
	pthread_cond_destroy(&walk->changed);
	pthread_mutex_destroy(&walk->lock);
	free(walk);
}
