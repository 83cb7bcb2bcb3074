/* SPDX-License-Identifier: BSD-2-Clause
 *
 * An ear is bound to a group, which can be no source address: the kernel takes that of the
 * interface then, or the one that is given with the datagram (IP_PKTINFO, IPV6_PKTINFO).
 */
#include "peer/multicast_sockets.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Our choice, each way: what a burst of ALLOWANCE_ALL takes as the kernel counts, which keeps twice
 * of this. Probes, until the loop comes round; answers, while the link addresses of askers are
 * asked for. For one that is not there this takes seconds, in which the others would go without. */
#define BUFFER_OCTETS (2 << 20)
/* The LAN; of unicast answers the kernel's default. */
#define HOPS 1

union socket_address {
	struct sockaddr any;
	struct sockaddr_in four;
	struct sockaddr_in6 six;
};

union control {
	struct cmsghdr header; /* alignment */
	unsigned char four[CMSG_SPACE(sizeof(struct in_pktinfo))];
	unsigned char six[CMSG_SPACE(sizeof(struct in6_pktinfo))];
};

struct option {
	int level, name, value;
};

static const struct option options_four[] = {
	{IPPROTO_IP, IP_PKTINFO, 1},
	{IPPROTO_IP, IP_MULTICAST_ALL, 0},
	{IPPROTO_IP, IP_MULTICAST_TTL, HOPS},
	{IPPROTO_IP, IP_MULTICAST_LOOP, 1},
};
static const struct option options_six[] = {
	{IPPROTO_IPV6, IPV6_V6ONLY, 1},         {IPPROTO_IPV6, IPV6_RECVPKTINFO, 1},
	{IPPROTO_IPV6, IPV6_MULTICAST_ALL, 0},  {IPPROTO_IPV6, IPV6_MULTICAST_HOPS, HOPS},
	{IPPROTO_IPV6, IPV6_MULTICAST_LOOP, 1},
};

struct xaddr multicast_sockets_group(enum xaddr_family family, uint16_t port)
{
	struct xaddr group = {.family = family, .port = port};

	inet_pton(family == XADDR_IPV4 ? AF_INET : AF_INET6,
		  family == XADDR_IPV4 ? "239.255.255.250" : "ff02::c", group.octets);
	return group;
}

static bool needs_scope(const struct xaddr *address)
{
	return address->family == XADDR_IPV6 &&
	       (address->octets[0] == 0xff || xaddr_is_link_local(address));
}

static socklen_t write_address(const struct xaddr *address, unsigned interface,
			       union socket_address *out)
{
	memset(out, 0, sizeof(*out));
	if (address->family == XADDR_IPV4) {
		out->four.sin_family = AF_INET;
		out->four.sin_port = htons(address->port);
		memcpy(&out->four.sin_addr, address->octets, sizeof(out->four.sin_addr));
		return sizeof(out->four);
	}
	out->six.sin6_family = AF_INET6;
	out->six.sin6_port = htons(address->port);
	memcpy(&out->six.sin6_addr, address->octets, sizeof(out->six.sin6_addr));
	out->six.sin6_scope_id = needs_scope(address) ? interface : 0;
	return sizeof(out->six);
}

/* ---- making ---- */

static int set_all(int fd, const struct option *options, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (setsockopt(fd, options[i].level, options[i].name, &options[i].value,
			       sizeof(options[i].value)) < 0)
			return -errno;
	return 0;
}

/* To root the system's own limits are none; else as many as they allow. */
static void widen(int fd)
{
	int octets = BUFFER_OCTETS;

	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &octets, sizeof(octets)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &octets, sizeof(octets));
	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &octets, sizeof(octets)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &octets, sizeof(octets));
}

static int prepare(int fd, enum xaddr_family family)
{
	widen(fd);
	return family == XADDR_IPV4
		       ? set_all(fd, options_four, sizeof(options_four) / sizeof(*options_four))
		       : set_all(fd, options_six, sizeof(options_six) / sizeof(*options_six));
}

static int bind_to(int fd, const struct xaddr *address, unsigned interface)
{
	union socket_address bound;
	socklen_t length = write_address(address, interface, &bound);

	return bind(fd, &bound.any, length) < 0 ? -errno : 0;
}

static int join(int fd, const struct xaddr *group, unsigned interface)
{
	struct ip_mreqn four = {.imr_ifindex = (int)interface};
	struct ipv6_mreq six = {.ipv6mr_interface = interface};
	int result;

	memcpy(&four.imr_multiaddr, group->octets, sizeof(four.imr_multiaddr));
	memcpy(&six.ipv6mr_multiaddr, group->octets, sizeof(six.ipv6mr_multiaddr));
	result = group->family == XADDR_IPV4
			 ? setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &four, sizeof(four))
			 : setsockopt(fd, IPPROTO_IPV6, IPV6_JOIN_GROUP, &six, sizeof(six));
	return result < 0 ? -errno : 0;
}

static int hear(int fd, const struct xaddr *group, unsigned interface)
{
	int on = 1, error = prepare(fd, group->family);

	/* With SO_REUSEPORT instead only one of those who share would get a datagram. */
	if (error == 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0)
		error = -errno;
	if (error == 0)
		error = bind_to(fd, group, interface);
	return error == 0 ? join(fd, group, interface) : error;
}

