/* SPDX-License-Identifier: BSD-2-Clause */
#include "fs/hosted_control.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cache/store_opaque.h"
#include "fs/admin_package.h"
#include "fs/admin_store.h"
#include "fs/numbers.h"
#include "fs/peer_address.h"
#include "fs/version.h"

/* Shown at most, the most recent ones: as of a mount's peers. */
#define CLIENTS_SHOWN 64u
#define CLIENTS_LISTED 256u

/* ---- telling ---- */

/* All numbers, gathered once for either form. */
struct numbers {
	struct store_usage store;
	uint64_t opaque;
	struct hosted_cache_counters hosted;
	uint64_t segments, addresses, looks, exchanges; /* now */
	uint64_t outcomes[OFFERS_OUTCOMES];             /* of lists and blocks */
	uint64_t peer_errors, malformed;
};

_Static_assert(OFFERS_OUTCOMES == 8 && OFFERS_FATES == 6, "each has its row");

static const struct number list[] = {
	NUMBER("cache", "used", "cache_used_bytes", "Octets in the cache directory.", store.used),
	NUMBER("cache", "limit", "cache_limit_bytes", "What it may hold.", store.limit),
	NUMBER("cache", "contents", "cache_contents", "Contents of which something is cached.",
	       store.contents),
	NUMBER("cache", "segments", "cache_segments", "Segments of known content information.",
	       store.segments),
	NUMBER("cache", "opaque", "cache_opaque_bytes",
	       "Octets of blocks that only clients can decrypt and verify.", opaque),
	NUMBER("cache", "evicted", "cache_evicted_bytes_total", "Octets evicted.", store.evicted),
	NUMBER("served", "bytes", "served_bytes_total", "Octets given to clients.",
	       hosted.served.bytes),
	NUMBER("served", "blocks", "served_blocks_total", "Blocks given to clients.",
	       hosted.served.blocks),
	NUMBER("served", "requests", "served_requests_total", "Requests for what is cached.",
	       hosted.served.requests),
	NUMBER("served", "busy", "served_busy_total",
	       "Those answered empty because too many were being served.", hosted.served.busy),
	NUMBER("served", "unwelcome", "served_unwelcome_total",
	       "Connections that were closed unheard.", hosted.served.unwelcome),
	NUMBER("served", "forbidden", "served_forbidden_total",
	       "Requests by HTTP from outside the networks that may.", hosted.served.forbidden),
#define MESSAGES(name, type)                                                                       \
	NUMBER_LABELLED("offers", name, "offers_total", "type", "Offers that came, by message.",   \
			hosted.intake.messages[type])
	MESSAGES("initial", PCHC_INITIAL_OFFER),
	MESSAGES("information", PCHC_SEGMENT_INFO),
	MESSAGES("batched", PCHC_BATCHED_OFFER),
#undef MESSAGES
	NUMBER("offers", "ignored", "offers_ignored_total", "Of them, of no use.",
	       hosted.intake.ignored),
	NUMBER("offers", "forbidden", "offers_forbidden_total",
	       "Offers by HTTPS from outside the networks that may.", hosted.intake.forbidden),
#define OFFERED(name, fate)                                                                        \
	NUMBER_LABELLED("offers", name, "offered_segments_total", "fate",                          \
			"Segments that were offered, by what became of the offer at first.",       \
			hosted.offers.offers[fate])
	OFFERED("queued", OFFERS_QUEUED),
	OFFERED("waiting", OFFERS_WAITING),
	OFFERED("repeated", OFFERS_REPEATED),
	OFFERED("nothing", OFFERS_NOTHING),
	OFFERED("untrusted", OFFERS_UNTRUSTED),
	OFFERED("forgotten", OFFERS_BEYOND),
#undef OFFERED
	NUMBER("offers", "segments", "offers_segments", "Segments that wait or are being pulled.",
	       segments),
	NUMBER("offers", "addresses", "offers_addresses", "Machines remembered that offered some.",
	       addresses),
	NUMBER("offers", "looks", "offers_looks", "Segments that are being looked up.", looks),
	NUMBER("offers", "exchanges", "offers_exchanges", "Questions to those who offer, now.",
	       exchanges),
	NUMBER("pulled", "bytes", "pulled_bytes_total", "Octets that were fetched and kept.",
	       hosted.pulled_bytes),
	NUMBER("pulled", "blocks", "pulled_blocks_total", "Blocks that were fetched and kept.",
	       hosted.pulled_blocks),
	NUMBER("pulled", "verified", "pulled_verified_blocks_total", "Of them, verified ones.",
	       hosted.verified_blocks),
	NUMBER("pulled", "replaced", "pulled_replaced_blocks_total",
	       "Of them, in the place of what another had given.", hosted.offers.replaced),
	NUMBER("pulled", "pulls", "pulls_total", "Segments whose fetching was begun.",
	       hosted.offers.pulls),
	NUMBER("pulled", "needless", "pulls_needless_total",
	       "Segments that were offered and nothing was missing of.", hosted.offers.needless),
#define EXCHANGES(name, outcome)                                                                   \
	NUMBER_LABELLED("exchanges", name, "peer_exchanges_total", "outcome",                      \
			"Questions to those who offer, by what came of them.", outcomes[outcome])
	EXCHANGES("good", OFFERS_CAME),
	EXCHANGES("empty", OFFERS_NOT_HERE),
	EXCHANGES("malformed", OFFERS_MALFORMED),
	EXCHANGES("wrong", OFFERS_WRONG),
	EXCHANGES("timeouts", OFFERS_LATE),
	EXCHANGES("refused", OFFERS_REFUSED),
	EXCHANGES("broken", OFFERS_VANISHED),
	EXCHANGES("given_up", OFFERS_GAVE_UP),
#undef EXCHANGES
	NUMBER_OF_ERRORS("hash", hosted.wrong),
	NUMBER_OF_ERRORS("checksum", store.checksum_errors),
	NUMBER_OF_ERRORS("peer", peer_errors),
	NUMBER_OF_ERRORS("malformed", malformed),
	NUMBER_OF_ERRORS("unkept", hosted.not_kept),
	NUMBERS_END,
};

