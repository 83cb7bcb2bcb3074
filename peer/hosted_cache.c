/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A hosted cache's life, and what is told of it.
 */
#include "peer/hosted_cache_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <unistd.h>

#include "cache/log.h"
#include "origin/http_server.h"

/* Connections by which version 1.0 is offered: our choice, each client has one for a moment. */
#define TLS_CONNECTIONS 1024u
/* Descriptors of everything else: the store's files, the index, what is fetched, logs. Our choice.
 */
#define DESCRIPTORS_ELSE 1024u
/* Of them, what is open when nothing happens, about 30, and a few of each kind. */
#define DESCRIPTORS_LEAST 48u
/* Of each server, however few there are. Our choice: little, or they would not be there. */
#define CONNECTIONS_MIN 4u
/* Our choice: content information is kept one after the other, and those who wait for that are
 * not to be cut off. */
#define TLS_ANSWER_MS 60000u
#define TLS_THREADS_MAX 4u
#define LISTENER_MAX 96u

/* ---- who may ask ---- */

static bool is_permitted(void *context, const struct xaddr *source)
{
	const struct hosted_cache *cache = context;
	const struct hosted_cache_options *options = &cache->options;

	return options->permitted != NULL ? options->permitted(options->context, source)
					  : hosted_places_near(source);
}

static void take_other(void *context, struct http_served *served)
{
	const struct hosted_cache *cache = context;

	offer_intake_handle(cache->intake, served);
}

/* ---- connections ---- */

/* So many of WANTED as there are descriptors for. */
static unsigned affordable(unsigned wanted, unsigned all)
{
	struct rlimit files;
	uint64_t left, fair;

	if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur == RLIM_INFINITY ||
	    files.rlim_cur >= (uint64_t)all + DESCRIPTORS_ELSE)
		return wanted;
	/* Half of few is for all else, and of very few what cannot be done without. */
	left = files.rlim_cur > 2 * DESCRIPTORS_ELSE ? files.rlim_cur - DESCRIPTORS_ELSE
						     : files.rlim_cur / 2;
	if (left + DESCRIPTORS_LEAST > files.rlim_cur)
		left = files.rlim_cur > DESCRIPTORS_LEAST ? files.rlim_cur - DESCRIPTORS_LEAST : 0;
	fair = left * wanted / all;
	return fair > CONNECTIONS_MIN ? (unsigned)fair : CONNECTIONS_MIN;
}

static void warn_of_descriptors(unsigned connections)
{
	if (connections < HOSTED_CACHE_CONNECTIONS)
		log_warning("open files are limited, so that only %u clients can be connected at a "
			    "time instead of %u; raise the limit to %u (ulimit -n, or LimitNOFILE "
			    "of the service)",
			    connections, HOSTED_CACHE_CONNECTIONS,
			    HOSTED_CACHE_CONNECTIONS + TLS_CONNECTIONS + DESCRIPTORS_ELSE);
}

static unsigned half_of_the_cores(void)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);

	if (cores < 4)
		return 1;
	return cores / 2 < TLS_THREADS_MAX ? (unsigned)cores / 2 : TLS_THREADS_MAX;
}

static int serve(struct hosted_cache *cache, unsigned all, char *message, size_t message_size)
{
	const struct hosted_cache_options *options = &cache->options;
	const struct retrieval_server_options server = {
		.store = options->store,
		.pool = options->pool,
		.listen = options->listen,
		.uploads = options->uploads != 0 ? options->uploads : HOSTED_CACHE_UPLOADS,
		.plaintext = options->plaintext,
		.permitted = is_permitted,
		.other = take_other,
		.other_body_max = PCHC_REQUEST_MAX,
		.context = cache,
		.connections = affordable(HOSTED_CACHE_CONNECTIONS, all),
	};

	warn_of_descriptors(server.connections);
	return retrieval_server_create(&server, &cache->server, message, message_size);
}

static void handle_tls(void *context, struct http_served *served)
{
	take_other(context, served);
}

static int serve_tls(struct hosted_cache *cache, unsigned all, char *message, size_t message_size)
{
	const struct hosted_cache_options *options = &cache->options;
	const struct http_server_options tls = {
		.tls_listen = options->tls_listen,
		.tls_cert = options->tls_cert,
		.tls_key = options->tls_key,
		.tls_old = options->tls_old,
		.threads = half_of_the_cores(),
		.timeout = RETRIEVAL_IDLE,
		.connections = affordable(TLS_CONNECTIONS, all),
		.connections_each = RETRIEVAL_CONNECTIONS_EACH,
		.displace = true,
		.request_ms = RETRIEVAL_REQUEST_MS,
		.answer_ms = TLS_ANSWER_MS,
		.body_limit = PCHC_REQUEST_MAX,
		.handle = handle_tls,
		.context = cache,
	};

	return http_server_create(&tls, &cache->tls, message, message_size);
}

