/* SPDX-License-Identifier: BSD-2-Clause */
#include "peer/interfaces_choice.h"

#include <fnmatch.h>
#include <linux/if.h>
#include <linux/if_arp.h>
#include <stddef.h>
#include <string.h>

#define HEX "[0-9a-f]"
#define HEX_4 HEX HEX HEX HEX

/* docker0, docker_gwbridge and br-..., the networks made by the same engine; other engines;
 * machines by libvirt; clusters, whose host ends are ports of nothing. */
static const char *const guest_names[] = {"docker*",  "br-" HEX_4 HEX_4 HEX_4,
					  "podman*",  "cni*",
					  "lxcbr*",   "lxdbr*",
					  "incusbr*", "virbr*",
					  "cali*",    "cilium*",
					  "flannel*", "kube-*"};

/* Those among the tunnels that pass for Ethernet. */
static const char *const tunnel_kinds[] = {"vxlan",     "geneve", "gretap",
					   "ip6gretap", "erspan", "ip6erspan"};

static const unsigned short tunnel_types[] = {ARPHRD_TUNNEL, ARPHRD_TUNNEL6, ARPHRD_SIT,
					      ARPHRD_IPGRE,  ARPHRD_IP6GRE,  ARPHRD_PPP,
					      ARPHRD_SLIP,   ARPHRD_RAWIP,   ARPHRD_NONE};

static bool is_tunnel(const struct interfaces_link *link)
{
	if ((link->flags & IFF_POINTOPOINT) != 0)
		return true;
	for (size_t i = 0; i < sizeof(tunnel_types) / sizeof(*tunnel_types); i++)
		if (link->type == tunnel_types[i])
			return true;
	for (size_t i = 0; i < sizeof(tunnel_kinds) / sizeof(*tunnel_kinds); i++)
		if (strcmp(link->kind, tunnel_kinds[i]) == 0)
			return true;
	return false;
}

static bool is_for_guests(const char *name)
{
	for (size_t i = 0; i < sizeof(guest_names) / sizeof(*guest_names); i++)
		if (fnmatch(guest_names[i], name, 0) == 0)
			return true;
	return false;
}

static bool is_among(const char *name, const char *const *names)
{
	while (*names != NULL)
		if (strcmp(name, *names++) == 0)
			return true;
	return false;
}

bool interfaces_choice(const struct interfaces_link *link, const char *const *names)
{
	if ((link->flags & IFF_UP) == 0 || (link->flags & IFF_RUNNING) == 0)
		return false;
	if (names != NULL && names[0] != NULL)
		return is_among(link->name, names);
	return (link->flags & IFF_MULTICAST) != 0 && (link->flags & IFF_LOOPBACK) == 0 &&
	       link->master == 0 && !is_tunnel(link) && !is_for_guests(link->name);
}
