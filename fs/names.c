/* SPDX-License-Identifier: BSD-2-Clause */
#include "fs/names.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <xxhash.h>

#include "cache/log.h"

/* A version of which there is but one answer is believed at least so long, so that the open that
 * brought it finds it. */
#define ONCE_SECONDS 2
/* A stale answer is believed for so long before the origin is tried again. Our choice. */
#define STALE_SECONDS 2
/* One name out of a larger listing that has to be asked for anew is asked for by itself. Our
 * choice: about where a listing costs more than a few dozen questions. */
#define LISTING_CHEAP 5000u
/* How many names behind one whose size is wanted are asked for too. Our choice: some round trips
 * of all connections. */
#define NEIGHBOURS 64
/* Directories that could not be listed, remembered by hash. Our choice. */
#define UNLISTED 512u
/* Opens that will come again, likewise. Our choice. */
#define EXPECTED 64u

struct names {
	struct inquiries *inquiries;
	struct catalog *catalog;
	bool has_origin;
	char *only;
	pthread_mutex_t lock; /* all below */
	int64_t revalidate;
	bool offline;
	int64_t distrusted; /* nothing learned before this second is believed */
	struct {
		uint64_t hash;
		int64_t until;
		int error;
	} unlisted[UNLISTED];
	struct {
		uint64_t hash;
		int64_t until;
		unsigned opens;
	} expected[EXPECTED];
};

/* What is believed at one moment. */
struct trust {
	int64_t now, revalidate, distrusted;
	bool offline;
};

struct query {
	struct names *names;
	char *dir, *name;
	unsigned need;
	bool listed; /* the directory's listing was asked for on behalf of this query */
	int list_error;
	names_done *done;      /* a name is wanted, */
	names_listed *listing; /* or a listing */
	void *context;
};

int names_create(const struct names_options *options, struct names **names_out)
{
	struct names *names = calloc(1, sizeof *names);

	if (names == NULL)
		return -ENOMEM;
	if (options->only != NULL)
		names->only = strdup(options->only);
	if ((options->only != NULL && names->only == NULL) ||
	    inquiries_create(options->catalog, options->origin, options->pool, &names->inquiries) !=
		    0) {
		free(names->only);
		free(names);
		return -ENOMEM;
	}
	pthread_mutex_init(&names->lock, NULL);
	names->catalog = options->catalog;
	names->has_origin = options->origin != NULL;
	names->revalidate = options->revalidate;
	names->offline = options->offline;
	*names_out = names;
	return 0;
}

void names_destroy(struct names *names)
{
	if (names == NULL)
		return;
	inquiries_destroy(names->inquiries);
	pthread_mutex_destroy(&names->lock);
	free(names->only);
	free(names);
}

bool names_idle(struct names *names)
{
	return inquiries_idle(names->inquiries);
}

void names_configure(struct names *names, int64_t revalidate, bool offline)
{
	pthread_mutex_lock(&names->lock);
	names->revalidate = revalidate;
	names->offline = offline;
	pthread_mutex_unlock(&names->lock);
}

int64_t names_revalidate(struct names *names)
{
	pthread_mutex_lock(&names->lock);
	int64_t revalidate = names->revalidate;
	pthread_mutex_unlock(&names->lock);
	return revalidate;
}

void names_distrust(struct names *names)
{
	pthread_mutex_lock(&names->lock);
	names->distrusted = (int64_t)time(NULL);
	memset(names->unlisted, 0, sizeof names->unlisted);
	memset(names->expected, 0, sizeof names->expected);
	pthread_mutex_unlock(&names->lock);
}

static struct trust trust_now(struct names *names)
{
	pthread_mutex_lock(&names->lock);
	struct trust trust = {(int64_t)time(NULL), names->revalidate, names->distrusted,
			      names->offline};
	pthread_mutex_unlock(&names->lock);
	return trust;
}

