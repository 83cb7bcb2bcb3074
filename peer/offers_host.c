/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Addresses that offer: what they may be asked at a time, and whether they are asked at all.
 */
#include "peer/offers_private.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

/* retrieval.md 11.3 */
#define FAILURES_ONLY 4
#define FAILURES_RECENT 12
#define TIMEOUTS 3
#define OUT_MS 60000u
#define OUT_MAX_MS 3600000u
#define FORGET_MS 3600000 /* without failure */

/* ---- the table ---- */

bool offers_hosts_begin(struct offers *offers)
{
	uint32_t chains = 1;

	for (unsigned i = 0; i < OFFERS_PLACES; i++)
		TAILQ_INIT(&offers->ready[i]);
	TAILQ_INIT(&offers->idle);
	while (chains < offers->options.limits.addresses && chains < UINT32_C(1) << 20)
		chains *= 2;
	offers->host_mask = chains - 1;
	offers->host_chains = calloc(chains, sizeof(struct host_chain));
	return offers->host_chains != NULL;
}

static struct host_chain *chain_of(const struct offers *offers, const struct xaddr *address)
{
	uint8_t key[2 + sizeof(address->octets)] = {(uint8_t)address->family};
	XXH64_hash_t hash;

	/* Of the zone, too little to matter if it does not. */
	if (address->family == XADDR_IPV6 && xaddr_is_link_local(address))
		key[1] = (uint8_t)address->zone;
	memcpy(key + 2, address->octets, xaddr_size(address));
	hash = XXH3_64bits_withSeed(key, sizeof(key), offers->options.seed);
	return &offers->host_chains[hash & offers->host_mask];
}

static void drop(struct offers *offers, struct host *host)
{
	TAILQ_REMOVE(&offers->idle, host, in_list);
	LIST_REMOVE(host, in_chain);
	offers->counters.addresses--;
	free(host);
}

void offers_hosts_end(struct offers *offers)
{
	struct host *host;

	while ((host = TAILQ_FIRST(&offers->idle)) != NULL)
		drop(offers, host);
	free(offers->host_chains);
}

/* NULL: not known. */
static struct host *find_host(const struct offers *offers, const struct xaddr *address)
{
	struct host *host;

	LIST_FOREACH (host, chain_of(offers, address), in_chain)
		if (xaddr_same_host(&host->address, address))
			return host;
	return NULL;
}

struct host *offers_host_make(struct offers *offers, const struct xaddr *address)
{
	struct host *host = find_host(offers, address);

	if (host != NULL)
		return host;
	if (offers->counters.addresses >= offers->options.limits.addresses) {
		host = TAILQ_FIRST(&offers->idle);
		if (host == NULL)
			return NULL;
		drop(offers, host);
	}
	host = calloc(1, sizeof(*host));
	if (host == NULL)
		return NULL;
	host->address = *address;
	host->places = 1;
	host->failed_ms = host->out_until_ms = OFFERS_NEVER;
	TAILQ_INIT(&host->work);
	LIST_INSERT_HEAD(chain_of(offers, address), host, in_chain);
	TAILQ_INSERT_TAIL(&offers->idle, host, in_list);
	offers->counters.addresses++;
	return host;
}

void offers_host_use(struct offers *offers, struct host *host)
{
	if (host->sources++ == 0)
		TAILQ_REMOVE(&offers->idle, host, in_list);
}

void offers_host_unuse(struct offers *offers, struct host *host)
{
	if (--host->sources == 0)
		TAILQ_INSERT_TAIL(&offers->idle, host, in_list);
}

/* ---- turns ---- */

void offers_host_settle(struct offers *offers, struct host *host)
{
	bool ready = !TAILQ_EMPTY(&host->work) && host->busy < host->places;

	if (ready == host->ready)
		return;
	host->ready = ready;
	if (ready)
		TAILQ_INSERT_TAIL(&offers->ready[host->busy], host, in_list);
	else
		TAILQ_REMOVE(&offers->ready[host->busy], host, in_list);
}

void offers_host_begins(struct offers *offers, struct host *host)
{
	if (host->ready)
		TAILQ_REMOVE(&offers->ready[host->busy], host, in_list);
	host->ready = false;
	host->busy++;
	offers_host_settle(offers, host);
}

