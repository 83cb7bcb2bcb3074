/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Many machines read one file at the same time: the real seekers under a virtual clock, in a LAN
 * and behind an origin link that are made of arithmetic. Prints how often the file crossed the
 * link, how many messages that took, and how much longer than a machine alone the last one read.
 *
 *   nodes --LAN, each up and down 1 Gbit/s, 0.2 ms-- nodes      all --origin link, shared-- origin
 *
 * A node reads from front to end as fast as blocks come, with 16 MiB of read-ahead. What its seeker
 * refuses it fetches over up to 8 connections, neighbouring blocks in one. Who holds something of a
 * segment answers a Probe after 1 to 65 ms, by the buckets and the thinning of discovery.md section
 * 7. What is not in it: lost datagrams, TCP, disks, and processors; so times are lower bounds,
 * while what crosses the link depends on decisions only. The same options and seed give the same
 * figures.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "peer/allowance.h"
#include "peer/backoff.h"
#include "peer/seeker.h"
#include "tests/bench/simulation_link.h"

enum {
	BLOCK = LINK_BLOCK,
	WINDOW = 256,    /* blocks of read-ahead: 16 MiB */
	STEP = 8,        /* by which the window moves on */
	CONNECTIONS = 8, /* to the origin, of each node */
	SERVED_MAX = 64, /* requests that a retrieval server works on at a time */
	LATENCY_US = 200,
	CHECK_US = 100, /* decrypting and hashing a block */
	ORIGIN_FIRST_US = 40000,
	THINNING = 10,
};

static struct {
	unsigned nodes, version;
	uint64_t blocks, origin_rate, lan_rate; /* octets a second */
	double start;                           /* seconds apart; negative: at random */
	uint64_t seed;
	unsigned jitter_ms; /* that everything on the LAN is delayed by, at most */
	bool verbose;
} options;

/* What a message takes, apart from its size. */
static int64_t latency_us(void)
{
	if (options.jitter_ms == 0)
		return LATENCY_US;
	return LATENCY_US + draw() % (options.jitter_ms * 1000);
}

/* ---- nodes ---- */

enum { MISSING, SOUGHT, QUEUED, FETCHED, HELD };

struct node {
	unsigned number;
	struct seeker *seeker;
	struct allowance *allowance;
	int64_t tick_us; /* when the seeker's next tick is scheduled; INT64_MAX */
	uint8_t *blocks; /* a state for each, QUEUED and FETCHED also while sought */
	uint32_t *held;  /* of each segment */
	uint64_t position, wanted_to;
	struct seeker_want wants[WINDOW]; /* by block modulo WINDOW */
	unsigned connections, serving;
	uint64_t queued;        /* blocks that wait for a connection */
	int64_t up_us, down_us; /* until when the links are busy */
	int64_t began_us, ended_us;
	uint64_t from_origin;
	int64_t origin_began_us;
};

static struct node *nodes;
static unsigned running;
static uint64_t origin_blocks, answers_total;

static uint64_t per_segment(void)
{
	return options.version == 1 ? PCCRR_BLOCKS : 1;
}

static uint32_t blocks_of(uint64_t segment)
{
	uint64_t rest = options.blocks - segment * per_segment();

	return (uint32_t)(rest < per_segment() ? rest : per_segment());
}

static void name_segment(uint64_t segment, uint8_t id_out[32])
{
	memset(id_out, 0, 32);
	memcpy(id_out, &segment, sizeof(segment));
	memcpy(id_out + 8, &options.seed, sizeof(options.seed));
}

static uint64_t segment_of(const uint8_t *id)
{
	uint64_t segment;

	memcpy(&segment, id, sizeof(segment));
	return segment;
}

static struct xaddr address_of(const struct node *node)
{
	struct xaddr address = {.family = XADDR_IPV4, .port = 1337};

	address.octets[0] = 10;
	address.octets[2] = (uint8_t)(node->number >> 8);
	address.octets[3] = (uint8_t)node->number;
	return address;
}

static struct node *node_at(const struct xaddr *address)
{
	return &nodes[address->octets[2] << 8 | address->octets[3]];
}

static void tick(void *what, unsigned number);

/* After every call of the seeker. */
static void settle(struct node *node)
{
	int64_t due_ms = seeker_tick(node->seeker, now_ms()), due_us;

	if (due_ms == INT64_MAX)
		return;
	due_us = due_ms * 1000 > now_us ? due_ms * 1000 : now_us + 1;
	if (due_us >= node->tick_us)
		return;
	node->tick_us = due_us;
	at(due_us, tick, NULL, node->number);
}

