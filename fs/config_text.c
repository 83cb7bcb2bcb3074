/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Values that are texts, and lists of them: what each may be, and how it is shown where others may
 * read it.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <curl/curl.h>
#include <errno.h>
#include <net/if.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "fs/config_private.h"
#include "fs/listen_place.h"
#include "peer/host_place.h"
#include "peer/xaddr.h"

static bool has_control(const char *text)
{
	for (; *text; text++)
		if (iscntrl((unsigned char)*text))
			return true;
	return false;
}

static int keep(char **field, char *text, struct config_problem *problem)
{
	if (!text)
		return config_no_memory(problem);
	config_wipe(*field);
	*field = text;
	return 0;
}

static int path_read(const struct config_key *key, const char *text, const char *base, void *field,
		     struct config_problem *problem)
{
	(void)key;
	if (!*text || has_control(text))
		return config_fail(problem, CONFIG_USAGE, "not a path");
	return keep(field, config_absolute(text, base), problem);
}

const struct config_type config_type_path = {CONFIG_TEXT, sizeof(char *), path_read, NULL};

static int file_read(const struct config_key *key, const char *text, const char *base, void *field,
		     struct config_problem *problem)
{
	char *path = NULL;
	int error = path_read(key, text, base, &path, problem);

	if (error)
		return error;
	if (access(path, R_OK)) {
		error = config_fail(problem, CONFIG_FAILED, "the file cannot be read: %s",
				    strerror(errno));
		free(path);
		return error;
	}
	return keep(field, path, problem);
}

const struct config_type config_type_file = {CONFIG_TEXT, sizeof(char *), file_read, NULL};

static int listen_read(const struct config_key *key, const char *text, const char *base,
		       void *field, struct config_problem *problem)
{
	struct listen_place place;

	(void)key;
	(void)base;
	if (listen_place_read(text, &place))
		return config_fail(problem, CONFIG_USAGE,
				   "not PORT or ADDRESS:PORT with an address of this machine; an "
				   "IPv6 address goes into brackets");
	return keep(field, strdup(text), problem);
}

const struct config_type config_type_listen = {CONFIG_TEXT, sizeof(char *), listen_read, NULL};

static bool is_place(const char *text)
{
	struct host_place place;

	return host_place_read(text, XADDR_PORT_DEFAULT, &place) == 0;
}

static int hosts_read(const struct config_key *key, const char *text, const char *base, void *field,
		      struct config_problem *problem)
{
	(void)key;
	(void)base;
	if (!is_place(text))
		return config_fail(problem, CONFIG_USAGE,
				   "not HOST or HOST:PORT; an IPv6 address goes into brackets");
	return config_list_add(field, strdup(text)) ? config_no_memory(problem) : 0;
}

int config_hosts_parse(const char *words, char ***hosts_out, char *message, size_t message_size)
{
	char *copy = strdup(words), *rest = copy, *word, **hosts = NULL;
	int error = copy ? 0 : -ENOMEM;

	while (!error && (word = strsep(&rest, " \t")) != NULL) {
		if (*word && !is_place(word)) {
			snprintf(message, message_size,
				 "%s: not HOST or HOST:PORT; an IPv6 address goes into brackets",
				 word);
			error = -EINVAL;
		} else if (*word) {
			error = config_list_add(&hosts, strdup(word));
		}
	}
	free(copy);
	if (error == -ENOMEM)
		snprintf(message, message_size, "out of memory");
	if (error)
		config_list_free(hosts);
	else
		*hosts_out = hosts;
	return error;
}

int config_hosts_copy(char *const *hosts, char ***hosts_out)
{
	char **copy = NULL;

	for (; hosts && *hosts; hosts++)
		if (config_list_add(&copy, strdup(*hosts))) {
			config_list_free(copy);
			return -ENOMEM;
		}
	*hosts_out = copy;
	return 0;
}

void config_hosts_free(char **hosts)
{
	config_list_free(hosts);
}

const struct config_type config_type_hosts = {CONFIG_LIST, sizeof(char **), hosts_read, NULL};

static int interfaces_read(const struct config_key *key, const char *text, const char *base,
			   void *field, struct config_problem *problem)
{
	(void)key;
	(void)base;
	if (!*text || strlen(text) >= IF_NAMESIZE || has_control(text) || strpbrk(text, "/ "))
		return config_fail(problem, CONFIG_USAGE,
				   "not the name of a network interface; ip link shows them");
	return config_list_add(field, strdup(text)) ? config_no_memory(problem) : 0;
}

const struct config_type config_type_interfaces = {CONFIG_LIST, sizeof(char **), interfaces_read,
						   NULL};

/* Name of a header (RFC 9110 section 5.1). */
static size_t header_name(const char *text)
{
	size_t length = 0;

	while (isalnum((unsigned char)text[length]) ||
	       (text[length] && strchr("!#$%&'*+-.^_`|~", text[length])))
		length++;
	return length;
}

/* Those that the fetching itself sets: with others in their place answers would not be what was
 * asked for. */
