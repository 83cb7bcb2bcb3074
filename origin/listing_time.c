/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Dates of listings: see the header for the grammar. The C library's strptime() depends on the
 * locale, and takes what is not a date.
 */
#include "origin/listing_time.h"

#include <string.h>

struct fields {
	int year, month, day, hour, minute, second, offset_minutes;
	bool has_second, has_zone;
};

/* COUNT digits exactly. */
static bool take_digits(const char **text, int count, int *value_out)
{
	int value = 0;
	for (int index = 0; index < count; index++) {
		char digit = (*text)[index];
		if (digit < '0' || digit > '9')
			return false;
		value = value * 10 + (digit - '0');
	}
	*text += count;
	*value_out = value;
	return true;
}

static bool take_char(const char **text, char expected)
{
	if (**text != expected)
		return false;
	++*text;
	return true;
}

static bool take_month(const char **text, int *month_out)
{
	static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	for (int month = 0; month < 12; month++) {
		if (!strncmp(*text, names + 3 * month, 3)) {
			*text += 3;
			*month_out = month + 1;
			return true;
		}
	}
	return false;
}

static bool take_date(const char **text, struct fields *fields)
{
	const char *at = *text;
	if (take_digits(&at, 4, &fields->year)) {
		if (!take_char(&at, '-') ||
		    !(take_digits(&at, 2, &fields->month) || take_month(&at, &fields->month)) ||
		    !take_char(&at, '-') || !take_digits(&at, 2, &fields->day))
			return false;
	} else {
		if (!take_digits(&at, 2, &fields->day) || (*at != '-' && *at != ' '))
			return false;
		char separator = *at++;
		if (!take_month(&at, &fields->month) || !take_char(&at, separator) ||
		    !take_digits(&at, 4, &fields->year))
			return false;
	}
	*text = at;
	return true;
}

static bool take_clock(const char **text, struct fields *fields)
{
	if (!take_digits(text, 2, &fields->hour) || !take_char(text, ':') ||
	    !take_digits(text, 2, &fields->minute))
		return false;
	if (!take_char(text, ':'))
		return true;
	if (!take_digits(text, 2, &fields->second))
		return false;
	fields->has_second = true;
	if (take_char(text, '.'))
		*text += strspn(*text, "0123456789");
	return true;
}

/* Leaves TEXT where it is when no zone follows: then it is the next column. */
static void take_zone(const char **text, struct fields *fields)
{
	const char *at = *text;
	if (take_char(&at, 'Z')) {
		fields->has_zone = true;
		*text = at;
		return;
	}
	take_char(&at, ' ');
	int hours, minutes;
	if (*at == '+' || *at == '-') {
		int sign = *at++ == '-' ? -1 : 1;
		if (!take_digits(&at, 2, &hours))
			return;
		take_char(&at, ':');
		if (!take_digits(&at, 2, &minutes))
			return;
		fields->offset_minutes = sign * (hours * 60 + minutes);
		if (!strncmp(at, " UTC", 4))
			at += 4;
	} else if (!strncmp(at, "GMT", 3) || !strncmp(at, "UTC", 3)) {
		at += 3;
	} else {
		return;
	}
	fields->has_zone = true;
	*text = at;
}

/* Days from 1970-01-01 in the Gregorian calendar, counted from the March of year 0. */
static int64_t days_since_epoch(int year, int month, int day)
{
	int march_year = month > 2 ? year : year - 1;
	int march_month = (month + 9) % 12;
	int64_t days = (int64_t)march_year * 365 + march_year / 4 - march_year / 100 +
		       march_year / 400 + (march_month * 306 + 5) / 10 + day - 1;
	return days - 719468;
}

static bool is_valid(const struct fields *fields)
{
	static const char days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	return fields->year >= 1970 && fields->month >= 1 && fields->month <= 12 &&
	       fields->day >= 1 && fields->day <= days[fields->month - 1] && fields->hour <= 23 &&
	       fields->minute <= 59 && fields->second <= 60;
}

size_t listing_time(const char *text, int64_t *seconds_out, bool *exact_out)
{
	const char *at = text + strspn(text, " \t\r\n");
	struct fields fields = {0};
	const char *comma = strchr(at, ',');
	if (comma == at + 3 && comma[1] == ' ')
		at = comma + 2;
	if (!take_date(&at, &fields) || (*at != ' ' && *at != 'T'))
		return 0;
	at++;
	if (!take_clock(&at, &fields))
		return 0;
	take_zone(&at, &fields);
	if (!is_valid(&fields))
		return 0;
	int64_t seconds = days_since_epoch(fields.year, fields.month, fields.day) * 86400 +
			  fields.hour * 3600 + fields.minute * 60 + fields.second -
			  fields.offset_minutes * 60;
	if (seconds < 0)
		return 0;
	*seconds_out = seconds;
	*exact_out = fields.has_second && fields.has_zone;
	return (size_t)(at - text);
}
