/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The directory of kept files. A file is written under a temporary name and renamed, and checked
 * whenever it is read, so several processes may share a directory without knowing of each other:
 * the worst they do is to make something twice. What the directory takes is counted by a look at
 * all of it at the start and whenever that count exceeds the limit; then the files that were not
 * used for longest go. When a file was used last is its modification time.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "cache/content_v1.h"
#include "cache/content_v2.h"
#include "cache/log.h"
#include "origin/publish_private.h"

enum {
	LIMIT_DEFAULT = 1 << 30,
	/* A file's time is set anew when it is older than this; our choice. */
	USE_SECONDS = 60,
};

struct publish_shelf {
	/* Constant. */
	int directory;
	uid_t owner; /* of the directory, and its group; files are theirs, also when root writes */
	gid_t group;
	char *remove; /* path of a directory of our own, to be removed at the end; or NULL */
	uint64_t limit;
	struct publish_keys keys;

	pthread_mutex_t lock;
	/* Guarded by lock. */
	uint64_t used;      /* octets, as far as we know */
	uint64_t meanwhile; /* octets put since the present sweep began */
	bool sweeping;      /* a thread does */
};

/* The directory's octets are counted, and those that were put into it meanwhile, which the count
 * may have missed. Whether they are too many again. */
static bool sweep_once(struct publish_shelf *shelf)
{
	uint64_t left = 0;
	bool again;

	pthread_mutex_lock(&shelf->lock);
	shelf->meanwhile = 0;
	pthread_mutex_unlock(&shelf->lock);
	int error = publish_sweep(shelf->directory, shelf->limit, &left);
	if (error != 0)
		log_warning("the directory of hashes cannot be looked through: %s",
			    strerror(-error));
	pthread_mutex_lock(&shelf->lock);
	shelf->used = left + shelf->meanwhile;
	again = error == 0 && shelf->meanwhile > 0 && shelf->used > shelf->limit;
	shelf->sweeping = again;
	pthread_mutex_unlock(&shelf->lock);
	return again;
}

/* One thread at a time; the lock is not held meanwhile. */
static void sweep(struct publish_shelf *shelf)
{
	while (sweep_once(shelf))
		;
}

static void count_in(struct publish_shelf *shelf, uint64_t size)
{
	bool much;

	pthread_mutex_lock(&shelf->lock);
	shelf->used += publish_octets_taken(size);
	shelf->meanwhile += publish_octets_taken(size);
	much = shelf->used > shelf->limit && !shelf->sweeping;
	shelf->sweeping = shelf->sweeping || much;
	pthread_mutex_unlock(&shelf->lock);
	if (much)
		sweep(shelf);
}

/* Opening */

/* PATH and what is missing above it. Parents that root makes can be passed through, so that others
 * reach what is theirs. */
