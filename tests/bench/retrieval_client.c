/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What an exchange costs the retrieval client: blocks of 64 KiB over loopback, from a server in
 * another process that does nothing but send. "bare" does the same exchanges with as little code
 * as can be (epoll, one send, recv into a new buffer, no HTTP read): what the kernel costs, and the
 * ceiling. Wrong when the machine is shared: there are two busy threads, and a third one hurts
 * both.
 *
 *     retrieval_client client|bare EXCHANGES AT_A_TIME
 *     retrieval_client client EXCHANGES AT_A_TIME PORT ID BLOCKS
 *
 * The second form asks a server on 127.0.0.1, such as that of retrieval_server, for BLOCKS blocks
 * of a segment in turn.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "peer/retrieval_client.h"

#define BLOCK_SIZE 65552u /* with the padding of encryption */
#define AT_A_TIME_MAX 64u
#define REQUEST_ROOM 1024u

static uint8_t id_octets[32];
static const struct pccrr_id id = {id_octets, sizeof(id_octets)};
static uint8_t block[BLOCK_SIZE];
static char answer[REQUEST_ROOM + PCCRR_BODY_MAX];
static size_t answer_size;

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static void make_answer(void)
{
	struct pccrr_answer content = {.type = PCCRR_BLOCK,
				       .cipher = CIPHER_AES_128,
				       .segment = id,
				       .block = 3,
				       .next = 4,
				       .size = BLOCK_SIZE,
				       .data = block};
	size_t size = pccrr_answer_size(&content);

	answer_size = (size_t)snprintf(answer, sizeof(answer),
				       "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", size);
	pccrr_answer_write(&content, (uint8_t *)answer + answer_size);
	answer_size += size;
}

/* ---- the server ---- */

static void *serve(void *context)
{
	int fd = (int)(intptr_t)context, one = 1, room = 1 << 20;
	char request[REQUEST_ROOM + 1];

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
	/* Head and message of a request come in one piece. */
	while (recv(fd, request, REQUEST_ROOM, 0) > 0)
		if (send(fd, answer, answer_size, MSG_NOSIGNAL) != (ssize_t)answer_size)
			break;
	close(fd);
	return NULL;
}

static void serve_all(int listener)
{
	pthread_t thread;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		int fd = accept(listener, NULL, NULL);

		if (fd < 0 || pthread_create(&thread, NULL, serve, (void *)(intptr_t)fd) != 0)
			_exit(1);
		pthread_detach(thread);
	}
}

static pid_t start_server(struct sockaddr_in *address_out)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	pid_t child;

	if (listener < 0 || bind(listener, (struct sockaddr *)&address, length) < 0 ||
	    listen(listener, 64) < 0 ||
	    getsockname(listener, (struct sockaddr *)&address, &length) < 0)
		fail("listen");
	child = fork();
	if (child < 0)
		fail("fork");
	if (child == 0)
		serve_all(listener);
	close(listener);
	*address_out = address;
	return child;
}

/* ---- what it costs ---- */

struct figures {
	double seconds, user, system;
};

