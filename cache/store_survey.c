/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Comparing what an object has with another cutting of it, and with a content. A new unit that lies
 * in old ones that are all there is read, which checks those, then judged, and its checksum noted.
 * Nothing is locked between two units, so that reading and writing go on; a note stays right
 * whatever happens to the octets, since the checksum then makes the unit absent.
 */
#include <errno.h>
#include <stdlib.h>

#include "cache/store_segment_private.h"

static uint64_t bit_of(uint32_t unit)
{
	return UINT64_C(1) << unit % STORE_RUN_UNITS;
}

/* ---- making one ---- */

/* Whether it speaks for all octets, and lists all hashes where some might be missing. */
static int check_range(const struct object *object, const struct content *content)
{
	const uint32_t ends[] = {0, content_segments(content) - 1};
	struct content_segment segment;

	if (object_size(object) == STORE_SIZE_UNKNOWN || content_start(content) != 0 ||
	    content_end(content) != object_size(object))
		return -EINVAL;
	for (unsigned i = 0; i < 2; i++) {
		int error = content_segment(content, ends[i], &segment);

		if (error != 0)
			return error;
		if (segment.listed != segment.blocks)
			return -EINVAL;
	}
	return 0;
}

/* The file of the content, if nobody else wants it. */
static struct content_file *claim(struct store *store, struct content *content)
{
	struct content_file *file = content_file_of(store, content);
	bool mine;

	if (file == NULL)
		return NULL;
	store_lock(store);
	mine = !file->owned && !file->claimed;
	if (mine)
		file->claimed = true;
	store_unlock(store);
	return mine ? file : NULL;
}

/* Notes the units behind the encoded form. */
static int note_cutting(struct content_file *file, const struct cutting *cutting)
{
	struct information *information = &file->information;
	size_t size;
	const void *packed = cutting_packed(cutting, &size);
	int error;

	if (packed == NULL)
		return 0;
	error = content_file_append(file, packed, size, information->octets);
	if (error != 0)
		return error;
	information->cutting_octets = size;
	information->cutting_sum = unit_sum(packed, size);
	content_file_trim(file, information->octets + size);
	return 0;
}

static int take_content(struct object_survey *survey, struct content *content)
{
	struct store *store = survey->object->store;
	int error = check_range(survey->object, content);

	if (error != 0)
		return error;
	survey->claimed = claim(store, content);
	if (survey->claimed != NULL) {
		survey->content = content_get(content);
	} else {
		error = intake_copy(store, content, &survey->content);
		if (error != 0)
			return error;
		survey->claimed = claim(store, survey->content);
	}
	error = content_cutting(survey->content, &survey->cutting);
	return error != 0 ? error : note_cutting(survey->claimed, survey->cutting);
}

static int make_runs(struct object_survey *survey)
{
	uint32_t count = cutting_count(survey->cutting);

	survey->run_count = count / STORE_RUN_UNITS + (count % STORE_RUN_UNITS != 0);
	survey->runs = calloc((size_t)survey->run_count + 1, sizeof(survey->runs[0]));
	return survey->runs != NULL ? 0 : -ENOMEM;
}

int survey_make(struct object *object, struct content *content, struct object_survey **survey_out)
{
	struct object_survey *survey = calloc(1, sizeof(*survey));
	int error;

	if (survey == NULL)
		return -ENOMEM;
	survey->object = object_get(object);
	error = content != NULL ? take_content(survey, content)
				: cutting_uniform(object_size(object), &survey->cutting);
	if (error == 0)
		error = make_runs(survey);
	if (error != 0) {
		object_survey_free(survey);
		return error;
	}
	*survey_out = survey;
	return 0;
}

