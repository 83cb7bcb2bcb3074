/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The netrc file format. libcurl's reader opens the file anew for each request, on the loop thread
 * and after the daemon has given up its privileges; this one takes the text. Pure.
 */
#ifndef ORIGIN_NETRC_H
#define ORIGIN_NETRC_H

/* "NAME:PASSWORD" of HOST, else of "default"; owned by the caller. -ENOENT: neither. Words are
 * split at white space, there are no quotes; macdef bodies end at an empty line. */
int netrc_find(const char *text, const char *host, char **user_out);

#endif