static int listen_for_all(struct hosted_cache *cache, char *message, size_t message_size)
{
	bool tls = cache->options.tls_listen != NULL && cache->options.tls_listen[0] != NULL;
	unsigned all = HOSTED_CACHE_CONNECTIONS + (tls ? TLS_CONNECTIONS : 0);
	int error = serve(cache, all, message, message_size);
	char listener[LISTENER_MAX];

	if (error == 0 && tls)
		error = serve_tls(cache, all, message, message_size);
	while (error == 0 && retrieval_server_address(cache->server, cache->plain, listener,
						      sizeof(listener)) == 0)
		cache->plain++;
	return error;
}

/* ---- what is the loop's ---- */

static bool is_own(void *context, const struct xaddr *server)
{
	const struct hosted_cache *cache = context;

	return hosted_places_has(cache->places, server, loop_clock_ms());
}

static void pulled(void *context, const struct xaddr *server, enum offers_outcome outcome,
		   uint32_t octets)
{
	const struct hosted_cache *cache = context;

	hosted_clients_pulled(cache->clients, server, octets,
			      outcome == OFFERS_WRONG || outcome == OFFERS_MALFORMED);
}

static void take(void *context, const struct xaddr *server, const struct offers_item *items,
		 unsigned count)
{
	struct hosted_cache *cache = context;

	hosted_clients_offered(cache->clients, server);
	offers_take(cache->offers, server, items, count, loop_clock_ms());
}

static int make_puller(struct hosted_cache *cache)
{
	const struct hosted_cache_options *options = &cache->options;
	const struct puller_options puller = {.store = options->store,
					      .pool = options->pool,
					      .loop = options->loop,
					      .lists = cache->lists,
					      .share = cache->share,
					      .timeout_ms = options->timeout_ms,
					      .plaintext = options->plaintext,
					      .is_own = is_own,
					      .pulled = pulled,
					      .context = cache};
	struct offers_options offers = {.seed = cache->seed, .limits = options->limits};
	int error = puller_create(&puller, &cache->puller);

	if (error != 0)
		return error;
	offers.outlet = puller_outlet(cache->puller);
	error = offers_create(&offers, &cache->offers);
	if (error == 0)
		puller_begin(cache->puller, cache->offers);
	return error;
}

static int make_on_loop(void *context)
{
	struct hosted_cache *cache = context;
	int error = hosted_clients_create(cache->seed, &cache->clients);

	if (error == 0)
		error = hosted_places_create(&cache->places);
	return error != 0 ? error : make_puller(cache);
}

static int begin_on_loop(void *context)
{
	struct hosted_cache *cache = context;
	char listener[LISTENER_MAX];

	for (unsigned i = 0; hosted_cache_address(cache, i, listener, sizeof(listener)) == 0; i++)
		if (hosted_places_add(cache->places, listener) == -ENOMEM)
			return -ENOMEM;
	hosted_inbox_begin(cache->inbox);
	return 0;
}

static int stop_on_loop(void *context)
{
	struct hosted_cache *cache = context;

	if (cache->offers == NULL)
		return 0;
	offers_stop(cache->offers);
	puller_stop(cache->puller);
	return 0;
}

static int free_on_loop(void *context)
{
	struct hosted_cache *cache = context;

	offers_free(cache->offers);
	puller_free(cache->puller);
	hosted_clients_free(cache->clients);
	hosted_places_free(cache->places);
	return 0;
}

/* ---- its life ---- */

static int make(struct hosted_cache *cache)
{
	const struct hosted_inbox_options inbox = {
		.loop = cache->options.loop, .take = take, .context = cache};
	const struct offer_intake_options intake = {
		.permitted = is_permitted, .offered = hosted_cache_offered, .context = cache};
	int error = hosted_lists_create(cache->seed, &cache->lists);

	if (error == 0)
		error = hosted_share_create(cache->options.store, cache->seed, &cache->share);
	if (error == 0)
		error = hosted_inbox_create(&inbox, &cache->inbox);
	if (error == 0)
		error = offer_intake_create(&intake, &cache->intake);
	return error != 0 ? error : loop_call(cache->options.loop, make_on_loop, cache);
}

static int begin(struct hosted_cache *cache, char *message, size_t message_size)
{
	int error = make(cache);

	if (error == 0) {
		error = listen_for_all(cache, message, message_size);
		if (error != 0)
			return error;
		error = loop_call(cache->options.loop, begin_on_loop, cache);
	}
	if (error != 0)
		snprintf(message, message_size, "cannot begin the hosted cache: %s",
			 strerror(-error));
	cache->options.listen = cache->options.tls_listen = NULL;
	cache->options.tls_cert = cache->options.tls_key = NULL;
	return error;
}

