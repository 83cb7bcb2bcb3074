/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A line that is drawn over and over and wiped at the end.
 */
#include <inttypes.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "fs/cli.h"

/* Our choices: cells of the bar, and the least time between two drawings. */
#define CELLS 40
#define INTERVAL_MS 100

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void cli_progress_start(struct cli_progress *progress)
{
	*progress = (struct cli_progress){.terminal = isatty(STDERR_FILENO)};
}

void cli_progress_show(struct cli_progress *progress, uint64_t done, uint64_t total)
{
	static const char full[] = "########################################";
	int64_t now = now_ms();
	double part = total ? (double)done / (double)total : 0;
	int cells = part < 1 ? (int)(part * CELLS) : CELLS;

	_Static_assert(sizeof(full) - 1 == CELLS, "a cell each");
	if (!progress->terminal || (progress->drawn && now - progress->drawn_ms < INTERVAL_MS))
		return;
	progress->drawn = true;
	progress->drawn_ms = now;
	if (total)
		fprintf(stderr, "\r[%-*.*s] %3d%%  %" PRIu64 " of %" PRIu64 "\033[K", CELLS, cells,
			full, (int)(part < 1 ? part * 100 : 100), done, total);
	else
		fprintf(stderr, "\r%" PRIu64 "\033[K", done);
}

void cli_progress_end(struct cli_progress *progress)
{
	if (progress->drawn)
		fputs("\r\033[K", stderr);
	progress->drawn = false;
}
