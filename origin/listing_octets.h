/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Names are octets, but libxml2 and jansson want UTF-8. So octets of which they would take offence
 * (NUL, and all from 0x80) travel through them as U+F700 + octet, of the private use area, and are
 * made octets again behind them. What the library itself makes of an entity or an escape ("&auml;",
 * "\u00e4") comes out as UTF-8.
 */
#ifndef ORIGIN_LISTING_OCTETS_H
#define ORIGIN_LISTING_OCTETS_H

#include <stddef.h>

/* An octet becomes three at most. */
#define OCTETS_HIDDEN_MAX(length) (3 * (length))

/* TO has OCTETS_HIDDEN_MAX(LENGTH) octets. Returns how many were written. */
size_t octets_hide(const char *from, size_t length, char *to);
/* The way back, in place. Returns the new length. */
size_t octets_reveal(char *text, size_t length);

#endif
