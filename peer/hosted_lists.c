/* SPDX-License-Identifier: BSD-2-Clause */
#include "peer/hosted_lists.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "peer/recent.h"

struct hosted_list {
	atomic_uint references;
	uint32_t first, listed, otherwise; /* as they were at first */
	pthread_mutex_t lock;              /* what follows changes where there was a doubt */
	struct content_v1_single single;
	uint8_t hashes[];
};

struct hosted_lists {
	pthread_mutex_t lock;  /* all of it */
	struct recent *recent; /* by sender and id */
	struct hosted_list *lists[HOSTED_LISTS];
};

/* ---- a list ---- */

static struct hosted_list *make(const struct content_v1_single *single)
{
	size_t size = single->segment.listed * digest_size(single->algorithm);
	struct hosted_list *list = malloc(sizeof(*list) + size);

	if (list == NULL)
		return NULL;
	atomic_init(&list->references, 1);
	pthread_mutex_init(&list->lock, NULL);
	memcpy(list->hashes, single->hashes, size);
	list->single = *single;
	list->single.hashes = list->hashes;
	return list;
}

void hosted_list_put(struct hosted_list *list)
{
	if (list == NULL || atomic_fetch_sub(&list->references, 1) > 1)
		return;
	pthread_mutex_destroy(&list->lock);
	OPENSSL_cleanse(&list->single, sizeof(list->single));
	free(list);
}

void hosted_list_blocks(struct hosted_list *list,
			uint64_t blocks_out[RANGE_SET_WORDS(PCCRR_BLOCKS)])
{
	const struct content_segment *segment = &list->single.segment;

	memset(blocks_out, 0, RANGE_SET_WORDS(PCCRR_BLOCKS) * sizeof(blocks_out[0]));
	pthread_mutex_lock(&list->lock);
	range_set_add(blocks_out, PCCRR_BLOCKS,
		      (struct range){segment->first_listed, segment->listed});
	range_set_add(blocks_out, PCCRR_BLOCKS,
		      (struct range){list->single.first_otherwise, segment->listed});
	pthread_mutex_unlock(&list->lock);
}

/* Whether it depends on where the list begins if BLOCK is in it. */
static bool is_doubtful(const struct content_v1_single *single, uint32_t block)
{
	uint32_t listed = single->segment.listed;

	return (block - single->segment.first_listed < listed) !=
	       (block - single->first_otherwise < listed);
}

static struct content_v1_single copy_of(struct hosted_list *list)
{
	struct content_v1_single copy;

	pthread_mutex_lock(&list->lock);
	copy = list->single;
	pthread_mutex_unlock(&list->lock);
	return copy;
}

/* The hash is made of a copy, so that nobody waits for it. */
int hosted_list_check(struct hosted_list *list, uint32_t block, const void *data, uint32_t length)
{
	struct content_v1_single copy = copy_of(list);
	bool doubtful = is_doubtful(&copy, block);
	int error = content_v1_single_check(&copy, block, data, length);

	pthread_mutex_lock(&list->lock);
	if (error == 0 && copy.segment.first_listed == copy.first_otherwise) {
		list->single.segment.first_listed = copy.segment.first_listed;
		list->single.first_otherwise = copy.first_otherwise;
	}
	pthread_mutex_unlock(&list->lock);
	OPENSSL_cleanse(&copy, sizeof(copy));
	return error == -EBADMSG && doubtful ? -ENOENT : error;
}

const uint8_t *hosted_list_secret(const struct hosted_list *list)
{
	return list->single.segment.secret;
}

/* ---- all of them ---- */

int hosted_lists_create(uint64_t seed, struct hosted_lists **lists_out)
{
	struct hosted_lists *lists = calloc(1, sizeof(*lists));

	if (lists == NULL || recent_create(HOSTED_LISTS, seed, &lists->recent) != 0) {
		free(lists);
		return -ENOMEM;
	}
	pthread_mutex_init(&lists->lock, NULL);
	*lists_out = lists;
	return 0;
}

void hosted_lists_free(struct hosted_lists *lists)
{
	if (lists == NULL)
		return;
	for (unsigned i = 0; i < HOSTED_LISTS; i++)
		hosted_list_put(lists->lists[i]);
	recent_free(lists->recent);
	pthread_mutex_destroy(&lists->lock);
	free(lists);
}

struct key {
	uint8_t octets[1 + 16 + 4 + PCCRR_ID_SIZE_MAX];
	size_t size;
};

static struct key make_key(const struct xaddr *server, struct pccrr_id id)
{
	struct key key = {.octets = {(uint8_t)server->family}, .size = 1 + 16 + 4};
	uint32_t zone = xaddr_is_link_local(server) ? server->zone : 0;

	memcpy(key.octets + 1, server->octets, xaddr_size(server));
	memcpy(key.octets + 1 + 16, &zone, sizeof(zone));
	memcpy(key.octets + key.size, id.octets, id.size);
	key.size += id.size;
	return key;
}

int hosted_lists_add(struct hosted_lists *lists, const struct xaddr *server,
		     const struct content_v1_single *single)
{
	struct pccrr_id id = {single->id, (uint32_t)digest_size(single->algorithm)};
	struct key key = make_key(server, id);
	struct hosted_list *list, *former;
	uint32_t slot;
	bool fresh;

	if (single->segment.listed >= single->segment.blocks)
		return -EINVAL;
	list = make(single);
	if (list == NULL)
		return -ENOMEM;
	pthread_mutex_lock(&lists->lock);
	slot = recent_use(lists->recent, key.octets, key.size, &fresh);
	former = lists->lists[slot];
	lists->lists[slot] = list;
	pthread_mutex_unlock(&lists->lock);
	hosted_list_put(former);
	return 0;
}

void hosted_lists_forget(struct hosted_lists *lists, const struct xaddr *server, struct pccrr_id id)
{
	struct key key = make_key(server, id);
	struct hosted_list *former = NULL;
	uint32_t slot;

	pthread_mutex_lock(&lists->lock);
	slot = recent_find(lists->recent, key.octets, key.size);
	if (slot != RECENT_NONE) {
		former = lists->lists[slot];
		lists->lists[slot] = NULL;
		recent_forget(lists->recent, slot);
	}
	pthread_mutex_unlock(&lists->lock);
	hosted_list_put(former);
}

struct hosted_list *hosted_lists_find(struct hosted_lists *lists, const struct xaddr *server,
				      struct pccrr_id id)
{
	struct key key = make_key(server, id);
	struct hosted_list *list = NULL;
	uint32_t slot;

	pthread_mutex_lock(&lists->lock);
	slot = recent_find(lists->recent, key.octets, key.size);
	if (slot != RECENT_NONE) {
		list = lists->lists[slot];
		atomic_fetch_add(&list->references, 1);
	}
	pthread_mutex_unlock(&lists->lock);
	return list;
}
