/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Putting a mount together, and taking it apart in an order in which nobody is left waiting.
 */
#include "fs/mount.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cache/log.h"
#include "fs/source_origin.h"

/* Deadlines, retries and killed readers are looked at so often. Our choice. */
#define TICK_MS 100
/* Largest read-ahead window, and its part of the cache: what is read ahead must not push out what
 * is being read. Our choice. */
#define WINDOW_MAX (16ull << 20)
#define WINDOW_PART 8

/* Facts that the catalog keeps from mount to mount. */
#define FACT_DIALECT "dialect"
#define DIALECT_MAX 64

static void tick(void *context)
{
	struct mount *mount = context;

	fetch_tick(mount->fetch, loop_clock_ms());
	calls_tick(&mount->calls);
}

void mount_limit_changed(struct mount *mount)
{
	struct store_usage usage;

	store_usage(mount->store, &usage);
	uint64_t part = usage.limit / WINDOW_PART;
	atomic_store(&mount->window_max, part < WINDOW_MAX ? part : WINDOW_MAX);
}

static int open_store(struct mount *mount, char *message, size_t size)
{
	const struct config *config = mount->config;
	struct store_options options = {
		.directory = config->cache_dir,
		.unlinked = config->mode == CONFIG_MODE_OFF,
		.scope = config_scope(config),
		.owner = config->mountpoint,
		.max_age = config->cache_max_age,
	};
	int error = config_cache_limit(config, config->cache_dir, &options.limit);

	if (error != 0) {
		snprintf(message, size, "cannot tell the size of the volume of %s: %s",
			 config->cache_dir, strerror(-error));
		return error;
	}
	error = store_open(&options, &mount->store, message, size);
	if (error != 0)
		return error;
	mount->catalog = store_catalog(mount->store);
	mount_limit_changed(mount);
	return 0;
}

int mount_open_origin(struct mount *mount, struct origin **origin_out, char *message, size_t size)
{
	const struct config *config = mount->config;
	char dialect[DIALECT_MAX];
	struct origin_options options = config_origin_options(config, mount->base);

	if (catalog_fact(mount->catalog, FACT_DIALECT, dialect, sizeof dialect) == 0)
		options.dialect = dialect;
	return origin_open(&options, mount->loop, mount->pool, origin_out, message, size);
}

static int create_compute(struct mount *mount)
{
	/* A machine whose key cannot be had computes nothing, and mounts all the same. */
	const struct compute_options options = {
		.store = mount->store,
		.pool = mount->pool,
		.secret = mount_secret_at_start(mount),
		.version = mount->config->compute & CONFIG_VERSION_2 ? 2 : mount->config->compute,
		.size_min = INFORM_SIZE_MIN,
	};
	return compute_create(&options, &mount->compute);
}

static int create_control(struct mount *mount)
{
	const struct config *config = mount->config;
	int error = jobs_create(&mount->jobs);

	if (error != 0)
		return error;
	mount->control.answerer = &mount_answerer;
	mount->control.owner = mount;
	mount->control.jobs = mount->jobs;
	mount->control.calls = &mount->calls;
	mount->control.uid = config->uid;
	mount->control.gid = config->gid;
	mount->control.admin_mode = config->admin_mode;
	mount->control.admin_gid = config->admin_gid;
	mount->control.api_mode = config->control_mode;
	mount->control.api_gid = config->control_gid;
	control_init(&mount->control);
	return 0;
}

/* The kernel's pages of PATH are of octets that are no more. */
static void forget_octets(void *context, const char *path)
{
	mount_forget_kernel(context, path);
}

static int create_inform(struct mount *mount)
{
	const struct inform_options options = {.origin = mount->origin,
					       .store = mount->store,
					       .catalog = mount->catalog,
					       .pool = mount->pool,
					       .versions = mount->config->versions,
					       .compute = mount->compute,
					       .replaced = forget_octets,
					       .context = mount};

	return inform_create(&options, &mount->inform);
}

static int create_fetch(struct mount *mount)
{
	struct fetch_options options = {.pool = mount->pool,
					.source = mount->source,
					.nearby = mount->nearby,
					.ledger = mount->ledger,
					.timeout = mount->config->timeout};

	inform_serve(mount->inform, &options.judges);
	int error = fetch_create(&options, &mount->fetch);
	if (error != 0)
		return error;
	inform_set_fetch(mount->inform, mount->fetch);
	fetch_tick(mount->fetch, loop_clock_ms());
	return 0;
}

