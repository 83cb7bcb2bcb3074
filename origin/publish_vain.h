/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Hashing that was in vain, and is not begun again at once by whoever asks next: of content that
 * changed meanwhile, and of such whose hashes are more than may be kept. Private to publish*.c.
 * Pure; the publisher's lock is held for all calls. NOW_MS: of a clock that only goes forward.
 */
#ifndef ORIGIN_PUBLISH_VAIN_H
#define ORIGIN_PUBLISH_VAIN_H

#include "origin/publish_private.h"

/* All our choices. What changes rests for a multiple of the time that it took, so that it costs a
 * tenth of that at most, and short files are tried again at once. */
#define PUBLISH_VAIN_MAX 256
#define PUBLISH_VAIN_REST 10
#define PUBLISH_VAIN_REST_MAX_MS 3600000

struct publish_vain {
	int64_t last_ms; /* when the last of them ends */
	struct publish_vain_entry {
		uint64_t key;
		int64_t until_ms;
		int error;
	} entries[PUBLISH_VAIN_MAX];
};

/* A making of SUBJECT failed with ERROR after TOOK_MS of hashing. */
void publish_vain_note(struct publish_vain *vain, const struct publish_subject *subject, int error,
		       int64_t took_ms, int64_t now_ms);
/* 0, or the error of a making that it is too early to try again. */
int publish_vain_look(const struct publish_vain *vain, const struct publish_subject *subject,
		      int64_t now_ms);

#endif
