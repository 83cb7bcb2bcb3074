/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A question is the thread's until it has posted it, then the loop's. Who asked may be gone by
 * then; `leaving` guards that, and that nothing is posted to a loop that may be gone too.
 */
#include "peer/name_lookup.h"

#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <event2/event.h>

#include "cache/log.h"
#include "peer/request.h"

struct question {
	struct loop_task task;
	struct name *asker; /* guarded by LEAVING; NULL: nobody wants to know */
	char *text;
	bool ipv4, ipv6;
	int error; /* of getaddrinfo() */
	struct xaddr addresses[NAME_LOOKUP_ADDRESSES_MAX];
	unsigned count;
};

struct name {
	struct name_lookup *lookup;
	unsigned number;
	char *text;
	struct event *timer;
	struct question *question; /* under way */
	int64_t asked_ms;          /* when it was last */
	unsigned wait_ms;          /* after the next failure */
	struct log_limit failing;
};

struct name_lookup {
	struct name_lookup_options options;
	unsigned count;
	struct name names[];
};

static pthread_mutex_t leaving = PTHREAD_MUTEX_INITIALIZER;

/* ---- questions ---- */

static void question_free(struct question *question)
{
	free(question->text);
	free(question);
}

static bool take_address(const struct question *question, const struct sockaddr *from,
			 struct xaddr *address_out)
{
	struct xaddr address;

	if (!request_address(from, &address) || !xaddr_is_host(&address) ||
	    !(address.family == XADDR_IPV4 ? question->ipv4 : question->ipv6))
		return false;
	*address_out = address;
	return true;
}

static void answer(struct question *question, int flags)
{
	const struct addrinfo hints = {
		.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = flags};
	struct addrinfo *found = NULL;

	question->error = getaddrinfo(question->text, NULL, &hints, &found);
	if (question->error != 0)
		return;
	for (struct addrinfo *each = found;
	     each != NULL && question->count < NAME_LOOKUP_ADDRESSES_MAX; each = each->ai_next)
		question->count += take_address(question, each->ai_addr,
						&question->addresses[question->count]);
	freeaddrinfo(found);
}

static void *run(void *context)
{
	struct question *question = context;

	answer(question, 0);
	pthread_mutex_lock(&leaving);
	bool wanted = question->asker != NULL;
	if (wanted)
		loop_post(question->asker->lookup->options.loop, &question->task);
	pthread_mutex_unlock(&leaving);
	if (!wanted)
		question_free(question);
	return NULL;
}

/* With all signals blocked: they are for other threads. */
static int begin_thread(struct question *question)
{
	pthread_attr_t attributes;
	sigset_t all, before;
	pthread_t thread;

	if (pthread_attr_init(&attributes) != 0)
		return -ENOMEM;
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int error = pthread_create(&thread, &attributes, run, question);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attributes);
	return -error;
}

/* ---- names ---- */

static void set_timer(struct name *name, int64_t wait_ms)
{
	struct timeval wait = {wait_ms / 1000, wait_ms % 1000 * 1000};

	evtimer_add(name->timer, &wait);
}

static void retry(struct name *name)
{
	const struct name_lookup_options *options = &name->lookup->options;

	set_timer(name, name->wait_ms);
	name->wait_ms *= 2;
	if (name->wait_ms > options->every_ms)
		name->wait_ms = options->every_ms;
}

static void log_failure(struct name *name, const struct question *question)
{
	char escaped[LOG_NAME_MAX];

	log_limited(&name->failing, LOG_LEVEL_WARNING, "cannot look up %s: %s",
		    log_escape(escaped, sizeof escaped, name->text),
		    question->error != 0 ? gai_strerror(question->error)
					 : "no address of a family that is listened on");
}

static void end(struct loop_task *task)
{
	struct question *question = (struct question *)task;
	struct name *name = question->asker; /* changed on this thread only */

	if (name == NULL) {
		question_free(question);
		return;
	}
	const struct name_lookup_options *options = &name->lookup->options;
	name->question = NULL;
	if (question->count == 0) {
		log_failure(name, question);
		retry(name);
	} else {
		name->wait_ms = options->pause_ms;
		set_timer(name, options->every_ms);
	}
	options->found(options->context, name->number, question->addresses, question->count);
	question_free(question);
}

static int ask(struct name *name)
{
	const struct name_lookup_options *options = &name->lookup->options;
	struct question *question = calloc(1, sizeof *question);

	name->asked_ms = loop_clock_ms();
	if (question == NULL)
		return -ENOMEM;
	*question = (struct question){.task = {.run = end},
				      .asker = name,
				      .text = strdup(name->text),
				      .ipv4 = options->ipv4,
				      .ipv6 = options->ipv6};
	name->question = question;
	if (question->text != NULL) {
		/* One that is an address needs nobody to be asked. */
		answer(question, AI_NUMERICHOST);
		if (question->error == 0) {
			end(&question->task);
			return 0;
		}
	}
	if (question->text != NULL && begin_thread(question) == 0)
		return 0;
	name->question = NULL;
	question_free(question);
	return -ENOMEM;
}

static void due(evutil_socket_t socket, short what, void *context)
{
	struct name *name = context;

	(void)socket;
	(void)what;
	if (name->question == NULL && ask(name) != 0)
		retry(name);
}

void name_lookup_again(struct name_lookup *lookup, unsigned number)
{
	struct name *name = &lookup->names[number];
	int64_t since_ms = loop_clock_ms() - name->asked_ms;

	if (name->question != NULL)
		return;
	set_timer(name,
		  since_ms < lookup->options.pause_ms ? lookup->options.pause_ms - since_ms : 0);
}

/* ---- life ---- */

static int name_begin(struct name_lookup *lookup, unsigned number)
{
	struct name *name = &lookup->names[number];

	lookup->count = number + 1;
	name->lookup = lookup;
	name->number = number;
	name->wait_ms = lookup->options.pause_ms;
	name->text = strdup(lookup->options.names[number]);
	name->timer = evtimer_new(loop_base(lookup->options.loop), due, name);
	if (name->text == NULL || name->timer == NULL)
		return -ENOMEM;
	due(-1, 0, name);
	return 0;
}

int name_lookup_create(const struct name_lookup_options *options, struct name_lookup **lookup_out)
{
	struct name_lookup *lookup =
		calloc(1, sizeof *lookup + options->count * sizeof lookup->names[0]);

	if (lookup == NULL)
		return -ENOMEM;
	lookup->options = *options;
	if (lookup->options.pause_ms == 0)
		lookup->options.pause_ms = NAME_LOOKUP_PAUSE_MS;
	if (lookup->options.every_ms == 0)
		lookup->options.every_ms = NAME_LOOKUP_EVERY_MS;
	for (unsigned i = 0; i < options->count; i++) {
		if (name_begin(lookup, i) == 0)
			continue;
		name_lookup_free(lookup);
		return -ENOMEM;
	}
	lookup->options.names = NULL; /* ours are those that were copied */
	*lookup_out = lookup;
	return 0;
}

void name_lookup_free(struct name_lookup *lookup)
{
	if (lookup == NULL)
		return;
	pthread_mutex_lock(&leaving);
	for (unsigned i = 0; i < lookup->count; i++)
		if (lookup->names[i].question != NULL)
			lookup->names[i].question->asker = NULL;
	pthread_mutex_unlock(&leaving);
	for (unsigned i = 0; i < lookup->count; i++) {
		if (lookup->names[i].timer != NULL)
			event_free(lookup->names[i].timer);
		free(lookup->names[i].text);
	}
	free(lookup);
}