/* For how many seconds what was said at CHECKED may be believed; 0 or less: not any more. A time
 * in the future is a clock that was set back. */
static int64_t left(const struct trust *trust, int64_t checked)
{
	if (checked <= 0 || checked > trust->now || checked < trust->distrusted)
		return 0;
	return trust->revalidate - (trust->now - checked);
}

static int64_t entry_left(const struct trust *trust, const struct entry *entry)
{
	struct trust once = *trust;

	if (names_is_once(entry->validator) && once.revalidate < ONCE_SECONDS)
		once.revalidate = ONCE_SECONDS;
	return left(&once, entry->checked);
}

/* It may be otherwise in a moment: the origin is away, or there is no room for the listing here. */
static bool passing(int error)
{
	return origin_transient(error) || error == -ENOSPC;
}

static void remember_unlisted(struct names *names, const char *dir, int error)
{
	uint64_t hash = XXH3_64bits(dir, strlen(dir));

	pthread_mutex_lock(&names->lock);
	names->unlisted[hash % UNLISTED].hash = hash;
	names->unlisted[hash % UNLISTED].error = error;
	names->unlisted[hash % UNLISTED].until =
		(int64_t)time(NULL) + (passing(error) ? STALE_SECONDS : names->revalidate);
	pthread_mutex_unlock(&names->lock);
}

/* 0, or why DIR could not be listed a moment ago. */
static int recently_unlisted(struct names *names, const char *dir)
{
	uint64_t hash = XXH3_64bits(dir, strlen(dir));
	int error = 0;

	pthread_mutex_lock(&names->lock);
	if (names->unlisted[hash % UNLISTED].hash == hash &&
	    names->unlisted[hash % UNLISTED].until > (int64_t)time(NULL))
		error = names->unlisted[hash % UNLISTED].error;
	pthread_mutex_unlock(&names->lock);
	return error;
}

static uint64_t hash_of(const char *dir, const char *name)
{
	return XXH3_64bits_withSeed(name, strlen(name), XXH3_64bits(dir, strlen(dir)));
}

void names_expect(struct names *names, const char *dir, const char *name)
{
	uint64_t hash = hash_of(dir, name);

	pthread_mutex_lock(&names->lock);
	unsigned slot = hash % EXPECTED;
	if (names->expected[slot].hash != hash)
		names->expected[slot].opens = 0;
	names->expected[slot].hash = hash;
	names->expected[slot].until = (int64_t)time(NULL) + ONCE_SECONDS;
	names->expected[slot].opens++;
	pthread_mutex_unlock(&names->lock);
}

/* Whether QUERY is the second part of an open whose first part has asked the origin; what asks for
 * a fresh answer uses that up. */
static bool is_expected(const struct query *query)
{
	struct names *names = query->names;
	uint64_t hash = hash_of(query->dir, query->name);
	unsigned slot = hash % EXPECTED;

	pthread_mutex_lock(&names->lock);
	bool expected = names->expected[slot].hash == hash && names->expected[slot].opens > 0 &&
			names->expected[slot].until >= (int64_t)time(NULL);
	if (expected && (query->need & NAMES_FRESH))
		names->expected[slot].opens--;
	pthread_mutex_unlock(&names->lock);
	return expected;
}

bool names_is_once(const char *validator)
{
	return strncmp(validator, INQUIRY_ONCE, strlen(INQUIRY_ONCE)) == 0;
}

static int fetched_of(struct names *names, const char *dir, struct catalog_listing *listing_out)
{
	int error = catalog_listing(names->catalog, dir, listing_out);

	if (error != 0)
		*listing_out = (struct catalog_listing){0};
	return error;
}

/* What to do next for a query. */
enum step { STEP_ANSWER, STEP_LIST, STEP_ASK };

static bool good_enough(const struct entry *entry, unsigned need)
{
	if (need & NAMES_FRESH)
		return entry->kind != ENTRY_FILE || entry->validator[0] != '\0';
	if (need & NAMES_EXACT)
		return entry->kind != ENTRY_FILE || (entry->flags & ENTRY_SIZE_EXACT) ||
		       entry->validator[0] != '\0';
	return true;
}

