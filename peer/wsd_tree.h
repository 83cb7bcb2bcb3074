/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A datagram of XML as a small tree (discovery.md section 8). expat does the work; from strangers
 * there is no DOCTYPE (and so no entities), no other encoding than UTF-8, and no more than the
 * limits below. Names are resolved, whatever their prefixes. Private to wsd*.c.
 */
#ifndef PEER_WSD_TREE_H
#define PEER_WSD_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Our choices; expat and the tree then take less than a MiB, which lives as long as one message. */
#define WSD_TREE_DEPTH_MAX 24u
#define WSD_TREE_ELEMENTS_MAX 512u
#define WSD_TREE_ATTRIBUTES_MAX 32u /* of an element, declarations of prefixes among them */
#define WSD_TREE_PREFIXES_MAX 256u  /* declarations in all */
#define WSD_TREE_TYPES_MAX 32u      /* QNames in one Types */

enum wsd_name {
	WSD_OTHER,
	WSD_ENVELOPE,
	WSD_HEADER,
	WSD_BODY,
	WSD_TO,
	WSD_ACTION,
	WSD_MESSAGE_ID,
	WSD_RELATES_TO,
	WSD_ENDPOINT_REFERENCE,
	WSD_ADDRESS,
	WSD_APP_SEQUENCE, /* of either namespace */
	WSD_PROBE_ELEMENT,
	WSD_PROBE_MATCHES,
	WSD_PROBE_MATCH,
	WSD_TYPES,
	WSD_SCOPES,
	WSD_XADDRS,
	WSD_PEERDIST_DATA, /* either wrapper */
	WSD_BLOCK_COUNT,
	WSD_SEGMENT_AGES,
};

/* Without a namespace; others are not kept. */
enum wsd_attribute { WSD_MATCH_BY, WSD_INSTANCE_ID, WSD_MESSAGE_NUMBER, WSD_ATTRIBUTES };

struct wsd_element {
	enum wsd_name name;
	bool parent;      /* has elements inside, and then no text */
	int inside;       /* index of the parent; -1: none */
	int prefixes;     /* in scope: the latest of the tree's declarations; -1: none */
	const char *text; /* without white space at its ends */
	size_t length;
	const char *attributes[WSD_ATTRIBUTES]; /* likewise; NULL: not there */
};

struct wsd_tree;

/* -EBADMSG: not such a document; -ENOMEM. */
int wsd_tree_read(const void *datagram, size_t size, struct wsd_tree **tree_out);
void wsd_tree_free(struct wsd_tree *tree);

/* Elements stand in the order of the document, the outermost at 0. */
const struct wsd_element *wsd_tree_at(const struct wsd_tree *tree, int index);

/* Below: an index, or one of these. */
enum { WSD_NONE = -1, WSD_SEVERAL = -2 };
/* The next NAME directly inside PARENT from index FROM on. */
int wsd_tree_next(const struct wsd_tree *tree, int parent, enum wsd_name name, int from);
/* The only NAME directly inside PARENT. */
int wsd_tree_only(const struct wsd_tree *tree, int parent, enum wsd_name name);
/* The only element directly inside PARENT, of whatever name. */
int wsd_tree_only_child(const struct wsd_tree *tree, int parent);

/* The QNames in an element's text. -EBADMSG: one of them is no QName, its prefix is not declared
 * where it stands, or there are too many. */
struct wsd_types {
	unsigned first, second, others; /* of form 1, of form 2 */
};
int wsd_tree_types(const struct wsd_tree *tree, int index, struct wsd_types *types_out);

/* The next word of a list that white space parts, from *TEXT on; false: no more. */
bool wsd_tree_word(const char **text, const char **word_out, size_t *length_out);

#endif
