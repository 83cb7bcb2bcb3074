/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A service with a store in a temporary directory, and a program that speaks to it by messages.
 */
#ifndef TESTS_UNIT_SERVICE_SCENE_H
#define TESTS_UNIT_SERVICE_SCENE_H

#include <pthread.h>
#include <stdatomic.h>

#include "fs/service/instance.h"

struct scene {
	char directory[64];
	struct pool *pool;
	struct store *store;
	struct fetch *fetch;
	struct secret *secret;
	struct service *service;
	struct scene_program *program; /* the first; started */
};

/* An open of the control file. */
struct scene_program {
	struct scene *scene;
	struct instance *instance;
	pthread_mutex_t lock;
	pthread_cond_t told;
	unsigned tells;
	uint32_t number; /* of the last operation */
};

struct scene_options {
	struct nearby *nearby;
	struct neighbours *neighbours;
	struct ledger *ledger;
	uint64_t limit; /* of the store, octets; 0: 256 MiB */
};
/* AVAILABLE, versions 1 and 2. */
void service_scene_begin(struct scene *scene, const struct scene_options *options);
/* All programs that were opened must have been closed, but for the first. */
void service_scene_end(struct scene *scene);

struct scene_program *service_scene_open(struct scene *scene, uid_t uid); /* without STARTUP */
struct scene_program *service_scene_start(struct scene *scene, uid_t uid);
void service_scene_close(struct scene_program *program);

/* One ioctl, whose errno must be 0; returns the status. */
uint32_t service_scene_call(struct scene_program *program, enum operation_opcode opcode,
			    void *message, size_t size);
/* Likewise, the errno. */
int service_scene_ioctl(struct scene_program *program, unsigned opcode, void *message, size_t size);
/* With nothing but a header. */
uint32_t service_scene_simple(struct scene_program *program, enum operation_opcode opcode,
			      uint64_t handle, uint32_t number);
/* A number that was not used before. */
uint32_t service_scene_number(struct scene_program *program);
/* The next completion: waits for it, ten seconds at most. */
struct pdc_completion service_scene_reap(struct scene_program *program);
/* None is queued now. */
void service_scene_expect_nothing(struct scene_program *program);
/* All of an operation's input, in frames, waiting for credit. The errno of the first that was
 * refused for another reason; 0. */
int service_scene_feed(struct scene_program *program, uint32_t number, const void *data,
		       uint32_t length, uint32_t frame);
/* The whole output of a completed operation, for free(). */
void *service_scene_output(struct scene_program *program, uint32_t number, uint32_t length);
/* Until the service says so: ten seconds at most. */
void service_scene_wait_counters(struct scene *scene, uint64_t handles, uint64_t operations);

#endif