static int new_socket(enum xaddr_family family)
{
	int fd = socket(family == XADDR_IPV4 ? AF_INET : AF_INET6,
			SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	return fd < 0 ? -errno : fd;
}

static int done(int fd, int error)
{
	if (error == 0)
		return fd;
	close(fd);
	return error;
}

int multicast_sockets_ear(enum xaddr_family family, uint16_t port, unsigned interface)
{
	struct xaddr group = multicast_sockets_group(family, port);
	int fd = new_socket(family);

	return fd < 0 ? fd : done(fd, hear(fd, &group, interface));
}

int multicast_sockets_asker(enum xaddr_family family)
{
	struct xaddr any = {.family = family};
	int fd = new_socket(family), error;

	if (fd < 0)
		return fd;
	error = prepare(fd, family);
	/* Without SO_REUSEADDR: with it the kernel may choose a port that is shared already. */
	return done(fd, error == 0 ? bind_to(fd, &any, 0) : error);
}

/* ---- datagrams ---- */

static void add_control(struct msghdr *message, int level, int type, const void *content,
			size_t size)
{
	struct cmsghdr *header = message->msg_control;

	header->cmsg_level = level;
	header->cmsg_type = type;
	header->cmsg_len = CMSG_LEN(size);
	memcpy(CMSG_DATA(header), content, size);
	message->msg_controllen = CMSG_SPACE(size);
}

static void choose_way(struct msghdr *message, enum xaddr_family family, unsigned interface,
		       const struct xaddr *own)
{
	struct in_pktinfo four = {.ipi_ifindex = (int)interface};
	struct in6_pktinfo six = {.ipi6_ifindex = interface};

	if (own != NULL) {
		memcpy(&four.ipi_spec_dst, own->octets, sizeof(four.ipi_spec_dst));
		memcpy(&six.ipi6_addr, own->octets, sizeof(six.ipi6_addr));
	}
	if (family == XADDR_IPV4)
		add_control(message, IPPROTO_IP, IP_PKTINFO, &four, sizeof(four));
	else
		add_control(message, IPPROTO_IPV6, IPV6_PKTINFO, &six, sizeof(six));
}

int multicast_sockets_send(int fd, const struct xaddr *to, unsigned interface,
			   const struct xaddr *own, const void *datagram, size_t size)
{
	union socket_address destination;
	union control control = {0};
	struct iovec piece = {(void *)datagram, size};
	struct msghdr message = {.msg_name = &destination,
				 .msg_iov = &piece,
				 .msg_iovlen = 1,
				 .msg_control = &control};

	if (own != NULL && own->family != to->family)
		return -EINVAL;
	message.msg_namelen = write_address(to, interface, &destination);
	choose_way(&message, to->family, interface, own);
	while (sendmsg(fd, &message, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return 0;
}

static bool read_source(const union socket_address *from, struct xaddr *source)
{
	if (from->any.sa_family == AF_INET) {
		source->family = XADDR_IPV4;
		source->port = ntohs(from->four.sin_port);
		memcpy(source->octets, &from->four.sin_addr, sizeof(from->four.sin_addr));
	} else if (from->any.sa_family == AF_INET6) {
		source->family = XADDR_IPV6;
		source->port = ntohs(from->six.sin6_port);
		memcpy(source->octets, &from->six.sin6_addr, sizeof(from->six.sin6_addr));
	} else {
		return false;
	}
	return source->port != 0 && xaddr_is_host(source);
}

/* The index, or 0. */
static unsigned read_interface(struct msghdr *message)
{
	struct in_pktinfo four;
	struct in6_pktinfo six;

	for (struct cmsghdr *at = CMSG_FIRSTHDR(message); at != NULL;
	     at = CMSG_NXTHDR(message, at)) {
		if (at->cmsg_level == IPPROTO_IP && at->cmsg_type == IP_PKTINFO &&
		    at->cmsg_len >= CMSG_LEN(sizeof(four))) {
			memcpy(&four, CMSG_DATA(at), sizeof(four));
			return (unsigned)four.ipi_ifindex;
		}
		if (at->cmsg_level == IPPROTO_IPV6 && at->cmsg_type == IPV6_PKTINFO &&
		    at->cmsg_len >= CMSG_LEN(sizeof(six))) {
			memcpy(&six, CMSG_DATA(at), sizeof(six));
			return six.ipi6_ifindex;
		}
	}
	return 0;
}

int multicast_sockets_receive(int fd, unsigned char buffer[MULTICAST_DATAGRAM_MAX],
			      struct multicast_received *received_out)
{
	struct multicast_received received = {0};
	union socket_address from;
	union control control;
	struct iovec piece = {buffer, MULTICAST_DATAGRAM_MAX};
	struct msghdr message = {.msg_name = &from,
				 .msg_namelen = sizeof(from),
				 .msg_iov = &piece,
				 .msg_iovlen = 1,
				 .msg_control = &control,
				 .msg_controllen = sizeof(control)};
	ssize_t size;

	do
		size = recvmsg(fd, &message, 0);
	while (size < 0 && errno == EINTR);
	if (size < 0)
		return -errno;
	received.interface = read_interface(&message);
	if ((message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0 || received.interface == 0 ||
	    message.msg_namelen == 0 || !read_source(&from, &received.source))
		return -EBADMSG;
	if (needs_scope(&received.source))
		received.source.zone = received.interface;
	received.size = (size_t)size;
	*received_out = received;
	return 0;
}
