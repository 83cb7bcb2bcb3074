/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Rows K: the service goes away and comes back.
 */
#include <string.h>

#include "tests/api/harness.h"

#define UNKNOWN_HANDLE ((HANDLE)0x1234)
#define SOON 1000u /* ms in which the end of the daemon must be told */

/* One handle of each kind; the octets that calls may write to. */
struct handles {
	PEERDIST_INSTANCE_HANDLE peerdist;
	PEERDIST_CONTENT_HANDLE content;
	PEERDIST_STREAM_HANDLE stream;
	PEERDIST_CONTENTINFO_HANDLE info;
	BYTE *id; /* of the publication that `info` is of */
	BYTE buffer[64];
};

static struct handles *opened(void)
{
	struct handles *all = row_memory(sizeof *all);

	all->peerdist = instance();
	all->id = identifier();
	publish_f(all->peerdist, all->id);
	all->content = content_ready(all->peerdist, information(all->peerdist, all->id, 0, 0, 0));
	all->stream = stream_open(all->peerdist, identifier(), 0);
	all->info = information_open(all->peerdist, all->id, 0, 0, 0);
	return all;
}

/* Whatever begins without a handle gives CODE. */
static void opens_give(PEERDIST_INSTANCE_HANDLE peerdist, DWORD code)
{
	PEERDIST_RETRIEVAL_OPTIONS options = {16, 1, 2, 0};
	struct operation *flush = operation();
	BYTE *id = identifier();
	HANDLE none = NULL;

	EXPECT(code, PeerDistClientOpenContent(peerdist, tag(), port(), KEY, &none));
	EXPECT(code,
	       PeerDistServerPublishStream(peerdist, ID_SIZE, id, 0, NULL, port(), KEY, &none));
	EXPECT(code, PeerDistServerOpenContentInformation(peerdist, ID_SIZE, id, 0, 0, port(), KEY,
							  &none));
	EXPECT(code, PeerDistServerOpenContentInformationEx(peerdist, ID_SIZE, id, 0, 0, &options,
							    port(), KEY, &none));
	EXPECT(code, PeerDistServerUnpublish(peerdist, ID_SIZE, id));
	REFUSED(code, flush,
		PeerDistClientFlushContent(peerdist, tag(), port(), KEY, &flush->overlapped));
	EXPECT_TRUE(none == NULL, "a handle was written");
}

/* Every function that takes a handle, but for closing. */
static void handles_are_invalid(struct handles *all)
{
	const DWORD code = PEERDIST_ERROR_INVALIDATED;
	PEERDIST_INSTANCE_HANDLE peerdist = all->peerdist;
	struct operation *one = operation();
	OVERLAPPED *overlapped = &one->overlapped;
	PEERDIST_CLIENT_BASIC_INFO basic;
	BYTE *data = all->buffer;

	REFUSED(code, one,
		PeerDistServerPublishAddToStream(peerdist, all->stream, 1, data, overlapped));
	REFUSED(code, one, PeerDistServerPublishCompleteStream(peerdist, all->stream, overlapped));
	REFUSED(code, one,
		PeerDistServerRetrieveContentInformation(peerdist, all->info, 1, data, overlapped));
	REFUSED(code, one,
		PeerDistClientAddContentInformation(peerdist, all->content, 1, data, overlapped));
	REFUSED(code, one,
		PeerDistClientCompleteContentInformation(peerdist, all->content, overlapped));
	REFUSED(code, one, PeerDistClientAddData(peerdist, all->content, 1, data, overlapped));
	REFUSED(code, one, PeerDistClientBlockRead(peerdist, all->content, 1, data, 0, overlapped));
	REFUSED(code, one,
		PeerDistClientStreamRead(peerdist, all->content, 1, data, 0, overlapped));
	EXPECT(code, PeerDistClientCancelAsyncOperation(peerdist, all->content, NULL));
	EXPECT(code, PeerDistClientCancelAsyncOperation(peerdist, all->content, overlapped));
	EXPECT(code,
	       PeerDistClientGetInformationByHandle(peerdist, all->content, PeerDistClientBasicInfo,
						    sizeof basic, &basic));
}

static void handles_close(struct handles *all)
{
	EXPECT(ERROR_SUCCESS, PeerDistClientCloseContent(all->peerdist, all->content));
	EXPECT(ERROR_SUCCESS, PeerDistServerCloseStreamHandle(all->peerdist, all->stream));
	EXPECT(ERROR_SUCCESS, PeerDistServerCloseContentInformation(all->peerdist, all->info));
	EXPECT(ERROR_INVALID_HANDLE, PeerDistClientCloseContent(all->peerdist, all->content));
}

static void K01(void)
{
	PEERDIST_INSTANCE_HANDLE peerdist = instance();

	service_off();
	opens_give(peerdist, ERROR_ACCESS_DISABLED_BY_POLICY);
}

static void K02(void)
{
	PEERDIST_INSTANCE_HANDLE before = instance();

	order("stop");
	opens_give(before, PEERDIST_ERROR_SERVICE_UNAVAILABLE);
	opens_give(instance(), PEERDIST_ERROR_SERVICE_UNAVAILABLE);
	order("mount");
}

