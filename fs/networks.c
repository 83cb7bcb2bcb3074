/* SPDX-License-Identifier: BSD-2-Clause */
#include "fs/networks.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define IPV4_SIZE 4u
#define IPV6_SIZE 16u
/* ::ffff:0:0/96 */
#define MAPPED_SIZE 12u

struct network {
	uint8_t octets[IPV6_SIZE];
	size_t size; /* of an address */
	unsigned bits;
};

static const uint8_t mapped[MAPPED_SIZE] = {[10] = 0xff, [11] = 0xff};

/* IPv4 inside IPv6 becomes that, if nothing but such is in the network. */
static void to_ipv4(struct network *network)
{
	if (network->size != IPV6_SIZE || network->bits < 8 * MAPPED_SIZE ||
	    memcmp(network->octets, mapped, MAPPED_SIZE) != 0)
		return;
	memmove(network->octets, network->octets + MAPPED_SIZE, IPV4_SIZE);
	memset(network->octets + IPV4_SIZE, 0, IPV6_SIZE - IPV4_SIZE);
	network->size = IPV4_SIZE;
	network->bits -= 8 * MAPPED_SIZE;
}

static int read_bits(const char *text, unsigned most, unsigned *bits_out)
{
	size_t digits = strspn(text, "0123456789");

	if (digits == 0 || digits > 3 || text[digits] != '\0' || atoi(text) > (int)most)
		return -EINVAL;
	*bits_out = (unsigned)atoi(text);
	return 0;
}

static int read_network(const char *text, struct network *network_out)
{
	struct network network = {{0}, 0, 0};
	const char *slash = strchr(text, '/');
	size_t length = slash != NULL ? (size_t)(slash - text) : strlen(text);
	char address[INET6_ADDRSTRLEN];

	if (length >= sizeof address)
		return -EINVAL;
	memcpy(address, text, length);
	address[length] = '\0';
	if (inet_pton(AF_INET, address, network.octets) == 1)
		network.size = IPV4_SIZE;
	else if (inet_pton(AF_INET6, address, network.octets) == 1)
		network.size = IPV6_SIZE;
	else
		return -EINVAL;
	network.bits = 8 * (unsigned)network.size;
	if (slash != NULL && read_bits(slash + 1, network.bits, &network.bits) != 0)
		return -EINVAL;
	to_ipv4(&network);
	*network_out = network;
	return 0;
}

/* Clears what is behind the prefix; whether anything was there. */
static bool cut(struct network *network)
{
	bool more = false;

	for (unsigned bit = network->bits; bit < 8 * network->size; bit++) {
		uint8_t mask = (uint8_t)(0x80 >> bit % 8);

		more = more || (network->octets[bit / 8] & mask) != 0;
		network->octets[bit / 8] &= (uint8_t)~mask;
	}
	return more;
}

static void write_network(const struct network *network, char text_out[NETWORKS_TEXT_MAX])
{
	char address[INET6_ADDRSTRLEN];

	inet_ntop(network->size == IPV4_SIZE ? AF_INET : AF_INET6, network->octets, address,
		  sizeof address);
	snprintf(text_out, NETWORKS_TEXT_MAX, "%s/%u", address, network->bits);
}

int networks_add(struct networks *networks, const char *text, char nearest_out[NETWORKS_TEXT_MAX])
{
	struct network network;
	int error = read_network(text, &network);

	if (error != 0)
		return error;
	if (cut(&network)) {
		write_network(&network, nearest_out);
		return -EDOM;
	}
	struct network *list =
		reallocarray(networks->list, networks->count + 1, sizeof *networks->list);
	if (list == NULL)
		return -ENOMEM;
	list[networks->count++] = network;
	networks->list = list;
	return 0;
}

static bool holds(const struct network *network, const struct network *address)
{
	size_t whole = network->bits / 8;
	unsigned rest = network->bits % 8;

	if (network->size != address->size || memcmp(network->octets, address->octets, whole) != 0)
		return false;
	return rest == 0 || (network->octets[whole] ^ address->octets[whole]) >> (8 - rest) == 0;
}

bool networks_hold(const struct networks *networks, const struct xaddr *address)
{
	struct network one = {{0}, xaddr_size(address), 8 * (unsigned)xaddr_size(address)};

	memcpy(one.octets, address->octets, one.size);
	to_ipv4(&one);
	for (size_t i = 0; i < networks->count; i++)
		if (holds(&networks->list[i], &one))
			return true;
	return false;
}

void networks_free(struct networks *networks)
{
	free(networks->list);
	*networks = (struct networks){NULL, 0};
}