static bool want_listing(struct query *query, const struct catalog_listing *listing, bool known,
			 const struct trust *trust)
{
	if (query->listed)
		return false;
	if (left(trust, listing->fetched) > 0 || recently_unlisted(query->names, query->dir) != 0)
		return false;
	/* One known name in a listing that is due: the name by itself is cheaper. */
	return !(known && (listing->count > LISTING_CHEAP || trust->revalidate == 0));
}

static enum step decide(struct query *query, struct names_answer *answer, int *error_out)
{
	struct names *names = query->names;
	struct trust trust = trust_now(names);
	struct catalog_listing listing;
	bool known = catalog_find(names->catalog, query->dir, query->name, &answer->entry) == 0;

	*error_out = 0;
	bool expected = is_expected(query) && known && answer->entry.checked > 0;
	if (known && (expected || entry_left(&trust, &answer->entry) > 0) &&
	    (answer->entry.kind == ENTRY_ABSENT || good_enough(&answer->entry, query->need))) {
		answer->believed = left(&trust, answer->entry.checked);
		*error_out = answer->entry.kind == ENTRY_ABSENT ? -ENOENT : 0;
		return STEP_ANSWER;
	}
	if (query->need & NAMES_FRESH)
		return STEP_ASK; /* a listing cannot answer that */
	fetched_of(names, query->dir, &listing);
	if (want_listing(query, &listing, known, &trust))
		return STEP_LIST;
	bool fresh = query->listed && query->list_error == 0;
	if (known && (answer->entry.flags & ENTRY_LISTED) && answer->entry.kind != ENTRY_ABSENT &&
	    (fresh || left(&trust, listing.fetched) > 0) &&
	    good_enough(&answer->entry, query->need)) {
		answer->believed = left(&trust, listing.fetched);
		return STEP_ANSWER;
	}
	return STEP_ASK;
}

/* The origin does not answer: what is known from before. */
static int answer_stale(struct query *query, struct names_answer *answer)
{
	struct names *names = query->names;
	struct trust trust = trust_now(names);
	struct catalog_listing listing;

	if (!trust.offline)
		return -EIO;
	answer->stale = true;
	answer->believed = STALE_SECONDS < trust.revalidate ? STALE_SECONDS : trust.revalidate;
	if (catalog_find(names->catalog, query->dir, query->name, &answer->entry) == 0) {
		if (answer->entry.kind == ENTRY_ABSENT)
			return -ENOENT;
		return good_enough(&answer->entry, query->need) ? 0 : -EIO;
	}
	return fetched_of(names, query->dir, &listing) == 0 && listing.complete ? -ENOENT : -EIO;
}

static void query_free(struct query *query)
{
	free(query->dir);
	free(query->name);
	free(query);
}

static void query_end(struct query *query, int error, const struct names_answer *answer)
{
	query->done(query->context, error, answer);
	query_free(query);
}

static int user_error(int error)
{
	return error == -ENOENT || error == -EACCES || error == -ENOMEM ? error : -EIO;
}

static void asked(void *context, int error, const struct inquiry_answer *told)
{
	struct query *query = context;
	struct names_answer answer = {
		.entry = told->entry, .body = told->body, .body_length = told->body_length};
	struct trust trust = trust_now(query->names);

	if (origin_transient(error) || error == -ECANCELED)
		error = answer_stale(query, &answer);
	else
		answer.believed = error == 0 || error == -ENOENT ? trust.revalidate : 0;
	query_end(query, error == 0 ? 0 : user_error(error), &answer);
}

