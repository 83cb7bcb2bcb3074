/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Hosted caches as those that are offered what came from the origin: the offering is a machine
 * without locks, and those who tell it and ask it are many threads.
 */
#include "peer/neighbours_offers.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Our choice: who mounts waits for names so long at most. */
#define NAMES_PATIENCE_S 1

/* ---- from the origin ---- */

static struct neighbours_offers *offers_of(struct loop_task *waking)
{
	return (struct neighbours_offers *)((char *)waking -
					    offsetof(struct neighbours_offers, waking));
}

static void run_waking(struct loop_task *task)
{
	struct neighbours_offers *offers = offers_of(task);
	struct neighbours *neighbours = offers->neighbours;

	pthread_mutex_lock(&offers->lock);
	offers->woken = false;
	pthread_mutex_unlock(&offers->lock);
	neighbours_touch(neighbours);
	neighbours_ran(neighbours);
}

/* Lock held: so that it has not ended, and will wait for this. */
static void wake(struct neighbours_offers *offers)
{
	if (offers->woken)
		return;
	offers->woken = true;
	offers->waking.run = run_waking;
	neighbours_running(offers->neighbours);
	loop_post(offers->neighbours->options.loop, &offers->waking);
}

static bool is_known(struct neighbours_offers *offers, const struct content *content,
		     uint64_t offset, struct offers_known *known_out)
{
	const struct offers_known *known = &offers->known;

	pthread_mutex_lock(&offers->lock);
	bool is = known->content == content && offset >= known->offset &&
		  offset - known->offset < known->length;
	if (is)
		*known_out = *known;
	pthread_mutex_unlock(&offers->lock);
	return is;
}

static int find_segment(const struct content *content, uint64_t offset,
			struct offers_known *known_out)
{
	struct content_segment segment;
	uint32_t index;
	int error = content_segment_at(content, offset, &index);

	if (error == 0)
		error = content_segment(content, index, &segment);
	if (error == 0)
		error = content_segment_id(content, &segment, known_out->id);
	if (error != 0)
		return error;
	known_out->algorithm = content_algorithm(content);
	known_out->offset = segment.offset;
	known_out->length = segment.length;
	return 0;
}

/* Those of version 2.0 have one block each. */
static void remember(struct neighbours_offers *offers, const struct content *content,
		     struct offers_known known)
{
	struct content *before;

	if (content_version(content) != 1)
		return;
	known.content = content_get((struct content *)(uintptr_t)content);
	pthread_mutex_lock(&offers->lock);
	if (offers->offering != NULL) {
		before = offers->known.content;
		offers->known = known;
	} else {
		before = known.content;
	}
	pthread_mutex_unlock(&offers->lock);
	content_put(before);
}

static void came(struct neighbours_offers *offers, const struct offering_block *block)
{
	pthread_mutex_lock(&offers->lock);
	if (offers->offering != NULL && offering_came(offers->offering, block, loop_clock_ms()))
		wake(offers);
	pthread_mutex_unlock(&offers->lock);
}

void neighbours_fetched(struct neighbours *neighbours, const struct content *content,
			uint64_t offset)
{
	struct neighbours_offers *offers = neighbours->offers;
	struct offers_known known = {0};

	if (!atomic_load_explicit(&offers->open, memory_order_relaxed))
		return;
	if (!is_known(offers, content, offset, &known)) {
		if (find_segment(content, offset, &known) != 0)
			return;
		remember(offers, content, known);
	}
	const struct offering_block block = {
		.algorithm = known.algorithm,
		.segment = {known.id, (uint32_t)digest_size(known.algorithm)},
		.length = known.length,
		.block = content_version(content) == 1
				 ? (uint32_t)((offset - known.offset) / CONTENT_V1_BLOCK)
				 : 0,
	};
	came(offers, &block);
}

/* ---- asked and told ---- */

void neighbours_offers_spoilt(struct neighbours *neighbours, struct pccrr_id id)
{
	struct neighbours_offers *offers = neighbours->offers;

	pthread_mutex_lock(&offers->lock);
	if (offers->offering != NULL)
		offering_spoilt(offers->offering, id);
	pthread_mutex_unlock(&offers->lock);
}

