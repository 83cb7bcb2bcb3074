/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/unit/publisher_scene.h"

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "cache/content_build.h"

uint8_t *publisher_content(size_t size, uint64_t seed)
{
	uint8_t *octets = malloc(size);
	uint64_t state = seed * 0x9e3779b97f4a7c15u + 1;

	assert_non_null(octets);
	for (size_t i = 0; i < size; i++) {
		state ^= state << 13;
		state ^= state >> 7;
		state ^= state << 17;
		octets[i] = (uint8_t)state;
	}
	return octets;
}

/* ---- what must come out ---- */

static int append(void *owner, const void *data, size_t size)
{
	struct publisher_octets *information = owner;

	information->octets = realloc(information->octets, information->size + size);
	assert_non_null(information->octets);
	memcpy(information->octets + information->size, data, size);
	information->size += size;
	return 0;
}

struct publisher_octets publisher_expect(struct scene *scene, const void *data, size_t size,
					 unsigned version, uint64_t start, uint64_t length)
{
	const struct content_build_options options = {.version = version,
						      .algorithm = DIGEST_SHA256};
	struct publisher_octets information = {0};
	struct content_hashes hashes;
	struct content_build *build;
	uint8_t ks[DIGEST_SIZE_MAX];

	assert_int_equal(content_build_create(&options, &build), 0);
	assert_int_equal(content_build_add(build, data, size), 0);
	assert_int_equal(content_build_end(build, &hashes), 0);
	assert_int_equal(secret_server(scene->secret, hashes.algorithm, ks), 0);
	assert_int_equal(
		content_hashes_write(&hashes, ks, start, length, NULL, append, &information), 0);
	content_hashes_clear(&hashes);
	content_build_free(build);
	return information;
}

void publisher_assert_same(const struct publisher_octets *found,
			   const struct publisher_octets *expected)
{
	assert_int_equal(found->size, expected->size);
	assert_memory_equal(found->octets, expected->octets, expected->size);
}

/* ---- messages with an identifier ---- */

/* BODY of BODY_SIZE octets, and ID behind it. */
static uint32_t call_with_id(struct scene_program *program, enum operation_opcode opcode,
			     void *body, size_t body_size, const char *id)
{
	size_t id_size = strlen(id);
	uint8_t *message = malloc(body_size + id_size);
	uint32_t status;

	assert_non_null(message);
	memcpy(message, body, body_size);
	memcpy(message + body_size, id, id_size);
	status = service_scene_call(program, opcode, message, body_size + id_size);
	memcpy(body, message, body_size);
	free(message);
	return status;
}

uint32_t publisher_open(struct scene_program *program, const char *id, uint64_t length,
			uint32_t flags, uint64_t *handle_out)
{
	struct pdc_publish message = {
		.length = length, .flags = flags, .id_len = (uint32_t)strlen(id)};
	uint32_t status =
		call_with_id(program, OPERATION_publish_stream, &message, sizeof message, id);

	*handle_out = message.hdr.handle;
	return status;
}

uint32_t publisher_unpublish(struct scene_program *program, const char *id)
{
	struct pdc_id message = {.id_len = (uint32_t)strlen(id)};

	return call_with_id(program, OPERATION_unpublish, &message, sizeof message, id);
}

uint32_t publisher_cancel(struct scene_program *program, const char *id, uint32_t number)
{
	struct pdc_id message = {.hdr = {.op = number}, .id_len = (uint32_t)strlen(id)};

	return call_with_id(program, OPERATION_server_cancel, &message, sizeof message, id);
}

uint32_t publisher_information(struct scene_program *program, const char *id, uint64_t start,
			       uint64_t length, uint32_t version_min, uint32_t version_max,
			       uint64_t *handle_out)
{
	struct pdc_open_ci message = {.offset = start,
				      .length = length,
				      .ci_min = version_min,
				      .ci_max = version_max,
				      .id_len = (uint32_t)strlen(id)};
	uint32_t status = call_with_id(program,
				       version_min == 0 ? OPERATION_open_information
							: OPERATION_open_information_ex,
				       &message, sizeof message, id);

	*handle_out = message.hdr.handle;
	return status;
}

/* ---- streams ---- */

uint32_t publisher_add(struct scene_program *program, uint64_t handle, const void *data,
		       uint32_t length, uint32_t frame, uint32_t *status_out)
{
	struct pdc_input message = {.hdr = {.op = service_scene_number(program), .handle = handle},
				    .length = length};
	uint32_t number = message.hdr.op;

	*status_out =
		service_scene_call(program, OPERATION_add_to_stream, &message, sizeof message);
	/* It may be over before its input is. */
	if (*status_out == ERROR_IO_PENDING)
		service_scene_feed(program, number, data, length, frame);
	return number;
}

void publisher_publish(struct scene_program *program, const char *id, const void *data, size_t size,
		       uint32_t flags)
{
	uint64_t handle;
	uint32_t status, number;
	struct pdc_completion completion;

	assert_int_equal(publisher_open(program, id, 0, flags, &handle), ERROR_SUCCESS);
	for (size_t at = 0; at < size;) {
		uint32_t part = size - at < OCTETS_MAX ? (uint32_t)(size - at) : OCTETS_MAX;

		number = publisher_add(program, handle, (const uint8_t *)data + at, part,
				       PDC_FRAME_MAX, &status);
		assert_int_equal(status, ERROR_IO_PENDING);
		completion = service_scene_reap(program);
		assert_int_equal(completion.op, number);
		assert_int_equal(completion.status, ERROR_SUCCESS);
		assert_int_equal(completion.bytes, part);
		at += part;
	}
	number = service_scene_number(program);
	assert_int_equal(service_scene_simple(program, OPERATION_complete_stream, handle, number),
			 ERROR_IO_PENDING);
	completion = service_scene_reap(program);
	assert_int_equal(completion.op, number);
	assert_int_equal(completion.status, ERROR_SUCCESS);
	assert_int_equal(service_scene_simple(program, OPERATION_close_stream, handle, 0),
			 ERROR_SUCCESS);
}

