/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Rows J: who is who. One process acts for several users, as the file system sees it; A and B are
 * users, R is root.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fs/api/wire.h"
#include "tests/api/harness.h"

#define A 4711u
#define B 4712u
#define OPERATIONS 1024u /* of an instance: the limit */
#define LISTING_MAX (64u << 10)
#define OP_STARTUP 0x01
#define OP_PUBLISH_STREAM 0x20

/* An instance that USER opened; this thread is root again. */
static PEERDIST_INSTANCE_HANDLE instance_of(uid_t user)
{
	PEERDIST_INSTANCE_HANDLE peerdist;
	PEERDIST_STATUS status;

	become(user);
	peerdist = instance();
	/* Attached by now, if it was not before. */
	EXPECT(ERROR_SUCCESS, PeerDistGetStatus(peerdist, &status));
	EXPECT_NUMBER(PEERDIST_STATUS_AVAILABLE, status);
	become(0);
	return peerdist;
}

static DWORD unpublish(PEERDIST_INSTANCE_HANDLE peerdist, BYTE *id)
{
	return PeerDistServerUnpublish(peerdist, ID_SIZE, id);
}

static void J01(void)
{
	PEERDIST_INSTANCE_HANDLE a = instance_of(A), b = instance_of(B);
	BYTE *id = identifier();

	publish_f(a, id);
	EXPECT(ERROR_NOT_FOUND, information_opens(b, id));
	EXPECT(ERROR_SUCCESS, information_opens(instance_of(A), id));
}

static void J02(void)
{
	PEERDIST_INSTANCE_HANDLE a = instance_of(A), b = instance_of(B);
	struct octets other = content_of(2, 100000);
	BYTE *id = identifier();

	publish_f(a, id);
	publish(b, id, other.data, other.size);
	struct octets expected_a = information_of(a, (struct octets){content(), F_SIZE}, 0, 0, 0);
	struct octets expected_b = information_of(b, other, 0, 0, 0);
	struct octets got_a = information(a, id, 0, 0, 0), got_b = information(b, id, 0, 0, 0);
	EXPECT_OCTETS(expected_a.data, expected_a.size, got_a.data, got_a.size);
	EXPECT_OCTETS(expected_b.data, expected_b.size, got_b.data, got_b.size);
	EXPECT_TRUE(got_a.size != got_b.size, "both of %zu octets", got_a.size);
}

static void J03(void)
{
	PEERDIST_INSTANCE_HANDLE a = instance_of(A), b = instance_of(B);
	BYTE *id = identifier();

	publish_f(a, id);
	EXPECT(ERROR_NOT_FOUND, unpublish(b, id));
	EXPECT(ERROR_SUCCESS, information_opens(a, id));
}

static void J04(void)
{
	PEERDIST_INSTANCE_HANDLE a = instance_of(A), b = instance_of(B);
	BYTE *id = identifier();

	publish_f(a, id);
	publish_f(b, id);
	EXPECT(ERROR_SUCCESS, unpublish(b, id));
	EXPECT(ERROR_NOT_FOUND, information_opens(b, id));
	EXPECT(ERROR_SUCCESS, information_opens(a, id));
}

static void J05(void)
{
	PEERDIST_INSTANCE_HANDLE a = instance_of(A), b = instance_of(B);
	struct octets data = content_new(), got = {row_memory(F_SIZE), 0};
	struct octets info = information_of(a, data, 0, 0, 0);
	struct operation *read = operation();

	content_add_data(a, content_ready(a, info), 0, data.data, data.size);
	PEERDIST_CONTENT_HANDLE handle = content_ready(b, info);
	while (got.size < F_SIZE) {
		if (!COMPLETES(ERROR_SUCCESS, read,
			       PeerDistClientStreamRead(b, handle, F_SIZE, got.data + got.size, 0,
							&read->overlapped)))
			row_leave(NULL);
		got.size += read->count;
	}
	EXPECT_OCTETS(data.data, F_SIZE, got.data, got.size);
}