static int create_names(struct mount *mount)
{
	const struct names_options options = {.catalog = mount->catalog,
					      .origin = mount->origin,
					      .pool = mount->pool,
					      .only = mount->only,
					      .revalidate = mount->config->revalidate,
					      .offline = mount->config->offline};

	return names_create(&options, &mount->names);
}

static int create_parts(struct mount *mount, char *message, size_t size)
{
	const struct config *config = mount->config;
	const struct nodes_owner owner = {config->uid, config->gid, config->umask};
	int error;

	snprintf(message, size, "out of memory or threads");
	calls_init(&mount->calls);
	open_files_init(&mount->open_files);
	pthread_mutex_init(&mount->config_lock, NULL);
	pthread_mutex_init(&mount->mode_lock, NULL);
	pthread_mutex_init(&mount->once_lock, NULL);
	pthread_mutex_init(&mount->measuring_lock, NULL);
	pthread_mutex_init(&mount->secret_lock, NULL);
	pthread_mutex_init(&mount->service_lock, NULL);
	if ((error = pool_create(0, &mount->pool)) != 0 ||
	    (error = loop_create(&mount->loop)) != 0 || (error = create_control(mount)) != 0 ||
	    (error = nodes_create(&owner, &mount->nodes)) != 0)
		return error;
	if ((error = open_store(mount, message, size)) != 0 ||
	    (error = mount_place_origin(mount, message, size)) != 0)
		return error;
	if (mount->base != NULL &&
	    (error = mount_open_origin(mount, &mount->origin, message, size)) != 0)
		return error;
	if ((error = source_origin_create(mount->origin, &mount->source)) != 0 ||
	    (error = mount_create_peers(mount)) != 0 || (error = create_compute(mount)) != 0 ||
	    (error = create_inform(mount)) != 0 || (error = create_fetch(mount)) != 0 ||
	    (error = create_names(mount)) != 0)
		return error;
	if ((error = mount_create_service(mount)) != 0 ||
	    (error = loop_every(mount->loop, TICK_MS, tick, mount)) != 0 ||
	    (error = expiry_start(&mount->expiry, mount->loop, mount->pool, mount->store)) != 0)
		return error;
	return mount_join_peers(mount, message, size);
}

int mount_create(struct config *config, struct mount **mount_out, char *message,
		 size_t message_size)
{
	struct mount *mount = calloc(1, sizeof *mount);

	if (mount == NULL)
		return -ENOMEM;
	mount->config = config;
	int error = create_parts(mount, message, message_size);
	if (error != 0) {
		mount_destroy(mount);
		return error;
	}
	*mount_out = mount;
	return 0;
}

static void remember_dialect(struct mount *mount)
{
	char dialect[DIALECT_MAX] = "";

	origin_dialect(mount->origin, dialect, sizeof dialect);
	if (*dialect != '\0')
		catalog_set_fact(mount->catalog, FACT_DIALECT, dialect);
}

static void wait_until_idle(struct mount *mount, bool (*idle)(struct mount *mount))
{
	while (!idle(mount))
		nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
}

static bool no_question(struct mount *mount)
{
	return mount->names == NULL || names_idle(mount->names);
}

static bool no_transfer(struct mount *mount)
{
	return mount->fetch == NULL || fetch_idle(mount->fetch);
}

static bool no_call(struct mount *mount)
{
	return mount->service == NULL || service_idle(mount->service);
}

void mount_stop(struct mount *mount)
{
	mount_service_end(mount);
	if (mount->fetch != NULL)
		fetch_stop(mount->fetch);
	if (mount->neighbours != NULL)
		neighbours_stop(mount->neighbours);
	if (mount->origin != NULL)
		origin_stop(mount->origin);
	if (mount->compute != NULL)
		compute_stop(mount->compute);
	jobs_stop(mount->jobs);
}

/* What runs uses nodes. The end of a question may open a file and begin a transfer, a program's
 * call may begin one too, not the other way round. */
void mount_finish(struct mount *mount)
{
	mount->finished = true;
	mount_stop(mount);
	if (mount->origin != NULL)
		remember_dialect(mount);
	if (mount->jobs != NULL)
		control_end(&mount->control);
	wait_until_idle(mount, no_question);
	wait_until_idle(mount, no_call);
	open_files_end(&mount->open_files);
	nodes_close(mount->nodes);
	wait_until_idle(mount, no_transfer);
}

/* First nothing new can start and what runs comes to its end; then the threads go; then the rest.
 */
