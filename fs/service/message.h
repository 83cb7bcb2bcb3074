/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What an ioctl asks for, or why it is none of ours (peerdist-api.md 11.5): number, sizes, lengths
 * inside, reserved fields. Pure: no state, no I/O. What it lets through can be read as the struct
 * that the list of operations names, tail included.
 */
#ifndef FS_SERVICE_MESSAGE_H
#define FS_SERVICE_MESSAGE_H

#include <stddef.h>
#include <stdint.h>

#include "fs/service/instance.h"

struct message {
	enum operation_opcode opcode;
	enum operation_handle handle;
	unsigned rules; /* enum operation_rules */
	const struct request_call *call;
	size_t tail; /* octets behind the struct */
};

/* 0; -ENOTTY: type, direction or opcode; -EINVAL: too short for its opcode, a length inside that
 * does not fit the size, something reserved that is not zero; -E2BIG: octets that a later version
 * of the struct may have, and that are not zero. */
int message_decode(uint32_t command, const void *message, size_t size, struct message *message_out);

#endif
