/* SPDX-License-Identifier: BSD-2-Clause */
#include "fs/service/publication.h"

#include <errno.h>
#include <inttypes.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <xxhash.h>

#include "cache/log.h"
#include "fs/service/operation.h"

/* Streams that hash with all threads at a time: each has a buffer of a MiB or two per thread. Our
 * choice: more of them would not be any quicker. */
#define CREW_STREAMS_MAX 4u

/* No file of the origin can have such a name: ".peerdist" is ours in the root. */
#define PLACE ".peerdist/publications"

static void clear(struct store *store, const char *path)
{
	int error = store_clear(store, path, NULL);

	if (error != 0)
		log_warning("what is no longer published stays in the cache for now (%s)",
			    strerror(-error));
}

int publications_create(struct store *store, struct publications **publications_out)
{
	struct publications *publications = calloc(1, sizeof *publications);
	uint64_t random[3];

	if (publications == NULL)
		return -ENOMEM;
	if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random) {
		free(publications);
		return -EIO;
	}
	publications->seed = random[0];
	memcpy(publications->session, random + 1, sizeof publications->session);
	pthread_mutex_init(&publications->first_lock, NULL);
	/* What a daemon that was killed had published is no more. */
	clear(store, PLACE);
	*publications_out = publications;
	return 0;
}

void publications_free(struct publications *publications)
{
	if (publications == NULL)
		return;
	pthread_mutex_destroy(&publications->first_lock);
	OPENSSL_cleanse(publications->keys, sizeof publications->keys);
	free(publications);
}

uint64_t publications_count(struct service *service)
{
	pthread_mutex_lock(&service->lock);
	uint64_t count = service->publications->count;
	pthread_mutex_unlock(&service->lock);
	return count;
}

/* ---- what all share ---- */

static int fetch_keys(struct service *service)
{
	static const enum digest_algorithm algorithms[PUBLICATION_VERSIONS] = {
		DIGEST_SHA256, DIGEST_SHA512_TRUNC256};
	struct publications *publications = service->publications;
	const struct service_options *options = &service->options;
	const struct secret *secret =
		options->secret != NULL ? options->secret(options->owner) : NULL;
	int error = secret != NULL ? 0 : -ENOKEY;

	for (unsigned i = 0; i < PUBLICATION_VERSIONS && error == 0; i++)
		error = secret_server(secret, algorithms[i], publications->keys[i]);
	publications->keyed = error == 0;
	return error;
}

int publications_key(struct service *service, unsigned version, uint8_t *ks_out)
{
	struct publications *publications = service->publications;
	int error = 0;

	pthread_mutex_lock(&publications->first_lock);
	if (!publications->keyed)
		error = fetch_keys(service);
	if (error == 0)
		memcpy(ks_out, publications->keys[version - 1], DIGEST_SIZE_MAX);
	pthread_mutex_unlock(&publications->first_lock);
	return error;
}

bool publications_join_crew(struct service *service)
{
	atomic_uint *streams = &service->publications->crew_streams;

	if (atomic_fetch_add(streams, 1) < CREW_STREAMS_MAX)
		return true;
	atomic_fetch_sub(streams, 1);
	return false;
}

void publications_leave_crew(struct service *service)
{
	atomic_fetch_sub(&service->publications->crew_streams, 1);
}

/* ---- in the store ---- */

static void place(const struct publication *publication, char path[PUBLICATION_PLACE_SIZE])
{
	snprintf(path, PUBLICATION_PLACE_SIZE, PLACE "/%" PRIu64, publication->number);
}

void publication_place(const struct service *service, const struct publication *publication,
		       const char *part, struct publication_place *place_out)
{
	const uint64_t *session = service->publications->session;

	place(publication, place_out->path);
	size_t length = strlen(place_out->path);
	snprintf(place_out->path + length, sizeof place_out->path - length, "/%s", part);
	snprintf(place_out->validator, sizeof place_out->validator, "%016" PRIx64 "%016" PRIx64,
		 session[0], session[1]);
}

void publication_uses_store(struct publication *publication)
{
	atomic_store(&publication->stored, true);
}

/* ---- one of them ---- */

struct publication *publication_get(struct publication *publication)
{
	atomic_fetch_add_explicit(&publication->references, 1, memory_order_relaxed);
	return publication;
}

static void publication_free(struct publication *publication)
{
	for (unsigned i = 0; i < PUBLICATION_VERSIONS; i++)
		encoding_free(publication->encodings[i]);
	free(publication);
}

static void retire(struct pool_job *job)
{
	struct publication *publication =
		(struct publication *)((char *)job - offsetof(struct publication, job));
	char path[PUBLICATION_PLACE_SIZE];

	place(publication, path);
	clear(publication->store, path);
	publication_free(publication);
}

