/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/unit/service_scene.h"

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cache/directory.h"
#include "origin/loop.h"

#define PATIENCE_MS 10000

static const struct secret *give_secret(void *owner)
{
	return ((struct scene *)owner)->secret;
}

static void pause_ms(unsigned milliseconds)
{
	nanosleep(&(struct timespec){.tv_sec = milliseconds / 1000,
				     .tv_nsec = milliseconds % 1000 * 1000000},
		  NULL);
}

void service_scene_begin(struct scene *scene, const struct scene_options *options)
{
	static const uint8_t key[] = "a key for tests";
	char message[256];

	memset(scene, 0, sizeof *scene);
	strcpy(scene->directory, "/tmp/service_scene.XXXXXX");
	assert_non_null(mkdtemp(scene->directory));
	const struct store_options store = {
		.directory = scene->directory,
		.scope = "s",
		.limit = options != NULL && options->limit != 0 ? options->limit : 256u << 20};
	assert_int_equal(store_open(&store, &scene->store, message, sizeof message), 0);
	assert_int_equal(pool_create(4, &scene->pool), 0);
	const struct fetch_options fetch = {.pool = scene->pool,
					    .nearby = options != NULL ? options->nearby : NULL,
					    .ledger = options != NULL ? options->ledger : NULL,
					    .timeout = 30};
	assert_int_equal(fetch_create(&fetch, &scene->fetch), 0);
	assert_int_equal(secret_create(key, sizeof key - 1, &scene->secret), 0);
	const struct service_options service = {.store = scene->store,
						.pool = scene->pool,
						.fetch = scene->fetch,
						.neighbours = options != NULL ? options->neighbours
									      : NULL,
						.secret = give_secret,
						.owner = scene,
						.versions = 3};
	assert_int_equal(service_create(&service, &scene->service), 0);
	service_set_status(scene->service, SERVICE_AVAILABLE);
	scene->program = service_scene_start(scene, 1000);
}

void service_scene_end(struct scene *scene)
{
	char command[128];

	service_scene_close(scene->program);
	service_stop(scene->service);
	for (unsigned waited = 0; !service_idle(scene->service); waited++) {
		assert_true(waited < PATIENCE_MS);
		pause_ms(1);
	}
	fetch_stop(scene->fetch);
	while (!fetch_idle(scene->fetch))
		pause_ms(1);
	pool_destroy(scene->pool);
	service_destroy(scene->service);
	fetch_destroy(scene->fetch);
	store_close(scene->store);
	secret_free(scene->secret);
	snprintf(command, sizeof command, "rm -rf '%s'", scene->directory);
	assert_int_equal(system(command), 0);
}

static void tell(void *owner)
{
	struct scene_program *program = owner;

	pthread_mutex_lock(&program->lock);
	program->tells++;
	pthread_cond_broadcast(&program->told);
	pthread_mutex_unlock(&program->lock);
}

struct scene_program *service_scene_open(struct scene *scene, uid_t uid)
{
	struct scene_program *program = calloc(1, sizeof *program);
	const struct instance_opener opener = {uid, uid, getpid()};

	assert_non_null(program);
	program->scene = scene;
	pthread_mutex_init(&program->lock, NULL);
	pthread_cond_init(&program->told, NULL);
	assert_int_equal(instance_open(scene->service, &opener, tell, program, &program->instance),
			 0);
	return program;
}

struct scene_program *service_scene_start(struct scene *scene, uid_t uid)
{
	struct scene_program *program = service_scene_open(scene, uid);
	struct pdc_startup startup = {.abi = PDC_ABI, .version_requested = PEERDIST_VERSION};

	assert_int_equal(service_scene_call(program, OPERATION_startup, &startup, sizeof startup),
			 0);
	return program;
}

void service_scene_close(struct scene_program *program)
{
	instance_release(program->instance);
	pthread_mutex_destroy(&program->lock);
	pthread_cond_destroy(&program->told);
	free(program);
}

int service_scene_ioctl(struct scene_program *program, unsigned opcode, void *message, size_t size)
{
	return instance_call(program->instance, (uint32_t)PDC_MESSAGE(opcode, size), message, size);
}

