/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Window arithmetic of read-ahead: where a reader was, and what to fetch before it asks. Pure; one
 * struct per open file, guarded by whoever owns it.
 *
 * A reader that goes on where it stopped is sequential, and the window grows with what it has read
 * in sequence, so that what is fetched in vain is at most twice what was wanted. A jump closes the
 * window; so does the first read, unless it is a large one from the start of the file. Requests of
 * one reader may arrive slightly out of order (several FUSE threads).
 */
#ifndef FS_READAHEAD_H
#define FS_READAHEAD_H

#include <stddef.h>
#include <stdint.h>

struct readahead {
	uint64_t next;     /* where a sequential reader's next request starts */
	uint64_t sequence; /* octets read in sequence */
	uint64_t end;      /* all up to here has been asked for */
};

/* Notes a read of LENGTH octets at OFFSET of a file of SIZE octets, and returns up to where to
 * fetch: offset + length when nothing is to be read ahead. WINDOW_MAX 0: never read ahead. */
uint64_t readahead_advance(struct readahead *readahead, uint64_t offset, size_t length,
			   uint64_t size, uint64_t window_max);

/* Up to which octet a request for what is ahead may reach, so that it serves the next refills too:
 * the longer the sequence the further. 0: the reader is not sequential. */
uint64_t readahead_reach(const struct readahead *readahead, uint64_t size);

#endif