static void K03(void)
{
	PEERDIST_STATUS status = PEERDIST_STATUS_AVAILABLE, told = PEERDIST_STATUS_UNAVAILABLE;
	struct operation *one = operation();

	service_off();
	PEERDIST_INSTANCE_HANDLE peerdist = instance();
	EXPECT(ERROR_SUCCESS, PeerDistGetStatus(peerdist, &status));
	EXPECT_NUMBER(PEERDIST_STATUS_DISABLED, status);
	STARTS(one, PeerDistRegisterForStatusChangeNotification(peerdist, port(), KEY,
								&one->overlapped, &told));
	STAYS_PENDING(one, 10);
	EXPECT(ERROR_SUCCESS, PeerDistUnregisterForStatusChangeNotification(peerdist));
	ENDED(ERROR_OPERATION_ABORTED, one);
	EXPECT(ERROR_SUCCESS, PeerDistShutdown(peerdist));
}

static void K04(void)
{
	struct handles *all = opened();

	service_off();
	handles_are_invalid(all);
}

static void K05(void)
{
	struct handles *all = opened();

	service_off();
	handles_close(all);
}

struct pending {
	struct operation *read, *add;
};

static struct pending pending_of(struct handles *all)
{
	struct pending both = {operation(), operation()};
	PEERDIST_CONTENT_HANDLE silent = content_silent(all->peerdist);

	STARTS(both.read, PeerDistClientBlockRead(all->peerdist, silent, sizeof all->buffer,
						  all->buffer, 60000, &both.read->overlapped));
	STARTS(both.add,
	       PeerDistServerPublishAddToStream(all->peerdist, all->stream, PENDING_SIZE,
						row_sparse(PENDING_SIZE), &both.add->overlapped));
	STAYS_PENDING(both.read, 1);
	STAYS_PENDING(both.add, 1);
	return both;
}

static void K06(void)
{
	struct handles *all = opened();
	struct pending both = pending_of(all);

	service_off();
	ENDS_COUNT(PEERDIST_ERROR_INVALIDATED, 0, both.read);
	ENDS_COUNT(PEERDIST_ERROR_INVALIDATED, 0, both.add);
}

static void K07(void)
{
	struct handles *all = opened();

	service_off();
	service_on();
	handles_are_invalid(all);
	handles_close(all);
	publish_f(all->peerdist, identifier());
	content_open(all->peerdist);
}

static void K08(void)
{
	struct handles *all = opened();

	service_off();
	service_on();
	EXPECT(ERROR_NOT_FOUND, information_opens(all->peerdist, all->id));
	EXPECT(ERROR_NOT_FOUND, PeerDistServerUnpublish(all->peerdist, ID_SIZE, all->id));
	publish_f(all->peerdist, all->id);
	EXPECT(ERROR_SUCCESS, information_opens(all->peerdist, all->id));
}

/* HOW the daemon ends: order(). */
static void daemon_goes(const char *how)
{
	struct handles *all = opened();
	struct pending both = pending_of(all);
	PEERDIST_STATUS status = PEERDIST_STATUS_AVAILABLE, told = PEERDIST_STATUS_DISABLED;
	struct operation *change = operation();

	COMPLETES(ERROR_SUCCESS, change,
		  PeerDistRegisterForStatusChangeNotification(all->peerdist, port(), KEY,
							      &change->overlapped, &told));
	STARTS(change, PeerDistRegisterForStatusChangeNotification(all->peerdist, port(), KEY,
								   &change->overlapped, &told));
	order("%s", how);
	EXPECT(PEERDIST_ERROR_INVALIDATED, operation_wait(both.read, SOON));
	EXPECT(PEERDIST_ERROR_INVALIDATED, operation_wait(both.add, SOON));
	EXPECT(ERROR_SUCCESS, operation_wait(change, SOON));
	EXPECT_NUMBER(PEERDIST_STATUS_UNAVAILABLE, told);
	EXPECT(ERROR_SUCCESS, PeerDistGetStatus(all->peerdist, &status));
	EXPECT_NUMBER(PEERDIST_STATUS_UNAVAILABLE, status);
	opens_give(all->peerdist, PEERDIST_ERROR_SERVICE_UNAVAILABLE);
	handles_are_invalid(all);
	handles_close(all);
	order("mount");
}

static void K09(void)
{
	daemon_goes("kill");
	/* One that ends by itself is no worse. */
	daemon_goes("stop");
}

static void K10(void)
{
	struct handles *all = opened();
	PEERDIST_STATUS status = PEERDIST_STATUS_UNAVAILABLE;

	order("kill");
	order("mount");
	EXPECT(ERROR_SUCCESS, PeerDistGetStatus(all->peerdist, &status));
	EXPECT_NUMBER(PEERDIST_STATUS_AVAILABLE, status);
	handles_are_invalid(all);
	EXPECT(ERROR_NOT_FOUND, information_opens(all->peerdist, all->id));
	publish_f(all->peerdist, all->id);
	handles_close(all);
}

static void K11(void)
{
	PEERDIST_INSTANCE_HANDLE peerdist = instance();
	struct operation *one = operation();
	BYTE octet;

	service_off();
	REFUSED(ERROR_INVALID_HANDLE, one,
		PeerDistClientBlockRead(peerdist, UNKNOWN_HANDLE, 1, &octet, 0, &one->overlapped));
	EXPECT(ERROR_INVALID_HANDLE,
	       PeerDistClientCancelAsyncOperation(peerdist, UNKNOWN_HANDLE, NULL));
}

static const struct row rows[] = {
	{ROW(K01)}, {ROW(K02)}, {ROW(K03)}, {ROW(K04)}, {ROW(K05)}, {ROW(K06)},
	{ROW(K07)}, {ROW(K08)}, {ROW(K09)}, {ROW(K10)}, {ROW(K11)},
};

int main(int argc, char **argv)
{
	return rows_main(rows, sizeof rows / sizeof *rows, argc, argv);
}
