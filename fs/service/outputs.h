/* SPDX-License-Identifier: BSD-2-Clause
 *
 * How much memory outputs take, and took at most. The allocator keeps what is freed for whoever
 * needs it next; of a large amount, given back in another order than it was taken, much would stay
 * with the daemon for good. So the system gets it back when an instance ends that leaves little of
 * it behind: not before, since a program that reads on needs it again at once. Any thread.
 */
#ifndef FS_SERVICE_OUTPUTS_H
#define FS_SERVICE_OUTPUTS_H

#include <stdatomic.h>
#include <stdint.h>

/* Less is not worth the going through all of the heap. Our choice. */
#define OUTPUTS_LARGE (64ull << 20)

struct outputs {
	atomic_ullong held; /* octets */
	atomic_ullong most; /* that were held since the system was last given some */
};

void outputs_hold(struct outputs *outputs, uint32_t octets);
/* They have been freed. */
void outputs_free(struct outputs *outputs, uint32_t octets);
/* An instance has ended. */
void outputs_give_back(struct outputs *outputs);

#endif
