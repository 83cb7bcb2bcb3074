/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A block that came, against what is known of its segment: on a pool thread, many at a time.
 */
#include "peer/puller_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cache/content_v1.h"
#include "peer/hosted_known.h"

/* ---- targets ---- */

static struct puller_target *find(const struct puller *puller, struct pccrr_id id)
{
	struct puller_target *target;

	LIST_FOREACH (target, &puller->targets, in_list)
		if (pccrr_id_equal((struct pccrr_id){target->id, target->id_size}, id))
			return target;
	return NULL;
}

struct puller_target *puller_target_get(struct puller *puller, struct pccrr_id id)
{
	struct puller_target *target = find(puller, id);

	if (target == NULL) {
		target = calloc(1, sizeof(*target));
		if (target == NULL)
			return NULL;
		target->puller = puller;
		memcpy(target->id, id.octets, id.size);
		target->id_size = id.size;
		pthread_mutex_init(&target->lock, NULL);
		pthread_rwlock_init(&target->replacing, NULL);
		LIST_INSERT_HEAD(&puller->targets, target, in_list);
	}
	target->exchanges++;
	return target;
}

void puller_target_put(struct puller_target *target)
{
	if (target == NULL || --target->exchanges > 0)
		return;
	LIST_REMOVE(target, in_list);
	store_known_put(target->known);
	store_known_put(target->former);
	pthread_rwlock_destroy(&target->replacing);
	pthread_mutex_destroy(&target->lock);
	free(target);
}

/* Lock held. */
static void open_target(struct puller_target *target)
{
	struct store *store = target->puller->options.store;
	unsigned learned = atomic_load(&target->puller->learned);

	if (!target->opened)
		store_opaque_held(store, target->id, target->id_size, target->opaque, NULL);
	if (!target->opened || (target->known == NULL && target->learned != learned))
		(void)store_known_find(store, target->id, target->id_size, &target->known);
	target->opened = true;
	target->learned = learned;
}

static struct store_known *known_of(struct puller_target *target)
{
	struct store_known *known;

	pthread_mutex_lock(&target->lock);
	open_target(target);
	known = target->known;
	pthread_mutex_unlock(&target->lock);
	return known;
}

/* Whether BLOCK is held opaque, which it is no more, or (NOW) is from now on. */
static bool mark_opaque(struct puller_target *target, uint32_t block, bool now)
{
	uint64_t bit = UINT64_C(1) << block % 64;
	bool before;

	pthread_mutex_lock(&target->lock);
	before = (target->opaque[block / 64] & bit) != 0;
	if (now)
		target->opaque[block / 64] |= bit;
	else
		target->opaque[block / 64] &= ~bit;
	pthread_mutex_unlock(&target->lock);
	return before;
}

/* ---- verified ---- */

static enum offers_outcome outcome_of(struct puller_asking *asking, int error)
{
	if (error == -EBADMSG || error == -ENOENT)
		return OFFERS_WRONG;
	asking->no_room = error == -ENOSPC;
	return error == 0 ? OFFERS_CAME : OFFERS_GAVE_UP;
}

/* Into what is known by now: what was known when the block came may have been replaced, and would
 * take the block with it. */
static int write_known(struct puller_asking *asking, uint32_t length)
{
	struct puller_target *target = asking->target;
	struct store_known *known;
	int error;

	pthread_rwlock_rdlock(&target->replacing);
	known = known_of(target);
	error = known != NULL
			? store_known_write(known, asking->exchange->block, asking->data, length)
			: -ESTALE;
	pthread_rwlock_unlock(&target->replacing);
	return error;
}

/* What is written of the segment from now on is of another length. */
static void outdate(struct puller_target *target, struct store_known *known)
{
	pthread_mutex_lock(&target->lock);
	if (target->known == known && target->former == NULL) {
		target->former = known;
		target->known = NULL;
		target->opened = false;
	}
	pthread_mutex_unlock(&target->lock);
}

/* The last block is as long as its hash says, whatever the list said: as the padding tells, or what
 * came was not padded. */
static int prove_length(struct puller_asking *asking, struct store_known *known)
{
	const struct puller *puller = asking->puller;
	uint32_t padding = asking->data[asking->size - 1];
	const uint32_t lengths[] = {asking->size - padding, asking->size};
	const struct offers_giver giver = offers_giver(&asking->exchange->server);
	int error = -EBADMSG;

	pthread_rwlock_wrlock(&asking->target->replacing);
	for (unsigned i = 0; i < 2 && error == -EBADMSG; i++)
		if (lengths[i] > 0 && lengths[i] <= CONTENT_V1_BLOCK)
			error = hosted_known_prove(puller->options.store, &giver, known,
						   asking->data, lengths[i]);
	if (error == 0)
		outdate(asking->target, known);
	pthread_rwlock_unlock(&asking->target->replacing);
	return error;
}