static int make_directories(const char *path)
{
	mode_t parent = geteuid() == 0 ? 0711 : 0700;
	char *copy = strdup(path);
	int error = 0;

	if (copy == NULL)
		return -ENOMEM;
	for (char *slash = strchr(copy + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		(void)mkdir(copy, parent); /* what fails here fails below */
		*slash = '/';
	}
	if (mkdir(copy, 0700) != 0 && errno != EEXIST)
		error = -errno;
	free(copy);
	return error;
}

/* A name below $TMPDIR. For free(). */
static int make_own(char **path_out)
{
	const char *base = getenv("TMPDIR");
	char *path;

	if (asprintf(&path, "%s/peerdist-hashes-XXXXXX", base != NULL ? base : "/tmp") < 0)
		return -ENOMEM;
	if (mkdtemp(path) == NULL) {
		int error = -errno;

		free(path);
		return error;
	}
	*path_out = path;
	return 0;
}

/* Content information is as secret as the content, and what is kept here is believed. */
static int check_directory(struct publish_shelf *shelf)
{
	struct stat status;

	if (fstat(shelf->directory, &status) != 0)
		return -errno;
	shelf->owner = status.st_uid;
	shelf->group = status.st_gid;
	if ((status.st_mode & 022) != 0 || (status.st_uid != geteuid() && geteuid() != 0))
		return -EPERM;
	return faccessat(shelf->directory, ".", R_OK | W_OK | X_OK, AT_EACCESS) != 0 ? -errno : 0;
}

static int open_directory(struct publish_shelf *shelf, const char *path)
{
	shelf->directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return shelf->directory < 0 ? -errno : check_directory(shelf);
}

static int complain(int error, const char *path, char *message, size_t message_size)
{
	char escaped[LOG_NAME_MAX];

	log_escape(escaped, sizeof(escaped), path);
	if (error == -EPERM)
		snprintf(message, message_size,
			 "the directory of hashes %s may be written to by others, or is not "
			 "yours; chown it, and chmod it to 700",
			 escaped);
	else
		snprintf(message, message_size,
			 "the directory of hashes %s: %s; name another with --hashes", escaped,
			 strerror(-error));
	return error;
}

static int set_up(struct publish_shelf *shelf, const struct publish_options *options, char *message,
		  size_t message_size)
{
	const char *path = options->directory;
	int error = path != NULL ? make_directories(path) : make_own(&shelf->remove);

	if (path == NULL)
		path = shelf->remove != NULL ? shelf->remove : "below $TMPDIR";
	if (error == 0)
		error = open_directory(shelf, path);
	if (error != 0)
		return complain(error, path, message, message_size);
	error = publish_keys_derive(options->secret, &shelf->keys);
	if (error != 0)
		snprintf(message, message_size, "the server secret: %s", strerror(-error));
	return error;
}

int publish_shelf_open(const struct publish_options *options, struct publish_shelf **shelf_out,
		       char *message, size_t message_size)
{
	struct publish_shelf *shelf = calloc(1, sizeof(*shelf));
	int error;

	if (shelf == NULL) {
		snprintf(message, message_size, "no memory");
		return -ENOMEM;
	}
	shelf->directory = -1;
	shelf->limit = options->limit != 0 ? options->limit : LIMIT_DEFAULT;
	pthread_mutex_init(&shelf->lock, NULL);
	error = set_up(shelf, options, message, message_size);
	if (error != 0) {
		publish_shelf_close(shelf);
		return error;
	}
	shelf->sweeping = true;
	sweep(shelf);
	*shelf_out = shelf;
	return 0;
}

static void remove_own(const struct publish_shelf *shelf)
{
	uint64_t left;

	(void)publish_sweep(shelf->directory, 0, &left);
	if (rmdir(shelf->remove) != 0)
		log_warning("%s cannot be removed: %s", shelf->remove, strerror(errno));
}

void publish_shelf_close(struct publish_shelf *shelf)
{
	if (shelf == NULL)
		return;
	if (shelf->remove != NULL && shelf->directory >= 0)
		remove_own(shelf);
	if (shelf->directory >= 0)
		close(shelf->directory);
	free(shelf->remove);
	pthread_mutex_destroy(&shelf->lock);
	OPENSSL_cleanse(&shelf->keys, sizeof(shelf->keys));
	free(shelf);
}

const struct publish_keys *publish_shelf_keys(const struct publish_shelf *shelf)
{
	return &shelf->keys;
}

/* Writing */

static int create_temporary(const struct publish_shelf *shelf, char *name, size_t name_size,
			    int *file_out)
{
	uint64_t number;
	int file;

	if (getrandom(&number, sizeof(number), 0) != (ssize_t)sizeof(number))
		return -EIO;
	snprintf(name, name_size, "%s%0*llx", PUBLISH_TEMPORARY, PUBLISH_TEMPORARY_DIGITS,
		 (unsigned long long)number);
	file = openat(shelf->directory, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (file < 0)
		return -errno;
	*file_out = file;
	return 0;
}

static int write_temporary(const struct publish_shelf *shelf, int file,
			   const struct publish_subject *subject, const struct publish_made *made,
			   uint64_t *size_out)
{
	int error = publish_kept_write(file, subject, &shelf->keys, made, size_out);

	if (error == 0 && publish_octets_taken(*size_out) > shelf->limit)
		error = -EFBIG;
	if (error == 0 && shelf->owner != geteuid() &&
	    fchown(file, shelf->owner, shelf->group) != 0)
		error = -errno;
	return error;
}

/* Those who asked get the content itself, so nothing else would tell. */
static int complain_of_keeping(int error)
{
	static struct log_limit limit;

	if (error != -EFBIG)
		log_limited(&limit, LOG_LEVEL_WARNING,
			    "content information cannot be kept in the directory of hashes: %s",
			    strerror(-error));
	return error;
}

static int write_kept(struct publish_shelf *shelf, const struct publish_subject *subject,
		      const struct publish_made *made)
{
	char temporary[32], name[PUBLISH_FILE_NAME_SIZE];
	uint64_t size = 0;
	int file = -1, error = create_temporary(shelf, temporary, sizeof(temporary), &file);

	if (error != 0)
		return complain_of_keeping(error);
	error = write_temporary(shelf, file, subject, made, &size);
	close(file);
	publish_kept_name(subject->name, name);
	if (error == 0 && renameat(shelf->directory, temporary, shelf->directory, name) != 0)
		error = -errno;
	if (error != 0)
		(void)unlinkat(shelf->directory, temporary, 0);
	else
		count_in(shelf, size); /* what it replaced is counted until the next sweep */
	return error != 0 ? complain_of_keeping(error) : 0;
}

/* Adds what KEPT has and MADE has not to ALL, which has MADE's already. What does not check is
 * left out. */
static int carry_over(const struct publish_kept *kept, const struct publish_made *made,
		      struct publish_made *carried)
{
	for (unsigned i = 0; i < PUBLISH_VERSIONS; i++) {
		int error = made->hashes[i].version != 0
				    ? 0
				    : publish_kept_hashes(kept, i + 1, &carried->hashes[i]);

		if (error != 0 && error != -ENOENT)
			return error;
	}
	return 0;
}

/* Writes MADE and what CARRIED has. */
static int write_both(struct publish_shelf *shelf, const struct publish_subject *subject,
		      const struct publish_made *made, const struct publish_made *carried)
{
	struct publish_made both = *made;

	for (unsigned i = 0; i < PUBLISH_VERSIONS; i++)
		if (carried->hashes[i].version != 0)
			both.hashes[i] = carried->hashes[i];
	return write_kept(shelf, subject, &both);
}

int publish_shelf_put(struct publish_shelf *shelf, const struct publish_subject *subject,
		      const struct publish_made *made)
{
	struct publish_made carried = {0};
	struct publish_kept kept;
	int error = publish_kept_open(shelf->directory, subject, &shelf->keys, &kept);

	if (error == 0) {
		error = carry_over(&kept, made, &carried);
		publish_kept_close(&kept);
	} else {
		error = 0;
	}
	if (error == 0)
		error = write_both(shelf, subject, made, &carried);
	publish_made_clear(&carried);
	return error;
}

int publish_shelf_admits(const struct publish_shelf *shelf, uint64_t size, unsigned versions)
{
	uint64_t least = 0;

	if ((versions & 1u) != 0)
		least += size / CONTENT_V1_BLOCK * digest_size(DIGEST_SHA256);
	if ((versions & 2u) != 0)
		least += size / CONTENT_V2_SEGMENT_MAX * CONTENT_V2_DESCRIPTION_SIZE;
	return least > shelf->limit ? -EFBIG : 0;
}

uint64_t publish_shelf_limit(const struct publish_shelf *shelf)
{
	return shelf->limit;
}

/* Finding */

static void note_use(const struct publish_kept *kept)
{
	static const struct timespec now[2] = {{.tv_nsec = UTIME_NOW}, {.tv_nsec = UTIME_NOW}};
	struct timespec clock;
	struct stat status;

	clock_gettime(CLOCK_REALTIME, &clock);
	if (fstat(kept->file, &status) == 0 && clock.tv_sec - status.st_mtim.tv_sec > USE_SECONDS)
		(void)futimens(kept->file, now); /* else it goes sooner */
}

/* What KEPT has is written anew with our keys, and opened in place of it. -ENOENT. */
static int renew(struct publish_shelf *shelf, const struct publish_subject *subject,
		 struct publish_kept *kept)
{
	struct publish_made none = {0}, carried = {0};
	struct publish_kept renewed;
	int error = carry_over(kept, &none, &carried);

	if (error == 0 && carried.hashes[0].version == 0 && carried.hashes[1].version == 0)
		error = -ENOENT;
	if (error == 0)
		error = write_kept(shelf, subject, &carried);
	publish_made_clear(&carried);
	if (error == 0)
		error = publish_kept_open(shelf->directory, subject, &shelf->keys, &renewed);
	if (error != 0)
		return -ENOENT;
	publish_kept_close(kept);
	*kept = renewed;
	return 0;
}

/* With our keys. */
static int open_ours(struct publish_shelf *shelf, const struct publish_subject *subject,
		     struct publish_kept *kept_out)
{
	struct publish_kept kept;
	int error = publish_kept_open(shelf->directory, subject, &shelf->keys, &kept);

	if (error != 0)
		return error;
	if (kept.other_keys)
		error = renew(shelf, subject, &kept);
	/* With two processes that have different secrets, never those of the other. */
	if (error == 0 && kept.other_keys)
		error = -ENOENT;
	if (error != 0) {
		publish_kept_close(&kept);
		return error;
	}
	*kept_out = kept;
	return 0;
}

int publish_shelf_find(struct publish_shelf *shelf, const struct publish_subject *subject,
		       unsigned version, struct publish_kept *kept_out)
{
	struct publish_kept kept;
	int error = version < 1 || version > PUBLISH_VERSIONS ? -ENOENT
							      : open_ours(shelf, subject, &kept);

	if (error != 0)
		return error;
	error = publish_kept_check(&kept, version);
	if (error != 0) {
		publish_kept_close(&kept);
		return error == -ENOMEM ? error : -ENOENT;
	}
	note_use(&kept);
	*kept_out = kept;
	return 0;
}

bool publish_shelf_has(struct publish_shelf *shelf, const struct publish_subject *subject,
		       unsigned versions)
{
	struct publish_kept kept;
	bool all = true;

	if (open_ours(shelf, subject, &kept) != 0)
		return false;
	for (unsigned i = 0; i < PUBLISH_VERSIONS; i++)
		if ((versions & 1u << i) != 0)
			all = all && publish_kept_check(&kept, i + 1) == 0;
	if (all)
		note_use(&kept);
	publish_kept_close(&kept);
	return all;
}

unsigned publish_shelf_versions(struct publish_shelf *shelf, const struct publish_subject *subject)
{
	struct publish_kept kept;
	unsigned versions = 0;

	if (open_ours(shelf, subject, &kept) != 0)
		return 0;
	for (unsigned i = 0; i < PUBLISH_VERSIONS; i++)
		if (publish_kept_check(&kept, i + 1) == 0)
			versions |= 1u << i;
	publish_kept_close(&kept);
	return versions;
}

void publish_shelf_forget(struct publish_shelf *shelf, const char *name)
{
	char file_name[PUBLISH_FILE_NAME_SIZE];

	publish_kept_name(name, file_name);
	(void)unlinkat(shelf->directory, file_name, 0);
}

int publish_shelf_clear(struct publish_shelf *shelf)
{
	uint64_t left;
	int error = publish_sweep(shelf->directory, 0, &left);

	if (error != 0)
		return error;
	pthread_mutex_lock(&shelf->lock);
	shelf->used = left;
	pthread_mutex_unlock(&shelf->lock);
	return 0;
}
