/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Rows of F that only wait, each with events and with a port at the same time. Their script runs
 * them side by side, a process each.
 */
#include "tests/api/consuming.h"

#define BUSY 3000u /* ms that a busy machine may take longer; the row says 300 */

static BYTE octets[2][16];

/* The same read twice, by both mechanisms. */
static void begin(const struct subject *subject, uint64_t offset, DWORD timeout,
		  struct operation *reads[2])
{
	mechanism = BY_PORT;
	reads[0] = block_read(subject, offset, octets[0], 16, timeout);
	mechanism = BY_EVENT;
	reads[1] = block_read(subject, offset, octets[1], 16, timeout);
}

/* With a port, to which no packet comes of what has an event. */
static struct subject silent(void)
{
	struct subject subject;

	mechanism = BY_PORT;
	subject = subject_silent();
	mechanism = BY_EVENT;
	return subject;
}

static void F05(void)
{
	struct operation *reads[2];
	struct subject subject;

	mechanism = BY_PORT;
	subject = subject_new();
	uint64_t started = now_ms();
	begin(&subject, 0, 5000, reads);
	for (int i = 0; i < 2; i++) {
		DWORD code = operation_wait(reads[i], PATIENCE);
		EXPECT_TRUE(code == PEERDIST_ERROR_MISSING_DATA || code == ERROR_TIMEOUT, "%s",
			    code_name(code));
		EXPECT_NUMBER(0, reads[i]->offset);
		EXPECT_NUMBER(F_SIZE, reads[i]->count);
	}
	EXPECT_TRUE(now_ms() - started <= 5500 + BUSY, "%u ms", (unsigned)(now_ms() - started));
}

static void times_out(DWORD timeout, DWORD least)
{
	struct subject subject = silent();
	struct operation *reads[2];
	uint64_t started = now_ms();

	begin(&subject, BLOCK(2), timeout, reads);
	for (int i = 0; i < 2; i++) {
		READ_ENDS(ERROR_TIMEOUT, BLOCK(2), F_SIZE - (DWORD)BLOCK(2), reads[i]);
		uint64_t took = now_ms() - started;
		EXPECT_TRUE(took >= least && took <= least + 300 + BUSY, "%u ms", (unsigned)took);
	}
}

static void F06(void)
{
	times_out(300, 300);
}

static void F07(void)
{
	times_out(PEERDIST_READ_TIMEOUT_DEFAULT, 5000);
	/* By now it is known that the peer does not answer; that it has it is known too. */
	times_out(300, 300);
}

static void F08(void)
{
	struct subject subject = silent();
	struct operation *reads[2];
	uint64_t end = now_ms() + 8000;

	begin(&subject, BLOCK(2), INFINITE, reads);
	STAYS_PENDING(reads[0], 8000);
	uint64_t now = now_ms();
	STAYS_PENDING(reads[1], now < end ? (DWORD)(end - now) : 0);
	for (int i = 0; i < 2; i++) {
		EXPECT(ERROR_SUCCESS,
		       PeerDistClientCancelAsyncOperation(subject.peerdist, subject.handle,
							  &reads[i]->overlapped));
		ENDED(ERROR_OPERATION_ABORTED, reads[i]);
	}
}

static const struct row rows[] = {
	{ROW_ONCE(F06)},
	{ROW_ONCE(F05)},
	{ROW_ONCE(F07)},
	{ROW_ONCE(F08)},
};

int main(int argc, char **argv)
{
	return rows_main(rows, sizeof rows / sizeof *rows, argc, argv);
}
