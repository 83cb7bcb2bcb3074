/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The service as a hostile program meets it: the input spells out ioctls, frames and reads on one
 * open of the control file, with the service going off and on between them. A message is
 *
 *	'i' OPCODE LENGTH octets...	an ioctl; LENGTH, one octet, may exceed what follows
 *	'I' OPCODE LENGTH octets...	the same with 256 zeros behind it
 *	'f' LENGTH octets...		a frame
 *	'r' OP POSITION			a read of output
 *	's' STATUS			a change of the service
 *	't'				time passes, and what runs comes to an end
 *
 * Nothing may be left of it when the file is closed.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "fs/api/wire.h"
#include "fs/service/service.h"
#include "origin/loop.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define STEPS_MAX 200u
#define LIMIT (32u << 20)

static struct {
	char directory[64];
	struct pool *pool;
	struct store *store;
	struct fetch *fetch;
	struct secret *secret;
	struct service *service;
} world;

static void check(int holds)
{
	if (!holds)
		abort();
}

static const struct secret *give_secret(void *owner)
{
	(void)owner;
	return world.secret;
}

static void tell(void *owner)
{
	(void)owner;
}

static void begin(void)
{
	char message[256];

	strcpy(world.directory, "/tmp/fuzz_service.XXXXXX");
	check(mkdtemp(world.directory) != NULL);
	const struct store_options store = {
		.directory = world.directory, .unlinked = true, .scope = "s", .limit = LIMIT};
	check(store_open(&store, &world.store, message, sizeof message) == 0);
	check(pool_create(2, &world.pool) == 0);
	const struct fetch_options fetch = {.pool = world.pool, .timeout = 1};
	check(fetch_create(&fetch, &world.fetch) == 0);
	check(secret_create("key", 3, &world.secret) == 0);
	const struct service_options service = {.store = world.store,
						.pool = world.pool,
						.fetch = world.fetch,
						.secret = give_secret,
						.versions = 3};
	check(service_create(&service, &world.service) == 0);
}

static void pause_a_little(void)
{
	nanosleep(&(struct timespec){.tv_nsec = 200000}, NULL);
}

/* Ends when no operation is worked on any more, or cannot go on. */
static void settle(struct instance *instance)
{
	for (unsigned i = 0; i < 5 && !(instance_poll(instance) & INSTANCE_COMPLETIONS); i++)
		pause_a_little();
	service_tick(world.service, loop_clock_ms());
}

struct input {
	const uint8_t *data;
	size_t left;
};

static uint8_t next(struct input *input)
{
	if (input->left == 0)
		return 0;
	input->left--;
	return *input->data++;
}

/* At most LENGTH octets, exactly allocated so that a read behind them is seen. */
static uint8_t *take(struct input *input, size_t length, size_t zeros, size_t *size_out)
{
	size_t size = length < input->left ? length : input->left;
	uint8_t *octets = calloc(1, size + zeros > 0 ? size + zeros : 1);

	check(octets != NULL);
	memcpy(octets, input->data, size);
	input->data += size;
	input->left -= size;
	*size_out = size + zeros;
	return octets;
}

static void call(struct instance *instance, struct input *input, size_t zeros)
{
	unsigned opcode = next(input);
	size_t size, length = next(input);
	uint8_t *message = take(input, length, zeros, &size);

	instance_call(instance, (uint32_t)PDC_MESSAGE(opcode, size), message, size);
	free(message);
}

static void fetch_output(struct instance *instance, struct input *input)
{
	uint64_t offset = (uint64_t)next(input) << 32;
	struct operation *operation;
	size_t size = 70000;

	offset |= (uint64_t)next(input) << 8;
	const uint8_t *output = instance_output(instance, offset, &size, &operation);
	if (output == NULL)
		return;
	unsigned sum = 0;
	for (size_t i = 0; i < size; i++)
		sum += output[i];
	check(sum < UINT32_MAX);
	instance_given(operation);
}

static void step(struct instance *instance, struct input *input)
{
	size_t size;
	uint8_t *octets;

	switch (next(input)) {
	case 'i':
		call(instance, input, 0);
		break;
	case 'I':
		call(instance, input, 256);
		break;
	case 'f':
		octets = take(input, next(input), 0, &size);
		instance_frame(instance, octets, size);
		free(octets);
		break;
	case 'r':
		fetch_output(instance, input);
		break;
	case 's':
		service_set_status(world.service, (enum service_status)(next(input) % 3));
		break;
	case 't':
		settle(instance);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct instance_opener opener = {1, 1, 1};
	struct input input = {data, size};
	struct service_counters counters;
	struct instance *instance;

	if (world.service == NULL)
		begin();
	service_set_status(world.service, SERVICE_AVAILABLE);
	check(instance_open(world.service, &opener, tell, NULL, &instance) == 0);
	struct pdc_startup startup = {.abi = PDC_ABI, .version_requested = 2};
	instance_call(instance, (uint32_t)PDC_MESSAGE(1, sizeof startup), &startup, sizeof startup);
	for (unsigned i = 0; i < STEPS_MAX && input.left > 0; i++)
		step(instance, &input);
	instance_release(instance);
	while (!service_idle(world.service))
		pause_a_little();
	service_counters(world.service, &counters);
	check(counters.instances == 0 && counters.handles == 0 && counters.operations == 0 &&
	      counters.publications == 0 && counters.input == 0 && counters.output == 0);
	return 0;
}