bool neighbours_offers_serve(struct neighbours_offers *offers, const uint8_t *id, size_t id_size)
{
	const struct pccrr_id segment = {id, (uint32_t)id_size};

	pthread_mutex_lock(&offers->lock);
	bool serve = offers->offering != NULL &&
		     offering_serves(offers->offering, segment, loop_clock_ms());
	pthread_mutex_unlock(&offers->lock);
	return serve;
}

/* One on this machine has many: it is asked at 127.0.1.1, where a machine's own name may lead, but
 * comes from 127.0.0.1. */
static bool has_address(const struct offers_server *server, const struct xaddr *source)
{
	for (unsigned i = 0; i < server->count; i++)
		if (xaddr_same_host(&server->addresses[i], source) ||
		    (xaddr_is_loopback(&server->addresses[i]) && xaddr_is_loopback(source)))
			return true;
	return false;
}

bool neighbours_offers_welcome(struct neighbours_offers *offers, const struct xaddr *source)
{
	bool welcome = false;

	pthread_mutex_lock(&offers->lock);
	for (unsigned i = 0; offers->offering != NULL && i < offers->server_count && !welcome; i++)
		welcome = has_address(&offers->servers[i], source);
	pthread_mutex_unlock(&offers->lock);
	return welcome;
}

void neighbours_offers_trust(struct neighbours_offers *offers)
{
	pthread_mutex_lock(&offers->lock);
	if (offers->offering != NULL)
		offering_trust(offers->offering);
	pthread_mutex_unlock(&offers->lock);
}

void neighbours_offers_counters(struct neighbours_offers *offers,
				struct offering_counters *counters_out)
{
	memset(counters_out, 0, sizeof *counters_out);
	pthread_mutex_lock(&offers->lock);
	if (offers->offering != NULL)
		offering_counters(offers->offering, counters_out);
	pthread_mutex_unlock(&offers->lock);
}

unsigned neighbours_offers_servers(struct neighbours_offers *offers,
				   struct neighbours_server servers_out[OFFERING_SERVERS_MAX])
{
	unsigned count = 0;

	pthread_mutex_lock(&offers->lock);
	for (; offers->offering != NULL && count < offers->server_count; count++) {
		memcpy(servers_out[count].host, offers->servers[count].host, NEIGHBOURS_HOST_SIZE);
		offering_look(offers->offering, count, loop_clock_ms(),
			      &servers_out[count].offering);
	}
	pthread_mutex_unlock(&offers->lock);
	return count;
}

void neighbours_offers_answered(struct neighbours_offers *offers, uint64_t number, unsigned status,
				const void *body, size_t size)
{
	pthread_mutex_lock(&offers->lock);
	offering_answered(offers->offering, number, status, body, size, loop_clock_ms());
	pthread_mutex_unlock(&offers->lock);
	neighbours_touch(offers->neighbours);
}

void neighbours_offers_broken(struct neighbours_offers *offers, uint64_t number)
{
	pthread_mutex_lock(&offers->lock);
	offering_broken(offers->offering, number, loop_clock_ms());
	pthread_mutex_unlock(&offers->lock);
	neighbours_touch(offers->neighbours);
}

int64_t neighbours_offers_tick(struct neighbours_offers *offers, int64_t now_ms)
{
	int64_t due_ms = INT64_MAX;

	if (offers->client == NULL)
		return due_ms;
	pthread_mutex_lock(&offers->lock);
	due_ms = offering_tick(offers->offering, now_ms);
	pthread_mutex_unlock(&offers->lock);
	posts_flush(offers);
	return due_ms;
}

/* ---- where they are ---- */

static void take_addresses(struct neighbours_offers *offers, unsigned number,
			   const struct xaddr *addresses, unsigned count)
{
	struct offers_server *server = &offers->servers[number];
	struct xaddr with_port[NAME_LOOKUP_ADDRESSES_MAX];

	for (unsigned i = 0; i < count; i++) {
		with_port[i] = addresses[i];
		with_port[i].port = server->place.port;
	}
	pthread_mutex_lock(&offers->lock);
	memcpy(server->addresses, with_port, count * sizeof with_port[0]);
	server->count = count;
	pthread_mutex_unlock(&offers->lock);
	hosted_server(offers->neighbours, number, with_port, count);
	neighbours_touch(offers->neighbours);
}

