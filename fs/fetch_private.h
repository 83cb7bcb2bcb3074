/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the files of the fetch engine share: fetch.c (reads), fetch_given.c (counting), fetch_file.c
 * (files), flight.c (the table of flights, landing, keeping), errand.c (units sought nearby),
 * transfer*.c (requests to the source), follow.c (requests that wait for a sequential reader),
 * describe.c (content information comes or goes), doubt.c (blocks that contradict it).
 *
 * fetch->lock guards every field below that does not say otherwise. It is never held across I/O, a
 * callback or source->start().
 */
#ifndef FS_FETCH_PRIVATE_H
#define FS_FETCH_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/queue.h>

#include "cache/store_content.h"
#include "fs/fetch.h"
#include "fs/ledger.h"

/* Longest transfer of ranges, in octets: long enough that a round trip between two does not
 * count, short enough that a reader elsewhere need not wait long. Our choice. */
#define TRANSFER_MAX (16u << 20)
/* What is kept in memory for the reader just behind, and for how long. Our choice. */
#define HELD_MAX (16u << 20)
#define HELD_MS 2000
/* So long reads wait for the answer to the question for content information: our choice, longer
 * than a good answer takes on most lines, shorter than a person notices once a file. */
#define PATIENCE_MS 1000
/* The kernel asks twice for what failed; the second time it gets the same answer. */
#define FAILURE_MS 5000
#define FAILURES 8
#define FLIGHT_BUCKETS 1024u
#define SHARED_BUCKETS 1024u
/* How a read of FETCH_NEARBY_ONLY, whose unit is not given, ends inside: -EAGAIN has another
 * meaning here. A timeout's, so that one counts as such. */
#define FETCH_READ_BUSY (-ETIMEDOUT)

/* Octets of one unit; immutable once landed. */
struct buffer {
	atomic_uint references;
	uint32_t length;
	unsigned char bytes[];
};

/* WAITING -> LANDING when the last octet came; LANDING -> LANDED when they were found right and
 * given to all who waited; then stored, and freed when nobody is likely to come any more. A flight
 * that is found wrong stays LANDING, in doubt (doubt.c). */
enum flight_state { FLIGHT_WAITING, FLIGHT_LANDING, FLIGHT_LANDED };

struct flight {
	LIST_ENTRY(flight) in_bucket;
	LIST_ENTRY(flight) in_file;
	TAILQ_ENTRY(flight) in_held; /* when `held` */
	struct fetch_file *file;
	uint32_t unit;
	enum flight_state state;
	enum given given;
	bool stored, held; /* `stored`: the store has had its chance */
	/* While WAITING: who brings it; both while the errand is late. */
	struct transfer *transfer;
	struct errand *errand;
	unsigned why;                  /* enum ledger_why: why nobody nearby gave it */
	struct xaddr from;             /* of GIVEN_PEER and GIVEN_HOSTED */
	struct fetch_witness *witness; /* a reference; NULL: nobody */
	struct buffer *buffer;         /* from LANDING on */
	struct fetch_piece *waiting;   /* until LANDED; who wants it stored, until `stored` */
	int64_t landed_ms;
	TAILQ_ENTRY(flight) in_doubt; /* of file->doubted */
	struct pool_job job;
};

struct fetch_piece {
	struct fetch_read *read;
	struct fetch_piece *next_waiting;
	struct flight *flight; /* joined; NULL when not (any more) */
	struct buffer *buffer; /* NULL: in the store */
	uint64_t offset;       /* of its first octet in the content */
	uint32_t unit, skip, length;
	enum given given;
};

