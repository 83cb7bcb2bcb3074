/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The file behind a content: first the encoded form, then the lengths of the units if they are
 * listed. It has no name until it is an object's, so that a killed daemon leaves nothing. Once it
 * has one its descriptor is closed and opened again like any other.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cache/store_content_private.h"

/* Our choices. */
enum {
	ROOM_STEP = 64 << 10, /* octets reserved at a time */
	ATTEMPTS = 4,         /* how often room is made on a full disk */
	CHECK_BUFFER = 64 << 10,
};

/* With one block for what the file system keeps of where they are, as in run_cost(). */
static uint64_t octets_cost(const struct store *store, uint64_t octets)
{
	return ((octets + store->block - 1) / store->block + 1) * store->block;
}

uint64_t information_cost(const struct store *store, const struct information *information)
{
	return octets_cost(store, information->octets + information->cutting_octets);
}

/* ---- making ---- */

static void temporary_name(char name[FILE_NAME_SIZE], const struct content_file *file)
{
	snprintf(name, FILE_NAME_SIZE, "0.%llx", (unsigned long long)file->information.file);
}

static void own_descriptor(char path[64], int fd)
{
	snprintf(path, 64, "/proc/self/fd/%d", fd);
}

/* Without a name, if it can be given one later. */
static int open_nameless(struct store *store)
{
	int fd = openat(store->data_fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	char path[64];

	if (fd < 0)
		return -1;
	own_descriptor(path, fd);
	if (access(path, F_OK) == 0)
		return fd;
	close(fd);
	errno = EOPNOTSUPP;
	return -1;
}

static int open_new(struct content_file *file)
{
	struct store *store = file->store;
	char name[FILE_NAME_SIZE];
	int fd = store->unlinked ? file_open_unnamed(store) : open_nameless(store);

	if (fd < 0 && !store->unlinked &&
	    (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL)) {
		temporary_name(name, file);
		fd = openat(store->data_fd, name,
			    O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
		file->temporary = fd >= 0;
	}
	return fd >= 0 ? fd : -errno;
}

static bool descriptors_left(struct store *store)
{
	bool left;

	store_lock(store);
	left = !store->unlinked || store->open_files < store->open_files_max;
	store_unlock(store);
	return left;
}

static int open_with_room(struct content_file *file)
{
	int fd = -EMFILE;

	for (unsigned attempt = 0; attempt < ATTEMPTS; attempt++) {
		fd = descriptors_left(file->store) ? open_new(file) : -EMFILE;
		if (fd >= 0 || room_trouble(file->store, fd) != 0)
			break;
	}
	return fd >= 0 ? fd : -ENOSPC;
}

int content_file_make(struct store *store, struct content_file **file_out)
{
	struct content_file *file = calloc(1, sizeof(*file));
	int fd;

	if (file == NULL)
		return -ENOMEM;
	file->store = store;
	file->file.fd = -1;
	index_lock(&store->index);
	file->information.file = file->file.id = store_new_id(store);
	index_unlock(&store->index);
	fd = open_with_room(file);
	if (fd < 0) {
		free(file);
		return fd;
	}
	store_lock(store);
	file_adopt(store, &file->file, fd);
	file->held = true;
	store_unlock(store);
	*file_out = file;
	return 0;
}

int content_file_find(struct object *object, struct content_file **file_out)
{
	struct content_file *file = calloc(1, sizeof(*file));
	struct store *store = object->store;

	if (file == NULL)
		return -ENOMEM;
	file->store = store;
	file->file.fd = -1;
	file->owned = true;
	store_lock(store);
	file->information = object->information;
	store_unlock(store);
	file->file.of = object->id;
	file->file.id = file->information.file;
	file->cost = information_cost(store, &file->information);
	*file_out = file;
	return 0;
}

void content_file_free(struct content_file *file)
{
	struct store *store;
	char name[FILE_NAME_SIZE];

	if (file == NULL)
		return;
	store = file->store;
	store_lock(store);
	if (file->held)
		file_release(store, &file->file);
	store_unlock(store);
	file_close_idle(store, &file->file);
	if (file->temporary) {
		temporary_name(name, file);
		unlinkat(store->data_fd, name, 0);
	}
	store_lock(store);
	if (!file->owned)
		room_return(store, file->cost);
	store_unlock(store);
	free(file);
}

/* ---- reading and writing ---- */

static int reserve(struct content_file *file, uint64_t octets)
{
	uint64_t wanted = octets_cost(file->store, octets), missing, step;
	int error;

	if (wanted <= file->cost)
		return 0;
	missing = wanted - file->cost;
	step = missing > ROOM_STEP ? missing : ROOM_STEP;
	error = room_reserve(file->store, step);
	if (error != 0 && step > missing) {
		step = missing;
		error = room_reserve(file->store, step);
	}
	if (error != 0)
		return error;
	store_lock(file->store);
	file->cost += step;
	store_unlock(file->store);
	return 0;
}

int content_file_append(struct content_file *file, const void *data, size_t size, uint64_t offset)
{
	int error = reserve(file, offset + size);

	if (error != 0)
		return error;
	for (unsigned attempt = 0; attempt < ATTEMPTS; attempt++) {
		error = file_write(file->file.fd, data, size, offset);
		if (error == 0)
			return 0;
		if (room_trouble(file->store, error) != 0)
			break;
	}
	return -ENOSPC;
}

void content_file_trim(struct content_file *file, uint64_t octets)
{
	uint64_t cost = octets_cost(file->store, octets);

	store_lock(file->store);
	room_return(file->store, file->cost - cost);
	file->cost = cost;
	store_unlock(file->store);
}

int content_file_read(struct content_file *file, uint64_t offset, void *data, size_t size)
{
	struct store *store = file->store;
	int fd, error;

	store_lock(store);
	fd = file_acquire(store, &file->file, FILE_READ, 0);
	store_unlock(store);
	if (fd < 0)
		return fd;
	error = file_read(fd, data, size, offset);
	store_lock(store);
	file_release(store, &file->file);
	store_unlock(store);
	return error;
}

/* ---- as a backing ---- */

static int backing_read(void *owner, uint64_t offset, void *data, size_t size)
{
	return content_file_read(owner, offset, data, size);
}

static void backing_release(void *owner)
{
	content_file_free(owner);
}

void content_file_back(struct content_file *file, struct content *content)
{
	file->content = content;
	content_back(content, &(struct content_backing){backing_read, backing_release, file});
}

struct content_file *content_file_of(struct store *store, const struct content *content)
{
	const struct content_backing *backing = content_backing(content);
	struct content_file *file;

	if (backing == NULL || backing->read != backing_read)
		return NULL;
	file = backing->owner;
	return file->store == store ? file : NULL;
}

/* ---- names ---- */

void content_file_hold(struct content_file *file)
{
	if (!file->held && file_acquire(file->store, &file->file, FILE_READ, 0) >= 0)
		file->held = true;
}

int content_file_name(struct content_file *file, const struct object *object)
{
	struct store *store = file->store;
	char name[FILE_NAME_SIZE], former[64];
	int failed;

	if (store->unlinked)
		return 0;
	file_name(name, object->id, file->information.file);
	if (file->temporary) {
		temporary_name(former, file);
		failed = renameat(store->data_fd, former, store->data_fd, name);
	} else {
		own_descriptor(former, file->file.fd);
		failed = linkat(AT_FDCWD, former, store->data_fd, name, AT_SYMLINK_FOLLOW);
		/* A stranger, from before the index was lost: the number is ours now. */
		if (failed != 0 && errno == EEXIST && unlinkat(store->data_fd, name, 0) == 0)
			failed = linkat(AT_FDCWD, former, store->data_fd, name, AT_SYMLINK_FOLLOW);
	}
	if (failed != 0)
		return -errno;
	store_lock(store);
	file->temporary = false;
	file->file.of = object->id;
	file->held = false;
	file_release(store, &file->file);
	store_unlock(store);
	return 0;
}

void content_file_unlink(struct store *store, uint64_t object, uint64_t file)
{
	char name[FILE_NAME_SIZE];

	if (store->unlinked)
		return;
	file_name(name, object, file);
	unlinkat(store->data_fd, name, 0);
}

/* ---- what it says ---- */

/* Octets of a file whose sum they must have; to be freed, with some room behind them. */
static int read_proven(int fd, uint64_t offset, uint64_t octets, XXH128_hash_t sum, void **data_out)
{
	off_t size = lseek(fd, 0, SEEK_END);
	void *data;
	int error;

	/* No more is allocated than what the file can fill. */
	if (size < 0 || offset > (uint64_t)size || octets > (uint64_t)size - offset)
		return -EBADMSG;
	data = malloc(octets + CUTTING_PACKED_SLACK);
	if (data == NULL)
		return -ENOMEM;
	error = file_read(fd, data, octets, offset);
	if (error == 0 && !XXH128_isEqual(unit_sum(data, octets), sum))
		error = -EBADMSG;
	if (error != 0) {
		free(data);
		return error;
	}
	*data_out = data;
	return 0;
}

static bool lacking(int error)
{
	return error == -EMFILE || error == -ENFILE || error == -ENOMEM;
}

int information_cutting(const struct object *object, struct cutting **cutting_out)
{
	const struct information *information = &object->information;
	struct store *store = object->store;
	char name[FILE_NAME_SIZE];
	struct cutting *cutting;
	void *packed;
	int fd, error;

	file_name(name, object->id, information->file);
	fd = openat(store->data_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY);
	if (fd < 0)
		return lacking(-errno) ? -errno : -EBADMSG;
	error = read_proven(fd, information->octets, information->cutting_octets,
			    information->cutting_sum, &packed);
	close(fd);
	if (error != 0)
		return lacking(error) ? error : -EBADMSG;
	error = cutting_unpack(&packed, information->cutting_octets, &cutting);
	free(packed);
	if (error != 0)
		return error;
	if (cutting_size(cutting) != object->size) {
		cutting_free(cutting);
		return -EBADMSG;
	}
	*cutting_out = cutting;
	return 0;
}

static int check_part(struct content_file *file, XXH3_state_t *sums, uint64_t offset,
		      uint64_t octets, XXH128_hash_t sum)
{
	char data[CHECK_BUFFER];

	XXH3_128bits_reset(sums);
	while (octets > 0) {
		size_t size = octets < sizeof(data) ? (size_t)octets : sizeof(data);
		int error = content_file_read(file, offset, data, size);

		if (error != 0)
			return lacking(error) ? error : -EBADMSG;
		XXH3_128bits_update(sums, data, size);
		offset += size;
		octets -= size;
	}
	return XXH128_isEqual(XXH3_128bits_digest(sums), sum) ? 0 : -EBADMSG;
}

int information_check(struct content_file *file, const struct information *information)
{
	XXH3_state_t *sums = XXH3_createState();
	int error;

	if (sums == NULL)
		return -ENOMEM;
	error = check_part(file, sums, 0, information->octets, information->sum);
	if (error == 0 && information->cutting_octets > 0)
		error = check_part(file, sums, information->octets, information->cutting_octets,
				   information->cutting_sum);
	XXH3_freeState(sums);
	return error;
}