static void tick(void *what, unsigned number)
{
	struct node *node = &nodes[number];

	(void)what;
	if (node->tick_us <= now_us)
		node->tick_us = INT64_MAX;
	settle(node);
}

/* ---- the origin ---- */

static void read_on(struct node *node);
static void fetch_on(struct node *node);

static void hold(struct node *node, uint64_t block)
{
	struct seeker_want *want = &node->wants[block % WINDOW];

	if (node->blocks[block] == HELD)
		return;
	node->blocks[block] = HELD;
	node->held[block / per_segment()]++;
	if (want->state != NULL && want->place == block * BLOCK)
		seeker_drop(node->seeker, want, now_ms());
	read_on(node);
}

static void tell_rate(struct node *node)
{
	int64_t took_us = now_us - node->origin_began_us;

	if (took_us > 0)
		seeker_origin(node->seeker,
			      node->from_origin * BLOCK * 1000 / (uint64_t)(took_us / 1000 + 1),
			      ORIGIN_FIRST_US / 1000);
}

/* The block of TRANSFER is through. False: that was its last. */
static bool deliver(struct transfer *transfer)
{
	struct node *node = &nodes[transfer->node];
	uint64_t block = transfer->block++;

	origin_blocks++;
	node->from_origin++;
	tell_rate(node);
	transfer->due += BLOCK;
	hold(node, block);
	settle(node);
	return transfer->block < transfer->end;
}

static void ended(unsigned number)
{
	nodes[number].connections--;
	fetch_on(&nodes[number]);
}

/* Neighbouring blocks that are queued travel in one transfer, nearest to the reader first. */
static void fetch_on(struct node *node)
{
	uint64_t block = node->position;

	while (node->connections < CONNECTIONS && node->queued > 0) {
		struct transfer *transfer;

		while (block < node->wanted_to && node->blocks[block] != QUEUED)
			block++;
		if (block == node->wanted_to)
			break;
		transfer = checked(calloc(1, sizeof(*transfer)));
		*transfer = (struct transfer){.node = node->number, .block = block};
		for (; block < node->wanted_to && node->blocks[block] == QUEUED; block++) {
			node->blocks[block] = FETCHED;
			node->queued--;
		}
		transfer->end = block;
		node->connections++;
		if (node->origin_began_us == 0)
			node->origin_began_us = now_us;
		at(now_us + ORIGIN_FIRST_US, link_begin, transfer, node->number);
	}
}

static void fetch_event(void *what, unsigned number)
{
	(void)what;
	fetch_on(&nodes[number]);
}

/* ---- the reader ---- */

static void want_block(struct node *node, uint64_t block, struct seeker_want *want)
{
	uint64_t segment = block / per_segment();

	*want = (struct seeker_want){
		.form = options.version == 1 ? WSD_FORM_1 : WSD_FORM_2,
		.id_size = 32,
		.urgent = block == node->position,
		.block = (uint32_t)(block % per_segment()),
		.blocks = blocks_of(segment),
		.length = BLOCK,
		.stream = 1,
		.place = block * BLOCK,
	};
	name_segment(segment, want->id);
	node->blocks[block] = SOUGHT;
}

static void seek_on(struct node *node)
{
	struct seeker_want *wants[WINDOW];
	unsigned count = 0;
	uint64_t end = node->position + WINDOW;

	if (end > options.blocks)
		end = options.blocks;
	if (end - node->wanted_to < STEP && end < options.blocks)
		return;
	for (; node->wanted_to < end; node->wanted_to++) {
		wants[count] = &node->wants[node->wanted_to % WINDOW];
		want_block(node, node->wanted_to, wants[count++]);
	}
	if (count > 0)
		seeker_seek(node->seeker, wants, count, now_ms());
}

static void read_on(struct node *node)
{
	struct seeker_want *want;

	while (node->position < options.blocks && node->blocks[node->position] == HELD)
		node->position++;
	if (node->position == options.blocks) {
		if (node->ended_us == 0) {
			node->ended_us = now_us;
			running--;
		}
		return;
	}
	seek_on(node);
	want = &node->wants[node->position % WINDOW];
	if (want->state != NULL)
		seeker_hurry(node->seeker, want, now_ms());
}

static void start(void *what, unsigned number)
{
	struct node *node = &nodes[number];

	(void)what;
	node->began_us = now_us;
	read_on(node);
	settle(node);
}

/* ---- exchanges ---- */

