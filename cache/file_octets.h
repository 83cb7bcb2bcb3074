/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Reading and writing as many octets as were meant, whatever the kernel does at a time, also when
 * signals interrupt it. 0 or a negative errno.
 */
#ifndef CACHE_FILE_OCTETS_H
#define CACHE_FILE_OCTETS_H

#include <stddef.h>
#include <stdint.h>

/* SIZE octets from OFFSET on. -ENODATA: the file ends before. What DATA holds after a failure means
 * nothing. */
int file_octets_read(int file, uint64_t offset, void *data, size_t size);
/* As many as there are, up to SIZE. */
int file_octets_read_some(int file, uint64_t offset, void *data, size_t size, size_t *got_out);
/* Likewise from the descriptor's own position on, for what has no other: until its end or SIZE. */
int file_octets_receive(int file, void *data, size_t size, size_t *got_out);

int file_octets_write(int file, uint64_t offset, const void *data, size_t size);
/* At the descriptor's own position. */
int file_octets_send(int file, const void *data, size_t size);

#endif
