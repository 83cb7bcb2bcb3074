/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Two questions about addresses that a hosted cache asks: whether one of its own listeners is there
 * (hosted-cache.md section 8.4), and whether a machine may ask it anything at all (section 13).
 */
#ifndef PEER_HOSTED_PLACES_H
#define PEER_HOSTED_PLACES_H

#include <stdbool.h>
#include <stdint.h>

#include "peer/xaddr.h"

/* Who may ask where nothing else is said: loopback, link-local and private addresses, an IPv4
 * address inside an IPv6 one counting as IPv4. Any thread. */
bool hosted_places_near(const struct xaddr *source);

/* One thread. */
struct hosted_places;

/* How long it may go unnoticed that the machine has other addresses: our choice. */
#define HOSTED_PLACES_FRESH_MS 5000

/* -ENOMEM. */
int hosted_places_create(struct hosted_places **places_out);
/* NULL is fine. */
void hosted_places_free(struct hosted_places *places);
/* A listener, as http_server_address() says it. -EINVAL; -ENOMEM. */
int hosted_places_add(struct hosted_places *places, const char *listener);
/* Whether one is at ADDRESS: on all addresses, it is at each that the machine has. */
bool hosted_places_has(struct hosted_places *places, const struct xaddr *address, int64_t now_ms);

#endif
