/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Whether the stamps of a file tell its versions apart. File systems stamp by a clock that ticks,
 * so what was changed during the last tick may change again and keep its stamps. Pure.
 */
#ifndef ORIGIN_FILE_STAMPS_H
#define ORIGIN_FILE_STAMPS_H

#include <stdint.h>
#include <sys/stat.h>
#include <time.h>

/* The kernel's clock for stamps ticks every 10 ms at the slowest; what keeps whole seconds, every
 * second or two (FAT). Our choice: twice the tick, since clocks of tests and machines differ. */
#define FILE_STAMPS_TICK_NS 20000000ll
#define FILE_STAMPS_WHOLE_SECONDS_NS 2000000000ll

/* How long from NOW, of CLOCK_REALTIME, the stamps mean nothing yet; 0: they are good. Whatever
 * changes a file sets its ctime, which nobody can set otherwise; one that is to come is by another
 * clock. */
int64_t file_stamps_unsettled_ns(const struct stat *status, const struct timespec *now);

#endif
