/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The heart: reads go in, bytes come out, and each block travels once.
 *
 * A *flight* is one unit on its way into the store. Whoever wants the unit meanwhile joins the
 * flight. Units that content information describes are sought nearby first, one *errand* each, if
 * there is anybody; what nobody there gives comes from the source: neighbouring units travel in
 * one *transfer*; one that breaks off is tried again for what did not land. Landing: the bytes are
 * given to all who wait, then stored, then kept in memory for a moment for the reader that is just
 * behind.
 *
 * The engine sees the store, and sources behind fs/source.h. It knows neither FUSE nor HTTP.
 *
 * Threads: calls may come from any thread. Sources report from theirs. Callbacks run on the
 * caller's thread inside fetch_read(), or on a pool thread; never on a source's thread, and never
 * with a lock held. One lock guards all flights, reads and transfers; no I/O happens under it.
 */
#ifndef FS_FETCH_H
#define FS_FETCH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/uio.h>

#include "cache/content.h"
#include "cache/pool.h"
#include "cache/store.h"
#include "fs/ledger.h"
#include "fs/source.h"

/* Octets between sources and store, all files together; above it transfers are paused. */
#define FETCH_BUFFERED_MAX (64u << 20)

struct fetch;
struct fetch_file;

/* Who finds out what the engine itself cannot. Called without a lock, on any thread but a source's;
 * NULL: nobody. */
struct fetch_judges {
	/* A read of FILE needs a source, and whether there is content information is not known: it
	 * waits for fetch_asked() or fetch_describe(), but not for long. Once in the file's life.
	 * FILE with a reference of the callee's own. */
	void (*ask)(void *owner, struct fetch_file *file);
	/* DATA, LENGTH octets at OFFSET of FILE from the origin, contradict the content
	 * information. fetch_judge() must follow, once, also after a fetch_describe(); until then
	 * DATA stays and nothing else of FILE is given to judge. */
	void (*doubt)(void *owner, struct fetch_file *file, uint64_t offset, const void *data,
		      size_t length);
	/* A file of OBJECT has ended, and was not opened with FETCH_INSIDE; others may be open. */
	void (*closed)(void *owner, struct object *object, const char *path, const char *validator);
	/* The origin gives other octets under a validator that it gave before: files of PATH that
	 * are open fail from now on, and what others remember of its octets is void. On a pool
	 * thread. */
	void (*replaced)(void *owner, const char *path);
	void *owner;
};

struct fetch_options {
	struct pool *pool;
	struct source *source;
	struct nearby *nearby; /* NULL: nobody */
	struct ledger *ledger; /* NULL: none is kept */
	unsigned timeout;      /* seconds within which each read must have its blocks, else -EIO */
	struct fetch_judges judges;
};

int fetch_create(const struct fetch_options *options, struct fetch **fetch_out);
/* Every file must have been put and every transfer have ended. NULL is fine. */
void fetch_destroy(struct fetch *fetch);
/* Deadlines and retries. Called about ten times a second; any one thread. NOW: loop_clock_ms(). */
void fetch_tick(struct fetch *fetch, int64_t now_ms);
void fetch_set_timeout(struct fetch *fetch, unsigned timeout);
/* Asks every transfer to end, so that fetch_idle() becomes true. */
void fetch_stop(struct fetch *fetch);
bool fetch_idle(struct fetch *fetch);
/* Drops what is kept in memory for the reader just behind. */
void fetch_forget(struct fetch *fetch);

enum {
	FETCH_NO_RANGES = 1,   /* the source only gives the whole content */
	FETCH_ONE_ANSWER = 2,  /* there is no validator: all octets must come from one answer */
	FETCH_ANSWERED = 4,    /* and that came before: what is not here will not come */
	FETCH_MAY_ASK = 8,     /* there may be content information: judges.ask */
	FETCH_INSIDE = 16,     /* not opened for a reader: judges.closed is not told */
	FETCH_NEARBY_ONLY = 32 /* fetch_open_nearby() */
};
/* Takes a reference of its own to OBJECT. VALIDATOR: what the sources are asked for. */
int fetch_open(struct fetch *fetch, struct object *object, const char *path, const char *validator,
	       unsigned flags, struct fetch_file **file_out);
/* A content behind which there is no source: units come from nearby or not at all, no transfer is
 * ever begun, no failure remembered. A unit that is not given ends its reads at once: with -ENODATA
 * when nobody nearby has it, or nobody is asked; with -EAGAIN when somebody was said to have it, or
 * when the time for a read is over. Who asks again may get it.
 * CONTENT describes what may be sought, each block at its offset in OBJECT, of which it need not
 * describe all; then it is to be an object of uniform units. NULL: what describes OBJECT, which has
 * listed all. Such files of the same object, opened with NULL, are one file. */
int fetch_open_nearby(struct fetch *fetch, struct object *object, const char *path,
		      struct content *content, struct fetch_file **file_out);
struct fetch_file *fetch_file_get(struct fetch_file *file);
/* Transfers under way go on and land. NULL is fine. */
void fetch_file_put(struct fetch_file *file);
struct object *fetch_file_object(const struct fetch_file *file);
const char *fetch_file_validator(const struct fetch_file *file);
const char *fetch_file_path(const struct fetch_file *file);
/* Whether more can come, or comes into the store just now: false after a lost one-answer transfer
 * or when the origin has another version by now. */
bool fetch_file_alive(struct fetch_file *file);
/* Whether its content was replaced under the same validator: it must be opened anew. */
bool fetch_file_replaced(struct fetch_file *file);
/* Whether content information is just being taken in or dropped. */
bool fetch_file_changing(struct fetch_file *file);
/* A file of OBJECT, open or not, with a reference; one that is alive if any is. NULL: none that is
 * for readers. */