struct transfer {
	LIST_ENTRY(transfer) in_file;
	TAILQ_ENTRY(transfer)
	in_queue;                /* of paused or starved ones, or of those to be tried again */
	struct fetch_file *file; /* a reference */
	const struct cutting *cutting; /* that its units are of; constant */
	uint32_t first, count;         /* a stream: all units, whatever these say */
	uint32_t reach;                /* the answer brings so many, of which `count` are wanted */
	uint32_t next_unit;            /* units below have come by, or are coming */
	atomic_uint wanted_end;        /* first + count */
	unsigned why;                  /* flight->why of who it was begun for */
	bool stream, urgent, paused;
	int64_t began_ms, first_ms; /* when it was begun, and when its first octets came; or 0 */
	bool delayed;               /* by us, so that its time tells nothing of the source's */
	bool offered;               /* fetch_offer(): brings the whole content from octet 0 on */
	bool starved;               /* the answer waits for more to be wanted (fs/follow.c) */
	bool owed;                  /* resume() as soon as there is a handle */
	int64_t starved_ms;
	bool starting, ended; /* whichever of start() and transfer_end() comes last frees it */
	atomic_bool unwanted; /* its bytes are not taken any more */
	atomic_bool vain;     /* all of it has come from elsewhere */
	bool detached; /* unwanted because the units are others now: it ends without effect */
	unsigned attempts;
	int64_t start_ms; /* when to be tried again */
	void *handle;     /* the source's */
	/* The source's thread only. */
	uint32_t unit;
	uint32_t
		length; /* of this unit; another stream may find out the content's size meanwhile */
	size_t filled;
	bool skipping; /* this unit is not wanted */
	struct buffer *buffer;
	uint32_t landed;
	atomic_ullong received; /* octets */
};

/* A unit that was not given wholly yet: where it came from, and which of its ends were given. */
enum { FRESH_GIVEN = 0x0f, FRESH_BEGUN = 0x10, FRESH_ENDED = 0x20 };

/* Whether there is content information: asked for by the first read that needs a source. */
enum asking { FILE_UNASKED, FILE_ASKING, FILE_ASKED };

struct fetch_file {
	LIST_ENTRY(fetch_file) in_fetch;
	LIST_ENTRY(fetch_file) in_shared; /* when `shared` */
	bool shared;                      /* others that want the object find it */
	struct fetch *fetch;
	struct object *object;
	uint64_t number; /* no other file ever has it */
	/* Changed together, with no flight of the file left; content: by landing flights read
	 * without the lock. NULL: none. */
	const struct cutting *_Atomic cutting;
	struct content *content;
	enum asking asking;
	int64_t asked_ms;
	struct change *change;           /* under way: nothing departs */
	TAILQ_HEAD(, fetch_read) parked; /* until there is an answer, or the change is through */
	atomic_uint changed;             /* counts changes that are through */
	TAILQ_HEAD(, flight) doubted;    /* oldest first */
	struct {
		struct buffer *buffer; /* a reference of the judge's; NULL: nothing is judged */
		struct flight *flight; /* whose it is; NULL: given up meanwhile */
		uint64_t offset;
		struct pool_job job;
	} judged;               /* as long as there is a buffer, a reference to the file */
	atomic_bool distrusted; /* fetch_distrust() */
	atomic_bool replaced;   /* other octets bear its validator now: no read succeeds any more */
	unsigned replacements;  /* of its content information by another */
	bool torn;              /* a stream of FETCH_ONE_ANSWER was cut off by a change */
	char *path, *validator;
	unsigned flags;
	unsigned references;
	int dead;      /* the errno that every read of what is missing gets; 0: alive */
	bool answered; /* the one answer came whole; some of it may not be stored yet */
	atomic_uint flight_count;
	atomic_uint
		generation; /* counts flights that went: what was absent before may be present */
	unsigned landing;
	int64_t nearby_until_ms; /* somebody nearby gave some of it lately */
	LIST_HEAD(, flight) flights;
	LIST_HEAD(, transfer) transfers;
	struct transfer *stream;
	struct fetch_read *whole; /* fetch_whole() callers */
	uint64_t finished_size;   /* a stream of unknown size ended with so many octets */
	bool finishing;
	uint8_t *fresh; /* per unit: what no reader was given yet: GIVEN_ and FRESH_; else 0 */
	atomic_uint fresh_count;
	struct {
		uint32_t unit;
		int error;
		int64_t until_ms;
	} failures[FAILURES];
	unsigned next_failure;
	struct pool_job job; /* finishing, later freeing */
};

