/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The list of publications, for people. What is shown is gathered first, so that no lock is held
 * while it is written.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "fs/service/publication.h"

/* Octets of a list for people: our choice, all that a user can have with identifiers of seventy
 * octets. */
#define LIST_MAX (16u << 20)
/* Of a line without its identifier, at most. */
#define LINE_REST 80u

/* As of now; each with a reference. */
struct shown {
	struct publication *publication;
	uint64_t length;
	bool complete;
};

/* Returns how many fit; LEFT_OUT: how many do not. */
static size_t collect_locked(struct publications *publications, bool all, uid_t uid,
			     struct shown *shown, size_t *left_out)
{
	struct publication *publication;
	size_t count = 0, left = 0, size = 0;

	LIST_FOREACH (publication, &publications->table, in_table) {
		if (!all && publication->uid != uid)
			continue;
		size += 2 * publication->id_size + LINE_REST;
		if (size > LIST_MAX - LINE_REST)
			left++;
		else
			shown[count++] = (struct shown){publication_get(publication),
							publication->length, publication->complete};
	}
	*left_out = left;
	return count;
}

static void show_id(const struct publication *publication, FILE *file)
{
	static const char digits[] = "0123456789abcdef";
	char text[2 * PDC_ID_MAX];

	for (size_t i = 0; i < publication->id_size; i++) {
		text[2 * i] = digits[publication->id[i] >> 4];
		text[2 * i + 1] = digits[publication->id[i] & 15];
	}
	fwrite(text, 1, 2 * publication->id_size, file);
}

static void show(const struct shown *shown, unsigned versions, FILE *file)
{
	static const char *const names[] = {"-", "1", "2", "1,2"};
	const struct publication *publication = shown->publication;

	fprintf(file, "%" PRIu32 " ", (uint32_t)publication->uid);
	show_id(publication, file);
	fprintf(file, " length %" PRIu64 " versions %s\n", shown->length,
		names[shown->complete ? versions & 3 : 0]);
}

int service_list_publications(struct service *service, bool all, uid_t uid, FILE *file)
{
	unsigned versions = service_versions(service);
	struct shown *shown;
	size_t count = 0, left = 0;

	pthread_mutex_lock(&service->lock);
	shown = calloc(service->publications->count + 1, sizeof *shown);
	if (shown != NULL)
		count = collect_locked(service->publications, all, uid, shown, &left);
	pthread_mutex_unlock(&service->lock);
	for (size_t i = 0; i < count; i++) {
		show(&shown[i], versions, file);
		publication_put(shown[i].publication);
	}
	if (left > 0)
		fprintf(file, "# %zu more are not shown\n", left);
	free(shown);
	return shown != NULL ? 0 : -ENOMEM;
}
