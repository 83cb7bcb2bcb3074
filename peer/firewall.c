/* SPDX-License-Identifier: BSD-2-Clause */
#include "peer/firewall.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* In front of what the chain says, since an "accept" behind a "drop" is never reached. A chain that
 * is there already stays as it is. */
#define RULE "insert rule inet filter input "

static const char heading[] =
	"# Lets peerdistfs find other machines on the LAN, and be found. As root: nft -f "
	"THIS-FILE\n"
	"#\n"
	"# The rules go into the chain that decides about what comes in, here \"inet filter "
	"input\".\n"
	"# Where \"nft list ruleset\" shows \"hook input\" in another one, put its name in their\n"
	"# place: what one chain accepts another may still drop. They are gone with the next "
	"start\n"
	"# of the machine unless /etc/nftables.conf has them too.\n"
	"add table inet filter\n"
	"add chain inet filter input\n";

static const char firewalld_heading[] =
	"\n# The same for firewalld, in the zone of the interface (--zone=NAME, unless it is the\n"
	"# default one). It asks for one port of a datagram only, so answers may come from any.\n";

struct family {
	enum xaddr_family family;
	const char *word; /* of nft */
	const char *name; /* of firewalld */
	const char *group;
};

static const struct family families[] = {
	{XADDR_IPV4, "ip", "ipv4", "239.255.255.250"},
	{XADDR_IPV6, "ip6", "ipv6", "ff02::c"},
};
#define FAMILIES (sizeof(families) / sizeof(*families))

/* Of interfaces that nobody named: RFC 1918, 3927, 4193 and 4291. */
static const struct nearby_prefix local_networks[] = {
	{{.family = XADDR_IPV4, .octets = {10}}, 8},
	{{.family = XADDR_IPV4, .octets = {172, 16}}, 12},
	{{.family = XADDR_IPV4, .octets = {192, 168}}, 16},
	{{.family = XADDR_IPV4, .octets = {169, 254}}, 16},
	{{.family = XADDR_IPV6, .octets = {0xfc}}, 7},
	{{.family = XADDR_IPV6, .octets = {0xfe, 0x80}}, 10},
};
#define LOCAL_NETWORKS (sizeof(local_networks) / sizeof(*local_networks))
#define LINK_LOCAL_6 (&local_networks[LOCAL_NETWORKS - 1])

/* ---- networks ---- */

/* None lies inside another: nft would refuse them. */
struct networks {
	unsigned count;
	struct nearby_prefix *list;
};

static struct nearby_prefix network_of(const struct nearby_prefix *prefix)
{
	struct nearby_prefix network = {.own = {.family = prefix->own.family},
					.bits = prefix->bits};

	if (prefix->own.family == XADDR_IPV6 && xaddr_is_link_local(&prefix->own))
		return *LINK_LOCAL_6;
	for (unsigned bit = 0; bit < prefix->bits; bit++)
		network.own.octets[bit / 8] |=
			prefix->own.octets[bit / 8] & (uint8_t)(0x80 >> bit % 8);
	return network;
}

static bool is_inside(const struct nearby_prefix *inner, const struct nearby_prefix *outer)
{
	struct nearby_prefix cut = *inner;

	if (inner->own.family != outer->own.family || inner->bits < outer->bits)
		return false;
	cut.bits = outer->bits;
	cut = network_of(&cut);
	return xaddr_same_host(&cut.own, &outer->own);
}

static void add_network(struct networks *networks, const struct nearby_prefix *network)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < networks->count; i++)
		if (is_inside(network, &networks->list[i]))
			return;
	for (unsigned i = 0; i < networks->count; i++)
		if (!is_inside(&networks->list[i], network))
			networks->list[kept++] = networks->list[i];
	networks->list[kept++] = *network;
	networks->count = kept;
}

static void add_networks(struct networks *networks, const struct nearby_prefix *prefixes,
			 unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		struct nearby_prefix network;

		if (xaddr_is_loopback(&prefixes[i].own) || prefixes[i].bits == 0 ||
		    prefixes[i].bits > 8 * xaddr_size(&prefixes[i].own))
			continue;
		network = network_of(&prefixes[i]);
		add_network(networks, &network);
	}
}

static int gather(const struct firewall_options *options, struct networks *networks_out)
{
	struct networks networks = {.list = malloc((options->prefix_count + LOCAL_NETWORKS) *
						   sizeof(struct nearby_prefix))};

	if (networks.list == NULL)
		return -ENOMEM;
	add_networks(&networks, options->prefixes, options->prefix_count);
	if (networks.count == 0)
		add_networks(&networks, local_networks, LOCAL_NETWORKS);
	*networks_out = networks;
	return 0;
}

