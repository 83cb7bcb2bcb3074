/* SPDX-License-Identifier: BSD-2-Clause
 *
 * For the tests of publishers: the calls of one, and the content information that must come out.
 * What cannot be is a failure of the test.
 */
#ifndef TESTS_UNIT_PUBLISHER_SCENE_H
#define TESTS_UNIT_PUBLISHER_SCENE_H

#include "tests/unit/service_scene.h"

#define OCTETS_MAX (1u << 30)

struct publisher_octets {
	uint8_t *octets; /* for free() */
	size_t size;
};

/* Octets that can be made again. */
uint8_t *publisher_content(size_t size, uint64_t seed);
/* What must be handed out, made by the builders directly. */
struct publisher_octets publisher_expect(struct scene *scene, const void *data, size_t size,
					 unsigned version, uint64_t start, uint64_t length);
void publisher_assert_same(const struct publisher_octets *found,
			   const struct publisher_octets *expected);

/* PublishStream; returns the status. LENGTH: declared. */
uint32_t publisher_open(struct scene_program *program, const char *id, uint64_t length,
			uint32_t flags, uint64_t *handle_out);
/* AddToStream: submits all of it, in frames of FRAME octets. Returns its number; *STATUS_OUT is the
 * status of the call. */
uint32_t publisher_add(struct scene_program *program, uint64_t handle, const void *data,
		       uint32_t length, uint32_t frame, uint32_t *status_out);
/* Opens, adds, completes and closes; all must succeed. */
void publisher_publish(struct scene_program *program, const char *id, const void *data, size_t size,
		       uint32_t flags);
uint32_t publisher_unpublish(struct scene_program *program, const char *id);
/* ServerCancelAsyncOperation. */
uint32_t publisher_cancel(struct scene_program *program, const char *id, uint32_t number);

/* VERSION_MIN 0: the form without a choice. */
uint32_t publisher_information(struct scene_program *program, const char *id, uint64_t start,
			       uint64_t length, uint32_t version_min, uint32_t version_max,
			       uint64_t *handle_out);
/* One RetrieveContentInformation; DATA_OUT for free() if the completion is of success. */
struct pdc_completion publisher_next(struct scene_program *program, uint64_t handle,
				     uint32_t wanted, void **data_out);
/* All of it, WANTED octets at a time, until 4053. */
struct publisher_octets publisher_read(struct scene_program *program, uint64_t handle,
				       uint32_t wanted);
/* Opens version VERSION of ID, reads all and closes. */
struct publisher_octets publisher_information_of(struct scene_program *program, const char *id,
						 uint64_t start, uint64_t length, unsigned version);
/* Publication ID hands out what it must, in both versions. */
void publisher_assert_published(struct scene_program *program, const char *id, const void *data,
				size_t size);

/* One call each; the status. "try": of the submission alone, without input. The others wait for the
 * completion. */
uint64_t publisher_stream(struct scene_program *program, const char *id, uint64_t length);
struct pdc_completion publisher_add_all(struct scene_program *program, uint64_t handle,
					const void *data, uint32_t length);
uint32_t publisher_add_status(struct scene_program *program, uint64_t handle, const void *data,
			      uint32_t length);
uint32_t publisher_try_add(struct scene_program *program, uint64_t handle);
uint32_t publisher_try_complete(struct scene_program *program, uint64_t handle);
uint32_t publisher_complete(struct scene_program *program, uint64_t handle);
uint32_t publisher_close_stream(struct scene_program *program, uint64_t handle);
uint32_t publisher_close_information(struct scene_program *program, uint64_t handle);
/* Opens and closes again. */
uint32_t publisher_open_status(struct scene_program *program, const char *id);
uint32_t publisher_publish_status(struct scene_program *program, const char *id);
uint32_t publisher_try_retrieve(struct scene_program *program, uint64_t handle, uint32_t wanted);

#endif