int hosted_cache_create(const struct hosted_cache_options *options, struct hosted_cache **cache_out,
			char *message, size_t message_size)
{
	struct hosted_cache *cache = calloc(1, sizeof(*cache));
	int error;

	if (cache == NULL) {
		snprintf(message, message_size, "cannot begin the hosted cache: out of memory");
		return -ENOMEM;
	}
	cache->options = *options;
	/* Without it ids could be chosen that meet, which makes it slower. */
	if (getrandom(&cache->seed, sizeof(cache->seed), 0) < 0)
		cache->seed = (uint64_t)loop_clock_ms();
	pthread_mutex_init(&cache->lock, NULL);
	pthread_cond_init(&cache->quiet, NULL);
	STAILQ_INIT(&cache->informations);
	error = begin(cache, message, message_size);
	if (error != 0) {
		hosted_cache_free(cache);
		return error;
	}
	*cache_out = cache;
	return 0;
}

void hosted_cache_stop(struct hosted_cache *cache)
{
	atomic_store(&cache->stopped, true);
	if (cache->inbox != NULL)
		hosted_inbox_stop(cache->inbox);
	loop_call(cache->options.loop, stop_on_loop, cache);
}

void hosted_cache_free(struct hosted_cache *cache)
{
	if (cache == NULL)
		return;
	hosted_cache_stop(cache);
	retrieval_server_free(cache->server);
	http_server_free(cache->tls);
	hosted_cache_settle(cache);
	if (cache->puller != NULL)
		puller_wait(cache->puller);
	loop_call(cache->options.loop, free_on_loop, cache);
	offer_intake_free(cache->intake);
	hosted_inbox_free(cache->inbox);
	hosted_lists_free(cache->lists);
	hosted_share_free(cache->share);
	pthread_cond_destroy(&cache->quiet);
	pthread_mutex_destroy(&cache->lock);
	free(cache);
}

int hosted_cache_address(const struct hosted_cache *cache, unsigned index, char *buffer,
			 size_t size)
{
	if (index < cache->plain)
		return retrieval_server_address(cache->server, index, buffer, size);
	if (cache->tls == NULL)
		return -ENOENT;
	return http_server_address(cache->tls, index - cache->plain, buffer, size);
}

int hosted_cache_reload(struct hosted_cache *cache, char *message, size_t message_size)
{
	return cache->tls != NULL ? http_server_reload_tls(cache->tls, message, message_size) : 0;
}

/* ---- what is told of it ---- */

struct telling {
	struct hosted_cache *cache;
	struct hosted_cache_counters *counters;
	struct hosted_cache_client *clients;
	unsigned room;
};

static int count_on_loop(void *context)
{
	const struct telling *telling = context;
	struct hosted_cache_counters *counters = telling->counters;
	struct puller_counters puller;

	offers_counters(telling->cache->offers, &counters->offers);
	puller_counters(telling->cache->puller, &puller);
	counters->pulled_bytes = puller.bytes;
	counters->pulled_blocks = puller.blocks;
	counters->verified_blocks = puller.verified;
	counters->wrong = puller.wrong;
	counters->malformed = puller.malformed;
	counters->not_kept = puller.not_kept;
	return 0;
}

void hosted_cache_counters(struct hosted_cache *cache, struct hosted_cache_counters *counters_out)
{
	struct telling telling = {.cache = cache, .counters = counters_out};

	loop_call(cache->options.loop, count_on_loop, &telling);
	counters_out->offers.offers[OFFERS_BEYOND] += hosted_inbox_beyond(cache->inbox);
	retrieval_server_counters(cache->server, &counters_out->served);
	offer_intake_counters(cache->intake, &counters_out->intake);
}

static int list_on_loop(void *context)
{
	const struct telling *telling = context;
	struct hosted_cache *cache = telling->cache;
	struct hosted_client *list = calloc(telling->room, sizeof(*list));
	unsigned count;

	if (list == NULL)
		return 0;
	count = hosted_clients_list(cache->clients, list, telling->room);
	for (unsigned i = 0; i < count; i++)
		telling->clients[i] = (struct hosted_cache_client){
			.address = list[i].address,
			.blocks = list[i].blocks,
			.bytes = list[i].octets,
			.bad = list[i].bad,
			.banned = offers_is_out(cache->offers, &list[i].address, loop_clock_ms())};
	free(list);
	return (int)count;
}

unsigned hosted_cache_clients(struct hosted_cache *cache, struct hosted_cache_client *clients_out,
			      unsigned room)
{
	struct telling telling = {.cache = cache, .clients = clients_out, .room = room};

	if (telling.room > HOSTED_CLIENTS)
		telling.room = HOSTED_CLIENTS;
	return (unsigned)loop_call(cache->options.loop, list_on_loop, &telling);
}

static int trust_on_loop(void *context)
{
	struct hosted_cache *cache = context;

	offers_trust(cache->offers);
	return 0;
}

void hosted_cache_trust(struct hosted_cache *cache)
{
	loop_call(cache->options.loop, trust_on_loop, cache);
}
