/* SPDX-License-Identifier: BSD-2-Clause */
#include "peer/request.h"

#include <netinet/in.h>
#include <string.h>
#include <strings.h>

/* Behind "http://" and the host, if it begins so; else TARGET. */
static const char *behind_host(const char *target)
{
	static const char *const schemes[] = {"http://", "https://"};

	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
		size_t length = strlen(schemes[i]);

		if (strncasecmp(target, schemes[i], length) == 0)
			return target + length + strcspn(target + length, "/?");
	}
	return target;
}

bool request_path(const char *target, char path_out[REQUEST_PATH_MAX])
{
	const char *path = behind_host(target);
	size_t length = strcspn(path, "?");

	if (length >= REQUEST_PATH_MAX)
		return false;
	memcpy(path_out, path, length);
	path_out[length] = '\0';
	return true;
}

static void read_ipv4(const void *octets, in_port_t port, struct xaddr *address)
{
	address->family = XADDR_IPV4;
	address->port = ntohs(port);
	memcpy(address->octets, octets, 4);
}

static void read_ipv6(const struct sockaddr_in6 *six, struct xaddr *address)
{
	if (IN6_IS_ADDR_V4MAPPED(&six->sin6_addr)) {
		read_ipv4(&six->sin6_addr.s6_addr[12], six->sin6_port, address);
		return;
	}
	address->family = XADDR_IPV6;
	address->port = ntohs(six->sin6_port);
	memcpy(address->octets, &six->sin6_addr, 16);
	if (xaddr_is_link_local(address))
		address->zone = six->sin6_scope_id;
}

bool request_address(const struct sockaddr *socket_address, struct xaddr *address_out)
{
	struct xaddr address = {0};

	if (socket_address->sa_family == AF_INET) {
		const struct sockaddr_in *four = (const struct sockaddr_in *)socket_address;

		read_ipv4(&four->sin_addr, four->sin_port, &address);
	} else if (socket_address->sa_family == AF_INET6) {
		read_ipv6((const struct sockaddr_in6 *)socket_address, &address);
	} else {
		return false;
	}
	*address_out = address;
	return true;
}

bool request_permitted(const struct http_served *served,
		       bool (*rule)(void *context, const struct xaddr *source), void *context,
		       struct xaddr *source_out)
{
	struct xaddr source;

	if (!request_address(http_served_source(served), &source))
		return false;
	source.port = 0;
	*source_out = source;
	return rule == NULL || rule(context, &source);
}

void request_forbid(struct http_served *served)
{
	http_reply_last(served);
	http_reply(served, 403);
}

bool request_is_post(struct http_served *served)
{
	if (strcmp(http_served_method(served), "POST") == 0)
		return true;
	http_reply_header(served, "Allow", "POST");
	http_reply(served, 405);
	return false;
}
