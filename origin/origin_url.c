/* SPDX-License-Identifier: BSD-2-Clause */
#include "origin/origin_url.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <curl/curl.h>

void origin_root_clear(struct origin_root *root)
{
	free(root->scheme);
	free(root->host);
	free(root->port);
	free(root->front);
	free(root->path);
	free(root->query);
	memset(root, 0, sizeof(*root));
}

/* A part that is not there is the empty string. curl's strings become ours. */
static char *url_part(CURLU *url, CURLUPart which, unsigned flags)
{
	char *part = NULL, *copy;
	CURLUcode code = curl_url_get(url, which, &part, flags);

	if (code == CURLUE_OUT_OF_MEMORY)
		return NULL;
	copy = strdup(code == CURLUE_OK ? part : "");
	curl_free(part);
	return copy;
}

static char *lower_case(char *text)
{
	for (char *at = text; at != NULL && *at != '\0'; at++)
		*at = (char)tolower((unsigned char)*at);
	return text;
}

static char *url_query(CURLU *url)
{
	char *query = url_part(url, CURLUPART_QUERY, 0), *marked = NULL;

	if (query != NULL && asprintf(&marked, "%s%s", query[0] != '\0' ? "?" : "", query) < 0)
		marked = NULL;
	free(query);
	return marked;
}

static int url_front(CURLU *url, struct origin_root *root)
{
	char *port = url_part(url, CURLUPART_PORT, CURLU_NO_DEFAULT_PORT);
	int length;

	if (port == NULL)
		return -ENOMEM;
	length = asprintf(&root->front, "%s://%s%s%s", root->scheme, root->host,
			  port[0] != '\0' ? ":" : "", port);
	free(port);
	if (length < 0)
		root->front = NULL;
	return length < 0 ? -ENOMEM : 0;
}

static int root_take(CURLU *url, struct origin_root *root)
{
	root->scheme = lower_case(url_part(url, CURLUPART_SCHEME, 0));
	root->host = lower_case(url_part(url, CURLUPART_HOST, 0));
	root->port = url_part(url, CURLUPART_PORT, CURLU_DEFAULT_PORT);
	root->path = url_part(url, CURLUPART_PATH, 0);
	root->query = url_query(url);
	if (root->scheme == NULL || root->host == NULL || root->port == NULL ||
	    root->path == NULL || root->query == NULL)
		return -ENOMEM;
	return url_front(url, root);
}

static bool has_user(CURLU *url)
{
	char *user = NULL, *password = NULL;
	bool has;

	curl_url_get(url, CURLUPART_USER, &user, 0);
	curl_url_get(url, CURLUPART_PASSWORD, &password, 0);
	has = user != NULL || password != NULL;
	curl_free(user);
	curl_free(password);
	return has;
}

static bool is_http(const char *scheme)
{
	return strcasecmp(scheme, "http") == 0 || strcasecmp(scheme, "https") == 0;
}

static int root_refused(const struct origin_root *root, CURLU *url, char *message, size_t size)
{
	if (!is_http(root->scheme))
		snprintf(message, size, "the origin's URL must begin with http:// or https://");
	else if (has_user(url))
		snprintf(message, size, "the origin's URL must not hold a user or password");
	else
		return 0;
	return -EINVAL;
}

int origin_root_parse(const char *url, struct origin_root *root_out, char *message,
		      size_t message_size)
{
	struct origin_root root = {0};
	CURLU *parsed = curl_url();
	CURLUcode code;
	int error;

	if (parsed == NULL)
		return -ENOMEM;
	code = curl_url_set(parsed, CURLUPART_URL, url, CURLU_URLENCODE);
	if (code != CURLUE_OK) {
		snprintf(message, message_size, "the origin's URL is malformed: %s",
			 curl_url_strerror(code));
		curl_url_cleanup(parsed);
		return code == CURLUE_OUT_OF_MEMORY ? -ENOMEM : -EINVAL;
	}
	error = root_take(parsed, &root);
	if (error == 0)
		error = root_refused(&root, parsed, message, message_size);
	curl_url_cleanup(parsed);
	if (error < 0)
		origin_root_clear(&root);
	else
		*root_out = root;
	return error;
}

