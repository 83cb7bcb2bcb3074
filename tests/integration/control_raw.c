/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A publisher and a consumer that speak to the control file without the library: what any program,
 * of 32 bits too, can do with <peerdist/control.h> alone. control_raw CONTROL; says what it was
 * compiled for, or what failed.
 */
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "fs/api/wire.h"

#define SIZE 200000u
#define PENDING 997u
#define ID_SIZE 12

enum {
	REGISTER = 0x06,
	OPEN_CONTENT = 0x10,
	CLOSE_CONTENT = 0x11,
	ADD_INFORMATION = 0x12,
	COMPLETE_INFORMATION = 0x13,
	ADD_DATA = 0x14,
	BLOCK_READ = 0x15,
	PUBLISH_STREAM = 0x20,
	ADD_TO_STREAM = 0x21,
	COMPLETE_STREAM = 0x22,
	CLOSE_STREAM = 0x23,
	OPEN_INFORMATION_EX = 0x26,
	RETRIEVE = 0x27,
	REAP = 0x40,
	PUSH = 0x41,
	PULL = 0x42
};

static int control;
static uint32_t last;
static unsigned char data[SIZE], information[65536], back[SIZE];

static void fail(const char *what, long value)
{
	printf("%s: %ld\n", what, value);
	exit(1);
}

static void expect(const char *what, long value, long wanted)
{
	if (value != wanted)
		fail(what, value);
}

static void ask(unsigned opcode, void *message, size_t size, uint32_t wanted, const char *what)
{
	if (ioctl(control, PDC_MESSAGE(opcode, size), message) != 0)
		perror(what), exit(1);
	expect(what, ((struct pdc_hdr *)message)->status, wanted);
}

static void on_handle(unsigned opcode, uint64_t handle, const char *what)
{
	struct pdc_hdr header = {.handle = handle};

	ask(opcode, &header, sizeof header, 0, what);
}

static struct pdc_completion wait_for(uint32_t op, uint32_t status, const char *what)
{
	union {
		struct pdc_reap reap;
		unsigned char octets[sizeof(struct pdc_reap) + sizeof(struct pdc_completion)];
	} message;

	for (;;) {
		struct pollfd ready = {.fd = control, .events = POLLIN};

		expect(what, poll(&ready, 1, 20000), 1);
		memset(&message, 0, sizeof message);
		ask(REAP, &message, sizeof message, 0, "REAP");
		if (message.reap.count == 1 && message.reap.completions->op == op)
			break;
	}
	expect(what, message.reap.completions->status, status);
	return *message.reap.completions;
}

static void submit(unsigned opcode, uint64_t handle, const char *what)
{
	struct pdc_hdr header = {.op = ++last, .handle = handle};

	ask(opcode, &header, sizeof header, PENDING, what);
	wait_for(last, 0, what);
}

/* Octets that go in, by one frame and one PUSH. */
static void send_all(unsigned opcode, uint64_t handle, const unsigned char *octets, uint32_t size,
		     const char *what)
{
	struct pdc_input input = {.hdr = {.op = ++last, .handle = handle}, .length = size};
	uint32_t half = size > 10000 ? size - 10000 : 0;
	struct pdc_frame frame = {.op = last, .length = half};
	struct iovec parts[] = {{&frame, sizeof frame}, {(void *)octets, half}};
	struct pdc_xfer *push = calloc(1, sizeof *push + size - half);

	ask(opcode, &input, sizeof input, PENDING, what);
	if (half > 0)
		expect("frame", pwritev(control, parts, 2, 0), (long)(sizeof frame + half));
	push->hdr.op = last;
	push->pos = half;
	push->length = size - half;
	memcpy(push->data, octets + half, size - half);
	ask(PUSH, push, sizeof *push + size - half, 0, "PUSH");
	free(push);
	expect(what, wait_for(last, 0, what).bytes, size);
}

/* Octets that come out; returns how many. */
static uint32_t fetch(unsigned opcode, uint64_t handle, unsigned char *octets, uint32_t size,
		      const char *what)
{
	struct pdc_read read = {.hdr = {.op = ++last, .handle = handle}, .max_bytes = size};
	union {
		struct pdc_xfer transfer;
		unsigned char octets[sizeof(struct pdc_xfer) + 100];
	} pull = {.transfer = {.hdr.op = last, .length = 100}};

	ask(opcode, &read, sizeof read, PENDING, what);
	uint32_t got = wait_for(last, 0, what).bytes;
	expect("length of the output", got > 100 && got <= size, 1);
	ask(PULL, &pull, sizeof pull, 0, "PULL");
	expect("PULL", pull.transfer.length, 100);
	memcpy(octets, pull.transfer.data, 100);
	expect("pread",
	       pread(control, octets + 100, size - 100, (off_t)PDC_OUTPUT_AT((uint64_t)last, 100)),
	       got - 100);
	return got;
}

/* ID: ID_SIZE octets. */
static uint64_t publish(const char *id)
{
	union {
		struct pdc_publish publish;
		unsigned char octets[sizeof(struct pdc_publish) + ID_SIZE];
	} begin = {.publish = {.id_len = ID_SIZE}};
	union {
		struct pdc_open_ci open;
		unsigned char octets[sizeof(struct pdc_open_ci) + ID_SIZE];
	} open = {.open = {.ci_min = 1, .ci_max = 2, .id_len = ID_SIZE}};

	memcpy(begin.publish.id, id, ID_SIZE);
	memcpy(open.open.id, id, ID_SIZE);
	ask(PUBLISH_STREAM, &begin, sizeof begin, 0, "PublishStream");
	send_all(ADD_TO_STREAM, begin.publish.hdr.handle, data, SIZE, "AddToStream");
	submit(COMPLETE_STREAM, begin.publish.hdr.handle, "CompleteStream");
	on_handle(CLOSE_STREAM, begin.publish.hdr.handle, "CloseStreamHandle");
	ask(OPEN_INFORMATION_EX, &open, sizeof open, 0, "OpenContentInformationEx");
	return open.open.hdr.handle;
}

static void consume(uint32_t size)
{
	struct pdc_tag tag = {.tag = "a tag"};

	ask(OPEN_CONTENT, &tag, sizeof tag, 0, "OpenContent");
	send_all(ADD_INFORMATION, tag.hdr.handle, information, size, "AddContentInformation");
	submit(COMPLETE_INFORMATION, tag.hdr.handle, "CompleteContentInformation");
	send_all(ADD_DATA, tag.hdr.handle, data, SIZE, "AddData");
	expect("octets read", fetch(BLOCK_READ, tag.hdr.handle, back, SIZE, "BlockRead"), SIZE);
	expect("what was read", memcmp(back, data, SIZE), 0);
	on_handle(CLOSE_CONTENT, tag.hdr.handle, "CloseContent");
}

int main(int argc, char **argv)
{
	struct pdc_startup startup = {.abi = PDC_ABI, .version_requested = 2};

	expect("arguments", argc, 2);
	control = open(argv[1], O_RDWR | O_CLOEXEC);
	if (control < 0)
		perror(argv[1]), exit(1);
	for (size_t i = 0; i < SIZE; i++)
		data[i] = (unsigned char)(i * i >> 7 ^ i);
	ask(0x01, &startup, sizeof startup, 0, "Startup");
	submit(REGISTER, 0, "Register");
	uint64_t handle = publish("control_raw");
	consume(fetch(RETRIEVE, handle, information, sizeof information, "Retrieve"));
	printf("%zu bits\n", 8 * sizeof(void *));
	return 0;
}
