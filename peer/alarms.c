/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A binary heap. heap[0] is not used, so that the place 0 says "not set".
 */
#include "peer/alarms.h"

#include <errno.h>
#include <stdlib.h>

#define ROOM_FIRST 64u

int alarms_join(struct alarms *alarms)
{
	if (alarms->owners + 2 > alarms->room) {
		uint32_t room = alarms->room == 0 ? ROOM_FIRST : alarms->room * 2;
		struct alarm **heap = reallocarray(alarms->heap, room, sizeof(*heap));

		if (heap == NULL)
			return -ENOMEM;
		alarms->heap = heap;
		alarms->room = room;
	}
	alarms->owners++;
	return 0;
}

void alarms_leave(struct alarms *alarms, struct alarm *alarm)
{
	alarms_clear(alarms, alarm);
	alarms->owners--;
}

void alarms_end(struct alarms *alarms)
{
	free(alarms->heap);
	*alarms = (struct alarms){0};
}

static void put(struct alarms *alarms, struct alarm *alarm, uint32_t place)
{
	alarms->heap[place] = alarm;
	alarm->place = place;
}

static void rise(struct alarms *alarms, struct alarm *alarm, uint32_t place)
{
	while (place > 1 && alarms->heap[place / 2]->due_ms > alarm->due_ms) {
		put(alarms, alarms->heap[place / 2], place);
		place /= 2;
	}
	put(alarms, alarm, place);
}

static void sink(struct alarms *alarms, struct alarm *alarm, uint32_t place)
{
	for (;;) {
		uint32_t child = place * 2;

		if (child + 1 <= alarms->count &&
		    alarms->heap[child + 1]->due_ms < alarms->heap[child]->due_ms)
			child++;
		if (child > alarms->count || alarms->heap[child]->due_ms >= alarm->due_ms)
			break;
		put(alarms, alarms->heap[child], place);
		place = child;
	}
	put(alarms, alarm, place);
}

void alarms_set(struct alarms *alarms, struct alarm *alarm, int64_t due_ms)
{
	int64_t before_ms = alarm->due_ms;

	if (alarm->place != 0 && before_ms == due_ms)
		return;
	alarm->due_ms = due_ms;
	if (alarm->place == 0)
		rise(alarms, alarm, ++alarms->count);
	else if (due_ms < before_ms)
		rise(alarms, alarm, alarm->place);
	else
		sink(alarms, alarm, alarm->place);
}

void alarms_hasten(struct alarms *alarms, struct alarm *alarm, int64_t due_ms)
{
	if (alarm->place == 0 || due_ms < alarm->due_ms)
		alarms_set(alarms, alarm, due_ms);
}

void alarms_clear(struct alarms *alarms, struct alarm *alarm)
{
	uint32_t place = alarm->place;
	struct alarm *last;

	if (place == 0)
		return;
	alarm->place = 0;
	last = alarms->heap[alarms->count--];
	if (last == alarm)
		return;
	if (place > 1 && alarms->heap[place / 2]->due_ms > last->due_ms)
		rise(alarms, last, place);
	else
		sink(alarms, last, place);
}

struct alarm *alarms_first(const struct alarms *alarms)
{
	return alarms->count > 0 ? alarms->heap[1] : NULL;
}