void object_survey_free(struct object_survey *survey)
{
	if (survey == NULL)
		return;
	for (uint32_t i = 0; i < survey->run_count && survey->runs != NULL; i++)
		free(survey->runs[i]);
	free(survey->runs);
	cutting_free(survey->cutting);
	if (survey->claimed != NULL) {
		store_lock(survey->object->store);
		survey->claimed->claimed = false;
		store_unlock(survey->object->store);
	}
	segment_names_free(survey->names);
	content_put(survey->content);
	object_put(survey->object);
	free(survey);
}

/* ---- comparing ---- */

int survey_matches(const struct object_survey *survey, uint32_t unit, const void *data)
{
	uint64_t offset = cutting_offset(survey->cutting, unit);
	uint32_t length = cutting_length(survey->cutting, unit);
	struct content_block block;
	int error;

	if (survey->content == NULL)
		return 1;
	error = content_block_at(survey->content, offset, &block);
	if (error == 0 && (block.offset != offset || block.length != length))
		error = -EINVAL; /* not the content that the units are of */
	if (error != 0)
		return error;
	error = content_block_check(survey->content, &block, data, length);
	return error == 0 ? 1 : error == -EBADMSG ? 0 : error;
}

static struct survey_run *run_of(struct object_survey *survey, uint32_t unit)
{
	struct survey_run **run = &survey->runs[unit / STORE_RUN_UNITS];

	if (*run == NULL)
		*run = calloc(1, sizeof(**run));
	return *run;
}

/* Judges what was read of UNIT. */
static int note(struct object_survey *survey, uint32_t unit, const void *data)
{
	struct survey_run *run = run_of(survey, unit);
	int matches = survey_matches(survey, unit, data);

	if (matches < 0 || run == NULL)
		return matches < 0 ? matches : -ENOMEM;
	if (matches == 0) {
		run->bad |= bit_of(unit);
		return 0;
	}
	run->good |= bit_of(unit);
	run->sums[unit % STORE_RUN_UNITS] = unit_sum(data, cutting_length(survey->cutting, unit));
	return 0;
}

/* Object begun or seized. What is not all there, or not what it was, is not noted. */
static int look_at(struct object_survey *survey, uint32_t unit)
{
	char data[CUTTING_UNIT_MAX];

	if (object_read_part(survey->object, cutting_offset(survey->cutting, unit),
			     cutting_length(survey->cutting, unit), data, true, false) != 0)
		return 0;
	return note(survey, unit, data);
}

/* The first octet from OFFSET on that is there under the object's own cutting, or its size. Lock
 * held, released meanwhile; object begun or seized. */
static uint64_t next_present(struct object *object, uint64_t offset)
{
	const struct cutting *cutting = object->cutting;
	uint32_t unit = cutting_unit_at(cutting, offset), count;
	bool present = false;

	count = unit_extent(object, unit, cutting_count(cutting) - unit, &present);
	if (present)
		return offset;
	return count < cutting_count(cutting) - unit ? cutting_offset(cutting, unit + count)
						     : cutting_size(cutting);
}

/* The first new unit from UNIT on of which something may be there. */
static uint32_t next_unit(const struct object_survey *survey, uint32_t unit)
{
	uint64_t offset = cutting_offset(survey->cutting, unit), from;

	from = next_present(survey->object, offset);
	if (from == offset)
		return unit;
	if (from >= cutting_size(survey->cutting))
		return cutting_count(survey->cutting);
	return cutting_unit_at(survey->cutting, from);
}

/* Looks at the next unit that is worth it, and passes behind it. */
static int step(struct object_survey *survey, uint32_t *unit)
{
	struct object *object = survey->object;
	struct store *store = object->store;
	uint32_t count = cutting_count(survey->cutting);
	int error = 0;

	store_lock(store);
	object_begin(object);
	*unit = next_unit(survey, *unit);
	store_unlock(store);
	if (*unit < count)
		error = look_at(survey, (*unit)++);
	store_lock(store);
	object_end(object);
	store_unlock(store);
	return error;
}

