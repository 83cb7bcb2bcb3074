/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The distance is Damerau's restricted one (optimal string alignment) over three rows.
 */
#include "fs/suggest.h"

#include <string.h>

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

size_t suggest_distance(const char *a, const char *b)
{
	size_t a_length = strlen(a), b_length = strlen(b);
	size_t rows[3][SUGGEST_WORD_MAX + 1] = {{0}};
	size_t *before = rows[0], *above = rows[1], *row = rows[2];

	if (a_length > SUGGEST_WORD_MAX || b_length > SUGGEST_WORD_MAX)
		return SUGGEST_WORD_MAX;
	for (size_t j = 0; j <= b_length; j++)
		above[j] = j;
	for (size_t i = 1; i <= a_length; i++) {
		row[0] = i;
		for (size_t j = 1; j <= b_length; j++) {
			size_t replaced = above[j - 1] + (a[i - 1] != b[j - 1]);

			row[j] = smaller(replaced, smaller(above[j], row[j - 1]) + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				row[j] = smaller(row[j], before[j - 2] + 1);
		}
		size_t *oldest = before;

		before = above;
		above = row;
		row = oldest;
	}
	return above[b_length];
}

void suggest_consider(struct suggestion *suggestion, const char *candidate)
{
	size_t distance = suggest_distance(suggestion->misspelt, candidate);

	/* Near enough is a third of the word wrong: our choice. */
	if (distance > (strlen(suggestion->misspelt) + 2) / 3)
		return;
	if (suggestion->nearest && distance >= suggestion->distance)
		return;
	suggestion->nearest = candidate;
	suggestion->distance = distance;
}
