/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the programs of tests/api share: each holds rows of peerdist-api-cases.md, one function a
 * row, named as the row, that uses libpeerdist by its public header against a real mount.
 *
 *	static void B03(void)
 *	{
 *		PEERDIST_INSTANCE_HANDLE peerdist = instance();
 *
 *		EXPECT(ERROR_INVALID_PARAMETER, PeerDistGetStatus(peerdist, NULL));
 *	}
 *	static const struct row rows[] = {{ROW_ONCE(B03)}, ...};
 *	int main(int argc, char **argv)
 *	{
 *		return rows_main(rows, sizeof rows / sizeof *rows, argc, argv);
 *	}
 *
 * A row runs twice, once with events and once with a port, unless it is ROW_ONCE. It reports in TAP
 * under its name; what was expected and what came stands in the lines before. Arguments of a
 * program choose rows. Programs run under tests/integration/api_*.sh (tests/lib/api.sh): the mount
 * is at $PEERDIST_MOUNT, its control file at $PEERDIST_CONTROL.
 *
 * One thread calls these functions. What a row makes by them is ended or freed after it: first the
 * instances, then memory. Nothing here sleeps for a condition that can be waited for.
 */
#ifndef TESTS_API_HARNESS_H
#define TESTS_API_HARNESS_H

#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "fs/api/peerdist.h"

#define PATIENCE 20000u /* ms until a completion that must come counts as lost */
#define SILENCE 200u    /* ms in which nothing may follow what was refused */
#define KEY ((ULONG_PTR)77)
#define LOST 0xFFFFFFFFu /* instead of a code: there was no completion */

/* rows.c: rows and what is expected of them ---------------------------------------------------- */

struct row {
	const char *name;
	void (*run)(void);
	bool once;        /* not with events and with a port, but as it is: mechanism is BY_EVENT */
	const char *skip; /* why it cannot be tested */
};
#define ROW(name) #name, name, false, NULL
#define ROW_ONCE(name) #name, name, true, NULL
#define ROW_SKIPPED(name, reason) #name, NULL, false, reason
/* Not a row: what child_start() runs in a process of its own. */
#define ROW_CHILD(name) #name, name, true, "child"

enum mechanism { BY_EVENT, BY_PORT };
extern enum mechanism mechanism; /* of the row that runs now */

int rows_main(const struct row *rows, size_t count, int argc, char **argv);

