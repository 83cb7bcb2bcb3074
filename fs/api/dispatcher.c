/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The one thread that delivers completions (peerdist-api.md 11.4). Contract: client.h.
 *
 * It waits for edges at the clients' control files, and for clients that were queued because
 * somebody wants them looked at. Either way it does the same: takes completions until there are
 * none, sends input until there is no credit, and ends everything if the client is broken or ends.
 * A visit is over when that was done once from the beginning after it was asked for.
 *
 * The epoll set is there as long as there are clients, the thread from the first asynchronous call
 * on; without it nothing is pending.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "fs/api/client.h"

enum { EVENTS_MAX = 64 };
#define RECORDS_MAX ((PDC_SIZE_MAX - sizeof(struct pdc_reap)) / sizeof(struct pdc_completion))

/* Start and end of all this; held while the thread is joined. Before `lock`. */
static pthread_mutex_t life = PTHREAD_MUTEX_INITIALIZER;
static unsigned users; /* clients; life */
static pthread_t thread;
static void *held; /* what stay->begin() gave, from the thread's start on; life */

const struct stay *stay;

/* Change only under `life`, with no other client there. */
static int epoll = -1, wake = -1;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t visited = PTHREAD_COND_INITIALIZER;
/* lock */
static TAILQ_HEAD(, client) queue = TAILQ_HEAD_INITIALIZER(queue);
static unsigned queue_length;
static bool running, stopping;

/* The queue ----------------------------------------------------------------------------------- */

/* Lock held. */
static void enqueue(struct client *client)
{
	static const uint64_t one = 1;
	bool was_empty = TAILQ_EMPTY(&queue);
	ssize_t written;

	if (client->queued)
		return;
	client->queued = true;
	TAILQ_INSERT_TAIL(&queue, client, in_queue);
	queue_length++;
	if (!was_empty)
		return;
	written = write(wake, &one, sizeof(one));
	(void)written; /* fails only when it is set already */
}

void dispatcher_kick(struct client *client)
{
	pthread_mutex_lock(&lock);
	if (running && client->watched)
		enqueue(client);
	pthread_mutex_unlock(&lock);
}

/* Lock held. */
static void visit(struct client *client)
{
	uint64_t ticket = ++client->visits_wanted;

	enqueue(client);
	while (client->visits_done < ticket)
		pthread_cond_wait(&visited, &lock);
}

void dispatcher_visit(struct client *client)
{
	pthread_mutex_lock(&lock);
	if (running && client->watched)
		visit(client);
	pthread_mutex_unlock(&lock);
}

/* The oldest in the queue, and the visits that will be done with this one. */
static struct client *dequeue(uint64_t *ticket_out)
{
	struct client *client;

	pthread_mutex_lock(&lock);
	client = TAILQ_FIRST(&queue);
	if (client) {
		TAILQ_REMOVE(&queue, client, in_queue);
		queue_length--;
		client->queued = false;
		*ticket_out = client->visits_wanted;
	}
	pthread_mutex_unlock(&lock);
	return client;
}

static void visit_done(struct client *client, uint64_t ticket)
{
	pthread_mutex_lock(&lock);
	if (client->visits_done < ticket) {
		client->visits_done = ticket;
		pthread_cond_broadcast(&visited);
	}
	pthread_mutex_unlock(&lock);
}

/* The thread ---------------------------------------------------------------------------------- */

/* False: there is nothing more to be had. */
static bool reap_some(struct client *client)
{
	static union {
		struct pdc_reap reap;
		uint8_t octets[sizeof(struct pdc_reap) +
			       RECORDS_MAX * sizeof(struct pdc_completion)];
	} message;
	DWORD status;

	message.reap = (struct pdc_reap){0};
	status = client_send(client, OPERATION_reap, &message, sizeof(message));
	if (status != ERROR_SUCCESS || message.reap.count > RECORDS_MAX) {
		client_break(client);
		return false;
	}
	for (uint32_t i = 0; i < message.reap.count; i++)
		settle(client, &message.reap.completions[i]);
	return message.reap.count > 0 && message.reap.more && !client_is_broken(client);
}

static bool is_watched(const struct client *client)
{
	bool is;

	pthread_mutex_lock(&lock);
	is = client->watched;
	pthread_mutex_unlock(&lock);
	return is;
}

static void serve(struct client *client)
{
	if (!client_is_broken(client))
		while (reap_some(client))
			;
	if (client_is_broken(client) || !is_watched(client))
		settle_all(client);
	else if (input_continue(client))
		dispatcher_kick(client);
}

static void serve_event(const struct epoll_event *event)
{
	struct client *client = event->data.ptr;
	uint64_t count;
	ssize_t got;

	if (!client) {
		got = read(wake, &count, sizeof(count));
		(void)got;
		return;
	}
	/* With HUP the instance was shut down, by us or by the administrator; what was queued can
	 * still be had. */
	if (event->events & EPOLLHUP)
		while (reap_some(client))
			;
	if (event->events & (EPOLLERR | EPOLLHUP) && !client_is_ending(client))
		client_break(client);
	serve(client);
}

static bool is_stopping(void)
{
	bool is;

	pthread_mutex_lock(&lock);
	is = stopping;
	pthread_mutex_unlock(&lock);
	return is;
}

