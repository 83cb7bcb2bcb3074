/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a mount was asked to be: ORIGIN, MOUNTPOINT and the keys, from the command line and the -c
 * file. One table (fs/config_keys.c) holds every key; parsing, defaults, --help, the text of the
 * `config` file and the guess at a misspelt key derive from it.
 *
 * Later sources win: defaults, then the [mount] section of the -c file, then -o. Paths are made
 * absolute: on the command line from the working directory, in the file from the file's own.
 *
 * Not locked: written by config_parse() and config_reload() only. The fields marked (reload) are
 * single words, so a reader at the time of a reload sees the old value or the new; but for the list
 * of hosted caches, whose readers must keep reloads away.
 */
#ifndef FS_CONFIG_H
#define FS_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "cache/log.h"
#include "origin/origin.h"

/* What mode=off may keep, in a store without names: our choice. */
#define CONFIG_OFF_LIMIT (256ull << 20)
/* The account that a root's daemon becomes, where the administrator has made it. */
#define CONFIG_ACCOUNT "peerdistfs"

enum config_mode {
	CONFIG_MODE_OFF,
	CONFIG_MODE_LOCAL,
	CONFIG_MODE_DISTRIBUTED,
	CONFIG_MODE_HOSTED,
	CONFIG_MODE_HOSTED_DISTRIBUTED,
};

/* Bits of versions and compute. */
enum { CONFIG_VERSION_1 = 1, CONFIG_VERSION_2 = 2 };

/* Octets as they are; below 0: so many hundredths of a percent of the volume, negated (5% is -500).
 */
typedef int64_t config_capacity;

struct config {
	/* From the arguments. */
	char *origin;      /* URL without user part, or "none" */
	char *mountpoint;  /* absolute, resolved */
	char *config_file; /* absolute; NULL: no -c */
	bool foreground;
	bool debug;

	/* The cache. */
	char *cache_dir;            /* exists and can be written */
	config_capacity cache_size; /* (reload) see config_cache_limit() */
	int64_t cache_max_age;      /* (reload) seconds; 0: never */
	enum config_mode mode;      /* (reload) `mode` changes it too: config_lock of the mount */
	bool unkept;                /* mode=off from the start: nothing outlives the mount */
	int64_t revalidate;         /* (reload) seconds; 0: at every open */
	bool offline;               /* (reload) */

	/* The origin. */
	unsigned timeout;     /* (reload) seconds */
	unsigned connections; /* at most */
	char **headers;       /* "Name: value", NULL-terminated; NULL: none */
	char *user;           /* NAME:PASSWORD; NULL: none, as all below */
	char *netrc, *cacert, *cert, *certkey, *proxy;
	bool insecure;

	/* What is shown, and to whom. */
	uid_t uid;
	gid_t gid;
	mode_t umask;
	bool allow_other;
	mode_t control_mode, admin_mode; /* permission bits */
	gid_t control_gid, admin_gid;    /* gid where no group was named */
	char *run_as;                    /* NULL: stay who we are, who has no name */
	char *fuse_options;              /* for libfuse's -o, escaped as it wants it */

	char *log_target;         /* for log_open() */
	enum log_level log_level; /* (reload) */

	/* Content information. */
	unsigned versions, compute; /* CONFIG_VERSION_ bits */
	char *key;                  /* file of the server secret */

	/* Of peers. */
	char **interfaces;   /* NULL-terminated; NULL: none, as below */
	char **hosted;       /* (reload) `mode` changes it too: config_lock of the mount. With a
			      * mode that asks none, for a later change of mode */
	unsigned hosted_tls; /* port of version 1.0 offers; 0: they are of version 2.0 */
	char *hosted_cacert; /* who may vouch for them; NULL: the system's */
	char *listen;        /* for listen_place_read() */
	unsigned discovery_port;
	bool plaintext;
	unsigned uploads;     /* at a time */
	uint64_t upload_rate; /* octets a second; 0: no limit */
	unsigned thinning;    /* peer/thinning.h; 0: always answer */

