/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Hosted caches as those that are asked for blocks: where they are, and the question that takes the
 * place of a Probe (MSG_GETSEGLIST; hosted-cache.md section 12). All else is as with neighbours:
 * peer/seeker.h, neighbours_blocks.c. Loop thread.
 */
#include "peer/neighbours_private.h"

#include <errno.h>
#include <stdlib.h>

#define ID_WIRE_MAX (4u + DIGEST_SIZE_MAX) /* its size, and itself, which needs no padding */

_Static_assert(DIGEST_SIZE_MAX % 4 == 0, "no padding");
_Static_assert(SEEKER_HOSTED_IDS <= PCCRR_IDS_MAX, "ids fit");

void hosted_server(struct neighbours *neighbours, unsigned server, const struct xaddr *addresses,
		   unsigned count)
{
	if (neighbours->seeker == NULL || server >= SEEKER_HOSTED_MAX)
		return;
	seeker_hosted(neighbours->seeker, server, addresses, count, loop_clock_ms());
	neighbours_touch(neighbours);
}

void hosted_unreachable(void *context, unsigned server)
{
	neighbours_offers_look_up(context, server);
}

static void name(struct pccrr_request *request)
{
	for (unsigned i = 0; i < PCCRR_REQUEST_ID_SIZE; i += 4) {
		uint32_t random = neighbours_random(NULL);

		for (unsigned k = 0; k < 4; k++)
			request->request_id[i + k] = (uint8_t)(random >> k * 8);
	}
}

int hosted_describe(const struct seeker_exchange *exchange, struct pccrr_request *request_out,
		    uint8_t **ids_out)
{
	uint8_t *ids = malloc((size_t)exchange->id_count * ID_WIRE_MAX);
	struct bytes_out out = bytes_out(ids, (size_t)exchange->id_count * ID_WIRE_MAX);

	if (ids == NULL)
		return -ENOMEM;
	for (unsigned i = 0; i < exchange->id_count; i++)
		pccrr_ids_put(&out,
			      (struct pccrr_id){exchange->ids[i].octets, exchange->ids[i].size});
	name(request_out);
	request_out->ids = (struct pccrr_ids){ids, (uint32_t)(out.at - ids), exchange->id_count};
	*ids_out = ids;
	return 0;
}