/* RFC 3986 section 2.3 */
static bool is_unreserved(unsigned char octet)
{
	return (octet >= 'a' && octet <= 'z') || (octet >= 'A' && octet <= 'Z') ||
	       (octet >= '0' && octet <= '9') || octet == '-' || octet == '.' || octet == '_' ||
	       octet == '~';
}

char *origin_url_encode(char *to, const char *path)
{
	static const char digits[] = "0123456789ABCDEF";

	for (; *path != '\0'; path++) {
		unsigned char octet = (unsigned char)*path;

		if (is_unreserved(octet) || octet == '/') {
			*to++ = (char)octet;
			continue;
		}
		*to++ = '%';
		*to++ = digits[octet >> 4];
		*to++ = digits[octet & 15];
	}
	*to = '\0';
	return to;
}

char *origin_url_make(const struct origin_root *root, const char *path, enum origin_url_form form,
		      const char *extra)
{
	size_t size = strlen(root->front) + strlen(root->path) + 3 * strlen(path) +
		      strlen(root->query) + (extra != NULL ? strlen(extra) : 0) + 4;
	char *url = malloc(size), *at;

	if (url == NULL)
		return NULL;
	at = stpcpy(stpcpy(url, root->front), root->path);
	if (path[0] != '\0') {
		if (at[-1] != '/')
			*at++ = '/';
		at = origin_url_encode(at, path);
	}
	if (form == ORIGIN_URL_DIRECTORY && at[-1] != '/')
		*at++ = '/';
	at = stpcpy(at, root->query);
	if (extra != NULL) {
		*at++ = root->query[0] != '\0' ? '&' : '?';
		at = stpcpy(at, extra);
	}
	*at = '\0';
	return url;
}

bool origin_url_is_home(const struct origin_root *root, const char *url)
{
	struct origin_root other;
	char unsaid[CURL_ERROR_SIZE];
	bool same;

	if (origin_root_parse(url, &other, unsaid, sizeof(unsaid)) < 0)
		return false;
	same = strcmp(root->scheme, other.scheme) == 0 && strcmp(root->host, other.host) == 0 &&
	       strcmp(root->port, other.port) == 0;
	origin_root_clear(&other);
	return same;
}

/* Not by CURLU_URLDECODE, which refuses control characters; names may have them. */
static char *decoded_path(CURLU *url)
{
	char *encoded = url_part(url, CURLUPART_PATH, 0), *decoded = NULL, *path = NULL;
	int length = 0;

	if (encoded != NULL)
		decoded = curl_easy_unescape(NULL, encoded, 0, &length);
	if (decoded != NULL && strlen(decoded) == (size_t)length)
		path = strdup(decoded);
	curl_free(decoded);
	free(encoded);
	return path;
}

/* Compared decoded, since servers encode Location in their own way. */
static bool adds_slash(CURLU *from, CURLU *to)
{
	char *old_path = decoded_path(from);
	char *new_path = decoded_path(to);
	char *old_host = url_part(from, CURLUPART_HOST, 0);
	char *new_host = url_part(to, CURLUPART_HOST, 0);
	bool adds = false;

	if (old_path != NULL && new_path != NULL && old_host != NULL && new_host != NULL) {
		size_t length = strlen(old_path);

		adds = strcasecmp(old_host, new_host) == 0 && length > 0 &&
		       strncmp(old_path, new_path, length) == 0 &&
		       strcmp(new_path + length, "/") == 0;
	}
	free(old_path);
	free(new_path);
	free(old_host);
	free(new_host);
	return adds;
}

static bool scheme_allowed(CURLU *from, CURLU *to)
{
	char *before = url_part(from, CURLUPART_SCHEME, 0);
	char *after = url_part(to, CURLUPART_SCHEME, 0);
	bool allowed = before != NULL && after != NULL && is_http(after) &&
		       (strcasecmp(before, "https") != 0 || strcasecmp(after, "https") == 0);

	free(before);
	free(after);
	return allowed;
}

