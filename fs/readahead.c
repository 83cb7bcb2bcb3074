/* SPDX-License-Identifier: BSD-2-Clause */
#include "fs/readahead.h"

#include <stdbool.h>

/* Smallest window worth a request of its own. Our choice. */
#define WINDOW_MIN (256u << 10)
/* How far a request may lie from the expected place and still belong to the sequence, but not
 * much further than the sequence is long: the kernel has up to this much of its own read-ahead
 * under way. Our choice. */
#define SLACK (2u << 20)

/* Who begins a file with so much at a time means to read all of it: a kernel that answers a small
 * read asks for less. Our choice. */
#define READER_OF_ALL (128u << 10)

/* What a request asks for at most, as a multiple of what was read in sequence. What is not wanted
 * in the end is not taken, but costs a connection. Our choice. */
#define REACH 16u

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static bool continues(const struct readahead *readahead, uint64_t offset, size_t length)
{
	uint64_t gap =
		offset >= readahead->next ? offset - readahead->next : readahead->next - offset;

	return gap <= (readahead->sequence > 0 ? least(readahead->sequence + length, SLACK) : 0);
}

uint64_t readahead_advance(struct readahead *readahead, uint64_t offset, size_t length,
			   uint64_t size, uint64_t window_max)
{
	uint64_t stop = offset + length;

	if (!continues(readahead, offset, length)) {
		*readahead = (struct readahead){.next = stop, .sequence = length, .end = stop};
		return stop;
	}
	bool first = readahead->sequence == 0;
	readahead->sequence += length;
	if (stop > readahead->next)
		readahead->next = stop;
	if ((first && length < READER_OF_ALL) || window_max == 0)
		return stop;

	uint64_t window = 2 * readahead->sequence;
	if (window < WINDOW_MIN)
		window = WINDOW_MIN;
	window = least(window, window_max);
	if (readahead->end < readahead->next)
		readahead->end = readahead->next;
	/* Refill when half is used up, so that the link never runs dry. */
	if (readahead->end - readahead->next > window / 2)
		return stop;
	readahead->end = least(readahead->next + window, size);
	return readahead->end > stop ? readahead->end : stop;
}

uint64_t readahead_reach(const struct readahead *readahead, uint64_t size)
{
	if (readahead->end <= readahead->next)
		return 0;
	return least(readahead->next + REACH * readahead->sequence, size);
}