void offers_host_ends(struct offers *offers, struct host *host)
{
	if (host->ready)
		TAILQ_REMOVE(&offers->ready[host->busy], host, in_list);
	host->ready = false;
	host->busy--;
	offers_host_settle(offers, host);
}

struct host *offers_host_next(struct offers *offers)
{
	for (unsigned i = 0; i < OFFERS_PLACES; i++) {
		struct host *host = TAILQ_FIRST(&offers->ready[i]);

		if (host != NULL)
			return host;
	}
	return NULL;
}

/* ---- judging ---- */

bool offers_host_is_out(const struct offers *offers, const struct host *host, uint16_t port)
{
	return offers->now_ms < host->out_until_ms && port == host->out_port;
}

/* Of another port nothing is known yet. */
static void judge_port(struct host *host, uint16_t port)
{
	if (host->address.port == port)
		return;
	host->address.port = port;
	host->history = host->history_late = 0;
	host->failures_only = host->timeouts = 0;
	host->succeeded = false;
}

static void remember(struct host *host, bool failed, bool late)
{
	host->history = (uint16_t)(host->history << 1 | failed);
	host->history_late = (uint16_t)(host->history_late << 1 | late);
}

void offers_host_good(struct host *host, uint16_t port)
{
	judge_port(host, port);
	remember(host, false, false);
	host->succeeded = true;
	host->failures_only = host->timeouts = 0;
	if (host->places < OFFERS_PLACES)
		host->places++;
}

static void slow_down(struct host *host)
{
	if (host->places > 1)
		host->places /= 2;
}

void offers_host_empty(struct host *host, uint16_t port)
{
	judge_port(host, port);
	remember(host, false, false);
	host->timeouts = 0;
	slow_down(host);
}

static void put_out(struct offers *offers, struct host *host)
{
	host->out_ms = host->out_ms == 0 ? OUT_MS : host->out_ms * 2;
	if (host->out_ms > OUT_MAX_MS)
		host->out_ms = OUT_MAX_MS;
	host->out_until_ms = offers->now_ms + host->out_ms;
	host->out_port = host->address.port;
	host->history = host->history_late = 0;
	host->failures_only = host->timeouts = 0;
}

void offers_host_failed(struct offers *offers, struct host *host, uint16_t port, bool late,
			int64_t begun_ms)
{
	int64_t last_ms;
	unsigned recent;

	judge_port(host, port);
	/* One trouble fails all that is under way. */
	if (host->failed_ms != OFFERS_NEVER && begun_ms < host->failed_ms)
		return;
	/* Nobody who is out fails: that time does not count. */
	last_ms = host->failed_ms > host->out_until_ms ? host->failed_ms : host->out_until_ms;
	if (last_ms != OFFERS_NEVER && offers->now_ms - last_ms >= FORGET_MS)
		host->out_ms = 0;
	host->failed_ms = offers->now_ms;
	host->failures_only += host->succeeded ? 0 : 1;
	host->timeouts = late ? host->timeouts + 1 : 0;
	remember(host, true, late);
	slow_down(host);
	recent = (unsigned)(__builtin_popcount(host->history) +
			    __builtin_popcount(host->history_late));
	if (host->failures_only >= FAILURES_ONLY || recent >= FAILURES_RECENT ||
	    host->timeouts >= TIMEOUTS)
		put_out(offers, host);
}

bool offers_is_out(const struct offers *offers, const struct xaddr *server, int64_t now_ms)
{
	const struct host *host = find_host(offers, server);

	return host != NULL && now_ms < host->out_until_ms &&
	       (server->port == 0 || server->port == host->out_port);
}

void offers_trust(struct offers *offers)
{
	struct host *host;

	for (uint32_t i = 0; i <= offers->host_mask; i++)
		LIST_FOREACH (host, &offers->host_chains[i], in_chain) {
			host->failed_ms = host->out_until_ms = OFFERS_NEVER;
			host->out_ms = 0;
			host->history = host->history_late = 0;
			host->failures_only = host->timeouts = 0;
		}
	for (uint32_t i = 0; i < offers->options.limits.spoilt; i++)
		offers->spoilt_until_ms[i] = OFFERS_NEVER;
}