static bool header_ours(const char *text, size_t length)
{
	static const char *const ours[] = {"Range",
					   "If-Range",
					   "If-None-Match",
					   "Connection",
					   "Content-Length",
					   "If-Modified-Since",
					   "TE",
					   "Accept-Encoding",
					   "Transfer-Encoding",
					   "X-P2P-PeerDist",
					   "X-P2P-PeerDistEx"};

	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		if (strlen(ours[i]) == length && !strncasecmp(ours[i], text, length))
			return true;
	return false;
}

static int headers_read(const struct config_key *key, const char *text, const char *base,
			void *field, struct config_problem *problem)
{
	size_t name = header_name(text);
	const char *value = text + name + 1;

	(void)key;
	(void)base;
	if (name == 0 || text[name] != ':' || has_control(text) || !value[strspn(value, " ")])
		return config_fail(problem, CONFIG_USAGE,
				   "not of the form \"Name: value\" on one line");
	if (header_ours(text, name))
		return config_fail(problem, CONFIG_USAGE, "%.*s is set by peerdistfs itself",
				   (int)name, text);
	return config_list_add(field, strdup(text)) ? config_no_memory(problem) : 0;
}

static void headers_show(const void *field, const char *item, char *buffer, size_t size)
{
	(void)field;
	snprintf(buffer, size, "%.*s: " CONFIG_MASK, (int)header_name(item), item);
}

const struct config_type config_type_headers = {CONFIG_LIST, sizeof(char **), headers_read,
						headers_show};

static int user_read(const struct config_key *key, const char *text, const char *base, void *field,
		     struct config_problem *problem)
{
	(void)key;
	(void)base;
	if (!strchr(text, ':') || has_control(text))
		return config_fail(problem, CONFIG_USAGE, "not of the form NAME:PASSWORD");
	return keep(field, strdup(text), problem);
}

static void user_show(const void *field, const char *item, char *buffer, size_t size)
{
	(void)field;
	(void)item;
	snprintf(buffer, size, CONFIG_MASK);
}

const struct config_type config_type_user = {CONFIG_TEXT, sizeof(char *), user_read, user_show};

static int proxy_read(const struct config_key *key, const char *text, const char *base, void *field,
		      struct config_problem *problem)
{
	static const char *const schemes[] = {"http",    "https",  "socks4",
					      "socks4a", "socks5", "socks5h"};
	/* curl takes a proxy without a scheme for an HTTP proxy. */
	bool known = !strstr(text, "://");
	char *scheme = NULL;
	CURLU *url = curl_url();

	(void)key;
	(void)base;
	if (!url)
		return config_no_memory(problem);
	if (curl_url_set(url, CURLUPART_URL, text,
			 CURLU_NON_SUPPORT_SCHEME | CURLU_DEFAULT_SCHEME) ||
	    curl_url_get(url, CURLUPART_SCHEME, &scheme, 0))
		known = false;
	for (size_t i = 0; scheme && i < sizeof(schemes) / sizeof(schemes[0]); i++)
		known = known || !strcmp(scheme, schemes[i]);
	curl_free(scheme);
	curl_url_cleanup(url);
	if (!known)
		return config_fail(problem, CONFIG_USAGE,
				   "not the URL of a proxy, such as http://proxy.example:3128 or "
				   "socks5h://127.0.0.1:1080");
	return keep(field, strdup(text), problem);
}

void config_url_masked(const char *url, char *buffer, size_t size)
{
	const char *scheme = strstr(url, "://");
	const char *user = scheme ? scheme + strlen("://") : url;
	const char *host = strrchr(user, '@');

	if (host)
		snprintf(buffer, size, "%.*s" CONFIG_MASK "%s", (int)(user - url), url, host);
	else
		snprintf(buffer, size, "%s", url);
}

static void proxy_show(const void *field, const char *item, char *buffer, size_t size)
{
	(void)field;
	config_url_masked(item, buffer, size);
}

const struct config_type config_type_proxy = {CONFIG_TEXT, sizeof(char *), proxy_read, proxy_show};

static int account_read(const struct config_key *key, const char *text, const char *base,
			void *field, struct config_problem *problem)
{
	(void)key;
	(void)base;
	if (!getpwnam(text))
		return config_fail(problem, CONFIG_USAGE, "no such user");
	return keep(field, strdup(text), problem);
}

const struct config_type config_type_account = {CONFIG_TEXT, sizeof(char *), account_read, NULL};

/* "syslog", "stderr" or a file; a slash is asked for so that a misspelt word is no file. */
static int log_read(const struct config_key *key, const char *text, const char *base, void *field,
		    struct config_problem *problem)
{
	if (!strcmp(text, "syslog") || !strcmp(text, "stderr"))
		return keep(field, strdup(text), problem);
	if (!strchr(text, '/'))
		return config_fail(problem, CONFIG_USAGE,
				   "neither syslog nor stderr nor the path of a file (with a "
				   "slash in it)");
	return path_read(key, text, base, field, problem);
}

const struct config_type config_type_log = {CONFIG_TEXT, sizeof(char *), log_read, NULL};

static int fsname_read(const struct config_key *key, const char *text, const char *base,
		       void *field, struct config_problem *problem)
{
	(void)key;
	(void)base;
	if (!*text || has_control(text))
		return config_fail(problem, CONFIG_USAGE, "not a name");
	return keep(field, strdup(text), problem);
}

const struct config_type config_type_fsname = {CONFIG_TEXT, sizeof(char *), fsname_read, NULL};
