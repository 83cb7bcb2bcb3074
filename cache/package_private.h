/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the files of packages share.
 */
#ifndef CACHE_PACKAGE_PRIVATE_H
#define CACHE_PACKAGE_PRIVATE_H

#include "cache/package_record.h"

/* ---- package_export.c ---- */

struct package_exporting {
	struct store *store;
	const struct package_options *options;
	struct package_figures *figures;
	uint64_t total;
	struct package_writer writer;
};

/* After each record of OCTETS octets of blocks: counts them. -ECANCELED. */
int package_exported(struct package_exporting *exporting, uint64_t octets);

/* ---- package_import.c ---- */

struct package_importing {
	struct store *store;
	const struct package_options *options;
	struct package_figures *figures;
	uint64_t total, done;
	struct package_content *content; /* the present one; NULL: none */
	struct package_reader reader;
};

/* ---- package_content.c: one content that comes in ---- */

struct package_content;

/* The record says that one begins. 0, or what ends the import; a record that says nothing useful is
 * counted. */
int package_content_begin(struct package_importing *importing);
int package_content_information(struct package_importing *importing);
int package_content_block(struct package_importing *importing);
/* Whether PATH is a name of this program's own, not an origin's. */
bool package_path_is_own(const char *path);
/* NULL is fine. */
void package_content_free(struct package_content *content);

/* ---- package_opaque.c ---- */

int package_export_opaque(struct package_exporting *exporting);
int package_import_opaque(struct package_importing *importing);

#endif
