/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Octets in disguise: see the header. U+F700 to U+F7FF are EF 9C 80 to EF 9F BF in UTF-8.
 */
#include "origin/listing_octets.h"

#include <string.h>

size_t octets_hide(const char *from, size_t length, char *to)
{
	const char *begin = to;
	for (size_t at = 0; at < length; at++) {
		unsigned char octet = (unsigned char)from[at];
		if (octet && octet < 0x80) {
			*to++ = (char)octet;
			continue;
		}
		*to++ = (char)0xef;
		*to++ = (char)(0x9c | octet >> 6);
		*to++ = (char)(0x80 | (octet & 0x3f));
	}
	return (size_t)(to - begin);
}

size_t octets_reveal(char *text, size_t length)
{
	char *from = memchr(text, 0xef, length);
	if (!from)
		return length;
	const char *end = text + length;
	char *to = from;
	while (from < end) {
		unsigned char lead = (unsigned char)from[0];
		if (lead == 0xef && end - from >= 3 && ((unsigned char)from[1] & 0xfc) == 0x9c) {
			*to++ = (char)((from[1] & 3) << 6 | (from[2] & 0x3f));
			from += 3;
		} else {
			*to++ = *from++;
		}
	}
	return (size_t)(to - text);
}
