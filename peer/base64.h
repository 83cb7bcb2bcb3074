/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Base64 (RFC 4648 section 4), as discovery messages carry it. Pure.
 */
#ifndef PEER_BASE64_H
#define PEER_BASE64_H

#include "cache/bytes.h"

/* Characters that SIZE octets become, and octets that LENGTH characters become at most. */
#define BASE64_LENGTH(size) (((size) + 2) / 3 * 4)
#define BASE64_SIZE_MAX(length) ((length) / 4 * 3)

/* On one line, padded. */
void base64_write(const void *data, size_t size, struct bytes_out *out);

/* LENGTH characters, of which white space is skipped. Strict otherwise: padding is required, and
 * the bits that no octet uses are zero, so that octets have one spelling. DATA has ROOM octets and
 * may be partly written on failure. -EBADMSG: not base64; -ENOBUFS: more than ROOM. */
int base64_read(const char *text, size_t length, uint8_t *data, size_t room, size_t *size_out);

#endif
