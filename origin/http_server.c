/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The server's life: listeners, loop threads, stop and end. Every thread has its own event base
 * and its own evhttp objects, and all accept from the same sockets: whoever is free takes the
 * connection. No libevent lock is needed, since nothing of libevent's is shared.
 *
 * The end: accepting stops, the connections are cut on their threads, then the exchanges that were
 * handed out are waited for, then the threads end.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cache/log.h"
#include "origin/http_server_private.h"

/* Our choice: more threads than this serve no wire that we know. */
#define THREADS_MAX 64u
/* How often overdue connections are looked for, and accepting is tried again when descriptors have
 * run out. */
#define SWEEP_INTERVAL_MS 500

#define METHODS_ALL UINT16_MAX

void http_server_exchange_begun(struct http_server *server)
{
	pthread_mutex_lock(&server->lock);
	server->exchanges++;
	pthread_mutex_unlock(&server->lock);
}

void http_server_exchange_ended(struct http_server *server)
{
	pthread_mutex_lock(&server->lock);
	if (--server->exchanges == 0)
		pthread_cond_broadcast(&server->fewer);
	pthread_mutex_unlock(&server->lock);
}

static void libevent_line(int severity, const char *text)
{
	if (severity == EVENT_LOG_ERR)
		log_error("libevent: %s", text);
	else
		log_debug("libevent: %s", text);
}

/* ---- on the threads ---- */

/* Out of descriptors, as a rule: the socket would stay readable and the loop would spin. */
static void accept_failed(struct evconnlistener *listener, void *context)
{
	static struct log_limit limit;

	(void)context;
	log_limited(&limit, LOG_LEVEL_WARNING, "cannot accept a connection: %s", strerror(errno));
	evconnlistener_disable(listener);
}

static void sweep(void *context)
{
	struct http_thread *thread = context;

	for (unsigned i = 0; i < thread->server->listener_count; i++)
		if (thread->accepting[i] != NULL)
			evconnlistener_enable(thread->accepting[i]);
	http_connection_sweep(thread);
}

static struct evhttp *new_evhttp(struct http_thread *thread, bool tls)
{
	const struct http_server *server = thread->server;
	struct evhttp *http = evhttp_new(loop_base(thread->loop));

	if (http == NULL)
		return NULL;
	evhttp_set_max_headers_size(http, HTTP_HEAD_MAX);
	evhttp_set_max_body_size(
		http, server->body_limit < SSIZE_MAX ? (ev_ssize_t)server->body_limit : SSIZE_MAX);
	evhttp_set_timeout_tv(http, &server->idle);
	evhttp_set_default_content_type(http, NULL);
	evhttp_set_allowed_methods(http, METHODS_ALL);
	evhttp_set_gencb(http, http_served_arrived, thread);
	evhttp_set_bevcb(http, tls ? http_arrival_tls : http_arrival_plain, thread);
	return http;
}

static int accept_on(struct http_thread *thread, unsigned index)
{
	const struct http_listener *listener = &thread->server->listeners[index];
	struct evhttp *http = listener->tls ? thread->tls : thread->plain;
	int fd = fcntl(listener->fd, F_DUPFD_CLOEXEC, 0);
	struct evconnlistener *accepting;

	if (fd < 0)
		return -errno;
	accepting = evconnlistener_new(loop_base(thread->loop), NULL, NULL,
				       LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_CLOSE_ON_FREE, 0, fd);
	if (accepting == NULL) {
		close(fd);
		return -ENOMEM;
	}
	if (evhttp_bind_listener(http, accepting) == NULL) {
		evconnlistener_free(accepting);
		return -ENOMEM;
	}
	evconnlistener_set_error_cb(accepting, accept_failed);
	thread->accepting[index] = accepting;
	return 0;
}

static int start_here(struct http_thread *thread)
{
	int error = http_arrival_begin(thread);

	if (error < 0)
		return error;
	thread->plain = new_evhttp(thread, false);
	thread->tls = new_evhttp(thread, true);
	if (thread->plain == NULL || thread->tls == NULL)
		return -ENOMEM;
	for (unsigned i = 0; i < thread->server->listener_count && error == 0; i++)
		error = accept_on(thread, i);
	return error;
}

#define thread_of(task, member)                                                                    \
	((struct http_thread *)((char *)(task)-offsetof(struct http_thread, member)))

