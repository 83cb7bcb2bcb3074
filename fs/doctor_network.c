/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What taking part in discovery and retrieval needs of the network. Multicast is tried with a Probe
 * for a segment that nobody has, so that nobody answers.
 */
#include "fs/doctor.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "fs/config.h"
#include "fs/listen_place.h"
#include "fs/peer_address.h"
#include "origin/loop.h"
#include "peer/firewall.h"
#include "peer/multicast.h"
#include "peer/wsd.h"

/* How long our own Probe may take to come back: our choice, a thousand times what it does. */
#define HEAR_MS 1000
#define LOOK_MS 10

struct doctor_network {
	const struct config *config;
	struct listen_place listen;
	struct loop *loop;
	struct interfaces *interfaces;
	struct interface found[INTERFACES_MAX];
	unsigned count;
	/* Of multicast: */
	struct multicast *multicast;
	char message_id[WSD_UUID_MAX];
	char datagram[4096];
	size_t size;
	unsigned sent;
	pthread_mutex_t lock;
	struct {
		bool ipv4, ipv6;
	} heard[INTERFACES_MAX]; /* lock; as in found */
};

int doctor_network_create(struct doctor *doctor, const struct config *config,
			  struct doctor_network **network_out)
{
	struct doctor_network *network = calloc(1, sizeof(*network));
	int error = network ? listen_place_read(config->listen, &network->listen) : -ENOMEM;

	if (!error) {
		network->config = config;
		pthread_mutex_init(&network->lock, NULL);
		error = loop_create(&network->loop);
	}
	if (!error) {
		const struct interfaces_options options = {
			.loop = network->loop, .names = (const char *const *)config->interfaces};

		error = interfaces_create(&options, &network->interfaces);
	}
	if (error) {
		doctor_find(doctor, DOCTOR_WRONG, "interfaces", "they cannot be looked at: %s",
			    strerror(-error));
		doctor_network_free(network);
		return error;
	}
	network->count = interfaces_list(network->interfaces, network->found);
	*network_out = network;
	return 0;
}

void doctor_network_free(struct doctor_network *network)
{
	if (!network)
		return;
	loop_destroy(network->loop);
	multicast_free(network->multicast);
	interfaces_free(network->interfaces);
	free(network);
}

/* ---- interfaces ---- */

static void print_addresses(const struct interface *interface, char *text, size_t size)
{
	size_t used = 0;

	*text = '\0';
	for (unsigned i = 0; i < interface->prefix_count && used < size; i++) {
		const struct xaddr *own = &interface->prefixes[i].own;
		char address[INET6_ADDRSTRLEN];

		inet_ntop(own->family == XADDR_IPV4 ? AF_INET : AF_INET6, own->octets, address,
			  sizeof(address));
		used += (size_t)snprintf(text + used, size - used, "%s%s/%u", i ? ", " : "",
					 address, interface->prefixes[i].bits);
	}
}

static bool takes_part(const struct doctor_network *network, const char *name)
{
	for (unsigned i = 0; i < network->count; i++)
		if (!strcmp(network->found[i].name, name))
			return true;
	return false;
}

void doctor_look_at_interfaces(struct doctor *doctor, struct doctor_network *network)
{
	char **names = network->config->interfaces;
	char text[512];

	for (unsigned i = 0; i < network->count; i++) {
		print_addresses(&network->found[i], text, sizeof(text));
		doctor_find(doctor, DOCTOR_FINE, "interfaces", "%s takes part: %s",
			    network->found[i].name, text);
	}
	for (; names && *names; names++) {
		if (takes_part(network, *names))
			continue;
		doctor_find(doctor, DOCTOR_WRONG, "interfaces",
			    "%s cannot take part: it is not there, not up, or has no address",
			    *names);
		doctor_mend(doctor, "ip address show dev %s tells; ip link set %s up", *names,
			    *names);
	}
	if (network->count == 0 && !network->config->interfaces) {
		doctor_find(doctor, DOCTOR_WRONG, "interfaces",
			    "none is up, can do multicast and has an address, so there are no "
			    "peers");
		doctor_mend(doctor, "ip -br address shows all; name one of another kind by "
				    "interface=NAME");
	}
}

/* ---- multicast ---- */

