/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A WAN between two network namespaces: link NEAR FAR DEVICE RATE DELAY [LOSS [SEED]].
 *
 * Makes the TAP device DEVICE in each of the namespaces NEAR and FAR (paths, such as
 * /run/netns/NAME or /proc/PID/ns/net) and carries frames between them until it is killed. RATE:
 * bit/s of IP packets, so that framing costs nothing; DELAY: ms one way; LOSS: probability of each
 * frame; SEED: of the losses, so that a run can be repeated. Addresses are the caller's business.
 *
 * Each direction is a queue in order of departure. A frame leaves when those before it have been
 * sent at RATE and it has itself, and arrives DELAY later. What would have to wait longer than
 * QUEUE_MS to be sent is dropped, as a router with that much buffer does. One thread, epoll and a
 * timerfd for each direction: nothing runs while nothing is due.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

/* Our choice: about one bandwidth-delay product of the links that we emulate. */
#define QUEUE_MS 100
#define FRAME_MAX 2048
#define FRAMES_MAX 65536u
#define ETHERNET_HEADER 14
#define NS_PER_MS 1000000ll
#define NS_PER_SECOND 1000000000ll

struct frame {
	int64_t arrival; /* ns */
	uint16_t length;
	uint8_t octets[FRAME_MAX];
};

struct direction {
	int from, to, timer; /* descriptors */
	int64_t line_free;   /* ns: when the last queued frame has been sent */
	uint32_t head, count;
	struct frame *frames; /* a ring of FRAMES_MAX */
};

struct options {
	int64_t rate, delay; /* bit/s; ns */
	double loss;
};

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * NS_PER_SECOND + now.tv_nsec;
}

static void die(const char *what)
{
	fprintf(stderr, "link: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* Leaves the process in that namespace, which matters to nothing but the next call. */
static int open_tap(const char *namespace, const char *name)
{
	struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI};
	int place = open(namespace, O_RDONLY | O_CLOEXEC);
	int tap;

	if (place < 0 || setns(place, CLONE_NEWNET))
		die(namespace);
	close(place);
	tap = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (tap < 0)
		die("/dev/net/tun");
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	if (ioctl(tap, TUNSETIFF, &request))
		die(name);
	return tap;
}

static void arm(struct direction *way)
{
	struct itimerspec due = {0};
	int64_t at = way->frames[way->head].arrival;

	due.it_value.tv_sec = at / NS_PER_SECOND;
	due.it_value.tv_nsec = at % NS_PER_SECOND;
	timerfd_settime(way->timer, TFD_TIMER_ABSTIME, &due, NULL);
}

/* Takes in all that the sender has. */
static void fill(struct direction *way, const struct options *options)
{
	static uint8_t spilled[FRAME_MAX];

	for (;;) {
		int64_t now = now_ns();
		struct frame *frame = &way->frames[(way->head + way->count) % FRAMES_MAX];
		bool full = way->count == FRAMES_MAX || way->line_free - now > QUEUE_MS * NS_PER_MS;
		ssize_t length = read(way->from, full ? spilled : frame->octets, FRAME_MAX);

		if (length <= 0)
			return;
		if (full || length <= ETHERNET_HEADER)
			continue;
		if (way->line_free < now)
			way->line_free = now;
		way->line_free += (length - ETHERNET_HEADER) * 8 * NS_PER_SECOND / options->rate;
		/* A lost frame has used the line. */
		if (options->loss > 0 && drand48() < options->loss)
			continue;
		frame->length = (uint16_t)length;
		frame->arrival = way->line_free + options->delay;
		if (way->count++ == 0)
			arm(way);
	}
}

/* Hands over all that is due. */
static void drain(struct direction *way)
{
	int64_t now = now_ns();
	uint64_t expirations;

	if (read(way->timer, &expirations, sizeof(expirations)) < 0)
		return;
	while (way->count > 0 && way->frames[way->head].arrival <= now) {
		struct frame *frame = &way->frames[way->head];

		/* A device that is down or full loses the frame, as a cable would. */
		if (write(way->to, frame->octets, frame->length) < 0 && errno == EBADF)
			die("write");
		way->head = (way->head + 1) % FRAMES_MAX;
		way->count--;
	}
	if (way->count > 0)
		arm(way);
}

static void watch(int epoll, int descriptor, uint64_t tag)
{
	struct epoll_event event = {.events = EPOLLIN, .data.u64 = tag};

	if (epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event))
		die("epoll");
}

static void carry(struct direction ways[2], const struct options *options)
{
	int epoll = epoll_create1(EPOLL_CLOEXEC);

	if (epoll < 0)
		die("epoll");
	for (uint64_t i = 0; i < 2; i++) {
		watch(epoll, ways[i].from, i * 2);
		watch(epoll, ways[i].timer, i * 2 + 1);
	}
	for (;;) {
		struct epoll_event events[4];
		int count = epoll_wait(epoll, events, 4, -1);

		for (int i = 0; i < count; i++) {
			struct direction *way = &ways[events[i].data.u64 / 2];

			if (events[i].data.u64 % 2)
				drain(way);
			else
				fill(way, options);
		}
	}
}

int main(int argc, char **argv)
{
	struct direction ways[2] = {0};
	struct options options = {0};

	if (argc < 6) {
		fprintf(stderr,
			"usage: link NEAR FAR DEVICE BIT_PER_SECOND DELAY_MS [LOSS [SEED]]\n");
		return 2;
	}
	options.rate = atoll(argv[4]);
	options.delay = (int64_t)(atof(argv[5]) * (double)NS_PER_MS);
	options.loss = argc > 6 ? atof(argv[6]) : 0;
	srand48(argc > 7 ? atol(argv[7]) : 1);
	if (options.rate <= 0 || options.delay < 0 || options.loss < 0 || options.loss > 1) {
		fprintf(stderr, "link: rate, delay or loss makes no sense\n");
		return 2;
	}
	ways[0].from = ways[1].to = open_tap(argv[1], argv[3]);
	ways[1].from = ways[0].to = open_tap(argv[2], argv[3]);
	for (int i = 0; i < 2; i++) {
		ways[i].timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
		ways[i].frames = calloc(FRAMES_MAX, sizeof(*ways[i].frames));
		if (ways[i].timer < 0 || !ways[i].frames)
			die("memory");
	}
	carry(ways, &options);
}