void publication_put(struct publication *publication)
{
	if (publication == NULL ||
	    atomic_fetch_sub_explicit(&publication->references, 1, memory_order_acq_rel) != 1)
		return;
	if (!atomic_load(&publication->stored)) {
		publication_free(publication);
		return;
	}
	/* The pool runs what is queued to its end, and the store outlives it. */
	publication->job.run = retire;
	pool_submit(publication->pool, POOL_AHEAD, &publication->job);
}

bool publication_is(const struct publication *publication, const void *id, size_t id_size)
{
	return publication->id_size == id_size && memcmp(publication->id, id, id_size) == 0;
}

static uint64_t hash_of(const struct publications *publications, uid_t uid, const void *id,
			size_t id_size)
{
	return XXH3_64bits_withSeed(id, id_size, publications->seed ^ uid);
}

static struct publication *find_locked(struct publications *publications, uint64_t hash, uid_t uid,
				       const void *id, size_t id_size)
{
	struct publication *publication;

	LIST_FOREACH (publication, &publications->buckets[hash % PUBLICATION_BUCKETS], in_bucket)
		if (publication->hash == hash && publication->uid == uid &&
		    publication_is(publication, id, id_size))
			return publication;
	return NULL;
}

struct publication *publication_find(struct service *service, uid_t uid, const void *id,
				     size_t id_size)
{
	uint64_t hash = hash_of(service->publications, uid, id, id_size);

	pthread_mutex_lock(&service->lock);
	struct publication *publication =
		find_locked(service->publications, hash, uid, id, id_size);
	if (publication != NULL)
		publication_get(publication);
	pthread_mutex_unlock(&service->lock);
	return publication;
}

static struct publication *create(struct instance *instance, const void *id, size_t id_size,
				  uint64_t length)
{
	struct service *service = instance->service;
	struct publication *publication = calloc(1, sizeof *publication + id_size);

	if (publication == NULL)
		return NULL;
	atomic_init(&publication->references, 2); /* the table's and the caller's */
	publication->store = service->options.store;
	publication->pool = service->options.pool;
	publication->uid = instance->opener.uid;
	publication->user = instance->user;
	publication->length = length;
	publication->hash = hash_of(service->publications, publication->uid, id, id_size);
	publication->id_size = id_size;
	memcpy(publication->id, id, id_size);
	return publication;
}

static uint32_t enter_locked(struct instance *instance, struct publication *publication)
{
	struct publications *publications = instance->service->publications;

	if (find_locked(publications, publication->hash, publication->uid, publication->id,
			publication->id_size) != NULL)
		return PEERDIST_ERROR_ALREADY_EXISTS;
	if (atomic_load(&publication->user->publications) >= USER_PUBLICATIONS_MAX)
		return ERROR_NO_SYSTEM_RESOURCES;
	atomic_fetch_add(&publication->user->publications, 1);
	publication->number = ++publications->next_number;
	LIST_INSERT_HEAD(&publications->buckets[publication->hash % PUBLICATION_BUCKETS],
			 publication, in_bucket);
	LIST_INSERT_HEAD(&publications->table, publication, in_table);
	LIST_INSERT_HEAD(&instance->publications, publication, in_maker);
	publications->count++;
	return ERROR_SUCCESS;
}

uint32_t publication_claim(struct instance *instance, const void *id, size_t id_size,
			   uint64_t length, struct publication **publication_out)
{
	struct service *service = instance->service;
	struct publication *publication = create(instance, id, id_size, length);

	if (publication == NULL)
		return ERROR_NOT_ENOUGH_MEMORY;
	pthread_mutex_lock(&service->lock);
	uint32_t status = enter_locked(instance, publication);
	pthread_mutex_unlock(&service->lock);
	if (status != ERROR_SUCCESS) {
		free(publication);
		return status;
	}
	*publication_out = publication;
	return ERROR_SUCCESS;
}

bool publication_complete(struct operation *operation, struct publication *publication,
			  uint64_t length, struct encoding *encodings[PUBLICATION_VERSIONS])
{
	static const struct pdc_completion completion = {.status = ERROR_SUCCESS};
	struct instance *instance = operation->instance;
	struct service *service = instance->service;
	bool tell = false, complete = false;

	pthread_mutex_lock(&service->lock);
	memcpy(publication->encodings, encodings, sizeof publication->encodings);
	if (!publication->removed) {
		publication->length = length;
		pthread_mutex_lock(&instance->lock);
		complete = operation_complete_locked(operation, &completion, &tell);
		pthread_mutex_unlock(&instance->lock);
		publication->complete = complete;
	}
	pthread_mutex_unlock(&service->lock);
	if (tell)
		instance_tell(instance);
	return complete;
}

