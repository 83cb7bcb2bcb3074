/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Hosted caches that the configuration names: whether each has an address and answers there when it
 * is asked for its versions. Whether it reaches us in turn only it could tell.
 */
#include "fs/doctor.h"

#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "fs/config.h"
#include "fs/listen_place.h"
#include "fs/peer_address.h"
#include "peer/host_place.h"
#include "peer/request.h"
#include "peer/retrieval_client.h"

/* MSG_NEGO_REQ, and its answer, for which RETRIEVAL_TIMEOUT_MS is waited. */
struct question {
	struct retrieval retrieval; /* first */
	struct retrieval_client *client;
	pthread_mutex_t lock;
	pthread_cond_t come;
	bool here; /* lock, as the next */
	int error;
};

static void done(struct retrieval *retrieval, int error, const struct pccrr_answer *answer,
		 uint8_t *body, size_t size)
{
	struct question *question = (struct question *)retrieval;

	(void)answer;
	(void)size;
	free(body);
	pthread_mutex_lock(&question->lock);
	question->error = error;
	question->here = true;
	pthread_cond_signal(&question->come);
	pthread_mutex_unlock(&question->lock);
}

/* ---- on the loop thread ---- */

static int begin(void *context)
{
	struct question *question = context;

	retrieval_start(question->client, &question->retrieval);
	return 0;
}

static int end(void *context)
{
	struct question *question = context;

	retrieval_client_free(question->client);
	return 0;
}

/* ---- asking ---- */

/* 0: what is at ADDRESS speaks the retrieval protocol; or as retrieval.done says it. */
static int ask(struct loop *loop, const struct xaddr *address)
{
	const struct retrieval_client_options options = {.loop = loop};
	struct question question = {
		.retrieval = {.server = *address,
			      .request = {.type = PCCRR_ASK_VERSIONS,
					  .least = {1, 0},
					  .most = {2, 0}},
			      .done = done},
		.lock = PTHREAD_MUTEX_INITIALIZER,
		.come = PTHREAD_COND_INITIALIZER,
	};
	int error = retrieval_client_create(&options, &question.client);

	if (error)
		return error;
	loop_call(loop, begin, &question);
	pthread_mutex_lock(&question.lock);
	while (!question.here)
		pthread_cond_wait(&question.come, &question.lock);
	pthread_mutex_unlock(&question.lock);
	loop_call(loop, end, &question);
	return question.error;
}

/* The first address that answers, or the last of all, and what it said. */
static int ask_each(struct loop *loop, const struct addrinfo *found, uint16_t port,
		    struct xaddr *address_out)
{
	int error = -EHOSTUNREACH;

	for (; found && error; found = found->ai_next) {
		struct xaddr address;

		if (!request_address(found->ai_addr, &address))
			continue;
		address.port = port;
		error = ask(loop, &address);
		*address_out = address;
	}
	return error;
}

/* ---- telling ---- */

static void tell_silent(struct doctor *doctor, const char *host, const char *address, int error)
{
	if (error == -EBADMSG || error == -EPROTONOSUPPORT) {
		doctor_find(doctor, DOCTOR_WRONG, "hosted",
			    "%s: what answers at %s gives no blocks to this machine", host,
			    address);
		doctor_mend(doctor, "is it a hosted cache, and this its port? peerdist hosted "
				    "answers machines in the networks of --allow only");
		return;
	}
	doctor_find(doctor, DOCTOR_WRONG, "hosted", "%s: nothing answers at %s: %s", host, address,
		    strerror(-error));
	doctor_mend(doctor, "start the hosted cache there, let this machine in by its firewall, or "
			    "name another port: hosted=HOST:PORT");
}

static void look_at(struct doctor *doctor, struct loop *loop, const char *host)
{
	const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
	char text[PEER_ADDRESS_MAX];
	struct addrinfo *found = NULL;
	struct host_place place;
	struct xaddr address = {.family = XADDR_IPV4};
	int error = host_place_read(host, XADDR_PORT_DEFAULT, &place);

	if (error)
		return; /* the configuration has none such */
	error = getaddrinfo(place.name, NULL, &hints, &found);
	if (error) {
		doctor_find(doctor, DOCTOR_WRONG, "hosted", "%s cannot be looked up: %s", host,
			    gai_strerror(error));
		doctor_mend(doctor, "getent ahosts %s tells; correct hosted=, or who gives names",
			    place.name);
		return;
	}
	error = ask_each(loop, found, place.port, &address);
	freeaddrinfo(found);
	peer_address_text(&address, text);
	if (error)
		tell_silent(doctor, host, text, error);
	else
		doctor_find(doctor, DOCTOR_FINE, "hosted", "%s answers at %s", host, text);
}

/* It connects to us as well. */
static void tell_back(struct doctor *doctor, const struct config *config)
{
	struct listen_place place;

	doctor_find(doctor, DOCTOR_NOTE, "hosted",
		    "whether hosted caches can fetch what is offered cannot be seen from this "
		    "side");
	if (listen_place_read(config->listen, &place) || place.port_first == 0)
		doctor_mend(doctor, "let them in at the port of the mount, which a fixed listen= "
				    "would tell");
	else if (place.port_first == place.port_last)
		doctor_mend(doctor, "let them in to TCP %u", place.port_first);
	else
		doctor_mend(doctor,
			    "let them in to TCP %u, and to those up to %u where there are "
			    "several mounts",
			    place.port_first, place.port_last);
}

void doctor_look_at_hosted(struct doctor *doctor, const struct config *config)
{
	struct loop *loop;
	int error;

	if (!config_mode_is_hosted(config->mode))
		return;
	error = loop_create(&loop);
	if (error) {
		doctor_find(doctor, DOCTOR_WRONG, "hosted", "they cannot be asked: %s",
			    strerror(-error));
		return;
	}
	for (char **host = config->hosted; host && *host; host++)
		look_at(doctor, loop, *host);
	loop_destroy(loop);
	tell_back(doctor, config);
}
