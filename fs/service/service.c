/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The service as a whole: who uses it, what it is worth at the moment, and whose time is over.
 */
#include "fs/service/service.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "fs/service/operation.h"

/* Our choice: Windows waits five seconds for peers (peerdist-api.md 2.4). */
#define READ_TIMEOUT_MS 5000u
/* Operations whose time is over that are taken at a time. Our choice. */
#define LATE_BATCH 256u

int service_create(const struct service_options *options, struct service **service_out)
{
	struct service *service = calloc(1, sizeof *service);

	if (service == NULL)
		return -ENOMEM;
	service->options = *options;
	atomic_init(&service->status, SERVICE_UNAVAILABLE);
	atomic_init(&service->versions, options->versions);
	atomic_init(&service->read_timeout_ms, READ_TIMEOUT_MS);
	service->earliest_ms = INT64_MAX;
	pthread_mutex_init(&service->lock, NULL);
	pthread_mutex_init(&service->status_lock, NULL);
	pthread_mutex_init(&service->timed_lock, NULL);
	int error = publications_create(options->store, &service->publications);
	if (error != 0) {
		free(service);
		return error;
	}
	*service_out = service;
	return 0;
}

void service_destroy(struct service *service)
{
	if (service == NULL)
		return;
	publications_free(service->publications);
	pthread_mutex_destroy(&service->lock);
	pthread_mutex_destroy(&service->status_lock);
	pthread_mutex_destroy(&service->timed_lock);
	free(service);
}

bool service_idle(struct service *service)
{
	pthread_mutex_lock(&service->lock);
	bool idle = service->living == 0;
	pthread_mutex_unlock(&service->lock);
	return idle;
}

/* Instances and users */

void service_enter(struct service *service, struct instance *instance)
{
	pthread_mutex_lock(&service->lock);
	instance->id = ++service->next_instance;
	service->living++;
	LIST_INSERT_HEAD(&service->instances, instance, in_service);
	pthread_mutex_unlock(&service->lock);
}

void service_leave(struct service *service, struct instance *instance)
{
	pthread_mutex_lock(&service->lock);
	LIST_REMOVE(instance, in_service);
	pthread_mutex_unlock(&service->lock);
}

void service_forget(struct service *service)
{
	pthread_mutex_lock(&service->lock);
	service->living--;
	pthread_mutex_unlock(&service->lock);
}

struct user *service_user(struct service *service, uid_t uid)
{
	struct user *user;

	pthread_mutex_lock(&service->lock);
	LIST_FOREACH (user, &service->users, in_service)
		if (user->uid == uid)
			break;
	if (user == NULL && (user = calloc(1, sizeof *user)) != NULL) {
		user->uid = uid;
		LIST_INSERT_HEAD(&service->users, user, in_service);
	}
	if (user != NULL && user->instances >= USER_INSTANCES_MAX)
		user = NULL;
	if (user != NULL)
		user->instances++;
	pthread_mutex_unlock(&service->lock);
	return user;
}

void service_user_leave(struct service *service, struct user *user)
{
	pthread_mutex_lock(&service->lock);
	bool last = --user->instances == 0;
	if (last)
		LIST_REMOVE(user, in_service);
	pthread_mutex_unlock(&service->lock);
	if (last)
		free(user);
}

/* The instances that are open, each with a reference, in an array for free(); NULL: none. */
static struct instance **open_instances(struct service *service, size_t *count_out)
{
	struct instance *instance, **instances;
	size_t count = 0;

	pthread_mutex_lock(&service->lock);
	LIST_FOREACH (instance, &service->instances, in_service)
		count++;
	instances = calloc(count + 1, sizeof *instances);
	count = 0;
	if (instances != NULL)
		LIST_FOREACH (instance, &service->instances, in_service)
			instances[count++] = instance_get(instance);
	pthread_mutex_unlock(&service->lock);
	*count_out = count;
	return instances;
}

/* Calls VISIT for every instance that is open. -ENOMEM. */
static int each_instance(struct service *service,
			 void (*visit)(struct instance *instance, void *context), void *context)
{
	size_t count;
	struct instance **instances = open_instances(service, &count);

	if (instances == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		visit(instances[i], context);
		instance_put(instances[i]);
	}
	free(instances);
	return 0;
}

static void feed(struct instance *instance, void *context)
{
	pthread_mutex_lock(&instance->lock);
	bool tell = instance->starved && instance->user == context;
	instance->starved &= !tell;
	pthread_mutex_unlock(&instance->lock);
	if (tell)
		instance_tell(instance);
}

void service_feed(struct service *service, struct user *user)
{
	each_instance(service, feed, user);
}

/* Status */

enum service_status service_get_status(struct service *service)
{
	return (enum service_status)atomic_load(&service->status);
}

static void change(struct instance *instance, void *context)
{
	instance_change(instance, *(enum service_status *)context);
}

void service_set_status(struct service *service, enum service_status status)
{
	pthread_mutex_lock(&service->status_lock);
	if (atomic_load(&service->stopped))
		status = SERVICE_UNAVAILABLE;
	enum service_status former = (enum service_status)atomic_exchange(&service->status, status);
	/* Instances that come meanwhile see it by themselves. */
	if (status != former) {
		each_instance(service, change, &status);
		if (status != SERVICE_AVAILABLE)
			publications_remove(service, NULL);
	}
	pthread_mutex_unlock(&service->status_lock);
}

