/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Hosts in requests: declared in content_target.h.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "origin/content_target.h"

#define HOST_MAX 255

/* HOST and port of "host", "host:port", "[address]:port". Returns the octets of the host, and where
 * the port is, with its colon. */
static size_t split(const char *text, size_t length, size_t *port_out)
{
	const char *bracket = length > 0 && text[0] == '[' ? memchr(text, ']', length) : NULL;
	const char *colon = bracket != NULL ? bracket + 1 : memchr(text, ':', length);
	size_t host = colon != NULL ? (size_t)(colon - text) : length;

	*port_out = length - host;
	return host;
}

static bool all_of(const char *text, size_t length, const char *allowed)
{
	for (size_t i = 0; i < length; i++)
		if (text[i] == '\0' || strchr(allowed, text[i]) == NULL)
			return false;
	return true;
}

bool content_host_possible(const char *text, size_t length)
{
	/* RFC 3986 section 3.2.2, without the escapes, which no name of the DNS has. */
	static const char name[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				   "-._~!$&'()*+,;=";
	size_t port, host = split(text, length, &port);
	bool good;

	if (host > 0 && text[0] == '[')
		good = text[host - 1] == ']' &&
		       all_of(text + 1, host - 2, "0123456789abcdefABCDEF:.");
	else
		good = all_of(text, host, name);
	if (!good || host > HOST_MAX)
		return false;
	return port == 0 || (text[host] == ':' && all_of(text + host + 1, port - 1, "0123456789"));
}

/* Only an address of this machine, or one for all or many, can be bound. */
static bool is_own(const struct sockaddr *address, socklen_t size)
{
	int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool own = fd >= 0 && bind(fd, address, size) == 0;

	if (fd >= 0)
		close(fd);
	return own;
}

static bool is_here_ipv4(const char *host)
{
	struct sockaddr_in address = {.sin_family = AF_INET};

	return inet_pton(AF_INET, host, &address.sin_addr) == 1 &&
	       address.sin_addr.s_addr != INADDR_ANY &&
	       address.sin_addr.s_addr != INADDR_BROADCAST &&
	       !IN_MULTICAST(ntohl(address.sin_addr.s_addr)) &&
	       is_own((const struct sockaddr *)&address, sizeof(address));
}

static bool is_here_ipv6(const char *host)
{
	struct sockaddr_in6 address = {.sin6_family = AF_INET6};

	return inet_pton(AF_INET6, host, &address.sin6_addr) == 1 &&
	       !IN6_IS_ADDR_UNSPECIFIED(&address.sin6_addr) &&
	       !IN6_IS_ADDR_MULTICAST(&address.sin6_addr) &&
	       is_own((const struct sockaddr *)&address, sizeof(address));
}

bool content_host_is_here(const char *text, size_t length)
{
	char host[HOST_MAX + 1], name[HOST_MAX + 1] = "";
	size_t port, host_length = split(text, length, &port);

	if (host_length == 0 || host_length > HOST_MAX || !content_host_possible(text, length))
		return false;
	if (text[0] == '[') {
		memcpy(host, text + 1, host_length - 2);
		host[host_length - 2] = '\0';
		return is_here_ipv6(host);
	}
	memcpy(host, text, host_length);
	host[host_length] = '\0';
	gethostname(name, sizeof(name) - 1);
	return !strcasecmp(host, "localhost") || (name[0] != '\0' && !strcasecmp(host, name)) ||
	       is_here_ipv4(host);
}