static void found(void *context, unsigned number, const struct xaddr *addresses, unsigned count)
{
	struct neighbours_offers *offers = context;

	if (count > 0)
		take_addresses(offers, number, addresses, count);
	if (!offers->servers[number].looked_up) {
		pthread_mutex_lock(&offers->lock);
		if (--offers->unknown == 0)
			pthread_cond_broadcast(&offers->known_all);
		pthread_mutex_unlock(&offers->lock);
	}
	offers->servers[number].looked_up = true;
	posts_flush(offers);
}

void neighbours_offers_look_up(struct neighbours *neighbours, unsigned server)
{
	if (neighbours->offers->lookup != NULL)
		name_lookup_again(neighbours->offers->lookup, server);
}

void neighbours_offers_await(struct neighbours_offers *offers)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += NAMES_PATIENCE_S;
	pthread_mutex_lock(&offers->lock);
	while (offers->unknown > 0 &&
	       pthread_cond_timedwait(&offers->known_all, &offers->lock, &until) == 0)
		;
	pthread_mutex_unlock(&offers->lock);
}

static int begin_lookup(struct neighbours_offers *offers)
{
	const char *names[OFFERING_SERVERS_MAX];
	const struct name_lookup_options options = {.loop = offers->neighbours->options.loop,
						    .names = names,
						    .count = offers->server_count,
						    .ipv4 = offers->neighbours->ipv4,
						    .ipv6 = offers->neighbours->ipv6,
						    .found = found,
						    .context = offers};

	for (unsigned i = 0; i < offers->server_count; i++)
		names[i] = offers->servers[i].place.name;
	return name_lookup_create(&options, &offers->lookup);
}

/* ---- life ---- */

int neighbours_offers_create(struct neighbours *neighbours, struct neighbours_offers **offers_out)
{
	struct neighbours_offers *offers = calloc(1, sizeof *offers);
	pthread_condattr_t clock;

	if (offers == NULL)
		return -ENOMEM;
	offers->neighbours = neighbours;
	pthread_mutex_init(&offers->lock, NULL);
	pthread_condattr_init(&clock);
	pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
	pthread_cond_init(&offers->known_all, &clock);
	pthread_condattr_destroy(&clock);
	*offers_out = offers;
	return 0;
}

void neighbours_offers_free(struct neighbours_offers *offers)
{
	if (offers == NULL)
		return;
	pthread_cond_destroy(&offers->known_all);
	pthread_mutex_destroy(&offers->lock);
	free(offers);
}

static int read_server(struct neighbours_offers *offers, const char *host, unsigned tls_port,
		       char *message, size_t message_size)
{
	struct offers_server *server = &offers->servers[offers->server_count];
	char url[HOST_PLACE_URL_SIZE];

	*server = (struct offers_server){0};
	if (strlen(host) >= sizeof server->host ||
	    host_place_read(host, XADDR_PORT_DEFAULT, &server->place) != 0) {
		snprintf(message, message_size, "hosted: %s is not HOST, HOST:PORT or [IPV6]:PORT",
			 host);
		return -EINVAL;
	}
	strcpy(server->host, host);
	host_place_url(&server->place, tls_port != 0 ? "https" : "http",
		       tls_port != 0 ? (uint16_t)tls_port : server->place.port, url);
	snprintf(server->url, sizeof server->url, "%s%s", url,
		 tls_port != 0 ? PCHC_PATH_1 : PCHC_PATH_2);
	offers->server_count++;
	return 0;
}

static int read_servers(struct neighbours_offers *offers, const struct neighbours_hosted *hosted,
			char *message, size_t message_size)
{
	int error = 0;

	offers->server_count = 0;
	offers->tls_port = hosted->tls_port;
	for (const char *const *host = hosted->hosts; *host != NULL && error == 0; host++) {
		if (offers->server_count < OFFERING_SERVERS_MAX) {
			error = read_server(offers, *host, hosted->tls_port, message, message_size);
			continue;
		}
		snprintf(message, message_size, "hosted: more than %u hosted caches",
			 OFFERING_SERVERS_MAX);
		error = -EINVAL;
	}
	return error;
}

/* Numeric, without port; NULL: all addresses of this machine are listened on. */
static const char *listened_on(const struct neighbours *neighbours, char text_out[INET6_ADDRSTRLEN])
{
	const struct xaddr *address = &neighbours->address;

	if (address->family == 0)
		return NULL;
	return inet_ntop(address->family == XADDR_IPV4 ? AF_INET : AF_INET6, address->octets,
			 text_out, INET6_ADDRSTRLEN);
}

