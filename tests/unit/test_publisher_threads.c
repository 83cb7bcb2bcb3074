/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Several programs of one user publish, complete, close, unpublish, cancel and read the same few
 * identifiers at the same time, from several threads each. Nothing but the codes of the
 * specification comes out, and in the end nothing is left. For the sanitizers above all.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/unit/publisher_scene.h"

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { PROGRAMS = 3, THREADS = 2, ROUNDS = 1500, IDS = 6, SIZE = 150000, HANDLES = 4, ENOUGH = 5 };

struct player {
	pthread_t thread;
	struct scene_program *program;
	unsigned seed, first_number;
	unsigned numbers; /* taken of its own range */
	unsigned opened;
	uint64_t streams[HANDLES], informations[HANDLES];
};

static struct scene scene;
static uint8_t *content;
static atomic_uint handed_out; /* times that content information was opened */

/* Not an assertion of cmocka's, which are for one thread. */
static void must(bool holds, const char *what, uint32_t status)
{
	if (holds)
		return;
	fprintf(stderr, "%s: %u\n", what, status);
	abort();
}

static uint32_t call(struct player *player, enum operation_opcode opcode, void *message,
		     size_t size)
{
	int error = instance_call(player->program->instance, (uint32_t)PDC_MESSAGE(opcode, size),
				  message, size);
	uint32_t status = ((struct pdc_hdr *)message)->status;

	must(error == 0, "errno", (uint32_t)-error);
	switch (status) {
	case ERROR_SUCCESS:
	case ERROR_IO_PENDING:
	case ERROR_INVALID_HANDLE:
	case ERROR_INVALID_PARAMETER: /* a number that is in use */
	case ERROR_NOT_FOUND:
	case ERROR_NO_SYSTEM_RESOURCES:
	case PEERDIST_ERROR_INVALIDATED:
	case PEERDIST_ERROR_ALREADY_EXISTS:
	case PEERDIST_ERROR_ALREADY_COMPLETED:
	case PEERDIST_ERROR_OPERATION_NOTFOUND:
		return status;
	default:
		must(false, "status", status);
		return status;
	}
}

static unsigned draw(struct player *player, unsigned below)
{
	return (unsigned)rand_r(&player->seed) % below;
}

/* Of a range that no other thread uses. */
static uint32_t number(struct player *player)
{
	return player->first_number + player->numbers++;
}

union id_message {
	struct pdc_id id;
	struct pdc_publish publish;
	struct pdc_open_ci open;
	uint8_t room[64];
};

static void do_add(struct player *player, unsigned which)
{
	static const size_t inline_max = 8000;
	struct pdc_input *message = calloc(1, sizeof *message + inline_max);
	uint32_t length = 1 + draw(player, SIZE), sent;

	must(message != NULL, "memory", 0);
	message->hdr.op = number(player);
	message->hdr.handle = player->streams[which];
	message->length = length;
	message->inline_len = length < inline_max ? length : (uint32_t)inline_max;
	memcpy(message->data, content, message->inline_len);
	uint32_t status = call(player, OPERATION_add_to_stream, message,
			       sizeof *message + message->inline_len);
	sent = message->inline_len;
	if (status == ERROR_IO_PENDING && draw(player, 8) != 0) {
		struct pdc_frame *frame = malloc(sizeof *frame + length);

		must(frame != NULL, "memory", 0);
		*frame = (struct pdc_frame){
			.op = message->hdr.op, .pos = sent, .length = length - sent};
		memcpy(frame + 1, content + sent, length - sent);
		if (length > sent)
			instance_frame(player->program->instance, frame,
				       sizeof *frame + length - sent);
		free(frame);
	}
	free(message);
}

static uint32_t simple(struct player *player, enum operation_opcode opcode, uint64_t handle,
		       uint32_t op)
{
	struct pdc_hdr header = {.op = op, .handle = handle};

	return call(player, opcode, &header, sizeof header);
}

/* In the place of another one, which is closed; often all of it is done at once. */
static void do_publish(struct player *player)
{
	union id_message message = {.publish = {.flags = draw(player, 4) == 0, .id_len = 1}};
	unsigned which = draw(player, HANDLES);

	message.publish.id[0] = (uint8_t)draw(player, IDS);
	simple(player, OPERATION_close_stream, player->streams[which], 0);
	if (call(player, OPERATION_publish_stream, &message, sizeof message.publish + 1) !=
	    ERROR_SUCCESS)
		return;
	player->streams[which] = message.publish.hdr.handle;
	player->opened++;
	if (draw(player, 2) == 0)
		return;
	do_add(player, which);
	simple(player, OPERATION_complete_stream, player->streams[which], number(player));
}