void service_stop(struct service *service)
{
	atomic_store(&service->stopped, true);
	service_set_status(service, SERVICE_UNAVAILABLE);
}

void service_set_versions(struct service *service, unsigned versions)
{
	atomic_store(&service->versions, versions);
}

unsigned service_versions(struct service *service)
{
	return atomic_load(&service->versions);
}

void service_set_read_timeout(struct service *service, uint32_t milliseconds)
{
	atomic_store(&service->read_timeout_ms, milliseconds);
}

uint32_t service_read_timeout(struct service *service)
{
	return atomic_load(&service->read_timeout_ms);
}

/* Time */

void service_time(struct operation *operation, int64_t at_ms)
{
	struct service *service = operation->instance->service;

	pthread_mutex_lock(&service->timed_lock);
	if (!operation->timed)
		LIST_INSERT_HEAD(&service->timed, operation, in_timed);
	operation->timed = true;
	operation->wake_ms = at_ms;
	if (at_ms < service->earliest_ms)
		service->earliest_ms = at_ms;
	pthread_mutex_unlock(&service->timed_lock);
}

void service_untime(struct operation *operation)
{
	struct service *service = operation->instance->service;

	pthread_mutex_lock(&service->timed_lock);
	if (operation->timed)
		LIST_REMOVE(operation, in_timed);
	operation->timed = false;
	pthread_mutex_unlock(&service->timed_lock);
}

/* Some whose time is over, each with a reference and not timed any more; returns how many. */
static unsigned take_late(struct service *service, int64_t now_ms,
			  struct operation *late_out[LATE_BATCH])
{
	struct operation *operation, *next;
	int64_t earliest_ms = INT64_MAX;
	unsigned count = 0;

	pthread_mutex_lock(&service->timed_lock);
	if (service->earliest_ms > now_ms) {
		pthread_mutex_unlock(&service->timed_lock);
		return 0;
	}
	for (operation = LIST_FIRST(&service->timed); operation != NULL && count < LATE_BATCH;
	     operation = next) {
		next = LIST_NEXT(operation, in_timed);
		if (operation->wake_ms <= now_ms) {
			LIST_REMOVE(operation, in_timed);
			operation->timed = false;
			late_out[count++] = operation_get(operation);
		} else if (operation->wake_ms < earliest_ms) {
			earliest_ms = operation->wake_ms;
		}
	}
	if (operation == NULL)
		service->earliest_ms = earliest_ms;
	pthread_mutex_unlock(&service->timed_lock);
	return count;
}

void service_tick(struct service *service, int64_t now_ms)
{
	struct operation *late[LATE_BATCH];
	unsigned count;

	do {
		count = take_late(service, now_ms, late);
		for (unsigned i = 0; i < count; i++) {
			operation_wake(late[i]);
			operation_put(late[i]);
		}
	} while (count == LATE_BATCH);
}

/* The administrator */

static void count(struct instance *instance, void *context)
{
	struct service_counters *counters = context;

	pthread_mutex_lock(&instance->lock);
	counters->instances += instance->started && !instance->ended;
	counters->handles += instance->handle_count;
	counters->operations += instance->operation_count;
	counters->input += instance->input;
	counters->output += instance->output;
	pthread_mutex_unlock(&instance->lock);
}

void service_counters(struct service *service, struct service_counters *counters_out)
{
	struct service_counters counters = {.publications = publications_count(service),
					    .unkept = atomic_load(&service->unkept)};

	each_instance(service, count, &counters);
	*counters_out = counters;
}

struct listing {
	FILE *file;
	bool all;
	uid_t uid;
};

static void list(struct instance *instance, void *context)
{
	const struct listing *listing = context;
	const struct instance_opener *opener = &instance->opener;

	pthread_mutex_lock(&instance->lock);
	bool shown = instance->started && !instance->ended &&
		     (listing->all || opener->uid == listing->uid);
	unsigned handles = instance->handle_count, operations = instance->operation_count;
	pthread_mutex_unlock(&instance->lock);
	if (shown)
		fprintf(listing->file, "%" PRIu64 " uid %u pid %d handles %u operations %u\n",
			instance->id, opener->uid, opener->pid, handles, operations);
}

int service_list_instances(struct service *service, bool all, uid_t uid, FILE *file)
{
	struct listing listing = {file, all, uid};

	return each_instance(service, list, &listing);
}

/* Shuts it down; false: it was, or had not begun. */
static bool kick(struct instance *instance)
{
	pthread_mutex_lock(&instance->lock);
	bool lives = instance->started && !instance->ended;
	pthread_mutex_unlock(&instance->lock);
	if (lives)
		instance_end(instance);
	return lives;
}

int service_kick(struct service *service, uint64_t id)
{
	size_t count;
	struct instance **instances = open_instances(service, &count);
	int error = instances != NULL ? -ENOENT : -ENOMEM;

	for (size_t i = 0; instances != NULL && i < count; i++) {
		if (instances[i]->id == id && kick(instances[i]))
			error = 0;
		instance_put(instances[i]);
	}
	free(instances);
	return error;
}