/* ---- content information ---- */

struct pdc_completion publisher_next(struct scene_program *program, uint64_t handle,
				     uint32_t wanted, void **data_out)
{
	struct pdc_read message = {.hdr = {.op = service_scene_number(program), .handle = handle},
				   .max_bytes = wanted};
	uint32_t number = message.hdr.op;
	struct pdc_completion completion;

	assert_int_equal(service_scene_call(program, OPERATION_retrieve_information, &message,
					    sizeof message),
			 ERROR_IO_PENDING);
	completion = service_scene_reap(program);
	assert_int_equal(completion.op, number);
	*data_out = completion.status == ERROR_SUCCESS
			    ? service_scene_output(program, number, completion.bytes)
			    : NULL;
	return completion;
}

struct publisher_octets publisher_read(struct scene_program *program, uint64_t handle,
				       uint32_t wanted)
{
	struct publisher_octets information = {0};
	struct pdc_completion completion;
	void *data;

	for (;;) {
		completion = publisher_next(program, handle, wanted, &data);
		if (completion.status != ERROR_SUCCESS)
			break;
		assert_int_equal(completion.offset, information.size);
		assert_in_range(completion.bytes, 1, wanted);
		append(&information, data, completion.bytes);
		free(data);
	}
	assert_int_equal(completion.status, PEERDIST_ERROR_NO_MORE);
	assert_int_equal(completion.bytes, 0);
	return information;
}

struct publisher_octets publisher_information_of(struct scene_program *program, const char *id,
						 uint64_t start, uint64_t length, unsigned version)
{
	struct publisher_octets information;
	uint64_t handle;

	assert_int_equal(
		publisher_information(program, id, start, length, version, version, &handle),
		ERROR_SUCCESS);
	information = publisher_read(program, handle, PDC_READ_MAX);
	assert_int_equal(service_scene_simple(program, OPERATION_close_information, handle, 0),
			 ERROR_SUCCESS);
	return information;
}

void publisher_assert_published(struct scene_program *program, const char *id, const void *data,
				size_t size)
{
	for (unsigned version = 1; version <= 2; version++) {
		struct publisher_octets found =
			publisher_information_of(program, id, 0, 0, version);
		struct publisher_octets expected =
			publisher_expect(program->scene, data, size, version, 0, size);

		publisher_assert_same(&found, &expected);
		free(found.octets);
		free(expected.octets);
	}
}

/* ---- one call ---- */

uint64_t publisher_stream(struct scene_program *program, const char *id, uint64_t length)
{
	uint64_t handle;

	assert_int_equal(publisher_open(program, id, length, 0, &handle), ERROR_SUCCESS);
	return handle;
}

/* The completion of one AddToStream. */
struct pdc_completion publisher_add_all(struct scene_program *program, uint64_t handle,
					const void *data, uint32_t length)
{
	uint32_t status, number = publisher_add(program, handle, data, length, 65536, &status);
	struct pdc_completion completion;

	assert_int_equal(status, ERROR_IO_PENDING);
	completion = service_scene_reap(program);
	assert_int_equal(completion.op, number);
	return completion;
}

uint32_t publisher_add_status(struct scene_program *program, uint64_t handle, const void *data,
			      uint32_t length)
{
	return publisher_add_all(program, handle, data, length).status;
}

/* The submission alone. */
uint32_t publisher_try_add(struct scene_program *program, uint64_t handle)
{
	struct pdc_input message = {.hdr = {.op = service_scene_number(program), .handle = handle},
				    .length = 5};

	return service_scene_call(program, OPERATION_add_to_stream, &message, sizeof message);
}

uint32_t publisher_try_complete(struct scene_program *program, uint64_t handle)
{
	return service_scene_simple(program, OPERATION_complete_stream, handle,
				    service_scene_number(program));
}

uint32_t publisher_complete(struct scene_program *program, uint64_t handle)
{
	assert_int_equal(publisher_try_complete(program, handle), ERROR_IO_PENDING);
	return service_scene_reap(program).status;
}

uint32_t publisher_close_stream(struct scene_program *program, uint64_t handle)
{
	return service_scene_simple(program, OPERATION_close_stream, handle, 0);
}

uint32_t publisher_close_information(struct scene_program *program, uint64_t handle)
{
	return service_scene_simple(program, OPERATION_close_information, handle, 0);
}

uint32_t publisher_open_status(struct scene_program *program, const char *id)
{
	uint64_t handle;
	uint32_t status = publisher_information(program, id, 0, 0, 0, 0, &handle);

	if (status == ERROR_SUCCESS)
		publisher_close_information(program, handle);
	return status;
}

uint32_t publisher_publish_status(struct scene_program *program, const char *id)
{
	uint64_t handle;
	uint32_t status = publisher_open(program, id, 0, 0, &handle);

	if (status == ERROR_SUCCESS)
		publisher_close_stream(program, handle);
	return status;
}

uint32_t publisher_try_retrieve(struct scene_program *program, uint64_t handle, uint32_t wanted)
{
	struct pdc_read message = {.hdr = {.op = service_scene_number(program), .handle = handle},
				   .max_bytes = wanted};

	return service_scene_call(program, OPERATION_retrieve_information, &message,
				  sizeof message);
}
