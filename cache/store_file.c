/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Files of blocks: DIR/data/ID, the id in hexadecimal; and those of content information:
 * DIR/data/OBJECT.ID. Descriptors are kept open for a while, the
 * ones unused for longest are closed; but a file without a name (an unlinked store) is its
 * descriptor, and keeps it until file_remove().
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cache/store_private.h"

void file_name(char name[FILE_NAME_SIZE], uint64_t of, uint64_t id)
{
	if (of != 0)
		snprintf(name, FILE_NAME_SIZE, "%llx.%llx", (unsigned long long)of,
			 (unsigned long long)id);
	else
		snprintf(name, FILE_NAME_SIZE, "%llx", (unsigned long long)id);
}

int file_open_unnamed(struct store *store)
{
	char name[] = "unnamed-XXXXXX";
	int fd = openat(store->directory_fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL))
		return fd;
	/* A file system without O_TMPFILE. */
	for (unsigned attempt = 0; attempt < 100; attempt++) {
		snprintf(name, sizeof(name), "unnamed-%06x", (unsigned)random() & 0xffffff);
		fd = openat(store->directory_fd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		if (fd >= 0) {
			unlinkat(store->directory_fd, name, 0);
			return fd;
		}
		if (errno != EEXIST)
			break;
	}
	return -1;
}

static int open_file(struct store *store, uint64_t of, uint64_t id, enum file_use use,
		     uint64_t length)
{
	int flags = O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY;
	char name[FILE_NAME_SIZE];
	int fd;

	if (store->unlinked) {
		if (use == FILE_READ)
			return -ENOENT;
		fd = file_open_unnamed(store);
	} else {
		file_name(name, of, id);
		fd = openat(store->data_fd, name, flags | (use == FILE_WRITE ? O_CREAT : 0), 0600);
	}
	if (fd < 0)
		return -errno;
	/* A sparse file that is as long as it will be gets no blocks ahead of need. */
	if (use == FILE_WRITE && length > 0 && ftruncate(fd, (off_t)length) != 0) {
		int error = -errno;

		close(fd);
		return error;
	}
	return fd;
}

/* Lock held, released meanwhile. */
static void close_surplus(struct store *store)
{
	while (store->open_files > store->open_files_max) {
		struct file *file = TAILQ_FIRST(&store->idle_files);
		int fd;

		if (file == NULL)
			return;
		TAILQ_REMOVE(&store->idle_files, file, idle);
		fd = file->fd;
		file->fd = -1;
		store->open_files--;
		store_unlock(store);
		close(fd);
		store_lock(store);
	}
}

int file_acquire(struct store *store, struct file *file, enum file_use use, uint64_t length)
{
	if (file->fd < 0) {
		uint64_t of = file->of, id = file->id;
		int fd;

		if (store->unlinked && store->open_files >= store->open_files_max)
			return -EMFILE;
		store_unlock(store);
		fd = open_file(store, of, id, use, length);
		store_lock(store);
		if (fd < 0)
			return fd;
		if (file->fd < 0) {
			file->fd = fd;
			file->users++;
			store->open_files++;
			close_surplus(store);
			return file->fd;
		}
		/* Somebody was quicker. */
		store_unlock(store);
		close(fd);
		store_lock(store);
		return file_acquire(store, file, use, length);
	}
	if (file->users++ == 0 && !store->unlinked)
		TAILQ_REMOVE(&store->idle_files, file, idle);
	return file->fd;
}

void file_release(struct store *store, struct file *file)
{
	if (--file->users == 0 && !store->unlinked)
		TAILQ_INSERT_TAIL(&store->idle_files, file, idle);
}

void file_adopt(struct store *store, struct file *file, int fd)
{
	file->fd = fd;
	file->users++;
	store->open_files++;
	close_surplus(store);
}

void file_close_idle(struct store *store, struct file *file)
{
	int fd;

	store_lock(store);
	fd = file->fd;
	if (fd >= 0) {
		if (!store->unlinked)
			TAILQ_REMOVE(&store->idle_files, file, idle);
		file->fd = -1;
		store->open_files--;
	}
	store_unlock(store);
	if (fd >= 0)
		close(fd);
}

void file_remove(struct store *store, struct file *file)
{
	char name[FILE_NAME_SIZE];

	if (!store->unlinked) {
		file_name(name, file->of, file->id);
		unlinkat(store->data_fd, name, 0);
	}
	file_close_idle(store, file);
}

int file_punch(int fd, uint64_t offset, uint64_t length)
{
	if (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)offset,
		      (off_t)length) != 0)
		return -errno;
	return 0;
}

int file_read(int fd, void *buffer, size_t length, uint64_t offset)
{
	char *to = buffer;

	while (length > 0) {
		ssize_t got = pread(fd, to, length, (off_t)offset);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got < 0 ? -errno : -EBADMSG;
		to += got;
		offset += (uint64_t)got;
		length -= (size_t)got;
	}
	return 0;
}

int file_write(int fd, const void *buffer, size_t length, uint64_t offset)
{
	const char *from = buffer;

	while (length > 0) {
		ssize_t put = pwrite(fd, from, length, (off_t)offset);

		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			return put < 0 ? -errno : -EIO;
		from += put;
		offset += (uint64_t)put;
		length -= (size_t)put;
	}
	return 0;
}
