/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Exchanging the units of an object, with what describes them. In a sparse file no octet moves: a
 * survey has found out which new units are there, and the records are exchanged. The old ones are
 * deleted before the new ones come, with the cutting that they are of, so that a crash in the
 * middle loses records, never has right ones for wrong data. What no new unit covers is given back.
 * What lies in a pack is small enough to be written anew.
 */
#include <errno.h>
#include <stdlib.h>

#include "cache/store_segment_private.h"

struct exchange {
	struct object *object;
	struct object_survey *survey; /* finished */
	bool keep_pack;               /* the one unit stays where it is */
	int64_t used;                 /* the last use of the object */
	uint64_t pending; /* octets that the former runs took, not yet given back or taken over */
};

/* ---- the runs ---- */

/* Lock held. What the new run takes was counted for the old ones. */
static void take_over(struct exchange *exchange, uint64_t octets)
{
	struct store *store = exchange->object->store;

	if (octets > exchange->pending)
		octets = exchange->pending;
	exchange->pending -= octets;
	store->used -= octets < store->used ? octets : store->used;
}

/* Puts the new run in the place of the old ones. */
static int install_run(struct exchange *exchange, uint32_t number)
{
	struct object *object = exchange->object;
	struct store *store = object->store;
	const struct survey_run *from = exchange->survey->runs[number];
	struct object_run *run;

	store_lock(store);
	run = run_pin(object, number);
	if (run == NULL) {
		store_unlock(store);
		return -ENOMEM;
	}
	for (unsigned i = 0; i < STORE_RUN_UNITS; i++)
		run->sums[i] = from->sums[i];
	run->run.used = exchange->used;
	run_set_present(run, from->good);
	run_set_cost(store, &run->run, run_cost(object, number, from->good));
	take_over(exchange, run->run.cost);
	run_unpin(store, &run->run);
	store_unlock(store);
	return 0;
}

static void record(struct store *store)
{
	index_lock(&store->index);
	record_flush(store);
	index_unlock(&store->index);
}

/* As many as there is memory for; the others are absent. A few at a time are recorded, so that they
 * need not all be in memory. */
static void install_runs(struct exchange *exchange)
{
	struct object_survey *survey = exchange->survey;
	unsigned installed = 0;

	for (uint32_t number = 0; number < survey->run_count; number++) {
		struct survey_run *run = survey->runs[number];

		if (run == NULL || run->good == 0)
			continue;
		if (install_run(exchange, number) != 0)
			run->good = 0;
		if (++installed % STORE_BATCH == 0)
			record(exchange->object->store);
	}
}

/* Gives back what lies between new units that are present. */
static void punch_gaps(const struct exchange *exchange, int fd)
{
	const struct object_survey *survey = exchange->survey;
	const struct cutting *cutting = exchange->object->cutting;
	uint64_t gap = 0; /* where it begins */

	for (uint32_t number = 0; number < survey->run_count; number++) {
		const struct survey_run *run = survey->runs[number];

		for (uint64_t left = run != NULL ? run->good : 0; left != 0; left &= left - 1) {
			uint32_t unit = number * STORE_RUN_UNITS + (uint32_t)__builtin_ctzll(left);
			uint64_t start = cutting_offset(cutting, unit);

			if (start > gap)
				file_punch(fd, gap, start - gap);
			gap = start + cutting_length(cutting, unit);
		}
	}
	/* Behind the end, or the block that it lies in would stay. */
	file_punch(fd, gap, cutting_size(cutting) + exchange->object->store->block - gap);
}

static void release_gaps(const struct exchange *exchange)
{
	struct object *object = exchange->object;
	struct store *store = object->store;
	int fd;

	store_lock(store);
	fd = object->made ? file_acquire(store, &object->file, FILE_READ, 0) : -ENOENT;
	store_unlock(store);
	if (fd < 0)
		return;
	punch_gaps(exchange, fd);
	store_lock(store);
	file_release(store, &object->file);
	store_unlock(store);
}