struct fetch {
	pthread_mutex_t lock;
	struct pool *pool;     /* immutable */
	struct source *source; /* immutable */
	struct nearby *nearby; /* immutable; NULL: nobody */
	struct ledger *ledger; /* immutable; NULL: none */
	uint64_t files_opened;
	/* Of transfers lately; 0: not known. */
	uint64_t octets_per_second, first_ms;
	int64_t timeout_ms;
	int64_t now_ms;
	bool stopping;
	unsigned asking;  /* files in FILE_ASKING */
	unsigned changes; /* counts them when they are through */
	struct fetch_judges judges;
	atomic_ullong hash_errors;
	atomic_size_t buffered; /* octets between source and store */
	size_t sought;          /* octets of errands that are out */
	size_t held_octets;
	unsigned file_count;
	LIST_HEAD(, fetch_file) files;
	LIST_HEAD(, fetch_file) shared[SHARED_BUCKETS]; /* by object */
	LIST_HEAD(, flight) buckets[FLIGHT_BUCKETS];
	TAILQ_HEAD(, flight) held;                                     /* oldest first */
	TAILQ_HEAD(transfer_queue, transfer) paused, starved, retries; /* starved: oldest first */
	struct fetch_read *first_waiting, *last_waiting;               /* by deadline */
	struct {
		atomic_ullong bytes, blocks;
	} given[GIVEN_KINDS];
};

/* fetch_file.c. Names that end in _locked want the lock held. */
void file_get_locked(struct fetch_file *file);
void file_put_locked(struct fetch_file *file);
void file_fail_locked(struct fetch_file *file, uint32_t unit, int error);
/* 0, or how UNIT failed a moment ago. */
int file_failure_locked(const struct fetch_file *file, uint32_t unit);

/* fetch.c */
/* Takes READ out of the list of the waiting and has it end on a pool thread. */
void read_end_locked(struct fetch_read *read, int error);
/* Takes READ back from all flights and parks it. */
void read_park_locked(struct fetch_read *read);
/* Has all parked reads of FILE begin anew (ERROR -EAGAIN), or end, on pool threads. */
void reads_restart_locked(struct fetch_file *file, int error);

/* flight.c */
struct buffer *buffer_create(uint32_t length);
/* MEMORY from malloc(), in which LENGTH octets are where those of a buffer are. */
struct buffer *buffer_adopt(void *memory, uint32_t length);
struct buffer *buffer_get(struct buffer *buffer);
void buffer_put(struct buffer *buffer);
struct flight *flight_find_locked(struct fetch_file *file, uint32_t unit);
struct flight *flight_create_locked(struct fetch_file *file, uint32_t unit);
/* WITNESS (NULL: nobody) is told when it is stored. */
void flight_witness_locked(struct flight *flight, struct fetch_witness *witness);
void flight_join_locked(struct flight *flight, struct fetch_piece *piece);
void flight_leave_locked(struct fetch_piece *piece);
/* All who wait get ERROR (0: BUFFER must be set), and the flight, if ERROR, is gone. */
void flight_fail_locked(struct flight *flight, int error);
void flight_free_locked(struct flight *flight);
/* Hands BUFFER, complete, to the pool. */
void flight_land_locked(struct flight *flight, struct buffer *buffer, enum given given);
/* Readers may have BUFFER at once; whoever calls it runs flight->job later. */
void flight_believe_locked(struct flight *flight, struct buffer *buffer, enum given given);
/* FLIGHT, waiting, is landing with BUFFER, which was checked and came from the machine FROM;
 * whoever calls it calls flight_accept(). */
void flight_bring_locked(struct flight *flight, struct buffer *buffer, enum given given,
			 const struct xaddr *from);
/* A landing flight was found right: it is given out and stored. Pool thread, without the lock. */
void flight_accept(struct flight *flight);
/* All who wait get ERROR, or the buffer. */
void flight_give_locked(struct flight *flight, int error);
/* A landing flight is gone. Without the lock. */
void flight_settled(struct fetch_file *file);
/* A stream of unknown length ended: the object gets its SIZE once all has landed. */
void flight_finish_locked(struct fetch_file *file, uint64_t size);
void flights_forget_locked(struct fetch *fetch, int64_t older_than_ms);

/* follow.c */
/* A running transfer of FILE whose answer will come by UNIT soon; NULL: none. */
struct transfer *follow_find_locked(struct fetch_file *file, uint32_t unit);
/* TRANSFER is to bring UNIT too, which is within its reach. */
void follow_want_locked(struct transfer *transfer, uint32_t unit);
/* Without the lock. Lets the last of STARTING reach as far as octet REACH (0: no further). */
void follow_reach(struct fetch_file *file, uint64_t reach, struct transfer_queue *starting);
/* Some of FILE came from somebody nearby. */
void follow_came_locked(struct fetch_file *file);
/* Lets the last of STARTING reach for UNITS more than its last one, if that is UNIT, unless
 * somebody nearby gives what lies around it. */