static void J06(void)
{
	PEERDIST_INSTANCE_HANDLE a = instance_of(A), root = instance_of(0);
	BYTE *id = identifier();

	publish_f(a, id);
	EXPECT(ERROR_NOT_FOUND, information_opens(root, id));
	EXPECT(ERROR_NOT_FOUND, unpublish(root, id));
	EXPECT(ERROR_SUCCESS, information_opens(a, id));
}

static void J07(void)
{
	PEERDIST_INSTANCE_HANDLE a = instance_of(A), b = instance_of(B);
	BYTE *id = identifier();

	become(B);
	publish_f(a, id);
	become(0);
	EXPECT(ERROR_SUCCESS, information_opens(instance_of(A), id));
	EXPECT(ERROR_NOT_FOUND, information_opens(b, id));
}

static void J08(void)
{
	PEERDIST_INSTANCE_HANDLE a = instance_of(A), b;
	BYTE *id = identifier();

	become(B);
	b = instance();
	publish_f(b, id);
	become(A);
	EXPECT(ERROR_NOT_FOUND, information_opens(a, id));
	EXPECT(ERROR_SUCCESS, information_opens(b, id));
	EXPECT(ERROR_SUCCESS, unpublish(b, id));
	become(0);
	EXPECT(ERROR_NOT_FOUND, information_opens(instance_of(B), id));
}

/* Only this one needs to speak without the library: its descriptors are its own. */
static int open_control(void)
{
	union {
		struct pdc_startup startup;
		uint32_t words[14];
	} message = {.startup = {.abi = PDC_ABI, .version_requested = PEERDIST_VERSION}};
	int control = open(getenv("PEERDIST_CONTROL"), O_RDWR | O_CLOEXEC);

	REQUIRE_TRUE(control >= 0, "%s", strerror(errno));
	REQUIRE_TRUE(ioctl(control, PDC_MESSAGE(OP_STARTUP, sizeof message.startup), &message) == 0,
		     "%s", strerror(errno));
	REQUIRE(ERROR_SUCCESS, message.startup.hdr.status);
	return control;
}

/* The code; LOST: no reply. */
static DWORD publish_raw(int control, const BYTE *id)
{
	_Alignas(struct pdc_publish) uint8_t octets[sizeof(struct pdc_publish) + ID_SIZE] = {0};
	struct pdc_publish *message = (struct pdc_publish *)octets;

	message->id_len = ID_SIZE;
	memcpy(message->id, id, ID_SIZE);
	if (ioctl(control, PDC_MESSAGE(OP_PUBLISH_STREAM, sizeof octets), message) != 0)
		return LOST;
	return message->hdr.status;
}

static void J09(void)
{
	BYTE *id = identifier();
	PEERDIST_STREAM_HANDLE stream = NULL;
	int status = -1;

	become(A);
	int control = open_control();
	become(0);
	/* The child has the descriptor and nothing else of ours: no thread, no library. */
	pid_t child = fork();
	if (child == 0) {
		if (setgid(B) != 0 || setuid(B) != 0)
			_exit(2);
		_exit(publish_raw(control, id) == ERROR_SUCCESS ? 0 : 1);
	}
	EXPECT_TRUE(child > 0 && waitpid(child, &status, 0) == child && status == 0, "status %#x",
		    (unsigned)status);
	/* A's identifier is taken, B's is not. */
	EXPECT(PEERDIST_ERROR_ALREADY_EXISTS,
	       PeerDistServerPublishStream(instance_of(A), ID_SIZE, id, 0, NULL, NULL, 0, &stream));
	EXPECT(ERROR_SUCCESS,
	       PeerDistServerPublishStream(instance_of(B), ID_SIZE, id, 0, NULL, NULL, 0, &stream));
	close(control);
}

/* A file of the control directory, as USER reads it. */
static const char *listing(const char *name, uid_t user)
{
	char path[512];
	char *text = row_memory(LISTING_MAX);

	snprintf(path, sizeof path, "%s/.peerdist/%s", getenv("PEERDIST_MOUNT"), name);
	become(user);
	FILE *file = fopen(path, "re");
	become(0);
	REQUIRE_TRUE(file != NULL, "%s: %s", path, strerror(errno));
	text[fread(text, 1, LISTING_MAX - 1, file)] = '\0';
	fclose(file);
	return text;
}