void mount_destroy(struct mount *mount)
{
	if (!mount->finished)
		mount_finish(mount);
	/* The loop's timers use what follows. */
	if (mount->neighbours != NULL)
		neighbours_off(mount->neighbours);
	origin_close(mount->origin);
	loop_destroy(mount->loop);
	pool_destroy(mount->pool);
	jobs_destroy(mount->jobs);
	names_destroy(mount->names);
	service_destroy(mount->service);
	fetch_destroy(mount->fetch);
	inform_destroy(mount->inform);
	compute_destroy(mount->compute);
	nodes_destroy(mount->nodes);
	store_close(mount->store);
	neighbours_free(mount->neighbours);
	ledger_free(mount->ledger);
	free(mount->nearby);
	free(mount->source);
	free(mount->base);
	free(mount->only);
	secret_free(mount->secret);
	free(mount);
}

/* Kernel caches */

struct known {
	struct mount *mount;
	struct node **nodes;
	size_t count, room;
};

static void collect(void *context, struct node *node)
{
	struct known *known = context;

	if (known->count == known->room) {
		size_t room = known->room != 0 ? 2 * known->room : 256;
		struct node **grown = realloc(known->nodes, room * sizeof(struct node *));
		if (grown == NULL)
			return;
		known->nodes = grown;
		known->room = room;
	}
	/* One more lookup, taken while the table is locked, keeps it for us. */
	node->lookups++;
	known->nodes[known->count++] = node;
	/* The next lookup makes another node, without pages. To drop the pages of this one
	 * (fuse_lowlevel_notify_inval_inode) would be to wait, in the kernel, for reads that we
	 * are to answer: if we were killed then, neither they nor we would ever end. */
	if (!node->directory)
		node->current = false;
}

static void forget_one(struct mount *mount, struct node *node)
{
	const struct node *parent = node->parent;
	fuse_ino_t in = parent->parent == NULL ? FUSE_ROOT_ID : (fuse_ino_t)(uintptr_t)parent;

	fuse_lowlevel_notify_inval_entry(mount->session, in, node->name, strlen(node->name));
	node_forget(mount->nodes, node, 1);
}

void mount_forget_kernel(struct mount *mount, const char *path)
{
	struct known known = {.mount = mount};

	nodes_visit(mount->nodes, path, collect, &known);
	for (size_t i = 0; i < known.count; i++)
		forget_one(mount, known.nodes[i]);
	free(known.nodes);
}

/* Configuration */

/* MODE_OUT, HOSTS_OUT: what is to be changed to, without the lock. */
static int reload_locked(struct mount *mount, enum config_mode *mode_out, char ***hosts_out,
			 char *message, size_t message_size)
{
	struct config *config = mount->config;
	enum config_mode former = config->mode;
	char **former_hosts;
	unsigned changed;
	uint64_t limit;
	int error = config_hosts_copy(config->hosted, &former_hosts);

	if (error == 0)
		error = config_reload(config, &changed, message, message_size);
	if (error != 0) {
		config_hosts_free(former_hosts);
		return error;
	}
	*mode_out = config->mode;
	*hosts_out = config->hosted;
	config->mode = former;
	config->hosted = former_hosts;
	if (changed & CONFIG_CHANGED_CACHE_SIZE) {
		error = config_cache_limit(config, config->cache_dir, &limit);
		if (error == 0)
			error = store_resize(mount->store, limit);
		if (error != 0)
			snprintf(message, message_size, "cache_size: %s", strerror(-error));
		mount_limit_changed(mount);
	}
	if (changed & CONFIG_CHANGED_CACHE_MAX_AGE)
		store_set_max_age(mount->store, config->cache_max_age);
	if (changed & (CONFIG_CHANGED_REVALIDATE | CONFIG_CHANGED_OFFLINE))
		names_configure(mount->names, config->revalidate, config->offline);
	if (changed & CONFIG_CHANGED_TIMEOUT)
		fetch_set_timeout(mount->fetch, config->timeout);
	if (changed & CONFIG_CHANGED_LEVEL)
		log_open(config->log_target, config->log_level);
	return error;
}

int mount_reload(struct mount *mount, char *message, size_t message_size)
{
	enum config_mode mode = CONFIG_MODE_OFF; /* the compiler cannot see that it is set */
	char **hosts = NULL;

	/* Whoever changes the mode uses the list that is taken out here. */
	pthread_mutex_lock(&mount->mode_lock);
	pthread_mutex_lock(&mount->config_lock);
	int error = reload_locked(mount, &mode, &hosts, message, message_size);
	pthread_mutex_unlock(&mount->config_lock);
	if (error == 0)
		error = mount_change_mode_locked(mount, mode, hosts, message + strlen(message),
						 message_size - strlen(message));
	pthread_mutex_unlock(&mount->mode_lock);
	config_hosts_free(hosts);
	return error;
}