static bool has_family(const struct networks *networks, enum xaddr_family family)
{
	for (unsigned i = 0; i < networks->count; i++)
		if (networks->list[i].own.family == family)
			return true;
	return false;
}

static void print_network(FILE *out, const struct nearby_prefix *network)
{
	char text[INET6_ADDRSTRLEN];

	inet_ntop(network->own.family == XADDR_IPV4 ? AF_INET : AF_INET6, network->own.octets, text,
		  sizeof(text));
	fprintf(out, "%s/%u", text, network->bits);
}

/* ---- nft ---- */

static void print_sources(FILE *out, const struct networks *networks, const struct family *family)
{
	const char *before = " saddr { ";

	fprintf(out, RULE "%s", family->word);
	for (unsigned i = 0; i < networks->count; i++) {
		if (networks->list[i].own.family != family->family)
			continue;
		fputs(before, out);
		print_network(out, &networks->list[i]);
		before = ", ";
	}
	fputs(" } ", out);
}

static void print_rules(FILE *out, const struct firewall_options *options,
			const struct networks *networks, const struct family *family)
{
	if (!has_family(networks, family->family))
		return;
	fprintf(out, "\n# %s: questions of others, answers to ours, and blocks.\n", family->name);
	print_sources(out, networks, family);
	fprintf(out, "%s daddr %s udp dport %u accept\n", family->word, family->group,
		options->discovery_port);
	print_sources(out, networks, family);
	fprintf(out, "udp sport %u udp dport %u-%u accept\n", options->discovery_port,
		options->ephemeral_first, options->ephemeral_last);
	print_sources(out, networks, family);
	fprintf(out, "tcp dport %u accept\n", options->retrieval_port);
	/* Switches ask who is in a group, and stop sending to who does not answer; the question
	 * may come from 0.0.0.0. */
	fprintf(out, "# Lets switches know that this machine is in the group.\n" RULE "%s accept\n",
		family->family == XADDR_IPV4 ? "ip protocol igmp"
					     : "icmpv6 type mld-listener-query");
}

/* ---- firewalld ---- */

static void print_command(FILE *out, const struct nearby_prefix *network,
			  const struct family *family)
{
	fprintf(out,
		"# firewall-cmd --permanent --add-rich-rule='rule family=\"%s\" source address=\"",
		family->name);
	print_network(out, network);
	fputs("\" ", out);
}

static void print_commands(FILE *out, const struct firewall_options *options,
			   const struct nearby_prefix *network, const struct family *family)
{
	print_command(out, network, family);
	fprintf(out, "destination address=\"%s\" port port=\"%u\" protocol=\"udp\" accept'\n",
		family->group, options->discovery_port);
	print_command(out, network, family);
	fprintf(out, "port port=\"%u-%u\" protocol=\"udp\" accept'\n", options->ephemeral_first,
		options->ephemeral_last);
	print_command(out, network, family);
	fprintf(out, "port port=\"%u\" protocol=\"tcp\" accept'\n", options->retrieval_port);
}

static void print_firewalld(FILE *out, const struct firewall_options *options,
			    const struct networks *networks)
{
	fputs(firewalld_heading, out);
	for (unsigned f = 0; f < FAMILIES; f++)
		for (unsigned i = 0; i < networks->count; i++)
			if (networks->list[i].own.family == families[f].family)
				print_commands(out, options, &networks->list[i], &families[f]);
	fputs("# firewall-cmd --permanent --add-protocol=igmp\n# firewall-cmd --reload\n", out);
}

/* ---- all of it ---- */

static int print_all(const struct firewall_options *options, const struct networks *networks,
		     char **text_out)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	bool failed;

	if (out == NULL)
		return -ENOMEM;
	fputs(heading, out);
	for (unsigned f = 0; f < FAMILIES; f++)
		print_rules(out, options, networks, &families[f]);
	print_firewalld(out, options, networks);
	failed = ferror(out);
	if (fclose(out) != 0 || failed) {
		free(text);
		return -ENOMEM;
	}
	*text_out = text;
	return 0;
}

int firewall_rules(const struct firewall_options *options, char **text_out)
{
	struct firewall_options complete = *options;
	struct networks networks;
	int error;

	if (complete.ephemeral_first == 0 && complete.ephemeral_last == 0) {
		complete.ephemeral_first = FIREWALL_EPHEMERAL_FIRST;
		complete.ephemeral_last = FIREWALL_EPHEMERAL_LAST;
	}
	if (complete.retrieval_port == 0 || complete.discovery_port == 0 ||
	    complete.ephemeral_first == 0 || complete.ephemeral_first > complete.ephemeral_last)
		return -EINVAL;
	error = gather(&complete, &networks);
	if (error != 0)
		return error;
	error = print_all(&complete, &networks, text_out);
	free(networks.list);
	return error;
}