static void start_thread(struct loop_task *task)
{
	struct http_thread *thread = thread_of(task, start);

	thread->start_error = start_here(thread);
	sem_post(&thread->server->told);
}

static void close_listener(struct evhttp_bound_socket *bound, void *context)
{
	struct evhttp_bound_socket **found = context;

	*found = bound;
}

static void stop_accepting(struct evhttp *http)
{
	struct evhttp_bound_socket *bound;

	if (http == NULL)
		return;
	for (;;) {
		bound = NULL;
		evhttp_foreach_bound_socket(http, close_listener, &bound);
		if (bound == NULL)
			return;
		evhttp_del_accept_socket(http, bound);
	}
}

static void stop_here(struct http_thread *thread)
{
	if (thread->stopping)
		return;
	thread->stopping = true;
	for (unsigned i = 0; i < thread->server->listener_count; i++)
		thread->accepting[i] = NULL;
	stop_accepting(thread->plain);
	stop_accepting(thread->tls);
	http_connection_end_idle(thread);
}

static void stop_thread(struct loop_task *task)
{
	stop_here(thread_of(task, stop));
}

static void cut_thread(struct loop_task *task)
{
	struct http_thread *thread = thread_of(task, cut);

	stop_here(thread);
	if (thread->plain != NULL)
		evhttp_free(thread->plain);
	if (thread->tls != NULL)
		evhttp_free(thread->tls);
	thread->plain = thread->tls = NULL;
	http_connection_forget_all(thread);
	http_arrival_end(thread);
	sem_post(&thread->server->told);
}

/* ---- from outside ---- */

static void wait_for_threads(struct http_server *server)
{
	for (unsigned i = 0; i < server->thread_count; i++)
		while (sem_wait(&server->told) < 0)
			;
}

static void post_to_all(struct http_server *server, size_t task_offset,
			void (*run)(struct loop_task *task))
{
	for (unsigned i = 0; i < server->thread_count; i++) {
		struct loop_task *task =
			(struct loop_task *)((char *)&server->threads[i] + task_offset);

		task->run = run;
		loop_post(server->threads[i].loop, task);
	}
}

static void free_server(struct http_server *server)
{
	for (unsigned i = 0; i < server->thread_count; i++) {
		loop_destroy(server->threads[i].loop);
		free(server->threads[i].accepting);
	}
	for (unsigned i = 0; i < server->listener_count; i++)
		close(server->listeners[i].fd);
	http_tls_end(&server->tls);
	http_guests_end(&server->guests);
	sem_destroy(&server->told);
	pthread_cond_destroy(&server->fewer);
	pthread_mutex_destroy(&server->lock);
	free(server->listeners);
	free(server->threads);
	free(server);
}

void http_server_stop(struct http_server *server)
{
	if (!atomic_exchange(&server->stopped, true))
		post_to_all(server, offsetof(struct http_thread, stop), stop_thread);
}

void http_server_free(struct http_server *server)
{
	if (server == NULL)
		return;
	post_to_all(server, offsetof(struct http_thread, cut), cut_thread);
	wait_for_threads(server);
	pthread_mutex_lock(&server->lock);
	while (server->exchanges > 0)
		pthread_cond_wait(&server->fewer, &server->lock);
	pthread_mutex_unlock(&server->lock);
	free_server(server);
}

static unsigned list_length(const char *const *list)
{
	unsigned count = 0;

	while (list != NULL && list[count] != NULL)
		count++;
	return count;
}

/* Accepted sockets have it from the listening one. Of who takes nothing of what the system has in
 * its buffer we learn by the system alone. */
static void bound_sending(const struct http_server *server, int socket)
{
	int octets = (int)server->send_buffer;

	/* to root the system's own limit is none */
	if (octets != 0 &&
	    setsockopt(socket, SOL_SOCKET, SO_SNDBUFFORCE, &octets, sizeof(octets)) < 0)
		setsockopt(socket, SOL_SOCKET, SO_SNDBUF, &octets, sizeof(octets));
	if (server->answer_ms != 0)
		setsockopt(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, &server->answer_ms,
			   sizeof(server->answer_ms));
}

