/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a user has published: a name for a content whose content information is handed out
 * (peerdist-api.md 5.2, 7). Of one (uid, identifier) there is at most one, from PublishStream on;
 * whichever instance of that user asks finds it. It goes with the instance that made it, when it is
 * unpublished, and when the service goes: then nobody finds it, its handles give 4057, and with the
 * last reference the store's content information of it is cleared. Octets that were kept for peers
 * are part of the cache by then, and age with the rest of it (7.5).
 *
 * Lock: service->lock for everything that is not constant. Private to the publisher's files:
 * publication*.c, stream*.c, information.c, publisher.c.
 */
#ifndef FS_SERVICE_PUBLICATION_H
#define FS_SERVICE_PUBLICATION_H

#include "fs/service/encoding.h"
#include "fs/service/instance.h"

#define PUBLICATION_VERSIONS 2u /* of content information; [0] is version 1 */

struct publication {
	atomic_uint references;
	/* Constant. */
	struct store *store;
	struct pool *pool;
	uid_t uid;
	uint64_t number; /* no other in this run of the daemon has it */
	uint64_t hash;
	/* service->lock. */
	struct user *user; /* as long as it is not removed */
	LIST_ENTRY(publication) in_bucket, in_table, in_maker;
	LIST_HEAD(, published) handles;
	bool removed;
	bool complete;
	uint64_t length; /* of the content; 0: not known */
	/* Constant once it was complete, until the last reference goes. */
	struct encoding *encodings[PUBLICATION_VERSIONS];
	atomic_bool stored;  /* something may be in the store under its names */
	struct pool_job job; /* with the last reference */
	size_t id_size;
	uint8_t id[];
};

/* First member of a stream and of content information that is handed out. */
struct published {
	struct handle handle;
	struct publication *publication; /* a reference */
	LIST_ENTRY(published) in_publication;
	bool attached; /* service->lock */
};

/* Our choices: at the most that one user may have 16 publications share a bucket, and the
 * identifiers are hashed with a seed that nobody knows. */
#define PUBLICATION_BUCKETS 4096u

/* Private to publication.c and publication_list.c. */
struct publications {
	uint64_t seed; /* of hashes */
	uint64_t
		session[2]; /* tells what this run of the daemon has stored from what others left */
	/* service->lock */
	LIST_HEAD(, publication) buckets[PUBLICATION_BUCKETS];
	LIST_HEAD(, publication) table; /* newest first */
	uint64_t count, next_number;

	atomic_uint crew_streams;
	/* Guards what follows; held while the secret is fetched. */
	pthread_mutex_t first_lock;
	bool keyed;
	uint8_t keys[PUBLICATION_VERSIONS][DIGEST_SIZE_MAX];
};

/* Takes ID for INSTANCE's user, with a reference for the caller. ERROR_SUCCESS;
 * PEERDIST_ERROR_ALREADY_EXISTS, ERROR_NO_SYSTEM_RESOURCES, ERROR_NOT_ENOUGH_MEMORY. */
uint32_t publication_claim(struct instance *instance, const void *id, size_t id_size,
			   uint64_t length, struct publication **publication_out);
/* With a reference; NULL: UID has no such publication. */
struct publication *publication_find(struct service *service, uid_t uid, const void *id,
				     size_t id_size);
struct publication *publication_get(struct publication *publication);
/* NULL is fine. Any thread; what the store has is cleared by a pool thread. */
void publication_put(struct publication *publication);
/* Its content information can be had from now on, and OPERATION completes with 0, both or neither:
 * false, and nothing has happened, if that is over, or the publication was removed, which ends it.
 * ENCODINGS are taken over in any case. */
bool publication_complete(struct operation *operation, struct publication *publication,
			  uint64_t length, struct encoding *encodings[PUBLICATION_VERSIONS]);
bool publication_is_complete(struct service *service, const struct publication *publication);
/* Out of the table, with everything that hangs on it: what is pending on handles of CALLER (NULL:
 * nobody) completes with 995, on others with 4057. Whether it was there. */
bool publication_remove(struct service *service, struct publication *publication,
			const struct instance *caller);
bool publication_is(const struct publication *publication, const void *id, size_t id_size);

/* PUBLISHED was entered by REQUEST (handle_enter), after which it may be gone again. A publication
 * that was removed meanwhile invalidates it. */
void published_attach(struct request *request, struct publication *publication,
		      enum operation_handle kind);
/* Before its memory goes. */
void published_detach(struct published *published);

/* Where the store has PART of PUBLICATION, and its validator. */
#define PUBLICATION_OCTETS "octets" /* while they come; others are versions: "1", "2" */
#define PUBLICATION_PLACE_SIZE 64
struct publication_place {
	char path[PUBLICATION_PLACE_SIZE], validator[PUBLICATION_PLACE_SIZE];
};
void publication_place(const struct service *service, const struct publication *publication,
		       const char *part, struct publication_place *place_out);
/* Something is about to be written under its names. */
void publication_uses_store(struct publication *publication);

/* Ks of VERSION, in DIGEST_SIZE_MAX octets; -ENOKEY: there is no secret. It stays the same for this
 * run of the daemon. Pool thread. */
int publications_key(struct service *service, unsigned version, uint8_t *ks_out);
/* Whether one more stream may use all threads; given back by publications_leave_crew(). */
bool publications_join_crew(struct service *service);
void publications_leave_crew(struct service *service);

#endif
