/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the store's files share, by file. The public side is cache/store.h.
 *
 * Locks, in the order in which they are taken:
 *
 *   1. index.lock   the SQLite connection and what is in its rows. First come, first served. Held
 *                   over index I/O (microseconds; a checkpoint takes as long as the disk's sync).
 *   2. store.lock   everything in memory. Never held across I/O or a hash.
 *   -. store.segment_lock  the segments that were found lately; nothing else is done under it.
 *   -. store.tags_lock     what was tagged lately; likewise.
 *
 * Memory is what counts, rows follow: whoever changes a run or an object in memory marks it dirty,
 * and record_flush(), the only writer of content and run rows (but for object_forget_begin(),
 * store_pin() and record_pack()), writes it. Something dirty is never unloaded. So what is not
 * loaded is in the rows.
 *
 * Waiting: nobody waits for anything while holding index.lock. object_begin() and object_end()
 * enclose every use of an object's data; object_seize() waits until there is none and keeps others
 * out. Whoever has begun may wait for locks and for a unit's bit in "writing", never for room.
 */
#ifndef CACHE_STORE_PRIVATE_H
#define CACHE_STORE_PRIVATE_H

#include <pthread.h>
#include <sqlite3.h>
#include <sys/queue.h>
#include <time.h>
#include <xxhash.h>

#include "cache/store.h"

/* Our choices. */
enum {
	STORE_OPEN_FILES = 256,     /* descriptors kept */
	STORE_LOADED_RUNS = 4096,   /* clean runs kept in memory: about 5 MiB, 16 GiB of data */
	STORE_BUCKETS = 8192,       /* of each hash table */
	STORE_PACK_CONTENTS = 1024, /* at most in one pack */
	STORE_CHECK_SECONDS = 60,   /* how long a check is believed, see object_read() */
	STORE_FLUSH_PAUSE_MS = 5,   /* what comes within it is recorded together */
	STORE_TOUCH_SECONDS = 10,   /* how late a last use may be recorded */
	STORE_TROUBLE_SECONDS = 5,  /* a failing disk is left alone so long */
	STORE_BATCH = 64,           /* records written in one transaction */
	STORE_EVICTION_BATCH = 64,  /* candidates looked up at a time */
	STORE_ID_BATCH = 100000,    /* numbers reserved at a time */
	STORE_FOUND_SEGMENTS = 128, /* kept for being asked for again; each keeps its object */
};
#define STORE_LIMIT_MIN (1ull << 20)
#define STORE_PACK_OCTETS (4ull << 20)
#define STORE_PACK_OCTETS_MIN (256ull << 10)
/* Data that may be on disk without a record: lost when the daemon is killed. */
#define STORE_UNRECORDED_MAX (32ull << 20)

/* ---- the index: one SQLite connection ------------------------------------------------------ */

struct index {
	pthread_mutex_t mutex; /* guards the two tickets; use index_lock() */
	pthread_cond_t turn;
	uint64_t next_ticket, serving;

	/* Guarded by index_lock(). */
	sqlite3 *connection;
	struct {
		const char *sql; /* the literal at its caller */
		sqlite3_stmt *statement;
	} statements[256];
	bool in_memory;
	unsigned undone;     /* transactions */
	bool fresh;          /* made by index_open() */
	bool opened;         /* index_open() is through */
	uint64_t log_pages;  /* in the log since the last checkpoint */
	int directory_fd;    /* where the file is; borrowed */
	uint64_t log_budget; /* octets that the write-ahead log may take */
	int written;         /* sqlite3_total_changes() at the last commit */
	struct index_totals {
		uint64_t next_id;  /* numbers from here on were never used */
		uint64_t octets;   /* sum of all run.cost */
		uint64_t contents; /* rows of content */
		uint64_t opaque;   /* rows of opaque */
	} totals, committed;
	uint64_t opaque_seed; /* constant */

	bool broken; /* atomic: SQLite says that the file is damaged; everything fails from now on
		      */
};

/* ---- store_index_file.c: its tables, opened or made ---- */

/* DIRECTORY_FD, NAME: where; NAME NULL: in memory. -EBADMSG: damaged. CLEAN_OUT: whether the last
 * user closed it in order. */
int index_open(struct index *index, int directory_fd, const char *directory, uint64_t limit,
	       bool *clean_out);
/* CLEAN: everything was recorded. */
void index_close(struct index *index, bool clean);
/* The file and what belongs to it. */
void index_remove(int directory_fd);

/* ---- store_index.c: its use ---- */

void index_lock(struct index *index);
void index_unlock(struct index *index);

/* A statement with its parameters bound; NULL on failure (index_step() then says why). SQL must be
 * a literal. TYPES, a letter for each parameter: i int64_t; z int64_t, where 0 is NULL; n int64_t,
 * always NULL; b const void *, size_t (pointer NULL: NULL); s const char * (stored as a blob, since
 * names are octets). They must stay valid until the statement is done. A statement that writes
 * opens a transaction, which index_commit() ends. */
sqlite3_stmt *index_query(struct index *index, const char *sql, const char *types, ...);
/* 1: a row; 0: the end; or a negative errno. But for 1 the statement is done. */
int index_step(struct index *index, sqlite3_stmt *statement);
void index_done(sqlite3_stmt *statement);
/* The query and all its steps. Returns 0 or a negative errno. */
int index_run(struct index *index, const char *sql, const char *types, ...);
/* What a query says whose only row is one number; 0 when it fails. */
int64_t index_number(struct index *index, const char *sql);
/* Rows changed by the last index_run(). */
int index_changes(struct index *index);
/* Ends the transaction, if one is open; undone as a whole when it fails. */
int index_commit(struct index *index);
void index_rollback(struct index *index);
/* Whether so much has been written that the transaction ought to end. */
bool index_should_commit(struct index *index);
/* Moves the log into the file, and gives back some pages that are free. Outside a transaction.
 * Returns whether there are more of them. */
bool index_tidy(struct index *index);
/* How long the log may grow; index_cut_log() shortens one that is longer, outside a
 * transaction. */
void index_set_limit(struct index *index, uint64_t limit);
int index_cut_log(struct index *index);
/* Octets it takes; RESERVE_OUT: those that it may come to take before the next commit. */
uint64_t index_size(struct index *index, uint64_t *reserve_out);

/* ---- store_file.c: a file of blocks -------------------------------------------------------- */

/* All fields guarded by store.lock. */
struct file {
	uint64_t id;
	uint64_t of; /* the object whose content information it holds; 0: blocks */
	int fd;      /* -1: not open */
	unsigned users;
	TAILQ_ENTRY(file) idle; /* in store.idle_files when open and without users */
};

enum file_use { FILE_READ, FILE_WRITE };

/* Lock held, released meanwhile when the file must be opened. LENGTH: to make it with, if there is
 * none and USE is FILE_WRITE. Returns the descriptor, valid until file_release(); or -ENOENT, ...
 */
int file_acquire(struct store *store, struct file *file, enum file_use use, uint64_t length);
void file_release(struct store *store, struct file *file);
/* Takes the name and the descriptor away. Lock not held; no users. */
void file_remove(struct store *store, struct file *file);
void file_close_idle(struct store *store, struct file *file);
int file_punch(int fd, uint64_t offset, uint64_t length);
int file_read(int fd, void *buffer, size_t length, uint64_t offset);
int file_write(int fd, const void *buffer, size_t length, uint64_t offset);
#define FILE_NAME_SIZE 34
/* What a file is called in data/. */
void file_name(char name[FILE_NAME_SIZE], uint64_t of, uint64_t id);
/* A descriptor that was opened elsewhere; kept until file_release(). Lock held, released
 * meanwhile. */
void file_adopt(struct store *store, struct file *file, int fd);
/* A descriptor of a file that has no name in the store's directory. */
int file_open_unnamed(struct store *store);

/* Content information as an object's row has it: a file that begins with the encoded form. Behind
 * it lie the lengths of the units, if they are listed (cutting_packed): an object with such units
 * always has a file, so that they are never written again with the row. */
struct information {
	uint64_t file;           /* its number; 0: there is none */
	uint64_t octets;         /* of the encoded form */
	uint64_t cutting_octets; /* behind it; 0: the units are uniform */
	XXH128_hash_t sum, cutting_sum;
};

/* The run that stands for an object's content information, as if that were its only unit. No run
 * of units has this number. So the limit, wishes and age apply to it like to any other. */
#define STORE_CONTENT_RUN UINT32_MAX

/* ---- store_run.c: loaded runs and packs ---------------------------------------------------- */

/* All fields guarded by store.lock. */
struct run {
	uint64_t owner; /* object id or pack id; constant */
	uint32_t number;
	struct object *object; /* NULL: a pack; constant */
	LIST_ENTRY(run) bucket;
	TAILQ_ENTRY(run) age;        /* in store.runs, least recently used first */
	TAILQ_ENTRY(run) dirty_link; /* in dirty_runs, touched_runs or dead_packs */
	unsigned pins; /* reads and writes in progress: neither evicted nor unloaded */
	bool dirty;    /* in store.dirty_runs: its row is not what is here */
	bool touched;  /* in store.touched_runs: only "used" differs. Never both */
	bool flushing; /* record_flush() has a copy of it */
	bool evicting; /* its data are being taken away; writes wait */
	bool gone;     /* a pack that was taken away; only its row is left to delete */
	int64_t used;  /* seconds: the last use */
	uint64_t cost; /* octets on disk */
};

struct object_run {
	struct run run;
	uint64_t present; /* a bit for each unit */
	uint64_t writing; /* units whose octets on disk are being changed */
	XXH128_hash_t sums[STORE_RUN_UNITS];
	int64_t checked[STORE_RUN_UNITS]; /* when a unit was last read from disk and right */
};

struct pack {
	struct run run;
	struct file file;
	uint64_t octets;   /* appended so far */
	uint32_t appended; /* contents, the dead included; counted only while it is the open one */
	uint32_t live, wished; /* contents that count; of them, those of a wish */
	/* Of opaque blocks (cache/store_opaque_private.h): whose they are; 0: they are contents. */
	uint64_t giver;
	bool open; /* in store.opaque_open */
	TAILQ_ENTRY(pack) open_link;
};

static inline struct object_run *object_run(struct run *run)
{
	return (struct object_run *)run;
}
static inline struct pack *run_pack(struct run *run)
{
	return (struct pack *)run;
}

/* Lock held, released meanwhile when it must be loaded. Pinned. NULL: not enough memory. A run of
 * which nothing is known is found empty. */
struct object_run *run_pin(struct object *object, uint32_t number);
/* Same for a pack; NULL: there is none. */
struct pack *pack_pin(struct store *store, uint64_t id);
/* As above for who holds index.lock too. */
struct object_run *run_pin_indexed(struct object *object, uint32_t number);
struct pack *pack_pin_indexed(struct store *store, uint64_t id);
void run_unpin(struct store *store, struct run *run);
/* A use at NOW. */
void run_touch(struct store *store, struct run *run, int64_t now);
void run_mark_dirty(struct store *store, struct run *run);
/* Unloads it if nothing speaks against it and it is empty, or FORCE. Lock held. */
void run_unload(struct store *store, struct run *run, bool force);
/* Unloads what is too much. Lock held. */
void run_trim(struct store *store);
/* The octets of units PRESENT; none for STORE_CONTENT_RUN. */
uint64_t run_octets(const struct object_run *run, uint64_t present);
/* What PRESENT of run NUMBER takes on disk. */
uint64_t run_cost(const struct object *object, uint32_t number, uint64_t present);
/* Changes "present" and what the object and the store count of it; and the cost. Lock held. */
void run_set_present(struct object_run *run, uint64_t present);
void run_set_cost(struct store *store, struct run *run, uint64_t cost);
/* A new pack, pinned. */
struct pack *pack_insert(struct store *store, uint64_t id);
/* Bits of "present" that run NUMBER can have. */
uint64_t run_units(const struct object *object, uint32_t number);

/* ---- store_object.c: objects in memory ----------------------------------------------------- */

struct object {
	struct store *store;
	/* Constant. */
	uint64_t id;
	int64_t scope; /* of another one than the store's own: only to be evicted */
	char *path, *validator;
	/* Guarded by store.lock; read without it by atomic load. */
	uint64_t size;
	struct cutting *cutting;

	/* Guarded by store.lock. */
	LIST_ENTRY(object) path_bucket, id_bucket;
	TAILQ_ENTRY(object) dirty_link; /* in store.dirty_objects or store.dead_objects */
	unsigned references;
	unsigned users; /* between object_begin() and object_end() */
	bool seized;    /* somebody has it alone */
	bool doomed;    /* superseded: its data go with the last reference */
	bool wished;    /* by store_pin() */
	bool dirty, flushing;
	bool made;       /* there may be a file */
	unsigned loaded; /* runs in memory */
	uint32_t runs;   /* of which something is present */
	uint64_t cached; /* octets present */
	struct file file;
	/* Size unknown: the unit that was given short, and its length; 0: none. The length is
	 * written last and read without the lock. */
	uint32_t short_unit, short_length;
	uint32_t units_end; /* size unknown: no unit from this one on was ever written */
	uint64_t pack;      /* where its one unit lies; 0: nowhere */
	uint32_t start;     /* in the pack */
	XXH128_hash_t sum;
	int64_t checked;
	struct cutting **former; /* cuttings that somebody may still look at */
	unsigned former_count;

	struct information information;
	struct content_file *content; /* loaded, with a reference to its content; or NULL */
	bool content_loading;
	bool content_broken;   /* the file does not hold: as if there were none */
	bool content_unwanted; /* cleared while in use: goes with the last reference */
	bool refused;          /* by object_disown() */
};

/* The object of content row ID, with a reference; index.lock held, store.lock not. -ENOENT when
 * there is no such row or it cannot be believed. */
int object_load(struct store *store, uint64_t id, struct object **object_out);
/* Lock not held. */
bool object_is_loaded(struct store *store, uint64_t id);
/* Lock held. Waits while the object is seized. */
void object_begin(struct object *object);
void object_end(struct object *object);
void object_seize(struct object *object);
void object_unseize(struct object *object);
void object_mark_dirty(struct object *object);
/* Lock held. Frees the object when nothing keeps it; what needs I/O is left to object_bury(). */
void object_settle(struct object *object);
/* Lock not held. Ends objects that were left by object_settle(). */
void object_bury(struct store *store);
/* Empties OBJECT, of which the caller has a reference. Neither lock held. Returns octets freed. */
uint64_t object_drop(struct object *object);
/* Forgets rows and runs of OBJECT, which is seized, but not its files; KEEP_PACK: nor what lies in
 * a pack. Both locks are held from then on until object_forget_end(), which commits. Returns what
 * the runs took on disk, still counted. */
uint64_t object_forget_begin(struct object *object, bool keep_pack);
void object_forget_end(struct object *object);
/* The other versions of its path in memory go with their last reference. Returns whether there are
 * any. Lock held. */
bool object_doom_others(struct object *object);
/* References to the objects of a bucket of store.by_path that are below TOP, at most MAX. */
unsigned object_bucket(struct store *store, unsigned bucket, const char *top,
		       struct object **objects, unsigned max);
/* Whether it is kept in a pack as long as it is as it is. */
bool object_packed(const struct object *object);
/* The unit's length, as far as known. Lock held. */
uint32_t object_unit_length(const struct object *object, uint32_t unit);
/* Takes CUTTING over; what object_cutting() gave out before stays valid. -ENOMEM, but not after
 * object_expect_cutting(). Lock held. */
int object_set_cutting(struct object *object, struct cutting *cutting);
int object_expect_cutting(struct object *object);
/* The same for an object of which nobody but the caller has a reference. */
void object_replace_cutting(struct object *object, struct cutting *cutting);
bool path_below(const char *path, const char *top);

/* ---- store_record.c: memory to rows -------------------------------------------------------- */

/* index.lock held, store.lock not. Writes what is dirty and commits. */
int record_flush(struct store *store);
/* The checksum of a content row: what a content is and where, so that an altered row is found. */
uint64_t record_proof(const struct object *object);
/* index.lock held. Deletes the rows of object ID, whatever they say. COST_OUT: the sum of theirs.
 */
int record_delete(struct store *store, uint64_t id, uint64_t *cost_out);
/* PACK's row is as PACK is now, when the transaction is committed; it stays dirty until the next
 * flush. index.lock held, store.lock not. */
int record_pack(struct store *store, struct pack *pack);
int record_start(struct store *store);
void record_stop(struct store *store);
/* Lock held. Something is there to be recorded. */
void record_wake(struct store *store);

/* The time of the last use of what OBJECT has, but for content information. index.lock held, all
 * recorded, store.lock not held. 0: it has nothing. */
int64_t record_last_use(struct object *object);

/* ---- store_read.c, store_write.c, store_pack.c
 * ------------------------------------------------------------ */

/* Checks UNIT on disk and drops it if it is bad. Lock not held, run pinned. 0, -ENOENT, -EBADMSG.
 * DATA_OUT: CUTTING_UNIT_MAX octets. */
int unit_check(struct object *object, struct object_run *run, uint32_t unit, void *data_out);
int object_read_part(struct object *object, uint64_t offset, size_t length, void *buffer,
		     bool believe, bool touch);
/* Lock not held, object begun. */
int pack_read(struct object *object, uint32_t offset, uint32_t length, void *buffer, bool believe,
	      bool touch);
/* RESERVED: what room_reserve() was asked for; given back. */
int pack_write(struct object *object, const void *data, uint32_t length, XXH128_hash_t sum,
	       uint64_t reserved);
/* Lock held, released meanwhile. Whether the pack that OBJECT lies in is still there. */
bool pack_present(struct object *object);
/* As above for who holds index.lock too. */
bool pack_present_indexed(struct object *object);
/* Lock held. Its file goes when its row is gone and nobody uses it. */
void pack_die(struct store *store, struct pack *pack);
/* Whoever leaves a pack without a living content last, ends it. Lock held. */
void pack_unpin(struct store *store, struct pack *pack);
/* Takes OBJECT out of its pack. index.lock and lock held. */
void pack_forget(struct object *object);
XXH128_hash_t unit_sum(const void *data, size_t length);
/* How many units from FIRST on, at most COUNT, are as the first is. Lock held, released
 * meanwhile; object begun or seized, not in a pack. */
uint32_t unit_extent(struct object *object, uint32_t first, uint32_t count, bool *present_out);
void store_count_bad(struct store *store, const struct object *object);

/* ---- store_room.c: room ---------------------------------------------------------------------- */

/* Reserves OCTETS of the limit, evicting what must be; -ENOSPC. Neither lock held, nothing begun.
 */
int room_reserve(struct store *store, uint64_t octets);
/* The same at the cost of a giver of opaque blocks alone, if it is not 0. */
int room_reserve_of(struct store *store, uint64_t octets, uint64_t giver);
/* What can be reserved before anything has to go. Lock held. */
uint64_t room_left(const struct store *store);
/* Octets on disk, of what was written in one go. */
uint64_t room_rounded(const struct store *store, uint64_t octets);
/* Lock held. */
void room_return(struct store *store, uint64_t octets);
/* Evicts until what is there fits. -ENOENT: nothing more can go. */
int room_enforce(struct store *store);
/* The disk refused a write with ERROR: one eviction, or caching pauses, unless it is the one file
 * that cannot be so long. 0: try again. */
int room_trouble(struct store *store, int error);
int room_trouble_of(struct store *store, int error, uint64_t giver);

/* ---- store_evict.c: what goes ---------------------------------------------------------------- */

/* One eviction; GIVER 0: of what was used longest ago, else of the pack of his that was begun
 * first. -ENOENT: nothing can go. */
int evict_for(struct store *store, uint64_t giver);
/* Deletes rows that cannot be believed, and the files with them: of the object ID, which is not
 * loaded. index.lock held. */
void evict_stranger(struct store *store, uint64_t id);
/* The file of content information that the row of object ID names; 0: none. index.lock held. */
uint64_t evict_named_content(struct store *store, uint64_t id);
/* The candidate's run, pinned, its object begun; NULL: it is not what it was, or in use. index.lock
 * held. */
struct eviction_candidate;
struct run *evict_take(struct store *store, const struct eviction_candidate *candidate);
/* RUN, that was taken so, goes; -ENOENT: it is NULL. index.lock held, and given back. */
int evict_run(struct store *store, struct run *run);

/* ---- store_sweep.c: files without records ---------------------------------------------------- */

#define SWEEP_STALE "stale-"

int sweep_start(struct store *store);
void sweep_stop(struct store *store);

/* ---- store_walk.c ---------------------------------------------------------------------------- */

/* Goes through the recorded contents of a path and all below it, a batch at a time. */
struct walk {
	struct store *store;
	char *top, *path; /* path: of the last one */
	uint64_t last;    /* its id */
	bool everything;  /* of all scopes, in the order of ids */
	uint64_t ids[STORE_BATCH];
};

/* TOP NULL: all; with ALL_SCOPES those of others too. */
int walk_start(struct walk *walk, struct store *store, const char *top, bool all_scopes);
/* Fills ids. Returns how many, 0 at the end, or a negative errno. Lock not held. */
int walk_next(struct walk *walk);
void walk_end(struct walk *walk);

/* ---- store_wish.c ---------------------------------------------------------------------------- */

/* index.lock held. Whether PATH or something above it is pinned. */
bool wish_covers(struct store *store, const char *path);

/* ---- store_tags.c ---------------------------------------------------------------------------- */

struct tag_note;

/* Makes rows of what was noted. index.lock held, all else recorded. */
int store_tags_record(struct store *store);
/* Rows of objects that are gone go too. Neither lock held. */
void store_tags_sweep(struct store *store);
/* Records what is left; all else is recorded. Nobody else uses the store. */
void store_tags_close(struct store *store);

/* ---- store_opaque*.c, see cache/store_opaque_private.h --------------------------------------- */

struct opaque_givers;

/* Takes over what the index has. index.lock not needed. */
int opaque_start(struct store *store);
void opaque_close(struct store *store);
/* No more is written to any pack. Lock held. */
void opaque_close_packs(struct store *store);
/* PACK takes no more. Lock held. */
void opaque_close_pack(struct store *store, struct pack *pack);
/* Its row is deleted, and now those of its blocks. index.lock held, lock not. */
int opaque_pack_gone(struct store *store, const struct pack *pack);
/* The index may have changed, or a transaction have been undone. The same. */
void opaque_publish(struct store *store);

/* ---- store_segment*.c, see cache/store_segment_private.h ------------------------------------- */

struct store_segment;
struct segment_names;

/* Where the sweeper of names is. */
struct names_sweep {
	enum { NAMES_SWEEP_NONE, NAMES_SWEEP_GONE, NAMES_SWEEP_ROWS } state;
	int64_t from; /* key */
	int64_t dead; /* how many were known to be left behind when it began */
};

/* ---- store.c --------------------------------------------------------------------------------- */

struct eviction_candidate {
	uint64_t owner;
	uint32_t number;
	bool pack;
	int64_t used;
};

struct store {
	/* Constant. */
	char *directory, *scope_name;
	bool unlinked;
	int64_t max_age;
	int64_t (*now)(void);
	int directory_fd, data_fd, lock_fd;
	uint64_t block;    /* octets in which the file system allocates */
	uint64_t first_id; /* numbers from here on are of this session */
	bool index_opened;
	int64_t scope; /* row */
	struct catalog *catalog;

	struct index index;
	/* Guarded by index.lock. */
	uint64_t next_id;
	struct eviction_candidate candidates[STORE_EVICTION_BATCH];
	unsigned candidate_count, candidate_next;
	bool candidates_renewed; /* one was found to be younger than its row said */
	struct record_batch *batch;
	unsigned wishes;                   /* rows of pin in this scope */
	TAILQ_HEAD(, segment_names) names; /* of described objects, not yet recorded */
	struct names_sweep names_sweep;

	pthread_mutex_t lock;
	pthread_cond_t changed; /* of users, seized, writing, evicting, unrecorded, sweeping */
	pthread_cond_t wake;    /* of the flusher */
	/* Guarded by lock. */
	LIST_HEAD(, object) by_path[STORE_BUCKETS], by_id[STORE_BUCKETS];
	LIST_HEAD(, run) run_buckets[STORE_BUCKETS];
	TAILQ_HEAD(run_list, run) runs, dirty_runs, touched_runs;
	unsigned run_count;
	TAILQ_HEAD(object_list, object) dirty_objects, dead_objects;
	struct run_list dead_packs; /* like dead_objects: for object_bury() */
	TAILQ_HEAD(content_file_list, content_file) dead_contents; /* the same */
	TAILQ_HEAD(, file) idle_files;
	unsigned open_files, open_files_max;
	struct pack *open_pack; /* loaded as long as it is open */
	uint64_t limit;
	uint64_t used; /* octets of blocks, those reserved included */
	uint64_t index_octets, index_reserve;
	uint64_t suspect;    /* octets that files without records may take, until swept */
	uint64_t unrecorded; /* octets written since the last record_flush() */
	uint64_t contents, checksum_errors, evicted;
	uint64_t segments;      /* as store_usage() says */
	uint64_t unnamed;       /* names in "names" */
	time_t trouble_until;   /* monotonic seconds; 0: none */
	bool failing;           /* the last record_flush() failed */
	bool pending, stopping; /* for the flusher */
	bool sweeping, sweep_stopping, swept;
	bool sweep_all; /* constant: the former session did not end in order */
	pthread_t flusher, sweeper;
	bool flusher_runs, sweeper_runs;

	/* Opaque blocks. */
	uint64_t opaque;              /* atomic: how many there are */
	struct opaque_givers *givers; /* NULL: never any; set and read with lock held */
	TAILQ_HEAD(opaque_packs, pack) opaque_open; /* used last: first; guarded by lock */
	unsigned opaque_open_count;
	unsigned opaque_undone; /* what index.undone was; index.lock */

	pthread_mutex_t tags_lock;
	TAILQ_HEAD(, tag_note) tags; /* guarded by tags_lock: not yet recorded */
	unsigned tags_written;       /* rows, since they were counted; index.lock */

	pthread_mutex_t segment_lock;
	struct store_segment *found[STORE_FOUND_SEGMENTS]; /* guarded by segment_lock */
	unsigned names_added;  /* atomic: how often objects were described */
	bool described;        /* atomic: there may be names; never false again */
	bool backlog;          /* constant: there may be objects without names */
	bool backlog_stopping; /* atomic */
	bool backlog_runs;
	pthread_t backlog_thread;
};

static inline void store_lock(struct store *store)
{
	pthread_mutex_lock(&store->lock);
}
static inline void store_unlock(struct store *store)
{
	pthread_mutex_unlock(&store->lock);
}
time_t store_monotonic(void);
uint64_t store_unrecorded_max(const struct store *store);
/* That a pack takes at most; lock held. */
uint64_t store_pack_octets(const struct store *store);
/* A number for an object or pack; index.lock held. */
uint64_t store_new_id(struct store *store);

#endif