/* Decrypted in its place, with the padding. */
static int keep_last(struct puller_asking *asking, struct store_known *known, uint32_t length)
{
	int error = cipher_decrypt(asking->cipher, store_known_segment(known)->secret, asking->iv,
				   asking->data, asking->size, asking->data, asking->size);

	if (error != 0)
		return error;
	if (cipher_plausible(asking->cipher, length, asking->size))
		error = write_known(asking, length);
	else
		error = -EBADMSG;
	return error == -EBADMSG ? prove_length(asking, known) : error;
}

/* The block is decrypted in its place. */
static int keep_in(struct puller_asking *asking, struct store_known *known)
{
	uint32_t block = asking->exchange->block;
	uint32_t length = store_known_length(known, block);
	struct offers_giver giver;
	int error;

	if (length == 0)
		return -ENOENT;
	if (hosted_known_giver(store_known_path(known), &giver))
		hosted_share_make_room(asking->puller->options.share, &giver, length);
	if (store_known_algorithm(known) != DIGEST_SHA512_TRUNC256 &&
	    block + 1 == store_known_segment(known)->blocks)
		return keep_last(asking, known, length);
	error = cipher_decrypt(asking->cipher, store_known_segment(known)->secret, asking->iv,
			       asking->data, asking->size, asking->data, length);
	if (error == 0)
		error = write_known(asking, length);
	return error;
}

static enum offers_outcome keep_verified(struct puller_asking *asking, struct store_known *known)
{
	struct puller_target *target = asking->target;
	uint32_t block = asking->exchange->block;
	int error = keep_in(asking, known);

	asking->verified = error == 0;
	if (error == 0 && mark_opaque(target, block, false))
		(void)store_opaque_drop(target->puller->options.store, target->id, target->id_size,
					block);
	return outcome_of(asking, error);
}

/* ---- opaque ---- */

static bool is_possible(const struct puller_asking *asking)
{
	if (asking->cipher == CIPHER_NONE && !asking->puller->options.plaintext)
		return false;
	return cipher_plausible(asking->cipher, asking->exchange->length, asking->size);
}

/* Against the list of who gave it. */
static enum offers_outcome check_listed(struct puller_asking *asking)
{
	uint32_t length = asking->exchange->length;
	uint8_t *plain = malloc(length);
	int error;

	if (plain == NULL)
		return OFFERS_GAVE_UP;
	error = cipher_decrypt(asking->cipher, hosted_list_secret(asking->list), asking->iv,
			       asking->data, asking->size, plain, length);
	if (error == 0)
		error = hosted_list_check(asking->list, asking->exchange->block, plain, length);
	free(plain);
	/* What was asked for in doubt proves nothing, and is not wanted. */
	return error == -ENOENT ? OFFERS_NOT_HERE : outcome_of(asking, error);
}

static int write_opaque(struct puller_asking *asking, struct store_giver *former_out)
{
	const struct offers_exchange *exchange = asking->exchange;
	struct offers_giver giver = offers_giver(&exchange->server);
	struct store_opaque opaque = {.id = asking->target->id,
				      .id_size = asking->target->id_size,
				      .block = exchange->block,
				      .algorithm = (uint8_t)exchange->algorithm,
				      .segment_size = exchange->size,
				      .cipher = (uint8_t)asking->cipher,
				      .size = asking->size};
	enum store_opaque_room room = asking->room == OFFERS_ROOM_OF_ITS_OWN
					      ? STORE_OPAQUE_ROOM_OF_GIVERS
					      : STORE_OPAQUE_ROOM_OF_ALL;

	hosted_share_make_room(asking->puller->options.share, &giver, asking->size);
	memcpy(opaque.giver.octets, giver.octets, sizeof(opaque.giver.octets));
	if (asking->cipher != CIPHER_NONE)
		memcpy(opaque.iv, asking->iv, sizeof(opaque.iv));
	return store_opaque_write(asking->puller->options.store, &opaque, asking->data, room, NULL,
				  former_out);
}

static enum offers_outcome keep_opaque(struct puller_asking *asking)
{
	struct store_giver former = {{0}};
	enum offers_outcome outcome = OFFERS_CAME;
	int error;

	if (!is_possible(asking))
		return OFFERS_MALFORMED;
	if (asking->list != NULL)
		outcome = check_listed(asking);
	if (outcome != OFFERS_CAME)
		return outcome;
	error = write_opaque(asking, &former);
	if (error == 0) {
		mark_opaque(asking->target, asking->exchange->block, true);
		memcpy(asking->replaced.octets, former.octets, sizeof(former.octets));
	}
	asking->no_room = error == -ENOSPC;
	return error == 0 ? OFFERS_CAME : OFFERS_GAVE_UP;
}

void puller_check(struct puller_asking *asking)
{
	struct store_known *known = known_of(asking->target);

	if (known != NULL)
		asking->outcome = keep_verified(asking, known);
	else if (asking->exchange->informed) /* and now it is gone */
		asking->outcome = OFFERS_GAVE_UP;
	else
		asking->outcome = keep_opaque(asking);
}
