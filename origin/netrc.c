/* SPDX-License-Identifier: BSD-2-Clause */
#include "origin/netrc.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define NETRC_SPACE " \t\r\n"

struct word {
	const char *text;
	int length;
};

static const char *next_word(const char *at, struct word *word)
{
	at += strspn(at, NETRC_SPACE);
	while (*at == '#') {
		at += strcspn(at, "\n");
		at += strspn(at, NETRC_SPACE);
	}
	word->text = at;
	word->length = (int)strcspn(at, NETRC_SPACE);
	return at + word->length;
}

static bool is_word(const struct word *word, const char *text)
{
	return strlen(text) == (size_t)word->length &&
	       strncasecmp(word->text, text, (size_t)word->length) == 0;
}

/* Reads one machine's words up to the next machine. */
static const char *read_machine(const char *at, struct word *login, struct word *password)
{
	for (;;) {
		struct word word;
		const char *next = next_word(at, &word);

		if (word.length == 0 || is_word(&word, "machine") || is_word(&word, "default"))
			return at;
		if (is_word(&word, "login"))
			next = next_word(next, login);
		else if (is_word(&word, "password"))
			next = next_word(next, password);
		else if (is_word(&word, "macdef"))
			next = strstr(next, "\n\n") != NULL ? strstr(next, "\n\n")
							    : next + strlen(next);
		at = next;
	}
}

int netrc_find(const char *text, const char *host, char **user_out)
{
	struct word word = {0};
	const char *at = text;

	while (*(at = next_word(at, &word)) != '\0' || word.length > 0) {
		struct word login = {0}, password = {0};
		bool ours = is_word(&word, "default");

		if (is_word(&word, "machine")) {
			at = next_word(at, &word);
			ours = is_word(&word, host);
		}
		at = read_machine(at, &login, &password);
		if (!ours || login.length == 0)
			continue;
		if (asprintf(user_out, "%.*s:%.*s", login.length, login.text, password.length,
			     password.text) < 0)
			return -ENOMEM;
		return 0;
	}
	return -ENOENT;
}
