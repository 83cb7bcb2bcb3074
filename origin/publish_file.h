/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Making content information of one open file, a slice at a time. Private to publish*.c. One
 * thread at a time.
 */
#ifndef ORIGIN_PUBLISH_FILE_H
#define ORIGIN_PUBLISH_FILE_H

#include "origin/publish_private.h"

struct publish_file;
/* -EALREADY: all VERSIONS are kept; -ESTALE: FILE has another subject; -EINVAL: empty, or no plain
 * file; -EFBIG: it would not fit into SHELF. FILE and SUBJECT stay the caller's. */
int publish_file_begin(int file, const struct publish_subject *subject, struct publish_shelf *shelf,
		       unsigned versions, struct pool *pool, enum pool_lane lane,
		       struct publish_file **progress_out);
/* Hashes some more, OCTETS_OUT in any case, or at the end keeps what was made and says that there
 * is no MORE. -ESTALE: the file changed meanwhile. */
int publish_file_slice(struct publish_file *progress, uint64_t *octets_out, bool *more_out);
/* NULL is fine. */
void publish_file_free(struct publish_file *progress);

#endif