/* The names behind one whose size was not known will be wanted next. */
static void ask_neighbours(struct names *names, const char *dir, const char *name)
{
	struct catalog_name *behind = calloc(NEIGHBOURS, sizeof *behind);
	struct trust trust = trust_now(names);

	if (behind == NULL)
		return;
	int count = catalog_behind(names->catalog, dir, name, behind, NEIGHBOURS);
	for (int i = 0; i < count; i++) {
		const struct entry *entry = &behind[i].entry;
		if (entry->kind == ENTRY_FILE && !good_enough(entry, NAMES_EXACT) &&
		    left(&trust, entry->checked) <= 0)
			inquire(names->inquiries, INQUIRY_STAT, dir, behind[i].name, NULL, NULL);
	}
	free(behind);
}

static void step(struct query *query);

static void query_listed(void *context, int error, const struct inquiry_answer *answer)
{
	struct query *query = context;

	(void)answer;
	query->listed = true;
	query->list_error = error;
	if (error != 0)
		remember_unlisted(query->names, query->dir, error);
	step(query);
}

static void ask(struct query *query)
{
	struct names *names = query->names;
	enum inquiry_kind kind = query->need & NAMES_BODY ? INQUIRY_BODY : INQUIRY_STAT;
	char *dir = query->need == NAMES_EXACT ? strdup(query->dir) : NULL;
	char *name = query->need == NAMES_EXACT ? strdup(query->name) : NULL;
	int error = inquire(names->inquiries, kind, query->dir, query->name, asked, query);

	if (error != 0) {
		const struct names_answer nothing = {0};
		query_end(query, error, &nothing);
	} else if (dir != NULL && name != NULL) {
		ask_neighbours(names, dir, name);
	}
	free(dir);
	free(name);
}

static bool impossible(const struct query *query)
{
	const char *only = query->names->only;

	return query->list_error == -ENOENT ||
	       (only != NULL && (*query->dir != '\0' || strcmp(query->name, only) != 0));
}

static void step(struct query *query)
{
	struct names *names = query->names;
	struct names_answer answer = {0};
	int error;
	enum step next = decide(query, &answer, &error);

	if (next != STEP_ANSWER) {
		answer.believed = trust_now(names).revalidate;
		error = impossible(query) ? -ENOENT : names->has_origin ? 0 : -EIO;
		if (error == 0 && (next == STEP_ASK || names->only != NULL)) {
			ask(query);
			return;
		}
		if (error == 0)
			error = inquire(names->inquiries, INQUIRY_LIST, query->dir, "",
					query_listed, query);
		if (error == 0)
			return;
	}
	query_end(query, error, &answer);
}

static struct query *query_create(struct names *names, const char *dir, const char *name)
{
	struct query *query = calloc(1, sizeof *query);

	if (query == NULL)
		return NULL;
	query->names = names;
	query->dir = strdup(dir);
	query->name = strdup(name);
	if (query->dir == NULL || query->name == NULL) {
		query_free(query);
		return NULL;
	}
	return query;
}

void names_resolve(struct names *names, const char *dir, const char *name, unsigned need,
		   names_done *done, void *context)
{
	struct query now = {.names = names, .dir = (char *)dir, .name = (char *)name, .need = need};
	struct names_answer answer = {0};
	int error;

	if (decide(&now, &answer, &error) == STEP_ANSWER) {
		done(context, error, &answer);
		return;
	}
	struct query *query = query_create(names, dir, name);
	if (query == NULL) {
		done(context, -ENOMEM, &answer);
		return;
	}
	query->need = need;
	query->done = done;
	query->context = context;
	step(query);
}

/* Listings */

static const char *why_unlisted(int error)
{
	switch (error) {
	case -ENOTDIR:
		return "the origin gives no listing of it";
	case -EFBIG:
	case -E2BIG:
		return "its listing is too long";
	default:
		return strerror(-error);
	}
}