int neighbours_offers_prepare(struct neighbours_offers *offers,
			      const struct neighbours_hosted *hosted, char *message,
			      size_t message_size)
{
	const struct neighbours *neighbours = offers->neighbours;
	char address[INET6_ADDRSTRLEN];
	const struct http_setup_bare setup = {
		.cacert = hosted->tls_port != 0 ? hosted->cacert : NULL,
		.option = "hosted",
		.address = listened_on(neighbours, address),
		/* a connection may take half of it */
		.timeout = 2 * OFFERING_REQUEST_MS / 1000,
	};
	int error = read_servers(offers, hosted, message, message_size);

	if (error == 0 && hosted->cacert != NULL &&
	    (offers->cacert = strdup(hosted->cacert)) == NULL)
		error = -ENOMEM;
	if (error == 0)
		error = http_setup_create_bare(&setup, &offers->setup, message, message_size);
	return error;
}

static bool same_text(const char *one, const char *other)
{
	return one == NULL || other == NULL ? one == other : strcmp(one, other) == 0;
}

bool neighbours_offers_are_to(const struct neighbours_offers *offers,
			      const struct neighbours_hosted *hosted)
{
	unsigned count = 0;

	while (hosted->hosts[count] != NULL && count < offers->server_count &&
	       strcmp(hosted->hosts[count], offers->servers[count].host) == 0)
		count++;
	return hosted->hosts[count] == NULL && count == offers->server_count &&
	       hosted->tls_port == offers->tls_port && same_text(hosted->cacert, offers->cacert);
}

static int create_offering(struct neighbours_offers *offers, int64_t now_ms)
{
	struct offering_options options = {.outlet = {.send = posts_send,
						      .abandon = posts_abandon,
						      .describe = posts_describe,
						      .random = neighbours_random,
						      .owner = offers},
					   .server_count = offers->server_count,
					   .seed = offers->neighbours->seed};
	struct offering *offering;

	for (unsigned i = 0; i < offers->server_count; i++)
		options.servers[i] = (struct offering_server){.takes_1 = offers->tls_port != 0,
							      .takes_2 = offers->tls_port == 0};
	int error = offering_create(&options, now_ms, &offering);
	if (error != 0)
		return error;
	pthread_mutex_lock(&offers->lock);
	offers->offering = offering;
	pthread_mutex_unlock(&offers->lock);
	return 0;
}

int neighbours_offers_begin(struct neighbours_offers *offers, int64_t now_ms)
{
	int error = create_offering(offers, now_ms);

	return error != 0 ? error : posts_begin(offers);
}

void neighbours_offers_open(struct neighbours_offers *offers, uint16_t port)
{
	if (offers->client == NULL)
		return;
	pthread_mutex_lock(&offers->lock);
	offering_port(offers->offering, port);
	offers->unknown = offers->server_count;
	pthread_mutex_unlock(&offers->lock);
	if (begin_lookup(offers) != 0)
		offers->unknown = 0; /* none has an address, which is survived */
	atomic_store(&offers->open, true);
}

void neighbours_offers_stop(struct neighbours_offers *offers, int64_t now_ms)
{
	if (offers->client == NULL)
		return;
	atomic_store(&offers->open, false);
	pthread_mutex_lock(&offers->lock);
	offering_port(offers->offering, 0);
	offering_stop(offers->offering, now_ms);
	pthread_mutex_unlock(&offers->lock);
	name_lookup_free(offers->lookup);
	offers->lookup = NULL;
	posts_flush(offers);
}

void neighbours_offers_end(struct neighbours_offers *offers)
{
	struct offering *offering;
	struct content *content;

	pthread_mutex_lock(&offers->lock);
	offering = offers->offering;
	content = offers->known.content;
	offers->offering = NULL;
	offers->known = (struct offers_known){0};
	pthread_mutex_unlock(&offers->lock);
	posts_end(offers);
	offering_free(offering);
	content_put(content);
	http_setup_free(offers->setup);
	offers->setup = NULL;
	free(offers->cacert);
	offers->cacert = NULL;
	offers->server_count = 0;
}
