/* SPDX-License-Identifier: BSD-2-Clause */
#include "peer/suppression.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cache/bytes.h"
#include "peer/recent.h"
#include "peer/wsd.h"

struct suppression {
	struct recent *pairs;
	int64_t heard_ms[SUPPRESSION_PAIRS]; /* by slot */
};

int suppression_create(uint64_t seed, struct suppression **suppression_out)
{
	struct suppression *suppression = calloc(1, sizeof(*suppression));

	if (suppression == NULL)
		return -ENOMEM;
	if (recent_create(SUPPRESSION_PAIRS, seed, &suppression->pairs) != 0) {
		free(suppression);
		return -ENOMEM;
	}
	*suppression_out = suppression;
	return 0;
}

void suppression_free(struct suppression *suppression)
{
	if (suppression == NULL)
		return;
	recent_free(suppression->pairs);
	free(suppression);
}

bool suppression_hears(struct suppression *suppression, const char *message_id,
		       const struct xaddr *source, int64_t now_ms)
{
	uint8_t key[1 + sizeof(source->octets) + WSD_MESSAGE_ID_MAX];
	struct bytes_out out = bytes_out(key, sizeof(key));
	bool fresh, repeat;
	uint32_t slot;

	bytes_put_u8(&out, (uint8_t)source->family);
	bytes_put(&out, source->octets, xaddr_size(source));
	bytes_put(&out, message_id, strlen(message_id));
	assert(!out.failed);
	slot = recent_use(suppression->pairs, key, sizeof(key) - out.left, &fresh);
	repeat = !fresh && now_ms - suppression->heard_ms[slot] < SUPPRESSION_MS;
	suppression->heard_ms[slot] = now_ms;
	return repeat;
}