struct fetch_file *fetch_find(struct fetch *fetch, const struct object *object);
/* The origin's version of PATH is OBJECT's now: what is not here of other versions will not come.
 */
void fetch_supersede(struct fetch *fetch, const char *path, const struct object *object);
/* The origin has said again that its version is the file's: what failed may be tried again. */
void fetch_file_revive(struct fetch_file *file);
/* A unit's bytes that came by another way, from the origin under the file's validator. Copied;
 * readers have them from now on. Returns the job of storing them, for the caller to run, on any
 * thread but a source's, when nobody waits for it any more; NULL: nothing to do. */
struct pool_job *fetch_seed(struct fetch_file *file, uint32_t unit, const void *data,
			    size_t length);

/* Content information. While a file has it, every unit is checked against it before it is given to
 * a reader or stored, wherever it came from. */

/* The question of judges.ask is answered as far as reads are concerned: they go on, while more may
 * come. Any thread. */
void fetch_asked(struct fetch_file *file);
/* CONTENT, of which a reference is taken over, describes FILE from now on: what is present is
 * compared, the units become its blocks, reads go on. Long; pool thread. 0; -EINVAL: it does not
 * speak for the whole of FILE; -EBUSY: another one is just being taken in; -ELOOP: it would be one
 * too many in this file's life; -ENOMEM, ... */
int fetch_describe(struct fetch_file *file, struct content *content);
/* A reference to FILE's, for content_put(); NULL: none. */
struct content *fetch_file_content(struct fetch_file *file);
/* The way from the origin, or the origin itself, gave content information that is damaged again and
 * again: while FILE has none, a block of it is given out when two readings agree (judges.doubt). */
void fetch_distrust(struct fetch_file *file);
/* A running answer with the whole content from octet 0 on, that nobody asked for: a transfer to be
 * reported to like one that the source was given, HANDLE for its resume() and hurry(). Readers that
 * are near it follow it, all of them where the source cannot do ranges; if there is none it is
 * ended soon. NULL: no memory. */
struct transfer *fetch_offer(struct fetch_file *file, void *handle);

enum fetch_verdict {
	FETCH_RIGHT,       /* DATA is what the block should be, and was checked */
	FETCH_UNRELIABLE,  /* readings differ, none is right: the block's readers get -EIO */
	FETCH_CONTRADICTED /* readings agree: the content information is dropped for this version,
			    * reads go on without */
};
/* The answer to judges.doubt; without effect when the content information has become another
 * meanwhile. Any thread but a source's. */
void fetch_judge(struct fetch_file *file, enum fetch_verdict verdict, const void *data);

/* Is told what comes into the store because of somebody's reads. */
struct fetch_witness {
	atomic_uint references; /* one for its maker; put with fetch_witness_put() */
	/* UNIT of OBJECT, which a read of this witness was the first to want, is stored. Pool
	 * thread, no lock held; short. */
	void (*stored)(struct fetch_witness *witness, struct object *object, uint32_t unit);
};
/* The last reference frees WITNESS, which is from malloc(). NULL is fine. */
void fetch_witness_put(struct fetch_witness *witness);

struct fetch_piece;
/* One read. The caller sets the first group and leaves it alone until done is called. */
struct fetch_read {
	struct fetch_file *file; /* must outlive the read */
	uint64_t offset;
	size_t length;  /* within the content */
	uint64_t ahead; /* also fetch up to this octet, with nobody waiting; 0: nothing */
	uint64_t reach; /* whoever reads on will come to this octet: a request for what is ahead may
			 * ask for so much, and take it when it is wanted; 0: not known */
	bool store_only;               /* bring it into the store, give no bytes, count nothing */
	bool uncounted;                /* who reads says what it gives, by fetch_file_given() */
	struct fetch_witness *witness; /* of this read and what is ahead; NULL: nobody */
	/* ERROR: 0; -EIO; -ESTALE: the origin has another version; -EACCES; -ENOENT; of
	 * fetch_open_nearby() also -ENODATA, -EAGAIN. */
	void (*done)(struct fetch_read *read, int error);

	/* The bytes, valid inside done. */
	struct iovec *vectors;
	int vector_count;

	/* The engine's. */
	struct fetch_piece *pieces;
	uint32_t piece_count, pending;
	unsigned attempts;
	int error;
	int64_t deadline_ms;
	uint64_t mark; /* octets the file's stream had brought when the wait began */
	bool waiting;
	struct pool_job job;
	struct fetch_read *previous, *next;
	TAILQ_ENTRY(fetch_read) in_parked;
};
/* done is called exactly once, possibly before this returns. */
void fetch_read(struct fetch_read *read);
/* Streams the whole content into the store; for contents whose size is not known yet. The object
 * is finished when done gets 0. Only offset 0 and length 0 are looked at. */
void fetch_whole(struct fetch_read *read);

struct fetch_counters {
	struct {
		uint64_t bytes, blocks;
	} given[GIVEN_KINDS];
	uint64_t hash_errors; /* blocks that contradicted content information */
};
/* A reader was given LENGTH octets from OFFSET on, within the content, from what the store has, or
 * what a read brought that did not count itself. They count as those of a read do. */
void fetch_file_given(struct fetch_file *file, uint64_t offset, size_t length);
void fetch_counters(struct fetch *fetch, struct fetch_counters *counters_out);
/* Somebody else found a block that contradicts content information: it is counted. */
void fetch_count_hash_error(struct fetch *fetch);

#endif
