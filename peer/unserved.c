/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A row has a table of recent ids (peer/recent.h), and to each slot of it belong a few hosts. A
 * host is always in the same row, so none is counted twice.
 */
#include "peer/unserved.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "peer/recent.h"

struct host {
	uint64_t name; /* hash of its address; 0: none */
	int64_t at_ms;
};

/* Of one id; hosts of IPv4, of IPv6. */
struct hosts {
	struct host four[UNSERVED_HOSTS], six[UNSERVED_HOSTS];
};

struct row {
	struct recent *ids;
	struct hosts hosts[UNSERVED_IDS];
};

struct unserved {
	uint64_t seed;
	pthread_mutex_t lock; /* a leaf; guards the rows */
	struct row rows[UNSERVED_ROWS];
};

int unserved_create(uint64_t seed, struct unserved **unserved_out)
{
	struct unserved *unserved = calloc(1, sizeof(*unserved));

	if (unserved == NULL)
		return -ENOMEM;
	unserved->seed = seed;
	pthread_mutex_init(&unserved->lock, NULL);
	for (unsigned i = 0; i < UNSERVED_ROWS; i++)
		if (recent_create(UNSERVED_IDS, seed, &unserved->rows[i].ids) != 0) {
			unserved_free(unserved);
			return -ENOMEM;
		}
	*unserved_out = unserved;
	return 0;
}

void unserved_free(struct unserved *unserved)
{
	if (unserved == NULL)
		return;
	for (unsigned i = 0; i < UNSERVED_ROWS; i++)
		recent_free(unserved->rows[i].ids);
	pthread_mutex_destroy(&unserved->lock);
	free(unserved);
}

static uint64_t name_of(const struct unserved *unserved, const struct xaddr *host)
{
	uint64_t name = XXH3_64bits_withSeed(host->octets, sizeof(host->octets), unserved->seed);

	return name != 0 ? name : 1;
}

/* The place of NAME among HOSTS; else of the one that is to be forgotten for it. */
static struct host *place_of(struct host hosts[UNSERVED_HOSTS], uint64_t name)
{
	struct host *oldest = &hosts[0];

	for (unsigned i = 0; i < UNSERVED_HOSTS; i++) {
		if (hosts[i].name == name || hosts[i].name == 0)
			return &hosts[i];
		if (hosts[i].at_ms < oldest->at_ms)
			oldest = &hosts[i];
	}
	return oldest;
}

void unserved_note(struct unserved *unserved, const struct xaddr *host, const uint8_t *id,
		   size_t id_size, int64_t now_ms)
{
	uint64_t name = name_of(unserved, host);
	struct row *row = &unserved->rows[name % UNSERVED_ROWS];
	struct hosts *hosts;
	bool fresh;

	pthread_mutex_lock(&unserved->lock);
	hosts = &row->hosts[recent_use(row->ids, id, id_size, &fresh)];
	if (fresh)
		memset(hosts, 0, sizeof(*hosts));
	*place_of(host->family == XADDR_IPV6 ? hosts->six : hosts->four, name) =
		(struct host){name, now_ms};
	pthread_mutex_unlock(&unserved->lock);
}

static unsigned count(const struct host hosts[UNSERVED_HOSTS], int64_t now_ms)
{
	unsigned lately = 0;

	for (unsigned i = 0; i < UNSERVED_HOSTS; i++)
		lately += hosts[i].name != 0 && now_ms - hosts[i].at_ms < UNSERVED_MS;
	return lately;
}

unsigned unserved_hosts(struct unserved *unserved, const uint8_t *id, size_t id_size,
			int64_t now_ms)
{
	unsigned four = 0, six = 0;

	pthread_mutex_lock(&unserved->lock);
	for (unsigned i = 0; i < UNSERVED_ROWS; i++) {
		const struct row *row = &unserved->rows[i];
		uint32_t slot = recent_find(row->ids, id, id_size);

		if (slot == RECENT_NONE)
			continue;
		four += count(row->hosts[slot].four, now_ms);
		six += count(row->hosts[slot].six, now_ms);
	}
	pthread_mutex_unlock(&unserved->lock);
	return four > six ? four : six;
}
