/* SPDX-License-Identifier: BSD-2-Clause */
#include "origin/content_looks.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

struct place {
	char *path; /* NULL: free */
	int64_t said_ms;
	struct content_look look;
};

struct content_looks {
	pthread_mutex_t lock;
	struct place places[CONTENT_LOOKS_MAX]; /* guarded by lock */
};

static struct place *place_of(struct content_looks *looks, const char *path)
{
	return &looks->places[XXH3_64bits(path, strlen(path)) % CONTENT_LOOKS_MAX];
}

static bool is_of(const struct place *place, const char *path)
{
	return place->path != NULL && strcmp(place->path, path) == 0;
}

static void clear(struct place *place)
{
	free(place->path);
	place->path = NULL;
}

int content_looks_create(struct content_looks **looks_out)
{
	struct content_looks *looks = calloc(1, sizeof(*looks));

	if (looks == NULL)
		return -ENOMEM;
	pthread_mutex_init(&looks->lock, NULL);
	*looks_out = looks;
	return 0;
}

void content_looks_free(struct content_looks *looks)
{
	if (looks == NULL)
		return;
	for (unsigned i = 0; i < CONTENT_LOOKS_MAX; i++)
		clear(&looks->places[i]);
	pthread_mutex_destroy(&looks->lock);
	free(looks);
}

bool content_looks_find(struct content_looks *looks, const char *path, int64_t now_ms,
			struct content_look *look_out)
{
	struct place *place = place_of(looks, path);
	bool found;

	pthread_mutex_lock(&looks->lock);
	found = is_of(place, path) && now_ms >= place->said_ms &&
		now_ms - place->said_ms < CONTENT_LOOKS_BELIEVED_MS;
	if (found)
		*look_out = place->look;
	pthread_mutex_unlock(&looks->lock);
	return found;
}

static bool is_lasting(const struct content_look *look)
{
	return look->error == 0 || look->error == -ENOENT || look->error == -EACCES;
}

void content_looks_put(struct content_looks *looks, const char *path, int64_t now_ms,
		       const struct content_look *look)
{
	struct place *place = place_of(looks, path);

	pthread_mutex_lock(&looks->lock);
	clear(place);
	if (is_lasting(look) && strlen(path) <= CONTENT_LOOKS_PATH_MAX)
		place->path = strdup(path);
	place->said_ms = now_ms;
	place->look = *look;
	pthread_mutex_unlock(&looks->lock);
}

void content_looks_forget(struct content_looks *looks, const char *path)
{
	struct place *place = place_of(looks, path);

	pthread_mutex_lock(&looks->lock);
	if (is_of(place, path))
		clear(place);
	pthread_mutex_unlock(&looks->lock);
}