struct visit {
	struct node *from, *to;
	struct seeker_exchange *exchange;
	enum seeker_outcome outcome;
	uint64_t list[RANGE_SET_WORDS(PCCRR_BLOCKS)];
};

static void visit_checked(void *what, unsigned number)
{
	struct visit *visit = what;
	struct node *node = visit->from;
	struct seeker_want *want = visit->exchange->want;
	uint64_t block = want != NULL ? want->place / BLOCK : 0;

	(void)number;
	seeker_told(node->seeker, visit->exchange, visit->outcome, visit->list, now_ms());
	if (want != NULL && visit->outcome == SEEKER_GOOD)
		hold(node, block);
	settle(node);
	free(visit);
}

static void visit_arrives(void *what, unsigned number)
{
	struct visit *visit = what;

	(void)number;
	seeker_received(visit->from->seeker, visit->exchange, BLOCK, now_ms());
	settle(visit->from);
	at(now_us + CHECK_US, visit_checked, visit, visit->from->number);
}

static void visit_sent(void *what, unsigned number)
{
	(void)what;
	nodes[number].serving--;
}

static int64_t later(int64_t one, int64_t other)
{
	return one > other ? one : other;
}

static void give_list(struct visit *visit, uint64_t segment)
{
	for (uint32_t i = 0; i < visit->exchange->count; i++) {
		uint64_t block = visit->exchange->first + i;

		if (block < blocks_of(segment) &&
		    visit->to->blocks[segment * per_segment() + block] == HELD)
			range_set_add(visit->list, PCCRR_BLOCKS,
				      (struct range){(uint32_t)block, 1});
	}
	visit->outcome = SEEKER_GOOD;
}

/* At the server: the answer takes its way over two links. */
static void visit_served(void *what, unsigned number)
{
	struct visit *visit = what;
	struct node *server = visit->to, *client = visit->from;
	uint64_t segment = segment_of(visit->exchange->segment.octets);
	int64_t takes_us = BLOCK * INT64_C(1000000) / (int64_t)options.lan_rate, sent_us;

	(void)number;
	visit->outcome = SEEKER_NOT_HERE;
	if (server->serving < SERVED_MAX) {
		if (visit->exchange->type == PCCRR_ASK_LIST)
			give_list(visit, segment);
		else if (server->blocks[segment * per_segment() + visit->exchange->block] == HELD)
			visit->outcome = SEEKER_GOOD;
	}
	if (visit->outcome != SEEKER_GOOD || visit->exchange->type == PCCRR_ASK_LIST)
		takes_us = 1;
	else
		server->serving++;
	sent_us = later(now_us, takes_us > 1 ? server->up_us : 0) + takes_us;
	if (takes_us > 1) {
		server->up_us = sent_us;
		at(sent_us, visit_sent, NULL, server->number);
		client->down_us = later(sent_us, client->down_us + takes_us);
		sent_us = client->down_us;
	}
	at(sent_us + latency_us(), visit_arrives, visit, client->number);
}

static void ask(void *owner, struct seeker_exchange *exchange)
{
	struct node *node = owner;
	struct visit *visit = checked(calloc(1, sizeof(*visit)));

	visit->from = node;
	visit->to = node_at(&exchange->server);
	visit->exchange = exchange;
	at(now_us + latency_us(), visit_served, visit, node->number);
}

/* ---- discovery ---- */

struct question {
	struct wsd_probe probe;
	char message_id[WSD_UUID_MAX];
	struct wsd_id ids[WSD_BATCH_2];
	unsigned from, references;
};

struct reply {
	struct question *question;
	unsigned from, claim_count;
	struct wsd_claim claims[WSD_BATCH_2];
};

static void release(struct question *question)
{
	if (--question->references == 0)
		free(question);
}

static void reply_arrives(void *what, unsigned number)
{
	struct reply *reply = what;
	struct node *node = &nodes[number];
	const struct wsd_probe *probe =
		seeker_probe(node->seeker, reply->question->probe.message_id);
	struct xaddr address = address_of(&nodes[reply->from]);

	if (probe != NULL) {
		seeker_answer(node->seeker, probe, &address, &address, 1, reply->claims,
			      reply->claim_count, now_ms());
		settle(node);
	}
	release(reply->question);
	free(reply);
}

static bool thinned(struct node *node, const struct wsd_id *id)
{
	struct thinning counted = seeker_thinning(node->seeker, id->octets, id->size);

	return !thinning_answers(counted, THINNING, draw());
}

