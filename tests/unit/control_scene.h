/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A control file that answers as the test wants: a FUSE file system of one file, in a process of
 * its own, in this process' private mount namespace. It needs root and /dev/fuse.
 *
 * It is simpler than the real one, and it lies where it is told to: what becomes of a read is said
 * by the read's time-out. Input must be the pattern, and come in order.
 */
#ifndef TESTS_UNIT_CONTROL_SCENE_H
#define TESTS_UNIT_CONTROL_SCENE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Time-outs of reads. */
enum control_scene_read {
	READ_GIVE = 0,     /* the pattern, all that was asked for */
	READ_HOLD,         /* pending until cancelled */
	READ_MISSING,      /* 4052, from the offset on 12345 octets */
	READ_IN_BITS,      /* as READ_GIVE, but each pread() is given a third */
	READ_GONE,         /* its output is not there when it is fetched */
	READ_EARLY,        /* completed and reaped before the call has returned */
	READ_TWICE,        /* its record comes twice */
	READ_REFUSED,      /* 1450 */
	READ_REFUSED_LATE, /* 1450 after its record was reaped */
	READ_CALLED_DONE,  /* the call returns 0 */
	READ_TOO_MUCH,     /* a record with more octets than were asked for */
	READ_UNFLAGGED,    /* a record with octets, but without output */
	READ_NEVER_DONE,   /* a record that says pending */
	READ_STRANGE,      /* some records of operations that nobody has, then as READ_GIVE */
	READ_FLOOD,        /* such records without end */
	READ_BROKEN_REAP,  /* REAP claims more records than there is room for */
	READ_FAILED_REAP,  /* REAP fails */
	READ_DIE           /* the daemon dies at this call */
};

/* What the daemon counts. */
enum control_scene_count {
	COUNT_OPENED, /* instances alive */
	COUNT_FRAMES,
	COUNT_PUSHES,
	COUNT_REFUSED,     /* frames and pushes, for want of credit */
	COUNT_OUT_OF_TURN, /* frames that waited for another operation's, must be 0 */
	COUNT_OPERATIONS,  /* pending, or not fetched */
	COUNT_HANDLES,
	COUNTS
};

struct control_scene {
	bool there; /* else the test is skipped */
	char directory[64], path[96];
	pid_t daemon;
	volatile uint32_t *counts; /* shared with the daemon */
};

/* Octet POSITION of what is read and written. */
static inline uint8_t control_scene_octet(uint64_t position)
{
	return (uint8_t)(position * 31 + (position >> 8) * 7 + (position >> 16));
}
void control_scene_fill(void *buffer, uint64_t position, size_t length);

/* Also makes it the library's. */
void control_scene_start(struct control_scene *scene);
/* Kills the daemon; the mount stays, dead. */
void control_scene_kill(struct control_scene *scene);
/* A new daemon at the same place. */
void control_scene_again(struct control_scene *scene);
void control_scene_end(struct control_scene *scene);
uint32_t control_scene_count(const struct control_scene *scene, enum control_scene_count which);
/* Until it is that. */
void control_scene_await(const struct control_scene *scene, enum control_scene_count which,
			 uint32_t value);

#endif
