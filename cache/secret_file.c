/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Files of the raw secret key. Whoever can read one can find and decrypt every segment that the
 * server named, so a file that others may use is refused.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "cache/file_octets.h"
#include "cache/secret.h"

static int check_file(int fd)
{
	struct stat status;

	if (fstat(fd, &status) != 0)
		return -errno;
	if (!S_ISREG(status.st_mode) || status.st_size < 1 || status.st_size > SECRET_SIZE_MAX)
		return -EINVAL;
	if ((status.st_mode & 077) != 0)
		return -EPERM;
	/* Root reads the key of the user that it will become. */
	if (status.st_uid != geteuid() && status.st_uid != 0 && geteuid() != 0)
		return -EPERM;
	return 0;
}

static int load_from(int fd, struct secret **secret_out)
{
	size_t room = SECRET_SIZE_MAX + 1, got = 0;
	uint8_t *key;
	int error = check_file(fd);

	if (error != 0)
		return error;
	key = malloc(room);
	if (key == NULL)
		return -ENOMEM;
	error = file_octets_receive(fd, key, room, &got);
	if (error == 0)
		error = secret_create(key, got, secret_out);
	OPENSSL_cleanse(key, room);
	free(key);
	return error;
}

int secret_load(const char *path, struct secret **secret_out)
{
	/* Without waiting for the writer of a FIFO. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), error;

	if (fd < 0)
		return -errno;
	error = load_from(fd, secret_out);
	close(fd);
	return error;
}

static int write_and_sync(int fd, const uint8_t *data, size_t size)
{
	int error = file_octets_send(fd, data, size);

	return error != 0 || fsync(fd) == 0 ? error : -errno;
}

/* So that the name, too, outlives a power failure. */
static int sync_folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *folder = slash == NULL   ? strdup(".")
		       : slash == path ? strdup("/")
				       : strndup(path, (size_t)(slash - path));
	int fd, error = 0;

	if (folder == NULL)
		return -ENOMEM;
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	free(folder);
	if (fd < 0)
		return -errno;
	if (fsync(fd) != 0)
		error = -errno;
	close(fd);
	return error;
}

/* OWNER and GROUP as fchown takes them: -1 stays the caller's. */
static int write_beside(const struct secret *secret, char *beside, uid_t owner, gid_t group)
{
	int fd = mkostemp(beside, O_CLOEXEC); /* mode 0600 */
	int error = 0;

	if (fd < 0)
		return -errno;
	if ((owner != (uid_t)-1 || group != (gid_t)-1) && fchown(fd, owner, group) != 0)
		error = -errno;
	if (error == 0)
		error = write_and_sync(fd, secret_key(secret), secret_size(secret));
	if (close(fd) != 0 && error == 0)
		error = -errno;
	if (error != 0)
		unlink(beside);
	return error;
}

int secret_save(const struct secret *secret, const char *path, bool replace)
{
	return secret_save_for(secret, path, replace, (uid_t)-1, (gid_t)-1);
}

int secret_save_for(const struct secret *secret, const char *path, bool replace, uid_t owner,
		    gid_t group)
{
	char beside[PATH_MAX];
	int error;

	if (snprintf(beside, sizeof(beside), "%s.XXXXXX", path) >= (int)sizeof(beside))
		return -ENAMETOOLONG;
	error = write_beside(secret, beside, owner, group);
	if (error != 0)
		return error;
	if ((replace ? rename(beside, path) : link(beside, path)) != 0)
		error = -errno;
	if (error != 0 || !replace)
		unlink(beside);
	return error != 0 ? error : sync_folder_of(path);
}

int secret_load_or_create(const char *path, struct secret **secret_out)
{
	struct secret *secret;
	int error = secret_load(path, secret_out);

	if (error != -ENOENT)
		return error;
	error = secret_create_random(&secret);
	if (error != 0)
		return error;
	error = secret_save(secret, path, false);
	secret_free(secret);
	/* Another was faster: its key is the one. */
	if (error != 0 && error != -EEXIST)
		return error;
	return secret_load(path, secret_out);
}