static void heard(void *context, bool answer, const struct multicast_arrival *arrival,
		  const void *datagram, size_t size)
{
	struct doctor_network *network = context;

	if (answer || !memmem(datagram, size, network->message_id, strlen(network->message_id)))
		return;
	pthread_mutex_lock(&network->lock);
	for (unsigned i = 0; i < network->count; i++) {
		if (network->found[i].index != arrival->interface.index)
			continue;
		if (arrival->source.family == XADDR_IPV4)
			network->heard[i].ipv4 = true;
		else
			network->heard[i].ipv6 = true;
	}
	pthread_mutex_unlock(&network->lock);
}

static int write_probe(struct doctor_network *network)
{
	struct wsd_id id = {.size = 32};
	struct wsd_probe probe = {
		.form = WSD_FORM_1, .message_id = network->message_id, .count = 1, .ids = &id};
	uint8_t random[16];

	if (getrandom(random, sizeof(random), 0) != sizeof(random) ||
	    getrandom(id.octets, id.size, 0) != id.size)
		return -errno;
	wsd_uuid(random, network->message_id);
	return wsd_write_probe(&probe, network->datagram, sizeof(network->datagram),
			       &network->size);
}

static int ask(void *context)
{
	struct doctor_network *network = context;

	network->sent = multicast_ask(network->multicast, network->datagram, network->size);
	return 0;
}

static bool all_heard(struct doctor_network *network)
{
	bool all = true;

	pthread_mutex_lock(&network->lock);
	for (unsigned i = 0; i < network->count; i++)
		all = all && network->heard[i].ipv4 >= network->found[i].ipv4 &&
		      network->heard[i].ipv6 >= network->found[i].ipv6;
	pthread_mutex_unlock(&network->lock);
	return all;
}

static void tell_heard(struct doctor *doctor, const struct doctor_network *network,
		       const struct interface *interface, const char *family, const char *group,
		       bool was_heard)
{
	unsigned port = network->config->discovery_port;

	if (was_heard) {
		doctor_find(doctor, DOCTOR_FINE, "multicast", "%s: %s works within this machine",
			    interface->name, family);
		return;
	}
	doctor_find(doctor, DOCTOR_WRONG, "multicast",
		    "%s: what is sent by %s to %s, UDP port %u, is not heard even here",
		    interface->name, family, group, port);
	doctor_mend(doctor,
		    "a firewall of this machine drops it: peerdist doctor --firewall "
		    "prints what to let in; or a route is missing: ip route get %s",
		    group);
}

static void tell_deaf(struct doctor *doctor, const struct doctor_network *network)
{
	unsigned port = network->config->discovery_port;

	if (!multicast_deaf(network->multicast)) {
		doctor_find(doctor, DOCTOR_FINE, "discovery", "UDP %u can be shared", port);
		return;
	}
	doctor_find(doctor, DOCTOR_WRONG, "discovery",
		    "another program has UDP %u for itself: we can ask others, but not hear them",
		    port);
	doctor_mend(doctor,
		    "ss -ulpn 'sport = :%u' names it; end it, or have it share the port "
		    "(SO_REUSEADDR)",
		    port);
}

static int open_multicast(struct doctor_network *network)
{
	const struct multicast_options options = {.loop = network->loop,
						  .interfaces = network->interfaces,
						  .port = network->config->discovery_port,
						  .heard = heard,
						  .context = network};
	int error = write_probe(network);

	return error ? error : multicast_create(&options, &network->multicast);
}

void doctor_look_at_discovery(struct doctor *doctor, struct doctor_network *network)
{
	int error = network->count > 0 ? open_multicast(network) : 0;
	bool deaf;

	if (network->count == 0)
		return;
	if (error) {
		doctor_find(doctor, DOCTOR_WRONG, "discovery", "no socket for it: %s",
			    strerror(-error));
		return;
	}
	tell_deaf(doctor, network);
	loop_call(network->loop, ask, network);
	for (int waited = 0; waited < HEAR_MS && !all_heard(network); waited += LOOK_MS)
		nanosleep(&(struct timespec){.tv_nsec = LOOK_MS * 1000000}, NULL);
	deaf = multicast_deaf(network->multicast);
	pthread_mutex_lock(&network->lock);
	for (unsigned i = 0; i < network->count && !deaf; i++) {
		const struct interface *interface = &network->found[i];

		if (interface->ipv4)
			tell_heard(doctor, network, interface, "IPv4", "239.255.255.250",
				   network->heard[i].ipv4);
		if (interface->ipv6)
			tell_heard(doctor, network, interface, "IPv6", "ff02::c",
				   network->heard[i].ipv6);
	}
	pthread_mutex_unlock(&network->lock);
	doctor_find(doctor, DOCTOR_NOTE, "firewall",
		    "whether it lets others in cannot be seen from this side");
	doctor_mend(doctor, "peerdist doctor --firewall prints rules for nft and firewalld");
}

