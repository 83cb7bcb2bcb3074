/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The link to the origin of tests/bench/simulation.c: transfers share it equally, and deliver block
 * by block. Only that program includes it.
 */
#ifndef TESTS_BENCH_SIMULATION_LINK_H
#define TESTS_BENCH_SIMULATION_LINK_H

#include "tests/bench/simulation_time.h"

enum { LINK_BLOCK = 65536 };

struct transfer {
	unsigned node;
	uint64_t block, end;
	double due; /* in octets that each transfer has had since the beginning */
};

static struct transfer *transfers;
static unsigned transfer_count, transfer_room;
static double each_had; /* octets */
static int64_t each_at_us;
static uint64_t link_era;  /* older events do not count */
static uint64_t link_rate; /* octets a second */
/* The block of TRANSFER is through. False: that was its last. */
static bool (*link_deliver)(struct transfer *transfer);
/* A transfer of NODE has ended. */
static void (*link_ended)(unsigned node);

static void link_event(void *era, unsigned node);

static void link_advance(void)
{
	if (transfer_count > 0)
		each_had +=
			(double)(now_us - each_at_us) * 1e-6 * (double)link_rate / transfer_count;
	each_at_us = now_us;
}

static void link_schedule(void)
{
	double least = 0;
	int64_t due_us;

	link_era++;
	if (transfer_count == 0)
		return;
	least = transfers[0].due;
	for (unsigned i = 1; i < transfer_count; i++)
		if (transfers[i].due < least)
			least = transfers[i].due;
	due_us = (int64_t)((least - each_had) * transfer_count * 1e6 / (double)link_rate) + 1;
	at(now_us + (due_us > 0 ? due_us : 1), link_event, (void *)(uintptr_t)link_era, 0);
}

static void link_event(void *era, unsigned number)
{
	(void)number;
	if ((uint64_t)(uintptr_t)era != link_era)
		return;
	link_advance();
	for (unsigned i = 0; i < transfer_count;) {
		struct transfer transfer = transfers[i];

		if (transfer.due > each_had + 0.5) {
			i++;
			continue;
		}
		if (link_deliver(&transfer)) {
			transfers[i++] = transfer;
			continue;
		}
		transfers[i] = transfers[--transfer_count];
		link_ended(transfer.node);
	}
	link_schedule();
}

static void link_begin(void *what, unsigned number)
{
	struct transfer *transfer = what;

	(void)number;
	link_advance();
	transfer->due = each_had + LINK_BLOCK;
	if (transfer_count == transfer_room) {
		transfer_room = transfer_room == 0 ? 64 : transfer_room * 2;
		transfers = checked(realloc(transfers, transfer_room * sizeof(*transfers)));
	}
	transfers[transfer_count++] = *transfer;
	free(transfer);
	link_schedule();
}

#endif