static void gather(const struct hosted_control *control, struct numbers *numbers_out)
{
	struct numbers numbers = {.opaque = store_opaque_octets(control->store)};

	store_usage(control->store, &numbers.store);
	hosted_cache_counters(control->cache, &numbers.hosted);

	const struct offers_counters *offers = &numbers.hosted.offers;
	numbers.segments = offers->segments;
	numbers.addresses = offers->addresses;
	numbers.looks = offers->looks;
	numbers.exchanges = offers->exchanges;
	for (unsigned i = 0; i < OFFERS_OUTCOMES; i++)
		numbers.outcomes[i] = offers->lists[i] + offers->blocks[i];
	numbers.peer_errors = numbers.outcomes[OFFERS_LATE] + numbers.outcomes[OFFERS_REFUSED] +
			      numbers.outcomes[OFFERS_VANISHED];
	numbers.malformed = numbers.hosted.malformed + numbers.hosted.intake.malformed +
			    numbers.hosted.served.malformed;
	*numbers_out = numbers;
}

/* The addresses from FIRST on, before END. */
static json_t *addresses(const struct hosted_control *control, unsigned first, unsigned end)
{
	json_t *array = json_array();
	char address[PEER_ADDRESS_MAX];

	for (unsigned i = first;
	     i < end && hosted_cache_address(control->cache, i, address, sizeof address) == 0; i++)
		json_array_append_new(array, json_string(address));
	return array;
}

/* "192.0.2.1", "2001:db8::1": which port it serves at, each of its offers says anew. */
static const char *client_text(const struct hosted_cache_client *client,
			       char text_out[PEER_ADDRESS_MAX])
{
	char text[PEER_ADDRESS_MAX];
	const char *start = peer_address_text(&client->address, text);
	bool bracket = *start == '[';

	*strrchr(text, bracket ? ']' : ':') = '\0';
	memcpy(text_out, start + bracket, strlen(start + bracket) + 1);
	return text_out;
}

static json_t *clients_json(const struct hosted_control *control)
{
	struct hosted_cache_client *clients = calloc(CLIENTS_SHOWN, sizeof *clients);
	json_t *array = json_array();
	char text[PEER_ADDRESS_MAX];
	unsigned count = 0;

	if (clients != NULL)
		count = hosted_cache_clients(control->cache, clients, CLIENTS_SHOWN);
	for (unsigned i = 0; i < count; i++)
		json_array_append_new(array, json_pack("{s:s, s:I, s:I, s:I, s:b}", "address",
						       client_text(&clients[i], text), "blocks",
						       (json_int_t)clients[i].blocks, "bytes",
						       (json_int_t)clients[i].bytes, "bad",
						       (json_int_t)clients[i].bad, "banned",
						       clients[i].banned));
	free(clients);
	return array;
}

