/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Dates as HTTP sends them (RFC 9110 section 5.6.7): "Thu, 20 Nov 2025 13:54:00 GMT". Reading them,
 * which must take two older forms as well, is validator_time(). Pure; no locale.
 */
#ifndef ORIGIN_HTTP_DATE_H
#define ORIGIN_HTTP_DATE_H

#include <stdbool.h>
#include <stdint.h>

#define HTTP_DATE_SIZE 30 /* with its NUL */

/* False: before 1970, or after the year 9999, for which there is no form. */
bool http_date_write(int64_t seconds, char date_out[HTTP_DATE_SIZE]);
/* "20-Nov-2025 13:54:00 GMT", as listings show it. */
#define HTTP_DATE_SHORT_SIZE 25
bool http_date_write_short(int64_t seconds, char date_out[HTTP_DATE_SHORT_SIZE]);

#endif
