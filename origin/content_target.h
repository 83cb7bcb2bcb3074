/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a request's target names (RFC 9112 section 3.2): a path of names, decoded exactly once. No
 * path that comes out of here has a name "." or "..", an empty name or a slash within a name, so it
 * cannot lead up by itself; where symbolic links lead is the source's to say. A name "." counts for
 * nothing: some clients write "./a:b" for a name with a colon (RFC 3986 section 4.2) and leave it
 * in. Pure.
 */
#ifndef ORIGIN_CONTENT_TARGET_H
#define ORIGIN_CONTENT_TARGET_H

#include <stdbool.h>
#include <stddef.h>

struct content_target {
	char *path;  /* decoded octets, no slash at the ends or twice; "" is the root; owned */
	bool slash;  /* it ended in a slash: a directory is meant. Always of the root */
	bool server; /* "*": the server as such; there is no path */
	const char *query; /* with its "?", into the target; "" if none */
	/* Of the absolute form, into the target; authority NULL in the origin form. */
	const char *authority;
	size_t authority_length;
	bool tls; /* https */
};

/* 0; -EINVAL: no target of ours, or one with "..", an octet 0, an escape that is none;
 * -ENOENT: well-formed, but no name can be so; -ENOMEM. */
int content_target_read(const char *target, struct content_target *target_out);
void content_target_clear(struct content_target *target);

/* Where a directory that was asked for without its slash is: relative to the target, so that it
 * cannot lead to another host, and holds behind a proxy that maps paths. For free(); NULL: no
 * memory. */
char *content_target_location(const struct content_target *target);

/* Whether TEXT, the value of Host or an authority, can be a host with perhaps a port. */
bool content_host_possible(const char *text, size_t length);
/* Whether its host part is this machine: an address of its own, "localhost" or its host name. Not
 * pure: asks the kernel. */
bool content_host_is_here(const char *text, size_t length);

#endif
