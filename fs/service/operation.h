/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What only the core of the service shares, by file: operation.c, handle.c, credit.c, instance.c,
 * service.c. `tell`: set when instance_tell() is to be called after the lock is released.
 */
#ifndef FS_SERVICE_OPERATION_H
#define FS_SERVICE_OPERATION_H

#include "fs/service/instance.h"

/* ---- operation.c ---- */

/* Whose number is in use; NULL: none. */
struct operation *operation_find_locked(struct instance *instance, uint32_t number);
/* A copy, for operation_feed_locked() or free(). NULL: no memory. */
struct chunk *chunk_create(const void *data, uint32_t length);
/* Input of a pending operation: CHUNK is taken over, and becomes NULL. 0; -EINVAL: POSITION is not
 * where the last one ended, nothing, or more than was announced; -EAGAIN: no credit; -ENOMEM: CHUNK
 * was NULL. */
int operation_feed_locked(struct operation *operation, uint32_t position, struct chunk **chunk);
bool operation_complete_locked(struct operation *operation, const struct pdc_completion *completion,
			       bool *tell);
/* For operations_end_locked(). */
bool operation_is_no_registration(const struct operation *operation, const void *context);
unsigned operations_end_locked(struct instance *instance, uint32_t status,
			       bool (*match)(const struct operation *operation,
					     const void *context),
			       const void *context, bool *tell);
/* Its number may be used again. The caller puts the table's reference when the lock is released. */
void operation_end_locked(struct operation *operation);

/* ---- handle.c ---- */

/* With a reference. */
struct handle *handle_find_locked(struct instance *instance, uint64_t number,
				  enum operation_handle kind);
/* Out of the table; whoever calls puts the table's reference when the lock is released. */
void handle_close_locked(struct handle *handle, bool *tell);

/* ---- credit.c: octets of input that are not worked through ---- */

bool credit_take_locked(struct instance *instance, uint32_t octets);
/* True: somebody who was refused is to be told. */
bool credit_return_locked(struct instance *instance, uint64_t octets);

/* ---- instance.c ---- */

struct instance *instance_get(struct instance *instance);
void instance_put(struct instance *instance);
/* What instance_poll() says may be another. No lock held. */
void instance_tell(struct instance *instance);
/* What is pending completes with 995, handles are closed, publications go; nothing new is begun. */
void instance_end(struct instance *instance);
/* Handles are of no use any more, what is pending completes with 4057; a registration learns of
 * STATUS. */
void instance_change(struct instance *instance, enum service_status status);

/* ---- status.c ---- */

/* The registration, if there is one, completes when STATUS is not what was last reported. */
void status_report_locked(struct instance *instance, enum service_status status, bool *tell);

/* ---- service.c ---- */

/* Has the operation stepped again when AT_MS has come; a leaf lock. */
void service_time(struct operation *operation, int64_t at_ms);
void service_untime(struct operation *operation);
/* NULL: too many instances of that user, or no memory. */
struct user *service_user(struct service *service, uid_t uid);
void service_user_leave(struct service *service, struct user *user);
/* INSTANCE is open; is so no longer; and one's memory is gone. */
void service_enter(struct service *service, struct instance *instance);
void service_leave(struct service *service, struct instance *instance);
void service_forget(struct service *service);
/* Tells the instances of USER that were refused credit. */
void service_feed(struct service *service, struct user *user);

#endif
