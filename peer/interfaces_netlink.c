/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Reading is two dumps over a socket of its own, so that answers and notifications do not mix. The
 * kernel makes each part of a dump within the call that asks for it: a socket with nothing to read
 * before the end is an error.
 */
#include "peer/interfaces_netlink.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* The kernel makes no parts of dumps that are longer than this, whatever room there is. */
#define PART_SIZE (32u << 10)
/* Our choice: the loop is not held up by a storm of changes; what is left is read next time. */
#define DRAIN_MAX 256u

struct request {
	struct nlmsghdr header;
	union {
		struct ifinfomsg link;
		struct ifaddrmsg address;
	} body;
	/* of links only: without the statistics, which are most of it */
	struct rtattr attribute;
	uint32_t mask;
};

static int open_socket(unsigned groups)
{
	struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = groups};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
	int error;

	if (fd < 0)
		return -errno;
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	error = -errno;
	close(fd);
	return error;
}

static bool take_number(const struct rtattr *attribute, uint32_t *number_out)
{
	if (RTA_PAYLOAD(attribute) < sizeof(*number_out))
		return false;
	memcpy(number_out, RTA_DATA(attribute), sizeof(*number_out));
	return true;
}

static void take_name(const struct rtattr *attribute, char *name_out, size_t size)
{
	size_t length = strnlen(RTA_DATA(attribute), RTA_PAYLOAD(attribute));

	if (length < size)
		memcpy(name_out, RTA_DATA(attribute), length);
}

/* The attribute behind ATTRIBUTE in *LEFT octets, or NULL. */
static const struct rtattr *attribute_at(const void *place, size_t left)
{
	const struct rtattr *attribute = place;

	if (left < sizeof(*attribute) || attribute->rta_len < sizeof(*attribute) ||
	    attribute->rta_len > left)
		return NULL;
	return attribute;
}

static const struct rtattr *attribute_next(const struct rtattr *attribute, size_t *left)
{
	size_t length = RTA_ALIGN(attribute->rta_len);

	if (length > *left)
		return NULL;
	*left -= length;
	return attribute_at((const char *)attribute + length, *left);
}

static void take_kind(const struct rtattr *information, struct interfaces_link *link)
{
	size_t left = RTA_PAYLOAD(information);

	for (const struct rtattr *at = attribute_at(RTA_DATA(information), left); at != NULL;
	     at = attribute_next(at, &left))
		if (at->rta_type == IFLA_INFO_KIND)
			take_name(at, link->kind, sizeof(link->kind));
}

static int read_link(const struct nlmsghdr *message, const struct interfaces_reader *reader)
{
	const struct ifinfomsg *body = NLMSG_DATA(message);
	struct interfaces_link link = {0};
	size_t left;

	if (message->nlmsg_len < NLMSG_LENGTH(sizeof(*body)))
		return -EBADMSG;
	link.index = (unsigned)body->ifi_index;
	link.flags = body->ifi_flags;
	link.type = body->ifi_type;
	left = message->nlmsg_len - NLMSG_SPACE(sizeof(*body));
	for (const struct rtattr *at = attribute_at(IFLA_RTA(body), left); at != NULL;
	     at = attribute_next(at, &left)) {
		if (at->rta_type == IFLA_IFNAME)
			take_name(at, link.name, sizeof(link.name));
		else if (at->rta_type == IFLA_MASTER)
			take_number(at, &link.master);
		else if ((at->rta_type & NLA_TYPE_MASK) == IFLA_LINKINFO)
			take_kind(at, &link);
	}
	return reader->link(reader->context, &link);
}

/* Those that were found to be another's stay tentative. Optimistic ones are tentative, and can be
 * used. */
static bool is_usable(uint32_t flags)
{
	return (flags & IFA_F_TENTATIVE) == 0 || (flags & IFA_F_OPTIMISTIC) != 0;
}

static bool take_octets(const struct rtattr *attribute, struct xaddr *address)
{
	if (RTA_PAYLOAD(attribute) < xaddr_size(address))
		return false;
	memcpy(address->octets, RTA_DATA(attribute), xaddr_size(address));
	return true;
}

