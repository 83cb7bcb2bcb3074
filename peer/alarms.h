/* SPDX-License-Identifier: BSD-2-Clause
 *
 * When what is due next: points in time of many things, the earliest first. Setting, clearing and
 * taking cost the logarithm of their number. One thread.
 */
#ifndef PEER_ALARMS_H
#define PEER_ALARMS_H

#include <stdint.h>

/* Embedded in its owner's struct, zero at first. */
struct alarm {
	int64_t due_ms;
	uint32_t place; /* in the heap, from 1 on; 0: not set */
	uint8_t kind;   /* the owner's, to tell whose it is */
};

struct alarms {
	struct alarm **heap;
	uint32_t count, room, owners;
};

/* Makes room for one more owner, so that setting never fails. -ENOMEM. */
int alarms_join(struct alarms *alarms);
/* ALARM's owner goes; it must have joined. */
void alarms_leave(struct alarms *alarms, struct alarm *alarm);
/* The heap goes; nothing may be set. */
void alarms_end(struct alarms *alarms);

/* At DUE_MS, whatever it was set to before. */
void alarms_set(struct alarms *alarms, struct alarm *alarm, int64_t due_ms);
/* Likewise, but leaves it if it is set to an earlier time. */
void alarms_hasten(struct alarms *alarms, struct alarm *alarm, int64_t due_ms);
void alarms_clear(struct alarms *alarms, struct alarm *alarm);
/* The earliest one that is set, NULL: none. */
struct alarm *alarms_first(const struct alarms *alarms);

#endif
