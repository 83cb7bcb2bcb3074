/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Contents of one user that know each other, over his instances, so that what is added to one can
 * be verified by another. One lock for all, held for a walk over a bounded number of them.
 */
#include "fs/service/consumer.h"

/* Contents that are looked at for one piece of data, the newest ones: our choice. */
#define LOOKED_AT_MAX 1024u

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

void consumer_enter_others(struct consumer *consumer)
{
	pthread_mutex_lock(&lock);
	LIST_INSERT_HEAD(&consumer->handle.instance->user->contents, consumer, in_user);
	consumer->known = true;
	pthread_mutex_unlock(&lock);
}

void consumer_leave_others(struct consumer *consumer)
{
	pthread_mutex_lock(&lock);
	if (consumer->known)
		LIST_REMOVE(consumer, in_user);
	consumer->known = false;
	pthread_mutex_unlock(&lock);
}

/* One whose last reference has gone is about to leave. */
static bool get_living(struct handle *handle)
{
	unsigned references = atomic_load(&handle->references);

	while (references > 0)
		if (atomic_compare_exchange_weak(&handle->references, &references, references + 1))
			return true;
	return false;
}

static bool is_valid(struct handle *handle)
{
	pthread_mutex_lock(&handle->instance->lock);
	bool valid = !handle->closed && !handle->invalid;
	pthread_mutex_unlock(&handle->instance->lock);
	return valid;
}

unsigned consumer_find_others(struct consumer *consumer, uint64_t from, uint64_t to,
			      struct consumer *others_out[CONSUMER_OTHERS_MAX])
{
	struct user *user = consumer->handle.instance->user;
	unsigned looked = 0, found = 0, count = 0;
	struct consumer *other;

	pthread_mutex_lock(&lock);
	LIST_FOREACH (other, &user->contents, in_user) {
		if (looked++ == LOOKED_AT_MAX || found == CONSUMER_OTHERS_MAX)
			break;
		if (other != consumer && other->covered_start < to && other->covered_end > from &&
		    get_living(&other->handle))
			others_out[found++] = other;
	}
	pthread_mutex_unlock(&lock);
	for (unsigned i = 0; i < found; i++)
		if (is_valid(&others_out[i]->handle))
			others_out[count++] = others_out[i];
		else
			handle_put(&others_out[i]->handle);
	return count;
}