/* ---- retrieval ---- */

/* 0: PORT can be listened on; or a negative errno. ADDRESS NULL: all. */
static int try_port(int family, const char *address, unsigned port)
{
	struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
	struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	bool ipv4 = family == AF_INET;
	int one = 1, error = 0;

	if (address &&
	    inet_pton(family, address, ipv4 ? (void *)&four.sin_addr : (void *)&six.sin6_addr) != 1)
		return 0; /* of the other family */
	int tried = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (tried < 0)
		return errno == EAFNOSUPPORT ? 0 : -errno;
	setsockopt(tried, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (!ipv4)
		setsockopt(tried, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	if (bind(tried, ipv4 ? (struct sockaddr *)&four : (struct sockaddr *)&six,
		 ipv4 ? sizeof(four) : sizeof(six)) ||
	    listen(tried, 1))
		error = -errno;
	close(tried);
	return error;
}

static int try_both(const struct listen_place *place, unsigned port)
{
	const char *address = listen_place_address(place);
	int error = try_port(AF_INET, address, port);

	return error ? error : try_port(AF_INET6, address, port);
}

static void tell_none(struct doctor *doctor, const struct listen_place *place, int error)
{
	if (error != -EADDRINUSE) {
		doctor_find(doctor, DOCTOR_WRONG, "retrieval", "TCP %u cannot be listened on: %s",
			    place->port_first, strerror(-error));
		doctor_mend(doctor, error == -EACCES
					    ? "ports below 1024 are root's: mount as root, or "
					      "choose another by listen="
					    : "choose an address of this machine by listen=");
	} else if (place->port_first == place->port_last) {
		doctor_find(doctor, DOCTOR_NOTE, "retrieval",
			    "TCP %u is taken, by a mount that runs already or by another program",
			    place->port_first);
		doctor_mend(doctor, "ss -tlpn 'sport = :%u' names it", place->port_first);
	} else {
		doctor_find(doctor, DOCTOR_WRONG, "retrieval", "TCP %u to %u are all taken",
			    place->port_first, place->port_last);
		doctor_mend(doctor, "ss -tlpn names by whom; choose another by listen=PORT");
	}
}

void doctor_look_at_retrieval(struct doctor *doctor, struct doctor_network *network)
{
	const struct listen_place *place = &network->listen;
	int error = 0;

	for (unsigned port = place->port_first; port <= place->port_last; port++) {
		error = try_both(place, port);
		if (error == -EADDRINUSE)
			continue;
		if (error)
			break;
		if (port == 0)
			doctor_find(doctor, DOCTOR_FINE, "retrieval", "any TCP port that is free");
		else
			doctor_find(doctor, DOCTOR_FINE, "retrieval", "TCP %u is free%s", port,
				    port == place->port_first
					    ? ""
					    : "; those before it are taken, perhaps by mounts");
		return;
	}
	tell_none(doctor, place, error);
}

/* ---- firewall ---- */

int doctor_firewall(struct doctor_network *network, char **text_out)
{
	struct nearby_prefix *prefixes =
		calloc(INTERFACES_MAX * INTERFACES_PREFIXES_MAX, sizeof(*prefixes));
	const struct listen_place *place = &network->listen;
	struct firewall_options options = {
		.retrieval_port = (uint16_t)place->port_first,
		.discovery_port = (uint16_t)network->config->discovery_port,
		.prefixes = prefixes,
	};
	int error;

	if (!prefixes)
		return -ENOMEM;
	for (unsigned i = 0; i < network->count; i++)
		for (unsigned j = 0; j < network->found[i].prefix_count; j++)
			prefixes[options.prefix_count++] = network->found[i].prefixes[j];
	error = firewall_rules(&options, text_out);
	free(prefixes);
	return error;
}