static double seconds_of(struct timeval time)
{
	return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

/* Of the calling thread. */
static struct figures figures_now(void)
{
	struct rusage usage;
	struct timespec now;

	getrusage(RUSAGE_THREAD, &usage);
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (struct figures){(double)now.tv_sec + (double)now.tv_nsec / 1e9,
				seconds_of(usage.ru_utime), seconds_of(usage.ru_stime)};
}

static void report(const char *what, unsigned exchanges, struct figures from, struct figures to)
{
	double seconds = to.seconds - from.seconds, each = 1e6 / exchanges;

	printf("%s: %.0f exchanges/s, %.0f MB/s; CPU per exchange %.1f us (user %.1f, system "
	       "%.1f)\n",
	       what, exchanges / seconds, exchanges / seconds * 65536 / 1e6,
	       (to.user - from.user + to.system - from.system) * each, (to.user - from.user) * each,
	       (to.system - from.system) * each);
}

/* ---- the client ---- */

static struct {
	struct loop *loop;
	struct retrieval_client *client;
	struct sockaddr_in server;
	struct loop_task begin;
	unsigned exchanges, at_a_time, blocks, started, ended;
	struct figures from, to;
	sem_t over;
	struct retrieval retrievals[AT_A_TIME_MAX];
} run;

static void start_next(struct retrieval *retrieval)
{
	if (run.started == run.exchanges)
		return;
	if (run.blocks > 0)
		retrieval->request.block = run.started % run.blocks;
	run.started++;
	retrieval_start(run.client, retrieval);
}

static void done(struct retrieval *retrieval, int error, const struct pccrr_answer *got,
		 uint8_t *body, size_t size)
{
	(void)size;
	if (error < 0 || got->size == 0) {
		fprintf(stderr, "exchange %u: %s\n", run.ended,
			error < 0 ? strerror(-error) : "no block");
		exit(1);
	}
	free(body);
	if (++run.ended == run.exchanges) {
		run.to = figures_now();
		sem_post(&run.over);
	}
	start_next(retrieval);
}

static void begin(struct loop_task *task)
{
	(void)task;
	run.from = figures_now();
	for (unsigned i = 0; i < run.at_a_time; i++) {
		struct retrieval *retrieval = &run.retrievals[i];

		retrieval->server.family = XADDR_IPV4;
		retrieval->server.port = ntohs(run.server.sin_port);
		memcpy(retrieval->server.octets, &run.server.sin_addr, 4);
		retrieval->request = (struct pccrr_request){.type = PCCRR_ASK_BLOCK,
							    .cipher = CIPHER_AES_128,
							    .segment = id,
							    .block = 3};
		retrieval->done = done;
		start_next(retrieval);
	}
}

static void free_client(struct loop_task *task)
{
	(void)task;
	retrieval_client_free(run.client);
}

static void run_client(void)
{
	struct retrieval_client_options options = {0};
	struct loop_task end = {.run = free_client};

	if (loop_create(&run.loop) < 0)
		fail("loop");
	options.loop = run.loop;
	if (retrieval_client_create(&options, &run.client) < 0)
		fail("client");
	sem_init(&run.over, 0, 0);
	run.begin.run = begin;
	loop_post(run.loop, &run.begin);
	while (sem_wait(&run.over) < 0)
		;
	loop_post(run.loop, &end);
	loop_destroy(run.loop);
	report("client", run.exchanges, run.from, run.to);
}

/* ---- without client ---- */

struct bare {
	int fd;
	size_t got;
	uint8_t *body;
};

static void ask_bare(struct bare *bare)
{
	static const char request[260] = "POST"; /* as long as a real one */

	if (run.started == run.exchanges)
		return;
	run.started++;
	bare->got = 0;
	bare->body = malloc(answer_size);
	if (bare->body == NULL || send(bare->fd, request, sizeof(request), 0) < 0)
		fail("send");
}

static void receive_bare(struct bare *bare)
{
	ssize_t got = recv(bare->fd, bare->body + bare->got, answer_size - bare->got, MSG_DONTWAIT);

	if (got < 0 && errno == EAGAIN)
		return;
	if (got <= 0)
		fail("recv");
	bare->got += (size_t)got;
	if (bare->got < answer_size)
		return;
	free(bare->body);
	run.ended++;
	ask_bare(bare);
}

static void run_bare(void)
{
	static struct bare bares[AT_A_TIME_MAX];
	struct epoll_event events[AT_A_TIME_MAX];
	int poll = epoll_create1(0), one = 1;

	run.from = figures_now();
	for (unsigned i = 0; i < run.at_a_time; i++) {
		struct epoll_event event = {.events = EPOLLIN, .data.ptr = &bares[i]};

		bares[i].fd = socket(AF_INET, SOCK_STREAM, 0);
		if (connect(bares[i].fd, (struct sockaddr *)&run.server, sizeof(run.server)) < 0)
			fail("connect");
		setsockopt(bares[i].fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		epoll_ctl(poll, EPOLL_CTL_ADD, bares[i].fd, &event);
		ask_bare(&bares[i]);
	}
	while (run.ended < run.exchanges) {
		int count = epoll_wait(poll, events, AT_A_TIME_MAX, -1);

		for (int i = 0; i < count; i++)
			receive_bare(events[i].data.ptr);
	}
	run.to = figures_now();
	report("bare", run.exchanges, run.from, run.to);
}

/* Of the server that was named. */
static bool read_place(char **words)
{
	run.server.sin_port = htons((uint16_t)strtoul(words[0], NULL, 10));
	run.blocks = (unsigned)strtoul(words[2], NULL, 10);
	for (size_t i = 0; i < sizeof(id_octets); i++)
		if (sscanf(words[1] + 2 * i, "%2hhx", &id_octets[i]) != 1)
			return false;
	run.server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return strlen(words[1]) == 2 * sizeof(id_octets) && run.blocks > 0;
}

static bool read_words(int count, char **words)
{
	if (count != 4 && count != 7)
		return false;
	run.exchanges = (unsigned)strtoul(words[2], NULL, 10);
	run.at_a_time = (unsigned)strtoul(words[3], NULL, 10);
	if (run.exchanges == 0 || run.at_a_time == 0 || run.at_a_time > AT_A_TIME_MAX)
		return false;
	if (count == 7 && (strcmp(words[1], "client") != 0 || !read_place(words + 4)))
		return false;
	return strcmp(words[1], "client") == 0 || strcmp(words[1], "bare") == 0;
}

int main(int count, char **words)
{
	pid_t child = 0;

	if (!read_words(count, words)) {
		fprintf(stderr, "usage: %s client|bare EXCHANGES AT_A_TIME [PORT ID BLOCKS]\n",
			words[0]);
		return 2;
	}
	make_answer();
	if (count == 4)
		child = start_server(&run.server);
	if (strcmp(words[1], "bare") == 0)
		run_bare();
	else
		run_client();
	if (child > 0) {
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
	}
	return 0;
}