bool publication_is_complete(struct service *service, const struct publication *publication)
{
	pthread_mutex_lock(&service->lock);
	bool complete = publication->complete;
	pthread_mutex_unlock(&service->lock);
	return complete;
}

/* ---- the end of one ---- */

/* A handle whose last reference is gone, and which only waits to be freed, stays as it is. */
static bool try_get(struct handle *handle)
{
	unsigned references = atomic_load(&handle->references);

	while (references > 0)
		if (atomic_compare_exchange_weak(&handle->references, &references, references + 1))
			return true;
	return false;
}

/* The next handle, with a reference; it is detached. NULL: none. */
static struct handle *take_handle(struct service *service, struct publication *publication)
{
	struct handle *handle = NULL;
	struct published *published;

	pthread_mutex_lock(&service->lock);
	while (handle == NULL && (published = LIST_FIRST(&publication->handles)) != NULL) {
		LIST_REMOVE(published, in_publication);
		published->attached = false;
		if (try_get(&published->handle))
			handle = &published->handle;
	}
	pthread_mutex_unlock(&service->lock);
	return handle;
}

static void invalidate_handles(struct service *service, struct publication *publication,
			       const struct instance *caller)
{
	struct handle *handle;

	while ((handle = take_handle(service, publication)) != NULL) {
		handle_invalidate(handle, handle->instance == caller ? ERROR_OPERATION_ABORTED
								     : PEERDIST_ERROR_INVALIDATED);
		handle_put(handle);
	}
}

static void leave_table_locked(struct publications *publications, struct publication *publication)
{
	publication->removed = true;
	publication->complete = false;
	LIST_REMOVE(publication, in_bucket);
	LIST_REMOVE(publication, in_table);
	LIST_REMOVE(publication, in_maker);
	publications->count--;
	atomic_fetch_sub(&publication->user->publications, 1);
	publication->user = NULL;
}

/* It has left the table, whose reference goes. */
static void leave(struct service *service, struct publication *publication,
		  const struct instance *caller)
{
	invalidate_handles(service, publication, caller);
	publication_put(publication);
}

bool publication_remove(struct service *service, struct publication *publication,
			const struct instance *caller)
{
	pthread_mutex_lock(&service->lock);
	bool there = !publication->removed;
	if (there)
		leave_table_locked(service->publications, publication);
	pthread_mutex_unlock(&service->lock);
	if (there)
		leave(service, publication, caller);
	return there;
}

/* One that INSTANCE made, or any; out of the table. NULL: none. */
static struct publication *take_locked(struct publications *publications,
				       const struct instance *instance)
{
	struct publication *publication = instance != NULL ? LIST_FIRST(&instance->publications)
							   : LIST_FIRST(&publications->table);

	if (publication != NULL)
		leave_table_locked(publications, publication);
	return publication;
}

void publications_remove(struct service *service, const struct instance *instance)
{
	struct publication *publication;

	for (;;) {
		pthread_mutex_lock(&service->lock);
		publication = take_locked(service->publications, instance);
		pthread_mutex_unlock(&service->lock);
		if (publication == NULL)
			return;
		leave(service, publication, instance);
	}
}

/* ---- handles ---- */

void published_attach(struct request *request, struct publication *publication,
		      enum operation_handle kind)
{
	struct instance *instance = request->instance;
	struct service *service = instance->service;

	pthread_mutex_lock(&instance->lock);
	struct handle *handle = handle_find_locked(instance, request->header->handle, kind);
	pthread_mutex_unlock(&instance->lock);
	if (handle == NULL)
		return;
	struct published *published = (struct published *)handle;
	pthread_mutex_lock(&service->lock);
	published->attached = !publication->removed;
	if (published->attached)
		LIST_INSERT_HEAD(&publication->handles, published, in_publication);
	bool attached = published->attached;
	pthread_mutex_unlock(&service->lock);
	if (!attached)
		handle_invalidate(handle, PEERDIST_ERROR_INVALIDATED);
	handle_put(handle);
}

void published_detach(struct published *published)
{
	struct service *service = published->handle.instance->service;

	pthread_mutex_lock(&service->lock);
	if (published->attached)
		LIST_REMOVE(published, in_publication);
	published->attached = false;
	pthread_mutex_unlock(&service->lock);
}

/* ---- the administrator ---- */

int service_unpublish(struct service *service, uid_t uid, const void *id, size_t id_size)
{
	struct publication *publication = publication_find(service, uid, id, id_size);
	bool there = publication != NULL && publication_remove(service, publication, NULL);

	publication_put(publication);
	return there ? 0 : -ENOENT;
}
