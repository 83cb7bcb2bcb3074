/* SPDX-License-Identifier: BSD-2-Clause
 *
 * "Did you mean ...?": of several words the one nearest to a misspelt one, by edit distance. Pure.
 */
#ifndef FS_SUGGEST_H
#define FS_SUGGEST_H

#include <stddef.h>

/* Words longer than this are not compared. */
#define SUGGEST_WORD_MAX 40

struct suggestion {
	const char *misspelt;
	const char *nearest; /* NULL: none was near enough */
	size_t distance;
};

/* How far apart A and B are: insertions, deletions, replacements and swapped
 * neighbours. */
size_t suggest_distance(const char *a, const char *b);
/* Set misspelt, zero the others, call it for each candidate; candidates must outlive the answer. */
void suggest_consider(struct suggestion *suggestion, const char *candidate);

#endif
