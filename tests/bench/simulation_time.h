/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The virtual clock of tests/bench/simulation.c: chance that is the same each time, and what is to
 * happen, in order. Only that program includes it.
 */
#ifndef TESTS_BENCH_SIMULATION_TIME_H
#define TESTS_BENCH_SIMULATION_TIME_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static uint64_t chance;
static int64_t now_us;

static uint32_t draw(void)
{
	chance = chance * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(chance >> 32);
}

static int64_t now_ms(void)
{
	return now_us / 1000;
}

struct event {
	int64_t at_us;
	uint64_t order; /* of equals */
	void (*happen)(void *what, unsigned node);
	void *what;
	unsigned node;
};

static struct event *events;
static size_t event_count, event_room;
static uint64_t event_order;

static bool is_sooner(const struct event *one, const struct event *other)
{
	return one->at_us != other->at_us ? one->at_us < other->at_us : one->order < other->order;
}

static void *checked(void *memory)
{
	if (memory == NULL) {
		fprintf(stderr, "simulation: out of memory\n");
		exit(1);
	}
	return memory;
}

static void at(int64_t at_us, void (*happen)(void *, unsigned), void *what, unsigned node)
{
	struct event event = {at_us, event_order++, happen, what, node};
	size_t place = ++event_count;

	if (event_count >= event_room) {
		event_room = event_room == 0 ? 4096 : event_room * 2;
		events = checked(realloc(events, event_room * sizeof(*events)));
	}
	for (; place > 1 && is_sooner(&event, &events[place / 2]); place /= 2)
		events[place] = events[place / 2];
	events[place] = event;
}

static struct event next_event(void)
{
	struct event first = events[1], last = events[event_count--];
	size_t place = 1, child;

	for (; (child = place * 2) <= event_count; place = child) {
		if (child < event_count && is_sooner(&events[child + 1], &events[child]))
			child++;
		if (!is_sooner(&events[child], &last))
			break;
		events[place] = events[child];
	}
	events[place] = last;
	return first;
}

#endif
