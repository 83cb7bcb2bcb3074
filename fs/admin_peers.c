/* SPDX-License-Identifier: BSD-2-Clause */
#include "fs/admin_peers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cache/log.h"
#include "fs/admin_store.h"
#include "fs/mount.h"
#include "fs/peer_address.h"

/* Shown at most, the most recently used ones: our choice. */
#define PEERS_MAX 256u
#define MESSAGE_MAX 1024

/* What ARGUMENT, "MODE [HOST...]", says; HOSTS_OUT for config_hosts_free(). */
static int parse_mode(struct job *job, const char *argument, enum config_mode *mode_out,
		      char ***hosts_out)
{
	size_t length = strcspn(argument, " \t");
	char message[MESSAGE_MAX], **hosts;

	if (config_mode_parse(argument, length, mode_out) != 0) {
		job_explain(job,
			    "%.*s is no mode; there are off, local, distributed, hosted and "
			    "hosted+distributed",
			    (int)length, argument);
		return -EINVAL;
	}
	int error = config_hosts_parse(argument + length, &hosts, message, sizeof message);
	if (error != 0) {
		job_explain(job, "%s", message);
		return error;
	}
	if (hosts != NULL && !config_mode_is_hosted(*mode_out)) {
		job_explain(job, "%s: mode %.*s asks no hosted caches, so name none", hosts[0],
			    (int)length, argument);
		config_hosts_free(hosts);
		return -EINVAL;
	}
	*hosts_out = hosts;
	return 0;
}

int admin_mode_check(struct job *job, const char *argument)
{
	enum config_mode mode;
	char **hosts = NULL;
	int error = parse_mode(job, argument, &mode, &hosts);

	config_hosts_free(hosts);
	return error;
}

int admin_mode(struct mount *mount, struct job *job, const char *argument)
{
	char message[MESSAGE_MAX], **hosts = NULL;
	enum config_mode mode;
	int error = parse_mode(job, argument, &mode, &hosts);

	if (error != 0)
		return error;
	error = mount_change_mode(mount, mode, hosts, message, sizeof message);
	config_hosts_free(hosts);
	if (error != 0) {
		job_explain(job, "%s", message);
		return error;
	}
	job_print(job, "ok\n");
	return 0;
}

static void print_peer(struct job *job, const struct seeker_peer *peer, const char *kind)
{
	char address[PEER_ADDRESS_MAX], exchange[16] = "-";

	if (peer->exchange_ms != 0)
		snprintf(exchange, sizeof exchange, "%u", peer->exchange_ms);
	job_print(job, "%s\t%llu\t%llu\t%llu\t%llu\t%u\t%u\t%s\t%llu\t%s\n",
		  peer_address_text(&peer->address, address), (unsigned long long)peer->blocks,
		  (unsigned long long)peer->bytes, (unsigned long long)peer->bad,
		  (unsigned long long)peer->failures, peer->places, peer->busy, exchange,
		  (unsigned long long)(peer->banned_ms + 999) / 1000, kind);
}

/* Those whose address is known. */
static void print_hosted(struct job *job, struct neighbours *neighbours)
{
	struct neighbours_server servers[OFFERING_SERVERS_MAX];
	unsigned count = neighbours_servers(neighbours, servers);

	for (unsigned i = 0; i < count; i++)
		if (servers[i].peer.address.family != 0)
			print_peer(job, &servers[i].peer, "hosted");
}

int admin_peers(struct mount *mount, struct job *job)
{
	struct seeker_peer *peers = calloc(PEERS_MAX, sizeof *peers);
	unsigned count = 0;

	if (peers == NULL)
		return -ENOMEM;
	if (mount->neighbours != NULL)
		count = neighbours_peers(mount->neighbours, peers, PEERS_MAX);
	job_print(job, "ok\naddress\tblocks\tbytes\tbad\tfailures\tplaces\tbusy\texchange_ms\t"
		       "banned_s\tkind\n");
	if (mount->neighbours != NULL)
		print_hosted(job, mount->neighbours);
	for (unsigned i = 0; i < count; i++)
		print_peer(job, &peers[i], "peer");
	free(peers);
	return 0;
}

int admin_trust(struct mount *mount, struct job *job, const char *argument)
{
	int error = admin_trust_check(job, argument);

	if (error != 0)
		return error;
	if (mount->neighbours != NULL)
		neighbours_trust(mount->neighbours);
	job_print(job, "ok\n");
	return 0;
}