static int listen_on(struct http_server *server, const char *const *list, bool tls, char *message,
		     size_t message_size)
{
	int error = 0;

	for (unsigned i = 0; i < list_length(list); i++) {
		error = http_listen(list[i], tls, &server->listeners[server->listener_count],
				    message, message_size);
		if (error < 0)
			break;
		bound_sending(server, server->listeners[server->listener_count++].fd);
	}
	return error;
}

static int open_listeners(struct http_server *server, const struct http_server_options *options,
			  char *message, size_t message_size)
{
	unsigned plain = list_length(options->listen), tls = list_length(options->tls_listen);
	int error;

	if (plain + tls == 0) {
		snprintf(message, message_size, "no address to listen on was given");
		return -EINVAL;
	}
	server->listeners = calloc(plain + tls, sizeof(*server->listeners));
	if (server->listeners == NULL) {
		snprintf(message, message_size, "cannot start the server: out of memory");
		return -ENOMEM;
	}
	error = tls > 0 ? http_tls_set(&server->tls, options, message, message_size) : 0;
	if (error == 0)
		error = listen_on(server, options->listen, false, message, message_size);
	return error < 0 ? error
			 : listen_on(server, options->tls_listen, true, message, message_size);
}

static unsigned cores(void)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set) < 0)
		return 1;
	return (unsigned)CPU_COUNT(&set);
}

static int create_loops(struct http_server *server, unsigned count)
{
	server->threads = calloc(count, sizeof(*server->threads));
	if (server->threads == NULL)
		return -ENOMEM;
	while (server->thread_count < count) {
		struct http_thread *thread = &server->threads[server->thread_count];
		int error;

		thread->server = server;
		thread->accepting = calloc(server->listener_count, sizeof(struct evconnlistener *));
		if (thread->accepting == NULL)
			return -ENOMEM;
		error = loop_create(&thread->loop);
		if (error < 0) {
			free(thread->accepting);
			return error;
		}
		server->thread_count++;
		error = loop_every(thread->loop, SWEEP_INTERVAL_MS, sweep, thread);
		if (error < 0)
			return error;
	}
	return 0;
}

static int start_threads(struct http_server *server, unsigned count, char *message,
			 size_t message_size)
{
	int error;

	if (count == 0)
		count = cores();
	error = create_loops(server, count < THREADS_MAX ? count : THREADS_MAX);
	if (error == 0) {
		post_to_all(server, offsetof(struct http_thread, start), start_thread);
		wait_for_threads(server);
		for (unsigned i = 0; i < server->thread_count && error == 0; i++)
			error = server->threads[i].start_error;
	}
	if (error < 0)
		snprintf(message, message_size, "cannot start the server's threads: %s",
			 strerror(-error));
	return error;
}

int http_server_create(const struct http_server_options *options, struct http_server **server_out,
		       char *message, size_t message_size)
{
	struct http_server *server = calloc(1, sizeof(*server));
	int error;

	if (server == NULL) {
		snprintf(message, message_size, "cannot start the server: out of memory");
		return -ENOMEM;
	}
	event_set_log_callback(libevent_line);
	server->handle = options->handle;
	server->context = options->context;
	server->idle.tv_sec = options->timeout;
	server->timeout = options->timeout;
	server->request_ms = options->request_ms;
	server->answer_ms = options->answer_ms;
	server->send_buffer = options->send_buffer;
	server->welcome = options->welcome;
	server->guests.most = options->connections;
	server->guests.most_each = options->connections_each;
	server->guests.displace = options->displace;
	server->guests.wake = http_arrival_displaced;
	http_guests_begin(&server->guests);
	http_tls_begin(&server->tls);
	server->body_limit = options->body_limit;
	server->body_limit_of = options->body_limit_of;
	sem_init(&server->told, 0, 0);
	pthread_mutex_init(&server->lock, NULL);
	pthread_cond_init(&server->fewer, NULL);
	error = open_listeners(server, options, message, message_size);
	if (error == 0)
		error = start_threads(server, options->threads, message, message_size);
	if (error < 0) {
		http_server_free(server);
		return error;
	}
	*server_out = server;
	return 0;
}

int http_server_address(const struct http_server *server, unsigned index, char *buffer, size_t size)
{
	if (index >= server->listener_count)
		return -ENOENT;
	snprintf(buffer, size, "%s", server->listeners[index].address);
	return 0;
}
