/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The URLs of an HTTP origin: of a path below it, of where a redirect leads, and whether we go
 * there. Parsing is libcurl's. Pure but for memory.
 */
#ifndef ORIGIN_ORIGIN_URL_H
#define ORIGIN_ORIGIN_URL_H

#include <stdbool.h>
#include <stddef.h>

#include <sys/socket.h>

/* An origin's URL in its pieces; all owned. */
struct origin_root {
	char *scheme, *host; /* lower case; an IPv6 literal with its brackets */
	char *port;          /* "80" where the URL has none */
	char *front;         /* scheme, host and port as they begin every URL */
	char *path;          /* encoded, as given: "/", "/dir/", "/dir", "/file" */
	char *query;         /* with "?"; "" if none */
};

/* 0; -ENOMEM; -EINVAL with a MESSAGE that repeats nothing which may be secret. */
int origin_root_parse(const char *url, struct origin_root *root_out, char *message,
		      size_t message_size);
void origin_root_clear(struct origin_root *root);

enum origin_url_form {
	ORIGIN_URL_FILE,      /* the root's own URL is left as it was given */
	ORIGIN_URL_DIRECTORY, /* ends in "/" */
};
/* The URL of PATH (decoded, see origin.h), followed by the root's query; NULL: no memory. EXTRA:
 * more query, encoded, or NULL. */
char *origin_url_make(const struct origin_root *root, const char *path, enum origin_url_form form,
		      const char *extra);
/* PATH percent-encoded, "/" and unreserved characters kept. TO must hold 3 times its length + 1.
 * Returns the end, where a NUL is. */
char *origin_url_encode(char *to, const char *path);

/* Whether URL has the root's scheme, host and port: where credentials may go. */
bool origin_url_is_home(const struct origin_root *root, const char *url);

struct origin_redirect {
	char *url;  /* absolute, without fragment; owned */
	bool slash; /* leads to the same host and path with a "/" behind: a directory's answer */
	bool local; /* its host is, by its name, one of those that origin_host_is_local() knows */
};
/* Where LOCATION leads from the URL FROM. -ELOOP: not to where we go (other schemes, https to http,
 * a user part, or no URL at all; slash is told nevertheless of https to http). */
int origin_url_redirect(const char *from, const char *location,
			struct origin_redirect *redirect_out);

/* Loopback, link-local, unspecified, "this network"; of IPv6 also where it embeds such an IPv4
 * address. Families other than these two count as local. */
bool origin_address_is_local(const struct sockaddr *address);
/* The same of a literal address (brackets allowed), and of "localhost" and names below it. */
bool origin_host_is_local(const char *host);

#endif