void follow_extend_locked(struct transfer_queue *starting, uint32_t unit, uint32_t units);
/* On the source's thread: whether TRANSFER brings what nobody wants yet. */
bool follow_starves(struct transfer *transfer);
void follow_leave_locked(struct transfer *transfer);
/* TRANSFER, which starves, goes on. */
void follow_feed_locked(struct transfer *transfer);
void follow_tick_locked(struct fetch *fetch);

/* describe.c */
/* FILE is new: takes over what is known of its object. CONTENT (NULL: none): it is that instead of
 * the object's, a reference of the file's own. Without the lock. */
int describe_begin(struct fetch_file *file, struct content *content);
/* The last flight of FILE has landed. */
void describe_settled_locked(struct fetch_file *file);
/* Whether a read that lacks something must wait; *ASK_OUT: and the question must be asked. */
bool describe_parks_locked(struct fetch_file *file, bool *ask_out);
/* Patience. */
void describe_tick_locked(struct fetch *fetch);
/* There is to be no content information any more, and none for this version if REFUSE. All that is
 * in doubt is given up. */
int describe_drop_locked(struct fetch_file *file, bool refuse);
/* The size of OBJECT became known: its files' units end where it does. */
void describe_sized_locked(struct fetch *fetch, struct object *object);

/* doubt.c */
/* Whether FLIGHT, landing, has what the content information says, if there is any. 0; -EBADMSG: not
 * so; another error: that cannot be told. */
int doubt_check(const struct flight *flight);
/* FLIGHT, landing, failed the check with ERROR. Without the lock. */
void doubt_begin(struct flight *flight, int error);
/* The flights in doubt are given up; who waits for them is parked. */
void doubt_drop_locked(struct fetch_file *file);

/* errand.c */
TAILQ_HEAD(errand_queue, errand);
/* Why the units of FILE are not sought nearby, enum ledger_why; 0: they are. To be asked once for
 * all that departs together: while nobody is nearby it says so now and then, for one try. */
unsigned errand_why_not_locked(const struct fetch_file *file);
/* Sends for FLIGHT; it leaves by errands_start(). -ENOMEM; -EAGAIN: there are too many out for one
 * that is not URGENT. */
int errand_assign_locked(struct flight *flight, bool urgent, struct errand_queue *leaving);
/* Somebody waits for FLIGHT; or its errand, if it has one, is in vain. */
void errand_hurry_locked(struct flight *flight);
void errand_drop_locked(struct flight *flight);
/* READ has waited for half of its time: what is only sought nearby goes on a transfer too. */
void errand_overdue_locked(struct fetch_read *read, struct transfer_queue *starting);
/* Without the lock. If nobody nearby has the last of LEAVING, its transfer may reach as far as
 * octet REACH (0: no further). */
void errand_reach(struct errand_queue *leaving, uint64_t reach);
/* Without the lock. */
void errands_start(struct fetch *fetch, struct errand_queue *leaving);

/* transfer.c */
/* TRANSFER's units are no longer those of its file. */
void transfer_detach_locked(struct transfer *transfer);
/* Gives FLIGHT a transfer: one that runs and will come by it, the last one of STARTING when it
 * continues that, or a new one in STARTING. -ENOMEM. */
int transfer_assign_locked(struct flight *flight, bool urgent, struct transfer_queue *starting);
/* Somebody wants FLIGHT, which waits: it goes to another transfer if its own is about to end. */
int transfer_want_locked(struct flight *flight, bool urgent, struct transfer_queue *starting);
int transfer_stream_locked(struct fetch_file *file, bool urgent, struct transfer_queue *starting);
/* TRANSFER, which is running, brings the whole content for everybody. */
void transfer_make_stream_locked(struct transfer *transfer);
/* Of a stream, on the source's thread: the content, whose size nobody knew, is complete. */
void transfer_end_unsized(struct transfer *transfer);
void transfer_hurry_locked(struct transfer *transfer);
/* FLIGHT, which was on it, has come from elsewhere: it is ended if that was all. */
void transfer_leave_locked(struct flight *flight);
void transfer_resume_locked(struct fetch *fetch);
/* Without the lock. */
void transfers_start(struct fetch *fetch, struct transfer_queue *starting);
void transfers_retry(struct fetch *fetch);

#endif