static int user_list_error(struct query *query, int error)
{
	struct names *names = query->names;
	struct trust trust = trust_now(names);
	struct catalog_listing listing;
	char name[LOG_NAME_MAX];

	if (error == 0)
		return 0;
	remember_unlisted(names, query->dir, error);
	if (passing(error) || error == -ECANCELED) {
		static struct log_limit limit;
		bool known = trust.offline && fetched_of(names, query->dir, &listing) == 0;
		log_limited(&limit, LOG_LEVEL_WARNING, "/%s could not be listed (%s)%s",
			    log_escape(name, sizeof name, query->dir), strerror(-error),
			    known ? ", showing what is known" : "");
		return known ? 0 : -EIO;
	}
	log_warning("/%s cannot be listed: %s", log_escape(name, sizeof name, query->dir),
		    why_unlisted(error));
	return user_error(error);
}

static void list_asked(void *context, int error, const struct inquiry_answer *answer)
{
	struct query *query = context;
	struct catalog_listing listing;

	(void)answer;
	/* It may have been forgotten since it came. */
	if (error == 0 && fetched_of(query->names, query->dir, &listing) == -ENOENT &&
	    inquire(query->names->inquiries, INQUIRY_LIST, query->dir, "", list_asked, query) == 0)
		return;
	query->listing(query->context, user_list_error(query, error));
	query_free(query);
}

/* The listing of an origin that is one file. */
static int list_only(struct names *names)
{
	const struct entry file = {.kind = ENTRY_FILE, .size = -1, .mtime = -1};
	struct directory *directory;
	int error = directory_create(true, &directory);

	if (error != 0)
		return error;
	error = directory_add(directory, names->only, strlen(names->only), &file);
	if (error == 0)
		error = catalog_replace(names->catalog, "", directory, (int64_t)time(NULL));
	directory_free(directory);
	return error;
}

/* Whether the question of a listing can be answered at once, with *error_out. */
static bool listing_at_hand(struct names *names, const char *dir, int *error_out)
{
	struct trust trust = trust_now(names);
	struct catalog_listing listing;
	bool known = fetched_of(names, dir, &listing) == 0;

	*error_out = 0;
	if (known && left(&trust, listing.fetched) > 0)
		return true;
	if (names->only != NULL) {
		*error_out = *dir == '\0' ? list_only(names) : -ENOENT;
		return true;
	}
	if (!names->has_origin)
		return true;
	int error = recently_unlisted(names, dir);
	if (error == 0)
		return false;
	if (passing(error))
		*error_out = trust.offline && known ? 0 : -EIO;
	else
		*error_out = user_error(error);
	return true;
}

void names_list(struct names *names, const char *dir, names_listed *done, void *context)
{
	int error;

	if (listing_at_hand(names, dir, &error)) {
		done(context, error);
		return;
	}
	struct query *query = query_create(names, dir, "");
	if (query == NULL) {
		done(context, -ENOMEM);
		return;
	}
	query->listing = done;
	query->context = context;
	error = inquire(names->inquiries, INQUIRY_LIST, dir, "", list_asked, query);
	if (error != 0) {
		query_free(query);
		done(context, error);
	}
}

int64_t names_listing_left(struct names *names, const char *dir)
{
	struct trust trust = trust_now(names);
	struct catalog_listing listing;

	fetched_of(names, dir, &listing);
	int64_t seconds = left(&trust, listing.fetched);
	/* A listing that is shown although it is due is one the origin did not answer for. */
	return seconds > 0 ? seconds : STALE_SECONDS < trust.revalidate ? STALE_SECONDS : 0;
}

/* What readers found out */

void names_doubt(struct names *names, const char *dir, const char *name, const char *validator,
		 bool unread)
{
	inquiries_doubt(names->inquiries, dir, name, validator, unread);
}

void names_new_version(struct names *names, const char *dir, const char *name, struct entry *entry)
{
	inquiries_new_version(names->inquiries, dir, name, entry);
}

int names_learn(struct names *names, const char *dir, const char *name, const struct entry *entry)
{
	return inquiries_learn(names->inquiries, dir, name, entry);
}