static unsigned queued(void)
{
	unsigned length;

	pthread_mutex_lock(&lock);
	length = queue_length;
	pthread_mutex_unlock(&lock);
	return length;
}

/* What is queued meanwhile is for the next round, after the events. */
static void serve_queue(void)
{
	struct client *client;
	uint64_t ticket;

	for (unsigned left = queued(); left > 0 && (client = dequeue(&ticket)); left--) {
		serve(client);
		visit_done(client, ticket);
	}
}

static void *dispatch(void *context)
{
	struct epoll_event events[EVENTS_MAX];

	(void)context;
	while (!is_stopping()) {
		int count = epoll_wait(epoll, events, EVENTS_MAX, queued() > 0 ? 0 : -1);

		for (int i = 0; i < count; i++)
			serve_event(&events[i]);
		serve_queue();
	}
	return NULL;
}

/* Its life ------------------------------------------------------------------------------------ */

static int open_both(void)
{
	struct epoll_event event = {.events = EPOLLIN};

	epoll = epoll_create1(EPOLL_CLOEXEC);
	wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (epoll < 0 || wake < 0)
		return -1;
	return epoll_ctl(epoll, EPOLL_CTL_ADD, wake, &event);
}

static void close_both(void)
{
	if (epoll >= 0)
		close(epoll);
	if (wake >= 0)
		close(wake);
	epoll = wake = -1;
}

static DWORD code_of(int error)
{
	return error == ENOMEM ? ERROR_NOT_ENOUGH_MEMORY : ERROR_NO_SYSTEM_RESOURCES;
}

DWORD dispatcher_join(void)
{
	DWORD error = ERROR_SUCCESS;

	pthread_mutex_lock(&life);
	if (users == 0 && open_both() != 0) {
		error = code_of(errno);
		close_both();
	} else {
		users++;
	}
	pthread_mutex_unlock(&life);
	return error;
}

static void stop(void)
{
	static const uint64_t one = 1;
	ssize_t written;
	bool was_running;

	pthread_mutex_lock(&lock);
	was_running = running;
	stopping = true;
	pthread_mutex_unlock(&lock);
	if (was_running) {
		written = write(wake, &one, sizeof(one));
		(void)written;
		pthread_join(thread, NULL);
	}
	pthread_mutex_lock(&lock);
	running = stopping = false;
	pthread_mutex_unlock(&lock);
	close_both();
}

void dispatcher_leave(void)
{
	void *unneeded = NULL;

	pthread_mutex_lock(&life);
	if (--users == 0) {
		stop();
		unneeded = held;
		held = NULL;
	}
	pthread_mutex_unlock(&life);
	if (stay)
		stay->end(unneeded);
}

static bool is_running(void)
{
	bool is;

	pthread_mutex_lock(&lock);
	is = running;
	pthread_mutex_unlock(&lock);
	return is;
}

/* With `life`. Signals are the program's threads'. The lock, which the thread takes before it asks
 * for events, is held until it is `running`: whoever forgets a client then waits for it. */
static DWORD run(void)
{
	sigset_t all, before;
	int error;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pthread_mutex_lock(&lock);
	error = pthread_create(&thread, NULL, dispatch, NULL);
	running = error == 0;
	pthread_mutex_unlock(&lock);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (error)
		return code_of(error);
	pthread_setname_np(thread, "peerdist");
	return ERROR_SUCCESS;
}

DWORD dispatcher_start(void)
{
	DWORD error = ERROR_SUCCESS;
	void *unneeded = NULL;

	if (is_running())
		return ERROR_SUCCESS;
	if (stay)
		unneeded = stay->begin();
	pthread_mutex_lock(&life);
	if (!is_running())
		error = run();
	if (!error && !held) {
		held = unneeded;
		unneeded = NULL;
	}
	pthread_mutex_unlock(&life);
	if (stay)
		stay->end(unneeded);
	return error;
}

DWORD dispatcher_watch(struct client *client)
{
	struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = client};

	pthread_mutex_lock(&lock);
	client->watched = true;
	pthread_mutex_unlock(&lock);
	if (epoll_ctl(epoll, EPOLL_CTL_ADD, client->control, &event) == 0)
		return ERROR_SUCCESS;
	return errno == EPERM ? PEERDIST_ERROR_SERVICE_UNAVAILABLE : code_of(errno);
}

/* An event that the thread has got already is served before the queue is, so the visit is the last
 * it sees of CLIENT: what is not watched is queued by nobody else. */
void dispatcher_forget(struct client *client)
{
	epoll_ctl(epoll, EPOLL_CTL_DEL, client->control, NULL);
	pthread_mutex_lock(&lock);
	client->watched = false;
	if (running)
		visit(client);
	pthread_mutex_unlock(&lock);
	client->unknown_records = 0;
}

/* In the child, which has no such thread. */
void dispatcher_after_fork(void)
{
	pthread_mutex_init(&life, NULL);
	pthread_mutex_init(&lock, NULL);
	pthread_cond_init(&visited, NULL);
	TAILQ_INIT(&queue);
	queue_length = 0;
	running = stopping = false;
	users = 0;
	close_both();
}
