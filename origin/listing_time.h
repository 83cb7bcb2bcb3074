/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The dates that listings show. One grammar covers them all:
 *
 *     [Thu, ] DATE ( space | "T" ) HH:MM [ :SS [ .fraction ] ] [ ZONE ]
 *     DATE  20-Nov-2026 | 20 Nov 2026 | 2026-11-20 | 2026-Nov-20
 *     ZONE  Z | GMT | UTC | +hhmm | +hh:mm, the last two perhaps with " UTC" behind
 */
#ifndef ORIGIN_LISTING_TIME_H
#define ORIGIN_LISTING_TIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Parses the date at the start of TEXT (after white space) and returns how many octets it has; 0:
 * there is none, outputs untouched. EXACT_OUT: to the second, and with a zone; without a zone UTC
 * is assumed. Years 1970 to 9999. */
size_t listing_time(const char *text, int64_t *seconds_out, bool *exact_out);

#endif
