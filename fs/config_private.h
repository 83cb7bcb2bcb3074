/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the files of config share. Functions that can fail return 0 or a negative errno and then
 * have filled the problem: what, which object, what to do.
 */
#ifndef FS_CONFIG_PRIVATE_H
#define FS_CONFIG_PRIVATE_H

#include "fs/config.h"

/* Exit statuses. */
enum { CONFIG_FAILED = 1, CONFIG_USAGE = 2 };

/* Longest content of a @FILE, and of the -c file: our choice. */
#define CONFIG_VALUE_MAX (64u << 10)
#define CONFIG_FILE_MAX (1u << 20)

/* What is shown in the place of a secret. */
#define CONFIG_MASK "***"
/* Room for a value when it is shown, escapes included; what is longer is cut. */
#define CONFIG_SHOWN_MAX 16384

struct config_problem {
	int status;
	char text[1024];
};
/* Returns -EINVAL, so that it can be returned. Memory ran out: -ENOMEM and config_no_memory(). */
int config_fail(struct config_problem *problem, int status, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
int config_no_memory(struct config_problem *problem);

/* Kinds of values: config_value.c (numbers and words), config_text.c (texts) */

struct config_key;

/* What lies in the field: a plain value of "size" octets, an owned string, an owned list. */
enum config_shape { CONFIG_PLAIN, CONFIG_TEXT, CONFIG_LIST };

struct config_type {
	enum config_shape shape;
	size_t size;
	/* BASE: for relative paths. FIELD is untouched on failure, and the problem says only what
	 * is wrong with the value; the caller puts the key before it. */
	int (*read)(const struct config_key *key, const char *text, const char *base, void *field,
		    struct config_problem *problem);
	/* Writes the value, which for lists and strings is ITEM and else is in FIELD, secrets
	 * masked; NULL: ITEM as it is. */
	void (*show)(const void *field, const char *item, char *buffer, size_t size);
};

extern const struct config_type config_type_flag, config_type_count, config_type_timeout,
	config_type_age, config_type_capacity, config_type_rate, config_type_mode,
	config_type_versions, config_type_permissions, config_type_owner, config_type_group,
	config_type_level;
extern const struct config_type config_type_path, config_type_file, config_type_listen,
	config_type_user, config_type_proxy, config_type_account, config_type_log,
	config_type_fsname;
extern const struct config_type config_type_headers, config_type_hosts, config_type_interfaces;

/* Copies URL with its user part masked; text that is no URL as well. */
void config_url_masked(const char *url, char *buffer, size_t size);
/* Seconds with s, m, h, d, w. -EINVAL. */
int config_seconds_parse(const char *text, int64_t *seconds_out);

/* config_list.c: NULL-terminated arrays of strings */

size_t config_list_length(char *const *list);
/* Takes TEXT over, also on failure. -ENOMEM. */
int config_list_add(char ***list, char *text);
void config_list_free(char **list);
/* Frees a string that may be a secret. NULL is fine, here and above. */
void config_wipe(char *text);

/* config_keys.c */

enum {
	CONFIG_KEY_REPEATS = 1, /* every value counts, not the last one */
	CONFIG_KEY_SECRET = 2,  /* never quoted in messages, overwritten in argv */
};

struct config_key {
	const char *name;
	const struct config_type *type;
	size_t field;          /* offset in struct config */
	const char *initial;   /* default as one would write it; NULL: none, or worked out */
	const char *argument;  /* for --help; NULL: a flag, that needs no value */
	const char *otherwise; /* a default that is worked out, in words; NULL: none */
	const char *help;
	int64_t least, most; /* of numbers */
	unsigned flags;
	unsigned changed; /* CONFIG_CHANGED_ bit; 0: needs a new mount */
};

extern const struct config_key config_keys[];
extern const size_t config_key_count;

/* NULL: no such key. */
const struct config_key *config_key_find(const char *name);
bool config_given(const struct config *config, const char *name);
/* The value at INDEX (0 but for lists) of KEY as text, secrets masked; false: there is none. */
bool config_key_show(const struct config *config, const struct config_key *key, size_t index,
		     char *buffer, size_t size);
void config_key_clear(struct config *config, const struct config_key *key);
bool config_key_equal(const struct config *a, const struct config *b, const struct config_key *key);
void config_help(FILE *stream);

/* config_option.c: one option, from wherever it comes */

struct config_source {
	const char *base; /* directory that relative paths start from */
	bool expanded;    /* values that begin with @ are not files any more */
	uint64_t seen;    /* keys this source has named: the first one ends what former sources
			   * said */
};
/* OPTION: "key=value" or "flag". OPTION_OUT, if not NULL, gets it with its @FILE read in. */
int config_option(struct config *config, struct config_source *source, const char *option,
		  char **option_out, struct config_problem *problem);
/* Cuts TEXT at commas; "\," and "\\" stand for themselves. Adds to LIST. */
int config_options_split(const char *text, char ***list);

/* config_fuse.c: words of fstab and of libfuse */

enum config_word { CONFIG_WORD_UNKNOWN, CONFIG_WORD_DROPPED, CONFIG_WORD_PASSED };
/* OPTION as in config_option(). */
enum config_word config_fuse_word(const char *option);
/* The words one by one, for guessing; NULL behind the last. */
const char *config_fuse_word_at(size_t index);
/* Builds config->fuse_options. */
int config_fuse_options(struct config *config, struct config_problem *problem);

/* config_read.c: files that are named */

/* Content of a regular file of at most MOST octets, NUL-terminated, without NUL inside. */
int config_read(const char *path, size_t most, char **text_out, struct config_problem *problem);
/* PATH made absolute from BASE; NULL: no memory. */
char *config_absolute(const char *path, const char *base);

/* config_file.c */

int config_file_apply(struct config *config, const char *path, struct config_problem *problem);

/* config_argv.c */

struct config_arguments {
	char *origin, *mountpoint, *config_file;
	char **options;
	bool foreground, debug, fake, help, version;
};
/* Overwrites the secrets in ARGV; before anything else looks at it, a copy must have been made. */
void config_argv_hide(int argc, char **argv);
int config_argv_parse(int argc, char **argv, struct config_arguments *arguments_out,
		      struct config_problem *problem);
void config_arguments_free(struct config_arguments *arguments);

/* config_origin.c */

/* Checks TEXT; sets config->origin and, from its user part unless user= was given, config->user. */
int config_origin(struct config *config, const char *text, struct config_problem *problem);
int config_scope_make(struct config *config, struct config_problem *problem);
/* Host of the origin and the start of the scope; for a directory's name. */
int config_cache_name(const struct config *config, char *buffer, size_t size);

/* config_place.c: where on this machine */

/* Directory of the program in the user's HOME or the system: XDG (variable's NAME) or HOME/BELOW
 * or SYSTEM for root. NULL: no memory or no home. */
char *config_home(const char *name, const char *below, const char *system);
/* Makes DIRECTORY with mode 0700, and what is missing above it. 0 when it is there and can be
 * written to, else a negative errno. */
int config_directory_make(const char *directory);
int config_cache_make(const struct config *config, struct config_problem *problem);
int config_mountpoint(struct config *config, const char *text, struct config_problem *problem);

/* config.c */

/* With the defaults of the table; BASE: the working directory. NULL: no memory. */
struct config *config_create(const char *base);
/* Applies the -c file, then OPTIONS, then -d; config->options becomes OPTIONS with @FILE read in,
 * which EXPANDED says they are already. */
int config_apply(struct config *config, char *const *options, bool expanded,
		 struct config_problem *problem);
/* The mode that follows from all that was given, and whether it and the hosted caches go together
 * (system.md section 2). */
int config_finish_mode(struct config *config, struct config_problem *problem);

#endif
