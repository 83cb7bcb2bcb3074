/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/unit/service_played.h"

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

atomic_uint played_freed;
atomic_uint played_taken;
pthread_mutex_t played_gate = PTHREAD_MUTEX_INITIALIZER;

static void note_cancelled(struct handle *handle, struct operation *operation)
{
	(void)operation;
	atomic_fetch_add(&((struct played *)handle)->cancelled, 1);
}

static void note_freed(struct handle *handle)
{
	atomic_fetch_add(&played_freed, 1);
	free(handle);
}

const struct handle_kind played_kind = {HANDLE_STREAM, note_cancelled, note_freed};

uint64_t played_enter(struct scene_program *program, struct played **played_out)
{
	struct played *played = calloc(1, sizeof *played);
	struct pdc_hdr header = {0};
	struct request request = {.instance = program->instance, .header = &header};

	assert_non_null(played);
	played->handle.kind = &played_kind;
	lane_init(&played->lane);
	assert_int_equal(handle_enter(&request, &played->handle), ERROR_SUCCESS);
	*played_out = played;
	return header.handle;
}

uint32_t played_submit(struct scene_program *program, struct handle *handle,
		       const struct operation_wish *wish, enum operation_opcode opcode,
		       uint32_t number)
{
	struct pdc_input input = {.hdr.op = number, .length = wish->length};
	struct request request = {.instance = program->instance,
				  .opcode = opcode,
				  .header = &input.hdr,
				  .handle = handle};

	return operation_submit(&request, wish);
}

void played_nothing(struct operation *operation)
{
	(void)operation;
}

void played_done_at_once(struct operation *operation)
{
	operation_complete(operation, ERROR_SUCCESS, operation->number, 1);
}

void played_late_or_nothing(struct operation *operation)
{
	if (operation_is_late(operation))
		operation_complete(operation, ERROR_TIMEOUT, 7, 8);
}

void played_swallow(struct operation *operation)
{
	uint32_t length;
	bool last = false;

	pthread_mutex_lock(&played_gate);
	pthread_mutex_unlock(&played_gate);
	while (operation_take(operation, &length, &last) != NULL)
		atomic_fetch_add(&played_taken, length);
	if (last)
		operation_complete(operation, ERROR_SUCCESS, 0, operation->length);
}

void played_give_three(struct operation *operation)
{
	uint8_t *output = malloc(3);

	assert_non_null(output);
	memcpy(output, "abc", 3);
	operation_give(operation, 42, output, 3);
}
