/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What is here: in the content's own objects, where much can be read at a time, or in others.
 */
#include "fs/service/parts_private.h"

#include <errno.h>
#include <string.h>

/* Segments that are looked for elsewhere for one answer: our choice, some eighty milliseconds for
 * what is absent, which is slower, and some thirty for what is not. In version 2.0 that is some 512
 * MiB. The answer ends there: who asks on is told more. */
#define LOOKS_ABSENT_MAX 8192u
#define LOOKS_HERE_MAX 8192u

/* ---- how far ---- */

struct survey {
	struct parts *parts;
	uint64_t at, end;      /* what is looked at next */
	unsigned here, absent; /* looks that are left, by what they find */
	bool stopped;          /* none was left for what is at `at` */
	/* Of the object of OWN: units below UNTIL are all present in it, or all not. */
	struct place *own;
	uint32_t until;
	bool present;
};

static bool has_bit(const uint64_t *words, uint32_t bit)
{
	return (words[bit / 64] >> bit % 64 & 1) != 0;
}

static void pass(struct survey *survey, const struct place *place, uint32_t last)
{
	survey->at = place_offset(place, last) + cutting_length(place->cutting, last);
}

/* COUNT units from UNIT on are not in PLACE. Moves on behind those of them that are elsewhere, or
 * behind those that are not; returns which. */
static bool step_elsewhere(struct survey *survey, const struct place *place, uint32_t unit,
			   uint32_t count)
{
	uint64_t held[STORE_SEGMENT_WORDS];
	uint32_t block, blocks, same = 0;

	if (survey->here == 0 || survey->absent == 0) {
		survey->stopped = true;
		return false;
	}
	if (elsewhere_look(survey->parts, place, survey->at, held, &block, &blocks) != 0) {
		/* The disk's trouble, which need not be met again. */
		survey->absent = 0;
		pass(survey, place, unit);
		return false;
	}
	bool here = has_bit(held, block);
	*(here ? &survey->here : &survey->absent) -= 1;
	while (same < count && block + same < blocks && has_bit(held, block + same) == here)
		same++;
	pass(survey, place, unit + same - 1);
	return here;
}

/* How many units from UNIT on are all present in PLACE's own object, or all not. */
static uint32_t own_extent(struct survey *survey, struct place *place, uint32_t unit,
			   bool *present_out)
{
	if (survey->own != place || unit >= survey->until) {
		uint32_t units = place_units_end(place, survey->end) - unit;
		uint32_t count = object_extent(place->object, unit, units, &survey->present);
		/* 0: not the units that it was described with */
		survey->until = unit + (count != 0 ? count : units);
		survey->own = place;
	}
	*present_out = survey->present;
	return survey->until - unit;
}

/* Moves on behind what is here, or not; returns which. */
static bool step(struct survey *survey)
{
	struct place *place = place_at(survey->parts, survey->at);
	bool present = false;

	if (place == NULL) { /* not for offsets of the range */
		survey->at = survey->end;
		return false;
	}
	uint32_t unit = place_unit(place, survey->at);
	uint32_t count = own_extent(survey, place, unit, &present);
	if (!present)
		return step_elsewhere(survey, place, unit, count);
	pass(survey, place, unit + count - 1);
	return true;
}

uint64_t parts_extent(struct parts *parts, uint64_t offset, uint64_t end, bool *here_out)
{
	struct survey survey = {.parts = parts,
				.at = offset,
				.end = end,
				.here = LOOKS_HERE_MAX,
				.absent = LOOKS_ABSENT_MAX};
	bool here = step(&survey);
	uint64_t reached = survey.at;

	while (reached < end && step(&survey) == here && !survey.stopped)
		reached = survey.at;
	*here_out = here;
	return (reached < end ? reached : end) - offset;
}

/* ---- reading ---- */

/* Octets of a unit that was read as a whole. */
static size_t read_partly(struct parts *parts, struct place *place, uint64_t offset, void *buffer,
			  size_t size)
{
	char data[CUTTING_UNIT];
	uint32_t unit = place_unit(place, offset);
	size_t skip = (size_t)(offset - place_offset(place, unit));
	size_t length = cutting_length(place->cutting, unit) - skip;

	if (place_read_checked(parts, place, unit, data) != 0)
		return 0;
	if (length > size)
		length = size;
	memcpy(buffer, data + skip, length);
	return length;
}

/* As many octets from OFFSET on as are there without a gap, at most SIZE. */
static size_t extent_of(const struct place *place, uint64_t offset, size_t size)
{
	uint32_t unit = place_unit(place, offset);
	uint32_t units = place_units_end(place, offset + size) - unit;
	bool present = false;
	uint32_t count = object_extent(place->object, unit, units, &present);

	if (!present || count == 0)
		return 0;
	uint64_t end = place_offset(place, unit + count - 1) +
		       cutting_length(place->cutting, unit + count - 1);
	return end - offset < size ? (size_t)(end - offset) : size;
}

static size_t read_run(const struct place *place, uint64_t offset, void *buffer, size_t size)
{
	if (object_read(place->object, offset - place->base, size, buffer) == 0)
		return size;
	size = extent_of(place, offset, size);
	if (size > 0 && object_read(place->object, offset - place->base, size, buffer) == 0)
		return size;
	return 0;
}

/* From the own object or another one. Does not pass the end of the place. */
static size_t read_some(struct parts *parts, struct place *place, uint64_t offset, void *buffer,
			size_t size)
{
	if (size > place->end - offset)
		size = (size_t)(place->end - offset);
	size_t given = place->partly ? read_partly(parts, place, offset, buffer, size)
				     : read_run(place, offset, buffer, size);
	if (given == 0)
		given = elsewhere_read(parts, place, offset, buffer, size);
	fetch_file_given(place->file, offset - place->base, given);
	return given;
}

ssize_t parts_read(struct parts *parts, uint64_t offset, void *buffer, size_t size)
{
	uint64_t end = content_end(parts->content);
	size_t done = 0;

	if (offset < content_start(parts->content) || offset >= end)
		return -ENOENT;
	if (size > end - offset)
		size = (size_t)(end - offset);
	while (done < size) {
		struct place *place = place_at(parts, offset + done);
		size_t given = place != NULL ? read_some(parts, place, offset + done,
							 (char *)buffer + done, size - done)
					     : 0;
		if (given == 0)
			break;
		done += given;
	}
	return done > 0 ? (ssize_t)done : -ENOENT;
}