int survey_compare(struct object_survey *survey, bool (*continue_)(void *context), void *context)
{
	uint32_t count = cutting_count(survey->cutting);
	int error = 0;

	for (uint32_t unit = 0; unit < count && error == 0;) {
		if (continue_ != NULL && !continue_(context))
			return -ECANCELED;
		error = step(survey, &unit);
	}
	return error;
}

int object_survey(struct object *object, struct content *content, bool (*continue_)(void *context),
		  void *context, struct object_survey **survey_out)
{
	struct object_survey *survey;
	int error = survey_make(object, content, &survey);

	if (error != 0)
		return error;
	error = segment_names_make(survey->content, survey->claimed->information.file, continue_,
				   context, &survey->names);
	if (error == 0)
		error = survey_compare(survey, continue_, context);
	if (error != 0) {
		object_survey_free(survey);
		return error;
	}
	*survey_out = survey;
	return 0;
}

/* ---- what holds when it is exchanged ---- */

/* Whether all old units that UNIT lies in are there. */
static bool octets_present(const struct object_survey *survey, uint32_t unit)
{
	struct object *object = survey->object;
	const struct cutting *cutting = object->cutting;
	uint64_t offset = cutting_offset(survey->cutting, unit);
	uint32_t first = cutting_unit_at(cutting, offset);
	uint32_t last =
		cutting_unit_at(cutting, offset + cutting_length(survey->cutting, unit) - 1);
	bool present = false;
	uint32_t count;

	store_lock(object->store);
	count = unit_extent(object, first, last - first + 1, &present);
	store_unlock(object->store);
	return present && count == last - first + 1;
}

static bool noted(const struct object_survey *survey, uint32_t unit)
{
	const struct survey_run *run = survey->runs[unit / STORE_RUN_UNITS];

	return run != NULL && ((run->good | run->bad) & bit_of(unit)) != 0;
}

/* Forgets what was evicted since, and looks at what was written since. */
static int finish_unit(struct object_survey *survey, uint32_t unit)
{
	bool present = octets_present(survey, unit);

	if (present)
		return noted(survey, unit) ? 0 : look_at(survey, unit);
	if (noted(survey, unit)) {
		survey->runs[unit / STORE_RUN_UNITS]->good &= ~bit_of(unit);
		survey->runs[unit / STORE_RUN_UNITS]->bad &= ~bit_of(unit);
	}
	return 0;
}

/* Units from FIRST to before END, of which nothing is there. */
static void forget_units(struct object_survey *survey, uint32_t first, uint32_t end)
{
	for (uint32_t unit = first; unit < end; unit++) {
		struct survey_run *run = survey->runs[unit / STORE_RUN_UNITS];

		if (run == NULL) {
			unit |= STORE_RUN_UNITS - 1;
			continue;
		}
		run->good &= ~bit_of(unit);
		run->bad &= ~bit_of(unit);
	}
}

static uint64_t bad_octets(const struct object_survey *survey)
{
	uint64_t octets = 0;

	for (uint32_t number = 0; number < survey->run_count; number++) {
		const struct survey_run *run = survey->runs[number];

		for (uint64_t left = run != NULL ? run->bad : 0; left != 0; left &= left - 1)
			octets += cutting_length(survey->cutting,
						 number * STORE_RUN_UNITS +
							 (uint32_t)__builtin_ctzll(left));
	}
	return octets;
}

int survey_finish(struct object_survey *survey, uint64_t *dropped)
{
	struct store *store = survey->object->store;
	uint32_t count = cutting_count(survey->cutting);
	int error = 0;

	for (uint32_t unit = 0; unit < count && error == 0; unit++) {
		uint32_t next;

		store_lock(store);
		next = next_unit(survey, unit);
		store_unlock(store);
		forget_units(survey, unit, next);
		unit = next;
		if (unit < count)
			error = finish_unit(survey, unit);
	}
	if (error == 0)
		*dropped += bad_octets(survey);
	return error;
}