static void respond(struct node *node, struct question *question)
{
	struct reply *reply = NULL;
	struct xaddr asker = address_of(&nodes[question->from]);

	for (unsigned i = 0; i < question->probe.count; i++) {
		uint64_t segment = segment_of(question->ids[i].octets);
		uint32_t held = node->held[segment];

		if (held == 0 || thinned(node, &question->ids[i]))
			continue;
		if (reply == NULL)
			reply = checked(calloc(1, sizeof(*reply)));
		reply->claims[reply->claim_count++] =
			(struct wsd_claim){.segment = (uint8_t)i,
					   .whole = held == blocks_of(segment),
					   .blocks = (uint16_t)held};
	}
	if (reply == NULL)
		return;
	if (!allowance_grants(node->allowance, &asker, now_ms())) {
		free(reply);
		return;
	}
	reply->question = question;
	question->references++;
	reply->from = node->number;
	answers_total++;
	at(now_us + 1000 * (int64_t)backoff_answer_ms(BACKOFF_ANSWER_MAX_MS, draw()) + latency_us(),
	   reply_arrives, reply, question->from);
}

static void question_arrives(void *what, unsigned number)
{
	struct question *question = what;
	struct xaddr source = address_of(&nodes[number]);

	for (unsigned i = 0; i < options.nodes; i++) {
		if (i == number)
			continue;
		seeker_heard(nodes[i].seeker, &question->probe, &source, now_ms());
		settle(&nodes[i]);
		respond(&nodes[i], question);
	}
	release(question);
}

static void probe(void *owner, const struct wsd_probe *message)
{
	struct node *node = owner;
	struct question *question = checked(calloc(1, sizeof(*question)));

	memcpy(question->ids, message->ids, message->count * sizeof(*message->ids));
	strcpy(question->message_id, message->message_id);
	question->probe = *message;
	question->probe.ids = question->ids;
	question->probe.message_id = question->message_id;
	question->from = node->number;
	question->references = 1;
	at(now_us + latency_us(), question_arrives, question, node->number);
}

/* ---- what is refused ---- */

static void fetch_them(struct node *node, struct seeker_want *const *wants, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		uint64_t block = wants[i]->place / BLOCK;

		if (node->blocks[block] != SOUGHT)
			continue;
		node->blocks[block] = QUEUED;
		node->queued++;
	}
	at(now_us, fetch_event, NULL, node->number);
}

static void say(const struct node *node, struct seeker_want *const *wants, unsigned count,
		const char *what, enum seeker_reason reason)
{
	if (options.verbose)
		printf("%9.3f node %u: %llu to %llu %s: %s\n", (double)now_us * 1e-6, node->number,
		       (unsigned long long)(wants[0]->place / BLOCK),
		       (unsigned long long)(wants[count - 1]->place / BLOCK), what,
		       seeker_reason_name(reason));
}

static void refuse(void *owner, struct seeker_want *const *wants, unsigned count,
		   enum seeker_reason reason)
{
	say(owner, wants, count, "refused", reason);
	fetch_them(owner, wants, count);
}

static void late(void *owner, struct seeker_want *const *wants, unsigned count,
		 enum seeker_reason reason)
{
	say(owner, wants, count, "late", reason);
	fetch_them(owner, wants, count);
}

static uint32_t draw_for(void *owner)
{
	(void)owner;
	return draw();
}

static void create(struct node *node, unsigned number)
{
	struct seeker_options seeker = {
		.outlet = {probe, ask, refuse, late, draw_for, node, NULL},
		.seed = options.seed + number,
	};
	struct xaddr address;

	node->number = number;
	node->tick_us = INT64_MAX;
	node->blocks = checked(calloc(options.blocks, 1));
	node->held = checked(calloc(options.blocks, sizeof(*node->held)));
	if (seeker_create(&seeker, 0, &node->seeker) != 0 ||
	    allowance_create(ALLOWANCE_ALL, ALLOWANCE_EACH, options.seed, 0, &node->allowance) != 0)
		checked(NULL);
	address = address_of(node);
	seeker_self(node->seeker, &address, 1);
}

static int64_t start_us(unsigned number)
{
	if (options.start < 0)
		return (int64_t)(-options.start * 1e6 * draw() / 4294967296.0);
	/* Together is not to the microsecond. */
	return (int64_t)(options.start * 1e6 * number) + draw() % 20000;
}

static void run(void)
{
	running = options.nodes;
	for (unsigned i = 0; i < options.nodes; i++)
		at(start_us(i), start, NULL, i);
	while (running > 0 && event_count > 0) {
		struct event event = next_event();

		now_us = event.at_us;
		event.happen(event.what, event.node);
	}
}

