/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A table, the first to end of which makes room. What is too large is known by its state, which
 * settles its size; what changes, by its name alone, since its state is another one each time.
 */
#include "origin/publish_vain.h"

#include <errno.h>
#include <string.h>

#include <xxhash.h>

static uint64_t key_of(const struct publish_subject *subject, int error)
{
	uint64_t name = XXH3_64bits(subject->name, strlen(subject->name));

	return error == -ESTALE
		       ? name
		       : XXH3_64bits_withSeed(subject->state, strlen(subject->state), name);
}

static struct publish_vain_entry *place_for(struct publish_vain *vain, uint64_t key, int error)
{
	struct publish_vain_entry *first = &vain->entries[0];

	for (size_t i = 0; i < PUBLISH_VAIN_MAX; i++) {
		struct publish_vain_entry *entry = &vain->entries[i];

		if (entry->key == key && entry->error == error)
			return entry;
		if (entry->until_ms < first->until_ms)
			first = entry;
	}
	return first;
}

void publish_vain_note(struct publish_vain *vain, const struct publish_subject *subject, int error,
		       int64_t took_ms, int64_t now_ms)
{
	int64_t rest = PUBLISH_VAIN_REST_MAX_MS;
	uint64_t key = key_of(subject, error);

	if (error != -ESTALE && error != -EFBIG)
		return;
	if (error == -ESTALE && took_ms < PUBLISH_VAIN_REST_MAX_MS / PUBLISH_VAIN_REST)
		rest = took_ms * PUBLISH_VAIN_REST;
	if (rest <= 0)
		return;
	*place_for(vain, key, error) = (struct publish_vain_entry){key, now_ms + rest, error};
	if (vain->last_ms < now_ms + rest)
		vain->last_ms = now_ms + rest;
}

int publish_vain_look(const struct publish_vain *vain, const struct publish_subject *subject,
		      int64_t now_ms)
{
	uint64_t changing, large;

	if (now_ms >= vain->last_ms)
		return 0;
	changing = key_of(subject, -ESTALE);
	large = key_of(subject, -EFBIG);
	for (size_t i = 0; i < PUBLISH_VAIN_MAX; i++) {
		const struct publish_vain_entry *entry = &vain->entries[i];

		if (now_ms < entry->until_ms &&
		    entry->key == (entry->error == -ESTALE ? changing : large))
			return entry->error;
	}
	return 0;
}