static int redirect_between(CURLU *from, CURLU *to, struct origin_redirect *redirect_out)
{
	struct origin_redirect redirect = {.slash = adds_slash(from, to)};
	char *host;

	redirect_out->slash = redirect.slash;
	if (!scheme_allowed(from, to) || has_user(to))
		return -ELOOP;
	curl_url_set(to, CURLUPART_FRAGMENT, NULL, 0);
	host = url_part(to, CURLUPART_HOST, 0);
	redirect.url = url_part(to, CURLUPART_URL, 0);
	redirect.local = host != NULL && origin_host_is_local(host);
	if (host == NULL || redirect.url == NULL) {
		free(host);
		free(redirect.url);
		return -ENOMEM;
	}
	free(host);
	*redirect_out = redirect;
	return 0;
}

int origin_url_redirect(const char *from, const char *location,
			struct origin_redirect *redirect_out)
{
	CURLU *old_url = curl_url(), *new_url = NULL;
	int error = -ENOMEM;

	redirect_out->slash = false;
	if (old_url != NULL && curl_url_set(old_url, CURLUPART_URL, from, 0) == CURLUE_OK)
		new_url = curl_url_dup(old_url);
	if (new_url != NULL) {
		error = -ELOOP;
		if (curl_url_set(new_url, CURLUPART_URL, location, CURLU_URLENCODE) == CURLUE_OK)
			error = redirect_between(old_url, new_url, redirect_out);
	}
	curl_url_cleanup(new_url);
	curl_url_cleanup(old_url);
	return error;
}

static bool is_local_v4(uint32_t address)
{
	return address >> 24 == 127 || address >> 24 == 0 || address >> 16 == 0xa9fe;
}

static bool is_local_v6(const struct in6_addr *address)
{
	static const uint8_t nat64[12] = {0, 0x64, 0xff, 0x9b}; /* RFC 6052 section 2.1 */
	uint32_t embedded;

	if (IN6_IS_ADDR_LOOPBACK(address) || IN6_IS_ADDR_UNSPECIFIED(address) ||
	    IN6_IS_ADDR_LINKLOCAL(address))
		return true;
	memcpy(&embedded, &address->s6_addr[12], sizeof(embedded));
	if (IN6_IS_ADDR_V4MAPPED(address) || IN6_IS_ADDR_V4COMPAT(address) ||
	    memcmp(address, nat64, sizeof(nat64)) == 0)
		return is_local_v4(ntohl(embedded));
	return false;
}

bool origin_address_is_local(const struct sockaddr *address)
{
	if (address->sa_family == AF_INET) {
		struct sockaddr_in v4;

		memcpy(&v4, address, sizeof(v4));
		return is_local_v4(ntohl(v4.sin_addr.s_addr));
	}
	if (address->sa_family == AF_INET6) {
		struct sockaddr_in6 v6;

		memcpy(&v6, address, sizeof(v6));
		return is_local_v6(&v6.sin6_addr);
	}
	return true;
}

static bool names_localhost(const char *host)
{
	static const char name[] = "localhost";
	size_t length = strlen(host);

	if (length > 0 && host[length - 1] == '.')
		length--;
	if (length < strlen(name) ||
	    strncasecmp(host + length - strlen(name), name, strlen(name)) != 0)
		return false;
	return length == strlen(name) || host[length - strlen(name) - 1] == '.';
}

bool origin_host_is_local(const char *host)
{
	char literal[INET6_ADDRSTRLEN];
	struct in6_addr v6;
	struct in_addr v4;
	size_t length;

	if (inet_aton(host, &v4) != 0)
		return is_local_v4(ntohl(v4.s_addr));
	if (host[0] != '[')
		return names_localhost(host);
	length = strcspn(host + 1, "]%");
	if (length >= sizeof(literal))
		return true;
	memcpy(literal, host + 1, length);
	literal[length] = '\0';
	return inet_pton(AF_INET6, literal, &v6) != 1 || is_local_v6(&v6);
}
