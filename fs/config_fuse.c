/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Words that are not ours: what mount(8), systemd and fstab put among the options, and what is
 * libfuse's. "ro" is not passed on, since the kernel would then refuse the control files too; nor
 * are "dev" and "suid", since a server far away has no say in devices and privileges here.
 */
#include <stdlib.h>
#include <string.h>

#include "fs/config_private.h"

/* A '=' at the end: any value may follow. A '*': any rest. */
static const struct {
	const char *word;
	enum config_word what;
} words[] = {
	{"defaults", CONFIG_WORD_DROPPED},
	{"auto", CONFIG_WORD_DROPPED},
	{"noauto", CONFIG_WORD_DROPPED},
	{"user", CONFIG_WORD_DROPPED},
	{"nouser", CONFIG_WORD_DROPPED},
	{"users", CONFIG_WORD_DROPPED},
	{"owner", CONFIG_WORD_DROPPED},
	{"group", CONFIG_WORD_DROPPED},
	{"noowner", CONFIG_WORD_DROPPED},
	{"nogroup", CONFIG_WORD_DROPPED},
	{"nousers", CONFIG_WORD_DROPPED},
	{"_netdev", CONFIG_WORD_DROPPED},
	{"nofail", CONFIG_WORD_DROPPED},
	{"comment=", CONFIG_WORD_DROPPED},
	{"uhelper=", CONFIG_WORD_DROPPED},
	{"helper=", CONFIG_WORD_DROPPED},
	/* Finds the mount point busy, unless there is nothing mounted. */
	{"remount", CONFIG_WORD_DROPPED},
	/* What a mount table says of a mount, given back by "mount -o remount". */
	{"user_id=", CONFIG_WORD_DROPPED},
	{"group_id=", CONFIG_WORD_DROPPED},
	{"x-*", CONFIG_WORD_DROPPED},
	{"X-*", CONFIG_WORD_DROPPED},
	{"ro", CONFIG_WORD_DROPPED},
	{"rw", CONFIG_WORD_DROPPED},
	{"dev", CONFIG_WORD_DROPPED},
	{"nodev", CONFIG_WORD_DROPPED},
	{"suid", CONFIG_WORD_DROPPED},
	{"nosuid", CONFIG_WORD_DROPPED},
	{"exec", CONFIG_WORD_DROPPED},
	{"noexec", CONFIG_WORD_PASSED},
	{"atime", CONFIG_WORD_DROPPED},
	{"noatime", CONFIG_WORD_PASSED},
	{"diratime", CONFIG_WORD_DROPPED},
	{"nodiratime", CONFIG_WORD_DROPPED},
	{"relatime", CONFIG_WORD_DROPPED},
	{"norelatime", CONFIG_WORD_DROPPED},
	{"strictatime", CONFIG_WORD_DROPPED},
	{"nostrictatime", CONFIG_WORD_DROPPED},
	{"lazytime", CONFIG_WORD_DROPPED},
	{"nolazytime", CONFIG_WORD_DROPPED},
	{"sync", CONFIG_WORD_DROPPED},
	{"async", CONFIG_WORD_DROPPED},
	{"dirsync", CONFIG_WORD_DROPPED},
	{"silent", CONFIG_WORD_DROPPED},
	{"loud", CONFIG_WORD_DROPPED},
	{"iversion", CONFIG_WORD_DROPPED},
	{"noiversion", CONFIG_WORD_DROPPED},
	{"mand", CONFIG_WORD_DROPPED},
	{"nomand", CONFIG_WORD_DROPPED},
	{"symfollow", CONFIG_WORD_DROPPED},
	/* The mount shows no symbolic links. */
	{"nosymfollow", CONFIG_WORD_DROPPED},
	/* Always set, whether asked for or not. */
	{"default_permissions", CONFIG_WORD_DROPPED},
	{"subtype=peerdistfs", CONFIG_WORD_DROPPED},
	{"allow_root", CONFIG_WORD_PASSED},
	{"auto_unmount", CONFIG_WORD_PASSED},
	{"max_read=", CONFIG_WORD_PASSED},
	{"context=", CONFIG_WORD_PASSED},
	{"fscontext=", CONFIG_WORD_PASSED},
	{"defcontext=", CONFIG_WORD_PASSED},
	{"rootcontext=", CONFIG_WORD_PASSED},
};

static bool matches(const char *option, const char *word)
{
	size_t length = strlen(word);

	if (word[length - 1] == '*')
		return !strncmp(option, word, length - 1);
	if (word[length - 1] == '=')
		return !strncmp(option, word, length) && option[length];
	return !strcmp(option, word);
}

enum config_word config_fuse_word(const char *option)
{
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (matches(option, words[i].word))
			return words[i].what;
	return CONFIG_WORD_UNKNOWN;
}

const char *config_fuse_word_at(size_t index)
{
	return index < sizeof(words) / sizeof(words[0]) ? words[index].word : NULL;
}

unsigned config_max_read(const struct config *config)
{
	unsigned octets = 0;

	for (size_t i = 0; config->fuse_words && config->fuse_words[i]; i++)
		sscanf(config->fuse_words[i], "max_read=%u", &octets);
	return octets;
}

/* libfuse cuts at commas as we do, and takes "\\" and "\," for themselves. */
static void put_escaped(const char *text, FILE *stream)
{
	for (; *text; text++) {
		if (*text == ',' || *text == '\\')
			putc('\\', stream);
		putc(*text, stream);
	}
}

int config_fuse_options(struct config *config, struct config_problem *problem)
{
	char *options = NULL;
	size_t size = 0;
	FILE *stream = open_memstream(&options, &size);

	if (!stream)
		return config_no_memory(problem);
	fputs("default_permissions,subtype=peerdistfs,fsname=", stream);
	put_escaped(config->fsname ? config->fsname : config->origin, stream);
	if (config->allow_other)
		fputs(",allow_other", stream);
	for (size_t i = 0; config->fuse_words && config->fuse_words[i]; i++) {
		putc(',', stream);
		put_escaped(config->fuse_words[i], stream);
	}
	if (fclose(stream)) {
		free(options);
		return config_no_memory(problem);
	}
	free(config->fuse_options);
	config->fuse_options = options;
	return 0;
}