	/* Inside the module. */
	uint64_t given;    /* one bit a key of the table: named by file or -o */
	char **options;    /* the -o options as "key=value", @FILE read; for config_reload() */
	char *base;        /* working directory at the start */
	char *fsname;      /* what /proc/mounts shows as the source; NULL: the origin */
	char **fuse_words; /* -o words that libfuse gets as they are */
	char *scope;
};

/* Reads the command line of peerdistfs or mount.peerdistfs and checks all that can be checked
 * before mounting; makes the cache directory. Secrets in ARGV are overwritten first of all.
 * Returns true with CONFIG_OUT set, or false with STATUS_OUT, the exit status, after it has
 * written why to stderr (or --help, --version to stdout). */
bool config_parse(int argc, char **argv, struct config **config_out, int *status_out);
/* Where this machine's server secret is unless key= says otherwise, for free(). NULL: there is no
 * home directory, or no memory. */
char *config_key_place(void);
/* NULL is fine. */
void config_free(struct config *config);

/* Every key, one key=value a line, secrets masked, control characters escaped; a default that is no
 * value in words. */
void config_print(const struct config *config, FILE *stream);

/* The limit of the store in DIRECTORY, in octets (CONFIG_OFF_LIMIT if nothing is kept, if that is
 * less). 0 or a negative errno. */
int config_cache_limit(const struct config *config, const char *directory, uint64_t *limit_out);
/* "5%" or octets with K, M, G, T; for `resize` as well. -EINVAL. */
int config_capacity_parse(const char *text, config_capacity *capacity_out);
/* Octets of CAPACITY on the volume of DIRECTORY. 0 or a negative errno. */
int config_capacity_octets(config_capacity capacity, const char *directory, uint64_t *octets_out);

/* A digest, in hexadecimal, of the origin's URL and the identity of the credentials: what was
 * cached under another scope is not for this mount. Valid as long as CONFIG. */
const char *config_scope(const struct config *config);
/* How the origin at URL is to be opened; leads into CONFIG and URL. */
struct origin_options config_origin_options(const struct config *config, const char *url);
/* Whether anything was given that identifies us to the origin (user, netrc, cert, header). */
bool config_has_credentials(const struct config *config);
const char *config_mode_name(enum config_mode mode);
/* Of the name of LENGTH octets. -EINVAL. */
int config_mode_parse(const char *text, size_t length, enum config_mode *mode_out);
/* Whether MODE has hosted caches. */
bool config_mode_is_hosted(enum config_mode mode);
/* Words as values of `hosted` are, apart by blanks; none: NULL. For config_hosts_free(). -EINVAL
 * with a MESSAGE: which and why; -ENOMEM. */
int config_hosts_parse(const char *words, char ***hosts_out, char *message, size_t message_size);
/* A copy of HOSTS, NULL for NULL. -ENOMEM. */
int config_hosts_copy(char *const *hosts, char ***hosts_out);
/* NULL is fine. */
void config_hosts_free(char **hosts);
/* What FUSE's word max_read= says; 0: nothing. */
unsigned config_max_read(const struct config *config);

/* What a reload changed. */
enum {
	CONFIG_CHANGED_CACHE_SIZE = 1,
	CONFIG_CHANGED_CACHE_MAX_AGE = 2,
	CONFIG_CHANGED_REVALIDATE = 4,
	CONFIG_CHANGED_OFFLINE = 8,
	CONFIG_CHANGED_TIMEOUT = 16,
	CONFIG_CHANGED_LEVEL = 32,
	CONFIG_CHANGED_MODE = 64,
};
/* Reads the -c file again and takes over the keys marked (reload); of others that differ MESSAGE
 * says that they need a new mount ("" when there are none). 0; -ENOENT without a -c file; or a
 * negative errno with the reason in MESSAGE: then nothing has changed. */
int config_reload(struct config *config, unsigned *changed_out, char *message, size_t message_size);

#endif
