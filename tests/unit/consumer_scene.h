/* SPDX-License-Identifier: BSD-2-Clause
 *
 * For tests of consumers: a service (service_scene.h), a content with its content information, and
 * somebody nearby who does what the test says.
 */
#ifndef TESTS_UNIT_CONSUMER_SCENE_H
#define TESTS_UNIT_CONSUMER_SCENE_H

#include "tests/unit/service_scene.h"

#define FILE_SIZE 200000u /* as in the cases: blocks at 0, 65536, 131072, 196608 (3392 octets) */
#define BLOCK 65536u
#define NEAR_WANTS 4096u

enum near_mode {
	NEAR_NOBODY, /* refuses: nobody answered */
	NEAR_EMPTY,  /* refuses: who said to have it did not give it */
	NEAR_SILENT, /* keeps what it is asked until it is told otherwise */
	NEAR_WILLING /* gives */
};

/* Who is nearby; it has the scene's octets. */
struct near {
	struct nearby nearby;
	struct content *cut;           /* the content in version 2.0 */
	struct neighbours *neighbours; /* off; for GetInformation */
	pthread_mutex_t lock;
	enum near_mode mode;
	unsigned why;                              /* why_not() */
	unsigned asked;                            /* blocks */
	struct neighbours_want *wants[NEAR_WANTS]; /* SILENT */
	unsigned count;
};

struct consumer_scene {
	struct scene scene;
	struct near near;
	struct scene_program *program; /* scene.program */
	uint8_t *octets;               /* the content */
	size_t size;
};

/* SIZE octets of content. */
void consumer_scene_begin(struct consumer_scene *scene, size_t size);
void consumer_scene_end(struct consumer_scene *scene);
/* From now on; what is kept is answered likewise. */
void consumer_scene_become(struct consumer_scene *scene, enum near_mode mode);
unsigned consumer_scene_asked(struct consumer_scene *scene);

/* Content information of a range, for free(). */
uint8_t *consumer_scene_information(const struct consumer_scene *scene, unsigned version,
				    uint64_t start, uint64_t length, uint32_t *size_out);

uint64_t consumer_scene_open(struct scene_program *program, uint8_t tag);
/* Submits it; the synchronous status. */
uint32_t consumer_scene_submit_input(struct scene_program *program, enum operation_opcode opcode,
				     uint64_t handle, uint64_t offset, uint32_t length,
				     uint32_t *number_out);
/* All of it, in frames of PORTION octets; the completion's status, or the synchronous one. */
uint32_t consumer_scene_input(struct scene_program *program, enum operation_opcode opcode,
			      uint64_t handle, uint64_t offset, const void *data, uint32_t length,
			      uint32_t portion);
uint32_t consumer_scene_complete(struct scene_program *program, uint64_t handle);
/* Opened, with content information, READY. LENGTH 0: to the end. */
uint64_t consumer_scene_ready_content(struct consumer_scene *scene, struct scene_program *program,
				      uint8_t tag, unsigned version, uint64_t start,
				      uint64_t length);
/* Octets of the content that are right. */
uint32_t consumer_scene_add(struct consumer_scene *scene, struct scene_program *program,
			    uint64_t handle, uint64_t offset, uint32_t length);
uint32_t consumer_scene_submit_read(struct scene_program *program, enum operation_opcode opcode,
				    uint64_t handle, uint64_t offset, uint32_t length,
				    uint32_t timeout_ms, uint32_t *number_out);
/* Reaps; what it gives must be right. */
struct pdc_completion consumer_scene_reap(struct consumer_scene *scene,
					  struct scene_program *program);
/* One read from submission to its end. */
struct pdc_completion consumer_scene_read(struct consumer_scene *scene,
					  struct scene_program *program,
					  enum operation_opcode opcode, uint64_t handle,
					  uint64_t offset, uint32_t length, uint32_t timeout_ms);
/* One read; all three of its results. */
void consumer_scene_expect(struct consumer_scene *scene, enum operation_opcode opcode,
			   uint64_t handle, uint64_t at, uint32_t length, uint32_t timeout_ms,
			   uint32_t status, uint64_t offset, uint32_t bytes);
uint32_t consumer_scene_flush(struct scene_program *program, uint8_t tag);

#endif
