/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Media types by the ends of names: what browsers and players need to do the right thing. Pure.
 */
#ifndef ORIGIN_CONTENT_TYPE_H
#define ORIGIN_CONTENT_TYPE_H

/* "application/octet-stream" where nothing is known. NAME: the last of a path, or all of it. */
const char *content_type(const char *name);

#endif