/* The row has failed; it goes on. */
void row_wrong(const char *file, int line, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
#define WRONG(...) row_wrong(__FILE__, __LINE__, __VA_ARGS__)
/* The row ends here; with a reason, it could not be tested. */
void row_leave(const char *reason) __attribute__((noreturn));

/* CALL gives the code EXPECTED. REQUIRE: else the row ends here. */
bool row_code(const char *file, int line, const char *call, DWORD expected, DWORD got);
#define EXPECT(expected, call) row_code(__FILE__, __LINE__, #call, expected, call)
#define REQUIRE(expected, call)                                                                    \
	do {                                                                                       \
		if (!EXPECT(expected, call))                                                       \
			row_leave(NULL);                                                           \
	} while (0)
/* Numbers. */
bool row_number(const char *file, int line, const char *what, uint64_t expected, uint64_t got);
#define EXPECT_NUMBER(expected, what)                                                              \
	row_number(__FILE__, __LINE__, #what, (uint64_t)(expected), (uint64_t)(what))
/* A condition, with words on what was seen. */
#define EXPECT_TRUE(condition, ...)                                                                \
	do {                                                                                       \
		if (!(condition))                                                                  \
			WRONG("not so: " #condition ": " __VA_ARGS__);                             \
	} while (0)
#define REQUIRE_TRUE(condition, ...)                                                               \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			WRONG("not so: " #condition ": " __VA_ARGS__);                             \
			row_leave(NULL);                                                           \
		}                                                                                  \
	} while (0)
bool row_octets(const char *file, int line, const char *what, const void *expected,
		size_t expected_size, const void *got, size_t got_size);
/* Several of these; for an expression whose value nobody needs. */
static inline bool row_is(bool good)
{
	return good;
}
/* Octets. */
#define EXPECT_OCTETS(expected, expected_size, got, got_size)                                      \
	row_octets(__FILE__, __LINE__, #got, expected, expected_size, got, got_size)

/* "87 ERROR_INVALID_PARAMETER"; a static buffer, good until the fourth call after. */
const char *code_name(DWORD code);
uint64_t now_ms(void);

/* Zeroed; freed after the row. */
void *row_memory(size_t size);
/* Zeroes that take no memory; unmapped after the row. */
BYTE *row_sparse(size_t size);
#define PENDING_SIZE                                                                               \
	(1u << 30) /* an add of so much is still pending when the next call is made                \
		    */

/* completions.c: asynchronous calls ------------------------------------------------------------ */

struct operation;
struct operation {
	OVERLAPPED overlapped; /* first; hEvent is one of its own BY_EVENT, NULL BY_PORT */
	unsigned submitted, completed;
	/* The last completion. */
	DWORD code, count;
	uint64_t offset;
	/* The harness's own. */
	enum mechanism mechanism;
	bool silent; /* was refused: its event stays unset */
	int row;
	struct operation *next;
};

/* A new one, for the row's mechanism. It lives until the program ends. */
struct operation *operation(void);
/* Its offset as it is given to a call. */
void operation_at(struct operation *operation, uint64_t offset);
/* The row's port; NULL when the row runs with events. */
HANDLE port(void);

/* CALL is accepted: 997, and one completion follows. */
bool operation_started(const char *file, int line, const char *call, struct operation *operation,
		       DWORD got);
#define STARTS(operation, call) operation_started(__FILE__, __LINE__, #call, operation, call)
/* The next completion: its code, or LOST. Then operation's code, count and offset are set; that
 * PeerDistGetOverlappedResult() says the same is checked. */
DWORD operation_wait(struct operation *operation, DWORD milliseconds);
bool operation_ends(const char *file, int line, struct operation *operation, DWORD code);
/* It completes with CODE, or with COUNT octets too. */
#define ENDS(code, operation) operation_ends(__FILE__, __LINE__, operation, code)
#define ENDS_COUNT(code, number, operation)                                                        \
	row_is(ENDS(code, operation) && EXPECT_NUMBER(number, (operation)->count))
/* It has completed with CODE already: nothing is waited for. */
bool operation_ended(const char *file, int line, struct operation *operation, DWORD code);
#define ENDED(code, operation) operation_ended(__FILE__, __LINE__, operation, code)
/* It is accepted and completes so. */
#define COMPLETES(code, operation, call) row_is(STARTS(operation, call) && ENDS(code, operation))
#define COMPLETES_COUNT(code, number, operation, call)                                             \
	row_is(STARTS(operation, call) && ENDS_COUNT(code, number, operation))
/* Nothing comes for so long. */
bool operation_stays(const char *file, int line, struct operation *operation, DWORD milliseconds);
#define STAYS_PENDING(operation, milliseconds)                                                     \
	operation_stays(__FILE__, __LINE__, operation, milliseconds)
/* CALL fails with CODE at once. No completion follows: its event and port are looked at SILENCE
 * after the last row, for all rows together. The operation is taken for something else at once. */
bool operation_refused(const char *file, int line, const char *call, struct operation *operation,
		       DWORD code, DWORD got);
#define REFUSED(code, operation, call)                                                             \
	(operation_quiet(operation),                                                               \
	 operation_refused(__FILE__, __LINE__, #call, operation, code, call))
/* Its event is unset, unless it is pending. NULL is fine. */
void operation_quiet(struct operation *operation);

/* subjects.c: instances, publications, contents ------------------------------------------------ */

#define ID_SIZE 16u
#define F_SIZE 200000u
#define F_BLOCK 65536u

struct octets {
	BYTE *data;
	size_t size;
};

/* A new instance; shut down after the row if it still is one. */
PEERDIST_INSTANCE_HANDLE instance(void);
/* 16 octets that were never given before; freed after the row. */
BYTE *identifier(void);
PEERDIST_CONTENT_TAG *tag(void);
/* F; constant. */
BYTE *content(void);
/* SIZE octets, the same for the same SEED (F is of seed 0); freed after the row. */
struct octets content_of(uint64_t seed, size_t size);
/* F with a new seed: nothing of it is in any cache. */
struct octets content_new(void);

/* Each ends the row when it cannot. They use operations of the row's mechanism. */
PEERDIST_STREAM_HANDLE stream_open(PEERDIST_INSTANCE_HANDLE peerdist, BYTE *id, uint64_t length);
void stream_add(PEERDIST_INSTANCE_HANDLE peerdist, PEERDIST_STREAM_HANDLE stream, const BYTE *data,
		size_t size);
void stream_complete(PEERDIST_INSTANCE_HANDLE peerdist, PEERDIST_STREAM_HANDLE stream);
/* Published, completed, closed. */
void publish(PEERDIST_INSTANCE_HANDLE peerdist, BYTE *id, const BYTE *data, size_t size);
void publish_f(PEERDIST_INSTANCE_HANDLE peerdist, BYTE *id);
/* A handle for its information of VERSION; 0: by the function without Ex. */
PEERDIST_CONTENTINFO_HANDLE information_open(PEERDIST_INSTANCE_HANDLE peerdist, BYTE *id,
					     uint64_t offset, uint64_t length, DWORD version);
/* What opening gives, whatever it is; then the handle is closed again. */
DWORD information_opens(PEERDIST_INSTANCE_HANDLE peerdist, BYTE *id);
/* To its end, by pieces of at most PIECE octets. */
struct octets information_rest(PEERDIST_INSTANCE_HANDLE peerdist,
			       PEERDIST_CONTENTINFO_HANDLE handle, DWORD piece);
struct octets information(PEERDIST_INSTANCE_HANDLE peerdist, BYTE *id, uint64_t offset,
			  uint64_t length, DWORD version);
/* Content information of version 1 (0), range included, of a content that was published in
 * passing. */
struct octets information_of(PEERDIST_INSTANCE_HANDLE peerdist, struct octets data, uint64_t offset,
			     uint64_t length, DWORD version);

PEERDIST_CONTENT_HANDLE content_open(PEERDIST_INSTANCE_HANDLE peerdist);
PEERDIST_CONTENT_HANDLE content_open_tagged(PEERDIST_INSTANCE_HANDLE peerdist,
					    const PEERDIST_CONTENT_TAG *tag);
/* READY C: with this information, completed. */
PEERDIST_CONTENT_HANDLE content_ready(PEERDIST_INSTANCE_HANDLE peerdist, struct octets information);
PEERDIST_CONTENT_HANDLE content_ready_tagged(PEERDIST_INSTANCE_HANDLE peerdist,
					     struct octets information,
					     const PEERDIST_CONTENT_TAG *tag);
/* READY C of a content that a peer says to have and never gives, so that reads are pending as long
 * as they may. Needs a script with order_peer; the peer stays. */
PEERDIST_CONTENT_HANDLE content_silent(PEERDIST_INSTANCE_HANDLE peerdist);
void content_add_data(PEERDIST_INSTANCE_HANDLE peerdist, PEERDIST_CONTENT_HANDLE handle,
		      uint64_t offset, const BYTE *data, size_t size);

/* service.c: the service and who uses it ------------------------------------------------------- */

/* A command for the admin file; the answer must begin with ok. After the row, mode, versions and
 * read-timeout are again what they were. */
void admin(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* admin("mode off") or back to the mode of the mount; returns when the status has followed. */
void service_off(void);
void service_on(void);
DWORD service_status(void);
/* A number of the object `api` in the status file: "operations". */
long service_number(const char *name);
/* "sources.cache.bytes": any number in it, by keys from the outside in, separated by dots. */
long service_number_at(const char *path);
/* Puts them into a file NAME for the script; its path, until the next call. */
const char *octets_save(const char *name, struct octets octets);
bool octets_are_saved(const char *name);
/* What it says; freed after the row. */
struct octets octets_load(const char *name);
/* Tells the script to do something (order_WORD there) and waits until it has. The row is skipped
 * when there is no script. */
void order(const char *word, ...) __attribute__((format(printf, 1, 2)));
/* This thread's file system identity: what an open() is done as. 0: root again. */
void become(uid_t user);

/* A ROW_CHILD of this program in a process of its own; returns when it has called child_ready(). */
pid_t child_start(const char *name);
void child_ready(void);
/* SIGKILL, and waited for. */
void child_kill(pid_t child);

/* rows.c for the others here ------------------------------------------------------------------- */

int row_number_now(void);
void row_wrong_at(int row, const char *format, ...) __attribute__((format(printf, 2, 3)));
void completions_row_begins(void);
void completions_row_ends(void);
/* After the last row. */
void completions_silent(void);
void subjects_row_ends(void);
void service_row_ends(void);

#endif