static void do_open(struct player *player)
{
	union id_message message = {.open = {.ci_min = 1, .ci_max = 2, .id_len = 1}};

	message.open.id[0] = (uint8_t)draw(player, IDS);
	if (call(player, OPERATION_open_information_ex, &message, sizeof message.open + 1) ==
	    ERROR_SUCCESS) {
		player->informations[draw(player, HANDLES)] = message.open.hdr.handle;
		atomic_fetch_add(&handed_out, 1);
	}
}

static void do_retrieve(struct player *player)
{
	struct pdc_read message = {.hdr = {.op = number(player),
					   .handle = player->informations[draw(player, HANDLES)]},
				   .max_bytes = 1 + draw(player, 3000)};

	call(player, OPERATION_retrieve_information, &message, sizeof message);
}

static void do_id(struct player *player, enum operation_opcode opcode)
{
	union id_message message = {.id = {.id_len = 1}};

	message.id.hdr.op = opcode == OPERATION_server_cancel
				    ? player->first_number + draw(player, player->numbers + 1)
				    : 0;
	message.id.id[0] = (uint8_t)draw(player, IDS);
	call(player, opcode, &message, sizeof message.id + 1);
}

/* Takes what is queued, and fetches what comes with it. */
static void do_reap(struct player *player)
{
	union {
		struct pdc_reap reap;
		uint8_t room[sizeof(struct pdc_reap) + 16 * sizeof(struct pdc_completion)];
	} message = {0};

	call(player, OPERATION_reap, &message, sizeof message);
	for (unsigned i = 0; i < message.reap.count; i++) {
		const struct pdc_completion *completion = &message.reap.completions[i];
		struct operation *operation;
		size_t size = completion->bytes;

		if (!(completion->flags & PDC_OUTPUT))
			continue;
		must(instance_output(player->program->instance, PDC_OUTPUT_AT(completion->op, 0),
				     &size, &operation) != NULL &&
			     size == completion->bytes,
		     "output", completion->op);
		instance_given(operation);
	}
}

static void play(struct player *player)
{
	unsigned which = draw(player, HANDLES);

	switch (draw(player, 16)) {
	case 0:
	case 1:
		do_publish(player);
		break;
	case 2:
	case 3:
	case 4:
		do_add(player, which);
		break;
	case 5:
	case 6:
		simple(player, OPERATION_complete_stream, player->streams[which], number(player));
		break;
	case 7:
		simple(player, OPERATION_close_stream, player->streams[which], 0);
		break;
	case 8:
	case 9:
		do_open(player);
		break;
	case 10:
	case 11:
		do_retrieve(player);
		break;
	case 12:
		simple(player, OPERATION_close_information, player->informations[which], 0);
		break;
	case 13:
		if (draw(player, 3) == 0)
			do_id(player, OPERATION_unpublish);
		break;
	case 14:
		do_id(player, OPERATION_server_cancel);
		break;
	default:
		do_reap(player);
	}
}

static void *run(void *owner)
{
	struct player *player = owner;

	/* On a slow machine longer, until something was really handed out. */
	for (unsigned round = 0;
	     round < ROUNDS || (atomic_load(&handed_out) < ENOUGH && round < 50 * ROUNDS); round++)
		play(player);
	return NULL;
}

static void test_all_at_once(void **state)
{
	struct player players[PROGRAMS * THREADS] = {0};
	struct scene_program *programs[PROGRAMS];
	unsigned opened = 0;

	(void)state;
	content = publisher_content(SIZE, 1);
	service_scene_begin(&scene, NULL);
	for (unsigned i = 0; i < PROGRAMS; i++)
		programs[i] = service_scene_start(&scene, 1000);
	for (unsigned i = 0; i < PROGRAMS * THREADS; i++) {
		players[i].program = programs[i % PROGRAMS];
		players[i].seed = i + 1;
		players[i].first_number = 1 + i * 1000000;
		assert_int_equal(pthread_create(&players[i].thread, NULL, run, &players[i]), 0);
	}
	for (unsigned i = 0; i < PROGRAMS * THREADS; i++) {
		pthread_join(players[i].thread, NULL);
		opened += players[i].opened;
	}
	/* Or it has not shown much. */
	assert_true(opened > 20);
	assert_true(atomic_load(&handed_out) >= ENOUGH);
	for (unsigned i = 0; i < PROGRAMS; i++)
		service_scene_close(programs[i]);
	service_scene_wait_counters(&scene, 0, 0);
	assert_int_equal(publications_count(scene.service), 0);
	service_scene_end(&scene);
	free(content);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