static int read_address(const struct nlmsghdr *message, const struct interfaces_reader *reader)
{
	const struct ifaddrmsg *body = NLMSG_DATA(message);
	struct interfaces_address address = {0};
	struct xaddr *own = &address.prefix.own;
	bool local = false, any = false;
	uint32_t flags;
	size_t left;

	if (message->nlmsg_len < NLMSG_LENGTH(sizeof(*body)))
		return -EBADMSG;
	if (body->ifa_family != AF_INET && body->ifa_family != AF_INET6)
		return 0;
	own->family = body->ifa_family == AF_INET ? XADDR_IPV4 : XADDR_IPV6;
	flags = body->ifa_flags;
	left = message->nlmsg_len - NLMSG_SPACE(sizeof(*body));
	for (const struct rtattr *at = attribute_at(IFA_RTA(body), left); at != NULL;
	     at = attribute_next(at, &left)) {
		if (at->rta_type == IFA_FLAGS)
			take_number(at, &flags);
		else if (at->rta_type == IFA_LOCAL) /* IFA_ADDRESS is the far end's then */
			any |= local = take_octets(at, own);
		else if (at->rta_type == IFA_ADDRESS && !local)
			any |= take_octets(at, own);
	}
	if (!any || !is_usable(flags) || !xaddr_is_host(own))
		return 0;
	address.index = body->ifa_index;
	address.prefix.bits = body->ifa_prefixlen;
	address.deprecated = (flags & IFA_F_DEPRECATED) != 0;
	if (own->family == XADDR_IPV6 && xaddr_is_link_local(own))
		own->zone = address.index;
	return reader->address(reader->context, &address);
}

static int read_error(const struct nlmsghdr *message)
{
	const struct nlmsgerr *error = NLMSG_DATA(message);

	return message->nlmsg_len < NLMSG_LENGTH(sizeof(*error)) || error->error >= 0
		       ? -EBADMSG
		       : error->error;
}

/* Returns 1 at the good end of the dump. */
static int read_end(const struct nlmsghdr *message)
{
	int error = 0;

	if (message->nlmsg_len >= NLMSG_LENGTH(sizeof(error)))
		memcpy(&error, NLMSG_DATA(message), sizeof(error));
	return error < 0 ? error : 1;
}

static int read_message(const struct nlmsghdr *message, const struct interfaces_reader *reader)
{
	switch (message->nlmsg_type) {
	case NLMSG_DONE:
		return read_end(message);
	case NLMSG_ERROR:
		return read_error(message);
	case RTM_NEWLINK:
		return read_link(message, reader);
	case RTM_NEWADDR:
		return read_address(message, reader);
	default:
		return 0;
	}
}

static int read_part(const unsigned char *part, size_t size, const struct interfaces_reader *reader,
		     bool *torn)
{
	while (size >= sizeof(struct nlmsghdr)) {
		const struct nlmsghdr *message = (const struct nlmsghdr *)part;
		size_t length = NLMSG_ALIGN(message->nlmsg_len);
		int result;

		if (message->nlmsg_len < sizeof(*message) || message->nlmsg_len > size)
			return -EBADMSG;
		*torn |= (message->nlmsg_flags & NLM_F_DUMP_INTR) != 0;
		result = read_message(message, reader);
		if (result != 0)
			return result;
		if (length > size)
			break;
		part += length;
		size -= length;
	}
	return 0;
}

static int receive_dump(int fd, unsigned char *part, const struct interfaces_reader *reader,
			bool *torn)
{
	int result = 0;

	while (result == 0) {
		ssize_t size = recv(fd, part, PART_SIZE, MSG_TRUNC);

		if (size < 0 && errno == EINTR)
			continue;
		if (size < 0)
			return -errno;
		if (size == 0 || size > PART_SIZE)
			return -EMSGSIZE;
		result = read_part(part, (size_t)size, reader, torn);
	}
	return result < 0 ? result : 0;
}

static int dump(int fd, uint16_t type, unsigned char *part, const struct interfaces_reader *reader,
		bool *torn)
{
	bool links = type == RTM_GETLINK;
	struct request request = {
		.header = {.nlmsg_type = type, .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
		.attribute = {RTA_LENGTH(sizeof(uint32_t)), IFLA_EXT_MASK},
		.mask = RTEXT_FILTER_SKIP_STATS,
	};

	request.header.nlmsg_len =
		links ? sizeof(request) : NLMSG_LENGTH(sizeof(request.body.address));
	if (send(fd, &request, request.header.nlmsg_len, 0) < 0)
		return -errno;
	return receive_dump(fd, part, reader, torn);
}

int interfaces_netlink_read(const struct interfaces_reader *reader)
{
	unsigned char *part = malloc(PART_SIZE);
	bool torn = false;
	int fd, error;

	if (part == NULL)
		return -ENOMEM;
	fd = open_socket(0);
	error = fd < 0 ? fd : dump(fd, RTM_GETLINK, part, reader, &torn);
	if (error == 0)
		error = dump(fd, RTM_GETADDR, part, reader, &torn);
	if (fd >= 0)
		close(fd);
	free(part);
	return error == 0 && torn ? -EINTR : error;
}

int interfaces_netlink_watch(void)
{
	return open_socket(RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR);
}

bool interfaces_netlink_drain(int fd)
{
	bool some = false;
	char octet;

	/* Octets that do not fit are thrown away by the kernel. */
	for (unsigned i = 0; i < DRAIN_MAX; i++) {
		if (recv(fd, &octet, sizeof(octet), 0) < 0 && errno != ENOBUFS && errno != EINTR)
			break;
		some = true;
	}
	return some;
}
