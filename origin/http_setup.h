/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What every request to an origin has in common: timeouts, TLS, proxy, credentials; read from files
 * once, before the daemon gives up its privileges, and put into curl handles. A handle is for
 * "home", ORIGIN's scheme, host and port, and carries the credentials; or for elsewhere and never
 * has had any. Immutable once made.
 *
 * Proxies of the environment are not used: what the redirect rule is to see must not depend on it.
 */
#ifndef ORIGIN_HTTP_SETUP_H
#define ORIGIN_HTTP_SETUP_H

#include <stdbool.h>
#include <stddef.h>

#include <curl/curl.h>

#include "origin/origin.h"

struct http_setup;

/* 0, or a negative errno with a MESSAGE that names the option, never its value. HOST: ORIGIN's, for
 * which netrc is asked. */
int http_setup_create(const struct origin_options *options, const char *host,
		      struct http_setup **setup_out, char *message, size_t message_size);
/* For a server that is no origin: no credentials, no proxy, TLS 1.2 at least, its chain and name
 * verified; what fails is the caller's to log. */
struct http_setup_bare {
	const char *cacert;  /* PEM file of who is trusted; NULL: the system's */
	const char *option;  /* by which it was given, for the message */
	const char *address; /* numeric, from which to connect; NULL: any */
	unsigned timeout;    /* seconds */
};
int http_setup_create_bare(const struct http_setup_bare *options, struct http_setup **setup_out,
			   char *message, size_t message_size);
void http_setup_free(struct http_setup *setup);

/* NULL: no memory. */
CURL *http_setup_handle(const struct http_setup *setup, bool home);
/* Of HANDLE's next exchange. Usually the identity form is asked for and what comes in another is
 * undone; AS_SENT: nothing is said of codings here, bodies are as they come, and the exchange is
 * over HTTP/1.1, the only one that Peer Distribution is made for. */
void http_setup_coding(CURL *handle, bool as_sent);
/* The user's own header lines, for home requests only; NULL if none. */
struct curl_slist *http_setup_headers(const struct http_setup *setup);
/* ORIGIN's host, for logs. */
const char *http_setup_host(const struct http_setup *setup);
bool http_setup_proxied(const struct http_setup *setup);
/* http_setup_create_bare() made it. */
bool http_setup_is_bare(const struct http_setup *setup);

#endif
