/* SPDX-License-Identifier: BSD-2-Clause */
#include "cache/file_octets.h"

#include <errno.h>
#include <stdbool.h>
#include <unistd.h>

/* The octets that one call has moved: whether to go on. ERROR_OUT is set if not because of it. */
static bool count_in(ssize_t moved, size_t *done, int *error_out)
{
	if (moved < 0 && errno == EINTR)
		return true;
	if (moved < 0)
		*error_out = -errno;
	if (moved <= 0)
		return false;
	*done += (size_t)moved;
	return true;
}

int file_octets_read_some(int file, uint64_t offset, void *data, size_t size, size_t *got_out)
{
	char *at = data;
	size_t done = 0;
	int error = 0;

	while (done < size &&
	       count_in(pread(file, at + done, size - done, (off_t)(offset + done)), &done, &error))
		;
	if (error == 0)
		*got_out = done;
	return error;
}

int file_octets_read(int file, uint64_t offset, void *data, size_t size)
{
	size_t got = 0;
	int error = file_octets_read_some(file, offset, data, size, &got);

	return error == 0 && got < size ? -ENODATA : error;
}

int file_octets_receive(int file, void *data, size_t size, size_t *got_out)
{
	char *at = data;
	size_t done = 0;
	int error = 0;

	while (done < size && count_in(read(file, at + done, size - done), &done, &error))
		;
	if (error == 0)
		*got_out = done;
	return error;
}

int file_octets_write(int file, uint64_t offset, const void *data, size_t size)
{
	const char *at = data;
	size_t done = 0;
	int error = 0;

	while (done < size && count_in(pwrite(file, at + done, size - done, (off_t)(offset + done)),
				       &done, &error))
		;
	return error == 0 && done < size ? -EIO : error;
}

int file_octets_send(int file, const void *data, size_t size)
{
	const char *at = data;
	size_t done = 0;
	int error = 0;

	while (done < size && count_in(write(file, at + done, size - done), &done, &error))
		;
	return error == 0 && done < size ? -EIO : error;
}
