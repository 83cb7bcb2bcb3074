/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A handle of the service whose operations do as they are told, for tests of the core.
 */
#ifndef TESTS_UNIT_SERVICE_PLAYED_H
#define TESTS_UNIT_SERVICE_PLAYED_H

#include "tests/unit/service_scene.h"

struct played {
	struct handle handle;
	struct lane lane;
	atomic_uint cancelled;
};

extern const struct handle_kind played_kind;
extern atomic_uint played_freed;    /* handles, so far */
extern atomic_uint played_taken;    /* octets of input */
extern pthread_mutex_t played_gate; /* who holds it holds up played_swallow() */

/* Returns its number. */
uint64_t played_enter(struct scene_program *program, struct played **played_out);
uint32_t played_submit(struct scene_program *program, struct handle *handle,
		       const struct operation_wish *wish, enum operation_opcode opcode,
		       uint32_t number);

/* Steps */
void played_nothing(struct operation *operation);
void played_done_at_once(struct operation *operation);
void played_late_or_nothing(struct operation *operation); /* ERROR_TIMEOUT, offset 7, 8 octets */
void played_swallow(struct operation *operation);         /* all input, then success */
void played_give_three(struct operation *operation);      /* "abc", offset 42 */

#endif