static const char *hex(const BYTE *octets, size_t size)
{
	char *text = row_memory(2 * size + 1);

	for (size_t i = 0; i < size; i++)
		sprintf(text + 2 * i, "%02x", octets[i]);
	return text;
}

static void J10(void)
{
	static const char *const names[] = {"publications", "instances", "status"};
	PEERDIST_INSTANCE_HANDLE a = instance_of(A);
	PEERDIST_CONTENT_TAG *label = tag();
	struct octets data = content_new();
	BYTE *id = identifier();
	char owner[16];

	publish(a, id, data.data, data.size);
	struct octets info = information(a, id, 0, 0, 0);
	content_add_data(a, content_ready_tagged(a, info, label), 0, data.data, data.size);
	snprintf(owner, sizeof owner, "%u", A);
	/* A himself and root see the publication: so B could. */
	const char *shown = hex(id, ID_SIZE);
	EXPECT_TRUE(strstr(listing("publications", A), shown) != NULL, "A sees nothing");
	EXPECT_TRUE(strstr(listing("publications", 0), shown) != NULL, "root sees nothing");
	EXPECT_TRUE(strstr(listing("instances", A), owner) != NULL, "A sees no instance");
	EXPECT_TRUE(strstr(listing("instances", 0), owner) != NULL, "root sees no instance");
	EXPECT_NUMBER(0, strlen(listing("publications", B)));
	EXPECT_NUMBER(0, strlen(listing("instances", B)));
	for (int i = 0; i < 3; i++) {
		const char *text = listing(names[i], B);

		EXPECT_TRUE(strstr(text, shown) == NULL, "%s shows the identifier", names[i]);
		EXPECT_TRUE(strstr(text, hex(label->Data, 16)) == NULL, "%s shows the tag",
			    names[i]);
		/* The segment's secret: what its description ends with. */
		EXPECT_TRUE(strstr(text, hex(info.data + 18 + 48, 32)) == NULL, "%s shows a secret",
			    names[i]);
	}
	/* Nor does status to anybody. */
	EXPECT_TRUE(strstr(listing("status", 0), shown) == NULL, "status shows the identifier");
}

static void J11(void)
{
	PEERDIST_INSTANCE_HANDLE a = instance_of(A), b = instance_of(B);
	PEERDIST_CONTENT_HANDLE silent = content_silent(a);
	struct operation *one, *last = operation();
	BYTE *data = row_memory(OPERATIONS + 1);

	for (unsigned i = 0; i < OPERATIONS; i++) {
		one = operation();
		if (!STARTS(one, PeerDistClientBlockRead(a, silent, 1, data + i, INFINITE,
							 &one->overlapped)))
			row_leave(NULL);
	}
	REFUSED(ERROR_NO_SYSTEM_RESOURCES, last,
		PeerDistClientBlockRead(a, silent, 1, data + OPERATIONS, INFINITE,
					&last->overlapped));
	publish_f(b, identifier());
	EXPECT(ERROR_SUCCESS, PeerDistClientCancelAsyncOperation(a, silent, &one->overlapped));
	ENDED(ERROR_OPERATION_ABORTED, one);
	/* There is room for one again. */
	STARTS(last, PeerDistClientBlockRead(a, silent, 1, data + OPERATIONS, INFINITE,
					     &last->overlapped));
	EXPECT(ERROR_SUCCESS, PeerDistClientCloseContent(a, silent));
	ENDED(ERROR_OPERATION_ABORTED, last);
	publish_f(a, identifier());
}

static const struct row rows[] = {
	{ROW(J01)}, {ROW(J02)}, {ROW(J03)},      {ROW(J04)}, {ROW(J05)}, {ROW(J06)},
	{ROW(J07)}, {ROW(J08)}, {ROW_ONCE(J09)}, {ROW(J10)}, {ROW(J11)},
};

int main(int argc, char **argv)
{
	return rows_main(rows, sizeof rows / sizeof *rows, argc, argv);
}