static void report_reasons(void)
{
	uint64_t refused[SEEKER_REASONS] = {0};

	for (unsigned i = 0; i < options.nodes; i++) {
		struct seeker_counters counters;

		seeker_counters(nodes[i].seeker, &counters);
		for (unsigned k = 0; k < SEEKER_REASONS; k++)
			refused[k] += counters.refused[k];
	}
	printf("blocks a node:");
	for (unsigned k = 0; k < SEEKER_REASONS; k++)
		if (refused[k] > 0)
			printf(" %.1f %s;", (double)refused[k] / options.nodes,
			       seeker_reason_name((enum seeker_reason)k));
	printf("\n");
}

static void report_messages(void)
{
	double probes = 0, asked = 0, good = 0, empty = 0, overtaken = 0, count = options.nodes;

	for (unsigned i = 0; i < options.nodes; i++) {
		struct seeker_counters counters;

		seeker_counters(nodes[i].seeker, &counters);
		probes += (double)counters.probes / count;
		asked += (double)counters.asked / count;
		good += (double)counters.good / count;
		empty += (double)counters.empty / count;
		overtaken += (double)counters.overtaken / count;
	}
	printf("a node: %.1f Probes, %.1f answers, %.1f exchanges (%.1f blocks, %.1f empty, %.1f "
	       "overtaking)\n",
	       probes, (double)answers_total / count, asked, good, empty, overtaken);
}

static void report(void)
{
	double alone = (double)(options.blocks * BLOCK) / (double)options.origin_rate +
		       ORIGIN_FIRST_US * 1e-6;
	double longest = 0;

	for (unsigned i = 0; i < options.nodes; i++) {
		double took = (double)(nodes[i].ended_us - nodes[i].began_us) * 1e-6;

		if (took > longest)
			longest = took;
	}
	printf("%u nodes, %llu MiB, version %u: origin %.3f x the file, longest %.2f s, %.3f x one "
	       "alone\n",
	       options.nodes, (unsigned long long)(options.blocks * BLOCK >> 20), options.version,
	       (double)origin_blocks / (double)options.blocks, longest, longest / alone);
	report_messages();
	report_reasons();
}

static void usage(void)
{
	fprintf(stderr, "usage: simulation [--nodes N] [--size MIB] [--origin-rate MBIT] "
			"[--lan-rate MBIT] [--start together|SECONDS|-WITHIN] "
			"[--version 1|2] [--seed N] [--jitter MS] [--verbose 1]\n");
	exit(2);
}

static void parse(int count, char **words)
{
	double machines = 1000, size = 64, origin = 50, lan = 1000, version = 2, seed = 1;
	double jitter = 0, verbose = 0;
	const struct {
		const char *name;
		double *value;
	} known[] = {{"--nodes", &machines}, {"--size", &size},       {"--origin-rate", &origin},
		     {"--lan-rate", &lan},   {"--version", &version}, {"--start", &options.start},
		     {"--seed", &seed},      {"--jitter", &jitter},   {"--verbose", &verbose}};

	for (int i = 1; i < count; i += 2) {
		size_t k = 0;

		while (k < sizeof(known) / sizeof(*known) && strcmp(words[i], known[k].name) != 0)
			k++;
		if (k == sizeof(known) / sizeof(*known) || i + 1 == count)
			usage();
		*known[k].value = atof(words[i + 1]); /* "together" is 0 */
	}
	if (machines < 1 || machines > 65535 || size * 16 < 1 || size > 65536 || origin <= 0 ||
	    lan <= 0 || (version != 1 && version != 2))
		usage();
	options.nodes = (unsigned)machines;
	options.blocks = (uint64_t)(size * 16);
	options.origin_rate = (uint64_t)(origin * 1e6 / 8);
	options.lan_rate = (uint64_t)(lan * 1e6 / 8);
	options.version = (unsigned)version;
	options.seed = (uint64_t)seed;
	options.jitter_ms = (unsigned)jitter;
	options.verbose = verbose != 0;
}

int main(int count, char **words)
{
	parse(count, words);
	chance = options.seed;
	link_rate = options.origin_rate;
	link_deliver = deliver;
	link_ended = ended;
	nodes = checked(calloc(options.nodes, sizeof(*nodes)));
	for (unsigned i = 0; i < options.nodes; i++)
		create(&nodes[i], i);
	run();
	report();
	return running == 0 ? 0 : 1;
}