/* ---- the exchange ---- */

static int64_t last_use(struct object *object)
{
	struct index *index = &object->store->index;
	int64_t used;

	index_lock(index);
	record_flush(object->store);
	used = record_last_use(object);
	index_unlock(index);
	return used;
}

/* The new cutting, unless it is the same one. Both locks held. Cannot fail. */
static void take_cutting(struct exchange *exchange)
{
	struct object_survey *survey = exchange->survey;

	if (cutting_equal(exchange->object->cutting, survey->cutting) ||
	    object_set_cutting(exchange->object, survey->cutting) != 0)
		return;
	survey->cutting = NULL;
}

/* The new content, or none. Both locks held, store.lock released meanwhile. */
static void take_content(struct exchange *exchange)
{
	struct object_survey *survey = exchange->survey;

	if (survey->claimed == NULL)
		return;
	object_content_join(exchange->object, survey->claimed);
	segment_names_add(exchange->object, survey->names);
	survey->names = NULL;
	survey->claimed = NULL;
	survey->content = NULL;
}

/* Old records go, and all that the new ones will be of comes, in one transaction. */
static int swap(struct exchange *exchange)
{
	struct object *object = exchange->object;
	struct content_file *file = exchange->survey->claimed;
	struct content_leaving leaving;

	store_lock(object->store);
	object_content_hold(object);
	store_unlock(object->store);
	exchange->pending = object_forget_begin(object, exchange->keep_pack);
	object_content_leave(object, &leaving);
	take_cutting(exchange);
	object_mark_dirty(object);
	take_content(exchange);
	object_forget_end(object);
	content_leaving_end(object->store, &leaving);
	return file != NULL ? content_file_name(file, object) : 0;
}

/* The rest of what the old runs took is free now. */
static void give_back(struct exchange *exchange)
{
	store_lock(exchange->object->store);
	take_over(exchange, exchange->pending);
	store_unlock(exchange->object->store);
}

static void exchange_runs(struct exchange *exchange)
{
	install_runs(exchange);
	release_gaps(exchange);
	give_back(exchange);
	record(exchange->object->store);
}

/* The content has no file that could be found again: the object is left empty, without it. */
static void undo(struct object *object)
{
	struct exchange exchange = {.object = object};

	if (survey_make(object, NULL, &exchange.survey) != 0 ||
	    object_expect_cutting(object) != 0) {
		object_survey_free(exchange.survey);
		return;
	}
	swap(&exchange);
	exchange_runs(&exchange);
	object_survey_free(exchange.survey);
}

/* OBJECT is seized. */
static int exchange_all(struct exchange *exchange)
{
	struct object *object = exchange->object;
	uint64_t pending;
	int error;

	store_lock(object->store);
	error = object_expect_cutting(object);
	store_unlock(object->store);
	if (error != 0)
		return error;
	exchange->used = last_use(object);
	error = swap(exchange);
	if (error == 0) {
		exchange_runs(exchange);
		return 0;
	}
	pending = exchange->pending;
	undo(object);
	exchange->pending = pending;
	give_back(exchange);
	return error;
}

/* ---- what lies in a pack ---- */

/* The new units that DATA, the whole content, fill. */
static int judge_packed(struct object_survey *survey, const char *data, uint64_t *good_out,
			uint64_t *dropped)
{
	const struct cutting *cutting = survey->cutting;
	uint64_t good = 0;

	for (uint32_t unit = 0; unit < cutting_count(cutting); unit++) {
		int matches = survey_matches(survey, unit, data + cutting_offset(cutting, unit));

		if (matches < 0)
			return matches;
		if (matches > 0)
			good |= UINT64_C(1) << unit % STORE_RUN_UNITS;
		else
			*dropped += cutting_length(cutting, unit);
	}
	*good_out = good;
	return 0;
}

