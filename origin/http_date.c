/* SPDX-License-Identifier: BSD-2-Clause */
#include "origin/http_date.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define LAST_SECOND 253402300799 /* of the year 9999 */

static const char days[][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
static const char months[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
				 "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

static bool split(int64_t seconds, struct tm *tm_out)
{
	time_t time = (time_t)seconds;

	return seconds >= 0 && seconds <= LAST_SECOND && gmtime_r(&time, tm_out) != NULL;
}

/* The compiler does not know how few digits these fields have, hence the room. */
bool http_date_write(int64_t seconds, char date_out[HTTP_DATE_SIZE])
{
	char text[96];
	struct tm tm;

	if (!split(seconds, &tm))
		return false;
	snprintf(text, sizeof(text), "%s, %02d %s %04d %02d:%02d:%02d GMT", days[tm.tm_wday],
		 tm.tm_mday, months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min,
		 tm.tm_sec);
	memcpy(date_out, text, HTTP_DATE_SIZE);
	return true;
}

bool http_date_write_short(int64_t seconds, char date_out[HTTP_DATE_SHORT_SIZE])
{
	char text[96];
	struct tm tm;

	if (!split(seconds, &tm))
		return false;
	snprintf(text, sizeof(text), "%02d-%s-%04d %02d:%02d:%02d GMT", tm.tm_mday,
		 months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
	memcpy(date_out, text, HTTP_DATE_SHORT_SIZE);
	return true;
}