static int make_status(void *owner, char **text_out, size_t *length_out)
{
	const struct hosted_control *control = owner;
	struct numbers numbers;
	json_t *status = json_pack("{s:s, s:s, s:s, s:o, s:o, s:{s:o}}", "version",
				   PEERDISTFS_VERSION, "mode", "hosted-server", "state",
				   "available", "listen", addresses(control, 0, control->plain),
				   "tls_listen", addresses(control, control->plain, UINT32_MAX),
				   "cache", "dir", numbers_string(control->cache_dir));

	gather(control, &numbers);
	numbers_put(status, list, &numbers);
	json_object_set_new(status, "peers", clients_json(control));
	return numbers_status(status, text_out, length_out);
}

static int make_metrics(void *owner, char **text_out, size_t *length_out)
{
	struct numbers numbers;

	gather(owner, &numbers);
	return numbers_print(list, &numbers, text_out, length_out);
}

static int make_config(void *owner, char **text_out, size_t *length_out)
{
	const struct hosted_control *control = owner;
	struct store_usage usage;
	char *text;

	store_usage(control->store, &usage);
	int length = asprintf(&text, "%scache_size=%llu\n", control->config,
			      (unsigned long long)usage.limit);
	if (length < 0)
		return -ENOMEM;
	*text_out = text;
	*length_out = (size_t)length;
	return 0;
}

/* ---- commands ---- */

static int do_clear(const struct control *control, struct job *job, const char *argument)
{
	const struct hosted_control *hosted = control->owner;
	uint64_t freed = 0;
	int error = store_clear(hosted->store, NULL, &freed);

	(void)argument;
	if (error == 0)
		job_print(job, "ok freed %llu\n", (unsigned long long)freed);
	return error;
}

static int do_verify(const struct control *control, struct job *job, const char *argument)
{
	const struct hosted_control *hosted = control->owner;

	(void)argument;
	return admin_store_verify(hosted->store, job, NULL);
}

static int do_resize(const struct control *control, struct job *job, const char *argument)
{
	const struct hosted_control *hosted = control->owner;
	config_capacity capacity;

	return admin_store_resize(hosted->store, hosted->cache_dir, job, argument, &capacity);
}

static int do_peers(const struct control *control, struct job *job, const char *argument)
{
	const struct hosted_control *hosted = control->owner;
	struct hosted_cache_client *clients = calloc(CLIENTS_LISTED, sizeof *clients);
	char text[PEER_ADDRESS_MAX];

	(void)argument;
	if (clients == NULL)
		return -ENOMEM;
	unsigned count = hosted_cache_clients(hosted->cache, clients, CLIENTS_LISTED);
	job_print(job, "ok\naddress\tblocks\tbytes\tbad\tbanned\n");
	for (unsigned i = 0; i < count; i++)
		job_print(job, "%s\t%llu\t%llu\t%llu\t%s\n", client_text(&clients[i], text),
			  (unsigned long long)clients[i].blocks,
			  (unsigned long long)clients[i].bytes, (unsigned long long)clients[i].bad,
			  clients[i].banned ? "yes" : "no");
	free(clients);
	return 0;
}

static int do_trust(const struct control *control, struct job *job, const char *argument)
{
	const struct hosted_control *hosted = control->owner;
	int error = admin_trust_check(job, argument);

	if (error != 0)
		return error;
	hosted_cache_trust(hosted->cache);
	job_print(job, "ok\n");
	return 0;
}

static struct admin_package package_of(const struct control *control)
{
	const struct hosted_control *hosted = control->owner;

	return (struct admin_package){.store = hosted->store, .opaque = true, .places = true};
}

static int do_export(const struct control *control, struct job *job, const char *argument)
{
	const struct admin_package package = package_of(control);

	return admin_package_export(&package, job, argument);
}

static int do_import(const struct control *control, struct job *job, const char *argument)
{
	const struct admin_package package = package_of(control);

	(void)argument;
	return admin_package_import(&package, job);
}

static const struct command commands[] = {
	{"clear", "", "forget all that is cached", COMMAND_NONE, NULL, do_clear},
	{"verify", "", "check every cached block, drop what is bad", COMMAND_NONE, NULL, do_verify},
	{"resize", " SIZE", "change the limit of the cache", COMMAND_ONE, do_resize, NULL},
	ADMIN_PACKAGE_EXPORT(do_export),
	ADMIN_PACKAGE_IMPORT(do_import),
	{"peers", "", "the machines that offered blocks", COMMAND_NONE, do_peers, NULL},
	{"trust", " reset", "forget what they did wrong", COMMAND_ONE, do_trust, NULL},
	{NULL, NULL, NULL, COMMAND_NONE, NULL, NULL},
};

const struct control_answerer hosted_control_answerer = {
	.text = {[CONTROL_STATUS] = make_status,
		 [CONTROL_METRICS] = make_metrics,
		 [CONTROL_CONFIG] = make_config},
	.commands = commands,
};