struct packed {
	uint64_t good; /* units that are to be written anew */
	char data[CUTTING_UNIT_MAX];
};

/* More units than a pack's content can have are only made by somebody who wants to. */
static bool few_units(const struct object_survey *survey)
{
	return cutting_count(survey->cutting) <= STORE_RUN_UNITS;
}

/* Reads what lies in a pack, and leaves the object empty, if it is to have another layout. */
static int exchange_packed(struct object_survey *survey, struct packed *packed, uint64_t *dropped)
{
	struct object *object = survey->object;
	struct exchange exchange = {.object = object, .survey = survey};
	int error = pack_read(object, 0, (uint32_t)object->size, packed->data, false, false);

	if (error == 0 && few_units(survey))
		error = judge_packed(survey, packed->data, &packed->good, dropped);
	if (error == -ENOENT || error == -EBADMSG)
		error = 0; /* nothing was there to be kept */
	if (error != 0)
		return error;
	if (cutting_count(survey->cutting) == 1 && packed->good != 0) {
		exchange.keep_pack = true;
		packed->good = 0;
	}
	return exchange_all(&exchange);
}

static void write_units(struct object *object, const struct packed *packed)
{
	const struct cutting *cutting = object_cutting(object);
	int error = 0;

	for (uint64_t left = packed->good; left != 0 && error == 0; left &= left - 1) {
		uint32_t unit = (uint32_t)__builtin_ctzll(left);

		error = object_write(object, unit, packed->data + cutting_offset(cutting, unit),
				     cutting_length(cutting, unit));
	}
}

/* ---- the public side ---- */

static int exchange_sparse(struct object_survey *survey, uint64_t *dropped)
{
	struct exchange exchange = {.object = survey->object, .survey = survey};
	int error = survey_finish(survey, dropped);

	return error != 0 ? error : exchange_all(&exchange);
}

/* Finishes the survey and makes it hold. It is gone afterwards. */
static int apply(struct object_survey *survey, uint64_t *dropped_out)
{
	struct object *object = object_get(survey->object);
	struct store *store = object->store;
	struct packed packed = {.good = 0};
	uint64_t dropped = 0;
	bool lies_in_pack;
	int error;

	store_lock(store);
	object_seize(object);
	lies_in_pack = object->pack != 0;
	store_unlock(store);
	error = lies_in_pack ? exchange_packed(survey, &packed, &dropped)
			     : exchange_sparse(survey, &dropped);
	store_lock(store);
	object_unseize(object);
	store_unlock(store);
	object_survey_free(survey);
	if (error == 0)
		write_units(object, &packed);
	object_put(object);
	if (error == 0 && dropped_out != NULL)
		*dropped_out = dropped;
	return error;
}

int object_describe(struct object_survey *survey, uint64_t *dropped_out)
{
	return apply(survey, dropped_out);
}

static void refuse(struct object *object)
{
	store_lock(object->store);
	object->refused = true;
	if (object->runs > 0 || object->pack != 0)
		object_mark_dirty(object);
	store_unlock(object->store);
}

/* The units stay as they are. */
static void drop_content(struct object *object)
{
	struct store *store = object->store;
	bool there;

	store_lock(store);
	object_seize(object);
	there = object->information.file != 0 && cutting_is_uniform(object->cutting);
	store_unlock(store);
	if (there)
		object_content_drop(object);
	store_lock(store);
	object_unseize(object);
	store_unlock(store);
}

int object_disown(struct object *object, bool refused)
{
	struct object_survey *survey;
	int error = 0;

	if (cutting_is_uniform(object_cutting(object))) {
		drop_content(object);
	} else {
		error = survey_make(object, NULL, &survey);
		if (error == 0) {
			error = survey_compare(survey, NULL, NULL);
			if (error == 0)
				error = apply(survey, NULL);
			else
				object_survey_free(survey);
		}
	}
	if (error == 0 && refused)
		refuse(object);
	return error;
}