uint32_t service_scene_call(struct scene_program *program, enum operation_opcode opcode,
			    void *message, size_t size)
{
	assert_int_equal(service_scene_ioctl(program, opcode, message, size), 0);
	return ((struct pdc_hdr *)message)->status;
}

uint32_t service_scene_simple(struct scene_program *program, enum operation_opcode opcode,
			      uint64_t handle, uint32_t number)
{
	struct pdc_hdr header = {.op = number, .handle = handle};

	return service_scene_call(program, opcode, &header, sizeof header);
}

uint32_t service_scene_number(struct scene_program *program)
{
	return ++program->number;
}

static bool reap(struct scene_program *program, struct pdc_completion *completion_out)
{
	union {
		struct pdc_reap reap;
		uint8_t octets[sizeof(struct pdc_reap) + sizeof(struct pdc_completion)];
	} message = {.octets = {0}};

	assert_int_equal(service_scene_call(program, OPERATION_reap, &message, sizeof message), 0);
	*completion_out = message.reap.completions[0];
	return message.reap.count == 1;
}

/* False: ten seconds are over. */
static bool wait_until(struct scene_program *program, unsigned ready)
{
	for (unsigned waited = 0; !(instance_poll(program->instance) & ready); waited += 50) {
		struct timespec end;

		if (waited >= PATIENCE_MS)
			return false;
		service_tick(program->scene->service, loop_clock_ms());
		clock_gettime(CLOCK_REALTIME, &end);
		end.tv_nsec += 50000000;
		end.tv_sec += end.tv_nsec / 1000000000;
		end.tv_nsec %= 1000000000;
		pthread_mutex_lock(&program->lock);
		if (program->tells == 0)
			pthread_cond_timedwait(&program->told, &program->lock, &end);
		program->tells = 0;
		pthread_mutex_unlock(&program->lock);
	}
	return true;
}

struct pdc_completion service_scene_reap(struct scene_program *program)
{
	struct pdc_completion completion;

	assert_true(wait_until(program, INSTANCE_COMPLETIONS));
	assert_true(reap(program, &completion));
	return completion;
}

void service_scene_expect_nothing(struct scene_program *program)
{
	struct pdc_completion completion;

	assert_false(reap(program, &completion));
}

int service_scene_feed(struct scene_program *program, uint32_t number, const void *data,
		       uint32_t length, uint32_t frame)
{
	struct pdc_frame *message = malloc(sizeof *message + frame);

	assert_non_null(message);
	for (uint32_t position = 0; position < length;) {
		uint32_t part = length - position < frame ? length - position : frame;
		*message = (struct pdc_frame){.op = number, .pos = position, .length = part};
		memcpy(message + 1, (const uint8_t *)data + position, part);
		int error = instance_frame(program->instance, message, sizeof *message + part);
		if (error == -EAGAIN)
			assert_true(wait_until(program, INSTANCE_CREDIT | INSTANCE_ENDED));
		else if (error != 0) {
			free(message);
			return error;
		} else
			position += part;
	}
	free(message);
	return 0;
}

void *service_scene_output(struct scene_program *program, uint32_t number, uint32_t length)
{
	uint8_t *output = malloc(length + 1);
	struct operation *operation;

	assert_non_null(output);
	for (uint32_t position = 0; position < length;) {
		size_t size = length - position;
		const void *data = instance_output(
			program->instance, PDC_OUTPUT_AT(number, position), &size, &operation);
		assert_non_null(data);
		memcpy(output + position, data, size);
		position += (uint32_t)size;
		instance_given(operation);
	}
	return output;
}

void service_scene_wait_counters(struct scene *scene, uint64_t handles, uint64_t operations)
{
	struct service_counters counters;

	for (unsigned waited = 0;; waited++) {
		service_counters(scene->service, &counters);
		if (counters.handles == handles && counters.operations == operations)
			return;
		assert_true(waited < PATIENCE_MS);
		pause_ms(1);
	}
}
